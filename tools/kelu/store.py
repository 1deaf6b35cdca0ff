"""Store: records as DuckDB tables typed from their schemas, kept on disk and keyed by Git blob id.

The stored tables (`record.*`) hold what the files say. Before anything is asked, `prepare` lays over them what
a question needs: the policy tables, the named views of `policies/views`, and the records either as written or
as known at a moment. After that the file system is out of reach and the configuration locked, because rules and
KPIs are SQL that a change may bring. Only door to duckdb.
"""

from __future__ import annotations

import contextlib
import datetime
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from kelu.examine import Stored
from kelu.naming import in_order
from kelu.schema import Field, RecordSchema

ZONE = "Asia/Shanghai"
_BATCH = 2000
_SCALARS = {
    "string": "VARCHAR", "mixed": "VARCHAR", "moment": "VARCHAR", "date": "DATE", "datetime": "TIMESTAMPTZ",
    "integer": "BIGINT", "number": "DECIMAL(18,6)", "boolean": "BOOLEAN",
}  # fmt: skip


class QueryError(Exception):
    """A query of a policy does not run; the message is DuckDB's first line."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that policy or the tree brings: column names with SQL types, and the values."""

    columns: Mapping[str, str]
    rows: Sequence[tuple[Any, ...]]


class Store:
    """An open store. Not safe for use by several threads."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, schemas: Mapping[str, RecordSchema]) -> None:
        self._db = connection
        self._schemas = schemas
        self._laid: dict[str, str] = {}  # name -> TABLE or VIEW, laid by prepare
        self._columns: dict[str, tuple[str, ...]] = {}  # of what has been asked for since then
        self._locked = False

    # --- what is stored ---

    def sources(self) -> dict[str, str]:
        """Blob id of every stored record by path."""
        return dict(self._db.execute("SELECT path, blob FROM record.source").fetchall())

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """All that is added and removed inside is kept together, or none of it when something interrupts."""
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def remove(self, paths: Sequence[str]) -> None:
        """Forget the records of these paths."""
        if not paths:
            return
        gone = [list(paths)]
        for name in self._schemas:
            self._db.execute(f'DELETE FROM record."{name}" WHERE _path IN (SELECT unnest($1::VARCHAR[]))', gone)
        for name in ("link", "term"):
            self._db.execute(
                f"DELETE FROM record.{name} WHERE source IN "
                "(SELECT id FROM record.source WHERE path IN (SELECT unnest($1::VARCHAR[])))", gone
            )  # fmt: skip
        self._db.execute("DELETE FROM record.source WHERE path IN (SELECT unnest($1::VARCHAR[]))", gone)

    def add(self, records: Iterable[Stored]) -> None:
        """Store accepted records, in batches."""
        batch: list[Stored] = []
        for item in records:
            batch.append(item)
            if len(batch) == _BATCH:
                self._add(batch)
                batch = []
        if batch:
            self._add(batch)

    def _add(self, batch: list[Stored]) -> None:
        self._db.execute(
            "INSERT INTO record.source SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[]), unnest($3::VARCHAR[]), "
            "unnest($4::VARCHAR[]), unnest($5::VARCHAR[])",
            [[getattr(item, key) for item in batch] for key in ("path", "blob", "type", "id", "json")],
        )
        for name in dict.fromkeys(item.type for item in batch):
            schema = self._schemas[name]
            of_type = [item for item in batch if item.type == name]
            shape = json.dumps({item.name: _shape(item) for item in schema.fields})
            columns = ", ".join(_column(item) for item in schema.fields)
            self._db.execute(
                f'INSERT INTO record."{name}" SELECT {columns}, _path FROM (SELECT _path, unnest(from_json(j, $3)) '
                "FROM (SELECT unnest($1::VARCHAR[]) AS _path, unnest($2::VARCHAR[]) AS j))",
                [[item.path for item in of_type], [item.json for item in of_type], shape],
            )
        links = [(item.id, *reference) for item in batch for reference in item.references]
        terms = [(item.id, *term) for item in batch for term in item.terms]
        self._fill("record.link", Table(_LINK, links))
        self._fill("record.term", Table(_TERM, terms))

    def _fill(self, name: str, table: Table) -> None:
        if not table.rows:
            return
        columns = ", ".join(f"unnest(${i + 1}::{kind}[])" for i, kind in enumerate(table.columns.values()))
        for start in range(0, len(table.rows), 50_000):
            part = table.rows[start : start + 50_000]
            self._db.execute(
                f"INSERT INTO {name} SELECT {columns}", [list(column) for column in zip(*part, strict=True)]
            )

    def recall(self) -> dict[str, str]:
        """What `remember` was given last, whenever that was."""
        return dict(self._db.execute("SELECT key, answer FROM record.answer").fetchall())

    def remember(self, answers: Mapping[str, str]) -> None:
        """Keep texts under keys, in place of those kept before."""
        self._db.execute("DELETE FROM record.answer")
        self._fill("record.answer", Table(_ANSWER, list(answers.items())))

    # --- what a question needs ---

    def prepare(
        self,
        tables: Mapping[str, Table],
        views: Mapping[str, str],
        moment: datetime.datetime,
        *,
        known: bool,
        asked: Collection[str] | None = None,
    ) -> dict[str, str]:
        """Lay policy tables, records and views for the moment `moment` (aware).

        With `known`, the records are shown as known at that moment (kpis.md §0.2): later stamps and records are
        absent; otherwise as written. `listing` among the tables holds files that are no stored records; those that
        are join them. `asked` are the names that questions will use (None: any): of tables, macros and views only
        these are laid, the views computed once. Returns {view name: reason} for views that cannot be made.
        """
        self._lock()
        stamp = moment.isoformat()
        self._db.execute(f"CREATE OR REPLACE TEMP MACRO as_of() AS TIMESTAMPTZ '{stamp}'")
        self._db.execute(f"CREATE OR REPLACE TEMP MACRO as_of_date() AS CAST(TIMESTAMPTZ '{stamp}' AS DATE)")
        for name in reversed(self._laid):
            self._db.execute(f'DROP {self._laid[name]} IF EXISTS temp."{name}"')
        self._laid, self._columns = {}, {}
        for name, table in tables.items():
            if asked is not None and name not in asked:
                continue
            columns = ", ".join(f'"{column}" {kind}' for column, kind in table.columns.items())
            self._db.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" ({columns})')
            self._fill(f'temp."{name}"', table)
            if name == "listing":
                self._db.execute("INSERT INTO temp.listing SELECT id, type, path FROM record.source")
        if "calendar" in tables and (asked is None or "calendar" in asked):
            self._db.execute(f"CREATE OR REPLACE TEMP TABLE calendar_list AS {_CALENDAR_LIST}")
        for macro in _MACROS:
            if asked is None or macro.partition("(")[0] in asked:
                self._db.execute(f"CREATE OR REPLACE TEMP MACRO {macro}")
        for name in ("link", "term"):
            self._lay(name, f"SELECT * FROM record.{name}", "VIEW")
        for name, schema in self._schemas.items():
            source = f'SELECT * FROM record."{name}"'
            self._lay(name, _as_known(schema, stamp) if known else source, "TABLE" if known else "VIEW")
        domains = [(name, domain) for name, schema in self._schemas.items() for domain in schema.domains]
        self._db.execute("CREATE OR REPLACE TEMP TABLE type_domain (type VARCHAR, domain VARCHAR)")
        self._fill("temp.type_domain", Table({"type": "VARCHAR", "domain": "VARCHAR"}, domains))
        self._lay("record_index", " UNION ALL ".join(_index(schema) for schema in self._schemas.values()), "TABLE")
        kept = {name: sql for name, sql in views.items() if asked is None or name in asked}
        return self._lay_views(kept)

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

    def documents(self, ids: Collection[str] | None = None) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
        """Every stored record (or those of some ids) as written: (type, id, path, data), ordered by path."""
        rows = self._db.execute(
            "SELECT type, id, path, json FROM record.source "
            "WHERE $1::VARCHAR[] IS NULL OR id IN (SELECT unnest($1::VARCHAR[])) ORDER BY path",
            [None if ids is None else list(ids)],
        ).fetchall()
        for kind, name, path, text in rows:
            yield kind, name, path, json.loads(text)

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
_ANSWER = {"key": "VARCHAR", "answer": "VARCHAR"}
_SOURCE = {"path": "VARCHAR", "blob": "VARCHAR", "type": "VARCHAR", "id": "VARCHAR", "json": "VARCHAR"}
# One row: the calendar as lists, by day and by number of working day.
_CALENDAR_LIST = (
    "SELECT min(day) AS first_day, list(ordinal ORDER BY day) AS ordinals, list(known ORDER BY day) AS known, "
    "list(day ORDER BY day) FILTER (working) AS workdays FROM calendar"
)
# What a macro is given is put into its text as it stands, so that a name in it would be taken for a column of the table
# asked there. Tables and columns therefore go by names that no query has.
_MACROS = (
    "param(of_pack, of_key) AS (SELECT any_value(kelu_value) FROM "
    "(SELECT pack AS kelu_pack, key AS kelu_key, value AS kelu_value FROM parameter) AS kelu_p "
    "WHERE kelu_pack = of_pack AND kelu_key = of_key)",
    "param_has(of_pack, of_key, wanted) AS coalesce(list_contains(string_split(param(of_pack, of_key), ','), wanted), "
    "false)",
    "has_role(person, wanted, on_day) AS (SELECT count(*) > 0 FROM "
    "(SELECT staff AS kelu_staff, role AS kelu_role, since AS kelu_since, until AS kelu_until FROM staff_role) "
    "AS kelu_h WHERE kelu_staff = person AND kelu_role = wanted "
    "AND kelu_since <= CAST(on_day AS DATE) AND (kelu_until IS NULL OR CAST(on_day AS DATE) < kelu_until))",
    "end_of_day(d) AS CAST(CAST(d AS DATE) + 1 AS TIMESTAMPTZ) - INTERVAL 1 SECOND",
    # Looked up by place in lists, because a join over the calendar for each date takes minutes for 100,000 records.
    "workdays_before(d) AS (SELECT ordinals FROM calendar_list)"
    "[greatest(CAST(d AS DATE) - (SELECT first_day FROM calendar_list) + 1, 0)]",
    "workdays_between(a, b) AS workdays_before(b) - workdays_before(a)",
    # n-th working day after d, or before it where n is negative; n = 0 gives d itself or the next working day
    # (obligations.md §0.1)
    "add_workdays(d, n) AS (SELECT workdays FROM calendar_list)"
    "[workdays_before(CAST(d AS DATE) - CAST(n <= 0 AS INTEGER)) + n + CAST(n <= 0 AS INTEGER)]",
    "monday_after(d) AS add_workdays(CAST(date_trunc('week', CAST(d AS DATE)) AS DATE) + 7, 0)",
    "is_known(d) AS coalesce((SELECT known FROM calendar_list)"
    "[greatest(CAST(d AS DATE) - (SELECT first_day FROM calendar_list) + 1, 0)], false)",
    # The pack that rules a domain for a customer or project on a day: one agreed with them, else the company's.
    "governing_pack(of_domain, of_customer, of_project, on_day) AS coalesce("
    "(SELECT arg_max(kelu_pack, kelu_project IS NOT NULL) FROM "
    "(SELECT customer AS kelu_customer, project AS kelu_project, domain AS kelu_domain, pack AS kelu_pack, "
    "since AS kelu_since, until AS kelu_until FROM allowance) AS kelu_a "
    "WHERE kelu_domain = of_domain AND (kelu_customer = of_customer OR kelu_project = of_project) "
    "AND kelu_since <= on_day AND (kelu_until IS NULL OR on_day < kelu_until)), "
    "(SELECT any_value(kelu_pack) FROM (SELECT domain AS kelu_domain, pack AS kelu_pack, "
    "since AS kelu_since, until AS kelu_until FROM composition) AS kelu_c "
    "WHERE kelu_domain = of_domain AND kelu_since <= on_day AND (kelu_until IS NULL OR on_day < kelu_until)))",
    # Exempted from a duty (obligations.md §2.6): for one period, or for any where none is named.
    "waived(of_rule, of_subject, of_period) AS (SELECT count(*) > 0 FROM "
    "(SELECT rule AS kelu_rule, subject AS kelu_subject, period AS kelu_period, approved_on AS kelu_on FROM waiver) "
    "AS kelu_w WHERE kelu_rule = of_rule "
    "AND kelu_subject = of_subject AND coalesce(kelu_period = of_period, true) AND kelu_on <= as_of_date())",
)


def spelled_out() -> dict[str, str]:
    """What the macros, and the tables made here of others, stand for: {name: SQL}."""
    return {"calendar_list": _CALENDAR_LIST} | {macro.partition("(")[0]: macro for macro in _MACROS}


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
    for name, columns in (("source", _SOURCE), ("link", _LINK), ("term", _TERM), ("answer", _ANSWER)):
        connection.execute(f"CREATE TABLE record.{name} ({', '.join(f'{c} {t}' for c, t in columns.items())})")
    for name, schema in schemas.items():
        typed = [f'"{item.name}" {sql_type(item)}' for item in schema.fields]
        connection.execute(f'CREATE TABLE record."{name}" ({", ".join(typed)}, _path VARCHAR)')
    connection.execute("CREATE TABLE record.meta AS SELECT $1 AS fingerprint", [fingerprint])
    return connection


def _index(schema: RecordSchema) -> str:
    """A type's rows of `record_index`: what every record has, whatever its type."""
    names = {item.name for item in schema.fields}
    held = [f'"{name}"' if name in names else f"NULL::VARCHAR AS {name}" for name in ("policy", "customer", "project")]
    date = schema.business_date
    column = ".".join(f'"{step}"' for step in date.split(".")) if date else ""
    return (
        f"SELECT id, '{schema.name}' AS type, {', '.join(held)}, "
        f"{f'CAST({column} AS DATE)' if date else 'NULL::DATE'} AS day, '{date or ''}' AS day_field, "
        f'void IS NOT NULL AS void, status, _path AS path FROM "{schema.name}"'
    )


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


