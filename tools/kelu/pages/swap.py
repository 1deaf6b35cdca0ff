"""Swap: how a finished site takes the place of the last one, at once or not at all, and one build at a time."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

from kelu.pages.shell import SiteError

STAGED, RETIRED, LOCK = "site.new", "site.old", "site.lock"


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold the lock of a work folder; SiteError when another build holds it. It ends with the process."""
    with lock.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as held:
            raise SiteError(f"另一个构建正在进行 / another build is under way: {lock}") from held
        yield


def swap(work: Path, out: Path) -> None:
    """Put the finished site in the place of the last one; on failure the last one stays."""
    out.parent.mkdir(parents=True, exist_ok=True)
    staged, retired = _places(work, out)
    if staged.parent != work:  # a rename is all or nothing only within one file system
        shutil.rmtree(staged, ignore_errors=True)
        shutil.move(work / STAGED, staged)
    shutil.rmtree(retired, ignore_errors=True)
    if out.exists():
        out.rename(retired)
    try:
        staged.rename(out)
    except OSError:
        recover(work, out)
        raise
    shutil.rmtree(retired, ignore_errors=True)


def recover(work: Path, out: Path) -> None:
    """After a build that stopped between the two renames: bring the last good site back."""
    _, retired = _places(work, out)
    if not out.exists() and retired.exists():
        retired.rename(out)


def _places(work: Path, out: Path) -> tuple[Path, Path]:
    """Where the finished and the former site wait: in `work`, or beside `out` when that is another disk."""
    if out.parent.exists() and out.parent.stat().st_dev != work.stat().st_dev:
        return out.with_name(f".{out.name}.new"), out.with_name(f".{out.name}.old")
    return work / STAGED, work / RETIRED
