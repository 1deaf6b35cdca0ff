"""Layout: the one way a record is written — canonical text of data, and of a file with its comments.

The same data always give the same text: keys in the schema's order, text plain where every YAML program reads it as
text, else in double quotes; text of several lines as a block; small lists and groups on one line. The form in the
browser follows the same rules (site/assets/canon.js), so hand, form and import meet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from kelu.document.comments import Note
from kelu.document.places import Pointer

Order = Mapping[str, "Order"]  # keys as the schema has them, each with the order of what stands inside it

WIDTH = 120  # characters of a line that holds a whole list or group
_STEP = "  "

# Text that needs no quotes, as a regular expression of Python's and JavaScript's alike: dates, times, months, weeks; or
# letters, digits, Chinese characters and marks that mean nothing in YAML, with a letter or Chinese character early on.
_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LETTER = rf"A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f{_HAN}"
_WORD = rf"0-9{_LETTER}_./()+%@~=*;&$<>|!?，。、；！？（）《》〈〉「」『』【】“”‘’—…·～％＋－×÷°≥≤≈≠→℃①-⑳\-"
PLAIN = (
    "^(?!(?:[Yy]|[Nn]|[Yy][Ee][Ss]|[Nn][Oo]|[Oo][Nn]|[Oo][Ff][Ff]|[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]"
    "|[Nn][Uu][Ll][Ll])$)"
    "(?:[0-9]{4}-[0-9]{2}(?:-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2}))?)?|[0-9]{4}-W[0-9]{2}"
    rf"|(?:[{_LETTER}]|[0-9]+-?[{_HAN}]|[0-9]+-[A-Za-z])(?:[ {_WORD}]*[{_WORD}])?)$"
)
_plain: Callable[[str], Any] = re.compile(PLAIN).fullmatch
_plain_key: Callable[[str], Any] = re.compile(r"(?!(?:true|false|null)$)[a-zA-Z_][a-zA-Z0-9_.-]*", re.I).fullmatch
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")  # what json.dumps leaves as it is


def text_of(data: Mapping[str, Any], order: Order, notes: Mapping[Pointer, Note] | None = None) -> str:
    """The canonical text of a record's data, with the comments in `notes`."""
    return "\n".join(Writer(notes or {}).mapping(data, order, (), "")) + "\n"


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(int(value)) if value == int(value) else repr(value)
    return str(value) if _plain(value) else _quoted(value)


def _quoted(text: str) -> str:
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def keyed(key: str) -> str:
    """A key as it stands before its colon."""
    return key if _plain_key(key) else _quoted(key)


def _is_block(value: Any) -> bool:
    """Whether a value is written as a block of lines: nothing in it may get lost at a line's end."""
    if not isinstance(value, str) or "\n" not in value or _CONTROL.search(value):
        return False
    lines = value.removesuffix("\n").split("\n")
    return bool(lines[0] and lines[-1]) and lines[0][0] != " " and not any(line.endswith(" ") for line in lines)


def ordered(data: Mapping[str, Any], order: Order) -> list[str]:
    """The keys of a mapping in order; those the schema does not name come last, as they are."""
    return [*(key for key in order if key in data), *(key for key in data if key not in order)]


class Writer:
    """Writes values with the comments around them."""

    def __init__(self, notes: Mapping[Pointer, Note]) -> None:
        self._notes = notes
        self._commented = {pointer[:depth] for pointer in notes for depth in range(len(pointer))}
        self._commented |= {pointer for pointer, note in notes.items() if note.below}

    def mapping(self, data: Mapping[str, Any], order: Order, at: Pointer, indent: str) -> Iterator[str]:
        """The lines of a mapping in block style."""
        for place, key in enumerate(ordered(data, order)):
            inner = (*at, key)
            yield from self._above(inner, indent, first=place == 0)
            yield from self.value(f"{indent}{keyed(key)}:", data[key], order.get(key, {}), inner, indent)
        yield from self._below(at, indent)

    def value(self, head: str, value: Any, order: Order, at: Pointer, indent: str) -> Iterator[str]:
        """The lines of a value behind `head`, which is its key or the dash of a list."""
        behind = f"  {self._notes[at].behind}" if at in self._notes and self._notes[at].behind else ""
        line = self._line(value, order, at)
        if line is not None and (
            len(head) + 1 + len(line) <= WIDTH or not value or not isinstance(value, (dict, list))
        ):
            yield f"{head} {line}{behind}"
        elif isinstance(value, str):
            yield f"{head} {'|' if value.endswith(chr(10)) else '|-'}{behind}"
            yield from (f"{indent}{_STEP}{part}" if part else "" for part in value.removesuffix("\n").split("\n"))
        elif isinstance(value, dict):
            yield f"{head}{behind}"
            yield from self.mapping(value, order, at, indent + _STEP)
        else:
            yield f"{head}{behind}"
            yield from self._list(value, order, at, indent + _STEP)

    def _list(self, items: Sequence[Any], order: Order, at: Pointer, indent: str) -> Iterator[str]:
        for place, item in enumerate(items):
            inner = (*at, place)
            yield from self._above(inner, indent, first=place == 0)
            head, *rest = self.value(f"{indent}-", item, order, inner, indent)
            if isinstance(item, (dict, list)) and head.partition("#")[0].rstrip() == f"{indent}-":
                # What stands behind or at once below a lone dash goes above it.
                if "#" in head:
                    yield indent + head[head.index("#") :]
                while rest[0].lstrip().startswith("#"):
                    yield indent + rest.pop(0).lstrip()
                head = f"{indent}- {rest.pop(0).removeprefix(indent + _STEP)}"
            yield head
            yield from rest
        yield from self._below(at, indent)

    def _line(self, value: Any, order: Order, at: Pointer) -> str | None:
        """A value on one line; None where it has to be in block style."""
        if isinstance(value, str) and _is_block(value):
            return None
        if not isinstance(value, (dict, list)):
            return _scalar(value)
        if not value:
            return "{}" if isinstance(value, dict) else "[]"
        values = value.values() if isinstance(value, dict) else value
        block = (isinstance(value, dict) and len(at) == 1) or at in self._commented
        if block or any(_is_block(item) or (item and isinstance(item, (dict, list))) for item in values):
            return None
        if isinstance(value, list):
            return f"[{', '.join(self._line(item, {}, ()) or '' for item in value)}]"
        pairs = (f"{keyed(key)}: {self._line(value[key], {}, ())}" for key in ordered(value, order))
        return f"{{{', '.join(pairs)}}}"

    def _above(self, at: Pointer, indent: str, *, first: bool) -> Iterator[str]:
        if at in self._notes:
            yield from _indented(self._notes[at].above, indent, blank=first)

    def _below(self, at: Pointer, indent: str) -> Iterator[str]:
        if at in self._notes:
            lines = list(_indented(self._notes[at].below, indent, blank=False))
            yield from lines[:-1] if lines and not lines[-1] else lines


def _indented(lines: Iterable[str], indent: str, *, blank: bool) -> Iterator[str]:
    """Comment lines, with never two empty lines on end; `blank` tells that none may come first."""
    for line in lines:
        if line or not blank:
            yield f"{indent}{line}" if line else ""
        blank = not line
