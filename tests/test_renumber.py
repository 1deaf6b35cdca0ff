"""Two branches that take the same id: the clash is named in a clerk's words, and one command mends it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from git_story import Told, copy, found, take_step

OLD, NEW = "CMP-2026-0003", "CMP-2026-0004"
OWN = f"records/complaints/2026/{OLD}.yaml"
ACTION = "records/actions/2026/ACT-2026-0001.yaml"
MEETING = "records/meetings/2026/MTG-2026-0001.yaml"
THEIRS: Mapping[str, Any] = {
    "git": ["switch -q -c first"], "take": {OLD: "complaint-registered"}, "by": "S001",
    "edit": [{"path": ACTION, "new": f"links: [{OLD}] # 那一条\n"}],
    "at": "2026-03-09T09:20:00+08:00", "message": f"Register {OLD}",
}  # fmt: skip
OURS: Mapping[str, Any] = {
    "git": ["switch -q -c second main"], "take": {OLD: "complaint-registered"}, "by": "S005",
    "edit": [
        {"path": OLD, "old": "title: 备份恢复演练延期未通知", "new": f"title: 机房漏水 # {OLD} 的标题"},
        {"path": MEETING, "new": f"# 会后\nlinks: [CMP-2026-0001, {OLD}]\n"},
    ],
    "at": "2026-03-09T09:25:00+08:00", "message": f"Register {OLD}",
}  # fmt: skip
LAND: Mapping[str, Any] = {
    "git": ["switch -q main", "merge -q --no-ff --no-commit first"], "by": "S003", "at": "2026-03-09T09:30:00+08:00",
    "message": "Merge branch 'first'",
}  # fmt: skip


@pytest.fixture(scope="module")
def clashing(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """`second` and `main` hold different complaints of one id."""
    told = found(tmp_path_factory.mktemp("foundation") / "records")
    for number, step in (("01", THEIRS), ("02", OURS), ("03", LAND)):
        take_step(told, number, step)
    told.git("switch", "-q", "second")
    told.git("config", "user.name", "陈立航")
    told.git("config", "user.email", "chen.lihang@example.invalid")
    return told


@pytest.fixture
def told(clashing: Told, tmp_path: Path) -> Told:
    return copy(clashing, tmp_path / "records")


def findings(told: Told) -> list[dict[str, Any]]:
    """The errors; that it all was committed long after it happened is told of as well."""
    done = told.kelu("check", "--base", "main", "--as-of", "2026-03-31", "--format", "json")
    assert done.exit_code in (0, 1), done.output
    return [item for item in json.loads(done.stdout)["findings"] if item["severity"] == "error"]


def of(told: Told, revision: str, path: str) -> str:
    return told.git("show", f"{revision}:{path}")


def renumbered(told: Told, *words: str) -> str:
    done = told.kelu("renumber", OLD, *words)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_clash_names_who_has_the_id_and_what_to_run(told: Told) -> None:
    clash = next(item for item in findings(told) if item["path"] == OWN)
    assert (clash["code"], clash["line"], clash["value"]) == ("FILE-05", 2, OLD)
    sha = told.heads["01"]
    for words in (OLD, "客户投诉", "备份恢复演练延期未通知", "2026-03-09", sha[:12], OWN):
        assert words in clash["message"]["zh"]
    assert f"kelu renumber {OLD}" in clash["hint"]["zh"]
    assert [item["code"] for item in findings(told) if item["path"] == OWN] == ["FILE-05"]


def test_renumbering_mends_the_branch_in_one_commit(told: Told) -> None:
    before = told.git("rev-parse", "HEAD")
    renumbered(told)
    assert told.git("rev-list", f"{before}..HEAD").split() == [told.git("rev-parse", "HEAD")]
    assert told.git("log", "-1", "--format=%s") == f"{OLD} → {NEW} 改号"
    assert told.git("status", "--porcelain") == ""
    new = of(told, "HEAD", f"records/complaints/2026/{NEW}.yaml")
    assert f"id: {NEW}\ntitle: 机房漏水 # {NEW} 的标题\n" in new
    assert OLD not in new
    assert f"links: [CMP-2026-0001, {NEW}]" in of(told, "HEAD", MEETING)
    assert "# 会后" in of(told, "HEAD", MEETING)
    assert told.git("ls-tree", "--name-only", "HEAD", OWN) == ""
    assert findings(told) == []


def test_the_bases_record_and_what_refers_to_it_stay(told: Told) -> None:
    renumbered(told)
    told.git("merge", "-q", "--no-edit", "main")
    assert "title: 备份恢复演练延期未通知" in of(told, "HEAD", OWN)
    assert f"links: [{OLD}] # 那一条" in of(told, "HEAD", ACTION)
    assert of(told, "HEAD", OWN) == of(told, "main", OWN)
    assert findings(told) == []


def test_a_merge_that_stopped_at_the_clash_goes_on(told: Told) -> None:
    assert told_to_merge(told) != 0
    renumbered(told)
    assert told.git("status", "--porcelain") == ""
    assert told.git("rev-list", "--count", "HEAD..main") == "0"
    assert of(told, "HEAD", OWN) == of(told, "main", OWN)
    assert f"id: {NEW}" in of(told, "HEAD", f"records/complaints/2026/{NEW}.yaml")
    assert findings(told) == []


def test_a_merge_with_other_conflicts_is_left_alone(told: Told) -> None:
    take_step(told, "04", {
        "edit": [{"path": ACTION, "new": "links: [CMP-2026-0001]\n"}], "by": "S005",
        "at": "2026-03-09T09:50:00+08:00", "message": "Refer to another",
    })  # fmt: skip
    assert told_to_merge(told) != 0
    before = told.git("status", "--porcelain")
    done = told.kelu("renumber", OLD)
    assert done.exit_code == 2
    assert "git merge --abort" in done.output
    assert told.git("status", "--porcelain") == before


def told_to_merge(told: Told) -> int:
    try:
        told.git("merge", "-q", "--no-edit", "main")
    except AssertionError:
        return 1
    return 0


def test_a_branch_that_put_its_record_over_the_bases_is_named_and_mended(told: Told) -> None:
    """Who resolves the conflict by taking his own file replaces somebody else's record."""
    told.git("merge", "-q", "--no-edit", "-X", "ours", "main")
    assert "title: 机房漏水" in of(told, "HEAD", OWN)
    assert "FILE-05" in {item["code"] for item in findings(told)}
    renumbered(told)
    assert of(told, "HEAD", OWN) == of(told, "main", OWN)
    assert f"links: [{OLD}] # 那一条" in of(told, "HEAD", ACTION)
    assert f"links: [CMP-2026-0001, {NEW}]" in of(told, "HEAD", MEETING)
    assert findings(told) == []


