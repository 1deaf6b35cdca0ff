"""Trace: each clause of the source policies → what keeps it → the records that show it → what is lacking.

The clauses are data (`policies/*/clauses.yaml`). A mechanism is named by its kind and its name there; here it is
looked up in the schemas, packs and site files, so that a clause cannot lean on what does not exist.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from kelu import catalogue, git, obligation, resources
from kelu.document import parse
from kelu.finding import Finding, Text
from kelu.naming import reach
from kelu.policy import Definition, Policy
from kelu.schema import Field, Schemas
from kelu.schema.fields import resolve
from kelu.store import QueryError, Store, spelled_out

Files = Callable[[str], bytes | None]  # a path in the repository -> its bytes, or None where there is no such file
_DEFINED = {"rule": ("rules", "id"), "kpi": ("kpis", "code"), "duty": ("obligations", "id")}
_PLACES = {"ledger": "site/ledgers/{}.yaml", "page": "site/templates/pages/{}.md.j2", "file": "{}"}
_TODAY = "SELECT as_of_date()"
_OVERDUE = "SELECT obligation, pack, id FROM duty WHERE state = 'overdue' ORDER BY id"
_TITLE = re.compile(r"^title: *(.+)$", re.M)


class Gap(StrEnum):
    """What a clause lacks: any mechanism that works; one of those it names; records that show it; duties done."""

    UNKEPT = "unkept"
    MISSING = "missing"
    UNSHOWN = "unshown"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class Mechanism:
    """By what a clause is kept: `kind` as in clauses.yaml. `pack` is the one whose definition it is, else empty;
    `in_force` tells whether that pack rules somebody; `value` is what a parameter says."""

    kind: str
    name: str
    label: Text
    exists: bool
    pack: str = ""
    value: str = ""
    in_force: bool = True

    @property
    def works(self) -> bool:
        return self.exists and self.in_force


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause and what has become of it. `evidence` are ids of records, None where no record could show it;
    `overdue` the ids of duties. Only of a clause in force anything is expected."""

    id: str
    pack: str
    title: Text
    phrase: str
    note: Text | None
    context: Text | None
    in_force: bool
    mechanisms: tuple[Mechanism, ...]
    evidence: tuple[str, ...] | None
    overdue: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """Whether it has a mechanism that works, or asks for none; one that is not in force needs only be able to."""
        return self.context is not None or any(m.works if self.in_force else m.exists for m in self.mechanisms)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        found = {
            Gap.UNKEPT: not self.kept,
            Gap.MISSING: any(not mechanism.exists for mechanism in self.mechanisms),
            Gap.UNSHOWN: self.in_force and self.evidence == (),
            Gap.OVERDUE: self.in_force and bool(self.overdue),
        }
        return tuple(gap for gap, holds in found.items() if holds)


def names(policy: Policy) -> set[str]:
    """The names of everything that `trace` asks for: what `Store.prepare` has to lay."""
    asked = [str(item.data.get("evidence", "")) for pack in policy.packs.values() for item in pack.clauses]
    return reach([*asked, _OVERDUE, _TODAY], {**obligation.views(policy), **spelled_out()})


def files_in(root: Path) -> Files:
    """The files of a repository; parts of the site that it does not have itself are those that come with kelu. Where
    nothing is checked out, the files are those of HEAD."""
    standing = git.here(root)

    def there(path: str) -> bytes | None:
        if standing.directory is not None:
            return (root / path).read_bytes() if (root / path).is_file() else None
        held = [entry for entry in standing.entries(path) if entry.path == path]
        return next((raw for _, raw in standing.read(held)), None)

    def has_site() -> bool:
        return (root / "site").is_dir() if standing.directory is not None else bool(standing.entries("site"))

    def read(path: str) -> bytes | None:
        found = there(path)
        if found is None and path.startswith("site/") and not has_site():
            shipped = resources.site_dir() / path.removeprefix("site/")
            return shipped.read_bytes() if shipped.is_file() else None
        return found

    return read


