"""Duties: rows of the view `duty` with the words of their obligations, chosen by code, subject, state and due date."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from kelu.finding import Text
from kelu.naming import reach
from kelu.obligation import VIEW, views
from kelu.periods import SHANGHAI
from kelu.policy import Definition, Policy
from kelu.store import Store, spelled_out

# States of which somebody still has something to do, most pressing first; the others are settled or far off.
PRESSING = ("overdue", "due_soon", "provisional")
AHEAD = (*PRESSING, "not_due")


@dataclass(frozen=True, slots=True)
class Duty:
    """One duty of one subject as known at a moment; fields as the columns of the view (`obligation.views`).

    `basis` tells whether the deadline is the source policy's; `owner` and `escalate` are the pack's words for roles.
    """

    id: str
    obligation: str
    pack: str
    clause: str
    domain: str | None
    subject: str
    subject_type: str | None
    period: str | None
    customer: str | None
    project: str | None
    department: str | None
    since: datetime.date
    opens: datetime.datetime | None
    due: datetime.datetime
    grace_until: datetime.datetime
    remind_from: datetime.datetime | None
    done_at: datetime.datetime | None
    record: str | None
    state: str
    in_grace: bool
    provisional: bool
    waived_by: str | None
    title: Text
    basis: str
    owner: tuple[Text, ...]
    escalate: tuple[Text, ...]


_COLUMNS = tuple(Duty.__dataclass_fields__)[: -len(("title", "basis", "owner", "escalate"))]
# Asked for as numbers: DuckDB looks the zone up for each moment that it hands over, and many duties share one.
_MOMENTS = ("opens", "due", "grace_until", "remind_from", "done_at")
_EPOCH = datetime.datetime.fromtimestamp(0, SHANGHAI)
_CHOSEN = (
    "(len($1::VARCHAR[]) = 0 OR list_has_any([id, obligation, subject, customer, project], $1::VARCHAR[])) "
    "AND due >= coalesce($2::DATE, DATE '0001-01-01') AND due < coalesce($3::DATE + 1, DATE '9999-12-31')"
)


def names(policy: Policy) -> set[str]:
    """The names of everything that the duties stand on: what `Store.prepare` has to lay for them."""
    return reach([VIEW], {**views(policy), **spelled_out()})


def find(
    store: Store,
    policy: Policy,
    words: Sequence[str] = (),
    states: Collection[str] | None = None,
    first: datetime.date | None = None,
    last: datetime.date | None = None,
) -> list[Duty]:
    """The duties of obligations, subjects, customers, projects or of ids (`words`; none: all), in some states
    (None: any), due on the days from `first` to `last`; in order of due time and id."""
    told = (f"epoch_us({name})" if name in _MOMENTS else name for name in _COLUMNS)
    rows = store.query(
        f"SELECT {', '.join(told)} FROM {VIEW} WHERE {_CHOSEN} "
        "AND ($4::VARCHAR[] IS NULL OR list_contains($4::VARCHAR[], state)) ORDER BY due, id",
        [list(words), first, last, None if states is None else list(states)],
    )
    known = {(item.pack, item.data["id"]): _words(policy, item) for item in policy.obligations()}
    moments = [_COLUMNS.index(name) for name in _MOMENTS]
    moment = cache(_moment)
    found = []
    for row in map(list, rows):
        for place in moments:
            if row[place] is not None:
                row[place] = moment(row[place])
        found.append(Duty(*row, *known[row[2], row[1]]))
    return found


def _moment(microseconds: int) -> datetime.datetime:
    return _EPOCH + datetime.timedelta(microseconds=microseconds)


def tally(
    store: Store,
    words: Sequence[str] = (),
    first: datetime.date | None = None,
    last: datetime.date | None = None,
) -> dict[str, int]:
    """How many duties there are in each state, chosen as in `find`."""
    rows = store.query(f"SELECT state, count(*) FROM {VIEW} WHERE {_CHOSEN} GROUP BY state", [list(words), first, last])
    return dict(rows)


def unknown(store: Store, policy: Policy, words: Collection[str]) -> list[str]:
    """Those of the words that name no obligation, no record and no duty."""
    codes = {item.data["id"] for item in policy.obligations()}
    known = store.query(
        f"SELECT id FROM record_index WHERE list_contains($1::VARCHAR[], id) "
        f"UNION SELECT unnest([id, subject]) FROM {VIEW} WHERE list_has_any([id, subject], $1::VARCHAR[])",
        [list(words)],
    )
    return [word for word in words if word not in codes and (word,) not in known]


def _words(policy: Policy, definition: Definition) -> tuple[Any, ...]:
    data = definition.data

    def roles(key: str) -> tuple[Text, ...]:
        return tuple(policy.role(definition.pack, role) for role in data.get(key, ()))

    return definition.text("title") or Text("", ""), data["deadline"], roles("owner"), roles("escalate")
