"""Macros: what they answer does not hang on how a query names its own tables and columns."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kelu import check
from kelu.git import MemoryTree
from kelu.store import Store
from repository import MOMENT, rulebook_files

WAIVER = """\
waivers:
  - {rule: OB-07, subject: SUR-2026-0001, period: 2026-06, reason: 客户书面要求免做,
     approved_by: S003, approved_on: 2026-06-01}
"""
# Every name by which the tables asked inside go, or once went.
NAMES = {"pack", "key", "value", "origin", "staff", "role", "since", "until", "customer", "project", "domain", "rule",
         "subject", "period", "approved_on", "h", "a", "c", "w", "p", "parameter", "staff_role", "allowance",
         "composition", "waiver", "of_pack", "wanted", "person", "on_day"}  # fmt: skip


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    tree = MemoryTree({**rulebook_files(), "config/waivers.yaml": WAIVER.encode()})
    blank, _ = check.blank(check.open_book(tree), MOMENT)
    yield blank
    blank.close()


CALLS = [
    ("param({0}, {1})", ("'gsb-141.03@A0'", "'complaint.fast_path'"), "true", "'csp-14@A0'"),
    ("param_has({0}, {1}, {2})", ("'gsb-141.03@A0'", "'complaint.special_meeting'", "'serious'"), True, "'csp-14@A0'"),
    ("has_role({0}, {1}, {2})", ("'S003'", "'qa_manager'", "DATE '2026-06-01'"), True, "'S001'"),
    ("governing_pack({0}, {1}, {2}, {3})", ("'satisfaction'", "'CUS-0004'", "NULL", "DATE '2026-06-01'"), "csp-14@A0",
     "'complaint'"),
    ("waived({0}, {1}, {2})", ("'OB-07'", "'SUR-2026-0001'", "'2026-06'"), True, "'OB-08'"),
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[0].partition("(")[0])
def test_no_name_of_a_query_is_captured(store: Store, call: tuple[str, tuple[str, ...], object, str]) -> None:
    """The same call with constants, and with columns of every such name, in the answer and in the condition."""
    form, given, right, other = call
    constant = form.format(*given)
    assert store.query(f"SELECT {constant}") == [(right,)]
    for place, value in enumerate(given):
        for name in sorted(NAMES):
            bare, qualified = (form.format(*(written if i == place else text for i, text in enumerate(given)))
                               for written in (name, f"{name}.{name}"))  # fmt: skip
            asked = f"SELECT {bare}, {qualified} FROM (SELECT {value} AS {name}) {name} WHERE {bare} = {constant}"
            assert store.query(asked) == [(right, right)], (name, place)
    different = store.query(f"SELECT {form.format(other, *given[1:])}")
    assert different != [(right,)]
    for name in sorted(NAMES):
        asked = f"SELECT {form.format(name, *given[1:])} FROM (SELECT {other} AS {name}) {name}"
        assert store.query(asked) == different, name
