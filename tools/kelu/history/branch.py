"""Branch: the default branch — what landed on it and when, from where on its history counts, who was on the staff.

The default branch is the chain of first parents. `trail_since` in config/policy.yaml says from when it counts: what
landed with the commit that wrote its present value, and before, is the foundation and is taken over as it stood then.
"""

from __future__ import annotations

import datetime
import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from kelu import git
from kelu.document import parse
from kelu.history.index import History, Touch
from kelu.history.people import Staff
from kelu.history.step import Act, Step, Unit
from kelu.policy import CONFIG, STAFF
from kelu.schema import Schemas


class Branch:
    """The default branch of a history. Places are those of its commits, which stand for what landed with them."""

    def __init__(self, history: History, schemas: Schemas) -> None:
        self.history, self._schemas = history, schemas

    @cached_property
    def landings(self) -> Mapping[int, Sequence[Touch]]:
        """What each landing after the foundation changed, by place, and the one that moved its end."""
        judged = [place for place in self.history.units if place > self.foundation or place == self._moved]
        found: dict[int, list[Touch]] = {place: [] for place in judged}
        for touch in self.history.touched(found):
            found[touch.place].append(touch)
        return found

    @cached_property
    def foundation(self) -> int:
        """The place of the last landing that only laid the ground; -1 when there was none."""
        written = self._beginnings
        if not written:
            return -1
        now = written[-1][1]
        if now is None:
            return written[0][0]
        place = written[-1][0]
        for earlier, value in reversed(written):
            if value != now:
                break
            place = earlier
        return place

    @cached_property
    def founded(self) -> str:
        """The commit that the foundation ends with, or the first one: what was before it is taken over."""
        asked = "SELECT sha FROM commits WHERE unit = place AND place >= $1 ORDER BY place LIMIT 1"
        ((sha,),) = self.history.ask(asked, [self.foundation])
        return str(sha)

    def stood(self, at: datetime.datetime) -> str | None:
        """The commit the default branch stood at, unless that was before the end of the foundation."""
        held = "unit = place AND place >= $1 AND committed <= $2"
        asked = f"SELECT sha FROM commits WHERE {held} ORDER BY place DESC LIMIT 1"
        return next((sha for (sha,) in self.history.ask(asked, [self.foundation, math.floor(at.timestamp())])), None)

    @cached_property
    def _moved(self) -> int | None:
        """The landing that said anew from when the history counts; whoever may not do so could hide all before it."""
        first = self._beginnings[0][0] if self._beginnings else -1
        return self.foundation if self.foundation > first else None

    @cached_property
    def _beginnings(self) -> list[tuple[int, Any]]:
        return [(touch.place, _data(data).get("trail_since")) for touch, data in self._versions(CONFIG)]

    def staff(self, unit: Unit) -> Staff:
        """The staff as it stood before something landed; as it first stood, for what landed with it."""
        place = self.history.places[unit.own.sha]
        before = [staff for earlier, staff in self._staff if earlier < place]
        return before[-1] if before else self._staff[0][1] if self._staff else Staff()

    @cached_property
    def _staff(self) -> list[tuple[int, Staff]]:
        return [(touch.place, Staff.of(_data(data))) for touch, data in self._versions(STAFF)]

    def pack_status(self, place: int, pack: str) -> str | None:
        """The status of a pack before something landed; None where it was not there."""
        before = [data for touch, data in self._versions(f"policies/{pack}/pack.yaml") if touch.place < place]
        return str(_data(before[-1]).get("status", "")) if before else None

    def _versions(self, path: str) -> list[tuple[Touch, Any]]:
        """What a file of policy or configuration held on the branch, over time."""
        touches = self.history.touches([path])
        landed = self.history.landings({touch.place for touch in touches})
        there = [touch for touch in touches if touch.new and landed[touch.place] == touch.place]
        content = git.blobs(self.history.root, [touch.new for touch in there if touch.new])
        return [(touch, parse(raw, path)[0]) for touch, raw in zip(there, content, strict=True)]

    def lives(self, paths: Collection[str] | None = None) -> Iterator[tuple[str, list[Step]]]:
        """The steps of each record (of these files) since the foundation, oldest first."""
        inside: dict[int, list[Touch]] = defaultdict(list)
        by_path: dict[str, list[Touch]] = {}
        for touch in self.history.touches(paths):
            by_path.setdefault(touch.path, []).append(touch)
        documents = self.history.documents(paths)
        path, versions = next(documents, ("", {}))
        for name, touches in by_path.items():
            schema = self._schemas.of_folder(name)
            while path and path < name:
                path, versions = next(documents, ("", {}))
            if schema is None or not name.endswith(".yaml"):
                continue
            held = versions if path == name else {}
            inside.clear()
            for touch in touches:
                inside[self.history.landed[touch.place]].append(touch)
            steps = [
                _step(self.history.units[touch.place], self._acts(touch, inside[touch.place]), touch, schema.name, held)
                for touch in touches
                if touch.place > self.foundation and self.history.is_landing(touch.place)
            ]
            if steps:
                yield name, steps

    def _acts(self, landing: Touch, touches: Sequence[Touch]) -> list[Act]:
        """Who made the change that landed: where a merge brought it, those whose commits it brought, and whoever merged
        only where what landed is in none of them."""
        within = [touch for touch in touches if touch.place != landing.place]
        makers = within if any(touch.new == landing.new for touch in within) else [*within, landing]
        return [self.history.acts[touch.place] for touch in makers]


def _step(unit: Unit, acts: Sequence[Act], touch: Touch, of_type: str, versions: Mapping[str, Any]) -> Step:
    before, after = (versions.get(blob) if blob else None for blob in (touch.old, touch.new))
    return Step(unit, tuple(acts), touch.path, of_type, before, after, touch.new is not None and after is None)


def _data(data: Any) -> Mapping[str, Any]:
    return data if isinstance(data, dict) else {}
