"""Duties as the site shows them: what is owed, to whom, until when, and what shows that it was done."""

from __future__ import annotations

import datetime
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any
from urllib.parse import quote

from kelu import duty, obligation, privacy
from kelu.duty import Duty
from kelu.finding import Text
from kelu.formats import DUTY_FORMATS
from kelu.formats import Frame as Calendar
from kelu.pages import cells, clause
from kelu.pages.cells import Cell, Held
from kelu.pages.clause import Record
from kelu.pages.figure import Names, period_text
from kelu.pages.parameter import Setting, Settings
from kelu.periods import day_of, deadline
from kelu.policy import Definition, Policy
from kelu.privacy import Directory
from kelu.schema import Schemas
from kelu.store import Store

FOLDER = "duty"
SHOWN = 200  # rows of one page; the ledger holds them all
_PERIOD = re.compile(r"[0-9]{4}(-(H[12]|Q[1-4]|W?[0-9]{2}))?")


@dataclass(frozen=True, slots=True)
class Line:
    """A duty, ready to print. `days` from its deadline to its fulfilment or to now, negative before; `page` is where
    it stands, from the root of the site. Of what concerns a restricted record only that record's id is left."""

    duty: Duty
    state: Text
    subject: Record
    customer: Record | None
    project: Record | None
    record: Record | None
    period: Text | None
    due: str
    done: str
    days: int
    page: str


@dataclass(frozen=True, slots=True)
class Section:
    """Duties in one state: the first of `count`."""

    code: str
    state: Text
    count: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What one pack asks for."""

    pack: str
    pack_title: Text
    page: str
    data: Mapping[str, Any]
    title: Text
    note: Text | None
    domain: Text | None
    owner: tuple[Text, ...]
    escalate: tuple[Text, ...]
    settings: tuple[Setting, ...]
    rule: str


@dataclass(frozen=True, slots=True)
class View:
    """An obligation with its duties: `counts` by state, `sections` as far as a page holds them."""

    code: str
    title: Text
    asked: tuple[Asked, ...]
    counts: Mapping[str, int]
    total: int
    sections: tuple[Section, ...]

    @property
    def page(self) -> str:
        return f"{FOLDER}/{self.code}.html"

    @property
    def shown(self) -> int:
        """How many duties stand on the page."""
        return sum(len(section.lines) for section in self.sections)


@dataclass(frozen=True, slots=True)
class Waiver:
    """A duty that need not be kept, by whose approval and why; `reason` is empty where its record is restricted."""

    code: str
    title: Text
    page: str
    subject: Record
    period: Text | None
    reason: str
    approved_by: str
    approved_on: str


@dataclass(frozen=True, slots=True)
class Board:
    """Everything the site says of duties."""

    states: Mapping[str, Text]
    lines: tuple[Line, ...]  # what is still to be done first, the most pressing of it first
    counts: Mapping[str, int]
    views: tuple[View, ...]
    waivers: tuple[Waiver, ...]
    groups: tuple[tuple[Text, str, tuple[View, ...]], ...]  # (pack's title, its page, obligations)
    places: Mapping[str, str]  # duty -> page

    def section(self, state: str, limit: int = SHOWN) -> Section:
        """The duties in one state."""
        held = [line for line in self.lines if line.duty.state == state]
        return Section(state, self.states[state], len(held), tuple(held[:limit]))


def gather(store: Store, policy: Policy, schemas: Schemas, names: Names, moment: datetime.datetime) -> Board:
    """The duties as known at `moment`, from a store laid for it, past privacy."""
    vocabulary = policy.vocabularies()
    states = {code: Text(zh, en) for _, name, code, zh, en, _ in vocabulary if name == "duty_state"}
    asked: dict[str, list[Definition]] = defaultdict(list)
    for definition in obligation.definitions(policy).values():
        asked[definition.data["id"]].append(definition)
    lines = tuple(_lines(_ordered(duty.find(store, policy)), states, names, moment))
    held: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        held[line.duty.obligation].append(line)
    settings = Settings(policy, schemas, names.words)
    views = tuple(
        _view(
            code,
            [_asked(item, policy, schemas, names, settings) for item in _leading(items, held[code])],
            held[code],
            states,
        )
        for code, items in sorted(asked.items())
    )
    return Board(
        states=states,
        lines=lines,
        counts=Counter(line.duty.state for line in lines),
        views=views,
        waivers=tuple(_waivers(policy, views, names)),
        groups=tuple(_groups(views)),
        places={line.duty.id: line.page for line in lines},
    )


def _leading(items: Iterable[Definition], lines: Iterable[Line]) -> list[Definition]:
    """Of several packs that ask for the same, the one with the most duties first: its title is the page's."""
    counts = Counter(line.duty.pack for line in lines)
    return sorted(items, key=lambda item: -counts[item.pack])


