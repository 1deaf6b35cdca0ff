"""Faults of a document as the reader meets them: a code and a place, before the catalogue gives them words."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """One fault. `line` and `column` count from 1; `words` fill the catalogue's placeholders."""

    code: str
    line: int
    column: int
    field: str = ""
    value: str | None = None
    words: tuple[tuple[str, str], ...] = ()


def line_column(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of the character at `offset`."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
