"""Audit: the page for whoever is to trust the records — how whole they are, and what speaks against them.

What is bad is as visible here as what is good elsewhere, and where nothing was found the page says so and how to see it
oneself. Which lists and samples it shows stands in `site/audit.yaml`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from kelu import __version__, catalogue, sample, timeline
from kelu.finding import Finding, Text
from kelu.pages import cells, inquiry, manual, trail
from kelu.pages.data import File
from kelu.pages.figure import Names, Row, period_text, row
from kelu.pages.inquiry import Inquiry
from kelu.pages.manual import Found
from kelu.pages.trail import Trail
from kelu.policy import Policy
from kelu.privacy import Directory, Node
from kelu.privacy.mask import Identifiers, personal_values

if TYPE_CHECKING:
    from kelu.pages.build import Edition


@dataclass(frozen=True, slots=True)
class Flag:
    """A finding, and the commit that did it where the history tells."""

    found: Found
    commit: str


@dataclass(frozen=True, slots=True)
class Flags:
    """The findings of one code."""

    code: str
    severity: str
    title: Text
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers of a series that no record has, from `first` to `last`; `lost` are those which the history knows."""

    first: str
    last: str
    count: int
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """The numbers given so far in one sequence, such as CMP-2026."""

    name: str
    type: Text
    count: int
    last: str
    gaps: tuple[Gap, ...]

    @property
    def missing(self) -> int:
        """How many numbers are missing."""
        return sum(gap.count for gap in self.gaps)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A sample that is ready: the records of a type that the commit as the seed draws."""

    type: str
    label: Text
    size: int
    population: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Restated:
    """A figure that is not what was reported."""

    code: str
    title: Text
    period: Text


@dataclass(frozen=True, slots=True)
class View:
    """Everything the page shows; `limit` is how many rows of a list it shows itself."""

    version: str
    commit: str
    manifest: bool
    trail: Trail | None
    flags: tuple[Flags, ...]
    series: tuple[Series, ...]
    inquiries: tuple[Inquiry, ...]
    restated: tuple[Restated, ...] | None
    samples: tuple[Drawn, ...]
    populations: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, Text]
    limit: int

    @property
    def missing(self) -> int:
        """How many numbers are missing over all series."""
        return sum(item.missing for item in self.series)

    def errors(self, severity: str) -> int:
        """How many findings of a severity there are."""
        return sum(len(group.flags) for group in self.flags if group.severity == severity)


def view(edition: Edition, names: Names, definition: Mapping[str, Any]) -> View:
    """The page of an edition by `site/audit.yaml`. Raises KeyError or QueryError where that names what is not there."""
    names = replace(names, directory=_guarded(edition, names.directory))
    told = trail.read(edition, names, definition["changed"])
    populations = _populations(edition.store.query("SELECT id, type FROM listing ORDER BY id"), names)
    outcome = edition.restated
    return View(
        version=__version__,
        commit=edition.commit,
        manifest=bool(edition.manifest),
        trail=told,
        flags=tuple(_flags([*edition.report.findings, *edition.trail], edition.policy, names)),
        series=tuple(_series(populations, names, told.ever if told else frozenset())),
        inquiries=tuple(inquiry.ask(item, edition.store, edition.policy, names) for item in definition["lists"]),
        restated=None if outcome is None else tuple(
            Restated(item.code, item.title, period_text(item.period.label) if item.period.kind != "span"
                     else Text.same(item.period.label))
            for item in outcome.restatements
        ),
        samples=tuple(_drawn(item, populations, edition.commit, names) for item in definition["samples"]),
        populations=populations,
        labels={name: schema.label for name, schema in names.schemas.items()},
        limit=definition["rows"],
    )  # fmt: skip


def _guarded(edition: Edition, directory: Directory) -> Directory:
    """The directory with every direct identifier that a customer's record, or one that the audit speaks of, ever held:
    what a finding says of the past must not bring it back."""
    history = edition.history
    if history is None:
        return directory
    directory = timeline.guarded(history, edition.schemas.records, directory)
    former: dict[str, str] = {}
    for path, versions in history.documents({item.path for item in edition.trail}):
        schema = edition.schemas.of_folder(path)
        if schema is not None:
            for data in versions.values():
                former |= Identifiers.of(personal_values(schema.fields, data)).masks
    return replace(directory, identifiers=Identifiers.hidden({**former, **directory.identifiers.masks}))


def _populations(listed: Iterable[tuple[str, str]], names: Names) -> dict[str, tuple[str, ...]]:
    """The ids of all record files by type, those which cannot be read, too."""
    held: dict[str, list[str]] = defaultdict(list)
    for name, type_ in listed:
        held[type_].append(name)
    return {type_: tuple(held[type_]) for type_ in names.schemas if type_ in held}


def _flags(findings: Sequence[Finding], policy: Policy, names: Names) -> Iterator[Flags]:
    """By code: errors first, then what is most frequent."""
    titles = {entry.code: entry.title for entry in catalogue.entries()}
    titles |= {rule.data["id"]: title for pack in policy.packs.values() for rule in pack.rules
               if (title := rule.text("title"))}  # fmt: skip
    by_code: dict[tuple[str, str], list[Flag]] = defaultdict(list)
    for item, found in zip(findings, manual.shown(findings, names.directory), strict=True):
        by_code[found.severity, found.code].append(Flag(found, item.commit))
    count = Counter({key: len(flags) for key, flags in by_code.items()})
    for severity, code in sorted(by_code, key=lambda key: (key[0], -count[key], key[1])):
        yield Flags(code, severity, titles.get(code, Text.same("")), tuple(by_code[severity, code]))


def _series(populations: Mapping[str, Sequence[str]], names: Names, ever: frozenset[str]) -> Iterator[Series]:
    """Every sequence of numbers, by type; ids end in the number."""
    for type_, ids in populations.items():
        schema = names.schemas[type_]
        held: dict[str, dict[int, str]] = defaultdict(dict)
        for name in filter(schema.id_pattern.fullmatch, ids):
            series, _, number = name.rpartition("-")
            held[series][int(number)] = name
        for series, numbers in sorted(held.items(), reverse=True):
            last = numbers[max(numbers)]
            width = len(last) - len(series) - 1
            yield Series(series, schema.label, len(numbers), last, tuple(_gaps(series, width, numbers, ever)))


def _gaps(series: str, width: int, numbers: Mapping[int, str], ever: frozenset[str]) -> Iterator[Gap]:
    expected = 1
    for number in sorted(numbers):
        if number > expected:
            missing = [f"{series}-{one:0{width}d}" for one in range(expected, number)]
            yield Gap(missing[0], missing[-1], len(missing), tuple(name for name in missing if name in ever))
        expected = number + 1


def _drawn(definition: Mapping[str, Any], populations: Mapping[str, Sequence[str]], seed: str, names: Names) -> Drawn:
    type_, ids = definition["type"], populations.get(definition["type"], ())
    rows = tuple(row(name, None, None, names) for name in sample.draw(ids, seed, definition["n"]))
    return Drawn(type_, names.schemas[type_].label, definition["n"], len(ids), rows)


# --- files -----------------------------------------------------------------------------------------------


def files(view: View, words: Mapping[str, Any]) -> Iterator[File]:
    """The data beside the page: the ids that samples are drawn from, and every list in full."""
    types = {name: {"zh": view.labels[name].zh, "en": view.labels[name].en, "ids": ids}
             for name, ids in view.populations.items()}  # fmt: skip
    ids = {"commit": view.commit, "types": types}
    yield File("ids.json", lambda: json.dumps(ids, ensure_ascii=False).encode())
    for item in view.inquiries:
        rows = [(line.record.id, _said(line.record.title), *(_plain(cell, words) for cell in line.cells))
                for line in item.lines]  # fmt: skip
        header = ["编号", "记录", *(column.zh for column in item.columns)]
        yield File(f"audit/{item.name}.csv", partial(cells.as_csv, header, rows))
    flags = [(group.code, words["severity"][group.severity]["zh"], flag.found.record or flag.found.path, flag.commit,
              flag.found.message.zh) for group in view.flags for flag in group.flags]  # fmt: skip
    yield File("audit/flags.csv", partial(cells.as_csv, ["代码", "级别", "记录", "提交", "说明"], flags))


def _said(title: Text | None) -> str:
    return title.zh if title else ""


def _plain(cell: Node | None, words: Mapping[str, Any]) -> str:
    if cell is None:
        return ""
    if cell.kind == "boolean":
        return str(words["boolean"][cell.value]["zh"])
    if cell.kind in ("record", "contact"):
        return cell.target
    return cell.value if cell.text is None or cell.kind == "field" else cell.text.zh
