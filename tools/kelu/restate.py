"""Restate: the figures of closed periods that have changed since they were first reported, and what changed them.

What was first reported is what an approved report states, else what the period came to at its close: some working days
after its end (`restate.after_workdays` of the default pack), by records, schemas, policies and configuration of the
commit that the default branch then stood at. Either is held against what today's records give for the same days *as
known at the same moment*, so that passing time changes nothing; late entries, corrections and voids do. What stood
before the foundation (`trail_since`) was no report of this history's, so nothing is held against it.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from kelu import check, kpi, periods, reported, workdays
from kelu.check import Rulebook
from kelu.document import field_text
from kelu.finding import Text
from kelu.git import Entry, MemoryTree, RevisionTree, Tree
from kelu.history import difference
from kelu.history.branch import Branch
from kelu.history.index import History, Touch, acts_of
from kelu.history.step import Act
from kelu.intake import NOTHING, RECORDS, Intake, take_in
from kelu.kpi import Result
from kelu.periods import Period
from kelu.policy import FOLDERS, Policy
from kelu.reported import Stated
from kelu.store import Store

PARAMETER = "restate.after_workdays"
RECENT = 4  # closed periods of each kind that the site looks back on
_RULES = ("schemas", *FOLDERS)
_OF_ALL = {"record_index", "link", "term", "listing"}  # tables in which records of every type stand
_ANONYMOUS = Text("", "")


@dataclass(frozen=True, slots=True)
class Ground:
    """What figures are restated from: today's files and records, what judges them, and their history.

    The store is laid anew for each moment, and holds the records of `tree` again in the end.
    """

    root: Path
    tree: Tree
    book: Rulebook
    store: Store
    history: History


@dataclass(frozen=True, slots=True)
class Close:
    """A period with the moment its figures stood, and the commit they stood by; `commit` is None where there was none
    since the foundation, `readable` false where this program cannot judge by the policies it had."""

    period: Period
    at: datetime.datetime
    commit: str | None
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Told:
    """A figure as it was told. `target` is written with its sign; what a report does not say is None."""

    value: str | None
    numerator: Fraction | None
    denominator: Fraction | None
    target: str | None = None
    verdict: str | None = None
    pack: str | None = None

    @property
    def words(self) -> str:
        """`50.00 (1/2)`."""
        return reported.words(self.value, None if self.denominator is None else self.numerator, self.denominator)


@dataclass(frozen=True, slots=True)
class Side:
    """A list behind a figure: numerator, denominator, counted or excluded (for a reason)."""

    name: str
    reason: Text | None = None


@dataclass(frozen=True, slots=True)
class Touched:
    """A commit that added, changed or deleted a record, with the fields that it changed."""

    act: Act
    change: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """What stood on another list behind the figure, or was on the same one with other content; `record` is set where
    it is a record that changed, `touched` are the commits since then that did it, oldest first."""

    id: str
    record: str | None
    before: Side | None
    after: Side | None
    touched: tuple[Touched, ...] = ()


@dataclass(frozen=True, slots=True)
class Restatement:
    """A figure that is not what was reported.

    `report` states it, or else it is the figure of the close, by `commit`, as known at `as_of`. `ruled` says that
    what the figure follows from in policies, configuration or schemas changed, by the commits `rulings`.
    """

    code: str
    title: Text
    unit: str
    period: Period
    dimension: str | None
    slice: str | None
    as_of: datetime.datetime
    report: str | None
    commit: str | None
    before: Told
    after: Told
    ruled: bool
    rulings: tuple[Act, ...]
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was compared — closes, and how many figures of reports — and which figures have changed."""

    restatements: tuple[Restatement, ...]
    closes: tuple[Close, ...]
    stated: int


@dataclass(frozen=True, slots=True)
class _Claim:
    """A figure as first reported, by a report or at the close."""

    code: str
    period: Period
    as_of: datetime.datetime
    commit: str | None
    stated: Stated | None = None

    @property
    def dimension(self) -> str | None:
        return self.stated.dimension if self.stated else None

    @property
    def slice(self) -> str | None:
        return self.stated.slice if self.stated else None


def of_period(ground: Ground, period: Period, codes: Collection[str], moment: datetime.datetime) -> Outcome:
    """The figures of a closed period (of some KPIs, or of all) that have changed."""
    return _outcome(ground, {period: None}, codes, moment)


