"""Record pages: every published field in schema order, what a record refers to and what refers to it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from markupsafe import Markup

from kelu import privacy, timeline
from kelu.finding import Finding, Text
from kelu.pages import duties, entries, evidence, facet, flow, form, story
from kelu.pages.forge import Forge
from kelu.pages.template import Templates
from kelu.policy import Policy
from kelu.privacy import Directory, Node, Published, whole
from kelu.schema import RecordSchema
from kelu.timeline import Event, State, Timeline

SHOWN = 50  # of the duties or records of one kind beside a record
LONGEST = 50_000  # characters of a record that its page carries for the form
_EVERY = "record_index"  # the table of what every record has; rules for it go for every type
EVENTS, ROOM = 50, 16_000  # of a history: how many events a page holds at most, and about how many bytes
_EVENT, _LINE, _LETTER = 420, 120, 3  # bytes of an event, of a change and of a letter of it
_INDEX = re.compile(r"\[\d+\]")
_Item = TypeVar("_Item")


class Section(NamedTuple):
    """A panel of the page: one nested field under its own heading, or a run of plain fields."""

    label: Markup | None
    content: Markup


@dataclass(frozen=True, slots=True)
class Row:
    """An event of the history: when, what changed as far as there is room, and where the file as it then was lies."""

    event: Event
    at: str
    committed: str  # where that was another minute
    kind: Text
    voices: tuple[tuple[Text, timeline.Person], ...]
    changes: Markup
    url: str


@dataclass(frozen=True, slots=True)
class Past:
    """The history of a record: the states it came to and when, and its events but for so many `older` ones."""

    states: tuple[tuple[State, str], ...]
    rows: tuple[Row, ...]
    older: int


@dataclass(frozen=True, slots=True)
class Related:
    """A record on the other side of a reference, the state it is in, and the field that refers."""

    id: str
    title: str
    type: Text
    state: Text | None
    label: Text


@dataclass(frozen=True, slots=True)
class Referrers:
    """Records of one type that refer to a record: the first of `count`."""

    type: Text
    count: int
    entries: Markup


@dataclass(frozen=True, slots=True)
class Owed:
    """Duties about a record in one state: the first of `count`."""

    code: str
    state: Markup
    count: int
    entries: Markup


@dataclass(frozen=True, slots=True)
class Counted:
    """A KPI in which a record counts, and in which of its lists."""

    code: str
    title: Text
    period: Text
    list: Text
    reason: Text | None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that records of a type are checked by; `pack` is empty where it goes for all."""

    code: str
    title: Text
    pack: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What all record pages of a build share."""

    templates: Templates
    schemas: Mapping[str, RecordSchema]
    directory: Directory
    commit: str
    policy: Policy
    forge: Forge = field(default_factory=Forge)
    dirty: bool = False
    ledgers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # type -> {page, title}
    facets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # of site.yaml
    outgoing: Mapping[str, Sequence[Related]] = field(default_factory=dict)
    incoming: Mapping[str, Sequence[Related]] = field(default_factory=dict)
    findings: Mapping[str, Sequence[Finding]] = field(default_factory=dict)  # path -> findings
    counted: Mapping[str, Sequence[Counted]] = field(default_factory=dict)
    owed: Mapping[str, Sequence[duties.Section]] = field(default_factory=dict)  # about the record, by state
    kept: Mapping[str, Sequence[duties.Line]] = field(default_factory=dict)  # which the record shows done
    rules: Mapping[str, Sequence[Rule]] = field(default_factory=dict)  # by record type
    forms: Mapping[str, form.Form] = field(default_factory=dict)  # by record type
    evidence: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # record -> file -> state
    passed: dict[tuple[str, str, frozenset[str]], Markup] = field(default_factory=dict)  # as they are asked for
    known: dict[Any, str] = field(default_factory=dict)  # what many pages say alike, likewise
    planned: dict[str, facet.Plan] = field(default_factory=dict)  # by record type, likewise


def page(
    frame: Frame, type_name: str, path: str, data: Mapping[str, Any], told: Timeline | None = None, text: str = ""
) -> tuple[str, str]:
    """(title, body HTML) of a record's page; `told` is its history, None where there is none to read, `text` the file's
    own, which the page carries for the form where that reveals nothing."""
    schema = frame.schemas[type_name]
    words = flow.Words(frame.templates, frame.known)
    record = privacy.publish(schema, data, frame.directory)
    known = frame.directory.titles.get(record.id)
    pack = known.policy if known else ""
    found = () if record.restricted else tuple(_readable(frame, path))
    commit = told.events[-1].sha if told and told.events else frame.commit

    def beside(held: Mapping[str, Sequence[_Item]]) -> Sequence[_Item]:
        return () if record.restricted else held.get(record.id, ())

    printed = None if record.restricted else frame.forms.get(type_name)
    body = frame.templates.html(
        "record.html.j2",
        record=record,
        type=schema.label,
        status=schema.states.get(record.status),
        date=known.date if known else "",
        facets=facet.facets(schema, record, known.date if known else "", _planned(frame, schema)),
        ledger=frame.ledgers.get(type_name),
        sections=tuple(sections(record, words)),
        steps=() if record.restricted else tuple(story.steps(schema, record)),
        outgoing=entries.referring(beside(frame.outgoing), words),
        incoming=tuple(_by_type(beside(frame.incoming), words)),
        findings=found,
        evidence=tuple(evidence.items(record.nodes, frame.evidence.get(record.id, {}))),
        passed=_passed(frame, type_name, pack, frozenset(item.code for item in found)),
        absent="、".join(label.zh for label in record.absent),
        printed=form.fill(printed, record, pack, frame.policy, words) if printed else None,
        kpis=len(kpis := beside(frame.counted)),
        kpi_entries=entries.counted(kpis, words),
        owed=tuple(_owed(section, record.id, words) for section in beside(frame.owed)),
        kept=entries.kept(beside(frame.kept)[:SHOWN], words),
        signatures=timeline.SIGNATURES,
        limit=SHOWN,
        dirty=frame.dirty,
        past=past(told, frame.forge, words) if told else None,
        path=path,
        commit=commit,
        source_url=frame.forge.source(commit, path),
        form=f"register/{type_name}.html?record={record.id}",
        nexts=[step.target for step in schema.transitions if step.source == record.status],
        states=schema.states,
        source=text if len(text) <= LONGEST and whole.reveals_nothing(text, record, frame.directory) else "",
    )
    title = f"{record.id} {record.title}".strip()
    return title, body


def _passed(frame: Frame, type_name: str, pack: str, broken: frozenset[str]) -> Markup:
    """The rules that a record of a type was checked by and did not break; nearly all records share a few such lists."""
    key = type_name, pack, broken
    if key not in frame.passed:
        asked = (*frame.rules.get(type_name, ()), *frame.rules.get(_EVERY, ()))
        passed = [rule for rule in asked if rule.pack in ("", pack) and rule.code not in broken]
        html = frame.templates.html("parts/passed.html.j2", passed=passed)
        frame.passed[key] = Markup(html)  # noqa: S704 - a template escapes what it is given
    return frame.passed[key]


def _planned(frame: Frame, schema: RecordSchema) -> facet.Plan:
    if schema.name not in frame.planned:
        frame.planned[schema.name] = facet.plan(schema.fields, frame.facets)
    return frame.planned[schema.name]


def _readable(frame: Frame, path: str) -> Iterable[Finding]:
    """Findings about a file; what they quote of it passes the same masks as the file itself."""
    for item in frame.findings.get(path, ()):
        yield replace(item, message=privacy.masked(item.message, frame.directory), value=None)


def rules(policy: Policy) -> dict[str, list[Rule]]:
    """For each record type the rules that its records are checked by."""
    found: dict[str, list[Rule]] = defaultdict(list)
    for rule in policy.rules():
        title = rule.text("title")
        if title is not None:
            pack = "" if rule.pack in (policy.common, policy.defaults) else rule.pack
            found[str(rule.data.get("for"))].append(Rule(rule.data["id"], title, pack))
    return found


def sections(record: Published, words: flow.Words) -> Iterable[Section]:
    """The page's panels in schema order: plain fields in a row share one, each nested field has its own."""
    run: list[Node] = []
    for node in record.nodes:
        if node.kind in ("group", "map") or (node.kind == "list" and node.children[0].kind == "group"):
            if run:
                yield Section(None, flow.fields(run, words))
                run = []
            yield Section(flow.heading(node.label), flow.value(node, words))
        else:
            run.append(node)
    if run:
        yield Section(None, flow.fields(run, words))


