"""Restate: the figures of closed periods that have changed since they were first reported, and what changed them.

What was first reported is what an approved report states, else what the period came to at its close: some working days
after its end (`restate.after_workdays` of the default pack), by records, schemas, policies and configuration of the
commit that the default branch then stood at. Either is held against what today's records give for the same days *as
known at the same moment*, so that passing time changes nothing; late entries, corrections and voids do. What stood
before the foundation (`trail_since`) was no report of this history's, so nothing is held against it.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator, Mapping

from kelu import kpi, periods, reported, workdays
from kelu.history.branch import Branch
from kelu.periods import Period
from kelu.policy import Policy
from kelu.restate.compare import restated
from kelu.restate.kept import Kept
from kelu.restate.outcome import Claim, Close, Item, Outcome, Restatement, Side, Told, Touched
from kelu.restate.past import Ground, Pasts

__all__ = [
    "PARAMETER", "Close", "Ground", "Item", "Outcome", "Restatement", "Side", "Told", "Touched", "closes_at",
    "of_period", "recent",
]  # fmt: skip

PARAMETER = "restate.after_workdays"
RECENT = 2  # closed periods of each kind that the site looks back on: each takes laying the store anew, twice


def of_period(ground: Ground, period: Period, codes: Collection[str], moment: datetime.datetime) -> Outcome:
    """The figures of a closed period (of some KPIs, or of all) that have changed."""
    return _outcome(ground, {period: None}, codes, moment, keep=False)


def recent(ground: Ground, moment: datetime.datetime, finer: Mapping[str, str]) -> Outcome:
    """The same of the last closed periods of each kind, each KPI in its own kind and the one `finer` than that."""
    found: dict[Period, Collection[str] | None] = {}
    for kind in periods.KINDS:
        of_kinds = {kind, *(own for own, other in finer.items() if other == kind)}
        period = periods.containing(kind, periods.day_of(moment))
        left = RECENT
        while left:
            period = periods.before(period)
            closed = closes_at(ground.book.policy, period)
            if closed is None:
                return Outcome((), (), 0)
            if closed <= moment:
                found[period] = of_kinds
                left -= 1
    return _outcome(ground, found, (), moment, keep=True)


def closes_at(policy: Policy, period: Period) -> datetime.datetime | None:
    """The moment from which the figures of a period stand, if the default pack says after how many working days."""
    parameters = policy.packs[policy.defaults].source.data.get("parameters", {})
    days = parameters.get("restate", {}).get("after_workdays")
    if days is None:
        return None
    day = workdays.calendar(policy.calendars).add_workdays(period.last, days).day
    return datetime.datetime.combine(day, periods.DAY_END, periods.SHANGHAI)


# --- what was reported -----------------------------------------------------------------------------------


def _outcome(
    ground: Ground, wanted: Mapping[Period, Collection[str] | None], codes: Collection[str], moment: datetime.datetime,
    *, keep: bool,
) -> Outcome:  # fmt: skip
    """What changed in periods, of each only the KPIs judged by one of the kinds given with it (None: all)."""
    branch = Branch(ground.history, ground.book.schemas)
    figures = [
        figure
        for figure in reported.stated(ground.store, ground.book, moment)
        if figure.approved_at is not None
        and periods.spanning(figure.first_day, figure.last_day) in wanted
        and (not codes or figure.kpi in codes)
    ]
    kept = Kept(ground.history, f"{ground.book.fingerprint} {ground.book.policy.digest} {branch.founded}")
    pasts = Pasts(ground, kept)
    try:
        claims = [
            Claim(figure.kpi, periods.spanning(figure.first_day, figure.last_day), figure.as_of,
                  branch.stood(figure.approved_at) or branch.founded, figure)
            for figure in figures if figure.approved_at
        ]  # fmt: skip
        claims = [claim for claim in claims if pasts.of(claim.commit)]
        stated = len(claims)
        closes = _closes(ground, branch, pasts, wanted)
        claims += _closing(ground, pasts, closes, wanted, codes, {c for c in claims if c.slice is None})
        found = tuple(restated(ground, pasts, kept, claims))
        if keep and pasts.is_committed:
            kept.save()
        return Outcome(found, tuple(closes), stated)
    finally:
        pasts.close()


def _closes(ground: Ground, branch: Branch, pasts: Pasts, wanted: Iterable[Period]) -> list[Close]:
    found = []
    for period in wanted:
        at = closes_at(ground.book.policy, period)
        if at is not None:
            sha = branch.stood(at)
            found.append(Close(period, at, sha, sha is None or pasts.of(sha) is not None))
    return found


def _closing(
    ground: Ground, pasts: Pasts, closes: Iterable[Close], wanted: Mapping[Period, Collection[str] | None],
    codes: Collection[str], stated: Iterable[Claim],
) -> Iterator[Claim]:  # fmt: skip
    """The figures of the closes, but for those that a report states."""
    said = {(claim.code, claim.period) for claim in stated}
    for close in closes:
        past, kinds = pasts.of(close.commit), wanted[close.period]
        if past is None:
            continue
        for code in sorted(
            _codes(ground.book.policy, close.period, kinds) | _codes(past.book.policy, close.period, kinds)
        ):
            if (code, close.period) not in said and (not codes or code in codes):
                yield Claim(code, close.period, close.at, close.commit)


def _codes(policy: Policy, period: Period, kinds: Collection[str] | None) -> set[str]:
    found = kpi.in_force(policy, period.last)
    return {item.data["code"] for item in found if kinds is None or item.data["period"] in kinds}
