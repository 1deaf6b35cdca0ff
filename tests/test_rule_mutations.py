"""Whether the rule cases would notice: every rule is changed a little, and over all cases something must change.

A mutant drops a rule, a condition of it or an alternative, turns a comparison round or moves its boundary, or spoils
one literal; the views that rules lean on are changed the same way. Mutants are made from the SQL as it stands, so a new
rule is covered without touching this file. Whoever leaves a survivor says under `SURVIVORS` why no case can tell it
from the rule.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from kelu.policy import Definition
from kelu.rules import query_of
from kelu.store import QueryError
from rule_cases import court

_NO_OTHER_LIST = "no other list of a policy that grades complaints has a code of this name"
_QUICKER = "spares a join of references that lead to no record"
_LABEL = "the name of a cycle; duties are held to it, rules ask about its days"
SURVIVORS: Mapping[str, Mapping[str, str]] = {
    "X-03b": {
        "query: er', 'contact', 'staff') ⟦AND⟧ t.customer <> r.customer: left → true": _QUICKER,
        "query: et WHERE l.kind NOT IN ( ⟦'customer'⟧ , 'contact', 'staff') AN: spoilt": _QUICKER,
        "query: kind NOT IN ('customer', ⟦'contact'⟧ , 'staff') AND t.custome: spoilt": _QUICKER,
        "query:  ('customer', 'contact', ⟦'staff'⟧ ) AND t.customer <> r.cu: spoilt": _QUICKER,
    },
    "derived_severity": {
        "aint.criteria.serious'), ⟦','⟧ )) THEN 'serious' ELSE ': spoilt": "its only policy names one there",
    },
    "service_cycle": {
        "project UNION ALL SELECT ⟦'meeting'⟧ , sla.meeting_cycle, NUL: spoilt": "rules ask about reports only",
        "ue_unit, CASE cycle WHEN ⟦'monthly'⟧ THEN strftime(from_on, ': spoilt": _LABEL,
        "' THEN strftime(from_on, ⟦'%Y-%m'⟧ ) WHEN 'quarterly' THEN : spoilt": _LABEL,
        "e(from_on, '%Y-%m') WHEN ⟦'quarterly'⟧ THEN year(from_on) || '-: spoilt": _LABEL,
        "y' THEN year(from_on) || ⟦'-Q'⟧ || quarter(from_on) WHEN: spoilt": _LABEL,
        "|| quarter(from_on) WHEN ⟦'half_yearly'⟧ THEN year(from_on) || '-: spoilt": _LABEL,
        "y' THEN year(from_on) || ⟦'-H'⟧ || (month(from_on) // 6 : spoilt": _LABEL,
        "(from_on) // 6 + 1) WHEN ⟦'yearly'⟧ THEN CAST(year(from_on) : spoilt": _LABEL,
        "AR) ELSE strftime(to_on, ⟦'%Y-%m-%d'⟧ ) END AS label, CAST(fro: spoilt": _LABEL,
    },
    "severity_change": {
        "y o ON o.pack = c.policy ⟦AND⟧ o.name = 'severity' AND : right → true": _NO_OTHER_LIST,
        "y n ON n.pack = c.policy ⟦AND⟧ n.name = 'severity' AND : right → true": _NO_OTHER_LIST,
    },
}

_TOKEN = re.compile(
    r"(?P<text>'(?:[^']|'')*')|(?P<word>[A-Za-z_\"][\w\"]*)|(?P<sign><=|>=|<>|->|:=|\|\||[<>=(){}\[\],;])|(?P<rest>\S)"
)
_TURNED = {"=": ["<>"], "<>": ["="], "<": [">=", "<="], "<=": [">", "<"], ">": ["<=", ">="], ">=": ["<", ">"]}
_JOINTS = ("AND", "OR")
# What ends an operand of AND or OR at its own depth.
_ENDS = {
    "AND", "OR", "WHERE", "ON", "WHEN", "THEN", "ELSE", "END", "CASE", "FROM", "JOIN", "LEFT", "GROUP", "ORDER",
    "HAVING", "UNION", "SELECT", "AS", ",", ":", "{", "}", ";",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of SQL: its kind, its text, where it stands, and how deep in brackets."""

    kind: str
    text: str
    start: int
    end: int
    depth: int


def tokens(sql: str) -> list[Token]:
    """The pieces of an SQL text; a bracket stands outside what it encloses."""
    found, depth = [], 0
    for match in _TOKEN.finditer(sql):
        kind, text = match.lastgroup or "", match[0]
        depth -= text in ")]}" and kind == "sign"
        found.append(Token(kind, text if kind == "text" else text.upper(), *match.span(), depth))
        depth += text in "([{" and kind == "sign"
    return found


def mutants(sql: str) -> Iterator[tuple[str, str]]:
    """(what was done, the SQL with it done) for each small change of an SQL text, none of them twice."""
    seen = set()
    for done, mutant in _mutants(sql):
        plain = " ".join(mutant.split())
        if plain not in seen:
            seen.add(plain)
            yield done, mutant


