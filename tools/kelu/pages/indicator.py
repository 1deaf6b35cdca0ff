"""Indicator pages: every KPI in force with its trend, slices and lists, and the files to download."""

from __future__ import annotations

import datetime
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from kelu import kpi, periods, privacy
from kelu.finding import Text
from kelu.kpi import Series
from kelu.pages import cells, chart, clause, restated
from kelu.pages.chart import Chart
from kelu.pages.data import File, key
from kelu.pages.figure import Figure, Listing, Names, Slice, decimal, figure, lists, point, slices
from kelu.pages.parameter import Setting, Settings
from kelu.pages.record import Counted
from kelu.pages.restated import Section
from kelu.policy import Policy
from kelu.restate import Outcome
from kelu.store import Store, Table
from kelu.store.parquet import parquet

# Columns of the downloads, with their SQL types.
_TABLE = {
    "code": "VARCHAR", "title": "VARCHAR", "formula": "VARCHAR", "clause": "VARCHAR", "basis": "VARCHAR",
    "period": "VARCHAR", "numerator": "DOUBLE", "denominator": "DOUBLE", "value": "DOUBLE", "unit": "VARCHAR",
    "target": "VARCHAR", "verdict": "VARCHAR", "excluded": "BIGINT", "provisional": "BOOLEAN", "as_of": "VARCHAR",
}  # fmt: skip
SHOWN = 100  # rows of a list and members of a dimension on a page; the downloads and `kelu kpi --by` tell all
_LISTED = dict.fromkeys(("list", "id", "title", "date", "status", "reason"), "VARCHAR")


@dataclass(frozen=True, slots=True)
class Indicator:
    """A KPI to publish, with the parameters that it uses."""

    series: Series
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class View:
    """Everything a KPI's page and card show; `now` is its headline."""

    code: str
    title: Text
    formula: Text
    note: Text | None
    clause: str
    basis: str
    target_basis: str
    pack: str
    pack_title: Text
    pack_page: str
    settings: tuple[Setting, ...]
    unit: Text
    as_of: str
    as_of_text: str
    sql: str
    now: Figure
    bullet: tuple[float, float | None] | None
    bars: bool
    chart: Chart | None
    chart_kind: Text
    official_kind: Text
    official: tuple[Figure, ...]
    finer_kind: Text | None
    finer: tuple[Figure, ...]
    slices: tuple[Slice, ...]
    lists: tuple[Listing, ...]
    past: Section

    @property
    def page(self) -> str:
        return f"kpi/{self.code}.html"


@dataclass(frozen=True, slots=True)
class Group:
    """Cards under one heading of the home page."""

    anchor: str
    title: Text
    about: Text
    large: bool
    kpis: tuple[View, ...]


def gather(
    store: Store, policy: Policy, settings: Settings, as_of: datetime.datetime, commit: str | None
) -> list[Indicator]:
    """Every KPI in force at `as_of`, from a store laid as known then."""
    return [
        Indicator(item, settings.used(_spelled(item.definition.data), item.definition.pack))
        for item in kpi.series(store, policy, as_of, commit, SHOWN)
    ]


def _spelled(data: Mapping[str, Any]) -> str:
    """All the SQL of a definition."""
    return "\n".join(f"{key}: {value}" for key, value in data.items() if isinstance(value, str))


def view(item: Indicator, names: Names, outcome: Outcome | None = None) -> View:
    """What is shown of a KPI; `outcome` says which of its figures are restated."""
    told, kinds = item.series, names.words["period"]
    result, kind = told.result, told.definition.data["period"]
    now = figure(result, names)
    ceiling = Decimal(100) if result.unit == "percent" else None
    value, target = decimal(result.shown), decimal(result.target_shown)
    bars = result.unit == "count"
    series = told.finer or told.official
    moment = result.as_of.astimezone(periods.SHANGHAI)
    return View(
        code=result.code,
        title=result.title,
        formula=result.formula,
        note=result.note,
        clause=result.clause or "",
        basis=result.basis,
        target_basis=result.target_basis or "",
        pack=result.pack,
        pack_title=names.directory.packs.get(result.pack, Text.same(result.pack)),
        pack_page=f"{clause.page_of(result.pack)}.html",
        settings=item.settings,
        unit=Text.of(names.words["unit"][result.unit]),
        as_of=moment.isoformat(timespec="seconds"),
        as_of_text=privacy.moment(moment)[1],
        sql=result.sql,
        now=now,
        bullet=None if target is None or bars else chart.bullet(value, target, _room(value, target, ceiling)),
        bars=bars,
        chart=chart.trend(
            [point(entry, names) for entry in series], ceiling=ceiling, target=target, target_text=now.target_text
        ),
        chart_kind=Text.of(kinds[series[0].period.kind]),
        official_kind=Text.of(kinds[kind]),
        official=tuple(figure(entry, names) for entry in told.official),
        finer_kind=Text.of(kinds[told.finer[0].period.kind]) if told.finer else None,
        finer=tuple(figure(entry, names) for entry in told.finer),
        slices=tuple(slices(told.slices, names)),
        lists=tuple(lists(result, names)),
        past=restated.section(outcome, result.code, (kind, kpi.FINER.get(kind, "")), names),
    )


