"""Trail: the kept history — commits, the files that each touched, and what every version of a record set anew.

A version is kept as the top-level keys that differ from the version it was made from, so that going through a
record's life needs neither Git nor YAML. It is filled by one walk of Git and then only added to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import duckdb

from kelu.store.table import Table, fill, together

_TABLES: Mapping[str, Mapping[str, str]] = {
    "commits": {
        "place": "INTEGER", "sha": "VARCHAR", "parents": "VARCHAR", "author": "VARCHAR", "author_mail": "VARCHAR",
        "authored": "BIGINT", "committer": "VARCHAR", "committer_mail": "VARCHAR", "committed": "BIGINT",
        "trailers": "VARCHAR", "message": "VARCHAR", "files": "INTEGER", "unit": "INTEGER",
    },
    "touch": {"place": "INTEGER", "path": "VARCHAR", "old": "VARCHAR", "new": "VARCHAR"},
    "version": {"path": "VARCHAR", "blob": "VARCHAR", "base": "VARCHAR", "delta": "VARCHAR"},
    "kept": {"key": "VARCHAR", "text": "VARCHAR"},
}  # fmt: skip
Row = tuple[Any, ...]
_FEW = 20


class Trail:
    """An open history. `commits.place` counts the commits in the order of the walk, parents before children; `unit` is
    the place of the commit of the default branch that brought a commit in."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._db = connection

    def change(self) -> AbstractContextManager[None]:
        """All that is changed inside is kept together, or none of it when something interrupts."""
        return together(self._db)

    def add(self, table: str, rows: Sequence[Row]) -> None:
        """Add rows to `commits`, `touch` or `version`."""
        fill(self._db, table, Table(_TABLES[table], rows))

    def forget(self, shas: Collection[str]) -> None:
        """Take commits out, with what they touched."""
        self._db.execute(
            "DELETE FROM touch WHERE place IN (SELECT place FROM commits WHERE sha IN (SELECT unnest($1::VARCHAR[])))",
            [list(shas)],
        )
        self._db.execute("DELETE FROM commits WHERE sha IN (SELECT unnest($1::VARCHAR[]))", [list(shas)])

    def land(self, units: Mapping[int, int]) -> None:
        """Say for commits (by place) which one of the default branch brought them in."""
        self._db.execute("CREATE OR REPLACE TEMP TABLE landing (place INTEGER, unit INTEGER)")
        fill(self._db, "landing", Table({"place": "INTEGER", "unit": "INTEGER"}, list(units.items())))
        self._db.execute("UPDATE commits SET unit = landing.unit FROM landing WHERE commits.place = landing.place")

    def recall(self, key: str) -> str | None:
        """A text kept under a key."""
        row = self._db.execute("SELECT text FROM kept WHERE key = $1", [key]).fetchone()
        return row[0] if row else None

    def remember(self, key: str, text: str) -> None:
        """Keep a text under a key."""
        self._db.execute("DELETE FROM kept WHERE key = $1", [key])
        self._db.execute("INSERT INTO kept VALUES ($1, $2)", [key, text])

    def retain(self, prefix: str, keys: Collection[str]) -> None:
        """Take out the texts under keys of a prefix but for these."""
        asked = "DELETE FROM kept WHERE starts_with(key, $1) AND NOT list_contains($2::VARCHAR[], key)"
        self._db.execute(asked, [prefix, list(keys)])

    def count(self) -> int:
        """One more than the last commit's place."""
        row = self._db.execute("SELECT coalesce(max(place) + 1, 0) FROM commits").fetchone()
        assert row is not None
        return int(row[0])

    def commits(self, places: Collection[int] | None = None) -> list[Row]:
        """The commits (of these places), in order."""
        among, asked = _among("place", "INTEGER", places)
        return self._db.execute(f"SELECT * FROM commits WHERE {among} ORDER BY place", asked).fetchall()

    def units(self, places: Collection[int]) -> list[Row]:
        """(place, unit) of these commits."""
        among, asked = _among("place", "INTEGER", places)
        return self._db.execute(f"SELECT place, unit FROM commits WHERE {among}", asked).fetchall() if places else []

    def brought(self, units: Collection[int]) -> list[Row]:
        """The commits that landed at some places, in order."""
        among, asked = _among("unit", "INTEGER", units)
        return (
            self._db.execute(f"SELECT * FROM commits WHERE {among} ORDER BY place", asked).fetchall() if units else []
        )

    def touched(self, places: Collection[int]) -> list[Row]:
        """(place, path, old, new) of every change by these commits, in order."""
        among, asked = _among("place", "INTEGER", places)
        sql = f"SELECT * FROM touch WHERE {among} ORDER BY path, place"
        return self._db.execute(sql, asked).fetchall() if places else []

    def touches(self, paths: Collection[str] | None = None) -> list[Row]:
        """(place, path, old, new) of every change (to these files), in order."""
        among, asked = _among("path", "VARCHAR", paths)
        return self._db.execute(f"SELECT * FROM touch WHERE {among} ORDER BY path, place", asked).fetchall()

    def versions(self, paths: Collection[str] | None = None) -> list[Row]:
        """(path, blob, base, delta) of every version (of these files), by file in the order they came in."""
        among, asked = _among("path", "VARCHAR", paths)
        return self._db.execute(f"SELECT * FROM version WHERE {among} ORDER BY path, rowid", asked).fetchall()

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Rows of a question about the tables."""
        return self._db.execute(sql, list(parameters)).fetchall()

    def close(self) -> None:
        self._db.close()


def _among(column: str, kind: str, values: Collection[Any] | None) -> tuple[str, list[Any]]:
    """A condition, with its parameters: one of some values, or any. Few are named one by one, as then DuckDB looks only
    where they may be: places and paths lie in order."""
    if values is None:
        return "true", []
    if len(values) <= _FEW:
        return f"{column} IN ({', '.join(f'${number + 1}' for number in range(len(values)))})", list(values)
    return f"{column} IN (SELECT unnest($1::{kind}[]))", [list(values)]


def open_trail(path: Path | None, fingerprint: str) -> Trail:
    """The history kept at `path`, or one in memory when `path` is None or another process holds the file.

    One of another program version, or one that is damaged, is thrown away: it is never believed.
    """
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(2):
            try:
                connection = duckdb.connect(str(path))
                kept = connection.execute("SELECT fingerprint FROM meta").fetchall()
                if kept == [(fingerprint,)]:
                    connection.execute("SET threads=1")
                    return Trail(connection)
                connection.close()
            except duckdb.CatalogException:
                return Trail(_laid(connection, fingerprint))
            except duckdb.IOException as fault:
                if "lock" in str(fault):
                    break
            except duckdb.Error:
                pass
            for leftover in (path, path.with_name(path.name + ".wal")):
                leftover.unlink(missing_ok=True)
    return Trail(_laid(duckdb.connect(":memory:"), fingerprint))


def _laid(connection: duckdb.DuckDBPyConnection, fingerprint: str) -> duckdb.DuckDBPyConnection:
    connection.execute("SET threads=1")
    for name, columns in _TABLES.items():
        connection.execute(f"CREATE TABLE {name} ({', '.join(f'{key} {kind}' for key, kind in columns.items())})")
    connection.execute("CREATE TABLE meta AS SELECT $1 AS fingerprint", [fingerprint])
    return connection
