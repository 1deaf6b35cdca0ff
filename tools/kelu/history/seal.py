"""Seal: a manifest of the history as it stands, and what was done to that history since.

A manifest names the head, every commit of the default branch (the first-parent chain of the head) and every file of
records and policy with its hashes. Kept where the writers of the repository cannot reach it, it shows later whether
what was sealed is still there — also in a fresh clone, which no longer holds the commits that were replaced: each
commit is sealed with its times and a mark of its change, author and message, by which it is known again.

It is JSON with one entry a line, and the same bytes for the same commit. `chain` holds oldest first
`<commit id, 16 digits> <committed, seconds since 1970> <seconds since authored> <mark>`; `files` holds by folder and
name `<blob> <sha256 of the content> <place in the chain of the last commit that touched it> <how many did>`;
`digest` is the SHA-256 of the lines above its own. What a site publishes leaves out marks and files: whoever guesses
a masked telephone number could try his guess against a hash.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kelu import catalogue, git, policy
from kelu.finding import Finding, Text
from kelu.git import log
from kelu.history import signature
from kelu.history.signature import Status
from kelu.periods import SHANGHAI

FORMAT, NAME = "kelu-manifest/1", "kelu-manifest.json"
FOLDERS = ("records", "schemas", *policy.FOLDERS)
_SHORT, _MARK = 16, 8
_BRANCH = Text("默认分支", "the default branch")
_DIGEST = '"digest": "sha256:'


class ManifestError(Exception):
    """A file is no manifest of this format, or no longer says what it said; `state` is a word of SEAL-05."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


@dataclass(frozen=True, slots=True)
class Link:
    """A commit of the default branch: its times in seconds since 1970, the mark of what it did, and, where the commit
    itself is at hand, the files that it touched with their blobs (None: deleted)."""

    sha: str
    committed: int
    authored: int
    mark: str
    touched: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file as it was sealed; `last` is the place in the chain of the commit that touched it last, `times` how many
    commits of the chain did."""

    blob: str
    sha256: str
    last: int
    times: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says; `files` by their paths, empty in a published one."""

    head: str
    tree: str
    time: str
    chain: tuple[Link, ...]
    files: Mapping[str, Sealed]


# --- writing and reading ---------------------------------------------------------------------------------


def seal(root: Path, commit: git.Commit, *, published: bool = False) -> str:
    """The manifest of a commit; `published` leaves out what could betray masked values.

    Wants a clone that is not shallow. Raises GitError.
    """
    chain = tuple(_chain(root, commit.sha, touched=not published))
    tree = git.RevisionTree(root, commit.sha)
    entries = tree.entries(*FOLDERS)
    records = sum(entry.path.startswith("records/") for entry in entries)
    lines = [f"{link.sha[:_SHORT]} {link.committed} {link.committed - link.authored} {link.mark}" for link in chain]
    parts = [
        f'"format": {json.dumps(FORMAT)}',
        f'"head": {json.dumps(commit.sha)}',
        f'"tree": {json.dumps(_tree_id(root, commit.sha))}',
        f'"time": {json.dumps(commit.time.isoformat())}',
        f'"counts": {json.dumps({"records": records, "commits": _count(root, commit.sha)})}',
        '"chain": [\n' + ",\n".join(json.dumps(line.rstrip()) for line in lines) + "\n]",
    ]
    if not published:
        parts.append('"files": {\n' + ",\n".join(_folders(tree, entries, chain)) + "\n}")
    body = "{\n" + ",\n".join(parts) + ",\n"
    return f'{body}{_DIGEST}{_sha256(body.encode("ascii"))}"\n}}\n'


def _folders(tree: git.Tree, entries: Sequence[git.Entry], chain: Sequence[Link]) -> Iterator[str]:
    last, times = _last(chain), _times(chain)
    held: dict[str, list[str]] = {}
    for entry, content in tree.read(entries):
        folder, _, name = entry.path.rpartition("/")
        said = f"{entry.blob} {_sha256(content)} {last[entry.path]} {times[entry.path]}"
        held.setdefault(folder, []).append(f"{json.dumps(name)}: {json.dumps(said)}")
    for folder, files in held.items():
        yield f"{json.dumps(folder)}: {{\n" + ",\n".join(files) + "\n}"


def read(raw: bytes) -> Manifest:
    """The manifest in a file's bytes. Raises ManifestError when it is none, or its digest does not fit."""
    try:
        data = json.loads(raw)
        if data["format"] != FORMAT:
            raise ManifestError("format")
        body, _, end = raw.rpartition(_DIGEST.encode())
        if end != f'{_sha256(body)}"\n}}\n'.encode():
            raise ManifestError("digest")
        files = {
            f"{folder}/{name}": Sealed(blob, digest, int(last), int(times))
            for folder, names in data.get("files", {}).items()
            for name, line in names.items()
            for blob, digest, last, times in [line.split(" ")]
        }
        chain = tuple(map(_link, data["chain"]))
        if not data["head"].startswith(chain[-1].sha) or any(file.last >= len(chain) for file in files.values()):
            raise ManifestError("format")
        return Manifest(data["head"], data["tree"], data["time"], chain, files)
    except (ValueError, LookupError, TypeError, AttributeError) as fault:
        raise ManifestError("format") from fault


