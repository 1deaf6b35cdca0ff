"""Breakdowns: records counted by what `site/charts/*.yaml` says, as a chart with the table it stands for.

A definition is SQL over the tables of the policy and tells of each value which field of a schema it comes from. A new
chart is a new file.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import urlencode

from kelu.finding import Text
from kelu.pages import bars
from kelu.pages.axis import Axis, Member, axis
from kelu.pages.bars import Drawing, Group
from kelu.pages.figure import Names

MOST = 12  # bars of a chart beside that of the rest
PATTERNS = 6  # that the style sheet tells apart; the last is what is not known


class Queryable(Protocol):
    """What a breakdown needs of the store."""

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of the table and the ledger page that lists what it counts (empty: none can)."""

    text: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table: a member with its number for each series, all of them together, the share of all records
    (in a Pareto chart that of the rows down to here) and, where the definition asks for them, the records."""

    member: Member
    cells: tuple[Cell, ...]
    total: Cell
    share: str
    records: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """What a pattern stands for."""

    member: Member
    pattern: int


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A chart and its table. `sums` are those of the series; `adds_up` tells that the numbers are counts. `drawing` is
    None without records."""

    name: str
    kind: str
    place: str
    position: int
    title: Text
    about: Text
    head: Text
    series: tuple[Series, ...]
    lines: tuple[Line, ...]
    sums: tuple[str, ...]
    total: str
    adds_up: bool
    listed: bool
    drawing: Drawing | None


class _Tally:
    """The amounts by member and series. They are added up, or where the definition names a mean, averaged."""

    def __init__(self, mean: bool) -> None:
        self._mean = mean
        self.held: dict[tuple[Member, Member], list[Decimal]] = defaultdict(list)
        self.records: dict[Member, dict[str, None]] = defaultdict(dict)

    def add(self, member: Member, series: Member, record: str, amount: Decimal) -> None:
        self.held[member, series].append(amount)
        self.records[member][record] = None

    def of(self, members: Sequence[Member], series: Sequence[Member]) -> Decimal:
        found = [value for m in members for s in series for value in self.held.get((m, s), ())]
        return sum(found, Decimal(0)) / (len(found) if self._mean and found else 1)


def read(name: str, definition: Mapping[str, Any], store: Queryable, names: Names, day: datetime.date) -> Breakdown:
    """A breakdown on a day from its definition. Raises KeyError for a field that its record type has not."""
    title, kind, mean = Text.of(definition["title"]), definition["kind"], "mean" in definition
    groups = axis(definition["group"], definition["type"], names, day)
    single = Member((0, ""), title)
    series = Axis(title, lambda _id, _pack, _value: single)
    if "series" in definition:
        series = axis(definition["series"], definition["type"], names, day)
    tally = _Tally(mean)
    for record, pack, value, part, amount in store.query(_sql(definition, day)):
        member, other = groups.judge(record, pack, value), series.judge(record, pack, part)
        if member is not None and other is not None:
            tally.add(member, other, record, Decimal(amount))
    columns = sorted({*series.fixed, *(other for _, other in tally.held)}, key=lambda m: m.place) or [single]
    members = sorted({*groups.fixed, *tally.records}, key=lambda m: m.place)
    if definition.get("order") == "value":
        members.sort(key=lambda m: (not m.known, -tally.of([m], columns)))
    return Breakdown(
        name=name,
        kind=kind,
        place=definition["place"],
        position=definition.get("position", 100),
        title=title,
        about=Text.of(definition["about"]),
        head=groups.label,
        series=tuple(_series(columns)),
        lines=tuple(_lines(definition, tally, members, columns, day)),
        sums=tuple(bars.number(tally.of(members, [other])) for other in columns),
        total=bars.number(tally.of(members, columns)),
        adds_up=not mean,
        listed=definition.get("records", False),
        drawing=_draw(definition, list(_groups(tally, members, columns))) if tally.held else None,
    )


def by_place(
    definitions: Mapping[str, Mapping[str, Any]], store: Queryable, names: Names, day: datetime.date
) -> Mapping[str, Sequence[Breakdown]]:
    """The breakdowns of all definitions by the place where they are shown, in their order there."""
    found: dict[str, list[Breakdown]] = defaultdict(list)
    for item in (read(name, definition, store, names, day) for name, definition in definitions.items()):
        found[item.place].append(item)
    for items in found.values():
        items.sort(key=lambda item: (item.position, item.name))
    return found


