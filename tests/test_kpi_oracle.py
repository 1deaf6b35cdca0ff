"""KPIs worked out a second time, in plain Python over the records' data, and what must hold whatever the records say.

Records are drawn at random (many break rules of sequence on purpose: figures must not lean on them).
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Iterable
from fractions import Fraction
from statistics import median
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kelu import kpi, periods, workdays
from kpi_cases import Known, known
from made_records import Loader, Record, complaint, customer, files, survey, time
from repository import rulebook, rulebook_files

SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
CALENDAR = workdays.calendar(rulebook().policy.calendars)
LIMITS = {"major": (2, 5), "serious": (12, 5), "minor": (24, 3), None: (24, 3)}
SPANS = [
    periods.parse(label)
    for label in ("2025", "2026", "2026-H1", "2026-Q1", "2026-02", "2026-W09", "2026-03", "2026-07")
]
CODES = frozenset(
    {f"CMP-{n:02d}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 17)}
    | {"CMP-03M", "CMP-07M", "CMP-07W", "CMP-10D", "SAT-01", "SAT-02", "SAT-05", "SRV-01", "SRV-02", "AUD-01"}
)  # fmt: skip
Landed = dict[str, dict[str, str]]
Figure = tuple[Fraction | None, int]  # value, and how many stand behind it


# --- records drawn at random -----------------------------------------------------------------------------


def drawn(seed: int) -> list[Record]:
    """Some sixty complaints and twenty surveys between December 2025 and June 2026."""
    dice = random.Random(seed)
    start = datetime.datetime(2025, 12, 1)

    def at(after: datetime.datetime, hours: float) -> datetime.datetime:
        return after + datetime.timedelta(minutes=dice.randrange(int(hours * 60) + 1))

    def said(moment: datetime.datetime) -> str:
        return moment.strftime("%Y-%m-%d %H:%M")

    found = [customer(1), customer(2)]
    for n in range(60):
        received = at(start, 24 * 200)
        row: dict[str, Any] = {"n": n + 1, "received": said(received), "meeting": False}
        acknowledged = at(received, dice.choice([1, 30, 90]))
        if dice.random() < 0.9:
            row["acknowledged"] = said(acknowledged)
        severity = dice.choice([None, "minor", "minor", "serious", "major"])
        if severity:
            row |= {"severity": severity, "assessed": said(at(acknowledged, 5))}
        resolved = at(acknowledged, dice.choice([20, 90, 300]))
        if severity and dice.random() < 0.8:
            row["resolved"] = said(resolved)
            closed = at(resolved, dice.choice([20, 200]))
            if dice.random() < 0.8:
                row["closed"] = said(closed)
        item = list(complaint(row))[-1]
        item.pop("status")
        item["status"] = "registered"
        if dice.random() < 0.2:
            item["repeat_of"] = "CMP-2025-9999"
        if dice.random() < 0.3:
            item["registered_at"] = time(said(at(received, 120)))
        if dice.random() < 0.1:
            item["import"] = {"source": "旧台账", "approved_by": "S003"}
        if dice.random() < 0.3:
            item["customer_reply_by"] = at(received, 24 * 15).strftime("%Y-%m-%d")
        item["extensions"] = [
            {
                "stage": dice.choice(["acknowledge", "resolve", "close"]),
                "new_due": at(received, 24 * 20).strftime("%Y-%m-%d"),
                "reason": "虚构",
                "approved_by": "S003",
                "at": time(said(at(received, 24 * 12))),
            }
            for _ in range(dice.randrange(3))
        ]
        item["extensions"].sort(key=lambda e: e["at"])
        if "closed" in row and dice.random() < 0.3:
            item["reopenings"] = [
                {"at": time(said(at(closed, 300))), "by": "S005", "reason": "再次发生", "approved_by": "S003"}
            ]
        if dice.random() < 0.4:
            item["customer_confirmation"] = {
                "contact": "CUS-0001/C01", "at": time(said(at(resolved, 100))), "method": "email",
                "result": dice.choice(["confirmed", "confirmed_with_comments", "rejected", "no_response"]),
                "satisfaction": dice.choice(["very_satisfied", "satisfied", "neutral", "dissatisfied"]),
            }  # fmt: skip
        if dice.random() < 0.15:
            item |= {"status": "void", "void": {"at": time(said(at(received, 500))), "by": "S003", "reason": "test"}}
        if severity and dice.random() < 0.2:
            item["assessment"]["handled_in_department"] = True
        found.append(item)
    for n in range(20):
        issued = at(start, 24 * 200)
        kind = dice.choice(["company", "company", "project", "resurvey", "ad_hoc"])
        sheets = []
        for _ in range(dice.randrange(4)):
            grades = " ".join(dice.choices(["5", "4", "3", "2", "1", "X"], [50, 25, 6, 2, 2, 15])[0] for _ in range(4))
            returned = at(issued, 24 * 40).strftime("%Y-%m-%d")
            bad = grades == "X X X X" or dice.random() < 0.2
            sheets.append(
                [
                    returned,
                    grades,
                    {"valid": False, "invalid_reason": "all_na" if grades == "X X X X" else "other"} if bad else {},
                ]
            )
        row = {
            "n": n + 1,
            "kind": kind,
            "issued": issued.strftime("%Y-%m-%d"),
            "sheets": sheets,
            "count": len(sheets) + dice.randrange(1, 3),
        }
        item = survey(row)
        item |= {"project": "PRJ-2026-001"} if kind == "project" else {}
        if kind == "resurvey":
            item |= {"resurvey_of": "SUR-2025-9999", "resurvey_items": "all"}
        if dice.random() < 0.15:
            item |= {"status": "void", "void": {"at": time(said(at(issued, 500))), "by": "S003", "reason": "test"}}
        found.append(item)
    return found


def landings(seed: int, found: Iterable[Record]) -> Landed:
    """What the history tells of most of the records: landed some days after they say, some backfilled later."""
    dice, told = random.Random(seed), Landed()
    for item in found:
        at = moment(item["registered_at"]) + datetime.timedelta(hours=dice.randrange(24 * 6))
        if item["schema"] != "customer/v1" and dice.random() < 0.7:
            told[item["id"]] = {"at": at.isoformat()}
            if dice.random() < 0.3:
                told[item["id"]]["backfilled"] = (at + datetime.timedelta(days=dice.randrange(30))).isoformat()
    return told


# --- the same figures, worked out over dicts -------------------------------------------------------------


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).astimezone(SHANGHAI)


def end(day: datetime.date) -> datetime.datetime:
    return datetime.datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=SHANGHAI)


class Complaint:
    """A complaint as it stood at a moment."""

    def __init__(self, data: Record, now: datetime.datetime, landed: Landed) -> None:
        def seen(key: str) -> Record | None:
            block = data.get(key)
            return block if block and moment(block["at"]) <= now else None

        self.now = now
        self.received = moment(data["received_at"])
        self.exists = self.received <= now
        self.void = seen("void") is not None
        assessment = seen("assessment")
        self.severity = assessment["severity"] if assessment else None
        self.handled = bool(assessment and assessment.get("handled_in_department")) and not (
            "plan" in data and moment(data["plan"]["approved_at"]) <= now
        )
        acknowledgement, resolution, closure = seen("acknowledgement"), seen("resolution"), seen("closure")
        self.acknowledged = moment(acknowledgement["at"]) if acknowledgement else None
        reopened = [moment(r["at"]) for r in data.get("reopenings", ()) if moment(r["at"]) <= now]
        self.reopened = bool(reopened)
        self.resolved = moment(resolution["at"]) if resolution else None
        self.closed = moment(closure["at"]) if closure else None
        self.ever_closed = self.closed
        if reopened:
            self.resolved = self.resolved if self.resolved and self.resolved > max(reopened) else None
            self.closed = self.closed if self.closed and self.closed > max(reopened) else None
            self.ever_closed = self.closed or self.ever_closed or min(reopened)
        self.repeat = "repeat_of" in data
        self.registered, self.imported = registered(data, landed), "import" in data
        confirmation = seen("customer_confirmation")
        self.confirmation = confirmation["result"] if confirmation else None
        self.satisfaction = confirmation["satisfaction"] if confirmation else None
        self.confirmed = moment(confirmation["at"]) if confirmation else None
        extensions = [e for e in data["extensions"] if moment(e["at"]) <= now]
        hours, days = LIMITS[self.severity]
        due = CALENDAR.add_workdays(self.received.date(), days).day
        if "customer_reply_by" in data:
            due = max(due, datetime.date.fromisoformat(data["customer_reply_by"]))
        self.acknowledge_due = self._put_off(self.received + datetime.timedelta(hours=hours), extensions, "acknowledge")
        self.resolve_due = self._put_off(end(due), extensions, "resolve")
        close = CALENDAR.add_workdays(self.resolve_due.date(), 5).day
        self.close_due = self._put_off(end(close), extensions, "close")
        self.registration_due = end(CALENDAR.add_workdays(self.received.date(), 2).day)

    @staticmethod
    def _put_off(due: datetime.datetime, extensions: list[Record], stage: str) -> datetime.datetime:
        for extension in extensions:
            if extension["stage"] == stage and moment(extension["at"]) <= due:
                due = end(datetime.date.fromisoformat(extension["new_due"]))
        return due


def registered(data: Record, landed: Landed) -> datetime.datetime:
    return moment(landed.get(data["id"], {}).get("at", data["registered_at"]))


def share(rows: list[Any], meets: Callable[[Any], bool]) -> Figure:
    return (Fraction(sum(map(meets, rows)), len(rows)) if rows else None), len(rows)


def hours(rows: list[datetime.timedelta]) -> list[Fraction]:
    return [Fraction(int(row.total_seconds()), 3600) for row in rows]


def mean(rows: list[Any]) -> Figure:
    return (Fraction(sum(rows), 1) / len(rows) if rows else None), len(rows)


def by_hand(found: Iterable[Record], now: datetime.datetime, span: periods.Period, landed: Landed) -> dict[str, Figure]:
    """Value and sample of each code in a period."""
    within = lambda at: at is not None and span.first <= at.date() <= span.last  # noqa: E731
    every = [Complaint(data, now, landed) for data in found if data["schema"] == "complaint/v1"]
    every = [c for c in every if c.exists and not c.void]
    cohort = [c for c in every if within(c.received)]
    acknowledged = [c for c in cohort if c.acknowledged]
    resolved = [c for c in every if within(c.resolved)]
    waits = hours([c.acknowledged - c.received for c in acknowledged if c.acknowledged])
    takes = hours([c.resolved - c.received for c in resolved if c.resolved])
    spent = [workdays_between(c.received.date(), c.resolved.date()) for c in resolved if c.resolved]
    stock = [c for c in every if c.received.date() <= span.last and not c.closed]
    figures = {
        "CMP-01": (Fraction(len(cohort)), len(cohort)),
        "CMP-02": share([c for c in cohort if c.acknowledged or c.acknowledge_due <= now],
                        lambda c: bool(c.acknowledged) and c.acknowledged <= c.acknowledge_due),
        "CMP-03": mean(waits),
        "CMP-03M": (median(waits) if waits else None, len(waits)),
        "CMP-04": share([c for c in cohort if c.resolved or c.resolve_due <= now],
                        lambda c: bool(c.resolved) and c.resolved <= c.resolve_due),
        "CMP-05": share(cohort, lambda c: c.closed is not None),
        "CMP-06": share([c for c in cohort if c.closed or c.close_due <= now],
                        lambda c: bool(c.closed) and c.closed <= c.close_due),
        "CMP-07": mean(takes),
        "CMP-07M": (median(takes) if takes else None, len(takes)),
        "CMP-07W": mean(spent),
        "CMP-08": share(cohort, lambda c: c.repeat),
        "CMP-09": share([c for c in every if within(c.ever_closed)], lambda c: c.reopened),
        "CMP-10": (Fraction(len(stock)), len(stock)),
        "CMP-10D": (Fraction(n := sum(not c.resolved and c.resolve_due <= now for c in stock)), n),
        "CMP-13": share([c for c in every if within(c.closed) and c.severity == "major"],
                        lambda c: c.confirmation in ("confirmed", "confirmed_with_comments")),
        "CMP-14": share([c for c in every if c.satisfaction and within(c.closed or c.confirmed)],
                        lambda c: c.satisfaction in ("satisfied", "very_satisfied")),
        "CMP-15": share([c for c in resolved if c.severity == "minor"], lambda c: c.handled),
        "CMP-17": share([c for c in cohort if not c.imported], lambda c: c.registered <= c.registration_due),
    }  # fmt: skip
    return figures | surveys_by_hand(found, now, span) | {"AUD-01": late_by_hand(found, now, span, landed)}


def late_by_hand(found: Iterable[Record], now: datetime.datetime, span: periods.Period, landed: Landed) -> Figure:
    met = []
    for data in found:
        happened = data.get("received_at", data.get("issued_on"))
        void = "void" in data and moment(data["void"]["at"]) <= now
        if happened is None or void or "import" in data:
            continue
        day, at = datetime.date.fromisoformat(happened[:10]), registered(data, landed)
        there = day <= now.date() if "issued_on" in data else moment(happened) <= now
        if there and at <= now and span.first <= at.date() <= span.last:
            filled = landed.get(data["id"], {}).get("backfilled")
            met.append(at > end(CALENDAR.add_workdays(day, 2).day) or (filled is not None and moment(filled) <= now))
    return share(met, bool)


def surveys_by_hand(found: Iterable[Record], now: datetime.datetime, span: periods.Period) -> dict[str, Figure]:
    counted, issued, returned, sheets = [], 0, 0, []
    for data in found:
        if data["schema"] != "survey/v1" or data["kind"] not in ("company", "project"):
            continue
        day = datetime.date.fromisoformat(data["issued_on"])
        if day > now.date() or ("void" in data and moment(data["void"]["at"]) <= now):
            continue
        back = [s for s in data.get("responses", ()) if s["returned_on"] <= now.date().isoformat()]
        valid = [s for s in back if s["valid"]]
        if span.first <= day <= span.last:
            issued, returned = issued + data["issued_count"], returned + len(back)
        days = [s["returned_on"] for s in valid or back]
        if days and span.first.isoformat() <= max(days) <= span.last.isoformat():
            sheets += back
            if valid:
                counted.append([list(s["scores"].items()) for s in valid])
    scores = [(item, g) for survey in counted for sheet in survey for item, g in sheet if g != "X"]
    items = {item: [g for other, g in scores if other == item] for item, _ in scores}
    rates = [Fraction(sum(grades), 5 * len(grades)) for grades in items.values()]
    return {
        "SAT-01": share(counted, lambda survey: all(g == "X" or g >= 4 for sheet in survey for _, g in sheet)),
        "SAT-02": (sum(rates, Fraction(0)) / len(rates) if rates else None, sum(map(len, counted))),
        "SAT-05": share(scores, lambda score: score[1] >= 4),
        "SRV-01": (Fraction(returned, issued) if issued else None, issued),
        "SRV-02": share(sheets, lambda sheet: sheet["valid"]),
    }


def workdays_between(first: datetime.date, last: datetime.date) -> int:
    days = (first + datetime.timedelta(days=n + 1) for n in range((last - first).days))
    return sum(map(CALENDAR.is_workday, days))


# --- the tests -------------------------------------------------------------------------------------------

SEEDS = st.integers(0, 10**9)
MOMENTS = st.datetimes(datetime.datetime(2026, 1, 1), datetime.datetime(2026, 8, 1)).map(
    lambda at: at.replace(microsecond=0).isoformat() + "+08:00"
)


def figures(ready: Known) -> dict[tuple[str, str], kpi.Result]:
    """Every code in every span."""
    return {
        (code, result.period.label): result
        for code in sorted(CODES)
        for result in kpi.trend(ready.store, ready.policy, code, SPANS, ready.as_of, None)
    }


def laid(found: list[Record], as_of: str, landed: Landed | None = None) -> Known:
    return known(files(found), as_of, codes=CODES, landed=landed)


@settings(max_examples=4, deadline=None)
@given(seed=SEEDS, as_of=MOMENTS)
def test_figures_are_those_worked_out_by_hand(seed: int, as_of: str) -> None:
    found = drawn(seed)
    landed = landings(seed, found)
    got = figures(laid(found, as_of, landed))
    for span in SPANS:
        for code, expected in by_hand(found, moment(as_of), span, landed).items():
            result = got[code, span.label]
            assert (result.value, result.sample) == expected, (code, span.label)


@settings(max_examples=2, deadline=None)
@given(seed=SEEDS, as_of=MOMENTS)
def test_void_records_change_no_figure(seed: int, as_of: str) -> None:
    found = drawn(seed)
    void = {"at": "2025-12-01T00:00:00+08:00", "by": "S003", "reason": "test"}
    more = [dict(item) for item in found if item["schema"] in ("complaint/v1", "survey/v1")]
    for item in more:
        kind, year, number = item["id"].split("-")
        item |= {"id": f"{kind}-{year}-{int(number) + 5000}", "status": "void", "void": void}
    before, after = figures(laid(found, as_of)), figures(laid(found + more, as_of))
    assert {k: (r.value, r.numerator, r.denominator, r.verdict) for k, r in before.items()} == {
        k: (r.value, r.numerator, r.denominator, r.verdict) for k, r in after.items()
    }
    assert all(after[key].excluded_count >= before[key].excluded_count for key in before)


@settings(max_examples=2, deadline=None)
@given(seed=SEEDS, moments=st.lists(MOMENTS, min_size=2, max_size=2, unique=True))
def test_what_was_known_earlier_is_known_later(seed: int, moments: list[str]) -> None:
    found = [item for item in drawn(seed) if "void" not in item and "reopenings" not in item]
    first, second = (figures(laid(found, as_of)) for as_of in sorted(moments))
    for code in ("CMP-01", "CMP-05", "CMP-08", "CMP-17", "SRV-01"):
        for span in SPANS:
            earlier, later = first[code, span.label], second[code, span.label]
            assert (earlier.numerator or 0) <= (later.numerator or 0), (code, span.label)
            assert (earlier.denominator or 0) <= (later.denominator or 0), (code, span.label)


def test_the_limits_worked_with_by_hand_are_those_of_the_packs() -> None:
    pack = yaml.load(rulebook_files()["policies/practice@1/pack.yaml"], Loader)["parameters"]["complaint"]
    for severity, limits in LIMITS.items():
        said = pack["limits"][severity or pack["limits"]["unassessed_severity"]]
        assert limits == (said["acknowledge_hours"], said["resolve_workdays"])