# --- types from fields -----------------------------------------------------------------------------------


def sql_type(item: Field) -> str:
    """The DuckDB type of a field's column."""
    if item.kind == "moment":
        return "TIMESTAMPTZ"
    return _type(item)


def _type(item: Field) -> str:
    if item.kind == "array" and item.items != "object":
        return f"{_SCALARS[item.items or 'mixed']}[]"
    if item.kind == "map":
        return f"MAP(VARCHAR, {_SCALARS[item.items or 'mixed']})"
    if item.kind in ("object", "array"):
        inner = ", ".join(f'"{child.name}" {_type(child)}' for child in item.children)
        return f"STRUCT({inner})" + ("[]" if item.kind == "array" else "")
    return _SCALARS[item.kind]


def _shape(item: Field) -> Any:
    """The same type in the notation of DuckDB's from_json."""
    if item.kind == "array":
        return [{c.name: _shape(c) for c in item.children} if item.children else _SCALARS[item.items or "mixed"]]
    if item.kind == "object":
        return {child.name: _shape(child) for child in item.children}
    return _type(item)


def _column(item: Field) -> str:
    name = f'"{item.name}"'
    if item.kind == "moment":
        return f"CAST({name} AS TIMESTAMPTZ)"
    if item.default is not None and item.kind in _SCALARS:
        literal = str(item.default).replace("'", "''")
        return f"coalesce({name}, CAST('{literal}' AS {_SCALARS[item.kind]}))"
    return name


