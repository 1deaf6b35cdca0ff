"""Policies: which pack rules what from when, and of each pack its document, words, roles, parameters and clauses."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kelu import trace
from kelu.finding import Text
from kelu.pages import clause
from kelu.pages.clause import Shelf
from kelu.pages.parameter import Wording
from kelu.policy import Definition, Pack, Policy
from kelu.privacy import Directory
from kelu.schema import Schemas


@dataclass(frozen=True, slots=True)
class Ruling:
    """A pack that rules a domain."""

    domain: Text
    pack: str
    title: Text
    page: str


@dataclass(frozen=True, slots=True)
class Step:
    """The composition from a day on; `now` marks the one in force."""

    since: str
    now: bool
    rulings: tuple[Ruling, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """A pack agreed with one customer or project for a domain."""

    record: str
    name: str
    since: str
    until: str
    ruling: Ruling


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled line: a term, a role or a parameter. `value` is what the pack says, `more` what else belongs to it."""

    label: Text
    value: Text
    more: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters under one heading: the pack's own, and those it takes from the defaults."""

    title: Text
    own: tuple[Row, ...]
    taken: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class View:
    """Everything a pack's page shows. `ruling` are the domains it rules now; `sizes` count what it defines, `counts`
    tells of its clauses."""

    name: str
    page: str
    title: Text
    status: Text
    data: Mapping[str, Any]
    ruling: tuple[Text, ...]
    basis: str
    sizes: Mapping[str, int]
    terms: tuple[Row, ...]
    roles: tuple[Row, ...]
    groups: tuple[Group, ...]
    clauses: tuple[clause.View, ...]
    counts: Mapping[str, int]
    discrepancies: tuple[Discrepancy, ...]


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A place where the text of a source policy does not agree with itself or another, and what is made of it."""

    no: int
    where: str
    text: Text
    treatment: Text
    pack: str
    page: str


@dataclass(frozen=True, slots=True)
class Overview:
    """The composition, what is agreed apart from it, and the packs: those with clauses first."""

    steps: tuple[Step, ...]
    agreements: tuple[Agreement, ...]
    packs: tuple[View, ...]
    discrepancies: tuple[Discrepancy, ...]


def overview(
    policy: Policy,
    schemas: Schemas,
    clauses: Sequence[trace.Clause],
    today: datetime.date,
    shelf: Shelf,
    names: Directory,
    words: Mapping[str, Any],
) -> Overview:
    """What the pages on policies show. `clauses` are traced at the moment whose day is `today`."""
    desk = _Desk(policy, schemas, shelf, names, words, today, Wording(policy, schemas, words))
    ruling = [pack for _, pack, since, _ in policy.composition() if since <= today.isoformat()]
    packs = sorted(
        policy.packs.values(),
        key=lambda pack: (not pack.clauses, ruling.index(pack.name) if pack.name in ruling else len(ruling), pack.name),
    )
    views = tuple(desk.view(pack, [item for item in clauses if item.pack == pack.name]) for pack in packs)
    return Overview(
        tuple(desk.steps()),
        tuple(desk.agreements()),
        views,
        tuple(sorted((item for view in views for item in view.discrepancies), key=lambda item: item.no)),
    )


@dataclass(frozen=True, slots=True)
class _Desk:
    policy: Policy
    schemas: Schemas
    shelf: Shelf
    names: Directory
    words: Mapping[str, Any]
    today: datetime.date
    wording: Wording

    def steps(self) -> Iterator[Step]:
        """Newest first."""
        day = self.today.isoformat()
        days = sorted({str(step["from"]) for step in self.policy.timeline}, reverse=True)
        now = next((since for since in days if since <= day), None)
        for since in days:
            entry = next(step for step in self.policy.timeline if str(step["from"]) == since)
            rulings = tuple(self._ruling(domain, pack) for domain, pack in entry.items() if domain != "from")
            yield Step(since, since == now, rulings)

    def agreements(self) -> Iterator[Agreement]:
        for entry in self.policy.allowances:
            record = str(entry.get("project") or entry.get("customer"))
            known = self.names.titles.get(record)
            name = "" if known is None or known.restricted else known.title
            ruling = self._ruling(entry["domain"], entry["pack"])
            yield Agreement(record if known else "", name or record, entry["from"], entry.get("to", ""), ruling)

    def view(self, pack: Pack, traced: Sequence[trace.Clause]) -> View:
        data = pack.source.data
        domains = [domain for domain in data.get("domains", ()) if self.policy.in_force(pack.name, domain, self.today)]
        shown = tuple(clause.views(traced, self.shelf, self.names, Text.of(self.words["mark"]["restricted"])))
        return View(
            name=pack.name,
            page=f"{clause.page_of(pack.name)}.html",
            title=pack.title,
            status=self.wording.named("status", data["status"]),
            data=data,
            ruling=tuple(self.wording.named("domains", domain) for domain in domains),
            basis="common" if pack.name == self.policy.common else
                  "defaults" if pack.name == self.policy.defaults else "policy",
            sizes={name: len(getattr(pack, name)) for name in self.words["policy"]["content"]},
            terms=tuple(self._rows("terms", data)),
            roles=tuple(self._rows("roles", data)),
            groups=tuple(self._groups(pack)),
            clauses=shown,
            counts=clause.tally(shown),
            discrepancies=tuple(_discrepancy(item) for item in pack.discrepancies),
        )  # fmt: skip

    def _ruling(self, domain: str, pack: str) -> Ruling:
        title = self.names.packs.get(pack, Text.same(pack))
        return Ruling(self.wording.named("domains", domain), pack, title, f"{clause.page_of(pack)}.html")

    def _rows(self, section: str, data: Mapping[str, Any]) -> Iterator[Row]:
        for key, called in data.get(section, {}).items():
            label = trace.labelled(self.schemas, section, key)[-1][0]
            yield Row(label, Text.of(called), "、".join(called.get("also", ())))

    def _groups(self, pack: Pack) -> Iterator[Group]:
        found: dict[str, dict[bool, list[Row]]] = {}
        for holder, key, value, origin in self.policy.parameters():
            if holder != pack.name or (pack.name == self.policy.common):
                continue
            first, _, rest = key.partition(".")
            own = origin == pack.name
            rows = found.setdefault(first if rest else "", {True: [], False: []})
            steps = self.wording.steps(pack.name, key)
            label = Text.joined(steps[1:] or steps, " · ", " · ")
            rows[own].append(Row(label, self.wording.value(pack.name, key, value), key))
        for first, rows in found.items():
            title = trace.labelled(self.schemas, "parameters", first)[0][0] if first else None
            yield Group(title or Text.of(self.words["policy"]["general"]), tuple(rows[True]), tuple(rows[False]))


def _discrepancy(item: Definition) -> Discrepancy:
    text, treatment = item.text("text"), item.text("treatment")
    assert text is not None, item.place
    assert treatment is not None, item.place
    where = str(item.data["where"])
    return Discrepancy(int(item.data["no"]), where, text, treatment, item.pack, f"{clause.page_of(item.pack)}.html")
