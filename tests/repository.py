"""Test repositories: this repository's schemas and policies with records of a test's choosing, held in memory."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from kelu import check
from kelu.git import MemoryTree, WorkTree
from kelu.store import Store

ROOT = Path(__file__).parents[1]
MOMENT = datetime.datetime.fromisoformat("2026-11-22T12:00:00+08:00")


@cache
def rulebook_files() -> Mapping[str, bytes]:
    """Schemas, policies and configuration of this repository."""
    tree = WorkTree(ROOT)
    return {entry.path: raw for entry, raw in tree.read(tree.entries("schemas", "policies", "config"))}


@cache
def own_records() -> Mapping[str, bytes]:
    """The records of this repository."""
    tree = WorkTree(ROOT)
    return {entry.path: raw for entry, raw in tree.read(tree.entries("records"))}


def tree_of(records: Mapping[str, bytes], **changed: bytes) -> MemoryTree:
    """A tree of these records under this repository's rulebook."""
    return MemoryTree({**rulebook_files(), **records, **changed})


@cache
def rulebook() -> check.Rulebook:
    """This repository's rulebook, opened once."""
    return check.open_book(tree_of({}))


def store() -> Store:
    """A fresh store in memory."""
    return check.open_cache(Path(), rulebook(), cached=False)


def checked(records: Mapping[str, bytes], modes: Mapping[str, str] | None = None) -> check.Report:
    """The report of a check over these records."""
    tree = MemoryTree(dict(records), dict(modes or {}))
    return check.check(tree, rulebook(), store(), MOMENT)


def replaced(path: str, old: str, new: str, records: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """This repository's records with one text of one file replaced; the text must stand there."""
    files = dict(own_records() if records is None else records)
    text = files[path].decode("utf-8")
    assert text.count(old) >= 1, f"{old!r} does not stand in {path}"
    files[path] = text.replace(old, new, 1).encode("utf-8")
    return files
