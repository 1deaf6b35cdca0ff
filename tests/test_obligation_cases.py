"""Duties by tables: every case of `tests/cases/obligations` gives the duties it expects (see `duty_cases`)."""

from __future__ import annotations

import pytest

from duty_cases import Case, cases, differences, prepared


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_case(case: Case) -> None:
    assert differences(case.data, prepared(case.name)) == []
