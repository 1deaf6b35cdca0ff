"""Stages: what the work under way consists of, told to whoever watches it; nobody need.

The work names its stages and counts what it has done; it knows neither clock nor terminal. A watcher that the command
line installs shows rate and remaining time, or adds up where the time went. Other threads and processes tell nobody.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Protocol, TypeVar

from kelu.finding import Text

Item = TypeVar("Item")


class Watcher(Protocol):
    """Who is told. Stages nest: what ends is the one begun last."""

    def begin(self, label: Text, total: int) -> None: ...

    def advance(self, count: int) -> None: ...

    def end(self) -> None: ...


_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextlib.contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Tell a watcher of every stage meanwhile."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def watcher() -> Watcher | None:
    """Who watches now."""
    return _watcher.get()


@contextlib.contextmanager
def stage(zh: str, en: str, total: int = 0) -> Iterator[Callable[[int], None]]:
    """A stage by its name in both languages, of `total` things where they can be counted; what it gives is called with
    the number of things done since the last call."""
    told = _watcher.get()
    if told is None:
        yield _unseen
        return
    told.begin(Text(zh, en), total)
    try:
        yield told.advance
    finally:
        told.end()


def counted(items: Iterable[Item], zh: str, en: str, total: int = 0) -> Iterator[Item]:
    """The same items, as a stage that lasts until the last of them."""
    with stage(zh, en, total) as done:
        for item in items:
            yield item
            done(1)


def _unseen(count: int) -> None:
    pass
