"""Types so voluminous that the pack gives them no pages: their records are rows of their ledger, and nothing else."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import voluminous
from kelu import check, demo
from kelu.git import MemoryTree
from kelu.pages import place
from kelu.pages.shell import SiteError
from repository import own_records, rulebook, rulebook_files
from site_build import Page, broken_links, ledger_rows, own_site

INCIDENTS = sorted(Path(path).stem for path in own_records() if path.startswith("records/incidents/"))
TO_PAGE = re.compile(r"\bINC-\d{4}-\d{5}\.html")


def files(site: Path) -> dict[str, bytes]:
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}


def test_only_the_ledger_shows_such_a_record() -> None:
    pages = {path.stem for path in (voluminous.site() / "records").iterdir()}
    assert pages == {Path(path).stem for path in own_records()} - set(INCIDENTS)
    assert sorted(row["id"]["id"] for row in ledger_rows(voluminous.site(), "incident")) == INCIDENTS
    csv = (voluminous.site() / "data/incident.csv").read_text("utf-8")
    assert [name for name in INCIDENTS if name not in csv] == []


def test_every_link_to_one_leads_to_its_row_and_no_link_is_dead() -> None:
    """Of every page that could lead to one: both languages, records, figures, duties, audit, charts, findings."""
    site = voluminous.site()
    assert broken_links(site) == []
    wrong, leading = [], set()
    for path in site.rglob("*.html"):
        links = [value for _, value in Page(path).attributes("href") if "INC-" in value and ":" not in value]
        name = path.relative_to(site)
        wrong += [(name, value) for value in links if TO_PAGE.search(value)]
        leading |= {name.parts[:-1] for value in links if "ledgers/incident.html?id=INC-" in value}
    assert wrong == []
    own = {("kpi",), ("duty",), ("ledgers",)}
    assert {("records",), *own, *(("en", *name) for name in own)} <= leading


def test_without_the_setting_each_has_its_page() -> None:
    assert [name for name in INCIDENTS if not (own_site() / f"records/{name}.html").is_file()] == []
    assert not any("incident.html?id=" in path.read_text("utf-8") for path in (own_site() / "records").iterdir())


def test_the_search_says_what_it_does_not_hold() -> None:
    for name, words in (("search.html", "没有各自的网页"), ("en/search.html", "no pages of their own")):
        assert words in Page(voluminous.site() / name).text
        assert words not in Page(own_site() / name).text
        assert ("a", "ledgers/incident.html") in Page(voluminous.site() / name).attributes("href")


def test_pages_go_once_the_setting_comes_and_come_back_with_it_gone(tmp_path: Path) -> None:
    """The site is brought up to date in place, to the bytes of a clean build; twice, as two trees take turns."""
    shutil.copytree(own_site(), tmp_path / "public")
    shutil.copytree(own_site().parent / "build", tmp_path / "build")
    for _ in range(2):
        assert files(voluminous.build(tmp_path, ledger=True)) == files(voluminous.site())
    assert files(voluminous.build(tmp_path, ledger=False)) == files(own_site())


@pytest.mark.parametrize(
    ("path", "line", "code", "says"),
    [
        (voluminous.PACK, "pages: {incidents: ledger}", "POL-02", "record type named 'incidents'"),
        ("policies/csp-14@A0/pack.yaml", "pages: {incident: ledger}", "POL-13", "practice@1"),
    ],
)
def test_a_setting_that_would_do_nothing_is_found_at_its_line(path: str, line: str, code: str, says: str) -> None:
    text = rulebook_files()[path].decode()
    found = list(check.open_book(MemoryTree({**rulebook_files(), path: f"{text}{line}\n".encode()})).findings)
    assert [(item.code, item.path, item.line) for item in found] == [(code, path, text.count("\n") + 1)]
    assert line[found[0].column - 1 :] == "ledger}"
    assert says in found[0].message.en


def test_a_type_without_a_ledger_is_refused() -> None:
    ledgers: dict[str, Any] = {"complaint": {"type": "complaint"}}
    with pytest.raises(SiteError, match="incident"):
        place.places(voluminous.policy(), rulebook().schemas.records, ledgers)
    assert place.places(replace(rulebook().policy, defaults=""), rulebook().schemas.records, {}).types == {}


def test_what_forms_and_samples_load_tells_the_types() -> None:
    held = json.loads((voluminous.site() / "data/form/directory.json").read_text("utf-8"))
    assert held["in_ledgers"] == {"incident": "ledgers/incident.html"}
    assert json.loads((own_site() / "data/form/directory.json").read_text("utf-8"))["in_ledgers"] == {}


def test_a_demonstration_of_many_incidents_sets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo.create(tmp_path / "small", 60, 1)
    small = (tmp_path / "small" / voluminous.PACK).read_bytes()
    assert small == rulebook_files()[voluminous.PACK]
    monkeypatch.setattr(demo, "_MANY", 5)
    demo.create(tmp_path / "large", 60, 1)
    large = (tmp_path / "large" / voluminous.PACK).read_bytes()
    assert large.startswith(small)
    assert large.decode().endswith(f"\n{voluminous.LINE}")
    book = check.open_book(MemoryTree({**rulebook_files(), voluminous.PACK: large}))
    assert list(book.findings) == []
    assert book.policy.in_ledgers == ["incident"]
