"""The parts of a record schema that the program reads: fields in display order with their labels and marks,
the place of the files, and the lifecycle."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kelu.document import Order
from kelu.finding import Text


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Allowed values come from policy: the record's own pack, or (`shared`) any pack in force that day."""

    name: str
    shared: bool


@dataclass(frozen=True, slots=True)
class Approval:
    """A field names who approved: `of` are the fields beside it, or in a group around it, that name who prepared;
    `code` is the finding where the approval is not proven."""

    of: tuple[str, ...]
    code: str


@dataclass(frozen=True, slots=True)
class Freeze:
    """A field that may not change once its record has reached a state; `code` is the finding where it does."""

    state: str
    code: str


@dataclass(frozen=True, slots=True)
class Field:
    """One property of a schema with its label and marks. `pointer` names list items by `[]`."""

    name: str
    pointer: tuple[str, ...]
    label: Text
    kind: str  # string integer number boolean date datetime moment object array map mixed
    help: str = ""
    pii: str | None = None
    refs: tuple[str, ...] = ()
    vocabulary: Vocabulary | None = None
    enum: Mapping[str, Text] = field(default_factory=dict)
    audience: str = "public"
    immutable: bool = False
    append_only: bool = False
    reopens: bool = False  # a new item opens the record again, frozen content and all
    freeze: Freeze | None = None
    approval: Approval | None = None
    stamp: bool = False  # a moment written down when it comes
    planned: bool | tuple[str, ...] = False  # may lie in the future: always, or in these states
    occurs: str | None = None  # on an object: its property; on a date: "."
    default: Any = None
    erased: Any = None  # what it says once the person that it tells of is erased
    identifier: bool = False
    asked: bool = False  # not always needed, but asked for when a record is made
    children: tuple[Field, ...] = ()  # of an object; of the items of an array; the values of a map
    items: str | None = None  # kind of an array's items or a map's values


@dataclass(frozen=True, slots=True)
class Transition:
    """One legal step of a record's life and who may take it (records.md, lifecycle tables): who holds one of `roles` or
    is named by one of the fields `persons`, together with a holder of each role in `jointly`. Without roles and
    persons: anyone on staff. The source of a step that makes a record is empty."""

    source: str
    target: str
    roles: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    jointly: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordSchema:
    """The schema of one record type, read for use: labels, fields in display order, place of its files."""

    name: str
    label: Text
    version: str
    files: str
    id_pattern: re.Pattern[str]
    title_field: str
    business_date: str | None
    domains: tuple[str, ...]
    occurs: str | None
    ends: str | None  # where what occurs has an end of its own
    fields: tuple[Field, ...]
    initial: tuple[str, ...]
    states: Mapping[str, Text]
    creation: tuple[Transition, ...]
    transitions: tuple[Transition, ...]

    def path_of(self, record_id: str) -> str | None:
        """The one path a record of this id has (records.md §0.1), or None when the id has not the type's form."""
        if not self.id_pattern.fullmatch(record_id):
            return None
        parts = record_id.split("-")
        hundred = f"{int(parts[-1]) // 100:03d}"
        return self.files.format(id=record_id, year=parts[1] if len(parts) == 3 else "", hundred=hundred)

    @property
    def folder(self) -> str:
        return self.files.split("{", 1)[0]

    def walk(self) -> Iterator[Field]:
        """Every field, parents before children."""
        stack = list(reversed(self.fields))
        while stack:
            item = stack.pop()
            yield item
            stack.extend(reversed(item.children))


def record_schema(name: str, schema: dict[str, Any]) -> RecordSchema:
    lifecycle = schema.get("x-lifecycle", {})
    properties = schema["properties"]
    identifier = resolve(properties["id"], schema["$defs"])
    return RecordSchema(
        name=name,
        label=Text(schema["title"], schema["x-en"]),
        version=resolve(properties["schema"], schema["$defs"])["const"],
        files=schema["x-files"],
        id_pattern=re.compile(identifier["pattern"]),
        title_field=schema["x-title"],
        business_date=schema.get("x-business-date"),
        domains=tuple(schema.get("x-domains", ())),
        occurs=schema.get("x-occurs"),
        ends=schema.get("x-ends", schema.get("x-occurs")),
        fields=tuple(_field(key, value, (), schema["$defs"]) for key, value in properties.items()),
        initial=tuple(lifecycle.get("initial", ())),
        states={state: Text(mark["zh"], mark["en"]) for state, mark in lifecycle.get("states", {}).items()},
        creation=tuple(
            map(_transition, lifecycle.get("creation") or [{"to": s} for s in lifecycle.get("initial", ())])
        ),
        transitions=tuple(map(_transition, lifecycle.get("transitions", ()))),
    )


def _transition(step: Mapping[str, Any]) -> Transition:
    who = (tuple(step.get(key, ())) for key in ("roles", "persons", "with"))
    return Transition(step.get("from", ""), step["to"], *who)


