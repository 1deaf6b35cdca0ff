"""Marks: what a record says through the marks of its schema — whom it refers to, which vocabulary terms it
uses, and whether its free text holds what must not be published.

A schema's fields are folded once into a tree of only those branches that carry marks, so that reading a record
costs no more than its marked values.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kelu.document import field_text
from kelu.schema import Field, RecordSchema

# records.md §0.4: mobile numbers, 18-digit identity numbers, mail addresses.
_MOBILE = re.compile(r"(?<![\dA-Za-z-])(?:\+?86-?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?![\dA-Za-z])")
_IDENTITY = re.compile(r"(?<![\dA-Za-z])\d{17}[\dXx](?![\dA-Za-z])")
# A host ends in a top-level domain of letters; `tfdl-08-03@V1.2` names a policy, not a mailbox.
_MAIL = re.compile(r"[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+(?:xn--[A-Za-z0-9-]+|[A-Za-z]{2,})")
PERSONAL = re.compile(f"{_MOBILE.pattern}|{_IDENTITY.pattern}|{_MAIL.pattern}")

# Quick looks that find at least what PERSONAL finds: it takes ten times as long, and most files hold nothing. The bytes
# of a text are sorted into kinds so that most of them are searched for with one word each: digits, and the bytes that
# other scripts' digits begin with, which PERSONAL takes for digits, too. Full-width ones begin like the punctuation.
_MOBILE_CORE = re.compile(r"1[3-9]\d[ -]?\d{4}[ -]?\d{4}")
_MAIL_TAIL = re.compile(r"@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2}")
_KINDS = (
    ("0", range(0x30, 0x3A)),
    ("F", (*range(0xD9, 0xE2), 0xEA, *range(0xF0, 0xF5))),
    ("e", (0xEF,)),
    ("b", (0xBC,)),
    ("n", range(0x90, 0x9A)),
)
_KIND = bytes(next((ord(kind) for kind, found in _KINDS if byte in found), 32) for byte in range(256))
_IDENTITY_CORE, _FOREIGN, _WIDE = b"0" * 17, b"F", b"ebn"

Pointer = tuple[str | int, ...]
Reference = tuple[str, str, str]  # field as `document.field_text` writes it, target, kinds it may be (joined by /)
Term = tuple[str, str, str, str]  # field, vocabulary, whether it may be any pack's ("true" or "false"), value


@dataclass(frozen=True, slots=True)
class _Branch:
    name: str
    mark: Field | None
    many: bool
    children: tuple[_Branch, ...]
    kinds: str
    vocabulary: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the marks of records of one type."""

    marked: tuple[_Branch, ...]
    prose: tuple[_Branch, ...]
    labels: tuple[_Branch, ...]

    def read(self, data: dict[str, Any]) -> tuple[list[Reference], list[Term]]:
        """Every reference and every vocabulary term in a record, each in document order."""
        references: list[Reference] = []
        terms: list[Term] = []
        _read(self.marked, data, "", references, terms)
        return references, terms

    def personal(self, data: dict[str, Any]) -> Iterator[tuple[Pointer, str]]:
        """Free-text fields holding a phone number, identity number or mail address (R-ALL-05)."""
        for pointer, text in self.texts(data):
            hit = PERSONAL.search(text)
            if hit:
                yield pointer, hit.group()

    def texts(self, data: Mapping[str, Any]) -> Iterator[tuple[Pointer, str]]:
        """Every free text of a record."""
        return ((pointer, str(value)) for pointer, value in _follow(self.prose, data, ()))

    def names(self, data: Mapping[str, Any]) -> Iterator[tuple[Pointer, str]]:
        """Every text that should only name a thing."""
        return ((pointer, str(value)) for pointer, value in _follow(self.labels, data, ()))


def may_be_personal(text: str) -> bool:
    """Whether a text is worth searching for what `Reader.personal` finds: quick, and wrong on one side only."""
    kinds = text.encode("utf-8", "replace").translate(_KIND)
    if _FOREIGN in kinds or _IDENTITY_CORE in kinds or _WIDE in kinds:
        return True
    return bool(_MOBILE_CORE.search(text) or _MAIL_TAIL.search(text))


def reader(schema: RecordSchema, types: Collection[str]) -> Reader:
    """The reader of a record type's marks. References only to types that have no schema (yet) cannot be
    followed and are left alone: `types` are those that can."""
    followed = {*types, "record", "contact", "staff"}
    return Reader(
        marked=_branches(schema.fields, lambda item: bool(followed.intersection(item.refs) or item.vocabulary)),
        prose=_branches(schema.fields, lambda item: item.pii == "freetext" or item.name == schema.title_field),
        labels=_branches(schema.fields, lambda item: item.pii == "none" and item.name != schema.title_field),
    )


def _branches(fields: tuple[Field, ...], wanted: Any) -> tuple[_Branch, ...]:
    kept = []
    for item in fields:
        children = _branches(item.children, wanted)
        leaf = item if not item.children and wanted(item) else None
        if children or leaf:
            vocabulary = (
                (item.vocabulary.name, "true" if item.vocabulary.shared else "false") if item.vocabulary else None
            )
            many = item.kind in ("array", "map")
            kept.append(_Branch(item.name, leaf, many, children, "/".join(item.refs), vocabulary))
    return tuple(kept)


def _read(
    branches: tuple[_Branch, ...], data: dict[str, Any], at: str, references: list[Reference], terms: list[Term]
) -> None:
    for branch in branches:
        value = data.get(branch.name)
        if value is None:
            continue
        here = f"{at}.{branch.name}" if at else branch.name
        items = [(here, value)]
        if branch.many:
            if isinstance(value, dict):
                items = [(here + field_text(("_", key))[1:], item) for key, item in value.items()]
            else:
                items = [(f"{here}[{place}]", item) for place, item in enumerate(value)]
        for place, item in items:
            if branch.mark is None:
                _read(branch.children, item, place, references, terms)
                continue
            if branch.kinds:
                references.append((place, str(item), branch.kinds))
            if branch.vocabulary:
                terms.append((place, *branch.vocabulary, str(item)))


def _follow(branches: tuple[_Branch, ...], data: Mapping[str, Any], at: Pointer) -> Iterator[tuple[Pointer, Any]]:
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
                yield pointer, item
            else:
                yield from _follow(branch.children, item, pointer)
