"""Watch: the marks of one record type, folded for judging its history, and the walk over what two versions differ in.

The walk enters only what differs and only where a mark waits, so that a step costs what it changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kelu.schema import Field, RecordSchema, Transition
from kelu.schema.fields import Freeze

Place = tuple[str | int, ...]
Groups = tuple[
    tuple[Place, Mapping[str, Any]], ...
]  # around a value, outermost first: where each stands, what it holds
DATES = frozenset({"date", "datetime", "moment"})


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value to look at when it is new: a date, somebody's approval, or who prepared what somebody approves."""

    field: Field
    event: bool  # a stamp: the moment at which something happened or was written down
    preparer: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """A field that is a leaf, or holds some."""

    leaf: Leaf | None
    many: bool
    inner: Mapping[str, Branch]


class News(NamedTuple):
    """A watched value that is new or another than before."""

    place: Place
    leaf: Leaf
    value: Any
    groups: Groups


@dataclass(frozen=True, slots=True)
class Watch:
    """What may happen to a record of one type, by the names of its outermost fields."""

    schema: RecordSchema
    fields: Mapping[tuple[str, ...], Field]
    branches: Mapping[str, Branch]
    immutable: frozenset[str]
    growing: Mapping[str, tuple[Field, ...]]
    frozen: Mapping[str, Mapping[str, tuple[tuple[Field, Freeze], ...]]]  # state -> what is frozen in it
    reopening: tuple[str, ...]
    planned: tuple[Field, ...]  # in some states only
    order: Mapping[str, int]  # of states
    steps: Mapping[str, tuple[Transition, ...]]  # by the state they leave; creation leaves none

    def field(self, place: Place) -> Field | None:
        """The field at a place of a record."""
        return self.fields.get(tuple(step for step in place if isinstance(step, str)))


def watch(schema: RecordSchema) -> Watch:
    """The marks of a record type."""
    every = tuple(schema.walk())
    order = {state: number for number, state in enumerate(schema.states)}
    steps: dict[str, list[Transition]] = {}
    for step in (*schema.creation, *schema.transitions):
        steps.setdefault(step.source, []).append(step)
    frozen = {
        state: _by_name((item, item.freeze) for item in every if item.freeze and order[item.freeze.state] <= number)
        for state, number in order.items()
    }
    return Watch(
        schema=schema,
        fields={tuple(step for step in item.pointer if step != "[]"): item for item in every},
        branches=_branches(schema.fields, None, _preparers(every)),
        immutable=frozenset(item.name for item in schema.fields if item.immutable),
        growing={name: tuple(item for item, in found) for name, found in
                 _by_name((item,) for item in every if item.append_only).items()},
        frozen=frozen,
        reopening=tuple(item.name for item in schema.fields if item.reopens),
        planned=tuple(item for item in schema.fields if isinstance(item.planned, tuple)),
        order=order,
        steps={source: tuple(found) for source, found in steps.items()},
    )  # fmt: skip


def news(watched: Watch, before: Mapping[str, Any], after: Mapping[str, Any], changed: Iterable[str]) -> list[News]:
    """The watched values of a record that are new or another than before, in its outermost fields that `changed`."""
    found: list[News] = []
    branches = watched.branches
    _walk({name: branches[name] for name in changed if name in branches}, before, after, (), (), found)
    return found


def reach(data: Any, pointer: tuple[str, ...], place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """(place, value) of each value in a record that a schema's pointer names."""
    if not pointer:
        yield place, data
    elif pointer[0] == "[]":
        for index, item in enumerate(data if isinstance(data, list) else ()):
            yield from reach(item, pointer[1:], (*place, index))
    elif isinstance(data, dict) and pointer[0] in data:
        yield from reach(data[pointer[0]], pointer[1:], (*place, pointer[0]))


def _by_name(marked: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    grouped: dict[str, list[Any]] = {}
    for entry in marked:
        grouped.setdefault(entry[0].pointer[0], []).append(entry)
    return {name: tuple(entries) for name, entries in grouped.items()}


def _preparers(every: tuple[Field, ...]) -> frozenset[tuple[str, ...]]:
    """Pointers of the fields that name who prepared what another field approves."""
    there = {item.pointer for item in every}
    found = set()
    for item in every:
        for name in item.approval.of if item.approval else ():
            around = (item.pointer[:length] for length in range(len(item.pointer) - 1, -1, -1))
            found.add(next((*group, name) for group in around if (*group, name) in there))
    return frozenset(found)


def _branches(
    fields: tuple[Field, ...], group: Field | None, preparers: frozenset[tuple[str, ...]]
) -> dict[str, Branch]:
    found = {}
    for item in fields:
        inner = _branches(item.children, item, preparers)
        dated = item.kind in DATES and item.planned is not True
        prepares = item.pointer in preparers
        leaf = None
        if dated or prepares or item.approval:
            event = dated and (item.stamp or item.occurs == "." or (group is not None and group.occurs == item.name))
            leaf = Leaf(item, event, prepares)
        if leaf or inner:
            found[item.name] = Branch(leaf, item.kind == "array", inner)
    return found


def _walk(
    branches: Mapping[str, Branch], old: Mapping[str, Any], new: Mapping[str, Any], place: Place, groups: Groups,
    found: list[News],
) -> None:  # fmt: skip
    groups = (*groups, (place, new))
    for name, branch in branches.items():
        value = new.get(name)
        if value is None:
            continue
        former = old.get(name)
        if value is former or value == former:
            continue
        here = (*place, name)
        if branch.leaf is not None:
            found.append(News(here, branch.leaf, value, groups))
        elif not branch.many:
            if isinstance(value, dict):
                _walk(branch.inner, former if isinstance(former, dict) else {}, value, here, groups, found)
        elif isinstance(value, list):
            known = former if isinstance(former, list) else []
            for index, item in enumerate(value):
                was = known[index] if index < len(known) else None
                if isinstance(item, dict) and item != was and item not in known:
                    _walk(branch.inner, was if isinstance(was, dict) else {}, item, (*here, index), groups, found)
