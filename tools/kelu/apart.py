"""Apart: whether the records leave to the vault what the vault is for, and the vault knows only those who are there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from kelu import catalogue, marks, people, vault
from kelu.answers import Answers
from kelu.document import field_text, locate, pointer
from kelu.finding import Finding
from kelu.policy import Policy
from kelu.schema import RecordSchema, Schemas
from kelu.vault import Known, Vault

Reader = Callable[[str], tuple[bytes, dict[str, Any]]]


def judge(
    policy: Policy, schemas: Schemas, held: Vault, answers: Answers, reader: Reader, unread: Collection[str]
) -> Iterator[Finding]:
    """Every finding. `reader` gives bytes and data of a path; `unread` are the records at fault, whose people nobody
    knows."""
    known: set[str] = set()
    repeats, digest = Known(held), hashlib.sha256(held.raw).hexdigest()
    for name, schema in schemas.records.items():
        if any(people.lists(schema.fields)):
            known.update(key for _, key in answers.search("people", name, partial(_keys, schema)))
            if policy.pii_store == "vault":
                found = answers.search("apart", name, partial(_direct, schema))
                yield from _findings("PII-01", found, reader)
        if held.people:
            texts = marks.reader(schema, schemas.records)
            found = answers.search(f"vault {digest}", name, partial(_repeated, texts, repeats))
            yield from _findings("PII-04", found, reader)
    for key in held.people:
        if key not in known and key.partition("/")[0] not in unread:
            yield catalogue.make("PII-03", vault.PATH, *held.position(key), field_text(("contacts", key)), key)


def direct(schemas: Schemas, records: Iterable[tuple[str, str, str, Mapping[str, Any]]]) -> bool:
    """Whether any of some stored records (type, id, path, data) holds what belongs in the vault."""
    return any(any(_direct(schemas.records[kind], data)) for kind, _, _, data in records)


def _keys(schema: RecordSchema, data: Mapping[str, Any]) -> Iterator[str]:
    return (person.key for person in people.listed(schema, data))


def _direct(schema: RecordSchema, data: Mapping[str, Any]) -> Iterator[str]:
    for person in people.listed(schema, data):
        yield from (field_text((*person.pointer, name)) for name in person.identifiers())


def _repeated(texts: marks.Reader, repeats: Known, data: Mapping[str, Any]) -> Iterator[str]:
    yield from (field_text(at) for at, text in texts.texts(data) if repeats.in_text(text))
    yield from (field_text(at) for at, name in texts.names(data) if repeats.in_name(name))


def _findings(code: str, found: Iterable[tuple[str, str]], reader: Reader) -> Iterator[Finding]:
    for path, place in found:
        yield catalogue.make(code, path, *locate(reader(path)[0]).best(pointer(place)), place)
