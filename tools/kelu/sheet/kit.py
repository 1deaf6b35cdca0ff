"""Kit: what lies ready when sheets of one record type are written or read — layout, words, records — and the way from a
file's bytes to a proposal."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kelu import people
from kelu.check import Rulebook
from kelu.document import replaced
from kelu.finding import Finding, Severity, Text
from kelu.intake import Intake
from kelu.privacy import directory
from kelu.privacy.mask import MARKS
from kelu.schema import RecordSchema
from kelu.sheet import book as workbook
from kelu.sheet import inward, mapping, outward, proposal, rows, text
from kelu.sheet.cells import Reader, blank
from kelu.sheet.grid import Grid, Place, fault, plain
from kelu.sheet.layout import Sheet, heading, layout
from kelu.sheet.lookup import Lookups, Records
from kelu.sheet.words import Words
from kelu.store import Store

_ZIP, _OLD = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True)
class Kit:
    """The sheets of a record type, the reader of their cells, and all records there are."""

    schema: RecordSchema
    sheets: tuple[Sheet, ...]
    reader: Reader
    records: Records
    paths: Mapping[str, str]
    listed: Mapping[str, str]  # id -> path of every file, sound or not
    book: Rulebook

    @property
    def own(self) -> Mapping[str, Mapping[str, Any]]:
        """The records of the type."""
        return self.records.get(self.schema.name, {})


@dataclass(frozen=True, slots=True)
class _Named:
    """The records that have a name, not a title that may tell of people: those that cells call by it."""

    rows: Sequence[tuple[str, str, str, dict[str, Any]]]

    def extracts(self, _: object) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
        return iter(self.rows)


def lay(schema: RecordSchema, book: Rulebook, store: Store, taken: Intake, *, opened: bool = True) -> Kit:
    """The kit of a type, over what the store holds; `opened` shows direct identifiers as they are."""
    records: dict[str, dict[str, Mapping[str, Any]]] = {}
    paths: dict[str, str] = {}
    stored = list(store.documents())
    for kind, name, path, written in stored:
        data = _whole(book.schemas.records[kind], written, book)
        records.setdefault(kind, {})[name] = data
        paths[name] = path
    schemas = book.schemas.records
    named = {name for name, one in schemas.items() if _is_name(one)}
    names = directory(_Named([row for row in stored if row[0] in named]), schemas, book.policy)
    words = Words(names, book.policy)
    sheets = layout(schema, book.schemas.raw[schema.name], words.items(), records.get(schema.name, {}).values())
    listed = {name: path for name, _, path in taken.listing}
    return Kit(schema, sheets, Reader(words, opened), records, paths, listed, book)


def _whole(schema: RecordSchema, data: Mapping[str, Any], book: Rulebook) -> Mapping[str, Any]:
    """A record with what the vault keeps of the people whom it lists: a sheet has them in one place."""
    if book.policy.pii_store == "vault":
        for person in people.listed(schema, data):
            data = replaced(data, person.pointer, {**person.data, **book.vault.of(person.key)})
    return data


def _is_name(schema: RecordSchema) -> bool:
    return any(item.name == schema.title_field and item.pii == "none" for item in schema.fields)


# --- out -------------------------------------------------------------------------------------------------


def export(
    kit: Kit, records: Sequence[Mapping[str, Any]], day: str, style: str, kept: Mapping[str, outward.Kept]
) -> tuple[bytes, list[str]]:
    """Records as xlsx, csv (the records' own sheet alone) or zip (every sheet as CSV), and the sheets that were left
    out though they have rows. `day` (ISO) tells which packs are in force."""
    packs = list(dict.fromkeys(str(data["policy"]) for data in records if data.get("policy")))
    ruling = kit.book.policy.ruling(datetime.date.fromisoformat(day))
    sheets = [outward.asked(sheet, records, kit.reader.words.items(packs or ruling)) for sheet in kit.sheets]
    made = outward.pages(sheets, records, kit.reader, kept)
    if style == "csv":
        return text.write(made[0]), [page.name for page in made[1:] if page.rows]
    if style == "zip":
        return text.write_zip(made), []
    offered, lists = outward.choices(sheets, made, kit.reader, list(dict.fromkeys([*packs, *ruling])))
    personal = kit.reader.opened and outward.is_personal(sheets, made, MARKS)
    guide = (outward.GUIDE.zh, outward.guide(kit.schema, sheets, personal=personal))
    return workbook.write(offered, guide, lists), []


def keep(kit: Kit, grids: Sequence[Grid]) -> dict[str, outward.Kept]:
    """The columns of an earlier sheet that are its user's own, with what stands in them."""
    found: dict[str, outward.Kept] = {}
    for grid in grids:
        sheet = next((one for one in kit.sheets if heading(one.name) == heading(grid.name)), None)
        if sheet is None and len(grids) == 1:
            sheet = kit.sheets[0]
        if sheet is None or not grid.rows:
            continue
        top, *body = grid.rows
        titles = ["" if blank(cell) else str(cell) for cell in grid.rows[top]]
        keys = [text.zh for text in sheet.header[: len(sheet.header) - len(sheet.columns)]] or [sheet.header[0].zh]
        known = {name for name, _ in sheet.known_as()} | {heading(key) for key in keys}
        own = [at for at, title in enumerate(titles) if title and heading(title) not in known]
        places = [titles.index(key) for key in keys if key in titles]
        if own and len(places) == len(keys):
            cells = {
                tuple(_written(row, at) or "" for at in places): [_written(row, at) for at in own]
                for row in (grid.rows[number] for number in body)
            }
            found[sheet.name] = outward.Kept([titles[at] for at in own], cells)
    return found


def _written(row: Sequence[Any], at: int) -> str | None:
    return mapping.said(row[at]) or None if at < len(row) else None


# --- in --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Proposed:
    """What a file asks for: the files to be written, or why nothing may be; what was not taken, and how it was read."""

    made: proposal.Made | None = None
    findings: list[Finding] = field(default_factory=list)
    extra: Sequence[str] = ()
    skipped: int = 0
    encoding: str = ""


def grids(
    raw: bytes, path: str, name: str, spec: Mapping[str, Any] | None = None
) -> tuple[list[Grid], str, list[Finding]]:
    """The sheets of a file by what its bytes say, the encoding of text, and why it cannot be read. `spec` tells how a
    foreign file is to be read."""
    told = spec or {}
    try:
        if raw.startswith(_ZIP):
            if b"[Content_Types].xml" in raw[:4096] or b"xl/workbook.xml" in raw:
                return workbook.read(raw), "", []
            return text.read_zip(raw), "", []
        if not raw.strip() or raw.startswith(_OLD):
            why = Text("空文件", "the file is empty") if not raw.strip() else _OLD_BOOK
            return [], "", [fault("SHEET-01", path, Place(name), why=why.zh, why_en=why.en)]
        grid, used = text.read(raw, name, told.get("encoding"), told.get("delimiter"), foreign=spec is not None)
    except (workbook.BookError, text.TextError) as refused:
        return [], "", [fault("SHEET-01", path, Place(name), why=refused.text.zh, why_en=refused.text.en)]
    return [grid], used, []


_OLD_BOOK = Text("这是旧式 .xls 或加密的工作簿", "this is an old .xls, or an encrypted workbook")


def propose(
    kit: Kit, raw: bytes, path: str, at: datetime.datetime, by: str | None, read: Callable[[str], bytes],
    mapped: mapping.Mapped | None = None,
) -> Proposed:  # fmt: skip
    """What a file asks for, its cells judged; the rules of the policy have not spoken yet. `read` gives the bytes of a
    record's file."""
    name = path.rpartition("/")[2]
    found, encoding, faults = grids(raw, path, name, mapped.file if mapped else None)
    if faults:
        return Proposed(findings=faults)
    schema = kit.schema
    order = kit.book.schemas.order(schema.name)
    setting = proposal.Setting(schema, kit.book.schemas.raw[schema.name], order, kit.book.policy, at, by)
    skipped = 0
    if mapped is None:
        sheets = rows.read(found, kit.sheets, path)
        drafts = inward.drafts(sheets, kit.sheets, schema, kit.own, path)
        present = list(sheets.lines)
    else:
        wanted = mapped.file.get("sheet")
        grid = next((one for one in found if not wanted or plain(one.name) == plain(wanted)), None)
        if grid is None:
            return Proposed(findings=[fault("SHEET-02", path, Place(name), "", wanted, slip="nosheet")])
        lookups = Lookups(kit.book.schemas.records, kit.records, kit.book.policy.staff)
        translation = mapping.Translation(mapped, kit.reader, lookups, path)
        drafts = translation.drafts(grid, kit.own, kit.sheets)
        sheets, skipped = translation.found, translation.skipped
        present = [(), *([mapped.inner.path] if mapped.inner else [])]
    laying = inward.Laying(kit.sheets, present, kit.reader, path)
    for draft in drafts:
        proposal.begin(draft, setting)
        laying.lay(draft, whole=mapped is None)
    findings = [*sheets.findings, *laying.findings]
    warned = proposal.doubts(laying, path)
    if any(one.severity is Severity.ERROR for one in findings):
        return Proposed(None, [*findings, *warned], sheets.extra, skipped, encoding)
    proposal.recognise(drafts, kit.own.values())
    made, nameless = proposal.make(
        drafts, setting, kit.listed, kit.paths, read, mapped.with_change if mapped else {}
    )  # fmt: skip
    findings += [
        fault("SHEET-11", path, draft.first, "id", schema.name, slip="full") for draft in nameless
    ]  # fmt: skip
    return Proposed(None if nameless else made, [*findings, *warned], sheets.extra, skipped, encoding)
