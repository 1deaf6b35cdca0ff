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
from itertools import groupby
from pathlib import Path
from typing import Any

from kelu import check, kpi, periods, reported, workdays
from kelu.check import Rulebook
from kelu.document import field_text
from kelu.finding import Text
from kelu.git import Entry, MemoryTree, RevisionTree, Tree
from kelu.history import difference, landed
from kelu.history.branch import Branch
from kelu.history.index import History, Touch
from kelu.history.step import Act
from kelu.intake import NOTHING, RECORDS, Intake, take_in
from kelu.kpi import Result
from kelu.periods import Period
from kelu.policy import FOLDERS, Policy
from kelu.reported import Stated
from kelu.store import LANDED, Store, Table

PARAMETER = "restate.after_workdays"
RECENT = 2  # closed periods of each kind that the site looks back on: each takes laying the store anew, twice
_RULES = ("schemas", *FOLDERS)
_OF_ALL = {"record_index", "link", "term", "listing"}  # tables in which records of every type stand
_OF_EACH = {"policy", "customer", "project"}  # columns that every figure may be cut by
_Difference = tuple[str, set[str] | None]
_ANONYMOUS = Text("", "")


@dataclass(frozen=True, slots=True)
class Ground:
    """What figures are restated from: today's files and records, what judges them, and their history.

    The store is laid anew for each moment; in the end it holds the records of `tree` and tells when they landed, as it
    did before.
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


def recent(ground: Ground, moment: datetime.datetime, finer: Mapping[str, str]) -> Outcome:
    """The same of the last closed periods of each kind, each KPI in its own kind and the one `finer` than that."""
    found: dict[Period, Collection[str] | None] = {}
    for kind in periods.KINDS:
        of_kinds = {kind, *(own for own, other in finer.items() if other == kind)}
        period = periods.containing(kind, periods.day_of(moment))
        left = RECENT
        while left:
            period = periods.before(period)
            closed = closes_at(ground.book.policy, period)
            if closed is None:
                return Outcome((), (), 0)
            if closed <= moment:
                found[period] = of_kinds
                left -= 1
    return _outcome(ground, found, (), moment)


def closes_at(policy: Policy, period: Period) -> datetime.datetime | None:
    """The moment from which the figures of a period stand, if the default pack says after how many working days."""
    parameters = policy.packs[policy.defaults].source.data.get("parameters", {})
    days = parameters.get("restate", {}).get("after_workdays")
    if days is None:
        return None
    day = workdays.calendar(policy.calendars).add_workdays(period.last, days).day
    return datetime.datetime.combine(day, periods.DAY_END, periods.SHANGHAI)


# --- what was reported -----------------------------------------------------------------------------------


def _outcome(
    ground: Ground, wanted: Mapping[Period, Collection[str] | None], codes: Collection[str], moment: datetime.datetime
) -> Outcome:
    """What changed in periods, of each only the KPIs judged by one of the kinds given with it (None: all)."""
    branch = Branch(ground.history, ground.book.schemas)
    figures = [
        figure
        for figure in reported.stated(ground.store, ground.book, moment)
        if figure.approved_at is not None
        and periods.spanning(figure.first_day, figure.last_day) in wanted
        and (not codes or figure.kpi in codes)
    ]
    pasts = _Pasts(ground)
    try:
        claims = [
            _Claim(figure.kpi, periods.spanning(figure.first_day, figure.last_day), figure.as_of,
                   _stood(branch, figure.approved_at) or _founded(branch), figure)
            for figure in figures if figure.approved_at
        ]  # fmt: skip
        claims = [claim for claim in claims if pasts.of(claim.commit)]
        stated = len(claims)
        closes = _closes(ground, branch, pasts, wanted)
        claims += _closing(ground, pasts, closes, wanted, codes, {c for c in claims if c.slice is None})
        return Outcome(tuple(_restated(ground, pasts, claims)), tuple(closes), stated)
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
    ground: Ground, pasts: _Pasts, closes: Iterable[Close], wanted: Mapping[Period, Collection[str] | None],
    codes: Collection[str], stated: Iterable[_Claim],
) -> Iterator[_Claim]:  # fmt: skip
    """The figures of the closes, but for those that a report states."""
    said = {(claim.code, claim.period) for claim in stated}
    for close in closes:
        past, kinds = pasts.of(close.commit), wanted[close.period]
        if past is None:
            continue
        for code in sorted(
            _codes(ground.book.policy, close.period, kinds) | _codes(past.book.policy, close.period, kinds)
        ):
            if (code, close.period) not in said and (not codes or code in codes):
                yield _Claim(code, close.period, close.at, close.commit)


def _codes(policy: Policy, period: Period, kinds: Collection[str] | None) -> set[str]:
    found = kpi.in_force(policy, period.last)
    return {item.data["code"] for item in found if kinds is None or item.data["period"] in kinds}


def _stood(branch: Branch, at: datetime.datetime) -> str | None:
    """The commit the default branch stood at, unless that was before the end of the foundation."""
    for place, sha, committed in reversed(branch.history.chain):
        if place < branch.foundation:
            return None
        if committed <= at:
            return sha
    return None


def _founded(branch: Branch) -> str:
    """The commit that the foundation ends with, or the first one: what reports stated before is taken over."""
    return next(sha for place, sha, _ in branch.history.chain if place >= branch.foundation)


# --- then and now ----------------------------------------------------------------------------------------


class _Pasts:
    """What the repository held at some commits; None for one whose policies this program cannot judge by."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._rules = tuple(ground.tree.entries(*_RULES))
        self._books: dict[tuple[Entry, ...], Rulebook | None] = {self._rules: ground.book}
        self._records = {entry.path: entry for entry in ground.tree.entries(RECORDS)}
        self._held: dict[str, _Past | None] = {}
        self._before: Store | None = None
        self._fits = ""
        self._standing: dict[str, Mapping[str, set[str]]] = {}
        self._tables: dict[str, Mapping[str, Table]] = {}

    def of(self, sha: str | None) -> _Past | None:
        if sha is None:
            return None
        if sha not in self._held:
            self._held[sha] = self._open(sha)
        return self._held[sha]

    def close(self) -> None:
        if self._before is not None:
            self._before.close()

    def standing(self, book: Rulebook) -> Mapping[str, set[str]]:
        """The names that each KPI stands on."""
        if book.policy.digest not in self._standing:
            self._standing[book.policy.digest] = kpi.standing(book.policy)
        return self._standing[book.policy.digest]

    def tables(self, book: Rulebook) -> Mapping[str, Table]:
        """The tables that policy and configuration make."""
        if book.policy.digest not in self._tables:
            self._tables[book.policy.digest] = check.tables(book.policy, ())
        return self._tables[book.policy.digest]

    def before(self, past: _Past) -> Store:
        """Those records of then that differ from today's: in a store that is used again, as most are the same then."""
        if self._before is None or self._fits != past.book.fingerprint:
            self.close()
            self._before = check.open_cache(self._ground.root, past.book, cached=False)
            self._fits = past.book.fingerprint
        held = past.tree.read(past.gone)
        take_in(MemoryTree({entry.path: raw for entry, raw in held}), past.book.schemas, self._before)
        return self._before

    def changed(self, past: _Past, as_of: datetime.datetime) -> dict[str, _Difference]:
        """Each record that today is another one as known at a moment: its type and the columns that differ, None where
        it came or went as a whole."""
        was = _known(self.before(past), past.book, past.gone, as_of, False) if past.gone else {}
        now = _known(self._ground.store, self._ground.book, past.come, as_of, True) if past.come else {}
        found: dict[str, _Difference] = {}
        for name in {*was, *now}:
            kind, before = was.get(name) or (now[name][0], None)
            _, after = now.get(name) or (kind, None)
            if before is None or after is None:
                found[name] = kind, None
            elif before != after:
                found[name] = kind, {key for key in {*before, *after} if before.get(key) != after.get(key)}
        return found

    def _open(self, sha: str) -> _Past | None:
        tree = RevisionTree(self._ground.root, sha)
        rules = tuple(tree.entries(*_RULES))
        if rules not in self._books:
            self._books[rules] = self._readable(tree)
        book = self._books[rules]
        if book is None:
            return None
        then = {entry.path: entry for entry in tree.entries(RECORDS)}
        differing = {path for path in {*then, *self._records} if then.get(path) != self._records.get(path)}
        return _Past(
            self, self._ground, sha, tree, book,
            [entry for path, entry in then.items() if path in differing],
            [entry for path, entry in self._records.items() if path in differing],
            {entry.path for entry in {*rules} ^ {*self._rules}},
        )  # fmt: skip

    def _readable(self, tree: Tree) -> Rulebook | None:
        try:
            book = check.open_book(tree)
        except ValueError:
            return None
        return book if book.sound else None


