"""Desk: what somebody who registers a record can choose from, and what can be filled in without asking.

Choices come from the schema (codes), the policy packs in force (vocabularies, questionnaires) and the records
(customers, their contacts, projects …), by the names people know them by.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kelu import people
from kelu.document import look_up
from kelu.finding import Text
from kelu.interview import Question
from kelu.people import Person
from kelu.policy import Policy
from kelu.schema import RecordSchema, Schemas
from kelu.store import Store
from kelu.vault import Vault

_TEMPLATE = "template"  # the vocabulary of questionnaires


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that can be chosen: what is written, its name, and further words it is found by."""

    code: str
    label: Text
    also: str = ""

    def fits(self, words: str) -> bool:
        """Whether somebody who types these words may mean it."""
        wanted = words.casefold().split()
        said = f"{self.code} {self.label.zh} {self.label.en} {self.also}".casefold()
        return all(word in said for word in wanted)


@dataclass(frozen=True, slots=True)
class Desk:
    """Schemas, policy and records at hand on a day; `me` is the member of staff who writes, if known."""

    schemas: Schemas
    policy: Policy
    store: Store
    now: datetime.datetime
    me: Mapping[str, Any] | None
    vault: Vault

    def packs(self, schema: RecordSchema, day: datetime.date) -> list[str]:
        """The packs that may rule a record of this type on a day, the one for the type's first domain first."""
        return self.policy.ruling(day, schema.domains)

    def choices(self, question: Question, data: Mapping[str, Any]) -> list[Choice]:
        """What a question may be answered with; empty where anything may be written."""
        item = question.field
        if item.enum:
            return [Choice(code, label) for code, label in item.enum.items()]
        if item.vocabulary:
            return self._terms(item.vocabulary.name, item.vocabulary.shared, data)
        found: list[Choice] = []
        for kind in item.refs:
            if kind == "staff":
                found += [Choice(p["id"], Text.same(p["name"]), p["department"]) for p in self.policy.staff]
            elif kind == "contact":
                found += self._contacts(data)
            elif kind in self.schemas.records:
                found += self._records(self.schemas.records[kind], data)
        return found

    def suggestion(self, question: Question, data: Mapping[str, Any]) -> Any | None:
        """What is most likely meant: now, oneself, one's own department."""
        item = question.field
        if question.needed and not item.planned and question.kind in ("datetime", "date"):
            return self.now.isoformat(timespec="seconds") if question.kind == "datetime" else f"{self.now:%Y-%m-%d}"
        if self.me and question.needed and item.refs == ("staff",) and item.approval is None:
            return self.me["id"]
        if self.me and question.needed and item.vocabulary:
            codes = {choice.code for choice in self.choices(question, data)}
            return self.me["department"] if self.me["department"] in codes else None
        return None

    def asked_in(self, data: Mapping[str, Any]) -> list[tuple[str, Text, list[Choice]]]:
        """The items of a record's questionnaire, each with the grades it may get."""
        tables = self.policy.tables()
        named = set(map(str, data.values()))
        pack = str(data.get("policy"))
        scale = next((row[2] for row in tables[_TEMPLATE][1] if row[0] == pack and row[1] in named), None)
        grades = [Choice(row[2], Text(row[3], row[4])) for row in tables["grade"][1] if row[:2] == (pack, scale)]
        return [
            (row[2], Text(row[3], row[4]), grades)
            for row in tables["template_item"][1]
            if row[0] == pack and row[1] in named
        ]

    def _terms(self, vocabulary: str, shared: bool, data: Mapping[str, Any]) -> list[Choice]:
        today = self.now.date()
        packs = {str(data.get("policy") or "")}
        if shared or not any(packs):
            packs |= set(self.policy.ruling(today))
        found = {
            code: Choice(code, Text(zh, en))
            for pack, name, code, zh, en, _ in self.policy.vocabularies()
            if name == vocabulary and pack in packs
        }
        if shared:  # not every policy lists departments; those of the staff are the company's own
            for person in self.policy.staff:
                found.setdefault(person["department"], Choice(person["department"], Text.same(person["department"])))
        return list(found.values())

    def _records(self, schema: RecordSchema, data: Mapping[str, Any]) -> list[Choice]:
        """The records of a type, newest id first: those that belong to what the record at hand names, if any do."""
        also = [item.name for item in schema.fields if item.kind == "string" and item.pii == "none"]
        also = [name for name in also if name != schema.title_field] or [schema.title_field]
        belongs = [
            (item.name, data[item.name]) for item in schema.fields
            if item.refs and item.kind == "string" and item.refs != ("staff",) and isinstance(data.get(item.name), str)
        ]  # fmt: skip
        select = f"SELECT id, {_quoted(schema.title_field)}, concat_ws(' ', {', '.join(map(_quoted, also))})"
        where = " AND ".join(f"{_quoted(name)} = ${place}" for place, (name, _) in enumerate(belongs, 1)) or "true"
        table = f"record.{_quoted(schema.name)}"
        rows = self.store.query(f"{select} FROM {table} WHERE {where} ORDER BY id DESC", [v for _, v in belongs])
        rows = rows or self.store.query(f"{select} FROM {table} ORDER BY id DESC")
        return [
            Choice(name, Text.same(str(title or "")), str(more) if more != title else "") for name, title, more in rows
        ]

    def _contacts(self, data: Mapping[str, Any]) -> Iterator[Choice]:
        """The people listed by the records that this one names, or by all; with what the vault keeps of them."""
        named = [value for value in data.values() if isinstance(value, str)]
        about = list(self._people(named)) or list(self._people(None))
        for person in about:
            known = {**person.data, **self.vault.of(person.key)}
            called = next((str(known[f.name]) for f in person.fields if f.pii == "name" and f.name in known), "")
            more = " ".join(str(known[f.name]) for f in person.fields if f.pii and f.pii != "name" and f.name in known)
            yield Choice(person.key, Text.same(called), more)

    def _people(self, records: list[str] | None) -> Iterator[Person]:
        for kind, _, _, document in self.store.documents(records):
            yield from people.listed(self.schemas.records[kind], document)


def blank(schema: RecordSchema, now: datetime.datetime, me: Mapping[str, Any] | None) -> dict[str, Any]:
    """What stands in a new record before anything is asked: its kind, its state, and who registers it when."""
    stamp = now.isoformat(timespec="seconds")
    data: dict[str, Any] = {"schema": schema.version}
    if len(schema.initial) == 1:
        data["status"] = schema.initial[0]
    for item in schema.fields:
        if item.stamp and item.immutable and item.kind == "datetime":
            data[item.name] = stamp
        elif item.refs == ("staff",) and item.immutable and me:
            data[item.name] = me["id"]
    return data


def labels(schema: RecordSchema) -> dict[str, str]:
    """The Chinese names of a type's fields, to stand behind their keys in a file that people will read."""
    return {item.name: item.label.zh for item in schema.fields}


def business_day(schema: RecordSchema, data: Mapping[str, Any]) -> datetime.date | None:
    """The day that decides which policy rules a record, and the year of its id."""
    value = look_up(data, tuple((schema.business_date or "").split(".")))
    try:
        return datetime.date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
