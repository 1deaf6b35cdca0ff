"""Rounds: what recurs — acceptances, surveys and call-backs, meetings of all kinds — and the actions that follow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from kelu.demo.cases import action
from kelu.demo.ground import ADOPTED, FIRST, LAST, Chance, Contact, Customer, Incident, Project, World
from kelu.demo.prose import Draft
from kelu.periods import SHANGHAI

_DAY = timedelta(days=1)
_SETTLED = timedelta(days=120)  # after so long, every complaint and action of a project is closed
_SHEET = 4  # calls on one call-back sheet at most
_SHARE_OF_CALLBACKS = 0.6
# kind, topic, whether the customer confirms the minutes, chance
_MEETINGS = (
    ("requirements", "meeting-requirements", True, 5), ("sla_review", "meeting-sla", True, 4),
    ("exec_briefing", "meeting-exec", True, 3), ("training", "meeting-training", False, 3),
    ("satisfaction_improvement", "meeting-improvement", False, 2), ("topic", "meeting-topic", True, 3),
)  # fmt: skip
_EXTRA = {"sla_review": "contract_change", "exec_briefing": "exec_briefing", "training": "training"}
_KINDS = tuple(entry for entry in _MEETINGS for _ in range(entry[3]))


def accept(world: World, projects: Sequence[Project]) -> None:
    """An acceptance meeting for every project whose service has ended, while the budget lasts."""
    for project in projects:
        held = world.clock.after(world.clock.office(project.until), world.dice.between(1, 9))
        if project.draft.values["service_to"] > project.until or held + 12 * _DAY > LAST:
            continue
        if world.left["meeting"] < 2 or world.left["survey"] < 2:
            return
        result = world.say("acceptance_result", "project")
        meeting = meet(world, project, "acceptance", "meeting-acceptance", held, confirmed=True)
        meeting.values |= {"signed_on": held.date(), "acceptance_result": result}
        meeting.blocks |= {"acceptance"}
        project.accepted_on = held.date()
        project.draft.values |= {
            "accepted_on": held.date(), "meeting": meeting, "acceptance_result": result, "status": "accepted",
            "accepted_at": meeting.values["minutes_at"],
        }  # fmt: skip
        project.draft.blocks ^= {"open", "accepted"}


def surveys(
    world: World, projects: Sequence[Project], customers: Sequence[Customer], incidents: Sequence[Incident],
    complaints: Sequence[Draft],
) -> None:  # fmt: skip
    """Project and company surveys, their re-surveys, follow-ups of complaints, and call-back sheets for the rest."""
    callbacks = int(world.left["survey"] * _SHARE_OF_CALLBACKS)
    for project in projects:
        if project.accepted_on is not None and world.left["survey"] > callbacks + 1:
            issued = world.clock.after(world.clock.office(project.accepted_on), world.dice.between(1, 12))
            if issued + 30 * _DAY < LAST:
                _questionnaire(world, project, "project", issued)
                project.surveyed = True
                if issued + _SETTLED < LAST:
                    project.draft.values |= {"status": "closed", "settled_at": issued + _SETTLED}
    led: dict[Customer, Project] = {}
    for project in projects:
        led.setdefault(project.customer, project)
    for customer in customers:
        for year in range(FIRST.year, LAST.year + 1):
            issued = world.clock.office(date(year, world.dice.between(3, 11), world.dice.between(1, 28)))
            if customer in led and customer.company and issued > customer.draft.at and issued + 30 * _DAY < LAST \
                    and world.left["survey"] > callbacks + 1:  # fmt: skip
                _questionnaire(world, led[customer], "company", issued)
    for complaint in world.dice.shuffled(complaints):
        if complaint.values["status"] == "closed" and world.left["survey"] > callbacks:
            _follow_up(world, complaint)
    _call_back(world, incidents)


def _questionnaire(world: World, project: Project, kind: str, issued: datetime, first: Draft | None = None) -> Draft:
    clock, dice, customer = world.clock, world.dice, project.customer
    contacts = [customer.contact(dice, "key"), *([customer.contact(dice, "executive")] if dice.happens(0.5) else [])]
    low = first is None and issued + 75 * _DAY < LAST and dice.happens(0.06) and world.may_add("action")
    returned = clock.after(issued, dice.between(1, 7))
    if first is not None and returned.month != issued.month:
        returned = clock.after(issued, 0)
    initial = clock.after(returned, dice.between(1, 2))
    analysed = clock.after(initial, 1)
    closed = clock.after(analysed, dice.between(0, 3))
    draft = _survey(world, "customer", kind, f"survey-{kind}", issued, {
        "template": first.values["template"] if first else f"tfdl-{kind}/v1", "customer": customer.draft,
        "campaign": f"{issued.year}-{kind}", "short_name": customer.short_name, "project": project.draft,
        "due_on": clock.due(issued.date(), 10), "issued_count": len(contacts) + dice.below(2),
        "responses": _sheets(world, contacts, returned, low=low), "initial_at": initial, "analysed_at": analysed,
        "closed_at": closed, "returned_at": returned, "resurvey_of": first, "analyst": world.person("qa_admin"),
    })  # fmt: skip
    draft.blocks |= {"due", "returned", "initial", "analysed", "closed"}
    if first is not None:
        draft.blocks |= {"resurvey"} | ({"project"} & first.blocks)
    elif kind == "project":
        draft.blocks.add("project")
    if low:
        _improve(world, draft, project, contacts[0], analysed, returned)
    return draft


def _sheets(world: World, contacts: Sequence[Contact], returned: datetime, *, low: bool) -> list[Any]:
    dice = world.dice
    parts = []
    for number, contact in enumerate(contacts, 1):
        grades = {name: dice.pick((5, 5, 5, 4)) for name in ("quality", "competence", "discipline", "security")}
        part = {"no": number, "respondent": contact, "returned_on": returned.date(), **grades}
        parts.append(("low_sheet" if low and number == 1 else "sheet", part))
    return parts


def _improve(
    world: World, survey: Draft, project: Project, contact: Contact, analysed: datetime, returned: datetime
) -> None:
    """A score below the line: an action, and a second survey in the month after."""
    due = world.clock.due(analysed.date(), world.dice.between(10, 20))
    survey.topics = ("low", *survey.topics)
    survey.values["action"] = action(
        world, survey, project, contact, "survey", "improvement", "tfdl-08-03@V1.2", analysed, due
    )
    month = (returned.date().replace(day=1) + timedelta(days=32)).replace(day=1)
    survey.values |= {"resurvey_month": f"{month:%Y-%m}", "feedback_at": world.clock.after(analysed, 0)}
    survey.values["closed_at"] = world.clock.after(survey.values["feedback_at"], 1)
    survey.blocks.add("follow_up")
    again = world.clock.office(month + world.dice.between(9, 15) * _DAY)
    _questionnaire(world, project, "resurvey", again, survey)


def _follow_up(world: World, complaint: Draft) -> None:
    clock, dice = world.clock, world.dice
    issued = clock.after(complaint.values["closed_at"], dice.between(2, 10))
    if issued + 5 * _DAY > LAST:
        return
    analysed = clock.after(issued, 1)
    grade, respondent = dice.pick((4, 5, 5)), complaint.values["contact"]
    part = {"no": 1, "respondent": respondent, "returned_on": issued.date(), "overall": grade}
    draft = _survey(world, "customer", "complaint_followup", "survey-followup", issued, {
        "template": "tfdl-followup/v1", "customer": complaint.values["customer"],
        "campaign": f"{issued.year}-followup", "complaint": complaint, "due_on": clock.due(issued.date(), 2),
        "returned_at": issued + timedelta(minutes=20),
        "issued_count": 1, "responses": [("overall", part)], "analyst": world.person("qa_admin"),
        "initial_at": clock.minutes_after(issued, 30, 90), "analysed_at": analysed,
        "closed_at": clock.after(analysed, 0),
    })  # fmt: skip
    draft.blocks |= {"complaint", "due", "returned", "initial", "analysed", "closed"}


def _call_back(world: World, incidents: Sequence[Incident]) -> None:
    """Call-back sheets for the incidents closed in a week, called on the Monday after (08-03:4.1(3)).

    Every incident in scope since duties are kept, the latest first; before that a sample.
    """
    weeks: dict[tuple[int, int], list[Incident]] = defaultdict(list)
    for incident in incidents:
        if incident.project.draft.values["callbacks"]:
            year, week, _ = incident.draft.at.isocalendar()
            weeks[year, week].append(incident)
    known = [key for key in sorted(weeks) if date.fromisocalendar(*key, 7) < LAST.date() - 2 * _DAY]
    since = ADOPTED.isocalendar()[:2]
    for key in reversed(known):
        while key >= since and weeks[key] and world.may_add("survey"):
            _sheet(world, key, [weeks[key].pop() for _ in range(min(_SHEET, len(weeks[key])))])
    order = world.dice.shuffled([key for key in known if weeks[key]])
    while order and world.may_add("survey"):
        for key in order:
            if weeks[key] and world.may_add("survey"):
                _sheet(world, key, [weeks[key].pop() for _ in range(min(_SHEET, len(weeks[key])))])
        order = [key for key in order if weeks[key]]


def _sheet(world: World, week: tuple[int, int], incidents: Sequence[Incident]) -> None:
    clock, dice = world.clock, world.dice
    issued = clock.office(date.fromisocalendar(*week, 7) + _DAY)
    called, parts = issued, []
    for number, incident in enumerate(incidents, 1):
        called = clock.minutes_after(called, 3, 9)
        part = {
            "no": number, "incident": incident.draft, "called_at": called, "attempts": dice.pick((1, 1, 1, 2)),
            "respondent": incident.contact, "returned_on": called.date(), "overall": dice.pick((4, 5, 5, 5)),
        }  # fmt: skip
        parts.append(("missed" if dice.happens(0.12) else "called", part))
    initial = clock.minutes_after(called, 60, 120)
    analysed = clock.after(initial, 1)
    draft = _survey(world, "week", "incident_callback", "survey-callback", issued, {
        "template": "tfdl-callback/v1", "campaign": f"{issued.year}-callback", "week": f"{week[0]}-W{week[1]:02d}",
        "week_year": week[0], "week_number": week[1], "issued_count": len(parts), "responses": parts,
        "initial_at": initial, "analysed_at": analysed, "closed_at": clock.after(analysed, 0), "returned_at": called,
        "analyst": world.person("qa_admin"),
    })  # fmt: skip
    draft.blocks |= {"returned", "initial", "analysed", "closed"}


def _survey(world: World, subject: str, kind: str, topic: str, issued: datetime, values: dict[str, Any]) -> Draft:
    by = world.person("service_desk")
    desk = next(str(person["department"]) for person in world.staff if person["id"] == by)
    values |= {
        "kind": kind, "status": "closed", "conducted_by": by, "department": desk, "issued_on": issued.date(),
        "registered_at": issued,
    }  # fmt: skip
    return world.add(Draft("survey", issued, (topic,), values, {"head", subject, "issued", "count", "tail"}))


# --- meetings and what is left ---------------------------------------------------------------------------


def promised(world: World, projects: Sequence[Project]) -> None:
    """What a project begins with — a meeting on needs, a training where it is in scope — and the company's quarters."""
    for quarter in (2, 5, 8):
        _coordinate(world, world.clock.office(date(ADOPTED.year, quarter, world.dice.between(8, 26))))
    for project in projects:
        if project.since < ADOPTED:
            continue
        for kind, topic, wanted, low, high in (
            ("requirements", "meeting-requirements", True, 2, 14),
            ("training", "meeting-training", project.draft.values["training"] == "true", 12, 24),
        ):
            held = world.clock.after(world.clock.office(project.since), world.dice.between(low, high))
            if wanted and held + 20 * _DAY < LAST and world.may_add("meeting"):
                meet(world, project, kind, topic, held, confirmed=kind == "requirements")