class _Past:
    """What the repository held at a commit, and in what that differs from today."""

    def __init__(
        self, pasts: _Pasts, ground: Ground, sha: str, tree: Tree, book: Rulebook, gone: Sequence[Entry],
        come: Sequence[Entry], rules: Collection[str],
    ) -> None:  # fmt: skip
        self._pasts, self._ground, self.sha, self.tree, self.book, self.rules = pasts, ground, sha, tree, book, rules
        self.gone, self.come = gone, come
        self._bases: dict[tuple[str, Period], bool] = {}
        self.standing = pasts.standing(book), pasts.standing(ground.book)

    def paths(self, record: str) -> set[str]:
        """The files of a record that differ."""
        return {entry.path for entry in (*self.gone, *self.come) if entry.path.endswith(f"/{record}.yaml")}

    def causes(self, code: str, changed: Mapping[str, _Difference]) -> set[str]:
        """Those of the changed records that a KPI may stand on: its SQL must name what it uses of them."""
        names = self.standing[0].get(code, set()) | self.standing[1].get(code, set()) | _OF_EACH
        return {
            record
            for record, (kind, columns) in changed.items()
            if names & _OF_ALL or (kind in names and (columns is None or columns & names))
        }

    def is_ruled_anew(self, code: str, period: Period) -> bool:
        """Whether a KPI now follows from another definition, target, view, parameter, or schema."""
        if self.book is self._ground.book:
            return False
        if (code, period) not in self._bases:
            then, now = (
                _basis(book, code, period, names.get(code, set()), self._pasts.tables(book))
                for book, names in zip((self.book, self._ground.book), self.standing, strict=True)
            )
            self._bases[code, period] = then != now
        return self._bases[code, period]


