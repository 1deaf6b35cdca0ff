"""Restatements: real histories in which the past is entered late, corrected or made void; every figure by hand."""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from kelu import check, git, intake, kpi, privacy, restate
from kelu.history.index import open_history
from kelu.pages import indicator
from kelu.pages.figure import Names
from kelu.pages.template import Templates
from made_records import Record, complaint, customer, files, report
from repository import rulebook_files
from site_build import SITE
from test_at import commit, say

# March 2026 closes ten working days after its end: 1-3, 7-10 and 13-15 April, as the 6th is a holiday.
CLOSE = "2026-04-15T23:59:59+08:00"
KPIS = "policies/practice@1/kpis.yaml"


def made(number: int, received: str, acknowledged: str, **more: Any) -> list[Record]:
    """A complaint of minor severity: to be acknowledged within a day, or it is late (CMP-02)."""
    return list(complaint({"n": number, "received": received, "severity": "minor", "acknowledged": acknowledged,
                           "also": more}))  # fmt: skip


IN_TIME = made(1, "2026-03-02 10:00", "2026-03-02 11:00")
LATE = made(2, "2026-03-03 10:00", "2026-03-09 10:00")
FORGOTTEN = made(3, "2026-03-20 10:00", "2026-03-27 10:00", registered_at="2026-05-06T09:00:00+08:00")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A foundation of January, two complaints of March entered in March, one of two acknowledged in time."""
    home = tmp_path_factory.mktemp("restate") / "home"
    home.mkdir()
    git.run(home, "init", "-q", "--initial-branch=main")
    commit(home, {**rulebook_files(), **files([customer(1)])}, "2026-01-05T18:00:00+08:00")
    commit(home, files([*IN_TIME, *LATE]), "2026-03-10T18:00:00+08:00")
    return home


@pytest.fixture
def home(base: Path, tmp_path: Path) -> Path:
    shutil.copytree(base, tmp_path / "home")
    return tmp_path / "home"


def restated(home: Path, period: str, *codes: str) -> dict[str, Any]:
    done = say(home, "restate", period, *codes, "--format", "json")
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout_bytes))


def rows(home: Path, period: str, *codes: str) -> dict[str, dict[str, Any]]:
    return {row["code"]: row for row in restated(home, period, *codes)["restatements"]}


def sums(row: Mapping[str, Any], side: str) -> tuple[Any, ...]:
    return row[side]["value"], row[side]["numerator"], row[side]["denominator"]


def lists(row: Mapping[str, Any]) -> dict[str, tuple[str | None, str | None]]:
    return {item["id"]: tuple(item[side] and item[side]["list"] for side in ("before", "after"))
            for item in row["records"]}  # fmt: skip


def changes(row: Mapping[str, Any]) -> list[tuple[str, str, str, list[str]]]:
    return [(item["id"], done["sha"], done["change"], done["fields"])
            for item in row["records"] for done in item["commits"]]  # fmt: skip


def head(home: Path, revision: str = "HEAD") -> str:
    return git.run(home, "rev-parse", revision).decode().strip()


def test_a_complaint_entered_late(home: Path) -> None:
    late = commit(home, files(FORGOTTEN), "2026-05-06T10:00:00+08:00")
    commit(home, files([customer(2)]), "2026-05-07T10:00:00+08:00")
    found = restated(home, "2026-03", "CMP-01", "CMP-02", "CMP-17", "SAT-01")
    assert found["closes"] == [
        {"period": "2026-03", "as_of": CLOSE, "commit": head(home, "HEAD~2"), "readable": True}
    ]  # fmt: skip
    told = {row["code"]: row for row in found["restatements"]}
    assert (sums(told["CMP-02"], "before"), sums(told["CMP-02"], "after")) == (("50.00", 1, 2), ("33.33", 1, 3))
    assert lists(told["CMP-02"]) == {"CMP-2026-0003": (None, "denominator")}
    assert changes(told["CMP-02"]) == [("CMP-2026-0003", late, "added", [])]
    assert (told["CMP-02"]["as_of"], told["CMP-02"]["report"], told["CMP-02"]["policy_changed"]) == (CLOSE, None, False)
    assert (sums(told["CMP-01"], "before"), sums(told["CMP-01"], "after")) == (("2", 2, None), ("3", 3, None))
    assert lists(told["CMP-01"]) == {"CMP-2026-0003": (None, "counted")}
    # Both complaints of March came onto the branch on the 10th, later than two working days; so does the third.
    assert (sums(told["CMP-17"], "before"), sums(told["CMP-17"], "after")) == (("0.00", 0, 2), ("0.00", 0, 3))
    assert told.keys() == {"CMP-01", "CMP-02", "CMP-17"}
    assert rows(home, "2026-Q1", "CMP-01")["CMP-01"]["before"]["value"] == "2"


def test_for_people_and_for_spreadsheets(home: Path) -> None:
    late = commit(home, files(FORGOTTEN), "2026-05-06T10:00:00+08:00")
    shown = say(home, "--lang", "zh", "restate", "2026-03", "CMP-02").output
    assert shown == (
        "CMP-02 投诉响应及时率  2026-03  50.00 (1/2) → 33.33 (1/3)\n"
        f"  与定稿数字比对：时点 {CLOSE}，提交 {head(home, 'HEAD~1')[:12]}\n"
        "  CMP-2026-0003  无 → 分母\n"
        f"    2026-05-06 {late[:12]} 林: Step [新增]\n"
        "\n"
        f"2026-03：与定稿时（{CLOSE}）的提交 {head(home, 'HEAD~1')[:12]} 比对。\n"
        "另与已批准报告所报的 0 个数字比对。\n"
    )
    table = say(home, "restate", "2026-03", "CMP-02", "--format", "csv").output
    assert f"50.00 (1/2),33.33 (1/3),practice@1,practice@1,false,CMP-2026-0003,,denominator,{late}," in table


def test_a_complaint_made_void(home: Path) -> None:
    """What is void now never counted, though it was made void after the close."""
    void = {"at": "2026-05-06T09:00:00+08:00", "by": "S005", "reason": "test", "approved_by": "S003"}
    gone = commit(home, files([LATE[-1] | {"status": "void", "void": void}]), "2026-05-06T10:00:00+08:00")
    told = rows(home, "2026-03", "CMP-01", "CMP-02")
    assert (sums(told["CMP-02"], "before"), sums(told["CMP-02"], "after")) == (("50.00", 1, 2), ("100.00", 1, 1))
    assert lists(told["CMP-02"]) == {"CMP-2026-0002": ("denominator", "excluded")}
    (item,) = told["CMP-02"]["records"]
    assert item["after"]["reason"]["zh"] == "已作废"
    assert [(done["sha"], done["change"]) for done in item["commits"]] == [(gone, "changed")]
    assert {"status", "void.at", "void.reason"} <= set(item["commits"][0]["fields"])
    assert (told["CMP-01"]["before"]["value"], told["CMP-01"]["after"]["value"]) == ("2", "1")


def test_a_correction_moves_a_complaint_to_another_period(home: Path) -> None:
    """Received in February after all; two commits did it, and the fields of each are named."""
    moved = LATE[-1] | {"received_at": "2026-02-27T10:00:00+08:00"}
    first = commit(home, files([moved]), "2026-05-06T10:00:00+08:00")
    correction = {"at": "2026-05-06T10:00:00+08:00", "by": "S005", "field": "received_at", "reason": "原登记有误",
                  "from": LATE[-1]["received_at"], "to": moved["received_at"]}  # fmt: skip
    second = commit(home, files([moved | {"corrections": [correction]}]), "2026-05-07T10:00:00+08:00")
    march, february = rows(home, "2026-03", "CMP-02")["CMP-02"], rows(home, "2026-02", "CMP-02")["CMP-02"]
    assert (sums(march, "before"), sums(march, "after")) == (("50.00", 1, 2), ("100.00", 1, 1))
    assert lists(march) == {"CMP-2026-0002": ("denominator", None)}
    assert (sums(february, "before"), sums(february, "after")) == ((None, 0, 0), ("0.00", 0, 1))
    assert lists(february) == {"CMP-2026-0002": (None, "denominator")}
    did = [(sha, fields[0].split("[")[0]) for _, sha, _, fields in changes(march)]
    assert did == [(first, "received_at"), (second, "corrections")]
    assert restated(home, "2026-Q1", "CMP-02")["restatements"] == []


def test_a_merge_is_named_by_the_commits_it_brought(home: Path) -> None:
    git.run(home, "switch", "-q", "--create", "topic")
    late = commit(home, files(FORGOTTEN), "2026-05-06T10:00:00+08:00")
    git.run(home, "switch", "-q", "main")
    commit(home, files([customer(2)]), "2026-05-07T10:00:00+08:00")
    who = {
        f"GIT_{role}_{part}": "lin@example.invalid" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")
    }
    when = {f"GIT_{role}_DATE": "2026-05-08T10:00:00+08:00" for role in ("AUTHOR", "COMMITTER")}
    git.run(home, "merge", "-q", "--no-ff", "-m", "Merge", "topic", env=who | when)
    assert [sha for _, sha, *_ in changes(rows(home, "2026-03", "CMP-02")["CMP-02"])] == [late]


def test_time_that_passes_restates_nothing(home: Path) -> None:
    """A complaint resolved, and one received, after the close: both sides are judged as known at the close."""
    done = {"n": 1, "received": "2026-03-02 10:00", "severity": "minor", "acknowledged": "2026-03-02 11:00",
            "resolved": "2026-05-06 10:00"}  # fmt: skip
    later = made(3, "2026-05-05 10:00", "2026-05-05 11:00")
    commit(home, files([*complaint(done), *later]), "2026-05-06T18:00:00+08:00")
    found = restated(home, "2026-03", "CMP-01", "CMP-02", "CMP-04", "CMP-05")
    assert (found["restatements"], found["reported"]) == ([], 0)
    assert [close["commit"] for close in found["closes"]] == [head(home, "HEAD~1")]
    shown = say(home, "restate", "2026-03", "CMP-05")
    assert shown.exit_code == 0
    assert shown.output.startswith("没有重述的数字。\nNo figure is restated.\n")
    assert f"compared with commit {head(home, 'HEAD~1')[:12]}" in shown.output


def test_a_target_changed_since(home: Path) -> None:
    """The figures are the same and so is every record, but what they are held to is another."""
    text = rulebook_files()[KPIS].decode()
    start = text.index("- code: CMP-02\n")
    changed = text[:start] + text[start:].replace('value: "1"', 'value: "0.5"', 1)
    ruling = commit(home, {KPIS: changed.encode()}, "2026-05-06T10:00:00+08:00")
    (row,) = restated(home, "2026-03", "CMP-01", "CMP-02")["restatements"]
    assert row["code"] == "CMP-02"
    assert sums(row, "before") == sums(row, "after") == ("50.00", 1, 2)
    assert (row["before"]["target"], row["after"]["target"]) == (">= 100", ">= 50")
    assert (row["policy_changed"], [done["sha"] for done in row["policy_commits"]]) == (True, [ruling])
    assert row["before"]["pack"] == row["after"]["pack"] == "practice@1"
    assert row["records"] == []


def test_what_a_report_states_comes_first(home: Path) -> None:
    """The report on March told of two complaints; its own figure is restated, not that of the close."""
    told = {
        "n": 1, "kind": "satisfaction_analysis", "policy": "tfdl-08-03@V1.2", "period": ["2026-03-01", "2026-03-31"],
        "prepared": "2026-04-02 10:00", "approved": "2026-04-03 10:00",
    }  # fmt: skip
    figures = [{"kpi": "CMP-01", "value": "2"}, {"kpi": "CMP-02", "value": "50.00", "num": 1, "den": 2}]
    stated = report(told) | {"as_of": "2026-04-02T09:00:00+08:00", "figures": figures}
    approved = commit(home, files([stated]), "2026-04-03T11:00:00+08:00")
    late = commit(home, files(FORGOTTEN), "2026-05-06T10:00:00+08:00")
    found = restated(home, "2026-03", "CMP-01", "CMP-02", "CMP-03")
    told_of = {row["code"]: row for row in found["restatements"]}
    assert found["reported"] == 2
    for code, before, after in (("CMP-01", "2", "3"), ("CMP-02", "50.00", "33.33")):
        row = told_of[code]
        assert (row["report"], row["as_of"]) == ("RPT-2026-0001", "2026-04-02T09:00:00+08:00")
        assert (row["before"]["value"], row["after"]["value"]) == (before, after)
        assert [sha for _, sha, *_ in changes(row)] == [late]
    assert (told_of["CMP-03"]["report"], told_of["CMP-03"]["commit"]) == (None, approved)


def test_nothing_is_held_against_what_stood_before_the_foundation(home: Path) -> None:
    """Neither before the first commit nor before the present value of `trail_since` is there anything to restate."""
    commit(home, files(FORGOTTEN), "2026-05-06T10:00:00+08:00")
    found = restated(home, "2025-11")
    assert (found["restatements"], found["closes"][0]["commit"]) == ([], None)
    assert "no commit at the close" in say(home, "restate", "2025-11").output
    config = yaml.safe_load(rulebook_files()["config/policy.yaml"]) | {"trail_since": "2026-05-01"}
    since = {"config/policy.yaml": yaml.safe_dump(json.loads(json.dumps(config, default=str))).encode()}
    commit(home, since, "2026-05-08T10:00:00+08:00")
    found = restated(home, "2026-03", "CMP-01")
    assert (found["restatements"], found["closes"][0]["commit"]) == ([], None)


def test_refusals(home: Path, tmp_path: Path) -> None:
    commit(home, files(FORGOTTEN), "2026-05-06T10:00:00+08:00")
    short = tmp_path / "short"
    git.run(tmp_path, "clone", "-q", "--depth", "1", f"file://{home}", str(short))
    for where, words, said in (
        (short, ["2026-03"], "git fetch --unshallow"),
        (home, ["2026-05"], "2026-06-12"),
        (home, ["2026-13"], "2026-H1"),
        (home, ["2026-03", "CMP-99"], "CMP-99"),
    ):
        refused = say(where, "restate", *words)
        assert (refused.exit_code, refused.stdout_bytes) == (2, b"")
        assert said in refused.output


def page(home: Path, code: str, moment: str) -> tuple[str, indicator.View]:
    """The page of one KPI with what is restated by then."""
    tree, at = git.WorkTree(home), datetime.datetime.fromisoformat(moment)
    book = check.open_book(tree)
    store, history = check.open_cache(home, book, cached=False), open_history(home)
    taken = intake.take_in(tree, book.schemas, store)
    outcome = restate.recent(restate.Ground(home, tree, book, store, history), at, kpi.FINER)
    check.lay_policy(store, book, taken, at, known=True, asked=kpi.names(book.policy, {code}))
    (series,) = kpi.series(store, book.policy, at, None, codes=[code])
    words = yaml.safe_load((SITE / "words.yaml").read_text("utf-8"))
    properties = book.schemas.raw["kpis"]["properties"]["kpis"]["items"]["properties"]
    words |= {name: node["x-labels"] for name, node in properties.items() if "x-labels" in node}
    names = Names(book.schemas.records, privacy.directory(store, book.schemas.records, book.policy), words)
    shown = indicator.view(indicator.Indicator(series, ()), names, outcome)
    around = {"previous": None, "next": None, "cited": {}, "shown_rows": indicator.SHOWN}
    text = Templates(SITE / "templates", words).page("kpi.md.j2", k=shown, **around)
    for opened in (store, history):
        opened.close()
    return text.partition("{: #restated }")[2].partition("{: #reproduce }")[0], shown


def test_the_page_of_a_kpi_tells_what_is_restated(home: Path) -> None:
    text, shown = page(home, "CMP-02", "2026-05-20T12:00:00+08:00")
    assert shown.past.restated == ()
    # Figures of 2025 stood from 15 January 2026, ten days after the foundation.
    assert [text.zh for text in shown.past.compared] == ["2025 年", "2026 年第 1 季度", "2025 年第 4 季度"]
    assert [text.zh for text in shown.past.missing] == ["2024 年"]
    assert "没有重述：当初所报的数字，今天按同一时点重算，结果不变。" in text
    assert "2024 年：定稿时还没有提交，无从比对。" in text
    late = commit(home, files(FORGOTTEN), "2026-05-06T10:00:00+08:00")
    text, shown = page(home, "CMP-02", "2026-05-20T12:00:00+08:00")
    (item,) = shown.past.restated
    told = item.period_text.zh, item.before.zh, item.after.zh
    assert told == ("2026 年第 1 季度", "50.00 % (1/2)", "33.33 % (1/3)")
    ((row,),) = (item.rows,)
    assert (row.thing.id, row.thing.page, row.before) == ("CMP-2026-0003", "records/CMP-2026-0003.html", None)
    assert [(done.sha, done.change) for done in row.commits] == [(late[:12], "added")]
    assert late[:12] in text
    assert "没有重述" not in text
