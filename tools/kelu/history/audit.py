"""Audit: everything that landed on the default branch since the foundation, held against the rules of two versions.

What was found is kept with the history. New landings are judged when they come; a record is judged again as a whole
when one of them touches or names it, as a later act may approve or bring back what an earlier one did.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from kelu import workdays
from kelu.finding import Finding, Severity, Text
from kelu.git import RevisionTree, blobs
from kelu.history.branch import Branch
from kelu.history.index import History
from kelu.history.judge import Breach, Context, judge, judge_moves, judge_unit, moves, parameters
from kelu.history.landing import WATCHED
from kelu.history.report import finding
from kelu.history.signature import trusted
from kelu.history.step import Act, Step
from kelu.intake import RECORDS
from kelu.policy import Policy
from kelu.schema import Schemas

_KEPT = "audit"
_FEW = 500  # files; of more the whole tree is listed
Moved = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an audit found: the breaches of each record by its path, those of landings as a whole; the moves, and the
    commits with a good signature (None where nobody is allowed to sign)."""

    records: Mapping[str, tuple[Breach, ...]]
    landings: tuple[Breach, ...]
    moved: Moved
    trusted: frozenset[str] | None = None

    def breaches(self) -> Iterator[Breach]:
        """All of them."""
        for of_record in self.records.values():
            yield from of_record
        yield from self.landings


def audit(history: History, schemas: Schemas, policy: Policy, fingerprint: str, *, keep: bool = True) -> Verdict:
    """The verdict on a history. `fingerprint` stands for the schemas and the program; a verdict by others is not
    believed. One by the policy of the past is not to be kept (`keep`) in place of today's."""
    branch = Branch(history, schemas)
    key = json.dumps([fingerprint, policy.digest, branch.foundation])
    kept, judged = _recalled(history, key)
    if kept is not None and judged == history.place(history.head):
        return kept
    verdict = _judged(branch, schemas, policy, kept, judged)
    if keep:
        history.remember(_KEPT, _packed(key, history.head, verdict))
    return verdict


def findings(history: History, policy: Policy, breaches: Iterable[Breach], since: str | None = None) -> list[Finding]:
    """Breaches as findings in the files of the head version, only of what landed after the commit `since`."""
    told = list(breaches)
    stamps = history.stamps({breach.sha for breach in told})
    landed = history.landings({place for place, _ in stamps.values()})
    if since:
        first = history.landings([place for place, _ in history.stamps([since]).values()])
        told = [breach for breach in told if landed[stamps[breach.sha][0]] > max(first.values())]
    acts = history.acts_of(history.some({stamps[breach.sha][0] for breach in told}))
    paths = {breach.path for breach in told}
    listed = RevisionTree(history.root, history.head).entries(*(sorted(paths) if len(paths) <= _FEW else WATCHED))
    entries = [entry for entry in listed if entry.path in paths] if paths else []
    content = dict(zip((entry.path for entry in entries), blobs(history.root, [e.blob for e in entries]), strict=True))
    found = [finding(breach, acts[stamps[breach.sha][0]], content.get, policy) for breach in told]
    return sorted(set(found))


def _judged(branch: Branch, schemas: Schemas, policy: Policy, kept: Verdict | None, judged: int) -> Verdict:
    if kept is not None:
        branch = Branch(branch.history.part(_concerned(branch.history, schemas, judged)), schemas)
    history = branch.history
    fresh = [place for place in branch.landings if place > judged or kept is None]
    named: dict[str, list[Act]] = defaultdict(list)
    for place, unit in history.units.items():
        if place > branch.foundation:
            for act in unit.acts:
                for name in act.names:
                    named[name].append(act)
    paths: set[str] | None = None
    if kept is not None:
        paths = {touch.path for place in fresh for touch in branch.landings[place]}
        ids = {name for place in fresh for act in history.units[place].acts for name in act.names}
        paths |= {path for name in ids if (path := _path(schemas, name))}
    moved = (kept.moved if kept else frozenset()) | _moved(branch, fresh)
    signed = trusted(history.root, [act.sha for place in fresh for act in history.units[place].acts])
    if signed is not None and kept is not None:
        signed |= kept.trusted or frozenset()
    context = Context(
        staff=branch.staff, parameter=parameters(policy), calendar=workdays.calendar(policy.calendars),
        later={name: tuple(acts) for name, acts in named.items()}, moved=moved,
        trusted=signed,
    )  # fmt: skip
    records: dict[str, tuple[Breach, ...]] = {}
    suspects: dict[str, list[Step]] = defaultdict(list)
    for path, steps in branch.lives(paths) if paths is None or paths else ():
        schema = schemas.records[steps[0].type]
        found = tuple(judge(steps, schema, context))
        if found:
            records[path] = found
        immutable = context.watch(schema).immutable
        for step in steps:
            if (step.unit.own.sha, path) in moved or _rewritten(step, immutable):
                suspects[step.unit.own.sha].append(step)
    landings: list[Breach] = []
    stamps = history.stamps({one for commit in history.commits.values() for one in commit.parents})
    for place in fresh:
        unit = history.units[place]
        touched = [(touch.path, touch.old, touch.new) for touch in branch.landings[place]]
        parents = {
            act.sha: max(stamps[one][1] for one in commit.parents)
            for act in unit.acts
            if (commit := history.commits[history.places[act.sha]]).parents
        }
        landings += judge_unit(unit, touched, partial(branch.pack_status, place), parents, context)
        landings += judge_moves(suspects.get(unit.own.sha, []), schemas.records, context)
    if kept is not None:
        records = {path: of for path, of in kept.records.items() if path not in (paths or ())} | records
        landings = [*kept.landings, *landings]
    return Verdict(records, tuple(landings), moved, signed)