def _room(value: Decimal | None, target: Decimal, ceiling: Decimal | None) -> Decimal:
    """How long a gauge is: to the ceiling, else some way beyond what it has to show."""
    return ceiling or max(value or target, target, Decimal("0.01")) * Decimal("1.25")


def groups(views: Sequence[View], plan: Sequence[Mapping[str, Any]]) -> Iterator[Group]:
    """The KPIs under the headings of `site.yaml`; each stands once, the last heading takes what is left."""
    left = list(views)
    for entry in plan:
        taken = [item for item in left if entry is plan[-1] or _belongs(item, entry)]
        left = [item for item in left if item not in taken]
        if taken:
            title, about = Text.of(entry["title"]), Text.of(entry["about"])
            yield Group(entry["anchor"], title, about, entry.get("large", False), tuple(taken))


def _belongs(item: View, entry: Mapping[str, Any]) -> bool:
    if "basis" in entry:
        return item.basis == str(entry["basis"])
    return item.code.partition("-")[0] in entry["prefixes"]


def membership(views: Iterable[View], only: Collection[str] | None = None) -> dict[str, list[Counted]]:
    """For each record (of these), the KPI lists it stands in."""
    found: dict[str, list[Counted]] = {}
    for item in views:
        for listing in item.lists:
            rows = ((row.record, row.reason) for row in listing.rows if row.record)
            for name, reason in dict.fromkeys(row for row in rows if only is None or row[0] in only):
                counted = Counted(item.code, item.title, item.now.period_text, listing.label, reason)
                found.setdefault(name, []).append(counted)
    return found


def files(views: Sequence[View], words: Mapping[str, Any], ground: str) -> Iterator[File]:
    """The downloads: the whole table and each KPI with its lists, as JSON, CSV and Parquet; `ground` tells of the
    program that makes them."""
    summaries = [_summary(item) for item in views]
    yield File("kpi.json", partial(_json, summaries))
    table = [tuple(summary[name] for name in _TABLE) for summary in summaries]
    yield File("kpi.csv", partial(cells.as_csv, list(_TABLE), table))
    filled = [tuple(value if value != "" else None for value in row) for row in table]
    yield File("kpi.parquet", partial(parquet, Table(_TABLE, filled)))
    told: dict[int, tuple[str, ...]] = {}  # most records are on the lists of many KPIs, and each is one row there
    for row in (row for item in views for listing in item.lists for row in listing.rows):
        if id(row) not in told:
            told[id(row)] = row.id, _zh(row.title), row.date, _zh(row.status), _zh(row.reason)
    head = [words["column"][name]["zh"] for name in _LISTED]
    for item, summary in zip(views, summaries, strict=True):
        rows = [(listing.label.zh, *told[id(row)]) for listing in item.lists for row in listing.rows]
        made_from = key(ground, head, rows)
        yield File(f"kpi/{item.code}.json", partial(_whole, item, summary))
        yield File(f"kpi/{item.code}.csv", partial(cells.as_csv, head, rows), made_from)
        yield File(f"kpi/{item.code}.parquet", partial(parquet, Table(_LISTED, rows)), made_from)


def _whole(item: View, summary: Mapping[str, Any]) -> bytes:
    """A KPI with its lists and trend."""
    members = {
        listing.name: [{"id": row.id, "reason": _zh(row.reason)} if listing.reasons else row.id for row in listing.rows]
        for listing in item.lists
    }
    trend = [
        {"period": f.period, "value": f.value, "numerator": f.numerator, "denominator": f.denominator,
         "verdict": f.verdict}
        for f in (*item.official, *item.finer)
    ]  # fmt: skip
    return _json({**summary, "lists": members, "trend": trend, "sql": item.sql})


def _summary(item: View) -> dict[str, Any]:
    now = item.now
    return {
        "code": item.code, "title": item.title.zh, "title_en": item.title.en, "formula": item.formula.zh,
        "clause": item.clause, "basis": item.basis, "pack": item.pack, "period": now.period,
        "numerator": now.numerator, "denominator": now.denominator, "sample": now.sample, "value": now.value,
        "unit": item.unit.zh, "target": _zh(now.target_text), "target_basis": item.target_basis, "verdict": now.verdict,
        "excluded": now.excluded_count, "provisional": now.provisional, "as_of": item.as_of,
    }  # fmt: skip


def _zh(text: Text | None) -> str:
    return text.zh if text else ""


def _json(content: Any) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()