def resolve(node: dict[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """A subschema with its `$ref` followed; keywords beside the reference win."""
    while "$ref" in node:
        target = definitions[node["$ref"].removeprefix("#/$defs/")]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def _field(name: str, node: dict[str, Any], parent: tuple[str, ...], definitions: Mapping[str, Any]) -> Field:
    node = resolve(node, definitions)
    pointer = (*parent, name)
    kind = _kind(node, definitions)
    children: tuple[Field, ...] = ()
    items = None
    leaf = node
    if kind == "object":
        children = tuple(_field(k, v, pointer, definitions) for k, v in node["properties"].items())
    elif kind == "array":
        leaf = resolve(node.get("items", {}), definitions)
        items = _kind(leaf, definitions)
        if items == "object":
            children = tuple(_field(k, v, (*pointer, "[]"), definitions) for k, v in leaf["properties"].items())
    elif kind == "map":
        leaf = resolve(node["additionalProperties"], definitions)
        items = _kind(leaf, definitions)
    marks = {**leaf, **node}
    reference = marks.get("x-ref", ())
    occurs = node.get("x-occurs", leaf.get("x-occurs"))
    return Field(
        name=name,
        pointer=pointer,
        label=Text(node.get("title", name), node.get("x-en", name)),
        kind=kind,
        help=node.get("description", ""),
        pii=marks.get("x-pii"),
        refs=((reference,) if isinstance(reference, str) else tuple(reference))
        + (("void",) if marks.get("x-void-ok") else ()),
        vocabulary=_vocabulary(marks.get("x-vocabulary")),
        enum={key: Text(text["zh"], text["en"]) for key, text in marks.get("x-labels", {}).items()},
        audience=node.get("x-audience", "public"),
        immutable=node.get("x-immutable", False),
        append_only=node.get("x-append-only", False),
        reopens=node.get("x-reopens", False),
        freeze=Freeze(node["x-frozen-after"], node.get("x-frozen-code", "GH-06")) if "x-frozen-after" in node else None,
        approval=_approval(node.get("x-approval")),
        stamp=node.get("x-stamp", False),
        planned=tuple(planned) if isinstance(planned := marks.get("x-planned", False), list) else planned,
        occurs="." if occurs is True else occurs,
        default=node.get("default"),
        erased=node.get("x-erased"),
        asked=node.get("x-asked", False),
        identifier="pattern" in leaf and "x-pii" not in marks,
        children=children,
        items=items,
    )


def _approval(mark: Any) -> Approval | None:
    return None if mark is None else Approval(tuple(mark.get("of", ())), mark.get("code", "GH-09"))


def _vocabulary(mark: Any) -> Vocabulary | None:
    if mark is None:
        return None
    return Vocabulary(mark, False) if isinstance(mark, str) else Vocabulary(mark["name"], mark["of"] == "composition")


def _kind(node: dict[str, Any], definitions: Mapping[str, Any]) -> str:
    """The kind of value a subschema describes, from its type and format."""
    if node.get("then", {}).get("format") == "date-time":
        return "moment"  # a date, or a date-time when it holds a T
    alternatives = node.get("anyOf") or node.get("oneOf")
    if "type" not in node and alternatives:
        kinds = {_kind(resolve(item, definitions), definitions) for item in alternatives}
        return kinds.pop() if len(kinds) == 1 else "mixed"
    declared = node.get("type")
    if isinstance(declared, list):
        types = [item for item in declared if item != "null"]
        return types[0] if len(types) == 1 else "mixed"
    if declared == "string":
        return {"date": "date", "date-time": "datetime"}.get(node.get("format", ""), "string")
    if declared == "object" and "properties" not in node:
        return "map"
    return declared or ("string" if "const" in node or "enum" in node else "mixed")


def state_label(schema: Mapping[str, Any], state: str) -> Text:
    """A state's names in both languages."""
    mark = schema.get("x-lifecycle", {}).get("states", {}).get(state, {})
    return Text(mark.get("zh", state), mark.get("en", state))


def label_of(schema: Mapping[str, Any], pointer: tuple[str | int, ...]) -> Text:
    """The label of the field at `pointer`, in both languages; the last key where the schema knows none."""
    node = node_at(schema, pointer)
    if node is None and pointer:
        return Text(str(pointer[-1]), str(pointer[-1]))
    last = next((str(step) for step in reversed(pointer) if isinstance(step, str)), "")
    return Text((node or {}).get("title", last), (node or {}).get("x-en", last))


def node_at(schema: Mapping[str, Any], pointer: tuple[str | int, ...]) -> dict[str, Any] | None:
    """The subschema of the value at `pointer`, its `$ref` followed; None where the schema knows none."""
    node = resolve(dict(schema), schema["$defs"])
    for step in pointer:
        inner = node.get("items") if isinstance(step, int) else node.get("properties", {}).get(step)
        if not isinstance(inner, dict):
            return None
        node = resolve(inner, schema["$defs"])
    return node


def order_of(schema: Mapping[str, Any]) -> Order:
    """The keys of a bundled schema in its order, at every depth: how a record of it is written."""
    return _order(schema, schema.get("$defs", {}))


def _order(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Order:
    node = resolve(dict(node), definitions)
    node = resolve(node["items"], definitions) if isinstance(node.get("items"), dict) else node
    return {key: _order(inner, definitions) for key, inner in node.get("properties", {}).items()}
