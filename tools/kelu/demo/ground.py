"""Ground: what everything else refers to — the company's staff, its customers, their projects and the incidents."""

from __future__ import annotations

import hashlib
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from typing import Any

from kelu.demo.dice import Clock, Dice
from kelu.demo.prose import Book, Draft
from kelu.periods import SHANGHAI

FIRST = date(2024, 1, 1)  # the policies rule from this day on
SINCE = datetime.combine(FIRST, time(), SHANGHAI)  # what was known before is founded on, what comes after is told
ADOPTED = date(2026, 1, 1)  # and the company keeps its duties with Kelu from this one on
LAST = datetime(2026, 9, 30, 18, tzinfo=SHANGHAI)  # nothing is known of what happened later
_DAY = timedelta(days=1)
_TERMS = (6, 12, 12, 12, 12, 12, 24)  # months
_PRIORITIES = ("P1", *["P2"] * 9, *["P3"] * 28, *["P4"] * 12)
_AGREED = ("report_cycle", "availability", "timeliness", "solved", "training")
_HOURS = {"P1": 12, "P2": 24, "P3": 48, "P4": 96}  # the longest it takes


@dataclass(slots=True)
class World:
    """What the parts of the plan share: seeded choices, the budget of records left, and the drafts made so far."""

    dice: Dice
    clock: Clock
    book: Book
    staff: Sequence[Mapping[str, Any]]
    left: dict[str, int]
    drafts: dict[str, list[Draft]] = field(default_factory=dict)
    _holders: dict[tuple[str, str | None], list[str]] = field(default_factory=dict)

    def may_add(self, kind: str) -> bool:
        """Whether another record of a type fits into the budget."""
        return self.left[kind] > 0

    def add(self, draft: Draft) -> Draft:
        """Take a draft in, at the cost of one from the budget."""
        self.left[draft.type] -= 1
        self.drafts.setdefault(draft.type, []).append(draft)
        return draft

    def person(self, role: str, department: str | None = None) -> str:
        """A member of staff in a role, of a department where it matters and has one."""
        if (role, department) not in self._holders:
            holders = [person for person in self.staff if any(held["role"] == role for held in person["roles"])]
            near = [person for person in holders if person["department"] == department]
            self._holders[role, department] = [str(person["id"]) for person in near or holders]
        return self.dice.pick(self._holders[role, department])

    def holder(self, role: str) -> str:
        """The first member of staff in a role, without a throw of the dice."""
        return next(str(person["id"]) for person in self.staff if any(held["role"] == role for held in person["roles"]))

    def say(self, name: str, *topics: str, **known: Any) -> str:
        """A line of the word list."""
        return self.book.say(name, topics, self.dice, known)


@dataclass(frozen=True, slots=True, eq=False)
class Customer:
    """A customer with the numbers of its contacts: key persons, then executives, then others."""

    draft: Draft
    company: bool
    key_persons: tuple[str, ...]
    executives: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def short_name(self) -> str:
        return str(self.draft.values["short_name"])

    def contact(self, dice: Dice, kind: str = "all") -> Contact:
        """One of the contacts."""
        groups = {"key": self.key_persons, "executive": self.executives, "other": self.others}
        return Contact(self, dice.pick(groups.get(kind) or (*self.key_persons, *self.executives, *self.others)))


@dataclass(frozen=True, slots=True)
class Contact:
    """A reference to a contact; the customer's id is known only once all drafts are numbered."""

    customer: Customer
    number: str

    def __str__(self) -> str:
        return f"{self.customer.draft.id}/{self.number}"


@dataclass(slots=True, eq=False)
class Project:
    """A project, its days of service as far as they are known, and its acceptance meeting."""

    draft: Draft
    customer: Customer
    since: date
    until: date  # the last day of service, or the last day known
    department: str
    pm: str
    accepted_on: date | None = None
    surveyed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Incident:
    """A closed incident."""

    draft: Draft
    project: Project
    contact: Contact
    reported_at: datetime
    major: bool


def customers(world: World) -> list[Customer]:
    """Customers with two to five contacts each."""
    words, dice = world.book.words["any"], world.dice
    names = dice.shuffled([(city, of) for city in words["city"] for of in words["organisation"]])
    made: list[Customer] = []
    while world.may_add("customer"):
        city, organisation = names[len(made) % len(names)]
        again = len(made) // len(names)
        short = f"{city}{organisation}" + (world.say("branch", number=again) if again else "")
        at = world.clock.office(FIRST + dice.between(-200, -20) * _DAY)
        company = dice.happens(0.4) or not made
        groups: dict[str, list[str]] = {"key": [], "executive": [], "other": []}
        parts: list[tuple[str, dict[str, Any]]] = []
        for kind in ("key", "executive", *["key"] * dice.below(2), *["other"] * dice.below(3)):
            number = f"C{len(parts) + 1:02d}"
            groups[kind].append(number)
            parts.append(("contact", _contact(world, kind, number)))
        draft = Draft("customer", at, ("any",), {
            "name": short, "short_name": short, "tier": "company" if company else "project", "contacts": parts,
            "account_manager": world.person("sales"), "designated_by": world.person("exec"), "key_since": FIRST,
            "registered_at": at,
        }, {"head", "rest"} | ({"key"} if company and dice.happens(0.5) else set()))  # fmt: skip
        world.add(draft)
        made.append(Customer(draft, company, tuple(groups["key"]), tuple(groups["executive"]), tuple(groups["other"])))
    return made


