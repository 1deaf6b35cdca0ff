"""Pages taken over from the last build: never one that a clean build would write otherwise."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import site_build
from clerk import git, kelu
from kelu import pages, restate
from kelu.pages import hands, indicator, record, shell, swap
from kelu.pages.tree import SiteTree
from repository import own_records

COMPLAINT, SURVEY, CUSTOMER = (
    "records/complaints/2026/CMP-2026-0003.yaml", "records/surveys/2026/SUR-2026-0012.yaml",
    "records/customers/CUS-0001.yaml",
)  # fmt: skip


def written(work: Path, records: Mapping[str, bytes]) -> dict[str, str]:
    """The record pages of a build that goes no further than these."""
    return pages_of(site_build.edition(records), work)


def pages_of(edition: pages.Edition, work: Path) -> dict[str, str]:
    work.mkdir(exist_ok=True)
    tree = SiteTree(work / "site", swap.place(work, work / "site"), work / "index")
    press = importlib.import_module("kelu.pages.build")._Press(edition, site_build.SITE, work, tree)
    press._write_records(shell.Shell(("<title>", shell.TITLE, "</title>", shell.BODY, "")))
    tree.close()
    swap.swap(work, work / "site")
    return {path.name: path.read_text("utf-8") for path in (work / "site").rglob("*.html")}


def replaced(records: Mapping[str, bytes], path: str, old: str, new: str) -> dict[str, bytes]:
    text = records[path].decode()
    assert old in text
    return {**records, path: text.replace(old, new, 1).encode()}


def test_pages_after_changes_are_those_of_a_clean_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field, a title that other pages repeat, a record that goes, and a name that any text may repeat."""
    made: list[str] = []
    page = record.page

    def watched(frame: record.Frame, type_name: str, path: str, *rest: Any) -> tuple[str, str]:
        made.append(path)
        return page(frame, type_name, path, *rest)

    monkeypatch.setattr(record, "page", watched)
    monkeypatch.setattr(hands, "share", lambda work, tasks, _: map(work, tasks))  # another process would watch in vain
    monkeypatch.setattr(indicator, "gather", lambda *_: [])
    records = dict(own_records())
    written(tmp_path / "same", records)
    assert len(made) == len(records)
    steps = [
        replaced(records, SURVEY, "夜间值班工程师", "夜间值守工程师"),
        replaced(records, COMPLAINT, "政务云核心交换机", "政务云汇聚交换机"),
        {path: raw for path, raw in records.items() if path != COMPLAINT},
        replaced(records, CUSTOMER, "刘晓枫", "柳晓枫"),
    ]
    for place, step in enumerate(steps):
        made.clear()
        after = written(tmp_path / "same", step)
        count = len(made)
        assert after == written(tmp_path / f"clean{place}", step)
        if place < 3:  # a name to be masked may stand in any text
            assert 0 < count < len(records) / 4


def test_pages_with_a_history_are_those_of_a_clean_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Titles and people that only old versions name, commits that only say something, and what is not committed."""
    home = tmp_path / "home"
    assert kelu(tmp_path, "demo", str(home), "--records", "60", "--commits", "150").exit_code == 0
    for key, value in (("user.name", "林"), ("user.email", "lin@example.invalid")):
        git(home, "config", key, value)
    monkeypatch.setattr(indicator, "gather", lambda *_: [])
    monkeypatch.setattr(restate, "recent", lambda *_: None)
    made: list[dict[str, str]] = []
    folders: list[Path] = []

    def build(edition: pages.Edition, *_: object, **__: object) -> int:
        made.extend(pages_of(edition, folder) for folder in folders)
        return 0

    monkeypatch.setattr(pages, "build", build)
    changed: list[int] = []
    for place, step in enumerate([lambda: None, *_steps(home)]):
        step()
        folders[:] = [tmp_path / "same", tmp_path / f"clean{place}"]
        before = dict(made[-2]) if made else {}
        said = kelu(home, "site")
        assert said.exit_code == 0, said.output
        assert made[-2] == made[-1]
        changed.append(sum(page != before.get(name) for name, page in made[-1].items()))
    assert changed[0] == len(made[-1]) + 1  # the one that went
    assert all(changed[1:-1])
    assert changed[5] == 1  # by a commit that changes no file
    assert changed[-1] == 0


def _steps(home: Path) -> list[Callable[[], object]]:
    """Changes of a repository, each to be told on some page."""

    def edited(path: Path, pattern: str, new: str) -> None:
        text, count = re.subn(pattern, new, path.read_text("utf-8"), count=1, flags=re.MULTILINE)
        assert count, (path, pattern)
        path.write_text(text, "utf-8")

    def committed(words: str, *more: str) -> None:
        git(home, "add", "records")
        git(home, "commit", "-q", "-m", words, *more)

    customer = sorted((home / "records/customers").rglob("*.yaml"))[0]
    project, other = sorted((home / "records/projects").rglob("*.yaml"))[:2]
    action = next(
        path for path in sorted((home / "records/actions").rglob("*.yaml")) if project.stem in path.read_text("utf-8")
        or other.stem in path.read_text("utf-8")
    )  # fmt: skip
    named = project if project.stem in action.read_text("utf-8") else other

    def moved() -> None:
        """The action leaves its project, which only its history names from now on."""
        edited(action, rf"^project: {named.stem}$", f"project: {other.stem if named is project else project.stem}")
        committed("改挂项目")

    def called(name: str) -> None:
        edited(customer, r"    name: .*$", f"    name: {name}")
        committed("更正姓名")

    was = re.search(r"    name: (.*)$", customer.read_text("utf-8"), re.MULTILINE)
    assert was is not None
    kept = was[1]
    return [
        moved,
        lambda: (edited(named, r"^name: (.*)$", r"name: \1（改称）"), committed("改称")),
        lambda: (edited(action, r"^title: .*$", "title: 与晏子虚联系"), committed("联系晏子虚")),
        lambda: (called("晏子虚"), called(kept)),  # only the history holds it
        lambda: committed(f"批准 {action.stem}", "--allow-empty"),
        lambda: edited(action, r"^title: .*$", "title: 未提交的标题"),
        lambda: (sorted((home / "records/communications").rglob("*.yaml"))[0].unlink(), committed("删去")),
        lambda: None,
    ]