def _known(
    store: Store, book: Rulebook, entries: Sequence[Entry], as_of: datetime.datetime, hindsight: bool
) -> dict[str, tuple[str, Any]]:
    """Type and content of each sound record in some files as known at a moment, by id; wherever its file lies."""
    of_type: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        schema = book.schemas.of_folder(f"{entry.path.rpartition('/')[0]}/")
        if schema is not None:
            of_type[schema.name].append(entry.path)
    found = {}
    for name, paths in of_type.items():
        for row in store.known(name, as_of, paths, hindsight=hindsight):
            del row["_path"]
            found[row["id"]] = name, row
    return found


def _basis(
    book: Rulebook, code: str, period: Period, names: Collection[str], tables: Mapping[str, Table]
) -> Any:  # fmt: skip
    """All that a KPI, which stands on tables and views of some names, follows from beside records."""
    definition = kpi.find(book.policy, code, period.last)
    if definition is None:
        return None
    return (
        definition.pack, definition.data,
        {name: sql for name, sql in book.policy.views.items() if name in names},
        {name: table for name, table in tables.items() if name in names},
        {name: book.schemas.raw[name] for name in book.schemas.records if name in names},
    )  # fmt: skip


def _restated(ground: Ground, pasts: _Pasts, claims: Iterable[_Claim]) -> list[Restatement]:
    """What has changed of figures whose commits can be read."""
    changed: dict[tuple[str, datetime.datetime], dict[str, _Difference]] = {}
    wanted: dict[_Claim, tuple[_Past, bool, set[str]]] = {}
    for claim in claims:
        past = pasts.of(claim.commit)
        if past is None:
            continue
        key = past.sha, claim.as_of
        if key not in changed:
            changed[key] = pasts.changed(past, claim.as_of)
        ruled = past.is_ruled_anew(claim.code, claim.period)
        causes = past.causes(claim.code, changed[key])
        if ruled or causes:
            wanted[claim] = past, ruled, causes
    now = dict(_evaluated(ground, ground.store, ground.book, NOTHING, wanted, None))
    differing = [claim for claim in wanted if claim.stated is None or reported.disagrees(claim.stated, now[claim])]
    then = dict(_as_it_was(ground, pasts, differing))
    lives = _Lives(ground.history)
    found = []
    for claim in differing:
        past, ruled, causes = wanted[claim]
        made = _compared(claim, then[claim], now[claim])
        if made is not None:
            rulings = lives.acts(past.rules, past.sha) if ruled else ()
            items = (
                replace(item, touched=lives.touched(past.paths(item.record), past.sha)) if item.record else item
                for item in _items(then[claim], now[claim], causes, ruled)
            )
            found.append(replace(made, ruled=ruled, rulings=rulings, items=tuple(items)))
    return found


