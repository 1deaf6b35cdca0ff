"""Cells, headings, dates and files of spreadsheets: what goes out comes back, and what is doubtful is refused."""

from __future__ import annotations

import copy
import datetime
import io
import json
import zipfile
from collections.abc import Mapping
from functools import cache
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kelu import intake
from kelu.document import parse
from kelu.git import MemoryTree
from kelu.schema import Field, RecordSchema
from kelu.sheet import kit, moments, text
from kelu.sheet.cells import Reader, Slip
from kelu.sheet.grid import Number, Odd
from kelu.sheet.kit import Kit
from kelu.sheet.layout import Column, Sheet, heading, layout
from repository import MOMENT, own_records, rulebook, store

TYPES = sorted(rulebook().schemas.records)
AWKWARD = [
    "=1+1", "+86", "-", "@x", "0731", "'=a", "''", "a\nb", "a\tb", "😀", " 一", "_x0041_", "_x005F_", "_x000D_",
    "x005F_", "true", "是", "2026-03-02",
    "1E+5x", "#N/A", "＝1", "“引号”,;", "〔过长", "，、；",
]  # fmt: skip


@cache
def kit_of(type_name: str) -> Kit:
    """The kit of a type over this repository's records."""
    held = store()
    book = rulebook()
    taken = intake.take_in(MemoryTree(dict(own_records())), book.schemas, held)
    return kit.lay(book.schemas.records[type_name], book, held, taken)


def column(type_name: str, name: str) -> tuple[Sheet, Column]:
    """The column of a field, `responses.scores.quality`."""
    return next((sheet, one) for sheet in kit_of(type_name).sheets for one in sheet.columns
                if ".".join([*sheet.path, *one.pointer]) == name)  # fmt: skip


def meant(type_name: str, name: str, cell: Any, pack: str = "tfdl-08-03@V1.2", held: Any = None) -> Any:
    found = kit_of(type_name).reader.meant(column(type_name, name)[1], cell, pack, held)
    return found.code if isinstance(found, Slip) else found


# --- headings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_name", TYPES)
def test_every_heading_leads_back_to_its_own_column(type_name: str) -> None:
    sheets = kit_of(type_name).sheets
    assert len({heading(sheet.name) for sheet in sheets}) == len(sheets)
    for sheet in sheets:
        assert len(sheet.name) <= 31
        names: dict[str, Column] = {}
        for name, one in sheet.known_as():
            assert names.setdefault(name, one) is one, f"{sheet.name}: {name}"
        keys = {heading(text.zh) for text in sheet.header[: len(sheet.header) - len(sheet.columns)]}
        assert not keys & set(names)


@pytest.mark.parametrize("type_name", TYPES)
def test_no_field_is_left_out(type_name: str) -> None:
    schema = rulebook().schemas.records[type_name]
    laid = {(*sheet.path, *(["[]"] if sheet.path and one.pointer else []), *one.pointer)
            for sheet in kit_of(type_name).sheets for one in sheet.columns}  # fmt: skip
    leaves = {item.pointer for item in schema.walk() if not item.children and item.name != "schema"}
    missing = {leaf for leaf in leaves if not any(place[: len(leaf)] == leaf for place in laid)}
    assert missing == set()


