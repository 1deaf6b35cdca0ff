"""Memo: figures kept between runs are given only where all they hang on is as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from kelu import cli, demo, git

KEPT = Path(".kelu/cache/kpi.memo")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("memo") / "home"
    demo.create(root, 120, 1)
    return root


def figures(home: Path, *words: str) -> str:
    done = CliRunner().invoke(cli.main, ["kpi", "--root", str(home), "--format", "json", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-40])


def alter(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"2026", b"2020"))


def give_up(file: Path) -> None:
    file.write_bytes(b"\xff")


def test_the_second_run_says_the_same_from_what_was_kept(home: Path) -> None:
    first = figures(home)
    mark, _, text = (home / KEPT).read_bytes().partition(b"\n")
    assert text.decode() == first == figures(home) == figures(home, "--no-cache")
    assert figures(home, "--period", "2025") != first
    assert (home / KEPT).read_bytes().partition(b"\n")[0] != mark


@pytest.mark.parametrize("harm", [cut, alter, give_up])
def test_what_was_harmed_is_worked_out_anew(home: Path, harm: Callable[[Path], None]) -> None:
    first = figures(home)
    harm(home / KEPT)
    assert figures(home) == first


def test_an_edit_and_another_moment_are_seen(home: Path) -> None:
    first = figures(home)
    assert figures(home, "--as-of", "2026-01-01") == figures(home, "--as-of", "2026-01-01", "--no-cache") != first
    survey = next(
        path for path in sorted(home.glob("records/surveys/**/*.yaml")) if "overall" in path.read_text("utf-8")
    )
    survey.unlink()
    assert figures(home) == figures(home, "--no-cache") != first
    git.run(home, "checkout", "--quiet", "--", "records")
    assert figures(home) == first


def test_what_came_with_a_change_is_not_read(home: Path) -> None:
    first = figures(home)
    kept = (home / KEPT).read_bytes()
    forged = kept.partition(b"\n")[0] + b"\nall is well"
    (home / KEPT).write_bytes(forged)
    git.run(home, "add", "--force", str(KEPT))
    assert figures(home) == first
    git.run(home, "rm", "--quiet", "--force", "--cached", str(KEPT))
