"""What MkDocs makes is kept while it is given the same, and only then."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from kelu.pages import shell
from kelu.pages.shed import Shed


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Something for MkDocs, in whose place stands a program that copies and counts."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "overrides").mkdir()
    (tmp_path / "docs/a.md").write_text("甲")
    (tmp_path / "overrides/main.html").write_text("框")
    (tmp_path / "mkdocs.yml").write_text("site_name: x")
    runs: list[int] = []

    def start(_command: Sequence[str], _environment: object = None) -> Callable[[], None]:
        def finish() -> None:
            runs.append(1)
            shutil.rmtree(tmp_path / "out", ignore_errors=True)
            shutil.copytree(tmp_path / "docs", tmp_path / "out/pages")

        return finish

    monkeypatch.setattr(shell, "start", start)
    return {"root": tmp_path, "runs": runs}


def made(given: dict[str, Any], epoch: int = 1, ground: str = "1", **settings: Any) -> dict[str, str]:
    """The files that there are then, and how often MkDocs has run so far under ``runs``."""
    root: Path = given["root"]
    shutil.rmtree(root / "out", ignore_errors=True)
    kept = Shed(root / "kept", ground)
    shell.start_mkdocs(root / "mkdocs.yml", root / "docs", root / "overrides", root / "out", settings, epoch, kept)()
    files = {path.name: path.read_text() for path in (root / "out").rglob("*") if path.is_file()}
    return {**files, "runs": str(len(given["runs"]))}


def test_the_same_is_not_made_twice(given: dict[str, Any]) -> None:
    assert made(given) == made(given, epoch=2) == {"a.md": "甲", "runs": "1"}


@pytest.mark.parametrize(
    "change", ["docs/a.md", "docs/b.md", "overrides/main.html", "mkdocs.yml", "settings", "ground"]
)
def test_whatever_it_is_given_otherwise_is_made_anew(given: dict[str, Any], change: str) -> None:
    made(given)
    settings = {"site_name": "y"} if change == "settings" else {}
    if "." in change:
        (given["root"] / change).write_text("乙")
    assert made(given, ground="2" if change == "ground" else "1", **settings)["runs"] == "2"


def test_the_day_counts_where_a_page_may_show_it(given: dict[str, Any]) -> None:
    (given["root"] / "overrides/main.html").write_text("{{ build_date_utc }}")
    made(given)
    assert made(given, epoch=2)["runs"] == "2"


def test_what_is_broken_is_made_anew(given: dict[str, Any]) -> None:
    made(given)
    (place,) = (given["root"] / "kept").iterdir()
    place.write_bytes(place.read_bytes().replace("甲".encode(), "丙".encode()))
    assert made(given) == {"a.md": "甲", "runs": "2"}
