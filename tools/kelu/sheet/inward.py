"""Inward: rows as records — which record each row speaks of, and what it says laid over what that record holds."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kelu.document import field_text, look_up
from kelu.finding import Finding
from kelu.schema import RecordSchema
from kelu.sheet.cells import Reader, Slip, blank, doubtful
from kelu.sheet.grid import TOLD, Number, Place, fault
from kelu.sheet.layout import Column, Sheet
from kelu.sheet.rows import Line, Sheets

EXTERNAL = "external_ref"  # by what a record without an id is found again
_POLICY = ("policy",)
Pointer = tuple[str | int, ...]


@dataclass(slots=True)
class Draft:
    """A record as a file says it: `held` as it was (None: a new one), `data` as it becomes, and the rows it is from by
    the place in the record that they fill."""

    held: Mapping[str, Any] | None
    main: Line | None = None
    start: Mapping[str, Any] = field(default_factory=dict)  # what a new record begins with
    start_items: Mapping[str, Any] = field(default_factory=dict)  # and a new item of its lists
    lists: dict[tuple[str, ...], list[Line]] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    rows: dict[Pointer, Line] = field(default_factory=dict)

    @property
    def first(self) -> Place:
        """Where the record is spoken of first."""
        return self.main.place if self.main else next(line.place for lines in self.lists.values() for line in lines)

    def place_of(self, pointer: Pointer) -> Place:
        """The cell that a field of the record stands in, or the row nearest to it."""
        for cut in range(len(pointer), -1, -1):
            if pointer[:cut] in self.rows:
                line = self.rows[pointer[:cut]]
                rest = pointer[cut:]
                near = max(line.cells, key=lambda cell: _shared(cell[0].pointer, rest), default=None)
                if near and (not rest or _shared(near[0].pointer, rest)):
                    return Place(line.place.sheet, line.place.row, near[2] if rest else line.place.column)
                return line.place
        return self.first


def _shared(one: Sequence[str | int], other: Sequence[str | int]) -> int:
    """How many steps two pointers have in common; a whole one counts most."""
    same = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        same += 1
    return same * 2 + (same == len(one) and same > 0)


def drafts(
    found: Sheets, sheets: Sequence[Sheet], schema: RecordSchema, held: Mapping[str, Mapping[str, Any]], path: str
) -> list[Draft]:
    """A draft for each record that the rows speak of, in their order. What is wrong is added to the findings."""
    by_name: dict[str, Draft] = {}
    by_reference = {str(data[EXTERNAL]): name for name, data in held.items() if EXTERNAL in data}
    made: list[Draft] = []
    for line in found.lines.get((), ()):
        said = _text(line, "id")
        reference = _text(line, EXTERNAL)
        if not said and reference in by_reference:
            said = by_reference[reference]
        known = held.get(said)
        if known is None and schema.id_pattern.fullmatch(said):
            found.findings.append(fault("SHEET-11", path, line.place, "id", said, slip="unknown"))
            continue
        key = said or (f"\0{reference}" if reference else "")
        if key in by_name:
            found.findings.append(
                fault("SHEET-12", path, line.place, "id", said or reference, row=by_name[key].first.row)
            )
            continue
        draft = Draft(known, line)
        made.append(draft)
        if key:
            by_name[key] = draft
    for sheet in sheets:
        for line in found.lines.get(sheet.path, ()) if sheet.path else ():
            owner = by_name.get(line.record)
            if owner is None and line.record in held:
                owner = by_name[line.record] = Draft(held[line.record])
                made.append(owner)
            if owner is None:
                found.findings.append(fault("SHEET-11", path, line.place, "id", line.record, slip="unknown"))
            else:
                owner.lists.setdefault(sheet.path, []).append(line)
    return made


def _text(line: Line, name: str) -> str:
    cell = next((cell for column, cell, _ in line.cells if column.pointer == (name,)), None)
    return str(cell.value if isinstance(cell, Number) else cell).strip() if not blank(cell) else ""


class Laying:
    """Lays what rows say over what records hold. Cells that say what the record holds change nothing."""

    def __init__(self, sheets: Sequence[Sheet], present: Iterable[tuple[str, ...]], reader: Reader, path: str) -> None:
        self._sheets = sheets
        self._present = set(present)
        self._reader = reader
        self._path = path
        self._whole = self._empties = True
        self.findings: list[Finding] = []
        self.doubts: dict[tuple[str, int], tuple[Place, Column, str]] = {}

    def lay(self, draft: Draft, *, whole: bool = True) -> None:
        """Work out what a record becomes. Where a file tells the `whole` of a record, what it leaves empty and items
        without a row are gone; another program's table only adds and changes."""
        self._whole = whole
        self._empties = whole and draft.held is not None  # what a new record begins with is no field's content yet
        draft.data = copy.deepcopy(dict(draft.start if draft.held is None else draft.held))
        pack = self._pack(draft)
        if draft.main:
            draft.rows[()] = draft.main
            self._fill(draft.data, draft.main, pack, ())
        within: dict[tuple[str, ...], list[tuple[tuple[int, ...], Pointer, Any]]] = {(): [((), (), draft.data)]}
        for sheet in self._sheets:
            if not sheet.path:
                continue
            outer, rest = _split(sheet.path)
            for numbers, at, container in within.get(outer, ()):
                if sheet.path in self._present:
                    lines = [line for line in draft.lists.get(sheet.path, ()) if line.numbers[:-1] == numbers]
                    kept = self._list(draft, sheet, container, rest, (*at, *rest), lines, pack)
                else:
                    old = look_up(container, rest)
                    kept = list(enumerate(old, 1)) if isinstance(old, list) else []
                for place, (number, item) in enumerate(kept):
                    within.setdefault(sheet.path, []).append(((*numbers, number), (*at, *rest, place), item))

    def _pack(self, draft: Draft) -> str:
        said = (
            next((cell for column, cell, _ in draft.main.cells if column.pointer == _POLICY), None)
            if draft.main
            else None
        )
        return said.strip() if isinstance(said, str) and said.strip() else str(draft.data.get("policy") or "")

    def _list(
        self, draft: Draft, sheet: Sheet, container: Any, rest: tuple[str, ...], at: Pointer, lines: Sequence[Line],
        pack: str,
    ) -> list[tuple[int, Any]]:  # fmt: skip
        """The items of a list with the numbers that rows know them by; the container then holds them."""
        found = look_up(container, rest)
        old = found if isinstance(found, list) else []
        rows: dict[int, Line] = {}
        fresh = max([len(old), *(line.numbers[-1] or 0 for line in lines)])
        for line in lines:
            number = line.numbers[-1]
            if number is None:
                number = fresh = fresh + 1
            elif number in rows:
                row = rows[number].place.row
                self.findings.append(fault("SHEET-12", self._path, line.place, field_text(at), number, row=row))
                continue
            rows[number] = line
        wanted = sorted({*rows, *(() if self._whole else range(1, len(old) + 1))})
        kept: list[tuple[int, Any]] = []
        for number in wanted:
            new = copy.deepcopy(dict(draft.start_items)) if sheet.columns[0].pointer else None
            item = old[number - 1] if number <= len(old) else new
            if number in rows:
                here = (*at, len(kept))
                draft.rows[here] = rows[number]
                item = self._fill(item, rows[number], pack, here)
            if item is not None:  # a text that was cleared
                kept.append((number, item))
        values = [item for _, item in kept]
        if values and values != found:
            _put(container, rest, values)
        elif not values and old:
            _drop(container, rest)
        elif values:
            _put(container, rest, values)
        return kept

    def _fill(self, item: Any, line: Line, pack: str, at: Pointer) -> Any:
        """An item with what the cells of a row say."""
        for column, cell, place in line.cells:
            held = look_up(item, column.pointer) if column.pointer else item
            if column.pointer == ("id",) and not at:
                continue
            if self._reader.says(column, cell, held, pack):
                continue
            if cell == TOLD or (blank(cell) and not self._empties):
                continue
            if blank(cell):
                if column.pointer:
                    _drop(item, column.pointer)
                else:
                    item = None
                continue
            value = self._reader.meant(column, cell, pack, held)
            where = Place(line.place.sheet, line.place.row, place)
            if isinstance(value, Slip):
                shown = value.words.get("value", cell.value if isinstance(cell, Number) else cell)
                words = {key: word for key, word in value.words.items() if key != "value"}
                self.findings.append(
                    fault(value.code, self._path, where, field_text((*at, *column.pointer)), str(shown),
                          label=column.label.zh, label_en=column.label.en, **words)
                )  # fmt: skip
                continue
            if doubtful(column, cell):
                self.doubts.setdefault((where.sheet, where.column), (where, column, str(value)))
            if not column.pointer:
                item = value
            elif value != held or type(value) is not type(held):
                _put(item, column.pointer, value)
        return item


def _split(path: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The list around a list, and the way from an item of it."""
    if "[]" not in path:
        return (), path
    cut = len(path) - 1 - path[::-1].index("[]")
    return path[:cut], path[cut + 1 :]


def _put(item: Any, pointer: Sequence[str], value: Any) -> None:
    for step in pointer[:-1]:
        if not isinstance(item.get(step), dict):
            item[step] = {}
        item = item[step]
    item[pointer[-1]] = value


def _drop(item: Any, pointer: Sequence[str]) -> None:
    """Take a value away, and the groups that hold nothing without it."""
    if not isinstance(item, dict) or pointer[0] not in item:
        return
    if len(pointer) > 1:
        _drop(item[pointer[0]], pointer[1:])
        if item[pointer[0]] != {}:
            return
    del item[pointer[0]]
