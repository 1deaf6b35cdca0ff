"""Periods: year, half-year, quarter, month and ISO week, by the label people write (kpis.md §0.3).

A period is whole days in Asia/Shanghai, both ends included; whoever holds a time converts it to its date there.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass

from kelu.finding import Text

SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))  # no summer time since 1991
DAY_END = datetime.time(23, 59, 59)
KINDS = ("year", "half", "quarter", "month", "week")
_LABEL = re.compile(r"([0-9]{4})(?:-(?:H([12])|Q([1-4])|W([0-9]{2})|([0-9]{2})))?")
_MONTHS = {"year": 12, "half": 6, "quarter": 3, "month": 1}
_DAY = datetime.timedelta(days=1)


class PeriodError(ValueError):
    """A label that names no period; `text` says so in both languages."""

    def __init__(self, label: str) -> None:
        self.text = Text(
            f"“{label}”不是周期：应写作 2026、2026-H1、2026-Q1、2026-03 或 2026-W10",
            f"“{label}” is no period: write 2026, 2026-H1, 2026-Q1, 2026-03 or 2026-W10",
        )
        super().__init__(f"{self.text.zh} / {self.text.en}")


@dataclass(frozen=True, slots=True)
class Period:
    """A span of days, `first` to `last` inclusive; `kind` is one of KINDS, or `span` for days that are no such one."""

    label: str
    kind: str
    first: datetime.date
    last: datetime.date


def day_of(moment: datetime.datetime) -> datetime.date:
    """The day of a moment in Asia/Shanghai."""
    return moment.astimezone(SHANGHAI).date()


def deadline(moment: datetime.datetime) -> str:
    """The day of a deadline, with the time where it is not the day's end."""
    local = moment.astimezone(SHANGHAI)
    return local.strftime("%Y-%m-%d" if local.time() == DAY_END else "%Y-%m-%d %H:%M")


def end_of(period: Period) -> datetime.datetime:
    """The last second of a period."""
    return datetime.datetime.combine(period.last, DAY_END, SHANGHAI)


def parse(label: str) -> Period:
    """The period a label names: `2026`, `2026-H1`, `2026-Q1`, `2026-03`, `2026-W10`. Raises PeriodError."""
    match = _LABEL.fullmatch(label)
    if match is None:
        raise PeriodError(label)
    year, half, quarter, week, month = (int(part) if part else None for part in match.groups())
    try:
        if week is not None:
            return containing("week", datetime.date.fromisocalendar(year or 0, week, 1))
        kind = "half" if half else "quarter" if quarter else "month" if month is not None else "year"
        number = half or quarter or month or (1 if kind == "year" else 0)
        return containing(kind, datetime.date(year or 0, (number - 1) * _MONTHS[kind] + 1, 1))
    except (ValueError, OverflowError) as fault:
        raise PeriodError(label) from fault


def containing(kind: str, day: datetime.date) -> Period:
    """The period of a kind that a day lies in. Raises KeyError for a kind that is not one of KINDS."""
    if kind == "week":
        year, week, weekday = day.isocalendar()
        first = day - (weekday - 1) * _DAY
        return Period(f"{year:04d}-W{week:02d}", kind, first, first + 6 * _DAY)
    months = _MONTHS[kind]
    number = (day.month - 1) // months
    start = number * months + 1
    end = start + months - 1
    last = datetime.date(day.year, end, 31) if end in (1, 3, 12) else datetime.date(day.year, end + 1, 1) - _DAY
    suffix = {"year": "", "half": f"-H{number + 1}", "quarter": f"-Q{number + 1}", "month": f"-{number + 1:02d}"}
    return Period(f"{day.year:04d}{suffix[kind]}", kind, datetime.date(day.year, start, 1), last)


def spanning(first: datetime.date, last: datetime.date) -> Period:
    """The period that holds exactly these days; one of kind `span` where they are no year, half-year and so on."""
    whole = (containing(kind, first) for kind in KINDS)
    days = Period(f"{first}/{last}", "span", first, last)
    return next((period for period in whole if (period.first, period.last) == (first, last)), days)


def between(kind: str, first: datetime.date, last: datetime.date) -> Iterator[Period]:
    """Every period of a kind that touches the days `first` to `last`, in order."""
    while first <= last:
        period = containing(kind, first)
        yield period
        if period.last == datetime.date.max:
            return
        first = period.last + _DAY


def before(period: Period, count: int = 1) -> Period:
    """The period of the same kind `count` steps earlier. Raises OverflowError before the year 1."""
    for _ in range(count):
        period = containing(period.kind, period.first - _DAY)
    return period
