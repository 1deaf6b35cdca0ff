"""Proposal: the files that a sheet asks for — new ones under ids of their own, changed ones with their comments — and
what the rules say of them, told at the cells they come from. Nothing is written here."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kelu import shelf
from kelu.document import Order, amend, look_up, pointer, same, write
from kelu.finding import Finding
from kelu.policy import Policy
from kelu.schema import RecordSchema
from kelu.sheet.cells import blank
from kelu.sheet.grid import at_cell, fault
from kelu.sheet.inward import Draft, Laying
from kelu.sheet.moments import date, moment

_YEAR = 4
_GIVEN = frozenset({"id", "registered_at", "registered_by"})  # what a record gets without anybody's saying it


@dataclass(frozen=True, slots=True)
class Setting:
    """What new records are made with: their type and order, today's policy, and who makes them when."""

    schema: RecordSchema
    raw: Mapping[str, Any]
    order: Order
    policy: Policy
    at: datetime.datetime
    by: str | None


@dataclass(frozen=True, slots=True)
class Made:
    """Files to be written by path, the drafts they come from, and the names of top-level fields that changed."""

    files: Mapping[str, bytes]
    drafts: Mapping[str, Draft]
    changed: Mapping[str, Sequence[str]]
    new: Sequence[str]
    same: int


def begin(draft: Draft, setting: Setting) -> None:
    """Give a new record what every new one has, as far as neither sheet nor mapping says otherwise: version, defaults,
    the only first state, the pack in force on its day, who registers it and when."""
    if draft.held is not None:
        return
    schema, needed = setting.schema, set(setting.raw.get("required", ()))
    start: dict[str, Any] = {"schema": schema.version}
    start |= {item.name: item.default for item in schema.fields if item.name in needed and item.default is not None}
    if "status" in needed and len(schema.initial) == 1:
        start["status"] = schema.initial[0]
    if "registered_at" in needed:
        start["registered_at"] = setting.at.replace(microsecond=0).isoformat()
    if "registered_by" in needed and setting.by:
        start["registered_by"] = setting.by
    pack = _pack(schema, setting, draft) if "policy" in needed else None
    if pack:
        start["policy"] = pack
    draft.start = {**start, **draft.start}


def _pack(schema: RecordSchema, setting: Setting, draft: Draft) -> str | None:
    """The pack that rules the type's first domain on the day of the record, or today where no row tells the day."""
    told = draft.main.cells if draft.main else ()
    way = tuple((schema.business_date or "").split("."))
    said = next((str(cell) for column, cell, _ in told if column.pointer == way and not blank(cell)), "")
    when = moment(said)
    day = (when[0][:10] if when else date(said)) or setting.at.date().isoformat()
    return next(iter(setting.policy.ruling(datetime.date.fromisoformat(day), schema.domains)), None)


def recognise(drafts: Sequence[Draft], held: Iterable[Mapping[str, Any]]) -> None:
    """A new record that says what one there is says already is that one: the same sheet was imported twice."""
    new = [draft for draft in drafts if draft.held is None]
    known = {_said(data): data for data in held} if new else {}
    for draft in new:
        found = known.get(_said(draft.data))
        if found is not None:
            draft.held, draft.data = found, dict(found)


def _said(data: Mapping[str, Any]) -> str:
    return json.dumps({key: value for key, value in data.items() if key not in _GIVEN}, sort_keys=True)


def make(
    drafts: Sequence[Draft], setting: Setting, taken: Iterable[str], paths: Mapping[str, str],
    read: Callable[[str], bytes], with_change: Mapping[str, Any],
) -> tuple[Made, list[Draft]]:  # fmt: skip
    """The files of all drafts whose data differ. `paths` are those of the records there are, `read` gives a file's
    bytes; `with_change` are fields that are set where anything else changes. Also the drafts that got no id."""
    schema = setting.schema
    used = list(taken)
    by_year: dict[int, list[Draft]] = {}
    for draft in drafts:
        if draft.held is None:
            _set(draft.data, with_change)
            by_year.setdefault(_year(schema, draft.data, setting.at), []).append(draft)
    nameless: list[Draft] = []
    for year, new in by_year.items():
        try:
            names = shelf.next_ids(schema, used, year, len(new))
        except ValueError:
            nameless += new
            continue
        for draft, name in zip(new, names, strict=True):
            draft.data["id"] = name
    files: dict[str, bytes] = {}
    owners: dict[str, Draft] = {}
    changed: dict[str, Sequence[str]] = {}
    fresh: list[str] = []
    for draft in (draft for draft in drafts if draft not in nameless):
        if draft.held is not None and not same(draft.data, draft.held):
            _set(draft.data, with_change)
        name = str(draft.data.get("id", ""))
        if draft.held is None:
            path = schema.path_of(name) or ""
            files[path] = write(draft.data, setting.order).encode()
            fresh.append(name)
        elif not same(draft.data, draft.held):
            path = paths[name]
            files[path] = amend(read(path), draft.data, setting.order)
            keys = dict.fromkeys([*draft.held, *draft.data])
            changed[name] = [key for key in keys if not same(draft.held.get(key), draft.data.get(key))]
        else:
            continue
        owners[path] = draft
    return Made(files, owners, changed, fresh, len(drafts) - len(files) - len(nameless)), nameless


def _set(data: dict[str, Any], given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        *groups, last = name.split(".")
        at = data
        for group in groups:
            at = at.setdefault(group, {})
        at[last] = value


def _year(schema: RecordSchema, data: Mapping[str, Any], at: datetime.datetime) -> int:
    told = str(look_up(data, tuple((schema.business_date or "").split("."))) or "")[:_YEAR]
    return int(told) if len(told) == _YEAR and told.isdigit() else at.year


def told_at_cells(findings: Iterable[Finding], made: Made, path: str) -> list[Finding]:
    """Findings of records that are not written yet, at the cells that they come from; others as they are."""
    told = []
    for found in findings:
        draft = made.drafts.get(found.path)
        told.append(at_cell(found, path, draft.place_of(pointer(found.field))) if draft else found)
    return told


def doubts(laying: Laying, path: str) -> list[Finding]:
    """A warning for each column of text in which numbers stand."""
    return [
        fault("SHEET-15", path, place, "", value, label=column.label.zh, label_en=column.label.en)
        for place, column, value in laying.doubts.values()
    ]
