"""What one process of kelu does once its records are loaded: every rule asked, and duties worked out.

    python benchmarks/inside.py PART FOLDER        (PART: rules, duties)

Prints the CPU and wall seconds of that part alone. `run.py` asks for it.
"""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from kelu import check, duty, git, obligation, rules
from kelu.intake import take_in
from kelu.naming import reach
from kelu.policy import Policy
from kelu.store import spelled_out

OBLIGATIONS = 40
MOMENT = datetime.datetime.fromisoformat("2026-06-30T12:00:00+08:00")


def many(policy: Policy) -> Policy:
    """The policy with as many obligations as are measured, each of every record: a deadline and a grace in working
    days, and evidence of the same period that half of the records have."""
    like = policy.obligations()[0]
    data = {
        **like.data,
        "from": "record_index", "where": "day IS NOT NULL", "subject": "id", "period": "strftime(day, '%Y-%m')",
        "since": "day", "due": "end_of_day(add_workdays(day, 5))",
        "grace": "end_of_day(add_workdays(CAST(due AS DATE), 3))",
        "evidence": {"from": "record_index", "where": "hash(id) % 2 = 0", "subject": "id",
                     "period": "strftime(day, '%Y-%m')", "at": "day + 5"},
    }  # fmt: skip
    data = {key: value for key, value in data.items() if key not in ("domain", "opens", "remind", "provisional")}
    made = tuple(replace(like, pack=policy.defaults, data={**data, "id": f"OB-{n + 100}"}) for n in range(OBLIGATIONS))
    packs = {
        name: replace(pack, obligations=made if name == policy.defaults else ()) for name, pack in policy.packs.items()
    }
    return replace(policy, packs=packs, waivers=(), adopted_on=None)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall seconds."""
    cpu, begin = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - begin


def main(part: str, folder: str) -> None:
    """Load the records of a folder, do one part, say how long it took and how much was found."""
    tree = git.WorkTree(Path(folder))
    book = check.open_book(tree)
    store = check.open_cache(Path(folder), book)
    intake = take_in(tree, book.schemas, store)
    store.checkpoint()
    if part == "rules":
        asked = rules.questions(book.policy)
        names = reach(asked, {**obligation.views(book.policy), **spelled_out()})

        def work() -> None:
            check.lay_policy(store, book, intake, MOMENT, known=False, asked=names)
            for question in asked:
                store.query(question)

        cpu, wall = timed(work)
        print(cpu, wall, len(asked))
    else:
        book = replace(book, policy=many(book.policy))
        names = duty.names(book.policy)
        # What any question about the moment needs is no part of it: policy, calendar, records as known, their index.
        others = names - (obligation.views(book.policy).keys() - book.policy.views.keys())
        lay = partial(check.lay_policy, store, book, intake, MOMENT, known=True)
        before = timed(lambda: lay(asked=others))
        after = timed(lambda: lay(asked=names))
        print(after[0] - before[0], after[1] - before[1], sum(duty.tally(store).values()))
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
