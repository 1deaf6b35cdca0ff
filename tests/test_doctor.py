"""The doctor: each ailment is seen, named in both languages with its mend, and decides the exit code."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from kelu import check, cli, doctor, git, vault
from kelu.doctor import Level, Observation
from kelu.git import MemoryTree
from kelu.store import open_store
from repository import ROOT, rulebook, rulebook_files

POLICY, STAFF = "config/policy.yaml", "config/staff.yaml"
TODAY = datetime.date(2026, 7, 1)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A repository with one commit, whose author is on the staff."""
    git.run(tmp_path, "init", "--quiet", "--initial-branch=main")
    git.run(tmp_path, "config", "user.email", "lin.xiaozhou@example.invalid")
    git.run(tmp_path, "config", "user.name", "林晓舟")
    git.run(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "Begin")
    return tmp_path


def seen(home: Path, day: datetime.date = TODAY, files: Mapping[str, bytes] | None = None) -> list[Observation]:
    tree = MemoryTree(dict(rulebook_files() if files is None else files))
    return doctor.examine(home, lambda: check.open_book(tree), day)


def ailing(found: list[Observation]) -> list[tuple[str, str]]:
    """(topic, level) of all that is not well, but for retention, of which no source policy says anything."""
    return [(item.topic, item.level.value) for item in found if item.level != Level.OK and item.topic != "retention"]


def changed(path: str, old: str, new: str) -> dict[str, bytes]:
    text = rulebook_files()[path].decode()
    assert old in text
    return {**rulebook_files(), path: text.replace(old, new).encode()}


def test_a_sound_repository(home: Path) -> None:
    found = seen(home)
    assert ailing(found) == []
    assert {item.topic for item in found} == {
        "git", "repository", "speed", "policy", "packs", "retention", "contacts", "calendar", "staff", "cache",
    }  # fmt: skip
    for item in found:
        assert item.text.zh
        assert item.text.en
        assert (item.level == Level.OK) == (item.mend is None)


# --- the calendar (obligations.md §0.1) ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "level"),
    [
        ("2026-11-30", None),
        ("2026-12-01", "warn"),  # next year's notice is out
        ("2026-12-31", "warn"),
        ("2027-01-01", "warn"),
        ("2027-01-14", "warn"),
        ("2027-01-15", "fail"),
        ("2027-06-30", "fail"),
    ],
)
def test_a_missing_year_warns_from_december_and_fails_from_the_middle_of_january(
    home: Path, day: str, level: str | None
) -> None:
    found = seen(home, datetime.date.fromisoformat(day))
    assert ailing(found) == ([("calendar", level)] if level else [])
    if level:
        (fault,) = (item for item in found if item.topic == "calendar")
        assert "2027" in fault.text.zh
        assert fault.mend is not None
        assert "config/calendar/cn-2027.yaml" in fault.mend.en


def test_a_gap_in_past_years_is_told_apart_from_this_year(home: Path) -> None:
    files = {path: raw for path, raw in rulebook_files().items() if not path.endswith(("2024.yaml", "2026.yaml"))}
    assert ailing(seen(home, datetime.date(2026, 1, 14), files)) == [("calendar", "warn"), ("calendar", "warn")]
    assert ailing(seen(home, TODAY, files)) == [("calendar", "warn"), ("calendar", "fail")]


def test_no_calendar_at_all(home: Path) -> None:
    files = {path: raw for path, raw in rulebook_files().items() if not path.startswith("config/calendar")}
    assert ("calendar", "fail") in ailing(seen(home, TODAY, files))


# --- policy and people ----------------------------------------------------------------------------------------


def test_what_is_in_force_is_said_for_the_day(home: Path) -> None:
    assert any("complaint gsb-141.03@A0" in item.text.en for item in seen(home))
    assert ailing(seen(home, datetime.date(2023, 7, 1))) == [("packs", "warn"), ("calendar", "fail")]


def test_unsound_policy_is_named_and_the_rest_still_looked_at(home: Path) -> None:
    found = seen(home, files=changed(POLICY, "complaint: gsb-141.03@A0", "complaint: gsb-141.03@A9"))
    assert ailing(found) == [("policy", "fail")]
    assert ("staff", Level.OK) in [(item.topic, item.level) for item in found]
    assert ailing(seen(home, files={})) == [("policy", "fail")]


def test_drafts_and_superseded_packs_are_named(home: Path) -> None:
    pack = "policies/gsb-141.03@A0/pack.yaml"
    found = seen(home, files=changed(pack, "status: active", "status: superseded"))
    assert ailing(found) == [("packs", "warn")]
    draft = {"policies/draft@V0.9/pack.yaml": b"id: draft\nversion: V0.9\ntitle: {zh: a, en: a}\nstatus: draft\n"
                                              b"domains: []\n"}  # fmt: skip
    found = seen(home, files={**rulebook_files(), **draft})
    assert ailing(found) == []
    assert any("draft@V0.9" in item.text.zh for item in found)


