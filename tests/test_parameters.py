"""Parameters: what a pack's YAML says decides findings and figures — each change here edits one text, no Python.

The trees are this repository's own: its records under its rulebook, with one file of a pack changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from kelu import check, kpi
from kelu.document import parse
from kelu.finding import Finding
from kelu.git import MemoryTree
from kelu.intake import take_in
from kelu.pages.parameter import Settings
from kelu.policy import Policy
from kelu.schema import Field
from made_records import Loader
from repository import MOMENT, ROOT, own_records, rulebook, rulebook_files

TFDL, GSB, CSP = (f"policies/{pack}/pack.yaml" for pack in ("tfdl-08-03@V1.2", "gsb-141.03@A0", "csp-14@A0"))
PRACTICE = "policies/practice@1/pack.yaml"


def changed(path: str, *edits: tuple[str, str]) -> dict[str, bytes]:
    """The rulebook's files with texts of one file replaced; each must stand there."""
    text = rulebook_files()[path].decode()
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return {**rulebook_files(), path: text.encode()}


def judged(files: Mapping[str, bytes], records: Mapping[str, bytes] | None = None) -> list[Finding]:
    tree = MemoryTree({**files, **(own_records() if records is None else records)})
    book = check.open_book(tree)
    assert book.findings == ()
    store = check.open_cache(Path(), book, cached=False)
    try:
        return [f for f in check.check(tree, book, store, MOMENT).findings if f.path.startswith("records/")]
    finally:
        store.close()


@cache
def before() -> frozenset[Finding]:
    return frozenset(judged(rulebook_files()))


def new(files: Mapping[str, bytes]) -> list[Finding]:
    """What is found under a changed rulebook and was not before."""
    return [finding for finding in judged(files) if finding not in before()]


def figures(files: Mapping[str, bytes], *codes: str) -> dict[str, kpi.Result]:
    tree = MemoryTree({**files, **own_records()})
    book = check.open_book(tree)
    assert book.findings == ()
    store = check.open_cache(Path(), book, cached=False)
    try:
        intake = take_in(tree, book.schemas, store)
        check.lay_policy(store, book, intake, MOMENT, known=True, asked=kpi.names(book.policy, frozenset(codes)))
        found = kpi.evaluate(store, book.policy, list(codes), "2026", MOMENT, None)
        return {result.code: result for result in found}
    finally:
        store.close()


def data(path: str) -> Any:
    return yaml.load(own_records()[path], Loader)


