"""Samples: that anybody draws the same ones — by hand, with other tools, and when more is asked for or recorded."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

import git_story
from kelu import sample

IDS = [f"CMP-2026-{number:04d}" for number in range(1, 6)]
# Worked out with: for id in …; do printf 'kelu\n%s' $id | sha256sum; done | sort
BY_HAND = ["CMP-2026-0004", "CMP-2026-0002", "CMP-2026-0003", "CMP-2026-0005", "CMP-2026-0001"]
names = st.sets(st.text(st.characters(codec="utf-8"), min_size=1, max_size=12), max_size=20)


def test_the_order_is_that_of_sha256sum() -> None:
    assert sample.key("kelu", IDS[3]) == "0f21da0814a51eb36592c24e61fc4c0f02894b47cfcad6a78f42c4d4d0247a72"
    assert sample.draw(IDS, "kelu", 5) == BY_HAND


@given(names, st.text(max_size=8), st.integers(0, 25), st.integers(0, 25))
def test_a_larger_sample_begins_with_the_smaller(ids: set[str], seed: str, one: int, other: int) -> None:
    small, large = sorted((one, other))
    drawn = sample.draw(ids, seed, large)
    assert sample.draw(sorted(ids, reverse=True), seed, small) == drawn[:small]
    assert len(drawn) == min(large, len(ids)) == len(set(drawn))
    assert set(drawn) <= ids


@given(names, names, st.text(max_size=8), st.integers(1, 10))
def test_added_records_only_push_others_out(ids: set[str], more: set[str], seed: str, size: int) -> None:
    before, after = sample.draw(ids, seed, size), sample.draw(ids | more, seed, size)
    stayed = [name for name in after if name not in more - ids]
    assert stayed == before[: len(stayed)]


# --- the command ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> git_story.Told:
    """A repository of five complaints, one of them void, one restricted and one that cannot be read."""
    told = git_story.found(tmp_path_factory.mktemp("sample") / "home")
    first = (told.root / "records/complaints/2026/CMP-2026-0002.yaml").read_text("utf-8")
    files = {
        "CMP-2026-0003": "id: [\n",
        "CMP-2026-0004": first.replace("CMP-2026-0002", "CMP-2026-0004") + "confidential: restricted\n",
        "CMP-2026-0005": _void(first.replace("CMP-2026-0002", "CMP-2026-0005")),
    }
    at = "2026-03-09T09:00:00+08:00"
    git_story.take_step(told, "01", {"files": files, "by": "S005", "at": at, "message": "Three more"})
    return told


def _void(text: str) -> str:
    lines = ["status: void" if line.startswith("status:") else line for line in text.splitlines()]
    return "\n".join(lines) + "\nvoid: {at: 2026-03-08T09:00:00+08:00, by: S005, reason: test, approved_by: S003}\n"


def drawn(told: git_story.Told, *words: str) -> dict[str, Any]:
    done = told.kelu("sample", "complaint", *words, "--format", "json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_record_may_be_drawn(told: git_story.Told) -> None:
    found = drawn(told, "--seed", "kelu", "--n", "9")
    assert [item["id"] for item in found["records"]] == BY_HAND
    assert (found["population"], found["commit"], found["seed"]) == (5, told.heads["01"], "kelu")
    by_id = {item["id"]: item for item in found["records"]}
    assert by_id["CMP-2026-0005"]["state"] == {"zh": "作废", "en": "Void"}
    assert (by_id["CMP-2026-0003"]["status"], by_id["CMP-2026-0003"]["title"]) == (None, "")  # cannot be read
    assert by_id["CMP-2026-0004"]["title"] == ""  # restricted
    assert by_id["CMP-2026-0002"]["title"] != ""
    assert by_id["CMP-2026-0004"]["date"] == by_id["CMP-2026-0002"]["date"] != ""


def test_the_seed_is_the_commit_unless_it_is_named(told: git_story.Told) -> None:
    assert drawn(told)["seed"] == told.heads["01"]
    past = drawn(told, "--at", told.heads["00"])
    assert (past["seed"], past["commit"], past["population"]) == (told.heads["00"], told.heads["00"], 2)
    assert [item["id"] for item in past["records"]] == sample.draw(IDS[:2], told.heads["00"], 10)


def test_the_commands_that_are_shown_draw_the_same(told: git_story.Told) -> None:
    shown = told.kelu("--lang", "zh", "sample", "complaint", "--n", "3", "--seed", "it's 审核")
    command = shown.output.splitlines()[-1].strip()
    said = subprocess.run(["bash", "-c", command], cwd=told.root, capture_output=True, text=True, check=True).stdout
    by_hand = [line.split(" ") for line in said.splitlines()]
    found = drawn(told, "--n", "3", "--seed", "it's 审核")["records"]
    assert by_hand == [[item["key"], item["id"]] for item in found]
    single = told.kelu("--lang", "zh", "sample", "complaint", "--seed", "it's 审核", "--status", "void")
    command = single.output.splitlines()[-1].strip().replace(" ID ", " CMP-2026-0005 ")
    said = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout
    assert said.split(" ")[0] == hashlib.sha256("it's 审核\nCMP-2026-0005".encode()).hexdigest()


def test_narrowed_by_state_and_period(told: git_story.Told) -> None:
    unread = "CMP-2026-0003"  # of what cannot be read nothing can be ruled out
    assert {item["id"] for item in drawn(told, "--status", "void")["records"]} == {"CMP-2026-0005", unread}
    assert {item["id"] for item in drawn(told, "--period", "2025")["records"]} == {unread}
    assert len(drawn(told, "--period", "2026-Q1")["records"]) == 5


def test_a_spreadsheet_has_a_row_a_record(told: git_story.Told) -> None:
    done = told.kelu("sample", "complaint", "--seed", "=kelu", "--n", "2", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout.removeprefix("\ufeff"))))
    assert [row["id"] for row in rows] == sample.draw(IDS, "=kelu", 2)
    assert {(row["seed"], row["population"]) for row in rows} == {("'=kelu", "5")}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("complaints",), ("没有这类记录：complaints", "complaint、", "There are: ")),
        (("complaint", "--status", "done"), ("没有这个状态：done", "registered、", "There are: ")),
        (("complaint", "--period", "2026-13"), ("不是周期",)),
    ],
)  # fmt: skip
def test_refusals_name_what_there_is(told: git_story.Told, words: tuple[str, ...], expected: tuple[str, ...]) -> None:
    done: Result = told.kelu("sample", *words)
    assert done.exit_code == 2
    assert all(part in done.output for part in expected)


def test_what_is_in_no_commit_is_said_to_be(told: git_story.Told, tmp_path: Path) -> None:
    home = git_story.copy(told, tmp_path / "home")
    (home.root / "records/complaints/2026/CMP-2026-0006.yaml").write_text("id: [\n", "utf-8")
    done = home.kelu("sample", "complaint", "--format", "json")
    assert "不属于任何提交" in done.stderr
    assert json.loads(done.stdout)["commit"] is None
    (tmp_path / "bare/records").mkdir(parents=True)
    refused = git_story.Told(tmp_path / "bare").kelu("sample", "complaint")
    assert refused.exit_code == 2
    assert "git commit" in refused.output
