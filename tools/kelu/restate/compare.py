"""Compare: figures as they were reported against what today's records give, and the records behind what differs."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from kelu import check, kpi, reported
from kelu.check import Rulebook
from kelu.finding import Text
from kelu.history import landed
from kelu.intake import NOTHING, Intake, take_in
from kelu.kpi import Result
from kelu.restate.kept import Compared, Kept
from kelu.restate.lives import Lives
from kelu.restate.outcome import Claim, Figure, Item, Restatement, Side, Told, exact
from kelu.restate.past import Difference, Ground, Past, Pasts
from kelu.store import LANDED, Store

_ANONYMOUS = Text("", "")


@dataclass(frozen=True, slots=True)
class _Case:
    """A claim that may have changed: what was then, whether it follows from other rules now, and the changed records
    that it may stand on. `then` names the figure of then, `key` all that the comparison hangs on."""

    claim: Claim
    past: Past
    ruled: bool
    causes: Mapping[str, Difference]
    then: str
    key: str


def restated(ground: Ground, pasts: Pasts, kept: Kept, claims: Iterable[Claim]) -> Iterator[Restatement]:
    """What has changed of figures whose commits can be read. Only what is not kept is worked out."""
    cases = _cases(ground, pasts, claims)
    for case in cases:
        kept.wanted(case.then)
    known = {case.key: compared for case in cases for held, compared in [kept.compared(case.key)] if held}
    fresh = [case for case in cases if case.key not in known]
    now = dict(_evaluated(ground, ground.store, ground.book, NOTHING, [case.claim for case in fresh], None))
    differing = [
        case for case in fresh if case.claim.stated is None or reported.disagrees(case.claim.stated, now[case.claim])
    ]
    then = _stood(ground, pasts, kept, differing)
    for case in fresh:
        made = None
        if case.then in then:
            result = now[case.claim]
            made = _compared(case, then[case.then], None if result is None else Figure.of(result))
        known[case.key] = made
        kept.came(case.key, made)
    found = [(case, compared) for case in cases if (compared := known[case.key]) is not None]
    records = {item.record for _, compared in found for item in compared[-1] if item.record}
    rules = {path for case, _ in found if case.ruled for path in case.past.rules}
    lives = Lives(ground.history, records, rules)
    for case, (title, unit, before, after, items) in found:
        claim, sha = case.claim, case.past.sha
        yield Restatement(
            claim.code, title, unit, claim.period, claim.dimension, claim.slice, claim.as_of,
            claim.stated.report if claim.stated else None, claim.commit, before, after, case.ruled,
            lives.acts(case.past.rules, sha) if case.ruled else (),
            tuple(replace(i, touched=lives.touched(i.record, sha)) if i.record else i for i in items),
        )  # fmt: skip


def _cases(ground: Ground, pasts: Pasts, claims: Iterable[Claim]) -> list[_Case]:
    changed: dict[tuple[str, datetime.datetime], dict[str, Difference]] = {}
    landings: dict[tuple[str, datetime.datetime], str] = {}
    cases = []
    for claim in claims:
        past = pasts.of(claim.commit)
        if past is None:
            continue
        moment = past.sha, claim.as_of
        if moment not in changed:
            changed[moment] = pasts.changed(past, claim.as_of)
        ruled = past.is_ruled_anew(claim.code, claim.period)
        causes = {name: changed[moment][name] for name in sorted(past.causes(claim.code, changed[moment]))}
        if not ruled and not causes:
            continue
        told = ""
        if LANDED in past.names(claim.code):
            if moment not in landings:
                landings[moment] = _landings(ground.store, claim.as_of, changed[moment])
            told = landings[moment]
        then = _digest(past.sha, claim.code, claim.period, claim.as_of, claim.dimension, claim.slice)
        plain = [(name, kind, columns and sorted(columns), now) for name, (kind, columns, now) in causes.items()]
        cases.append(_Case(claim, past, ruled, causes, then, _digest(then, claim.stated, ruled, plain, told)))
    return cases


def _digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _landings(store: Store, as_of: datetime.datetime, changed: Collection[str]) -> str:
    """What tells when the records that were known at a moment landed: of one that landed later, and is no other than
    it was, nothing was known then."""
    asked = (
        f"SELECT count(*), bit_xor(h), sum(h) FROM (SELECT hash(id, landed_at, backfilled_at) AS h FROM "
        f"record.{LANDED} WHERE coalesce(landed_at <= $1, true) OR list_contains($2, id))"
    )
    return repr(store.query(asked, [as_of, sorted(changed)]))


# --- then and now ----------------------------------------------------------------------------------------


def _evaluated(
    ground: Ground, store: Store, book: Rulebook, taken: Intake, claims: Iterable[Claim], sha: str | None
) -> Iterator[tuple[Claim, Result | None]]:
    """The figure of each claim, None where there is none, by the records of a commit or (None) by today's, which know
    what was made void since. The store is laid once for each moment."""
    for as_of, group in groupby(sorted(claims, key=_moment_of), key=_moment_of):
        of_moment = list(group)
        asked = kpi.names(book.policy, {claim.code for claim in of_moment})
        if sha is not None and LANDED in asked:
            store.land(landed.rows(ground.history, book.schemas, book.policy, book.fingerprint, sha))
        check.lay_policy(store, book, taken, as_of, known=True, hindsight=sha is None, asked=asked)
        for claim in of_moment:
            try:
                results = kpi.evaluate(
                    store, book.policy, [claim.code], claim.period, as_of, claim.commit, claim.dimension, True
                )
            except kpi.KpiError:
                results = []
            yield claim, next((result for result in results if result.slice == claim.slice), None)


def _stood(ground: Ground, pasts: Pasts, kept: Kept, cases: Iterable[_Case]) -> dict[str, Figure | None]:
    """The figures of then, by their names: those kept, and the others worked out."""
    found: dict[str, Figure | None] = {}
    missing: dict[str, Claim] = {}
    for case in cases:
        held, figure = kept.figure(case.then)
        if held:
            found[case.then] = figure
        else:
            missing[case.then] = case.claim
    results = dict(_as_it_was(ground, pasts, list(missing.values())))
    for name, claim in missing.items():
        result = results[claim]
        found[name] = None if result is None else Figure.of(result)
        kept.stood(name, found[name])
    return found


def _as_it_was(ground: Ground, pasts: Pasts, claims: Sequence[Claim]) -> Iterator[tuple[Claim, Result | None]]:
    """The figure of each claim by the commit that it stood by."""
    lent, known = False, ground.store.landings() if claims else []
    try:
        for past in filter(None, map(pasts.of, dict.fromkeys(claim.commit for claim in claims))):
            own = past.book.fingerprint != ground.book.fingerprint
            store = check.open_cache(ground.root, past.book, cached=False) if own else ground.store
            lent = lent or not own
            taken = take_in(past.tree, past.book.schemas, store)
            of_commit = [claim for claim in claims if claim.commit == past.sha]
            yield from _evaluated(ground, store, past.book, taken, of_commit, past.sha)
            if own:
                store.close()
    finally:
        if lent:
            take_in(ground.tree, ground.book.schemas, ground.store)
            ground.store.land(known)


def _moment_of(claim: Claim) -> datetime.datetime:
    return claim.as_of


# --- what changed ----------------------------------------------------------------------------------------


def _compared(case: _Case, then: Figure | None, now: Figure | None) -> Compared | None:
    """What a restatement tells, where there is one: a KPI not defined then was not reported."""
    stated = case.claim.stated
    if stated is not None:
        before = Told(stated.value, exact(stated.num), exact(stated.den))
    elif then is None:
        return None
    else:
        before = then.told
    after = now.told if now is not None else Told(None, None, None)
    silent = before.value is None and after.value is None  # another target alone is no other figure then
    if stated is None and before == replace(after, pack=before.pack, target=before.target if silent else after.target):
        return None
    shown = now or then
    items = _items(then.sides if then else {}, now.sides if now else {}, set(case.causes), case.ruled)
    return shown.title if shown else _ANONYMOUS, shown.unit if shown else "", before, after, tuple(items)


def _items(was: Mapping[str, Side], now: Mapping[str, Side], causes: Collection[str], ruled: bool) -> list[Item]:
    """What moved, and the changed records that the figure lists; where these leave a move unexplained that no policy
    explains either, every changed record that the KPI may stand on."""
    moved = [name for name in sorted({*was, *now}) if was.get(name) != now.get(name)]
    items = [Item(name, _record(name, causes), was.get(name), now.get(name)) for name in moved]
    listed = {name for name in {*was, *now}.difference(moved) if name in causes}
    explained = {item.record for item in items} | listed
    if not ruled and (not explained - {None} or None in explained):
        listed = set(causes)
    more = sorted(listed - {item.record for item in items})
    return [*items, *(Item(name, name, was.get(name), now.get(name)) for name in more)]


def _record(thing: str, records: Collection[str]) -> str | None:
    """The one of the records that a thing on a list is or is named after (`MTG-2026-0008#2`, `OB-02/PRJ-2026-001`)."""
    return next((word for word in (thing, *thing.replace("#", "/").split("/")) if word in records), None)
