"""The watch: shows on a terminal what is being done, how fast and for how long yet, and adds up where the time went."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import click

from kelu.finding import Text

_EVERY = 0.1  # seconds between two looks at a terminal
_SETTLED = 1.0  # seconds after which a rate says something
_CLEAR, _NO_WRAP, _WRAP = "\r\x1b[K", "\x1b[?7l", "\x1b[?7h"


@dataclass(slots=True)
class _Stage:
    """A stage by its name, and what it has taken: seconds by the wall and of CPU (children included), things done."""

    label: Text
    total: int = 0
    done: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    since: tuple[float, float] = (0.0, 0.0)
    inner: dict[Text, _Stage] = field(default_factory=dict)


class Watch:
    """Watches stages; with `shown` it shows the one under way."""

    def __init__(self, *, shown: bool) -> None:
        self._shown, self._looked = shown, 0.0
        self._start = _Stage(Text("启动", "Start-up"), cpu=_cpu(), wall=_cpu())  # nothing but computing until here
        self._begun = time.perf_counter()
        self._whole = _Stage(Text("合计", "Total"))
        self._open = [self._whole]

    def begin(self, label: Text, total: int) -> None:
        stage = self._open[-1].inner.setdefault(label, _Stage(label))
        stage.total += total
        stage.since = time.perf_counter(), _cpu()
        self._open.append(stage)
        self._show(stage)

    def advance(self, count: int) -> None:
        stage = self._open[-1]
        stage.done += count
        if self._shown and time.perf_counter() - self._looked > _EVERY:
            self._show(stage)

    def end(self) -> None:
        stage = self._open.pop()
        wall, cpu = stage.since
        stage.wall += time.perf_counter() - wall
        stage.cpu += _cpu() - cpu
        if len(self._open) > 1:
            self._show(self._open[-1])
        elif self._shown:
            click.echo(_CLEAR, err=True, nl=False)

    def _show(self, stage: _Stage) -> None:
        if self._shown:
            self._looked = time.perf_counter()
            click.echo(f"{_CLEAR}{_NO_WRAP}{_line(stage, self._looked)}{_WRAP}", err=True, nl=False)
            sys.stderr.flush()

    def account(self) -> str:
        """Where the time went, stage by stage: seconds by the wall and of CPU, name, things done and how fast."""
        whole = self._whole
        whole.cpu, whole.wall = _cpu(), self._start.wall + time.perf_counter() - self._begun
        whole.inner = {self._start.label: self._start, **whole.inner}
        sizes = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        unit = 1 if sys.platform == "darwin" else 1024
        memory = f"内存峰值 Peak memory {sizes[0] * unit / 1e6:,.0f} MB"
        if sizes[1]:
            memory += f"，子进程 largest child {sizes[1] * unit / 1e6:,.0f} MB"
        return "\n".join(["耗时 Where the time went", *_account(whole, 0), memory])


def _line(stage: _Stage, now: float) -> str:
    """The stage under way: 读取记录 Reading records 12,300/100,000 · 3,100/s · 28 s."""
    said = f"{stage.label.zh} {stage.label.en}"
    if stage.total:
        said += f" {stage.done:,}/{stage.total:,}"
    passed = now - stage.since[0]
    if stage.done and passed > _SETTLED:
        rate = stage.done / passed
        said += f" · {rate:,.0f}/s"
        if stage.total > stage.done:
            said += f" · 还需 remaining {(stage.total - stage.done) / rate:,.0f} s"
    return said


def _account(stage: _Stage, depth: int) -> Iterator[str]:
    rate = f"  {stage.done:,} ({stage.done / stage.wall:,.0f}/s)" if stage.done and stage.wall else ""
    yield f"{stage.wall:8.2f} s {stage.cpu:8.2f} s CPU  {'  ' * depth}{stage.label.zh} {stage.label.en}{rate}"
    for inner in stage.inner.values():
        yield from _account(inner, depth + 1)
    wall, cpu = (sum(getattr(inner, name) for inner in stage.inner.values()) for name in ("wall", "cpu"))
    if stage.inner and stage.wall - wall > _EVERY:
        yield f"{stage.wall - wall:8.2f} s {stage.cpu - cpu:8.2f} s CPU  {'  ' * (depth + 1)}其余 Rest"


def _cpu() -> float:
    """Seconds of CPU of this process and of its children that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system
