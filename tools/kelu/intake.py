"""Intake: brings the store up to date with a tree of record files.

Only files whose blob the store does not hold are read: parsed, judged by their schema, and stored with the marks
they carry. A file at fault is never stored, so it is read and explained anew each time. Large intakes are split
among processes.
"""

from __future__ import annotations

import bisect
import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import islice, repeat

from kelu import catalogue, examine
from kelu.examine import Batch, Examiner, Outcome
from kelu.finding import Finding
from kelu.git import SYMLINK, Entry, Tree, entry_of, path_of, tree_id
from kelu.schema import RecordSchema, Schemas
from kelu.stage import stage
from kelu.store import Store

RECORDS = "records"
_ENDING = ".yaml"
_PARALLEL_FROM = 400  # files; below, starting processes costs more than it saves
_CHUNK = 250


@dataclass(frozen=True)
class Intake:
    """What a tree holds: `findings` are the faults of files and places, `states` a digest of each type's files, and
    `refused` the paths of records at fault. What takes as long as there are records is worked out when asked for."""

    findings: tuple[Finding, ...]
    states: Mapping[str, str]
    refused: frozenset[str]
    placing: _Placing = field(repr=False)

    @cached_property
    def listing(self) -> tuple[tuple[str, str, str], ...]:
        """(id, type, path) of every record file."""
        found = []
        for path in map(path_of, self.placing.lines):
            if path not in self.placing.apart:
                folder, _, name = path.rpartition("/")
                found.append((name.removesuffix(_ENDING), self.placing.folders[folder][0], path))
        return tuple(found)

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """The files by path."""
        return {path_of(line): entry_of(line) for line in self.placing.lines}

    @cached_property
    def stored(self) -> Mapping[str, str]:
        """The path of every sound record by id."""
        return {name: path for name, _, path in self.listing if path not in self.refused}

    @property
    def unread(self) -> list[tuple[str, str, str]]:
        """(id, type, path) of the records at fault."""
        return [row for row in self.listing if row[2] in self.refused] if self.refused else []

    @property
    def records(self) -> int:
        """How many record files there are."""
        return len(self.placing.lines) - len(self.placing.apart)


@dataclass(frozen=True, slots=True)
class _Placing:
    """The files of a tree by where they lie, before anything is read: the type and a digest of each folder that holds
    records, the paths that hold none or whose id is another's, and what is wrong with those."""

    lines: Sequence[str] = ()
    folders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    apart: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()


NOTHING = Intake((), {}, frozenset(), _Placing())


def take_in(tree: Tree, schemas: Schemas, store: Store) -> Intake:
    """Make the store hold exactly the sound records of `tree`."""
    taken, bring = look(tree, schemas, store)
    bring()
    return taken


def is_made_of(store: Store, tree: str | None) -> bool | None:
    """Whether the store was made of the record files of a tree (id); None where not all of those it was made of lay as
    they should and were sound."""
    told = store.taken()
    if told is None or (kept := json.loads(told[1]))["refused"]:
        return None
    return bool(kept["tree"] == tree)


def look(tree: Tree, schemas: Schemas, store: Store) -> tuple[Intake, Callable[[], None]]:
    """What `tree` holds, and what makes the store hold it: until that is called, it stays as it is unless much is new.

    The store tells which files it was made of. Where those lay as they should, only what differs is looked at.
    """
    lines = tree.lines(RECORDS)
    mark, told = _digest(lines), store.taken()
    kept = json.loads(told[1]) if told else None
    if told and kept and told[0] == mark:
        placing, stale, added = _Placing(lines, kept["folders"]), [], []
    else:
        before = store.taken_lines() if kept else []
        gone, new = set(before).difference(lines), set(lines).difference(before)
        moved = _moved(lines, gone, new, kept["folders"], schemas) if kept else None
        placing, stale, added = moved or _Placing(), list(map(path_of, gone)), list(map(entry_of, new))
    if not placing.folders:
        kept, placing, (stale, added) = None, *_placed(lines, schemas, store.sources())
    if kept and kept["refused"]:
        again = set(kept["refused"]).difference(stale)
        added += [entry_of(line) for line in lines if path_of(line) in again]
    added.sort(key=lambda entry: entry.path)
    findings = list(placing.findings)
    examined = _examined(added, tree, schemas) if added else ()
    done = False

    def bring(records: Iterable[Batch]) -> None:
        nonlocal done
        regular = not placing.findings
        refused = set(kept["refused"]) if kept else set()
        if not done and (
            stale or (regular and (not told or told[0] != mark)) or {entry.path for entry in added} - refused
        ):
            with store.change():
                store.remove(stale)
                store.add(records)
                at_fault = sorted({item.path for item in findings})
                made = {"folders": placing.folders, "refused": at_fault, "tree": tree_id(lines, RECORDS)}
                store.take(mark, json.dumps(made), lines if regular else None)
            store.checkpoint()
        done = True

    records = _sound(examined, findings)
    if len(added) < _PARALLEL_FROM:
        records = iter(list(records))
    else:
        bring(records)
    refused = frozenset(finding.path for finding in findings) - placing.apart
    return Intake(tuple(findings), _states(placing.folders, schemas), refused, placing), partial(bring, records)


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _states(folders: Mapping[str, Sequence[str]], schemas: Schemas) -> dict[str, str]:
    told: dict[str, list[str]] = {name: [] for name in schemas.records}
    for folder, (kind, digest) in sorted(folders.items()):
        told[kind].append(f"{folder} {digest}")
    return {name: _digest(of_type) for name, of_type in told.items()}


