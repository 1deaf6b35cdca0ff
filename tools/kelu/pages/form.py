"""Forms: a record as the document that the policy asks for, to be printed; `site/forms/<type>.yaml` says what stands
where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from markupsafe import Markup

from kelu import privacy
from kelu.finding import Text
from kelu.pages import flow
from kelu.policy import Policy
from kelu.privacy import Node, Published
from kelu.schema import RecordSchema


@dataclass(frozen=True, slots=True)
class Entry:
    """A box of the form: its label and the fields that fill it."""

    label: Text
    fields: tuple[tuple[str, ...], ...]
    wide: bool


@dataclass(frozen=True, slots=True)
class Form:
    """A form of one record type: `term` is what packs call the document under, `title` what else it is called."""

    term: str
    title: Text
    entries: tuple[Entry, ...]
    signatures: tuple[Text, ...]


class Box(NamedTuple):
    """A box, filled in as far as the record goes."""

    label: Text
    wide: bool
    content: Markup


@dataclass(frozen=True, slots=True)
class Filled:
    """A record's form by the name its policy has for it."""

    title: Text
    boxes: tuple[Box, ...]
    signatures: tuple[Text, ...]


def read(definition: Mapping[str, Any], schema: RecordSchema) -> Form:
    """The form of a record type. Raises KeyError when it names a field that the type has not."""
    return Form(
        definition.get("term", ""),
        Text.of(definition["title"]),
        tuple(_entry(item, schema) for item in definition["boxes"]),
        tuple(Text.of(words) for words in definition.get("signatures", ())),
    )


def _entry(item: Mapping[str, Any], schema: RecordSchema) -> Entry:
    leaves = [privacy.leaf(schema, name) for name in item["fields"]]
    label = Text.of(item["label"]) if "label" in item else leaves[0].label
    return Entry(label, tuple(tuple(name.split(".")) for name in item["fields"]), item.get("wide", False))


def fill(form: Form, record: Published, pack: str, policy: Policy, site: flow.Words) -> Filled:
    """The form of one record, judged by a pack, past privacy; `site` are the site's labels and places."""
    held = policy.packs.get(pack)
    words = held.source.data.get("terms", {}).get(form.term) if held else None
    nodes = {node.name: node for node in record.nodes}
    boxes = tuple(
        Box(entry.label, entry.wide, _content([_find(nodes, way) for way in entry.fields], site))
        for entry in form.entries
    )
    return Filled(Text.of(words) if words else form.title, boxes, form.signatures)


def _content(nodes: Sequence[Node | None], words: flow.Words) -> Markup:
    """One value as it is; several under their labels."""
    held = [node for node in nodes if node is not None]
    if not held:
        return Markup()
    return flow.value(held[0], words) if len(nodes) == 1 else flow.fields(held, words)


def _find(nodes: Mapping[str, Node], way: Sequence[str]) -> Node | None:
    node = nodes.get(way[0])
    if node is None or len(way) == 1:
        return node
    return _find({child.name: child for child in node.children}, way[1:])
