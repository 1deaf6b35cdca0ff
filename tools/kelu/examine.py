"""Examine: one record file at a time — its bytes to a record ready for the store, or to what is wrong with it.

Other processes do this for a part of the files; whatever is imported here, each of them imports anew.
"""

from __future__ import annotations

import gc
import json
import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kelu import catalogue, marks
from kelu.document import field_text, locate, parse
from kelu.finding import Finding
from kelu.git import Entry, read_file
from kelu.schema import RecordSchema, Schemas

SEPARATOR = "\x1f"  # the gate lets no document hold it


@dataclass(frozen=True, slots=True)
class Stored:
    """An accepted record with the references and vocabulary terms in it."""

    path: str
    blob: str
    type: str
    id: str
    json: str
    references: Sequence[marks.Reference]
    terms: Sequence[marks.Term]


@dataclass(frozen=True, slots=True)
class Batch:
    """Accepted records of one type on their way into the store.

    Each column is one text with SEPARATOR between its values: between processes, and into the database, a text goes
    several times faster than the values. `records` are (path, blob, id, json), `links` (id, *Reference), `terms`
    (id, *Term); where there is none, no column.
    """

    type: str
    size: int
    records: tuple[str, ...]
    links: tuple[str, ...]
    terms: tuple[str, ...]


Outcome = tuple[list[Batch], list[Finding]]


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
        faults += _place_faults(schema, data, path, raw)
        reader = self._readers[schema.name]
        text = _as_json(data)
        if marks.may_be_personal(text):
            for pointer, _hit in reader.personal(data):
                faults.append(catalogue.make("R-ALL-05", path, *locate(raw).best(pointer), field_text(pointer)))
        if faults:
            return None, sorted(faults)
        return Stored(path, blob, schema.name, data["id"], text, *reader.read(data)), []

    def examine_all(self, files: Iterable[tuple[Entry, bytes]]) -> Outcome:
        """The same of many files."""
        kinds: dict[str, list[Stored]] = {}
        findings: list[Finding] = []
        for entry, raw in files:
            stored, faults = self.examine(entry.path, entry.blob, raw)
            findings += faults
            if stored is not None:
                kinds.setdefault(stored.type, []).append(stored)
        return [_batch(name, records) for name, records in kinds.items()], findings


_as_json = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps would make an encoder each time


def _batch(kind: str, records: Sequence[Stored]) -> Batch:
    links = [(item.id, *reference) for item in records for reference in item.references]
    terms = [(item.id, *term) for item in records for term in item.terms]
    return Batch(
        kind,
        len(records),
        _columns((item.path, item.blob, item.id, item.json) for item in records),
        _columns(links),
        _columns(terms),
    )


def _columns(rows: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(map(SEPARATOR.join, zip(*rows, strict=True)))


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


# --- in another process ----------------------------------------------------------------------------------

_examiner: Examiner  # set once, when the process starts


def start(schemas: Schemas) -> None:
    """Make this process ready for `examine_all`."""
    global _examiner
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to answer
    gc.disable()  # documents hold no circles, and looking for some takes a tenth of the time
    _examiner = Examiner(schemas)


def examine_all(directory: str, entries: Sequence[Entry]) -> Outcome:
    """What `Examiner.examine_all` says of some files below a folder."""
    return _examiner.examine_all((entry, read_file(f"{directory}/{entry.path}")) for entry in entries)