def _link(line: str) -> Link:
    sha, committed, since, *mark = line.split(" ")
    return Link(sha, int(committed), int(committed) - int(since), "".join(mark))


def _chain(root: Path, tip: str, *, touched: bool = True) -> Iterator[Link]:
    """The default branch up to a commit, oldest first."""
    if not touched:
        for line in git.run(root, "log", "--first-parent", "--reverse", "--format=%H %ct %at", tip, "--").splitlines():
            sha, committed, authored = line.decode("ascii").split(" ")
            yield Link(sha, int(committed), int(authored), "")
        return
    for commit in log.walk(root, tip, first_parent=True):
        changes = sorted((change.path, change.new) for change in commit.changes)
        told = [commit.author.name, commit.author.mail, commit.message, changes]
        mark = _sha256(json.dumps(told).encode("ascii"))[:_MARK]
        files = {path: blob for path, blob in changes if path.startswith(_PREFIXES)}
        yield Link(commit.sha, commit.committed, commit.authored, mark, files)


_PREFIXES = tuple(f"{folder}/" for folder in FOLDERS)


def _tree_id(root: Path, sha: str) -> str:
    return git.run(root, "rev-parse", "--verify", "--end-of-options", f"{sha}^{{tree}}").decode("ascii").strip()


def _count(root: Path, sha: str) -> int:
    return int(git.run(root, "rev-list", "--count", sha, "--"))


def _last(chain: Sequence[Link]) -> dict[str, int]:
    return {path: place for place, link in enumerate(chain) for path in link.touched}


def _times(chain: Sequence[Link]) -> Counter[str]:
    return Counter(path for link in chain for path in link.touched)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# --- holding the present against it ----------------------------------------------------------------------


def against(root: Path, manifest: Path, head: str) -> list[Finding]:
    """What became of the sealed history in that of `head`; nothing when `head` goes on from what was sealed.

    Wants a clone that is not shallow. Raises OSError when the file cannot be read, and GitError.
    """
    try:
        sealed = read(manifest.read_bytes())
    except ManifestError as fault:
        return [catalogue.make("SEAL-05", manifest.name, 1, 1, state=fault.state, signer="")]
    present = tuple(_chain(root, head, touched=False))
    place = next((place for place, link in enumerate(present) if link.sha == sealed.head), None)
    if place is None:
        return sorted(_Comparison(root, manifest.name, sealed, head).findings())
    return sorted(_differing(root, manifest.name, sealed, present[: place + 1]))


def published(root: Path, manifest: Path, head: str) -> list[Finding]:
    """GH-13: whether the default branch of `head` still holds the head that a site was published from."""
    try:
        sealed = read(manifest.read_bytes())
    except ManifestError:
        return [catalogue.make("GH-13", manifest.name, 1, 1, state="unreadable", sealed="—", head=head[:12])]
    if any(link.sha == sealed.head for link in _chain(root, head, touched=False)):
        return []
    state = "aside" if git.is_ancestor(root, sealed.head, head) else "gone"
    told = f"{sealed.head[:12]} ({sealed.time})"
    return [catalogue.make("GH-13", manifest.name, 1, 1, state=state, sealed=told, head=head[:12])]


def signed(manifest: Path, allowed: Path | None) -> tuple[signature.Signature, list[Finding]]:
    """Who signed a manifest (`FILE.sig` beside it) and SEAL-05 when the signature is not good for it.

    `allowed` is a file of allowed signers (ssh-keygen(1)). Raises SignatureError when nothing can verify.
    """
    found = signature.of_file(manifest, allowed)
    if found.status in (Status.GOOD, Status.NONE):
        return found, []
    return found, [catalogue.make("SEAL-05", manifest.name, 1, 1, state=found.status.value, signer=found.signer or "—")]


def _differing(root: Path, name: str, sealed: Manifest, chain: Sequence[Link]) -> Iterator[Finding]:
    """Where a manifest says of a head that is still there what that head does not hold (SEAL-07)."""

    def found(path: str, said: str, held: str) -> Finding:
        return catalogue.make("SEAL-07", path, 1, 1, said=said, held=held, sealed=_named(chain[-1]))

    held = _tree_id(root, sealed.head)
    if held != sealed.tree:
        yield found(name, sealed.tree, held)
    for said, link in zip(sealed.chain, chain, strict=False):
        if (said.sha, said.committed, said.authored) != (link.sha[:_SHORT], link.committed, link.authored):
            yield found(name, f"{said.sha} {said.committed}", f"{link.sha[:_SHORT]} {link.committed}")
            break
    else:
        if len(sealed.chain) != len(chain):
            yield found(name, str(len(sealed.chain)), str(len(chain)))
    if not sealed.files:
        return
    tree = git.RevisionTree(root, sealed.head)
    entries = {entry.path: entry for entry in tree.entries(*FOLDERS)}
    for path in sealed.files.keys() - entries.keys():
        yield found(path, sealed.files[path].blob, "—")
    for path in entries.keys() - sealed.files.keys():
        yield found(path, "—", entries[path].blob)
    for entry, content in tree.read(entries[path] for path in sealed.files.keys() & entries.keys()):
        record, digest = sealed.files[entry.path], _sha256(content)
        if (record.blob, record.sha256) != (entry.blob, digest):
            yield found(entry.path, record.sha256, digest)


