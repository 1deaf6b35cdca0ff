"""Landed: when each record came onto the default branch, and when stamps of it were filled in long afterwards.

What figures on registration rest on (kpis.md CMP-17, AUD-01): a record says itself when it was registered, but only the
history proves it. Records of the foundation, and those not committed yet, have no landing.
"""

from __future__ import annotations

import datetime
from contextlib import closing
from pathlib import Path, PurePosixPath

from kelu.history.audit import audit
from kelu.history.branch import Branch
from kelu.history.index import History, open_history
from kelu.policy import Policy
from kelu.schema import Schemas
from kelu.store import Store

BACKFILLED = "GH-11"
Row = tuple[str, datetime.datetime | None, datetime.datetime | None]


def bring(
    root: Path, store: Store, schemas: Schemas, policy: Policy, fingerprint: str, sha: str, *, cached: bool
) -> None:
    """Have the store's table `landed` tell what a commit's history tells, judged by schemas and policy.

    Of HEAD it is kept in the store, and made anew only after a commit or a change of schemas or policy. Raises
    HistoryError where the history is cut off.
    """
    mark = f"{sha} {fingerprint} {policy.digest}"
    if store.has_landed(mark):
        return
    with closing(open_history(root, cached=cached)) as history:
        if sha == history.head:
            store.land(rows(history, schemas, policy, fingerprint), mark)
            return
        if _is_past(history, schemas, sha):
            store.land(rows(history, schemas, policy, fingerprint, sha))
            return
    with closing(open_history(root, cached=False, tip=sha)) as history:
        store.land(rows(history, schemas, policy, fingerprint))


def rows(history: History, schemas: Schemas, policy: Policy, fingerprint: str, sha: str | None = None) -> list[Row]:
    """(id, landed_at, backfilled_at) of each record that landed since the foundation or was backfilled since then, up
    to the commit `sha` of the default branch."""
    foundation, last = Branch(history, schemas).foundation, history.place(sha or history.head)
    assert last is not None
    arrived: dict[str, tuple[int, datetime.datetime]] = {}
    for path, place, at in history.arrivals():
        name = PurePosixPath(path).stem if path.count(".") > 1 else path.rpartition("/")[2].partition(".")[0]
        arrived[name] = min((place, at), arrived.get(name, (place, at)))
    late = {
        PurePosixPath(path).stem: shas
        for path, breaches in audit(history, schemas, policy, fingerprint, keep=sha is None).records.items()
        if (shas := [one.sha for one in breaches if one.code == BACKFILLED])
    }
    places = history.stamps([sha for shas in late.values() for sha in shas])
    units = history.landings({place for place, _ in places.values()})
    moments = {unit: commit.committed_at for unit, commit in history.some(set(units.values())).items()}
    filled = {name: min((unit := units[places[sha][0]], moments[unit]) for sha in shas) for name, shas in late.items()}

    def moment(of: tuple[int, datetime.datetime] | None) -> datetime.datetime | None:
        return of[1] if of is not None and foundation < of[0] <= last else None

    found = [(name, moment(arrived.get(name)), moment(filled.get(name))) for name in sorted({*arrived, *filled})]
    return [row for row in found if row[1:] != (None, None)]


def _is_past(history: History, schemas: Schemas, sha: str) -> bool:
    """Whether a commit was the head of this default branch, after the same foundation: all that was then is known."""
    place = history.place(sha)
    return (
        place is not None and history.landings([place])[place] == place and place > Branch(history, schemas).foundation
    )
