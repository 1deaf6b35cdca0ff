"""The answers a recipe needs: given as options, taken from its defaults, or asked of the person at the terminal."""

from __future__ import annotations

import datetime
import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from kelu import periods
from kelu.cli import _shared
from kelu.draft import Answers, Ask, Question
from kelu.finding import Text

_EACH = ("numbers", "texts")


def answers(question: Question, values: Mapping[str, Any]) -> Answers:
    """Every answer, one after the other, as a default may hang on those before it. Raises UserError."""
    held: dict[str, Any] = {}
    for ask in question.recipe.asks:
        so_far = replace(question, answers=replace(question.answers, given=held))
        given = values.get(ask.name) or None
        value = None if given is None else _read(ask, given)
        if value is None and ask.default and (found := so_far.default(ask)) is not None:
            value = _read(ask, found.isoformat() if isinstance(found, datetime.date) else found)
        if ask.kind in _EACH:
            value = _each(ask, so_far, value or {})
        elif value is None and ask.required and ask.kind != "flag":
            value = _read(ask, _prompted(ask, so_far))
        held = {**held, ask.name: value}
    return replace(question.answers, given=held)


def _read(ask: Ask, given: Any) -> Any:
    """What was written, as its kind wants it."""
    try:
        if ask.kind in ("week", "period"):
            period = periods.parse(given)
            if (period.kind == "week") != (ask.kind == "week"):
                raise periods.PeriodError(given)
            return period
        if ask.kind == "date":
            return datetime.date.fromisoformat(given)
        if ask.kind in _EACH:
            return dict(_pair(ask, item) for item in given)
    except (ValueError, TypeError) as wrong:
        words = getattr(wrong, "text", None) or Text(f"“{given}”不合要求", f'"{given}" does not fit')
        raise _shared.UserError(Text(f"{ask.title.zh}：{words.zh}", f"{ask.title.en}: {words.en}")) from wrong
    return given


def _pair(ask: Ask, item: str) -> tuple[str, Any]:
    key, sign, value = item.partition("=")
    if not sign:
        raise ValueError(item)
    number = float(value) if ask.kind == "numbers" else None
    if number is not None and not math.isfinite(number):
        raise ValueError(item)
    return key, value if number is None else number


def _prompted(ask: Ask, question: Question) -> str:
    rows = question.rows(ask.choices) if ask.choices else []
    if not sys.stdin.isatty():
        zh, en = "、".join(f"{row['code']} {row['zh']}" for row in rows), ", ".join(str(row["code"]) for row in rows)
        raise _shared.UserError(
            Text(f"缺少 {ask.flag}：{ask.title.zh}", f"{ask.flag} is missing: {ask.title.en}"),
            Text(f"可选：{zh}", f"Choose of: {en}") if rows else None,
        )
    for row in rows:
        click.echo(f"  {row['code']}  {row['zh']}", err=True)
    return str(click.prompt(f"{ask.title.zh} {ask.title.en}", err=True))


def _each(ask: Ask, question: Question, given: dict[str, Any]) -> dict[str, Any]:
    """An answer for each of the choices; those that are needed and not given are asked for."""
    rows = question.rows(ask.choices)
    codes = [str(row["code"]) for row in rows]
    strange = [key for key in given if key not in codes]
    lacking = [row for row in rows if ask.required and str(row["code"]) not in given]
    if strange or (lacking and not sys.stdin.isatty()):
        keys = strange or [str(row["code"]) for row in lacking]
        word = Text("没有", "there is no") if strange else Text("缺少", "lacking")
        shown = " ".join(f"{ask.flag} {code}=…" for code in codes)
        raise _shared.UserError(
            Text(f"{ask.flag}：{word.zh} {'、'.join(keys)}", f"{ask.flag}: {word.en} {', '.join(keys)}"),
            Text(f"逐项给出：{shown}", f"Give each: {shown}") if shown else None,
        )
    for row in lacking:
        said = click.prompt(f"{ask.title.zh} · {row['code']} {row['zh']}", err=True)
        given = given | _read(ask, [f"{row['code']}={said}"])
    return given