def _coordinate(world: World, held: datetime) -> None:
    """The process owner speaks with the owners of other processes (SD:2.1)."""
    if not world.may_add("meeting"):
        return
    owner, recorder, minuted = world.person("process_owner"), world.person("qa_admin"), world.clock.after(held, 1)
    values = {
        "kind": "process_review", "status": "closed", "held_from": held, "held_to": held + timedelta(minutes=70),
        "convened_by": owner, "recorder": recorder, "minutes_at": minuted, "closed_at": world.clock.after(minuted, 2),
        "attendees": (owner, recorder, world.person("complaint_handler"), world.person("dept_owner")),
        "registered_at": held - 3 * _DAY, "closer": recorder,
    }  # fmt: skip
    blocks = {"head", "coordination", "mode", "onsite", "times", "attendees", "topics", "third_topic", "minutes"}
    world.add(Draft("meeting", held, ("meeting-process",), values, blocks | {"closure", "tail"}))


def meetings(world: World, chance: Chance, incidents: Sequence[Incident]) -> None:
    """Meetings of every other kind with customers, up to the budget."""
    majors = [incident for incident in incidents if incident.major]
    while world.may_add("meeting"):
        kind, topic, confirmed, _ = world.dice.pick(_KINDS)
        if kind == "topic":
            if not majors:
                continue
            incident = majors.pop(world.dice.below(len(majors)))
            project, held = incident.project, world.clock.after(incident.draft.at, world.dice.between(2, 6))
        else:
            project, day = chance.draw()
            held = world.clock.office(day)
        if held + 20 * _DAY > LAST:
            continue
        draft = meet(world, project, kind, topic, held, confirmed=confirmed)
        if kind == "topic":
            draft.values |= {"trigger_type": "major_incident", "trigger_ref": incident.draft}
            draft.blocks.add("trigger")


