"""Layout: which sheets and columns a record type has — the record on one, each of its lists on another.

Groups are laid out flat (`响应 › 时间`), maps by the keys that templates and records have, lists of codes in one
cell. What a list holds besides stands on a sheet of its own, with the record's id and the item's number.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kelu.finding import Text
from kelu.schema import Field, RecordSchema
from kelu.sheet.grid import plain

SEPARATOR = " › "
RECORD, NUMBER = Text("记录编号", "Record"), Text("第几项", "Item")
_FOLDED = re.compile(r"\s*[›>→]\s*")
_CODED = frozenset({"date", "datetime", "moment", "integer", "number", "boolean"})
_LONGEST = 31  # characters that a sheet's name may have
_FORBIDDEN = str.maketrans("[]:*?/\\", "〔〕：＊？／＼")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: where its value stands in the record, or in the item of the list whose sheet it is on."""

    pointer: tuple[str, ...]
    field: Field  # of one value; of a list of codes, the list
    label: Text
    many: bool = False  # several codes in a cell
    keyed: bool = False  # the value of a map, under the last step of the pointer
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: the record's own where `path` is empty, else that of the list there (`[]` between lists)."""

    path: tuple[str, ...]
    label: Text
    name: str
    columns: tuple[Column, ...]

    @property
    def depth(self) -> int:
        """How many numbers tell which item a row is: none on the record's own sheet."""
        return len([step for step in self.path if step == "[]"]) + bool(self.path)

    @property
    def header(self) -> list[Text]:
        """What stands above the columns, those that name record and item first."""
        levels = [Text(f"{NUMBER.zh}{mark}", f"{NUMBER.en}{mark}") for mark in ("", "（内层）", "（最内层）")]
        keys = [RECORD, *levels[: self.depth]] if self.path else []
        return [*keys, *(column.label for column in self.columns)]

    def known_as(self) -> Iterator[tuple[str, Column]]:
        """Every name that a column answers to: in Chinese, in English, and as the schema writes it."""
        for column in self.columns:
            for name in (column.label.zh, column.label.en, ".".join(column.pointer)):
                yield heading(name), column


def heading(name: str) -> str:
    """A column's or sheet's name as it is compared."""
    return plain(_FOLDED.sub(SEPARATOR, name))


def layout(
    schema: RecordSchema,
    raw: Mapping[str, Any],
    items: Mapping[str, Text],
    records: Iterable[Mapping[str, Any]] = (),
) -> tuple[Sheet, ...]:
    """The sheets of a record type, its own first. `raw` is its JSON Schema, `items` the keys that maps may have with
    what they are called; keys that only `records` have are added."""
    keys = _Keys(items)
    for data in records:
        keys.note(schema.fields, data)
    sheets: list[Sheet] = []

    def lay(path: tuple[str, ...], label: Text, fields: Iterable[Field], needed: Collection[str], at: int) -> None:
        deeper: list[tuple[Field, tuple[Text, ...]]] = []
        columns = tuple(_columns(fields, at, (), keys, needed, deeper))
        sheets.append(Sheet(path, label, _sheet_name(label), columns))
        for item, names in deeper:
            inner = item.pointer
            title = Text.joined((label, *names) if path else names, SEPARATOR, SEPARATOR)
            if item.items == "object":
                lay(inner, title, item.children, (), len(inner) + 1)
            else:
                whole = replace(item, kind=item.items or "mixed", items=None)
                sheets.append(Sheet(inner, title, _sheet_name(title), (Column((), whole, item.label),)))

    lay((), schema.label, [f for f in schema.fields if f.name != "schema"], raw.get("required", ()), 0)
    return tuple(sheets)


def _columns(
    fields: Iterable[Field],
    at: int,
    names: tuple[Text, ...],
    keys: _Keys,
    needed: Collection[str],
    deeper: list[tuple[Field, tuple[Text, ...]]],
) -> Iterator[Column]:
    for item in fields:
        label = (*names, item.label)
        pointer, title = item.pointer[at:], Text.joined(label, SEPARATOR, SEPARATOR)
        if item.kind == "object":
            yield from _columns(item.children, at, label, keys, (), deeper)
        elif item.kind == "array" and not _is_coded(item):
            deeper.append((item, label))
        elif item.kind == "map" and item.items not in ("object", "array", "map"):
            value = replace(item, kind=item.items or "mixed", items=None)
            for key, called in keys.of(item):
                shown = Text.joined((*label, called), SEPARATOR, SEPARATOR)
                yield Column((*pointer, key), value, shown, keyed=True)
        else:
            yield Column(pointer, item, title, item.kind == "array", needed=item.name in needed)


def _is_coded(item: Field) -> bool:
    """Whether the items of a list are short and of one line, so that one cell holds them all."""
    if item.items in ("object", "array", "map"):
        return False
    return bool(item.refs or item.enum or item.vocabulary or item.identifier or item.items in _CODED)


def _sheet_name(label: Text) -> str:
    return label.zh.translate(_FORBIDDEN)[:_LONGEST]


class _Keys:
    """The keys of maps, with what they are called: where two are called alike, each says its key as well."""

    def __init__(self, items: Mapping[str, Text]) -> None:
        self.items = items
        self.own: dict[tuple[str, ...], dict[str, None]] = {}
        self.twice = {t.zh for t in items.values() if [x.zh for x in items.values()].count(t.zh) > 1}

    def note(self, fields: Iterable[Field], data: Any) -> None:
        """Remember the keys that a record has."""
        for item in fields:
            value = data.get(item.name) if isinstance(data, Mapping) else None
            if not value:
                continue
            if item.kind == "map" and isinstance(value, Mapping):
                self.own.setdefault(item.pointer, {}).update(dict.fromkeys(value))
            elif item.children:
                for part in value if isinstance(value, list) else [value]:
                    self.note(item.children, part)

    def of(self, item: Field) -> Iterator[tuple[str, Text]]:
        for key in dict.fromkeys([*self.items, *self.own.get(item.pointer, ())]):
            called = self.items.get(key)
            if called is None:
                yield key, Text.same(key)
            elif called.zh in self.twice:
                yield key, Text(f"{called.zh}（{key}）", f"{called.en} ({key})")
            else:
                yield key, called
