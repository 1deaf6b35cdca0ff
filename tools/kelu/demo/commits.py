"""Commits: the lives of all records as one Git history — who committed what and when — told to `git fast-import`.

Stages that lie near each other share a commit until there are as few as asked for; where there are fewer, an auditor's
reviews fill up. Some of the work comes by branches: with a fix-up, and two of them in one merge at times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from kelu.demo.dice import Dice
from kelu.demo.ground import SINCE
from kelu.demo.lives import Stage
from kelu.demo.prose import Draft, Page

_SHORTEST = timedelta(seconds=1)
_TOGETHER = timedelta(hours=36)  # what shares a commit: registered within two working days, then
_MERGES = 20  # one in so many commits merges a branch,
_FIXED_UP = 5  # one in so many of these after a fix-up,
_OCTOPUS = 10  # and one in so many of them two branches at once
_SIDE, _MAIN = "refs/kelu/side", "refs/heads/main"
ROLES = ("auditor", "qa_manager")  # who reviews, who merges


class TooFewCommits(ValueError):  # noqa: N818 - says what is wrong
    """So many commits cannot hold all there is to tell; `needed` is how many can."""

    def __init__(self, needed: int) -> None:
        super().__init__(f"at least {needed} commits are needed")
        self.needed = needed


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a commit or a trailer names."""

    name: str
    mail: str

    def __str__(self) -> str:
        return f"{self.name} <{self.mail}>"


@dataclass(slots=True, eq=False)
class Life:
    """A record with its path, its stages, and those of them that a commit shows."""

    draft: Draft
    path: str
    stages: Sequence[Stage]
    shown: list[Version] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Version:
    """A record's text after a stage; `slip` says that its author forgot the status. `mark` is that of its blob."""

    life: Life
    number: int
    slip: bool = False
    mark: int = 0

    @property
    def status(self) -> str:
        return self.life.stages[self.number - self.slip].status


@dataclass(slots=True, eq=False)
class Work:
    """What someone committed at once: of each record its stages from one number to another."""

    since: datetime
    at: datetime
    parts: list[tuple[Life, int, int]]


@dataclass(slots=True, eq=False)
class Commit:
    """One commit as it will be told; `parents` are places in the list of commits."""

    at: datetime
    author: str
    subject: str
    parents: list[int]
    versions: Sequence[Version] = ()
    trailers: Sequence[tuple[str, str]] = ()
    side: bool = False


@dataclass(slots=True, eq=False)
class _Branch:
    """Branches that will be merged together: their tips, what they bring, and when they are merged."""

    until: datetime
    wanted: int
    tips: list[int] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)


