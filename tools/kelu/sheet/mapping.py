"""Mapping: what the columns of another program's table mean (config/imports/*.yaml) — as rows of our own sheets.

A mapping only renames and translates. What it makes of a table is read, judged and told like a sheet of ours, each
cell still at its own place in the foreign file.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kelu import catalogue
from kelu.document import field_text, locate, look_up
from kelu.finding import Finding
from kelu.sheet import moments
from kelu.sheet.cells import Reader, Slip, blank
from kelu.sheet.grid import TOLD, Grid, Number, Odd, Place, Value, fault, plain
from kelu.sheet.inward import Draft
from kelu.sheet.layout import Column, Sheet
from kelu.sheet.lookup import Lookups
from kelu.sheet.rows import Line, Sheets

Targets = Mapping[str, tuple[Sheet, Column]]


@dataclass(frozen=True, slots=True)
class Rule:
    """Where a foreign column goes: the sheet and column of ours, and how its words are translated."""

    sheet: Sheet
    column: Column
    values: Mapping[str, Any]
    lookup: Mapping[str, Any] | None
    date: str | None


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapping read for use."""

    data: Mapping[str, Any]
    rules: Mapping[str, tuple[Rule, ...]]
    identify: tuple[Column, ...]
    inner: Sheet | None  # the list whose items the rows are
    item_by: Column | None
    new: Mapping[str, Any] = field(default_factory=dict)
    new_item: Mapping[str, Any] = field(default_factory=dict)
    with_change: Mapping[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> Mapping[str, Any]:
        """How the foreign file is read: encoding, delimiter, sheet, header_row."""
        told: Mapping[str, Any] = self.data.get("file", {})
        return told


def prepare(data: Mapping[str, Any], raw: bytes, path: str, sheets: Sequence[Sheet]) -> tuple[Mapped, list[Finding]]:
    """A mapping (sound by its schema) for the sheets of its type; fields that the type has not are findings."""
    targets: dict[str, tuple[Sheet, Column]] = {}
    for sheet in sheets:
        for column in sheet.columns:
            targets[".".join([*sheet.path, *column.pointer])] = sheet, column
    findings: list[Finding] = []

    def target(name: str, *pointer: str | int) -> tuple[Sheet, Column] | None:
        found = targets.get(name)
        if found is None:
            line, column = locate(raw).best(pointer)
            findings.append(catalogue.make("MAP-01", path, line, column, field_text(pointer), name, type=data["type"]))
        return found

    rules: dict[str, tuple[Rule, ...]] = {}
    for heading, said in data["columns"].items():
        made = []
        for place, one in enumerate(said if isinstance(said, list) else [said]):
            spec: Mapping[str, Any] = {"field": one} if isinstance(one, str) else one
            where = ("columns", heading, *((place,) if isinstance(said, list) else ()))
            found = target(spec["field"], *where, *(() if isinstance(one, str) else ("field",)))
            if found:
                values = {plain(str(key)): value for key, value in spec.get("values", {}).items()}
                made.append(Rule(*found, values, spec.get("lookup"), spec.get("date")))
        rules[plain(heading)] = tuple(made)
    identify = [target(name, "identify", place) for place, name in enumerate(data.get("identify", ["external_ref"]))]
    item = data.get("item")
    by = target(f"{item['list']}.{item['by']}", "item", "by") if item else None
    constants = {
        part: {name: value for name, value in given.items() if target(name, part, name)}
        for part in ("new", "change")
        for given in [data.get(part, {})]
    }
    prefix = f"{item['list']}." if item else ""
    of_item = {
        name: value for name, value in (item or {}).get("new", {}).items() if target(prefix + name, "item", "new", name)
    }
    if findings:
        return Mapped(data, {}, (), None, None), findings
    mapped = Mapped(
        data, rules, tuple(found[1] for found in identify if found), by[0] if by else None, by[1] if by else None,
        _nested(constants["new"]), _nested(of_item), constants["change"],
    )  # fmt: skip
    return mapped, []


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in flat.items():
        *groups, last = name.split(".")
        at = made
        for group in groups:
            at = at.setdefault(group, {})
        at[last] = value
    return made


class Translation:
    """Makes drafts of the rows of a foreign table."""

    def __init__(self, mapped: Mapped, reader: Reader, lookups: Lookups, path: str) -> None:
        self._mapped = mapped
        self._reader = reader
        self._lookups = lookups
        self._path = path
        self.found = Sheets()
        self.skipped = 0
        self._seen: dict[tuple[int, str], Place] = {}  # where an item of a draft was told of first

    def drafts(self, grid: Grid, held: Mapping[str, Mapping[str, Any]], sheets: Sequence[Sheet]) -> list[Draft]:
        """A draft for each record that the rows belong to; what is wrong stands in `found`."""
        known: dict[tuple[str, ...], list[str]] = {}
        for name, data in held.items():
            key = tuple(str(look_up(data, column.pointer)) for column in self._mapped.identify)
            known.setdefault(key, []).append(name)
        made: dict[tuple[str, ...], Draft] = {}
        for place, cells, items in self._rows(grid):
            found = self._key(place, cells)
            if found is None:
                continue
            key = found
            main = Line(place, cells)
            draft = made.get(key)
            if draft is None:
                names = self._preferred(known.get(key, []), held)
                if len(names) > 1:
                    self._fault("SHEET-11", place, "、".join(names), slip="several")
                    continue
                start = {**self._mapped.new}
                draft = made[key] = Draft(held[names[0]] if names else None, main, start, self._mapped.new_item)
            elif self._mapped.inner is None:
                self._fault("SHEET-12", place, "、".join(key), row=draft.first.row)
                continue
            elif draft.main and [cell for _, cell, _ in draft.main.cells] != [cell for _, cell, _ in cells]:
                self._fault("SHEET-13", place, "、".join(key), row=draft.first.row)
                continue
            if self._mapped.inner is not None:
                self._item(draft, place, items)
        return list(made.values())

    def _preferred(self, names: list[str], held: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Of several records that fit, those that the mapping would rather have."""
        for name, values in self._mapped.data.get("prefer", {}).items() if len(names) > 1 else ():
            wanted = {str(value) for value in values}
            names = [one for one in names if str(look_up(held[one], name.split("."))) in wanted] or names
        return names

    def _item(self, draft: Draft, place: Place, cells: list[tuple[Column, Value, int]]) -> None:
        sheet, by = self._mapped.inner, self._mapped.item_by
        assert sheet is not None
        assert by is not None
        own = next(((cell, at) for column, cell, at in cells if column is by), None)
        value = self._reader.meant(by, own[0], "") if own and not blank(own[0]) else None
        if value is None or isinstance(value, Slip):
            self._fault("SHEET-14", place, "", label=by.label.zh, label_en=by.label.en)
            return
        old = look_up(draft.held or {}, sheet.path)
        numbers = [number for number, item in enumerate(old or (), 1) if look_up(item, by.pointer) == value]
        twin = self._seen.setdefault((id(draft), str(value)), place)
        if twin is not place:
            self._fault("SHEET-12", place, str(value), row=twin.row)
            return
        draft.lists.setdefault(sheet.path, []).append(Line(place, cells, "", (numbers[0] if numbers else None,)))

    def _key(self, place: Place, cells: Sequence[tuple[Column, Value, int]]) -> tuple[str, ...] | None:
        key = []
        for column in self._mapped.identify:
            cell = next((cell for own, cell, _ in cells if own is column), None)
            if cell == TOLD:
                return None
            value = look_up(self._mapped.new, column.pointer) if blank(cell) else self._reader.meant(column, cell, "")
            if isinstance(value, Slip) or value is None:
                self._fault("SHEET-14", place, "", label=column.label.zh, label_en=column.label.en)
                return None
            key.append(str(value))
        return tuple(key)

    def _rows(
        self, grid: Grid
    ) -> Iterator[tuple[Place, list[tuple[Column, Value, int]], list[tuple[Column, Value, int]]]]:
        if not grid.rows:
            self._fault("SHEET-02", Place(grid.name), "", slip="none")
            return
        top = self._mapped.file.get("header_row", min(grid.rows))
        titles = {plain(str(cell)): at for at, cell in enumerate(grid.rows.get(top, ())) if not blank(cell)}
        named = [title for part in ("columns", "skip", "only") for title in self._mapped.data.get(part, {})]
        missing = [title for title in dict.fromkeys(named) if plain(title) not in titles]
        if missing:
            self._fault("SHEET-02", Place(grid.name, top), "、".join(missing), slip="missing")
            return
        wanted = {*self._mapped.rules, *map(plain, self._mapped.data.get("ignore", ()))}
        wanted |= {plain(title) for part in ("skip", "only") for title in self._mapped.data.get(part, {})}
        self.found.extra += [str(grid.rows[top][at]) for title, at in titles.items() if title not in wanted]
        for number, row in grid.rows.items():
            if number <= top:
                continue
            if self._is_skipped(row, titles):
                self.skipped += 1
                continue
            cells: list[tuple[Column, Value, int]] = []
            items: list[tuple[Column, Value, int]] = []
            for title, rules in self._mapped.rules.items():
                at = titles[title]
                cell = row[at] if at < len(row) else None
                for rule in rules:
                    value = self._translated(rule, cell, Place(grid.name, number, at + 1))
                    (items if rule.sheet.path else cells).append((rule.column, value, at + 1))
            yield Place(grid.name, number, 1), cells, items

    def _is_skipped(self, row: Sequence[Value], titles: Mapping[str, int]) -> bool:
        for part, skips in (("skip", True), ("only", False)):
            for title, values in self._mapped.data.get(part, {}).items():
                at = titles.get(plain(title))
                cell = row[at] if at is not None and at < len(row) else None
                if (plain(said(cell)) in {plain(str(value)) for value in values}) is skips:
                    return True
        return False

    def _translated(self, rule: Rule, cell: Value, place: Place) -> Value:
        if blank(cell) or isinstance(cell, Odd):
            return cell
        told = said(cell)
        if plain(told) in rule.values:
            value = rule.values[plain(told)]
            return value if isinstance(value, (str, bool)) or value is None else Number(value)
        if rule.lookup:
            found = self._lookups.find(rule.lookup["type"], rule.lookup["by"], told)
            if len(found) != 1:
                slip = "several" if found else "unknown"
                self._fault(
                    "SHEET-05",
                    place,
                    told,
                    rule.column,
                    slip=slip,
                    label=rule.column.label.zh,
                    label_en=rule.column.label.en,
                )
                return TOLD
            return found[0]
        if rule.date and isinstance(cell, str):
            when = moments.of_format(told, rule.date)
            if when is None:
                self._fault(
                    "SHEET-10",
                    place,
                    told,
                    rule.column,
                    slip="form",
                    label=rule.column.label.zh,
                    label_en=rule.column.label.en,
                )
                return TOLD
            return when[:10] if rule.column.field.kind == "date" else when
        return cell

    def _fault(self, code: str, place: Place, value: str, column: Column | None = None, **words: object) -> None:
        field = field_text(column.pointer) if column else ""
        self.found.findings.append(fault(code, self._path, place, field, value or None, **words))


def said(cell: Value) -> str:
    """What a cell says, as text; nothing where it holds no value of its own."""
    if isinstance(cell, Number):
        whole = isinstance(cell.value, float) and cell.value.is_integer()
        return str(int(cell.value) if whole else cell.value)
    if isinstance(cell, (datetime.datetime, datetime.date)):
        return moments.of_cell(cell)
    return "" if cell is None or isinstance(cell, Odd) else str(cell).strip()
