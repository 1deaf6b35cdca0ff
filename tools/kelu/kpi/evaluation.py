"""Evaluation: one definition over some periods — the rows of its queries become results.

Sums come from SQL as exact integers and decimals and become fractions here.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from operator import itemgetter
from typing import Any

from kelu.finding import Text
from kelu.kpi.definition import KpiError, names, reasons_of, target_of, withheld
from kelu.kpi.figure import Excluded, Result, Verdict, shown, target_shown, verdict
from kelu.kpi.query import candidates, cuts, records, sums
from kelu.periods import Period, end_of
from kelu.policy import Definition, Policy
from kelu.store import LANDED, QueryError, Store

_Slice = tuple[str, str | None]  # period label, value of the dimension
_Part = tuple[Any, Any, Any, Any, int]  # k, k2, n, d and the number of rows


@dataclass(slots=True)
class _Sums:
    """What the rows of one period and slice add up to; `parts` are those of the counted."""

    parts: list[_Part] = field(default_factory=list)
    things: set[str] = field(default_factory=set)
    packs: set[str] = field(default_factory=set)
    excluded: int = 0
    provisional: bool = False

    def add(self, row: Sequence[Any]) -> None:
        out, k, k2, n, d, rows, provisional, packs, things = row
        self.provisional = self.provisional or provisional
        if out:
            self.excluded += len(things)
            return
        self.parts.append((k, k2, n, d, rows))
        self.things.update(things or ())
        self.packs.update(pack for pack in packs if pack)


class Figures:
    """One definition over some periods."""

    def __init__(
        self, store: Store, policy: Policy, definition: Definition, periods: Sequence[Period],
        as_of: datetime.datetime, commit: str | None, by: str | None,
    ) -> None:  # fmt: skip
        self._store, self._policy, self._definition, self._periods = store, policy, definition, periods
        self._as_of, self._commit, self._by = as_of, commit, by
        why = store.withheld
        # Why nothing can be told, where the figure stands on a history that is not there.
        self._cut_off = why if why and LANDED in names(policy, {definition.data["code"]}) else None
        self._reason = self._cut_off or withheld(policy, definition)
        self._goal = target_of(policy, definition)
        self._told: dict[Any, dict[str, Any]] = {}
        self._checked = False

    def results(self, with_records: bool) -> Iterator[Result]:
        """One result a period and slice; without a dimension every period has one, empty or not."""
        rows = candidates(self._store, self._policy, self._definition, self._periods, self._by)
        sql = sums(rows)
        found = {} if self._cut_off else self._sums(sql)
        behind = self._records(records(rows)) if with_records and not self._cut_off else {}
        for period in self._periods:
            slices = _in_order(s for label, s in found if label == period.label)
            for slice_ in slices if self._by else [None]:
                held = found.get((period.label, slice_), _Sums())
                result = self._result(period, self._by, slice_, held, sql)
                more = behind.get((period.label, slice_))
                yield replace(result, **more) if more else result

    def with_records(self, result: Result) -> Result:
        """A result of the first period, which is told already, with the records behind it."""
        period = self._periods[0]
        rows = candidates(self._store, self._policy, self._definition, [period], None)
        behind = {} if self._cut_off else self._records(records(rows))
        return replace(result, sql=sums(rows), **behind.get((period.label, None), {}))

    def slices(self, by: Sequence[str], most: int | None) -> dict[str, tuple[tuple[Result, ...], int]]:
        """For each of some dimensions the results in the first period, no more than `most`, and how many there are: as
        `results` gives them, but asked for together."""
        if not by:
            return {}
        period = self._periods[0]
        own = {name: candidates(self._store, self._policy, self._definition, [period], name) for name in by}
        rows = candidates(self._store, self._policy, self._definition, [period], None, by)
        each = self._definition.data["measure"] == "mean_of_ratios"
        asked = [] if self._cut_off else self._asked(cuts(rows, by, each))
        members: dict[str, set[str | None]] = {name: set() for name in by}
        for name, slice_, *_ in asked:
            members[name].add(slice_)
        found = {name: {slice_: _Sums() for slice_ in _in_order(members[name])[:most]} for name in by}
        for name, slice_, *row in asked:
            if slice_ in found[name]:
                found[name][slice_].add(row)
        return {
            name: (
                tuple(self._result(period, name, slice_, held, sums(own[name])) for slice_, held in of_slice.items()),
                len(members[name]),
            )
            for name, of_slice in found.items()
        }

    def _asked(self, sql: str) -> list[tuple[Any, ...]]:
        code = self._definition.data["code"]
        try:
            if not self._checked and self._store.query("SELECT as_of()") != [(self._as_of,)]:
                raise KpiError("记录不是按该时点准备的", "the records were not laid as known at that moment")
            self._checked = True
            rows = self._store.query(sql)
        except QueryError as refused:
            raise KpiError(f"指标 {code} 无法计算：{refused}", f"KPI {code} cannot be computed: {refused}") from refused
        # A column is of one type throughout.
        if any(isinstance(next((v for v in map(itemgetter(i), rows) if v is not None), None), float)
               for i in range(len(rows[0]) if rows else 0)):  # fmt: skip
            raise KpiError(
                f"指标 {code} 含二进制小数，不精确", f"KPI {code} holds a binary fraction, which is not exact"
            )
        return rows

    def _sums(self, sql: str) -> dict[_Slice, _Sums]:
        found: dict[_Slice, _Sums] = defaultdict(_Sums)
        for label, slice_, *row in self._asked(sql):
            found[label, slice_].add(row)
        return found

    def _records(self, sql: str) -> dict[_Slice, dict[str, Any]]:
        words = reasons_of(self._policy, self._definition)
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
        due = self._definition.data.get("target", {}).get("due")
        return due != "period_end" or end_of(period) <= self._as_of

    def _result(self, period: Period, by: str | None, slice_: str | None, held: _Sums, sql: str) -> Result:
        # Of many slices most add up to the same few sums.
        sample = len(held.things) if self._definition.data["measure"] == "mean_of_ratios" else None
        key = period, tuple(held.parts), sample
        if key not in self._told:
            self._told[key] = self._worth(period, held)
        return Result(
            period=period, dimension=by, slice=slice_, provisional=held.provisional, packs=tuple(sorted(held.packs)),
            sql=sql, excluded_count=held.excluded, **self._told[key],
        )  # fmt: skip

    def _worth(self, period: Period, held: _Sums) -> dict[str, Any]:
        """The fields of a result that follow from the definition, the period and the sums."""
        data, unit, goal = self._definition.data, self._definition.data["unit"], self._goal
        value, numerator, denominator, sample = _fold(data["measure"], held)
        target = data.get("target", {})
        op, official = target.get("op"), period.kind == data["period"]
        decimals = data.get("decimals", 0 if unit == "count" else 2)
        nothing = Text("", "")
        found = {
            "code": data["code"], "title": self._definition.text("title") or nothing,
            "formula": self._definition.text("formula") or nothing, "note": self._definition.text("note"),
            "official": official, "value": value,
            "shown": None if value is None else shown(value, unit, decimals, op, goal), "numerator": numerator,
            "denominator": denominator, "sample": sample, "unit": unit, "target": goal, "target_op": op,
            "target_shown": None if goal is None else target_shown(goal, unit), "target_basis": target.get("basis"),
            "verdict": verdict(value, op, goal, official, self._is_final(period)), "basis": data["basis"],
            "pack": self._definition.pack, "clause": data.get("clause"), "as_of": self._as_of, "commit": self._commit,
        }  # fmt: skip
        if self._reason is not None:  # without the value and the sums behind it
            found |= dict.fromkeys(("value", "shown", "numerator", "denominator"))
            found |= {"verdict": Verdict.NOT_ASSESSED, "withheld": self._reason}
        return found


def _in_order(slices: Iterable[str | None]) -> list[str | None]:
    return sorted(slices, key=lambda s: (s is None, s or ""))


def _exact(number: int | Decimal | None) -> Fraction:
    return Fraction(0) if number is None else Fraction(number)


def _fold(measure: str, held: _Sums) -> tuple[Fraction | None, Fraction | None, Fraction | None, int]:
    """Value, numerator, denominator and sample size of a measure; an empty denominator gives no value (§0.5)."""
    rows = sum(part[4] for part in held.parts)
    if measure == "count":
        return Fraction(rows), Fraction(rows), None, rows
    if measure == "mean_of_ratios":
        ratios = [_exact(n) / _exact(d) for _, _, n, d, _ in held.parts if d]
        return (sum(ratios, Fraction(0)) / len(ratios) if ratios else None), None, None, len(held.things)
    if measure == "median":
        values = sorted((_exact(k) / _exact(k2), count) for k, k2, _, _, count in held.parts)
        spread = [value for value, count in values for _ in range(count)]
        middle = len(spread) // 2
        return ((spread[middle] + spread[~middle]) / 2 if spread else None), None, None, rows
    if measure == "mean":
        total = sum((_exact(n) / _exact(k2) for _, k2, n, _, _ in held.parts), Fraction(0))
        return (total / rows if rows else None), total, Fraction(rows), rows
    total = sum((_exact(n) for _, _, n, _, _ in held.parts), Fraction(0))
    of = sum((_exact(d) for _, _, _, d, _ in held.parts), Fraction(0))
    return (total / of if of else None), total, of, int(of) if measure == "ratio" else rows
