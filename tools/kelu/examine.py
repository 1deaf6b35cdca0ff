"""Examine: one record file at a time — its bytes to a record ready for the store, or to what is wrong with it.

Other processes do this for a part of the files; whatever is imported here, each of them imports anew.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from kelu import catalogue, marks
from kelu.document import field_text, locate, parse
from kelu.finding import Finding
from kelu.git import Entry, read_file
from kelu.schema import RecordSchema, Schemas


@dataclass(frozen=True, slots=True)
class Stored:
    """An accepted record on its way into the store, with the references and vocabulary terms in it."""

    path: str
    blob: str
    type: str
    id: str
    json: str
    references: Sequence[marks.Reference]
    terms: Sequence[marks.Term]


Outcome = tuple[Stored | None, list[Finding]]


class Examiner:
    """Reads single record files: bytes in, a storable record or its faults out."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._readers = {name: marks.reader(schema, schemas.records) for name, schema in schemas.records.items()}

    def examine(self, path: str, blob: str, raw: bytes) -> Outcome:
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
        text = json.dumps(data, ensure_ascii=False)
        if marks.may_be_personal(text):
            for pointer, _hit in reader.personal(data):
                faults.append(catalogue.make("R-ALL-05", path, *locate(raw).best(pointer), field_text(pointer)))
        if faults:
            return None, sorted(faults)
        return Stored(path, blob, schema.name, data["id"], text, *reader.read(data)), []


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
    _examiner = Examiner(schemas)


def examine_all(directory: str, entries: Sequence[Entry]) -> list[Outcome]:
    """The outcome for each of some files below a folder."""
    return [_examiner.examine(entry.path, entry.blob, read_file(f"{directory}/{entry.path}")) for entry in entries]
