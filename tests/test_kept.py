"""Pages taken over from the last build: never one that a clean build would write otherwise."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import site_build
from kelu.pages import indicator, record, shell
from kelu.pages.kept import Kept
from repository import own_records

COMPLAINT, SURVEY, CUSTOMER = (
    "records/complaints/2026/CMP-2026-0003.yaml", "records/surveys/2026/SUR-2026-0012.yaml",
    "records/customers/CUS-0001.yaml",
)  # fmt: skip


def test_a_page_is_taken_over_while_its_key_and_file_are_the_same(tmp_path: Path) -> None:
    first = Kept(tmp_path / "kept", "ground")
    assert not first.take("a.html", "1", tmp_path / "a.html")
    first.put("a.html", "1", "<p>一</p>", tmp_path / "a.html")
    first.put("b.html", "1", "<p>二</p>", tmp_path / "b.html")
    first.close()
    second = Kept(tmp_path / "kept", "ground")
    assert second.take("a.html", "1", tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text("utf-8") == "<p>一</p>"
    assert not second.take("a.html", "2", tmp_path / "other.html")
    assert not (tmp_path / "other.html").exists()
    second.close()  # without b
    assert not Kept(tmp_path / "kept", "ground").take("b.html", "1", tmp_path / "b.html")


@pytest.mark.parametrize("harm", ["page", "no page", "index", "no index", "ground"])
def test_what_is_not_as_it_was_written_is_not_believed(tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "kept"
    kept = Kept(folder, "ground")
    kept.put("a.html", "1", "<p>一</p>", tmp_path / "a.html")
    kept.close()
    match harm:
        case "page":
            (folder / "a.html").write_text("<p>别的</p>", "utf-8")
        case "no page":
            (folder / "a.html").unlink()
        case "index":
            (folder / "index.json").write_text('{"ground": 1, "pages": [', "utf-8")
        case "no index":
            (folder / "index.json").unlink()
    ground = "another" if harm == "ground" else "ground"
    assert not Kept(folder, ground).take("a.html", "1", tmp_path / "taken.html")


def written(work: Path, records: Mapping[str, bytes]) -> dict[str, str]:
    """The record pages of a build that goes no further than these."""
    press = importlib.import_module("kelu.pages.build")._Press(site_build.edition(records), site_build.SITE, work)
    press.staged.mkdir(parents=True)
    press._write_records(shell.Shell(("<title>", shell.TITLE, "</title>", shell.BODY, "")))
    pages = {path.name: path.read_text("utf-8") for path in press.staged.rglob("*.html")}
    shutil.rmtree(press.staged)
    return pages


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
