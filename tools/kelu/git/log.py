"""Log: the commits of a history with the files that each of them changed, read in one walk.

A merge is compared with its first parent: that is what it brought to the branch it was made on. Its other parents'
commits stand in the log themselves.
"""

from __future__ import annotations

import datetime
import os
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kelu.git import run, spread

_FIELDS = "%x01%H%x00%P%x00%an%x00%ae%x00%at%x00%cn%x00%ce%x00%ct%x00%(trailers:only,unfold)%x00%B"
_SHOW = (
    "log", "--no-walk=unsorted", "--stdin", "-z", "--raw", "-r", "--root", "--no-renames", "--no-abbrev",
    "--diff-merges=first-parent", "--no-show-signature", "--no-mailmap", "--encoding=UTF-8",
    f"--format={_FIELDS}",
)  # fmt: skip
_ALONE = 5_000  # commits for which a process of its own pays
_EACH = 3  # processes for a core: later commits have larger trees, so that equal shares are not equal work
_NO_FILE = ("000000", "160000")  # modes: nothing there, or another repository
_PERSON = re.compile(r"\s*(.*?)\s*<([^<>]*)>\s*")


@dataclass(frozen=True, slots=True)
class Change:
    """A file in a commit: its blob before and after, None where there was or is none."""

    path: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """Who a commit or a trailer names."""

    name: str
    mail: str


@dataclass(frozen=True, slots=True)
class Logged:
    """A commit. Times are seconds since 1970; `trailers` are (key in lower case, value)."""

    sha: str
    parents: tuple[str, ...]
    author: Person
    authored: int
    committer: Person
    committed: int
    trailers: tuple[tuple[str, str], ...]
    message: str
    changes: tuple[Change, ...]

    @property
    def authored_at(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self.authored, datetime.UTC)

    @property
    def committed_at(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self.committed, datetime.UTC)

    @property
    def files(self) -> int:
        return len(self.changes)


def walk(root: Path, tip: str, known: Collection[str] = (), *, first_parent: bool = False) -> Iterator[Logged]:
    """Every commit that `tip` holds and none of `known` does, parents before children; with `first_parent` only those
    of the default branch itself.

    Raises GitError when `tip` is unknown.
    """
    narrow = ("--first-parent",) if first_parent else ()
    wanted = run(root, "rev-list", "--topo-order", "--reverse", *narrow, tip, *(f"^{sha}" for sha in known), "--")
    if not wanted:
        return
    # Comparing trees takes git longer than anything else does here, so several do it at a time.
    shas = wanted.splitlines(keepends=True)
    part = max(-(-len(shas) // (_EACH * (os.cpu_count() or 1))), _ALONE)
    inputs = [b"".join(shas[start : start + part]) for start in range(0, len(shas), part)]
    pieces = spread(root, *_SHOW, inputs=inputs)
    header: list[str] = []
    changes: list[Change] = []
    for piece in pieces:
        if piece.startswith(b"\x01"):
            if header:
                yield _logged(header, changes)
            header, changes = [piece[1:].decode()], []
            header += [next(pieces).decode("utf-8", "replace") for _ in range(9)]
        elif piece:
            was, now, old, new, _ = piece.decode().lstrip("\n:").split(" ")
            path = next(pieces).decode("utf-8", "surrogateescape")
            changes.append(Change(path, _blob(was, old), _blob(now, new)))
    if header:
        yield _logged(header, changes)


def _blob(mode: str, name: str) -> str | None:
    return None if mode in _NO_FILE else name


def _logged(header: list[str], changes: list[Change]) -> Logged:
    sha, parents, author, author_mail, authored, committer, committer_mail, committed, trailers, message = header
    return Logged(
        sha, tuple(parents.split()), Person(author, author_mail), int(authored), Person(committer, committer_mail),
        int(committed), tuple(_trailers(trailers)), message.strip("\n"), tuple(changes),
    )  # fmt: skip


def _trailers(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            yield key.strip().lower(), value.strip()


def person(text: str) -> Person | None:
    """`Name <mail>`, as commits and trailers write it."""
    found = _PERSON.fullmatch(text)
    return Person(found[1], found[2]) if found else None


def mapped(root: Path, people: Iterable[Person], tip: str) -> dict[Person, Person]:
    """Each person as .mailmap of a commit names him, the mail in lower case."""
    asked = list(dict.fromkeys(people))
    told = [f"{one.name or '?'} <{one.mail}>".replace("\n", " ") for one in asked]
    if not asked:
        return {}
    place = run(root, "rev-parse", "--absolute-git-dir").decode().rstrip("\n")
    with tempfile.TemporaryDirectory() as aside:  # or else git would read the .mailmap that lies in the work tree
        answers = run(
            Path(aside), f"--git-dir={place}", "-c", "mailmap.file=", "-c", f"mailmap.blob={tip}:.mailmap",
            "check-mailmap", "--stdin", stdin="".join(f"{line}\n" for line in told).encode(),
        )  # fmt: skip
    found = {}
    for one, answer in zip(asked, answers.decode("utf-8", "replace").splitlines(), strict=True):
        now = person(answer) or one
        found[one] = Person(now.name if one.name else one.name, now.mail.lower())
    return found
