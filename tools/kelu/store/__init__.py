"""Store: records as DuckDB tables typed from their schemas, kept on disk and keyed by Git blob id.

The stored tables (`record.*`) hold what the files say. Before anything is asked, `prepare` lays over them what
a question needs: the policy tables, the named views of `policies/views`, and the records either as written or
as known at a moment. After that the file system is out of reach and the configuration locked, because rules and
KPIs are SQL that a change may bring. Only door to duckdb.
"""

from __future__ import annotations

import datetime
import json
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from kelu.examine import SEPARATOR, Batch
from kelu.finding import Text
from kelu.naming import in_order, reach, words
from kelu.schema import RecordSchema
from kelu.store import typed
from kelu.store.macros import MACROS, VARIABLES, spelled_out
from kelu.store.table import Table, fill, together
from kelu.store.typed import sql_type

__all__ = ["LANDED", "ZONE", "QueryError", "Store", "Table", "cache_state", "open_store", "spelled_out", "sql_type"]

ZONE = "Asia/Shanghai"
_INDEX = "record_index"
LANDED = "landed"  # the one table that follows from the history of the records and not from how they stand
_AT_ONCE = 8000  # records; planning a statement over all of a type's columns takes milliseconds
_KEPT = 6  # calls of `remember` that an answer outlasts which is not given again
_MEMORY, _MEMORY_RECORD = 500, 20  # DuckDB may use so many MB, and so many KB for each record


class QueryError(Exception):
    """A query of a policy does not run; the message is DuckDB's first line."""


