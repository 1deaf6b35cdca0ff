"""Mutants of obligations: each change of a definition must change some duty that a case expects.

A definition that could be wrong in one of these ways without a test noticing is a definition nobody checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from duty_cases import ask, cases, differences, laid
from kelu import obligation
from kelu.policy import Definition, Policy
from kelu.store import QueryError, Store
from repository import rulebook

HELD = ("tfdl-08-03@V1.2", "tfdl-08-04@V1.2")  # packs whose cases tell every mutant
DEFINITIONS = [item for item in rulebook().policy.obligations() if item.pack in HELD]
COMPARISONS = {
    " <= ": " > ",
    " = ": " <> ",
    " > ": " <= ",
    " >= ": " < ",
    " <> ": " = ",
    " < ": " >= ",
    " IN (": " NOT IN (",
    " IS NOT NULL": " IS NULL",
    " IS NULL": " IS NOT NULL",
    " IS DISTINCT FROM ": " IS NOT DISTINCT FROM ",
}
PARAMETER = re.compile(r"param\(pack, '([^']*)'\)")


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda item: f"{item.data['id']}-{item.pack}")
def test_no_mutant_survives(definition: Definition) -> None:
    alive = dict(mutants(definition))
    for case in cases():
        if alive and definition.data["id"] in case.codes:
            with laid(case.data, case.codes) as (store, policy):
                alive = {
                    name: data for name, data in alive.items() if not told(store, policy, case.data, definition, data)
                }
    assert sorted(alive) == []


def told(
    store: Store, policy: Policy, case: Mapping[str, Any], definition: Definition, mutant: Mapping[str, Any]
) -> bool:
    """Whether a case's duties differ from what it expects once the mutant stands for the definition."""
    pack = policy.packs[definition.pack]
    changed = tuple(
        replace(item, data=mutant) if item.data["id"] == mutant["id"] else item for item in pack.obligations
    )
    views = obligation.views(
        replace(policy, packs={**policy.packs, definition.pack: replace(pack, obligations=changed)})
    )
    parts = ", ".join(f"{name} AS ({sql})" for name, sql in views.items() if name.startswith(f"{obligation.VIEW}_"))
    try:
        return differences(case, ask(store, f"{'WITH ' + parts if parts else ''} {views[obligation.VIEW]}")) != []
    except QueryError:
        return True


def mutants(definition: Definition) -> Iterator[tuple[str, dict[str, Any]]]:
    """(what was done, the definition with it done)."""
    data = dict(definition.data)
    for key in ("where", "opens", "due", "grace"):
        for text in expressions(str(data[key]), definition.pack) if key in data else ():
            yield f"{key}: {text}", {**data, key: text}
    for key, more in (("since", "1"), ("opens", "INTERVAL 1 DAY"), ("due", "INTERVAL 1 SECOND"),
                      ("grace", "INTERVAL 1 SECOND"), ("remind", "1")):  # fmt: skip
        if key in data:
            yield f"{key}: later", {**data, key: f"({data[key]}) + {more}"}
    for key in ("where", "period", "opens", "grace", "remind", "provisional"):
        if key in data:
            yield f"no {key}", {name: value for name, value in data.items() if name != key}
    if "domain" in data:
        yield "another domain", {**data, "domain": "service" if data["domain"] != "service" else "complaint"}
    entries = data["evidence"] if isinstance(data["evidence"], list) else [data["evidence"]]
    for place, entry in enumerate(entries):
        others = entries[:place] + entries[place + 1 :]
        yield f"evidence {place}: none", {**data, "evidence": [*others, {"at": "NULL"}]}
        for name, mutant in evidence(entry, definition.pack):
            yield f"evidence {place}: {name}", {**data, "evidence": [*others, mutant]}


def evidence(entry: Mapping[str, Any], pack: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Other evidence in the place of one."""
    for text in expressions(str(entry["where"]), pack) if "where" in entry else ():
        yield f"where: {text}", {**entry, "where": text}
    for key in ("where", "period"):
        if key in entry:
            yield f"no {key}", {name: value for name, value in entry.items() if name != key}
    yield "at: later", {**entry, "at": f"CAST({entry['at']} AS TIMESTAMPTZ) + INTERVAL 400 DAY"}
    yield "record", {**entry, "record": "'none'"}


def expressions(text: str, pack: str) -> Iterator[str]:
    """Other expressions in the place of one: comparisons turned, conditions left out, parameters as they are."""
    for old, new in COMPARISONS.items():
        yield from (text[: at.start()] + new + text[at.end() :] for at in re.finditer(re.escape(old), text))
    for joint in (" AND ", " OR "):
        parts = re.split(rf"\s{joint.strip()}\s", text)
        whole = [part for part in parts if part.count("(") == part.count(")") and " BETWEEN " not in part]
        if len(whole) == len(parts) > 1:
            yield from (joint.join(parts[:n] + parts[n + 1 :]) for n in range(len(parts)))
    usual = {(name, key): value for name, key, value, _ in rulebook().policy.parameters()}
    for at in PARAMETER.finditer(text):
        if (pack, at[1]) in usual:
            yield f"{text[: at.start()]}'{usual[pack, at[1]]}'{text[at.end() :]}"
