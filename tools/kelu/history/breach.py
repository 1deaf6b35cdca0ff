"""Breach: what a step of history did against the rules, and what the judges must know to tell."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from kelu.document import Pointer, field_text
from kelu.finding import Severity, Text
from kelu.history.people import Staff
from kelu.history.step import Act, Step, Unit
from kelu.history.watch import Watch, watch
from kelu.policy import Policy
from kelu.schema import RecordSchema
from kelu.workdays import Calendar

Parameter = Callable[[str, str], str]
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule broken by one act. `field` is a place as `document.field_text` writes it, empty for the whole file;
    `words` fill the catalogue's texts; `severity` overrides that of the code."""

    code: str
    path: str
    field: str
    sha: str
    words: Mapping[str, str | Text]
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What the judges ask of the repository.

    `staff` is that before a unit; `parameter` is asked with a pack's name and a key; `later` holds the acts whose
    message names a record, by its id; `moved` holds (own commit of the unit, path) of both ends of a move, which is no
    deletion and no creation. `trusted` are the commits with a good signature; None where the repository names no
    allowed signers.
    """

    staff: Callable[[Unit], Staff]
    parameter: Parameter
    calendar: Calendar
    later: Mapping[str, tuple[Act, ...]] = field(default_factory=dict)
    moved: Container[tuple[str, str]] = frozenset()
    trusted: Container[str] | None = None
    _watches: dict[str, Watch] = field(default_factory=dict, repr=False, compare=False)
    _numbers: dict[tuple[str, str], int] = field(default_factory=dict, repr=False, compare=False)
    _days: dict[tuple[date, int], date] = field(default_factory=dict, repr=False, compare=False)

    def watch(self, schema: RecordSchema) -> Watch:
        """The marks of a record type, folded once."""
        if schema.name not in self._watches:
            self._watches[schema.name] = watch(schema)
        return self._watches[schema.name]

    def number(self, record: Mapping[str, Any], key: str) -> int:
        """A parameter of the pack that rules a record."""
        asked = str(record.get("policy")), key
        known = self._numbers.get(asked)
        if known is None:
            known = self._numbers[asked] = int(self.parameter(*asked))
        return known

    def earliest(self, day: date, workdays: int) -> date:
        """The first day of which `day` is no more than so many working days later."""
        if (day, workdays) not in self._days:
            first = day
            while self.calendar.add_workdays(first - _DAY, workdays).day >= day:
                first -= _DAY
            self._days[day, workdays] = first
        return self._days[day, workdays]


def parameters(policy: Policy) -> Parameter:
    """How the parameters of a policy are looked up: a pack's own value, or that of the default pack."""
    values = {(pack, key): value for pack, key, value, _ in policy.parameters()}
    return lambda pack, key: values[pack if pack in policy.packs else policy.defaults, key]


def at(
    step: Step, code: str, place: Pointer, words: Mapping[str, str | Text], severity: Severity | None = None
) -> Breach:
    """A breach by a step of a record, at a place in it; the last commit that touched the file is to blame."""
    act = step.acts[-1] if step.acts else step.unit.own
    return Breach(code, step.path, field_text(place), act.sha, words, severity)