def meet(world: World, project: Project, kind: str, topic: str, held: datetime, *, confirmed: bool) -> Draft:
    clock, dice, customer = world.clock, world.dice, project.customer
    convenor = {"satisfaction_improvement": "qa_admin", "exec_briefing": "exec"}.get(kind)
    chair = world.person(convenor) if convenor else project.pm
    recorder = world.person("engineer", project.department)
    minuted = clock.after(held, dice.between(1, 2))
    confirmed_at = clock.after(minuted, dice.between(1, 4))
    closed = clock.after(confirmed_at, dice.between(1, 3))
    guests = [customer.contact(dice, "executive")] if kind == "exec_briefing" else []
    guests += [customer.contact(dice, "key"), customer.contact(dice, "other")]
    hosts = [chair, recorder, world.person("dept_owner", project.department)]
    mode = world.say("mode", topic)
    prepared = held - dice.between(2, 5) * _DAY
    values = {
        "kind": kind, "status": "closed", "customer": customer.draft, "project": project.draft, "mode": mode,
        "short_name": customer.short_name, "held_from": held, "convened_by": chair, "recorder": recorder,
        "pm": project.pm, "closer": project.pm if convenor == "exec" else chair,
        "held_to": held + timedelta(minutes=dice.pick((60, 90, 120))), "prepared_at": prepared,
        "notified_at": prepared + timedelta(minutes=20), "registered_at": prepared + timedelta(minutes=25),
        "attendees": tuple(hosts), "customer_attendees": tuple(guests), "minutes_at": minuted, "trainee": guests[-1],
        "confirm_requested_at": minuted, "confirmed_by": guests[0], "confirmed_at": confirmed_at, "closed_at": closed,
    }  # fmt: skip
    blocks = {"head", "about", "mode", "times", "preparation", "attendees", "customer_attendees", "topics"}
    draft = Draft("meeting", held, (topic,), values, blocks | {"third_topic", "minutes", "closure", "tail"})
    draft.blocks |= ({"onsite"} if mode == "onsite" else set()) | ({"confirmation"} if confirmed else set())
    draft.blocks |= {_EXTRA[kind]} if kind in _EXTRA else set()
    world.add(draft)
    _items(world, draft, project, guests[0], minuted)
    return draft


