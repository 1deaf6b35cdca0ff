"""Table: rows that come from outside DuckDB, and the quick way to bring them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that policy or the tree brings: column names with SQL types, and the values."""

    columns: Mapping[str, str]
    rows: Sequence[tuple[Any, ...]]


def fill(connection: duckdb.DuckDBPyConnection, name: str, table: Table) -> None:
    """Add the rows to a table that has those columns."""
    if not table.rows:
        return
    columns = ", ".join(f"unnest(${i + 1}::{kind}[])" for i, kind in enumerate(table.columns.values()))
    for start in range(0, len(table.rows), _AT_ONCE):
        part = table.rows[start : start + _AT_ONCE]
        connection.execute(f"INSERT INTO {name} SELECT {columns}", [list(column) for column in zip(*part, strict=True)])
