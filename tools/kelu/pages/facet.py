"""Facet: by what the search narrows records — type, year and state, and what the fields of certain marks say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kelu.finding import Text
from kelu.privacy import Node, Published
from kelu.schema import Field, RecordSchema


@dataclass(frozen=True, slots=True)
class Facet:
    """One value of a facet."""

    name: str
    value: Text


def facets(
    schema: RecordSchema, record: Published, date: str, marked: Mapping[str, Mapping[str, str]]
) -> tuple[Facet, ...]:
    """The facets of a record as published, each value once. `date` is its business date, which may be empty.

    `marked` says of further facets which fields give their values: `{refs: TYPE}` or `{vocabulary: NAME}`. As a
    restricted record publishes no such field, it has none of these.
    """
    found = {Facet("type", schema.label): None}
    if date:
        found[Facet("year", Text(date[:4], date[:4]))] = None
    if record.status in schema.states:
        found[Facet("status", schema.states[record.status])] = None
    for field, node in _leaves(schema.fields, record.nodes):
        for name, mark in marked.items():
            if node.text and node.text.zh and _fits(field, mark):
                found[Facet(name, node.text)] = None
    return tuple(found)


def _fits(field: Field, mark: Mapping[str, str]) -> bool:
    if "refs" in mark:
        return field.refs == (mark["refs"],)
    return field.vocabulary is not None and field.vocabulary.name == mark["vocabulary"]


def _leaves(fields: Sequence[Field], nodes: Sequence[Node]) -> Iterator[tuple[Field, Node]]:
    """Every published value with the field it comes from. The items of a list are named as it is."""
    named = {field.name: field for field in fields}
    for node in nodes:
        if node.name not in named:  # an entry of a map
            continue
        field = named[node.name]
        if node.kind == "list":
            yield from _leaves(fields, node.children)
        elif node.kind == "group":
            yield from _leaves(field.children, node.children)
        else:
            yield field, node
