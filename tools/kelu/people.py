"""People: whom a record lists or tells of, what of them may be kept apart from it, and what is left once one is erased.

Which fields these are stands in the schema: a list whose items have ids and names lists people; a group with a field
that takes another value on erasure (`x-erased`) tells of one person. Direct identifiers bear their `x-pii` mark.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kelu.document import Pointer, replaced
from kelu.schema import Field, RecordSchema

DIRECT = frozenset({"phone", "email", "address", "im"})  # what a vault keeps, by mark
IDENTITY = DIRECT | {"name"}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a record. `key` is how he is named from outside: `CUS-0001/C01`, or `CMP-2026-0003/complainant` for
    one who has no id of his own."""

    key: str
    pointer: Pointer
    fields: tuple[Field, ...]
    data: Mapping[str, Any]

    def identifiers(self) -> dict[str, str]:
        """His direct identifiers by field, without the name."""
        return {name: str(self.data[name]) for name in _marked(self.fields, DIRECT) if self.data.get(name)}

    def erased(self) -> dict[str, Any]:
        """What the record says of him once he is erased: nothing that identifies him, and all that it has to say."""
        gone = _marked(self.fields, IDENTITY)
        neutral = {item.name: item.erased for item in self.fields if item.erased is not None}
        return {**{key: value for key, value in self.data.items() if key not in gone or key in neutral}, **neutral}


def lists(fields: Iterable[Field]) -> Iterator[Field]:
    """The lists of people who have ids of their own."""
    for item in fields:
        numbered = item.kind == "array" and item.children and item.children[0].name == "id"
        if numbered and _marked(item.children, {"name"}):
            yield item


def without_direct(fields: Sequence[Field]) -> tuple[Field, ...]:
    """The fields of a record whose people are reached by a vault alone."""
    listing = {item.name for item in lists(fields)}
    return tuple(
        replace(item, children=tuple(part for part in item.children if part.pii not in DIRECT))
        if item.name in listing
        else item
        for item in fields
    )


def listed(schema: RecordSchema, data: Mapping[str, Any]) -> Iterator[Person]:
    """Everybody whom a record lists under an id of his own."""
    for item in lists(schema.fields):
        for place, person in enumerate(data.get(item.name) or ()):
            yield Person(f"{data['id']}/{person['id']}", (item.name, place), item.children, person)


def everybody(schema: RecordSchema, data: Mapping[str, Any]) -> Iterator[Person]:
    """Those whom a record lists, and those of whom a group of it tells."""
    yield from listed(schema, data)
    for item in schema.fields:
        if item.kind == "object" and item.name in data and any(part.erased is not None for part in item.children):
            yield Person(f"{data['id']}/{item.name}", (item.name,), item.children, data[item.name])


def taken_in(schema: RecordSchema, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """A record without the direct identifiers of those whom it lists, and these by person."""
    moved = {person.key: (person, found) for person in listed(schema, data) if (found := person.identifiers())}
    left = dict(data)
    for person, found in moved.values():
        left = replaced(left, person.pointer, {k: v for k, v in person.data.items() if k not in found})
    return left, {key: found for key, (_, found) in moved.items()}


def _marked(fields: Iterable[Field], marks: Collection[str]) -> list[str]:
    return [item.name for item in fields if item.pii in marks]
