"""The rules of two versions: for each code a step that breaks it, and its nearest honest neighbour that does not."""

from __future__ import annotations

import copy
import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kelu import workdays
from kelu.document import pointer
from kelu.finding import Severity, Text
from kelu.history.judge import Breach, Context, judge, judge_moves, judge_unit, moves, parameters
from kelu.history.people import Staff
from kelu.history.report import finding
from kelu.history.step import Act, Step, Unit
from kelu.schema import Transition
from made_records import Loader
from repository import rulebook

EXAMPLES = Path(__file__).parent / "examples"
SHANGHAI = "+08:00"
Version = dict[str, Any] | None


# --- telling a story -------------------------------------------------------------------------------------


@cache
def staff() -> Staff:
    return Staff.of({"staff": list(rulebook().policy.staff)})


def mail(person: str) -> str:
    return next((mail for mail, who in staff().mails.items() if who == person), f"{person.lower()}@example.invalid")


def act(
    person: str, at: str, *, approved: Sequence[str] = (), with_: Sequence[str] = (), names: Sequence[str] = (),
    committed: str = "",
) -> Act:  # fmt: skip
    """A commit by a person, at a time of Shanghai."""
    moment = datetime.datetime.fromisoformat(at + SHANGHAI)
    trailers = [("approved-by", who, mail(who)) for who in approved] + [("co-authored-by", w, mail(w)) for w in with_]
    landed = datetime.datetime.fromisoformat((committed or at) + SHANGHAI)
    sha = hashlib.sha1(repr((person, at, trailers, names)).encode()).hexdigest()
    return Act(sha, person, mail(person), moment, landed, "", tuple(trailers), frozenset(names))


