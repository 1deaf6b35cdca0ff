"""Amendment: a record's file after some of its data changed, everything else left as somebody wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kelu.document.comments import Mark, Notes, read
from kelu.document.layout import Order, Writer, keyed, ordered
from kelu.document.places import Pointer


def amended(text: str, events: Iterable[Any], old: Mapping[str, Any], data: Mapping[str, Any], order: Order) -> str:
    """A sound text of `old` after its data became `data`: a top-level section whose data are the same keeps its every
    byte, the others are written anew with their comments; a new one comes where the schema has it."""
    marks, notes = read(text, events)
    lines = text.removesuffix("\n").split("\n")
    tops = [mark for mark in marks if len(mark.pointer) == 1]
    begins = [_begin(lines, mark, notes) for mark in tops]
    ends = [*begins[1:], len(lines) - _trailing(lines, notes)]
    kept: list[str] = []
    parts: dict[str, list[str]] = {}
    fresh = Writer(_rehung(notes, data))
    for mark, begin, end in zip(tops, begins, ends, strict=True):
        key = str(mark.pointer[0])
        above = kept + [line.strip() for line in lines[begin : mark.line]]  # further in, a text before it would take it
        if key not in data:
            kept = [line for line in above if line.strip()]
            continue
        body = lines[mark.line : end]
        if not same(old[key], data[key]):
            above += _lost(notes, key, data)
            body = list(fresh.value(f"{keyed(key)}:", data[key], order.get(key, {}), (key,), ""))
        parts[key] = [*above, *body]
        kept = []
    keys = list(parts)
    wanted = ordered(data, order)
    for place, key in enumerate(wanted):
        if key not in parts:
            before = next((name for name in reversed(wanted[:place]) if name in keys), None)
            keys.insert(keys.index(before) + 1 if before else 0, key)
            parts[key] = list(fresh.value(f"{keyed(key)}:", data[key], order.get(key, {}), (key,), ""))
    out = [line for key in keys for line in parts[key]] + kept + lines[ends[-1] :]
    return "\n".join(out) + "\n"


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same data: a number is never a truth value, the order of keys does not count."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def _begin(lines: Sequence[str], mark: Mark, notes: Notes) -> int:
    """The line where what stands above a top-level key begins."""
    comments = sum(map(bool, notes[mark.pointer].above)) if mark.pointer in notes else 0
    begin = mark.line
    while begin and (comments or not lines[begin - 1].strip()):
        begin -= 1
        comments -= bool(lines[begin].strip())
    return begin


def _trailing(lines: Sequence[str], notes: Notes) -> int:
    """How many lines at the end belong to no section."""
    comments = sum(map(bool, notes[()].below)) if () in notes else 0
    count = 0
    while comments or not lines[-1 - count].strip():
        comments -= bool(lines[-1 - count].strip())
        count += 1
    return count


def _lost(notes: Notes, key: str, data: Mapping[str, Any]) -> Iterator[str]:
    """The comments in a section whose value is no longer there."""
    for pointer, note in notes.items():
        if pointer[:1] == (key,) and not _is_there(data, pointer):
            yield from note.comments()


def _rehung(notes: Notes, data: Mapping[str, Any]) -> Notes:
    return {pointer: note for pointer, note in notes.items() if _is_there(data, pointer)}


def _is_there(data: Any, pointer: Pointer) -> bool:
    for step in pointer:
        if isinstance(step, int):
            if not isinstance(data, list) or step >= len(data):
                return False
        elif not isinstance(data, dict) or step not in data:
            return False
        data = data[step]
    return True
