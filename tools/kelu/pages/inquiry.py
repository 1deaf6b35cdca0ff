"""Inquiries: the lists of records that `site/audit.yaml` asks for, each a question in SQL.

A list runs over one record type (`type`), over every type that has a field (`each`, with `{type}` in its SQL), or over
whatever its SQL names. A column is a field, whose mark decides what is shown; a value judged by the mark of the field
that the record itself names (`by`), as in a correction; or a bare number, date or truth value (`show`).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from kelu import obligation, privacy
from kelu.finding import Text
from kelu.naming import reach
from kelu.pages.figure import Names, Row, row
from kelu.policy import Policy
from kelu.privacy import Directory, Node
from kelu.schema import Field, RecordSchema
from kelu.store import LANDED

_PLACE = re.compile(r"\[[0-9]+\]")
_DATED = ("date", "datetime")
_UNKNOWN = Field("", (), Text("", ""), "string")  # what it judges is not shown
_MISFIT = (ValueError, TypeError, AttributeError, KeyError, ArithmeticError)  # a value not of its field's kind


class Queryable(Protocol):
    """What lists need of the store."""

    @property
    def withheld(self) -> Text | None: ...

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...


@dataclass(frozen=True, slots=True)
class Line:
    """A record on a list, with what may be shown of each column."""

    record: Row
    cells: tuple[Node | None, ...]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A list, latest first. `withheld` says why it cannot be told."""

    name: str
    title: Text
    about: Text
    columns: tuple[Text, ...]
    lines: tuple[Line, ...]
    withheld: Text | None = None


@dataclass(frozen=True, slots=True)
class _Column:
    label: Text
    sql: str
    leaf: Field | None  # None: the value names a field, or `by` names the field that judges it
    by: str


def ask(definition: Mapping[str, Any], store: Queryable, policy: Policy, names: Names) -> Inquiry:
    """A list of `site/audit.yaml`. Raises KeyError for a field its record type has not, QueryError for wrong SQL."""
    if store.withheld is not None and LANDED in reach([definition["from"]], obligation.views(policy)):
        return _inquiry(definition, (), (), store.withheld)
    found: list[tuple[Any, ...]] = []
    labels: tuple[Text, ...] = ()
    for schema in _schemas(definition, names.schemas):
        columns = tuple(_columns(definition, schema))
        labels = labels or tuple(column.label for column in columns)
        wanted = ", ".join(f"({part})" for column in columns for part in (column.sql, column.by or "NULL"))
        source = definition["from"].replace("{type}", schema.name if schema else "")
        sql = f"SELECT id, CAST(({definition['order']}) AS TIMESTAMPTZ), {wanted} FROM {source}"
        for name, at, *values in store.query(sql):
            pairs = list(zip(columns, values[::2], values[1::2], strict=True))
            found.append((at, name, tuple(_cell(name, *pair, names) for pair in pairs)))
    found.sort(key=lambda item: item[1])
    found.sort(key=lambda item: item[0] or datetime.datetime.max.replace(tzinfo=datetime.UTC), reverse=True)
    return _inquiry(definition, labels, tuple(Line(row(name, None, None, names), cells) for _, name, cells in found))


def _inquiry(
    definition: Mapping[str, Any], columns: tuple[Text, ...], lines: tuple[Line, ...], withheld: Text | None = None
) -> Inquiry:
    return Inquiry(
        definition["name"], Text.of(definition["title"]), Text.of(definition["about"]), columns, lines, withheld
    )  # fmt: skip


def _schemas(definition: Mapping[str, Any], schemas: Mapping[str, RecordSchema]) -> Iterator[RecordSchema | None]:
    if "each" in definition:
        yield from (schema for schema in schemas.values() if has(schema, definition["each"]))
    else:
        yield schemas[definition["type"]] if "type" in definition else None


def has(schema: RecordSchema, pointer: str) -> bool:
    """Whether a record type has a field."""
    try:
        privacy.leaf(schema, pointer)
    except KeyError:
        return False
    return True


def _columns(definition: Mapping[str, Any], schema: RecordSchema | None) -> Iterator[_Column]:
    for entry in definition["columns"]:
        pointer, shown, by = entry.get("field", ""), entry.get("show", ""), entry.get("by", "")
        leaf = privacy.leaf(schema, pointer) if schema and pointer else None
        label = Text.of(entry["label"]) if "label" in entry else leaf.label if leaf else Text.same(pointer)
        if shown and shown != "field":
            leaf = Field(shown, (), label, shown)
        sql = entry.get("sql") or ".".join(f'"{step}"' for step in pointer.split("."))
        yield _Column(label, sql, None if by or shown == "field" else leaf, by)


def _cell(name: str, column: _Column, value: Any, by: str | None, names: Names) -> Node | None:
    known = names.directory.titles[name]
    if value is None or (known.restricted and (column.leaf is None or column.leaf.kind not in _DATED)):
        return None
    schema = names.schemas[known.type]
    if column.leaf is None and not column.by:
        return _named(schema, str(value))
    leaf = _judge(schema, str(by)) if column.leaf is None else column.leaf
    return shown(leaf, value, names.directory, known.policy)


def shown(leaf: Field, value: Any, directory: Directory, policy: str) -> Node | None:
    """What may be shown of one value; None where it does not fit its field."""
    try:
        return privacy.cell(leaf, value == "true" if leaf.kind == "boolean" and isinstance(value, str) else value,
                            directory, policy)  # fmt: skip
    except _MISFIT:
        return None


def _named(schema: RecordSchema, pointer: str) -> Node:
    """The field that a record names, by its label."""
    return Node("field", Text("", ""), "field", pointer, label(schema, pointer))


def label(schema: RecordSchema, pointer: str) -> Text:
    """What the fields on the way to a place are called; a name that the schema has not stands for itself."""
    steps = _PLACE.sub("", pointer).split(".")
    parts = []
    for depth, step in enumerate(steps, 1):
        way = ".".join(steps[:depth])
        parts.append(privacy.leaf(schema, way).label if has(schema, way) else Text.same(step))
    return Text.joined(parts, " · ", " · ")


def _judge(schema: RecordSchema, pointer: str) -> Field:
    """The field whose mark judges a single value at a place; one that shows nothing where there is none."""
    way = _PLACE.sub("", pointer)
    if not has(schema, way):
        return _UNKNOWN
    leaf = privacy.leaf(schema, way)
    return replace(leaf, kind=leaf.items or "string") if leaf.kind in ("array", "map") and not leaf.children else leaf