def example(name: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.load((EXAMPLES / f"{name}.yaml").read_text("utf-8"), Loader)
    return data


def changed(record: Mapping[str, Any], drop: Sequence[str] = (), **fields: Any) -> dict[str, Any]:
    """A copy of a record with fields set; a double underscore leads into a group, a number to an item."""
    made: dict[str, Any] = copy.deepcopy(dict(record))
    for path, value in fields.items():
        *way, last = (int(step) if step.isdigit() else step for step in path.split("__"))
        inner: Any = made
        for step in way:
            inner = inner[step]
        if isinstance(inner, list) and last == len(inner):
            inner.append(value)
        else:
            inner[last] = value
    for name in drop:
        del made[name]
    return made


def steps_of(type_: str, *versions: tuple[Act | tuple[Act, ...], Version], path: str = "") -> list[Step]:
    """The steps of one record, a unit each; the first version is the foundation when its act is no matter."""
    ident = next(data["id"] for _, data in versions if data)
    schema = rulebook().schemas.records[type_]
    where = path or str(schema.path_of(ident))
    steps, before = [], None
    for acts, after in versions:
        acts = acts if isinstance(acts, tuple) else (acts,)
        steps.append(Step(Unit(acts), acts, where, type_, before, after))
        before = after
    return steps


def context(later: Mapping[str, tuple[Act, ...]] | None = None, **parameter: str) -> Context:
    policy = rulebook().policy
    known = parameters(policy)
    return Context(
        staff=lambda unit: staff(),
        parameter=lambda pack, key: parameter.get(key.replace(".", "_"), known(pack, key)),
        calendar=workdays.calendar(policy.calendars),
        later=later or {},
    )


def told(steps: Sequence[Step], asked: Context | None = None) -> list[tuple[str, str, str]]:
    """(code, state, field) of what is found."""
    schema = rulebook().schemas.records[steps[0].type]
    return [(b.code, str(b.words.get("state", "")), b.field) for b in judge(steps, schema, asked or context())]


def after(type_: str, before: dict[str, Any], by: Act | tuple[Act, ...], then: Version, **kw: Any) -> list[Any]:
    """What is found in one step from a version taken for granted."""
    first = steps_of(type_, (by, before), (by, then))[1:]
    return told(first, context(**kw) if kw else None)


# --- a complaint that goes its way -----------------------------------------------------------------------

COMPLAINT = example("complaint")
INTAKE = {
    "schema", "id", "title", "policy", "received_at", "received_by", "receiving_department", "channel", "form",
    "customer", "project", "complainant", "description", "demands", "registered_by", "registered_at",
}  # fmt: skip
REGISTERED = {"status": "registered", **{key: value for key, value in COMPLAINT.items() if key in INTAKE}}
ACKNOWLEDGED = changed(REGISTERED, status="acknowledged", acknowledgement=COMPLAINT["acknowledgement"])
ASSESSED = changed(ACKNOWLEDGED, status="assessed", **{key: COMPLAINT[key] for key in (
    "category", "assessment", "transfers", "escalations")})  # fmt: skip
HANDLING = changed(ASSESSED, status="handling", investigation=COMPLAINT["investigation"], plan=COMPLAINT["plan"])
RESOLVED = changed(HANDLING, status="resolved", **{key: COMPLAINT[key] for key in (
    "customer_updates", "progress", "resolution")})  # fmt: skip
CLOSED = changed(RESOLVED, status="closed", **{key: COMPLAINT[key] for key in (
    "verification", "customer_confirmation", "closure")})  # fmt: skip
ENTRY = {"at": "2026-03-05T11:00:00+08:00", "by": "S005", "note": "备件到货"}
NEXT = act("S005", "2026-03-10T10:00:00", approved=["S003"])


def correction(field: str, old: Any = None, new: Any = None, **more: Any) -> dict[str, Any]:
    entry = {"at": "2026-03-10T09:00:00+08:00", "by": "S005", "field": field, "reason": "录入有误",
             "approved_by": "S003"}  # fmt: skip
    return entry | {key: value for key, value in (("from", old), ("to", new)) if value is not None} | more


def test_an_honest_life_raises_nothing() -> None:
    assert told(steps_of(
        "complaint",
        (act("S001", "2026-03-02T09:25:00"), REGISTERED),
        (act("S001", "2026-03-02T09:41:00"), ACKNOWLEDGED),
        (act("S005", "2026-03-02T10:20:00"), ASSESSED),
        (act("S005", "2026-03-03T17:10:00", approved=["S007"]), HANDLING),
        (act("S006", "2026-03-06T17:05:00"), RESOLVED),
        (act("S005", "2026-03-10T09:35:00", approved=["S003"]), CLOSED),
    )) == []  # fmt: skip


def test_a_squashed_pull_request_takes_several_steps_of_several_people() -> None:
    whole = act("S005", "2026-03-06T17:05:00", approved=["S007"], with_=["S001", "S006"])
    assert after("complaint", REGISTERED, whole, RESOLVED) == []
    alone = act("S005", "2026-03-06T17:05:00", approved=["S007"])
    assert after("complaint", REGISTERED, alone, RESOLVED) == [("GH-03", "role", "status")]


def test_a_pull_request_merged_counts_all_its_authors() -> None:
    both = (act("S001", "2026-03-02T09:41:00"), act("S005", "2026-03-02T10:20:00"))
    assert after("complaint", REGISTERED, both, ASSESSED) == []


# --- GH-01 -----------------------------------------------------------------------------------------------


def test_deleted_restored_reused() -> None:
    here, gone, back = (act("S003", f"2026-03-1{day}T10:00:00") for day in (0, 1, 2))
    deleted = steps_of("complaint", (NEXT, CLOSED), (gone, None))[1:]
    assert told(deleted) == [("GH-01", "deleted", "")]
    restored = steps_of("complaint", (NEXT, CLOSED), (gone, None), (back, copy.deepcopy(CLOSED)))[1:]
    assert told(restored) == [("GH-01", "restored", "")]
    (mild,) = judge(restored, rulebook().schemas.records["complaint"], context())
    assert (mild.severity, mild.sha) == (Severity.WARNING, gone.sha)
    other = changed(REGISTERED, received_at="2026-03-12T09:00:00+08:00", registered_at="2026-03-12T09:30:00+08:00")
    reused = steps_of("complaint", (here, CLOSED), (gone, None), (back, other))[1:]
    assert told(reused) == [("GH-01", "deleted", ""), ("GH-01", "reused", "")]


def test_moved() -> None:
    by = act("S003", "2026-03-11T10:00:00")
    (old,) = steps_of("complaint", (by, CLOSED), (by, None))[1:]
    for moved_as in (CLOSED, changed(CLOSED, title="换了标题")):
        (new,) = steps_of("complaint", (by, moved_as), path="records/complaints/2025/CMP-2026-0003.yaml")
        (breach,) = judge_moves([old, new], rulebook().schemas.records, context())
        assert (breach.code, breach.words["state"], breach.path) == ("GH-01", "moved", new.path)
        assert breach.words["other"] == old.path
        at_once = Context(context().staff, context().parameter, context().calendar,
                          moved={(step.unit.own.sha, step.path) for step in (old, new)})  # fmt: skip
        assert told([old], at_once) == told([new], at_once) == []
    (stranger,) = steps_of("complaint", (by, changed(REGISTERED, id="CMP-2026-0009")))
    assert moves([old, stranger]) == []


def test_a_version_that_cannot_be_read_hides_nothing() -> None:
    one, two, three = steps_of("complaint", (NEXT, CLOSED), (NEXT, None), (NEXT, changed(CLOSED, demands="无")))
    broken = Step(two.unit, two.acts, two.path, "complaint", CLOSED, None, broken=True)
    assert told([broken, three]) == [("GH-04", "uncovered", "demands")]
    assert told([Step(one.unit, one.acts, one.path, "complaint", None, None, broken=True)]) == []


def test_to_put_right_what_was_wrong_is_not_wrong_again() -> None:
    tampered = changed(CLOSED, resolution__outcome="not_upheld")
    wrong = [("GH-06", "", "resolution.outcome")]
    back = copy.deepcopy(CLOSED)
    assert told(steps_of("complaint", (NEXT, CLOSED), (NEXT, tampered), (NEXT, back))[1:]) == wrong
    # only the version before the wrong steps, and only at once
    other = changed(CLOSED, resolution__outcome="withdrawn")
    assert told(steps_of("complaint", (NEXT, CLOSED), (NEXT, tampered), (NEXT, other))[1:]) == wrong * 2
    linked = changed(tampered, links=["CMP-2026-0001"])
    assert told(steps_of("complaint", (NEXT, CLOSED), (NEXT, tampered), (NEXT, linked), (NEXT, back))[1:]) == wrong * 2
    # a step that was only late is no wrong to undo
    late = act("S005", "2026-03-20T10:00:00")
    noted = changed(RESOLVED, progress__1=ENTRY)
    assert told(steps_of("complaint", (late, RESOLVED), (late, noted), (late, copy.deepcopy(RESOLVED)))[1:]) == [
        ("GH-11", "", "progress[1].at"), ("GH-05", "removed", "progress"),
    ]  # fmt: skip


# --- GH-03 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "before", "by", "then", "found"),
    [
        ("complaint", None, "S001", REGISTERED, ""),
        ("complaint", None, "S099", REGISTERED, "role"),  # nobody on staff
        ("complaint", None, "S005", CLOSED, "role"),
        ("complaint", REGISTERED, "S001", ACKNOWLEDGED, ""),
        ("complaint", REGISTERED, "S006", ACKNOWLEDGED, "role"),
        ("complaint", HANDLING, "S006", RESOLVED, ""),  # the owner that the assessment names
        ("complaint", HANDLING, "S001", RESOLVED, "role"),
        ("complaint", CLOSED, "S003", changed(CLOSED, status="acknowledged"), "path"),
        ("action", {"id": "ACT-2026-0001", "status": "open", "owner": "S009"}, "S009",
         {"id": "ACT-2026-0001", "status": "accepted", "owner": "S009"}, ""),
        ("action", {"id": "ACT-2026-0001", "status": "open", "owner": "S009"}, "S001",
         {"id": "ACT-2026-0001", "status": "accepted", "owner": "S009"}, "role"),
        ("communication", None, "S009", {"id": "COM-2026-0001", "status": "closed", "staff": ["S001", "S009"]}, ""),
        ("communication", None, "S009", {"id": "COM-2026-0001", "status": "closed", "staff": ["S001"]}, "role"),
        ("meeting", None, "S009", {"id": "MTG-2026-0001", "status": "minuted", "recorder": "S009"}, ""),
        ("meeting", None, "S009", {"id": "MTG-2026-0001", "status": "closed", "recorder": "S009"}, "role"),
        ("report", None, "S004", {"id": "RPT-2026-0001", "status": "verified"}, "creation"),
        ("report", {"id": "RPT-2026-0001", "status": "approved", "prepared_by": "S004"}, "S004",
         {"id": "RPT-2026-0001", "status": "issued", "prepared_by": "S004"}, ""),
        ("report", {"id": "RPT-2026-0001", "status": "approved", "prepared_by": "S004"}, "S003",
         {"id": "RPT-2026-0001", "status": "issued", "prepared_by": "S004"}, "role"),
    ],
)  # fmt: skip
def test_steps_of_status(type_: str, before: Version, by: str, then: dict[str, Any], found: str) -> None:
    acts = (act(by, "2026-03-10T10:00:00", approved=["S003", "S007"]),)
    step = Step(Unit(acts), acts, f"records/{type_}s/2026/{then['id']}.yaml", type_, before, then)
    assert [state for code, state, _ in told([step]) if code == "GH-03"] == ([found] if found else [])


