"""Clash: an id that a change took for a new record and its base for another one, as happens where two people register
at the same time. Git shows it as a conflict of one file at best; this tells whose record has the id."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kelu import catalogue, git
from kelu.document import locate, parse
from kelu.finding import Finding
from kelu.git import Entry, RevisionTree, WorkTree, log
from kelu.git.partial import fork
from kelu.schema import Schemas

RECORDS = "records"
_NAMED = 1000  # files that git is asked for by name; of more the whole list is quicker


@dataclass(frozen=True, slots=True)
class Clash:
    """An id with the change's own file and the file of the base's record of that id."""

    id: str
    path: str
    other: str


def added(root: Path, base: str, work: WorkTree | RevisionTree | None = None) -> dict[str, set[str | None]]:
    """The records that are new in the change since `base`, by path, each with every blob that the change gave it or
    found there; its own files only, not what merges brought."""
    seen: dict[str, set[str | None]] = defaultdict(set)
    new = set()
    for commit in log.walk(root, "HEAD", [base]):
        for change in commit.changes if len(commit.parents) < 2 else ():
            seen[change.path] |= {change.old, change.new} - {None}
            if change.old is None:
                new.add(change.path)
    differing = (work or git.here(root)).since("HEAD", RECORDS)
    there = {path for path, (old, now) in differing.items() if now and (path in new or old is None)}
    if committed := new - differing.keys():
        head = RevisionTree(root, "HEAD")
        held = head.entries(*committed) if len(committed) < _NAMED else head.entries(RECORDS)
        there |= committed.intersection(entry.path for entry in held)
    return {path: seen[path] for path in sorted(there) if path.endswith(".yaml") and path.startswith(f"{RECORDS}/")}


def clashes(root: Path, base: str, work: WorkTree | RevisionTree | None = None) -> Iterator[Clash]:
    """The ids that the change since `base` took for new records and that mean others there. Raises GitError."""
    work = work or git.here(root)
    mine = added(root, base, work)
    if not mine:
        return
    theirs, here = _held(RevisionTree(root, base)), _held(work)
    forked = _held(RevisionTree(root, start)) if (start := fork(root, base)) else {}
    of_id: dict[str, list[str]] = defaultdict(list)
    for path in theirs:
        of_id[PurePosixPath(path).stem].append(path)
    for path, blobs in sorted(mine.items()):
        for other in of_id[PurePosixPath(path).stem]:
            # The base's version came from this change, or the change moved the base's record: one record, not two.
            landed = other == path and theirs[other].blob in {*blobs, here[path].blob}
            moved = other != path and other in forked and other not in here
            if not landed and not moved:
                yield Clash(PurePosixPath(path).stem, path, other)


def finding(root: Path, base: str, clash: Clash, schemas: Schemas) -> Finding:
    """What a clerk is told of a clash: which record has the id, and how to take another."""
    (own,), (other,) = (
        [raw for _, raw in tree.read([held[path]])]
        for tree, path in ((git.here(root), clash.path), (RevisionTree(root, base), clash.other))
        if (held := _held(tree))
    )
    data = parse(other, clash.other)[0] or {}
    schema = schemas.of_folder(clash.other)
    sha, author, day = git.run(
        root, "log", "-1", "--diff-filter=A", "--format=%H%x00%an%x00%as", base, "--", clash.other
    ).decode("utf-8", "replace").strip().split("\0")  # fmt: skip
    line, column = locate(own).best(("id",))
    return catalogue.make(
        "FILE-05", clash.path, line, column, "id", clash.id, type=schema.label.zh if schema else "",
        type_en=schema.label.en if schema else "", title=data.get(schema.title_field, "") if schema else "",
        other=clash.other, author=author, date=day, commit=sha[:12],
    )  # fmt: skip


def _held(tree: RevisionTree | WorkTree) -> dict[str, Entry]:
    return {entry.path: entry for entry in tree.entries(RECORDS) if entry.path.endswith(".yaml")}
