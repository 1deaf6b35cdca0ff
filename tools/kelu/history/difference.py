"""Difference: what changed between two versions of a record, field by field.

Items of a list are taken for the same where they are equal, bear the same number (`no`, `id`) or the same stamp
(`at` and `by`); so an entry put in front of others is one change and not many.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from kelu.document import Pointer

_NUMBERS = ("no", "id")
_STAMP = ("at", "by")


@dataclass(frozen=True, slots=True)
class Change:
    """A field that was set (`old` None), changed, or taken away (`new` None).

    `pointer` is the field's place in the newer version, or in the older one where it is gone. What came or went as a
    whole is told leaf by leaf.
    """

    pointer: Pointer
    old: Any
    new: Any


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[Change]:
    """Every difference between two versions; None is a record that is not there."""
    return list(_between(before or {}, after or {}, ()))


def _between(old: Any, new: Any, at: Pointer) -> Iterator[Change]:
    if type(old) is type(new) and old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            if key not in new:
                yield from _leaves(old[key], (*at, key), gone=True)
            elif key not in old:
                yield from _leaves(new[key], (*at, key), gone=False)
            else:
                yield from _between(old[key], new[key], (*at, key))
    elif isinstance(old, list) and isinstance(new, list):
        partner = matched(old, new)
        for place, item in enumerate(old):
            if place not in partner.values():
                yield from _leaves(item, (*at, place), gone=True)
        for place, item in enumerate(new):
            if place in partner:
                yield from _between(old[partner[place]], item, (*at, place))
            else:
                yield from _leaves(item, (*at, place), gone=False)
    elif isinstance(old, (Mapping, list)) or isinstance(new, (Mapping, list)):
        yield from _leaves(old, at, gone=True)
        yield from _leaves(new, at, gone=False)
    else:
        yield Change(at, old, new)


def matched(old: Sequence[Any], new: Sequence[Any]) -> dict[int, int]:
    """The place in the old list of each item of the new list that was there before, by its place in the new one."""
    found: dict[int, int] = {}
    was, now = ([repr(item) for item in items] for items in (old, new))
    for start, other, size in SequenceMatcher(None, was, now, autojunk=False).get_matching_blocks():
        found.update((other + step, start + step) for step in range(size))
    for identity in (_numbered, _stamped):
        left = {key: place for place, item in enumerate(old)
                if place not in found.values() and (key := identity(item)) is not None}  # fmt: skip
        for place, item in enumerate(new):
            key = identity(item)
            if place not in found and key in left:
                found[place] = left.pop(key)
    rest = [place for place in range(len(old)) if place not in found.values()]
    open_ = [place for place in range(len(new)) if place not in found]
    if len(old) == len(new) and rest == open_:  # as many as before, at the same places: these were changed
        found.update(zip(open_, rest, strict=True))
    return found


def _numbered(item: Any) -> str | None:
    return next((f"{key} {item[key]}" for key in _NUMBERS if key in item), None) if isinstance(item, Mapping) else None


def _stamped(item: Any) -> str | None:
    if not isinstance(item, Mapping) or _STAMP[0] not in item:
        return None
    return " ".join(str(item.get(key)) for key in _STAMP)


def _leaves(value: Any, at: Pointer, *, gone: bool) -> Iterator[Change]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, (*at, key), gone=gone)
    elif isinstance(value, list) and value:
        for place, item in enumerate(value):
            yield from _leaves(item, (*at, place), gone=gone)
    else:
        yield Change(at, value, None) if gone else Change(at, None, value)