def test_reopening_needs_the_manager_as_well() -> None:
    entry = {"at": "2026-03-20T09:00:00+08:00", "by": "S005", "reason": "结论有误", "approved_by": "S003"}
    again = changed(CLOSED, status="handling", reopenings=[entry])
    assert after("complaint", CLOSED, act("S005", "2026-03-20T09:05:00", approved=["S003"]), again) == []
    found = after("complaint", CLOSED, act("S005", "2026-03-20T09:05:00"), again)
    assert found == [("GH-03", "role", "status"), ("GH-09", "forged", "reopenings[0].approved_by")]
    # reopened and closed again in one pull request: by people who may take every step of it
    at_once = changed(CLOSED, reopenings=[entry], resolution__outcome="not_upheld")
    squashed = act("S005", "2026-03-20T09:05:00", approved=["S003"], with_=["S006"])
    assert after("complaint", CLOSED, squashed, at_once) == []
    assert after("complaint", CLOSED, act("S001", "2026-03-20T09:05:00", approved=["S003"]), at_once) == [
        ("GH-03", "role", "status")
    ]


def test_a_role_counts_while_it_is_held() -> None:
    """S002 was at the service desk until 2022 and is quality administrator since."""
    for year, found in (("2022", []), ("2026", [("GH-03", "role", "status")])):
        then = changed(REGISTERED, status="acknowledged")
        assert after("complaint", REGISTERED, act("S002", f"{year}-10-10T10:00:00"), then) == found


def test_no_roles_named_means_anyone_on_staff() -> None:
    schema = replace(rulebook().schemas.records["complaint"], creation=(Transition("", "registered"),))
    for person, found in (("S012", []), ("S099", ["GH-03"])):
        steps = steps_of("complaint", (act(person, "2026-03-02T09:30:00"), REGISTERED))
        assert [breach.code for breach in judge(steps, schema, context())] == found


@pytest.mark.parametrize(
    "listed",
    [None, "nobody", [None], [{"id": "S001"}], [{"id": "S001", "email": "a@example.invalid", "roles": [{}]}]],
)
def test_a_staff_file_that_cannot_be_read_names_nobody(listed: Any) -> None:
    assert Staff.of({"staff": listed}) == Staff()
    assert Staff.of({}) == Staff()