# --- records as known at a moment ------------------------------------------------------------------------


def _as_known(schema: RecordSchema, stamp: str) -> str:
    """SELECT that shows a type's records as they were known at `stamp`, by the x-occurs marks."""
    changed = []
    for item in schema.fields:
        column = f'"{item.name}"'
        expression = _known(item, column, stamp, 0)
        if expression != column:
            changed.append(f"{expression} AS {column}")
    replaced = f" REPLACE ({', '.join(changed)})" if changed else ""
    sql = f'SELECT *{replaced} FROM record."{schema.name}"'
    if schema.occurs:
        kind = next(item.kind for item in schema.fields if item.name == schema.occurs)
        sql += f" WHERE {_happened(f'record.{schema.name}.{schema.occurs}', kind, stamp)}"
    return sql


def _happened(expression: str, kind: str, stamp: str) -> str:
    limit = f"TIMESTAMPTZ '{stamp}'"
    limit = f"CAST({limit} AS DATE)" if kind == "date" else limit
    return f"({expression} IS NULL OR {expression} <= {limit})"


def _known(item: Field, expression: str, stamp: str, depth: int) -> str:
    if item.occurs == "." and item.kind in ("date", "datetime", "moment"):
        return f"CASE WHEN {_happened(expression, item.kind, stamp)} THEN {expression} END"
    if item.kind == "object" and item.children:
        inner = _known_struct(item, expression, stamp, depth)
        condition = _occurs_condition(item, expression, stamp)
        return f"CASE WHEN {condition} THEN {inner} END" if condition else inner
    if item.kind == "array" and item.children:
        name = f"x{depth}"
        inner = _known_struct(item, name, stamp, depth + 1)
        result = expression if inner == name else f"list_transform({expression}, lambda {name}: {inner})"
        condition = _occurs_condition(item, name, stamp)
        return f"list_filter({result}, lambda {name}: {condition})" if condition else result
    return expression


def _known_struct(item: Field, expression: str, stamp: str, depth: int) -> str:
    parts = [(c.name, f'{expression}."{c.name}"') for c in item.children]
    seen = [_known(c, at, stamp, depth) for c, (_, at) in zip(item.children, parts, strict=True)]
    if seen == [at for _, at in parts]:
        return expression
    packed = ", ".join(f'"{name}" := {value}' for (name, _), value in zip(parts, seen, strict=True))
    return f"CASE WHEN {expression} IS NOT NULL THEN struct_pack({packed}) END"


def _occurs_condition(item: Field, expression: str, stamp: str) -> str | None:
    child = next((c for c in item.children if c.name == item.occurs), None)
    return _happened(f'{expression}."{child.name}"', child.kind, stamp) if child else None
