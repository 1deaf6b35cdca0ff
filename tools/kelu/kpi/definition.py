"""Which definition of a KPI counts on a day, and what of it the packs decide (kpis.md §0.7)."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable
from fractions import Fraction

from kelu import obligation
from kelu.finding import Text
from kelu.naming import reach
from kelu.periods import Period
from kelu.policy import Definition, Policy
from kelu.store import spelled_out

_SQL = ("from", "where", "meets", "value", "numerator", "denominator", "group", "date", "excluded", "provisional")


class KpiError(Exception):
    """A figure that cannot be given; `text` says why in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        self.text = Text(zh, en)
        super().__init__(f"{zh} / {en}")


def in_force(policy: Policy, day: datetime.date) -> list[Definition]:
    """The definition that counts on a day for every code, in order of code.

    That of the pack which rules the definition's domain then, else of one agreed with some customer or project,
    else of the common or the default pack, unless it speaks of `domains` of which none is ruled then.
    """
    best: dict[str, tuple[int, Definition]] = {}
    ruling = {(of, name) for of, name, since, until in policy.composition() if _covers(since, until, day)}
    agreed = {(e["domain"], e["pack"]) for e in policy.allowances if _covers(e["from"], e.get("to"), day)}
    for pack in policy.packs.values():
        for definition in pack.kpis:
            rank = _rank(policy, definition, ruling, agreed)
            code = definition.data["code"]
            if rank is not None and (code not in best or rank < best[code][0]):
                best[code] = rank, definition
    return [best[code][1] for code in sorted(best)]


def find(policy: Policy, code: str, day: datetime.date) -> Definition | None:
    """The definition of a code that counts on a day, if any."""
    return next((item for item in in_force(policy, day) if item.data["code"] == code), None)


def chosen(policy: Policy, codes: Iterable[str], day: datetime.date) -> list[Definition]:
    """The definitions of some codes on a day, in the order asked for. Raises KpiError where there is none."""
    known = {item.data["code"]: item for item in in_force(policy, day)}
    everywhere = {item.data["code"] for pack in policy.packs.values() for item in pack.kpis}
    found = []
    for code in codes:
        if code not in everywhere:
            raise KpiError(f"没有指标 {code}", f"there is no KPI {code}")
        if code not in known:
            raise KpiError(f"{day} 适用的制度都未定义指标 {code}", f"no policy in force on {day} defines KPI {code}")
        found.append(known[code])
    return found


def _rank(
    policy: Policy, definition: Definition, ruling: set[tuple[str, str]], agreed: set[tuple[str, str]]
) -> int | None:
    """Which definitions of a code come first, None for one that does not count, by who rules which domain."""
    pack, domain = definition.pack, definition.data.get("domain")
    if pack in (policy.common, policy.defaults):
        spoken = definition.data.get("domains")
        if spoken and not any(of in spoken for of, _ in ruling | agreed):
            return None
        return 2 if pack == policy.common else 3
    for rank, found in enumerate((ruling, agreed)):
        if any(pack == name and domain in (None, of) for of, name in found):
            return rank
    return None


def _covers(since: str, until: str | None, day: datetime.date) -> bool:
    return since <= day.isoformat() and (until is None or day.isoformat() < until)


def packs_of(policy: Policy, definition: Definition, period: Period) -> tuple[str, ...]:
    """The packs whose records a definition speaks of in a period: its own and, where it rules the company, those
    that ruled its domain before it. A pack agreed with one customer is another pack."""
    regular = {
        pack
        for domain, pack, since, _ in policy.composition()
        if domain == definition.data.get("domain") and since <= period.last.isoformat()
    }
    return tuple(sorted(regular)) if definition.pack in regular else (definition.pack,)


def target_of(policy: Policy, definition: Definition) -> Fraction | None:
    """The target as a plain ratio or number: a parameter of the pack where one is named and set, else the value."""
    target = definition.data.get("target")
    if target is None:
        return None
    return Fraction(_parameter(policy, definition, target.get("param")) or target["value"])


def withheld(policy: Policy, definition: Definition) -> Text | None:
    """Why no value may be given: the pack does not say `true` for the parameter that the definition requires."""
    required = definition.data.get("requires")
    if required is None or _parameter(policy, definition, required["param"]) == "true":
        return None
    return Text(required["text"]["zh"], required["text"]["en"])


def _parameter(policy: Policy, definition: Definition, key: str | None) -> str | None:
    """A parameter of the pack that defines a KPI."""
    if key is None:  # most name none, and reading the parameters of all packs takes its time
        return None
    held = (value for pack, name, value, _ in policy.parameters() if (pack, name) == (definition.pack, key))
    return next(held, None)


def reasons_of(policy: Policy, definition: Definition) -> dict[str, Text]:
    """What each exclusion reason means: the vocabulary `exclusion` of the default pack, and the definition's own."""
    common = {
        code: Text(zh, en)
        for pack, name, code, zh, en, _ in policy.vocabularies()
        if pack == policy.defaults and name == "exclusion"
    }
    own = definition.data.get("reasons", {})
    return common | {code: Text(words["zh"], words["en"]) for code, words in own.items()}


# --- what a definition stands on --------------------------------------------------------------------------


def texts(definition: Definition) -> list[str]:
    """Everything in a definition that is SQL."""
    return [definition.data[key] for key in _SQL if key in definition.data]


def names(policy: Policy, codes: Collection[str] | None = None) -> set[str]:
    """The names of everything that some KPIs (None: all) stand on: what `Store.prepare` has to lay for them."""
    definitions = (item for pack in policy.packs.values() for item in pack.kpis)
    wanted = (item for item in definitions if codes is None or item.data["code"] in codes)
    return reach((sql for item in wanted for sql in texts(item)), {**obligation.views(policy), **spelled_out()})


def leaning(policy: Policy, table: str) -> set[str]:
    """The codes of the KPIs that stand on a table."""
    codes = {item.data["code"] for pack in policy.packs.values() for item in pack.kpis}
    return {code for code in codes if table in names(policy, {code})}


def standing(policy: Policy) -> dict[str, set[str]]:
    """The same for each code by itself, worked out together."""
    derived = {**obligation.views(policy), **spelled_out()}
    of_code: dict[str, list[str]] = defaultdict(list)
    for item in (item for pack in policy.packs.values() for item in pack.kpis):
        of_code[item.data["code"]] += texts(item)
    return {code: reach(sql, derived) for code, sql in of_code.items()}