class Store:
    """An open store. Not safe for use by several threads."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, schemas: Mapping[str, RecordSchema]) -> None:
        self._db = connection
        self._schemas = schemas
        self._laid: dict[str, str] = {}  # name -> TABLE or VIEW, laid by prepare
        self._columns: dict[str, tuple[str, ...]] = {}  # of what has been asked for since then
        self._locked = False
        self._landed: Table | None = Table(_LANDED, [])  # None: as kept
        self.withheld: Text | None = None  # why `landed` cannot be told

    # --- what is stored ---

    def sources(self) -> dict[str, str]:
        """Blob id of every stored record by path."""
        return dict(self._db.execute("SELECT path, blob FROM record.source").fetchall())

    def change(self) -> AbstractContextManager[None]:
        """All that is changed inside is kept together, or none of it when something interrupts."""
        return together(self._db)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Whatever is changed or laid inside is taken back at the end."""
        self._lock()
        laid = self._laid
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")
            self._laid, self._columns = laid, {}

    def take(self, mark: str, told: str, lines: Iterable[str] | None) -> None:
        """What the records here were made of, see `taken`; to be told within the change that makes it true."""
        self._db.execute("DELETE FROM record.taken")
        if lines is not None:
            text = "\0".join(lines).encode("utf-8", "surrogateescape")
            self._db.execute("INSERT INTO record.taken VALUES ($1, $2, $3::BLOB)", [mark, told, text])

    def taken(self) -> tuple[str, str] | None:
        """The digest of the list of files that the records were made of, and what was found of them; None where the
        files did not lie as they should, or nothing was told."""
        found = self._db.execute("SELECT mark, told FROM record.taken").fetchall()
        return found[0] if found else None

    def taken_lines(self) -> list[str]:
        """That list."""
        ((lines,),) = self._db.execute("SELECT lines FROM record.taken").fetchall()
        return bytes(lines).decode("utf-8", "surrogateescape").split("\0")

    def referred(self, ids: Collection[str]) -> set[str]:
        """The records that some records (ids) refer to, in part or whole."""
        named = "SELECT split_part(target, '/', 1) FROM record.link WHERE source IN (SELECT unnest($1))"
        found = self._db.execute(f"SELECT id FROM record.source WHERE id IN ({named})", [list(ids)])
        return {name for (name,) in found.fetchall()}

    def linked(self, ids: Collection[str]) -> set[str]:
        """The records that some records refer to, and those that refer to them."""
        found = self._db.execute(
            "SELECT source FROM record.link WHERE CASE WHEN contains(target, '/') THEN split_part(target, '/', 1) "
            "ELSE target END IN (SELECT unnest($1))", [list(ids)]
        ).fetchall()  # fmt: skip
        return self.referred(ids).union(name for (name,) in found)

    def remove(self, paths: Sequence[str]) -> None:
        """Forget the records of these paths."""
        if not paths:
            return
        gone = [list(paths)]
        types = "SELECT DISTINCT type FROM record.source WHERE path IN (SELECT unnest($1::VARCHAR[]))"
        for (name,) in self._db.execute(types, gone).fetchall():
            self._db.execute(f'DELETE FROM record."{name}" WHERE _path IN (SELECT unnest($1::VARCHAR[]))', gone)
        for name in ("link", "term"):
            self._db.execute(
                f"DELETE FROM record.{name} WHERE source IN "
                "(SELECT id FROM record.source WHERE path IN (SELECT unnest($1::VARCHAR[])))", gone
            )  # fmt: skip
        self._db.execute("DELETE FROM record.source WHERE path IN (SELECT unnest($1::VARCHAR[]))", gone)

    def add(self, batches: Iterable[Batch]) -> None:
        """Store accepted records, many at once."""
        kept: dict[str, list[Batch]] = {}
        size = 0
        for batch in batches:
            kept.setdefault(batch.type, []).append(batch)
            size += batch.size
            if size >= _AT_ONCE:
                self._add(kept)
                kept, size = {}, 0
        self._add(kept)

    def _add(self, kept: Mapping[str, Sequence[Batch]]) -> None:
        for name, batches in kept.items():
            schema = self._schemas[name]
            shape = json.dumps({item.name: typed.shape(item) for item in schema.fields})
            columns = ", ".join(typed.column(item) for item in schema.fields)
            path, blob, ids, text = _joined(batch.records for batch in batches)
            self._db.execute(
                f"INSERT INTO record.source SELECT {_split(1)}, {_split(2)}, $3, {_split(4)}, {_split(5)}",
                [path, blob, name, ids, text],
            )
            self._db.execute(
                f'INSERT INTO record."{name}" SELECT {columns}, _path FROM (SELECT _path, unnest(from_json(j, $3)) '
                f"FROM (SELECT {_split(1)} AS _path, {_split(2)} AS j))",
                [path, text, shape],
            )
        for name, kind, table in (("link", "links", _LINK), ("term", "terms", _TERM)):
            values = _joined(found for some in kept.values() for batch in some if (found := getattr(batch, kind)))
            if values:
                split = ", ".join(f"{_split(i)}::{kind}" for i, kind in enumerate(table.values(), 1))
                self._db.execute(f"INSERT INTO record.{name} SELECT {split}", values)

    def recall(self) -> dict[str, str]:
        """What `remember` was given last, whenever that was."""
        return dict(self._db.execute("SELECT key, answer FROM record.answer").fetchall())

    def remember(self, answers: Mapping[str, str]) -> None:
        """Keep texts under keys, and of those kept before the ones that were given in one of the last few calls."""
        with self.change():
            self._db.execute(
                "DELETE FROM record.answer WHERE list_contains($1, key) OR age >= $2", [list(answers), _KEPT]
            )
            self._db.execute("UPDATE record.answer SET age = age + 1")
            fill(self._db, "record.answer", Table(_ANSWER, [(*item, 0) for item in answers.items()]))

    # --- what the history tells of them ---

    def land(self, rows: Sequence[tuple[Any, ...]], mark: str | None = None, withheld: Text | None = None) -> None:
        """What the table `landed` is to show from now on: (id, landed_at, backfilled_at) of each record that came onto
        the default branch since the foundation. With a mark it is kept, for `has_landed`; `withheld` says why it
        cannot be told, so that no figure may lean on it."""
        self._landed, self.withheld = Table(_LANDED, rows), withheld
        if mark is not None:
            with self.change():
                self._db.execute("DELETE FROM record.landed")
                self._db.execute("DELETE FROM record.landed_by")
                fill(self._db, "record.landed", self._landed)
                self._db.execute("INSERT INTO record.landed_by VALUES ($1)", [mark])
            self._landed = None

    def landings(self) -> list[tuple[Any, ...]]:
        """What the table `landed` shows."""
        return list(self._landed.rows) if self._landed else self.query(f"SELECT * FROM record.{LANDED}")

    def has_landed(self, mark: str) -> bool:
        """Whether what is kept bears this mark; if so, it is shown from now on."""
        fits = self._db.execute("SELECT mark FROM record.landed_by").fetchall() == [(mark,)]
        if fits:
            self._landed, self.withheld = None, None
        return fits

    # --- what a question needs ---

    def prepare(
        self,
        tables: Mapping[str, Table],
        views: Mapping[str, str],
        moment: datetime.datetime,
        *,
        known: bool,
        hindsight: bool = False,
        asked: Collection[str] | None = None,
        within: Collection[str] | None = None,
    ) -> dict[str, str]:
        """Lay policy tables, records and views for the moment `moment` (aware).

        With `known`, the records are shown as known at that moment (kpis.md §0.2): later stamps and records are
        absent, but with `hindsight` what is void now is void then, too; otherwise as written. `listing` among the
        tables holds files that are no stored records; those that are join them. `asked` are the names that questions
        will use (None: any): of tables, macros and views only these are laid, the views computed once. `within`
        leaves out all records but those of some ids, shown as written. Returns {view name: reason} for views that
        cannot be made.
        """
        self._lock()
        stamp = moment.isoformat()
        self._db.execute(f"CREATE OR REPLACE TEMP MACRO as_of() AS TIMESTAMPTZ '{stamp}'")
        self._db.execute(f"CREATE OR REPLACE TEMP MACRO as_of_date() AS CAST(TIMESTAMPTZ '{stamp}' AS DATE)")
        for name in reversed(self._laid):
            self._db.execute(f'DROP {self._laid[name]} IF EXISTS temp."{name}"')
        self._laid, self._columns = {}, {}
        self._db.execute("SET VARIABLE within = $1::VARCHAR[]", [None if within is None else list(within)])
        among = "" if within is None else " WHERE {} IN (SELECT unnest(getvariable('within')))"
        for name, table in tables.items():
            if asked is not None and name not in asked:
                continue
            columns = ", ".join(f'"{column}" {kind}' for column, kind in table.columns.items())
            self._db.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" ({columns})')
            fill(self._db, f'temp."{name}"', table)
            if name == "listing":
                stored = f"SELECT id, type, path FROM record.source{among.format('id')}"
                self._db.execute(f"INSERT INTO temp.listing {stored}")
        for variable, sql in VARIABLES.items():
            if words(sql) & tables.keys() and (asked is None or variable in asked):
                self._db.execute(f"SET VARIABLE {variable} = ({sql})")
        for macro in MACROS:
            if asked is None or macro.partition("(")[0] in asked:
                self._db.execute(f"CREATE OR REPLACE TEMP MACRO {macro}")
        few = "VIEW" if within is None else "TABLE"  # a table that holds little is asked in half the time of a view
        for name in ("link", "term"):
            self._lay(name, f"SELECT * FROM record.{name}{among.format('source')}", few)
        for name, schema in self._schemas.items():
            source = f'SELECT * FROM record."{name}"{among.format("id")}'
            self._lay(name, typed.as_known(schema, stamp, hindsight) if known else source, "TABLE" if known else few)
        domains = [(name, domain) for name, schema in self._schemas.items() for domain in schema.domains]
        self._db.execute("CREATE OR REPLACE TEMP TABLE type_domain (type VARCHAR, domain VARCHAR)")
        fill(self._db, "temp.type_domain", Table({"type": "VARCHAR", "domain": "VARCHAR"}, domains))
        if asked is None or _INDEX in reach([" ".join(asked)], {**views, **spelled_out()}):
            rows = (typed.index_row(schema) for schema in self._schemas.values())
            self._lay(_INDEX, " UNION ALL ".join(rows), "TABLE")
        kept = {name: sql for name, sql in views.items() if asked is None or name in asked}
        if known:
            self._lay_landed()
        else:
            kept = {name: sql for name, sql in kept.items() if LANDED not in reach([sql], views)}
        return self._lay_views(kept)

    def _lay_landed(self) -> None:
        if self._landed is None:
            self._lay(LANDED, f"SELECT * FROM record.{LANDED}", "VIEW")
        else:
            self._lay(LANDED, f"SELECT * FROM record.{LANDED} LIMIT 0", "TABLE")
            fill(self._db, f"temp.{LANDED}", self._landed)

    def _lay_views(self, views: Mapping[str, str]) -> dict[str, str]:
        failed: dict[str, str] = {}
        for name in in_order(views):
            try:
                # A table, as planning a query through views of views takes longer than working them out one by one.
                self._lay(name, _single(views[name]), "TABLE")
            except (duckdb.Error, QueryError) as fault:
                failed[name] = _first_line(fault)
        return failed

    def _lay(self, name: str, sql: str, kind: str) -> None:
        self._db.execute(f'CREATE TEMP {kind} "{name}" AS {sql}')
        self._laid[name] = kind

    def _lock(self) -> None:
        if not self._locked:
            # DuckDB keeps what it once asked for: left alone, one wide question costs the rest of the run a gigabyte.
            ((held,),) = self._db.execute("SELECT count(*) FROM record.source").fetchall()
            self._db.execute(f"SET memory_limit='{_MEMORY + held * _MEMORY_RECORD // 1024}MB'")
            self._db.execute("SET temp_directory=$1", [tempfile.gettempdir()])
            self._db.execute("SET enable_external_access=false")
            self._db.execute("SET lock_configuration=true")
            self._locked = True

    # --- asking ---

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of one SELECT. Raises QueryError when it is not one statement or does not run."""
        try:
            return self._db.execute(_statement(sql), list(parameters)).fetchall()
        except (duckdb.Error, OverflowError) as fault:
            raise QueryError(_first_line(fault)) from fault

    def columns(self, name: str) -> tuple[str, ...]:
        """Column names of a table or view laid by `prepare`; empty when there is none of that name."""
        if name not in self._columns:  # DuckDB goes through its whole catalogue for an answer
            found = self.query("SELECT column_name FROM duckdb_columns() WHERE table_name = $1 AND "
                               "database_name = 'temp' ORDER BY column_index", [name])  # fmt: skip
            self._columns[name] = tuple(row[0] for row in found)
        return self._columns[name]

    def types(self, sql: str) -> dict[str, str]:
        """Column names of one SELECT with their SQL types, without running it. Raises QueryError like `query`."""
        self.query(f"SELECT * FROM ({_single(sql)}) LIMIT 0")
        return {str(name): str(kind) for name, kind, *_ in self._db.description or ()}

    def known(
        self, name: str, moment: datetime.datetime, paths: Collection[str], *, hindsight: bool = False
    ) -> Iterator[dict[str, Any]]:
        """The columns that hold anything of a type's records in these files, as known at a moment, see `prepare`."""
        sql = typed.as_known(self._schemas[name], moment.isoformat(), hindsight)
        asked = self._db.execute(f"SELECT * FROM ({sql}) WHERE list_contains($1, _path)", [list(paths)])
        names = [str(column) for column, *_ in asked.description or ()]
        for row in asked.fetchall():
            yield {column: value for column, value in zip(names, row, strict=True) if value is not None}

    def documents(
        self, ids: Collection[str] | None = None, kind: str | None = None
    ) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
        """Every stored record (or those of some ids, of one type) as written: (type, id, path, data), by path."""
        rows = self.query(
            "SELECT type, id, path, json FROM record.source "
            "WHERE ($1::VARCHAR[] IS NULL OR id IN (SELECT unnest($1::VARCHAR[]))) AND type = coalesce($2, type) "
            "ORDER BY path",
            [None if ids is None else list(ids), kind],
        )
        for kind, name, path, text in rows:
            yield kind, name, path, json.loads(text)

    def extracts(self, fields: Mapping[str, Collection[str]]) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
        """Of every stored record of some types some of its top-level fields, as far as they hold anything; dates and
        times are as DuckDB writes them, in Asia/Shanghai: (type, id, path, data), by path. Far quicker than
        `documents`."""
        for kind in sorted(fields, key=lambda name: self._schemas[name].folder):
            parts = ", ".join(f'"{name}": "{name}"' for name in fields[kind])
            sql = f'SELECT id, _path, CAST(to_json({{{parts}}}) AS VARCHAR) FROM record."{kind}" ORDER BY _path'
            for name, path, text in self.query(sql):
                yield kind, name, path, {key: value for key, value in json.loads(text).items() if value is not None}

    def checkpoint(self) -> None:
        """Write what is stored to disk."""
        self._db.execute("CHECKPOINT")

    def close(self) -> None:
        self._db.close()


