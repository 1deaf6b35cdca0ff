"""Rules: what must hold inside a record, between records, and between records and policy — run as SQL.

The rules of the packs are data (`policies/*/rules.yaml`): each becomes one query that returns the records at
fault and the field to point at. Two checks need no entry because the schemas' marks say everything: that a
reference leads somewhere (X-04) and that a vocabulary term is one of the pack in force (VOC-01).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kelu import catalogue
from kelu.document import locate, look_up, pointer
from kelu.finding import Finding, Severity, Text
from kelu.policy import Definition, Policy
from kelu.store import QueryError, Store

Reader = Callable[[str], tuple[bytes, dict[str, object]]]  # path -> bytes and data of a record file


@dataclass(frozen=True, slots=True)
class Hit:
    """A record at fault: which, where in it, and how severe where the pack decides that."""

    record: str
    field: str
    severity: str | None = None


def query_of(rule: Definition, common: str) -> str:
    """The SELECT of a rule: (id, field, severity) of every record that breaks it."""
    data = rule.data
    severity = "NULL"
    if isinstance(data.get("severity"), dict):
        severity = f"param(policy, '{data['severity']['param']}')"
    if "query" in data:
        scope = "" if rule.pack == common else _of_pack("r.policy", rule.pack)
        severity = severity.replace("(policy", "(r.policy")
        return (
            f"SELECT q.id, q.at, {severity} FROM ({data['query']}) q JOIN record_index r ON r.id = q.id "
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
        f"AND ({data.get('where', 'true')}) AND NOT coalesce(({data['check']}), true) ORDER BY 1, 2"
    )


def _of_pack(column: str, pack: str) -> str:
    return "AND " + column + " = '" + pack.replace("'", "''") + "'"


def run(policy: Policy, store: Store, read: Reader, listing: dict[str, str]) -> Iterator[Finding]:
    """Findings of every rule and of the two marks' checks. `listing` gives each record's path by id."""
    for rule in policy.rules():
        try:
            hits = [Hit(*row) for row in store.query(query_of(rule, policy.common))]
        except QueryError as fault:
            line, column = rule.source.position(*rule.pointer)
            yield catalogue.make("POL-01", rule.source.path, line, column, rule.place, rule=rule.data["id"],
                                 detail=str(fault))  # fmt: skip
            continue
        for hit in hits:
            if hit.record in listing:
                yield _broken(rule, hit, listing[hit.record], read)
    yield from _references(store, read, listing)
    yield from _terms(store, read, listing)


def _broken(rule: Definition, hit: Hit, path: str, read: Reader) -> Finding:
    title = rule.text("title")
    hint = rule.text("hint") or Text("", "")
    assert title is not None, rule.place
    clause = rule.data.get("clause")
    if clause:
        title = Text(f"{title.zh}（{clause}）", f"{title.en} ({clause})")
    severity = hit.severity or rule.data.get("severity", "error")
    raw, data = read(path)
    line, column = locate(raw).best(pointer(hit.field))
    return Finding(
        code=rule.data["id"],
        severity=Severity.WARNING if severity in ("warning", "warn") else Severity.ERROR,
        path=path, line=line, column=column, field=hit.field,
        message=title, hint=hint, value=_shown(look_up(data, pointer(hit.field))),
    )  # fmt: skip


def _shown(value: object) -> str | None:
    return None if value is None or isinstance(value, (dict, list)) else catalogue.shown(value)


_DANGLING = """
SELECT l.source, l.field, l.target, l.kind, coalesce(t.type, '') AS found, coalesce(t.void, false) AS void
FROM link l LEFT JOIN target t ON t.id = l.target
WHERE NOT coalesce(list_contains(string_split(l.kind, '/'), t.type)
                   OR (list_contains(string_split(l.kind, '/'), 'record') AND t.type NOT IN ('staff', 'contact')), false)
   OR (t.void AND NOT list_contains(string_split(l.kind, '/'), 'void')
       AND NOT (SELECT s.void FROM record_index s WHERE s.id = l.source))
ORDER BY 1, 2
"""


def _references(store: Store, read: Reader, listing: dict[str, str]) -> Iterator[Finding]:
    for source, field, target, kind, found, void in store.query(_DANGLING):
        if source in listing:
            path = listing[source]
            position = locate(read(path)[0]).best(pointer(field))
            state = "void" if void else "wrong_type" if found else "missing"
            yield catalogue.make("X-04", path, *position, field, target, state=state, kind=kind, found=found)


# A term of the record's own pack, or (shared) of any pack in force that day; a pack that has no such list of its
# own nor from the defaults leaves the term free.
_UNKNOWN = """
WITH at_fault AS (
  SELECT t.*, r.policy, r.day FROM term t JOIN record_index r ON r.id = t.source
  WHERE CASE WHEN t.shared THEN NOT EXISTS (
               FROM vocabulary v JOIN composition c ON c.pack = v.pack
               WHERE v.name = t.vocabulary AND v.code = t.value
                 AND (r.day IS NULL OR (c.since <= r.day AND (c.until IS NULL OR r.day < c.until))))
             ELSE NOT EXISTS (FROM vocabulary v WHERE v.pack = r.policy AND v.name = t.vocabulary
                              AND v.code = t.value)
                  AND EXISTS (FROM vocabulary v WHERE v.pack = r.policy AND v.name = t.vocabulary) END)
SELECT f.source, f.field, f.vocabulary, f.value, coalesce(f.policy, '') AS pack,
       string_agg(DISTINCT v.code || CASE WHEN v.zh = v.code THEN '' ELSE '（' || v.zh || '）' END, '、') AS allowed
FROM at_fault f LEFT JOIN vocabulary v ON v.name = f.vocabulary AND (
  CASE WHEN f.shared THEN v.pack IN (SELECT c.pack FROM composition c WHERE f.day IS NULL
                                     OR (c.since <= f.day AND (c.until IS NULL OR f.day < c.until)))
       ELSE v.pack = f.policy END)
GROUP BY ALL ORDER BY 1, 2
"""


def _terms(store: Store, read: Reader, listing: dict[str, str]) -> Iterator[Finding]:
    for source, field, vocabulary, value, pack, allowed in store.query(_UNKNOWN):
        if source in listing:
            path = listing[source]
            position = locate(read(path)[0]).best(pointer(field))
            yield catalogue.make("VOC-01", path, *position, field, value, vocabulary=vocabulary, pack=pack,
                                 allowed="、".join(sorted((allowed or "—").split("、"))))  # fmt: skip