def _contact(world: World, kind: str, number: str) -> dict[str, Any]:
    position = {"key": "key_position", "executive": "top_position", "other": "position"}[kind]
    return {
        "contact_id": number, "position": world.say(position), "key_person": kind != "other",
        "executive": kind == "executive", "phone": f"{world.dice.below(10_000):04d}",
        "person": world.say("surname") + world.say("given"),
    }  # fmt: skip


def projects(world: World, of: Sequence[Customer]) -> list[Project]:
    """Projects over the years, the first of them from the first day; those that ended are accepted at a meeting."""
    made: list[Project] = []
    while world.may_add("project"):
        customer = of[len(made) % len(of)]
        months = 0 if not made else world.dice.below(31)
        since = date(FIRST.year + months // 12, months % 12 + 1, 1)
        end = months + world.dice.pick(_TERMS)
        ends_on = date(FIRST.year + end // 12, end % 12 + 1, 1) - _DAY
        department, pm = _lead(world)
        signed = world.clock.office(since - world.dice.between(8, 30) * _DAY)
        number = len(made) + 1
        draft = Draft("project", datetime.combine(since, time(), SHANGHAI), ("project",), {
            "short_name": customer.short_name, "year": since.year, "customer": customer.draft, "status": "active",
            "contract_no": f"KL-{since.year}-{number:04d}", "signed_on": signed.date(), "service_from": since,
            "service_to": ends_on, "department": department, "pm": pm, "sla_ref": f"SLA-{since.year}-{number:04d} V1.0",
            "reviewed_on": _reviewed(since, ends_on) + world.dice.below(6) * _DAY, "planned_on": ends_on,
            **{name: world.say(name, "project") for name in _AGREED}, "callbacks": world.dice.happens(0.5),
            "manual_on": world.clock.office(since + 10 * _DAY).date(), "registered_by": world.person("sales"),
            "registered_at": world.clock.after(signed, 0),
        }, {"head", "review", "level", "open", "manual", "rest"})  # fmt: skip
        if signed > LAST or draft.values["manual_on"] > LAST.date():
            continue
        world.add(draft)
        project = Project(draft, customer, since, min(ends_on, LAST.date() - _DAY), department, pm)
        made.append(project)
    return made


def _reviewed(since: date, until: date) -> date:
    """The service level agreement is reviewed as service begins and every year of it."""
    again = since.replace(year=since.year + 1)
    return again if again < min(until, LAST.date() - 9 * _DAY) else since


def _lead(world: World) -> tuple[str, str]:
    """The department that leads a project, and its project manager."""
    pm = world.person("pm")
    return next(str(person["department"]) for person in world.staff if person["id"] == pm), pm


class Chance:
    """Draws projects in proportion to their days of service, and a day of service with each."""

    def __init__(self, projects: Sequence[Project], dice: Dice) -> None:
        self._projects = projects
        self._dice = dice
        self._days = list(accumulate((project.until - project.since).days + 1 for project in projects))

    def draw(self) -> tuple[Project, date]:
        day = self._dice.below(self._days[-1])
        place = bisect(self._days, day)
        project = self._projects[place]
        return project, project.until - (self._days[place] - 1 - day) * _DAY


def incidents(world: World, chance: Chance) -> list[Incident]:
    """Incidents of projects in service, all closed."""
    dice = world.dice
    topics = sorted(topic for topic in world.book.words if topic.startswith("incident-"))
    made: list[Incident] = []
    while world.may_add("incident"):
        project, day = chance.draw()
        priority = dice.pick(_PRIORITIES)
        reported = world.clock.any_time(day)
        closed = world.clock.minutes_after(reported, 20, 60 * _HOURS[priority] // dice.between(1, 12))
        registered = world.clock.minutes_after(closed, 5, 180)
        major = priority == "P1" and dice.happens(0.5)
        contact = project.customer.contact(dice)
        draft = Draft("incident", closed, (dice.pick(topics),), {
            "external_ref": f"ITSM-{reported:%Y%m%d}-{len(made) + 1:06d}", "project": project.draft,
            "customer": project.customer.draft, "contact": contact, "priority": priority, "major": major,
            "reported_at": reported, "closed_at": closed, "handled_by": world.person("engineer", project.department),
            "registered_by": world.person("service_desk"), "registered_at": registered, "filed_at": registered + _DAY,
        }, {"head", "sheet"})  # fmt: skip
        if registered > LAST:
            continue
        number = draft.values["external_ref"]
        draft.values |= {"sheet_ref": f"DOC-{number}", "sheet_sum": hashlib.sha256(number.encode()).hexdigest()}
        world.add(draft)
        made.append(Incident(draft, project, contact, reported, major))
    return made
