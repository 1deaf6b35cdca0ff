"""Asking: a question of an interview put to the person at the terminal, and what is typed turned into a value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import click

from kelu.cli import _shared
from kelu.desk import Choice, Desk
from kelu.finding import Text
from kelu.interview import SKIPPED, Question
from kelu.sheet import moments

_YES, _NO = ("是", "y", "yes", "true", "1", "对"), ("否", "n", "no", "false", "0", "不")
_SHOWN = 12  # choices on the screen at once
_EDITOR = "e"
_ID = re.compile(r"[A-Z]{1,3}-?[0-9][0-9A-Z/-]+")


class Wrong(ValueError):  # noqa: N818 - says what is wrong with an answer
    """An answer that cannot be taken."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.zh)
        self.text = text


def read(question: Question, typed: str, choices: Iterable[Choice]) -> Any:
    """The value of what was typed or given as an option. Raises Wrong."""
    typed = typed.strip() if question.kind != "string" else typed
    if question.field.refs and _ID.fullmatch(typed):
        return typed  # the check finds out what leads nowhere, whatever is offered here
    if choices := list(choices):
        return _chosen(typed.strip(), choices, open_ended=bool(question.field.vocabulary))
    kind = question.kind
    if kind == "boolean":
        if typed.lower() in _YES + _NO:
            return typed.lower() in _YES
        raise Wrong(Text("请回答 是 或 否。", "Answer yes or no."))
    if kind == "mixed":  # a grade: a number, or a letter
        return int(typed) if re.fullmatch(r"0|-?[1-9][0-9]*", typed) else typed
    if kind in ("integer", "number"):
        if re.fullmatch(r"-?[0-9]+" if kind == "integer" else r"-?[0-9]+(\.[0-9]+)?", typed):
            return int(typed) if "." not in typed else float(typed)
        raise Wrong(Text("请写数字。", "Write a number."))
    if kind in ("date", "datetime", "moment"):
        return _when(kind, typed)
    return typed


def _when(kind: str, typed: str) -> str:
    day, moment = moments.date(typed), moments.moment(typed)
    if moment and kind != "date":
        return moment[0]
    if day and kind != "datetime":
        return day
    wanted = {"date": "2026-03-02", "datetime": "2026-03-02 09:10", "moment": "2026-03-02 或 2026-03-02 09:10"}[kind]
    raise Wrong(Text(f"请写成 {wanted}。", f"Write it like {wanted.replace('或', 'or')}."))


def _chosen(typed: str, choices: list[Choice], *, open_ended: bool) -> str:
    for choice in choices:
        if typed in (choice.code, choice.label.zh) or typed.casefold() == choice.label.en.casefold():
            return choice.code
    fitting = [choice for choice in choices if choice.fits(typed)]
    if len(fitting) == 1:
        return fitting[0].code
    if open_ended and not fitting:
        raise Wrong(
            Text(f"没有“{typed}”。可选：{_named(choices)}", f'There is no "{typed}". Choose: {_named(choices)}')
        )
    if not fitting:
        raise Wrong(Text(f"没有找到“{typed}”。", f'Nothing is called "{typed}".'))
    raise Wrong(Text(f"“{typed}”不止一个：{_named(fitting)}", f'"{typed}" may mean: {_named(fitting)}'))


def _named(choices: list[Choice]) -> str:
    more = "" if len(choices) <= _SHOWN else f" … ({len(choices)})"
    return "、".join(f"{choice.code} {choice.label.zh}" for choice in choices[:_SHOWN]) + more


class Person:
    """Answers by asking at the terminal; the prompts are Chinese with the English name beside."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def __call__(self, question: Question, data: Mapping[str, Any]) -> Any:
        item = question.field
        if question.fault:
            click.echo(_shared.paint(f"  {question.fault.zh}", "warning"), err=True)
        if item.kind == "map":
            return self._map(question, data)
        choices = self._desk.choices(question, data)
        self._introduce(question, choices)
        suggested = self._desk.suggestion(question, data)
        value = self._value(question, choices, suggested)
        if item.kind != "array" or value is SKIPPED:
            return value
        values = [value]
        while (value := self._value(_another(question), choices, None)) is not SKIPPED:
            values.append(value)
        return values

    def more(self, question: Question, count: int) -> bool:
        """Whether another item follows."""
        return click.confirm(f"{question.field.label.zh}：已填 {count} 项，再加一项？", default=False, err=True)

    def _introduce(self, question: Question, choices: list[Choice]) -> None:
        item = question.field
        help_ = f"（{item.help}）" if item.help else ""
        within = f"{question.group.zh} › " if question.group else ""
        click.echo(f"\n{_shared.paint(within + item.label.zh, 'path')} {item.label.en}{help_}", err=True)
        self._list(choices)

    def _list(self, choices: list[Choice]) -> None:
        if not choices:
            return
        for number, choice in enumerate(choices[:_SHOWN], 1):
            english = f" {choice.label.en}" if choice.label.en != choice.label.zh else ""
            more = f" · {choice.also}" if choice.also else ""
            click.echo(f"  {number:>2}  {choice.label.zh}{english} {_shared.paint(choice.code, 'dim')}{more}", err=True)
        if len(choices) > _SHOWN:
            click.echo(f"  … 共 {len(choices)} 个，键入名称或编号的一部分查找", err=True)

    def _value(self, question: Question, choices: list[Choice], suggested: Any) -> Any:
        item = question.field
        shown = choices[:_SHOWN]
        hint = "" if question.needed else "，回车跳过"
        hint += f"，键入 {_EDITOR} 打开编辑器" if question.long else ""
        what = "序号、编号或名称" if choices else {"boolean": "是/否"}.get(question.kind, "填写")
        while True:
            typed = click.prompt(
                f"{item.label.zh} [{what}{hint}]", default="" if suggested is None else str(suggested),
                show_default=suggested is not None, err=True,
            )  # fmt: skip
            if not typed.strip():
                if question.needed:
                    click.echo("  此栏必须填写。", err=True)
                    continue
                return SKIPPED
            if question.long and typed == _EDITOR:
                typed = (click.edit() or "").strip()
            if choices and typed.isdigit() and 0 < int(typed) <= len(shown):
                return shown[int(typed) - 1].code
            try:
                return read(question, typed, choices)
            except Wrong as wrong:
                fitting = [choice for choice in choices if choice.fits(typed)]
                if fitting:
                    shown = fitting[:_SHOWN]
                    self._list(fitting)
                else:
                    click.echo(f"  {wrong.text.zh}", err=True)

    def _map(self, question: Question, data: Mapping[str, Any]) -> Any:
        found: dict[str, Any] = {}
        for code, label, grades in self._desk.asked_in(data):
            click.echo(f"\n{question.field.label.zh} · {_shared.paint(label.zh, 'path')} {label.en}", err=True)
            plain = question.kind == "string"  # reasons are words, grades are chosen
            self._list([] if plain else grades)
            value = self._value(question, [] if plain else grades, None)
            if value is not SKIPPED:
                found[code] = value if plain else read(question, value, [])
        return found or SKIPPED


def _another(question: Question) -> Question:
    return Question(question.pointer, question.field, needed=False)
