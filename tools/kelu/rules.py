"""Rules: what must hold inside a record, between records, and between records and policy — run as SQL.

The rules of the packs are data (`policies/*/rules.yaml`): each becomes one query that returns the records at
fault and the field to point at. Two checks need no entry because the schemas' marks say everything: that a
reference leads somewhere (X-04) and that a vocabulary term is one of the pack in force (VOC-01).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from kelu import catalogue
from kelu.document import locate, look_up, pointer
from kelu.finding import Finding, Severity, Text
from kelu.naming import words
from kelu.policy import VIEWS, Definition, Policy
from kelu.store import QueryError

_COMPARING = re.compile(r"\bdistinct\s+from\b", re.IGNORECASE)
# Words without which an expression cannot look at other rows than its own.
_ASKING = words("from table select over pivot unpivot describe summarize show query query_table")
Ask = Callable[[str], list[tuple[Any, ...]]]  # a SELECT -> its rows; raises QueryError
Listing = Callable[[], Mapping[str, str]]
Reader = Callable[[str], tuple[bytes, dict[str, object]]]  # path -> bytes and data of a record file


@dataclass(frozen=True, slots=True)
class Hit:
    """A record at fault: which, where in it, and how severe where the pack decides that."""

    record: str
    field: str
    severity: str | None = None


def query_of(rule: Definition, common: str) -> str:
    """The SELECT of a rule: (id, field) and perhaps severity of every record that breaks it.

    A rule's own query may return a third column, the severity of that case where it differs.
    """
    data = rule.data
    severity = "NULL"
    if isinstance(data.get("severity"), dict):
        severity = f"param(policy, '{data['severity']['param']}')"
    if "query" in data:
        query = str(data["query"]).strip().rstrip(";")
        if rule.pack == common and severity == "NULL":
            return f'SELECT q.id, q.at, q.* EXCLUDE ("id", "at") FROM ({query}\n) q ORDER BY 1, 2'
        scope = "" if rule.pack == common else _of_pack("r.policy", rule.pack)
        severity = severity.replace("(policy", "(r.policy")
        return (
            f"SELECT q.id, q.at, {severity} FROM ({query}\n) q JOIN record_index r ON r.id = q.id "
            f"WHERE true {scope} ORDER BY 1, 2"
        )
    at = "'" + str(data["at"]).replace("'", "''") + "'"
    source = f'"{data["for"]}"'
    if "each" in data:
        each = data["each"]
        source = f"(SELECT *, unnest({each}) AS item, generate_subscripts({each}, 1) - 1 AS place FROM {source})"
        at = f"replace({at}, '[]', '[' || place || ']')"
    scope = "" if rule.pack == common else _of_pack("policy", rule.pack)
    void = "" if data.get("void") else "AND void IS NULL"
    return (
        f"SELECT id, {at}, {severity} FROM {source} WHERE true {void} {scope} "
        f"AND ({data.get('where', 'true')}\n) AND NOT coalesce(({data['check']}\n), true) ORDER BY 1, 2"
    )


def _of_pack(column: str, pack: str) -> str:
    return "AND " + column + " = '" + pack.replace("'", "''") + "'"


def questions(policy: Policy) -> list[str]:
    """Everything that `run` will ask."""
    return [_LEANING, *(query_of(rule, policy.common) for rule in policy.rules()), _REFERENCES, _TERMS]


def reads(rule: Definition, types: Collection[str]) -> str:
    """Which records decide whether a rule finds a record at fault: `record`, itself alone; `linked`, also those that it
    refers to and that refer to it; else `all`. Of the record types, `types`, only what the pack says or what is plain
    to see: an expression of a row's own fields."""
    said = rule.data.get("reads")
    if said is None and "query" not in rule.data and rule.data["for"] in types:
        text = " ".join(str(rule.data.get(key, "")) for key in ("each", "where", "check"))
        said = "all" if words(_COMPARING.sub("", text)) & _ASKING else "record"
    return str(said or "all")


def narrowed(policy: Policy, types: Collection[str]) -> list[tuple[str, str]]:
    """Every question, as `reads` says; who leans on records at fault is not among them."""
    own = [(query_of(rule, policy.common), reads(rule, types)) for rule in policy.rules()]
    return [*own, (_REFERENCES, "linked"), (_TERMS, "record")]


def run(policy: Policy, ask: Ask, read: Reader, listing: Listing, labels: Mapping[str, Text]) -> Iterator[Finding]:
    """Findings of every rule and of the two marks' checks.

    `listing` gives each record's path by id and is asked for once there is a hit, `labels` the name of each
    record type.
    A rule that does not run is itself a finding (POL-01), and says nothing of any record. Where a record leans on one
    whose file is at fault, only that file is to blame until it is mended.
    """
    leaning = {name for (name,) in ask(_LEANING)}
    for rule in policy.rules():
        try:
            hits = [_hit(*row) for row in ask(query_of(rule, policy.common))]
        except QueryError as fault:
            line, column = rule.source.position(*rule.pointer)
            yield catalogue.make("POL-01", rule.source.path, line, column, rule.place, rule=rule.data["id"],
                                 detail=str(fault))  # fmt: skip
            continue
        for hit in hits:
            if hit.record in listing() and hit.record not in leaning:
                yield _broken(rule, hit, listing()[hit.record], read)
    yield from _references(ask, read, listing, labels, leaning)
    yield from _terms(ask, read, listing)


def _hit(record: object, field: object, severity: object = None, *_: object) -> Hit:
    """A row of a rule's query, whatever the rule put in it."""
    return Hit(str(record), str(field or ""), None if severity is None else str(severity))


