"""Cases: complaints from reception to closure, with the special meetings and the actions they lead to.

Every step has its time; a case stands at the last step that lies before the last day known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from kelu.demo.ground import LAST, Chance, Contact, Incident, Project, World
from kelu.demo.prose import Draft
from kelu.periods import SHANGHAI

_REPEAT = timedelta(days=180)
_KINDS = ("fast",) * 9 + ("order",) * 8 + ("serious",) * 2 + ("major",)
_OUTCOMES = ("upheld",) * 14 + ("partially_upheld",) * 3 + ("not_upheld",) * 2 + ("withdrawn",)
_BROUGHT = timedelta(minutes=200)  # up to so much later is what a step of a complaint brings with it
_LATE = 0.07  # of all steps take longer than the policy allows
_WITH = {"done": {"progress", "progress_more"}, "closed": {"reported"}}  # what else an action has by then


def complaints(world: World, chance: Chance, incidents: Sequence[Incident]) -> list[Draft]:
    """Complaints up to the budget; those of graver kinds only while meetings and actions are left for them."""
    topics = [name for name, words in world.book.words.items() if "demands" in words]
    made: list[Draft] = []
    while world.may_add("complaint"):
        incident = world.dice.pick(incidents) if world.dice.happens(0.45) else None
        if incident is not None:
            project, occurred = incident.project, incident.reported_at
        else:
            project, day = chance.draw()
            occurred = world.clock.any_time(day)
        received = world.clock.after(occurred, world.dice.between(1, 3))
        if received + timedelta(hours=3) > LAST:
            continue
        kind = world.dice.pick(_KINDS)
        if kind in ("serious", "major") and not world.may_add("meeting"):
            kind = "order"
        topic = world.dice.pick(topics)
        draft = _intake(world, project, incident, topic, occurred, received)
        made.append(world.add(draft))
        if world.dice.happens(0.005):
            _void(world, draft)
        elif kind == "fast":
            _handle_fast(world, draft)
        else:
            _handle(world, draft, project, kind)
    _mark_repeats(made)
    return made


def _intake(
    world: World, project: Project, incident: Incident | None, topic: str, occurred: datetime, received: datetime
) -> Draft:
    dice = world.dice
    written = dice.happens(0.25)
    values = {
        "title": world.say("title", topic), "category": topic, "received_at": received, "occurred_at": occurred,
        "received_by": world.person("service_desk"), "customer": project.customer.draft, "project": project.draft,
        "contact": project.customer.contact(dice), "occurred_month": occurred.month, "occurred_day": occurred.day,
        "occurred_hour": occurred.hour, "reply_by": world.clock.due(received.date(), 3), "handler":
        world.person("complaint_handler"), "registered_at": world.clock.minutes_after(received, 5, 40),
        "department": project.department, "owner": world.person("dept_owner", project.department),
        "status": "registered",
    }  # fmt: skip
    blocks = {"head", "written" if written else "verbal", "subject", "account", "demands", "tail"}
    if written:
        values |= {"written_at": world.clock.minutes_after(received, 10, 60), "channel": "letter"}
    if incident is not None:
        values["incident"] = incident.draft
        blocks.add("incident")
    if dice.happens(0.3):
        mark = f"{topic} {received.isoformat()} {occurred.isoformat()}"
        values |= {
            "evidence_sum": hashlib.sha256(mark.encode()).hexdigest(),
            "evidence_ref": f"DOC-{received:%Y%m%d-%H%M}",
        }
        blocks.add("evidence")
    return Draft("complaint", received, (topic,), values, blocks)


def _void(world: World, draft: Draft) -> None:
    at = world.clock.after(draft.at, 1)
    if at < LAST:
        draft.values |= {"status": "void", "void_at": at, "void_approver": world.person("qa_manager")}
        draft.blocks.add("void")


def _handle_fast(world: World, draft: Draft) -> None:
    """The receiving department settles a minor complaint itself."""
    clock, dice = world.clock, world.dice
    acknowledged = clock.minutes_after(draft.at, 2, 50)
    assessed = clock.minutes_after(acknowledged, 10, 120)
    resolved = clock.after(assessed, _days(world, 0, 2))
    draft.values |= {
        "acknowledged_at": acknowledged, "assessed_at": assessed, "resolved_at": resolved,
        "resolver": draft.values["received_by"], "owner": draft.values["received_by"],
        "receiving_department": world.say("receiving_department"),
    }  # fmt: skip
    draft.values["resolving_department"] = draft.values["receiving_department"]
    steps = [("acknowledged", acknowledged, {"acknowledged"}), ("assessed", assessed, {"assessed_fast"}),
             ("resolved", resolved, {"resolution", "progress"})]  # fmt: skip
    draft.values["progress_at"] = resolved - timedelta(minutes=3)
    _settle(world, draft, steps, dice.pick(_OUTCOMES))


def _handle(world: World, draft: Draft, project: Project, kind: str) -> None:
    """The full way: transfer, assessment, meeting where the severity asks for one, plan, resolution."""
    clock, dice, values = world.clock, world.dice, draft.values
    grave = kind in ("serious", "major")
    acknowledged = clock.minutes_after(draft.at, 5, 60)
    transferred = clock.minutes_after(acknowledged, 2, 20)
    assessed = clock.minutes_after(transferred, 10, 60 if grave else 240)
    met = clock.after(assessed, dice.between(1, 2)) if grave else assessed
    investigated = clock.minutes_after(met, 60, 200) if grave else clock.after(assessed, 1)
    planned = clock.after(investigated, dice.below(2)) if grave else clock.minutes_after(investigated, 30, 120)
    resolved = clock.after(planned, _days(world, 1, 2 if grave else 1))
    values |= {
        "acknowledged_at": acknowledged, "transfer_at": transferred, "assessed_at": assessed, "resolved_at": resolved,
        "ordered_at": clock.minutes_after(assessed, 5, 30), "order_due": clock.due(draft.at.date(), 3),
        "investigated_at": investigated, "investigator": values["owner"], "planned_at": planned,
        "notified_at": clock.minutes_after(planned, 5, 60), "emergency_due": resolved.date(),
        "emergency_done": planned.date(), "plan_approver": world.person("exec" if kind == "major" else "qa_manager"),
        "update_at": clock.minutes_after(assessed, 20, 90), "update_at_2": clock.minutes_after(planned, 10, 60),
        "progress_at": clock.minutes_after(planned, 60, 200), "resolver": values["owner"],
        "progress_at_2": resolved - timedelta(minutes=30), "resolving_department": project.department,
    }  # fmt: skip
    judged = {f"assessed_{kind}", "transfers", "ordered"}
    plan, done = {"investigation", "plan", "plan_approved", "progress"}, {"resolution"}
    if kind == "major":
        judged.add("escalations")
        told = clock.minutes_after(assessed, 2, 20)
        values |= {
            "told_manager_at": told, "told_exec_at": clock.minutes_after(told, 1, 15), "manager":
            world.person("qa_manager"), "exec": world.person("exec"), "media": dice.happens(0.4),
            "decided_at": clock.minutes_after(told, 20, 90), "emergency_plan": dice.happens(0.5),
        }  # fmt: skip
    if grave:
        plan |= {"updates", "updates_more", "meetings"}
        done.add("progress_more")
        if met <= LAST:
            values["special_meeting"] = _special_meeting(world, draft, project, met)
    steps = [("acknowledged", acknowledged, {"acknowledged"}), ("assessed", assessed, judged),
             ("handling", planned, plan), ("resolved", resolved, done)]  # fmt: skip
    outcome = "upheld" if grave else dice.pick(_OUTCOMES)
    if planned <= LAST:
        _add_long_term(world, draft, project, planned, resolved, grave=grave)
    _settle(world, draft, steps, outcome, approved=kind == "major", confirmed=kind == "major" or dice.happens(0.3))


def _add_long_term(
    world: World, draft: Draft, project: Project, planned: datetime, resolved: datetime, *, grave: bool
) -> None:
    due = world.clock.due(planned.date(), world.dice.between(10, 40))
    draft.values["long_due"] = due
    if world.may_add("action") and (grave or world.dice.happens(0.25)):
        kind = world.dice.pick(("corrective", "corrective", "preventive", "improvement"))
        contact = draft.values["contact"]
        draft.values["action"] = action(
            world, draft, project, contact, "complaint", kind, "gsb-141.03@A0", planned, due
        )
        draft.blocks.add("plan_action")
    else:
        draft.values["long_done"] = resolved.date()
        draft.blocks.add("plan_open")


def _settle(
    world: World,
    draft: Draft,
    steps: list[tuple[str, datetime, set[str]]],
    outcome: str,
    *,
    approved: bool = False,
    confirmed: bool = False,
) -> None:
    """Verification, what the customer is told, closure; then cut the case at the last day known."""
    clock, values = world.clock, draft.values
    verified = clock.after(values["resolved_at"], world.dice.between(1, 3))
    reported = clock.minutes_after(verified, 10, 60)
    closed = clock.after(reported, world.dice.below(3))
    values |= {
        "outcome": outcome, "verified_at": verified, "reported_at": reported, "confirmed_at": reported,
        "confirm_requested_at": verified, "approved_at": closed - timedelta(minutes=5),
        "closure_approver": world.person("qa_manager"), "closed_at": closed,
    }  # fmt: skip
    if outcome in ("not_upheld", "withdrawn"):
        draft.topics = (outcome, *draft.topics)
        values["remedies"] = "information"
    told = "confirmation" if confirmed and outcome != "not_upheld" else "report"
    end = {"verification", told, "closure_approved" if approved else "closure"}
    plan = draft.blocks & {"plan_action", "plan_open"}
    draft.blocks -= plan
    for status, at, blocks in [*steps, ("closed", closed, end)]:
        if at + _BROUGHT > LAST:
            return
        values["status"] = status
        draft.blocks |= blocks | (plan if status == "handling" else set())
        if "resolution" in blocks and "plan_open" in draft.blocks:
            draft.blocks ^= {"plan_open", "plan_done"}


def _special_meeting(world: World, draft: Draft, project: Project, met: datetime) -> Draft:
    handler = draft.values["handler"]
    minuted = world.clock.after(met, world.dice.below(2))
    closed, recorder = world.clock.after(minuted, 1), world.person("qa_admin")
    values = {
        "kind": "complaint_special", "customer": project.customer.draft, "project": project.draft, "held_from": met,
        "held_to": met + timedelta(minutes=50), "convened_by": handler, "recorder": recorder, "closer": recorder,
        "trigger_type": "complaint", "trigger_ref": draft, "minutes_at": max(minuted, met + timedelta(minutes=55)),
        "prepared_at": met - timedelta(minutes=90), "notified_at": met - timedelta(minutes=80), "closed_at": closed,
        "attendees": (handler, draft.values["owner"], world.person("qa_manager")),
        "registered_at": met - timedelta(minutes=70), "status": "closed" if closed <= LAST else "held",
    }  # fmt: skip
    blocks = {"head", "about", "mode", "onsite", "times", "trigger", "preparation", "attendees", "tail"}
    if closed <= LAST:
        blocks |= {"topics", "third_topic", "minutes", "closure"}
    return world.add(Draft("meeting", met, ("meeting-complaint",), values, blocks))


def action(
    world: World,
    source: Draft,
    project: Project,
    contact: Contact,
    origin: str,
    kind: str,
    policy: str,
    issued: datetime,
    due: date,
) -> Draft:
    """An action that `source` leads to, as far as it has come by the last day known."""
    clock, dice = world.clock, world.dice
    issuer = world.person({"complaint": "complaint_handler", "survey": "qa_admin"}.get(origin, "pm"))
    last = datetime.combine(due, time(17), SHANGHAI)
    received = clock.after(issued, dice.below(2))
    span = max((last - received).days, 1)
    spare = -dice.between(2, 9) if dice.happens(_LATE) else dice.below(span // 3 + 1)
    completed = max(clock.office(due - timedelta(days=spare)), clock.after(received, 1))
    verified = clock.after(completed, dice.between(1, 3))
    reported = clock.after(verified, 0)
    closed = clock.after(reported, dice.between(1, 2))
    values = {
        "kind": kind, "policy": policy, "sip": dice.happens(0.3), "source": source, "project": project.draft,
        "customer": project.customer.draft, "contact": contact, "department": project.department,
        "owner": world.person("dept_owner", project.department), "issued_by": issuer, "issued_at": issued, "due": due,
        "received_at": received, "progress_at": clock.minutes_after(received, 200, 700), "completed_at": completed,
        "progress_at_2": completed - timedelta(minutes=45), "verified_at": verified, "reported_at": reported,
        "noticed_at": clock.minutes_after(reported, 10, 60), "closed_at": closed, "status": "open",
        "cancelled_at": completed, "manager": world.person("qa_manager"),
    }  # fmt: skip
    draft = Draft("action", issued, (f"action-{origin}",), values, {"head", "task", "tail"})
    if kind == "service_order":
        draft.blocks.add("order")
    if origin == "incident" and dice.happens(0.03) and completed <= LAST:
        values["status"] = "cancelled"
        draft.blocks.add("cancelled")
        return world.add(draft)
    steps = (("accepted", received), ("done", completed), ("verified", verified), ("closed", closed))
    for status, at in steps:
        if at <= LAST:
            values["status"] = status
            draft.blocks |= {status} | _WITH.get(status, set())
    return world.add(draft)


def _days(world: World, low: int, high: int) -> int:
    return world.dice.between(low, high) + (world.dice.between(3, 6) if world.dice.happens(_LATE) else 0)


def _mark_repeats(made: list[Draft]) -> None:
    """A like complaint of the same customer within the policy's window names the one before it."""
    before: dict[tuple[int, str], Draft] = {}
    for draft in sorted(made, key=lambda draft: draft.at):
        if draft.values["status"] == "void":
            continue
        key = id(draft.values["customer"]), draft.values["category"]
        earlier = before.get(key)
        if earlier is not None and earlier.at < draft.at <= earlier.at + _REPEAT:
            draft.values["repeat_of"] = earlier
            draft.blocks.add("repeat")
        before[key] = draft
