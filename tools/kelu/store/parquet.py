"""Parquet: tables as files for those who compute on with them — the same rows, the same bytes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb

from kelu.store.table import Table, fill


def parquet(table: Table) -> bytes:
    """A table as a Parquet file, rows in their order.

    A connection of its own: that of the store may not reach the file system. One thread, so that the same rows give
    the same bytes.
    """
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(":memory:", config={"threads": 1}) as connection:
        target = Path(folder) / "rows.parquet"
        columns = ", ".join(f'"{name}" {kind}' for name, kind in table.columns.items())
        connection.execute(f"CREATE TABLE held ({columns})")
        fill(connection, "held", table)
        connection.execute(f"COPY held TO '{target}' (FORMAT parquet)")
        return target.read_bytes()
