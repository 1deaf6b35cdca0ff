"""Outward: records as sheets to be filled in — rows, drop-downs, what each column is for, and how it is done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kelu.document import look_up
from kelu.finding import Text
from kelu.schema import RecordSchema
from kelu.sheet.cells import Reader, Shown
from kelu.sheet.grid import Page
from kelu.sheet.layout import Column, Sheet

GUIDE = Text("说明", "How to")
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """Columns that people added to a sheet: their headings, and what stands in them by record and item."""

    header: Sequence[str]
    cells: Mapping[tuple[str, ...], Sequence[Shown]]


def pages(sheets: Sequence[Sheet], records: Sequence[Record], reader: Reader, kept: Mapping[str, Kept]) -> list[Page]:
    """A page for each sheet, with the rows of these records."""
    return [_page(sheet, records, reader, kept.get(sheet.name)) for sheet in sheets]


def _page(sheet: Sheet, records: Sequence[Record], reader: Reader, kept: Kept | None) -> Page:
    added = list(kept.header) if kept else []
    rows: list[list[Shown]] = []
    for data in records:
        pack = str(data.get("policy") or "")
        for numbers, item in items(data, sheet.path):
            name = str(data.get("id", ""))
            keys: list[Shown] = [name, *numbers] if sheet.path else []
            row = [*keys, *(reader.shown(column, held(item, column), pack) for column in sheet.columns)]
            if kept:
                row += kept.cells.get((name, *map(str, numbers)), [None] * len(added))
            rows.append(row)
    before = len(sheet.header) - len(sheet.columns)
    return Page(
        name=sheet.name,
        header=[*(text.zh for text in sheet.header), *added],
        rows=rows,
        notes=[*[""] * before, *map(_note, sheet.columns), *[""] * len(added)],
        choices=[*[None] * before, *(column.label.zh for column in sheet.columns), *[None] * len(added)],
        needed=[*[True] * before, *(column.needed for column in sheet.columns), *[False] * len(added)],
    )


def asked(sheet: Sheet, records: Iterable[Record], keys: Collection[str]) -> Sheet:
    """A sheet without the columns of questionnaire items that are not asked here: neither among `keys` nor answered."""
    answered = {
        column.pointer
        for column in sheet.columns
        if column.keyed and column.pointer[-1] not in keys
        and any(held(item, column) is not None for data in records for _, item in items(data, sheet.path))
    }  # fmt: skip
    kept = [c for c in sheet.columns if not c.keyed or c.pointer[-1] in keys or c.pointer in answered]
    return replace(sheet, columns=tuple(kept))


def items(data: Any, path: Sequence[str]) -> Iterator[tuple[tuple[int, ...], Any]]:
    """What a sheet's rows are of a record: the record itself, or each item of the list with its numbers from 1."""
    if not path:
        yield (), data
        return
    steps = list(path)
    cut = steps.index("[]") if "[]" in steps else len(steps)
    found = look_up(data, steps[:cut])
    for number, item in enumerate(found if isinstance(found, list) else (), 1):
        for inner, deepest in items(item, steps[cut + 1 :]):
            yield (number, *inner), deepest


def held(item: Any, column: Column) -> Any:
    """The value of a column in a record or an item of a list."""
    return look_up(item, column.pointer) if column.pointer else item


def choices(
    sheets: Iterable[Sheet], made: Sequence[Page], reader: Reader, packs: Sequence[str]
) -> tuple[list[Page], dict[str, list[str]]]:
    """The pages with the name of the list that each column offers, and these lists; equal ones stand once."""
    names: dict[tuple[str, ...], str] = {}
    done = []
    for sheet, page in zip(sheets, made, strict=True):
        offers: list[str | None] = [None] * len(page.header)
        for place, column in enumerate(sheet.columns, len(sheet.header) - len(sheet.columns)):
            offered = () if column.many else tuple(_options(column, reader, packs))
            if offered and offered not in names:
                alike = sum(name.split("（")[0] == column.field.label.zh for name in names.values())
                names[offered] = f"{column.field.label.zh}（{alike + 1}）" if alike else column.field.label.zh
            offers[place] = names.get(offered)
        done.append(replace(page, choices=offers))
    return done, {name: list(offered) for offered, name in names.items()}


def _options(column: Column, reader: Reader, packs: Sequence[str]) -> list[str]:
    if column.pointer == ("policy",):
        return list(packs)
    return reader.words.options(column.field, packs, grade=column.keyed and column.field.pii == "none")


_KINDS = {
    "date": Text("日期，如 2026-03-02 或 2026年3月2日", "A date"),
    "datetime": Text("日期和时间，如 2026-03-02 09:10（北京时间）", "Date and time, Beijing time"),
    "moment": Text("日期，或日期和时间", "A date, or date and time"),
    "integer": Text("整数", "A whole number"),
    "number": Text("数字", "A number"),
    "boolean": Text("是 / 否", "是 (yes) / 否 (no)"),
}  # fmt: skip


def _note(column: Column) -> str:
    """What the heading of a column tells: the field's help, its kind, its English name and its name in the file."""
    item = column.field
    lines = [item.help, _KINDS[item.kind].zh if item.kind in _KINDS else ""]
    if column.many:
        lines.append("可填几个，每行一个")
    if column.needed:
        lines.append("必填")
    lines.append(f"{column.label.en} · {'.'.join(column.pointer)}")
    return "\n".join(filter(None, lines))


def guide(schema: RecordSchema, sheets: Sequence[Sheet], *, personal: bool) -> list[str]:
    """How the workbook is filled in, in Chinese."""
    lists = [f"　· {sheet.name}" for sheet in sheets if sheet.path]
    return [
        f"{schema.label.zh}：怎样填写",
        "",
        *(["本文件含个人信息（姓名、电话等），只限工作使用，不要转发。", ""] if personal else []),
        f"1. 表“{sheets[0].name}”每行一条记录。橙色标题为必填；鼠标停在标题上可看说明；带下拉箭头的格请从列表中选。",
        "2. 新记录：编号留空，由导入时分配。要在列表的表中写它的内容，可在“编号”中写一个临时名（如 新1），"
        "列表的“记录编号”写同一个名。",
        "3. 列表各有一张表，每行是一条记录的一项：“记录编号”写它属于哪条记录；“第几项”照旧，新的一项留空。"
        "删去一行即删去那一项；整张表不要时可删去整张表，原有内容不变。",
        *lists,
        "4. 日期写 2026-03-02、2026/3/2 或 2026年3月2日；时间写 2026-03-02 09:10，均为北京时间。",
        "5. 电话、代码等按文字填写，开头的 0 才不会丢。不要合并单元格，不要用公式，不要改标题。",
        "6. 打了 ** 的姓名、电话是掩码：不改则原值不变；要改就写完整的新内容。",
        "7. 清空一格即删去该栏内容；删去一行不会删除记录（记录只能作废）。",
        "8. 自己加的列不会写入记录，导入时会告诉您；再次导出时用 --keep 旧文件，这些列仍在新表中。",
        "9. 填好后：kelu import " + schema.name + " 文件.xlsx --dry-run 先看结果，再去掉 --dry-run 写入；"
        "有一处错误就什么也不写，错误会写明表、行、列和改法。",
    ]


def is_personal(sheets: Iterable[Sheet], made: Iterable[Page], marks: frozenset[str]) -> bool:
    """Whether pages show direct identifiers of people."""
    return any(
        column.field.pii in marks and any(row[place] for row in page.rows)
        for sheet, page in zip(sheets, made, strict=True)
        for place, column in enumerate(sheet.columns, len(sheet.header) - len(sheet.columns))
    )
