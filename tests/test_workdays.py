"""Working days: the vectors of obligations.md §0.1, laws that hold for any calendar, and an outside check."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import chinese_calendar
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kelu.workdays import Calendar, Deadline, Window, calendar, next_month

ROOT = Path(__file__).parent.parent


def shipped() -> Calendar:
    # BaseLoader keeps every scalar as written: dates stay text, and `off` is a word, not a boolean.
    files = (ROOT / "config/calendar").iterdir()
    documents = [yaml.load(path.read_text("utf-8"), yaml.BaseLoader) for path in files]
    return calendar({**document, "year": int(document["year"])} for document in documents)


CN = shipped()
DAY = timedelta(days=1)
days = st.dates(date(2024, 1, 1), date(2026, 11, 30))
any_day = st.dates(date(1990, 1, 1), date(2100, 1, 1))
counts = st.integers(0, 40)


@pytest.mark.parametrize(
    ("start", "n", "due"),
    [
        ("2026-02-12", 5, "2026-02-26"),
        ("2026-02-13", 1, "2026-02-14"),  # a Saturday worked
        ("2026-09-24", 3, "2026-09-30"),
        ("2026-09-30", 1, "2026-10-08"),
        ("2026-04-30", 2, "2026-05-07"),
        ("2026-03-31", 10, "2026-04-15"),
        ("2026-09-30", 10, "2026-10-20"),
        ("2026-03-07", 1, "2026-03-09"),  # received on a Saturday: the first counted day is Monday
        ("2026-03-02", 0, "2026-03-02"),
        ("2026-03-07", 0, "2026-03-09"),
        ("2026-02-14", 0, "2026-02-14"),
        # kpis.md, data set V: resolve limits of the complaints
        ("2026-01-08", 3, "2026-01-13"),
        ("2026-03-02", 5, "2026-03-09"),
        ("2026-04-03", 3, "2026-04-09"),
        ("2026-05-20", 3, "2026-05-25"),
        ("2026-06-24", 5, "2026-07-01"),
        ("2026-06-30", 3, "2026-07-03"),
    ],
)
def test_add_workdays(start: str, n: int, due: str) -> None:
    assert CN.add_workdays(date.fromisoformat(start), n) == Deadline(date.fromisoformat(due), True)


@pytest.mark.parametrize(
    ("day", "monday"),
    [
        ("2026-03-02", "2026-03-09"),
        ("2026-03-08", "2026-03-09"),
        ("2026-02-12", "2026-02-24"),
        ("2026-02-16", "2026-02-24"),
        ("2026-04-30", "2026-05-06"),
        ("2026-09-28", "2026-10-08"),
        ("2026-10-01", "2026-10-08"),
        ("2026-10-04", "2026-10-08"),
        ("2025-12-31", "2026-01-05"),
    ],
)
def test_monday_after(day: str, monday: str) -> None:
    assert CN.monday_after(date.fromisoformat(day)) == Deadline(date.fromisoformat(monday), True)


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        ("2026-05-18", "2026-06-01", "2026-06-30"),
        ("2026-12-20", "2027-01-01", "2027-01-31"),
        ("2026-01-31", "2026-02-01", "2026-02-28"),
        ("2024-01-01", "2024-02-01", "2024-02-29"),
    ],
)
def test_next_month(day: str, first: str, last: str) -> None:
    assert next_month(date.fromisoformat(day)) == Window(date.fromisoformat(first), date.fromisoformat(last))


def test_weeks_are_those_of_shanghai() -> None:
    """Two incidents closed an hour apart around midnight belong to two weeks; in UTC both fall on Sunday."""
    shanghai = timezone(timedelta(hours=8))
    closed = [datetime.fromisoformat(f"2026-03-{time}:00+08:00") for time in ("08T23:30", "09T00:30")]
    local = [moment.astimezone(shanghai).date() for moment in closed]
    assert [day.isocalendar()[:2] for day in local] == [(2026, 10), (2026, 11)]
    assert [CN.monday_after(day).day for day in local] == [date(2026, 3, 9), date(2026, 3, 16)]
    assert [moment.astimezone(UTC).date() for moment in closed] == [date(2026, 3, 8)] * 2


def test_a_negative_number_of_days_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        CN.add_workdays(date(2026, 3, 2), -1)


# --- years without data ------------------------------------------------------------------------------------


def test_a_year_without_data_counts_monday_to_friday_and_says_so() -> None:
    assert CN.years == (2024, 2025, 2026)
    assert CN.add_workdays(date(2026, 12, 30), 1) == Deadline(date(2026, 12, 31), True)
    assert CN.add_workdays(date(2026, 12, 31), 1) == Deadline(date(2027, 1, 1), False)
    assert CN.monday_after(date(2026, 12, 28)) == Deadline(date(2027, 1, 4), False)
    assert CN.add_workdays(date(2027, 1, 2), 0) == Deadline(date(2027, 1, 4), False)
    # The start itself is not counted: the first leans on 30 and 31 December, the second on days of 2024 only.
    assert CN.add_workdays(date(2023, 12, 29), 1) == Deadline(date(2024, 1, 2), False)
    assert CN.add_workdays(date(2023, 12, 31), 1) == Deadline(date(2024, 1, 2), True)


def test_without_any_data_every_answer_is_provisional() -> None:
    assert Calendar().add_workdays(date(2026, 2, 13), 1) == Deadline(date(2026, 2, 16), False)


# --- the calendar table ------------------------------------------------------------------------------------


def test_rows_cover_every_day_and_count_the_working_ones() -> None:
    rows = list(CN.rows(2023, 2027))
    assert [row[0] for row in rows] == [date(2023, 1, 1) + DAY * i for i in range(4 * 365 + 366)]
    assert rows[0] == (date(2023, 1, 1), False, 0, False)
    total = 0
    for day, working, ordinal, known in rows:
        total += working
        assert (working, ordinal, known) == (CN.is_workday(day), total, day.year in (2024, 2025, 2026))


def test_the_rows_give_the_same_deadlines_as_the_functions() -> None:
    rows = list(CN.rows(2024, 2026))
    nth = {ordinal: day for day, working, ordinal, _ in rows if working}
    for day, _, ordinal, _ in rows[:-60]:
        assert [nth[ordinal + n] for n in (1, 5, 20)] == [CN.add_workdays(day, n).day for n in (1, 5, 20)]


def test_every_day_agrees_with_an_outside_source() -> None:
    wrong = [day for day, working, _, _ in CN.rows(2024, 2026) if working != chinese_calendar.is_workday(day)]
    assert wrong == []


def test_the_data_list_only_exceptions() -> None:
    assert all(day.weekday() < 5 for day in CN.off)
    assert all(day.weekday() >= 5 for day in CN.work)


# --- laws --------------------------------------------------------------------------------------------------


@given(days, counts)
def test_a_deadline_is_a_working_day_not_before_the_start(day: date, n: int) -> None:
    due = CN.add_workdays(day, n).day
    assert CN.is_workday(due)
    assert due >= day
    assert sum(CN.is_workday(day + DAY * i) for i in range(1, (due - day).days + 1)) in ({n} if n else {0, 1})


@given(days, days, counts)
def test_a_later_start_never_gives_an_earlier_deadline(one: date, two: date, n: int) -> None:
    first, second = sorted((one, two))
    assert CN.add_workdays(first, n).day <= CN.add_workdays(second, n).day


@given(days, counts, counts)
def test_more_days_never_give_an_earlier_deadline(day: date, one: int, two: int) -> None:
    fewer, more = sorted((one, two))
    assert CN.add_workdays(day, fewer).day <= CN.add_workdays(day, more).day


@given(days.filter(CN.is_workday), counts, counts)
def test_from_a_working_day_counts_add_up(day: date, one: int, two: int) -> None:
    assert CN.add_workdays(CN.add_workdays(day, one).day, two).day == CN.add_workdays(day, one + two).day


@given(any_day)
def test_monday_after_is_the_same_for_a_whole_week(day: date) -> None:
    start = day - DAY * day.weekday()
    due = CN.monday_after(day)
    assert {CN.monday_after(start + DAY * i) for i in range(7)} == {due}
    assert due.day >= start + DAY * 7


@given(any_day)
def test_next_month_is_one_whole_month(day: date) -> None:
    window = next_month(day)
    assert (window.first.day, (window.last + DAY).day) == (1, 1)
    assert (window.first.year * 12 + window.first.month) - (day.year * 12 + day.month) == 1
    assert (window.last.year, window.last.month) == (window.first.year, window.first.month)
