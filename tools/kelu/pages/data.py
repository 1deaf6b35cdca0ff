"""Data: the files beside the pages, for tables, spreadsheets and programs; each made only where it has changed.

A file that is costly to make tells by a key what it is made from. Those that have to be made are shared among hands.
"""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from kelu.pages import hands
from kelu.pages.tree import SiteTree, Stamp

FOLDER = "data"
_FEW = 8  # files, for which no hands are called


@dataclass(frozen=True, slots=True)
class File:
    """A file to be: its path below `data`, what makes its content, and the key of all that it is made from. One without
    a key is always made."""

    path: str
    make: Callable[[], bytes]
    key: str = ""


def key(*known: Any) -> str:
    """A digest of plain values."""
    return hashlib.blake2b(marshal.dumps(known, 2), digest_size=20).hexdigest()


def write(files: Iterable[File], tree: SiteTree) -> None:
    """Bring the files into the site."""
    stale = [item for item in files if not (item.key and tree.keep(f"{FOLDER}/{item.path}", item.key))]
    for folder in {f"{FOLDER}/{item.path}".rpartition("/")[0] for item in stale}:
        tree.make(folder)

    def made(place: int) -> tuple[int, Stamp]:
        return place, tree.write(f"{FOLDER}/{stale[place].path}", stale[place].make())

    for place, stamp in hands.share(made, range(len(stale)), len(stale) // _FEW):
        tree.note(f"{FOLDER}/{stale[place].path}", stale[place].key, stamp)
