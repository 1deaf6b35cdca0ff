"""Intake: brings the store up to date with a tree of record files.

Only files whose blob the store does not hold are read: parsed, judged by their schema, and stored with the marks
they carry. A file at fault is never stored, so it is read and explained anew each time. Large intakes are split
among processes.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kelu import catalogue, marks
from kelu.document import field_text, locate, parse
from kelu.finding import Finding
from kelu.git import SYMLINK, Entry, Tree, read_file
from kelu.schema import RecordSchema, Schemas
from kelu.store import Store, Stored

RECORDS = "records"
_PARALLEL_FROM = 400  # files; below, starting processes costs more than it saves
_CHUNK = 100


@dataclass(frozen=True, slots=True)
class Intake:
    """What a tree holds: (id, type, path) of every record file, and the faults of files and places."""

    listing: tuple[tuple[str, str, str], ...]
    findings: tuple[Finding, ...]


def take_in(tree: Tree, schemas: Schemas, store: Store) -> Intake:
    """Make the store hold exactly the sound records of `tree`."""
    findings: list[Finding] = []
    wanted: dict[str, Entry] = {}
    listing: list[tuple[str, str, str]] = []
    twins: dict[str, str] = {}
    ids: dict[str, str] = {}
    for entry in tree.entries(RECORDS):
        schema = schemas.of_folder(entry.path)
        fault = _misplaced(entry, schema, twins)
        if fault or schema is None:
            findings += [fault] if fault else []
            continue
        name = entry.path.rpartition("/")[2].removesuffix(".yaml")
        if name in ids:
            findings.append(catalogue.make("FILE-03", entry.path, 1, 1, "id", name, other=ids[name]))
        else:
            ids[name] = entry.path
            listing.append((name, schema.name, entry.path))
        wanted[entry.path] = entry
    held = store.sources()
    stale = [path for path, blob in held.items() if path not in wanted or wanted[path].blob != blob]
    fresh = [entry for path, entry in wanted.items() if held.get(path) != entry.blob]
    if stale or fresh:
        with store.change():
            store.remove(stale)
            store.add(_sound(_examined(fresh, tree, schemas), findings))
        store.checkpoint()
    return Intake(tuple(listing), tuple(findings))


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


def _sound(examined: Iterable[tuple[Stored | None, list[Finding]]], findings: list[Finding]) -> Iterator[Stored]:
    for stored, faults in examined:
        findings += faults
        if stored is not None:
            yield stored


# --- one file --------------------------------------------------------------------------------------------


class Examiner:
    """Reads single record files: bytes in, a storable record or its faults out."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._readers = {name: marks.reader(schema, schemas.records) for name, schema in schemas.records.items()}

    def examine(self, path: str, blob: str, raw: bytes) -> tuple[Stored | None, list[Finding]]:
        """A record ready for the store, or None; and what is wrong with the file."""
        schema = self._schemas.of_folder(path)
        assert schema is not None, path
        data, faults = parse(raw, path)
        if data is None or faults:
            return None, faults
        if not self._schemas.accepts(schema.name, data):
            faults = self._schemas.explain(schema.name, data, path, raw)
        faults += self._place_faults(schema, data, path, raw)
        reader = self._readers[schema.name]
        if marks.PERSONAL.search(raw.decode("utf-8")):
            for pointer, _hit in reader.personal(data):
                faults.append(catalogue.make("R-ALL-05", path, *locate(raw).best(pointer), field_text(pointer)))
        if faults:
            return None, sorted(faults)
        return (
            Stored(
                path=path,
                blob=blob,
                type=schema.name,
                id=data["id"],
                json=json.dumps(data, ensure_ascii=False),
                references=tuple((field_text(r.field), r.target, r.kinds) for r in reader.references(data)),
                terms=tuple((field_text(t.field), t.vocabulary, t.shared, t.value) for t in reader.terms(data)),
            ),
            [],
        )

    @staticmethod
    def _place_faults(schema: RecordSchema, data: dict[str, object], path: str, raw: bytes) -> list[Finding]:
        """File name, folder and year must be those of the id (R-ALL-01…03)."""
        record_id = data.get("id")
        expected = schema.path_of(record_id) if isinstance(record_id, str) else None
        if expected is None or expected == path:
            return []
        folder, _, name = path.rpartition("/")
        if name != f"{record_id}.yaml":
            code = "R-ALL-01"
        else:
            code = "R-ALL-03" if len(folder.split("/")) == len(expected.split("/")) - 1 else "R-ALL-02"
        return [catalogue.make(code, path, *locate(raw).value(("id",)), "id", str(record_id), expected=expected)]


# --- many files ------------------------------------------------------------------------------------------


def _examined(fresh: Sequence[Entry], tree: Tree, schemas: Schemas) -> Iterator[tuple[Stored | None, list[Finding]]]:
    directory = tree.directory
    if directory is None or len(fresh) < _PARALLEL_FROM or (os.cpu_count() or 1) < 2:
        examiner = Examiner(schemas)
        for entry, raw in tree.read(fresh):
            yield examiner.examine(entry.path, entry.blob, raw)
        return
    chunks = [(directory, fresh[start : start + _CHUNK]) for start in range(0, len(fresh), _CHUNK)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context, initializer=_start, initargs=(schemas,)) as pool:
        for results in pool.map(_examine_chunk, chunks):
            yield from results


_examiner: Examiner  # of a worker process, set once at its start


def _start(schemas: Schemas) -> None:
    global _examiner
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to answer
    _examiner = Examiner(schemas)


def _examine_chunk(chunk: tuple[Path, Sequence[Entry]]) -> list[tuple[Stored | None, list[Finding]]]:
    directory, entries = chunk
    return [_examiner.examine(entry.path, entry.blob, read_file(directory / entry.path)) for entry in entries]
