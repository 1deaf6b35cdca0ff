"""Answers kept from an earlier check: recalled while what was asked about is the same, and never beyond."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from kelu import check, git, rules
from kelu.answers import Answers
from kelu.intake import take_in
from kelu.naming import in_order, reach, words
from kelu.store import QueryError, Store, spelled_out
from repository import MOMENT, own_records, replaced, rulebook, store, tree_of

VIEWS = {
    "late": "SELECT id FROM slow WHERE due < as_of()",
    "slow": "SELECT id, due FROM action",
    "loud": "SELECT id FROM complaint",
}
DAY = "2026-11-22"
STATES = {"action": "1", "complaint": "1", "survey": "1"}


class Kept:
    """A store that counts what it is asked and keeps what it is told."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, str] = {}

    def query(self, sql: str) -> list[tuple[object, ...]]:
        self.asked.append(sql)
        if "nonsense" in sql:
            raise QueryError("nonsense")
        return [("A", len(self.asked), None)]

    def recall(self) -> dict[str, str]:
        return dict(self.answers)

    def remember(self, answers: Mapping[str, str]) -> None:
        self.answers = dict(answers)


def asks_again(sql: str, states: Mapping[str, str] = STATES, policy: str = "p") -> bool:
    """Whether a question answered under policy `p` and STATES is put to the store once more."""
    kept = Kept()
    before = Answers(kept, "p", VIEWS, STATES, DAY)
    rows = before.ask(sql)
    before.keep()
    after = Answers(kept, policy, VIEWS, states, DAY)
    again = len(kept.asked)
    assert bool(after.open([sql])) == (after.ask(sql) != rows) == (len(kept.asked) > again)
    return len(kept.asked) > again


@pytest.mark.parametrize(
    ("sql", "types"),
    [
        ("SELECT id FROM complaint", {"complaint"}),
        ('SELECT id FROM "COMPLAINT"', {"complaint"}),
        ("SELECT id FROM slow", {"action"}),
        ("SELECT id FROM loud JOIN survey USING (id)", {"complaint", "survey"}),
        ("SELECT id FROM link", {"action", "complaint", "survey"}),
        ("SELECT id FROM record_index", {"action", "complaint", "survey"}),
        ("SELECT path FROM record.source", {"action", "complaint", "survey"}),
        ("SELECT id FROM staff", set()),
    ],
)
def test_an_answer_holds_until_a_type_it_names_changes(sql: str, types: set[str]) -> None:
    assert not asks_again(sql)
    assert {name for name in STATES if asks_again(sql, STATES | {name: "2"})} == types


@pytest.mark.parametrize(
    "sql",
    ["SELECT id FROM complaint WHERE received_at > as_of()", "SELECT id FROM late", "SELECT now()", "SELECT random()",
     "SELECT CAST('today' AS DATE)", "FROM query('SELECT 1')", "SELECT waived('OB-08', id, NULL) FROM survey"],
)  # fmt: skip
def test_what_changes_by_itself_is_always_asked(sql: str) -> None:
    assert asks_again(sql)


def test_another_policy_answers_anew() -> None:
    assert asks_again("SELECT id FROM complaint", policy="q")


def test_what_does_not_run_is_asked_each_time_and_nothing_else_is_kept() -> None:
    kept = Kept()
    kept.answers = {"old": "[]"}
    answers = Answers(kept, "p", VIEWS, STATES, DAY)
    for _ in range(2):
        with pytest.raises(QueryError):
            answers.ask("SELECT nonsense")
    answers.ask("SELECT id FROM complaint")
    answers.keep()
    assert list(kept.answers.values()) == ['[["A", 3, null]]']


def test_names_are_found_through_what_they_stand_for() -> None:
    assert words("SELECT a.B FROM x1 -- C") == {"select", "a", "b", "from", "x1", "c"}
    assert {"slow", "action", "as_of"} <= reach(["FROM late"], VIEWS)
    assert in_order(VIEWS) == ["slow", "late", "loud"]
    assert sorted(in_order({"a": "FROM b", "b": "FROM a", "c": "FROM a"})) == ["a", "b", "c"]


def test_only_what_questions_name_is_laid() -> None:
    book, held = rulebook(), store()
    taken = take_in(tree_of(own_records()), book.schemas, held)
    assert check.lay_policy(held, book, taken, MOMENT, known=False, asked={"contact", "customer"}) == []
    assert held.query("SELECT count(*) FROM contact")[0][0] > 0
    with pytest.raises(QueryError):
        held.query("FROM calendar")
    with pytest.raises(QueryError):
        held.query("FROM survey_answer")


def test_a_second_check_asks_only_what_hangs_on_the_time() -> None:
    book, held = rulebook(), store()
    asked: list[str] = []
    first = check.check(tree_of(own_records()), book, held, MOMENT)
    ask = Store.query
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "query", lambda self, sql, *rest: asked.append(sql) or ask(self, sql, *rest))
        assert check.check(tree_of(own_records()), book, held, MOMENT) == first
        assert 0 < len(asked) < 8
        assert all({"as_of", "as_of_date"} & reach([sql], {**book.policy.views, **spelled_out()}) for sql in asked)
        asked.clear()
        customer = "records/customers/CUS-0001.yaml"
        changed = git.MemoryTree(replaced(customer, "tier: company", "tier: project"))
        assert check.check(changed, book, held, MOMENT) != first
    every = len(rules.questions(book.policy))
    assert 8 < len(asked) < every