def test_addresses_given_twice_and_vacant_roles(home: Path) -> None:
    twice = changed(STAFF, "he.jingyi@", "Lin.Xiaozhou@")
    assert ailing(seen(home, files=twice)) == [("policy", "fail"), ("staff", "fail")]
    found = seen(home, files=changed(STAFF, "role: mgmt_rep, from: 2023-01-01", "role: mgmt_rep, from: 2026-07-02"))
    assert ailing(found) == [("roles", "warn")]
    assert any("管理者代表" in item.text.zh for item in found if item.topic == "roles")
    missing = {path: raw for path, raw in rulebook_files().items() if path != STAFF}
    assert ("staff", "fail") in ailing(seen(home, files=missing))


def test_an_author_who_is_nobody_on_the_staff(home: Path) -> None:
    git.run(home, "config", "user.email", "guest@example.invalid")
    assert ailing(seen(home)) == [("staff", "warn")]


def test_contact_data_kept_apart(home: Path) -> None:
    files = changed(POLICY, "pii_store: inline", "pii_store: vault")
    assert [item.text.en for item in seen(home) if item.topic == "contacts"] == [
        "Customer files hold contact data: keep them private."
    ]
    assert ailing(seen(home, files=files)) == [("contacts", "fail")]  # nothing keeps Git from it
    (home / ".gitignore").write_text("/private/\n", "utf-8")
    vault.write(home, b"contacts: {}\n")
    found = seen(home, files=files)
    assert ailing(found) == []
    assert [item.text.en for item in found if item.topic == "contacts"] == ["Contact data is kept apart from Git."]
    (home / "private").chmod(0o755)
    assert ailing(seen(home, files=files)) == []  # the file itself is still its owner's
    (home / vault.PATH).chmod(0o644)
    git.run(home, "add", "--force", "private")
    assert ailing(seen(home, files=files)) == [("contacts", "fail")] * 2


# --- Git, libraries, cache --------------------------------------------------------------------------------------


def test_git_that_is_missing_or_too_old(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "version", lambda root: (2, 37, 9))
    assert ailing(seen(home)) == [("git", "fail")]

    def missing(root: Path) -> tuple[int, ...]:
        raise git.GitError("git is not installed")

    monkeypatch.setattr(git, "version", missing)
    assert [(item.topic, item.level.value) for item in seen(home)] == [("git", "fail")]


def test_the_version_of_git_is_read() -> None:
    assert git.version(ROOT) >= (2, 30)


def test_a_shallow_clone_and_a_folder_inside_a_work_tree(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    git.run(home, "commit", "--quiet", "--allow-empty", "--message", "Go on")
    place = tmp_path_factory.mktemp("clone")
    git.run(place, "clone", "--quiet", "--depth=1", f"file://{home}", "shallow")
    git.run(place / "shallow", "config", "user.email", "lin.xiaozhou@example.invalid")
    assert ailing(seen(place / "shallow")) == [("repository", "fail")]
    (home / "below").mkdir()
    assert ailing(seen(home / "below")) == [("repository", "fail")]


def test_slow_libraries_are_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    assert ailing(seen(home)) == [("speed", "warn"), ("speed", "warn")]


def cache_words(home: Path) -> str:
    (found,) = (item for item in seen(home) if item.topic == "cache")
    assert found.level == Level.OK
    return found.text.en


def test_the_cache_is_looked_at_but_not_touched(home: Path) -> None:
    path = home / check.CACHE
    assert "no cache yet" in cache_words(home)
    assert not path.parent.exists()
    store = open_store(path, rulebook().schemas.records, rulebook().fingerprint)
    store.close()
    assert "fits" in cache_words(home)
    path.unlink()
    open_store(path, rulebook().schemas.records, "another").close()
    before = path.read_bytes()
    assert "another program" in cache_words(home)
    path.write_bytes(b"no database")
    assert "damaged" in cache_words(home)
    path.write_bytes(before)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    assert ailing(seen(home)) == [("cache", "warn")]


# --- the command ----------------------------------------------------------------------------------------------------


def say(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.main, ["--root", str(ROOT), *words], prog_name="kelu")
    return done.exit_code, done.stdout


def test_the_exit_code_says_whether_something_must_be_mended() -> None:
    code, out = say("doctor", "--as-of", "2027-01-14")
    assert (code, "注意 缺少 2027 年的放假安排" in out, "Mend: Write config/calendar/cn-2027.yaml" in out) == (
        0,
        True,
        True,
    )
    code, out = say("doctor", "--as-of", "2027-01-15")
    assert (code, "错误 缺少 2027 年的放假安排" in out, "To mend: 1" in out) == (1, True, True)
    assert say("--lang", "en", "doctor", "--as-of", "2026-07-01")[1].isascii()


def test_the_day_is_that_of_shanghai() -> None:
    assert say("doctor", "--as-of", "2027-01-14T15:59:59+00:00")[0] == 0
    assert say("doctor", "--as-of", "2027-01-14T16:00:00+00:00")[0] == 1


def test_json_for_programs() -> None:
    code, out = say("doctor", "--format", "json", "--as-of", "2027-01-15")
    observations = json.loads(out)["observations"]
    (fault,) = (item for item in observations if item["level"] == "fail")
    assert code == 1
    assert fault["topic"] == "calendar"
    assert set(fault) == {"topic", "level", "text", "mend"}
    assert set(fault["text"]) == set(fault["mend"]) == {"zh", "en"}
