"""The engine of duties: states, windows, packs, waivers, ids — on small definitions of its own."""

from __future__ import annotations

import copy
import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import made_records as made
from duty_cases import Duty, duties
from kelu import check, duty, obligation
from kelu.finding import Finding
from kelu.git import MemoryTree
from kelu.intake import take_in
from repository import MOMENT, own_records, rulebook, rulebook_files, store

ANSWER: dict[str, Any] = {
    "id": "OB-90", "title": {"zh": "答复", "en": "Answer"}, "clause": "SD:5.1", "deadline": "practice",
    "domain": "relationship", "from": "complaint", "where": "void IS NULL", "subject": "id",
    "since": "CAST(received_at AS DATE)", "due": "received_at + INTERVAL 24 HOUR",
    "evidence": {"at": "acknowledgement.at"}, "owner": ["service_desk"], "escalate": ["qa_manager"], "waivable": True,
}  # fmt: skip
PACK = "sd-02004@V1.0"
COMPLAINT = {"n": 1, "received": "2026-03-02 10:00"}
NAME = "OB-90/CMP-2026-0001"
WAIVER = {"rule": "OB-90", "subject": "CMP-2026-0001", "reason": "客户要求书面答复", "approved_by": "S003",
          "approved_on": "2026-03-03"}  # fmt: skip


def asked(as_of: str = "2026-03-09", pack: str = PACK, rows: Any = (COMPLAINT,), **more: Any) -> dict[str, Duty]:
    """The duties of complaints by id; `more` are changes of the definition, or `config` and `waivers` of the case."""
    case = {
        key: more.pop(key)
        for key in ("config", "waivers", "obligations", "meetings", "actions", "packs")
        if key in more
    }
    case = {"obligations": {pack: [{**ANSWER, **more}]}} | case
    moment = f"{as_of.replace(' ', 'T') if ' ' in as_of else as_of + 'T12:00:00'}+08:00"
    return {item["id"]: item for item in duties({"as_of": moment, "complaints": list(rows), **case})}


def acknowledged(at: str) -> dict[str, Any]:
    return COMPLAINT | {"acknowledged": at}


# --- states --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answered", "as_of", "more", "state"),
    [
        ("2026-03-03 10:00", "2026-03-09", {}, "satisfied"),
        ("2026-03-03 10:01", "2026-03-09", {}, "satisfied_late"),
        ("2026-03-03 10:01", "2026-03-09", {"grace": "due + INTERVAL 1 HOUR"}, "satisfied"),
        ("2026-03-03 11:01", "2026-03-09", {"grace": "due + INTERVAL 1 HOUR"}, "satisfied_late"),
        ("2026-03-02 10:30", "2026-03-09", {"opens": "received_at + INTERVAL 1 HOUR"}, "satisfied_out_of_window"),
        (None, "2026-03-03 10:00:00", {}, "due_soon"),
        (None, "2026-03-03 10:00:01", {}, "overdue"),
        (None, "2026-03-03 10:30:00", {"grace": "due + INTERVAL 1 HOUR"}, "due_soon"),
        (None, "2026-03-02 11:00:00", {"due": "end_of_day(add_workdays(since_of(received_at), 5))"}, "due_soon"),
        (None, "2026-03-02 11:00:00", {"due": "end_of_day(add_workdays(since_of(received_at), 6))"}, "not_due"),
        (None, "2026-03-02 23:00:00", {"remind": "due - INTERVAL 11 HOUR"}, "due_soon"),
        (None, "2026-03-02 22:59:59", {"remind": "due - INTERVAL 11 HOUR"}, "not_due"),
        ("2026-03-03 10:00", "2026-03-02 12:00:00", {"remind": "due"}, "not_due"),  # not answered yet
        ("2026-03-03 10:00", "2026-03-09", {"provisional": "category = 'other'"}, "provisional"),
    ],
)
def test_state(answered: str | None, as_of: str, more: dict[str, str], state: str) -> None:
    more = {key: value.replace("since_of(received_at)", "CAST(received_at AS DATE)") for key, value in more.items()}
    found = asked(as_of, rows=[acknowledged(answered) if answered else COMPLAINT], **more)
    assert found[NAME]["state"] == state


