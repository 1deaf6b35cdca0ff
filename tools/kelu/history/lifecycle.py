"""Lifecycle: whether a record came to its state by steps that there are, taken by people who may (GH-03)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kelu.finding import Text
from kelu.history.breach import Breach, Context, at
from kelu.history.content import reopened
from kelu.history.people import Actor, Staff
from kelu.history.step import Step
from kelu.history.watch import Watch, reach
from kelu.schema import Transition

Record = Mapping[str, Any]


def judge_lifecycle(
    step: Step, before: Record | None, after: Record, watch: Watch, context: Context
) -> Iterator[Breach]:
    """A squashed pull request may take several steps at once: some way from state to state must be allowed as a whole.

    A record imported starts in any state (GH-15 asks for its approval).
    """
    old = "" if before is None else str(before.get("status"))
    new = str(after.get("status"))
    if before is None:
        if "import" in after:
            return
    elif old == new and not reopened(before, after, watch):
        return
    staff = context.staff(step.unit)
    actors = staff.actors(step.acts)

    def allowed(move: Transition) -> bool:
        if not (move.roles or move.persons):
            covered = bool(actors)
        else:
            covered = any(staff.holds(who, role, day) for who, day in actors for role in move.roles) or bool(
                move.persons and _named(move, after) & {who for who, _ in actors}
            )
        return covered and all(_held(staff, role, actors | staff.approvers(step.unit)) for role in move.jointly)

    if _way(watch, old, new, allowed):
        return
    way = _way(watch, old, new, lambda move: True)
    lacking = next((move for move in way if not allowed(move)), None)
    fields = [field for person in (lacking.persons if lacking else ())
              if (field := watch.field(tuple(person.replace("[]", "").split("."))))]  # fmt: skip
    words = {
        "state": "role" if lacking else "creation" if before is None else "path",
        "old": _label(watch, old),
        "new": _label(watch, new),
        "policy": str(after.get("policy", "")),
        "roles": ", ".join(lacking.roles if lacking else ()),
        "jointly": ", ".join(lacking.jointly if lacking else ()),
        "persons": Text("、".join(item.label.zh for item in fields), ", ".join(item.label.en for item in fields)),
    }
    yield at(step, "GH-03", ("status",), words)


def _label(watch: Watch, state: str) -> Text:
    return watch.schema.states.get(state) or (Text(state, state) if state else Text("新记录", "new record"))


def _way(watch: Watch, source: str, target: str, allowed: Callable[[Transition], bool]) -> tuple[Transition, ...]:
    """The shortest way of at least one allowed step from state to state, or nothing."""
    ways: list[tuple[Transition, ...]] = [()]
    seen = set()
    for way in ways:
        for move in watch.steps.get(way[-1].target if way else source, ()):
            if move.target not in seen and allowed(move):
                if move.target == target:
                    return (*way, move)
                seen.add(move.target)
                ways.append((*way, move))
    return ()


def _named(move: Transition, after: Record) -> set[str]:
    """Whom the record names in the fields that entitle to a step."""
    return {
        str(value) for field in move.persons for _, value in reach(after, tuple(field.replace("[]", ".[]").split(".")))
    }


def _held(staff: Staff, role: str, people: frozenset[Actor]) -> bool:
    return any(staff.holds(who, role, day) for who, day in people)