def _items(world: World, meeting: Draft, project: Project, contact: Contact, minuted: datetime) -> None:
    """What was agreed: an item with an action for far dates, one done at once (R-MTG-05)."""
    if world.dice.happens(0.4) and world.may_add("action"):
        due = world.clock.due(minuted.date(), world.dice.between(10, 25))
        made = action(world, meeting, project, contact, "meeting", "improvement", "tfdl-08-04@V1.2", minuted, due)
        meeting.values |= {"action": made, "item_owner": made.values["owner"], "item_due": due}
        meeting.blocks |= {"action_items", "action_item"}
    if world.dice.happens(0.5):
        due = world.clock.due(minuted.date(), 3)
        done = min(datetime.combine(due, time(17), SHANGHAI), meeting.values["closed_at"] - timedelta(minutes=5))
        meeting.values |= {"inline_due": due, "inline_done": done.date(), "inline_done_at": done}
        meeting.blocks |= {"action_items", "inline_item"}


def actions(world: World, incidents: Sequence[Incident]) -> None:
    """Preventive actions and service orders after incidents, up to the budget."""
    while world.may_add("action"):
        incident = world.dice.pick(incidents)
        issued = world.clock.after(incident.draft.at, world.dice.between(1, 5))
        if issued > LAST:
            continue
        kind, policy = world.dice.pick((("preventive", "tfdl-08-04@V1.2"), ("service_order", "csp-14@A0")))
        due = world.clock.due(issued.date(), world.dice.between(8, 25))
        action(world, incident.draft, incident.project, incident.contact, "incident", kind, policy, issued, due)
