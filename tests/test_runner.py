"""A change judged in the clone of a runner: of depth 1, without blobs, nothing checked out, the cache as main left it.

Whatever the change, what is found has to be what a whole clone finds.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kelu.cli import main
from repository import MOMENT, own_records, tree_of

MAJOR = "records/complaints/2026/CMP-2026-0003.yaml"
OTHER = "records/complaints/2026/CMP-2026-0001.yaml"
INCIDENT = "records/incidents/2026/000/INC-2026-00057.yaml"
NEW = "records/complaints/2026/CMP-2026-0099.yaml"
Edit = Callable[[Path], None]


def git(root: Path, *args: str) -> str:
    who = ("-c", "user.name=测试", "-c", "user.email=t@example.invalid", "-c", "protocol.file.allow=always")
    return subprocess.run(["git", *who, *args], cwd=root, check=True, capture_output=True, text=True).stdout


def commit(root: Path, subject: str) -> None:
    git(root, "add", ".")
    git(root, "commit", "-q", "--allow-empty", "-m", subject)


def edit(root: Path, path: str, old: str, new: str) -> None:
    text = (root / path).read_text("utf-8")
    assert old in text
    (root / path).write_text(text.replace(old, new), "utf-8")


def add(root: Path, word: str) -> None:
    """A new complaint, an old one's copy."""
    text = (root / MAJOR).read_text("utf-8").replace("id: CMP-2026-0003", "id: CMP-2026-0099")
    (root / NEW).write_text(text.replace("demands: ", f"demands: {word}"), "utf-8")


