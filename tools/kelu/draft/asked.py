"""Asked: what a recipe asks for, and its answers as the one-row table `ask` that the recipe's SQL reads."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kelu import periods
from kelu.finding import Text
from kelu.kpi import Result
from kelu.periods import Period

_SPAN = {
    "": "VARCHAR", "_first": "DATE", "_last": "DATE",
    "_before": "VARCHAR", "_before_first": "DATE", "_before_last": "DATE",
}  # fmt: skip
_TYPES: Mapping[str, Mapping[str, str]] = {
    "week": _SPAN,
    "period": _SPAN,
    "date": {"": "DATE"},
    "text": {"": "VARCHAR"},
    "flag": {"": "BOOLEAN"},
    "numbers": {"": "MAP(VARCHAR, DOUBLE)"},
    "texts": {"": "MAP(VARCHAR, VARCHAR)"},
}
_ALWAYS = {"by": "VARCHAR", "now": "TIMESTAMPTZ", "today": "DATE", "commit": "VARCHAR"}
_FIGURE = {
    "place": "INTEGER", "kpi": "VARCHAR", "zh": "VARCHAR", "value": "VARCHAR", "num": "BIGINT", "den": "BIGINT",
    "unit": "VARCHAR", "target": "VARCHAR", "op": "VARCHAR", "verdict": "VARCHAR", "before": "VARCHAR",
    "change": "VARCHAR",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing that a recipe asks for; `choices` and `default` are SQL, see draft.schema.json."""

    name: str
    title: Text
    kind: str
    argument: bool
    required: bool
    default: str
    choices: str

    @property
    def flag(self) -> str:
        """How it is given on the command line."""
        return self.name.upper() if self.argument else f"--{self.name.replace('_', '-')}"


def ask_of(data: Mapping[str, Any]) -> Ask:
    """An entry of `asks`."""
    return Ask(data["name"], Text.of(data["title"]), data["kind"], data.get("argument", False),
               data.get("required", True), data.get("default", ""), data.get("choices", ""))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answers:
    """Who asks, when, of which commit, and what was answered: a Period, date, text, bool or map by name of the ask."""

    by: str | None = None
    now: datetime.datetime | None = None
    commit: str | None = None
    given: Mapping[str, Any] | None = None
    figures: tuple[tuple[Any, ...], ...] = ()  # rows of the table `figure`


def prefixed(asks: tuple[Ask, ...], answers: Answers, sql: str) -> str:
    """A SELECT of a recipe over the answers. Of an ask without an answer the columns are NULL."""
    row = {"by": answers.by, "now": answers.now, "today": answers.now and periods.day_of(answers.now),
           "commit": answers.commit}  # fmt: skip
    types = dict(_ALWAYS)
    for ask in asks:
        value = (answers.given or {}).get(ask.name)
        types |= {f"{ask.name}{suffix}": kind for suffix, kind in _TYPES[ask.kind].items()}
        row |= _span(ask.name, value) if isinstance(value, Period) else {ask.name: value}
    columns = ", ".join(f'{literal(row.get(name), kind)} AS "{name}"' for name, kind in types.items())
    told = " UNION ALL ".join(
        "SELECT " + ", ".join(literal(value, kind) for value, kind in zip(figure, _FIGURE.values(), strict=True))
        for figure in answers.figures
    )
    empty = ", ".join(f"CAST(NULL AS {kind})" for kind in _FIGURE.values())
    heads = ", ".join(f'"{name}"' for name in _FIGURE)
    body = sql.strip().rstrip(";")
    return (
        f"WITH ask AS (SELECT {columns}), figure({heads}) AS ({told or f'SELECT {empty} WHERE false'}) "
        f"SELECT * FROM (\n{body}\n) AS kelu_asked"
    )


def _span(name: str, period: Period) -> dict[str, Any]:
    earlier = periods.before(period)
    return {
        name: period.label, f"{name}_first": period.first, f"{name}_last": period.last,
        f"{name}_before": earlier.label, f"{name}_before_first": earlier.first, f"{name}_before_last": earlier.last,
    }  # fmt: skip


def figure(place: int, result: Result, before: str | None, unit: str) -> tuple[Any, ...]:
    """A row of the table `figure`: a KPI of the period asked for, and its value in the period before."""
    sums = (
        int(number) if number is not None and number.denominator == 1 else None
        for number in (result.numerator, result.denominator)
    )
    change = None if before is None or result.shown is None else f"{Decimal(result.shown) - Decimal(before):+f}"
    return (place, result.code, result.title.zh, result.shown, *sums, unit, result.target_shown, result.target_op,
            str(result.verdict), before, change)  # fmt: skip


def literal(value: Any, kind: str) -> str:
    """A value as SQL of a type."""
    if value is None:
        return f"CAST(NULL AS {kind})"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{literal(key, 'VARCHAR')}: {literal(part, '')}" for key, part in value.items())
        return f"CAST(MAP {{{pairs}}} AS {kind})"
    if isinstance(value, (datetime.date, datetime.datetime)):
        return f"CAST('{value.isoformat()}' AS {kind})"
    if isinstance(value, str):
        text = "'" + value.replace("'", "''") + "'"
        return f"CAST({text} AS {kind})" if kind else text
    return str(value)
