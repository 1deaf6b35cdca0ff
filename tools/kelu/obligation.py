"""Obligations: the packs' rules of duty → SQL of the view `duty`, one row a duty, and the faults of those rules.

A definition (`policies/*/obligations.yaml`) is SQL over tables and views; this module adds which pack rules whom,
evidence, waivers and the eight states (obligations.md §0). A duty is derived and never stored: the same records
and policy give the same duties at a moment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any

from kelu import catalogue
from kelu.finding import Finding
from kelu.naming import reach
from kelu.policy import WAIVERS, Definition, Policy, Source
from kelu.store import QueryError, Store, spelled_out

VIEW = "duty"
COMPANY = "company"  # the subject of a duty that is about no single record
_MOMENT = "TIMESTAMPTZ"
_REMIND = "param(pack, 'obligation.remind_workdays')"
_PARAMETER = re.compile(r"\bparam\s*\(\s*pack\s*,\s*'([^']*)'\s*\)", re.IGNORECASE)
_EXPANDED = {
    "obligation": "VARCHAR", "pack": "VARCHAR", "clause": "VARCHAR", "domain": "VARCHAR", "contested": "BOOLEAN",
    "regular": "BOOLEAN", "ahead": "INTEGER", "subject": "VARCHAR", "period": "VARCHAR", "since": "DATE",
    "opens": _MOMENT, "due": _MOMENT, "grace": _MOMENT, "remind": _MOMENT, "provisional": "BOOLEAN",
    "unsure": "BOOLEAN", "done": 'STRUCT("at" TIMESTAMPTZ, record VARCHAR)',
}  # fmt: skip


def views(policy: Policy, left_out: Collection[str] = ()) -> dict[str, str]:
    """The SQL of every view of a policy: those of its files, one a definition in force, and `duty` over these.

    Each definition is worked out by itself, as one query of all of them would take the database minutes to plan.
    `left_out` are names of such views that `duty` does without.
    """
    held = definitions(policy)
    own = dict(zip(held, _expanded(policy, held.values()), strict=True))
    return {**policy.views, **own, VIEW: _settled(policy, [name for name in own if name not in left_out])}


def definitions(policy: Policy) -> dict[str, Definition]:
    """The definitions whose pack rules anybody at any time, by the name of their view."""
    found = {f"{VIEW}_{number}": item for number, item in enumerate(policy.obligations())}
    return {name: item for name, item in found.items() if _rules(policy, item)}


def faults(policy: Policy, store: Store) -> list[Finding]:
    """A finding for each definition whose SQL does not run, at its line in obligations.yaml."""
    found, held = [], policy.obligations()
    for item, sql in zip(held, _expanded(policy, held), strict=True):
        try:
            store.types(sql)
        except QueryError as refused:
            found.append(fault(item, str(refused)))
    return found


def questions(policy: Policy) -> list[str]:
    """Everything that `needless` will ask: (id, record) of the duties that a waiver excuses and a record shows done,
    whenever that was, so that the answers hold while records and policy do."""
    excused = {(waiver["rule"], waiver["subject"]) for waiver in policy.waivers}
    found = []
    wanted = [item for item in definitions(policy).values() if item.data["id"] in {rule for rule, _ in excused}]
    for item, sql in zip(wanted, _expanded(policy, wanted), strict=True):
        subjects = ", ".join(sorted(_literal(subject) for rule, subject in excused if rule == item.data["id"]))
        ever = sql.replace("as_of_date()", "DATE '9999-12-31'").replace("as_of()", "TIMESTAMPTZ '9999-12-31'")
        found.append(f"SELECT concat_ws('/', obligation, subject, period), done.record FROM ({ever}) "
                     f"WHERE done IS NOT NULL AND subject IN ({subjects}) ORDER BY 1, 2")  # fmt: skip
    return found


def needless(policy: Policy, sources: Iterable[Source], ask: Callable[[str], list[tuple[Any, ...]]]) -> list[Finding]:
    """A warning for each waiver of a duty that was done (X-16), at its line."""
    done: dict[str, str] = {}
    for sql in questions(policy):
        with suppress(QueryError):  # a finding of its own
            done.update(ask(sql))
    found = []
    for source in sources:
        for place, waiver in enumerate(source.data["waivers"] if source.path == WAIVERS else ()):
            whole = f"{waiver['rule']}/{waiver['subject']}"
            for name in done:
                if name in (whole, f"{whole}/{waiver.get('period')}") or (
                    "period" not in waiver and name.startswith(f"{whole}/")
                ):
                    line, column = source.position("waivers", place)
                    found.append(catalogue.make("X-16", source.path, line, column, f"waivers[{place}]", name,
                                                record=done[name]))  # fmt: skip
    return found


def fault(definition: Definition, detail: str) -> Finding:
    """The finding that a definition's SQL does not run."""
    line, column = definition.source.position(*definition.pointer)
    return catalogue.make("POL-01", definition.source.path, line, column, definition.place,
                          rule=definition.data["id"], detail=detail)  # fmt: skip


