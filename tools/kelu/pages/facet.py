"""Facet: by what the search narrows records — type, year and state, and what the fields of certain marks say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kelu.finding import Text
from kelu.privacy import Node, Published
from kelu.schema import Field, RecordSchema


class Facet(NamedTuple):
    """One value of a facet."""

    name: str
    value: Text


Plan = Mapping[str, tuple[tuple[str, ...], Any]]  # by field: the facets that it is a value of, and the fields inside


def plan(fields: Sequence[Field], marked: Mapping[str, Mapping[str, str]]) -> Plan:
    """Which fields give the values of which facets. `marked` says it by marks: `{refs: TYPE}` or
    `{vocabulary: NAME}`."""
    found: dict[str, tuple[tuple[str, ...], Any]] = {}
    for field in fields:
        names = tuple(name for name, mark in marked.items() if _fits(field, mark))
        inside = plan(field.children, marked)
        if names or inside:
            found[field.name] = names, inside
    return found


def facets(schema: RecordSchema, record: Published, date: str, planned: Plan) -> tuple[Facet, ...]:
    """The facets of a record as published, each value once. `date` is its business date, which may be empty; `planned`
    tells of further ones, of which a restricted record has none, as it publishes no such field."""
    found = {Facet("type", schema.label): None}
    if date:
        found[Facet("year", Text(date[:4], date[:4]))] = None
    if record.status in schema.states:
        found[Facet("status", schema.states[record.status])] = None
    for name, node in _leaves(planned, record.nodes):
        if node.text and node.text.zh:
            found[Facet(name, node.text)] = None
    return tuple(found)


def _fits(field: Field, mark: Mapping[str, str]) -> bool:
    if "refs" in mark:
        return field.refs == (mark["refs"],)
    return field.vocabulary is not None and field.vocabulary.name == mark["vocabulary"]


def _leaves(planned: Plan, nodes: Sequence[Node]) -> Iterator[tuple[str, Node]]:
    """Every published value of a facet, with the facet's name. The items of a list are named as it is."""
    for node in nodes:
        if node.name not in planned:
            continue
        names, inside = planned[node.name]
        for leaf in node.children if node.kind == "list" else (node,):
            if leaf.kind == "group":
                yield from _leaves(inside, leaf.children)
            else:
                yield from ((name, leaf) for name in names)