def recent(ground: Ground, moment: datetime.datetime) -> Outcome:
    """The same of the last closed periods of each kind, each KPI in its own kind only."""
    found: dict[Period, str | None] = {}
    for kind in periods.KINDS:
        period = periods.containing(kind, periods.day_of(moment))
        left = RECENT
        while left:
            period = periods.before(period)
            closed = closes_at(ground.book.policy, period)
            if closed is None:
                return Outcome((), (), 0)
            if closed <= moment:
                found[period] = kind
                left -= 1
    return _outcome(ground, found, (), moment)


def closes_at(policy: Policy, period: Period) -> datetime.datetime | None:
    """The moment from which the figures of a period stand, if the default pack says after how many working days."""
    days = next((v for pack, key, v, _ in policy.parameters() if (pack, key) == (policy.defaults, PARAMETER)), None)
    if days is None:
        return None
    day = workdays.calendar(policy.calendars).add_workdays(period.last, int(days)).day
    return datetime.datetime.combine(day, periods.DAY_END, periods.SHANGHAI)


# --- what was reported -----------------------------------------------------------------------------------


def _outcome(
    ground: Ground, wanted: Mapping[Period, str | None], codes: Collection[str], moment: datetime.datetime
) -> Outcome:
    """What changed in periods, of each only the KPIs judged by the kind given with it (None: all)."""
    branch = Branch(ground.history, ground.book.schemas)
    figures = [
        figure
        for figure in reported.stated(ground.store, ground.book, moment)
        if figure.approved_at is not None
        and periods.spanning(figure.first_day, figure.last_day) in wanted
        and (not codes or figure.kpi in codes)
    ]
    claims = [
        _Claim(figure.kpi, periods.spanning(figure.first_day, figure.last_day), figure.as_of,
               _stood(branch, figure.approved_at), figure)
        for figure in figures if figure.approved_at
    ]  # fmt: skip
    pasts = _Pasts(ground)
    try:
        closes = _closes(ground, branch, pasts, wanted)
        claims += _closing(ground, pasts, closes, wanted, codes, {c for c in claims if c.slice is None})
        return Outcome(tuple(_restated(ground, pasts, claims)), tuple(closes), len(figures))
    finally:
        pasts.close()


def _closes(ground: Ground, branch: Branch, pasts: _Pasts, wanted: Iterable[Period]) -> list[Close]:
    found = []
    for period in wanted:
        at = closes_at(ground.book.policy, period)
        if at is not None:
            sha = _stood(branch, at)
            found.append(Close(period, at, sha, sha is None or pasts.of(sha) is not None))
    return found


def _closing(
    ground: Ground, pasts: _Pasts, closes: Iterable[Close], wanted: Mapping[Period, str | None],
    codes: Collection[str], stated: Iterable[_Claim],
) -> Iterator[_Claim]:  # fmt: skip
    """The figures of the closes, but for those that a report states."""
    said = {(claim.code, claim.period) for claim in stated}
    for close in closes:
        past, kind = pasts.of(close.commit), wanted[close.period]
        if past is None:
            continue
        for code in sorted(
            _codes(ground.book.policy, close.period, kind) | _codes(past.book.policy, close.period, kind)
        ):
            if (code, close.period) not in said and (not codes or code in codes):
                yield _Claim(code, close.period, close.at, close.commit)


def _codes(policy: Policy, period: Period, kind: str | None) -> set[str]:
    return {
        item.data["code"] for item in kpi.in_force(policy, period.last) if kind is None or item.data["period"] == kind
    }


def _stood(branch: Branch, at: datetime.datetime) -> str | None:
    """The commit the default branch stood at, unless that was before the end of the foundation."""
    for place, sha, committed in reversed(branch.history.chain):
        if place < branch.foundation:
            return None
        if committed <= at:
            return sha
    return None


# --- then and now ----------------------------------------------------------------------------------------


