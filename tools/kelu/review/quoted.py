"""Quoted: what a review may repeat of records and findings, past privacy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from kelu import catalogue, privacy
from kelu.check import Rulebook
from kelu.document import pointer
from kelu.finding import Finding, Text
from kelu.privacy import Directory, mask
from kelu.schema import RecordSchema, Schemas, label_of
from kelu.store import Store

Data = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding with the name of its field and, where the engine's catalogue has one, an example of how it is right."""

    finding: Finding
    label: Text | None = None
    example: str = ""


def directory(book: Rulebook, store: Store, documents: Iterable[tuple[str, Data]]) -> Directory:
    """The directory of all records, that also knows the direct identifiers of files which are at fault or gone. Under a
    rulebook at fault it has no names, but knows whom to hide."""
    schemas = book.schemas.records
    found: list[tuple[str, str]] = []
    if book.sound:
        names = privacy.directory(store, schemas, book.policy)
    else:
        names = Directory()
        for type_name, _, _, data in store.documents():
            found += mask.personal_values(schemas[type_name].fields, data)
    for path, known in documents:
        schema = book.schemas.of_folder(path)
        found += mask.personal_values(schema.fields, known) if schema else ()
    hidden = {**mask.Identifiers.of(found).masks, **names.identifiers.masks}
    return replace(names, identifiers=mask.Identifiers.hidden(hidden))


def _is_restricted(path: str, names: Directory, documents: Iterable[Mapping[str, Data]]) -> bool:
    """Whether a record says on either side that it is not for everybody."""
    known = names.titles.get(PurePosixPath(path).stem)
    held = [data for side in documents if (data := side.get(path)) is not None]
    return bool(known and known.restricted) or any(data.get("confidential") == "restricted" for data in held)


def remark(item: Finding, schemas: Schemas, names: Directory, documents: Sequence[Mapping[str, Data]]) -> Remark:
    schema, at, value = schemas.of_folder(item.path), pointer(item.field), item.value
    message, hint = privacy.masked(item.message, names), privacy.masked(item.hint, names)
    mark = _mark(schema, at)
    if _is_restricted(item.path, names, documents):
        message, hint, value = _title(item.code), Text("", ""), None
    elif value is not None and mark:
        shown = mask.mask(mark, value)
        message, hint = (Text(said.zh.replace(value, shown), said.en.replace(value, shown)) for said in (message, hint))
        value = shown
    elif value is not None:
        value = privacy.mask_text(value, names.identifiers)
    label = None
    if schema is not None and at:
        steps = [at[: place + 1] for place, step in enumerate(at) if isinstance(step, str)]
        label = Text.joined((label_of(schemas.raw[schema.name], step) for step in steps), " · ", " · ")
    return Remark(replace(item, value=value, message=message, hint=hint), label, _example(item.code))


def _title(code: str) -> Text:
    """What a finding is about without a word of the record that it is found in."""
    try:
        title = catalogue.entry(code).title
    except KeyError:
        title = Text("不合规则", "Against a rule")
    return Text(f"{title.zh}（受限记录，内容不列出）", f"{title.en} (restricted record, contents not shown)")


def _mark(schema: RecordSchema | None, at: tuple[str | int, ...]) -> str | None:
    """The mark of a field that holds a direct identifier."""
    try:
        found = privacy.leaf(schema, ".".join(step for step in at if isinstance(step, str))) if schema and at else None
    except KeyError:
        return None
    return found.pii if found and found.pii in mask.MARKS else None


def _example(code: str) -> str:
    try:
        return catalogue.entry(code).good.rstrip()
    except KeyError:
        return ""
