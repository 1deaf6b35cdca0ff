"""A figure: the exact value of a KPI, how it is shown, and what it says of its target (kpis.md §0.4, §0.5)."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from operator import eq, ge, gt, le, lt

from kelu.finding import Text
from kelu.periods import Period

SMALL = 5  # a smaller sample deserves a warning
_SCALE = {"percent": 100, "per_100": 100}  # how a unit is shown; the value itself stays a plain ratio
_OPERATORS: Mapping[str, Callable[[Fraction, Fraction], bool]] = {">=": ge, "<=": le, "=": eq, ">": gt, "<": lt}


class Verdict(StrEnum):
    """What the exact value says of the target; without a value or a target nothing is assessed.

    In a period that is not of the kind the KPI is judged by, a value is there for information only (kpis.md §1).
    Where the target is one for the end of the period, a value that has not reached it is on its way until then.
    """

    MET = "met"
    MISSED = "missed"
    RUNNING = "running"
    INFORMATION = "information"
    NOT_ASSESSED = "not_assessed"


@dataclass(frozen=True, slots=True)
class Excluded:
    """A record, or a part of one (a sheet, an item), that does not count, and why."""

    id: str
    part: str | None
    reason: str
    text: Text


@dataclass(frozen=True, slots=True)
class Result:
    """One figure.

    `value` is exact: a ratio for percent and per_100 (0.98, not 98), else in its unit. `shown` is what to print,
    scaled to the unit and rounded half up. `numerator` and `denominator` are the sums behind a count, share, ratio
    or mean, None otherwise; `sample` is how many things stand behind the figure. `target` is like `value`,
    `target_shown` like `shown`. `official` says that the period is of the kind the KPI is judged by, `provisional`
    that a deadline leans on a year without holiday data. `pack` defines the KPI; `packs` are those whose records
    it counts. `counted` are the ids in the denominator, `contributing` those of them that meet the condition in
    every part, `excluded` those that do not count; all three empty unless records were asked for. `withheld` says why
    a KPI has no value although it has records.
    """

    code: str
    title: Text
    formula: Text
    note: Text | None
    period: Period
    official: bool
    dimension: str | None
    slice: str | None
    value: Fraction | None
    shown: str | None
    numerator: Fraction | None
    denominator: Fraction | None
    sample: int
    unit: str
    target: Fraction | None
    target_op: str | None
    target_shown: str | None
    target_basis: str | None
    verdict: Verdict
    provisional: bool
    basis: str
    pack: str
    packs: tuple[str, ...]
    clause: str | None
    as_of: datetime.datetime
    commit: str | None
    sql: str
    excluded_count: int
    counted: tuple[str, ...] = ()
    contributing: tuple[str, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    withheld: Text | None = None

    @property
    def is_ratio(self) -> bool:
        """Whether a numerator and a denominator, each a list of records, stand behind the figure."""
        return self.unit in ("percent", "per_100")

    @property
    def small(self) -> bool:
        """Whether so little stands behind the figure that a reader should be warned (kpis.md §0.9)."""
        return self.value is not None and self.unit != "count" and self.sample < SMALL


def meets(value: Fraction, op: str, target: Fraction) -> bool:
    """Whether an exact value reaches its target; `op` is one of >= <= = > <."""
    return _OPERATORS[op](value, target)


def verdict(
    value: Fraction | None, op: str | None, target: Fraction | None, official: bool = True, final: bool = True
) -> Verdict:
    """The exact value against the target, before any rounding; `official` as in Result, `final` that it is due."""
    if value is None or op is None or target is None:
        return Verdict.NOT_ASSESSED
    if not official:
        return Verdict.INFORMATION
    if meets(value, op, target):
        return Verdict.MET
    return Verdict.MISSED if final else Verdict.RUNNING


def shown(value: Fraction, unit: str, decimals: int, op: str | None = None, target: Fraction | None = None) -> str:
    """A value as text: percent and per_100 scaled, `decimals` places, half up.

    Where rounding would tell another story of the target than the exact value does, more places are shown.
    """
    scaled = value * _SCALE.get(unit, 1)
    text = half_up(scaled, decimals)
    if op is not None and target is not None:
        limit = target * _SCALE.get(unit, 1)
        while meets(Fraction(text), op, limit) != meets(scaled, op, limit):
            decimals += 1
            text = half_up(scaled, decimals)
    return text


def half_up(value: Fraction, decimals: int) -> str:
    """A fraction with that many decimal places; a half goes away from zero."""
    power = 10**decimals
    digits = (2 * abs(value.numerator) * power + value.denominator) // (2 * value.denominator)
    whole, part = divmod(digits, power)
    sign = "-" if value < 0 and digits else ""
    return f"{sign}{whole}.{part:0{decimals}d}" if decimals else f"{sign}{whole}"


def target_shown(target: Fraction, unit: str) -> str:
    """A target as text, scaled to its unit, without needless zeros."""
    text = half_up(target * _SCALE.get(unit, 1), 12)
    return text.rstrip("0").rstrip(".")
