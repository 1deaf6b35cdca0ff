"""Ledgers: lists of records as `site/ledgers/*.yaml` defines them — a page, a JSON file for the table, a CSV.

A definition says in SQL which rows and columns there are. What a value may show is judged by privacy: a column is
a field of the record that its row belongs to (the field's mark decides), a bare number, date or truth value, or one of
the words that the definition itself lists.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import urlencode

from kelu import privacy
from kelu.finding import Text
from kelu.pages import cells, data
from kelu.pages.cells import Cell, Held
from kelu.pages.clause import page_of
from kelu.policy import Policy
from kelu.privacy import Directory
from kelu.privacy.directory import Title
from kelu.schema import Field, RecordSchema

_BARE = {"number": "number", "date": "date", "datetime": "datetime", "boolean": "boolean"}
_MOMENT = "%Y-%m-%dT%H:%M:%S+08:00"  # the store's zone is Asia/Shanghai
_OF_RESTRICTED = ("status", "type")  # columns that a restricted record fills in, beside its id and dates
PLAIN_ROWS = 100  # of the table that is read without script; the files hold all


class Queryable(Protocol):
    """What a ledger needs of the store."""

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...

    def types(self, sql: str) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class Column:
    """A column: of `leaves` the one of the record's type judges its values; `kind` tells the table how to show and sort
    them, `folder` where the pages are that its values lead to."""

    name: str
    label: Text
    sql: str
    leaves: Mapping[str, Field]
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
class View:
    """A filter that is often wanted, as the page's address has it."""

    label: Text
    query: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """A ledger. `type` is set where it is the ledger of a record type and not one more view of records. `called` is the
    document that the ledger is under the pack in force, `holds` are those that its records are. `held` makes what each
    column holds in the first rows, or in all `count`; `key` tells all that this hangs on, if that is known."""

    name: str
    title: Text
    about: Text
    type: str
    position: int
    columns: tuple[Column, ...]
    count: int
    held: Callable[[int | None], tuple[Held, ...]]
    key: str
    called: Document | None = None
    holds: tuple[Document, ...] = ()
    views: tuple[View, ...] = ()

    @property
    def page(self) -> str:
        return f"ledgers/{self.name}.html"

    def rows(self, limit: int | None = None) -> list[tuple[Cell, ...]]:
        """The rows, or the first of them."""
        return list(zip(*(column[:limit] for column in self.held(limit)), strict=True))


def read(
    name: str,
    definition: Mapping[str, Any],
    schemas: Mapping[str, RecordSchema],
    store: Queryable,
    directory: Directory,
    words: Mapping[str, Any],
) -> Ledger:
    """A ledger of records from its definition: each row is of the record its `id` names, whose type is `type` or one of
    `records`. Raises KeyError for a field that its record types have not."""
    types = [schemas[item] for item in definition.get("records", [definition.get("type")])]
    columns = tuple(_columns(definition["columns"], types))
    selected = ", ".join(f"({column.sql}) AS c{i}" for i, column in enumerate(columns))
    sql = f"SELECT id, {selected} FROM {definition['from']} ORDER BY {definition.get('order', 'id DESC')}"
    rows = store.query(_as_text(sql, store))
    ids, *values = zip(*rows, strict=True) if rows else [()] * (len(columns) + 1)
    known = [directory.titles[name] for name in ids]

    def held(limit: int | None) -> tuple[Held, ...]:
        return tuple(
            cells.held({"id": name, "title": ""} for name in ids[:limit])
            if column.kind == "self"
            else _held(column, told[:limit], known[:limit], directory, words)
            for column, told in zip(columns, values, strict=True)
        )

    return _ledger(name, definition, columns, len(ids), held, _key(columns, ids, values, known, directory))