def test_grace_is_told() -> None:
    late = asked(rows=[acknowledged("2026-03-03 10:01")], grace="due + INTERVAL 1 HOUR")[NAME]
    assert late["in_grace"]
    assert not asked(rows=[acknowledged("2026-03-03 10:00")], grace="due + INTERVAL 1 HOUR")[NAME]["in_grace"]
    assert asked("2026-03-03 10:30:00", grace="due + INTERVAL 1 HOUR")[NAME]["in_grace"]


def test_a_deadline_in_working_days_of_an_unknown_year_is_provisional() -> None:
    due = "end_of_day(add_workdays(CAST(received_at AS DATE), 3))"
    rows = [{"n": 1, "received": "2026-12-28 10:00"}, {"n": 2, "received": "2026-12-29 10:00"}]
    found = asked("2026-12-31", rows=rows, due=due)
    assert {name: item["state"] for name, item in found.items()} == {
        "OB-90/CMP-2026-0001": "due_soon",
        "OB-90/CMP-2026-0002": "provisional",
    }
    hours = asked("2026-12-31", rows=[{"n": 1, "received": "2026-12-31 10:00"}])
    assert not hours["OB-90/CMP-2026-0001"]["provisional"]


@pytest.mark.parametrize(
    ("answered", "as_of", "state"),
    [
        (None, "2026-12-31 09:00:00", "due_soon"),
        (None, "2026-12-31 09:00:01", "provisional"),
        ("2026-12-31 09:00", "2027-01-20", "satisfied"),
        ("2026-12-31 09:01", "2027-01-20", "provisional"),
        ("2026-12-30 08:00", "2027-01-20", "satisfied_out_of_window"),
    ],
)
def test_grace_in_working_days_of_an_unknown_year_matters_once_the_duty_is_late(
    answered: str | None, as_of: str, state: str
) -> None:
    row = {"n": 1, "received": "2026-12-30 09:00"} | ({"acknowledged": answered} if answered else {})
    (found,) = asked(as_of, rows=[row], opens="received_at", grace="end_of_day(add_workdays(CAST(due AS DATE), 2))"
                     ).values()  # fmt: skip
    assert (found["state"], found["provisional"]) == (state, state == "provisional")


def test_columns_of_the_row_and_of_the_duty_are_told_apart() -> None:
    """`due` of an expression for the duty is the row's own; that of grace and remind is the duty's."""
    actions = [{"n": 1, "issued": "2026-03-02 10:00", "due": "2026-03-06"}]
    found = asked(actions=actions, **{"from": "action", "since": "CAST(issued_at AS DATE)", "due": "end_of_day(due)",
                                      "evidence": {"at": "completion.at"}, "grace": "due + INTERVAL 1 DAY"})[
        "OB-90/ACT-2026-0001"
    ]  # fmt: skip
    assert str(found["due"])[:19] == "2026-03-06 23:59:59"
    assert found["grace_until"] - found["due"] == datetime.timedelta(days=1)


