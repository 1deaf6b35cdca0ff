"""What is kept about restated figures changes nothing: after any commits it gives what working all out anew gives."""

from __future__ import annotations

import datetime
import json
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kelu import check, git, intake, kpi, restate
from kelu.history import landed
from kelu.history.index import open_history
from kelu.restate import compare
from kelu.restate.outcome import Outcome
from made_records import files, report
from test_at import commit
from test_restate import FORGOTTEN, IN_TIME, KPIS, LATE, base, home, made

__all__ = ["base", "home"]  # fixtures
NOW = datetime.datetime.fromisoformat("2026-06-20T12:00:00+08:00")


def told(home: Path, *, cached: bool = True) -> Outcome:
    tree = git.WorkTree(home)
    book, at = check.open_book(tree), git.head(home)
    assert at is not None
    with (
        closing(check.open_cache(home, book, cached=False)) as store,
        closing(open_history(home, cached=cached)) as history,
    ):
        intake.take_in(tree, book.schemas, store)
        landed.bring(home, store, book.schemas, book.policy, book.fingerprint, at.sha, cached=cached)
        return restate.recent(restate.Ground(home, tree, book, store, history), NOW, kpi.FINER)


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The figures that were worked out, each as its code, with whether it was one of then."""
    found: list[str] = []
    evaluated = compare._evaluated

    def noted(*words: object) -> Iterator[object]:
        for claim, result in evaluated(*words):  # type: ignore[arg-type]
            found.append(f"{claim.code} {'now' if words[-1] is None else 'then'}")
            yield claim, result

    monkeypatch.setattr(compare, "_evaluated", noted)
    return found


def test_only_what_is_new_is_worked_out(home: Path, worked: list[str]) -> None:
    commit(home, files(FORGOTTEN), "2026-05-06T10:00:00+08:00")
    first = told(home)
    assert {item.code for item in first.restatements} >= {"CMP-01", "CMP-02", "CMP-17"}
    before, worked[:] = list(worked), []
    assert told(home) == first
    assert worked == []
    # A complaint of June says nothing about the closed periods.
    commit(home, files(made(7, "2026-06-18 10:00", "2026-06-18 11:00")), "2026-06-19T10:00:00+08:00")
    assert told(home) == told(home, cached=False)
    worked.clear()
    commit(home, files(made(2, "2026-03-03 10:00", "2026-03-03 11:00")), "2026-06-19T11:00:00+08:00")
    again = told(home)
    assert 0 < len(worked) < len(before)
    assert not any(item.endswith("then") for item in worked if item in before)
    assert again == told(home, cached=False)


def test_after_any_commits_it_is_as_if_nothing_were_kept(home: Path) -> None:
    draw, number = random.Random(7), iter(range(20, 60))

    def late() -> None:
        day, hour = draw.randint(2, 27), draw.randint(8, 11)
        entered = f"2026-05-{draw.randint(10, 27):02}T09:00:00+08:00"
        new = made(next(number), f"2026-03-{day:02} {hour:02}:00", f"2026-03-{day + 2:02} 12:00", registered_at=entered)
        commit(home, files(new), "2026-05-28T10:00:00+08:00")

    def corrected() -> None:
        commit(
            home,
            files(made(2, f"2026-03-0{draw.randint(2, 8)} 10:00", "2026-03-09 10:00")),
            "2026-05-28T11:00:00+08:00",
        )

    def voided() -> None:
        void = {"at": "2026-05-06T09:00:00+08:00", "by": "S005", "reason": "test", "approved_by": "S003"}
        commit(
            home,
            files([draw.choice([IN_TIME, LATE])[-1] | {"status": "void", "void": void}]),
            "2026-05-28T12:00:00+08:00",
        )

    def removed() -> None:
        held = sorted((home / "records/complaints").rglob("*.yaml"))
        git.run(home, "rm", "-q", str(draw.choice(held)))
        commit(home, {}, "2026-05-28T13:00:00+08:00")

    def ruled() -> None:
        text = (home / KPIS).read_text("utf-8")
        commit(home, {KPIS: text.replace("op: '>='", "op: '>'", 1).encode() + b"\n"}, "2026-05-28T14:00:00+08:00")

    def unwritten() -> None:
        for path, raw in files(made(3, f"2026-03-1{draw.randint(0, 9)} 10:00", "2026-03-27 10:00")).items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_bytes(raw)

    def rewritten() -> None:
        git.run(home, "reset", "-q", "--hard", "HEAD~1")

    steps = [late, corrected, unwritten, rewritten, ruled, removed, voided]
    for step in steps:
        step()
        assert told(home) == told(home, cached=False), step.__name__


def test_what_others_kept_is_not_believed(home: Path) -> None:
    commit(home, files(FORGOTTEN), "2026-05-06T10:00:00+08:00")
    sound = told(home)
    with closing(open_history(home)) as history:
        kept = json.loads(history.recall("restated") or "")
    for key, value in (("ground", "of others"), ("head", "0" * 40)):
        with closing(open_history(home)) as history:
            history.remember("restated", json.dumps({**kept, "compared": dict.fromkeys(kept["compared"]), key: value}))
        assert told(home) == sound


def test_what_a_report_states_is_held_against_the_kept(home: Path, worked: list[str]) -> None:
    described = {
        "n": 1, "kind": "satisfaction_analysis", "policy": "tfdl-08-03@V1.2", "period": ["2026-01-01", "2026-03-31"],
        "prepared": "2026-04-02 10:00", "approved": "2026-04-03 10:00",
    }  # fmt: skip
    stated = report(described) | {"as_of": "2026-04-02T09:00:00+08:00", "figures": [{"kpi": "CMP-01", "value": "2"}]}
    commit(home, files([stated]), "2026-04-03T11:00:00+08:00")
    commit(home, files(FORGOTTEN), "2026-05-06T10:00:00+08:00")
    first = told(home)
    (item,) = [item for item in first.restatements if item.report]
    assert (item.code, item.before.value, item.after.value) == ("CMP-01", "2", "3")
    worked.clear()
    assert told(home) == first
    assert worked == []
    other = [{"kpi": "CMP-01", "value": "3"}]
    commit(home, files([stated | {"figures": other}]), "2026-05-07T11:00:00+08:00")
    assert not [item for item in told(home).restatements if item.report]
