"""Marks: what a record says through the marks of its schema — whom it refers to, which vocabulary terms it
uses, and whether its free text holds what must not be published.

A schema's fields are folded once into a tree of only those branches that carry marks, so that reading a record
costs no more than its marked values.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from kelu.schema import Field, RecordSchema

# records.md §0.4: mobile numbers, 18-digit identity numbers, mail addresses.
_MOBILE = re.compile(r"(?<![\dA-Za-z-])(?:\+?86-?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?![\dA-Za-z])")
_IDENTITY = re.compile(r"(?<![\dA-Za-z])\d{17}[\dXx](?![\dA-Za-z])")
_MAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
PERSONAL = re.compile(f"{_MOBILE.pattern}|{_IDENTITY.pattern}|{_MAIL.pattern}")

Pointer = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that names another record, a contact or a staff member. `kinds` are what it may name."""

    field: Pointer
    target: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """A field whose value must be in a vocabulary of the policy in force."""

    field: Pointer
    vocabulary: str
    shared: bool
    value: str


@dataclass(frozen=True, slots=True)
class _Branch:
    name: str
    mark: Field | None
    many: bool
    children: tuple[_Branch, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the marks of records of one type."""

    marked: tuple[_Branch, ...]
    prose: tuple[_Branch, ...]

    def references(self, data: dict[str, Any]) -> Iterator[Reference]:
        """Every reference in a record, in document order."""
        for mark, pointer, value in _follow(self.marked, data, ()):
            if mark.refs:
                yield Reference(pointer, str(value), mark.refs)

    def terms(self, data: dict[str, Any]) -> Iterator[Term]:
        """Every vocabulary term in a record."""
        for mark, pointer, value in _follow(self.marked, data, ()):
            if mark.vocabulary:
                yield Term(pointer, mark.vocabulary.name, mark.vocabulary.shared, str(value))

    def personal(self, data: dict[str, Any]) -> Iterator[tuple[Pointer, str]]:
        """Free-text fields holding a phone number, identity number or mail address (R-ALL-05)."""
        for _mark, pointer, value in _follow(self.prose, data, ()):
            hit = PERSONAL.search(str(value))
            if hit:
                yield pointer, hit.group()


def reader(schema: RecordSchema, types: Collection[str]) -> Reader:
    """The reader of a record type's marks. References only to types that have no schema (yet) cannot be
    followed and are left alone: `types` are those that can."""
    followed = {*types, "record", "contact", "staff"}
    return Reader(
        marked=_branches(schema.fields, lambda item: bool(followed.intersection(item.refs) or item.vocabulary)),
        prose=_branches(schema.fields, lambda item: item.pii == "freetext" or item.name == schema.title_field),
    )


def _branches(fields: tuple[Field, ...], wanted: Any) -> tuple[_Branch, ...]:
    kept = []
    for item in fields:
        children = _branches(item.children, wanted)
        leaf = item if not item.children and wanted(item) else None
        if children or leaf:
            kept.append(_Branch(item.name, leaf, item.kind in ("array", "map"), children))
    return tuple(kept)


def _follow(branches: tuple[_Branch, ...], data: dict[str, Any], at: Pointer) -> Iterator[tuple[Field, Pointer, Any]]:
    for branch in branches:
        value = data.get(branch.name)
        if value is None:
            continue
        here = (*at, branch.name)
        items: list[tuple[Pointer, Any]] = [(here, value)]
        if branch.many:
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            items = [((*here, key), item) for key, item in pairs]
        for pointer, item in items:
            if branch.mark is not None:
                yield branch.mark, pointer, item
            else:
                yield from _follow(branch.children, item, pointer)
