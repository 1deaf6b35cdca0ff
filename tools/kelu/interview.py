"""Interview: what a record still needs, asked one question at a time until its schema finds nothing missing.

What is asked first are the fields every record of the type needs and those marked `x-asked`; what then follows from
the answers or from the state the record is to reach, the schema itself says. Who answers is the caller's: a person at a
terminal, or options of a command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kelu.document import Pointer, field_text, look_up, pointer, write
from kelu.finding import Finding, Severity, Text
from kelu.schema import Field, RecordSchema, Schemas, label_of, node_at

_LINE = 300  # characters; what may be longer may have several lines
SKIPPED: Any = object()  # an answer: nothing is to be said here


@dataclass(frozen=True, slots=True)
class Question:
    """A value asked for: its place and field, whether it may be left out, and what was wrong with the last answer.

    `group` is the name of the group it stands in; `long` tells that it may have several lines.
    """

    pointer: Pointer
    field: Field
    needed: bool
    fault: Text | None = None
    group: Text | None = None
    long: bool = False

    @property
    def kind(self) -> str:
        """Kind of the value: of a list of plain values, of one of them."""
        return self.field.items or "mixed" if self.field.kind in ("array", "map") else self.field.kind


Answer = Callable[[Question, Mapping[str, Any]], Any]  # the record so far goes with each question
More = Callable[[Question, int], bool]  # whether a list gets another item after so many


def faults(schemas: Schemas, kind: str, data: Mapping[str, Any]) -> list[Finding]:
    """What the schema finds wrong with a record that is not in a file yet."""
    if schemas.accepts(kind, data):
        return []
    found = schemas.explain(kind, data, "", write(data, schemas.order(kind)).encode())
    return [item for item in found if item.severity is Severity.ERROR]


def field_at(schema: RecordSchema, at: Sequence[str | int]) -> Field | None:
    """The field at a pointer into data; None where the schema has none."""
    fields: Sequence[Field] = schema.fields
    found: Field | None = None
    for step in at:
        if isinstance(step, str) and not (found and found.kind == "map"):
            found = next((item for item in fields if item.name == step), None)
            if found is None:
                return None
            fields = found.children
    return found


def put(data: Any, at: Sequence[str | int], value: Any) -> None:
    """Set a value, making the groups and lists around it. Raises KeyError where a list would get a gap, or where a
    single value is in the way."""
    for step, following in zip(at, [*at[1:], None], strict=True):
        new: Any = value if following is None else [] if isinstance(following, int) else {}
        if isinstance(step, int):
            if not isinstance(data, list) or step > len(data):
                raise KeyError(field_text(at))
            if step == len(data):
                data.append(new)
            elif following is None:
                data[step] = value
        else:
            if not isinstance(data, dict):
                raise KeyError(field_text(at))
            if following is None:
                data[step] = value
            else:
                data.setdefault(step, new)
        data = data[step]


class Interview:
    """Fills in `data`, a record of a type, by what is answered."""

    def __init__(
        self, schemas: Schemas, schema: RecordSchema, data: dict[str, Any], answer: Answer, more: More
    ) -> None:
        self._schemas, self._schema, self._data = schemas, schema, data
        self._answer, self._more = answer, more
        self._node = schemas.raw[schema.name]

    def ask(self, names: Iterable[str]) -> None:
        """Ask for top-level fields that are not filled in."""
        for name in names:
            if name not in self._data:
                self.field((name,), required=name in self._node["required"])

    def complete(self) -> list[Finding]:
        """Ask for what is missing or wrong until nothing is, or no more is told; the errors that are left."""
        skipped: set[str] = set()
        while True:
            left = self._faults()
            fault = next((item for item in left if item.field not in skipped), None)
            if fault is None:
                return left
            at = pointer(fault.field)
            if not at or field_at(self._schema, at) is None or not self.field(at, required=True, fault=fault.message):
                skipped.add(fault.field)

    def field(self, at: Pointer, *, required: bool, fault: Text | None = None) -> bool:
        """Ask for the value at a place; whether anything was told."""
        item = field_at(self._schema, at)
        if item is None:
            return False
        node = node_at(self._node, at) or {}
        group = label_of(self._node, at[:-1]) if len(at) > 1 else None
        question = Question(at, item, required, fault, group, node.get("maxLength", 0) > _LINE)
        inside = item.kind == "array" and not isinstance(at[-1], int)
        if item.kind == "object" or (item.items == "object" and not inside):
            return self._group(at, item)
        if inside and item.items == "object":
            return self._list(question)
        value = self._answer(question, self._data)
        if value is not SKIPPED:
            put(self._data, at, value)
        return value is not SKIPPED

    def _group(self, at: Pointer, item: Field) -> bool:
        """The values of a group: all where some are always needed, else one by one until the schema is content."""
        needed = (node_at(self._node, at) or {}).get("required", ())
        told = False
        for child in item.children:
            inner = (*at, child.name)
            plain = child.kind not in ("object", "map") and child.items not in ("object", "map")
            if not (child.name in needed or child.asked or plain) or look_up(self._data, inner) is not None:
                continue
            told |= self.field(inner, required=child.name in needed)
            if not needed and told and not any(_within(pointer(fault.field), at) for fault in self._faults()):
                break
        return told

    def _list(self, question: Question) -> bool:
        """Items of a list of groups: one, and as many more as are told."""
        count = first = len(look_up(self._data, question.pointer) or ())
        while count == first or self._more(question, count):
            if not self._group((*question.pointer, count), question.field):
                break
            count += 1
        return count > first

    def _faults(self) -> list[Finding]:
        return faults(self._schemas, self._schema.name, self._data)


def _within(inner: Pointer, outer: Pointer) -> bool:
    return inner[: len(outer)] == outer
