"""The duties by time and subject: each is counted where it belongs, and the quarter past names what was late."""

from __future__ import annotations

import datetime
import re
from collections import Counter

import pytest

from kelu.pages import agenda
from kelu.periods import SHANGHAI, day_of
from repository import MOMENT
from site_build import Page, own_site
from test_site import board

LATE = {"overdue", "satisfied_late", "satisfied_out_of_window"}


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        ("2026-11-22", "2026-07-01", "2026-09-30"),
        ("2026-10-01", "2026-07-01", "2026-09-30"),
        ("2026-09-30", "2026-04-01", "2026-06-30"),
        ("2026-01-01", "2025-10-01", "2025-12-31"),
    ],
)
def test_the_quarter_past_holds_the_duties_due_in_it(day: str, first: str, last: str) -> None:
    moment = datetime.datetime.fromisoformat(f"{day}T08:00:00+08:00")
    quarter = agenda.of(board(), moment).quarter
    assert (str(quarter.first), str(quarter.last)) == (first, last)
    due = [line for line in board().lines if first <= str(day_of(line.duty.due)) <= last]
    assert quarter.counts == Counter(line.duty.state for line in due)
    assert quarter.total == len(due)
    shown = {line.duty.id for section in quarter.amiss for line in section.lines}
    assert shown == {line.duty.id for line in due if line.duty.state in LATE}


def test_each_day_of_two_months_tells_what_falls_due() -> None:
    months = agenda.of(board(), MOMENT).months
    days = [day for month in months for week in month.weeks for day in week if day]
    assert [day.date for day in days] == sorted(day.date for day in days)
    assert (str(days[0].date), str(days[-1].date)) == ("2026-11-01", "2026-12-31")
    assert [day.date for day in days if day.today] == [MOMENT.astimezone(SHANGHAI).date()]
    due = Counter((day_of(line.duty.due), line.duty.obligation) for line in board().lines)
    for day in days:
        assert {cell.view.code: cell.count for cell in day.cells} == {
            code: count for (date, code), count in due.items() if date == day.date
        }
    for month in months:
        for week in month.weeks:
            assert [day.date.weekday() for day in week if day] == [i for i, day in enumerate(week) if day]


def test_every_duty_of_a_customer_is_counted_with_it() -> None:
    owed = agenda.of(board(), MOMENT).customers
    counted = {item.subject.id: item.total for item in owed}
    for name, total in counted.items():
        held = [line for line in board().lines if name in (line.duty.customer, line.duty.subject)]
        assert len(held) == total, name
    overdue = [item.counts["overdue"] for item in owed]
    assert overdue == sorted(overdue, reverse=True)
    assert sum(overdue) > 0


@pytest.mark.parametrize("root", ["", "en/"])
def test_the_pages_show_them(root: str) -> None:
    seen = agenda.of(board(), MOMENT)
    overview = Page(own_site() / f"{root}duty/index.html")
    links = {value for _, value in overview.attributes("href")}
    late = [line for section in seen.quarter.amiss for line in section.lines]
    assert late
    assert {f"../{line.page}" for line in late} <= links
    assert {"calendar.html", "#last-quarter"} <= links
    calendar = Page(own_site() / f"{root}duty/calendar.html")
    assert {"2026-11-01", "2026-12-31"} <= {value for tag, value in calendar.attributes("datetime") if tag == "time"}
    assert re.findall(r"[0-9]{2}-[0-9]{2} (?:23:59|00:00)", overview.text + calendar.text) == []
