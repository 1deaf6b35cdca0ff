"""Partial: clones that hold a part of a repository only, and how they get of the rest what a check of a change needs.

A runner's clone may have no blobs, the last commit of each branch and nothing checked out. Of the history only the
commits between the change and its base are needed, and of the blobs those that are read.
"""

from __future__ import annotations

import os
from pathlib import Path

from kelu.git import FETCH, GitError, RevisionTree, fetch_blobs, promisor, run

_DEEPER = (8, 64, 512, 4096)  # commits, one step after the other: most changes are small and start near their base


def cut_off(root: Path) -> frozenset[str]:
    """The commits at which a shallow clone ends; none in a whole one."""
    place = root / os.fsdecode(run(root, "rev-parse", "--git-path", "shallow").rstrip(b"\n"))
    return frozenset(place.read_text("ascii").split()) if place.exists() else frozenset()


def fork(root: Path, base: str) -> str | None:
    """The commit from which HEAD went its own way."""
    try:
        return run(root, "merge-base", base, "HEAD").decode().strip()
    except GitError:  # they have no commit in common
        return None


def bring(root: Path, base: str, folder: str, rules: tuple[str, ...]) -> None:
    """Have a partial clone hold what judging HEAD against `base` needs: the commits that either has and the other has
    not, the files under `rules` of both, and those under `folder` that differ. A whole clone is left as it is.

    Raises GitError when the remote does not give them.
    """
    remote = promisor(root)
    if remote is None:
        return
    for step in _DEEPER:
        # Where each commit that only one of the two has knows its parents, their last common commit is the true one.
        if cut_off(root).isdisjoint(run(root, "rev-list", f"{base}...HEAD", "--").decode().split()):
            break
        tips = [run(root, "rev-parse", f"{name}^{{commit}}").decode().strip() for name in ("HEAD", base)]
        run(root, *FETCH, f"--deepen={step}", remote, *tips)
    blobs = {entry.blob for name in ("HEAD", base) for entry in RevisionTree(root, name).entries(*rules)}
    differing = RevisionTree(root, "HEAD").since(fork(root, base) or base, folder)
    blobs |= {entry.blob for ends in differing.values() for entry in ends if entry is not None}
    fetch_blobs(root, blobs)
