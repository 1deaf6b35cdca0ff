"""Catalogue: the one place where the engine's own findings are made, with their texts in Chinese and English."""

from __future__ import annotations

from collections.abc import Iterator

from kelu.document import catalogue as _catalogue
from kelu.finding import Entry, Finding, shown

__all__ = ["entries", "entry", "make", "shown"]


def make(
    code: str, path: str, line: int, column: int, field: str = "", value: object = None, **words: object
) -> Finding:
    """A finding of the engine; see `finding.Catalogue.make`."""
    return _catalogue().make(code, path, line, column, field, value, **words)


def entry(code: str) -> Entry:
    """What the manual says of one code. Raises KeyError if there is none."""
    return _catalogue()[code]


def entries() -> Iterator[Entry]:
    """Every code of the engine, in the catalogue's order."""
    return iter(_catalogue())