def test_an_address_counts_whatever_the_case_of_its_letters() -> None:
    one = {"id": "S001", "email": "A.B@Example.invalid", "roles": [{"role": "pm", "from": "2026-01-01"}]}
    known = Staff.of({"staff": [one]})
    assert known.mails == {"a.b@example.invalid": "S001"}
    assert known.holds("S001", "pm", "2026-01-01")
    assert not known.holds("S001", "pm", "2025-12-31")
    assert not known.holds("S002", "pm", "2026-01-01")


# --- GH-04 -----------------------------------------------------------------------------------------------

NEW_TIME = "2026-03-02T09:15:00+08:00"


@pytest.mark.parametrize(
    ("then", "found"),
    [
        (changed(ASSESSED, received_at=NEW_TIME), [("GH-04", "uncovered", "received_at")]),
        (changed(ASSESSED, received_at=NEW_TIME, corrections=[correction("received_by", "S001", "S002")]),
         [("GH-04", "uncovered", "received_at")]),
        (changed(ASSESSED, received_at=NEW_TIME,
                 corrections=[correction("received_at", "2026-03-02T08:00:00+08:00", NEW_TIME)]),
         [("GH-04", "mismatch", "received_at")]),
        (changed(ASSESSED, received_at=NEW_TIME, corrections=[correction("received_at")]),
         [("GH-04", "mismatch", "received_at")]),
        (changed(ASSESSED, received_at=NEW_TIME,
                 corrections=[correction("received_at", "2026-03-02T09:10:00+08:00", NEW_TIME)]), []),
        (changed(ASSESSED, drop=["customer"]), [("GH-04", "uncovered", "customer")]),
        (changed(ASSESSED, received_at=NEW_TIME,
                 corrections=[changed(correction("received_at", COMPLAINT["received_at"], NEW_TIME),
                                      drop=["approved_by"])]),
         [("GH-04", "unapproved", "received_at")]),
        # what a person might be named in need not be written down once more
        (changed(ASSESSED, demands="恢复业务。", corrections=[correction("demands")]), []),
        (changed(ASSESSED, demands="恢复业务。", corrections=[correction("demands", "别的", "恢复业务。")]),
         [("GH-04", "mismatch", "demands")]),
        (changed(ASSESSED, title="标题可改"), []),
    ],
)  # fmt: skip
def test_immutable_fields(then: dict[str, Any], found: list[Any]) -> None:
    assert after("complaint", ASSESSED, NEXT, then) == found


def test_what_was_open_may_be_set_once() -> None:
    open_ = changed(ASSESSED, drop=["customer"])
    assert after("complaint", open_, NEXT, ASSESSED) == []


def test_an_old_correction_covers_nothing_new() -> None:
    once = changed(ASSESSED, corrections=[correction("received_at", "2026-03-02T09:10:00+08:00", NEW_TIME)])
    assert after("complaint", once, NEXT, changed(once, received_at=NEW_TIME)) == [
        ("GH-04", "uncovered", "received_at")
    ]


def test_a_group_is_corrected_by_part_or_as_a_whole() -> None:
    report = example("report")
    draft = changed(report, status="draft")
    for entry in (correction("period"), correction("period.to", "2026-03-31", "2026-04-30")):
        then = changed(draft, period={**draft["period"], "to": "2026-04-30"}, corrections=[entry])
        assert after("report", draft, NEXT, then) == []
    assert after("report", draft, NEXT, changed(draft, period__to="2026-04-30")) == [
        ("GH-04", "uncovered", "period.to")
    ]


def test_swapped() -> None:
    by = act("S003", "2026-03-11T10:00:00")
    other = changed(
        REGISTERED, id="CMP-2026-0004", customer="CUS-0002", received_at=NEW_TIME, description="另一件事的经过如下。"
    )
    fields = ("customer", "received_at", "description")
    pair = [
        steps_of("complaint", (by, one), (by, changed(one, **{name: two[name] for name in fields})))[1]
        for one, two in ((REGISTERED, other), (other, REGISTERED))
    ]
    found = list(judge_moves(pair, rulebook().schemas.records, context()))
    assert [(b.code, b.words["state"], b.words["other"]) for b in found] == [
        ("GH-04", "swapped", pair[1].path), ("GH-04", "swapped", pair[0].path),
    ]  # fmt: skip
    # two records corrected at once to the same customer are no swap
    both = [steps_of("complaint", (by, one), (by, changed(one, customer="CUS-0003", received_at=NEW_TIME)))[1]
            for one in (REGISTERED, changed(other, received_at="2026-03-02T09:10:00+08:00"))]  # fmt: skip
    assert list(judge_moves(both, rulebook().schemas.records, context())) == []


# --- GH-05 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("then", "found"),
    [
        (changed(RESOLVED, progress__1=ENTRY), []),
        (changed(RESOLVED, progress=[]), [("GH-05", "removed", "progress")]),
        (changed(RESOLVED, drop=["progress"]), [("GH-05", "removed", "progress")]),
        (changed(RESOLVED, progress__0__note="改了说法"), [("GH-05", "changed", "progress[0]")]),
        (changed(RESOLVED, progress=[ENTRY, RESOLVED["progress"][0]]), [("GH-05", "changed", "progress[0]")]),
        (changed(RESOLVED, customer_updates=RESOLVED["customer_updates"][1:]),
         [("GH-05", "removed", "customer_updates[0]")]),
        # a decision comes later than the escalation that asks for it; it comes once
        (changed(RESOLVED, escalations__0__decision={"at": "2026-03-09T10:00:00+08:00", "emergency_plan": False}), []),
        (changed(RESOLVED, escalations__0__reason="补写原因"), [("GH-05", "changed", "escalations[0]")]),
        (changed(RESOLVED, escalations__1__decision__note="改了决定"), [("GH-05", "changed", "escalations[1]")]),
    ],
)  # fmt: skip
def test_lists_that_only_grow(then: dict[str, Any], found: list[Any]) -> None:
    assert after("complaint", RESOLVED, act("S005", "2026-03-09T12:00:00"), then) == found