def past(told: Timeline, forge: Forge, words: flow.Words) -> Past:
    """The history of a record as far as its page has room for it: of the last events first."""
    rows: list[Row] = []
    room = ROOM - _EVENT * min(len(told.events), EVENTS)
    for event in reversed(told.events[-EVENTS:]):
        listed = event.changes if event.kind == "changed" else ()
        size = sum(map(_size, listed))
        if size > room:
            listed, size = (), 0
        room -= size
        rows.append(_row(event, flow.changes(listed, words), told.path, forge))
    states = [(event.after, privacy.moment(event.authored_at)[1][:10])
              for event in told.events if event.after and event.after != event.before]  # fmt: skip
    return Past(tuple(states), tuple(reversed(rows)), len(told.events) - len(rows))


def _row(event: Event, changes: Markup, path: str, forge: Forge) -> Row:
    at = privacy.moment(event.authored_at)[1]
    committed = at if event.committed_at == event.authored_at else privacy.moment(event.committed_at)[1]
    voices = tuple((timeline.VOICES[voice.key], voice.person) for voice in event.voices)
    url = forge.source(event.sha, path) if event.kind != "deleted" else ""
    return Row(event, at, "" if committed == at else committed, timeline.KINDS[event.kind], voices, changes, url)


def _size(change: timeline.Change) -> int:
    nodes = [node for node in (change.old, change.new) if node]
    letters = len(change.label.zh) + sum(len(node.value) + len(node.text.zh if node.text else "") for node in nodes)
    return _LINE + _LETTER * letters