_LINK = {"source": "VARCHAR", "field": "VARCHAR", "target": "VARCHAR", "kind": "VARCHAR"}
_TERM = {
    "source": "VARCHAR",
    "field": "VARCHAR",
    "vocabulary": "VARCHAR",
    "shared": "BOOLEAN",
    "value": "VARCHAR",
}
_ANSWER = {"key": "VARCHAR", "answer": "VARCHAR", "age": "INTEGER"}
_LANDED = {"id": "VARCHAR", "landed_at": "TIMESTAMPTZ", "backfilled_at": "TIMESTAMPTZ"}
_TAKEN = {"mark": "VARCHAR", "told": "VARCHAR", "lines": "BLOB"}
_LANDED_BY = {"mark": "VARCHAR"}
_SOURCE = {"path": "VARCHAR", "blob": "VARCHAR", "type": "VARCHAR", "id": "VARCHAR", "json": "VARCHAR"}


def open_store(path: Path | None, schemas: Mapping[str, RecordSchema], fingerprint: str) -> Store:
    """The store kept at `path`, or one in memory when `path` is None or another process holds the file.

    A cache of another program version or schema, or one that is damaged, is thrown away: it is never believed.
    """
    if path is None:
        return Store(_fresh(":memory:", schemas, fingerprint), schemas)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = duckdb.connect(str(path))
        try:
            if connection.execute("SELECT fingerprint FROM record.meta").fetchall() == [(fingerprint,)]:
                _configure(connection)
                return Store(connection, schemas)
        except duckdb.Error:
            pass
        connection.close()
    except duckdb.IOException as fault:
        if "lock" in str(fault):
            return Store(_fresh(":memory:", schemas, fingerprint), schemas)
    except duckdb.Error:
        pass
    for leftover in (path, path.with_name(path.name + ".wal")):
        leftover.unlink(missing_ok=True)
    return Store(_fresh(str(path), schemas, fingerprint), schemas)