def _ordered(found: Sequence[Duty]) -> list[Duty]:
    """What is still to be done by state and deadline; then what was not done as it should; of these and the rest the
    latest first."""
    ahead = sorted((item for item in found if item.state in duty.AHEAD), key=lambda item: duty.AHEAD.index(item.state))
    settled = sorted((item for item in found if item.state not in duty.AHEAD), key=lambda item: item.due, reverse=True)
    return [*ahead, *sorted(settled, key=lambda item: item.state == "satisfied")]


def _lines(found: Iterable[Duty], states: Mapping[str, Text], names: Names, now: datetime.datetime) -> Iterator[Line]:
    listed: Counter[str] = Counter()
    company = Text.of(names.words["duty"]["company"])
    restricted = Text.of(names.words["mark"]["restricted"])

    @cache
    def named(name: str | None) -> Record | None:
        return clause.record(name, names.directory, restricted) if name else None

    written, day, period = cache(_written), cache(day_of), cache(lambda code: _period(code, names.words))
    for whole in found:
        item = _published(whole, names)
        listed[item.obligation] += 1
        subject = named(item.subject) or Record("", None, linked=False)
        if item.subject == obligation.COMPANY:
            subject = Record("", company, linked=False)
        page = f"{FOLDER}/{item.obligation}.html"
        if listed[item.obligation] <= SHOWN:
            page += f"#{quote(item.id)}"
        elif subject.linked:
            page = f"records/{subject.id}.html"
        yield Line(
            duty=item,
            state=states[item.state],
            subject=subject,
            customer=named(item.customer),
            project=named(item.project),
            record=named(item.record),
            period=period(item.period),
            due=written(item.due),
            done=written(item.done_at) if item.done_at else "",
            days=(day(item.done_at or now) - day(item.due)).days,
            page=page,
        )


def _written(moment: datetime.datetime) -> str:
    """The day of a moment, with the time unless it is the beginning or end of the day, as of all known by a day."""
    return deadline(moment).removesuffix(" 00:00")


def _published(item: Duty, names: Names) -> Duty:
    """A duty without what a restricted record would tell by it; its approver by name."""
    titles = names.directory.titles
    if item.subject in titles and titles[item.subject].restricted:
        item = replace(item, customer=None, project=None, department=None, record=None)
    if item.record in titles and titles[str(item.record)].restricted:
        item = replace(item, record=None)
    return (
        replace(item, waived_by=names.directory.staff.get(item.waived_by, item.waived_by)) if item.waived_by else item
    )


def _view(code: str, asked: Sequence[Asked], lines: Sequence[Line], states: Mapping[str, Text]) -> View:
    counts = Counter(line.duty.state for line in lines)
    sections = []
    for state in states:
        shown = tuple(line for line in lines[:SHOWN] if line.duty.state == state)
        if shown:
            sections.append(Section(state, states[state], counts[state], shown))
    return View(code, asked[0].title, tuple(asked), counts, len(lines), tuple(sections))


def _asked(item: Definition, policy: Policy, schemas: Schemas, names: Names, settings: Settings) -> Asked:
    data, title = item.data, item.text("title")
    assert title is not None, item.place
    domains = schemas.raw["pack"]["properties"]["domains"]["items"]["x-labels"]
    rule = "\n".join(f"{key}: {value}" for key, value in _spelled(data))
    return Asked(
        pack=item.pack,
        pack_title=names.directory.packs.get(item.pack, Text.same(item.pack)),
        page=f"{clause.page_of(item.pack)}.html",
        data=data,
        title=title,
        note=item.text("note"),
        domain=Text.of(domains[data["domain"]]) if "domain" in data else None,
        owner=tuple(policy.role(item.pack, role) for role in data["owner"]),
        escalate=tuple(policy.role(item.pack, role) for role in data.get("escalate", ())),
        settings=settings.used(rule, item.pack),
        rule=rule,
    )