def trace(store: Store, policy: Policy, schemas: Schemas, read: Files) -> list[Clause]:
    """Every clause, in order of pack and of its clauses.yaml, from a store laid as known at some moment.

    Raises QueryError when the evidence of a clause cannot be asked for; `faults` says where.
    """
    ((today,),) = store.query(_TODAY)
    overdue = store.query(_OVERDUE)
    finder = _Finder(policy, schemas, read, today)
    found = []
    for name in sorted(policy.packs):
        pack = policy.packs[name]
        held = [domain for domain in pack.source.data.get("domains", ()) if _rules(policy, name, domain, today)]
        for definition in pack.clauses:
            asked = definition.data.get("domain")
            in_force = asked in held if asked else bool(held)
            found.append(_clause(definition, in_force, finder, store, overdue))
    return found


def chosen(clauses: Sequence[Clause], wanted: str) -> list[Clause]:
    """The clauses that a word names: a pack (with or without its version), a clause, or the first part of some."""
    return [
        clause
        for clause in clauses
        if wanted in (clause.pack, clause.pack.partition("@")[0]) or is_part(clause.id, wanted)
    ]


def is_part(clause: str, cited: str) -> bool:
    """Whether a clause is the one cited or a part of it: `GSB:6.2.1` of `GSB:6.2`, `CSP:4a` of `CSP:4`."""
    rest = clause.removeprefix(cited)
    return clause.startswith(cited) and not (cited[-1:].isdigit() and rest[:1].isdigit())


def paths(policy: Policy) -> set[str]:
    """The files that mechanisms name."""
    return {
        _PLACES[kind].format(name)
        for pack in policy.packs.values()
        for definition in pack.clauses
        for kind, name in _named(definition)
        if kind in _PLACES
    }


def faults(policy: Policy, store: Store, schemas: Schemas, read: Files) -> list[Finding]:
    """Findings, each at its line: a clause without mechanism (POL-09), a mechanism or a clause cited that does not
    exist (POL-02), evidence that cannot be asked for (POL-01)."""
    finder = _Finder(policy, schemas, read)
    found: list[Finding] = []
    known = {definition.data["id"] for pack in policy.packs.values() for definition in pack.clauses}
    for pack in policy.packs.values():
        for definition in pack.clauses:
            found += _clause_faults(definition, finder, store)
        for definition in (*pack.rules, *pack.kpis, *pack.obligations):
            cited = definition.data.get("clause")
            if cited and known and not any(is_part(clause, cited) for clause in known):
                found.append(_at(definition, "POL-02", "clause", name=cited, kind="clause"))
    return found


def _clause_faults(definition: Definition, finder: _Finder, store: Store) -> Iterator[Finding]:
    data = definition.data
    if "context" not in data and "mechanisms" not in data:
        yield _at(definition, "POL-09", "id", value=data["id"])
    for place, (kind, name) in enumerate(_named(definition)):
        if not finder.find(definition.pack, kind, name).exists:
            word = "content" if kind == "pack" else kind
            yield _at(definition, "POL-02", "mechanisms", place, kind, name=name, kind=word)
    if "evidence" in data:
        try:
            _evidence(definition, store)
        except QueryError as refused:
            yield _at(definition, "POL-01", "evidence", rule=data["id"], detail=str(refused))


def _at(definition: Definition, code: str, *field: str | int, value: object = None, **words: object) -> Finding:
    source, pointer = definition.source, (*definition.pointer, *field)
    place = definition.place + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in field)
    line, column = source.position(*pointer)
    return catalogue.make(code, source.path, line, column, place, value, **words)