def plan(lives: Sequence[Life], wanted: int, dice: Dice, roles: Mapping[str, str]) -> list[Commit]:
    """`wanted` commits after the foundation, which is the first of the list and holds what was known by then.

    `roles` gives someone who holds each role. Raises TooFewCommits.
    """
    founded, works = _works(lives, dice)
    merges, room = _shares(wanted)
    works = _joined(works, len(works) - room, lambda one, other: one.parts[0][0] is other.parts[0][0])
    works.sort(key=lambda work: work.at)
    works = _joined(works, len(works) - room, lambda one, other: True)
    if len(works) > room:
        raise TooFewCommits(next(count for count in range(wanted, 3 * len(works)) if _shares(count)[1] >= len(works)))
    history = _History(merges, len(works), founded, roles, dice)
    reviews = room - len(works)
    for place, work in enumerate(works, 1):
        history.add(work, place)
        for _ in range(reviews * place // len(works) - reviews * (place - 1) // len(works)):
            history.review(work.parts[0][0].draft)
    history.merge_all()
    while len(history.commits) < wanted:
        history.review(works[-1].parts[0][0].draft)
    return history.commits


def _shares(wanted: int) -> tuple[int, int]:
    """How many of so many commits merge a branch, and how many bring work; the rest are the foundation and fix-ups."""
    merges = wanted // _MERGES
    return merges, wanted - 1 - merges - merges // _FIXED_UP


def _works(lives: Sequence[Life], dice: Dice) -> tuple[list[Version], list[Work]]:
    """What the foundation holds, and each later stage as work of its own, record by record."""
    founded: list[Version] = []
    works: list[Work] = []
    for life in lives:
        before = SINCE
        known = -1
        for number, stage in enumerate(life.stages):
            at = max(stage.at + timedelta(minutes=dice.between(1, 9)), before + _SHORTEST)
            if stage.at < SINCE:
                known = number
                continue
            before = at
            works.append(Work(stage.at, at, [(life, number, number)]))
        if known >= 0:
            founded.append(Version(life, known))
    return founded, works


def _joined(works: Sequence[Work], surplus: int, may: Callable[[Work, Work], bool]) -> list[Work]:
    """Neighbours joined, the nearest first, until the surplus is gone or nothing more lies near enough."""
    start = list(range(len(works)))
    end = list(range(len(works)))
    since = [work.since for work in works]

    def run(place: int) -> int:
        while start[place] != place:
            start[place] = place = start[start[place]]
        return place

    gaps = [(later.at - earlier.at, place) for place, (earlier, later) in enumerate(pairwise(works))
            if surplus > 0 and may(earlier, later)]  # fmt: skip
    for _, place in sorted(gaps):
        if surplus <= 0:
            break
        first, second = run(place), place + 1
        oldest = min(since[first], since[second])
        if works[end[second]].at - oldest <= _TOGETHER:
            start[second], end[first], since[first] = first, end[second], oldest
            surplus -= 1
    return [
        _one(works[place : end[place] + 1]) if end[place] > place else works[place]
        for place in range(len(works)) if start[place] == place
    ]  # fmt: skip


def _one(works: Sequence[Work]) -> Work:
    parts: dict[Life, tuple[Life, int, int]] = {}
    for work in works:
        for life, first, last in work.parts:
            parts[life] = (life, parts[life][1] if life in parts else first, last)
    return Work(min(work.since for work in works), works[-1].at, list(parts.values()))


class _History:
    """The commits so far, with the branches that are not merged yet."""

    def __init__(self, merges: int, works: int, founded: list[Version], roles: Mapping[str, str], dice: Dice) -> None:
        self.commits: list[Commit] = []
        self._commit(Commit(SINCE, "", "建立记录仓库", [], founded))
        self._auditor, self._merger = roles["auditor"], roles["qa_manager"]
        self._merges, self._works = merges, works
        self._dice = dice
        self._tip = 0
        self._now = SINCE
        self._begun = self._fixed = 0
        self._open: list[_Branch] = []

    def add(self, work: Work, place: int) -> None:
        """Commit a work, on the default branch or on one of its own."""
        touched = {life for life, _, _ in work.parts}
        for branch in sorted(self._open, key=lambda branch: branch.until):
            if branch.until <= work.at or any(version.life in touched for version in branch.versions):
                self._merge(branch, min(branch.until, work.at))
        versions = [Version(life, last) for life, _, last in work.parts]
        joins = next((branch for branch in self._open if branch.wanted > len(branch.tips)), None)
        if joins is not None and len(versions) == 1:
            self._branch_off(joins, work, versions)
        elif self._begun < self._merges and self._begun * self._works < self._merges * place and len(versions) == 1:
            self._begun += 1
            octopus = self._begun % _OCTOPUS == 0
            hours = self._dice.between(1, 3) + (5 if octopus else 0)
            branch = _Branch(work.at + timedelta(hours=hours), 2 if octopus else 1)
            self._open.append(branch)
            self._branch_off(branch, work, versions)
        else:
            self._tip = self._commit(_told(work, self._time(work.at), [self._tip], versions))

    def review(self, draft: Draft) -> None:
        """An auditor looks at a record, and says so in a commit that changes nothing."""
        at = self._time(self._now + _SHORTEST)
        self._tip = self._commit(Commit(at, self._auditor, f"抽查 {draft.id}：记录与凭据一致", [self._tip]))

    def merge_all(self) -> None:
        """Merge what is left."""
        for branch in sorted(self._open, key=lambda branch: branch.until):
            self._merge(branch, branch.until)

    def _branch_off(self, branch: _Branch, work: Work, versions: list[Version]) -> None:
        told = _told(work, self._time(work.at), [self._tip], versions)
        told.side = True
        life, first, last = work.parts[0]
        wanted = self._begun // _FIXED_UP > self._fixed
        if wanted and first == last > 0 and _may_slip(life.stages[last - 1], life.stages[last]):
            self._fixed += 1
            slip = Commit(told.at, told.author, told.subject, told.parents, [Version(life, last, slip=True)], side=True)
            told = Commit(
                self._time(told.at + timedelta(minutes=self._dice.between(2, 20))), told.author,
                f"补改 {life.draft.id} 的状态", [self._commit(slip)], versions, told.trailers, side=True,
            )  # fmt: skip
        branch.tips.append(self._commit(told))
        branch.versions += versions
        branch.until = max(branch.until, told.at)

    def _merge(self, branch: _Branch, at: datetime) -> None:
        self._open.remove(branch)
        ids = "、".join(version.life.draft.id for version in branch.versions)
        subject, parents = f"合并 {ids} 的修改", [self._tip, *branch.tips]
        self._tip = self._commit(Commit(self._time(at), self._merger, subject, parents, branch.versions))

    def _commit(self, commit: Commit) -> int:
        for version in commit.versions:
            if version not in version.life.shown:
                version.life.shown.append(version)
        self.commits.append(commit)
        return len(self.commits) - 1

    def _time(self, at: datetime) -> datetime:
        self._now = max(self._now, at)
        return self._now


def _may_slip(before: Stage, after: Stage) -> bool:
    """Whether someone may enter what is new and forget the status."""
    return before.status != after.status and before.blocks != after.blocks


def _told(work: Work, at: datetime, parents: list[int], versions: list[Version]) -> Commit:
    """A commit that names everyone whose steps it brings: the last of them as author, approvers in trailers."""
    by: dict[str, None] = {}
    approved: dict[str, None] = {}
    lines = []
    for life, first, last in reversed(work.parts):
        steps = life.stages[first : last + 1]
        for stage in reversed(steps):
            by |= dict.fromkeys(stage.by)
            if stage.approved:
                approved[stage.approved] = None
        lines.append((life.draft.id, [stage.says for stage in steps]))
    author, *others = by
    subject = "；".join(f"{record} {'、'.join(dict.fromkeys(said))}" for record, said in reversed(lines[-3:]))
    if len(lines) > 3:
        subject = f"登记与更新 {len(lines)} 份记录：{subject}等"
    trailers = [("Co-authored-by", person) for person in others] + [("Approved-by", person) for person in approved]
    return Commit(at, author, subject, parents, versions, trailers)


def stream(
    lives: Iterable[tuple[Life, Page]],
    commits: Sequence[Commit],
    people: Mapping[str, Person],
    files: Iterable[tuple[str, bytes]],
) -> Iterator[bytes]:
    """The planned commits for `git fast-import`: first what each record held, the versions of one after another, then
    who committed it. The first commit brings `files` too, by path."""
    mark = len(commits)
    for life, page in lives:
        for version in sorted(life.shown, key=lambda version: (version.number, not version.slip)):
            version.mark = mark = mark + 1
            text = page.of(life.stages[version.number].blocks, version.status).encode("utf-8")
            yield b"blob\nmark :%d\ndata %d\n%b\n" % (mark, len(text), text)
    for number, commit in enumerate(commits, 1):
        yield _as_text(commit, number, people).encode("utf-8")
        if not commit.parents:
            yield from (f"M 100644 inline {path}\ndata {len(raw)}\n".encode() + raw + b"\n" for path, raw in files)
    yield f"reset {_SIDE}\nfrom {'0' * 40}\n".encode()


def _as_text(commit: Commit, number: int, people: Mapping[str, Person]) -> str:
    trailers = "".join(f"{key}: {people[person]}\n" for key, person in commit.trailers)
    message = f"{commit.subject}\n" + (f"\n{trailers}" if trailers else "")
    who = f"{people[commit.author]} {int(commit.at.timestamp())} {commit.at:%z}"
    return "\n".join((
        f"commit {_SIDE if commit.side else _MAIN}", f"mark :{number}", f"author {who}", f"committer {who}",
        f"data {len(message.encode('utf-8'))}", message,
        *(f"{'merge' if place else 'from'} :{parent + 1}" for place, parent in enumerate(commit.parents)),
        *(f"M 100644 :{version.mark} {version.life.path}" for version in commit.versions), "",
    ))  # fmt: skip
