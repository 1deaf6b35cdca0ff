"""Renumber: another id for a record that has not landed yet — its file's name, its id, and what refers to it.

Only files of the change are touched, and of these only what the change itself says: where the base has a record of the
same id, its own references go on meaning that one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kelu import shelf
from kelu.document import amend, parse, replaced
from kelu.finding import Text
from kelu.git import RevisionTree, Tree, WorkTree
from kelu.git.partial import fork
from kelu.history import clash, difference
from kelu.intake import RECORDS
from kelu.schema import RecordSchema, Schemas


class RenumberError(Exception):
    """A record that cannot have another id; `text` says why and `mend` what to do."""

    def __init__(self, text: Text, mend: Text | None = None) -> None:
        super().__init__(f"{text.zh} / {text.en}")
        self.text, self.mend = text, mend


@dataclass(frozen=True, slots=True)
class Plan:
    """What giving a record another id comes to: the files to write (None: to remove), and in how many places each
    refers to it."""

    old: str
    new: str
    path: str
    files: Mapping[str, bytes | None]
    references: Mapping[str, int]


def plan(root: Path, base: str, schemas: Schemas, old: str, to: str | None = None) -> Plan:
    """How the change since `base` gives its record `old` the id `to`, or the next that is free here and there. Raises
    RenumberError."""
    here, theirs = _files(WorkTree(root)), _files(RevisionTree(root, base))
    path, schema = _own(root, base, schemas, old, here, theirs)
    taken = {PurePosixPath(name).stem for name in {*here, *theirs}}
    new = to or _next(schema, old, taken)
    place = schema.path_of(new)
    if place is None:
        raise RenumberError(Text(f"{new} 不是{schema.label.zh}的编号。", f"{new} is no id of a {schema.label.en}."))
    if new in taken:
        raise RenumberError(Text(f"编号 {new} 已被使用。", f"The id {new} is taken."))
    token = re.compile(rf"(?<![\w/-]){re.escape(old)}(?![\w-])")
    start = fork(root, base)
    before = _files(RevisionTree(root, start)) if start else {}
    files: dict[str, bytes | None] = {place: token.sub(new, here[path].decode("utf-8")).encode()}
    files[path] = before.get(path)  # of the base's record of that id, if the change has taken it in, its own text
    references = {}
    for name in sorted(here.keys() - {path}):
        if here[name] != before.get(name) and old.encode() in here[name]:
            raw, count = _mended(here[name], before.get(name), name, token, new, schemas)
            if count:
                files[name], references[name] = raw, count
    return Plan(old, new, place, files, references)


def _own(
    root: Path, base: str, schemas: Schemas, old: str, here: Mapping[str, bytes], theirs: Mapping[str, bytes]
) -> tuple[str, RecordSchema]:
    """The change's own file of an id, and its type."""
    own = [path for path in clash.added(root, base) if PurePosixPath(path).stem == old]
    if not own:
        if any(PurePosixPath(path).stem == old for path in theirs):
            raise RenumberError(
                Text(f"{old} 是目标分支上的记录，编号一经登记不得更改。",
                     f"{old} is a record of the target branch; an id, once registered, never changes."),
                Text("登记错了就作废（status: void），另行登记。", "If it is wrong, void it and register another."),
            )  # fmt: skip
        raise RenumberError(Text(f"这个分支上没有新登记的 {old}。", f"No record {old} is new on this branch."))
    path = own[0]
    if not any(found.path == path for found in clash.clashes(root, base)) and path in theirs:
        raise RenumberError(
            Text(f"{old} 已经并入目标分支，编号不得再改。", f"{old} has landed on the target branch and keeps its id.")
        )
    schema = schemas.of_folder(path)
    if schema is None or parse(here[path], path)[0] is None:
        raise RenumberError(
            Text(f"{path} 有错误，读不出来。", f"{path} cannot be read."),
            Text(f"先运行 kelu check {path} 改正；合并到一半时先运行 git merge --abort。",
                 f"Mend it first: kelu check {path}; in the middle of a merge run: git merge --abort"),
        )  # fmt: skip
    return path, schema


def _next(schema: RecordSchema, old: str, taken: set[str]) -> str:
    parts = old.split("-")
    try:
        return shelf.next_ids(schema, taken, int(parts[1]))[0]
    except ValueError as fault:
        raise RenumberError(
            Text(f"找不到空号：{fault}", f"There is no free id: {fault}"), Text("用 --to 指明。", "Name one with --to.")
        ) from fault


def _mended(
    raw: bytes, before: bytes | None, path: str, token: re.Pattern[str], new: str, schemas: Schemas
) -> tuple[bytes, int]:
    """A file of the change with what it says itself of the record, and in how many places."""
    if before is None:
        text, count = token.subn(new, raw.decode("utf-8"))
        return text.encode(), count
    data, was = parse(raw, path)[0], parse(before, path)[0]
    schema = schemas.of_folder(path)
    if data is None or schema is None:
        raise RenumberError(
            Text(f"{path} 有错误，读不出来。", f"{path} cannot be read."),
            Text(f"先运行 kelu check {path} 改正。", f"Mend it first: kelu check {path}"),
        )
    count = 0
    for change in difference.changes(was, data):
        if isinstance(change.new, str) and token.search(change.new):
            data = replaced(data, change.pointer, token.sub(new, change.new))
            count += 1
    return amend(raw, data, schemas.order(schema.name)), count


def _files(tree: Tree) -> dict[str, bytes]:
    return {entry.path: raw for entry, raw in tree.read(tree.entries(RECORDS)) if entry.path.endswith(".yaml")}