def _spelled(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The definition's SQL by the names of its keys."""
    for key in ("from", "where", "subject", "period", "since", "opens", "due", "grace", "remind"):
        if key in data:
            yield key, " ".join(str(data[key]).split())
    for entry in data["evidence"] if isinstance(data["evidence"], list) else [data["evidence"]]:
        yield "evidence", "; ".join(f"{key}: {' '.join(str(value).split())}" for key, value in entry.items())


def _waivers(policy: Policy, views: Sequence[View], names: Names) -> Iterator[Waiver]:
    """Newest approval first."""
    known = {view.code: view for view in views}
    restricted = Text.of(names.words["mark"]["restricted"])
    company = Text.of(names.words["duty"]["company"])
    for item in sorted(policy.waivers, key=lambda item: (str(item["approved_on"]), str(item["rule"])), reverse=True):
        if item["rule"] not in known:
            continue
        view, subject = known[item["rule"]], clause.record(item["subject"], names.directory, restricted)
        if item["subject"] == obligation.COMPANY:
            subject = Record("", company, linked=False)
        secret = subject.linked and names.directory.titles[subject.id].restricted
        yield Waiver(
            view.code, view.title, view.page, subject, _period(item.get("period"), names.words),
            "" if secret else privacy.mask_text(item["reason"], names.directory.identifiers),
            names.directory.staff.get(item["approved_by"], item["approved_by"]), str(item["approved_on"]),
        )  # fmt: skip


def _groups(views: Sequence[View]) -> Iterator[tuple[Text, str, tuple[View, ...]]]:
    """Obligations under the pack that asks for them; of several packs, the first."""
    found: dict[tuple[Text, str], list[View]] = defaultdict(list)
    for view in views:
        found[view.asked[0].pack_title, view.asked[0].page].append(view)
    for (title, page), members in found.items():
        yield title, page, tuple(members)


# --- on the pages of records -----------------------------------------------------------------------------------


def concerned(line: Line) -> set[str]:
    """The records that a duty is about: its subject, and the customer and project that it belongs to."""
    return {item.id for item in (line.subject, line.customer, line.project) if item and item.linked}


def about(board: Board, only: Collection[str] | None = None) -> dict[str, list[Section]]:
    """For each record (of these) the duties about it: those it is the subject of and, of a customer or project, all of
    its."""
    found: dict[str, dict[str, list[Line]]] = defaultdict(lambda: defaultdict(list))
    for line in board.lines:
        for record in concerned(line):
            if only is None or record in only:
                found[record][line.duty.state].append(line)
    return {
        record: [
            Section(state, label, len(by_state[state]), tuple(by_state[state]))
            for state, label in board.states.items()
            if state in by_state
        ]
        for record, by_state in found.items()
    }


def shown_by(board: Board, only: Collection[str] | None = None) -> dict[str, list[Line]]:
    """For each record (of these) the duties that it shows done."""
    found: dict[str, list[Line]] = defaultdict(list)
    for line in board.lines:
        if line.record is not None and line.record.id != line.subject.id and (only is None or line.record.id in only):
            found[line.record.id].append(line)
    return found


# --- to download -----------------------------------------------------------------------------------------------


def columns(board: Board, directory: Directory, words: Mapping[str, Any], limit: int | None) -> dict[str, Held]:
    """What the columns of the ledger hold by their names, in the first rows or in all."""
    basis = {code: Text.of(label) for code, label in words["target_basis"].items()}
    linked, joined = cache(_linked), cache(Text.joined)
    titled = cache(lambda code, title: {"id": code, "title": title})
    department = cache(partial(_department, directory))
    cell: dict[str, Callable[[Line], Cell]] = {
        "due": lambda line: line.due,
        "state": lambda line: line.state,
        "obligation": lambda line: titled(line.duty.obligation, line.duty.title),
        "subject": lambda line: linked(line.subject),
        "period": lambda line: line.period,
        "customer": lambda line: linked(line.customer),
        "project": lambda line: linked(line.project),
        "department": lambda line: department(line.duty.pack, line.duty.department),
        "done": lambda line: line.done or None,
        "record": lambda line: linked(line.record),
        "days": lambda line: line.days if line.done or line.days > 0 else None,
        "owner": lambda line: joined(line.duty.owner),
        "escalate": lambda line: joined(line.duty.escalate),
        "basis": lambda line: basis[line.duty.basis],
        "clause": lambda line: line.duty.clause,
        "pack": lambda line: line.duty.pack,
        "id": lambda line: line.duty.id,
    }
    return {name: cells.held(map(of, board.lines[:limit])) for name, of in cell.items()}


def _linked(record: Record | None) -> Any:
    if record is None:
        return None
    return {"id": record.id, "title": record.title or ""} if record.linked else record.title or record.id


def _department(names: Directory, pack: str, code: str | None) -> Text | None:
    return None if code is None else names.term(pack, "department", code) or Text.same(code)


def calendar(board: Board, names: Directory, moment: datetime.datetime, commit: str) -> bytes:
    """What is still to be done, for calendar programs."""
    ahead = [line.duty for line in board.lines if line.duty.state in duty.AHEAD]
    titles = {name: title.title for name, title in names.titles.items()}
    return DUTY_FORMATS["ics"](ahead, Calendar(moment, commit, board.counts, board.states, titles, "zh")).encode()


def _period(period: str | None, words: Mapping[str, Any]) -> Text | None:
    """A calendar period or a stage (`measure-2`, `2026-review`, a bare number) in words."""
    if not period or _PERIOD.fullmatch(period):
        return period_text(period) if period else None
    stages = words["duty"]["stage"]
    parts = [Text.of(stages[part]) if part in stages else Text.same(part) for part in re.split("[-/]", period)]
    return Text.joined(parts, " ", " ")
