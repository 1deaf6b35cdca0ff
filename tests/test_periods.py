"""Periods: labels, boundaries in days, and what follows what (kpis.md §0.3)."""

from __future__ import annotations

import datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kelu import periods

DAY = datetime.timedelta(days=1)
DAYS = st.dates(datetime.date(1, 2, 1), datetime.date(9999, 12, 1))
KINDS = st.sampled_from(periods.KINDS)


@pytest.mark.parametrize(
    ("label", "kind", "first", "last"),
    [
        ("2026", "year", "2026-01-01", "2026-12-31"),
        ("2026-H1", "half", "2026-01-01", "2026-06-30"),
        ("2026-H2", "half", "2026-07-01", "2026-12-31"),
        ("2026-Q1", "quarter", "2026-01-01", "2026-03-31"),
        ("2026-Q4", "quarter", "2026-10-01", "2026-12-31"),
        ("2026-03", "month", "2026-03-01", "2026-03-31"),
        ("2026-02", "month", "2026-02-01", "2026-02-28"),
        ("2024-02", "month", "2024-02-01", "2024-02-29"),
        ("2026-12", "month", "2026-12-01", "2026-12-31"),
        ("2026-W10", "week", "2026-03-02", "2026-03-08"),
        ("2026-W01", "week", "2025-12-29", "2026-01-04"),
        ("2026-W53", "week", "2026-12-28", "2027-01-03"),
        ("9999", "year", "9999-01-01", "9999-12-31"),
    ],
)
def test_a_label_names_its_days(label: str, kind: str, first: str, last: str) -> None:
    period = periods.parse(label)
    assert (period.label, period.kind, str(period.first), str(period.last)) == (label, kind, first, last)


@pytest.mark.parametrize(
    "label",
    ["", "26", "2026-", "2026-00", "2026-13", "2026-3", "2026-H0", "2026-H3", "2026-Q0", "2026-Q5", "2026-W00",
     "2025-W53", "2026-W54", "2026-w10", "2026W10", " 2026", "2026\n", "0000", "0000-01", "２０２６", "2026-０3",
     "2026-03-01", "２０２６-H1", "9999-W53", "-2026"],
)  # fmt: skip
def test_what_is_no_period_is_refused_in_both_languages(label: str) -> None:
    with pytest.raises(periods.PeriodError) as refused:
        periods.parse(label)
    assert label in refused.value.text.zh
    assert label in refused.value.text.en


@given(day=DAYS, kind=KINDS)
def test_the_label_of_a_period_names_that_period(day: datetime.date, kind: str) -> None:
    period = periods.containing(kind, day)
    assert period.first <= day <= period.last
    assert periods.parse(period.label) == period


@given(day=DAYS, kind=KINDS)
def test_periods_of_a_kind_follow_each_other_without_gap(day: datetime.date, kind: str) -> None:
    period = periods.containing(kind, day)
    earlier = periods.before(period) if period.first > datetime.date(1, 1, 31) else None
    assert earlier is None or (earlier.last + DAY == period.first and earlier.kind == kind)
    assert periods.before(period, 0) == period


@given(day=st.dates(datetime.date(2000, 1, 1), datetime.date(2040, 1, 1)), kind=KINDS, days=st.integers(0, 800))
def test_between_covers_the_days_once(day: datetime.date, kind: str, days: int) -> None:
    found = list(periods.between(kind, day, day + days * DAY))
    assert found[0].first <= day
    assert found[-1].last >= day + days * DAY
    assert all(a.last + DAY == b.first for a, b in pairwise(found))


def test_between_ends_with_the_calendar() -> None:
    last = datetime.date.max
    assert [p.label for p in periods.between("month", last - 40 * DAY, last)] == ["9999-11", "9999-12"]
    assert list(periods.between("month", last, last - DAY)) == []


def test_an_unknown_kind_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        periods.containing("decade", datetime.date(2026, 1, 1))


@pytest.mark.parametrize(
    ("first", "last", "label", "kind"),
    [("2026-01-01", "2026-12-31", "2026", "year"), ("2026-07-01", "2026-12-31", "2026-H2", "half"),
     ("2026-01-01", "2026-03-31", "2026-Q1", "quarter"), ("2026-02-01", "2026-02-28", "2026-02", "month"),
     ("2026-03-02", "2026-03-08", "2026-W10", "week"), ("2026-01-02", "2026-03-31", "2026-01-02/2026-03-31", "span")],
)  # fmt: skip
def test_spanning_finds_the_period_of_exactly_these_days(first: str, last: str, label: str, kind: str) -> None:
    days = datetime.date.fromisoformat(first), datetime.date.fromisoformat(last)
    assert periods.spanning(*days) == periods.Period(label, kind, *days)
