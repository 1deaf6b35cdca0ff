"""Review: what a proposed change does — faults, records, duties, figures — as values for the one comment on it.

The base and the tree that merging gives are asked at the same moment and by the same policy, so that only the change
differs. Whatever is quoted of a record has passed `privacy`; a record that is at fault or restricted tells less.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kelu import check, duty, kpi, periods, privacy
from kelu.check import Report, Rulebook
from kelu.document import parse
from kelu.duty import Duty
from kelu.finding import Text
from kelu.git import RevisionTree, Tree, log
from kelu.history import difference
from kelu.intake import RECORDS, take_in
from kelu.kpi import Result
from kelu.policy import FOLDERS
from kelu.privacy import Directory
from kelu.review import quoted
from kelu.review.quoted import Data, Remark
from kelu.schema import RecordSchema, Schemas, label_of
from kelu.store import Store

RULES = ("schemas", *FOLDERS)
_BACK = 4  # periods of a KPI that are compared, the latest that the change touches
_SETTLED = ("satisfied", "satisfied_late", "satisfied_out_of_window", "waived")
_UNLANDED = Text("合并之后才能知道。", "Known only once it is merged.")


@dataclass(frozen=True, slots=True)
class Changed:
    """A record that the change adds (`added`), changes or removes (`deleted`): its states, by whom, and what fields."""

    path: str
    id: str
    type: Text
    title: str
    kind: str
    before: Text | None
    after: Text | None
    by: tuple[str, ...]
    fields: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Owed:
    """A duty that the change concerns. `kind`: started, moved (`was`: its former deadline), settled, reopened or
    dropped."""

    kind: str
    duty: Duty
    was: datetime.datetime | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A figure that the change changes; None on the side on which the KPI is not in force."""

    before: Result | None
    after: Result | None


@dataclass(frozen=True, slots=True)
class Review:
    """Everything the comment tells. `rules` are the files of schemas, policies and configuration that change."""

    base: str
    moment: datetime.datetime
    errors: int
    warnings: int
    checked: int
    remarks: tuple[Remark, ...]
    changed: tuple[Changed, ...]
    owed: tuple[Owed, ...]
    figures: tuple[Moved, ...]
    rules: tuple[str, ...]
    titles: Mapping[str, str]  # of records that duties are about, as anybody may read them


@dataclass(frozen=True, slots=True)
class _Side:
    """What the records of a tree come to."""

    duties: Mapping[str, Duty]
    figures: Mapping[tuple[str, str], Result]


def of_change(root: Path, book: Rulebook, store: Store, base: str, report: Report, moment: datetime.datetime) -> Review:
    """The review of the change since `base`, in which a check found what `report` says.

    In the end the store holds the records of the merged tree, laid as known at `moment`. Raises KpiError or QueryError
    where the policy cannot be computed; a rulebook at fault gives a review without duties and figures.
    """
    past, merged = RevisionTree(root, base), check.merge(root, base)[0]
    paths = differing(past, merged, RECORDS)
    before, after = _documents(past, paths), _documents(merged, paths)
    owed: tuple[Owed, ...] = ()
    figures: tuple[Moved, ...] = ()
    if book.sound and paths:
        days = sorted({day for data in (*before.values(), *after.values()) for day in _days(data, moment)})
        spans = [*days, periods.day_of(moment)]
        was, now = (_side(tree, book, store, moment, spans) for tree in (past, merged))
        owed, figures = tuple(_owed(was.duties, now.duties)), tuple(_moved(was.figures, now.figures))
    else:
        take_in(merged, book.schemas, store)
    names = quoted.directory(book, store, [*before.items(), *after.items()])
    people = _people(root, base, book, names)
    return Review(
        base, moment, report.errors, report.warnings, report.records,
        tuple(quoted.remark(item, book.schemas, names, (before, after)) for item in report.findings),
        tuple(
            found
            for path in paths
            if (found := _changed(path, before, after, book.schemas, names, people)) is not None
        ),
        owed, figures, tuple(differing(past, merged, *RULES)),
        {name: names.titles[name].title for item in owed if (name := item.duty.subject) in names.titles},
    )  # fmt: skip


def differing(one: Tree, other: Tree, *folders: str) -> list[str]:
    """The paths that two trees do not have alike."""
    was, now = ({entry.path: (entry.blob, entry.mode) for entry in tree.entries(*folders)} for tree in (one, other))
    return sorted(path for path in {*was, *now} if was.get(path) != now.get(path))


def _documents(tree: Tree, paths: Collection[str]) -> dict[str, Data]:
    """What files of a tree hold, as far as they can be read."""
    wanted = set(paths)
    entries = [entry for entry in tree.entries(RECORDS) if entry.path in wanted] if wanted else []
    return {entry.path: parse(raw, entry.path)[0] for entry, raw in tree.read(entries)}


