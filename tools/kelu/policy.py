"""Policy: packs, the company's composition of them, staff, and calendars — read from a tree, given out as tables.

A pack is a folder `policies/<id>@<version>/`; `config/policy.yaml` says which pack rules which domain from when,
which pack fills what others leave open (`defaults`) and which one every record obeys (`common`).
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kelu.document import field_text, locate, parse
from kelu.finding import Finding, Text
from kelu.git import Tree
from kelu.schema import Schemas

FOLDERS = ("policies", "config")
VIEWS = "policies/views/"
CONFIG, STAFF, WAIVERS = "config/policy.yaml", "config/staff.yaml", "config/waivers.yaml"
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A policy document: where it stands, what it holds, and its bytes (to name a line)."""

    path: str
    data: Mapping[str, Any]
    raw: bytes

    def position(self, *pointer: str | int) -> tuple[int, int]:
        """Line and column of a field of the document."""
        return locate(self.raw).best(pointer)


@dataclass(frozen=True, slots=True)
class Definition:
    """One entry of a list in a pack's files (rules.yaml, kpis.yaml …), with the way back to its line."""

    pack: str
    data: Mapping[str, Any]
    source: Source
    pointer: tuple[str | int, ...]

    def text(self, key: str) -> Text | None:
        """A bilingual text of the entry."""
        words = self.data.get(key)
        return Text(words["zh"], words["en"]) if words else None

    @property
    def place(self) -> str:
        """The field's name in its file, as findings write it."""
        return field_text(self.pointer)