def of(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(own_records()):
        if path.startswith(f"records/{folder}/"):
            yield path, data(path)


# --- findings ------------------------------------------------------------------------------------------------------


def test_the_scale_decides_which_grades_there_are() -> None:
    faults = new(changed(TFDL, ('      - {code: "3", zh: 一般, en: Neutral, points: 3, value: 60}\n', "")))
    assert {fault.code for fault in faults} >= {"R-SUR-01b"}
    threes = {path for path, survey in of("surveys") if survey["policy"].startswith("tfdl") and any(
        "3" in map(str, sheet.get("scores", {}).values()) for sheet in survey.get("responses", ()))}  # fmt: skip
    assert threes
    assert {fault.path for fault in faults if fault.code == "R-SUR-01b"} == threes


def test_the_satisfied_line_decides_which_scores_need_a_reason() -> None:
    faults = new(changed(TFDL, ('satisfied_at_or_above: "4"', 'satisfied_at_or_above: "5"')))
    asked = [fault for fault in faults if fault.code == "R-SUR-03"]
    assert asked
    assert {fault.value for fault in asked} == {"4"}


def test_the_severities_are_those_of_the_pack() -> None:
    graver = changed(
        GSB, ("serious", "grave"), ("verbal_counts: true",
        "verbal_counts: true\n    limits: {grave: {acknowledge_hours: 12, resolve_workdays: 5}}"),
    )  # fmt: skip
    faults = [fault for fault in new(graver) if fault.code == "VOC-01"]
    serious = {path for path, complaint in of("complaints")
               if complaint.get("assessment", {}).get("severity") == "serious"}  # fmt: skip
    assert serious
    assert {fault.path for fault in faults} == serious
    assert {fault.hint.en for fault in faults} == {"Allowed: grave（较严重）、major（重大）、minor（轻微）"}


def test_the_departments_are_those_of_the_packs_in_force() -> None:
    faults = [fault for fault in new(changed(GSB, ("运营业务部", "运行部"))) if fault.code == "VOC-01"]
    assert faults
    assert {fault.value for fault in faults} == {"运营业务部"}
    allowed = faults[0].hint.zh.removeprefix("可选：").split("、")
    assert "运行部" in allowed
    assert "运营业务部" not in allowed
    assert allowed == sorted(allowed)
    assert {"市场部", "信息部", "综合管理部", "业务部"} <= set(allowed)  # of every pack in force


def test_confirm_levels_decide_which_complaints_the_customer_confirms() -> None:
    faults = new(changed(GSB, ("confirm_levels: [major]", "confirm_levels: [major, serious, minor]")))
    unconfirmed = {
        path for path, complaint in of("complaints")
        if complaint["status"] == "closed" and complaint["policy"] == "gsb-141.03@A0"
        and "satisfaction" not in complaint.get("customer_confirmation", {})
    }  # fmt: skip
    assert unconfirmed
    assert {fault.path for fault in faults if fault.code == "R-CMP-09"} == unconfirmed


def test_segregation_decides_how_severe_a_breach_is() -> None:
    path = "records/complaints/2026/CMP-2026-0003.yaml"
    record = data(path)
    text = own_records()[path].decode()
    resolver = record["resolution"]["by"]
    head, _, tail = text.partition("\nverification:")
    breach = {**own_records(), path: (head + "\nverification:" + re.sub(r"by: S\d+", f"by: {resolver}", tail, count=1)
                                      ).encode()}  # fmt: skip
    for files, severity in (
        (rulebook_files(), "error"),
        (changed(PRACTICE, ("segregation: error", "segregation: warn")), "warning"),
        (changed(GSB, ("parameters:\n", "parameters:\n  segregation: warn\n")), "warning"),  # the pack's own word
        (changed(CSP, ("parameters:\n", "parameters:\n  segregation: warn\n")), "error"),  # another pack's
    ):
        found = [fault.severity.value for fault in judged(files, breach) if fault.code == "R-CMP-05"]
        assert found == [severity]


# --- figures ---------------------------------------------------------------------------------------------------------


def test_line_target_and_limits_decide_the_figures() -> None:
    plain = figures(rulebook_files(), "SAT-01", "CMP-02")
    stricter = figures(changed(TFDL, ('satisfied_at_or_above: "4"', 'satisfied_at_or_above: "5"')), "SAT-01")
    assert stricter["SAT-01"].value < plain["SAT-01"].value
    assert stricter["SAT-01"].denominator == plain["SAT-01"].denominator
    lenient = figures(changed("policies/tfdl-08-03@V1.2/kpis.yaml", ('value: "0.98"', 'value: "0.5"')), "SAT-01")
    assert (plain["SAT-01"].verdict, lenient["SAT-01"].verdict) == (kpi.Verdict.MISSED, kpi.Verdict.MET)
    assert lenient["SAT-01"].value == plain["SAT-01"].value
    hurried = figures(changed(PRACTICE, ("minor: {acknowledge_hours: 24", "minor: {acknowledge_hours: 1")), "CMP-02")
    assert hurried["CMP-02"].value < plain["CMP-02"].value


def test_call_back_coverage_decides_the_target_and_grace_the_figure() -> None:
    plain = figures(rulebook_files(), "CBK-01")["CBK-01"]
    sampled = changed(TFDL, ("callback: {coverage: all", 'callback: {coverage: sample, sample_rate: "0.2"'))
    late = changed(TFDL, ("callback: {coverage: all", "callback: {grace_workdays: 3, coverage: all"))
    assert (str(plain.target), str(figures(sampled, "CBK-01")["CBK-01"].target)) == ("1", "1/5")
    assert figures(late, "CBK-01")["CBK-01"].value > plain.value


# --- every vocabulary ------------------------------------------------------------------------------------------------


def vocabulary_fields(fields: tuple[Field, ...]) -> Iterator[Field]:
    for field in fields:
        if field.vocabulary:
            yield field
        yield from vocabulary_fields(field.children)


def places(node: Any, pointer: tuple[str, ...]) -> Iterator[tuple[Any, Any]]:
    """(container, key) of each value that a schema's pointer leads to."""
    if not pointer or node is None:
        return
    step, *rest = pointer
    if step == "[]":
        for index in range(len(node)):
            if rest:
                yield from places(node[index], tuple(rest))
            else:
                yield node, index
    elif step in node:
        if rest:
            yield from places(node[step], tuple(rest))
        else:
            yield node, step


def allowed(policy: Policy, field: Field, pack: str) -> set[str]:
    """The codes the pack files offer, read another way than by the program's query."""
    assert field.vocabulary
    packs = {name: yaml.load(rulebook_files()[f"policies/{name}/pack.yaml"], Loader) for name in policy.packs}
    ruling = {name for step in policy.timeline for key, name in step.items() if key != "from"}
    ruling |= {entry["pack"] for entry in policy.allowances}
    name = field.vocabulary.name
    if name == "template":
        return set(packs[pack].get("templates", {}))
    fallback = packs[policy.defaults]["vocabularies"].get(name, ())
    asked = ruling if field.vocabulary.shared else {pack}
    return {entry["code"] for one in asked for entry in packs[one].get("vocabularies", {}).get(name, fallback)}


def test_a_value_that_the_pack_does_not_know_is_found_in_every_field_and_the_known_ones_named() -> None:
    """One strange value in each field of each record type that takes its values from a pack, all judged at once."""
    records = dict(own_records())
    expected: dict[tuple[str, str], set[str]] = {}
    covered: set[tuple[str, tuple[str, ...]]] = set()
    fields = {(kind, field.pointer): field for kind, schema in rulebook().schemas.records.items()
              for field in vocabulary_fields(schema.fields) if not field.enum}  # fmt: skip
    for path in sorted(records):
        kind = path.split("/")[1].removesuffix("s")
        record = data(path)
        strange = [(field, place) for (of_kind, _), field in fields.items() if of_kind == kind
                   for place in places(record, field.pointer)]  # fmt: skip
        if record["status"] == "void" or not strange or all((kind, field.pointer) in covered for field, _ in strange):
            continue
        for number, (field, (container, key)) in enumerate(strange):
            value = f"无此值{number}" if field.vocabulary and field.vocabulary.shared else f"none_such{number}"
            value = f"none-such/v{number + 1}" if field.vocabulary and field.vocabulary.name == "template" else value
            container[key] = value
            covered.add((kind, field.pointer))
            expected[path, value] = allowed(rulebook().policy, field, record.get("policy", ""))
        records[path] = yaml.safe_dump(record, allow_unicode=True, sort_keys=False).encode()
    found = {
        (fault.path, fault.value): set(re.sub(r"（[^）]*）", "", fault.hint.zh.removeprefix("可选：")).split("、"))
        for fault in judged(rulebook_files(), records)
        if fault.code == "VOC-01"
    }
    assert len(covered) >= 15
    assert {"category", "severity", "department", "template"} <= {
        field.vocabulary.name for key, field in fields.items() if key in covered and field.vocabulary
    }
    assert found == expected


def test_a_method_that_the_pack_leaves_out_is_no_method_of_its_surveys() -> None:
    """CSP lists its survey methods; phone is one of practice, but not of CSP (CSP:9(5))."""
    path, survey = next((path, survey) for path, survey in of("surveys") if survey["policy"] == "csp-14@A0")
    text = own_records()[path].decode().replace(f"method: {survey['method']}", "method: phone", 1)
    (fault,) = (f for f in judged(rulebook_files(), {**own_records(), path: text.encode()}) if f.code == "VOC-01")
    assert (fault.path, fault.value) == (path, "phone")
    assert "fax（传真）" in fault.hint.zh


def test_departments_are_free_where_no_pack_in_force_lists_any() -> None:
    """SD-02004 names roles only: alone, it leaves departments to the company (clauses.md §6)."""
    alone = """\
common: core@1
defaults: practice@1
timeline:
  - {from: 2024-01-01, relationship: sd-02004@V1.0, complaint: sd-02004@V1.0, satisfaction: sd-02004@V1.0}
"""
    files = {**rulebook_files(), "config/policy.yaml": alone.encode()}
    records = {path: raw for path, raw in own_records().items() if "/customers/" in path or "/projects/" in path}
    assert [fault for fault in judged(files, records) if fault.code == "VOC-01"] == []


# --- every parameter is read ---------------------------------------------------------------------------------------

# Keys that no rule, view, figure, duty, page or program reads, each with the reason for which it stays.
UNREAD = {
    "communication.channels": "what the policy lists; no other channel is forbidden (08-04:5)",
    "communication.log_routine_calls": "says what need not be recorded, so that nothing can be missing (08-04:5.1)",
    "improvement_routing.service_quality": "whom an improvement goes to, which its department records (CSP:12)",
    "improvement_routing.delivery_quality": "the same",
    "improvement_routing.product_quality": "the same",
    "service_review.cadence": "the policy's own word for the period that the duty OB-19 has (SD:1.2.2)",
    "survey.validity_judged": "the policy's own word; the pack's rule R-SUR-20 asks for it (CSP:10(1))",
    "training.assessed": "the policy's own word; the duty OB-24 asks for every trainee's result (CSP:5)",
}
# Keys put together in SQL from a prefix and a value of the record.
COMPOSED = re.compile(r"'((?:[a-z_]+\.)+)'\s*\|\|")


def sources() -> Iterator[str]:
    for pattern in (
        "policies/views/*.sql", "policies/*/rules.yaml", "policies/*/kpis.yaml", "policies/*/obligations.yaml",
        "policies/drafts/*.yaml", "site/templates/**/*.j2", "site/ledgers/*.yaml", "tools/kelu/**/*.py",
    ):  # fmt: skip
        for path in sorted(ROOT.glob(pattern)):
            yield path.read_text("utf-8")


def test_every_parameter_is_read_somewhere() -> None:
    """A switch that switches nothing misleads who sets it."""
    text = "\n".join(sources())
    keys = {key for _, key, _, _ in rulebook().policy.parameters() if not key.startswith("own.")}
    prefixes = tuple(set(COMPOSED.findall(text)))
    written = set(re.findall(r"(?:[a-z_]+\.)+[a-z_]+|[a-z_]+", text))
    unread = {key for key in keys if key not in written and not key.startswith(prefixes)}
    assert unread == set(UNREAD)


def test_a_figure_leans_on_what_its_own_views_ask_for() -> None:
    book = rulebook()
    words = parse((ROOT / "site/words.yaml").read_bytes(), "words.yaml")[0]
    assert words is not None
    settings = Settings(book.policy, book.schemas, words)
    confirmed = "from: report_confirmation -- as a meeting's, for which see FROM meeting_due"
    assert [item.key for item in settings.used(confirmed, "tfdl-08-04@V1.2")] == ["service_report.confirm_workdays"]
