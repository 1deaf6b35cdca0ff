"""Reported figures: a draft that differs is warned of, an approval that differs refused, a later difference shown."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from kelu import check, reported
from kelu.finding import Finding, Severity
from kelu.git import MemoryTree
from kelu.intake import take_in
from kelu.store import Store
from kpi_cases import once
from made_records import complaint, customer, files, project, report, survey
from repository import rulebook, rulebook_files

NOW = datetime.datetime.fromisoformat("2027-02-15T12:00:00+08:00")
AS_OF = "2026-07-20T09:00:00+08:00"
PATH = "records/reports/2026/RPT-2026-0001.yaml"


def analysis(*figures: dict[str, Any], approved: bool = False, kind: str = "satisfaction_analysis", **more: Any) -> Any:
    """A report on the first half of 2026 with these figures."""
    row = {"n": 1, "kind": kind, "policy": "tfdl-08-03@V1.2", "period": ["2026-01-01", "2026-06-30"],
           "prepared": "2026-07-20 10:00", "approved": "2026-07-27 10:00" if approved else None}  # fmt: skip
    return report(row) | {"as_of": AS_OF, "campaigns": ["2026-company"], "figures": list(figures), **more}


def tree(*reports: Any) -> MemoryTree:
    """Two complaints, one of them registered in August, and a survey in which two scores of four reach the line."""
    found = [
        customer(1), customer(2), project(1), *reports,
        *complaint({"n": 1, "received": "2026-03-02 10:00"}),
        *complaint({"n": 2, "received": "2026-03-03 10:00", "also": {"registered_at": "2026-08-03T10:00:00+08:00"}}),
        *(survey({"n": n, "kind": "company", "customer": n, "issued": "2026-03-02", "sheets": [["2026-03-03", grades]]})
          for n, grades in ((1, "5 3 5 3"), (2, "5 5 5 5"))),
    ]  # fmt: skip
    return MemoryTree({**rulebook_files(), **files(found)})


@once
def store() -> Store:
    return check.open_cache(Path(), rulebook(), cached=False)


def found(head: MemoryTree, base: MemoryTree | None = None) -> list[Finding]:
    assert take_in(head, rulebook().schemas, store()).findings == ()
    return reported.findings(store(), rulebook(), NOW, head, base)


def differing(head: MemoryTree) -> list[reported.Difference]:
    assert take_in(head, rulebook().schemas, store()).findings == ()
    return list(reported.differences(store(), rulebook(), reported.stated(store(), rulebook(), NOW)))


RIGHT = {"kpi": "SAT-01", "value": "50.00", "num": 1, "den": 2}


@pytest.mark.parametrize(
    "figure",
    [RIGHT, {"kpi": "SAT-01", "value": "50"}, {"kpi": "SAT-02", "value": "90.00"}, {"kpi": "CMP-01", "value": "2"},
     {"kpi": "CMP-14", "den": 0}],
)  # fmt: skip
def test_what_the_records_give_is_no_finding(figure: dict[str, Any]) -> None:
    assert found(tree(analysis(figure))) == []
    assert found(tree(analysis(figure, approved=True)), tree(analysis(figure))) == []


@pytest.mark.parametrize(
    ("figure", "stated", "recomputed"),
    [
        ({"kpi": "SAT-01", "value": "98.00"}, "98.00", "50.00 (1/2)"),
        ({"kpi": "SAT-01", "value": "50.00", "num": 2, "den": 4}, "50.00 (2/4)", "50.00 (1/2)"),
        ({"kpi": "SAT-01", "value": "49.99"}, "49.99", "50.00 (1/2)"),
        ({"kpi": "SAT-01", "den": 0}, "— (0)", "50.00 (1/2)"),
        ({"kpi": "CMP-14", "value": "100.00"}, "100.00", "— (0/0)"),
        ({"kpi": "SAT-99", "value": "100.00"}, "100.00", "没有指标 SAT-99"),
    ],
)  # fmt: skip
def test_another_figure_is_refused_when_the_report_is_approved(
    figure: dict[str, Any], stated: str, recomputed: str
) -> None:
    draft, approved = tree(analysis(RIGHT, figure)), tree(analysis(RIGHT, figure, approved=True))
    (warned,) = found(draft)
    (refused,) = found(approved, draft)
    assert (warned.severity, refused.severity) == (Severity.WARNING, Severity.ERROR)
    for finding in (warned, refused):
        assert (finding.code, finding.path, finding.field) == ("R-RPT-02", PATH, "figures[1].value")
        assert stated in finding.message.zh
        assert recomputed in finding.message.zh
        assert f"--as-of {AS_OF}" in finding.hint.zh
        assert "{" not in finding.message.en + finding.hint.en
    line = files([analysis(RIGHT, figure)])[PATH].decode().splitlines()[warned.line - 1]
    assert str(figure.get("value", figure["kpi"])) in line
    assert found(tree(analysis(RIGHT, figure, approved=True)), tree())[0].severity is Severity.ERROR


def test_a_report_approved_before_never_fails() -> None:
    wrong = {"kpi": "SAT-01", "value": "98.00"}
    before = tree(analysis(wrong, approved=True))
    sent = [{"department": "营销部", "at": "2026-07-28T10:00:00+08:00"}]
    issued = {"status": "issued", "issued_at": "2026-07-28T10:00:00+08:00", "distribution": sent}
    assert found(before) == []
    assert found(before, before) == []
    assert found(tree(analysis(wrong, approved=True, **issued)), before) == []


def test_only_a_draft_that_the_change_touches_is_warned_of() -> None:
    draft = tree(analysis({"kpi": "SAT-01", "value": "98.00"}))
    assert found(draft, draft) == []
    (touched,) = found(tree(analysis({"kpi": "SAT-01", "value": "97.00"})), draft)
    assert touched.severity is Severity.WARNING


def test_the_yearly_complaint_analysis_has_a_code_of_its_own() -> None:
    (wrong,) = found(tree(analysis({"kpi": "CMP-01", "value": "8"}, kind="complaint_annual")))
    assert wrong.code == "X-10"
    assert "2" in wrong.message.zh


def test_a_report_on_a_customer_is_recomputed_for_that_customer() -> None:
    figure = {"kpi": "SAT-01", "value": "100.00", "num": 1, "den": 1}
    assert found(tree(analysis(figure, customer="CUS-0002"))) == []
    assert len(found(tree(analysis(figure, customer="CUS-0001")))) == 1


def test_an_approved_figure_that_differs_is_told_in_words() -> None:
    (difference,) = differing(tree(analysis({"kpi": "CMP-01", "value": "1"}, approved=True)))
    assert (difference.stated, difference.recomputed.zh) == ("1", "2")
    assert difference.figure.report == "RPT-2026-0001"


def test_a_void_report_states_nothing() -> None:
    void = {"status": "void", "void": {"at": "2026-07-28T10:00:00+08:00", "by": "S003", "reason": "test"}}
    assert found(tree(analysis({"kpi": "CMP-01", "value": "1"}, **void))) == []
