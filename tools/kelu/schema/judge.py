"""Judging documents: accept fast with one validator, explain with another, each fault at its place in the text."""

from __future__ import annotations

import datetime
import difflib
import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kelu import catalogue
from kelu.document import Positions, field_text, locate
from kelu.finding import Finding
from kelu.schema.fields import label_of, state_label

if TYPE_CHECKING:
    import jsonschema  # at run time only where a document is refused: importing it takes longer than judging hundreds

try:  # accepts fast; jsonschema stays the judge and explains
    import jsonschema_rs
except ImportError:  # pragma: no cover - exercised by the test that hides the wheel
    jsonschema_rs = None  # type: ignore[assignment]

_OFFSET = re.compile(r"(?:Z|[+-]\d{2}:\d{2})$")


def require_schema(schema: dict[str, Any]) -> None:
    """Raises ValueError when `schema` is no JSON Schema 2020-12."""
    if jsonschema_rs is None or not jsonschema_rs.meta.is_valid(schema):
        import jsonschema

        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as fault:
            raise ValueError(str(fault)) from fault


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


class Judge:
    """The two validators of one schema: one that accepts fast, one that explains. Each is made when first needed."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema

    def __reduce__(self) -> tuple[type[Judge], tuple[dict[str, Any]]]:
        return Judge, (self.schema,)  # validators cannot be sent to another process

    def accepts(self, data: Any) -> bool:
        """Whether the schema accepts `data`."""
        return bool(self._fast.is_valid(data))

    @cached_property
    def _fast(self) -> Any:
        make = getattr(jsonschema_rs, "Draft202012Validator", None)
        return make(self.schema, validate_formats=True, formats=_FORMATS) if make else self.slow

    @cached_property
    def slow(self) -> jsonschema.Draft202012Validator:
        """The validator that says every fault."""
        import jsonschema

        checker = jsonschema.FormatChecker(formats=())
        for name, test in _FORMATS.items():
            checker.checks(name)(test)
        return jsonschema.Draft202012Validator(self.schema, format_checker=checker)


def explain(judge: Judge, data: Any, path: str, raw: bytes) -> list[Finding]:
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
