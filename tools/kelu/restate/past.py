"""Past: what the repository held at a commit, and which records are others today as known at the same moment."""

from __future__ import annotations

import datetime
import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from kelu import check, kpi
from kelu.check import Rulebook
from kelu.git import Entry, MemoryTree, RevisionTree, Tree, WorkTree
from kelu.history.index import History
from kelu.intake import RECORDS, take_in
from kelu.periods import Period
from kelu.policy import FOLDERS
from kelu.restate.kept import Kept
from kelu.store import Store, Table

RULES = ("schemas", *FOLDERS)
_OF_ALL = {"link", "term"}  # tables in which anything of any record may stand
_INDEX = {"record_index", "listing"}  # those in which every record stands, with a few of its columns
_INDEXED = {"id", "policy", "customer", "project", "status", "void"}  # these, and the business date
_OF_EACH = {"policy", "customer", "project"}  # columns that every figure may be cut by


@dataclass(frozen=True, slots=True)
class Ground:
    """What figures are restated from: today's files and records, what judges them, and their history.

    The store is laid anew for each moment; in the end it holds the records of `tree` and tells when they landed, as it
    did before.
    """

    root: Path
    tree: check.Standing
    book: Rulebook
    store: Store
    history: History


class Difference(NamedTuple):
    """How a record is another one today as known at a moment: its type, the columns that differ (None where it came or
    went as a whole), and what tells its present content."""

    kind: str
    columns: frozenset[str] | None
    now: str


class Pasts:
    """What the repository held at some commits; None for one whose policies this program cannot judge by."""

    def __init__(self, ground: Ground, kept: Kept) -> None:
        tree = replace(ground.tree, told={}) if isinstance(ground.tree, WorkTree) else ground.tree
        self._ground, self._kept, self._tree = ground, kept, tree
        self._books: dict[tuple[tuple[str, Entry | None], ...], Rulebook | None] = {(): ground.book}
        self._held: dict[str, Past | None] = {}
        self._before: Store | None = None
        self._fits = ""
        self._standing: dict[str, Mapping[str, set[str]]] = {}
        self._tables: dict[str, Mapping[str, Table]] = {}

    def of(self, sha: str | None) -> Past | None:
        if sha is None:
            return None
        if sha not in self._held:
            self._held[sha] = self._open(sha)
        return self._held[sha]

    def close(self) -> None:
        if self._before is not None:
            self._before.close()

    def standing(self, book: Rulebook) -> Mapping[str, set[str]]:
        """The names that each KPI stands on."""
        if book.policy.digest not in self._standing:
            self._standing[book.policy.digest] = kpi.standing(book.policy)
        return self._standing[book.policy.digest]

    def tables(self, book: Rulebook) -> Mapping[str, Table]:
        """The tables that policy and configuration make."""
        if book.policy.digest not in self._tables:
            self._tables[book.policy.digest] = check.tables(book.policy, ())
        return self._tables[book.policy.digest]

    def changed(self, past: Past, as_of: datetime.datetime) -> dict[str, Difference]:
        """Each record that today is another one as known at a moment.

        What was found at the last build holds for the files that have not changed since.
        """
        former = self._kept.differences(past.sha, as_of)
        if former is None or self._since is None:
            found = self._compared(past, as_of, *past.differing)
        else:
            found = {name: Difference(*told) for name, told in former.items() if name not in self._since}
            found |= self._compared(past, as_of, *self._of_some(past))
        self._kept.found(past.sha, as_of, found)
        return found

    @cached_property
    def is_committed(self) -> bool:
        """Whether the files are those of the history's last commit."""
        return not self._tree.since(self._ground.history.head, RECORDS, *RULES)

    @cached_property
    def _ruling(self) -> check.Standing:
        """A tree of today's rules: the last commit, if they are committed, as two commits are held against each other
        without looking at every record."""
        head = self._ground.history.head
        return self._tree if self._tree.since(head, *RULES) else RevisionTree(self._ground.root, head)

    @cached_property
    def _since(self) -> Collection[str] | None:
        """The names of the files that have changed since the last build; None where that cannot be told."""
        if self._kept.head is None:
            return None
        return {PurePosixPath(path).stem for path in self._moved}

    @cached_property
    def _moved(self) -> Collection[str]:
        """The record files that have changed since then."""
        assert self._kept.head is not None
        return [path for path in self._tree.since(self._kept.head, RECORDS, *RULES) if path.startswith(f"{RECORDS}/")]

    @cached_property
    def _places(self) -> Sequence[str]:
        """Wherever files of these names are or were."""
        names = self._since or ()
        asked = "SELECT DISTINCT path FROM touch WHERE list_contains($1, parse_filename(path, true))"
        found = {path for (path,) in self._ground.history.ask(asked, [list(names)])} if names else set()
        found |= set(self._moved) if names else set()
        return sorted(path for path in found if path.startswith(f"{RECORDS}/"))

    @cached_property
    def _present(self) -> Mapping[str, Entry]:
        """The files that are there today in these places."""
        return {entry.path: entry for entry in self._tree.entries(*self._places)} if self._places else {}

    def _of_some(self, past: Past) -> tuple[list[Entry], list[Entry]]:
        """What was and what is in these places, where that differs."""
        if not self._places:
            return [], []
        then = {entry.path: entry for entry in past.tree.entries(*self._places)}
        paths = sorted(path for path in {*then, *self._present} if then.get(path) != self._present.get(path))
        return [then[path] for path in paths if path in then], [
            self._present[path] for path in paths if path in self._present
        ]

    def _compared(
        self, past: Past, as_of: datetime.datetime, gone: Sequence[Entry], come: Sequence[Entry]
    ) -> dict[str, Difference]:
        was = _known(self._former(past, gone), past.book, gone, as_of, False) if gone else {}
        now = _known(self._ground.store, self._ground.book, come, as_of, True) if come else {}
        found: dict[str, Difference] = {}
        for name in sorted({*was, *now}):
            kind = (was.get(name) or now[name])[0]
            before, after = was[name][1] if name in was else None, now[name][1] if name in now else None
            columns = None
            if before is not None and after is not None:
                columns = frozenset(key for key in {*before, *after} if before.get(key) != after.get(key))
            if columns is None or columns:
                told = hashlib.sha256(repr(sorted((after or {}).items())).encode()).hexdigest()[:24]
                found[name] = Difference(kind, columns, told)
        return found

    def _former(self, past: Past, gone: Sequence[Entry]) -> Store:
        """Some records of then in a store, which is used again, as most are the same at other times."""
        if self._before is None or self._fits != past.book.fingerprint:
            self.close()
            self._before = check.open_cache(self._ground.root, past.book, cached=False)
            self._fits = past.book.fingerprint
        held = past.tree.read(gone)
        take_in(MemoryTree({entry.path: raw for entry, raw in held}), past.book.schemas, self._before)
        return self._before

    def _open(self, sha: str) -> Past | None:
        tree = RevisionTree(self._ground.root, sha)
        rules = self._ruling.since(sha, *RULES)
        key = tuple((path, old) for path, (old, _) in rules.items())
        if key not in self._books:
            self._books[key] = _readable(tree)
        book = self._books[key]
        return None if book is None else Past(self, self._ground, self._tree, tree, book, set(rules))


