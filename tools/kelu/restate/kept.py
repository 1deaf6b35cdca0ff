"""Kept: what the last build found about restated figures, kept with the history and never believed of other rules.

- By commit and moment, which records are others today as known then. It holds for the files that have not changed
  since the commit that was built last.
- By claim and by what the records that it may stand on say now, what came of comparing it.
- By claim, the figure as it was. No later commit changes that; so it is not worked out again when a record does.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from kelu.finding import Text
from kelu.history.index import History
from kelu.restate.outcome import Figure, Item, Side, Told

_KEY = "restated"
_FIGURE = "restated figure "  # what keys of figures of the past begin with
Compared = tuple[Text, str, Told, Told, tuple[Item, ...]]


class Kept:
    """What was kept on one ground (any text that names it); `head` is the commit that was built last, if any."""

    def __init__(self, history: History, ground: str) -> None:
        self._history = history
        self._ground = hashlib.sha256(ground.encode()).hexdigest()
        kept = json.loads(history.recall(_KEY) or "{}")
        if kept.get("ground") != self._ground or history.place(kept["head"]) is None:
            kept = {"head": None, "differences": {}, "compared": {}}
        self.head: str | None = kept["head"]
        self._differences, self._compared = kept["differences"], kept["compared"]
        self._wanted: dict[str, dict[str, Any]] = {"differences": {}, "compared": {}}
        self._figures: dict[str, str | None] = {}  # those asked for, with the text of the new ones

    def save(self) -> None:
        """Keep what was found and asked for this time, and nothing else."""
        told = {"ground": self._ground, "head": self._history.head, **self._wanted}
        self._history.remember(_KEY, json.dumps(told, ensure_ascii=False))
        self._history.retain(_FIGURE, self._figures)

    def differences(self, sha: str, as_of: datetime.datetime) -> Mapping[str, Any] | None:
        """The records that differed from those of a commit as known at a moment, when the commit `head` was built."""
        found: Mapping[str, Any] | None = self._differences.get(f"{sha} {as_of.isoformat()}")
        return found and {
            name: (kind, None if columns is None else frozenset(columns), now)
            for name, (kind, columns, now) in found.items()
        }

    def found(self, sha: str, as_of: datetime.datetime, differences: Mapping[str, tuple[str, Any, str]]) -> None:
        """Keep what differs now."""
        self._wanted["differences"][f"{sha} {as_of.isoformat()}"] = {
            name: [kind, None if columns is None else sorted(columns), now]
            for name, (kind, columns, now) in differences.items()
        }

    def compared(self, key: str) -> tuple[bool, Compared | None]:
        """Whether it is known what came of a comparison, and that: None where the figure is as it was."""
        if key not in self._compared:
            return False, None
        told = self._wanted["compared"][key] = self._compared[key]
        if told is None:
            return True, None
        title, unit, before, after, items = told
        return True, (
            Text(*title), unit, _told(before), _told(after),
            tuple(Item(name, record, _side(was), _side(now)) for name, record, was, now in items),
        )  # fmt: skip

    def came(self, key: str, compared: Compared | None) -> None:
        """Keep what came of a comparison."""
        told: Any = None
        if compared is not None:
            title, unit, before, after, items = compared
            rows = [[item.id, item.record, _plain_side(item.before), _plain_side(item.after)] for item in items]
            told = [[title.zh, title.en], unit, _plain_told(before), _plain_told(after), rows]
        self._wanted["compared"][key] = told

    def figure(self, key: str) -> tuple[bool, Figure | None]:
        """Whether a figure of the past is known, and that: None where there was none."""
        text = self._history.recall(_FIGURE + key)
        if text is None:
            return False, None
        told = json.loads(text)
        if told is None:
            return True, None
        title, unit, shown, lists = told
        sides = {name: side for plain, names in lists for side in [_side(plain)] for name in names if side}
        return True, Figure(Text(*title), unit, _told(shown), sides)

    def stood(self, key: str, figure: Figure | None) -> None:
        """Keep a figure of the past."""
        told: Any = None
        if figure is not None:
            lists: dict[Side, list[str]] = {}
            for name, side in figure.sides.items():
                lists.setdefault(side, []).append(name)
            title = [figure.title.zh, figure.title.en]
            sides = [[_plain_side(side), names] for side, names in lists.items()]
            told = [title, figure.unit, _plain_told(figure.told), sides]
        self._figures[_FIGURE + key] = json.dumps(told, ensure_ascii=False)

    def wanted(self, key: str) -> None:
        """Say of a figure of the past that it may be asked for."""
        self._figures.setdefault(_FIGURE + key, None)


def _plain_told(told: Told) -> list[Any]:
    sums = [None if number is None else str(number) for number in (told.numerator, told.denominator)]
    return [told.value, *sums, told.target, told.verdict, told.pack]


def _told(plain: list[Any]) -> Told:
    value, *sums, target, verdict, pack = plain
    numerator, denominator = (None if number is None else Fraction(number) for number in sums)
    return Told(value, numerator, denominator, target, verdict, pack)


def _plain_side(side: Side | None) -> list[str] | None:
    return None if side is None else [side.name, *((side.reason.zh, side.reason.en) if side.reason else ())]


def _side(plain: list[str] | None) -> Side | None:
    return None if plain is None else Side(plain[0], Text(*plain[1:]) if plain[1:] else None)
