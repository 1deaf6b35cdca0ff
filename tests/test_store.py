"""The store: typed tables, records as known at a moment, the calendar's macros, and a sealed file system."""

from __future__ import annotations

import datetime
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kelu import check, workdays
from kelu.intake import take_in
from kelu.store import QueryError, Store, open_store, sql_type
from repository import MOMENT, own_records, rulebook, store, tree_of

DAYS = st.dates(datetime.date(2023, 6, 1), datetime.date(2027, 6, 30))


def opened(moment: datetime.datetime = MOMENT, *, known: bool = False) -> Store:
    """A store of this repository's records, prepared for a question."""
    fresh = store()
    book = rulebook()
    intake = take_in(tree_of(own_records()), book.schemas, fresh)
    assert check.lay_policy(fresh, book, intake, moment, known=known) == []
    return fresh


@pytest.fixture(scope="module")
def written() -> Iterator[Store]:
    fresh = opened()
    yield fresh
    fresh.close()


def as_of(text: str) -> Store:
    return opened(datetime.datetime.fromisoformat(text), known=True)


def test_columns_have_the_types_of_the_schema() -> None:
    types = {f.name: sql_type(f) for f in rulebook().schemas.records["complaint"].fields}
    assert types["received_at"] == "TIMESTAMPTZ"
    assert types["customer_reply_by"] == "DATE"
    assert types["acknowledgement"].startswith('STRUCT("at" TIMESTAMPTZ, "by" VARCHAR')
    assert types["meetings"] == "VARCHAR[]"
    survey = {f.name: sql_type(f) for f in rulebook().schemas.records["survey"].fields}
    assert '"scores" MAP(VARCHAR, VARCHAR)' in survey["responses"]
    assert survey["issued_count"] == "BIGINT"


def test_every_value_of_a_record_is_in_its_row(written: Store) -> None:
    (row,) = written.query(
        "SELECT received_at, assessment.criteria.media, len(escalations), escalations[2].decision.emergency_plan, "
        "plan.long_term[1].due, meetings, resolution.remedies FROM complaint WHERE id = 'CMP-2026-0003'"
    )
    assert row == (
        datetime.datetime.fromisoformat("2026-03-02T09:10:00+08:00"), True, 2, True,
        datetime.date(2026, 3, 20), ["MTG-2026-0005"], ["apology", "repair", "process_change"],
    )  # fmt: skip
    assert written.query("SELECT responses[2].scores['competence'] FROM survey WHERE id = 'SUR-2026-0012'") == [("3",)]


def test_absent_is_null_and_a_default_is_filled_in(written: Store) -> None:
    assert written.query("SELECT confidential, repeat_of FROM complaint WHERE id = 'CMP-2026-0003'") == [
        ("normal", None)
    ]


def test_every_reference_is_a_link(written: Store) -> None:
    links = dict(written.query("SELECT field, target FROM link WHERE source = 'CMP-2026-0003'"))
    assert links["incident"] == "INC-2026-00057"
    assert links["complainant.contact"] == "CUS-0001/C01"
    assert links["plan.long_term[0].action"] == "ACT-2026-0003"
    assert links["escalations[1].to"] == "S007"


@pytest.mark.parametrize(
    ("moment", "acknowledged", "escalations", "approved", "confirmed"),
    [
        ("2026-03-02T09:10:00+08:00", None, 0, None, None),
        ("2026-03-02T09:39:59+08:00", None, 0, None, None),
        ("2026-03-02T09:40:00+08:00", "S001", 0, None, None),
        ("2026-03-02T09:51:00+08:00", "S001", 1, None, None),
        ("2026-03-03T16:30:00+08:00", "S001", 2, "S007", None),
        ("2026-03-09T15:00:00+08:00", "S001", 2, "S007", "confirmed"),
    ],
)  # fmt: skip
def test_later_stamps_have_not_happened_yet(
    moment: str, acknowledged: str | None, escalations: int, approved: str | None, confirmed: str | None
) -> None:
    known = as_of(moment)
    assert known.query(
        "SELECT acknowledgement.by, len(coalesce(escalations, [])), plan.approved_by, customer_confirmation.result "
        "FROM complaint WHERE id = 'CMP-2026-0003'"
    ) == [(acknowledged, escalations, approved, confirmed)]


