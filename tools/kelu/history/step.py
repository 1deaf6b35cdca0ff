"""Step: what one landing did to one record — the unit in which history is judged.

A commit on the first-parent chain of the default branch is a unit; a merge on it is one unit together with all
commits that it brought in, so that a fix-up inside a pull request is no event of the record.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNCOMMITTED = "uncommitted"  # in place of the name of a commit that is still to be made
Trailer = tuple[str, str, str]  # key in lower case, name, mail in lower case (as .mailmap maps it)


@dataclass(frozen=True, slots=True)
class Act:
    """One commit, as far as rules ask: who did it, when, and what its message says.

    `mail` is lower case and mapped by .mailmap, `written` the one that the commit itself gives; `names` are the record
    ids that the message names; `empty` says that it changed no file.
    """

    sha: str
    name: str
    mail: str
    authored_at: datetime.datetime
    committed_at: datetime.datetime
    subject: str
    trailers: tuple[Trailer, ...] = ()
    names: frozenset[str] = frozenset()
    empty: bool = False
    written: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """What came onto the default branch at once: its own commit last, those it brought in before, oldest first."""

    acts: tuple[Act, ...]

    @property
    def own(self) -> Act:
        return self.acts[-1]


@dataclass(frozen=True, slots=True)
class Step:
    """One record file in one unit: what it held before and after (None: no such file), and the unit's acts that
    touched it. `broken` says that the file held no readable record afterwards."""

    unit: Unit
    acts: tuple[Act, ...]
    path: str
    type: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    broken: bool = False