@dataclass(frozen=True, slots=True)
class Pack:
    """A version of a policy."""

    name: str  # id@version
    source: Source
    rules: tuple[Definition, ...] = ()
    kpis: tuple[Definition, ...] = ()
    obligations: tuple[Definition, ...] = ()
    clauses: tuple[Definition, ...] = ()
    discrepancies: tuple[Definition, ...] = ()  # of the source policy's text

    @property
    def title(self) -> Text:
        return Text(self.source.data["title"]["zh"], self.source.data["title"]["en"])


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that quality management decides: packs by name, composition, staff, calendars, views."""

    packs: Mapping[str, Pack] = field(default_factory=dict)
    common: str = ""
    defaults: str = ""
    timeline: tuple[Mapping[str, Any], ...] = ()
    allowances: tuple[Mapping[str, Any], ...] = ()
    staff: tuple[Mapping[str, Any], ...] = ()
    calendars: tuple[Mapping[str, Any], ...] = ()
    waivers: tuple[Mapping[str, Any], ...] = ()
    views: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    adopted_on: str | None = None  # the first day of which duties are kept
    digest: str = ""  # of all files it was read from

    @property
    def pii_store(self) -> str:
        """Where contact data lives: `inline`, in the records, or `vault`, apart from them."""
        return str(self.settings.get("pii_store", "inline"))

    @property
    def in_ledgers(self) -> list[str]:
        """The record types that the default pack gives no page each: they are shown in their ledgers."""
        pack = self.packs.get(self.defaults)
        pages = pack.source.data.get("pages", {}) if pack else {}
        return [name for name, where in pages.items() if where == "ledger"]

    def rules(self) -> Iterator[Definition]:
        """Every rule of every pack, in order of code."""
        yield from sorted((rule for pack in self.packs.values() for rule in pack.rules), key=lambda r: r.data["id"])

    def obligations(self) -> list[Definition]:
        """Every obligation of every pack, in order of code and pack."""
        return sorted(
            (o for pack in self.packs.values() for o in pack.obligations), key=lambda o: (o.data["id"], o.pack)
        )

    def holds(self, person: str, role: str, day: str) -> bool:
        """Whether a member of staff (id) holds a role on a day (ISO)."""
        return any(holds(somebody, role, day) for somebody in self.staff if somebody["id"] == person)

    def role(self, pack: str, key: str) -> Text:
        """What a pack, or else the default pack, calls a role."""
        for name in (pack, self.defaults):
            words = self.packs[name].source.data.get("roles", {}).get(key)
            if words:
                return Text(words["zh"], words["en"])
        return Text(key, key)

    def in_force(self, pack: str, domain: str, day: datetime.date) -> bool:
        """Whether a pack rules a domain on a day; the common and the default pack always do."""
        if pack in (self.common, self.defaults):
            return True
        return any(name == pack and dom == domain and _covers(since, until, day)
                   for dom, name, since, until in self.composition())  # fmt: skip

    def ruling(self, day: datetime.date, domains: Iterable[str] | None = None) -> list[str]:
        """The packs in force on a day, in the order of their domains: those given, or all."""
        held = {domain: pack for domain, pack, since, until in self.composition() if _covers(since, until, day)}
        return list(dict.fromkeys(held[domain] for domain in (held if domains is None else domains) if domain in held))

    def composition(self) -> list[tuple[str, str, str, str | None]]:
        """(domain, pack, since, until exclusive) of the timeline."""
        steps = sorted(self.timeline, key=lambda step: str(step["from"]))
        ends = [str(step["from"]) for step in steps[1:]] + [None]
        return [
            (domain, str(pack), str(step["from"]), end)
            for step, end in zip(steps, ends, strict=True)
            for domain, pack in step.items()
            if domain != "from"
        ]

    def parameters(self) -> Iterator[tuple[str, str, str, str]]:
        """(pack, key, value, origin): each pack's own parameters and what it takes from the defaults."""
        fallback = dict(_flat(self.packs[self.defaults].source.data.get("parameters", {})))
        for name, pack in self.packs.items():
            own = dict(_flat(pack.source.data.get("parameters", {})))
            for key in {**fallback, **own}:
                yield (name, key, own[key], name) if key in own else (name, key, fallback[key], self.defaults)

    def vocabularies(self) -> Iterator[tuple[str, str, str, str, str, int]]:
        """(pack, name, code, zh, en, position): each pack's own lists and those it takes from the defaults."""
        fallback = self.packs[self.defaults].source.data.get("vocabularies", {})
        for name, pack in self.packs.items():
            lists = {**fallback, **pack.source.data.get("vocabularies", {})}
            lists["template"] = [
                {"code": code, **template["title"]} for code, template in pack.source.data.get("templates", {}).items()
            ]
            for title, entries in lists.items():
                for position, entry in enumerate(entries):
                    yield name, title, str(entry["code"]), entry["zh"], entry["en"], position

    def tables(self) -> dict[str, tuple[dict[str, str], list[Row]]]:
        """The policy tables of the store by name: column types and rows (ARCHITECTURE.md, “Tables”)."""
        return {
            "parameter": (_columns("pack key value origin"), list(self.parameters())),
            "vocabulary": (_columns("pack name code zh en", position="BIGINT"), list(self.vocabularies())),
            "template": (
                _columns("pack id scale", kinds="VARCHAR[]"),
                [(p, code, t["scale"], list(t["kinds"])) for p, code, t in self._all("templates")],
            ),
            "template_item": (
                _columns("pack template item zh en", position="BIGINT"),
                [(p, code, item["key"], item["zh"], item["en"], position)
                 for p, code, t in self._all("templates") for position, item in enumerate(t["items"])],
            ),
            "grade": (_GRADE, list(self._grades())),
            "pack": (
                _columns("id title_zh title_en status", effective_from="DATE"),
                [(n, p.title.zh, p.title.en, p.source.data["status"], p.source.data.get("effective_from"))
                 for n, p in self.packs.items()],
            ),
            "composition": (_columns("domain pack", since="DATE", until="DATE"), list(self.composition())),
            "allowance": (
                _columns("customer project domain pack", since="DATE", until="DATE"),
                [tuple(a.get(key) for key in ("customer", "project", "domain", "pack", "from", "to"))
                 for a in self.allowances],
            ),
            "staff": (
                _columns("id name email department"),
                [tuple(person.get(key) for key in ("id", "name", "email", "department")) for person in self.staff],
            ),
            "staff_role": (
                _columns("staff role", since="DATE", until="DATE"),
                [(person["id"], held["role"], held["from"], held.get("to"))
                 for person in self.staff for held in person.get("roles", ())],
            ),
            "obligation": (
                _columns("id pack title_zh title_en clause domain deadline", owner="VARCHAR[]", escalate="VARCHAR[]",
                         waivable="BOOLEAN"),
                [(o.data["id"], o.pack, o.data["title"]["zh"], o.data["title"]["en"], o.data["clause"],
                  o.data.get("domain"), o.data["deadline"], list(o.data["owner"]), list(o.data.get("escalate", ())),
                  o.data.get("waivable", False)) for o in self.obligations()],
            ),
            "waiver": (
                _columns("rule subject period approved_by", approved_on="DATE"),
                [tuple(waiver.get(key) for key in ("rule", "subject", "period", "approved_by", "approved_on"))
                 for waiver in self.waivers],
            ),
        }  # fmt: skip

    def _all(self, section: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        for name, pack in self.packs.items():
            for code, entry in pack.source.data.get(section, {}).items():
                yield name, code, entry

    def _grades(self) -> Iterator[Row]:
        for pack, scale, data in self._all("scales"):
            order = [str(grade["code"]) for grade in data["grades"]]
            applicable = [str(grade["code"]) for grade in data["grades"] if grade.get("points") is not None]
            line = order.index(str(data["satisfied_at_or_above"])) if data.get("satisfied_at_or_above") else None
            for place, grade in enumerate(data["grades"]):
                code = str(grade["code"])
                counts = code in applicable
                yield (pack, scale, code, grade["zh"], grade["en"], place, grade.get("points"), grade.get("value"),
                       data.get("max_points"), counts, counts and line is not None and place <= line,
                       code == applicable[-1])  # fmt: skip


_GRADE = {
    "pack": "VARCHAR", "scale": "VARCHAR", "code": "VARCHAR", "zh": "VARCHAR", "en": "VARCHAR", "position": "BIGINT",
    "points": "DECIMAL(18,6)", "value": "DECIMAL(18,6)", "max_points": "DECIMAL(18,6)",
    "applicable": "BOOLEAN", "satisfied": "BOOLEAN", "lowest": "BOOLEAN",
}  # fmt: skip


def holds(person: Mapping[str, Any], role: str, day: str) -> bool:
    """Whether somebody, as config/staff.yaml has him, holds a role on a day (ISO)."""
    return any(
        held["role"] == role and held["from"] <= day and day < held.get("to", "9999") for held in person["roles"]
    )


def load(tree: Tree, schemas: Schemas) -> tuple[Policy, list[Finding], list[Source]]:
    """The policy of a tree, the faults of its documents, and the documents themselves.

    A faulty document is left out; whoever goes on with the rest must first see that no error was found.
    """
    findings: list[Finding] = []
    sources: dict[str, Source] = {}
    views: dict[str, str] = {}
    entries = tree.entries(*FOLDERS)
    for entry, raw in tree.read(entries):
        if entry.path.startswith(VIEWS) and entry.path.endswith(".sql"):
            views[entry.path.removeprefix(VIEWS).removesuffix(".sql")] = raw.decode("utf-8", "replace")
            continue
        name = schemas.governing(entry.path)
        if name is None:
            continue
        data, faults = parse(raw, entry.path)
        if data is not None and not faults and not schemas.accepts(name, data):
            faults = schemas.explain(name, data, entry.path, raw)
        findings += faults
        if data is not None and not faults:
            sources[entry.path] = Source(entry.path, data, raw)
    config = sources[CONFIG].data if CONFIG in sources else {}
    return (
        Policy(
            packs=_packs(sources),
            common=config.get("common", ""),
            defaults=config.get("defaults", ""),
            timeline=tuple(config.get("timeline", ())),
            allowances=tuple(config.get("allow", ())),
            staff=tuple(sources[STAFF].data["staff"]) if STAFF in sources else (),
            calendars=tuple(s.data for path, s in sorted(sources.items()) if path.startswith("config/calendar/")),
            waivers=tuple(sources[WAIVERS].data["waivers"]) if WAIVERS in sources else (),
            views=views,
            settings=config,
            adopted_on=config.get("adopted_on"),
            digest=hashlib.sha256("\0".join(f"{e.path} {e.blob}" for e in entries).encode()).hexdigest(),
        ),
        findings,
        list(sources.values()),
    )


def _packs(sources: Mapping[str, Source]) -> dict[str, Pack]:
    packs = {}
    for path in sorted(sources):
        folder, _, name = path.rpartition("/")
        if not path.startswith("policies/") or name != "pack.yaml":
            continue
        pack = folder.removeprefix("policies/")
        packs[pack] = Pack(
            pack,
            sources[path],
            _definitions(pack, sources.get(f"{folder}/rules.yaml"), "rules"),
            _definitions(pack, sources.get(f"{folder}/kpis.yaml"), "kpis"),
            _definitions(pack, sources.get(f"{folder}/obligations.yaml"), "obligations"),
            clauses=_definitions(pack, sources.get(f"{folder}/clauses.yaml"), "clauses"),
            discrepancies=_definitions(pack, sources.get(f"{folder}/clauses.yaml"), "discrepancies"),
        )
    return packs


def _definitions(pack: str, source: Source | None, key: str) -> tuple[Definition, ...]:
    if source is None:
        return ()
    return tuple(Definition(pack, data, source, (key, i)) for i, data in enumerate(source.data.get(key) or ()))


def _flat(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            yield f"{prefix}{key}", ",".join(map(str, value))
        else:
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value)


def _columns(names: str, **typed: str) -> dict[str, str]:
    return {**dict.fromkeys(names.split(), "VARCHAR"), **typed}


def _covers(since: str, until: str | None, day: datetime.date) -> bool:
    return since <= day.isoformat() and (until is None or day.isoformat() < until)
