"""Places in a document: pointers into its data, their written form, and the lines and columns they stand at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Pointer = tuple[str | int, ...]

_STEP = re.compile(r"\[([0-9]+)\]|\.?(?:\"((?:[^\"\\]|\\.)*)\"|([^.\[\]\"]+))")
_SIMPLE = re.compile(r"[^.\[\]\"]+")


class Place(NamedTuple):
    """Where a node stands: (line, column) of its key, if it has one, and of its value."""

    key: tuple[int, int] | None
    value: tuple[int, int]
    leaf: bool


class Positions:
    """Lines and columns of every key and value of one document, from 1. Never raises: what is not there is
    shown at its nearest parent."""

    def __init__(self, places: Mapping[Pointer, Place]) -> None:
        self._places = places

    def value(self, pointer: Sequence[str | int]) -> tuple[int, int]:
        """Where the value begins."""
        place = self._places.get(tuple(pointer))
        return place.value if place else self.best(pointer)

    def key(self, pointer: Sequence[str | int]) -> tuple[int, int]:
        """Where the key stands; for an item of a list, the item."""
        place = self._places.get(tuple(pointer))
        return (place.key or place.value) if place else self.best(pointer)

    def best(self, pointer: Sequence[str | int]) -> tuple[int, int]:
        """Where a person should look: a single value at the value, a group at its key, a list's item at the
        item, what is missing at its nearest existing parent, the whole document at 1:1."""
        steps = tuple(pointer)
        while steps:
            place = self._places.get(steps)
            if place:
                exact = place.leaf and len(steps) == len(pointer)
                return place.value if exact or place.key is None else place.key
            steps = steps[:-1]
        return 1, 1


def field_text(pointer: Sequence[str | int]) -> str:
    """A pointer as people and rules write it: `responses[1].scores.competence`. Odd keys are quoted."""
    parts: list[str] = []
    for step in pointer:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        else:
            if not _SIMPLE.fullmatch(step):
                step = '"' + step.replace("\\", "\\\\").replace('"', '\\"') + '"'
            parts.append("." + step if parts else step)
    return "".join(parts)


def pointer(text: str) -> Pointer:
    """The pointer that `field_text` wrote. What cannot be read ends it."""
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            break
        index, quoted, name = match.groups()
        steps.append(int(index) if index else name if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        at = match.end()
    return tuple(steps)


def look_up(data: Any, pointer: Sequence[str | int]) -> Any:
    """What stands at a pointer, or None."""
    for step in pointer:
        if isinstance(step, int):
            data = data[step] if isinstance(data, list) and step < len(data) else None
        else:
            data = data.get(step) if isinstance(data, dict) else None
    return data


def replaced(data: Any, pointer: Sequence[str | int], value: Any) -> Any:
    """A copy of `data` that holds `value` at a pointer; what does not lie on the way is shared."""
    if not pointer:
        return value
    copy: Any = list(data) if isinstance(data, list) else dict(data)
    copy[pointer[0]] = replaced(data[pointer[0]], pointer[1:], value)
    return copy