def listed(
    name: str, definition: Mapping[str, Any], count: int, held: Callable[[int | None], Mapping[str, Held]]
) -> Ledger:
    """A ledger of what is no record: `held` gives the columns by their names, their cells fit to be shown."""
    columns = tuple(_columns(definition["columns"], []))

    def ordered(limit: int | None) -> tuple[Held, ...]:
        named = held(limit)
        return tuple(named[column.name] for column in columns)

    return _ledger(name, definition, columns, count, ordered)


def named(item: Ledger, definition: Mapping[str, Any], policy: Policy, day: datetime.date) -> Ledger:
    """A ledger as it stands on a day: under the name that the pack ruling its domain has for it (the first of the terms
    under `term` that this pack names), with the names of the documents in it (`holds`) and the filters often wanted."""
    ruling = [
        (domain, pack)
        for domain, pack, since, until in policy.composition()
        if since <= day.isoformat() and (until is None or day.isoformat() < until)
    ]
    own = [pack for domain, pack in ruling if domain == definition.get("domain")]
    everybody = [*own, *(pack for _, pack in ruling)]
    called = next((found for term in definition.get("term", ()) for found in _documents(policy, own, term)), None)
    held = (next(_documents(policy, everybody, term), None) for term in definition.get("holds", ()))
    return replace(
        item,
        title=called.name if called else item.title,
        called=called,
        holds=tuple(filter(None, held)),
        views=tuple(_views(definition.get("views", ()), day)),
    )


def _documents(policy: Policy, packs: Sequence[str], term: str) -> Iterator[Document]:
    for pack in packs:
        words = policy.packs[pack].source.data.get("terms", {}).get(term)
        if words:
            yield Document(Text.of(words), pack, f"{page_of(pack)}.html#terms")


def _views(definitions: Iterable[Mapping[str, Any]], day: datetime.date) -> Iterator[View]:
    quarter = (day.month - 1) // 3  # of the last one: 0 stands for the fourth of the year before
    spans = {
        "year": str(day.year),
        "month": f"{day:%Y-%m}",
        "last_quarter": f"{day.year}-Q{quarter}" if quarter else f"{day.year - 1}-Q4",
    }
    for entry in definitions:
        wanted = {name: value if isinstance(value, list) else [value] for name, value in entry["query"].items()}
        pairs = [(name, str(value).format(**spans)) for name, values in wanted.items() for value in values]
        yield View(Text(**entry["label"]), urlencode(pairs))


def _ledger(
    name: str,
    definition: Mapping[str, Any],
    columns: tuple[Column, ...],
    count: int,
    held: Callable[[int | None], tuple[Held, ...]],
    key: str = "",
) -> Ledger:
    about = Text(**definition.get("about", {"zh": "", "en": ""}))
    return Ledger(name, Text(**definition["title"]), about, definition.get("type", ""), definition.get("position", 100),
                  columns, count, held, key)  # fmt: skip


def _key(
    columns: Sequence[Column],
    ids: Sequence[str],
    values: Sequence[Sequence[Any]],
    known: Sequence[Title],
    directory: Directory,
) -> str:
    """A digest of what the rows of a ledger hang on besides program, policy and people: what the store says, what of
    each record decides whether it is shown, and what the records are called that it leads to."""
    kinds: dict[tuple[str, str, bool], int] = {}
    judged = [kinds.setdefault((title.type, title.policy, title.restricted), len(kinds)) for title in known]
    called = [
        sorted((name, directory.titles[name].title) for name in set(_several(told)) if name in directory.titles)
        for column, told in zip(columns, values, strict=True)
        if any(leaf.refs for leaf in column.leaves.values())
    ]
    return data.key(repr(columns), ids, values, list(kinds), judged, called)