# --- what a cell means ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "cell", "wanted"),
    [
        ("status", "已回收", "returned"), ("status", "RETURNED", "returned"), ("status", " Returned ", "returned"),
        ("status", "回收", "SHEET-04"),
        ("customer", "CUS-0001", "CUS-0001"), ("customer", "ｃｕｓ－0001 星河", "CUS-0001"),
        ("customer", "某公司", "SHEET-05"),
        ("conducted_by", "林晓舟", "S001"), ("conducted_by", "S002 何静宜", "S002"),
        ("issued_count", Number(2), 2), ("issued_count", "２", 2), ("issued_count", Number(2.0), 2),
        ("issued_count", "2份", "SHEET-09"), ("issued_count", Number(2.5), "SHEET-09"),
        ("issued_on", "2026年3月2日", "2026-03-02"), ("issued_on", datetime.datetime(2026, 3, 2), "2026-03-02"),
        ("issued_on", "20260302", "2026-03-02"), ("issued_on", Number(46083), "SHEET-10"),
        ("issued_on", "3/2/2026", "SHEET-10"), ("issued_on", "2026-02-30", "SHEET-10"),
        ("issued_on", "2026-03-02 09:10", "SHEET-10"), ("registered_at", "2026-03-02", "SHEET-10"),
        ("registered_at", "2026/3/2 9:10", "2026-03-02T09:10:00+08:00"),
        ("registered_at", "2026年3月2日 下午3点5分", "2026-03-02T15:05:00+08:00"),
        ("registered_at", datetime.datetime(2026, 3, 2, 9, 10, 4, 999900), "2026-03-02T09:10:05+08:00"),
        ("registered_at", "2026-03-02T01:10:00Z", "2026-03-02T01:10:00Z"),
        ("links", "CMP-2026-0003\nSUR-2026-0012", ["CMP-2026-0003", "SUR-2026-0012"]),
        ("links", "CMP-2026-0003、SUR-2026-0012；", ["CMP-2026-0003", "SUR-2026-0012"]),
        ("resurvey_items", "all", "all"), ("resurvey_items", '["quality"]', ["quality"]),
        ("responses.valid", "√", True), ("responses.valid", False, False), ("responses.valid", "好", "SHEET-04"),
        ("responses.scores.quality", "满意", 4), ("responses.scores.quality", Number(4), 4),
        ("responses.scores.quality", "X", "X"), ("responses.scores.quality", "不适用", "X"),
        ("responses.scores.quality", "6", "SHEET-04"),
        ("title", Odd("formula", "=A1"), "SHEET-03"), ("title", datetime.date(2026, 3, 2), "SHEET-06"),
        ("campaign", Number(20261), "20261"), ("campaign", Number(731, "0000"), "0731"),
        ("campaign", Number(3.1e17), "SHEET-06"), ("campaign", "3.10101E+17", "SHEET-06"),
        ("title", "零\u200b宽", "SHEET-08"), ("title", "\u3000两端空白 ", "两端空白"),
    ],
)  # fmt: skip
def test_a_cell_of_a_survey(name: str, cell: Any, wanted: Any) -> None:
    found = meant("survey", name, cell)
    assert found == wanted
    assert type(found) is type(wanted)


def test_grades_are_those_of_the_records_own_pack() -> None:
    assert meant("survey", "responses.scores.quality", "满意", "csp-14@A0") == "B"
    assert meant("survey", "responses.scores.quality", "满意", "tfdl-08-03@V1.2") == 4


def test_zeros_that_a_spreadsheet_dropped_are_noticed() -> None:
    assert meant("customer", "contacts.phone", "7318888", held="07318888") == "SHEET-06"
    assert meant("customer", "contacts.phone", "0731-8888") == "0731-8888"


def test_who_does_not_tell_seconds_does_not_change_them() -> None:
    held = "2026-03-02T09:10:05+08:00"
    assert meant("survey", "registered_at", "2026/3/2 9:10", held=held) == held
    assert meant("survey", "registered_at", "2026/3/2 9:10:06", held=held) == "2026-03-02T09:10:06+08:00"


@given(st.datetimes(datetime.datetime(1990, 1, 1), datetime.datetime(2099, 1, 1)))
def test_every_way_of_writing_a_moment_is_read_alike(when: datetime.datetime) -> None:
    when = when.replace(microsecond=0)
    wanted = f"{when:%Y-%m-%dT%H:%M:%S}+08:00"
    ways = (f"{when:%Y-%m-%d %H:%M:%S}", f"{when.year}/{when.month}/{when.day} {when.hour}:{when:%M:%S}",
            f"{when.year}年{when.month}月{when.day}日{when.hour}时{when.minute}分{when.second}秒", wanted)  # fmt: skip
    assert {moments.moment(way) for way in ways} == {(wanted, True)}
    assert moments.shown(wanted) == f"{when:%Y-%m-%d %H:%M:%S}"


# --- text files -------------------------------------------------------------------------------------------------


