"""Reference: the tables, views and macros that SQL of the policy may name, with their columns and types."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile

from kelu import obligation
from kelu.finding import Text
from kelu.policy import Policy
from kelu.schema import RecordSchema, Schemas
from kelu.store import Store, spelled_out, sql_type

_INSIDE = re.compile(r"\(.*\)")
_COLUMNS = (
    "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = 'temp' "
    "ORDER BY table_name, column_index"
)
_MACROS = (
    "SELECT function_name, parameters FROM duckdb_functions() WHERE database_name = 'temp' "
    "AND function_type = 'macro' ORDER BY function_name"
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column, or a part of one by its dotted name (`[]` stands for each entry of a list)."""

    name: str
    type: str
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view. `label` is a record type's, `about` the comment that a view's file opens with."""

    name: str
    columns: tuple[Column, ...]
    label: Text | None = None
    about: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """All there is to name; `macros` as they are called: (name, name with its arguments)."""

    records: tuple[Table, ...]
    tables: tuple[Table, ...]
    views: tuple[Table, ...]
    macros: tuple[tuple[str, str], ...]


def gather(store: Store, schemas: Schemas, policy: Policy) -> Reference:
    """What a store holds that was laid for any question."""
    columns: dict[str, list[Column]] = {}
    for table, name, kind in store.query(_COLUMNS):
        columns.setdefault(table, []).append(Column(name, _INSIDE.sub("", kind)))
    hidden = {*schemas.records, *policy.views, *obligation.definitions(policy), *spelled_out()}
    return Reference(
        tuple(_record(schema) for schema in schemas.records.values()),
        tuple(Table(name, tuple(held)) for name, held in columns.items() if name not in hidden),
        tuple(
            Table(name, tuple(columns.get(name, ())), about=_opening(sql)) for name, sql in sorted(policy.views.items())
        ),
        tuple((name, f"{name}({', '.join(arguments)})") for name, arguments in store.query(_MACROS)),
    )


def _record(schema: RecordSchema) -> Table:
    columns = (Column(_dotted(item.pointer), _INSIDE.sub("", sql_type(item)), item.label) for item in schema.walk())
    return Table(schema.name, tuple(columns), schema.label)


def _dotted(pointer: Iterable[str]) -> str:
    return ".".join(pointer).replace(".[]", "[]")


def _opening(sql: str) -> str:
    """The comment at the head of a text of SQL, on one line."""
    leading = takewhile(lambda line: line.startswith("--"), sql.splitlines())
    return " ".join(line.removeprefix("--").strip() for line in leading)