# --- one definition: its subjects and periods, and what shows that the duty was done ---------------------------


def _expanded(policy: Policy, wanted: Iterable[Definition]) -> list[str]:
    """The SELECT of each definition, with its pack's parameters as values: they are planned faster than looked up."""
    held = {(pack, key): value for pack, key, value, _ in policy.parameters()}

    def valued(definition: Definition) -> str:
        return _PARAMETER.sub(lambda found: _literal(held.get((definition.pack, found[1]))), _one(policy, definition))

    return [valued(definition) for definition in wanted]


def _one(policy: Policy, definition: Definition) -> str:
    """SELECT of a definition's duties: one row a subject and period, with `done` ({at, record}) where it is shown.

    Of the evidence inside the window the first counts; where all of it came before the window, the last.
    """
    data = definition.data
    shown, periods = _evidence(definition)
    on = "e.subject = d.subject"
    if periods:
        on += " AND e.period = d.period" if periods == len(shown) else " AND coalesce(e.period = d.period, true)"
    evidence, done, grouped = " UNION ALL ".join(shown), "min(e.shown)", " GROUP BY ALL"
    if "opens" not in data and periods in (0, len(shown)):  # grouped before it meets the duties: there is less of it
        key = "subject, period" if periods else "subject"
        evidence, done, grouped = f"SELECT {key}, min(shown) AS shown FROM (\n{evidence}) GROUP BY ALL", "e.shown", ""
    if "opens" in data:
        done = "coalesce(min(e.shown) FILTER (d.opens IS NULL OR e.shown.at >= d.opens), max(e.shown))"
    regular, contested = _regular(policy, definition), _contested(policy, definition)
    constant = {
        "obligation": data["id"],
        "pack": definition.pack,
        "clause": data["clause"],
        "domain": data.get("domain"),
    }
    return (
        f"SELECT {', '.join(f'{_literal(value)} AS {name}' for name, value in constant.items())},\n"
        f"  {str(contested).lower()} AS contested, {regular} AS regular, CAST({_REMIND} AS INTEGER) AS ahead, d.*, "
        f"{done} AS done\n"
        f"FROM (\n{_instances(policy, definition)}) d\nLEFT JOIN (\n{evidence}) e ON {on}\n"
        f"WHERE {'true' if contested else regular}{grouped}"
    )


def _instances(policy: Policy, definition: Definition) -> str:
    """SELECT of subject, period, since, opens, due, grace, remind, provisional, and unsure: whether the end of grace
    is provisional, which matters to what is late only."""
    data = definition.data
    # Worked out apart, as the row may have columns of these names, and `grace` and `remind` are to see this `due`.
    own = {"subject": "VARCHAR", "period": "VARCHAR", "since": "DATE", "opens": _MOMENT, "due": _MOMENT,
           "provisional": "BOOLEAN"}  # fmt: skip
    apart = ", ".join(f'{_cast(data.get(name, "NULL"), kind)} AS "duty.{name}"' for name, kind in own.items())
    kept = ", ".join(f'"duty.{name}" AS {name}' for name in own if name != "due")
    days = {"due": {"since + 1": "DATE", "due": _MOMENT}, "grace": {"grace": _MOMENT}}
    unknown = {name: _unknown(policy, days[name]) if _leans(data.get(name, "")) else "false" for name in days}
    adopted = f"AND since >= DATE {_literal(policy.adopted_on)} " if policy.adopted_on else ""
    return (
        "SELECT subject, period, since, opens, due, grace, remind, "
        f"coalesce(provisional, false) OR {unknown['due']} AS provisional, {unknown['grace']} AS unsure\n"
        f"FROM (SELECT {kept}, due, {_cast(data.get('grace', 'due'), _MOMENT)} AS grace, "
        f"{_cast(data.get('remind', 'NULL'), _MOMENT)} AS remind\n"
        f"FROM (SELECT COLUMNS(lambda c: c NOT IN ('due', 'duty.due')), \"duty.due\" AS due FROM (SELECT *, {apart}\n"
        f"FROM {_rows(definition, data['from'])} WHERE ({data.get('where', 'true')}\n))))\n"
        f"WHERE subject IS NOT NULL AND due IS NOT NULL {adopted}AND since <= make_date(year(as_of_date()), 12, 31)"
    )


