"""Hands: work on many things shared among as many processes as there are processors.

The processes are forks of this one and so have all that it knows without its being told them; what each task needs
beyond that is sent along. They must not use what belongs to other threads, such as a database. Where forking is not
sound (only Linux promises it) or there is little to do, this process does the work itself.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

_GARBAGE = 100_000  # things made, from which on it is worth a hand's while to look which of them are in a ring


def share(work: Callable[[Any], Any], tasks: Iterable[Any], count: int) -> Iterator[Any]:
    """What `work` makes of each task, in any order; `count` is how many tasks there are about. What it raises is raised
    here. Tasks are asked for one by one as there is a hand free, and meanwhile made."""
    hands = min(os.cpu_count() or 1, count)
    if hands < 2 or sys.platform != "linux":
        yield from map(work, tasks)
        return
    context = multiprocessing.get_context("fork")
    free: list[Connection] = []
    processes = []
    gc.freeze()  # so that collecting garbage copies none of what is shared
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads of the database are left alone, see above
            for _ in range(hands):
                near, far = context.Pipe()
                process = context.Process(target=_hand, args=(work, far, [near, *free]), daemon=True)
                process.start()
                far.close()
                free.append(near)
                processes.append(process)
        busy: list[Connection] = []
        for task in tasks:
            while not free:
                yield from _finished(busy, free)
            hand = free.pop()
            hand.send(task)
            busy.append(hand)
        while busy:
            yield from _finished(busy, free)
        for hand in free:
            hand.send(None)
        for process in processes:
            process.join()
    finally:
        gc.unfreeze()
        for process in processes:
            process.kill()


def _finished(busy: list[Connection], free: list[Connection]) -> Iterator[Any]:
    for hand in [item for item in wait(busy) if isinstance(item, Connection)]:
        try:
            failed, made = hand.recv()
        except EOFError as gone:
            raise ChildProcessError("一个进程意外结束，也许内存不足 / a process ended, perhaps out of memory") from gone
        busy.remove(hand)
        free.append(hand)
        if failed:
            raise made
        yield made


def _hand(work: Callable[[Any], Any], pipe: Connection, others: list[Connection]) -> None:
    gc.set_threshold(_GARBAGE)
    for other in others:  # or none would ever be told that the first process is gone
        other.close()
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        while (task := pipe.recv()) is not None:
            try:
                said = False, work(task)
            except Exception as fault:
                said = True, fault
            pipe.send(said)