def _moved(
    lines: Sequence[str], gone: set[str], new: set[str], folders: Mapping[str, Sequence[str]], schemas: Schemas
) -> _Placing | None:
    """Where the files lie, if they lay as they should before some lines went and others came; None if now they do
    not."""
    paths = set(map(path_of, new))
    after = dict(folders)
    for folder in {path.rpartition("/")[0] for path in paths.union(map(path_of, gone))}:
        schema = schemas.of_folder(f"{folder}/")
        start, end = (bisect.bisect_left(lines, f"{folder}{sign}", key=path_of) for sign in "/0")  # 0 comes after /
        inside = [line for line in lines[start:end] if "/" not in path_of(line)[len(folder) + 1 :]]
        if inside and schema is None:
            return None
        after.pop(folder, None)
        if inside and schema is not None:
            after[folder] = [schema.name, _digest(inside)]
    if any(line.startswith(SYMLINK) or not line.endswith(_ENDING) for line in new):
        return None
    if paths.difference(map(path_of, gone)):
        names = (path_of(line).casefold() for line in lines)
        ids = (line.rpartition("/")[2] for line in lines)
        if len(set(names)) < len(lines) or len(set(ids)) < len(lines):
            return None
    return _Placing(lines, after)


def _placed(
    lines: Sequence[str], schemas: Schemas, held: Mapping[str, str]
) -> tuple[_Placing, tuple[list[str], list[Entry]]]:
    """Where all the files lie, each looked at; and which of those `held` are stale, and which are to be read."""
    findings: list[Finding] = []
    wanted: dict[str, Entry] = {}
    apart: set[str] = set()
    twins: dict[str, str] = {}
    ids: dict[str, str] = {}
    types: dict[str, RecordSchema | None] = {}
    inside: dict[str, list[str]] = {}
    for line in lines:
        entry = entry_of(line)
        folder, _, file_name = entry.path.rpartition("/")
        if folder not in types:
            types[folder] = schemas.of_folder(f"{folder}/")
        fault = _misplaced(entry, types[folder], twins)
        if fault:
            findings.append(fault)
            apart.add(entry.path)
            continue
        name = file_name.removesuffix(_ENDING)
        if name in ids:
            findings.append(catalogue.make("FILE-03", entry.path, 1, 1, "id", name, other=ids[name]))
            apart.add(entry.path)
        else:
            ids[name] = entry.path
        wanted[entry.path] = entry
        inside.setdefault(folder, []).append(line)
    folders = {
        name: [schema.name, _digest(inside[name])] for name, schema in types.items() if schema and name in inside
    }
    stale = [path for path, blob in held.items() if path not in wanted or wanted[path].blob != blob]
    fresh = [entry for path, entry in wanted.items() if held.get(path) != entry.blob]
    return _Placing(lines, folders, frozenset(apart), tuple(findings)), (stale, fresh)


def _misplaced(entry: Entry, schema: RecordSchema | None, twins: dict[str, str]) -> Finding | None:
    """What is wrong with a file's kind or name before anything is read."""
    if entry.mode == SYMLINK:
        return catalogue.make("FILE-01", entry.path, 1, 1)
    if schema is None or not entry.path.endswith(_ENDING):
        return catalogue.make("FILE-04", entry.path, 1, 1)
    folded = entry.path.casefold()
    if folded in twins:
        return catalogue.make("FILE-02", entry.path, 1, 1, other=twins[folded])
    twins[folded] = entry.path
    return None


def _sound(examined: Iterable[Outcome], findings: list[Finding]) -> Iterator[Batch]:
    for batches, faults in examined:
        findings += faults
        yield from batches


# --- many files ------------------------------------------------------------------------------------------


def _examined(fresh: Sequence[Entry], tree: Tree, schemas: Schemas) -> Iterator[Outcome]:
    directory = tree.directory
    with stage("读取记录", "Reading records", len(fresh)) as done:
        if directory is None or len(fresh) < _PARALLEL_FROM or (os.cpu_count() or 1) < 2:
            examiner = Examiner(schemas)
            files = iter(tree.read(fresh))
            while some := list(islice(files, _CHUNK)):
                yield examiner.examine_all(some)
                done(len(some))
            return
        chunks = [fresh[start : start + _CHUNK] for start in range(0, len(fresh), _CHUNK)]
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(os.cpu_count(), context, examine.start, (schemas,)) as pool:
            for chunk, outcome in zip(
                chunks, pool.map(examine.examine_all, repeat(str(directory)), chunks), strict=True
            ):
                yield outcome
                done(len(chunk))
