"""Papers: what the company and its customers tell each other between meetings, and the reports it writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import Any

from kelu.demo.cases import action
from kelu.demo.ground import ADOPTED, FIRST, LAST, Chance, Contact, Project, World
from kelu.demo.prose import Draft
from kelu.demo.rounds import meet
from kelu.periods import SHANGHAI

_DAY = timedelta(days=1)
_LATE = 0.05  # of all reports
_MONTHS = {"monthly": 1, "quarterly": 3, "half_yearly": 6}
_INDICATORS = (("AVL", "availability"), ("RSP", "timeliness"), ("FIX", "solved"))
_ITEMS = ("quality", "competence", "discipline", "security")
_DEPARTMENTS = ("营销部", "信息部", "通信部", "综合管理部", "总经部")  # who gets the analysis (08-03:6(1))
_SPOKEN = ("visit",) * 6 + ("requirement", "expectation", "change", "feedback", "inquiry") * 2
_FOLLOWED = ("visit", "requirement", "change")
_INBOUND = ("requirement", "change", "inquiry")


# --- communications --------------------------------------------------------------------------------------


def communications(world: World, chance: Chance, projects: Sequence[Project]) -> None:
    """A notice of the service channels for each project, the latest first; then talks of all kinds."""
    for project in sorted(projects, key=lambda project: project.since, reverse=True):
        told = world.clock.after(world.clock.office(project.draft.values["signed_on"]), world.dice.between(1, 3))
        if world.may_add("communication") and FIRST <= told.date() < LAST.date():
            contact = project.customer.contact(world.dice, "key")
            _talk(world, project, contact, "notice", told).blocks |= {"notice", "settled", "closed"}
    while world.may_add("communication"):
        project, day = chance.draw()
        at = world.clock.office(day)
        if at + 2 * _DAY < LAST:
            contact = project.customer.contact(world.dice)
            _follow(world, _talk(world, project, contact, world.dice.pick(_SPOKEN), at), project, contact)


def _talk(world: World, project: Project, contact: Contact, kind: str, at: datetime) -> Draft:
    clock, topic = world.clock, f"talk-{kind}"
    speaker = world.person("sales") if kind in ("notice", "visit") else project.pm
    noted = clock.minutes_after(at, 10, 90)
    values = {
        "status": "closed", "at": at, "staff": (speaker,), "customer": project.customer.draft, "contact": contact,
        "project": project.draft, "short_name": project.customer.short_name, "closed_at": noted, "kind": kind,
        "direction": "inbound" if kind in _INBOUND else "outbound", "told_at": clock.minutes_after(at, 60, 240),
        "appointment_at": clock.office(at.date() - world.dice.between(2, 6) * _DAY) - 3 * _DAY,
        "registered_by": speaker, "registered_at": noted,
    }  # fmt: skip
    blocks = {"head", "way", "said", "tail"} | ({"topic", "visit", "told"} if kind == "visit" else set())
    return world.add(Draft("communication", at, (topic, "talk"), values, blocks))


def _follow(world: World, talk: Draft, project: Project, contact: Contact) -> None:
    """Some talks end with the call; others are settled days later, some of them by a service order (OB-22)."""
    clock, dice, values = world.clock, world.dice, talk.values
    if values["kind"] not in _FOLLOWED or dice.happens(0.5):
        talk.blocks |= {"settled", "closed"}
        values["closed_at"] = max(values["closed_at"], values["told_at"])
        return
    values["closed_at"] = clock.after(talk.at, dice.between(2, 8))
    talk.blocks |= {"follow", "closed"}
    if world.left["action"] > 1 and dice.happens(0.3):
        due = clock.due(talk.at.date(), dice.between(8, 20))
        order = action(world, talk, project, contact, "communication", "service_order", "csp-14@A0", talk.at, due)
        values |= {"action": order, "closed_at": order.values["closed_at"]}
        talk.blocks.add("followed")
    if values["closed_at"] > LAST:
        values["status"] = "open"
        talk.blocks.remove("closed")


# --- reports ---------------------------------------------------------------------------------------------


def reports(world: World, projects: Sequence[Project], complaints: Sequence[Draft]) -> None:
    """Reports on the cycles of service since duties are kept, the company's own, then on what was before."""
    cycles = [(project, *days) for project in projects for days in _cycles(project)]
    cycles.sort(key=lambda cycle: cycle[2], reverse=True)
    received: dict[Draft, list[Draft]] = defaultdict(list)
    for complaint in complaints:
        received[complaint.values["project"]].append(complaint)
    for project, since, until in (cycle for cycle in cycles if cycle[2] >= ADOPTED):
        _service(world, project, since, until, received[project.draft])
    _analysis(world, projects, ADOPTED, date(ADOPTED.year, 6, 30))
    for month in reversed(range(1, LAST.month)):
        _monthly(world, date(ADOPTED.year, month, 1), complaints)
    for project, since, until in (cycle for cycle in cycles if cycle[2] < ADOPTED):
        _service(world, project, since, until, received[project.draft])
    for month in reversed(range((ADOPTED.year - FIRST.year) * 12)):
        _monthly(world, date(FIRST.year + month // 12, month % 12 + 1, 1), complaints)


def _cycles(project: Project) -> Iterator[tuple[date, date]]:
    """First and last days of the cycles of a project's reports, cut at the ends of its service; past ones only."""
    months, until = _MONTHS[project.draft.values["report_cycle"]], project.draft.values["service_to"]
    begins = project.since.replace(month=(project.since.month - 1) // months * months + 1)
    while begins <= until:
        after = begins.month - 1 + months
        following = date(begins.year + after // 12, after % 12 + 1, 1)
        ends = min(following - _DAY, until)
        if ends >= LAST.date():
            return
        yield max(begins, project.since), ends
        begins = following


def _service(world: World, project: Project, since: date, until: date, complaints: Sequence[Draft]) -> None:
    clock, dice, values = world.clock, world.dice, project.draft.values
    prepared = clock.after(clock.office(until), dice.between(2, 7) + (8 if dice.happens(_LATE) else 0))
    issued = clock.minutes_after(prepared, 140, 300)
    if issued > LAST or not world.may_add("report"):
        return
    rows = []
    for code, name in _INDICATORS:
        target = int(Fraction(values[name]) * 100)
        met = not dice.happens(_LATE)
        actual = dice.between(target, 10_000) if met else target - dice.between(5, 90)
        rows.append(("met" if met else "missed", {"code": code, "target": values[name], "actual": _hundredths(actual)}))
    heard = tuple(
        complaint for complaint in complaints
        if since <= complaint.at.date() <= until and complaint.values["status"] != "void"
    )  # fmt: skip
    contact, confirmed = project.customer.contact(dice, "key"), clock.after(issued, dice.between(1, 8))
    draft = _report(world, "service", since, until, prepared, issued, {
        "kind": "service_report", "prepared_by": project.pm, "customer": project.customer.draft, "rows": rows,
        "approved_by": world.person("dept_owner", project.department), "project": project.draft, "contact": contact,
        "complaints": heard, "incidents": dice.between(4, 60), "requests": dice.between(10, 140),
        "changes": dice.between(0, 16), "confirmed_at": confirmed, "short_name": project.customer.short_name,
        "distribution": [("sent_to", {"to": contact, "issued_at": issued})],
    })  # fmt: skip
    draft.blocks |= {"project", "sla"} | ({"complaints"} if heard else set())
    if confirmed <= LAST and not dice.happens(0.02):
        draft.values["status"] = "confirmed"
        draft.blocks.add("confirmation")


def _monthly(world: World, since: date, complaints: Sequence[Draft]) -> None:
    clock = world.clock
    until = (since + 31 * _DAY).replace(day=1) - _DAY
    prepared = clock.after(clock.office(until), world.dice.between(1, 4))
    if not world.may_add("report"):
        return
    heard = sum(
        since <= complaint.at.date() <= until and not complaint.values.get("void_at", LAST) <= prepared
        for complaint in complaints
    )
    issued, to = clock.minutes_after(prepared, 140, 300), world.person("service_level_manager")
    _report(world, "monthly", since, until, prepared, issued, {
        "kind": "relationship_monthly", "prepared_by": world.person("process_owner"), "as_of": prepared,
        "approved_by": world.person("mgmt_rep"), "figures": [("figure", {"kpi": "CMP-01", "value": heard})],
        "distribution": [("sent_to", {"to": to, "issued_at": issued})],
    }).blocks.add("figures")  # fmt: skip


def _analysis(world: World, projects: Sequence[Project], since: date, until: date) -> None:
    """What the surveys of a half-year say, with the meeting on what must improve (08-03:4.4, 6)."""
    clock = world.clock
    made = [
        survey for survey in world.drafts.get("survey", ())
        if survey.values["kind"] in ("company", "project") and since <= _returned_on(survey) <= until
    ]  # fmt: skip
    if not made or not world.may_add("report"):
        return
    as_of = clock.after(clock.office(until), 8)  # by then the last of them is analysed
    prepared = clock.after(as_of, 2)
    issued = clock.minutes_after(prepared, 140, 300)
    low = [survey for survey in made if "action" in survey.values]
    rates = [Fraction(sum(grades), 5 * len(grades)) for grades in map(list, zip(*_grades(made), strict=True))]
    share = {"kpi": "SAT-01", "num": len(made) - len(low), "den": len(made)}
    share["value"] = _hundredths(_round(Fraction(len(made) - len(low), len(made))))
    degree = {"kpi": "SAT-02", "value": _hundredths(_round(sum(rates, Fraction()) / len(rates)))}
    draft = _report(world, "satisfaction", since, until, prepared, issued, {
        "kind": "satisfaction_analysis", "prepared_by": world.person("qa_admin"), "as_of": as_of,
        "approved_by": world.person("qa_manager"), "year": since.year,
        "figures": [("share", share), ("figure", degree)],
        "distribution": [("sent", {"department": name, "issued_at": issued}) for name in _DEPARTMENTS],
    })  # fmt: skip
    draft.blocks |= {"campaigns", "figures"}
    if low:
        measure = low[0].values["action"]
        draft.values |= {"action": measure, "department": measure.values["department"]}
        draft.blocks.add("issues")
        if world.may_add("meeting"):
            project = next(project for project in projects if project.draft is low[0].values["project"])
            held = clock.after(issued, world.dice.between(3, 9))
            meeting = meet(world, project, "satisfaction_improvement", "meeting-improvement", held, confirmed=False)
            draft.values |= {"meeting": meeting, "invited_at": meeting.values["registered_at"]}
            draft.blocks.add("meeting")


def _returned_on(survey: Draft) -> date:
    days: list[date] = [part["returned_on"] for _, part in survey.values["responses"]]
    return max(days)


def _grades(surveys: Sequence[Draft]) -> Iterator[list[int]]:
    for survey in surveys:
        for block, part in survey.values["responses"]:
            yield [3 if name == "competence" and block == "low_sheet" else part[name] for name in _ITEMS]


def _report(
    world: World, topic: str, since: date, until: date, prepared: datetime, issued: datetime, values: dict[str, Any]
) -> Draft:
    values |= {
        "status": "issued", "from": since, "to": until, "prepared_at": prepared, "issued_at": issued,
        "approved_at": world.clock.minutes_after(prepared, 30, 120),
    }  # fmt: skip
    blocks = {"head", "period", "improvements", "made", "approved", "issued", "tail"}
    return world.add(Draft("report", datetime.combine(until, time(12), SHANGHAI), (f"report-{topic}",), values, blocks))


def _round(share: Fraction) -> int:
    """Hundredths of a percent, half up."""
    return int(share * 10_000 + Fraction(1, 2))


def _hundredths(number: int) -> str:
    return f"{number // 100}.{number % 100:02d}"
