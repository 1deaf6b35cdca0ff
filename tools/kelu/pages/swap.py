"""Swap: how a finished site and the standing one change places, at once or not at all, and one build at a time."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from kelu.pages.shell import SiteError

NEXT, RETIRED, LOCK = "site.next", "site.old", "site.lock"
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold the lock of a work folder; SiteError when another build holds it. It ends with the process."""
    with lock.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as held:
            raise SiteError(f"另一个构建正在进行 / another build is under way: {lock}") from held
        yield


def place(work: Path, out: Path) -> Path:
    """Where the site in the making stands, and afterwards the one before: in `work`, or beside `out` when that is
    another disk. A rename is all or nothing, and a link possible, only within one file system."""
    return _places(work, out)[0]


def swap(work: Path, out: Path) -> None:
    """Let the finished site and the standing one change places; on failure the latter stays."""
    following, retired = _places(work, out)
    if not out.exists():
        following.rename(out)
    elif not _exchanged(following, out):  # for an instant there is no site; `recover` mends what stops just then
        out.rename(retired)
        try:
            following.rename(out)
        except OSError:
            recover(work, out)
            raise
        retired.rename(following)


def recover(work: Path, out: Path) -> None:
    """After a build that stopped among the renames: bring the last good site back, or the one before to its place."""
    following, retired = _places(work, out)
    if not retired.exists():
        return
    if not out.exists():
        retired.rename(out)
    elif not following.exists():
        retired.rename(following)
    else:
        shutil.rmtree(retired)


def _exchanged(one: Path, other: Path) -> bool:
    """Whether two folders changed places, in one step; not every system can."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    return rename is not None and not rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE)


def _places(work: Path, out: Path) -> tuple[Path, Path]:
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.parent.stat().st_dev != work.stat().st_dev:
        return out.with_name(f".{out.name}.next"), out.with_name(f".{out.name}.old")
    return work / NEXT, work / RETIRED
