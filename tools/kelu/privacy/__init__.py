"""Privacy: the only way from a record to anything published.

What a reader may not see never becomes a node, so it reaches no page, index, chart or export. Publication is
by allow-list (records.md §0.4): a leaf is shown because its schema mark says what it is; a leaf of unknown
mark is not. Direct identifiers are masked; free text is scanned for them and for each one the records know.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from kelu.finding import Text
from kelu.periods import SHANGHAI
from kelu.privacy import mask
from kelu.privacy.directory import PUBLIC, Contact, Directory, Title, directory, titled
from kelu.privacy.mask import mask_text
from kelu.schema import Field, RecordSchema

__all__ = [
    "PUBLIC", "Contact", "Directory", "Node", "Published", "Title",
    "cell", "directory", "leaf", "mask_text", "masked", "moment", "number", "publish",
]  # fmt: skip

SPOKEN_MARKS = frozenset({"none", "freetext"})


@dataclass(frozen=True, slots=True)
class Node:
    """One published field: its label and what may be said of it. A group, list or map has children instead.

    `kind`: text, masked, identifier, integer, number, boolean, date, datetime, enum, term, record, contact,
    staff, group, list or map. `value` is plain text, never markup; dates and times are in Asia/Shanghai.
    `text` is the label of what `value` codes. `target` is the id of the record it leads to.
    """

    name: str
    label: Text
    kind: str
    value: str = ""
    text: Text | None = None
    target: str = ""
    children: tuple[Node, ...] = ()
    occurs: str = ""  # of a group: the name of its date or time, when the schema marks it as an event


@dataclass(frozen=True, slots=True)
class Published:
    """A record as a reader may see it."""

    type: str
    id: str
    title: str
    status: str
    restricted: bool
    nodes: tuple[Node, ...]
    absent: tuple[Text, ...]  # labels of fields that are not filled in, in schema order


# --- publication -----------------------------------------------------------------------------------------


def publish(schema: RecordSchema, data: Mapping[str, Any], names: Directory) -> Published:
    """A record (as its YAML says it) for the audience of `names`, fields in schema order.

    A record marked `confidential: restricted` gives its id, type, status and dates only (records.md §0.3).
    """
    restricted = data.get("confidential") == "restricted"
    record_id, status = str(data.get("id", "")), str(data.get("status", ""))
    hidden = restricted or not titled(schema, names.audience)
    title = "" if hidden else mask_text(str(data.get(schema.title_field) or ""), names.identifiers)
    publisher = _Publisher(names, str(data.get("policy") or ""))
    if restricted:
        keep = ("id", "status", "confidential")
        shown = [item for item in schema.fields if item.name in keep or item.kind in ("date", "datetime")]
        absent: list[Text] = []
    else:
        shown = list(schema.fields)
        absent = [item.label for item in shown if _empty(data.get(item.name)) and publisher.allows(item)]
    nodes = tuple(publisher.nodes(shown, data))
    return Published(schema.name, record_id, title, status, restricted, nodes, tuple(absent))


def cell(leaf: Field, value: Any, names: Directory, policy: str) -> Node | None:
    """One value of a table for the audience of `names`, judged by the mark of the field it comes from.

    `policy` is the record's pack, which gives codes their labels. None: not to be shown.
    """
    return None if _empty(value) else _Publisher(names, policy).node(leaf, value)


def leaf(schema: RecordSchema, pointer: str) -> Field:
    """The field at a dotted pointer such as `assessment.severity`; KeyError when the schema has none."""
    fields: Sequence[Field] = schema.fields
    found: Field | None = None
    for name in pointer.replace("[]", "").split("."):
        found = next((item for item in fields if item.name == name), None)
        if found is None:
            raise KeyError(f"{schema.name}: {pointer}")
        fields = found.children
    if found is None:
        raise KeyError(f"{schema.name}: {pointer}")
    return found


@dataclass(frozen=True, slots=True)
class _Publisher:
    directory: Directory
    policy: str

    def allows(self, item: Field) -> bool:
        return item.audience in (PUBLIC, self.directory.audience)

    def nodes(self, fields: Iterable[Field], data: Mapping[str, Any]) -> Iterator[Node]:
        for item in fields:
            value = data.get(item.name)
            if _empty(value) or not self.allows(item):
                continue
            made = self.node(item, value)
            if made is not None:
                yield made

    def node(self, item: Field, value: Any) -> Node | None:
        if not self.allows(item):
            return None
        if item.kind == "object":
            return self._group(item, value)
        if item.kind == "array" or isinstance(value, list):
            return self._list(item, value)
        if item.kind == "map":
            return self._map(item, value)
        return self._leaf(item, item.kind, value)

    def _group(self, item: Field, value: Mapping[str, Any]) -> Node | None:
        children = tuple(self.nodes(item.children, value))
        if not children:
            return None
        return Node(item.name, item.label, "group", children=children, occurs=item.occurs or "")

    def _list(self, item: Field, value: Sequence[Any]) -> Node | None:
        if item.items == "object":
            made = [self._group(item, part) for part in value]
        else:
            made = [self._leaf(item, item.items or "mixed", part) for part in value]
        children = tuple(node for node in made if node is not None)
        return Node(item.name, item.label, "list", children=children) if children else None

    def _map(self, item: Field, value: Mapping[str, Any]) -> Node | None:
        children = []
        for key, part in value.items():
            label = self.directory.item(self.policy, str(key))
            made = self._leaf(item, item.items or "mixed", part)
            if label is not None and made is not None:
                grade = self.directory.grade(self.policy, made.value) if item.pii == "none" else None
                children.append(replace(made, name=str(key), label=label, text=made.text or grade))
        return Node(item.name, item.label, "map", children=tuple(children)) if children else None

    def _leaf(self, item: Field, kind: str, value: Any) -> Node | None:
        """The allow-list: every way a value may be shown is one case here; what fits none is not shown."""

        def node(kind: str, value: str, text: Text | None = None, target: str = "") -> Node:
            return Node(item.name, item.label, kind, value, text, target)

        if item.pii in mask.MARKS:
            return node("masked", mask.shown(item, str(value)))
        if kind in ("date", "datetime", "moment"):
            return node(*moment(value))
        if kind == "boolean":
            return node("boolean", "true" if value else "false")
        if item.refs:
            return self._reference(node, item, str(value))
        if item.vocabulary:
            label = self.directory.term(self.policy, item.vocabulary.name, str(value))
            if label is not None or not item.enum:
                return node("term", str(value), label) if label else None
        if item.enum:
            return node("enum", str(value), item.enum[str(value)]) if str(value) in item.enum else None
        if kind in ("integer", "number"):
            return node(kind, number(value))
        if item.pii == "none" and str(value) in self.directory.packs:  # `id@version`, which a mail mask would spoil
            return node("term", str(value), self.directory.packs[str(value)])
        if item.pii == "none" and (asked := self.directory.item(self.policy, str(value))) is not None:
            return node("term", str(value), asked)
        if item.pii in SPOKEN_MARKS:
            return node("text", mask_text(str(value), self.directory.identifiers))
        if item.identifier:
            return node("identifier", str(value))
        return None

    def _reference(self, node: Callable[..., Node], item: Field, value: str) -> Node | None:
        if value in self.directory.contacts:
            contact = self.directory.contacts[value]
            return node("contact", value, Text(contact.name, contact.position), contact.customer)
        if value in self.directory.staff:
            return node("staff", value, Text(self.directory.staff[value], value))
        if value in self.directory.titles:
            title = self.directory.titles[value].title
            return node("record", value, Text(title, title), value)
        # A reference to nothing is the check's finding; here its bare id is shown if it looks like one.
        return node("identifier", value) if re.fullmatch(r"[A-Z]{1,3}[0-9A-Z/-]{2,18}", value) else None


def masked(words: Text, names: Directory) -> Text:
    """A message as it may be published: what it quotes of a record passes the same masks as the record."""
    return Text(mask_text(words.zh, names.identifiers), mask_text(words.en, names.identifiers))


def moment(value: Any) -> tuple[str, str]:
    """(kind, text) of a date or date-time, as text or Python's own; in Asia/Shanghai, to the minute."""
    if isinstance(value, str):
        read = datetime.datetime if len(value) > 10 else datetime.date
        told, value = value, read.fromisoformat(value)
        if told[19:] == "+08:00" and told[5] != "W":  # as nearly all are written; the way below takes much longer
            return "datetime", f"{told[:10]} {told[11:16]}"
    if isinstance(value, datetime.datetime):
        return "datetime", value.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
    return "date", value.isoformat()


def number(value: Any) -> str:
    """A number in plain notation without needless zeros."""
    text = format(Decimal(str(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _empty(value: Any) -> bool:
    return value is None or value == "" or value == [] or value == {}
