"""Rows: the sheets of a file that a type knows, row by row, and what of a file is nobody's."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kelu.finding import Finding
from kelu.sheet.book import CHOICES
from kelu.sheet.cells import blank
from kelu.sheet.grid import Grid, Number, Odd, Place, Value, fault
from kelu.sheet.layout import NUMBER, RECORD, Column, Sheet, heading
from kelu.sheet.outward import GUIDE


@dataclass(frozen=True, slots=True)
class Line:
    """What a row says of a record or of an item: its cells with their columns. `record` names the record, `numbers`
    the item; None is an item that is not there yet."""

    place: Place
    cells: Sequence[tuple[Column, Value, int]]
    record: str = ""
    numbers: tuple[int | None, ...] = ()


@dataclass(slots=True)
class Sheets:
    """The sheets of a file that the type knows, by their place in the record, and what is not as it should be."""

    lines: dict[tuple[str, ...], list[Line]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)  # headings and sheets that are nobody's


def read(grids: Sequence[Grid], sheets: Sequence[Sheet], path: str) -> Sheets:
    """The rows of every sheet that the layout knows."""
    found = Sheets()
    for grid in grids:
        sheet = _recognised(grid, sheets, alone=len(grids) == 1)
        if sheet is None:
            if grid.name not in (GUIDE.zh, CHOICES.zh) and grid.rows:
                found.extra.append(f"“{grid.name}”")
        elif sheet.path in found.lines:
            found.findings.append(fault("SHEET-02", path, Place(grid.name), slip="sheet"))
        else:
            found.lines[sheet.path] = list(_lines(grid, sheet, path, found))
    if not found.lines and not found.findings:
        found.findings.append(
            fault("SHEET-02", path, Place(grids[0].name if grids else path), "", _titles(grids), slip="none")
        )
    return found


def _titles(grids: Sequence[Grid]) -> str:
    first = next((row for grid in grids for row in grid.rows.values()), ())
    return "、".join(str(cell) for cell in first if isinstance(cell, str))


def _recognised(grid: Grid, sheets: Sequence[Sheet], *, alone: bool) -> Sheet | None:
    for sheet in sheets:
        names = (sheet.name, sheet.label.zh, sheet.label.en, ".".join(sheet.path))
        if heading(grid.name) in {heading(name) for name in names if name}:
            return sheet
    if not alone or not grid.rows:
        return None
    titles = {heading(str(cell)) for cell in next(iter(grid.rows.values())) if isinstance(cell, str)}
    about_items = bool(titles & {heading(RECORD.zh), heading(RECORD.en)})

    def hits(sheet: Sheet) -> int:
        return len(titles & {name for name, _ in sheet.known_as()}) if bool(sheet.path) == about_items else 0

    best = max(sheets, key=hits)
    return best if hits(best) else None


def _lines(grid: Grid, sheet: Sheet, path: str, found: Sheets) -> Iterator[Line]:
    if not grid.rows:
        return
    top, *body = grid.rows
    columns: dict[int, Column] = {}
    keys: dict[int, int] = {}  # column -> which key it is
    known = dict(sheet.known_as())
    titles = {
        heading(name): place
        for place, text in enumerate(sheet.header[: len(sheet.header) - len(sheet.columns)])
        for name in (text.zh, text.en)
    }
    for place, cell in enumerate(grid.rows[top]):
        if blank(cell):
            continue
        if isinstance(cell, Odd):
            found.findings.append(
                fault("SHEET-03", path, Place(grid.name, top, place + 1), "", cell.text, slip=cell.slip)
            )
            continue
        title = heading(str(cell))
        column = known.get(title)
        if title in titles and titles[title] not in keys.values():
            keys[place] = titles[title]
        elif column is None:
            near = difflib.get_close_matches(title, known, n=1)
            found.extra.append(f"{cell}" + (f"（是否为 {known[near[0]].label.zh}？）" if near else ""))
        elif any(column is taken for taken in columns.values()):
            found.findings.append(
                fault("SHEET-02", path, Place(grid.name, top, place + 1), "", str(cell), slip="twice")
            )
        else:
            columns[place] = column
    if sheet.path and 0 not in keys.values():
        found.findings.append(fault("SHEET-02", path, Place(grid.name, top), slip="record"))
        return
    for number in body:
        row = grid.rows[number]
        spoken = [(column, row[place] if place < len(row) else None, place + 1) for place, column in columns.items()]
        marks: list[Value] = [None] * (sheet.depth + bool(sheet.path))
        for place, key in keys.items():
            marks[key] = row[place] if place < len(row) else None
        if all(blank(cell) for _, cell, _ in spoken) and all(map(blank, marks)):
            continue
        yield from _line(grid.name, number, sheet, spoken, marks, path, found)


def _line(
    name: str, number: int, sheet: Sheet, spoken: Sequence[tuple[Column, Value, int]], marks: Sequence[Value],
    path: str, found: Sheets,
) -> Iterator[Line]:  # fmt: skip
    place = Place(name, number, 1)
    numbers: list[int | None] = []
    for mark in marks[1:]:
        whole = mark.value if isinstance(mark, Number) else str(mark).strip() if not blank(mark) else None
        if whole is not None and not (str(whole).isdigit() and int(whole) > 0):
            found.findings.append(fault("SHEET-09", path, place, "", str(whole), label=NUMBER.zh, label_en=NUMBER.en))
            return
        numbers.append(None if whole is None else int(whole))
    if sheet.path and blank(marks[0]):
        found.findings.append(fault("SHEET-11", path, place, "", "", slip="nobody"))
        return
    yield Line(place, spoken, str(marks[0]).strip() if marks else "", tuple(numbers))
