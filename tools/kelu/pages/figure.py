"""Figures: one KPI result in words and numbers, its lists of records and its slices — every name past privacy."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Figure:
    """One result, ready to print."""

    period: str
    period_text: str
    value: str | None
    numerator: str
    denominator: str
    counts: str
    sample: int
    excluded_count: int
    target_text: str
    verdict: str
    provisional: bool
    small: bool
    withheld: str


@dataclass(frozen=True, slots=True)
class Row:
    """A record in a list, a part of one, or a duty about one. `page` is empty where it has none."""

    id: str
    record: str
    page: str
    title: str
    date: str
    status: str
    reason: str


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

    name: str
    record: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class Slice:
    """A KPI by the members of one dimension."""

    label: Text
    rows: tuple[SliceRow, ...]


def figure(result: Result, names: Names) -> Figure:
    """A result in words and numbers."""
    unit = names.words["unit"][result.unit]["zh"]
    space = "" if result.unit == "percent" else " "
    sign = names.words["op"][result.target_op]["zh"] if result.target_op else ""
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
        target_text=f"{sign} {result.target_shown}{space}{unit}" if result.target_shown else "",
        verdict=result.verdict.value,
        provisional=result.provisional,
        small=result.small,
        withheld=result.withheld.zh if result.withheld else "",
    )


def decimal(text: str | None) -> Decimal | None:
    """A shown number, for drawing."""
    return None if text is None else Decimal(text)


def _amount(number: Fraction | None) -> str:
    """A sum as text: whole, or with two places."""
    if number is None:
        return ""
    return str(number) if number.denominator == 1 else f"{float(number):.2f}"


def period_text(period: str) -> str:
    """2026-Q1 → 2026 年第 1 季度, 2026-03 → 2026 年 3 月."""
    year, _, part = period.partition("-")
    if not part:
        return f"{year} 年"
    if part[0] == "H":
        return f"{year} 年{'上' if part == 'H1' else '下'}半年"
    if part[0] == "Q":
        return f"{year} 年第 {part[1:]} 季度"
    return f"{year} 年第 {int(part[1:])} 周" if part[0] == "W" else f"{year} 年 {int(part)} 月"


def point(result: Result, names: Names) -> Point:
    """A result as a point of a chart; hollow where the sample is small or nothing is judged."""
    told = figure(result, names)
    none = names.words["mark"]["none"]["zh"]
    hollow = told.small or result.target is None
    return Point(told.period, decimal(result.shown), told.value or none, told.counts, told.verdict, hollow)


def lists(result: Result, names: Names) -> Iterator[Listing]:
    """The lists of records behind a result: together they are all its candidates."""
    met = set(result.contributing)
    rest = tuple(name for name in result.counted if name not in met)
    sides = {"numerator": result.contributing, "denominator": rest} if result.is_ratio else {"counted": result.counted}
    for name, members in sides.items():
        rows = tuple(row(member, None, "", names) for member in members)
        yield Listing(name, text(names.words["list"][name]), rows, reasons=False)
    rows = tuple(row(item.id, item.part, item.text.zh, names) for item in result.excluded)
    yield Listing("excluded", text(names.words["list"]["excluded"]), rows, reasons=True)


def text(words: Mapping[str, str]) -> Text:
    """An entry of `words.yaml`."""
    return Text(words["zh"], words["en"])


def row(name: str, part: str | None, reason: str, names: Names) -> Row:
    """A list row. What is no record itself is named after one (`MTG-2026-0008#2`, `OB-02/PRJ-2026-001/2026-03`): the
    page is the record's or the duty's own."""
    record = next((word for word in (name, *re.split("[#/]", name)) if word in names.directory.titles), "")
    known = names.directory.titles.get(record)
    shown = f"{name} #{part}" if part else name
    if known is None:
        return Row(shown, "", names.duties.get(name, ""), "", "", "", reason)
    status = names.schemas[known.type].states.get(known.status)
    title = names.words["mark"]["restricted"]["zh"] if known.restricted else known.title
    page = names.duties.get(name, f"records/{record}.html")
    return Row(shown, record, page, title, known.date, status.zh if status else "", reason)


def slices(dimensions: Mapping[str, Sequence[Result]], names: Names) -> Iterator[Slice]:
    """A KPI by each dimension, members without any candidate left out."""
    for dimension, results in dimensions.items():
        rows = tuple(
            SliceRow(*_member(result, dimension, names), figure(result, names))
            for result in results
            if result.sample or result.excluded_count
        )
        if rows:
            yield Slice(text(names.words["slice"][dimension]), rows)


def _member(result: Result, dimension: str, names: Names) -> tuple[str, str]:
    """(name, record id) of a member of a dimension: a record by its title, a code by its label."""
    member = result.slice
    if member is None:
        return names.words["mark"]["absent"]["zh"], ""
    known = names.directory.titles.get(member)
    if known is not None:
        return known.title or member, member
    for pack in (*result.packs, result.pack):
        label = names.directory.term(pack, dimension, member) or names.directory.item(pack, member)
        if label is not None:
            return label.zh, ""
    fields = (field for schema in names.schemas.values() for field in schema.walk() if field.name == dimension)
    return next((field.enum[member].zh for field in fields if member in field.enum), member), ""
