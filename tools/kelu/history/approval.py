"""Approval: whether who is named as approving did approve, and something that another prepared (GH-09, GH-15)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kelu.finding import Severity
from kelu.history.breach import Breach, Context, at
from kelu.history.people import Staff
from kelu.history.step import Act, Step
from kelu.history.watch import News, Place

Brought = dict[Place, frozenset[str]]  # where somebody is named as having prepared -> who wrote that


def judge_approvals(
    step: Step, record: Mapping[str, Any], news: Iterable[News], context: Context, brought: Brought, imported: bool
) -> Iterator[Breach]:
    """Approvals that a step brought. `brought` is kept from step to step of a record; `imported` records bring
    approvals of another time, of which none is asked but that of the import."""
    watched = [item for item in news if item.leaf.preparer or item.leaf.field.approval]
    if not watched:
        return
    staff = context.staff(step.unit)
    hands = frozenset(who for who, _ in staff.actors(step.unit.acts))
    brought.update((item.place, hands) for item in watched if item.leaf.preparer)
    for item in watched:
        mark = item.leaf.field.approval
        if mark is None or (imported and item.place[0] != "import"):
            continue
        who = str(item.value)
        words = {"person": who, "preparer": ""}
        vouching = _vouching(who, step, staff, context)
        if not vouching:
            yield at(step, mark.code, item.place, {**words, "state": "forged"})
            continue
        if context.trusted is not None and not any(act.sha in context.trusted for act in vouching):
            yield at(step, mark.code, item.place, {**words, "state": "unsigned"}, Severity.WARNING)
        prepared = _prepared(item, mark.of)
        if prepared is None:
            continue
        place, preparer = prepared
        if preparer == who or brought.get(place) == frozenset({who}):
            mild = context.parameter(str(record.get("policy", "")), "segregation") == "warn"
            severity = Severity.WARNING if mild else None
            state = "own" if preparer == who else "proxy"
            yield at(step, mark.code, item.place, {"person": who, "preparer": preparer, "state": state}, severity)


def _vouching(person: str, step: Step, staff: Staff, context: Context) -> list[Act]:
    """The commits by which a person approved: his own on the record, those of the unit whose trailers name him, and
    those of his that name the record in their message, made since what is approved was written."""
    record = step.path.rpartition("/")[2].removesuffix(".yaml")
    written = min(act.committed_at for act in step.acts or step.unit.acts)
    naming = (*(act for act in step.unit.acts if record in act.names), *context.later.get(record, ()))
    own = (*step.acts, *(act for act in naming if act.committed_at >= written))
    return [
        *(act for act in own if any(who == person for who, _ in staff.authors([act]))),
        *(act for act in step.unit.acts if any(who == person for who, _ in staff.approving([act]))),
    ]


def _prepared(item: News, names: Iterable[str]) -> tuple[Place, str] | None:
    """Where the record names who prepared what is approved, beside the approval or in a group around it, and whom."""
    for place, group in reversed(item.groups):
        for name in names:
            if isinstance(group.get(name), str):
                return (*place, name), group[name]
    return None
