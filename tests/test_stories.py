"""Stories: for each source policy a company that runs under that pack alone for a year, and what comes of it.

`tests/stories/<pack>/` holds `config/` (the pack for every domain it rules, staff, waivers) and `records/` of the
year; schemas, packs and calendar are this repository's. `expected.yaml` tells what must come out:

    moments:
      - as_of: "2025-12-31T23:59:59+08:00"
        duties: {OB-02/PRJ-2025-001/2025-Q1: satisfied, …}     # every duty there is, and its state
        kpis: [{code: CMP-04, period: "2025", shown: "75.00 %", num: 3, den: 4}]
      - as_of: "2026-02-15T12:00:00+08:00"
        some_duties: {OB-44/company/2025: satisfied}           # only these are looked at
    unshown: [CSP:5.3]                                         # clauses that no record of the year can show
    terms: {complaint_ledger: 顾客投诉管理台账}                  # how the pack calls documents
    roles: {qa_manager: 质量管理部经理}                          # and people
    broken:                                                    # one value changed, and what is then found
      - {path: records/…, old: …, new: …, finding: "12:3 R-CMP-09"}
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from kelu import check, kpi, trace
from kelu.git import MemoryTree
from kelu.intake import Intake, take_in
from kelu.store import Store
from kpi_cases import once
from made_records import Loader
from repository import ROOT, rulebook_files

STORIES = Path(__file__).parent / "stories"
SOURCE_PACKS = sorted(path.name for path in (ROOT / "policies").iterdir() if (path / "clauses.yaml").is_file())
PACKS = [pack for pack in SOURCE_PACKS if (STORIES / pack).is_dir()]


@dataclass(frozen=True, slots=True)
class Story:
    """A company under one pack: its files with the rulebook, and what is expected of it."""

    pack: str
    files: Mapping[str, bytes]
    expected: Mapping[str, Any]

    def __str__(self) -> str:
        return self.pack


@cache
def story(pack: str) -> Story:
    folder = STORIES / pack
    own = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*/*.yaml")}
    shared = {
        path: raw
        for path, raw in rulebook_files().items()
        if not path.startswith("config/") or path.startswith("config/calendar/")
    }
    expected = yaml.load((folder / "expected.yaml").read_text("utf-8"), Loader)
    return Story(pack, {**shared, **own}, expected)


@once
def known(pack: str, as_of: str) -> tuple[check.Rulebook, Store]:
    """The story's rulebook and a store of its records as known at a moment."""
    tree = MemoryTree(dict(story(pack).files))
    book = check.open_book(tree)
    store, intake = _stored(tree, book)
    assert check.lay_policy(store, book, intake, datetime.datetime.fromisoformat(as_of), known=True) == []
    return book, store


def _stored(tree: MemoryTree, book: check.Rulebook) -> tuple[Store, Intake]:
    store = check.open_cache(Path(), book, cached=False)
    return store, take_in(tree, book.schemas, store)


def _found(files: Mapping[str, bytes], as_of: str) -> list[str]:
    tree = MemoryTree(dict(files))
    book = check.open_book(tree)
    store = check.open_cache(Path(), book, cached=False)
    report = check.check(tree, book, store, datetime.datetime.fromisoformat(as_of))
    store.close()
    return [f"{item.path}:{item.line}:{item.column} {item.code}" for item in report.findings]


def _moments() -> list[tuple[str, Mapping[str, Any]]]:
    return [(pack, moment) for pack in PACKS for moment in story(pack).expected["moments"]]


def _named(value: object) -> str:
    return value if isinstance(value, str) else str(value["as_of"])[:10] if isinstance(value, dict) else ""


def test_every_source_pack_has_a_story() -> None:
    assert PACKS == SOURCE_PACKS


@pytest.mark.parametrize("pack", PACKS)
def test_pack_rules_alone(pack: str) -> None:
    """The story names no other source pack, neither for the company nor for a customer."""
    book = check.open_book(MemoryTree(dict(story(pack).files)))
    assert {name for _, name, _, _ in book.policy.composition()} == {pack}
    assert not book.policy.allowances
    declared = set(book.policy.packs[pack].source.data["domains"])
    assert {domain for domain, _, _, _ in book.policy.composition()} == declared


