"""Sample: records drawn so that anybody draws the same ones again, with nothing but their ids and a seed.

Ids stand in the order of SHA-256 over the seed, a line feed and the id (UTF-8, as hexadecimal digits); the first so
many are drawn. `printf '%s\\n%s' SEED ID | sha256sum` gives an id's place. So a larger sample begins with the smaller
one, and a record that is added changes nothing but that it may push the last one out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from kelu.finding import Text


@dataclass(frozen=True, slots=True)
class Drawn:
    """A record of a sample. Of one that cannot be read only the id is known; a restricted one has no title."""

    id: str
    key: str  # what it was drawn by
    title: str = ""
    date: str = ""
    status: str = ""
    state: Text | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """Records of one type, first drawn first, and what it takes to draw them again: the seed, the commit whose records
    these are (None where they are in no commit), how many there were to draw from, and the folder of their files."""

    type: str
    label: Text
    folder: str
    seed: str
    commit: str | None
    population: int
    narrowed: bool  # by period or state: not all records of the type
    drawn: tuple[Drawn, ...]


def key(seed: str, name: str) -> str:
    """What an id is put in order by."""
    return hashlib.sha256(f"{seed}\n{name}".encode("utf-8", "surrogateescape")).hexdigest()


def draw(names: Iterable[str], seed: str, size: int) -> list[str]:
    """The first `size` of these ids in the order of their keys; all where there are not so many."""
    return sorted(set(names), key=lambda name: (key(seed, name), name))[:size]
