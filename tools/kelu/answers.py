"""Answers: what the rules found in an earlier check, for as long as nothing that they ask about has changed.

A question is one SELECT. Its answer is kept under a digest of its text, of the whole policy, and of the records of
every type it may name, directly or through a view or macro. A question whose answer may change by itself, with the
time or by chance, is always asked anew; one that need not be answered to the minute, once a day.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from kelu.naming import reach, words
from kelu.store import Store, spelled_out

# Tables that hold something of every record, whatever its type. `record` is the schema of the stored tables.
OF_ALL = frozenset({"link", "listing", "record", "record_index", "term"})
# Names in SQL by which an answer depends on something else than tables: the time, chance, text run as SQL.
_CHANGING = words("""
  as_of as_of_date age current_date current_localtime current_localtimestamp current_time current_timestamp
  get_current_time get_current_timestamp localtime localtimestamp now today tomorrow transaction_timestamp yesterday
  bernoulli gen_random_uuid random reservoir sample setseed tablesample uuid uuidv4 uuidv7
  currval nextval txid_current current_query current_setting getenv
  query query_table json_execute_serialized_sql
""")


class Answers:
    """The answers of one check. `states` is a digest of the files of each record type, `policy` one of the policy,
    `day` the day of the check; `bring` makes the store hold the records, which is done before these are searched."""

    def __init__(
        self,
        store: Store,
        policy: str,
        views: Mapping[str, str],
        states: Mapping[str, str],
        day: str,
        bring: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._policy = policy
        self._day = day
        self._states = states
        self._bring = bring
        self._derived = {**views, **spelled_out()}
        self._held = store.recall()
        self._kept: dict[str, str] = {}
        self._keys: dict[str, str] = {}

    def open(self, questions: Iterable[str], *, daily: bool = False) -> set[str]:
        """All names that have to be there to answer those questions whose answer does not hold. One that is `daily`
        holds till the end of the day, whatever else may change it."""
        return reach((sql for sql in questions if self._key(sql, daily) not in self._held), self._derived)

    def ask(self, sql: str, *, daily: bool = False) -> list[tuple[Any, ...]]:
        """The rows that answer a question. Raises store.QueryError when it does not run."""
        key = self._key(sql, daily)
        if key in self._held:
            self._kept[key] = self._held[key]
            return [tuple(row) for row in json.loads(self._held[key])]
        rows = self._store.query(sql)
        if key:
            with suppress(TypeError):  # a rule that points at something else than text is asked each time
                self._kept[key] = json.dumps(rows, ensure_ascii=False)
        return rows

    def search(self, name: str, kind: str, find: Callable[[Mapping[str, Any]], Iterable[str]]) -> list[tuple[str, str]]:
        """What Python finds in the stored records of one type, (path, found) each. Kept under `name` like an answer, so
        that tells all that the search hangs on besides records and policy."""
        key = hashlib.sha256(json.dumps([self._policy, name, kind, self._states[kind]]).encode()).hexdigest()
        if key not in self._held:
            self._bring()
            rows = [(path, found) for _, _, path, data in self._store.documents(kind=kind) for found in find(data)]
            self._kept[key] = json.dumps(rows, ensure_ascii=False)
            return rows
        self._kept[key] = self._held[key]
        return [(path, found) for path, found in json.loads(self._held[key])]

    def keep(self, *, ran: bool = False) -> None:
        """Remember the answers of this check, and whether every question `ran`. Where a view is at fault, nothing is to
        be kept."""
        if ran:
            self._kept[_ran(self._policy)] = ""
        if self._kept.keys() - self._held.keys():
            self._store.remember(self._kept)

    def _key(self, sql: str, daily: bool) -> str:
        """Under what the answer of a question is kept; empty where it is not."""
        if sql not in self._keys:
            names = reach([sql], self._derived)
            types = self._states.keys() if names & OF_ALL else names & self._states.keys()
            states = (f"{name} {self._states[name]}" for name in sorted(types))
            text = json.dumps([self._policy, sql, self._day if daily else "", *states])
            changing = names & _CHANGING and not daily
            self._keys[sql] = "" if changing else hashlib.sha256(text.encode()).hexdigest()
        return self._keys[sql]


def have_run(store: Store, policy: str) -> bool:
    """Whether a check found that every question of a policy (digest) runs."""
    return _ran(policy) in store.recall()


def _ran(policy: str) -> str:
    return hashlib.sha256(json.dumps([policy, "ran"]).encode()).hexdigest()
