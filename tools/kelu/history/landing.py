"""Landing: what only the whole of a unit tells — records moved (GH-01) or swapped (GH-04), policy changed together with
records or without approval (GH-12), a published pack changed (GH-14), time that runs backwards (GH-16)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from kelu.history.breach import Breach, Context, at
from kelu.history.content import between, values
from kelu.history.difference import Change
from kelu.history.step import Act, Step, Unit
from kelu.policy import FOLDERS
from kelu.schema import RecordSchema

Touched = tuple[str, str | None, str | None]  # path, blob before, blob after
RECORDS, PACKS = "records/", "policies/"
MAILMAP = ".mailmap"
RULES = (*(f"{folder}/" for folder in FOLDERS), "schemas/", MAILMAP)
WATCHED = ("records", *FOLDERS, "schemas", MAILMAP)  # where what history is judged by, and for, lies
_DRAFT = "draft"


def moves(steps: Sequence[Step]) -> list[tuple[Step, Step]]:
    """Pairs of a deletion and a creation in one unit that are one record at another path, as its id tells."""
    born = {str(step.after.get("id")): step for step in steps if step.before is None and step.after is not None}
    return [
        (step, born[name])
        for step in steps
        if step.before is not None and step.after is None and not step.broken
        and (name := str(step.before.get("id"))) in born
    ]  # fmt: skip


def judge_moves(steps: Sequence[Step], schemas: Mapping[str, RecordSchema], context: Context) -> Iterator[Breach]:
    """What is wrong with the steps of one unit taken together."""
    for old, new in moves(steps):
        yield at(new, "GH-01", (), {"state": "moved", "other": old.path})
    rewritten = {}
    for step in steps:
        if step.before is not None and step.after is not None and step.type in schemas:
            # In the order of the schema, so that the same field is told each time.
            fixed = [item.name for item in schemas[step.type].fields if item.immutable]
            names = [name for name in fixed if step.before.get(name) not in (None, step.after.get(name))]
            if len(names) > 1:
                rewritten[step.path] = step, names
    owners: dict[tuple[str, str, str], list[str]] = {}
    for path, (step, names) in rewritten.items():
        for name in names:
            owners.setdefault((step.type, name, repr((step.before or {}).get(name))), []).append(path)
    for path, (step, names) in rewritten.items():
        before, after = step.before or {}, step.after or {}
        met = Counter(owner for name in names for owner in owners.get((step.type, name, repr(after.get(name))), ()))
        other = next((owner for owner, count in met.items() if count == len(names) and owner != path), None)
        if other:
            change: Change = between(before, after, names[0])[0]
            words = values(change, context.watch(schemas[step.type]))
            yield at(step, "GH-04", change.pointer, {"state": "swapped", "other": other, **words})


def judge_unit(
    unit: Unit, touched: Sequence[Touched], pack_status: Callable[[str], str | None], parents: Mapping[str, datetime],
    context: Context,
) -> Iterator[Breach]:  # fmt: skip
    """What is wrong with a unit as a whole. `pack_status` tells the status of a pack before the unit, None if it was
    not there; `parents` the latest committer date among the parents of each act, by its sha."""
    rules = [path for path, *_ in touched if path.startswith(RULES)]
    if rules:
        yield from _judge_rules(unit, rules, any(path.startswith(RECORDS) for path, *_ in touched), context)
    told = set()
    for path, *_ in touched:
        pack, inside, _ = path.removeprefix(PACKS).partition("/")
        if path.startswith(PACKS) and inside and "@" in pack and pack not in told:
            status = pack_status(pack)
            if status is not None and status != _DRAFT:
                told.add(pack)
                yield Breach("GH-14", path, "", unit.own.sha, {"pack": pack})
    allowed = timedelta(minutes=int(context.parameter("", "audit.clock_skew_minutes")))
    path = touched[0][0] if touched else "."
    for act in unit.acts:
        yield from _judge_clock(act, path, parents.get(act.sha), allowed)


def _judge_rules(unit: Unit, rules: Sequence[str], mixed: bool, context: Context) -> Iterator[Breach]:
    roles = context.parameter("", "audit.policy_approvers").split(",")
    words = {"roles": ", ".join(roles), "count": str(len(rules))}
    if mixed:
        yield Breach("GH-12", rules[0], "", unit.own.sha, {"state": "mixed", **words})
    staff = context.staff(unit)
    if MAILMAP in rules:  # nobody passes for another by the very change that says so
        unit = Unit(tuple(replace(act, mail=act.written) for act in unit.acts))
    if not any(staff.holds(who, role, day) for who, day in staff.approvers(unit) for role in roles):
        yield Breach("GH-12", rules[0], "", unit.own.sha, {"state": "unapproved", **words})


def _judge_clock(act: Act, path: str, parent: datetime | None, allowed: timedelta) -> Iterator[Breach]:
    for state, earlier in (("parent", parent), ("author", act.authored_at)):
        if earlier is not None and earlier - act.committed_at > allowed:
            words = {"state": state, "earlier": earlier.isoformat(), "committed": act.committed_at.isoformat()}
            yield Breach("GH-16", path, "", act.sha, words)