def test_a_list_within_a_group_only_grows() -> None:
    entry = {"at": "2026-03-04T10:00:00+08:00", "by": "S005", "reason": "延期到货", "change": "改用备件"}
    revised = changed(HANDLING, plan__revisions=[entry])
    assert after("complaint", HANDLING, act("S005", "2026-03-04T10:05:00"), revised) == []
    assert after("complaint", revised, act("S005", "2026-03-05T10:05:00"), HANDLING) == [
        ("GH-05", "removed", "plan.revisions")
    ]


# --- GH-06, GH-07 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("then", "found"),
    [
        (changed(CLOSED, resolution__outcome="not_upheld"), [("GH-06", "", "resolution.outcome")]),
        (changed(CLOSED, repeat_of="CMP-2026-0001"), [("GH-06", "", "repeat_of")]),  # what was absent, too
        (changed(CLOSED, progress__1=ENTRY), [("GH-06", "", "progress[1].at")]),
        (changed(CLOSED, links=["CMP-2026-0001"]), []),
        (changed(CLOSED, resolution__outcome="not_upheld",
                 corrections=[correction("resolution.outcome", "upheld", "not_upheld")]), []),
        (changed(CLOSED, resolution__outcome="not_upheld", corrections=[correction("resolution")]), []),
        (changed(CLOSED, resolution__outcome="not_upheld", resolution__department="通信部",
                 corrections=[correction("resolution.outcome", "upheld", "not_upheld")]),
         [("GH-06", "", "resolution.department")]),
    ],
)  # fmt: skip
def test_frozen_content(then: dict[str, Any], found: list[Any]) -> None:
    assert after("complaint", CLOSED, act("S005", "2026-03-10T12:00:00", approved=["S003"]), then) == found


def test_a_report_withdrawn_is_a_draft_again() -> None:
    report = changed(example("report"), status="approved")
    manager = act("S006", "2026-04-08T12:00:00")
    assert after("report", report, manager, changed(report, status="draft", summary="重写。")) == []
    assert after("report", report, manager, changed(report, summary="重写。")) == [("GH-06", "", "summary")]


def test_minutes_are_frozen_once_the_customer_confirmed() -> None:
    meeting = example("meeting")
    by = act("S004", "2026-04-13T17:00:00")
    wording = changed(meeting, action_items__0__desc="换一件事。")
    assert after("meeting", meeting, by, wording) == [("GH-06", "", "action_items[0].desc")]
    assert after("meeting", meeting, by, changed(meeting, action_items__0__done_on="2026-04-13")) == []
    assert after("meeting", changed(meeting, status="minuted"), by, changed(wording, status="minuted")) == []


def test_responses_are_frozen_on_return() -> None:
    survey = changed(example("survey"), status="returned")
    by = act("S002", "2026-05-22T16:00:00")
    graver = changed(survey, responses__1__scores={**survey["responses"][1]["scores"], "competence": 5})
    assert after("survey", survey, by, graver) == [("GH-07", "", "responses[1].scores.competence")]
    assert after("survey", survey, by, changed(survey, responses=survey["responses"][:1]))[0][0] == "GH-07"
    issued = changed(survey, status="issued")
    assert [code for code, *_ in after("survey", issued, by, changed(graver, status="issued"))] == []


# --- GH-08, GH-10, GH-11 ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stamp", "found"),
    [
        ("2026-03-02T09:50:00+08:00", []),
        ("2026-03-02T09:51:00+08:00", [("GH-08", "", "acknowledgement.at")]),
        ("2026-03-02T01:50:00+00:00", []),
        ("2026-03-01T20:51:01-05:00", [("GH-08", "", "acknowledgement.at")]),
        ("2027-03-02T09:40:00+08:00", [("GH-08", "", "acknowledgement.at")]),
    ],
)
def test_stamps_ahead_of_the_commit(stamp: str, found: list[Any]) -> None:
    then = changed(ACKNOWLEDGED, acknowledgement__at=stamp)
    assert after("complaint", REGISTERED, act("S001", "2026-03-02T09:40:00"), then) == found


def test_what_is_planned_may_lie_ahead() -> None:
    held = changed(example("meeting"), drop=["minutes", "customer_confirmation", "topics"], status="scheduled")
    early = act("S004", "2026-04-08T09:00:00")
    assert told(steps_of("meeting", (early, held))) == []
    # said to be held before its time, which nobody touched
    assert after("meeting", held, early, changed(held, status="held")) == [
        ("GH-08", "", "held_from"), ("GH-08", "", "held_to"),
    ]  # fmt: skip
    assert after("meeting", held, act("S003", "2026-04-08T09:00:00"), changed(held, status="void")) == []