@given(st.text())
def test_a_guarded_cell_is_undone_and_no_formula(cell: str) -> None:
    assert text.unguarded(text.guarded(cell)) == cell
    assert not text.guarded(cell).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_encodings_are_told_apart() -> None:
    words = "编号,客户\r\nINC-2026-00001,星河市"
    for encoding, name in (("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("gbk", "gb18030"), ("utf-16", "utf-16")):
        grid, used = text.read(words.encode(encoding), "x")
        assert used == name
        assert grid.rows[2] == ["INC-2026-00001", "星河市"]
    with pytest.raises(text.TextError):
        text.read(words.encode("gbk"), "x", "utf-8")


def test_what_is_no_table_is_refused_in_words() -> None:
    for raw in (b"", b"\xd0\xcf\x11\xe0old", b"PK\x03\x04broken", b'a,"b\n'):
        grids, _, faults = kit.grids(raw, "x.xlsx", "x.xlsx")
        assert [grids, [item.code for item in faults]] == [[], ["SHEET-01"]]


def test_a_damaged_workbook_is_refused_or_read_and_nothing_else() -> None:
    raw, _ = kit.export(kit_of("customer"), [kit_of("customer").own["CUS-0001"]], "2026-11-22", "xlsx", {})
    refused = 0
    for place in range(50, len(raw), len(raw) // 60):
        hurt = bytearray(raw)
        hurt[place] ^= 0xFF
        _, _, faults = kit.grids(bytes(hurt), "x.xlsx", "x.xlsx")
        assert {item.code for item in faults} <= {"SHEET-01"}
        refused += bool(faults)
    assert refused > 10


# --- out and in again -------------------------------------------------------------------------------------------


def carried(held: Kit, records: list[dict[str, Any]], style: str) -> kit.Proposed:
    """What a file asks for that was exported from these records and not touched."""
    own = {str(data["id"]): data for data in records}
    given_kit = kit.Kit(held.schema, _sheets(held, records), held.reader, {held.schema.name: own},
                        dict.fromkeys(own, ""),
                        dict.fromkeys(own, ""), held.book)  # fmt: skip
    raw, _ = kit.export(given_kit, records, "2026-11-22", style, {})
    return kit.propose(given_kit, raw, f"x.{style}", MOMENT, None, lambda path: b"")


def _sheets(held: Kit, records: list[dict[str, Any]]) -> tuple[Sheet, ...]:
    raw = held.book.schemas.raw[held.schema.name]
    return layout(held.schema, raw, held.reader.words.items(), records)


@pytest.mark.parametrize("style", ["xlsx", "zip"])
@pytest.mark.parametrize("type_name", TYPES)
def test_this_repositorys_records_come_back_as_they_are(type_name: str, style: str) -> None:
    held = kit_of(type_name)
    asked = carried(held, [dict(data) for data in held.own.values()], style)
    assert asked.findings == []
    assert asked.made is not None
    assert (dict(asked.made.files), asked.made.same) == ({}, len(held.own))
    assert asked.extra == []


def test_equal_records_give_equal_bytes() -> None:
    held = kit_of("survey")
    once, again = (kit.export(held, list(held.own.values()), "2026-11-22", style, {})[0]
                   for style in ("xlsx", "xlsx"))  # fmt: skip
    assert once == again


_letters = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Co", "Cn"))
words = st.one_of(st.sampled_from(AWKWARD), st.text(_letters, min_size=1, max_size=20))


def values(item: Field, kind: str) -> st.SearchStrategy[Any]:
    """Values of a field as its kind has them; codes from its lists and from outside."""
    if item.enum:
        return st.sampled_from(list(item.enum))
    if kind == "boolean":
        return st.booleans()
    if kind == "integer":
        return st.integers(-(10**18), 10**18)
    if kind == "number":
        return st.one_of(st.integers(-(10**6), 10**6), st.floats(allow_nan=False, allow_infinity=False))
    if kind == "date":
        return st.dates().map(str)
    if kind in ("datetime", "moment"):
        zones = st.sampled_from(["+08:00", "Z", "-05:00"])
        return st.builds(lambda when, zone: f"{when.replace(microsecond=0).isoformat()}{zone}", st.datetimes(), zones)
    if kind == "mixed":
        return st.one_of(words, st.integers(-99, 99), st.booleans(), st.lists(words, max_size=2), st.none())
    return words


def objects(fields: tuple[Field, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with any of these fields: empty groups and lists too, which no cell can show."""
    return st.fixed_dictionaries({}, optional={item.name: some(item) for item in fields})


def some(item: Field) -> st.SearchStrategy[Any]:
    if item.kind == "object":
        return objects(item.children)
    if item.kind == "array":
        return st.lists(
            objects(item.children) if item.items == "object" else values(item, item.items or ""), max_size=3
        )
    if item.kind == "map":
        return st.dictionaries(
            st.sampled_from(["quality", "overall", "自定"]), values(item, item.items or "mixed"), max_size=2
        )
    return values(item, item.kind)


def several(schema: RecordSchema) -> st.SearchStrategy[list[dict[str, Any]]]:
    fields = tuple(item for item in schema.fields if item.name not in ("schema", "id"))
    return st.lists(objects(fields), min_size=1, max_size=3)


@pytest.mark.parametrize("style", ["xlsx", "zip"])
@pytest.mark.parametrize("type_name", ["complaint", "survey", "customer", "meeting", "report"])
@settings(deadline=None, max_examples=10)
@given(data=st.data())
def test_whatever_records_hold_comes_back_as_it_is(type_name: str, style: str, data: st.DataObject) -> None:
    held = kit_of(type_name)
    records = data.draw(several(held.schema))
    for number, (record, name) in enumerate(zip(records, list(held.own), strict=False)):
        records[number] = {"schema": held.schema.version, "id": name, **record}
    before = copy.deepcopy(records)
    asked = carried(held, records, style)
    assert [item.message.zh for item in asked.findings] == []
    assert asked.made is not None
    assert [draft.data for draft in asked.made.drafts.values()] == []
    assert asked.made.same == len(records) == len(before)


def test_a_text_too_long_for_a_cell_is_kept_and_never_cut() -> None:
    held = kit_of("complaint")
    record = dict(next(iter(held.own.values())))
    record["description"] = "😀" * 20_000
    for style in ("xlsx", "zip"):
        asked = carried(held, [record], style)
        assert (asked.findings, dict(asked.made.files if asked.made else {1: b""})) == ([], {})
    raw, _ = kit.export(held, [record], "2026-11-22", "xlsx", {})
    book = openpyxl.load_workbook(io.BytesIO(raw))
    assert "过长未显示" in next(cell.value for cell in book.worksheets[0][2] if "过长" in str(cell.value))


def test_no_text_becomes_a_formula_a_number_or_a_link() -> None:
    held = kit_of("customer")
    record: Mapping[str, Any] = {
        **next(iter(held.own.values())),
        "note": "=1+1",
        "industry": "0731",
        "short_name": "https://x.invalid",
    }
    raw, _ = kit.export(held, [record], "2026-11-22", "xlsx", {})
    sheet = openpyxl.load_workbook(io.BytesIO(raw)).worksheets[0]
    cells = {cell.value: cell for cell in sheet[2]}
    assert [cells[value].data_type for value in ("=1+1", "0731", "https://x.invalid")] == ["s", "s", "s"]
    assert cells["https://x.invalid"].hyperlink is None
    packed, _ = kit.export(held, [record], "2026-11-22", "zip", {})
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        said = archive.read("客户档案.csv")
    assert said.startswith(b"\xef\xbb\xbf")
    assert "'=1+1" in said.decode()


def test_items_of_lists_are_changed_added_and_taken_away() -> None:
    held = kit_of("customer")
    record = dict(held.own["CUS-0001"])
    raw, _ = kit.export(held, [record], "2026-11-22", "xlsx", {})
    book = openpyxl.load_workbook(io.BytesIO(raw))
    sheet = book["联系人"]
    sheet.cell(2, 5).value = "处长"
    sheet.delete_rows(3)
    sheet.append(["CUS-0001", None, "C09", "新人", "主任"])
    out = io.BytesIO()
    book.save(out)
    path = next(path for path in own_records() if path.endswith("CUS-0001.yaml"))
    asked = kit.propose(held, out.getvalue(), "x.xlsx", MOMENT, None, lambda path: own_records()[path])
    assert asked.made is not None
    after = parse(asked.made.files[path], path)[0] or {}
    old = record["contacts"]
    assert after["contacts"] == [
        {**old[0], "position": "处长"},
        *old[2:],
        {"id": "C09", "name": "新人", "position": "主任"},
    ]
    assert asked.made.changed == {"CUS-0001": ["contacts"]}


def test_a_number_in_a_column_of_text_is_kept_as_typed_and_told() -> None:
    held = kit_of("customer")
    raw, _ = kit.export(held, [held.own["CUS-0001"]], "2026-11-22", "xlsx", {})
    book = openpyxl.load_workbook(io.BytesIO(raw))
    phone = [cell.value for cell in book["联系人"][1]].index("电话") + 1
    book["联系人"].cell(2, phone).value = 13800000091
    book["联系人"].cell(2, phone).number_format = "General"
    book["联系人"].cell(3, phone).value = "#N/A"
    book["联系人"].cell(3, phone).data_type = "e"
    out = io.BytesIO()
    book.save(out)
    asked = kit.propose(held, out.getvalue(), "x.xlsx", MOMENT, None, lambda path: b"")
    told = {(item.code, item.severity.value, item.line, item.value) for item in asked.findings}
    assert told == {("SHEET-15", "warning", 2, "13800000091"), ("SHEET-03", "error", 3, "#N/A")}
    assert asked.made is None


def test_merged_cells_are_refused_and_the_reader_is_masked_or_not() -> None:
    held = kit_of("customer")
    raw, _ = kit.export(held, [held.own["CUS-0001"]], "2026-11-22", "xlsx", {})
    book = openpyxl.load_workbook(io.BytesIO(raw))
    book["客户档案"].merge_cells("B2:C2")
    out = io.BytesIO()
    book.save(out)
    asked = kit.propose(held, out.getvalue(), "x.xlsx", MOMENT, None, lambda path: b"")
    assert [(item.code, item.line, item.column) for item in asked.findings] == [("SHEET-03", 2, 2)]
    masked = Reader(held.reader.words, opened=False)
    _, phone = column("customer", "contacts.phone")
    assert masked.shown(phone, "138-0000-0001", "") == "138****0001"
    assert masked.says(phone, "138****0001", "138-0000-0001", "")
    assert masked.says(phone, "138-0000-0001", "138-0000-0001", "")
    assert json.dumps(masked.shown(phone, None, "")) == "null"
