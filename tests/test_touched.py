"""Touched: what asks of a change only where it touched something tells what asking everything tells."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import rule_cases
from clerk import kelu
from kelu import check, rules, touched
from kelu.intake import NOTHING
from repository import own_records, rulebook_files

WHEN = ("--as-of", "2026-11-22")
CASES = rule_cases.cases()


def _asked(scope: str) -> dict[str, str]:
    """The question of each rule that says so, or whose form does."""
    book = rule_cases.court().book
    named = [rule.data["id"] for rule in book.policy.rules()] + ["X-04", "VOC-01"]
    asked = rules.narrowed(book.policy, book.schemas.records.keys())
    return {name: sql for name, (sql, said) in zip(named, asked, strict=True) if said == scope}


def _ids(place: int) -> set[str]:
    """One record of every case; the cases have nothing to do with each other."""
    files = [case.files[place % len(case.files)] for case in CASES]
    return {Path(file.path).stem for file in files}


@pytest.fixture(scope="module")
def whole() -> Mapping[str, set[tuple[Any, ...]]]:
    """What each question finds among all records."""
    court = rule_cases.court()
    assert not check.lay_policy(court.store, court.book, NOTHING, rule_cases.MOMENT, known=False)
    asked = rules.narrowed(court.book.policy, court.book.schemas.records.keys())
    return {sql: set(map(_row, court.store.query(sql))) for sql, _ in asked}


def _row(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (row[0], *map(str, row[1:]))


@pytest.mark.parametrize("scope", ["record", "linked"])
@pytest.mark.parametrize("place", range(8))
def test_a_rule_looks_at_no_other_records_than_it_says(
    whole: Mapping[str, set[tuple[Any, ...]]], scope: str, place: int
) -> None:
    court, ids = rule_cases.court(), _ids(place)
    within = ids | court.store.linked(ids) if scope == "linked" else ids
    assert not check.lay_policy(court.store, court.book, NOTHING, rule_cases.MOMENT, known=False, within=within)
    for name, sql in _asked(scope).items():
        found = {row for row in map(_row, court.store.query(sql)) if row[0] in ids}
        assert found == {row for row in whole[sql] if row[0] in ids}, name


def test_most_questions_need_not_be_asked_of_all_records() -> None:
    assert len(_asked("record")) > 80
    assert len(_asked("linked")) > 25
    assert len(_asked("all")) < 20


# --- whole checks of changes ---------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """This repository's records and rulebook, committed, and a branch to change them on."""
    root = tmp_path / "home"
    for path, raw in {**rulebook_files(), **own_records(), ".gitignore": b"/.kelu/\n"}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(raw)
    _git(root, "init", "-q", "-b", "main")
    _git(root, "config", "user.name", "测试")
    _git(root, "config", "user.email", "t@example.invalid")
    _commit(root)
    _git(root, "checkout", "-q", "-b", "change")
    return root


def _git(root: Path, *args: str) -> None:
    subprocess.run(["git", *args], cwd=root, check=True, capture_output=True)


def _commit(root: Path) -> None:
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "-m", "change")


def _edit(root: Path, chance: random.Random) -> None:
    """Give a record a line of another of its type, or its title, or a remark; or let it go, or come again."""
    files = sorted((root / "records").rglob("*.yaml"))
    path = chance.choice(files)
    lines = path.read_text("utf-8").split("\n")
    kind = chance.choice(("line", "line", "line", "title", "remark", "gone", "new"))
    if kind == "line":
        others = [file for file in files if file.name[:3] == path.name[:3]]
        theirs = dict(re.findall(r"^( *[a-z_]+: )(.+)$", chance.choice(others).read_text("utf-8"), re.MULTILINE))
        theirs.pop("id: ", None)
        at = [place for place, line in enumerate(lines) if line.partition(": ")[0] + ": " in theirs]
        place = chance.choice(at or [0])
        key = lines[place].partition(": ")[0] + ": "
        lines[place] = key + theirs.get(key, "")
    elif kind == "title":
        lines = [re.sub(r"^((?:title|name|summary): .+)$", r"\1改", line) for line in lines]
    elif kind == "remark":
        lines.insert(0, "# 注")
    elif kind == "gone":
        path.unlink()
        return
    else:
        new = path.with_name(re.sub(r"\d(?=\.yaml)", str(chance.randrange(10)), path.name))
        new.write_text("\n".join(lines).replace(f"id: {path.stem}", f"id: {new.stem}"), "utf-8")
        return
    path.write_text("\n".join(lines), "utf-8")


@pytest.mark.parametrize("seed", range(2))
def test_a_change_is_told_the_same_of_as_by_a_check_of_everything(
    home: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, said = random.Random(seed), []
    real = touched.unharmed
    monkeypatch.setattr(touched, "unharmed", lambda *given: said.append(real(*given)) or said[-1])
    kelu(home, "check", *WHEN)
    for _ in range(7):
        _git(home, "checkout", "-q", "-f", "-B", "change", "main")
        _git(home, "clean", "-qfd", "records")
        for _ in range(chance.choice((1, 1, 2))):
            _edit(home, chance)
        if chance.random() < 0.5:
            _git(home, "add", "-A")
            _git(home, "commit", "-q", "--allow-empty", "-m", "change")
        quick = kelu(home, "check", "--base", "main", *WHEN)
        told = len(said)
        whole = kelu(home, "check", "--base", "main", *WHEN, "--no-cache")
        assert (quick.output, quick.exit_code) == (whole.output, whole.exit_code)
        assert len(said) == told  # without a cache, everything is asked
    assert True in said
    assert False in said


def test_a_change_of_titles_leaves_the_store_as_it_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kelu(home, "check", *WHEN)
    before = (home / check.CACHE).read_bytes()
    path = sorted((home / "records/complaints").rglob("*.yaml"))[-1]
    path.write_text("# 注\n" + path.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(check, "check", None)
    assert kelu(home, "check", "--base", "main", *WHEN).exit_code == 0
    assert (home / check.CACHE).read_bytes() == before
