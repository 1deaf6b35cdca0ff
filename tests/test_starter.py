"""A new records repository: complete or not at all, and honest about who made its first commit."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kelu import check, git, resources, starter, vault
from repository import MOMENT

DAY = date(2026, 3, 1)


@pytest.fixture(autouse=True)
def author(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n", "utf-8")
    monkeypatch.setenv("HOME", str(home))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "林晓舟")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "lin.xiaozhou@example.invalid")


def test_it_holds_everything_in_one_commit(tmp_path: Path) -> None:
    target = tmp_path / "new/records"
    files = starter.create(target, DAY)
    assert starter.is_committed(target)
    assert git.run(target, "status", "--porcelain") == b""
    assert git.run(target, "log", "--format=%an <%ae> %D").decode() == (
        "林晓舟 <lin.xiaozhou@example.invalid> HEAD -> main\n"
    )
    tracked = git.run(target, "ls-files", "-z").decode().split("\0")[:-1]
    assert sorted(tracked) == [str(path) for path in files]
    assert list(target.parent.iterdir()) == [target]


def test_schemas_packs_and_calendar_are_the_packages_own(tmp_path: Path) -> None:
    target = tmp_path / "records"
    starter.create(target, DAY)
    for source, place in (
        (resources.schemas_dir(), "schemas"),
        (resources.policies_dir(), "policies"),
        (resources.calendar_dir(), "config/calendar"),
        (resources.imports_dir(), "config/imports"),
    ):
        theirs = {path.relative_to(source): path.read_bytes() for path in source.rglob("*") if path.is_file()}
        ours = target / place
        assert {path.relative_to(ours): path.read_bytes() for path in ours.rglob("*") if path.is_file()} == theirs
        assert theirs


def test_its_duties_begin_on_the_day_given(tmp_path: Path) -> None:
    starter.create(tmp_path / "records", DAY)
    assert (tmp_path / "records/config/policy.yaml").read_text("utf-8").count(f"\nadopted_on: {DAY}\n") == 1


@pytest.mark.parametrize("where", ["inline", "vault"])
def test_contact_data_live_where_they_are_wanted(tmp_path: Path, where: str) -> None:
    target = tmp_path / "records"
    starter.create(target, DAY, pii_store=where)
    book = check.open_book(git.WorkTree(target))
    assert (book.policy.pii_store, book.findings) == (where, ())
    store = check.open_cache(target, book, cached=False)
    assert check.check(git.WorkTree(target), book, store, MOMENT).findings == ()
    vault.write(target, b"contacts: {}\n")
    assert git.run(target, "status", "--porcelain") == b""


def test_files_may_be_changed_and_the_author_given(tmp_path: Path) -> None:
    who = {"NAME": "demo", "EMAIL": "demo@example.invalid", "DATE": "2026-01-05T10:00:00+08:00"}
    by = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    commits = set()
    for name in ("one", "two"):
        files = starter.create(tmp_path / name, DAY, lambda folder: (folder / "README.md").unlink(), by)
        assert Path("README.md") not in files
        commits.add(git.run(tmp_path / name, "log", "--format=%H %an %cI").decode().strip())
    (commit,) = commits
    assert commit.endswith(" demo 2026-01-05T10:00:00+08:00")


def test_an_empty_folder_is_filled_in_place(tmp_path: Path) -> None:
    target = tmp_path / "records"
    target.mkdir()
    before = target.stat().st_ino
    starter.create(target, DAY)
    assert target.stat().st_ino == before
    assert starter.is_committed(target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "records"]


@pytest.mark.parametrize("occupied", ["records/note.txt", "records"])
def test_it_overwrites_nothing(tmp_path: Path, occupied: str) -> None:
    mine = tmp_path / occupied
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine", "utf-8")
    with pytest.raises(starter.StarterError) as refused:
        starter.create(tmp_path / "records", DAY)
    assert "records" in refused.value.text.zh
    assert "records" in refused.value.text.en
    assert mine.read_text("utf-8") == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "records"]


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    # Half-way: the files are there, the rename is what fails.
    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(starter.StarterError, match="No space left on device"):
        starter.create(tmp_path / "records", DAY)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_no_author_is_invented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    target = tmp_path / "records"
    files = starter.create(target, DAY)
    assert not starter.is_committed(target)
    staged = git.run(target, "diff", "--cached", "--name-only", "-z").decode().split("\0")[:-1]
    assert sorted(staged) == [str(path) for path in files]