def _broken(rule: Definition, hit: Hit, path: str, read: Reader) -> Finding:
    title = rule.text("title")
    hint = rule.text("hint") or Text("", "")
    assert title is not None, rule.place
    raw, data = read(path)
    clause = rule.data.get("clause")
    if clause and _binds(clause, data.get("policy")):
        title = Text(f"{title.zh}（{clause}）", f"{title.en} ({clause})")
    severity = hit.severity or rule.data.get("severity", "error")
    steps = pointer(hit.field)
    # What the record lacks altogether is asked for by the state it is in.
    line, column = locate(raw).best(steps if steps[:1] and steps[0] in data else ("status",))
    return Finding(
        code=rule.data["id"],
        severity=Severity.WARNING if severity in ("warning", "warn") else Severity.ERROR,
        path=path, line=line, column=column, field=hit.field,
        message=title, hint=hint, value=_shown(look_up(data, steps)),
    )  # fmt: skip


def _binds(clause: str, pack: object) -> bool:
    """Whether a record is bound by the policy a clause is of: a clause code begins with part of the pack's name."""
    return pack is None or clause.split(":", 1)[0].casefold() in str(pack).casefold()


def _shown(value: object) -> str | None:
    if value is None or isinstance(value, (dict, list)):
        return None
    return catalogue.shown(str(value).lower() if isinstance(value, bool) else value)


_REFERENCES = """
SELECT l.source, l.field, l.target, l.kind, coalesce(t.type, '') AS found, coalesce(t.void, false) AS void
FROM (SELECT *, string_split(kind, '/') AS kinds FROM link) l LEFT JOIN target t ON t.id = l.target
WHERE NOT coalesce(list_contains(l.kinds, t.type)
                   OR (list_contains(l.kinds, 'record') AND t.type NOT IN ('staff', 'contact')), false)
   OR (t.void AND NOT list_contains(l.kinds, 'void')
       AND NOT (SELECT s.void FROM record_index s WHERE s.id = l.source))
ORDER BY 1, 2
"""
_LEANING = """
SELECT DISTINCT source FROM link
WHERE split_part(target, '/', 1) IN (SELECT id FROM listing ANTI JOIN record_index USING (id))
"""


def _references(
    ask: Ask, read: Reader, listing: Listing, labels: Mapping[str, Text], leaning: Set[str]
) -> Iterator[Finding]:
    try:
        hits = ask(_REFERENCES)
    except QueryError as fault:
        yield catalogue.make("POL-01", f"{VIEWS}target.sql", 1, 1, "", rule="X-04", detail=str(fault))
        return
    for source, field, target, kinds, found, void in hits:
        if source in listing() and not (source in leaning and not found):
            path = listing()[source]
            position = locate(read(path)[0]).best(pointer(field))
            state = "void" if void else "wrong_type" if found else "missing"
            yield catalogue.make("X-04", path, *position, field, target, state=state, kind=_named(kinds, labels))


def _named(kinds: str, labels: Mapping[str, Text]) -> str | Text:
    """What a reference may name, in words where it is record types: `complaint/survey` or `contact`."""
    named = [labels[kind] for kind in kinds.split("/") if kind in labels]
    if not named:
        return kinds.split("/", 1)[0]
    return Text("、".join(name.zh for name in named), ", ".join(name.en for name in named))


# A term of the record's own pack, or (shared) of any pack in force that day, be it for one customer only. Where there
# is no such list, neither a pack's own nor from the defaults, the term is free.
_TERMS = """
WITH ruling AS (SELECT pack, since, until FROM composition UNION SELECT pack, since, until FROM allowance),
listed AS (SELECT DISTINCT v.name, v.code, c.since, c.until FROM vocabulary v JOIN ruling c USING (pack)),
at_fault AS (
  SELECT t.*, r.policy, r.day FROM term t JOIN record_index r ON r.id = t.source
  WHERE CASE WHEN t.shared THEN NOT EXISTS (
               FROM listed v WHERE v.name = t.vocabulary AND v.code = t.value
                 AND (r.day IS NULL OR (v.since <= r.day AND (v.until IS NULL OR r.day < v.until))))
             AND EXISTS (
               FROM listed v WHERE v.name = t.vocabulary
                 AND (r.day IS NULL OR (v.since <= r.day AND (v.until IS NULL OR r.day < v.until))))
             ELSE NOT EXISTS (FROM vocabulary v WHERE v.pack = r.policy AND v.name = t.vocabulary
                              AND v.code = t.value)
                  AND EXISTS (FROM vocabulary v WHERE v.pack = r.policy AND v.name = t.vocabulary) END)
SELECT f.source, f.field, f.vocabulary, f.value, coalesce(f.policy, '') AS pack,
       string_agg(DISTINCT v.code || CASE WHEN v.zh = v.code THEN '' ELSE '（' || v.zh || '）' END, '、') AS allowed
FROM at_fault f LEFT JOIN vocabulary v ON v.name = f.vocabulary AND (
  CASE WHEN f.shared THEN v.pack IN (SELECT c.pack FROM ruling c WHERE f.day IS NULL
                                     OR (c.since <= f.day AND (c.until IS NULL OR f.day < c.until)))
       ELSE v.pack = f.policy END)
GROUP BY ALL ORDER BY 1, 2
"""


def _terms(ask: Ask, read: Reader, listing: Listing) -> Iterator[Finding]:
    for source, field, vocabulary, value, pack, allowed in ask(_TERMS):
        if source in listing():
            path = listing()[source]
            position = locate(read(path)[0]).best(pointer(field))
            yield catalogue.make("VOC-01", path, *position, field, value, vocabulary=vocabulary, pack=pack,
                                 allowed="、".join(sorted((allowed or "—").split("、"))))  # fmt: skip
