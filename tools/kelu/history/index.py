"""Index: the history of a repository as kept in its cache, brought up to date with one walk of what is new.

Everything here follows from the commits alone. Whether what happened was allowed hangs on schemas and policy too, and
is judged elsewhere.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import multiprocessing
import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from pathlib import Path
from typing import Any

from kelu import git, resources
from kelu.finding import Text
from kelu.git import log
from kelu.history import version
from kelu.history.step import Act, Unit
from kelu.intake import RECORDS
from kelu.periods import SHANGHAI
from kelu.stage import counted
from kelu.store.trail import Row, Trail, open_trail

CACHE = Path(".kelu/cache/history.duckdb")
_PARALLEL_FROM = 400  # files; below, starting processes costs more than it saves
_CHUNK = 400
_ID = re.compile(r"\b[A-Z]{3}(?:-\d{4})?-\d{3,}\b")
_HEAD = "head"


class HistoryError(Exception):
    """The history cannot be read. `text` says why, `mend` what to do, in Chinese and English."""

    def __init__(self, text: Text, mend: Text) -> None:
        super().__init__(text.zh)
        self.text, self.mend = text, mend

    @classmethod
    def shallow(cls) -> HistoryError:
        """What is needed has been cut off (GH-02)."""
        return cls(
            Text("这是浅克隆，历史不完整；不作部分检查。",
                 "This is a shallow clone, its history is cut off; nothing is half-checked."),
            Text("取得完整历史：git fetch --unshallow（在 GitHub Actions 中，actions/checkout 设 fetch-depth: 0）",
                 "Fetch the whole history: git fetch --unshallow (on GitHub Actions: checkout with fetch-depth: 0)"),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Touch:
    """A file in a commit: its blob before (in a merge: on the branch it was made on) and after."""

    place: int
    path: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as it stands in Git; `place` counts in an order in which parents come first, `unit` is the place of the
    commit of the default branch that brought it in: itself, or a merge."""

    place: int
    sha: str
    parents: tuple[str, ...]
    author: log.Person
    authored_at: datetime.datetime
    committer: log.Person
    committed_at: datetime.datetime
    trailers: tuple[tuple[str, str], ...]
    message: str
    files: int
    unit: int


