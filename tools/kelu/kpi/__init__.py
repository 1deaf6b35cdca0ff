"""KPIs: definitions of the packs × the store as known at a moment → exact figures with the records behind them.

A definition (`policies/*/kpis.yaml`) is SQL over tables and views; this package adds period, pack and arithmetic.
Sums come from SQL as exact integers and decimals and become fractions here: a binary float never takes part.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from kelu import catalogue
from kelu.finding import Finding
from kelu.kpi.definition import KpiError, chosen, find, in_force, leaning, names, standing
from kelu.kpi.evaluation import Figures
from kelu.kpi.figure import Excluded, Result, Verdict
from kelu.kpi.query import DIMENSIONS, dimensions, fault
from kelu.periods import Period, before, containing, day_of, parse
from kelu.policy import Definition, Policy
from kelu.store import Store

__all__ = [
    "DIMENSIONS", "FINER", "Excluded", "KpiError", "Result", "Series", "Verdict", "dimensions", "evaluate", "faults",
    "find", "in_force", "leaning", "names", "series", "standing", "trend",
]  # fmt: skip

# How many periods of each kind a KPI is looked back on, and the finer kind that is shown beside a coarse one.
_BACK = {"year": 3, "half": 4, "quarter": 8, "month": 12, "week": 13}
FINER = {"year": "quarter", "half": "quarter"}


def evaluate(
    store: Store,
    policy: Policy,
    codes: Iterable[str] | None,
    period: Period | str,
    as_of: datetime.datetime,
    commit: str | None,
    by: str | None = None,
    records: bool = False,
) -> list[Result]:
    """The figures of some KPIs (None: of all in force at the period's end) in one period.

    `store` must have been laid as known at `as_of`. With `by`, one result for each value of that dimension, in
    order of value; with `records`, the ids behind each figure. Raises KpiError for a code, dimension or moment
    that there is not, or when a definition's SQL does not run; PeriodError for a label that is no period.
    """
    span = parse(period) if isinstance(period, str) else period
    if codes is None:
        wanted = [item for item in in_force(policy, span.last) if by is None or by in dimensions(store, item)]
    else:
        wanted = chosen(policy, codes, span.last)
    return [
        result
        for definition in wanted
        for result in Figures(store, policy, definition, (span,), as_of, commit, by).results(records)
    ]


def trend(
    store: Store,
    policy: Policy,
    code: str,
    periods: Sequence[Period],
    as_of: datetime.datetime,
    commit: str | None,
    by: str | None = None,
) -> list[Result]:
    """One KPI in several periods, in their order, with one query for each pack that defines it.

    Periods at whose end no pack in force defines it are left out. Raises KpiError like `evaluate`.
    """
    groups: dict[str, tuple[Definition, list[Period]]] = {}
    for period in periods:
        definition = find(policy, code, period.last)
        if definition is not None:
            groups.setdefault(definition.pack, (definition, []))[1].append(period)
    if not groups and periods:
        chosen(policy, [code], periods[-1].last)
    found = [
        result
        for definition, spans in groups.values()
        for result in Figures(store, policy, definition, tuple(spans), as_of, commit, by).results(with_records=False)
    ]
    place = {period: number for number, period in enumerate(periods)}
    return sorted(found, key=lambda result: place[result.period])


@dataclass(frozen=True, slots=True)
class Series:
    """Everything about a KPI at a moment: its headline, with the records behind it, the same in all official periods
    looked back on, in finer ones, and cut by each dimension: the first results, and how many there are."""

    result: Result
    definition: Definition
    official: tuple[Result, ...]
    finer: tuple[Result, ...]
    slices: dict[str, tuple[tuple[Result, ...], int]]


def series(
    store: Store, policy: Policy, as_of: datetime.datetime, commit: str | None, most: int | None = None,
    codes: Collection[str] | None = None, records: bool = True,
) -> Iterator[Series]:  # fmt: skip
    """All there is of each KPI in force at `as_of` (of some codes, None: all), as `trend` and `evaluate` tell it one by
    one; of each dimension no more than `most` results; without `records` the headline has none behind it. `store` must
    have been laid as known at `as_of`.

    The headline is the official period that `as_of` lies in or, where that has no value yet, the latest one that has.
    """
    today = day_of(as_of)
    for definition in in_force(policy, today):
        code, kind = definition.data["code"], definition.data["period"]
        if codes is not None and code not in codes:
            continue
        spans = [*_span(kind, today), *(_span(FINER[kind], today) if kind in FINER else ())]
        found = trend(store, policy, code, spans, as_of, commit)
        official = [item for item in found if item.period.kind == kind]
        told = next((item for item in reversed(official) if item.value is not None), official[-1])
        ruling = find(policy, code, told.period.last) or definition
        figures = Figures(store, policy, ruling, (told.period,), as_of, commit, None)
        yield Series(
            figures.with_records(told) if records else told, definition, tuple(official),
            tuple(item for item in found if item.period.kind != kind),
            figures.slices(dimensions(store, definition), most),
        )  # fmt: skip


def _span(kind: str, day: datetime.date) -> list[Period]:
    last = containing(kind, day)
    return [before(last, back) for back in range(_BACK[kind] - 1, -1, -1)]


def faults(policy: Policy, store: Store) -> list[Finding]:
    """A finding for each definition whose SQL does not run or is not exact, at its line in kpis.yaml."""
    found = []
    for pack in policy.packs.values():
        for definition in pack.kpis:
            detail = fault(store, policy, definition)
            if detail:
                source = definition.source
                line, column = source.position(*definition.pointer)
                found.append(catalogue.make("POL-01", source.path, line, column, definition.place,
                                            rule=definition.data["code"], detail=detail))  # fmt: skip
    return found