def _sql(definition: Mapping[str, Any], day: datetime.date) -> str:
    """One row a counted record: its id and pack, the value it stands under, the one of its series, its amount."""
    series = definition.get("series", {}).get("sql", "NULL")
    wanted = [definition["where"]]
    if "years" in definition:
        wanted.append(f"{definition['years']['sql']} IN ({', '.join(map(str, _years(definition, day)))})")
    return (
        f"SELECT id, policy, ({definition['group']['sql']}), ({series}), ({definition.get('mean', 1)}) "
        f"FROM {definition['from']} WHERE {' AND '.join(f'({term})' for term in wanted)} ORDER BY id"
    )


def _groups(tally: _Tally, members: Sequence[Member], columns: Sequence[Member]) -> Iterator[Group]:
    """What is drawn: each member, or so many as can be taken in at a glance and the rest as one."""
    many = len(members) > MOST + 1
    for member in members[:MOST] if many else members:
        yield Group(member.label, tuple(tally.of([member], [other]) for other in columns), member.own)
    if many:
        rest = members[MOST:]
        label = Text(f"其余 {len(rest)} 项", f"{len(rest)} others")
        yield Group(label, tuple(tally.of(rest, [other]) for other in columns))


def _draw(definition: Mapping[str, Any], groups: Sequence[Group]) -> Drawing | None:
    if definition["group"].get("period") == "month":
        return bars.standing([Group(_month(g.label.zh, not i), g.values) for i, g in enumerate(groups)])
    target = Decimal(str(definition["target"])) if "target" in definition else None
    kind = definition["kind"]
    return bars.lying(groups, stacked=kind != "bars", target=target, cumulative=kind == "pareto")


def _month(name: str, first: bool) -> Text:
    """2026-03 → 03, with the year below where it begins."""
    year, _, month = name.partition("-")
    shown = f"{month}\n{year}" if first or month == "01" else month
    return Text(shown, shown)


def _series(columns: Sequence[Member]) -> Iterator[Series]:
    """Each series with its pattern: what is known takes the patterns in turn, the rest the last one."""
    for place, member in enumerate(columns):
        yield Series(member, place % (PATTERNS - 1) if member.known else PATTERNS - 1)


def _lines(
    definition: Mapping[str, Any],
    tally: _Tally,
    members: Sequence[Member],
    columns: Sequence[Member],
    day: datetime.date,
) -> Iterator[Line]:
    total, drawn = tally.of(members, columns), definition.get("series")
    whole = columns if drawn and "period" in drawn else []  # of all periods only some are counted
    for place, member in enumerate(members):
        cells = tuple(_cell(definition, tally.of([member], [s]), member, [s] if drawn else [], day) for s in columns)
        shared = tally.of(members[: place + 1] if definition["kind"] == "pareto" else [member], columns)
        yield Line(
            member=member,
            cells=cells,
            total=_cell(definition, tally.of([member], columns), member, whole, day),
            share=f"{float(shared / total) * 100:.1f}%" if total and "mean" not in definition else "",
            records=tuple(tally.records[member]) if definition.get("records") else (),
        )


def _cell(
    definition: Mapping[str, Any], amount: Decimal, member: Member, series: Sequence[Member], day: datetime.date
) -> Cell:
    """A number, with a link to the ledger narrowed to what it counts; without one where a ledger cannot be asked."""
    asked = [(definition["group"].get("column"), [member.wanted])]
    if series:
        asked.append((definition["series"].get("column"), [item.wanted for item in series]))
    if "years" in definition:
        asked.append((definition["years"]["column"], [str(year) for year in _years(definition, day)]))
    linked = amount and "ledger" in definition and all(column and all(values) for column, values in asked)
    query = urlencode({**definition.get("filter", {}), **{str(column): values for column, values in asked}}, doseq=True)
    return Cell(bars.number(amount), f"ledgers/{definition['ledger']}.html?{query}" if linked else "")


def _years(definition: Mapping[str, Any], day: datetime.date) -> range:
    """The years that a definition is about: the one of the day and those before it."""
    return range(day.year - definition["years"]["last"] + 1, day.year + 1)