class History:
    """The history of one commit, `head`, or of it what landed at some places (`only`). What is asked is worked out
    once."""

    def __init__(self, root: Path, trail: Trail, head: str, only: Collection[int] | None = None) -> None:
        self.root, self.head, self._trail, self._only = root, head, trail, only

    def part(self, units: Collection[int]) -> History:
        """The same history of which only what landed at some places is loaded."""
        return History(self.root, self._trail, self.head, units)

    @cached_property
    def commits(self) -> Mapping[int, Commit]:
        """Every commit by place, parents first."""
        rows = self._trail.commits() if self._only is None else self._trail.brought(self._only)
        return {row[0]: _commit(row) for row in rows}

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The place of each commit."""
        if self._only is not None:
            return {commit.sha: place for place, commit in self.commits.items()}
        return {row[1]: row[0] for row in self._trail.query("SELECT place, sha FROM commits")}

    @cached_property
    def landed(self) -> Mapping[int, int]:
        """The place of what brought each commit in, by the commit's place."""
        if self._only is not None:
            return {place: commit.unit for place, commit in self.commits.items()}
        return dict(self._trail.query("SELECT place, unit FROM commits"))

    def is_landing(self, place: int) -> bool:
        """Whether a commit lies on the default branch itself."""
        return self.landed[place] == place

    def landings(self, places: Collection[int]) -> dict[int, int]:
        """The same of some commits as `landed` tells of all, which need not be loaded then."""
        return dict(self._trail.units(places))

    def place(self, sha: str) -> int | None:
        """The place of a commit; None where it is not in this history."""
        return next((place for (place,) in self._trail.query("SELECT place FROM commits WHERE sha = $1", [sha])), None)

    def stamps(self, shas: Collection[str]) -> dict[str, tuple[int, datetime.datetime]]:
        """Place and committer time of some commits."""
        asked = "SELECT sha, place, committed FROM commits WHERE sha IN (SELECT unnest($1::VARCHAR[]))"
        return {sha: (place, _moment(committed)) for sha, place, committed in self._trail.query(asked, [list(shas)])}

    def naming(self, names: Set[str]) -> set[int]:
        """The places of the commits that name one of some records."""
        asked = "SELECT place, message FROM commits WHERE regexp_matches(message, $1)"
        wanted = "|".join(sorted(name for name in names if _ID.fullmatch(name)))
        rows = self._trail.query(asked, [wanted]) if wanted else []
        return {place for place, message in rows if not names.isdisjoint(_ID.findall(message))}

    def arrivals(self) -> list[tuple[str, int, datetime.datetime]]:
        """(path, place, committer time) of the first landing that brought each record file onto the default branch."""
        asked = (
            "SELECT path, place, committed FROM (SELECT path, min(place) AS place FROM touch "
            "JOIN commits USING (place) WHERE old IS NULL AND starts_with(path, $1) AND unit = place GROUP BY path) "
            "JOIN commits USING (place)"
        )
        return [(path, place, _moment(at)) for path, place, at in self._trail.query(asked, [f"{RECORDS}/"])]

    def some(self, places: Collection[int]) -> dict[int, Commit]:
        """The commits of these places: where few are asked for, the others need not be loaded."""
        return {row[0]: _commit(row) for row in self._trail.commits(places)} if places else {}

    def remarks(self, names: Set[str]) -> dict[int, Commit]:
        """The commits that changed no file and name one of these records: what they do is to say something."""
        asked = "SELECT place, message FROM commits WHERE files = 0 AND contains(message, $1)"
        rows = self._trail.query(asked, [next(iter(names)) if len(names) == 1 else ""])
        return self.some([place for place, message in rows if not names.isdisjoint(_ID.findall(message))])

    def paths(self, folder: str) -> list[str]:
        """Every record file that there ever was in a folder or below it."""
        asked = "SELECT DISTINCT path FROM version WHERE starts_with(path, $1) ORDER BY path"
        return [path for (path,) in self._trail.query(asked, [folder])]

    def touches(self, paths: Collection[str] | None = None) -> list[Touch]:
        """Every change of files (of these files), by file and in order."""
        return [Touch(*row) for row in self._trail.touches(paths)]

    def touched(self, places: Collection[int]) -> list[Touch]:
        """Every change of files by the commits of some places, by file and in order."""
        return [Touch(*row) for row in self._trail.touched(places)]

    @cached_property
    def acts(self) -> Mapping[int, Act]:
        """Every commit as rules see it, by place, with people as .mailmap names them."""
        return self.acts_of(self.commits)

    def acts_of(self, commits: Mapping[int, Commit]) -> dict[int, Act]:
        """Some commits as rules see them, by place."""
        return dict(zip(commits, acts_of(self.root, list(commits.values()), self.head), strict=True))

    @cached_property
    def units(self) -> Mapping[int, Unit]:
        """What landed on the default branch at once, by the place of the commit that brought it."""
        acts: dict[int, list[Act]] = defaultdict(list)
        for place, act in self.acts.items():  # parents first, so that the one which brought the others is the last
            acts[self.landed[place]].append(act)
        return {place: Unit(tuple(of)) for place, of in sorted(acts.items())}

    def documents(self, paths: Collection[str] | None = None) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """(path, {blob: data or None where it cannot be read}) of each file, one file at a time."""
        yield from put_together(self.versions(paths))

    def versions(self, paths: Collection[str] | None = None) -> list[Row]:
        """What `put_together` makes these documents of, wherever that is done."""
        return self._trail.versions(paths)

    def ask(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Rows of a question about the tables of the kept history."""
        return self._trail.query(sql, parameters)

    def mailmap(self) -> str:
        """The blob of the .mailmap by which people are named; empty without one."""
        try:
            return git.run(self.root, "rev-parse", "--verify", "--quiet", f"{self.head}:.mailmap").decode()
        except git.GitError:
            return ""

    def recall(self, key: str) -> str | None:
        """A text kept with this history."""
        return self._trail.recall(key)

    def remember(self, key: str, text: str) -> None:
        """Keep a text with this history."""
        self._trail.remember(key, text)

    def retain(self, prefix: str, texts: Mapping[str, str | None]) -> None:
        """Of the texts kept under keys of a prefix keep these, and those anew that are given."""
        with self._trail.change():
            self._trail.retain(prefix, list(texts))
            for key, text in texts.items():
                if text is not None:
                    self._trail.remember(key, text)

    def close(self) -> None:
        self._trail.close()


def put_together(versions: Iterable[Row]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(path, {blob: data or None where it cannot be read}) of each file of these versions, one file at a time."""
    path, seen = "", dict[str, Any]()
    for row in versions:
        if row[0] != path:
            if seen:
                yield path, seen
            path, seen = row[0], {}
        _, blob, base, delta = row
        seen[blob] = None if delta is None else version.applied(seen[base] if base else None, delta)
    if seen:
        yield path, seen


def open_history(root: Path, *, cached: bool = True, tip: str = "HEAD") -> History:
    """The history of `tip`, read as far as it was not kept. Raises HistoryError without one, or where a shallow clone
    has cut it off (GH-02)."""
    head = git.head(root, tip)
    if head is None:
        raise HistoryError(
            Text("没有提交，因此没有历史。", "There is no commit, hence no history."),
            Text("先用 git commit 提交。", "Commit first: git commit"),
        )
    if git.is_shallow(root):
        raise HistoryError.shallow()
    trail = open_trail(root / CACHE if cached else None, resources.program_digest())
    kept = trail.recall(_HEAD)
    if kept != head.sha:
        with trail.change():
            _extend(root, trail, kept, head.sha)
            trail.remember(_HEAD, head.sha)
    return History(root, trail, head.sha)


def _extend(root: Path, trail: Trail, kept: str | None, head: str) -> None:
    known = _common(root, trail, kept, head) if kept is not None else []
    place = trail.count()
    commits: list[Row] = []
    touches: list[Row] = []
    links: dict[str, dict[version.Link, None]] = defaultdict(dict)
    for commit in counted(log.walk(root, head, known), "读取提交", "Reading commits"):
        commits.append(
            (place, commit.sha, " ".join(commit.parents), commit.author.name, commit.author.mail, commit.authored,
             commit.committer.name, commit.committer.mail, commit.committed,
             json.dumps(commit.trailers, ensure_ascii=False), commit.message, len(commit.changes), place)
        )  # fmt: skip
        for change in commit.changes:
            touches.append((place, change.path, change.old, change.new))
            if change.new is not None and _is_record(change.path):
                links[change.path][change.old, change.new] = None
        place += 1
    held: dict[str, set[str]] = defaultdict(set)
    if kept is not None:
        for path, blob, _, _ in trail.versions(list(links)):
            held[path].add(blob)
    with _versions(root, links, held) as versions:  # other processes read these meanwhile
        landed = _landed([(row[0], row[1], row[2]) for row in commits], head, kept)
        trail.add("commits", commits)
        trail.add("touch", touches)
        if landed is None:  # the default branch now runs through other commits than before
            landed = _landed(trail.query("SELECT place, sha, parents FROM commits ORDER BY place"), head, None) or {}
        trail.land({place: unit for place, unit in landed.items() if place != unit or kept is not None})
        for rows in versions:
            trail.add("version", rows)


def _common(root: Path, trail: Trail, kept: str, head: str) -> list[str]:
    """What of the kept history is in the new one: the newest such commits. Whatever is not, is forgotten."""
    if git.is_ancestor(root, kept, head):
        return [kept]
    try:
        gone = git.run(root, "rev-list", kept, f"^{head}", "--").decode().split()
        shared = git.run(root, "merge-base", "--all", kept, head).decode().split()
    except git.GitError:  # the old history is no longer there, or has nothing in common with the new one
        trail.forget([sha for (sha,) in trail.query("SELECT sha FROM commits")])
        return []
    trail.forget(gone)
    return shared


def _landed(commits: Sequence[Row], head: str, kept: str | None) -> dict[int, int] | None:
    """For each commit (place, sha, parents) the place of the one on the first-parent chain of `head` that brought it
    in: itself, or a merge. None when that chain does not run through `kept`, the head of the commits before these."""
    places = {sha: place for place, sha, _ in commits}
    parents = {place: said.split() for place, _, said in commits}
    chain: list[int] = []
    tip: str | None = head
    while tip in places:
        chain.append(places[tip])
        tip = next(iter(parents[chain[-1]]), None)
    if kept is not None and tip != kept:
        return None
    found: dict[int, int] = {}
    for place in reversed(chain):
        found[place] = place
        waiting = parents[place][1:]
        while waiting:
            one = places.get(waiting.pop())
            if one is not None and one not in found:
                found[one] = place
                waiting += parents[one]
    return found


def _is_record(path: str) -> bool:
    return path.startswith(f"{RECORDS}/") and path.endswith(".yaml")


_READING = ("读取各版本", "Reading versions")


@contextlib.contextmanager
def _versions(
    root: Path, links: Mapping[str, Iterable[version.Link]], held: Mapping[str, set[str]]
) -> Iterator[Iterable[list[Row]]]:
    """The rows of the versions that are not held yet, being worked out."""
    work = []
    for path in sorted(links):
        seen = set(held.get(path, ()))
        fresh: list[version.Link] = []
        for base, blob in links[path]:
            if blob not in seen:
                seen.add(blob)
                fresh.append((base, blob))
        if fresh:
            work.append((path, fresh))
    chunks = [work[start : start + _CHUNK] for start in range(0, len(work), _CHUNK)]
    if len(work) < _PARALLEL_FROM or (os.cpu_count() or 1) < 2:
        yield counted((version.chains(str(root), chunk) for chunk in chunks), *_READING, len(chunks))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context) as pool:
        yield counted(pool.map(version.chains, repeat(str(root)), chunks), *_READING, len(chunks))


def _commit(row: Sequence[Any]) -> Commit:
    place, sha, parents, name, mail, authored, committer, committer_mail, committed, trailers, message, files, unit = (
        row
    )
    return Commit(
        place, sha, tuple(parents.split()), log.Person(name, mail), _moment(authored),
        log.Person(committer, committer_mail), _moment(committed), tuple(map(tuple, json.loads(trailers))), message,
        files, unit,
    )  # fmt: skip


def _moment(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, SHANGHAI)


def acts_of(root: Path, commits: Sequence[Commit | log.Logged], tip: str) -> list[Act]:
    """Commits as rules see them, with people as .mailmap of the commit `tip` names them."""
    named = {value: log.person(value) for commit in commits for _, value in commit.trailers}
    people = log.mapped(root, [*(commit.author for commit in commits), *filter(None, named.values())], tip)
    return [
        Act(
            commit.sha, people[commit.author].name, people[commit.author].mail, commit.authored_at, commit.committed_at,
            commit.message.split("\n", 1)[0],
            tuple((key, people[one].name, people[one].mail) for key, value in commit.trailers if (one := named[value])),
            frozenset(_ID.findall(commit.message)), commit.files == 0, commit.author.mail.lower(),
        )
        for commit in commits
    ]  # fmt: skip
