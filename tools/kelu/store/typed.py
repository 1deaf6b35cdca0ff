"""Typed: how the fields of a record schema become typed columns, and records as they were known at a moment."""

from __future__ import annotations

from typing import Any

from kelu.schema import Field, RecordSchema

_SCALARS = {
    "string": "VARCHAR", "mixed": "VARCHAR", "moment": "VARCHAR", "date": "DATE", "datetime": "TIMESTAMPTZ",
    "integer": "BIGINT", "number": "DECIMAL(18,6)", "boolean": "BOOLEAN",
}  # fmt: skip


def index_row(schema: RecordSchema) -> str:
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


def shape(item: Field) -> Any:
    """The same type in the notation of DuckDB's from_json."""
    if item.kind == "array":
        return [{c.name: shape(c) for c in item.children} if item.children else _SCALARS[item.items or "mixed"]]
    if item.kind == "object":
        return {child.name: shape(child) for child in item.children}
    return _type(item)


def column(item: Field) -> str:
    name = f'"{item.name}"'
    if item.kind == "moment":
        return f"CAST({name} AS TIMESTAMPTZ)"
    if item.default is not None and item.kind in _SCALARS:
        literal = str(item.default).replace("'", "''")
        return f"coalesce({name}, CAST('{literal}' AS {_SCALARS[item.kind]}))"
    return name


# --- records as known at a moment ------------------------------------------------------------------------


def as_known(schema: RecordSchema, stamp: str, hindsight: bool = False) -> str:
    """SELECT that shows a type's records as they were known at `stamp`, by the x-occurs marks; with `hindsight`, what
    was made void later is void already."""
    changed = []
    for item in schema.fields:
        if hindsight and item.name == "void":
            continue
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