def _concerned(history: History, schemas: Schemas, judged: int) -> set[int]:
    """The landings to look at when those after a place are judged: they, and those that touched or named the records
    which these touch or name."""
    asked = "SELECT place FROM commits WHERE unit = place AND place > $1"
    fresh = {place for (place,) in history.ask(asked, [judged])}
    paths = {touch.path for touch in history.touched(fresh)}
    ids = {name for act in history.part(fresh).acts.values() for name in act.names}
    paths |= {path for name in ids if (path := _path(schemas, name))}
    places = history.naming({PurePosixPath(path).stem for path in paths})
    places |= {touch.place for touch in history.touches(paths)} if paths else set()
    return fresh | set(history.landings(places).values())


def _rewritten(step: Step, immutable: Collection[str]) -> bool:
    before, after = step.before, step.after
    return before is not None and after is not None and any(before.get(name) != after.get(name) for name in immutable)


def _moved(branch: Branch, places: Collection[int]) -> Moved:
    """Both ends of every move among what landed at some places, as (own commit, path)."""
    found: set[tuple[str, str]] = set()
    for place in places:
        touches = branch.landings[place]
        gone = [touch.path for touch in touches if touch.new is None and touch.path.startswith(f"{RECORDS}/")]
        if not gone:
            continue
        sha = branch.history.units[place].own.sha
        ends = gone + [touch.path for touch in touches if touch.old is None]
        steps = [step for _, life in branch.lives(ends) for step in life if step.unit.own.sha == sha]
        for old, new in moves(steps):
            found |= {(sha, old.path), (sha, new.path)}
    return frozenset(found)


def _path(schemas: Schemas, name: str) -> str | None:
    return next((path for schema in schemas.records.values() if (path := schema.path_of(name))), None)


# --- kept ------------------------------------------------------------------------------------------------


def _packed(key: str, head: str, verdict: Verdict) -> str:
    def plain(breach: Breach) -> list[Any]:
        words = {key: [said.zh, said.en] if isinstance(said, Text) else said for key, said in breach.words.items()}
        return [breach.code, breach.path, breach.field, breach.sha, words, breach.severity]

    return json.dumps(
        {
            "key": key, "head": head, "moved": sorted(verdict.moved),
            "trusted": None if verdict.trusted is None else sorted(verdict.trusted),
            "landings": [plain(b) for b in verdict.landings],
            "records": {path: [plain(b) for b in found] for path, found in verdict.records.items()},
        },
        ensure_ascii=False,
    )  # fmt: skip


def _recalled(history: History, key: str) -> tuple[Verdict | None, int]:
    """The verdict kept, and the place up to which it goes; None where it was made by others, or of another branch."""
    kept = json.loads(history.recall(_KEPT) or "{}")
    place = history.place(kept.get("head", ""))
    if kept.get("key") != key or place is None or history.landings([place])[place] != place:
        return None, -1

    return Verdict(
        {path: tuple(_unpacked(*one) for one in found) for path, found in kept["records"].items()},
        tuple(_unpacked(*one) for one in kept["landings"]),
        frozenset((sha, path) for sha, path in kept["moved"]),
        None if kept["trusted"] is None else frozenset(kept["trusted"]),
    ), place


def last_found(history: History, path: str) -> tuple[Breach, ...]:
    """What the last audit found in one record; nothing where there was none of this very commit."""
    kept = json.loads(history.recall(_KEPT) or "{}")
    found = kept["records"].get(path, ()) if kept.get("head") == history.head else ()
    return tuple(_unpacked(*one) for one in found)


def _unpacked(code: str, path: str, field: str, sha: str, words: Mapping[str, Any], severity: str | None) -> Breach:
    said = {key: Text(*word) if isinstance(word, list) else word for key, word in words.items()}
    return Breach(code, path, field, sha, said, Severity(severity) if severity else None)
