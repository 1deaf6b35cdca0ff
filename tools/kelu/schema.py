"""Schemas: what a document may look like, and the marks it carries.

The JSON Schema files are the single source of shape, labels, privacy marks, references, vocabularies and
lifecycles. This module loads them, judges documents and says exactly where one is wrong. Only door to jsonschema.
"""

from __future__ import annotations

import datetime
import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import jsonschema

from kelu import catalogue
from kelu.document import Positions, field_text, locate
from kelu.finding import Finding, Text

try:  # accepts fast; jsonschema stays the judge and explains
    import jsonschema_rs
except ImportError:  # pragma: no cover - exercised by the test that hides the wheel
    jsonschema_rs = None  # type: ignore[assignment]

COMMON = "common.schema.json"
_OFFSET = re.compile(r"(?:Z|[+-]\d{2}:\d{2})$")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Allowed values come from policy: the record's own pack, or (`shared`) any pack in force that day."""

    name: str
    shared: bool


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
    occurs: str | None = None  # on an object: its property; on a date: "."
    default: Any = None
    identifier: bool = False
    children: tuple[Field, ...] = ()  # of an object; of the items of an array; the values of a map
    items: str | None = None  # kind of an array's items or a map's values


@dataclass(frozen=True, slots=True)
class Transition:
    """One legal step of a record's life and the roles that may take it (records.md, lifecycle tables)."""

    source: str
    target: str
    roles: tuple[str, ...]


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
    fields: tuple[Field, ...]
    initial: tuple[str, ...]
    states: Mapping[str, Text]
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


@dataclass(frozen=True, slots=True)
class Schemas:
    """All schemas of a repository: record types by name, other documents by the files they govern."""

    records: Mapping[str, RecordSchema]
    documents: Mapping[str, str]  # schema name -> glob of the files it governs
    raw: Mapping[str, dict[str, Any]]  # bundled JSON Schemas by name
    _judges: dict[str, _Judge] = field(default_factory=dict, repr=False, compare=False)

    def governing(self, path: str) -> str | None:
        """The schema that governs a path outside `records/`, if any."""
        return next((name for name, glob in self.documents.items() if fnmatchcase(path, glob)), None)

    def of_folder(self, path: str) -> RecordSchema | None:
        """The record type whose folder a path lies in."""
        return next((s for s in self.records.values() if path.startswith(s.folder)), None)

    def accepts(self, name: str, data: Any) -> bool:
        """Whether `data` obeys schema `name`: the fast answer, without reasons."""
        return self._judge(name).accepts(data)

    def explain(self, name: str, data: Any, path: str, raw: bytes) -> list[Finding]:
        """Every fault of a refused document with its exact place in `raw`; empty when it is sound."""
        return _explain(self._judge(name), data, path, raw)

    def _judge(self, name: str) -> _Judge:
        if name not in self._judges:
            self._judges[name] = _Judge(self.raw[name])
        return self._judges[name]


# --- loading ---------------------------------------------------------------------------------------------


def load(files: Mapping[str, bytes]) -> Schemas:
    """Schemas from `{file name: bytes}` of `schemas/*.schema.json`.

    Raises ValueError naming the file when one is not JSON or not a JSON Schema: schemas are the maintainers'.
    """
    parsed: dict[str, dict[str, Any]] = {}
    for name in sorted(files):
        try:
            parsed[name] = json.loads(files[name])
            if jsonschema_rs is None or not jsonschema_rs.meta.is_valid(parsed[name]):
                jsonschema.Draft202012Validator.check_schema(parsed[name])
        except (ValueError, jsonschema.SchemaError) as fault:
            raise ValueError(f"schemas/{name}: {fault}") from fault
    common = parsed.pop(COMMON, {}).get("$defs", {})
    records: dict[str, RecordSchema] = {}
    documents: dict[str, str] = {}
    raw: dict[str, dict[str, Any]] = {}
    for file_name, schema in parsed.items():
        name = file_name.removesuffix(".schema.json")
        bundled = _bundle(schema, common)
        raw[name] = _with_state_guards(bundled)
        if "{id}" in schema.get("x-files", ""):
            records[name] = _record_schema(name, bundled)
        elif "x-files" in schema:
            documents[name] = schema["x-files"]
    return Schemas(records, documents, raw)


