"""People: who the authors of commits are on the staff, as config/staff.yaml stood at the time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kelu.history.step import Act, Unit
from kelu.periods import day_of
from kelu.policy import holds

AUTHORED = ("co-authored-by",)
APPROVED = ("approved-by", "reviewed-by")
Actor = tuple[str, str]  # a person's id, and the day (ISO) on which he acted


@dataclass(frozen=True, slots=True)
class Staff:
    """A version of config/staff.yaml: people by id, ids by mail."""

    people: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    mails: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Staff:
        """The staff of a file's data. Old versions may not obey the schema: an entry at fault is nobody."""
        listed = data.get("staff")
        sound = [person for person in listed if _sound(person)] if isinstance(listed, list) else []
        return cls({one["id"]: one for one in sound}, {one["email"].lower(): one["id"] for one in sound})

    def holds(self, person: str, role: str, day: str) -> bool:
        """Whether a member of staff (id) held a role on a day (ISO)."""
        return person in self.people and holds(self.people[person], role, day)

    def authors(self, acts: Iterable[Act]) -> Iterator[Actor]:
        """Who wrote these commits."""
        for act in acts:
            # A mail that the staff file names is that person's, whatever .mailmap makes of it.
            who = self.mails.get(act.written) or self.mails.get(act.mail)
            if who is not None:
                yield who, day_of(act.authored_at).isoformat()

    def named(self, acts: Iterable[Act], keys: tuple[str, ...]) -> Iterator[Actor]:
        """Whom trailers of these commits name."""
        for act in acts:
            for key, _, mail in act.trailers:
                if key in keys and mail in self.mails:
                    yield self.mails[mail], day_of(act.authored_at).isoformat()

    def actors(self, acts: Iterable[Act]) -> frozenset[Actor]:
        """Who wrote these commits, alone or with others."""
        acts = tuple(acts)
        return frozenset((*self.authors(acts), *self.named(acts, AUTHORED)))

    def approving(self, acts: Iterable[Act]) -> Iterator[Actor]:
        """Whom trailers of these commits name as approving."""
        return self.named(acts, APPROVED)

    def approvers(self, unit: Unit) -> frozenset[Actor]:
        """Who stands up for a unit: the authors of its commits and whom their trailers name as approving."""
        return frozenset((*self.authors(unit.acts), *self.approving(unit.acts)))


def _sound(person: Any) -> bool:
    return (
        isinstance(person, dict)
        and all(isinstance(person.get(key), str) for key in ("id", "email"))
        and isinstance(person.get("roles"), list)
        and all(isinstance(held, dict) and {"role", "from"} <= set(held) for held in person["roles"])
    )
