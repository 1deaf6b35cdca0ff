"""Lives: what commits did to the records and rules that a restated figure rests on, for as few files as needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from kelu.document import field_text
from kelu.history import difference
from kelu.history.index import History, Touch
from kelu.history.step import Act
from kelu.restate.outcome import Touched


class Lives:
    """What commits did to some records, by id, and to some other files, by path."""

    def __init__(self, history: History, records: Collection[str], paths: Collection[str]) -> None:
        self._history = history
        asked = "SELECT DISTINCT path FROM touch WHERE list_contains($1, parse_filename(path, true))"
        found = [path for (path,) in history.ask(asked, [list(records)])] if records else []
        touches = history.touches(sorted({*found, *paths})) if found or paths else []
        self._landed = history.landings({touch.place for touch in touches})
        self._bases: dict[str, int] = {}
        self._of: dict[str, list[Touch]] = defaultdict(list)
        for touch in touches:
            for name in {touch.path, PurePosixPath(touch.path).stem}:
                self._of[name].append(touch)
        self._documents = dict(history.documents(found)) if found else {}
        self._acts = history.acts_of(history.some({touch.place for touch in touches}))

    def touched(self, record: str, since: str) -> tuple[Touched, ...]:
        """The commits that touched a record after the default branch stood at `since`."""
        return tuple(
            Touched(self._acts[touch.place], *_change(touch, self._documents.get(touch.path, {})))
            for touch in self._touches([record], since)
        )

    def acts(self, paths: Collection[str], since: str) -> tuple[Act, ...]:
        """The commits that touched any of some files after then."""
        return tuple({touch.place: self._acts[touch.place] for touch in self._touches(paths, since)}.values())

    def _touches(self, names: Collection[str], since: str) -> Sequence[Touch]:
        """In order. Merges are left out where what they brought in tells the same."""
        if since not in self._bases:
            self._bases[since] = self._history.place(since) or 0
        inside: dict[tuple[str, int], set[str | None]] = defaultdict(set)
        own = [touch for name in names for touch in self._of[name] if self._landed[touch.place] > self._bases[since]]
        for touch in own:
            if self._landed[touch.place] != touch.place:
                inside[touch.path, self._landed[touch.place]].add(touch.new)
        kept = (
            touch
            for touch in own
            if self._landed[touch.place] != touch.place or touch.new not in inside[touch.path, touch.place]
        )
        return sorted(kept, key=lambda touch: touch.place)


def _change(touch: Touch, versions: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    if touch.old is None or touch.new is None:
        return "added" if touch.old is None else "deleted", ()
    made = difference.changes(versions.get(touch.old), versions.get(touch.new))
    return "changed", tuple(dict.fromkeys(field_text(item.pointer) for item in made))