def cache_state(path: Path, fingerprint: str) -> str:
    """What a kept store is to this program, without touching it: absent, fits, stale, damaged or busy."""
    if not path.exists():
        return "absent"
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            kept = connection.execute("SELECT fingerprint FROM record.meta").fetchall()
    except duckdb.CatalogException:
        return "stale"
    except duckdb.Error as fault:
        return "busy" if "lock" in str(fault) else "damaged"
    return "fits" if kept == [(fingerprint,)] else "stale"


def _configure(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"SET TimeZone='{ZONE}'")
    # The tables are small and the questions many: handing parts to a second thread costs more than it brings, in
    # time too (measured with 10,000 and 100,000 records).
    connection.execute("SET threads=1")
    # DuckDB 2.0.0 turns a filter on a boolean inside a struct into "the struct is there" where the statistics hold
    # only true and NULL, and so finds records it should not.
    connection.execute("SET disabled_optimizers='statistics_propagation'")


def _fresh(where: str, schemas: Mapping[str, RecordSchema], fingerprint: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(where)
    _configure(connection)
    connection.execute("CREATE SCHEMA record")
    for name, columns in (
        ("source", _SOURCE), ("link", _LINK), ("term", _TERM), ("answer", _ANSWER), (LANDED, _LANDED),
        ("landed_by", _LANDED_BY), ("taken", _TAKEN),
    ):  # fmt: skip
        connection.execute(f"CREATE TABLE record.{name} ({', '.join(f'{c} {t}' for c, t in columns.items())})")
    for name, schema in schemas.items():
        held = [f'"{item.name}" {sql_type(item)}' for item in schema.fields]
        connection.execute(f'CREATE TABLE record."{name}" ({", ".join(held)}, _path VARCHAR)')
    connection.execute("CREATE TABLE record.meta AS SELECT $1 AS fingerprint", [fingerprint])
    return connection


def _joined(columns: Iterable[tuple[str, ...]]) -> list[str]:
    """The columns of several batches, one behind the other."""
    return [SEPARATOR.join(parts) for parts in zip(*columns, strict=True)]


def _split(place: int) -> str:
    """SQL for the values of a batch's column that is handed over as a parameter."""
    return f"unnest(string_split(${place}::VARCHAR, chr({ord(SEPARATOR)})))"


def _statement(sql: str) -> duckdb.Statement:
    """The parsed text if it is exactly one SELECT: policy SQL may ask, never act."""
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as fault:
        raise QueryError(_first_line(fault)) from fault
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QueryError("exactly one SELECT is allowed")
    return statements[0]


def _single(sql: str) -> str:
    """The text of one SELECT, to stand inside another statement."""
    _statement(sql)
    return sql.strip().rstrip(";")


def _first_line(fault: BaseException) -> str:
    return str(fault).split("\n", 1)[0]
