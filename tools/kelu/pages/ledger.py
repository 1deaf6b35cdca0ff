"""Ledgers: lists of records as `site/ledgers/*.yaml` defines them — a page, a JSON file for the table, a CSV.

A definition says which columns there are in SQL; what a value may show is judged by privacy: a column is
either a field of the record (its mark decides) or a bare number, date or truth value.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from kelu import privacy
from kelu.finding import Text
from kelu.pages.clause import page_of
from kelu.policy import Policy
from kelu.privacy import Directory
from kelu.schema import Field, RecordSchema

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BARE = {"number": "number", "date": "date", "datetime": "datetime", "boolean": "boolean"}
PLAIN_ROWS = 500


class Queryable(Protocol):
    """What a ledger needs of the store."""

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `leaf` judges its values; `kind` tells the table how to show and sort them, `folder` where the pages
    are that its values lead to."""

    name: str
    label: Text
    sql: str
    leaf: Field
    kind: str
    width: int
    filter: str
    folder: str


@dataclass(frozen=True, slots=True)
class Document:
    """What a pack in force calls a document, and the pack's page."""

    name: Text
    pack: str
    page: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """A ledger with its rows. A cell is text, a number, None, or {id, title} of the record it leads to. `called` is
    the document that the ledger is under the pack in force, `holds` are those that its records are."""

    name: str
    title: Text
    about: Text
    type: str
    position: int
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    called: Document | None = None
    holds: tuple[Document, ...] = ()

    @property
    def page(self) -> str:
        return f"ledgers/{self.name}.html"


def read(
    name: str,
    definition: Mapping[str, Any],
    schemas: Mapping[str, RecordSchema],
    store: Queryable,
    directory: Directory,
    words: Mapping[str, Any],
) -> Ledger:
    """A ledger from its definition. Raises KeyError for a field its record type has not."""
    schema = schemas[definition["type"]]
    columns = tuple(_columns(definition["columns"], schema))
    selected = ", ".join(f"({column.sql}) AS c{i}" for i, column in enumerate(columns))
    sql = f"SELECT id, {selected} FROM {definition['from']} ORDER BY {definition.get('order', 'id DESC')}"
    rows = tuple(
        tuple(
            _cell(column, value, str(row[0]), directory, words) for column, value in zip(columns, row[1:], strict=True)
        )
        for row in store.query(sql)
    )
    return _ledger(name, definition, schema.name, columns, rows)


def listed(name: str, definition: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Ledger:
    """A ledger of what is no record: `rows` hold the cells by the names of the columns, fit to be shown."""
    columns = tuple(_columns(definition["columns"], None))
    return _ledger(name, definition, "", columns, tuple(tuple(row[c.name] for c in columns) for row in rows))


def named(item: Ledger, definition: Mapping[str, Any], policy: Policy, day: datetime.date) -> Ledger:
    """A ledger under the name that the pack ruling its domain on a day has for it (the first of the terms under
    `term` that this pack names), and with the names of the documents in it (`holds`)."""
    ruling = [
        (domain, pack)
        for domain, pack, since, until in policy.composition()
        if since <= day.isoformat() and (until is None or day.isoformat() < until)
    ]
    own = [pack for domain, pack in ruling if domain == definition.get("domain")]
    everybody = [*own, *(pack for _, pack in ruling)]
    called = next((found for term in definition.get("term", ()) for found in _documents(policy, own, term)), None)
    held = (next(_documents(policy, everybody, term), None) for term in definition.get("holds", ()))
    return replace(item, title=called.name if called else item.title, called=called, holds=tuple(filter(None, held)))


def _documents(policy: Policy, packs: Sequence[str], term: str) -> Iterator[Document]:
    for pack in packs:
        words = policy.packs[pack].source.data.get("terms", {}).get(term)
        if words:
            yield Document(Text(words["zh"], words["en"]), pack, f"{page_of(pack)}.html#terms")


def _ledger(
    name: str, definition: Mapping[str, Any], type_: str, columns: tuple[Column, ...], rows: tuple[tuple[Any, ...], ...]
) -> Ledger:
    title, about = definition["title"], definition.get("about", {"zh": "", "en": ""})
    return Ledger(
        name, Text(title["zh"], title["en"]), Text(about["zh"], about["en"]), type_,
        definition.get("position", 100), columns, rows,
    )  # fmt: skip


def _columns(definitions: Sequence[Mapping[str, Any]], schema: RecordSchema | None) -> Iterator[Column]:
    for entry in definitions:
        pointer = entry.get("field")
        shown = entry.get("show")
        leaf = privacy.leaf(schema, pointer) if schema and pointer else _bare(entry["name"], shown or "number")
        label = Text(entry["label"]["zh"], entry["label"]["en"]) if "label" in entry else leaf.label
        kind = shown or ("record" if leaf.refs else leaf.kind)
        yield Column(
            entry.get("name") or str(pointer), label, entry.get("sql") or str(pointer), leaf, kind,
            entry.get("width", 0), entry.get("filter", "text"), entry.get("folder", "records"),
        )  # fmt: skip


def _bare(name: str, kind: str) -> Field:
    """A computed value of a kind that can name no person."""
    return Field(name, (name,), Text(name, name), _BARE.get(kind, kind))


def _cell(column: Column, value: Any, record_id: str, directory: Directory, words: Mapping[str, Any]) -> Any:
    known = directory.titles[record_id]
    if column.kind == "self":
        return {"id": record_id, "title": ""}
    if known.restricted and column.name != "status" and column.kind not in ("date", "datetime"):
        return None
    node = privacy.cell(column.leaf, value, directory, known.policy)
    if node is None:
        return None
    if node.kind in ("integer", "number"):
        return float(node.value) if "." in node.value else int(node.value)
    if node.kind == "boolean":
        return words["boolean"][node.value]["zh"]
    if node.kind in ("record", "contact"):
        return {"id": node.target, "title": node.text.zh if node.text else ""}
    return node.text.zh if node.text else node.value


def data(ledger: Ledger) -> str:
    """The JSON the table in the page loads."""
    columns = [
        {
            "name": c.name,
            "zh": c.label.zh,
            "en": c.label.en,
            "kind": c.kind,
            "width": c.width,
            "filter": c.filter,
            "folder": c.folder,
        }
        for c in ledger.columns
    ]
    return json.dumps({"columns": columns, "rows": ledger.rows}, ensure_ascii=False, separators=(",", ":"))


def as_csv(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """CSV for Excel: UTF-8 with BOM, and no cell a spreadsheet would take for a formula (journeys.md §8)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for row in (header, *rows):
        writer.writerow([_cell_text(value) for value in row])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _cell_text(value: Any) -> str:
    if value is None:
        return ""
    text = (
        " ".join(part for part in (value["id"], value["title"]) if part) if isinstance(value, Mapping) else str(value)
    )
    return f"'{text}" if text.startswith(_FORMULA) and not isinstance(value, (int, float)) else text
