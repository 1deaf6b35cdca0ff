"""KPI cases: tables of `tests/cases/kpi/*.yaml` → complete records → a store as known at a moment → figures.

A case names only what its figures depend on; `made_records` fills in the rest of each record.
`landed` says what the history tells of records: when each landed, and when it was backfilled. `expect` lists figures;
`variants` repeat the case with other parameters (`packs`), waivers or another moment.
"""

from __future__ import annotations

import atexit
import datetime
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml

from kelu import check, kpi
from kelu.git import MemoryTree
from kelu.intake import Intake, take_in
from kelu.policy import Policy
from kelu.store import Store
from made_records import Loader, dumped, files, records
from repository import rulebook_files

CASES = Path(__file__).parent / "cases/kpi"
CHANGES = ("packs", "entries", "kpis", "files")  # what a case or variant may change of the rulebook
CHECKED_AT = datetime.datetime.fromisoformat("2028-01-31T12:00:00+08:00")  # after every stamp of every case
Made = TypeVar("Made")


def once(make: Callable[..., Made]) -> Callable[..., Made]:
    """Keeps what was made until the program ends, but no longer: DuckDB complains of connections that outlive it."""
    kept = cache(make)
    atexit.register(kept.cache_clear)
    return kept


# --- stores ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """Records as known at a moment, ready to be asked for figures."""

    store: Store
    policy: Policy
    intake: Intake
    book: check.Rulebook
    as_of: datetime.datetime

    def figures(self, code: str, period: str, policy: Policy | None = None, **more: Any) -> list[kpi.Result]:
        return kpi.evaluate(self.store, policy or self.policy, [code], period, self.as_of, "c0ffee", **more)

    def figure(self, code: str, period: str, policy: Policy | None = None, **more: Any) -> kpi.Result:
        (result,) = self.figures(code, period, policy, **more)
        return result


def rulebook(changes: Mapping[str, Any]) -> dict[str, bytes]:
    """This repository's schemas, policies and configuration with some of it changed: parameters in `packs` by
    pack and dotted key, `entries` added to a pack's sections, `kpis` of a pack by code, `files` as a whole. Nothing is
    waived but by these."""
    changed = {path: raw for path, raw in rulebook_files().items() if path != "config/waivers.yaml"}
    for pack, parameters in changes.get("packs", {}).items():
        path = f"policies/{pack}/pack.yaml"
        data = yaml.load(changed[path], Loader)
        for key, value in parameters.items():
            *parents, last = key.split(".")
            node = data.setdefault("parameters", {})
            for parent in parents:
                node = node.setdefault(parent, {})
            node[last] = value
        changed[path] = dumped(data)
    for pack, sections in changes.get("entries", {}).items():
        path = f"policies/{pack}/pack.yaml"
        data = yaml.load(changed[path], Loader)
        for section, more in sections.items():
            data[section] = {**data[section], **more}
        changed[path] = dumped(data)
    for pack, definitions in changes.get("kpis", {}).items():
        path = f"policies/{pack}/kpis.yaml"
        data = yaml.load(changed[path], Loader)
        data["kpis"] = [{**item, **definitions.get(item["code"], {})} for item in data["kpis"]]
        changed[path] = dumped(data)
    for path, data in changes.get("files", {}).items():
        changed[path] = dumped(data)
    return changed


@once
def opened(changes: str) -> check.Rulebook:
    """The rulebook with some changes, given as JSON."""
    return check.open_book(MemoryTree(rulebook(json.loads(changes))))


def known(
    found: Mapping[str, bytes],
    as_of: str,
    changes: Mapping[str, Any] | None = None,
    codes: frozenset[str] | None = None,
    landed: Mapping[str, Mapping[str, str]] | None = None,
) -> Known:
    """Record files under this repository's rulebook, as known at a moment; ready for some KPIs (None: for all)."""
    book = opened(json.dumps(changes or {}))
    # A case may put a pack in force before its day (POL-03).
    assert [item for item in book.findings if item.code != "POL-03"] == [], book.findings
    store = check.open_cache(Path(), book, cached=False)
    intake = take_in(MemoryTree(dict(found)), book.schemas, store)
    assert intake.findings == (), intake.findings
    store.land([(name, *map(told.get, ("at", "backfilled"))) for name, told in (landed or {}).items()])
    moment = datetime.datetime.fromisoformat(as_of)
    asked = None if codes is None else kpi.names(book.policy, codes)  # a case pays only for what it stands on
    assert check.lay_policy(store, book, intake, moment, known=True, asked=asked) == []
    return Known(store, book.policy, intake, book, moment)