class _Pasts:
    """What the repository held at some commits; None for one whose policies this program cannot judge by."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._rules = ground.tree.entries(*_RULES)
        self._records = {entry.path: entry for entry in ground.tree.entries(RECORDS)}
        self._held: dict[str, _Past | None] = {}

    def of(self, sha: str | None) -> _Past | None:
        if sha is None:
            return None
        if sha not in self._held:
            self._held[sha] = self._open(sha)
        return self._held[sha]

    def close(self) -> None:
        for past in self._held.values():
            if past is not None:
                past.close()

    def _open(self, sha: str) -> _Past | None:
        tree, book = RevisionTree(self._ground.root, sha), self._ground.book
        rules = tree.entries(*_RULES)
        if rules != self._rules:
            try:
                book = check.open_book(tree)
            except ValueError:
                return None
            if not book.sound:
                return None
        then = {entry.path: entry for entry in tree.entries(RECORDS)}
        differing = {path for path in {*then, *self._records} if then.get(path) != self._records.get(path)}
        return _Past(
            self._ground, sha, tree, book,
            [entry for path, entry in then.items() if path in differing],
            [entry for path, entry in self._records.items() if path in differing],
            {entry.path for entry in {*rules} ^ {*self._rules}},
        )  # fmt: skip


class _Past:
    """What the repository held at a commit, and in what that differs from today."""

    def __init__(
        self, ground: Ground, sha: str, tree: Tree, book: Rulebook, gone: Sequence[Entry], come: Sequence[Entry],
        rules: Collection[str],
    ) -> None:  # fmt: skip
        self._ground, self.sha, self.tree, self.book, self.rules = ground, sha, tree, book, rules
        self._gone, self._come = gone, come
        self._bases: dict[tuple[str, Period], bool] = {}

    @cached_property
    def _stores(self) -> tuple[Store, Store]:
        """The records of only those files that differ: as they were, and as they are."""
        made = []
        for book, tree, entries in (
            (self.book, self.tree, self._gone), (self._ground.book, self._ground.tree, self._come)
        ):  # fmt: skip
            store = check.open_cache(self._ground.root, book, cached=False)
            take_in(MemoryTree({entry.path: raw for entry, raw in tree.read(entries)}), book.schemas, store)
            made.append(store)
        return made[0], made[1]

    def changed(self, as_of: datetime.datetime) -> dict[str, str]:
        """The type of each record that today is another one as known at a moment."""
        if not (self._gone or self._come):
            return {}
        before, after = self._stores
        was, now = _known(before, self.book, as_of, False), _known(after, self._ground.book, as_of, True)
        return {name: (was.get(name) or now[name])[0] for name in {*was, *now} if was.get(name) != now.get(name)}

    def paths(self, record: str) -> set[str]:
        """The files of a record that differ."""
        return {entry.path for entry in (*self._gone, *self._come) if entry.path.endswith(f"/{record}.yaml")}

    def causes(self, code: str, changed: Mapping[str, str]) -> set[str]:
        """Those of the changed records that a KPI may stand on."""
        names = kpi.names(self._ground.book.policy, {code}) | kpi.names(self.book.policy, {code})
        return {name for name, kind in changed.items() if kind in names or names & _OF_ALL}

    def is_ruled_anew(self, code: str, period: Period) -> bool:
        """Whether a KPI now follows from another definition, target, view, parameter, or schema."""
        if self.book is self._ground.book:
            return False
        if (code, period) not in self._bases:
            self._bases[code, period] = _basis(self.book, code, period) != _basis(self._ground.book, code, period)
        return self._bases[code, period]

    def close(self) -> None:
        if "_stores" in self.__dict__:
            for store in self._stores:
                store.close()


def _known(store: Store, book: Rulebook, as_of: datetime.datetime, hindsight: bool) -> dict[str, tuple[str, Any]]:
    """Type and content of each record as known at a moment, by id."""
    store.prepare({}, {}, as_of, known=True, hindsight=hindsight, asked=())
    found = {}
    for name in book.schemas.records:
        columns = store.columns(name)
        for row in store.query(f'SELECT * FROM "{name}"'):
            held = {key: value for key, value in zip(columns, row, strict=True) if key != "_path" and value is not None}
            found[held["id"]] = name, held
    return found


def _basis(book: Rulebook, code: str, period: Period) -> Any:
    """All that a KPI follows from beside records."""
    definition = kpi.find(book.policy, code, period.last)
    if definition is None:
        return None
    names = kpi.names(book.policy, {code})
    tables = check.tables(book.policy, ())
    return (
        definition.pack, definition.data,
        {name: sql for name, sql in book.policy.views.items() if name in names},
        {name: table for name, table in tables.items() if name in names},
        {name: book.schemas.raw[name] for name in book.schemas.records if name in names},
    )  # fmt: skip


def _restated(ground: Ground, pasts: _Pasts, claims: Sequence[_Claim]) -> list[Restatement]:
    changed: dict[tuple[str, datetime.datetime], dict[str, str]] = {}
    wanted = []
    for claim in claims:
        past = pasts.of(claim.commit)
        if past is not None:
            key = past.sha, claim.as_of
            if key not in changed:
                changed[key] = past.changed(claim.as_of)
            ruled = past.is_ruled_anew(claim.code, claim.period)
            if not (claim.stated or ruled or past.causes(claim.code, changed[key])):
                continue
        wanted.append(claim)
    now = dict(_evaluated(ground.store, ground.book, NOTHING, wanted, hindsight=True))
    differing = [claim for claim in wanted if claim.stated is None or reported.disagrees(claim.stated, now[claim])]
    found = []
    then = dict(_as_it_was(ground, pasts, differing))
    history = _Lives(ground.history)
    for claim in differing:
        made = _compared(claim, then.get(claim), now[claim])
        if made is None:
            continue
        past = pasts.of(claim.commit)
        if past is not None:
            moved = _moved(then.get(claim), now[claim])
            ruled = past.is_ruled_anew(claim.code, claim.period)
            causes = past.causes(claim.code, changed[past.sha, claim.as_of])
            items = _items(moved, then.get(claim), now[claim], causes, ruled)
            made = replace(
                made, ruled=ruled, rulings=history.acts(past.rules, past.sha) if ruled else (),
                items=tuple(
                    replace(item, touched=history.touched(past.paths(item.record), past.sha)) if item.record else item
                    for item in items
                ),
            )  # fmt: skip
        found.append(made)
    return found


def _evaluated(
    store: Store, book: Rulebook, taken: Intake, claims: Iterable[_Claim], *, hindsight: bool
) -> Iterator[tuple[_Claim, Result | None]]:
    """The figure of each claim, None where there is none; the store is laid once for each moment."""
    for as_of, group in groupby(sorted(claims, key=_moment_of), key=_moment_of):
        of_moment = list(group)
        asked = kpi.names(book.policy, {claim.code for claim in of_moment})
        check.lay_policy(store, book, taken, as_of, known=True, hindsight=hindsight, asked=asked)
        for claim in of_moment:
            try:
                results = kpi.evaluate(
                    store, book.policy, [claim.code], claim.period, as_of, claim.commit, claim.dimension, True
                )
            except kpi.KpiError:
                results = []
            yield claim, next((result for result in results if result.slice == claim.slice), None)


def _as_it_was(ground: Ground, pasts: _Pasts, claims: Sequence[_Claim]) -> Iterator[tuple[_Claim, Result | None]]:
    """The figure of each claim by the commit that it stood by."""
    lent = False
    try:
        for sha in dict.fromkeys(claim.commit for claim in claims):
            past = pasts.of(sha)
            if past is None:
                continue
            own = past.book.fingerprint != ground.book.fingerprint
            store = check.open_cache(ground.root, past.book, cached=False) if own else ground.store
            lent = lent or not own
            taken = take_in(past.tree, past.book.schemas, store)
            of_commit = [claim for claim in claims if claim.commit == sha]
            yield from _evaluated(store, past.book, taken, of_commit, hindsight=False)
            if own:
                store.close()
    finally:
        if lent:
            take_in(ground.tree, ground.book.schemas, ground.store)


def _moment_of(claim: _Claim) -> datetime.datetime:
    return claim.as_of


# --- what changed ----------------------------------------------------------------------------------------


def _compared(claim: _Claim, then: Result | None, now: Result | None) -> Restatement | None:
    """A restatement without what is behind it, where there is one: a KPI not defined then was not reported."""
    stated = claim.stated
    if stated is not None:
        before = Told(stated.value, _exact(stated.num), _exact(stated.den))
    elif then is None:
        return None
    else:
        before = _told(then)
    after = _told(now) if now is not None else Told(None, None, None)
    if stated is None and before == replace(after, pack=before.pack):
        return None
    shown = now or then
    return Restatement(
        claim.code, shown.title if shown else _ANONYMOUS, shown.unit if shown else "", claim.period, claim.dimension,
        claim.slice, claim.as_of, stated.report if stated else None, claim.commit, before, after, False, (), (),
    )  # fmt: skip


def _told(result: Result) -> Told:
    target = None if result.target_shown is None else f"{result.target_op} {result.target_shown}"
    return Told(
        result.shown, result.numerator, result.denominator, target, result.verdict.value, result.pack
    )  # fmt: skip


def _exact(number: Any) -> Fraction | None:
    return None if number is None else Fraction(number)


def _sides(result: Result | None) -> dict[str, Side]:
    """The list that each thing behind a figure stands on."""
    if result is None:
        return {}
    met, plain = set(result.contributing), "denominator" if result.is_ratio else "counted"
    found = {name: Side("numerator" if result.is_ratio and name in met else plain) for name in result.counted}
    for item in result.excluded:
        found.setdefault(item.id if item.part is None else f"{item.id}#{item.part}", Side("excluded", item.text))
    return found


def _moved(then: Result | None, now: Result | None) -> dict[str, tuple[Side | None, Side | None]]:
    was, now_on = _sides(then), _sides(now)
    both = ((name, was.get(name), now_on.get(name)) for name in sorted({*was, *now_on}))
    return {name: (old, new) for name, old, new in both if old != new}


def _items(
    moved: Mapping[str, tuple[Side | None, Side | None]], then: Result | None, now: Result | None, causes: set[str],
    ruled: bool,
) -> list[Item]:  # fmt: skip
    """What moved, and the changed records that the figure lists; where these leave a move unexplained that no policy
    explains either, every changed record that the KPI may stand on."""
    was, now_on = _sides(then), _sides(now)
    items = [Item(name, _record(name, causes), old, new) for name, (old, new) in moved.items()]
    listed = {name for name in {*was, *now_on} - moved.keys() if name in causes}
    explained = {item.record for item in items} | listed
    if not ruled and (not explained - {None} or None in explained):
        listed = causes
    more = sorted(listed - {item.record for item in items})
    return [*items, *(Item(name, name, was.get(name), now_on.get(name)) for name in more)]


def _record(thing: str, records: Collection[str]) -> str | None:
    """The one of the records that a thing on a list is or is named after (`MTG-2026-0008#2`, `OB-02/PRJ-2026-001`)."""
    return next((word for word in (thing, *thing.replace("#", "/").split("/")) if word in records), None)


class _Lives:
    """What commits did to files, for as few files as are asked about."""

    def __init__(self, history: History) -> None:
        self._history = history

    def touched(self, paths: Collection[str], since: str) -> tuple[Touched, ...]:
        """The commits that touched a record after the default branch stood at `since`."""
        touches = self._touches(paths, since)
        documents = dict(self._history.documents(paths))
        acts = self._acts(touches)
        return tuple(
            Touched(acts[touch.place], *_change(touch, documents.get(touch.path, {})))
            for touch in sorted(touches, key=lambda touch: touch.place)
        )

    def acts(self, paths: Collection[str], since: str) -> tuple[Act, ...]:
        """The commits that touched any of some files after then."""
        return tuple(self._acts(self._touches(paths, since)).values())

    def _touches(self, paths: Collection[str], since: str) -> list[Touch]:
        """Merges are left out where what they brought in tells the same."""
        history, base = self._history, self._history.places[since]
        inside: dict[tuple[str, int], set[str | None]] = defaultdict(set)
        touches = [touch for touch in history.touches(sorted(paths)) if history.landed[touch.place] > base]
        for touch in touches:
            if not history.is_landing(touch.place):
                inside[touch.path, history.landed[touch.place]].add(touch.new)
        return [
            touch
            for touch in touches
            if not history.is_landing(touch.place) or touch.new not in inside[touch.path, touch.place]
        ]

    def _acts(self, touches: Sequence[Touch]) -> dict[int, Act]:
        commits = self._history.some({touch.place for touch in touches})
        return dict(zip(commits, acts_of(self._history.root, list(commits.values())), strict=True))


def _change(touch: Touch, versions: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    if touch.old is None or touch.new is None:
        return "added" if touch.old is None else "deleted", ()
    made = difference.changes(versions.get(touch.old), versions.get(touch.new))
    return "changed", tuple(dict.fromkeys(field_text(item.pointer) for item in made))
