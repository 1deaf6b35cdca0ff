"""Duties by tables: every case of `tests/cases/obligations` gives the duties it expects (see `duty_cases`)."""

from __future__ import annotations

import pytest

from duty_cases import Case, cases, differences, prepared
from repository import rulebook

# Kept by the record being there at all, which nothing is known of before: these are never overdue.
NEVER_OVERDUE = {"OB-42", "OB-52"}


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_case(case: Case) -> None:
    assert differences(case.data, prepared(case.name)) == []


def test_every_obligation_has_a_case_kept_and_a_case_overdue() -> None:
    expected = [(item["duty"][:5], item.get("state")) for case in cases() for item in case.data.get("expect", ())]
    codes = {item.data["id"] for item in rulebook().policy.obligations()}
    kept = {code for code, state in expected if state in ("satisfied", "satisfied_late")}
    overdue = {code for code, state in expected if state == "overdue"}
    assert (codes - kept, codes - overdue - NEVER_OVERDUE) == (set(), set())
