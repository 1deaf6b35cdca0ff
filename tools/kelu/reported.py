"""Reported figures: what reports state, against what their records give for the same days as known at the same moment.

A report states figures with their `as_of`. Whether they are right is judged when it is approved (R-RPT-02, X-10);
a later difference, from late entries or corrections, is a restatement to show and no fault.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from kelu import catalogue, check, kpi, periods
from kelu.check import STATED, Rulebook
from kelu.document import locate, parse, pointer
from kelu.finding import Finding, Severity, Text
from kelu.git import Tree
from kelu.intake import NOTHING
from kelu.kpi import Result
from kelu.store import Store

APPROVED = "approved_at"
_COLUMNS = "id, path, code, place, kpi, value, num, den, first_day, last_day, as_of, approved_at, dimension, slice"


@dataclass(frozen=True, slots=True)
class Stated:
    """A figure as a report states it; `approved_at` is None as long as the report is a draft."""

    report: str
    path: str
    code: str
    place: int
    kpi: str
    value: str | None
    num: Decimal | None
    den: Decimal | None
    first_day: datetime.date
    last_day: datetime.date
    as_of: datetime.datetime
    approved_at: datetime.datetime | None
    dimension: str | None
    slice: str | None

    @property
    def field(self) -> str:
        return f"figures[{self.place}].value"


@dataclass(frozen=True, slots=True)
class Difference:
    """A stated figure that is not what its records give, both in words."""

    figure: Stated
    stated: str
    recomputed: Text


def stated(store: Store, book: Rulebook, moment: datetime.datetime) -> list[Stated]:
    """Every figure of every report, as written. Lays the store for that, if there is any report."""
    types = check.types_of(book, STATED)
    if not store.query("SELECT id FROM record.source WHERE list_contains($1, type) LIMIT 1", [types]):
        return []
    if check.lay_policy(store, book, NOTHING, moment, known=False, asked={STATED}):
        return []
    return [Stated(*row) for row in store.query(f"SELECT {_COLUMNS} FROM {STATED}")]


def differences(store: Store, book: Rulebook, figures: list[Stated]) -> Iterator[Difference]:
    """Those of the figures that are not what the records give. Lays the store anew for each moment of the figures; the
    table `landed` has to be brought before."""
    for moment in sorted({figure.as_of for figure in figures}):
        of_moment = [figure for figure in figures if figure.as_of == moment]
        asked = kpi.names(book.policy, {figure.kpi for figure in of_moment})
        check.lay_policy(store, book, NOTHING, moment, known=True, asked=asked)
        for figure in of_moment:
            difference = _difference(store, book, figure)
            if difference is not None:
                yield difference


def findings(
    store: Store,
    book: Rulebook,
    moment: datetime.datetime,
    held: Tree,
    base: Tree | None = None,
    bring: Callable[[set[str]], object] = lambda _: None,
) -> list[Finding]:
    """The figures of drafts that differ, as warnings; with `base`, only of what changed since then, and of reports
    approved since then as errors. A report approved before never fails.

    `store` holds the records of `held`. Lays the store anew. `bring` is told the names that the figures stand on before
    they are worked out: it brings what is no record.
    """
    figures = stated(store, book, moment)
    if base is None:
        figures = [figure for figure in figures if figure.approved_at is None]
    if not figures:
        return []
    folders = sorted({figure.path.rpartition("/")[0] for figure in figures})
    now = {entry.path: entry for entry in held.entries(*folders)}
    if base is not None:
        then = {entry.path: entry for entry in base.entries(*folders)}
        changed = {path for path, entry in now.items() if path not in then or then[path].blob != entry.blob}
        before = [then[path] for path in sorted({figure.path for figure in figures} & changed & then.keys())]
        approved = {e.path for e, raw in base.read(before) if APPROVED in (parse(raw, e.path)[0] or {})}
        figures = [figure for figure in figures if figure.path in changed - approved]
    bring(kpi.names(book.policy, {figure.kpi for figure in figures}))
    found = []
    for item in differences(store, book, figures):
        figure = item.figure
        ((_, raw),) = held.read([now[figure.path]])
        position = locate(raw).best(pointer(figure.field))
        made = catalogue.make(
            figure.code, figure.path, *position, figure.field, figure.value, kpi=figure.kpi, stated=item.stated,
            recomputed=item.recomputed.zh, recomputed_en=item.recomputed.en, at=_said(figure.as_of),
        )  # fmt: skip
        found.append(made if figure.approved_at else replace(made, severity=Severity.WARNING))
    return found


def _difference(store: Store, book: Rulebook, figure: Stated) -> Difference | None:
    span = periods.spanning(figure.first_day, figure.last_day)
    told = words(figure.value, figure.num, figure.den)
    try:
        results = kpi.evaluate(store, book.policy, [figure.kpi], span, figure.as_of, None, figure.dimension)
    except kpi.KpiError as refused:
        return Difference(figure, told, refused.text)
    result = next((result for result in results if result.slice == figure.slice), None)
    recomputed = disagrees(figure, result)
    return None if recomputed is None else Difference(figure, told, recomputed)


def disagrees(figure: Stated, result: Result | None) -> Text | None:
    """What the records give, where that is not what the report states; None of a customer or project that there is
    nothing of."""
    if result is None:
        return None if figure.value is None else Text("无数据", "no data")
    pairs = ((figure.num, result.numerator), (figure.den, result.denominator))
    wrong = [said for said, real in pairs if said is not None and said != real]
    if _number(figure.value) == _number(result.shown) and not wrong:
        return None
    whole = result.numerator if result.denominator is not None or figure.num is not None else None
    return result.withheld or Text(*[words(result.shown, whole, result.denominator)] * 2)


def _number(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


def words(value: str | None, num: Decimal | Fraction | None, den: Decimal | Fraction | None) -> str:
    """`80.00 (4/5)`, without what there is not."""
    sums = "/".join(str(Fraction(number)) for number in (num, den) if number is not None)
    return (value or "—") + (f" ({sums})" if sums else "")


def _said(moment: datetime.datetime) -> str:
    return moment.astimezone(periods.SHANGHAI).isoformat(timespec="seconds")
