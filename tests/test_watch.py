"""The watch: what a person sees while something lasts, and the account of where the time went."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner

from kelu import cli, demo, stage
from kelu.cli import _watch
from kelu.cli._watch import Watch
from kelu.finding import Text

READING = Text("读取记录", "Reading records")


def test_rate_and_remaining_time_stand_beside_what_is_counted() -> None:
    under_way = _watch._Stage(READING, total=100, done=50, since=(0.0, 0.0))
    assert _watch._line(under_way, 10.0) == "读取记录 Reading records 50/100 · 5/s · 还需 remaining 10 s"
    assert _watch._line(under_way, 0.5) == "读取记录 Reading records 50/100"  # too early for a rate
    under_way.total = 0
    assert _watch._line(under_way, 10.0) == "读取记录 Reading records · 5/s"


def test_the_line_on_the_terminal_is_gone_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with stage.watched(Watch(shown=True)), stage.stage("外", "Outer"):
        assert list(stage.counted("abc", "内", "Inner", 3)) == ["a", "b", "c"]
    said = capsys.readouterr().err
    assert "内 Inner 0/3" in said
    assert said.endswith("\r")  # click leaves out what clears a line where there is no terminal
    assert "\n" not in said


def test_the_account_names_every_stage_once_and_adds_up() -> None:
    watch = Watch(shown=False)
    with stage.watched(watch), stage.stage("外", "Outer"):
        for _ in range(2):
            for _ in stage.counted(range(5), "内", "Inner", 5):
                pass
    account = watch.account()
    assert re.search(r"^ +[\d.]+ s +[\d.]+ s CPU {4}外 Outer$", account, re.MULTILINE)
    assert re.search(r"^ +[\d.]+ s +[\d.]+ s CPU {6}内 Inner {2}10 \([\d,]+/s\)$", account, re.MULTILINE)


def test_a_fault_inside_a_stage_ends_it_and_nobody_need_watch() -> None:
    def fail(items: Iterable[int]) -> None:
        for _ in stage.counted(items, "内", "Inner", 1):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail([1])
    watch = Watch(shown=False)
    with stage.watched(watch), pytest.raises(ZeroDivisionError), stage.stage("外", "Outer"):
        fail([1])
    assert watch._open == [watch._whole]
    assert stage.watcher() is None


def test_profile_tells_on_standard_error_and_changes_nothing_else(tmp_path: Path) -> None:
    demo.create(tmp_path / "home", 60, 1)
    root = ["--root", str(tmp_path / "home"), "--lang", "zh"]
    plain = CliRunner().invoke(cli.main, ["check", "--as-of", "2026-10-01", *root])
    told = CliRunner().invoke(cli.main, ["check", "--as-of", "2026-10-01", "--no-cache", "--profile", *root])
    assert plain.exit_code == told.exit_code == 0, told.output
    assert told.stdout == plain.stdout
    assert "读取记录 Reading records  60 (" in told.stderr
    assert "内存峰值 Peak memory" in told.stderr
