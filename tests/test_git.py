"""The door to Git, with real repositories: trees, batch reading, merges, and what an environment may not change."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kelu import git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "仓库 a"
    root.mkdir()
    _git(root, "init", "-q", "-b", "main")
    _write(root, "records/中文 名.yaml", "一\n")
    _write(root, "records/deep/b.yaml", "two\n")
    _write(root, "other/c.txt", "three\n")
    _git(root, "add", ".")
    _commit(root, "first", "2026-03-02T09:10:00+08:00")
    return root


def _git(root: Path, *args: str, **env: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=测试", "-c", "user.email=t@example.invalid", *args],
        cwd=root, check=True, capture_output=True, text=True, env=os.environ | env,
    ).stdout  # fmt: skip


def _commit(root: Path, subject: str, when: str) -> None:
    _git(root, "commit", "-q", "--allow-empty", "-m", subject, GIT_AUTHOR_DATE=when, GIT_COMMITTER_DATE=when)


def _write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, "utf-8")


def test_work_tree_lists_tracked_new_and_changed_files_but_not_ignored_or_deleted_ones(repository: Path) -> None:
    _write(repository, "records/deep/b.yaml", "changed\n")
    _write(repository, "records/new.yaml", "new\n")
    _write(repository, "records/ignored.yaml", "x\n")
    _write(repository, ".gitignore", "ignored.yaml\n")
    (repository / "records/中文 名.yaml").unlink()
    found = git.WorkTree(repository).entries("records")
    assert [entry.path for entry in found] == ["records/deep/b.yaml", "records/new.yaml"]
    assert [entry.blob for entry in found] == [git.blob_id(b"changed\n"), git.blob_id(b"new\n")]


def test_the_same_files_have_the_same_blobs_in_every_tree(repository: Path) -> None:
    work = git.WorkTree(repository).entries("records", "other")
    revision = git.RevisionTree(repository, "HEAD").entries("records", "other")
    memory = git.MemoryTree({entry.path: raw for entry, raw in git.WorkTree(repository).read(work)}).entries(
        "records", "other"
    )
    assert work == revision == memory
    assert work[0].blob == _git(repository, "hash-object", work[0].path).strip()


def test_a_revision_is_read_in_one_batch_in_the_order_asked_for(repository: Path) -> None:
    tree = git.RevisionTree(repository, "HEAD")
    entries = tree.entries("records")[::-1]
    assert [raw for _, raw in tree.read(entries)] == ["一\n".encode(), b"two\n"]


def test_a_folder_without_git_is_read_all_the_same(tmp_path: Path) -> None:
    _write(tmp_path, "records/a.yaml", "a\n")
    (tmp_path / "records/link.yaml").symlink_to("/etc/passwd")
    found = git.WorkTree(tmp_path).entries("records", "absent")
    assert [(entry.path, entry.mode) for entry in found] == [
        ("records/a.yaml", git.REGULAR), ("records/link.yaml", git.SYMLINK),
    ]  # fmt: skip


def test_symbolic_links_show_as_such_tracked_or_not(repository: Path) -> None:
    (repository / "records/out.yaml").symlink_to("../../secret")
    assert {e.mode for e in git.WorkTree(repository).entries("records") if "out" in e.path} == {git.SYMLINK}
    _git(repository, "add", ".")
    assert {e.mode for e in git.WorkTree(repository).entries("records") if "out" in e.path} == {git.SYMLINK}


def test_inherited_git_variables_cannot_redirect_a_command(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert len(git.WorkTree(repository).entries("records")) == 2


def test_head_gives_the_committer_time_and_nothing_where_there_is_no_commit(repository: Path, tmp_path: Path) -> None:
    found = git.head(repository)
    assert found is not None
    assert found.time.isoformat() == "2026-03-02T09:10:00+08:00"
    assert git.head(repository, "nonsense") is None
    assert git.head(repository, "--output=/tmp/x") is None
    assert git.head(tmp_path) is None


def test_merging_gives_the_merged_tree_and_names_conflicts(repository: Path) -> None:
    _git(repository, "checkout", "-q", "-b", "side")
    _write(repository, "records/side.yaml", "side\n")
    _write(repository, "records/deep/b.yaml", "side\n")
    _git(repository, "add", ".")
    _commit(repository, "side", "2026-03-03T09:00:00+08:00")
    _git(repository, "checkout", "-q", "main")
    _write(repository, "records/main.yaml", "main\n")
    _git(repository, "add", ".")
    _commit(repository, "main", "2026-03-03T10:00:00+08:00")
    tree, clashes = git.merged_tree(repository, "main", "side")
    paths = [entry.path for entry in git.RevisionTree(repository, tree).entries("records")]
    assert {"records/main.yaml", "records/side.yaml"} <= set(paths)
    assert clashes == []
    _write(repository, "records/deep/b.yaml", "main\n")
    _git(repository, "add", ".")
    _commit(repository, "clash", "2026-03-03T11:00:00+08:00")
    assert git.merged_tree(repository, "main", "side")[1] == ["records/deep/b.yaml"]
    assert git.is_ancestor(repository, "HEAD~1", "HEAD")
    assert not git.is_ancestor(repository, "side", "main")


def test_git_speaks_for_itself_when_it_refuses(repository: Path) -> None:
    with pytest.raises(git.GitError, match="single revision"):
        git.run(repository, "rev-parse", "--verify", "nonsense")


def test_a_shallow_clone_is_known_as_such(repository: Path, tmp_path: Path) -> None:
    _commit(repository, "second", "2026-03-04T09:00:00+08:00")
    _git(tmp_path, "clone", "-q", "--depth", "1", repository.as_uri(), "shallow")
    assert git.is_shallow(tmp_path / "shallow")
    assert not git.is_shallow(repository)