def test_later_records_and_returned_sheets_are_absent() -> None:
    before = as_of("2026-03-02T09:09:59+08:00")
    assert before.query("SELECT id FROM complaint WHERE id = 'CMP-2026-0003'") == []
    half = as_of("2026-05-16T00:00:00+08:00")
    assert half.query("SELECT len(responses) FROM survey WHERE id = 'SUR-2026-0012'") == [(1,)]


def test_a_day_counts_until_its_end_in_shanghai_whatever_the_offset_of_the_question() -> None:
    utc_evening = as_of("2026-05-14T16:30:00+00:00")  # already 15 May, 00:30, in Shanghai
    assert utc_evening.query("SELECT len(responses) FROM survey WHERE id = 'SUR-2026-0012'") == [(1,)]
    assert utc_evening.query("SELECT as_of_date()") == [(datetime.date(2026, 5, 15),)]


@given(day=DAYS, n=st.integers(0, 40))
def test_deadlines_in_sql_are_those_of_the_calendar(written: Store, day: datetime.date, n: int) -> None:
    calendar = workdays.calendar(rulebook().policy.calendars)
    assert written.query("SELECT add_workdays($1::DATE, $2), monday_after($1::DATE)", [day, n]) == [
        (calendar.add_workdays(day, n).day, calendar.monday_after(day).day)
    ]


def test_what_a_pack_leaves_open_comes_from_the_defaults_and_says_so(written: Store) -> None:
    rows = {
        key: (value, origin)
        for key, value, origin in written.query(
            "SELECT key, value, origin FROM parameter WHERE pack = 'gsb-141.03@A0' AND key LIKE 'complaint.%'"
        )
    }
    assert rows["complaint.fast_path"] == ("true", "gsb-141.03@A0")
    assert rows["complaint.limits.major.acknowledge_hours"] == ("2", "practice@1")
    assert written.query("SELECT param('gsb-141.03@A0', 'no.such'), param_has('gsb-141.03@A0', "
                         "'complaint.special_meeting', 'serious')") == [(None, True)]  # fmt: skip


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; SELECT 2",
        "DROP TABLE staff",
        "INSERT INTO staff VALUES ('x')",
        "COPY staff TO '/tmp/kelu-test.csv'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "ATTACH '/tmp/kelu-test.duckdb'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "",
        "SELECT nonsense FROM complaint",
    ],
)
def test_a_query_can_only_ask_and_only_of_the_tables(written: Store, sql: str) -> None:
    with pytest.raises(QueryError):
        written.query(sql)
    assert not Path("/tmp/kelu-test.csv").exists()


def test_a_cache_that_another_process_holds_is_done_without(tmp_path: Path) -> None:
    book, path = rulebook(), tmp_path / "records.duckdb"
    open_store(path, book.schemas.records, "a").close()
    holder = subprocess.Popen(
        [sys.executable, "-c", "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()",
         str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        ours = open_store(path, book.schemas.records, "a")
        take_in(tree_of(own_records()), book.schemas, ours)
        assert len(ours.sources()) == len(own_records())
        ours.close()
    finally:
        holder.communicate(b"\n")
    kept = open_store(path, book.schemas.records, "a")
    assert kept.sources() == {}
    kept.close()


def test_a_cache_of_another_program_or_schema_is_thrown_away(tmp_path: Path) -> None:
    book, path = rulebook(), tmp_path / "records.duckdb"
    for fingerprint, held in (("a", 0), ("a", len(own_records())), ("b", 0)):
        cache = open_store(path, book.schemas.records, fingerprint)
        assert len(cache.sources()) == held
        take_in(tree_of(own_records()), book.schemas, cache)
        cache.close()


def test_an_interrupted_intake_leaves_the_cache_as_it_was(tmp_path: Path) -> None:
    book, path = rulebook(), tmp_path / "records.duckdb"
    cache = open_store(path, book.schemas.records, "a")
    take_in(tree_of(own_records()), book.schemas, cache)
    before = cache.sources()

    def interrupted() -> None:
        with cache.change():
            cache.remove(list(before)[:50])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert cache.sources() == before
    cache.close()
