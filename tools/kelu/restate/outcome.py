"""Outcome: what there is to tell of restated figures — the figure as reported and as it is, and what moved between."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from kelu import reported
from kelu.finding import Text
from kelu.history.step import Act
from kelu.kpi import Result
from kelu.periods import Period
from kelu.reported import Stated


@dataclass(frozen=True, slots=True)
class Close:
    """A period with the moment its figures stood, and the commit they stood by; `commit` is None where there was none
    since the foundation, `readable` false where this program cannot judge by the policies it had."""

    period: Period
    at: datetime.datetime
    commit: str | None
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Told:
    """A figure as it was told. `target` is written with its sign; what a report does not say is None."""

    value: str | None
    numerator: Fraction | None
    denominator: Fraction | None
    target: str | None = None
    verdict: str | None = None
    pack: str | None = None

    @property
    def words(self) -> str:
        """`50.00 (1/2)`."""
        return reported.words(self.value, None if self.denominator is None else self.numerator, self.denominator)


@dataclass(frozen=True, slots=True)
class Side:
    """A list behind a figure: numerator, denominator, counted or excluded (for a reason)."""

    name: str
    reason: Text | None = None


@dataclass(frozen=True, slots=True)
class Touched:
    """A commit that added, changed or deleted a record, with the fields that it changed."""

    act: Act
    change: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """What stood on another list behind the figure, or was on the same one with other content; `record` is set where
    it is a record that changed, `touched` are the commits since then that did it, oldest first."""

    id: str
    record: str | None
    before: Side | None
    after: Side | None
    touched: tuple[Touched, ...] = ()


@dataclass(frozen=True, slots=True)
class Restatement:
    """A figure that is not what was reported.

    `report` states it, or else it is the figure of the close, by `commit`, as known at `as_of`. `ruled` says that
    what the figure follows from in policies, configuration or schemas changed, by the commits `rulings`.
    """

    code: str
    title: Text
    unit: str
    period: Period
    dimension: str | None
    slice: str | None
    as_of: datetime.datetime
    report: str | None
    commit: str | None
    before: Told
    after: Told
    ruled: bool
    rulings: tuple[Act, ...]
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was compared — closes, and how many figures of reports — and which figures have changed."""

    restatements: tuple[Restatement, ...]
    closes: tuple[Close, ...]
    stated: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A figure as first reported, by a report or at the close."""

    code: str
    period: Period
    as_of: datetime.datetime
    commit: str | None
    stated: Stated | None = None

    @property
    def dimension(self) -> str | None:
        return self.stated.dimension if self.stated else None

    @property
    def slice(self) -> str | None:
        return self.stated.slice if self.stated else None


@dataclass(frozen=True, slots=True)
class Figure:
    """What a comparison needs of a figure: how it is called and told, and the list each thing behind it stands on."""

    title: Text
    unit: str
    told: Told
    sides: Mapping[str, Side]

    @classmethod
    def of(cls, result: Result) -> Figure:
        target = None if result.target_shown is None else f"{result.target_op} {result.target_shown}"
        told = Told(
            result.shown, result.numerator, result.denominator, target, result.verdict.value, result.pack
        )  # fmt: skip
        met, plain = set(result.contributing), "denominator" if result.is_ratio else "counted"
        on_plain, on_top = Side(plain), Side("numerator" if result.is_ratio else plain)
        sides = {name: on_top if name in met else on_plain for name in result.counted}
        for item in result.excluded:
            sides.setdefault(item.id if item.part is None else f"{item.id}#{item.part}", Side("excluded", item.text))
        return cls(result.title, result.unit, told, sides)


def exact(number: Any) -> Fraction | None:
    """A number of a report as a fraction."""
    return None if number is None else Fraction(number)
