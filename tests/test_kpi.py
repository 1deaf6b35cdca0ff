"""KPIs: the vectors of `tests/cases/kpi`, exact arithmetic, slices and trends, and what a definition may get wrong."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kelu import kpi, periods
from kelu.kpi import figure
from kelu.policy import Definition, Pack, Policy
from kpi_cases import CASES, Case, Known, ask, cases, differs, errors, known, once, prepared
from repository import own_records, rulebook

AS_OF = "2026-07-02T12:00:00+08:00"


# --- vectors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.stem for path in CASES.glob("*.yaml")))
def test_check_accepts_the_records_of_a_case(name: str) -> None:
    (case,) = [case for case in cases() if case.name == name]
    assert errors(case) == []


def expectations() -> Iterator[Any]:
    for case in cases():
        for expected in case.expect:
            by = f"-by-{expected['by']}" if "by" in expected else ""
            yield pytest.param(case, expected, id=f"{case.name}-{expected['kpi']}-{expected['period']}{by}")


@pytest.mark.parametrize(("case", "expected"), list(expectations()))
def test_vector(case: Case, expected: Mapping[str, Any]) -> None:
    assert differs(expected, ask(prepared(case.name), expected)) == ""


def test_every_kpi_has_a_vector_and_both_languages() -> None:
    defined = {item.data["code"] for pack in rulebook().policy.packs.values() for item in pack.kpis}
    assert defined == {expected["kpi"] for case in cases() for expected in case.expect}
    for pack in rulebook().policy.packs.values():
        for item in pack.kpis:
            for key in ("title", "formula"):
                text = item.text(key)
                assert text is not None
                assert text.zh != text.en


def test_only_what_a_source_policy_states_is_called_policy() -> None:
    """kpis.md §5: nothing else is in the source policies."""
    stated = {
        (item.data["code"], pack.name)
        for pack in rulebook().policy.packs.values()
        for item in pack.kpis
        if item.data["basis"] == "policy"
    }
    assert stated == {
        ("SAT-01", "tfdl-08-03@V1.2"), ("SAT-02", "tfdl-08-03@V1.2"), ("SAT-03", "csp-14@A0"), ("SAT-04", "csp-14@A0")
    }  # fmt: skip


# --- this repository's own records -----------------------------------------------------------------------


@once
def own() -> Known:
    """The shipped records as known on 2 July 2026 at noon (data sets V and W)."""
    return known(own_records(), AS_OF)


@pytest.mark.parametrize(
    ("code", "shown", "numerator", "denominator"),
    [
        ("CMP-01", "7", 7, None), ("CMP-02", "85.71", 6, 7), ("CMP-03", "9.80", None, 7), ("CMP-04", "50.00", 3, 6),
        ("CMP-03M", "0.50", None, None), ("CMP-05", "71.43", 5, 7), ("CMP-06", "100.00", 5, 5),
        ("CMP-08", "14.29", 1, 7), ("SAT-02", "93.17", None, None),
        ("CMP-07", "156.00", 780, 5), ("CMP-07M", "145.00", None, None), ("CMP-10", "2", 2, None),
        ("CMP-10D", "1", 1, None), ("CMP-13", "100.00", 1, 1), ("SAT-01", "80.00", 4, 5),
        ("SRV-01", "87.50", 7, 8), ("SRV-02", "85.71", 6, 7), ("SRV-05", "100.00", 1, 1), ("SRV-06", "100.00", 1, 1),
    ],
)  # fmt: skip
def test_the_shipped_records_hold_the_worked_examples(
    code: str, shown: str, numerator: int | None, denominator: int | None
) -> None:
    result = own().figure(code, "2026-H1")
    assert result.shown == shown
    assert numerator in (None, result.numerator)
    assert denominator in (None, result.denominator)


def test_the_shipped_records_hold_the_worked_example_of_items() -> None:
    results = own().figures("SAT-05", "2026-H1", by="item")
    shown = {result.slice: result.shown for result in results if result.denominator}
    assert shown == {"quality": "100.00", "competence": "83.33", "discipline": "100.00", "security": "100.00"}


def test_the_shipped_complaints_by_severity() -> None:
    results = own().figures("CMP-01", "2026-H1", by="severity")
    assert {r.slice: r.shown for r in results} == {"minor": "4", "serious": "2", "major": "1", None: "0"}


# --- arithmetic ------------------------------------------------------------------------------------------

GOAL = Fraction(98, 100)


@pytest.mark.parametrize(
    ("value", "shown", "verdict"),
    [
        (Fraction(3918, 3998), "97.999", "missed"),  # 98.00 would look like the target
        (Fraction(49, 50), "98.00", "met"),
        (Fraction(195, 199), "97.99", "missed"),
        (Fraction(979999, 1000000), "97.9999", "missed"),
        (Fraction(1), "100.00", "met"),
        (Fraction(0), "0.00", "missed"),
    ],
)
def test_the_exact_value_meets_the_target_or_not(value: Fraction, shown: str, verdict: str) -> None:
    assert figure.verdict(value, ">=", GOAL) == verdict
    assert figure.shown(value, "percent", 2, ">=", GOAL) == shown


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (Fraction(1, 8), 2, "0.13"), (Fraction(-1, 8), 2, "-0.13"), (Fraction(5, 2), 0, "3"),
        (Fraction(-5, 2), 0, "-3"), (Fraction(1, 3), 4, "0.3333"), (Fraction(2, 3), 2, "0.67"),
        (Fraction(0), 2, "0.00"), (Fraction(2675, 1000), 2, "2.68"),
        (Fraction(-1, 1000), 2, "0.00"), (Fraction(10**30 + 1, 2), 1, "500000000000000000000000000000.5"),
    ],
)  # fmt: skip
def test_halves_go_up(value: Fraction, decimals: int, text: str) -> None:
    assert figure.half_up(value, decimals) == text


@given(value=st.fractions(-1000, 1000), decimals=st.integers(0, 6))
def test_rounding_is_off_by_half_a_unit_at_most(value: Fraction, decimals: int) -> None:
    assert abs(Fraction(figure.half_up(value, decimals)) - value) * 10**decimals * 2 <= 1


@given(
    value=st.fractions(0, 1, max_denominator=5000), goal=st.decimals(0, 1, places=3),
    op=st.sampled_from([">=", "<=", "=", ">", "<"]),
)  # fmt: skip
def test_what_is_shown_tells_the_same_of_the_target(value: Fraction, goal: Any, op: str) -> None:
    goal = Fraction(goal)
    shown = figure.shown(value, "percent", 2, op, goal)
    assert figure.meets(Fraction(shown) / 100, op, goal) == figure.meets(value, op, goal)
    assert len(shown.partition(".")[2]) >= 2


def test_without_value_or_target_nothing_is_assessed() -> None:
    assert figure.verdict(None, ">=", GOAL) is kpi.Verdict.NOT_ASSESSED
    assert figure.verdict(Fraction(1), None, None) is kpi.Verdict.NOT_ASSESSED


def test_only_the_official_period_is_judged() -> None:
    assert figure.verdict(Fraction(1), ">=", GOAL, official=False) is kpi.Verdict.INFORMATION
    assert figure.verdict(None, ">=", GOAL, official=False) is kpi.Verdict.NOT_ASSESSED
    for result in all_figures():
        assert (result.verdict in (kpi.Verdict.MET, kpi.Verdict.MISSED)) <= result.official


@pytest.mark.parametrize(
    ("target", "unit", "text"),
    [(Fraction(98, 100), "percent", "98"), (Fraction(1), "percent", "100"), (Fraction(5, 1000), "per_100", "0.5"),
     (Fraction(0), "count", "0"), (Fraction(24), "hours", "24")],
)  # fmt: skip
def test_a_target_is_shown_without_needless_zeros(target: Fraction, unit: str, text: str) -> None:
    assert figure.target_shown(target, unit) == text


# --- what every figure holds to --------------------------------------------------------------------------


@cache
def all_figures() -> tuple[kpi.Result, ...]:
    ready = own()
    return tuple(
        result
        for period in ("2025", "2026-H1")
        for result in kpi.evaluate(ready.store, ready.policy, None, period, ready.as_of, "c0ffee", records=True)
    )


def test_numerators_stay_within_denominators_and_records_agree() -> None:
    for result in all_figures():
        assert set(result.contributing) <= set(result.counted)
        assert len(set(result.counted)) == len(result.counted)
        assert result.excluded_count == len(result.excluded)
        if result.unit == "percent" and result.value is not None:
            assert 0 <= result.value <= 1
        if result.denominator == 0:
            assert result.value is None
            assert result.shown is None
            assert result.verdict is kpi.Verdict.NOT_ASSESSED
        if result.unit not in ("per_100", "per_project") and result.denominator is not None and result.code != "SRV-01":
            assert len(result.counted) <= result.denominator


def test_a_whole_record_is_either_counted_or_excluded() -> None:
    for result in all_figures():
        whole = {item.id for item in result.excluded if item.part is None}
        assert not whole & set(result.counted), result.code


def test_every_reason_for_exclusion_is_said_in_words() -> None:
    for result in all_figures():
        for item in result.excluded:
            assert item.text.zh != item.reason, (result.code, item)


def test_a_figure_says_where_it_comes_from() -> None:
    result = own().figure("SAT-01", "2026-H1")
    assert (result.clause, result.basis, result.target_basis) == ("08-03:4.3(4)", "policy", "policy")
    assert (result.pack, result.commit, result.as_of) == ("tfdl-08-03@V1.2", "c0ffee", own().as_of)
    assert own().store.query(result.sql)
    assert not result.small
    assert own().figure("CMP-13", "2026-H1").small


@pytest.mark.parametrize("code", ["CMP-02", "CMP-03", "CMP-03M", "CMP-10", "CMP-16P", "SAT-01", "SAT-02", "SRV-01"])
def test_a_trend_gives_what_single_periods_give(code: str) -> None:
    ready = own()
    spans = list(periods.between("month", datetime.date(2025, 1, 1), datetime.date(2026, 8, 31)))
    trend = kpi.trend(ready.store, ready.policy, code, spans, ready.as_of, "c0ffee")
    single = [ready.figure(code, span.label) for span in spans]
    assert [replace(item, sql="") for item in trend] == [replace(item, sql="") for item in single]


@pytest.mark.parametrize("by", ["customer", "severity", "item"])
def test_slices_add_up_to_the_whole(by: str) -> None:
    ready = own()
    whole = {result.code: result for result in all_figures() if result.period.label == "2026-H1"}
    slices = kpi.evaluate(ready.store, ready.policy, None, "2026-H1", ready.as_of, None, by=by)
    assert slices
    for code in {part.code for part in slices if whole[part.code].numerator is not None}:
        parts = [part for part in slices if part.code == code]
        assert sum(part.numerator or 0 for part in parts) == whole[code].numerator, code
        assert sum(part.denominator or 0 for part in parts) == (whole[code].denominator or 0), code


def test_slices_over_periods_are_those_of_single_periods() -> None:
    ready = own()
    spans = [periods.parse("2026-Q1"), periods.parse("2026-Q2")]
    trend = kpi.trend(ready.store, ready.policy, "CMP-01", spans, ready.as_of, None, by="severity")
    single = [item for span in spans for item in ready.figures("CMP-01", span.label, by="severity")]
    assert [(r.period, r.slice, r.value) for r in trend] == [(r.period, r.slice, r.value) for r in single]


@pytest.mark.parametrize("most", [None, 2])
def test_all_at_once_is_what_single_questions_give(most: int | None) -> None:
    """Every KPI of the catalogue, in every period and by every dimension, SQL and records with it."""
    ready = own()
    held, policy, at = ready.store, ready.policy, ready.as_of
    seen = list(kpi.series(held, policy, at, "c0ffee", most))
    assert [item.result.code for item in seen] == [d.data["code"] for d in kpi.in_force(policy, periods.day_of(at))]
    assert sum(len(results) for item in seen for results, _ in item.slices.values()) > 100
    for item in seen:
        code, told = item.result.code, item.result.period
        assert kpi.evaluate(held, policy, [code], told, at, "c0ffee", records=True) == [item.result]
        for result in (*item.official, *item.finer):
            (single,) = kpi.evaluate(held, policy, [code], result.period, at, "c0ffee")
            assert replace(single, sql="") == replace(result, sql="")
        assert tuple(item.slices) == kpi.dimensions(held, item.definition)
        for by, (results, count) in item.slices.items():
            single_by = kpi.evaluate(held, policy, [code], told, at, "c0ffee", by=by)
            assert (tuple(single_by[:most]), len(single_by)) == (results, count), (code, by)


# --- which definition counts -----------------------------------------------------------------------------


def with_kpis(policy: Policy, pack: str, *entries: dict[str, Any]) -> Policy:
    """The policy with these definitions added to a pack."""
    before = policy.packs[pack].kpis
    source = before[0].source if before else policy.packs[pack].source
    added = tuple(Definition(pack, entry, source, ("kpis", n)) for n, entry in enumerate(entries))
    packs = {**policy.packs, pack: replace(policy.packs[pack], kpis=before + added)}
    return replace(policy, packs=packs)


def entry(**own: Any) -> dict[str, Any]:
    words = {"zh": "甲", "en": "A"}
    return {
        "code": "XX-01", "title": words, "formula": words, "basis": "practice", "from": "complaint", "measure": "count",
        "unit": "count", "date": "CAST(received_at AS DATE)", "period": "year", **own,
    }  # fmt: skip


def pack_of(policy: Policy, code: str, day: str) -> str | None:
    found = kpi.find(policy, code, datetime.date.fromisoformat(day))
    return found and found.pack


def test_the_pack_in_force_comes_before_one_agreed_and_before_the_defaults() -> None:
    policy = with_kpis(rulebook().policy, "practice@1", entry())
    assert pack_of(policy, "XX-01", "2026-06-30") == "practice@1"
    policy = with_kpis(policy, "core@1", entry())
    assert pack_of(policy, "XX-01", "2026-06-30") == "core@1"
    policy = with_kpis(policy, "csp-14@A0", entry(domain="satisfaction"))
    assert pack_of(policy, "XX-01", "2026-06-30") == "csp-14@A0"
    policy = with_kpis(policy, "tfdl-08-03@V1.2", entry(domain="satisfaction"))
    assert pack_of(policy, "XX-01", "2026-06-30") == "tfdl-08-03@V1.2"
    assert pack_of(policy, "XX-01", "2023-12-31") == "core@1"
    assert pack_of(policy, "SAT-01", "2023-12-31") is None
    policy = with_kpis(policy, "csp-14@A0", entry(code="XX-02"))
    assert pack_of(policy, "XX-02", "2026-06-30") == "csp-14@A0"  # no domain: any that the pack rules


def test_a_figure_of_the_defaults_counts_while_anybody_is_ruled_in_what_it_speaks_of() -> None:
    policy = with_kpis(
        rulebook().policy,
        "practice@1",
        entry(domains=["service"]),
        entry(code="XX-02", domains=["satisfaction", "relationship"]),
        entry(code="XX-03"),
    )
    timeline = (
        {"from": "2024-01-01", "complaint": "gsb-141.03@A0"},
        {"from": "2026-07-01", "relationship": "sd-02004@V1.0"},
    )
    agreed = {"customer": "CUS-0001", "domain": "service", "pack": "csp-14@A0"}
    agreed |= {"from": "2026-03-01", "to": "2026-06-01"}
    policy = replace(policy, timeline=timeline, allowances=(agreed,))

    def codes(day: str) -> set[str]:
        found = kpi.in_force(policy, datetime.date.fromisoformat(day))
        return {item.data["code"] for item in found} & {"XX-01", "XX-02", "XX-03", "CMP-01", "SRV-01"}

    assert codes("2023-12-31") == {"XX-03"}
    assert codes("2024-01-01") == {"XX-03", "CMP-01"}
    assert codes("2026-03-01") == codes("2026-05-31") == {"XX-01", "XX-03", "CMP-01"}
    assert codes("2026-06-01") == {"XX-03", "CMP-01"}
    assert codes("2026-07-01") == {"XX-02", "XX-03"}


# --- what can go wrong -----------------------------------------------------------------------------------


def test_an_unknown_code_is_said_in_both_languages() -> None:
    with pytest.raises(kpi.KpiError) as refused:
        own().figure("CMP-99", "2026")
    assert "CMP-99" in refused.value.text.zh
    assert "CMP-99" in refused.value.text.en


def test_a_code_that_no_policy_in_force_defines_is_refused() -> None:
    with pytest.raises(kpi.KpiError, match="2023-12-31"):
        own().figure("SAT-01", "2023")
    ready = own()
    spans = [periods.parse("2022"), periods.parse("2023")]
    with pytest.raises(kpi.KpiError):
        kpi.trend(ready.store, ready.policy, "SAT-01", spans, ready.as_of, None)
    later = kpi.trend(ready.store, ready.policy, "SAT-01", [*spans, periods.parse("2025")], ready.as_of, None)
    assert [item.period.label for item in later] == ["2025"]
    assert kpi.trend(ready.store, ready.policy, "SAT-01", [], ready.as_of, None) == []


def test_what_is_no_period_is_refused() -> None:
    with pytest.raises(periods.PeriodError):
        own().figure("SAT-01", "2026-13")


def test_a_dimension_that_a_figure_lacks_is_refused_but_passed_over_when_all_are_asked() -> None:
    with pytest.raises(kpi.KpiError, match="item"):
        own().figures("CMP-01", "2026", by="item")
    with pytest.raises(kpi.KpiError):
        own().figures("CMP-01", "2026", by="id")
    ready = own()
    codes = {r.code for r in kpi.evaluate(ready.store, ready.policy, None, "2026", ready.as_of, None, by="item")}
    assert codes == {"RPT-03", "SAT-02", "SAT-03", "SAT-05"}


def test_another_moment_than_the_records_were_laid_for_is_refused() -> None:
    ready = own()
    with pytest.raises(kpi.KpiError):
        kpi.evaluate(ready.store, ready.policy, ["CMP-01"], "2026", ready.as_of + datetime.timedelta(1), None)


def test_the_shipped_definitions_run() -> None:
    assert kpi.faults(own().policy, own().store) == []


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"from": "complaints"}, "complaints"),
        ({"where": "no_such_column"}, "no_such_column"),
        ({"where": "true; DROP TABLE complaint"}, "syntax"),
        ({"excluded": "CASE WHEN"}, "syntax"),
        ({"measure": "mean", "value": "1.5 / 2"}, "DOUBLE"),
        ({"measure": "median", "value": "sqrt(2)"}, "DOUBLE"),
        ({"measure": "mean", "value": "1", "denominator": "0.5::FLOAT"}, "FLOAT"),
        ({"measure": "ratio", "numerator": "1", "denominator": "1e0"}, "DOUBLE"),
        ({"measure": "share", "meets": "'maybe'"}, "maybe"),
        ({"from": "staff_role", "date": "since"}, '"id"'),
    ],
)
def test_a_definition_that_does_not_run_is_found_at_its_line(broken: dict[str, Any], words: str) -> None:
    ready = own()
    source = ready.policy.packs["practice@1"].kpis[0].source
    alone = Pack("practice@1", source, kpis=(Definition("practice@1", entry(**broken), source, ("kpis", 0)),))
    (found,) = kpi.faults(replace(ready.policy, packs={"practice@1": alone}), ready.store)
    assert (found.code, found.path, found.field) == ("POL-01", "policies/practice@1/kpis.yaml", "kpis[0]")
    assert "XX-01" in found.message.zh
    assert words in found.message.en
    assert found.line > 1
    with pytest.raises(kpi.KpiError, match="XX-01"):
        ready.figure("XX-01", "2026", with_kpis(ready.policy, "practice@1", entry(**broken)))