# --- duties and figures ----------------------------------------------------------------------------------


def _side(tree: Tree, book: Rulebook, store: Store, moment: datetime.datetime, days: Iterable[datetime.date]) -> _Side:
    policy = book.policy
    taken = take_in(tree, book.schemas, store)
    # What follows from when records landed is not known of a change that has not landed: it is left out on both sides.
    store.land([], withheld=_UNLANDED)
    check.lay_policy(store, book, taken, moment, known=True, asked=duty.names(policy) | kpi.names(policy))
    held = list(days)
    figures = {}
    for definition in kpi.in_force(policy, periods.day_of(moment)):
        code, kind = definition.data["code"], definition.data["period"]
        spans = sorted({periods.containing(kind, day) for day in held}, key=lambda span: span.first)[-_BACK:]
        for result in kpi.trend(store, policy, code, spans, moment, None):
            figures[code, result.period.label] = result
    return _Side({item.id: item for item in duty.find(store, policy)}, figures)


def _days(data: Any, moment: datetime.datetime) -> Iterator[datetime.date]:
    """The days up to a moment that a document names: the periods that it may count in."""
    if isinstance(data, Mapping):
        data = list(data.values())
    if isinstance(data, list):
        for item in data:
            yield from _days(item, moment)
    elif isinstance(data, str) and data[:4].isdigit():
        try:
            day = datetime.date.fromisoformat(data[:10])
        except ValueError:
            return
        if day <= periods.day_of(moment):
            yield day


def _owed(was: Mapping[str, Duty], now: Mapping[str, Duty]) -> Iterator[Owed]:
    """What the change does to duties, in order of due time."""
    for name in sorted({*was, *now}, key=lambda name: ((now.get(name) or was[name]).due, name)):
        before, after = was.get(name), now.get(name)
        if after is None:
            if before is not None and before.state not in _SETTLED:
                yield Owed("dropped", before)
        elif after.state in _SETTLED:
            if before is None or before.state not in _SETTLED:
                yield Owed("settled", after)
        elif before is None:
            yield Owed("started", after)
        elif before.state in _SETTLED:
            yield Owed("reopened", after)
        elif before.due != after.due:
            yield Owed("moved", after, before.due)


def _moved(was: Mapping[tuple[str, str], Result], now: Mapping[tuple[str, str], Result]) -> Iterator[Moved]:
    for key in sorted({*was, *now}):
        before, after = was.get(key), now.get(key)
        if _told(before) != _told(after):
            yield Moved(before, after)


def _told(result: Result | None) -> tuple[Any, ...] | None:
    return (
        None
        if result is None
        else (result.value, result.numerator, result.denominator, result.sample, result.excluded_count)
    )


# --- records and people ----------------------------------------------------------------------------------


def _changed(
    path: str, was: Mapping[str, Data], now: Mapping[str, Data], schemas: Schemas, names: Directory,
    people: Mapping[str, tuple[str, ...]],
) -> Changed | None:  # fmt: skip
    schema, before, after = schemas.of_folder(path), was.get(path), now.get(path)
    if schema is None:
        return None
    data = after or before
    title = privacy.publish(schema, data, names).title if data and schemas.accepts(schema.name, data) else ""
    fields: tuple[Text, ...] = ()
    if before is not None and after is not None:
        keys = dict.fromkeys(str(item.pointer[0]) for item in difference.changes(before, after))
        fields = tuple(label_of(schemas.raw[schema.name], (key,)) for key in keys if key != "status")
    kind = "added" if path not in was else "deleted" if path not in now else "changed"
    return Changed(path, PurePosixPath(path).stem, schema.label, title, kind, _state(schema, before),
                   _state(schema, after), people.get(path, ()), fields)  # fmt: skip


def _state(schema: RecordSchema, data: Data) -> Text | None:
    return schema.states.get(str(data.get("status"))) if data else None


def _people(root: Path, base: str, book: Rulebook, names: Directory) -> dict[str, tuple[str, ...]]:
    """Who changed each file: the authors of the commits that the base lacks, by the name the company knows them by."""
    staff = {str(person["email"]).lower(): str(person["name"]) for person in book.policy.staff}
    commits = [commit for commit in log.walk(root, "HEAD", [base]) if len(commit.parents) < 2]
    known = log.mapped(root, (commit.author for commit in commits), base)
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for commit in commits:
        person = known[commit.author]
        name = staff.get(person.mail) or privacy.mask_text(person.name, names.identifiers)
        for touched in commit.changes:
            found[touched.path][name] = None
    return {path: tuple(persons) for path, persons in found.items()}
