"""Coherence: what the documents of policy and configuration must agree on, beyond the schema of each.

A pack that is not there, a draft put in force, a day off that is a Sunday: each is found here, at its line, before
any record is judged by it.
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from kelu import catalogue
from kelu.document import field_text
from kelu.finding import Finding
from kelu.policy import CONFIG, STAFF, WAIVERS, Policy, Source
from kelu.schema import Schemas
from kelu.schema.fields import resolve

CALENDARS = "config/calendar/"
Step = str | int
_SATURDAY = 5


def faults(policy: Policy, schemas: Schemas, sources: Iterable[Source]) -> Iterator[Finding]:
    """Where sound documents do not fit each other or themselves. Each finding names its line and column."""
    for source in sources:
        if source.path == CONFIG:
            yield from _composition(policy, source)
        elif source.path == STAFF:
            yield from _staff(source)
        elif source.path == WAIVERS:
            yield from _waivers(policy, source)
        elif source.path.startswith(CALENDARS):
            yield from _calendar(source)
        elif source.path.endswith("/pack.yaml"):
            yield from _pack(policy, schemas, source)
    yield from _codes(policy)


def strangers(sources: Iterable[Source], listing: Callable[[], Mapping[str, str]]) -> Iterator[Finding]:
    """Records that the configuration makes an allowance or a waiver for but that are not there; `listing` gives each
    record's type.

    Where there is no record of a type at all, these records are kept elsewhere, and none is missed.
    """
    for source in sources:
        if source.path == CONFIG and "allow" in source.data:
            listed = listing()
            for place, entry in enumerate(source.data["allow"]):
                for key in set(listed.values()).intersection(("customer", "project")):
                    if key in entry and entry[key] not in listed:
                        yield _found(source, "POL-02", ("allow", place, key), entry[key], kind="record")
        elif source.path == WAIVERS:
            listed = listing()
            kinds = {name.partition("-")[0] for name in listed}
            for place, entry in enumerate(source.data["waivers"]):
                subject = entry["subject"]
                if subject not in listed and subject.partition("-")[0] in kinds:
                    yield _found(source, "POL-02", ("waivers", place, "subject"), subject, kind="record")


def _found(source: Source, code: str, pointer: Sequence[Step], value: object, **words: object) -> Finding:
    line, column = source.position(*pointer)
    return catalogue.make(code, source.path, line, column, field_text(tuple(pointer)), value, name=value, **words)


def _repeated(source: Source, entries: Iterable[tuple[Sequence[Step], object]]) -> Iterator[Finding]:
    """A finding for each value that stood before, among (pointer, value)."""
    seen: set[object] = set()
    for pointer, value in entries:
        if value in seen:
            yield _found(source, "POL-07", pointer, value)
        seen.add(value)


def _term(source: Source, pointer: Sequence[Step], entry: Mapping[str, Any]) -> Iterator[Finding]:
    """An end that is not after its beginning."""
    if "to" in entry and entry["to"] <= entry["from"]:
        yield _found(source, "POL-06", (*pointer, "to"), entry["to"], since=entry["from"])


# --- config/policy.yaml ------------------------------------------------------------------------------------


def _composition(policy: Policy, source: Source) -> Iterator[Finding]:
    data = source.data
    for key in ("common", "defaults"):
        yield from _ruler(policy, source, (key,), data[key])
    yield from _repeated(source, ((("timeline", i, "from"), step["from"]) for i, step in enumerate(data["timeline"])))
    for place, step in enumerate(data["timeline"]):
        for domain, pack in step.items():
            if domain != "from":
                yield from _ruler(policy, source, ("timeline", place, domain), pack, domain, step["from"])
    for place, entry in enumerate(data.get("allow", ())):
        yield from _ruler(policy, source, ("allow", place, "pack"), entry["pack"], entry["domain"], entry["from"])
        yield from _term(source, ("allow", place), entry)


def _ruler(
    policy: Policy, source: Source, pointer: Sequence[Step], name: str, domain: str | None = None, since: str = "9999"
) -> Iterator[Finding]:
    """Why a pack may not be put in force: a draft never (SD:0), none for a domain or a day that it does not cover."""
    pack = policy.packs.get(name)
    if pack is None:
        yield _found(source, "POL-02", pointer, name, kind="pack")
        return
    data = pack.source.data
    reasons = {
        "draft": data["status"] == "draft",
        "domain": domain is not None and domain not in data["domains"],
        "early": data.get("effective_from", "") > since,
    }
    for reason, holds in reasons.items():
        if holds:
            yield _found(source, "POL-03", pointer, name, reason=reason)


# --- config/waivers.yaml -----------------------------------------------------------------------------------


def _waivers(policy: Policy, source: Source) -> Iterator[Finding]:
    known: dict[str, bool] = {}
    for item in policy.obligations():
        known[item.data["id"]] = known.get(item.data["id"], False) or item.data.get("waivable", False)
    held = {key: value for pack, key, value, _ in policy.parameters() if pack == policy.defaults}
    roles = held.get("obligation.waiver_approvers", "").split(",")
    for place, entry in enumerate(source.data["waivers"]):
        rule, person, day = entry["rule"], entry["approved_by"], entry["approved_on"]
        if rule not in known:
            yield _found(source, "POL-02", ("waivers", place, "rule"), rule, kind="duty")
        elif not known[rule]:
            yield _found(source, "POL-11", ("waivers", place, "rule"), rule)
        if not any(policy.holds(person, role, day) for role in roles):
            yield _found(source, "POL-12", ("waivers", place, "approved_by"), person, day=day, roles="、".join(roles))


# --- config/staff.yaml, config/calendar ----------------------------------------------------------------------


def _staff(source: Source) -> Iterator[Finding]:
    people = list(enumerate(source.data["staff"]))
    yield from _repeated(source, ((("staff", i, "id"), person["id"]) for i, person in people))
    # One address is one person: commits are told apart by it, whatever the case of its letters.
    yield from _repeated(source, ((("staff", i, "email"), person["email"].casefold()) for i, person in people))
    for place, person in people:
        for number, held in enumerate(person["roles"]):
            yield from _term(source, ("staff", place, "roles", number), held)


def _calendar(source: Source) -> Iterator[Finding]:
    year = source.data["year"]
    if source.path != f"{CALENDARS}cn-{year}.yaml":
        yield _found(source, "POL-04", ("year",), year, right=f"cn-{year}.yaml")
    for kind in ("off", "work"):
        for place, text in enumerate(source.data[kind]):
            day = datetime.date.fromisoformat(text)
            if day.year != year:
                reason = "year"
            elif (day.weekday() < _SATURDAY) != (kind == "off"):
                reason = kind
            else:
                continue
            yield _found(source, "POL-05", (kind, place), text, reason=reason)
    both = [((kind, place), day) for kind in ("off", "work") for place, day in enumerate(source.data[kind])]
    yield from _repeated(source, both)


# --- packs -----------------------------------------------------------------------------------------------------


def _pack(policy: Policy, schemas: Schemas, source: Source) -> Iterator[Finding]:
    data = source.data
    name = f"{data['id']}@{data['version']}"
    if source.path.split("/")[-2] != name:
        yield _found(source, "POL-04", ("version",), data["version"], right=name)
    for title, entries in data.get("vocabularies", {}).items():
        codes = ((("vocabularies", title, i, "code"), entry["code"]) for i, entry in enumerate(entries))
        yield from _repeated(source, codes)
    for title, scale in data.get("scales", {}).items():
        yield from _scale(source, ("scales", title), scale)
    for title, template in data.get("templates", {}).items():
        if template["scale"] not in data.get("scales", {}):
            yield _found(source, "POL-02", ("templates", title, "scale"), template["scale"], kind="scale")
        items = enumerate(template["items"])
        yield from _repeated(source, ((("templates", title, "items", i, "key"), item["key"]) for i, item in items))
    yield from _parameters(policy, schemas, source)
    for type_ in data.get("pages", {}):
        if type_ not in schemas.records:
            yield _found(source, "POL-02", ("pages", type_), type_, kind="type")
        elif name != policy.defaults:
            yield _found(source, "POL-13", ("pages", type_), type_, right=policy.defaults)


def _scale(source: Source, pointer: Sequence[Step], scale: Mapping[str, Any]) -> Iterator[Finding]:
    """Grades run from best to worst, which is how figures read them, and the line is one of those with points."""
    grades = scale["grades"]
    yield from _repeated(source, (((*pointer, "grades", i, "code"), grade["code"]) for i, grade in enumerate(grades)))
    graded = [(i, grade["points"]) for i, grade in enumerate(grades) if grade["points"] is not None]
    for (_, better), (place, points) in itertools.pairwise(graded):
        if points >= better:
            yield _found(source, "POL-08", (*pointer, "grades", place, "points"), points, reason="order")
    if not graded or graded[0][1] != scale["max_points"]:
        yield _found(source, "POL-08", (*pointer, "max_points"), scale["max_points"], reason="most")
    line = scale["satisfied_at_or_above"]
    if line not in {grades[place]["code"] for place, _ in graded}:
        yield _found(source, "POL-02", (*pointer, "satisfied_at_or_above"), line, kind="grade")


def _parameters(policy: Policy, schemas: Schemas, source: Source) -> Iterator[Finding]:
    """Parameters that name a term which their vocabulary lacks, and terms that lack what a parameter needs of each."""
    fallback = policy.packs[policy.defaults].source.data if policy.defaults in policy.packs else {}
    own = source.data.get("vocabularies", {})
    schema = schemas.raw["pack"]
    told = _marked(
        source.data.get("parameters", {}), schema["properties"]["parameters"], schema["$defs"], ("parameters",)
    )
    for pointer, value, mark in told:
        kind = mark if isinstance(mark, str) else mark["name"]
        lists = [own.get(kind, fallback.get("vocabularies", {}).get(kind, ()))]
        if kind != mark:  # the terms of all packs together
            lists = [pack.source.data.get("vocabularies", {}).get(kind, ()) for pack in policy.packs.values()]
        known = {entry["code"] for entries in lists for entry in entries}
        if known and value not in known:
            yield _found(source, "POL-02", pointer, value, kind=kind)
    for path, kind in _covering(schema["properties"]["parameters"], schema["$defs"], ()):
        given = {step for data in (fallback, source.data) for step in _inside(data.get("parameters", {}), path)}
        for place, entry in enumerate(own.get(kind, ())):
            if entry["code"] not in given:
                pointer = ("vocabularies", kind, place, "code")
                yield _found(source, "POL-02", pointer, ".".join((*path, entry["code"])), kind="parameter")


def _marked(
    node: Any, schema: dict[str, Any], definitions: Mapping[str, Any], at: tuple[Step, ...]
) -> Iterator[tuple[tuple[Step, ...], Any, Any]]:
    """(pointer, value, mark) of every value and key in a document that its schema calls a vocabulary's."""
    schema = resolve(schema, definitions)
    if "x-vocabulary" in schema:
        yield at, node, schema["x-vocabulary"]
    elif isinstance(node, list):
        for place, value in enumerate(node):
            yield from _marked(value, schema.get("items", {}), definitions, (*at, place))
    elif isinstance(node, dict):
        for key, value in node.items():
            if "propertyNames" in schema:
                yield (*at, key), key, schema["propertyNames"]["x-vocabulary"]
            inner = schema.get("properties", {}).get(key) or schema.get("additionalProperties") or {}
            yield from _marked(value, inner, definitions, (*at, key))


def _covering(
    schema: dict[str, Any], definitions: Mapping[str, Any], at: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """The objects of a schema that must have an entry for each term of a vocabulary: (path, vocabulary)."""
    schema = resolve(schema, definitions)
    if "x-covers" in schema:
        yield at, schema["x-covers"]
    for key, inner in schema.get("properties", {}).items():
        yield from _covering(inner, definitions, (*at, key))


def _inside(data: Any, path: Iterable[str]) -> Any:
    for step in path:
        data = data.get(step, {})
    return data


def _codes(policy: Policy) -> Iterator[Finding]:
    """Codes given twice: of rules in all packs together, of figures in one pack."""
    seen: set[tuple[str, str]] = set()
    for pack in policy.packs.values():
        for entry in (*pack.rules, *pack.kpis):
            key = ("", entry.data["id"]) if "id" in entry.data else (pack.name, entry.data["code"])
            if key in seen:
                yield _found(entry.source, "POL-07", (*entry.pointer, "id" if "id" in entry.data else "code"), key[1])
            seen.add(key)
