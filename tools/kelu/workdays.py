"""Working days: the yearly holiday data, deadlines reckoned with it, and the rows of the `calendar` table.

Everything here is a date in Asia/Shanghai (obligations.md §0.1); whoever holds a time converts it first. A
year without data is reckoned Monday to Friday, and an answer that leaned on one says so (`known` is false).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Deadline:
    """A day that was reckoned; provisional unless every year it leaned on has holiday data (`known`)."""

    day: date
    known: bool


@dataclass(frozen=True, slots=True)
class Window:
    """A span of days, both ends included. Its ends are calendar days, so it is never provisional."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Calendar:
    """Holiday data: the years it covers, the weekdays off and the weekend days worked in them."""

    years: tuple[int, ...] = ()
    off: frozenset[date] = frozenset()
    work: frozenset[date] = frozenset()

    def knows(self, day: date) -> bool:
        """Whether there is data for the day's year."""
        return day.year in self.years

    def is_workday(self, day: date) -> bool:
        """Whether people work that day: a weekend day worked, or a weekday not off. See `knows`."""
        return day in self.work or (day.weekday() < _SATURDAY and day not in self.off)

    def add_workdays(self, day: date, n: int) -> Deadline:
        """The n-th working day after `day`, which itself is not counted; the deadline is the end of that day.

        n = 0 gives `day`, or the next working day if it is none. Raises ValueError when n is negative.
        """
        if n < 0:
            raise ValueError(f"cannot count {n} working days")
        if n == 0:
            return self._from(day)
        known = True
        while n:
            day += _DAY
            known = known and self.knows(day)
            n -= self.is_workday(day)
        return Deadline(day, known)

    def monday_after(self, day: date) -> Deadline:
        """The Monday after the ISO week (Monday to Sunday) of `day`, or the next working day after it."""
        return self._from(day + timedelta(days=7 - day.weekday()))

    def rows(self, first_year: int, last_year: int) -> Iterator[tuple[date, bool, int, bool]]:
        """(day, working, ordinal, known) of every day of the years, both included.

        ordinal = number of working days since the first row, up to and including the day; the difference of
        two is the number of working days between them.
        """
        day, ordinal = date(first_year, 1, 1), 0
        while day.year <= last_year:
            working = self.is_workday(day)
            ordinal += working
            yield day, working, ordinal, self.knows(day)
            day += _DAY

    def _from(self, day: date) -> Deadline:
        """`day` itself, or the first working day after it."""
        known = self.knows(day)
        while not self.is_workday(day):
            day += _DAY
            known = known and self.knows(day)
        return Deadline(day, known)


def calendar(documents: Iterable[Mapping[str, Any]]) -> Calendar:
    """The calendar of the yearly documents {year, off: [date], work: [date]}, dates as text."""
    read = list(documents)

    def days(kind: str) -> frozenset[date]:
        return frozenset(date.fromisoformat(text) for document in read for text in document[kind])

    return Calendar(tuple(sorted({document["year"] for document in read})), days("off"), days("work"))


def next_month(day: date) -> Window:
    """The month after that of `day`, first to last calendar day; no shift to a working day."""
    first = (day.replace(day=1) + timedelta(days=31)).replace(day=1)
    return Window(first, (first + timedelta(days=31)).replace(day=1) - _DAY)
