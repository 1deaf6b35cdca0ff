"""Figures: one KPI result in words and numbers, its lists of records and its slices — every name past privacy."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from kelu.finding import Text
from kelu.kpi import Result
from kelu.pages.chart import Point
from kelu.privacy import Directory
from kelu.schema import RecordSchema


@dataclass(frozen=True, slots=True)
class Names:
    """What results are put into words with."""

    schemas: Mapping[str, RecordSchema]
    directory: Directory
    words: Mapping[str, Any]
    duties: Mapping[str, str] = field(default_factory=dict)  # duty -> page
    rows: dict[tuple[str, str | None, Text | None], Row] = field(default_factory=dict)  # as they are asked for


@dataclass(frozen=True, slots=True)
class Figure:
    """One result, ready to print."""

    period: str
    period_text: Text
    value: str | None
    numerator: str
    denominator: str
    counts: str
    sample: int
    excluded_count: int
    target_text: Text | None
    verdict: str
    provisional: bool
    small: bool
    withheld: Text | None


@dataclass(frozen=True, slots=True)
class Row:
    """A record in a list, a part of one, or a duty about one. `page` is empty where it has none."""

    id: str
    record: str
    page: str
    title: Text | None
    date: str
    status: Text | None
    reason: Text | None


@dataclass(frozen=True, slots=True)
class Listing:
    """One of the lists of a KPI: its rows and whether they carry reasons."""

    name: str
    label: Text
    rows: tuple[Row, ...]
    reasons: bool


@dataclass(frozen=True, slots=True)
class SliceRow:
    """A member of a dimension with its own figure. `record` is set when the member has a page."""

    name: Text
    record: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class Slice:
    """A KPI by the members of one dimension, the first of them; `left` is how many more there are."""

    dimension: str
    label: Text
    rows: tuple[SliceRow, ...]
    left: int


def figure(result: Result, names: Names) -> Figure:
    """A result in words and numbers."""
    unit = Text.of(names.words["unit"][result.unit])
    space = "" if result.unit == "percent" else " "
    sign = Text.of(names.words["op"][result.target_op]) if result.target_op else Text("", "")
    aim = result.target_shown
    numerator, denominator = _amount(result.numerator), _amount(result.denominator)
    return Figure(
        period=result.period.label,
        period_text=period_text(result.period.label),
        value=result.shown,
        numerator=numerator if denominator else "",
        denominator=denominator,
        counts=f"{numerator} / {denominator}" if denominator and result.is_ratio else "",
        sample=result.sample,
        excluded_count=result.excluded_count,
        target_text=Text(f"{sign.zh} {aim}{space}{unit.zh}", f"{sign.en} {aim}{space}{unit.en}") if aim else None,
        verdict=result.verdict.value,
        provisional=result.provisional,
        small=result.small,
        withheld=result.withheld,
    )


def decimal(text: str | None) -> Decimal | None:
    """A shown number, for drawing."""
    return None if text is None else Decimal(text)


def _amount(number: Fraction | None) -> str:
    """A sum as text: whole, or with two places."""
    if number is None:
        return ""
    return str(number) if number.denominator == 1 else f"{float(number):.2f}"


def period_text(period: str) -> Text:
    """2026-Q1 → 2026 年第 1 季度 / Q1 2026, 2026-03 → 2026 年 3 月 / March 2026."""
    year, _, part = period.partition("-")
    if not part:
        return Text(f"{year} 年", year)
    if part[0] == "H":
        return Text(f"{year} 年{'上' if part == 'H1' else '下'}半年", f"{part} {year}")
    if part[0] == "Q":
        return Text(f"{year} 年第 {part[1:]} 季度", f"{part} {year}")
    if part[0] == "W":
        return Text(f"{year} 年第 {int(part[1:])} 周", f"week {int(part[1:])} of {year}")
    return Text(f"{year} 年 {int(part)} 月", f"{calendar.month_name[int(part)]} {year}")


def point(result: Result, names: Names) -> Point:
    """A result as a point of a chart; hollow where the sample is small or nothing is judged."""
    told = figure(result, names)
    none = Text.of(names.words["mark"]["none"])
    hollow = told.small or result.target is None
    shown = Text.same(told.value) if told.value else none
    return Point(told.period, decimal(result.shown), shown, told.counts, told.verdict, hollow)


def lists(result: Result, names: Names) -> Iterator[Listing]:
    """The lists of records behind a result: together they are all its candidates."""
    met = set(result.contributing)
    rest = tuple(name for name in result.counted if name not in met)
    sides = {"numerator": result.contributing, "denominator": rest} if result.is_ratio else {"counted": result.counted}
    for name, members in sides.items():
        rows = tuple(row(member, None, None, names) for member in members)
        yield Listing(name, Text.of(names.words["list"][name]), rows, reasons=False)
    rows = tuple(row(item.id, item.part, item.text, names) for item in result.excluded)
    yield Listing("excluded", Text.of(names.words["list"]["excluded"]), rows, reasons=True)


def row(name: str, part: str | None, reason: Text | None, names: Names) -> Row:
    """A list row, one and the same wherever it is listed. What is no record itself is named after one
    (`MTG-2026-0008#2`, `OB-02/PRJ-2026-001/2026-03`): the page is the record's or the duty's own."""
    key = name, part, reason
    found = names.rows.get(key)
    if found is None:
        found = names.rows[key] = _row(name, part, reason, names)
    return found


def _row(name: str, part: str | None, reason: Text | None, names: Names) -> Row:
    titles = names.directory.titles
    record = name if name in titles else next((word for word in re.split("[#/]", name) if word in titles), "")
    known = titles.get(record)
    shown = f"{name} #{part}" if part else name
    if known is None:
        return Row(shown, "", names.duties.get(name, ""), None, "", None, reason)
    status = names.schemas[known.type].states.get(known.status)
    title = Text.of(names.words["mark"]["restricted"]) if known.restricted else Text.same(known.title)
    page = names.duties.get(name, f"records/{record}.html")
    return Row(shown, record, page, title, known.date, status, reason)


def slices(dimensions: Mapping[str, tuple[Sequence[Result], int]], names: Names) -> Iterator[Slice]:
    """A KPI by each dimension, members without any candidate left out."""
    for dimension, (results, count) in dimensions.items():
        rows = tuple(
            SliceRow(*_member(result, dimension, names), figure(result, names))
            for result in results
            if result.sample or result.excluded_count
        )
        if rows:
            yield Slice(dimension, Text.of(names.words["slice"][dimension]), rows, count - len(results))


def _member(result: Result, dimension: str, names: Names) -> tuple[Text, str]:
    """(name, record id) of a member of a dimension: a record by its title, a code by its label."""
    member = result.slice
    if member is None:
        return Text.of(names.words["mark"]["absent"]), ""
    known = names.directory.titles.get(member)
    if known is not None:
        return Text.same(known.title or member), member
    for pack in (*result.packs, result.pack):
        label = names.directory.term(pack, dimension, member) or names.directory.item(pack, member)
        if label is not None:
            return label, ""
    fields = (field for schema in names.schemas.values() for field in schema.walk() if field.name == dimension)
    return next((field.enum[member] for field in fields if member in field.enum), Text.same(member)), ""
