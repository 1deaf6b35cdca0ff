"""Lives: the stages through which each record came to be what it is, as `lives.yaml` tells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from functools import cache
from pathlib import Path
from typing import Any

from kelu.demo.prose import Draft
from kelu.document import parse
from kelu.finding import Text
from kelu.periods import SHANGHAI

_EVENING = time(17)  # when what is known by its day alone is entered


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a life as the file has it; names are those of the draft's values and blocks."""

    at: tuple[str, ...]
    by: tuple[str, ...]
    status: str | None
    says: str | None
    add: frozenset[str]
    drop: frozenset[str]
    approved: str | None


@dataclass(frozen=True, slots=True)
class Stage:
    """What a record was from a moment on: blocks and status; who made it so, who approved it, in what words."""

    at: datetime
    blocks: frozenset[str]
    status: str
    by: tuple[str, ...]
    approved: str | None
    says: str


def read(folder: Path) -> Mapping[str, tuple[Event, ...]]:
    """The events of every type, in order of life. Raises ValueError for a file that cannot be read."""
    data, faults = parse((folder / "lives.yaml").read_bytes(), "lives.yaml")
    if data is None:
        raise ValueError(f"lives.yaml: {faults[0].line}: {faults[0].message.en}")
    return {kind: tuple(_event(entry) for entry in life) for kind, life in data.items()}


def stages(draft: Draft, life: tuple[Event, ...], states: Mapping[str, Text]) -> list[Stage]:
    """The stages of a record in order of time; the last holds all that the draft has. `states` labels its statuses."""
    happened = _happened(draft, life)
    blocks = _same(frozenset(draft.blocks))
    held = [blocks]
    for _, event in reversed(happened[1:]):
        blocks = _same(blocks - event.add | event.drop) if event.add else blocks
        held.append(blocks)
    status, made = "", []
    for (at, event), had in zip(happened, reversed(held), strict=True):
        status = event.status or status
        by = tuple(dict.fromkeys(str(draft.values[name]) for name in event.by))
        approved = str(draft.values[event.approved]) if event.approved else None
        made.append(Stage(at, had, status, by, approved, event.says or states[status].zh))
    return made


@cache
def _same(blocks: frozenset[str]) -> frozenset[str]:
    """The one set of these blocks: many records have the same, and there may be half a million stages."""
    return blocks


def _happened(draft: Draft, life: tuple[Event, ...]) -> list[tuple[datetime, Event]]:
    """The events that the draft has come to, with their moments: none before registration, nor before a status that
    comes earlier in life."""
    found: list[tuple[datetime, Event]] = []
    reached: datetime | None = None
    for event in life:
        moments = [_moment(draft.values[name]) for name in event.at if name in draft.values]
        if not moments or (event.add and not event.add & draft.blocks):
            continue
        at = max(moments) if reached is None else max(*moments, reached)
        if event.status:
            reached = at
        found.append((at, event))
    return sorted(found, key=lambda entry: entry[0])


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, _EVENING, SHANGHAI)


def _event(entry: Mapping[str, Any]) -> Event:
    return Event(
        at=_names(entry["at"]), by=_names(entry["by"]), status=entry.get("status"), says=entry.get("says"),
        add=frozenset(entry.get("add", ())), drop=frozenset(entry.get("drop", ())), approved=entry.get("approved"),
    )  # fmt: skip


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
