"""Mutants of every KPI: each change of a definition must change some figure that a vector expects.

A definition that could be wrong in one of these ways without a test noticing is a definition nobody checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from kelu import check, kpi
from kelu.policy import Definition, Policy
from kpi_cases import ask, cases, differs, prepared
from repository import rulebook

WORDS = ("title", "formula", "note", "clause")  # what may differ between packs that reckon a figure alike


def _distinct(found: list[Definition]) -> list[Definition]:
    """Those definitions of which no other pack has one that reckons the same: its cases tell of both."""
    reckoned = [{key: value for key, value in item.data.items() if key not in WORDS} for item in found]
    return [item for place, item in enumerate(found) if reckoned[place] not in reckoned[place + 1 :]]


DEFINITIONS = _distinct([item for pack in rulebook().policy.packs.values() for item in pack.kpis])
OTHER = {
    "share": "count",
    "count": "share",
    "ratio": "count",
    "mean": "median",
    "median": "mean",
    "mean_of_ratios": "ratio",
}
OPERATORS = {">=": "<", "<=": ">", "=": ">"}
COMPARISONS = {
    " <= ": " > ",
    " = ": " <> ",
    " > ": " <= ",
    " >= ": " < ",
    " <> ": " = ",
    " IN ": " NOT IN ",
    " IS NOT NULL": " IS NULL",
    " IS NULL": " IS NOT NULL",
}
FAULTS = (kpi.KpiError, ArithmeticError, LookupError, TypeError, ValueError)


def mutants(data: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(what was done, the definition with it done)."""
    for key in ("where", "meets", "excluded", "provisional", "value", "numerator", "denominator", "group", "date"):
        if key in data:
            for text in sorted(set(expressions(key, str(data[key]))) - {str(data[key])}):
                yield f"{key}: {text}", {**data, key: text}
    if "requires" in data:
        yield "nothing required", {key: value for key, value in data.items() if key != "requires"}
    if "provisional" not in data:
        yield "provisional: true", {**data, "provisional": "true"}
    for key, value in (
        ("measure", OTHER[data["measure"]]),
        ("unit", "points" if data["unit"] != "points" else "hours"),
        ("period", "year" if data["period"] != "year" else "month"),
        ("decimals", 0 if data["unit"] != "count" else 1),
    ):
        yield f"{key}: {value}", {**data, key: value, **({"meets": "false"} if "meets" not in data else {})}
    target = data.get("target")
    if target is None:
        yield "a target", {**data, "target": {"op": ">=", "value": "0", "basis": "practice"}}
    else:
        yield "no target", {key: value for key, value in data.items() if key != "target"}
        yield "target: the other way", {**data, "target": {**target, "op": OPERATORS[target["op"]]}}
        yield "target: another value", {**data, "target": {**target, "value": str(float(target["value"]) + 0.01)}}
        if "param" in target:
            yield "target: no parameter", {**data, "target": {**target, "param": "no.such"}}


def expressions(key: str, text: str) -> Iterator[str]:
    """Other expressions in the place of one."""
    if key in ("where", "meets", "provisional"):
        yield from ("true", "false", f"NOT ({text})")
    if key in ("where", "meets", "excluded", "provisional"):
        for old, new in COMPARISONS.items():
            yield from (text[: at.start()] + new + text[at.end() :] for at in re.finditer(re.escape(old), text))
        for joint in (" AND ", " OR "):
            parts = text.split(joint)
            if "CASE" not in text:
                yield from (joint.join(parts[:n] + parts[n + 1 :]) for n in range(len(parts)) if len(parts) > 1)
    if key == "where" and " IN (" in text:
        head, _, rest = text.partition("(")
        words = rest.rstrip(")").split(", ")
        yield from (f"{head}({', '.join(words[:n] + words[n + 1 :])})" for n in range(len(words)))
    if key == "excluded":
        yield from ("NULL", "'void'")
        yield from (text.replace(reason, "NULL") for reason in re.findall(r"THEN ('[a-z_]+')", text))
        yield from (column for column in re.findall(r"coalesce\((\w+),", text))
    if key in ("value", "numerator", "denominator"):
        yield from ("0", "1", f"({text}) + 1")
    if key == "group":
        yield from ("''", "id")
    if key == "date":
        yield from (f"({text}) + 400", f"({text}) - 400")


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda item: item.data["code"])
def test_no_mutant_survives(definition: Definition) -> None:
    survivors = [name for name, mutant in mutants(definition.data) if not killer(definition, mutant)]
    assert survivors == []


def killer(definition: Definition, mutant: dict[str, Any]) -> str:
    """The vector that tells a mutant from the definition, or an empty text."""
    for case in cases():
        if definition.data["code"] not in case.codes:
            continue
        ready = prepared(case.name)
        policy = with_mutant(ready.policy, definition, mutant)
        for expected in case.expect:
            if expected["kpi"] != definition.data["code"]:
                continue
            try:
                if differs(expected, ask(ready, expected, policy)):
                    return case.name
            except FAULTS as refused:
                return f"{case.name}: {refused}"
    return ""


def with_mutant(policy: Policy, definition: Definition, mutant: dict[str, Any]) -> Policy:
    pack = policy.packs[definition.pack]
    code = definition.data["code"]
    kpis = tuple(replace(item, data=mutant) if item.data["code"] == code else item for item in pack.kpis)
    return replace(policy, packs={**policy.packs, definition.pack: replace(pack, kpis=kpis)})


# What may be done to the views that hold registrations against the history; each must change some figure.
REGISTRATIONS = ("registration", "complaint_registration")
VIEW_CHANGES = {
    "coalesce(landed_at, registered_at)": ("landed_at", "registered_at", "coalesce(registered_at, landed_at)"),
    "LEFT JOIN landed": ("JOIN landed",),
    "coalesce(backfilled_at <= as_of(), false)": ("false", "backfilled_at IS NOT NULL", "backfilled_at < as_of()"),
}


@pytest.mark.parametrize("name", REGISTRATIONS)
def test_no_mutant_of_the_registrations_survives(name: str) -> None:
    landed = [case for case in cases() if "landed" in case.data]
    ready = {case.name: case.prepare() for case in landed}
    sql = rulebook().policy.views[name]
    mutants = {sql.replace(old, new) for old, changes in VIEW_CHANGES.items() if old in sql for new in changes}
    assert len(mutants) > 3
    survivors = []
    for mutant in sorted(mutants):
        noticed = False
        for case in landed:
            known = ready[case.name]
            book = replace(known.book, policy=replace(known.policy, views={**known.policy.views, name: mutant}))
            asked = kpi.names(book.policy, case.codes)
            check.lay_policy(known.store, book, known.intake, known.as_of, known=True, asked=asked)
            noticed = noticed or any(differs(expected, ask(known, expected)) for expected in case.expect)
        if not noticed:
            survivors.append(mutant)
    assert survivors == []