@pytest.mark.parametrize(("day", "found"), [("04", []), ("05", [("GH-10", "", "received_at")])])
def test_registered_late(day: str, found: list[Any]) -> None:
    """Received on Monday 2 March 2026: two working days later is Wednesday."""
    then = changed(REGISTERED, registered_at=f"2026-03-{day}T09:00:00+08:00")
    assert told(steps_of("complaint", (act("S001", f"2026-03-{day}T10:00:00"), then))) == found


@pytest.mark.parametrize(("day", "found"), [("09", []), ("10", [("GH-11", "", "acknowledgement.at")])])
def test_filled_in_afterwards(day: str, found: list[Any]) -> None:
    assert after("complaint", REGISTERED, act("S001", f"2026-03-{day}T10:00:00"), ACKNOWLEDGED) == found


def test_a_stamp_corrected_is_not_filled_in_afterwards() -> None:
    stamp = {"at": "2026-03-02T09:35:00+08:00"}
    mended = changed(ACKNOWLEDGED, acknowledgement={**ACKNOWLEDGED["acknowledgement"], **stamp})
    by = act("S005", "2026-03-20T10:00:00", approved=["S003"])
    assert after("complaint", ACKNOWLEDGED, by, mended) == [("GH-11", "", "acknowledgement.at")]
    why = correction("acknowledgement.at", at="2026-03-20T09:00:00+08:00")
    assert after("complaint", ACKNOWLEDGED, by, changed(mended, corrections=[why])) == []


def test_a_registration_dated_back_is_filled_in_afterwards() -> None:
    found = told(steps_of("complaint", (act("S001", "2026-03-20T10:00:00"), REGISTERED)))
    assert found == [("GH-10", "", "received_at"), ("GH-11", "", "registered_at")]


def test_imports_are_neither_late_nor_stepped() -> None:
    imported = changed(CLOSED, **{"import": {"source": "旧系统导出", "approved_by": "S003"}})
    assert told(steps_of("complaint", (act("S001", "2026-06-20T10:00:00", approved=["S003"]), imported))) == []
    assert told(steps_of("complaint", (act("S001", "2026-06-20T10:00:00"), imported))) == [
        ("GH-15", "forged", "import.approved_by")
    ]
    assert after("complaint", imported, NEXT, CLOSED) == [
        ("GH-04", "uncovered", "import.source"), ("GH-04", "uncovered", "import.approved_by"),
    ]  # fmt: skip


# --- GH-09 -----------------------------------------------------------------------------------------------

ID = "CMP-2026-0003"


@pytest.mark.parametrize(
    ("acts", "found"),
    [
        ((act("S005", "2026-03-10T10:00:00", approved=["S003"]),), ""),
        ((act("S005", "2026-03-10T10:00:00"),), "forged"),
        ((act("S005", "2026-03-10T10:00:00", with_=["S003"]),), "forged"),  # to help write is not to approve
        ((act("S005", "2026-03-10T10:00:00", approved=["S007"]),), "forged"),
        ((act("S005", "2026-03-10T09:30:00"), act("S003", "2026-03-10T10:00:00")), ""),
        ((act("S003", "2026-03-10T10:00:00"),), "proxy"),  # S003 writes what S005 is said to have done
        ((act("S003", "2026-03-10T10:00:00", with_=["S005"]),), ""),
    ],
)
def test_approval_of_a_closure(acts: tuple[Act, ...], found: str) -> None:
    seen = [(state, field) for code, state, field in after("complaint", RESOLVED, acts, CLOSED) if code == "GH-09"]
    assert seen == ([(found, "closure.approved_by")] if found else [])


def test_approval_by_a_later_commit_that_names_the_record() -> None:
    by = act("S005", "2026-03-10T10:00:00")
    forged = [("GH-09", "forged", "closure.approved_by")]
    for person, day, found in (("S003", 11, []), ("S007", 11, forged), ("S003", "09", forged)):
        later = {ID: (act(person, f"2026-03-{day}T10:00:00", names=[ID]),)}
        assert after("complaint", RESOLVED, by, CLOSED, later=later) == found


def test_an_approval_without_a_trusted_signature_is_shown_where_some_are_trusted() -> None:
    by = act("S005", "2026-03-10T10:00:00", approved=["S003"])
    steps = steps_of("complaint", (by, RESOLVED), (by, CLOSED))[1:]
    for trusted, found in ((None, []), ({by.sha}, []), ({"another"}, ["unsigned"])):
        asked = replace(context(), trusted=trusted)
        assert [state for _, state, _ in told(steps, asked)] == found
        severities = {breach.severity for breach in judge(steps, rulebook().schemas.records["complaint"], asked)}
        assert severities <= {Severity.WARNING}


def test_ones_own_approval() -> None:
    own = changed(CLOSED, closure__approved_by="S005")
    assert after("complaint", RESOLVED, act("S005", "2026-03-10T10:00:00"), own) == [
        ("GH-09", "own", "closure.approved_by")
    ]
    steps = steps_of("complaint", (NEXT, RESOLVED), (act("S005", "2026-03-10T10:00:00"), own))[1:]
    schema = rulebook().schemas.records["complaint"]
    assert [b.severity for b in judge(steps, schema, context(segregation="warn"))] == [Severity.WARNING]