@pytest.mark.parametrize("pack", PACKS)
def test_year_is_sound(pack: str) -> None:
    last = story(pack).expected["moments"][-1]["as_of"]
    assert _found(story(pack).files, last) == []


@pytest.mark.parametrize(("pack", "moment"), _moments(), ids=_named)
def test_duties(pack: str, moment: Mapping[str, Any]) -> None:
    _, store = known(pack, moment["as_of"])
    states = dict(store.query("SELECT id, state FROM duty"))
    if "duties" in moment:
        assert states == moment["duties"]
    wanted = moment.get("some_duties", {})
    assert {name: states.get(name) for name in wanted} == wanted


@pytest.mark.parametrize(("pack", "moment"), _moments(), ids=_named)
def test_kpis(pack: str, moment: Mapping[str, Any]) -> None:
    book, store = known(pack, moment["as_of"])
    at = datetime.datetime.fromisoformat(moment["as_of"])
    found = []
    for wanted in moment.get("kpis", ()):
        results = kpi.evaluate(store, book.policy, [wanted["code"]], wanted["period"], at, None)
        given = [
            {"code": r.code, "period": r.period.label, "shown": r.shown, "num": r.numerator, "den": r.denominator}
            for r in results
        ]
        found.append([{key: item[key] for key in wanted} for item in given])
    assert found == [[wanted] for wanted in moment.get("kpis", ())]


@pytest.mark.parametrize("pack", PACKS)
def test_every_kpi_of_the_pack_has_an_expected_figure(pack: str) -> None:
    book = check.open_book(MemoryTree(dict(story(pack).files)))
    told = {item["code"] for moment in story(pack).expected["moments"] for item in moment.get("kpis", ())}
    assert {item.data["code"] for item in book.policy.packs[pack].kpis} <= told


@pytest.mark.parametrize("pack", PACKS)
def test_every_obligation_of_the_pack_is_met_or_missed(pack: str) -> None:
    """Each obligation of the pack comes about in its story, in a state that says something."""
    book = check.open_book(MemoryTree(dict(story(pack).files)))
    states: dict[str, set[str]] = {}
    for moment in story(pack).expected["moments"]:
        for name, state in {**moment.get("duties", {}), **moment.get("some_duties", {})}.items():
            states.setdefault(name.partition("/")[0], set()).add(state)
    optional = set(story(pack).expected.get("optional", ()))
    silent = {
        item.data["id"]
        for item in book.policy.packs[pack].obligations
        if not states.get(item.data["id"], set()) - {"not_due", "due_soon"}
    }
    assert silent == optional


@pytest.mark.parametrize("pack", PACKS)
def test_every_clause_is_kept_by_the_pack_alone(pack: str) -> None:
    """Each has a mechanism that works without another source policy, and records that show it but for those listed."""
    expected = story(pack).expected
    book, store = known(pack, expected["moments"][-1]["as_of"])
    clauses = [c for c in trace.trace(store, book.policy, book.schemas, trace.files_in(ROOT)) if c.in_force]
    assert {clause.pack for clause in clauses} == {pack}
    assert [clause.id for clause in clauses if not clause.kept] == []
    assert [clause.id for clause in clauses if trace.Gap.UNSHOWN in clause.gaps] == expected.get("unshown", [])


@pytest.mark.parametrize("pack", PACKS)
def test_documents_and_roles_have_the_packs_names(pack: str) -> None:
    data = check.open_book(MemoryTree(dict(story(pack).files))).policy.packs[pack].source.data
    for section in ("terms", "roles"):
        wanted = story(pack).expected[section]
        assert {key: data[section][key]["zh"] for key in wanted} == wanted


@pytest.mark.parametrize("pack", PACKS)
def test_breaking_a_record_is_found(pack: str) -> None:
    last = story(pack).expected["moments"][-1]["as_of"]
    for change in story(pack).expected["broken"]:
        files = dict(story(pack).files)
        text = files[change["path"]].decode()
        assert text.count(change["old"]) == 1, change
        files[change["path"]] = text.replace(change["old"], change["new"]).encode()
        assert _found(files, last) == [f"{change['path']}:{change['finding']}"], change
