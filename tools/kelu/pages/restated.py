"""Restated figures as a KPI's page shows them: what was reported, what it is now, the records and commits between."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from kelu import privacy
from kelu.finding import Text
from kelu.history.step import Act
from kelu.pages.figure import Names, Row, period_text, row
from kelu.restate import Close, Item, Outcome, Restatement, Side, Told, Touched


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that touched a record: what it did to it, and the names of the fields it changed."""

    sha: str
    at: str
    change: str = ""
    fields: Text | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """What is behind a difference: the lists it was and is on, and the commits that did it."""

    thing: Row
    before: Text | None
    after: Text | None
    commits: tuple[Commit, ...]


@dataclass(frozen=True, slots=True)
class Restated:
    """A figure that is not what was reported, with what it is held against."""

    period_text: Text
    slice: Row | None
    before: Text
    after: Text
    report: Row | None
    as_of_text: str
    commit: str
    packs: tuple[str, str] | None
    targets: tuple[str, str] | None
    rulings: tuple[Commit, ...]
    rows: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """What is restated of a KPI; the closed periods that were compared, that had no commit, that cannot be read."""

    restated: tuple[Restated, ...] = ()
    compared: tuple[Text, ...] = ()
    missing: tuple[Text, ...] = ()
    unreadable: tuple[Text, ...] = ()


def section(outcome: Outcome | None, code: str, kinds: Collection[str], names: Names) -> Section:
    """What there is to say of one KPI, which is shown by periods of some kinds."""
    if outcome is None:
        return Section()
    closes = [close for close in outcome.closes if close.period.kind in kinds]
    return Section(
        tuple(_restated(item, names) for item in outcome.restatements if item.code == code),
        _periods(close for close in closes if close.commit and close.readable),
        _periods(close for close in closes if close.commit is None),
        _periods(close for close in closes if not close.readable),
    )


def _periods(closes: Iterable[Close]) -> tuple[Text, ...]:
    return tuple(period_text(close.period.label) for close in closes)


def _restated(item: Restatement, names: Names) -> Restated:
    unit = Text.of(names.words["unit"].get(item.unit, {"zh": "", "en": ""}))
    was, now = item.before, item.after
    label = item.period.label
    return Restated(
        period_text=Text.same(label) if item.period.kind == "span" else period_text(label),
        slice=row(item.slice, None, None, names) if item.slice else None,
        before=_told(was, unit, names),
        after=_told(now, unit, names),
        report=row(item.report, None, None, names) if item.report else None,
        as_of_text=privacy.moment(item.as_of)[1],
        commit=(item.commit or "")[:12],
        packs=(was.pack or "", now.pack or "") if item.ruled else None,
        targets=(was.target or "", now.target or "") if item.ruled and was.target != now.target else None,
        rulings=tuple(_commit(act) for act in item.rulings),
        rows=tuple(_moved(thing, names) for thing in item.items),
    )


def _told(told: Told, unit: Text, names: Names) -> Text:
    if told.value is None:
        return Text.of(names.words["mark"]["none"])
    sums = told.words.removeprefix(told.value)
    return Text(f"{told.value} {unit.zh}{sums}", f"{told.value} {unit.en}{sums}")


def _moved(thing: Item, names: Names) -> Moved:
    commits = tuple(_commit(done.act, done, _fields(thing, done, names)) for done in thing.touched)
    return Moved(row(thing.id, None, None, names), _side(thing.before, names), _side(thing.after, names), commits)


def _side(side: Side | None, names: Names) -> Text | None:
    if side is None:
        return None
    label, why = Text.of(names.words["list"][side.name]), side.reason
    return Text(f"{label.zh}（{why.zh}）", f"{label.en} ({why.en})") if why else label


def _commit(act: Act, done: Touched | None = None, fields: Text | None = None) -> Commit:
    return Commit(act.sha[:12], privacy.moment(act.authored_at)[1], done.change if done else "", fields)


def _fields(thing: Item, done: Touched, names: Names) -> Text:
    """The fields as the schema names them, each of the first level once."""
    known = names.directory.titles.get(thing.record or "")
    labels: Mapping[str, Text] = (
        {item.name: item.label for item in names.schemas[known.type].fields} if known is not None else {}
    )
    tops = dict.fromkeys(name.partition(".")[0].partition("[")[0] for name in done.fields)
    return Text.joined(labels[top] for top in tops if top in labels)