def _by_type(related: Sequence[Related], words: flow.Words) -> Iterable[Referrers]:
    """Referring records under their types, the smaller groups first: they are the ones looked for."""
    groups: dict[Text, list[Related]] = defaultdict(list)
    for item in related:
        groups[item.type].append(item)
    for type_, members in sorted(groups.items(), key=lambda group: (len(group[1]), group[0].zh)):
        yield Referrers(type_, len(members), entries.referred(members[:SHOWN], words))


def _owed(section: duties.Section, about: str, words: flow.Words) -> Owed:
    state = Markup(entries.state(section.code, section.state, words))  # noqa: S704 - a template's
    return Owed(section.code, state, section.count, entries.owed(section.lines[:SHOWN], about, words))


def relations(
    links: Iterable[tuple[str, str, str]], schemas: Mapping[str, RecordSchema], directory: Directory
) -> tuple[dict[str, list[Related]], dict[str, list[Related]]]:
    """(outgoing, incoming) by record id from rows (source, field, target).

    What a restricted record refers to is not shown on either side.
    """
    outgoing: dict[str, list[Related]] = defaultdict(list)
    incoming: dict[str, list[Related]] = defaultdict(list)
    seen: set[tuple[str, str, str]] = set()
    labels: dict[tuple[str, str], Text] = {}
    for source, place, target in links:
        start, end = directory.titles.get(source), directory.titles.get(target)
        pointer = _INDEX.sub("", place)
        if start is None or end is None or start.restricted or (source, pointer, target) in seen:
            continue
        seen.add((source, pointer, target))
        if (start.type, pointer) not in labels:
            labels[start.type, pointer] = _label(schemas[start.type], pointer)
        label = labels[start.type, pointer]
        for side, key, other, known in ((outgoing, source, target, end), (incoming, target, source, start)):
            schema = schemas[known.type]
            side[key].append(Related(other, known.title, schema.label, schema.states.get(known.status), label))
    for members in incoming.values():
        members.sort(key=lambda item: item.id, reverse=True)
    return outgoing, incoming


def _label(schema: RecordSchema, pointer: str) -> Text:
    """The label of a field within its panel: 处置方案 · 措施编号."""
    names = pointer.split(".")
    parts = [privacy.leaf(schema, ".".join(names[: i + 1])).label for i in range(len(names))]
    ends = parts if len(parts) == 1 else [parts[0], parts[-1]]
    return Text.joined(ends, " · ", " · ")