def errors(case: Case) -> list[Any]:
    """What `check` refuses in the records of a case."""
    tree, book = MemoryTree(files(records(case.data))), opened(json.dumps(case.changes))
    report = check.check(tree, book, check.open_cache(Path(), book, cached=False), CHECKED_AT)
    return [item for item in report.findings if item.severity == "error" and item.path.startswith("records/")]


# --- cases -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """One table under one set of parameters at one moment, with the figures it must give."""

    name: str
    data: Mapping[str, Any]
    as_of: str
    changes: Mapping[str, Any]
    expect: tuple[Mapping[str, Any], ...]

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(expected["kpi"] for expected in self.expect)

    def prepare(self) -> Known:
        return known(files(records(self.data)), self.as_of, self.changes, self.codes, self.data.get("landed"))


@cache
def cases() -> tuple[Case, ...]:
    """Every case and variant of `tests/cases/kpi`."""
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        data = yaml.load(path.read_text("utf-8"), Loader)
        base = {key: data[key] for key in CHANGES if key in data}
        found.append(Case(path.stem, data, data["as_of"], base, tuple(data["expect"])))
        for place, variant in enumerate(data.get("variants", ())):
            changes = {key: {**base.get(key, {}), **variant.get(key, {})} for key in CHANGES}
            found.append(
                Case(f"{path.stem}-{variant.get('name', place)}", data, variant.get("as_of", data["as_of"]), changes,
                     tuple(variant["expect"]))
            )  # fmt: skip
    return tuple(found)


@once
def prepared(name: str) -> Known:
    """A case's store, made ready once for all that ask."""
    (case,) = [case for case in cases() if case.name == name]
    return case.prepare()


def differs(expected: Mapping[str, Any], results: list[kpi.Result]) -> str:
    """How figures differ from what a case expects of them, or an empty text."""
    wanted = expected.get("slices", {expected.get("slice"): expected})
    got = {result.slice: result for result in results}
    if set(got) != set(wanted):
        return f"slices {sorted(map(str, got))} instead of {sorted(map(str, wanted))}"
    for name, keys in wanted.items():
        wordless = [item.reason for item in got[name].excluded if item.text.zh == item.reason]
        if wordless:
            return f"no words for {wordless}"
        shown = _said(got[name])
        for key, value in ({"provisional": False} | dict(keys)).items():
            if key in shown and shown[key] != value:
                return f"{key} is {shown[key]!r} instead of {value!r}"
            if key == "not" and shown["shown"] in value:
                return f"the wrong answer {shown['shown']}"
    return ""


def _said(result: kpi.Result) -> dict[str, Any]:
    return {
        "shown": result.shown,
        "value": None if result.value is None else str(result.value),
        "num": None if result.numerator is None else str(result.numerator),
        "den": None if result.denominator is None else str(result.denominator),
        "unit": result.unit,
        "target": None if result.target is None else f"{result.target_op} {result.target_shown}",
        "verdict": result.verdict.value,
        "official": result.official,
        "provisional": result.provisional,
        "sample": result.sample,
        "pack": result.pack,
        "withheld": result.withheld and result.withheld.zh,
        "packs": list(result.packs),
        "counted": sorted(result.counted),
        "contributing": sorted(result.contributing),
        "excluded": sorted(f"{e.id}{'#' + e.part if e.part else ''} {e.reason}" for e in result.excluded),
    }


def ask(case: Known, expected: Mapping[str, Any], policy: Policy | None = None) -> list[kpi.Result]:
    """The figures a case's expectation speaks of; with records only where it names some."""
    said = [expected, *expected.get("slices", {}).values()]
    behind = any({"counted", "contributing", "excluded"} & set(item) for item in said)
    return case.figures(expected["kpi"], expected["period"], policy, by=expected.get("by"), records=behind)