def _clause(
    definition: Definition, in_force: bool, finder: _Finder, store: Store, overdue: Sequence[tuple[str, str, str]]
) -> Clause:
    data = definition.data
    title = definition.text("title")
    assert title is not None, definition.place
    mechanisms = tuple(finder.find(definition.pack, kind, name) for kind, name in _named(definition))
    duties = {(mechanism.name, mechanism.pack) for mechanism in mechanisms if mechanism.kind == "duty"}
    return Clause(
        id=data["id"],
        pack=definition.pack,
        title=title,
        phrase=data.get("phrase", ""),
        note=definition.text("note"),
        context=definition.text("context"),
        in_force=in_force,
        mechanisms=mechanisms,
        evidence=_evidence(definition, store) if "evidence" in data else None,
        overdue=tuple(name for obligation, pack, name in overdue if (obligation, pack) in duties),
    )


def _evidence(definition: Definition, store: Store) -> tuple[str, ...]:
    sql = str(definition.data["evidence"]).strip().rstrip(";")
    return tuple(name for (name,) in store.query(f"SELECT DISTINCT id FROM ({sql}\n) WHERE id IS NOT NULL ORDER BY id"))


def _named(definition: Definition) -> list[tuple[str, str]]:
    return [next(iter(entry.items())) for entry in definition.data.get("mechanisms", ())]


def _rules(policy: Policy, pack: str, domain: str, day: datetime.date) -> bool:
    """Whether a pack rules a domain on a day, for the company or as agreed with some customer or project."""
    return policy.in_force(pack, domain, day) or any(
        entry["pack"] == pack and entry["domain"] == domain
        and entry["from"] <= day.isoformat() < entry.get("to", "9999")
        for entry in policy.allowances
    )  # fmt: skip


# --- where a mechanism is defined ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Finder:
    """Looks mechanisms up. What a pack leaves open is taken from the defaults, as everywhere."""

    policy: Policy
    schemas: Schemas
    read: Files
    day: datetime.date | None = None  # on which a pack must rule; None: any counts

    def find(self, pack: str, kind: str, name: str) -> Mechanism:
        """The mechanism of a kind and name that a clause of `pack` names; its label is its name where unknown."""
        if kind in _DEFINED:
            return self._defined(pack, kind, name)
        if kind in _PLACES:
            raw = self.read(_PLACES[kind].format(name))
            return Mechanism(kind, name, _titled(kind, name, raw), raw is not None)
        if kind in ("type", "field", "state"):
            label = self._of_record(kind, name)
            return Mechanism(kind, name, label or Text(name, name), label is not None)
        return self._of_pack(pack, kind, name)

    def _defined(self, pack: str, kind: str, name: str) -> Mechanism:
        """A rule, KPI or duty: the pack's own definition, else one in force, else any; or a check of the engine."""
        section, key = _DEFINED[kind]
        found = [
            definition
            for holder in self.policy.packs.values()
            for definition in getattr(holder, section)
            if definition.data[key] == name
        ]
        if found:
            best = min(found, key=lambda item: (item.pack != pack, not self._in_force(item), item.pack))
            title = best.text("title") or Text(name, name)
            return Mechanism(kind, name, title, True, best.pack, in_force=self._in_force(best))
        own = next((entry.title for entry in catalogue.entries() if kind == "rule" and entry.code == name), None)
        return Mechanism(kind, name, own or Text(name, name), own is not None)

    def _in_force(self, definition: Definition) -> bool:
        """Whether the pack of a definition rules somebody in the definition's domain, or in any where it names none."""
        pack, day = self.policy.packs[definition.pack], self.day
        if day is None or pack.name in (self.policy.common, self.policy.defaults):
            return True
        domains = [definition.data["domain"]] if "domain" in definition.data else pack.source.data["domains"]
        return any(_rules(self.policy, pack.name, domain, day) for domain in domains)

    def _of_record(self, kind: str, name: str) -> Text | None:
        record, *steps = name.split(".")
        schema = self.schemas.records.get(record)
        if schema is None:
            return None
        if kind == "type":
            return schema.label if not steps else None
        if kind == "state":
            state = schema.states.get(".".join(steps))
            return state and _joined([schema.label, state])
        labels, fields = [schema.label], schema.fields
        for step in steps:
            found: Field | None = next((item for item in fields if item.name == step), None)
            if found is None:
                return None
            labels.append(found.label)
            fields = found.children
        return _joined(labels) if steps else None

    def _of_pack(self, pack: str, kind: str, name: str) -> Mechanism:
        """Something of a pack's own pack.yaml, or of the defaults'."""
        for holder in dict.fromkeys((pack, self.policy.defaults)):
            held = self.policy.packs.get(holder)
            found = _within(held.source.data if held else {}, kind, name)
            if found is not None and not (kind == "pack" and holder != pack):
                label = self._pack_label(holder, kind, name, found)
                return Mechanism(kind, name, label, True, holder, _said(found) if kind == "parameter" else "")
        return Mechanism(kind, name, Text(name, name), False)

    def _pack_label(self, holder: str, kind: str, name: str, found: Any) -> Text:
        """In the pack's own words where it has some: its roles, its terms, what a code of its parameters stands for."""
        if kind == "template":
            return Text(found["title"]["zh"], found["title"]["en"])
        if kind == "role":
            return Text(found["zh"], found["en"])
        if kind == "vocabulary":
            return Text("、".join(term["zh"] for term in found), ", ".join(term["en"] for term in found))
        labels, named = [], None  # `named`: the vocabulary whose codes the next step may be
        for label, node in labelled(self.schemas, _SECTIONS.get(kind, ""), name):
            labels.append((named and self._term(holder, named, label.zh)) or label)
            named = node.get("propertyNames", {}).get("x-vocabulary")
        if kind == "pack" and isinstance(found, dict) and {"zh", "en"} <= found.keys():
            labels[-1] = Text(found["zh"], found["en"])
        return _joined(labels)

    def _term(self, pack: str, vocabulary: str, code: str) -> Text | None:
        found = (Text(zh, en) for *key, zh, en, _ in self.policy.vocabularies() if key == [pack, vocabulary, code])
        return next(found, None)


