"""Table: rows that come from outside DuckDB, the quick way to bring them in, and all or nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that policy or the tree brings: column names with SQL types, and the values."""

    columns: Mapping[str, str]
    rows: Sequence[tuple[Any, ...]]


@contextlib.contextmanager
def together(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All that is changed inside is kept together, or none of it when something interrupts."""
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def fill(connection: duckdb.DuckDBPyConnection, name: str, table: Table) -> None:
    """Add the rows to a table that has those columns."""
    if not table.rows:
        return
    columns = ", ".join(f"unnest(${i + 1}::{kind}[])" for i, kind in enumerate(table.columns.values()))
    for start in range(0, len(table.rows), _AT_ONCE):
        part = table.rows[start : start + _AT_ONCE]
        connection.execute(f"INSERT INTO {name} SELECT {columns}", [list(column) for column in zip(*part, strict=True)])
