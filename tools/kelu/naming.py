"""Naming: which tables, views and macros a text of SQL may name, read off its words.

Nothing is parsed: a word that happens to be a name counts as naming it, so that a name is rather found once too
often than missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_REMARK = re.compile(r"^\s*--.*$", re.MULTILINE)
_WORD = re.compile(r"[a-z_][a-z0-9_]*")


def words(sql: str) -> set[str]:
    """The words of a text but for its remarks, in lower case."""
    return set(_WORD.findall(_REMARK.sub("", sql).lower()))


def reach(sql: Iterable[str], derived: Mapping[str, str]) -> set[str]:
    """The words of some texts and of everything in `derived` ({name: SQL}) that they name, directly or not."""
    found: set[str] = set()
    waiting = list(sql)
    while waiting:
        new = words(waiting.pop()) - found
        found |= new
        waiting += [derived[name] for name in new & derived.keys()]
    return found


def in_order(derived: Mapping[str, str]) -> list[str]:
    """The names of `derived`, each after those it names itself; where they name each other, by name."""
    ordered: dict[str, None] = {}
    for name in sorted(derived):
        waiting = [name]
        while waiting:
            top = waiting[-1]
            before = sorted((words(derived[top]) & derived.keys()) - ordered.keys() - set(waiting))
            if before:
                waiting.append(before[0])
            else:
                ordered[waiting.pop()] = None
    return list(ordered)