@settings(max_examples=25, deadline=None)
@given(
    opens=st.none() | st.integers(0, 40),
    due=st.integers(0, 40),
    grace=st.none() | st.integers(0, 10),
    remind=st.integers(0, 10),
    done=st.lists(st.integers(0, 60), max_size=3),
    now=st.integers(0, 60),
)
def test_state_against_an_oracle(
    opens: int | None, due: int, grace: int | None, remind: int, done: list[int], now: int
) -> None:
    """The state is a function of window, deadline, grace, evidence and moment; here worked out a second time."""
    start = datetime.datetime(2026, 3, 2, 2, tzinfo=datetime.UTC)
    at = lambda hours: f"TIMESTAMPTZ '{(start + datetime.timedelta(hours=hours)).isoformat()}'"  # noqa: E731
    definition = {**ANSWER, "from": "pack", "where": f"id = '{PACK}'", "since": "DATE '2026-03-02'", "due": at(due),
                  "remind": at(due - remind), "subject": "'company'",
                  "evidence": [{"at": at(hours)} for hours in done] or [{"at": "NULL"}]}  # fmt: skip
    if opens is not None:
        definition["opens"] = at(opens)
    if grace is not None:
        definition["grace"] = f"due + INTERVAL {grace} HOUR"
    book = rulebook()
    own = book.policy.packs[PACK]
    entry = replace(own.rules[0] if own.rules else book.policy.obligations()[0], pack=PACK, data=definition)
    packs = {
        name: replace(pack, obligations=(entry,) if name == PACK else ()) for name, pack in book.policy.packs.items()
    }
    policy = replace(book.policy, packs=packs, waivers=(), adopted_on=None)
    moment = start + datetime.timedelta(hours=now)
    kept = store()
    kept.prepare(check.tables(policy, ()), obligation.views(policy), moment, known=True, asked=duty.names(policy))
    (found,) = duty.find(kept, policy)
    kept.close()
    known = sorted(hours for hours in done if hours <= now)
    inside = [hours for hours in known if opens is None or hours >= opens]
    end = due + (grace or 0)
    if inside:
        expected = "satisfied" if inside[0] <= end else "satisfied_late"
    elif known:
        expected = "satisfied_out_of_window"
    elif end < now:
        expected = "overdue"
    else:
        expected = "due_soon" if due - remind <= now or due <= now else "not_due"
    assert found.state == expected
    assert found.subject_type == "company"


# --- which pack rules whom -----------------------------------------------------------------------------------


def timeline(*steps: tuple[str, str]) -> dict[str, Any]:
    return {"timeline": [{"from": since, "relationship": pack} for since, pack in steps], "allow": []}


def test_a_pack_that_rules_nobody_owes_nothing() -> None:
    assert asked(config=timeline(("2024-01-01", "csp-14@A0"))) == {}
    assert list(asked(config=timeline(("2024-01-01", PACK)))) == [NAME]
    assert asked(config=timeline(("2024-01-01", "csp-14@A0")), pack="practice@1").keys() == {NAME}


def test_switching_packs_neither_creates_nor_removes_what_was_owed_before() -> None:
    both = {"obligations": {PACK: [ANSWER], "csp-14@A0": [{**ANSWER, "id": "OB-91"}]}}
    rows = [{"n": 1, "received": "2026-03-02 10:00"}, {"n": 2, "received": "2026-04-01 00:00"}]
    switched = timeline(("2024-01-01", PACK), ("2026-04-01", "csp-14@A0"))
    before = asked("2026-06-30", rows=rows, config=timeline(("2024-01-01", PACK)), **both)
    after = asked("2026-06-30", rows=rows, config=switched, **both)
    assert set(before) == {NAME, "OB-90/CMP-2026-0002"}
    assert set(after) == {NAME, "OB-91/CMP-2026-0002"}
    assert after[NAME] == before[NAME]


def test_what_is_agreed_with_a_customer_comes_before_the_company_rule() -> None:
    agreed = [{"customer": "CUS-0001", "domain": "relationship", "pack": "csp-14@A0", "from": "2026-01-01"}]
    both = {"obligations": {PACK: [ANSWER], "csp-14@A0": [{**ANSWER, "id": "OB-91"}]}}
    config = timeline(("2024-01-01", PACK))
    assert set(asked(config=config | {"allow": agreed}, **both)) == {"OB-91/CMP-2026-0001"}
    ended = [{**agreed[0], "to": "2026-03-02"}]
    assert set(asked(config=config | {"allow": ended}, **both)) == {NAME}


def test_nothing_is_owed_before_the_day_of_adoption_nor_expanded_beyond_the_year() -> None:
    assert asked(config={"adopted_on": "2026-03-03"}) == {}
    assert list(asked(config={"adopted_on": "2026-03-02"})) == [NAME]
    later = {"since": "CAST(received_at AS DATE) + 305"}
    assert asked("2026-03-09", **later) == {}
    assert list(asked("2027-01-01", **later)) == [NAME]
    assert list(asked("2026-03-09", since="DATE '2026-12-31'")) == [NAME]


