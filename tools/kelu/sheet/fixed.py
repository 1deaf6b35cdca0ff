"""Fixed: what a sheet may not change of records that have landed — immutable fields, lists that only grow, what is
frozen — said before anything is written, not first by the check of the pull request."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from kelu.document import same
from kelu.finding import Finding
from kelu.history.content import judge_content
from kelu.history.report import finding
from kelu.history.step import UNCOMMITTED, Act, Step, Unit
from kelu.history.watch import watch
from kelu.policy import Policy
from kelu.schema import RecordSchema
from kelu.sheet.proposal import Made


def findings(
    made: Made, landed: Mapping[str, Mapping[str, Any]], schema: RecordSchema, policy: Policy, at: datetime.datetime
) -> list[Finding]:
    """What is wrong with the changes to records as they last landed, by path, in lines of the proposed files."""
    act = Act(UNCOMMITTED, "", "", at, at, "")
    marks = watch(schema)
    found = []
    for path, before in landed.items():
        after = made.drafts[path].data
        changed = [name for name in {**before, **after} if not same(before.get(name), after.get(name))]
        step = Step(Unit((act,)), (act,), path, schema.name, before, after)
        for breach in judge_content(step, before, after, changed, marks):
            found.append(finding(breach, act, made.files.get, policy))
    return found
