"""Figures that rest on when records landed (CMP-17, AUD-01), from real histories."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from kelu import check, cli, git
from kelu.finding import Text
from kelu.git import MemoryTree
from kelu.history import landed
from kpi_cases import known
from made_records import Record, complaint, customer, files, report
from repository import MOMENT, rulebook_files
from test_at import commit

RULES = "policies/core@1/rules.yaml"


def late(n: int, friday: str, monday: str) -> list[Record]:
    """A complaint received on a Friday that states to have been registered on Monday."""
    stated = {"registered_at": f"{monday}T09:00:00+08:00"}
    return list(complaint({"n": n, "received": f"{friday} 10:00", "also": stated}))


def say(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli.main, ["--root", str(home), "kpi", "--period", "2026", "--format", "json", *words])


def told(home: Path, *words: str) -> dict[str, tuple[str, list[str]]]:
    """The value and the contributing records of both figures."""
    said = say(home, "CMP-17", "AUD-01", "--records", *words)
    assert said.exit_code == 0, said.output
    found: list[dict[str, Any]] = json.loads(said.stdout)
    return {item["code"]: (item["value"], item["contributing"]) for item in found}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """One complaint comes with the foundation, a month after it was received; another two weeks after it was."""
    home = tmp_path_factory.mktemp("landed") / "home"
    home.mkdir()
    git.run(home, "init", "-q", "--initial-branch=main")
    founded = {
        **rulebook_files(),
        ".gitignore": b".kelu/\n",
        **files([customer(1), *late(1, "2026-02-06", "2026-02-09")]),
    }
    first = commit(home, founded, "2026-03-06T17:00:00+08:00")
    commit(home, files(late(2, "2026-03-06", "2026-03-09")), "2026-03-20T18:00:00+08:00")
    return home, first


def test_the_commit_counts_and_not_what_the_record_says(story: tuple[Path, str]) -> None:
    assert told(story[0], "--no-cache") == {
        "CMP-17": ("50.00", ["CMP-2026-0001"]),
        "AUD-01": ("50.00", ["CMP-2026-0002"]),
    }


def test_kept_until_the_next_commit(story: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    shutil.copytree(story[0], home)
    (home / "records/complaints/2026/CMP-2026-0003.yaml").write_bytes(
        *files(late(3, "2026-03-13", "2026-03-16")).values()
    )
    before = told(home)
    assert before["AUD-01"] == ("33.33", ["CMP-2026-0002"])  # what is not committed yet counts as it says
    assert told(home, "--at", story[1]) == {"CMP-17": ("100.00", ["CMP-2026-0001"]), "AUD-01": ("0.00", [])}
    with monkeypatch.context() as patch:
        patch.delattr(landed, "open_history")
        assert told(home) == before
    commit(home, {}, "2026-03-20T18:30:00+08:00")
    assert told(home)["AUD-01"] == ("66.67", ["CMP-2026-0002", "CMP-2026-0003"])


def test_without_history_the_record_is_believed(story: tuple[Path, str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(story[0], home, ignore=shutil.ignore_patterns(".git", ".kelu"))
    assert told(home, "--as-of", "2026-03-20")["AUD-01"] == ("0.00", [])


def test_withheld_where_the_history_is_cut_off(story: tuple[Path, str], tmp_path: Path) -> None:
    short = tmp_path / "short"
    git.run(tmp_path, "clone", "-q", "--depth", "1", f"file://{story[0]}", str(short))
    refused = say(short, "CMP-01", "AUD-01")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "git fetch --unshallow" in refused.stderr
    others = say(short)
    assert others.exit_code == 0
    assert not {"CMP-17", "AUD-01"} & {item["code"] for item in json.loads(others.stdout)}
    assert "AUD-01, CMP-17" in others.stderr
    assert "git fetch --unshallow" in others.stderr


def test_rules_may_not_lean_on_it() -> None:
    rulebook = dict(rulebook_files())
    rules = yaml.safe_load(rulebook[RULES])
    rules["rules"][0]["query"] = "SELECT id, 'registered_at' AS at FROM registration"
    tree = MemoryTree({**rulebook, RULES: yaml.safe_dump(rules, allow_unicode=True).encode(), **files([customer(1)])})
    book = check.open_book(tree)
    found = check.check(tree, book, check.open_cache(Path(), book, cached=False), MOMENT).findings
    assert ("POL-01", RULES) in {(item.code, item.path) for item in found}


def test_a_moved_record_landed_when_it_first_came(story: tuple[Path, str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(story[0], home)
    folder = home / "records/complaints"
    (folder / "2025").mkdir()
    for number in (1, 2):
        (folder / f"2026/CMP-2026-000{number}.yaml").rename(folder / f"2025/CMP-2026-000{number}.yaml")
    commit(home, {}, "2026-04-20T18:30:00+08:00")
    book = check.open_book(git.WorkTree(home))
    opened = landed.open_history(home, cached=False)
    found = landed.rows(opened, book.schemas, book.policy, book.fingerprint)
    opened.close()
    assert [(name, str(at)) for name, at, _ in found] == [("CMP-2026-0002", "2026-03-20 18:00:00+08:00")]


def test_no_figure_leans_on_what_is_withheld() -> None:
    ready = known(files([customer(1), *late(1, "2026-02-06", "2026-02-09")]), "2026-03-20T12:00:00+08:00")
    why = Text("浅克隆", "shallow")
    ready.store.land([("CMP-2026-0001", MOMENT, None)], withheld=why)
    check.lay_policy(ready.store, ready.book, ready.intake, ready.as_of, known=True)
    figure = ready.figure("CMP-17", "2026", records=True)
    assert (figure.shown, figure.numerator, figure.counted, figure.withheld) == (None, None, (), why)
    assert ready.figure("CMP-01", "2026").shown == "1"
    assert ready.figures("AUD-01", "2026", by="customer") == []


def test_a_report_that_needs_the_history_is_refused_without_it(story: tuple[Path, str], tmp_path: Path) -> None:
    home, short = tmp_path / "home", tmp_path / "short"
    shutil.copytree(story[0], home)
    row = {"n": 1, "kind": "satisfaction_analysis", "policy": "tfdl-08-03@V1.2", "prepared": "2026-03-19 10:00",
           "period": ["2026-03-01", "2026-03-31"]}  # fmt: skip
    as_of = {"as_of": "2026-03-19T09:00:00+08:00", "campaigns": ["2026-company"]}
    for code in ("CMP-01", "CMP-17"):
        stating = report(row) | as_of | {"figures": [{"kpi": code, "value": "0"}]}
        commit(home, files([stating]), "2026-03-21T18:00:00+08:00")
        shutil.rmtree(short, ignore_errors=True)
        git.run(tmp_path, "clone", "-q", "--depth", "1", f"file://{home}", str(short))
        said = CliRunner().invoke(cli.main, ["--root", str(short), "check"])
        assert (said.exit_code == 2) == ("git fetch --unshallow" in said.stderr) == (code == "CMP-17"), said.output