def test_of_two_packs_that_ask_the_same_the_earlier_deadline_stays() -> None:
    stricter = {**ANSWER, "due": "received_at + INTERVAL 12 HOUR"}
    found = asked(obligations={PACK: [ANSWER], "practice@1": [stricter]})
    assert [(name, item["pack"]) for name, item in found.items()] == [(NAME, "practice@1")]
    same = asked(obligations={PACK: [ANSWER], "practice@1": [ANSWER]})
    assert [(name, item["pack"]) for name, item in same.items()] == [(NAME, "practice@1")]


# --- subjects, periods, evidence -----------------------------------------------------------------------------


def test_ids_are_stable_and_a_subject_brings_its_customer() -> None:
    found = asked(period="strftime(received_at, '%Y-%m')")
    (name,) = found
    assert name == f"{NAME}/2026-03"
    assert asked("2026-12-31", period="strftime(received_at, '%Y-%m')").keys() == {name}
    item = found[name]
    assert (item["subject_type"], item["customer"], item["void"]) == ("complaint", "CUS-0001", False)


def test_evidence_of_another_period_does_not_count() -> None:
    monthly = {
        "from": "complaint", "subject": "customer", "period": "strftime(received_at, '%Y-%m')",
        "since": "CAST(received_at AS DATE)",
        "evidence": {"from": "meeting", "subject": "customer", "period": "strftime(held_from, '%Y-%m')",
                     "at": "held_from"},
    }  # fmt: skip
    meetings = [{"n": 1, "kind": "requirements", "held": "2026-04-03 10:00"}]
    found = asked("2026-06-30", meetings=meetings, **monthly)
    assert found["OB-90/CUS-0001/2026-03"]["state"] == "overdue"
    free = copy.deepcopy(monthly)
    del free["evidence"]["period"]
    found = asked("2026-06-30", meetings=meetings, **free)
    assert (found["OB-90/CUS-0001/2026-03"]["record"], found["OB-90/CUS-0001/2026-03"]["state"]) == (
        "MTG-2026-0001", "satisfied_late",
    )  # fmt: skip
    either = {**monthly, "evidence": [monthly["evidence"], {"at": "received_at"}]}
    assert asked("2026-06-30", meetings=meetings, **either)["OB-90/CUS-0001/2026-03"]["record"] == "CUS-0001"


def test_parameters_are_the_pack_s_own() -> None:
    due = "received_at + to_hours(CAST(param(pack, 'complaint.limits.minor.acknowledge_hours') AS INTEGER))"
    changed = asked(
        due=due, packs={PACK: {"complaint.limits": {"minor": {"acknowledge_hours": 5, "resolve_workdays": 3}}}}
    )
    assert str(changed[NAME]["due"])[:16] == "2026-03-02 15:00"


# --- waivers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({}, "waived"),
        ({"period": "2026-03"}, "waived"),
        ({"period": "2026-04"}, "overdue"),
        ({"subject": "CMP-2026-0002"}, "overdue"),
        ({"approved_on": "2026-03-10"}, "overdue"),  # not approved yet
    ],
)
def test_waiver(more: dict[str, str], state: str) -> None:
    found = asked(waivers=[{**WAIVER, **more}], period="strftime(received_at, '%Y-%m')")
    assert found[f"{NAME}/2026-03"]["state"] == state
    assert found[f"{NAME}/2026-03"]["waived_by"] == ("S003" if state == "waived" else None)


def test_two_waivers_of_one_duty_leave_one_duty() -> None:
    assert list(asked(waivers=[WAIVER, {**WAIVER, "approved_by": "S010"}])) == [NAME]


def waivers(**changed: str) -> bytes:
    entry = {"rule": "OB-05", "subject": "CUS-0001", "period": '"2026"', "reason": "客户统一评价，不再填写问卷",
             "approved_by": "S003", "approved_on": "2026-11-09"} | changed  # fmt: skip
    lines = "\n".join(f"    {key}: {value}" for key, value in entry.items() if value)
    return f"waivers:\n  -{lines[3:]}\n".encode()


