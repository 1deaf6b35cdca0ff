"""Rules: every case finds exactly what it should, every rule has its cases and its texts, and rules cannot act."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kelu import check
from kelu.finding import Finding
from kelu.git import MemoryTree
from kelu.intake import take_in
from kelu.naming import reach
from kelu.policy import CONFIG, Definition
from kelu.schema import Field
from kelu.store import LANDED
from repository import rulebook, rulebook_files
from rule_cases import MOMENT, Case, cases, court, every_file, place

RULES = {rule.data["id"]: rule for rule in rulebook().policy.rules()}
ENGINE = ("R-ALL-01", "R-ALL-02", "R-ALL-03", "R-ALL-05", "VOC-01", "X-04")  # codes of the engine with cases here
OTHERS = ("rules.yaml", "kpis.yaml", "obligations.yaml", "clauses.yaml", "waivers.yaml")  # what names one another
HAN = re.compile("[\u3400-\u9fff]")


# --- the cases -------------------------------------------------------------------------------------------


def test_the_rulebook_of_the_cases_is_sound() -> None:
    assert court().book.findings == ()


@pytest.mark.parametrize("case", cases(), ids=str)
def test_case(case: Case) -> None:
    for file in case.files:
        found = tuple(place(finding) for finding in court().findings.get(file.path, ()))
        assert sorted(found) == sorted(file.expected), file.text
    expected = {code for file in case.files for _, _, code, _ in file.expected}
    assert bool(expected) == case.bad, "a bad case expects something, a good one nothing"


def test_nothing_is_found_outside_the_cases() -> None:
    assert set(court().findings) <= {file.path for case in cases() for file in case.files}


@pytest.mark.parametrize("code", [*RULES, *ENGINE])
def test_every_rule_has_a_bad_and_a_good_case(code: str) -> None:
    own = [case for case in cases() if case.code == code]
    assert any(not case.bad for case in own)
    assert any(place[2] == code for case in own for file in case.files for place in file.expected)


def test_every_case_is_of_a_rule() -> None:
    assert {case.code for case in cases()} == {*RULES, *ENGINE}


# --- what a finding says ---------------------------------------------------------------------------------


def of_case(name: str) -> list[Finding]:
    (case,) = (case for case in cases() if str(case) == name)
    return [finding for file in case.files for finding in court().findings.get(file.path, ())]


def test_a_finding_is_told_with_the_clause_that_binds_the_record() -> None:
    (finding,) = of_case("R-CMP-05/bad")
    assert finding.message.zh == "验证人不得为处置人（GSB:6.6.2）"
    assert finding.message.en == "The verifier must not be the resolver (GSB:6.6.2)"
    assert finding.hint.en == "Have someone else verify"
    assert (finding.field, finding.value) == ("verification.by", "S005")


def test_a_clause_of_another_policy_is_not_claimed() -> None:
    (finding,) = of_case("R-CMP-05/bad-warn")
    assert finding.message.en == "The verifier must not be the resolver"


def test_a_clause_is_told_of_a_record_without_a_policy() -> None:
    assert of_case("X-05/bad-date")[0].message.en.endswith("(08-04:5.3)")


def test_what_is_missing_altogether_is_shown_at_the_status() -> None:
    (finding,) = of_case("R-CMP-13/bad")
    assert (finding.field, finding.value, finding.line) == ("investigation", None, 5)


def test_a_value_is_written_as_in_the_file() -> None:
    assert [item.value for item in of_case("R-CMP-18/bad-serious")] == ["true"]
    assert [item.value for item in of_case("R-CMP-03/bad")] == [None]  # a list is not repeated


@pytest.mark.parametrize(
    ("case", "message", "hint"),
    [
        ("bad-missing", "it does not exist", "Customer"),
        ("bad-contact", "it does not exist", "a customer's contact (CUS-nnnn/Cnn)"),
        ("bad-staff", "it does not exist", "a member of staff (Snnn in config/staff.yaml)"),
        ("bad-void", "the record has been voided", "Project"),
        ("bad-void-link", "it does not exist", "a record of any type"),
        ("bad-source", "it does not exist", "Survey, Communication, Meeting, Closed incident"),
        ("bad-type", "it is of another type than this field asks for", "Complaint"),
    ],
)
def test_a_broken_reference_says_how_it_is_broken(case: str, message: str, hint: str) -> None:
    finding = next(item for item in of_case(f"X-04/{case}") if item.code == "X-04")
    assert finding.message.en.endswith(message)
    assert f"must refer to: {hint}." in finding.hint.en
    assert HAN.search(finding.message.zh)


def test_a_term_outside_the_vocabulary_names_those_inside() -> None:
    (finding,) = of_case("VOC-01/bad-own-list")
    assert finding.message.en == "'communication' is not in the vocabulary category of csp-14@A0"
    assert "price（价格）" in finding.hint.zh
    assert "communication" not in finding.hint.zh
    (finding,) = of_case("VOC-01/bad-department-then")
    assert {"业务部", "工程质量部"} <= set(re.split("[：、]", finding.hint.zh))
    assert "质量管理部" not in re.split("[：、]", finding.hint.zh)


# --- rules as data ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_rule_speaks_both_languages(rule: Definition) -> None:
    for key in ("title", "hint"):
        words = rule.text(key)
        assert words is not None
        assert HAN.search(words.zh), words.zh
        assert not HAN.search(words.en), words.en
        assert len(words.en) <= 250
        assert not words.zh.endswith(("。", ".")), words.zh
        assert not words.en.endswith("."), words.en


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_the_clause_of_a_rule_is_of_one_policy(rule: Definition) -> None:
    clause = rule.data.get("clause")
    if clause is not None:
        prefix = clause.split(":")[0].casefold()
        assert len([pack for pack in rulebook().policy.packs if prefix in pack]) == 1, clause


@pytest.mark.parametrize("rule", [rule for rule in RULES.values() if "check" in rule.data], ids=lambda r: r.data["id"])
def test_a_rule_points_at_a_field_of_its_type(rule: Definition) -> None:
    schema = rulebook().schemas.records[rule.data["for"]]
    fields: tuple[Field, ...] = schema.fields
    for step in rule.data["at"].replace("[]", "").split("."):
        found = {item.name: item for item in fields}
        assert step in found, rule.data["at"]
        fields = found[step].children


@pytest.mark.parametrize("known", [False, True])
def test_every_view_runs_over_all_the_cases(known: bool) -> None:
    book = court().book
    store = check.open_cache(Path(), book, cached=False)
    intake = take_in(every_file(), book.schemas, store)
    assert check.lay_policy(store, book, intake, MOMENT, known=known) == []
    for name, sql in book.policy.views.items():
        if known or LANDED not in reach([sql], book.policy.views):  # see Store.prepare
            assert store.query(f'SELECT count(*) FROM "{name}"'), name


def test_parameters_that_rules_ask_for_exist() -> None:
    known = {key for _, key, _, _ in court().book.policy.parameters()}
    texts = [*court().book.policy.views.values(), *(str(rule.data) for rule in RULES.values())]
    asked = {
        key for text in texts for key in re.findall(r"param(?:_has)?\(\w+(?:\.\w+)?, '([a-z_.]*[a-z_])'[,)]", text)
    }
    assert asked <= known


# --- rules that cannot work, and rules that would act ------------------------------------------------------


def judged(rule: str, files: Mapping[str, bytes] | None = None) -> list[Finding]:
    """The findings in one complaint under two rules: R-CMP-10 goes on as given, R-CMP-99 then finds the complaint."""
    record = next(case for case in cases() if str(case) == "R-ALL-01/good").files
    words = "    title: {zh: 试, en: Trial}\n    hint: {zh: 试, en: Trial}\n"
    witness = "    for: complaint\n    check: status <> 'registered'\n    at: status\n"
    text = f"rules:\n  - id: R-CMP-10\n{words}{rule}  - id: R-CMP-99\n{words}{witness}"
    tree = MemoryTree(
        {
            **{path: raw for path, raw in rulebook_files().items() if not path.endswith(OTHERS)},
            "policies/core@1/rules.yaml": text.encode(),
            CONFIG: rulebook_files()[CONFIG].partition(b"\nallow:")[0],
            **{file.path: file.text.encode() for file in record},
            **(files or {}),
        }
    )
    book = check.open_book(tree)
    assert book.findings == ()
    store = check.open_cache(Path(), book, cached=False)
    return list(check.check(tree, book, store, MOMENT).findings)


def test_a_sound_rule_finds() -> None:
    found = judged("    for: complaint\n    check: status <> 'registered'\n    at: status\n")
    assert [(item.code, item.field, item.value) for item in found] == [
        ("R-CMP-10", "status", "registered"),
        ("R-CMP-99", "status", "registered"),
    ]


@pytest.mark.parametrize(
    ("rule", "detail"),
    [
        pytest.param({"for": "complaint", "check": "verfication IS NULL"}, "verfication", id="unknown field"),
        pytest.param({"for": "complaints", "check": "true"}, "complaints", id="unknown table"),
        pytest.param({"for": "complaint", "check": "true) AND (("}, "syntax error", id="not SQL"),
        pytest.param({"for": "complaint", "check": "true; DELETE FROM record.complaint"}, "", id="a second statement"),
        pytest.param({"query": "SELECT 1 AS id) q; DROP TABLE record.complaint; --"}, "syntax error", id="broken out"),
        pytest.param({"query": "SELECT content AS id, 'id' AS at FROM read_text('/etc/hostname')"}, "", id="a file"),
        pytest.param({"query": "SELECT 'x' AS id, 'id' AS at FROM '/etc/hostname'"}, "", id="a file by name"),
        pytest.param({"query": "FROM glob('/etc/*')"}, "", id="a folder"),
        pytest.param({"query": "SELECT * FROM 'https://example.invalid/x.csv'"}, "", id="the network"),
        pytest.param({"query": "INSERT INTO record.complaint SELECT * FROM complaint"}, "", id="a writer"),
        pytest.param({"query": "SET lock_configuration = false"}, "", id="a setting"),
        pytest.param({"query": "SELECT * FROM judged"}, "judged", id="a variable of the program"),
        pytest.param({"query": "SELECT id FROM complaint"}, "", id="no field to point at"),
        pytest.param({"query": "SELECT error('boo') AS id, 'id' AS at"}, "boo", id="fails as it runs"),
    ],
)
def test_a_rule_that_does_not_run_is_itself_a_finding(rule: dict[str, Any], detail: str) -> None:
    parts = {"for": "complaint", **rule} | ({} if "query" in rule else {"at": "status"})
    fault, witness = judged("".join(f"    {key}: {json.dumps(value)}\n" for key, value in parts.items()))
    assert (fault.code, fault.path, fault.line) == ("POL-01", "policies/core@1/rules.yaml", 2)
    assert "R-CMP-10" in fault.message.en
    assert detail in fault.message.en
    assert socket.gethostname() not in fault.message.en
    assert witness.code == "R-CMP-99", "what the rule tried has come to nothing"


@pytest.mark.parametrize("sql", ["SELECT nothing FROM nowhere", "SELECT 1 AS id; DELETE FROM record.complaint"])
def test_a_view_that_does_not_run_or_would_act_is_a_finding(sql: str) -> None:
    views = {"policies/views/broken.sql": sql.encode()}
    findings = judged("    for: broken\n    check: 'true'\n    at: status\n", views)
    assert [(item.code, item.path) for item in findings[:2]] == [
        ("POL-01", "policies/core@1/rules.yaml"),
        ("POL-01", "policies/views/broken.sql"),
    ]
    assert [item.code for item in findings[2:]] == ["R-CMP-99"]


def test_what_a_rule_says_of_a_record_that_is_not_there_is_not_said() -> None:
    (witness,) = judged("    for: complaint\n    query: SELECT 'CMP-1999-0001' AS id, 'status' AS at\n")
    assert witness.code == "R-CMP-99"


@pytest.mark.parametrize("field", ["''", "NULL"])
def test_a_hit_without_a_field_stands_at_the_status(field: str) -> None:
    finding, witness = judged(f"    for: complaint\n    query: SELECT id, {field} AS at FROM complaint\n")
    assert (finding.field, finding.line) == ("", witness.line)


def test_a_query_may_say_how_severe_a_case_is() -> None:
    query = "SELECT id, 'status' AS at, 'warning' AS severity, 7 AS more FROM complaint"
    finding, witness = judged(f"    for: complaint\n    query: {query}\n")
    assert (finding.severity.value, witness.severity.value) == ("warning", "error")