def _bundle(schema: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    """One self-contained schema: references to the common file become local ones."""
    prefix = f"{COMMON}#/$defs/"

    def local(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                key: f"#/$defs/{value.removeprefix(prefix)}"
                if key == "$ref" and isinstance(value, str) and value.startswith(prefix)
                else local(value)
                for key, value in node.items()
            }
        return [local(item) for item in node] if isinstance(node, list) else node

    bundled: dict[str, Any] = local(schema)
    bundled["$defs"] = {**local(common), **bundled.get("$defs", {})}
    return bundled


def _with_state_guards(schema: dict[str, Any]) -> dict[str, Any]:
    """What each lifecycle state requires, as ordinary conditions of the schema."""
    states = schema.get("x-lifecycle", {}).get("states", {})
    guards = [
        {
            "if": {"properties": {"status": {"const": state}}, "required": ["status"]},
            "then": mark["requires"],
            "x-state": state,
        }
        for state, mark in states.items()
        if mark.get("requires")
    ]
    return {**schema, "allOf": [*schema.get("allOf", []), *guards]} if guards else schema


def _record_schema(name: str, schema: dict[str, Any]) -> RecordSchema:
    lifecycle = schema.get("x-lifecycle", {})
    properties = schema["properties"]
    identifier = _resolve(properties["id"], schema["$defs"])
    return RecordSchema(
        name=name,
        label=Text(schema["title"], schema["x-en"]),
        version=_resolve(properties["schema"], schema["$defs"])["const"],
        files=schema["x-files"],
        id_pattern=re.compile(identifier["pattern"]),
        title_field=schema["x-title"],
        business_date=schema.get("x-business-date"),
        domains=tuple(schema.get("x-domains", ())),
        occurs=schema.get("x-occurs"),
        fields=tuple(_field(key, value, (), schema["$defs"]) for key, value in properties.items()),
        initial=tuple(lifecycle.get("initial", ())),
        states={state: Text(mark["zh"], mark["en"]) for state, mark in lifecycle.get("states", {}).items()},
        transitions=tuple(
            Transition(step["from"], step["to"], tuple(step["roles"])) for step in lifecycle.get("transitions", ())
        ),
    )


def _resolve(node: dict[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """A subschema with its `$ref` followed; keywords beside the reference win."""
    while "$ref" in node:
        target = definitions[node["$ref"].removeprefix("#/$defs/")]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def _field(name: str, node: dict[str, Any], parent: tuple[str, ...], definitions: Mapping[str, Any]) -> Field:
    node = _resolve(node, definitions)
    pointer = (*parent, name)
    kind = _kind(node, definitions)
    children: tuple[Field, ...] = ()
    items = None
    leaf = node
    if kind == "object":
        children = tuple(_field(k, v, pointer, definitions) for k, v in node["properties"].items())
    elif kind == "array":
        leaf = _resolve(node.get("items", {}), definitions)
        items = _kind(leaf, definitions)
        if items == "object":
            children = tuple(_field(k, v, (*pointer, "[]"), definitions) for k, v in leaf["properties"].items())
    elif kind == "map":
        leaf = _resolve(node["additionalProperties"], definitions)
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
        occurs="." if occurs is True else occurs,
        default=node.get("default"),
        identifier="pattern" in leaf and "x-pii" not in marks,
        children=children,
        items=items,
    )


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
        kinds = {_kind(_resolve(item, definitions), definitions) for item in alternatives}
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


# --- judging ---------------------------------------------------------------------------------------------


def is_date(value: object) -> bool:
    """Whether a string is a real calendar date `YYYY-MM-DD`."""
    if not isinstance(value, str):
        return True
    try:
        return len(value) == 10 and bool(datetime.date.fromisoformat(value))
    except ValueError:
        return False


def is_datetime(value: object) -> bool:
    """Whether a string is a real RFC 3339 date-time to the second with an explicit offset."""
    if not isinstance(value, str):
        return True
    try:
        return value[10:11] == "T" and datetime.datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


_FORMATS = {"date": is_date, "date-time": is_datetime}


class _Judge:
    """The two validators of one schema: one that accepts fast, one that explains."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema
        checker = jsonschema.FormatChecker(formats=())
        for name, test in _FORMATS.items():
            checker.checks(name)(test)
        self.slow = jsonschema.Draft202012Validator(schema, format_checker=checker)
        self.accepts: Callable[[Any], bool] = self.slow.is_valid
        if jsonschema_rs is not None:
            self.accepts = jsonschema_rs.Draft202012Validator(schema, validate_formats=True, formats=_FORMATS).is_valid


def _explain(judge: _Judge, data: Any, path: str, raw: bytes) -> list[Finding]:
    positions = locate(raw)
    findings: dict[tuple[str, str], Finding] = {}
    for fault in _leaves(judge.slow.iter_errors(data)):
        for finding in _findings(fault, judge.schema, path, positions):
            findings.setdefault((finding.code, finding.field), finding)
    return sorted(findings.values())


def _leaves(faults: Iterator[jsonschema.ValidationError]) -> Iterator[jsonschema.ValidationError]:
    """Faults a person can act on: of a refused alternative, the branch that came nearest."""
    for fault in faults:
        branches: dict[Any, list[jsonschema.ValidationError]] = {}
        for inner in fault.context or ():
            branches.setdefault(inner.schema_path[0], []).append(inner)
        if fault.validator not in ("anyOf", "oneOf") or not branches:
            yield fault
        elif all(len(b) == 1 and b[0].validator == "required" and not b[0].path for b in branches.values()):
            yield fault  # "one of these fields is needed" is said as one finding
        else:
            depth = {key: (max(len(e.path) for e in b), -len(b)) for key, b in branches.items()}
            yield from _leaves(iter(branches[max(depth, key=lambda key: depth[key])]))


def _findings(
    fault: jsonschema.ValidationError, schema: dict[str, Any], path: str, positions: Positions
) -> Iterator[Finding]:
    pointer: tuple[str | int, ...] = tuple(fault.absolute_path)
    keyword: Any = fault.validator
    limit: Any = fault.validator_value
    seen: Any = fault.instance
    at_fault: Any = fault.schema
    state = _guarding_state(fault, schema)

    def made(code: str, at: tuple[str | int, ...] = pointer, value: Any = seen, **words: Any) -> Finding:
        line, column = positions.key(at) if code == "SCH-03" else positions.best(at)
        label = label_of(schema, at)
        words = {"label": label.zh, "label_en": label.en, **words}
        shown = None if value is None or isinstance(value, (dict, list)) else _plain(value)
        return catalogue.make(code, path, line, column, field_text(at), shown, **words)

    if keyword == "required":
        for name in limit:
            if name not in seen:
                if state:
                    shown = state_label(schema, state)
                    yield made("SCH-11", (*pointer, name), None, state=state, state_zh=shown.zh, state_en=shown.en)
                else:
                    yield made("SCH-02", (*pointer, name), None, names=name)
    elif keyword in ("anyOf", "oneOf"):
        names = [name for inner in fault.context or () for name in _names(inner) if name not in seen]
        yield made("SCH-02", (*pointer, names[0]) if names else pointer, None, names=" / ".join(names))
    elif keyword in ("additionalProperties", "unevaluatedProperties", "propertyNames"):
        known = at_fault.get("properties", {})
        for name in (key for key in seen if key not in known):
            near = difflib.get_close_matches(str(name), list(known), n=1)
            yield made("SCH-03", (*pointer, name), name, near=near[0] if near else " / ".join(list(known)[:12]))
    elif at_fault is False or keyword is None:
        yield made("SCH-03", near="")
    elif state and keyword in ("const", "enum", "minItems", "contains"):
        shown = state_label(schema, state)
        yield made("SCH-11", state=state, state_zh=shown.zh, state_en=shown.en)
    elif keyword in ("enum", "const"):
        allowed = [str(item) for item in (limit if keyword == "enum" else [limit])]
        yield made("SCH-13" if pointer == ("schema",) else "SCH-04", allowed=_listed(allowed, at_fault))
    elif keyword == "type":
        kinds = limit if isinstance(limit, list) else [limit]
        yield made("SCH-01", expected=" / ".join(_TYPES_ZH[k] for k in kinds), expected_en=" / ".join(kinds))
    elif keyword in ("format", "pattern"):
        kind = at_fault.get("format")
        code = {"date": "SCH-09", "date-time": "SCH-10"}.get(str(kind), "SCH-05")
        yield made(code, expected=limit, offset="" if _OFFSET.search(str(seen)) else "+08:00")
    elif keyword in _SIZES:
        code, zh, en = _SIZES[keyword]
        yield made(code, expected=f"{zh} {limit}", expected_en=f"{en} {limit}")
    else:
        yield made("SCH-12", keyword=keyword, detail=fault.message)


_TYPES_ZH = {
    "string": "文字", "integer": "整数", "number": "数字", "boolean": "true/false", "object": "一组字段",
    "array": "列表", "null": "空",
}  # fmt: skip
_SIZES = {
    "minLength": ("SCH-06", "至少字数", "at least characters:"),
    "maxLength": ("SCH-06", "至多字数", "at most characters:"),
    "minimum": ("SCH-07", "不小于", "at least"),
    "maximum": ("SCH-07", "不大于", "at most"),
    "exclusiveMinimum": ("SCH-07", "大于", "more than"),
    "exclusiveMaximum": ("SCH-07", "小于", "less than"),
    "minItems": ("SCH-08", "至少项数", "at least items:"),
    "maxItems": ("SCH-08", "至多项数", "at most items:"),
    "minProperties": ("SCH-08", "至少项数", "at least entries:"),
    "contains": ("SCH-08", "至少含有一项", "needs one of"),
    "uniqueItems": ("SCH-08", "不得重复", "no repeats:"),
}


def _names(fault: jsonschema.ValidationError) -> list[str]:
    wanted: Any = fault.validator_value
    return list(wanted)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _listed(values: list[str], schema: Mapping[str, Any]) -> str:
    labels = schema.get("x-labels", {})
    return "、".join(f"{v}（{labels[v]['zh']}）" if v in labels else v for v in values)


def _guarding_state(fault: jsonschema.ValidationError, schema: dict[str, Any]) -> str | None:
    """The lifecycle state whose guard a fault comes from, if any."""
    trail = list(fault.absolute_schema_path)
    if len(trail) < 2 or trail[0] != "allOf":
        return None
    state: str | None = schema["allOf"][trail[1]].get("x-state")
    return state


def state_label(schema: Mapping[str, Any], state: str) -> Text:
    """A state's names in both languages."""
    mark = schema.get("x-lifecycle", {}).get("states", {}).get(state, {})
    return Text(mark.get("zh", state), mark.get("en", state))


def label_of(schema: Mapping[str, Any], pointer: tuple[str | int, ...]) -> Text:
    """The label of the field at `pointer`, in both languages; the last key where the schema knows none."""
    node: dict[str, Any] = dict(schema)
    for step in pointer:
        node = _resolve(node, schema["$defs"])
        inner = node.get("items") if isinstance(step, int) else node.get("properties", {}).get(step)
        if not isinstance(inner, dict):
            return Text(str(step), str(step))
        node = inner
    node = _resolve(node, schema["$defs"])
    last = next((str(step) for step in reversed(pointer) if isinstance(step, str)), "")
    return Text(node.get("title", last), node.get("x-en", last))