def _evidence(definition: Definition) -> tuple[list[str], int]:
    """A SELECT of (subject, period, shown) for each kind of evidence, and how many of them compare the period."""
    data = definition.data
    entries: Any = data["evidence"] if isinstance(data["evidence"], list) else [data["evidence"]]
    found, periods = [], 0
    for entry in entries:
        where = f"({entry.get('where', 'true')}\n)"
        if "from" not in entry:  # the duty's own row shows it
            where += f" AND ({data.get('where', 'true')}\n)"
            row = {key: data[key] for key in ("from", "subject", "period") if key in data}
            entry = {"record": data["subject"], **entry, **row}
        if "period" in entry:
            where += f" AND ({entry['period']}\n) IS NOT NULL"
            periods += 1
        at = _cast(entry["at"], _MOMENT)
        found.append(
            f"SELECT {_cast(entry['subject'], 'VARCHAR')} AS subject, "
            f"{_cast(entry.get('period', 'NULL'), 'VARCHAR')} AS period,\n"
            f"  {{'at': {at}, 'record': {_cast(entry.get('record', 'id'), 'VARCHAR')}}} AS shown\n"
            f"FROM {_rows(definition, entry['from'])} WHERE {where} AND {at} <= as_of()"
        )
    return found, periods


def _rows(definition: Definition, source: str) -> str:
    return f"(SELECT COLUMNS(lambda c: c <> 'pack'), {_literal(definition.pack)} AS pack FROM \"{source}\")"


def _cast(expression: str, kind: str) -> str:
    return f"CAST(({expression}\n) AS {kind})"


def _leans(deadline: str) -> bool:
    """Whether a deadline is reckoned in working days."""
    return "calendar" in reach([deadline], spelled_out())


def _unknown(policy: Policy, days: Mapping[str, str]) -> str:
    """Whether any of some days ({SQL: type}) lies in a year without holiday data; compared as they stand, as taking the
    year of a time with a zone is slow."""
    years = sorted({int(calendar["year"]) for calendar in policy.calendars})
    spans = [(a, b) for a in years if a - 1 not in years for b in years if b >= a and b + 1 not in years]
    known = [(a, b) for a, b in spans if set(range(a, b + 1)) <= set(years)]
    return " OR ".join(
        "NOT (" + (" OR ".join(f"{day} >= {kind} '{a}-01-01' AND {day} < {kind} '{b + 1}-01-01'" for a, b in known)
                   or "false") + ")"
        for day, kind in days.items()
    )  # fmt: skip


# --- which pack rules whom -------------------------------------------------------------------------------------


def _rules(policy: Policy, definition: Definition) -> bool:
    """Whether a definition's pack rules anybody at any time."""
    return _regular(policy, definition) != "false" or any(
        entry["pack"] == definition.pack and entry["domain"] == definition.data.get("domain")
        for entry in policy.allowances
    )


def _regular(policy: Policy, definition: Definition) -> str:
    """Whether the company as a whole is ruled by the definition's pack on the day `since`."""
    if definition.pack in (policy.common, policy.defaults):
        return "true"
    spans = [
        f"since >= DATE '{since}'" + (f" AND since < DATE '{until}'" if until else "")
        for domain, pack, since, until in policy.composition()
        if pack == definition.pack and definition.data.get("domain") in (None, domain)
    ]
    return f"({' OR '.join(spans)})" if spans else "false"