def _several(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from value
        else:
            yield value


def _columns(definitions: Sequence[Mapping[str, Any]], types: Sequence[RecordSchema]) -> Iterator[Column]:
    for entry in definitions:
        field, shown = entry.get("field"), entry.get("show")
        if field:  # under one name in all types, or {type: name}
            pointers = field if isinstance(field, Mapping) else {schema.name: field for schema in types}
            leaves = {schema.name: privacy.leaf(schema, pointers[schema.name]) for schema in types
                      if schema.name in pointers}  # fmt: skip
            leaf = next(iter(leaves.values()))
        else:
            leaf = _bare(entry, shown)
            leaves = {schema.name: leaf for schema in types}
        kind = shown or ("record" if leaf.refs else leaf.kind)
        yield Column(
            entry["name"], Text(**entry["label"]) if "label" in entry else leaf.label,
            entry.get("sql") or (field if isinstance(field, str) else entry["name"]), leaves, kind,
            entry.get("width", 0), entry.get("filter", "text"), entry.get("folder", "records"),
        )  # fmt: skip


def _bare(entry: Mapping[str, Any], shown: str | None) -> Field:
    """A computed value of a kind that can name no person: a number, a date, or one of the words under `labels`."""
    labels = {code: Text(**label) for code, label in entry.get("labels", {}).items()}
    kind = "string" if labels else _BARE.get(shown or "number", shown or "number")
    return Field(entry["name"], (entry["name"],), Text.same(entry["name"]), kind, enum=labels)


def _as_text(sql: str, store: Queryable) -> str:
    """The same question with days and moments as text: to make each one of Python takes longer than all the rest."""
    ways = {"TIMESTAMP WITH TIME ZONE": f"strftime({{}}, '{_MOMENT}')", "DATE": "CAST({} AS VARCHAR)"}
    told = (f"{ways.get(kind, '{}').format(name)} AS {name}" for name, kind in store.types(sql).items())
    return f"SELECT {', '.join(told)} FROM ({sql})"


def _held(
    column: Column, values: Sequence[Any], known: Sequence[Title], directory: Directory, words: Mapping[str, Any]
) -> Held:
    """What a column shows of values, each of the record that `known` tells of. What is shown hangs on the value and,
    of that record, its type and policy and whether it is restricted."""
    always = column.name in _OF_RESTRICTED or column.kind in ("date", "datetime")
    places: dict[Any, int] = {}
    shown: list[Cell] = []
    coded = []
    for value, title in zip(values, known, strict=True):
        hidden = title.restricted and not always
        key = (None,) if hidden or value is None else (value, title.type, title.policy)
        try:
            place = places.get(key)
        except TypeError:  # a list or a map
            key = (repr(value), *key[1:])
            place = places.get(key)
        if place is None:
            place = places[key] = len(shown)
            shown.append(None if key == (None,) else _shown(column, value, title, directory, words))
        coded.append(place)
    return Held(shown, coded)


def _shown(column: Column, value: Any, known: Title, directory: Directory, words: Mapping[str, Any]) -> Cell:
    leaf = column.leaves.get(known.type)
    if isinstance(value, list):  # of SQL, which leaves gaps where a part says nothing
        value = [part for part in value if part is not None]
    node = privacy.cell(leaf, value, directory, known.policy) if leaf else None
    return None if node is None else cells.of(node, words)


def as_json(ledger: Ledger) -> bytes:
    """The JSON that the table in the page loads, in both languages; see `cells.column` for its `values`."""
    heads, told = [], []
    for column, held in zip(ledger.columns, ledger.held(None), strict=True):
        texts, values = cells.column(held)
        head = cells.compact({
            "name": column.name, "zh": column.label.zh, "en": column.label.en, "kind": column.kind,
            "width": column.width, "filter": column.filter, "folder": column.folder,
        })  # fmt: skip
        heads.append(f'{head[:-1]},"values":[{",".join(values)}]}}' if values else head)
        told.append(texts)
    rows = ",".join(f"[{','.join(row)}]" for row in zip(*told, strict=True))
    return f'{{"columns":[{",".join(heads)}],"rows":[{rows}]}}'.encode()


def as_csv(ledger: Ledger) -> bytes:
    """The whole ledger for a spreadsheet, in Chinese."""
    return cells.columns_as_csv([column.label.zh for column in ledger.columns], ledger.held(None))
