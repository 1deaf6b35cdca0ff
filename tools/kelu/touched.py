"""Touched: whether a change leaves the records as sound as they were, asked of those alone that it touches.

A rule that looks at nothing but a record and those linked with it can find fault only where the change touched one of
them. All others are asked of all records, where they look at a type that changed. This only says yes: where anything
may be at fault, a whole check has to say what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from kelu import apart, rules
from kelu.answers import OF_ALL
from kelu.examine import Batch, Examiner
from kelu.git import EXECUTABLE, REGULAR, Ends, Entry, Tree
from kelu.naming import reach
from kelu.policy import Policy
from kelu.schema import Schemas
from kelu.store import QueryError, Store, spelled_out
from kelu.vault import Vault

MOST = 400  # files; to go through more than that one by one is no gain
Lay = Callable[..., Collection[Any]]  # Store.prepare for the names `asked`, `within` some records: what is at fault
Hits = Counter[tuple[Any, ...]]


def unharmed(
    tree: Tree, changes: Mapping[str, Ends], schemas: Schemas, policy: Policy, held: Vault, store: Store, lay: Lay,
    then: Callable[[], None],
) -> bool:  # fmt: skip
    """Whether nothing is newly at fault in the records of `tree`, whose files differ by `changes` from those that the
    store was made of, all of them sound. `then` is called while the store holds the records of `tree`; afterwards it
    holds what it did."""
    gone = [path for path, (old, _) in changes.items() if old]
    fresh = [new for _, new in changes.values() if new]
    batches = _read(tree, fresh, schemas)
    if batches is None or held.people:
        return False
    ids = {path.rpartition("/")[2].removesuffix(".yaml") for path in changes}
    kinds = {schema.name for path in changes if (schema := schemas.of_folder(path))}
    questions = _concerned(policy, schemas, kinds)
    with store.undone():
        before = store.referred(ids)
        store.remove(gone)
        store.add(batches)
        added = {entry.path for entry in fresh}.difference(gone)
        if (added and _twins(store, added)) or (
            policy.pii_store == "vault" and apart.direct(schemas, store.documents(ids))
        ):
            return False
        near = ids | before | store.linked(ids)
        around = near | store.linked(near)
        found = _asked(store, policy, questions, ids, near, around, lay)
        if found is None or any(row[1] in ids for row in found):
            return False
        then()
    if found:
        with store.undone():
            known = _asked(store, policy, {sql: questions[sql] for sql, *_ in found}, ids, near, around, lay)
        return known is not None and found <= known
    return True


def _read(tree: Tree, fresh: Iterable[Entry], schemas: Schemas) -> list[Batch] | None:
    """The records in some files; None where one is not where and what it should be."""
    wanted = list(fresh)
    if any(entry.mode not in (REGULAR, EXECUTABLE) or not entry.path.endswith(".yaml") for entry in wanted):
        return None
    if any(schemas.of_folder(entry.path) is None for entry in wanted):
        return None
    batches, faults = Examiner(schemas).examine_all(tree.read(wanted))
    return None if faults else batches


def _twins(store: Store, paths: Collection[str]) -> bool:
    """Whether another file has the id of one of these, or its name but for the case of letters."""
    found = store.query(
        "SELECT path FROM record.source WHERE lower(path) IN (SELECT lower(unnest($1))) "
        "OR id IN (SELECT split_part(unnest($1), '/', -1)[:-6])", [list(paths)]
    )  # fmt: skip
    return {path for (path,) in found} != set(paths)


def _concerned(policy: Policy, schemas: Schemas, kinds: Collection[str]) -> dict[str, str]:
    """Which records decide on each question that a change of records of some types can answer otherwise."""
    derived = _derived(policy)
    moving = OF_ALL.union(kinds)
    asked = rules.narrowed(policy, schemas.records.keys())
    return {sql: scope for sql, scope in asked if moving & reach([sql], derived)}


def _derived(policy: Policy) -> dict[str, str]:
    return {**policy.views, **spelled_out()}


def _asked(
    store: Store, policy: Policy, questions: Mapping[str, str], ids: Collection[str], near: Collection[str],
    around: Collection[str], lay: Lay,
) -> Hits | None:  # fmt: skip
    """What the questions find: (question, *row); None where one cannot be asked."""
    found: Hits = Counter()
    derived = _derived(policy)
    for narrow in (True, False):
        some = [sql for sql, scope in questions.items() if (scope != "all") is narrow]
        if not some:
            continue
        if lay(asked=reach(some, derived), within=around if narrow else None):
            return None
        for sql in some:
            wanted = {"record": ids, "linked": near}.get(questions[sql])
            try:
                rows = store.query(sql)
            except QueryError:
                return None
            found.update((sql, *map(str, row)) for row in rows if wanted is None or row[0] in wanted)
    return found
