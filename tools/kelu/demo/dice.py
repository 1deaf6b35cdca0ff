"""Dice and clock: what is chosen for the demonstration, the same for a seed on every machine, and when people work."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import TypeVar

from kelu.periods import SHANGHAI
from kelu.workdays import Calendar

Item = TypeVar("Item")


class Dice:
    """Seeded choices. Built on `Random.random` alone, whose sequence Python promises to keep between versions."""

    def __init__(self, seed: int) -> None:
        self._roll = random.Random(seed).random  # noqa: S311 - chooses words, keeps no secret

    def happens(self, chance: float) -> bool:
        """True in `chance` (0…1) of all cases."""
        return self._roll() < chance

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1."""
        return int(self._roll() * limit)

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + self.below(high - low + 1)

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """The items in another order."""
        mixed = list(items)
        for last in range(len(mixed) - 1, 0, -1):
            other = self.below(last + 1)
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed


class Clock:
    """Times at which things happen: working days by the calendar, office hours, Asia/Shanghai."""

    def __init__(self, calendar: Calendar, dice: Dice) -> None:
        self._calendar = calendar
        self._dice = dice

    def any_time(self, day: date) -> datetime:
        """Any minute of a day."""
        return datetime.combine(day, time(), SHANGHAI) + timedelta(minutes=self._dice.below(24 * 60))

    def office(self, day: date) -> datetime:
        """A minute of office hours on `day` or the next working day."""
        day = self._calendar.add_workdays(day, 0).day
        return datetime.combine(day, time(8, 40), SHANGHAI) + timedelta(minutes=self._dice.below(8 * 60))

    def after(self, moment: datetime, workdays: int) -> datetime:
        """In the office `workdays` later; with 0, within the next hour or two."""
        if workdays == 0:
            return moment + timedelta(minutes=self._dice.between(10, 90))
        return self.office(self._calendar.add_workdays(moment.date(), workdays).day)

    def minutes_after(self, moment: datetime, low: int, high: int) -> datetime:
        """`low` to `high` minutes later, whoever is at work."""
        return moment + timedelta(minutes=self._dice.between(low, high))

    def due(self, day: date, workdays: int) -> date:
        """The n-th working day after `day`."""
        return self._calendar.add_workdays(day, workdays).day
