"""Judge: all steps of one record held against the rules of two versions (records.md §9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kelu import catalogue
from kelu.finding import Severity
from kelu.history.approval import Brought, judge_approvals
from kelu.history.breach import Breach, Context, at, parameters
from kelu.history.content import judge_content
from kelu.history.landing import judge_moves, judge_unit, moves
from kelu.history.lifecycle import judge_lifecycle
from kelu.history.step import Step
from kelu.history.times import judge_times
from kelu.history.watch import news
from kelu.schema import RecordSchema

__all__ = ["Breach", "Context", "judge", "judge_moves", "judge_unit", "moves", "parameters"]


def judge(steps: Sequence[Step], schema: RecordSchema, context: Context) -> Iterator[Breach]:
    """What is wrong with the steps of one record file, oldest first.

    A version that cannot be read is judged by its successor, which is held against the last one that could. A file
    that was deleted is gone for good (GH-01): its number may not be used again, only the same record brought back.
    Nor is it wrong to put a record back to what it was before steps that were wrong.
    """
    last: Mapping[str, Any] | None = None
    gone = False
    sound: Mapping[str, Any] | None = None
    brought: Brought = {}
    for number, step in enumerate(steps):
        if step.broken:
            last = last if step.before is None else step.before
            continue
        moved = (step.unit.own.sha, step.path) in context.moved
        if step.after is None:
            last, gone = step.before or last, True
            following = steps[number + 1].after if number + 1 < len(steps) else None
            if not moved:
                restored = following is not None and following == last
                severity = Severity.WARNING if restored else None
                yield at(step, "GH-01", (), {"state": "restored" if restored else "deleted", "other": ""}, severity)
            continue
        before = step.before if step.before is not None or gone else last
        if gone and step.after != last and not moved:
            yield at(step, "GH-01", (), {"state": "reused", "other": ""})
        undone = step.after in (last if gone else None, sound)
        if not moved and not undone:
            if before is None:
                brought.clear()
            found = list(_judge_step(step, before, step.after, schema, context, brought))
            yield from found
            sound = (sound or before) if any(_grave(breach) for breach in found) else None
        last, gone = step.after, False


def _grave(breach: Breach) -> bool:
    return (breach.severity or catalogue.entry(breach.code).severity) is Severity.ERROR


def _judge_step(
    step: Step, before: Mapping[str, Any] | None, after: Mapping[str, Any], schema: RecordSchema, context: Context,
    brought: Brought,
) -> Iterator[Breach]:  # fmt: skip
    watch = context.watch(schema)
    yield from judge_lifecycle(step, before, after, watch, context)
    changed = list(after)
    if before is not None:
        changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        yield from judge_content(step, before, after, changed, watch)
    fresh = news(watch, before or {}, after, changed)
    yield from judge_times(step, before, after, fresh, watch, context)
    imported = before is None and "import" in after
    yield from judge_approvals(step, after, fresh, context, brought, imported)