_SECTIONS = {"parameter": "parameters", "vocabulary": "vocabularies", "template": "templates", "role": "roles"}


def labelled(schemas: Schemas, section: str, name: str) -> list[tuple[Text, Mapping[str, Any]]]:
    """The label of each step of a name in (a section of) pack.yaml, and what the schema says of it; a step that the
    schema leaves open is its own label."""
    schema = schemas.raw["pack"]
    node = resolve(schema["properties"][section] if section else schema, schema["$defs"])
    found: list[tuple[Text, Mapping[str, Any]]] = []
    for step in name.split("."):
        known = node.get("properties", {}).get(step)
        node = resolve(known or node.get("additionalProperties") or {}, schema["$defs"])
        found.append((Text(node["title"], node["x-en"]) if known else Text(step, step), node))
    return found


def _within(data: Mapping[str, Any], kind: str, name: str) -> Any:
    """What a pack says under a name; None when it says nothing."""
    node: Any = data.get(_SECTIONS[kind]) if kind in _SECTIONS else data
    for step in name.split(".") if kind in ("parameter", "pack") else [name]:
        node = node.get(step) if isinstance(node, dict) else None
    return None if kind == "pack" and node in ([], {}) else node


def _said(value: Any) -> str:
    """A parameter's value on one line."""
    if isinstance(value, dict):
        return "; ".join(f"{key} {_said(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_said, value)) or "—"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _joined(labels: Iterable[Text]) -> Text:
    parts = list(labels)
    return Text(" · ".join(part.zh for part in parts), " · ".join(part.en for part in parts))


def _titled(kind: str, name: str, raw: bytes | None) -> Text:
    """What a ledger or page calls itself."""
    if raw is not None and kind == "ledger":
        title = (parse(raw, name)[0] or {}).get("title", {})
        return Text(title.get("zh", name), title.get("en", name))
    if raw is not None and kind == "page" and (match := _TITLE.search(raw.decode("utf-8", "replace"))):
        return Text(match[1], match[1])
    return Text(name, name)