def _contested(policy: Policy, definition: Definition) -> bool:
    """Whether some customer or project has a pack of its own in the definition's domain."""
    return definition.pack not in (policy.common, policy.defaults) and any(
        entry["domain"] == definition.data.get("domain") for entry in policy.allowances
    )


# --- all of them: names, waivers, states -----------------------------------------------------------------------


def _settled(policy: Policy, names: Collection[str]) -> str:
    """SELECT of the view over those of the definitions. Of two duties of one name the one due first stays.

    Columns: id, obligation, pack, clause, domain, subject, subject_type, period, customer, project, department,
    since, opens, due, grace_until, remind_from, done_at, record, state, in_grace, provisional, waived_by, void.
    """
    nothing = ", ".join(f"NULL::{kind} AS {name}" for name, kind in _EXPANDED.items())
    expanded = " UNION ALL ".join(f'SELECT * FROM "{name}"' for name in names) or f"SELECT {nothing} WHERE false"
    joins, ruled, waived = [], "true", "NULL::VARCHAR"
    if policy.allowances:  # what is agreed for a project comes before what is agreed with its customer
        joins += [
            f"LEFT JOIN allowance {name} ON d.contested AND {name}.domain = d.domain AND {name}.{key} = d.{key} "
            f"AND {name}.since <= d.since AND ({name}.until IS NULL OR d.since < {name}.until)"
            for name, key in (("ap", "project"), ("ac", "customer"))
        ]
        ruled = "coalesce(ap.pack = d.pack, ac.pack = d.pack, d.regular)"
    if policy.waivers:
        joins.append(
            "LEFT JOIN waiver w ON w.rule = d.obligation AND w.subject = d.subject "
            "AND (w.period IS NULL OR w.period = d.period) AND w.approved_on <= as_of_date()"
        )
        waived = "w.approved_by"
    # Numbering only the few that have a rival is faster than numbering all.
    return f"""
WITH named AS MATERIALIZED (
SELECT d.*, concat_ws('/', obligation, d.subject, d.period) AS id, {waived} AS waived_by
FROM (
SELECT d.* EXCLUDE (remind, provisional), provisional OR unsure AND due < coalesce(done.at, as_of()) AS provisional,
  coalesce(d.remind, CAST(add_workdays(CAST(due AS DATE), -ahead) AS {_MOMENT})) AS remind,
  coalesce(r.type, CASE WHEN d.subject = '{COMPANY}' THEN '{COMPANY}' END) AS subject_type,
  CASE WHEN r.type = 'customer' THEN r.id ELSE coalesce(r.customer, p.customer) END AS customer,
  p.id AS project, p.department
FROM ({expanded}) d
LEFT JOIN record_index r ON r.id = d.subject
LEFT JOIN project p ON p.id = CASE WHEN r.type = 'project' THEN r.id ELSE r.project END
WHERE r.void IS NOT TRUE) d
{" ".join(joins)}
WHERE {ruled}),
rival AS (SELECT id FROM named GROUP BY id HAVING count(*) > 1)
SELECT id, obligation, pack, clause, domain, subject, subject_type, period, customer, project, department, since,
  opens, due, grace AS grace_until, remind AS remind_from, done.at AS done_at, done.record AS record,
  CASE WHEN waived_by IS NOT NULL THEN 'waived'
       WHEN provisional THEN 'provisional'
       WHEN done.at < opens THEN 'satisfied_out_of_window'
       WHEN done.at <= grace THEN 'satisfied'
       WHEN done IS NOT NULL THEN 'satisfied_late'
       WHEN grace < as_of() THEN 'overdue'
       WHEN remind <= as_of() OR due <= as_of() THEN 'due_soon'
       ELSE 'not_due' END AS state,
  due < coalesce(done.at, as_of()) AND coalesce(done.at, as_of()) <= grace AS in_grace,
  provisional, waived_by, false AS void
FROM (
SELECT * FROM named ANTI JOIN rival USING (id) UNION ALL
SELECT * FROM named SEMI JOIN rival USING (id)
QUALIFY row_number() OVER (PARTITION BY id ORDER BY due, pack, since, waived_by) = 1)"""


def _literal(text: str | None) -> str:
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"
