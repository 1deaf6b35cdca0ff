"""KPIs: definitions of the packs × the store as known at a moment → exact figures with the records behind them.

A definition (`policies/*/kpis.yaml`) is SQL over tables and views; this package adds period, pack and arithmetic.
Sums come from SQL as exact integers and decimals and become fractions here: a binary float never takes part.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from kelu import catalogue, obligation
from kelu.finding import Finding, Text
from kelu.kpi.definition import KpiError, chosen, find, in_force, reasons_of, target_of, withheld
from kelu.kpi.figure import Excluded, Result, Verdict, shown, target_shown, verdict
from kelu.kpi.query import DIMENSIONS, candidates, dimensions, fault, records, sums, texts
from kelu.naming import reach
from kelu.periods import Period, end_of, parse
from kelu.policy import Definition, Policy
from kelu.store import LANDED, QueryError, Store, spelled_out

__all__ = [
    "DIMENSIONS", "Excluded", "KpiError", "Result", "Verdict", "dimensions", "evaluate", "faults", "find", "in_force",
    "leaning", "names", "standing", "trend",
]  # fmt: skip
_Slice = tuple[str, str | None]  # period label, value of the dimension


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
        for result in _Figures(store, policy, definition, (span,), as_of, commit, by).results(records)
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
        for result in _Figures(store, policy, definition, tuple(spans), as_of, commit, by).results(with_records=False)
    ]
    place = {period: number for number, period in enumerate(periods)}
    return sorted(found, key=lambda result: place[result.period])


def names(policy: Policy, codes: Collection[str] | None = None) -> set[str]:
    """The names of everything that some KPIs (None: all) stand on: what `Store.prepare` has to lay for them."""
    definitions = (item for pack in policy.packs.values() for item in pack.kpis)
    wanted = (item for item in definitions if codes is None or item.data["code"] in codes)
    return reach((sql for item in wanted for sql in texts(item)), {**obligation.views(policy), **spelled_out()})


def leaning(policy: Policy, table: str) -> set[str]:
    """The codes of the KPIs that stand on a table."""
    codes = {item.data["code"] for pack in policy.packs.values() for item in pack.kpis}
    return {code for code in codes if table in names(policy, {code})}


def standing(policy: Policy) -> dict[str, set[str]]:
    """The same for each code by itself, worked out together."""
    derived = {**obligation.views(policy), **spelled_out()}
    of_code: dict[str, list[str]] = defaultdict(list)
    for item in (item for pack in policy.packs.values() for item in pack.kpis):
        of_code[item.data["code"]] += texts(item)
    return {code: reach(sql, derived) for code, sql in of_code.items()}


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


@dataclass(slots=True)
class _Sums:
    """What the rows of one period and slice add up to. `parts` are (k, k2, n, d, rows) of the counted."""

    parts: list[tuple[Any, Any, Fraction, Fraction, int]] = field(default_factory=list)
    things: set[str] = field(default_factory=set)
    packs: set[str] = field(default_factory=set)
    excluded: int = 0
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class _Figures:
    """One definition over some periods."""

    store: Store
    policy: Policy
    definition: Definition
    periods: tuple[Period, ...]
    as_of: datetime.datetime
    commit: str | None
    by: str | None

    def results(self, with_records: bool) -> Iterator[Result]:
        """One result a period and slice; without a dimension every period has one, empty or not."""
        rows = candidates(self.store, self.policy, self.definition, self.periods, self.by)
        sql = sums(rows)
        cut_off = self._cut_off()
        found = {} if cut_off else self._sums(sql)
        behind = self._records(records(rows)) if with_records and not cut_off else {}
        goal, reason = target_of(self.policy, self.definition), cut_off or withheld(self.policy, self.definition)
        for period in self.periods:
            slices = sorted((s for label, s in found if label == period.label), key=lambda s: (s is None, s or ""))
            for slice_ in slices if self.by else [None]:
                result = self._result(period, slice_, found.get((period.label, slice_), _Sums()), sql, goal)
                yield _without_value(replace(result, **behind.get((period.label, slice_), {})), reason)

    def _cut_off(self) -> Text | None:
        """Why nothing can be told, where the figure stands on a history that is not there."""
        why = self.store.withheld
        return why if why and LANDED in names(self.policy, {self.definition.data["code"]}) else None

    def _asked(self, sql: str) -> list[tuple[Any, ...]]:
        code = self.definition.data["code"]
        try:
            if self.store.query("SELECT as_of()") != [(self.as_of,)]:
                raise KpiError("记录不是按该时点准备的", "the records were not laid as known at that moment")
            rows = self.store.query(sql)
        except QueryError as refused:
            raise KpiError(f"指标 {code} 无法计算：{refused}", f"KPI {code} cannot be computed: {refused}") from refused
        if any(isinstance(value, float) for row in rows for value in row):
            raise KpiError(
                f"指标 {code} 含二进制小数，不精确", f"KPI {code} holds a binary fraction, which is not exact"
            )
        return rows

    def _sums(self, sql: str) -> dict[_Slice, _Sums]:
        found: dict[_Slice, _Sums] = defaultdict(_Sums)
        for label, slice_, out, k, k2, n, d, rows, provisional, packs, things in self._asked(sql):
            held = found[label, slice_]
            held.provisional = held.provisional or provisional
            if out:
                held.excluded += len(things)
                continue
            held.parts.append((k, k2, _exact(n), _exact(d), rows))
            held.things.update(things)
            held.packs.update(pack for pack in packs if pack)
        return found

    def _records(self, sql: str) -> dict[_Slice, dict[str, Any]]:
        words = reasons_of(self.policy, self.definition)
        counted: dict[_Slice, dict[str, bool]] = defaultdict(dict)
        excluded: dict[_Slice, list[Excluded]] = defaultdict(list)
        for label, slice_, name, part, reason, met in self._asked(sql):
            if reason is None:
                held = counted[label, slice_]
                held[name] = held.get(name, True) and met
            else:
                excluded[label, slice_].append(Excluded(name, part, reason, words.get(reason, Text(reason, reason))))
        return {
            key: {
                "counted": tuple(counted[key]),
                "contributing": tuple(name for name, met in counted[key].items() if met),
                "excluded": tuple(excluded[key]),
            }
            for key in {*counted, *excluded}
        }

    def _is_final(self, period: Period) -> bool:
        """Whether the target already holds: one for the end of the period does when that is over."""
        due = self.definition.data.get("target", {}).get("due")
        return due != "period_end" or end_of(period) <= self.as_of

    def _result(self, period: Period, slice_: str | None, held: _Sums, sql: str, goal: Fraction | None) -> Result:
        data, unit = self.definition.data, self.definition.data["unit"]
        value, numerator, denominator, sample = _fold(data["measure"], held)
        op, official = data.get("target", {}).get("op"), period.kind == data["period"]
        decimals = data.get("decimals", 0 if unit == "count" else 2)
        nothing = Text("", "")
        return Result(
            code=data["code"], title=self.definition.text("title") or nothing,
            formula=self.definition.text("formula") or nothing, note=self.definition.text("note"),
            period=period, official=official, dimension=self.by, slice=slice_,
            value=value, shown=None if value is None else shown(value, unit, decimals, op, goal),
            numerator=numerator, denominator=denominator, sample=sample, unit=unit,
            target=goal, target_op=op, target_shown=None if goal is None else target_shown(goal, unit),
            target_basis=data.get("target", {}).get("basis"),
            verdict=verdict(value, op, goal, official, self._is_final(period)),
            provisional=held.provisional, basis=data["basis"], pack=self.definition.pack,
            packs=tuple(sorted(held.packs)), clause=data.get("clause"), as_of=self.as_of, commit=self.commit,
            sql=sql, excluded_count=held.excluded,
        )  # fmt: skip


def _without_value(result: Result, reason: Text | None) -> Result:
    """A result as it is, or where there is a reason for that, without the value and the sums behind it."""
    if reason is None:
        return result
    return replace(result, value=None, shown=None, numerator=None, denominator=None, verdict=Verdict.NOT_ASSESSED,
                   withheld=reason)  # fmt: skip


def _exact(number: int | Decimal | None) -> Fraction:
    return Fraction(0) if number is None else Fraction(number)


def _fold(measure: str, held: _Sums) -> tuple[Fraction | None, Fraction | None, Fraction | None, int]:
    """Value, numerator, denominator and sample size of a measure; an empty denominator gives no value (§0.5)."""
    rows = sum(part[4] for part in held.parts)
    if measure == "count":
        return Fraction(rows), Fraction(rows), None, rows
    if measure == "mean_of_ratios":
        ratios = [n / d for _, _, n, d, _ in held.parts if d]
        return (sum(ratios, Fraction(0)) / len(ratios) if ratios else None), None, None, len(held.things)
    if measure == "median":
        values = sorted((_exact(k) / _exact(k2), count) for k, k2, _, _, count in held.parts)
        spread = [value for value, count in values for _ in range(count)]
        middle = len(spread) // 2
        return ((spread[middle] + spread[~middle]) / 2 if spread else None), None, None, rows
    if measure == "mean":
        total = sum((n / _exact(k2) for _, k2, n, _, _ in held.parts), Fraction(0))
        return (total / rows if rows else None), total, Fraction(rows), rows
    total = sum((n for _, _, n, _, _ in held.parts), Fraction(0))
    of = sum((d for _, _, _, d, _ in held.parts), Fraction(0))
    return (total / of if of else None), total, of, int(of) if measure == "ratio" else rows
