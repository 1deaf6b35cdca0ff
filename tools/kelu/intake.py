"""Intake: brings the store up to date with a tree of record files.

Only files whose blob the store does not hold are read: parsed, judged by their schema, and stored with the marks
they carry. A file at fault is never stored, so it is read and explained anew each time. Large intakes are split
among processes.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice, repeat

from kelu import catalogue, examine
from kelu.examine import Batch, Examiner, Outcome
from kelu.finding import Finding
from kelu.git import SYMLINK, Entry, Tree
from kelu.schema import RecordSchema, Schemas
from kelu.stage import stage
from kelu.store import Store

RECORDS = "records"
_PARALLEL_FROM = 400  # files; below, starting processes costs more than it saves
_CHUNK = 250


@dataclass(frozen=True, slots=True)
class Intake:
    """What a tree holds.

    `listing` is (id, type, path) of every record file, `findings` the faults of files and places, `entries` the
    files by path, `stored` the path of every sound record by id, `states` a digest of each type's files.
    """

    listing: tuple[tuple[str, str, str], ...]
    findings: tuple[Finding, ...]
    entries: Mapping[str, Entry]
    stored: Mapping[str, str]
    states: Mapping[str, str]


NOTHING = Intake((), (), {}, {}, {})


def take_in(tree: Tree, schemas: Schemas, store: Store) -> Intake:
    """Make the store hold exactly the sound records of `tree`."""
    findings: list[Finding] = []
    wanted: dict[str, Entry] = {}
    listing: list[tuple[str, str, str]] = []
    twins: dict[str, str] = {}
    ids: dict[str, str] = {}
    lines: dict[str, list[str]] = {name: [] for name in schemas.records}
    types: dict[str, RecordSchema | None] = {}  # by folder
    for entry in tree.entries(RECORDS):
        folder, _, file_name = entry.path.rpartition("/")
        if folder not in types:
            types[folder] = schemas.of_folder(f"{folder}/")
        schema = types[folder]
        fault = _misplaced(entry, schema, twins)
        if fault or schema is None:
            findings += [fault] if fault else []
            continue
        name = file_name.removesuffix(".yaml")
        if name in ids:
            findings.append(catalogue.make("FILE-03", entry.path, 1, 1, "id", name, other=ids[name]))
        else:
            ids[name] = entry.path
            listing.append((name, schema.name, entry.path))
        wanted[entry.path] = entry
        lines[schema.name].append(f"{entry.path} {entry.blob}")
    held = store.sources()
    stale = [path for path, blob in held.items() if path not in wanted or wanted[path].blob != blob]
    fresh = [entry for path, entry in wanted.items() if held.get(path) != entry.blob]
    if stale or fresh:
        with store.change():
            store.remove(stale)
            store.add(_sound(_examined(fresh, tree, schemas), findings))
        store.checkpoint()
    faulty = {finding.path for finding in findings}
    stored = {name: path for name, _, path in listing if path not in faulty}
    states = {name: hashlib.sha256("\0".join(of_type).encode()).hexdigest() for name, of_type in lines.items()}
    return Intake(tuple(listing), tuple(findings), wanted, stored, states)


def _misplaced(entry: Entry, schema: RecordSchema | None, twins: dict[str, str]) -> Finding | None:
    """What is wrong with a file's kind or name before anything is read."""
    if entry.mode == SYMLINK:
        return catalogue.make("FILE-01", entry.path, 1, 1)
    if schema is None or not entry.path.endswith(".yaml"):
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
