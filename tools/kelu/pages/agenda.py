"""Agenda: the duties by time and by subject — the weeks ahead, the quarter past, the months, customers and projects."""

from __future__ import annotations

import calendar
import datetime
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kelu.finding import Text
from kelu.pages.clause import Record
from kelu.pages.duties import Board, Line, Section, View
from kelu.pages.figure import period_text
from kelu.periods import before, containing, day_of

AHEAD, LISTED, YEARS = 2, 30, 3  # months shown day by day; lines of a table; years shown by month

# Which state speaks for several duties: what went wrong before what is settled.
_WORST = ("overdue", "due_soon", "satisfied_late", "satisfied_out_of_window", "provisional", "waived", "not_due")
_AMISS = ("overdue", "satisfied_late", "satisfied_out_of_window")


@dataclass(frozen=True, slots=True)
class Cell:
    """Duties of one obligation due together: `state` is the most pressing of their states, `of_state` so many have it;
    `page` is that of the only one, or the obligation's."""

    view: View
    count: int
    state: str
    label: Text
    of_state: int
    page: str


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a month's grid with what falls due."""

    date: datetime.date
    today: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Month:
    """A month's grid: weeks from Monday, None outside the month."""

    label: Text
    weeks: tuple[tuple[Day | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Year:
    """For each obligation with duties due in a year its twelve months, None where there are none."""

    year: int
    rows: tuple[tuple[View, tuple[Cell | None, ...]], ...]


@dataclass(frozen=True, slots=True)
class Quarter:
    """The duties whose deadline fell in a quarter: how many in each state, and those not done as they should be."""

    label: Text
    first: datetime.date
    last: datetime.date
    total: int
    counts: Mapping[str, int]
    amiss: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Owed:
    """What is owed to one customer or project, by state."""

    subject: Record
    total: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Agenda:
    """The duties of a board seen from a day. `customers` and `projects` are all there are, the most pressing first."""

    months: tuple[Month, ...]
    quarter: Quarter
    customers: tuple[Owed, ...]
    projects: tuple[Owed, ...]
    years: tuple[Year, ...]
    listed: int = LISTED


def of(board: Board, moment: datetime.datetime) -> Agenda:
    """The agenda of the day of `moment`."""
    today = day_of(moment)
    return Agenda(
        tuple(_months(board, today)),
        _quarter(board, today),
        tuple(_owed(board.lines, lambda line: line.customer or _itself(line, "customer"))),
        tuple(_owed(board.lines, lambda line: line.project or _itself(line, "project"))),
        tuple(_years(board, today.year)),
    )


def _months(board: Board, today: datetime.date) -> Iterator[Month]:
    """The month of a day, and those after it."""
    due: dict[datetime.date, list[Line]] = defaultdict(list)
    for line in board.lines:
        due[day_of(line.duty.due)].append(line)
    first = today.replace(day=1)
    for _ in range(AHEAD):
        period = containing("month", first)
        weeks = calendar.Calendar().monthdatescalendar(first.year, first.month)
        yield Month(
            period_text(period.label),
            tuple(
                tuple(Day(day, day == today, tuple(_cells(board, due[day]))) if day.month == first.month else None
                      for day in week)
                for week in weeks
            ),
        )  # fmt: skip
        first = period.last + datetime.timedelta(days=1)


def _quarter(board: Board, today: datetime.date) -> Quarter:
    """The last whole quarter before a day."""
    period = before(containing("quarter", today))
    held = [line for line in board.lines if period.first <= day_of(line.duty.due) <= period.last]
    counts = Counter(line.duty.state for line in held)
    amiss = []
    for state in _AMISS:
        lines = sorted((line for line in held if line.duty.state == state), key=lambda line: line.duty.due)
        if lines:
            amiss.append(Section(state, board.states[state], len(lines), tuple(lines[:LISTED])))
    return Quarter(period_text(period.label), period.first, period.last, len(held), counts, tuple(amiss))


def _owed(lines: Iterable[Line], subject: Callable[[Line], Record | None]) -> Iterator[Owed]:
    found: dict[Record, Counter[str]] = defaultdict(Counter)
    for line in lines:
        record = subject(line)
        if record is not None:
            found[record][line.duty.state] += 1
    for record in sorted(found, key=lambda item: (*(-found[item][state] for state in _WORST[:2]), item.id)):
        yield Owed(record, found[record].total(), found[record])


def _itself(line: Line, kind: str) -> Record | None:
    """What a duty is about, where it is a record of a type."""
    return line.subject if line.duty.subject_type == kind else None


def _years(board: Board, now: int) -> Iterator[Year]:
    """This year first, then those next to it."""
    months: dict[int, dict[int, list[Line]]] = defaultdict(lambda: defaultdict(list))
    for line in board.lines:
        day = day_of(line.duty.due)
        months[day.year][day.month].append(line)
    for year in sorted(months, key=lambda year: (year != now, abs(year - now)))[:YEARS]:
        cells = [{cell.view.code: cell for cell in _cells(board, months[year][month])} for month in range(1, 13)]
        rows = ((view, tuple(month.get(view.code) for month in cells)) for view in board.views)
        yield Year(year, tuple(row for row in rows if any(row[1])))


def _cells(board: Board, lines: Sequence[Line]) -> Iterator[Cell]:
    """Duties of one day or month by obligation."""
    held: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        held[line.duty.obligation].append(line)
    for view in board.views:
        if view.code in held:
            counts = Counter(line.duty.state for line in held[view.code])
            state = next((state for state in _WORST if counts[state]), "satisfied")
            page = held[view.code][0].page if counts.total() == 1 else view.page
            yield Cell(view, counts.total(), state, board.states[state], counts[state], page)