class Past:
    """What the repository held at a commit, and in what that differs from today."""

    def __init__(
        self, pasts: Pasts, ground: Ground, today: check.Standing, tree: RevisionTree, book: Rulebook,
        rules: Collection[str],
    ) -> None:  # fmt: skip
        self._pasts, self._ground, self._today, self.tree, self.book, self.rules = (
            pasts, ground, today, tree, book, rules,
        )  # fmt: skip
        self.sha = tree.revision
        self._bases: dict[tuple[str, Period], bool] = {}
        self._standing = pasts.standing(book), pasts.standing(ground.book)

    @cached_property
    def differing(self) -> tuple[list[Entry], list[Entry]]:
        """The record files that were others then, or are others today."""
        ends = self._today.since(self.sha, RECORDS).values()
        return [old for old, _ in ends if old], [new for _, new in ends if new]

    def names(self, code: str) -> set[str]:
        """The names that a KPI stands on or stood on."""
        return self._standing[0].get(code, set()) | self._standing[1].get(code, set())

    def causes(self, code: str, changed: Mapping[str, Difference]) -> set[str]:
        """Those of the changed records that a KPI may stand on: its SQL must name what it uses of them."""
        names = self.names(code) | _OF_EACH
        every, indexed = bool(names & _OF_ALL), bool(names & _INDEX)
        return {
            record
            for record, (kind, columns, _) in changed.items()
            if every
            or (kind in names and (columns is None or columns & names))
            or (indexed and (columns is None or columns & self._indexed(kind)))
        }

    def _indexed(self, kind: str) -> set[str]:
        """The columns of a type that tell of its records where all types stand together."""
        books = [book for book in (self.book, self._ground.book) if kind in book.schemas.records]
        return _INDEXED | {(book.schemas.records[kind].business_date or "").partition(".")[0] for book in books}

    def is_ruled_anew(self, code: str, period: Period) -> bool:
        """Whether a KPI now follows from another definition, target, view, parameter, or schema."""
        if self.book is self._ground.book:
            return False
        if (code, period) not in self._bases:
            then, now = (
                _basis(book, code, period, names.get(code, set()), self._pasts.tables(book))
                for book, names in zip((self.book, self._ground.book), self._standing, strict=True)
            )
            self._bases[code, period] = then != now
        return self._bases[code, period]


def _readable(tree: Tree) -> Rulebook | None:
    try:
        book = check.open_book(tree)
    except ValueError:
        return None
    return book if book.sound else None


def _known(
    store: Store, book: Rulebook, entries: Sequence[Entry], as_of: datetime.datetime, hindsight: bool
) -> dict[str, tuple[str, Any]]:
    """Type and content of each sound record in some files as known at a moment, by id; wherever its file lies."""
    of_type: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        schema = book.schemas.of_folder(f"{entry.path.rpartition('/')[0]}/")
        if schema is not None:
            of_type[schema.name].append(entry.path)
    found = {}
    for name, paths in of_type.items():
        for row in store.known(name, as_of, paths, hindsight=hindsight):
            del row["_path"]
            found[row["id"]] = name, row
    return found


def _basis(
    book: Rulebook, code: str, period: Period, names: Collection[str], tables: Mapping[str, Table]
) -> Any:  # fmt: skip
    """All that a KPI, which stands on tables and views of some names, follows from beside records."""
    definition = kpi.find(book.policy, code, period.last)
    if definition is None:
        return None
    return (
        definition.pack, definition.data,
        {name: sql for name, sql in book.policy.views.items() if name in names},
        {name: table for name, table in tables.items() if name in names},
        {name: book.schemas.raw[name] for name in book.schemas.records if name in names},
    )  # fmt: skip
