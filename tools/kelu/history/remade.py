"""Remade: a sealed history that is no longer the default branch, laid against the one that took its place."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kelu import catalogue, git
from kelu.finding import Finding, Text
from kelu.history.manifest import FOLDERS, SHORT, Link, Manifest, clock_time, last_touches, links, named, touches

_BRANCH = Text("默认分支", "the default branch")


@dataclass(frozen=True, slots=True)
class _Change:
    """What became of one file, or (without a path) of commits that touch none: sealed and present commit."""

    code: str
    state: str
    was: Link
    now: Link | None = None


_Pair = tuple[Link, Link]


def findings(root: Path, name: str, sealed: Manifest, head: str) -> Iterator[Finding]:
    """What was done to each file of a sealed history that `head` does not go on from; and, at the `name` of the
    manifest, one finding for what no file stands for. Raises HistoryError in a shallow clone, and GitError."""
    files, others = _Comparison(root, sealed, head).judge()
    for path, change in files.items():
        yield _finding(path, Text(path, path), change)
    if others:
        first = others[0]
        count = sum(change.code == first.code for change in others)
        told = Text(f"不涉及上列文件的提交（{count} 个）", f"commits that touch no file named here ({count})")
        yield _finding(name, _BRANCH if first.state == "aside" else told, first)


def _finding(path: str, subject: Text, change: _Change) -> Finding:
    was, now = change.was, change.now
    clock = "author" if now and was.authored != now.authored else "committer"
    times = [clock_time(link.authored if clock == "author" else link.committed) if link else "—" for link in (was, now)]
    return catalogue.make(
        change.code, path, 1, 1, subject=subject, state=change.state, sealed=named(was),
        present=named(now) if now else "—", clock=clock, was=times[0], now=times[1],
    )  # fmt: skip


class _Comparison:
    """A sealed chain that is no longer the default branch, laid against the present one.

    Commits after the last one that both share are paired by their marks. A sealed commit without its like is lost; a
    pair may have changed places or dates. Git gives every later commit a new id and a new commit time when an
    earlier one is replaced, so other commit times alone are told only where nothing else was done.
    """

    def __init__(self, root: Path, sealed: Manifest, head: str) -> None:
        self.files = sealed.files
        self.aside = git.is_ancestor(root, sealed.head, head)
        self.held = {entry.path for entry in git.RevisionTree(root, head).entries(*FOLDERS)}
        self.now = tuple(links(root, head))
        same = (now.sha[:SHORT] == was.sha for was, now in zip(sealed.chain, self.now, strict=False))
        self.fork = sum(itertools.takewhile(bool, same))
        self.was = sealed.chain[: self.fork] + self._still_there(root, sealed)
        if not all(link.mark for link in self.was):  # as published: times must do
            self.was, self.now = (tuple(map(_by_time, chain)) for chain in (self.was, self.now))
        self.times, self.last = touches(self.now), last_touches(self.now)
        self.pairs, self.moved, self.lost, self.fresh = self._pair()
        self.instead = {path: link for link in self.fresh for path in link.touched}
        made_anew = self.now[self.fork :]
        self.deleted = {path for link in made_anew for path, blob in link.touched.items() if blob is None}

    def _still_there(self, root: Path, sealed: Manifest) -> tuple[Link, ...]:
        """The sealed commits that are not shared: in full where the repository still has them, else as sealed."""
        told = sealed.chain[self.fork :]
        try:
            after = [link.sha for link in self.now[self.fork - 1 : self.fork]]
            found = tuple(links(root, sealed.head, after))
        except git.GitError:
            return told
        return found if len(found) == len(told) else told

    def judge(self) -> tuple[dict[str, _Change], list[_Change]]:
        """What became of each file, and the changes that no file stands for."""
        files, others = self._judge()
        if self.aside:  # all of it came in by a merge: only content that the branch never had is a loss
            brought = {(path, blob) for link in self.now for path, blob in link.touched.items()}
            for path, change in files.items():
                if path not in self.files or (path, self.files[path].blob) in brought:
                    files[path] = replace(change, code="SEAL-04", state="aside")
            others = [_Change("SEAL-04", "aside", self.was[-1], self.now[-1])] if not files else []
        elif others and others[0].now is None:
            others[0] = replace(others[0], now=self._instead(others[0].was))
        return files, others

    def _pair(self) -> tuple[list[_Pair], list[_Pair], list[Link], list[Link]]:
        """Pairs in the sealed order, those of them that changed places, sealed and present commits without a like."""
        new = self.now[self.fork :]
        waiting: dict[str, deque[int]] = defaultdict(deque)
        for place, link in enumerate(new):
            waiting[link.mark].append(place)
        paired: list[tuple[Link, int]] = []
        lost = []
        for link in self.was[self.fork :]:
            if waiting[link.mark]:
                paired.append((link, waiting[link.mark].popleft()))
            else:
                lost.append(link)
        left = sorted(place for places in waiting.values() for place in places)
        pairs = [(was, new[place]) for was, place in paired]
        moved = [pairs[item] for item in sorted(_out_of_order([place for _, place in paired]))]
        return pairs, moved, lost, [new[place] for place in left]

    def _judge(self) -> tuple[dict[str, _Change], list[_Change]]:
        files: dict[str, _Change] = {}
        others: list[_Change] = []

        def note(change: _Change, paths: Iterable[str]) -> None:
            paths = list(paths)
            for path in paths:
                files.setdefault(path, change)
            if not paths:
                others.append(change)

        by_last = defaultdict(list)
        for path, sealed in self.files.items():
            by_last[sealed.last].append(path)
        places = {link.sha: place for place, link in enumerate(self.was)}
        for link in reversed(self.lost):
            paths = {*link.touched, *by_last[places[link.sha]]}
            if not paths:
                others.append(_Change("SEAL-01" if self.fresh else "SEAL-02", "other", link))
            for path in paths:
                files.setdefault(path, self._lost(path, link))
        for path, sealed in self.files.items():
            if sealed.last >= self.fork and self.times[path] < sealed.times:
                files.setdefault(path, _Change("SEAL-02", "fewer", self.was[sealed.last], self._last_of(path)))
        dated = [pair for pair in self.pairs if pair[0].authored != pair[1].authored]
        if not (self.lost or self.moved or dated):
            dated = [pair for pair in self.pairs if pair[0].committed != pair[1].committed]
        for was, now in self.moved:
            note(_Change("SEAL-04", "order", was, now), now.touched)
        for was, now in dated:
            note(_Change("SEAL-03", "dates", was, now), now.touched)
        if not files and not others:
            was, now = self.pairs[0] if self.pairs else (self.was[-1], self.now[-1])
            note(_Change("SEAL-01", "inside", was, now), now.touched)
        others.reverse()
        return files, others

    def _lost(self, path: str, was: Link) -> _Change:
        """What became of a file of which a sealed commit is gone."""
        instead, sealed = self.instead.get(path), self.files.get(path)
        if sealed and path not in self.held and path not in self.deleted:
            return _Change("SEAL-06", "missing", was)
        if instead is None or (sealed and self.times[path] < sealed.times):
            return _Change("SEAL-02", "fewer", was, instead or self._last_of(path))
        blob = was.touched.get(path, sealed.blob if sealed else None)
        return _Change("SEAL-01", "account" if instead.touched[path] == blob else "content", was, instead)

    def _instead(self, was: Link) -> Link | None:
        """The present commit without its like that was made nearest to a sealed one."""
        return min(self.fresh, key=lambda link: abs(link.authored - was.authored), default=None)

    def _last_of(self, path: str) -> Link | None:
        return self.now[self.last[path]] if path in self.last else None


def _by_time(link: Link) -> Link:
    return replace(link, mark=f"{link.committed} {link.authored}")


def _out_of_order(places: Sequence[int]) -> set[int]:
    """The fewest items whose leaving out puts the others in rising order: those not in a longest rising run."""
    tops: list[int] = []  # the lowest place that a run of each length can end with
    ends: list[int] = []  # and the item that it belongs to
    before: list[int] = []
    for item, place in enumerate(places):
        length = bisect_left(tops, place)
        before.append(ends[length - 1] if length else -1)
        tops[length : length + 1], ends[length : length + 1] = [place], [item]
    left, item = set(range(len(places))), ends[-1] if ends else -1
    while item >= 0:
        left.discard(item)
        item = before[item]
    return left
