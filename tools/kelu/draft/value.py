"""Values: what a row of SQL says, as the data of a record; and what a person is still to write, as comments in it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from kelu.periods import SHANGHAI
from kelu.schema import Field

_KEY = re.compile(r"([a-z_]+):")


def plain(value: Any) -> Any:
    """A value of SQL as YAML says it: times in Asia/Shanghai, whole numbers whole, and nothing that is empty."""
    if isinstance(value, Mapping):
        parts = {str(key): plain(part) for key, part in value.items()}
        return {key: part for key, part in parts.items() if not _empty(part)}
    if isinstance(value, (list, tuple)):
        return [part for part in map(plain, value) if not _empty(part)]
    if isinstance(value, datetime.datetime):
        return value.astimezone(SHANGHAI).replace(microsecond=0).isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def without_persons(fields: Sequence[Field], data: Mapping[str, Any], mask: Callable[[str], str]) -> dict[str, Any]:
    """The data with every free text masked: what people wrote elsewhere must not bring their names or numbers here."""
    known = {item.name: item for item in fields}
    return {name: _masked(known[name], value, mask) if name in known else value for name, value in data.items()}


def _masked(item: Field, value: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_masked(item, part, mask) for part in value]
    if isinstance(value, Mapping):
        return without_persons(item.children, value, mask)
    return mask(value) if item.pii == "freetext" and isinstance(value, str) else value


def annotated(text: str, comments: Mapping[str, str], order: Iterable[str]) -> str:
    """The text of a record with a comment above each field named, or where that field would stand."""
    names = list(order)
    lines = text.splitlines(keepends=True)
    places = {found[1]: number for number, line in enumerate(lines) if (found := _KEY.match(line))}
    told: dict[int, list[str]] = {}
    for name, words in sorted(comments.items(), key=lambda pair: names.index(pair[0])):
        after = (places[later] for later in names[names.index(name) :] if later in places)
        told.setdefault(next(after, len(lines)), []).extend(f"# {line}\n" for line in words.splitlines())
    return "".join("".join([*told.get(number, ()), *lines[number : number + 1]]) for number in range(len(lines) + 1))
