"""Told: what options say of a record, and the answers to its questions that come from them or from a person."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import click

from kelu.cli import _ask
from kelu.desk import Desk
from kelu.document import Pointer, field_text, pointer
from kelu.finding import Finding
from kelu.interview import SKIPPED, Interview, Question, faults, field_at, put
from kelu.schema import Field, RecordSchema

_LONGEST_HELP = 60  # characters; what a form says at length is in the manual


def field_options(schema: RecordSchema) -> list[click.Option]:
    """An option for each value of a record that is in no list of groups, named as in its file."""
    made = []
    for place, item in enumerate(_plain(schema.fields)):
        name = ".".join(item.pointer)
        many = item.kind == "array"
        help_ = item.help if len(item.help) <= _LONGEST_HELP else ""
        codes = "、".join(f"{code} {label.zh}" for code, label in item.enum.items())
        words = "；".join(filter(None, (help_, codes)))
        told = f"{item.label.zh}{f'（{words}）' if words else ''} · {item.label.en}"
        made.append(click.Option([f"f{place}", f"--{name}"], multiple=many, metavar="…", help=told))
    return made


def given(schema: RecordSchema, options: Mapping[str, Any], settings: Sequence[str]) -> dict[Pointer, str | list[str]]:
    """What was told by options, by place. Raises UsageError for a field that the type does not have."""
    told: dict[Pointer, str | list[str]] = {}
    for place, item in enumerate(_plain(schema.fields)):
        value = options.get(f"f{place}")
        if value not in (None, ()):
            told[tuple(item.pointer)] = list(value) if isinstance(value, tuple) else value
    for setting in settings:
        name, sign, value = setting.partition("=")
        at = pointer(name.strip())
        if not sign or not at or field_at(schema, at) is None:
            raise click.UsageError(
                f"--set {setting}：没有这一栏，应写成 栏=值。 / There is no such field; write FIELD=VALUE."
            )
        told[at] = value
    return told


def _plain(fields: Sequence[Field]) -> Iterator[Field]:
    for item in fields:
        if item.kind == "object":
            yield from _plain(item.children)
        elif (
            item.kind != "map"
            and item.pointer not in (("schema",), ("id",))
            and not (item.kind == "array" and item.items in ("object", "map"))
        ):
            yield item


class Answers:
    """Answers from options; asks the person for the rest where somebody is there."""

    def __init__(self, desk: Desk, told: Mapping[Pointer, str | list[str]], *, asks: bool) -> None:
        self._desk = desk
        self.told = told
        self._used: set[Pointer] = set()
        self.asks = asks
        self._person = _ask.Person(desk)

    def __call__(self, question: Question, data: Mapping[str, Any]) -> Any:
        at = question.pointer
        if at in self.told and at not in self._used:
            self._used.add(at)
            return value_of(self._desk, question, self.told[at], data)
        many = question.field.kind == "array" and not isinstance(at[-1], int)
        items = [told for told in self.told if many and told[:-1] == at]
        if items:
            self._used |= {at, *items}
            return [value_of(self._desk, replace(question, pointer=item), self.told[item], data) for item in items]
        if self.asks:
            return self._person(question, data)
        # Nobody is made to say by silence that something happened: what stands in a group is filled in only where an
        # option tells of that group.
        addressed = len(at) == 1 or any(told[: len(at) - 1] == at[:-1] for told in self.told)
        if at in self._used or not addressed or not question.needed:
            return SKIPPED
        self._used.add(at)
        suggested = self._desk.suggestion(question, data)
        if suggested is None:
            return SKIPPED
        return [suggested] if many else suggested

    def more(self, question: Question, count: int) -> bool:
        """Whether a list gets another item."""
        if any(at[: len(question.pointer) + 1] == (*question.pointer, count) for at in self.told):
            return True
        return self.asks and self._person.more(question, count)

    def left(self) -> list[Pointer]:
        """Told but never asked for: these are set as they are."""
        return [at for at in self.told if at not in self._used]


def settle(desk: Desk, schema: RecordSchema, data: dict[str, Any], talk: Interview, answers: Answers) -> list[Finding]:
    """Ask for the rest, then set what was told but not asked for; the errors that are left."""
    left = talk.complete()
    extra = answers.left()
    for place in extra:
        item = field_at(schema, place)
        if item is not None:
            put_or_refuse(data, place, value_of(desk, Question(place, item, needed=False), answers.told[place], data))
    return faults(desk.schemas, schema.name, data) if extra else left


def put_or_refuse(data: dict[str, Any], place: Pointer, value: Any) -> None:
    """Set a value in a record. Raises UsageError where that cannot be."""
    try:
        put(data, place, value)
    except KeyError:
        name = field_text(place)
        raise click.UsageError(f"{name}：前面的项还没有。 / {name}: the items before it are missing.") from None


def value_of(desk: Desk, question: Question, told: str | list[str], data: Mapping[str, Any]) -> Any:
    """The value that an option tells. Raises UsageError."""
    choices = desk.choices(question, data)
    try:
        if question.field.kind == "array" and not isinstance(question.pointer[-1], int):
            parts = told if isinstance(told, list) else told.split(",")
            return [_ask.read(question, part, choices) for part in parts]
        return _ask.read(question, str(told), choices)
    except _ask.Wrong as wrong:
        name = field_text(question.pointer)
        raise click.UsageError(
            f"{name}（{question.field.label.zh}）：{wrong.text.zh} / {question.field.label.en}: {wrong.text.en}"
        ) from wrong


def interactive() -> bool:
    """Whether somebody sits at the terminal."""
    return sys.stdin.isatty()