# --- a history that was made anew ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Change:
    """What became of one file, or (without a path) of commits that touch none: sealed and present commit."""

    code: str
    state: str
    was: Link
    now: Link | None = None


_Pair = tuple[Link, Link]


class _Comparison:
    """A sealed chain that is no longer the default branch, laid against the present one.

    Commits after the last one that both share are paired by their marks. A sealed commit without its like is lost; a
    pair may have changed places or dates. Git gives every later commit a new id and a new commit time when an
    earlier one is replaced, so other commit times alone are told only where nothing else was done.
    """

    def __init__(self, root: Path, name: str, sealed: Manifest, head: str) -> None:
        self.name, self.files = name, sealed.files
        self.aside = git.is_ancestor(root, sealed.head, head)
        self.held = {entry.path for entry in git.RevisionTree(root, head).entries(*FOLDERS)}
        self.now = tuple(_chain(root, head))
        self.was = _still_there(root, sealed)
        if not all(link.mark for link in self.was):
            self.was, self.now = (tuple(map(_by_time, chain)) for chain in (self.was, self.now))
        self.fork = next(
            (
                place
                for place, (was, now) in enumerate(zip(self.was, self.now, strict=False))
                if now.sha[:_SHORT] != was.sha[:_SHORT]
            ),
            min(len(self.was), len(self.now)),
        )
        self.times = _times(self.now)
        self.pairs, self.moved, self.lost, self.fresh = self._pair()

    def findings(self) -> Iterator[Finding]:
        files, others = self._judge()
        if self.aside:  # all of it came in by a merge: only content that the branch never had is a loss
            brought = {(path, blob) for link in self.now for path, blob in link.touched.items()}
            files = {
                path: change for path, change in files.items()
                if path in self.files and (path, self.files[path].blob) not in brought
            }  # fmt: skip
            others = []
            yield self._finding(self.name, _BRANCH, _Change("SEAL-04", "aside", self.was[-1], self.now[-1]))
        for path, change in files.items():
            yield self._finding(path, Text(path, path), change)
        if others:
            first = others[0]
            count = sum(change.code == first.code for change in others)
            told = Text(f"不涉及上列文件的提交（{count} 个）", f"commits that touch no file named here ({count})")
            yield self._finding(self.name, told, first)

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
        """What became of each file, and the changes that no file stands for."""
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
                others.append(_Change("SEAL-01" if self.fresh else "SEAL-02", "other", link, self._instead(link)))
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
            was, now = self.pairs[0]
            note(_Change("SEAL-01", "inside", was, now), now.touched)
        others.reverse()
        return files, others

    def _lost(self, path: str, was: Link) -> _Change:
        """What became of a file of which a sealed commit is gone."""
        instead = next((link for link in reversed(self.fresh) if path in link.touched), None)
        deleted = any(path in link.touched and link.touched[path] is None for link in self.now[self.fork :])
        sealed = self.files.get(path)
        if path not in self.held and not deleted and sealed:
            return _Change("SEAL-06", "missing", was)
        if instead is None or (sealed and self.times[path] < sealed.times):
            return _Change("SEAL-02", "fewer", was, instead or self._last_of(path))
        blob = was.touched.get(path, sealed.blob if sealed else None)
        return _Change("SEAL-01", "account" if instead.touched[path] == blob else "content", was, instead)

    def _instead(self, was: Link) -> Link | None:
        """The present commit without its like that was made nearest to a sealed one."""
        return min(self.fresh, key=lambda link: abs(link.authored - was.authored), default=None)

    def _last_of(self, path: str) -> Link | None:
        return next((link for link in reversed(self.now) if path in link.touched), None)

    def _finding(self, path: str, subject: Text, change: _Change) -> Finding:
        was, now = change.was, change.now
        clock = "author" if now and was.authored != now.authored else "committer"
        times = [_time(link.authored if clock == "author" else link.committed) if link else "—" for link in (was, now)]
        return catalogue.make(
            change.code, path, 1, 1, subject=subject, state=change.state, sealed=_named(was),
            present=_named(now) if now else "—", clock=clock, was=times[0], now=times[1],
        )  # fmt: skip


def _still_there(root: Path, sealed: Manifest) -> tuple[Link, ...]:
    """The sealed chain in full where its commits are still in the repository, else as the manifest has it."""
    try:
        return tuple(_chain(root, sealed.head))
    except git.GitError:
        return sealed.chain


def _by_time(link: Link) -> Link:
    """A published manifest has no marks: times must do."""
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


def _named(link: Link) -> str:
    return f"{link.sha[:12]} ({_time(link.committed)})"


def _time(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(seconds, SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