def checked(root: Path, base: str, remark: str = "") -> tuple[list[dict[str, Any]], int]:
    """What `kelu check --base` finds, as programs read it, and how many records it has seen; and nothing but `remark`
    is said beside it."""
    command = ["check", "--root", str(root), "--base", base, "--as-of", MOMENT.isoformat(), "--format", "json"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code in (0, 1), done.output
    assert bool(done.stderr) is bool(remark)
    assert remark in done.stderr
    told = json.loads(done.stdout)
    return told["findings"], told["summary"]["records"]


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of these records whose main was checked; what that kept lies beside it."""
    root = tmp_path_factory.mktemp("founded") / "home"
    for path, raw in tree_of(own_records()).files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(raw)
    (root / ".gitignore").write_text(".kelu/\n")
    git(root, "init", "-q", "-b", "main")
    for name in ("allowFilter", "allowAnySHA1InWant"):
        git(root, "config", f"uploadpack.{name}", "true")
    commit(root, "base")
    assert checked(root, "main")[0] == []
    shutil.copytree(root / ".kelu", root.with_name("kept"))
    return root


@pytest.fixture
def home(founded: Path, tmp_path: Path) -> Path:
    """A copy of it with a branch `change`."""
    shutil.copytree(founded.parent, tmp_path, dirs_exist_ok=True)
    root = tmp_path / "home"
    git(root, "checkout", "-q", "-b", "change")
    return root


def runner(home: Path, *, cached: bool = True) -> Path:
    """A fresh clone as a runner makes it."""
    root = home.with_name("runner")
    git(home, "clone", "-q", "--depth", "1", "--filter=blob:none", "--no-checkout", "--branch", "change",
        home.as_uri(), str(root))  # fmt: skip
    git(root, "fetch", "-q", "--depth", "1", "--filter=blob:none", "origin", "main:refs/remotes/origin/main")
    if cached:
        shutil.copytree(home.with_name("kept"), root / ".kelu")
    return root


def held(root: Path) -> set[str]:
    """The objects that a clone has."""
    listing = git(root, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    return set(listing.split())


def clean(root: Path) -> None:
    edit(root, INCIDENT, "id: ", "# 一行注释\nid: ")


def at_fault(root: Path) -> None:
    edit(root, OTHER, "channel: ", "channel: x")


def delete(root: Path) -> None:
    (root / INCIDENT).unlink()


def break_policy(root: Path) -> None:
    edit(root, "config/policy.yaml", "common: ", "comon: ")


def stray(root: Path) -> None:
    (root / NEW).with_suffix(".txt").write_text("x", "utf-8")


CHANGES: dict[str, tuple[Edit, set[str]]] = {
    "clean": (clean, set()),
    "at fault": (at_fault, {"SCH-04", "GH-06"}),
    "deleted": (delete, {"X-04", "GH-01"}),
    "added": (lambda root: add(root, "甲"), set()),
    "policy at fault": (break_policy, set()),
    "file that is no record": (stray, {"FILE-04"}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_runner_finds_what_a_whole_clone_finds(home: Path, name: str) -> None:
    change, codes = CHANGES[name]
    change(home)
    commit(home, "change")
    found, count = checked(runner(home), "origin/main")
    assert (found, count) == checked(home, "main")
    assert codes <= {item["code"] for item in found}
    if name != "deleted":
        assert not [item for item in found if item["code"] == "GH-01"]


def test_a_change_of_several_commits_merged_with_a_base_that_went_on(home: Path) -> None:
    """What base gained meanwhile is not deleted by the change; who made the commits in between is known."""
    edit(home, INCIDENT, "id: ", "# 一行注释\nid: ")
    commit(home, "one")
    at_fault(home)
    commit(home, "two")
    git(home, "checkout", "-q", "main")
    add(home, "乙")
    commit(home, "main went on")
    git(home, "checkout", "-q", "change")
    found, count = checked(runner(home), "origin/main")
    assert (found, count) == checked(home, "main")
    assert "GH-01" not in {item["code"] for item in found}
    assert "SCH-04" in {item["code"] for item in found}


def test_without_the_cache_all_records_are_fetched_and_judged(home: Path) -> None:
    delete(home)
    commit(home, "change")
    root = runner(home, cached=False)
    found = checked(root, "origin/main", "No cache that fits")
    assert found == checked(home, "main")
    assert "X-04" in {item["code"] for item in found[0]}


def test_the_merge_commit_of_a_pull_request(home: Path) -> None:
    at_fault(home)
    commit(home, "change")
    git(home, "checkout", "-q", "main")
    add(home, "乙")
    commit(home, "main went on")
    git(home, "checkout", "-q", "-b", "pull")
    git(home, "merge", "-q", "--no-ff", "-m", "merge", "change")
    git(home, "branch", "-f", "change", "pull")
    git(home, "checkout", "-q", "change")
    found = checked(runner(home), "origin/main")
    assert found == checked(home, "main")
    assert "SCH-04" in {item["code"] for item in found[0]}


def test_an_id_that_two_took_at_the_same_time(home: Path) -> None:
    add(home, "甲")
    commit(home, "mine")
    git(home, "checkout", "-q", "main")
    add(home, "乙")
    commit(home, "theirs")
    git(home, "checkout", "-q", "change")
    found = checked(runner(home), "origin/main")
    assert found == checked(home, "main")
    assert "FILE-05" in {item["code"] for item in found[0]}


def test_only_what_is_read_is_fetched(home: Path) -> None:
    at_fault(home)
    commit(home, "change")
    root = runner(home)
    checked(root, "origin/main")
    records = git(home, "ls-tree", "-r", "--format=%(objectname)", "main", "--", "records").split()
    assert held(root).intersection(records) == {git(home, "rev-parse", f"main:{OTHER}").strip()}
    packs = sorted((root / ".git/objects/pack").glob("*.pack"))
    checked(root, "origin/main")
    assert sorted((root / ".git/objects/pack").glob("*.pack")) == packs  # the second time there is nothing to fetch


def test_a_clone_without_files_says_how_where_the_remote_is_gone(home: Path) -> None:
    at_fault(home)
    commit(home, "change")
    root = runner(home)
    git(root, "remote", "set-url", "origin", (home.parent / "nowhere").as_uri())
    done = CliRunner().invoke(main, ["check", "--root", str(root), "--base", "origin/main"])
    assert done.exit_code == 2
    assert "Git" in done.output


def test_branches_with_nothing_in_common_are_not_merged_where_the_history_is_cut_off(home: Path) -> None:
    at_fault(home)
    commit(home, "change")
    git(home, "checkout", "-q", "main")
    commit(home, "main went on")
    root = home.with_name("shallow")
    git(home, "clone", "-q", "--depth", "1", "--branch", "change", home.as_uri(), str(root))
    git(root, "fetch", "-q", "--depth", "1", "origin", "main:refs/remotes/origin/main")
    done = CliRunner().invoke(main, ["check", "--root", str(root), "--base", "origin/main"])
    assert done.exit_code == 2
    assert "git fetch --unshallow" in done.output
