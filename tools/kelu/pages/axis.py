"""Axes: what a chart counts records under — values of a field, spans of a number, months or years — and in what order.

A value of a field is put into words by the field's mark, as in a ledger; one that may not be shown is not named.
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kelu import privacy
from kelu.finding import Text
from kelu.pages.figure import Names
from kelu.schema import RecordSchema

_LAST = 1_000_000  # the place of what is not known, not shown or not stated


@dataclass(frozen=True, slots=True)
class Member:
    """A value that records are counted under. `wanted` is how a ledger is asked for it."""

    place: tuple[int, str]
    label: Text
    wanted: str = ""

    @property
    def own(self) -> bool:
        """Whether the label is in the records' own language."""
        return self.label.zh == self.label.en and not self.label.zh.isascii()

    @property
    def known(self) -> bool:
        return self.place[0] < _LAST


@dataclass(frozen=True, slots=True)
class Axis:
    """A heading, what a record (its id, its pack, the value) is counted under, and the members that stand there with
    no record as well. None: the value lies outside."""

    label: Text
    judge: Callable[[str, str, Any], Member | None]
    fixed: tuple[Member, ...] = ()


def axis(entry: Mapping[str, Any], type_: str, names: Names, day: datetime.date) -> Axis:
    """The axis of a definition on a day. Raises KeyError for a field that the record type has not."""
    if "period" in entry:
        members = {member.wanted: member for member in _periods(entry["period"], entry["last"], day)}
        return Axis(Text.of(entry["label"]), lambda _id, _pack, value: members.get(str(value)), tuple(members.values()))
    if "buckets" in entry:
        buckets = tuple(_buckets(entry["buckets"], entry["unit"]))
        limits: Sequence[int] = entry["buckets"]

        def bucket(_id: str, _pack: str, value: Any) -> Member:
            return buckets[sum(1 for limit in limits if value > limit)]

        return Axis(Text.of(entry["label"]), bucket, buckets)
    return _field(entry, names.schemas[type_], names)


def _field(entry: Mapping[str, Any], schema: RecordSchema, names: Names) -> Axis:
    leaf = privacy.leaf(schema, entry["field"])
    if leaf.kind == "array":  # its values are counted one by one
        leaf = replace(leaf, kind=leaf.items or "mixed")
    vocabulary = leaf.vocabulary.name if leaf.vocabulary else ""
    order = list(leaf.enum) or list(dict.fromkeys(c for _, name, c in names.directory.terms if name == vocabulary))
    marks = names.words["mark"]
    absent = Member((_LAST, "0"), Text.of(entry.get("absent", marks["absent"])))
    restricted = Member((_LAST, "1"), Text.of(marks["restricted"]))
    unsaid = Member((_LAST, "2"), Text.of(names.words["history"]["withheld"]))
    kept: dict[tuple[str, Any], Member] = {}

    def made(pack: str, value: Any) -> Member:
        node = privacy.cell(leaf, value, names.directory, pack)
        if node is None:
            return unsaid
        label = node.text if node.text and node.text.zh else Text(node.value, node.value)
        place = order.index(node.value) if node.value in order else len(order)
        return Member((place, label.zh), label, node.target or label.zh)

    def judge(record: str, pack: str, value: Any) -> Member:
        if names.directory.titles[record].restricted and leaf.name != "status":  # records.md §0.3
            return restricted
        if value is None:
            return absent
        if (pack, value) not in kept:
            kept[pack, value] = made(pack, value)
        return kept[pack, value]

    return Axis(Text.of(entry["label"]) if "label" in entry else leaf.label, judge)


def _periods(kind: str, last: int, day: datetime.date) -> Iterator[Member]:
    """The last months up to a day in their order, or the last years, the latest first, by their names."""
    for place, back in enumerate(range(last - 1, -1, -1) if kind == "month" else range(last)):
        year, month = divmod(day.year * 12 + day.month - 1 - back, 12)
        name = f"{year}-{month + 1:02d}" if kind == "month" else str(day.year - back)
        yield Member((place, name), Text(name, name), name)


def _buckets(limits: Sequence[int], unit: Mapping[str, str]) -> Iterator[Member]:
    """≤ 3, 4–7, 8–30 and > 30 from 3, 7 and 30."""
    spans = [f"≤ {limits[0]}", *(f"{low + 1}–{high}" for low, high in itertools.pairwise(limits))]
    for place, span in enumerate([*spans, f"> {limits[-1]}"]):
        yield Member((place, ""), Text(f"{span} {unit['zh']}", f"{span} {unit['en']}"))
