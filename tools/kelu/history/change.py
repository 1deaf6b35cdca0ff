"""Change: what a proposed change does to the records, held against the rules of two versions before it lands.

The whole change from its base to the tree that merging gives is one unit, as it will be once it has landed; its
commits are the acts, and what is not committed yet is one more, by whoever works here. Only the commits between base
and head are needed.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kelu import git, workdays
from kelu.document import parse
from kelu.finding import Finding
from kelu.git import Entry, RevisionTree, Tree, WorkTree, log
from kelu.git.partial import cut_off
from kelu.history.index import HistoryError, acts_of
from kelu.history.judge import Context, judge, judge_moves, judge_unit, moves, parameters
from kelu.history.landing import WATCHED
from kelu.history.people import Staff
from kelu.history.report import finding
from kelu.history.signature import trusted
from kelu.history.step import UNCOMMITTED, Act, Step, Unit
from kelu.intake import RECORDS
from kelu.policy import CONFIG, STAFF, Policy
from kelu.schema import Schemas

Ends = tuple[str | None, str | None]  # a file's blob before and after


def findings(
    root: Path,
    base: str,
    merged: WorkTree | RevisionTree,
    work: WorkTree | RevisionTree,
    schemas: Schemas,
    policy: Policy,
    moment: datetime.datetime,
) -> list[Finding]:
    """What is wrong with the change from `base` to `merged`, whose commits are those of HEAD that `base` lacks, and
    what is not committed in `work`.

    Nothing is judged where `base` has no configuration yet: the change lays the foundation. Raises HistoryError when
    a shallow clone lacks commits between the two.
    """
    differing = merged.since(base, *WATCHED)
    # Of the records only those that differ are looked at; of the rest there is little.
    then = {entry.path: entry for entry in RevisionTree(root, base).entries(*(set(WATCHED) - {RECORDS}))}
    now = {path: entry for path, entry in then.items() if path not in differing}
    then |= {path: old for path, (old, _) in differing.items() if old}
    now |= {path: new for path, (_, new) in differing.items() if new}
    changed = sorted(path for path in differing if _blob(then, path) != _blob(now, path))
    logged = list(log.walk(root, "HEAD", [base]))
    if CONFIG not in then or not (changed or logged):
        return []
    if not cut_off(root).isdisjoint(commit.sha for commit in logged):
        raise HistoryError.shallow()
    acts = acts_of(root, logged, base)
    touched = {act.sha: {change.path: (change.old, change.new) for change in commit.changes}
               for act, commit in zip(acts, logged, strict=True)}  # fmt: skip
    merges = {commit.sha for commit in logged if len(commit.parents) > 1}
    open_work = _uncommitted(root, base, changed, work, moment)
    if open_work is not None:
        act, paths = open_work
        acts.append(act)
        touched[act.sha] = {path: (None, _blob(now, path)) for path in paths}
    if not acts:
        return []
    unit = Unit(tuple(acts))
    before, after = _data(RevisionTree(root, base), then, changed), _data(merged, now, changed)
    # A file that the base has but nobody can read is no new record: audit holds it against the last that could be.
    mended = {path for path in changed if path in then and path in now and before.get(path) is None}
    lives = [
        Step(unit, _makers(acts, touched, merges, path, (_blob(then, path), _blob(now, path))), path, schema.name,
             before.get(path), after.get(path), path in now and after.get(path) is None)
        for path in changed
        if path.endswith(".yaml") and path not in mended and (schema := schemas.of_folder(path)) is not None
    ]  # fmt: skip
    named: dict[str, tuple[Act, ...]] = {}
    for act in acts:
        for name in act.names:
            named[name] = (*named.get(name, ()), act)
    staff = Staff.of(before.get(STAFF) or _one(RevisionTree(root, base), then, STAFF))
    context = Context(
        staff=lambda _: staff, parameter=parameters(policy), calendar=workdays.calendar(policy.calendars), later=named,
        moved=frozenset((unit.own.sha, step.path) for pair in moves(lives) for step in pair),
        trusted=trusted(root, [commit.sha for commit in logged]),
    )  # fmt: skip
    breaches = [breach for step in lives for breach in judge([step], schemas.records[step.type], context)]
    breaches += judge_moves(lives, schemas.records, context)
    times = {commit.sha: commit.committed for commit in logged}
    parents = {
        commit.sha: datetime.datetime.fromtimestamp(max(known), datetime.UTC)
        for commit in logged
        if (known := [times.get(one) or _time(root, one) for one in commit.parents])
    }
    files = [(path, _blob(then, path), _blob(now, path)) for path in changed]

    def pack_status(pack: str) -> str | None:
        data = _one(RevisionTree(root, base), then, f"policies/{pack}/pack.yaml")
        return str(data.get("status", "")) if data else None

    def head(path: str) -> bytes | None:
        return next(raw for _, raw in merged.read([now[path]])) if path in now else None

    breaches += judge_unit(unit, files, pack_status, parents, context)
    by_name = {act.sha: act for act in acts}
    return sorted({finding(breach, by_name[breach.sha], head, policy) for breach in breaches})


def _uncommitted(
    root: Path, base: str, changed: list[str], work: WorkTree | RevisionTree, moment: datetime.datetime
) -> tuple[Act, set[str]] | None:
    """The act of whoever works here, and the files that differ from HEAD; None where everything is committed."""
    since = work.since("HEAD", *WATCHED)
    paths = {path for path, (old, new) in since.items() if (old and old.blob) != (new and new.blob)}
    if not paths & set(changed):
        return None
    user = log.Person(git.setting(root, "user.name") or "", git.setting(root, "user.email") or "")
    person = log.mapped(root, [user], base)[user]
    act = Act(UNCOMMITTED, person.name, person.mail, moment, moment, "", written=user.mail.lower())
    return act, paths


def _makers(
    acts: list[Act], touched: Mapping[str, Mapping[str, Ends]], merges: set[str], path: str, ends: Ends
) -> tuple[Act, ...]:
    """Who made the change of a file from what it was at the base; a merge too where what it left is in none of the
    others, or none of them knew the base's version: then it was a merge that put theirs in its place."""
    makers = [act for act in acts if path in touched[act.sha]]
    within = [act for act in makers if act.sha not in merges]
    known = [touched[act.sha][path] for act in within]
    if any(new == ends[1] for _, new in known) and any(old in (ends[0], None) for old, _ in known):
        return tuple(within)
    return tuple(act for act in acts if act in within or act.sha in merges)


def _data(tree: Tree, entries: Mapping[str, Entry], paths: list[str]) -> dict[str, Any]:
    wanted = [entries[path] for path in paths if path in entries and path.endswith(".yaml")]
    return {entry.path: parse(raw, entry.path)[0] for entry, raw in tree.read(wanted)}


def _one(tree: Tree, entries: Mapping[str, Entry], path: str) -> dict[str, Any]:
    return _data(tree, entries, [path]).get(path) or {}


def _blob(entries: Mapping[str, Entry], path: str) -> str | None:
    return entries[path].blob if path in entries else None


def _time(root: Path, sha: str) -> float:
    found = git.head(root, sha)
    return found.time.timestamp() if found else 0
