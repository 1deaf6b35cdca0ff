"""Story: what happened in a record's life by its own stamps, in order of time, with who did it and who approved it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kelu.finding import Text
from kelu.privacy import Node, Published
from kelu.schema import Field, RecordSchema

_OUTCOMES, _LETTERS = 4, 90  # of an event: how many codes are told, and how much of its text
_DATED = ("date", "datetime")


class Approval(NamedTuple):
    """Who approved what an event tells, and when (empty where the record gives no time)."""

    label: Text
    by: str
    at: str


class Step(NamedTuple):
    """Something that happened: when (as text that sorts), what, who, to what outcome, and by whose approval."""

    at: str
    label: Text
    by: str = ""
    outcomes: tuple[Text, ...] = ()
    note: str = ""
    approvals: tuple[Approval, ...] = ()


def steps(schema: RecordSchema, record: Published) -> list[Step]:
    """The events of a record, by the schema's marks of what counts as one."""
    found: list[Step] = []
    marks = {item.name: item for item in schema.fields}
    for node in record.nodes:
        if node.kind in _DATED:
            if marks[node.name].occurs == "." or node.name in (schema.occurs, schema.business_date):
                found.append(Step(node.value, node.label))
        elif node.kind in ("group", "list"):
            for group in (node, *node.children):
                if group.occurs:
                    found += _step(node.label, group, marks[node.name])
    return sorted(dict.fromkeys(found), key=lambda step: (step.at, step.label.zh))


def _step(label: Text, node: Node, item: Field) -> Iterator[Step]:
    held = {child.name: child for child in node.children}
    if node.occurs not in held:
        return
    approving = {child.name for child in item.children if child.approval}
    people = [child for child in node.children if child.kind == "staff" and child.text and child.name not in approving]
    codes = [leaf for child in node.children for leaf in (child, *child.children) if leaf.kind in ("enum", "term")]
    said = next((child.value for child in node.children if child.kind == "text"), "")
    yield Step(
        held[node.occurs].value,
        label,
        _name(people[0]) if people else "",
        tuple(leaf.text for leaf in codes if leaf.text)[:_OUTCOMES],
        said if len(said) <= _LETTERS else f"{said[:_LETTERS]}…",
        tuple(_approvals(node, approving)),
    )


def _approvals(node: Node, approving: set[str]) -> Iterator[Approval]:
    """Each approver with the time that stands next in the record."""
    for place, child in enumerate(node.children):
        if child.name in approving and child.text:
            at = next((later.value for later in node.children[place + 1 :] if later.kind in _DATED), "")
            yield Approval(child.label, _name(child), at)


def _name(node: Node) -> str:
    return node.text.zh if node.text else ""