def _mutants(sql: str) -> Iterator[tuple[str, str]]:
    found = tokens(sql)
    for place, token in enumerate(found):
        before, after = sql[: token.start], sql[token.end :]
        near = " ".join(before.split())[-24:], " ".join(after.split())[:24]
        where = f"{near[0]} ⟦{sql[token.start : token.end]}⟧ {near[1]}"
        if token.kind == "word" and token.text in _JOINTS:
            neutral = "true" if token.text == "AND" else "false"
            left, right = _operand(found, place, -1), _operand(found, place, 1)
            yield f"{where}: left → {neutral}", f"{sql[: left.start]} {neutral} {sql[token.start :]}"
            yield f"{where}: right → {neutral}", f"{before}{token.text} {neutral} {sql[right.end :]}"
        elif token.kind == "word" and token.text == "NOT":
            yield f"{where}: dropped", f"{before}{after}"
        elif token.kind == "sign" and token.text in _TURNED:
            for turned in _TURNED[token.text]:
                yield f"{where}: → {turned}", f"{before}{turned}{after}"
        elif token.kind == "text" and not sql[token.end :].lstrip().startswith(":"):  # not the name of a struct's part
            yield f"{where}: spoilt", f"{before}'∅'{after}"


def _operand(found: Sequence[Token], place: int, step: int) -> Token:
    """The token at the far end of an operand of the AND or OR at `place`."""
    depth, last = found[place].depth, found[place]
    at = place + step
    while 0 <= at < len(found) and found[at].depth >= depth:
        if found[at].depth == depth and found[at].text in _ENDS and found[at].kind != "text":
            break
        last = found[at]
        at += step
    return last


def changed(rule: Definition) -> Iterator[tuple[str, Definition]]:
    """(what was done, the rule with it done)."""
    data: Mapping[str, Any] = rule.data

    def with_(**parts: str) -> Definition:
        return dataclasses.replace(rule, data={**data, **parts})

    if "query" in data:
        yield "none at fault", with_(query=f"SELECT * FROM ({data['query']}) WHERE false")
    else:
        yield "check → true", with_(check="true")
        yield "check negated", with_(check=f"NOT ({data['check']})")
        if "where" in data:
            yield "where → true", with_(where="true")
    for part in ("query", "where", "check"):
        for done, sql in mutants(data.get(part, "")):
            yield f"{part}: {done}", with_(**{part: sql})


@cache
def queries() -> dict[str, str]:
    """What each rule asks of all records."""
    policy = court().book.policy
    return {f"{rule.pack}:{rule.data['id']}": query_of(rule, policy.common) for rule in policy.rules()}


@cache
def views() -> dict[str, str]:
    """The views that some query leans on, themselves or through others."""
    every = court().book.policy.views
    return {name: every[name] for name in every if any(leans(query, name) for query in queries().values())}


@cache
def leans(sql: str, view: str) -> bool:
    """Whether an SQL text names a view, or one that leans on it."""
    every = court().book.policy.views
    named = [name for name in re.findall(r"\b(?:FROM|JOIN)\s+(\w+)", sql) if name in every]
    return view in named or any(leans(every[name], view) for name in named)


def over(view: str, sql: str, query: str) -> str:
    """A query in which a view is another, and so are those that lean on it."""
    every = court().book.policy.views
    replaced = {view: sql}
    waiting = [name for name in views() if name != view and leans(every[name], view)]
    while waiting:
        name = next(one for one in waiting if not any(other != one and leans(every[one], other) for other in waiting))
        replaced[name] = every[name]
        waiting.remove(name)
    return f"WITH {', '.join(f'{name} AS ({text})' for name, text in replaced.items())} SELECT * FROM ({query})"


@cache
def outcome(query: str) -> object:
    """What a query finds in all cases. One that does not run is noticed: POL-01 would be found."""
    try:
        return sorted(court().store.query(query), key=repr)
    except QueryError as fault:
        return str(fault)


RULES = {f"{rule.pack}:{rule.data['id']}": rule for rule in court().book.policy.rules()}


@pytest.mark.parametrize("name", RULES)
def test_every_mutant_of_a_rule_is_noticed(name: str) -> None:
    rule, common = RULES[name], court().book.policy.common
    expected = outcome(query_of(rule, common))
    survivors = {done for done, mutant in changed(rule) if outcome(query_of(mutant, common)) == expected}
    assert survivors == set(SURVIVORS.get(rule.data["id"], {}))


@pytest.mark.parametrize("name", views())
def test_every_mutant_of_a_view_is_noticed(name: str) -> None:
    asked = [query for query in queries().values() if leans(query, name)]
    survivors = {
        done
        for done, sql in mutants(re.sub(r"--.*", "", views()[name]))
        if all(outcome(over(name, sql, query)) == outcome(query) for query in asked)
    }
    assert survivors == set(SURVIVORS.get(name, {}))