def test_who_wrote_the_preparation_earlier_is_remembered() -> None:
    report = example("report")
    later = ["approved_by", "approved_at", "issued_at", "distribution", "customer_confirmation"]
    prepared = changed(report, drop=later, status="draft", prepared_by="S004")
    approved = changed(prepared, status="approved", approved_by="S006", approved_at="2026-04-08T09:00:00+08:00")
    approver = act("S006", "2026-04-08T09:05:00")
    honest = steps_of("report", (act("S004", "2026-04-07T10:05:00"), prepared), (approver, approved))
    assert told(honest) == []
    puppet = steps_of("report", (act("S006", "2026-04-07T10:05:00"), prepared), (approver, approved))
    assert [item for item in told(puppet) if item[0] == "GH-09"] == [("GH-09", "proxy", "approved_by")]


def test_the_designation_of_a_key_customer_is_an_approval() -> None:
    customer = changed(example("customer"), drop=["key_customer"])
    key = {"since": "2026-03-01", "designated_by": "S007", "reason": "年合同额前五"}
    named = changed(customer, key_customer=key)
    assert after("customer", customer, act("S007", "2026-03-02T10:00:00"), named) == []
    assert after("customer", customer, act("S008", "2026-03-02T10:00:00"), named) == [
        ("GH-09", "forged", "key_customer.designated_by")
    ]


# --- GH-12, GH-14, GH-16 ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "touched", "status", "found"),
    [
        (act("S003", "2026-03-10T10:00:00"), ["config/staff.yaml"], None, []),
        (act("S001", "2026-03-10T10:00:00", approved=["S010"]), ["schemas/complaint.schema.json"], None, []),
        (act("S001", "2026-03-10T10:00:00"), ["config/staff.yaml"], None, [("GH-12", "unapproved")]),
        (act("S001", "2026-03-10T10:00:00", approved=["S007"]), ["config/staff.yaml"], None, [("GH-12", "unapproved")]),
        (act("S003", "2026-03-10T10:00:00"), ["config/staff.yaml", "records/x.yaml"], None, [("GH-12", "mixed")]),
        (act("S003", "2026-03-10T10:00:00"), ["records/x.yaml", "README.md"], None, []),
        (act("S003", "2026-03-10T10:00:00"), ["policies/a@1/kpis.yaml"], "active", [("GH-14", "")]),
        (act("S003", "2026-03-10T10:00:00"), ["policies/a@1/kpis.yaml", "policies/a@1/pack.yaml"], "superseded",
         [("GH-14", "")]),
        (act("S003", "2026-03-10T10:00:00"), ["policies/a@1/kpis.yaml"], "draft", []),
        (act("S003", "2026-03-10T10:00:00"), ["policies/a@2/kpis.yaml"], None, []),
        (act("S003", "2026-03-10T10:00:00"), ["policies/views/score.sql"], "active", []),
    ],
)  # fmt: skip
def test_a_landing_as_a_whole(by: Act, touched: list[str], status: str | None, found: list[Any]) -> None:
    breaches = judge_unit(Unit((by,)), [(path, "1", "2") for path in touched], lambda pack: status, {}, context())
    assert [(b.code, b.words.get("state", "")) for b in breaches] == found


@pytest.mark.parametrize(
    ("committed", "parent", "found"),
    [
        ("2026-03-10T10:00:00", "2026-03-10T10:10:00", []),
        ("2026-03-10T10:00:00", "2026-03-10T10:10:01", ["parent"]),
        ("2026-03-10T12:00:00", "2026-03-10T09:00:00", []),  # a rebase
        ("2026-03-10T09:49:00", "2026-03-10T09:00:00", ["author"]),
    ],
)
def test_time_that_runs_backwards(committed: str, parent: str, found: list[str]) -> None:
    by = act("S003", "2026-03-10T10:00:00", committed=committed)
    parents = {by.sha: datetime.datetime.fromisoformat(parent + SHANGHAI)}
    breaches = judge_unit(Unit((by,)), [("records/x.yaml", "1", "2")], lambda pack: None, parents, context())
    assert [(b.code, b.words["state"]) for b in breaches] == [("GH-16", state) for state in found]


# --- in words --------------------------------------------------------------------------------------------


def breaches_of(before: dict[str, Any], by: Act, then: dict[str, Any]) -> list[Breach]:
    steps = steps_of("complaint", (by, before), (by, then))[1:]
    return list(judge(steps, rulebook().schemas.records["complaint"], context()))


def test_a_finding_stands_at_its_line_and_names_commit_roles_and_values() -> None:
    by = act("S006", "2026-03-02T09:45:00")
    raw = b"id: CMP-2026-0003\nstatus: acknowledged\n"
    (breach,) = breaches_of(REGISTERED, by, ACKNOWLEDGED)
    made = finding(breach, by, lambda path: raw, rulebook().policy)
    assert (made.path, made.line, made.column, made.field) == (breach.path, 2, 9, "status")
    assert "接收人员" in made.message.zh  # as GSB-141.03 calls the service desk
    assert made.message.zh.endswith(f"（提交 {by.sha[:12]}，S006，2026-03-02）")
    assert made.message.en.endswith(f" (commit {by.sha[:12]}, S006, 2026-03-02)")
    gone = finding(breach, by, lambda path: None, rulebook().policy)
    assert (gone.line, gone.column) == (1, 1)


