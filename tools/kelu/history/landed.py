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
from kelu.intake import RECORDS
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
    last = history.places[sha or history.head]
    foundation = Branch(history, schemas).foundation
    arrived: dict[str, int] = {}
    for touch in history.touches():
        if touch.old is None and touch.path.startswith(f"{RECORDS}/") and history.is_landing(touch.place):
            name = PurePosixPath(touch.path).stem
            arrived[name] = min(touch.place, arrived.get(name, touch.place))
    filled: dict[str, int] = {}
    for path, breaches in audit(history, schemas, policy, fingerprint, keep=sha is None).records.items():
        places = [history.landed[history.places[one.sha]] for one in breaches if one.code == BACKFILLED]
        if places:
            name = PurePosixPath(path).stem
            filled[name] = min(*places, filled.get(name, places[0]))

    def moment(place: int | None, after: int) -> datetime.datetime | None:
        return history.units[place].own.committed_at if place is not None and after < place <= last else None

    found = [
        (name, moment(arrived.get(name), foundation), moment(filled.get(name), foundation))
        for name in sorted({*arrived, *filled})
    ]
    return [row for row in found if row[1:] != (None, None)]


def _is_past(history: History, schemas: Schemas, sha: str) -> bool:
    """Whether a commit was the head of this default branch, after the same foundation: all that was then is known."""
    place = history.places.get(sha)
    return place is not None and history.is_landing(place) and place > Branch(history, schemas).foundation
