"""Privacy: the only way from a record to anything published.

What a reader may not see never becomes a node, so it reaches no page, index, chart or export. Publication is
by allow-list (records.md §0.4): a leaf is shown because its schema mark says what it is; a leaf of unknown
mark is not. Direct identifiers are masked; free text is scanned for them and for each one the records know.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

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
_OFTEN = frozenset({"enum", "term", "date", "staff", "contact"})  # kinds of which few values are said over and over
_AMOUNTS = ("integer", "number")
_LIKE_AN_ID = re.compile(r"[A-Z]{1,3}[0-9A-Z/-]{2,18}")


class Node(NamedTuple):
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
    whole: bool  # whether nothing that the record holds is withheld, masked or unknown to the schema


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
    besides = ("schema",) if data.get("schema") == schema.version else ()
    nodes = publisher.nodes(shown, data, besides)
    whole = publisher.whole and not restricted
    return Published(schema.name, record_id, title, status, restricted, nodes, tuple(absent), whole)


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


class _Publisher:
    """Makes the nodes of one record; `whole` is whether all that it was given is shown as it is."""

    __slots__ = ("directory", "policy", "whole")

    def __init__(self, names: Directory, policy: str) -> None:
        self.directory, self.policy, self.whole = names, policy, True

    def allows(self, item: Field) -> bool:
        return item.audience in (PUBLIC, self.directory.audience)

    def nodes(
        self, fields: Sequence[Field], data: Mapping[str, Any], besides: Collection[str] = ()
    ) -> tuple[Node, ...]:
        """The fields of a group in schema order. It may hold those named `besides` without their being shown."""
        shown: list[Node] = []
        unseen = set(data).difference(besides)
        for item in fields:
            name = item.name
            unseen.discard(name)
            value = data.get(name)
            if not value and _empty(value):
                continue
            made = self.node(item, value)
            if made is not None:
                shown.append(made)
            elif name not in besides:
                self.whole = False
        if unseen:
            self.whole = False
        return tuple(shown)

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
        children = self.nodes(item.children, value)
        if not children:
            return None
        return Node(item.name, item.label, "group", children=children, occurs=item.occurs or "")

    def _list(self, item: Field, value: Sequence[Any]) -> Node | None:
        if item.items == "object":
            made = [self._group(item, part) for part in value]
        else:
            made = [self._leaf(item, item.items or "mixed", part) for part in value]
        children = tuple([node for node in made if node is not None])
        self.whole = self.whole and len(children) == len(made)
        return Node(item.name, item.label, "list", children=children) if children else None

    def _map(self, item: Field, value: Mapping[str, Any]) -> Node | None:
        children = []
        for key, part in value.items():
            label = self.directory.item(self.policy, str(key))
            made = self._leaf(item, item.items or "mixed", part)
            if label is not None and made is not None:
                grade = self.directory.grade(self.policy, made.value) if item.pii == "none" else None
                children.append(made._replace(name=str(key), label=label, text=made.text or grade))
        self.whole = self.whole and len(children) == len(value)
        return Node(item.name, item.label, "map", children=tuple(children)) if children else None

    def _leaf(self, item: Field, kind: str, value: Any) -> Node | None:
        """The node of a value. Where it is one of few, the same is handed out each time."""
        plan = self.directory.plans.get((id(item), kind))
        if plan is None or plan.item is not item:  # an address may come to be that of another field
            plan = self.directory.plans[id(item), kind] = _Plan(item, _way(item, kind), {})
        known = plan.kept.get((self.policy, value)) if type(value) is str else None
        if known is None:
            known = plan.way(self, item, value)
            if known is not None and known.kind in _OFTEN and type(value) is str:
                plan.kept[self.policy, value] = known
        return known

    # --- the allow-list: every way a value may be shown is one method here ---

    def withheld(self, item: Field, value: Any) -> Node | None:
        return None

    def identifying(self, item: Field, value: Any) -> Node | None:
        self.whole = False
        return Node(item.name, item.label, "masked", mask.shown(item, str(value)))

    def moment(self, item: Field, value: Any) -> Node | None:
        return Node(item.name, item.label, *moment(value))

    def truth(self, item: Field, value: Any) -> Node | None:
        return Node(item.name, item.label, "boolean", "true" if value else "false")

    def amount(self, item: Field, value: Any) -> Node | None:
        return Node(item.name, item.label, item.kind if item.kind in _AMOUNTS else str(item.items), number(value))

    def term(self, item: Field, value: Any) -> Node | None:
        name = item.vocabulary.name if item.vocabulary else ""
        label = self.directory.term(self.policy, name, str(value))
        if label is None and item.enum:
            return self.code(item, value)
        return Node(item.name, item.label, "term", str(value), label) if label else None

    def code(self, item: Field, value: Any) -> Node | None:
        label = item.enum.get(str(value))
        return None if label is None else Node(item.name, item.label, "enum", str(value), label)

    def reference(self, item: Field, value: Any) -> Node | None:
        value = str(value)
        if value in self.directory.contacts:
            contact = self.directory.contacts[value]
            return Node(
                item.name, item.label, "contact", value, Text(contact.name, contact.position), contact.customer
            )  # fmt: skip
        if value in self.directory.staff:
            return Node(item.name, item.label, "staff", value, Text(self.directory.staff[value], value))
        if value in self.directory.titles:
            title = self.directory.titles[value].title
            return Node(item.name, item.label, "record", value, Text(title, title), value)
        # A reference to nothing is the check's finding; here its bare id is shown if it looks like one.
        return Node(item.name, item.label, "identifier", value) if _LIKE_AN_ID.fullmatch(value) else None

    def text(self, item: Field, value: Any) -> Node | None:
        value = str(value)
        if item.pii == "none":
            if value in self.directory.packs:  # `id@version`, which a mail mask would spoil
                return Node(item.name, item.label, "term", value, self.directory.packs[value])
            if (asked := self.directory.item(self.policy, value)) is not None:
                return Node(item.name, item.label, "term", value, asked)
        said = mask_text(value, self.directory.identifiers)
        self.whole = self.whole and said == value
        return Node(item.name, item.label, "text", said)

    def identifier(self, item: Field, value: Any) -> Node | None:
        return Node(item.name, item.label, "identifier", str(value))


class _Plan(NamedTuple):
    """How the values of a field are shown, and the nodes of those that come over and over, by pack and value."""

    item: Field
    way: Callable[[_Publisher, Field, Any], Node | None]
    kept: dict[tuple[str, str], Node]


def _way(item: Field, kind: str) -> Callable[[_Publisher, Field, Any], Node | None]:
    """How values of a field are shown, by what its schema says of it; what fits nothing is not shown."""
    if item.pii in mask.MARKS:
        return _Publisher.identifying
    if kind in ("date", "datetime", "moment"):
        return _Publisher.moment
    if kind == "boolean":
        return _Publisher.truth
    if item.refs:
        return _Publisher.reference
    if item.vocabulary:
        return _Publisher.term
    if item.enum:
        return _Publisher.code
    if kind in _AMOUNTS:
        return _Publisher.amount
    if item.pii in SPOKEN_MARKS:
        return _Publisher.text
    return _Publisher.identifier if item.identifier else _Publisher.withheld


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
        here = value if value.tzinfo is SHANGHAI else value.astimezone(SHANGHAI)
        return "datetime", here.isoformat(" ")[:16]
    return "date", value.isoformat()


def number(value: Any) -> str:
    """A number in plain notation without needless zeros."""
    text = format(Decimal(str(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _empty(value: Any) -> bool:
    return value is None or value == "" or value == [] or value == {}