def test_values_that_may_name_a_person_are_not_told() -> None:
    (breach,) = breaches_of(ASSESSED, NEXT, changed(ASSESSED, demands="请致电刘晓枫处理。"))
    assert breach.words["old"] == breach.words["new"] == Text("（内容略）", "(not shown)")
    (breach,) = breaches_of(CLOSED, NEXT, changed(CLOSED, closure__lessons="与刘晓枫有关。"))
    assert "刘晓枫" not in str(breach.words)
    (breach,) = breaches_of(ASSESSED, NEXT, changed(ASSESSED, customer="CUS-0002"))
    assert (breach.words["old"], breach.words["new"]) == (Text("CUS-0001", "CUS-0001"), Text("CUS-0002", "CUS-0002"))


def test_every_finding_is_worded_in_full() -> None:
    entry = {"at": "2026-03-20T09:00:00+08:00", "by": "S005", "reason": "结论有误", "approved_by": "S003"}
    thens = [
        (RESOLVED, changed(CLOSED, status="closed")),
        (CLOSED, changed(CLOSED, status="handling", reopenings=[entry], received_at=NEW_TIME, progress=[])),
        (CLOSED, changed(CLOSED, status="registered", resolution__outcome="withdrawn")),
        (CLOSED, changed(CLOSED, repeat_of="CMP-2026-0001", closure__approved_by="S005")),
    ]
    lone = act("S005", "2026-03-10T09:32:00")
    found = [breach for before, then in thens for breach in breaches_of(before, lone, then)]
    gone = steps_of("complaint", (lone, CLOSED), (lone, None), (lone, REGISTERED))[1:]
    found += judge(gone, rulebook().schemas.records["complaint"], context())
    found += judge_unit(
        Unit((act("S001", "2026-03-10T10:00:00", committed="2026-03-10T09:00:00"),)),
        [("config/staff.yaml", "1", "2"), ("policies/a@1/pack.yaml", "1", "2"), ("records/x.yaml", "1", "2")],
        lambda pack: "active", {}, context(),
    )  # fmt: skip
    seen = [finding(breach, lone, lambda path: None, rulebook().policy) for breach in found]
    assert {"GH-01", "GH-03", "GH-04", "GH-05", "GH-06", "GH-08", "GH-09", "GH-10", "GH-11", "GH-12", "GH-14",
            "GH-16"} <= {item.code for item in seen} | {"GH-10", "GH-11"}  # fmt: skip
    for item in seen:
        for text in (item.message.zh, item.message.en, item.hint.zh, item.hint.en):
            assert "{" not in text, item


# --- whatever is added is honest; whatever is taken from a list is not ----------------------------------------

OPTIONAL = ("investigation", "plan", "customer_updates", "progress", "resolution", "occurred_at", "repeat_of")


@settings(deadline=None)
@given(
    picked=st.sets(st.sampled_from(OPTIONAL)),
    appended=st.lists(st.sampled_from(["transfers", "escalations"]), max_size=4),
)
def test_filling_in_and_appending_never_raises(picked: set[str], appended: list[str]) -> None:
    then = copy.deepcopy(ASSESSED)
    for name in picked:
        then[name] = copy.deepcopy(COMPLAINT.get(name, "2026-03-01"))
    for name in appended:
        then[name].append(copy.deepcopy(then[name][0]))
    found = {code for code, *_ in after("complaint", ASSESSED, NEXT, then)}
    assert not found & {"GH-04", "GH-05", "GH-06", "GH-07"}


LISTS = [
    ("progress",),
    ("customer_updates",),
    ("escalations",),
    ("transfers",),
    ("corrections",),
    ("plan", "revisions"),
]


@settings(deadline=None)
@given(data=st.data(), where=st.sampled_from(LISTS), status=st.sampled_from(["handling", "resolved", "closed"]))
def test_taking_any_item_from_a_list_is_found(data: st.DataObject, where: tuple[str, ...], status: str) -> None:
    size = data.draw(st.integers(1, 5))
    items = [{"at": f"2026-03-0{n}T10:00:00+08:00", "by": "S005", "note": f"第 {n} 条"} for n in range(1, size + 1)]
    before = changed(CLOSED, status=status, **{"__".join(where): items})
    gone = data.draw(st.integers(0, size - 1))
    rest = [item for n, item in enumerate(items) if n != gone]
    rest += data.draw(st.lists(st.just({"at": "2026-03-09T10:00:00+08:00", "by": "S005", "note": "新"}), max_size=2))
    found = after("complaint", before, NEXT, changed(before, **{"__".join(where): rest}))
    assert [field for code, _, field in found if code == "GH-05" and pointer(field)[: len(where)] == where]


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just([]), st.just([[]]), st.just({}),
    st.just({"at": 1}), st.just(["2026-13-99T00:00:00+08:00"]), st.just("2026-13-99"), st.just("2026-03-02T09:00:00"),
)  # fmt: skip


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(CLOSED)), JUNK, max_size=4), st.booleans())
def test_what_no_schema_would_accept_is_judged_all_the_same(junk: dict[str, Any], first: bool) -> None:
    """Old versions may be of any shape: judged when they came, they were no records."""
    spoilt = {**CLOSED, **junk}
    pair = (spoilt, CLOSED) if first else (CLOSED, spoilt)
    steps = steps_of("complaint", *((NEXT, version) for version in pair), path="records/complaints/2026/x.yaml")
    assert isinstance(told(steps), list)
    list(judge_moves(steps[1:], rulebook().schemas.records, context()))
