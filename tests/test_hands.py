"""Work shared among processes: every task done once, what goes wrong told, and nothing left behind."""

from __future__ import annotations

import multiprocessing
import os
import sys

import pytest

from kelu.pages import hands

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere one process does it all")


def test_every_task_is_done_once_by_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    ground = 1000  # what the processes know without being told
    made = list(hands.share(lambda task: (task + ground, os.getpid()), iter(range(50)), 50))
    assert sorted(number for number, _ in made) == list(range(1000, 1050))
    assert os.getpid() not in {process for _, process in made}
    assert not multiprocessing.active_children()


def test_what_a_process_raises_is_raised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)

    def refuse(task: int) -> int:
        if task == 7:
            raise OSError(28, "no space left")
        return task

    with pytest.raises(OSError, match="no space left"):
        list(hands.share(refuse, range(50), 50))
    for child in multiprocessing.active_children():
        child.join(10)
        assert not child.is_alive()


def test_a_process_that_dies_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with pytest.raises(ChildProcessError):
        list(hands.share(lambda task: os._exit(1) if task == 3 else task, range(20), 20))
