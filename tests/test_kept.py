"""Pages taken over from the last build: never one that a clean build would write otherwise."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import site_build
from kelu.pages import hands, indicator, record, shell, swap
from kelu.pages.tree import SiteTree
from repository import own_records

COMPLAINT, SURVEY, CUSTOMER = (
    "records/complaints/2026/CMP-2026-0003.yaml", "records/surveys/2026/SUR-2026-0012.yaml",
    "records/customers/CUS-0001.yaml",
)  # fmt: skip


def written(work: Path, records: Mapping[str, bytes]) -> dict[str, str]:
    """The record pages of a build that goes no further than these."""
    work.mkdir(exist_ok=True)
    tree = SiteTree(work / "site", swap.place(work, work / "site"), work / "index")
    press = importlib.import_module("kelu.pages.build")._Press(site_build.edition(records), site_build.SITE, work, tree)
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
