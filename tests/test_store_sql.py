"""What the SQL of policies leans on: the calendar's macros, and answers that no optimizer may change."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kelu import workdays
from kelu.store import Store
from kpi_cases import known, once


@once
def laid() -> tuple[Store, workdays.Calendar]:
    """A store without records, and this repository's calendar."""
    ready = known({}, "2026-07-02T12:00:00+08:00")
    return ready.store, workdays.calendar(ready.policy.calendars)


def ask(expression: str) -> object:
    """The value of one SQL expression."""
    ((value,),) = laid()[0].query(f"SELECT {expression}")
    return value


DAYS = st.dates(datetime.date(2023, 1, 1), datetime.date(2027, 12, 31))


@settings(deadline=None, max_examples=60)
@given(day=DAYS, n=st.integers(0, 60))
def test_sql_and_program_reckon_the_same_deadlines(day: datetime.date, n: int) -> None:
    calendar = laid()[1]
    assert ask(f"add_workdays(DATE '{day}', {n})") == calendar.add_workdays(day, n).day
    assert ask(f"monday_after(DATE '{day}')") == calendar.monday_after(day).day
    assert ask(f"is_known(DATE '{day}')") == calendar.knows(day)


@settings(deadline=None, max_examples=60)
@given(day=DAYS, days=st.integers(0, 90))
def test_working_days_between_are_those_after_the_first_up_to_the_last(day: datetime.date, days: int) -> None:
    calendar = laid()[1]
    later = [day + datetime.timedelta(days=n + 1) for n in range(days)]
    expected = sum(calendar.is_workday(item) for item in later)
    assert ask(f"workdays_between(DATE '{day}', DATE '{day}' + {days})") == expected


def vectors() -> Iterator[tuple[str, str]]:
    """obligations.md §0.1"""
    yield "add_workdays(DATE '2026-02-12', 5)", "2026-02-26"
    yield "add_workdays(DATE '2026-02-13', 1)", "2026-02-14"
    yield "add_workdays(DATE '2026-09-24', 3)", "2026-09-30"
    yield "add_workdays(DATE '2026-09-30', 1)", "2026-10-08"
    yield "add_workdays(DATE '2026-04-30', 2)", "2026-05-07"
    yield "add_workdays(DATE '2026-03-31', 10)", "2026-04-15"
    yield "add_workdays(DATE '2026-09-30', 10)", "2026-10-20"
    yield "monday_after(DATE '2026-03-02')", "2026-03-09"
    yield "monday_after(DATE '2026-03-08')", "2026-03-09"
    yield "monday_after(DATE '2026-02-12')", "2026-02-24"
    yield "monday_after(DATE '2026-04-30')", "2026-05-06"
    yield "monday_after(DATE '2026-10-04')", "2026-10-08"
    yield "monday_after(DATE '2025-12-31')", "2026-01-05"
    # A time becomes its date in Shanghai, whatever offset it was written with.
    yield "monday_after(CAST(TIMESTAMPTZ '2026-03-08T15:30:00Z' AS DATE))", "2026-03-09"
    yield "monday_after(CAST(TIMESTAMPTZ '2026-03-08T16:30:00Z' AS DATE))", "2026-03-16"


@pytest.mark.parametrize(("expression", "day"), list(vectors()))
def test_calendar_vectors(expression: str, day: str) -> None:
    assert str(ask(expression)) == day


@pytest.mark.parametrize(
    "expression",
    ["add_workdays(NULL, 3)", "add_workdays(DATE '2026-01-05', NULL)", "monday_after(NULL)",
     "add_workdays(DATE '2099-01-01', 1)", "add_workdays(DATE '1990-01-01', 1)",
     "workdays_between(DATE '1990-01-01', DATE '2026-01-01')"],
)  # fmt: skip
def test_what_the_calendar_does_not_reach_is_unknown(expression: str) -> None:
    assert ask(expression) is None


def test_a_day_ends_at_its_last_second_in_shanghai() -> None:
    assert ask("end_of_day(DATE '2026-07-01') = TIMESTAMPTZ '2026-07-01T15:59:59Z'") is True


def test_a_day_outside_the_calendar_is_not_known() -> None:
    assert ask("is_known(DATE '1990-01-01')") is False
    assert ask("is_known(NULL)") is False


def test_a_boolean_in_a_struct_that_is_never_false_still_filters() -> None:
    """DuckDB 2.0.0 with its statistics optimizer finds id 2 here, whose b is NULL."""
    store = laid()[0]
    store._db.execute(
        "CREATE OR REPLACE TEMP TABLE struct_filter AS SELECT * FROM (VALUES (1, 'core@1', {'b': true, 's': 'minor'}), "
        "(2, 'core@1', {'b': NULL::BOOLEAN, 's': 'major'})) AS v(id, policy, a)"
    )
    found = store.query(
        "SELECT id FROM struct_filter WHERE a.b "
        "AND NOT (param(policy, 'complaint.special_meeting') IS NOT NULL AND a.s = 'minor')"
    )
    assert found == []


def test_a_record_of_years_before_the_holiday_data_has_a_provisional_deadline() -> None:
    assert ask("add_workdays(DATE '2016-03-01', 3)") == datetime.date(2016, 3, 4)
    assert ask("is_known(DATE '2016-03-04')") is False