def test_the_same_id_at_another_path_is_a_clash_too(told: Told) -> None:
    other = OWN.replace("/2026/", "/2027/")
    (told.root / other).parent.mkdir()
    told.git("mv", OWN, other)
    told.git("commit", "-q", "-m", "Move")
    assert [(item["code"], item["path"]) for item in findings(told) if item["value"] == OLD] == [("FILE-05", other)]
    renumbered(told)
    assert findings(told) == []


def test_what_landed_squashed_is_the_same_record(told: Told) -> None:
    """The branch goes on after main took its first commit as one of its own."""
    told.git("switch", "-q", "-c", "squashed", "main~1")
    told.git("merge", "-q", "--squash", "second")
    told.git("commit", "-q", "-m", "Squash")
    told.git("branch", "-f", "main")
    told.git("switch", "-q", "second")
    take_step(told, "05", {
        "edit": [{"path": OLD, "old": "机房漏水", "new": "机房漏水未报"}], "by": "S005",
        "at": "2026-03-09T09:55:00+08:00", "message": "Tell more",
    })  # fmt: skip
    assert "FILE-05" not in {item["code"] for item in findings(told)}
    assert "已经并入" in told.kelu("renumber", OLD).output


def test_a_dry_run_tells_and_writes_nothing(told: Told) -> None:
    head = told.git("rev-parse", "HEAD")
    said = renumbered(told, "--dry-run")
    assert f"{OLD} → {NEW}" in said
    assert f"{MEETING}：1 处引用" in said
    assert (told.git("rev-parse", "HEAD"), told.git("status", "--porcelain")) == (head, "")


def test_an_id_of_ones_choosing(told: Told) -> None:
    renumbered(told, "--to", "CMP-2026-0042")
    assert "id: CMP-2026-0042" in of(told, "HEAD", "records/complaints/2026/CMP-2026-0042.yaml")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((OLD, "--to", "CMP-2026-0001"), "已被使用"),
        ((OLD, "--to", "CMP-26-1"), "不是客户投诉的编号"),
        (("CMP-2026-0001",), "目标分支上的记录"),
        (("CMP-2026-0077",), "没有新登记的"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(told: Told, words: tuple[str, ...], why: str) -> None:
    done = told.kelu("renumber", *words)
    assert done.exit_code == 2
    assert why in done.output
    assert told.git("status", "--porcelain") == ""


def test_on_the_default_branch_ids_do_not_change(told: Told) -> None:
    told.git("switch", "-q", "main")
    done = told.kelu("renumber", OLD)
    assert done.exit_code == 2
    assert "主分支 main" in done.output


def test_a_record_not_committed_yet_can_take_another_id(told: Told) -> None:
    told.git("switch", "-q", "-c", "third", "main")
    take_step(told, "06", {"take": {"CMP-2026-0008": "complaint-registered"}})
    done = told.kelu("renumber", "CMP-2026-0008")
    assert done.exit_code == 0, done.output
    assert told.git("ls-tree", "-r", "--name-only", "HEAD").count("CMP-2026-0009") == 1
    assert not (told.root / "records/complaints/2026/CMP-2026-0008.yaml").exists()