@pytest.mark.parametrize(
    ("changed", "code", "line", "says"),
    [
        ({"rule": "OB-99"}, "POL-02", 2, "OB-99"),
        ({"rule": "OB-16"}, "POL-11", 2, "OB-16"),
        ({"subject": "CUS-0999"}, "POL-02", 3, "CUS-0999"),
        ({"approved_by": "S001"}, "POL-12", 6, "S001"),
        ({"approved_on": "2019-01-01"}, "POL-12", 6, "2019-01-01"),
    ],
)
def test_a_waiver_that_cannot_be_is_found_at_its_line(changed: dict[str, str], code: str, line: int, says: str) -> None:
    found = [item for item in reported(waivers(**changed)) if item.code.startswith("POL")]
    assert [(item.code, item.line) for item in found] == [(code, line)]
    assert says in found[0].message.en


def reported(entries: bytes) -> list[Finding]:
    """What a check says of waivers, with this repository's records."""
    files = {**rulebook_files(), **own_records(), "config/waivers.yaml": entries}
    book = check.open_book(MemoryTree(files))
    kept = check.open_cache(Path(), book, cached=False)
    report = check.check(MemoryTree(files), book, kept, MOMENT)
    kept.close()
    return [item for item in report.findings if item.path == "config/waivers.yaml"]


def test_a_waiver_of_what_was_done_is_doubted() -> None:
    (found,) = reported(waivers())
    assert (found.code, found.severity, found.line, found.value) == ("X-16", "warning", 2, "OB-05/CUS-0001/2026")
    assert "SUR-" in found.message.en
    assert [item.code for item in reported(waivers(period=""))] == ["X-16"]
    assert reported(waivers(period='"2027"')) == []


# --- what can go wrong -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken",
    [
        {"due": "no_such_column"},
        {"from": "no_such_table"},
        {"since": "received_at +"},
        {"where": "true) ; DROP TABLE complaint; --"},
        {"evidence": {"from": "meeting", "subject": "customer", "at": "nowhere"}},
    ],
)
def test_a_definition_that_does_not_run_is_found_at_its_line_and_leaves_the_others(broken: dict[str, Any]) -> None:
    path = f"policies/{PACK}/obligations.yaml"
    entries = {"obligations": [ANSWER, copy.deepcopy({**ANSWER, "id": "OB-91", **broken})]}
    others = {name: b"obligations: []\n" for name in rulebook_files() if name.endswith("/obligations.yaml")}
    files = {**rulebook_files(), **others, "config/waivers.yaml": b"waivers: []\n"}
    files[path] = yaml.safe_dump(entries, allow_unicode=True, sort_keys=False).encode()
    book = check.open_book(MemoryTree(files))
    kept = check.open_cache(Path(), book, cached=False)
    intake = take_in(MemoryTree(made.files(made.records({"complaints": [COMPLAINT]}))), book.schemas, kept)
    (found,) = check.lay_policy(kept, book, intake, MOMENT, known=True, asked=duty.names(book.policy))
    assert (found.code, found.path, found.field) == ("POL-01", path, "obligations[1]")
    assert found.line > 10
    assert "OB-91" in found.message.zh
    assert kept.query("SELECT id FROM duty WHERE obligation = 'OB-90'") == [(NAME,)]
    assert [(item.path, item.field) for item in obligation.faults(book.policy, kept)] == [(path, "obligations[1]")]
    kept.close()


def test_the_view_is_there_without_any_obligation() -> None:
    policy = replace(
        rulebook().policy, packs={n: replace(p, obligations=()) for n, p in rulebook().policy.packs.items()}
    )
    kept = store()
    kept.prepare(check.tables(policy, ()), obligation.views(policy), MOMENT, known=True, asked=duty.names(policy))
    assert kept.query("SELECT * FROM duty") == []
    assert kept.columns("duty")[:4] == ("id", "obligation", "pack", "clause")
    kept.close()


def test_the_shipped_definitions_run() -> None:
    kept, found = check.blank(rulebook(), MOMENT)
    assert found + obligation.faults(rulebook().policy, kept) == []
    columns = dict(kept.query("SELECT id, count(*) FROM obligation GROUP BY id"))
    assert columns.keys() == {item.data["id"] for item in rulebook().policy.obligations()}
    kept.close()