def _evaluated(
    ground: Ground, store: Store, book: Rulebook, taken: Intake, claims: Iterable[_Claim], sha: str | None
) -> Iterator[tuple[_Claim, Result | None]]:
    """The figure of each claim, None where there is none, by the records of a commit or (None) by today's, which know
    what was made void since. The store is laid once for each moment."""
    for as_of, group in groupby(sorted(claims, key=_moment_of), key=_moment_of):
        of_moment = list(group)
        asked = kpi.names(book.policy, {claim.code for claim in of_moment})
        if sha is not None and LANDED in asked:
            store.land(landed.rows(ground.history, book.schemas, book.policy, book.fingerprint, sha))
        check.lay_policy(store, book, taken, as_of, known=True, hindsight=sha is None, asked=asked)
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
    lent, known = False, ground.store.landings()
    try:
        for past in filter(None, map(pasts.of, dict.fromkeys(claim.commit for claim in claims))):
            own = past.book.fingerprint != ground.book.fingerprint
            store = check.open_cache(ground.root, past.book, cached=False) if own else ground.store
            lent = lent or not own
            taken = take_in(past.tree, past.book.schemas, store)
            of_commit = [claim for claim in claims if claim.commit == past.sha]
            yield from _evaluated(ground, store, past.book, taken, of_commit, past.sha)
            if own:
                store.close()
    finally:
        if lent:
            take_in(ground.tree, ground.book.schemas, ground.store)
            ground.store.land(known)


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
    silent = before.value is None and after.value is None  # another target alone is no other figure then
    if stated is None and before == replace(after, pack=before.pack, target=before.target if silent else after.target):
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


def _items(then: Result | None, now: Result | None, causes: set[str], ruled: bool) -> list[Item]:
    """What moved, and the changed records that the figure lists; where these leave a move unexplained that no policy
    explains either, every changed record that the KPI may stand on."""
    was, now_on = _sides(then), _sides(now)
    moved = [name for name in sorted({*was, *now_on}) if was.get(name) != now_on.get(name)]
    items = [Item(name, _record(name, causes), was.get(name), now_on.get(name)) for name in moved]
    listed = {name for name in {*was, *now_on}.difference(moved) if name in causes}
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
        return self._history.acts_of(commits)


def _change(touch: Touch, versions: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    if touch.old is None or touch.new is None:
        return "added" if touch.old is None else "deleted", ()
    made = difference.changes(versions.get(touch.old), versions.get(touch.new))
    return "changed", tuple(dict.fromkeys(field_text(item.pointer) for item in made))
