"""The shipped packs and configuration: each obeys its schema, and together they hold what each relies on."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

ROOT = Path(__file__).parent.parent
SCHEMAS = {p.name.removesuffix(".schema.json"): json.loads(p.read_text("utf-8")) for p in (ROOT / "schemas").iterdir()}
GOVERNING = ("pack", "rules", "kpis", "policy-config", "staff", "calendar")
REGISTRY: Registry[Any] = Registry().with_resources(
    (f"{name}.schema.json", Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)


class Loader(yaml.SafeLoader):
    """YAML 1.2 in small: dates stay text, and only true and false are booleans."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, how) for tag, how in found if tag.rpartition(":")[2] not in ("timestamp", "bool")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("(?:true|false)$"), list("tf"))


def read(path: Path) -> Any:
    return yaml.load(path.read_text("utf-8"), Loader)


def faults(schema: str, data: Any) -> list[str]:
    judge = Draft202012Validator(SCHEMAS[schema], registry=REGISTRY, format_checker=FormatChecker())
    return [f"{fault.json_path}: {fault.message}" for fault in judge.iter_errors(data)]


DOCUMENTS = [
    p.relative_to(ROOT).as_posix() for folder in ("policies", "config") for p in sorted((ROOT / folder).rglob("*.yaml"))
]
PACKS: dict[str, dict[str, Any]] = {p.parent.name: read(p) for p in sorted(ROOT.glob("policies/*/pack.yaml"))}
CONFIG = read(ROOT / "config/policy.yaml")
STAFF = read(ROOT / "config/staff.yaml")["staff"]
CALENDARS = sorted((ROOT / "config/calendar").iterdir())
COMMON, DEFAULTS = PACKS[CONFIG["common"]], PACKS[CONFIG["defaults"]]
DOMAINS = SCHEMAS["pack"]["properties"]["domains"]["items"]["enum"]
DEPARTMENTS = {d["code"] for pack in PACKS.values() for d in pack.get("vocabularies", {}).get("department", ())}
every_pack = pytest.mark.parametrize("name", PACKS)


def codes(pack: Mapping[str, Any], vocabulary: str) -> list[str]:
    """A pack's own list, or that of the defaults."""
    own = pack.get("vocabularies", {}).get(vocabulary)
    return [entry["code"] for entry in (DEFAULTS["vocabularies"].get(vocabulary, ()) if own is None else own)]


# --- every document ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCUMENTS)
def test_document_obeys_the_schema_that_governs_it(path: str) -> None:
    governing = [name for name, schema in SCHEMAS.items() if fnmatchcase(path, schema.get("x-files", ""))]
    assert len(governing) == 1, governing
    assert faults(governing[0], read(ROOT / path)) == []


@every_pack
def test_folder_is_named_after_the_pack(name: str) -> None:
    assert name == f"{PACKS[name]['id']}@{PACKS[name]['version']}"


# --- vocabularies, terms, roles --------------------------------------------------------------------------------


@every_pack
def test_vocabulary_has_unique_codes_and_both_languages(name: str) -> None:
    for title, entries in PACKS[name].get("vocabularies", {}).items():
        listed = [entry["code"] for entry in entries]
        assert len(listed) == len(set(listed)), title
        assert all(entry["zh"].strip() and entry["en"].strip() for entry in entries), title


def test_departments_are_written_by_their_chinese_names() -> None:
    entries = [d for pack in PACKS.values() for d in pack.get("vocabularies", {}).get("department", ())]
    assert entries
    assert [d["code"] for d in entries] == [d["zh"] for d in entries]
    assert len({(d["code"], d["en"]) for d in entries}) == len(DEPARTMENTS)


def test_the_defaults_hold_every_term_of_a_list_that_packs_narrow() -> None:
    for title in ("severity", "category", "survey_method"):
        everything = set(codes(DEFAULTS, title))
        assert all(set(codes(pack, title)) <= everything for pack in PACKS.values()), title


def test_the_defaults_name_everything_a_pack_may_rename() -> None:
    for section in ("terms", "roles"):
        assert set(DEFAULTS[section]) == set(SCHEMAS["pack"]["properties"][section]["properties"])


# --- parameters ------------------------------------------------------------------------------------------------


def flat(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@every_pack
def test_parameters_name_severities_of_the_pack(name: str) -> None:
    """All but the limits, which the defaults hold for every severity there is."""
    own = PACKS[name].get("parameters", {}).get("complaint", {})
    lists = ("special_meeting", "close_approval", "confirm_levels", "corrective_required")
    named = {severity for key in lists for severity in own.get(key, ())}
    named |= set(own.get("criteria", ())) | set(own.get("report_levels", ()))
    assert named <= set(codes(PACKS[name], "severity"))


def test_every_severity_has_limits() -> None:
    limits = DEFAULTS["parameters"]["complaint"]["limits"]
    assert set(limits) - {"unassessed_severity"} == set(codes(DEFAULTS, "severity"))
    assert limits["unassessed_severity"] in limits


@every_pack
def test_parameters_name_departments_that_exist(name: str) -> None:
    places = ("quality_department", "handling_departments", "distribution", "lead", "assist")
    for key, value in flat(PACKS[name].get("parameters", {})):
        if key.rpartition(".")[2] in places or key.startswith("improvement_routing."):
            assert {value} if isinstance(value, str) else set(value) <= DEPARTMENTS, key


@every_pack
def test_routing_covers_the_categories_of_the_pack(name: str) -> None:
    routed = set(PACKS[name].get("parameters", {}).get("routing", {}))
    assert not routed or routed == set(codes(PACKS[name], "category")) - {"other"}


def test_a_pack_states_no_value_twice() -> None:
    """The common pack promises nothing: what it held would be neither a policy's nor labelled as practice."""
    assert not {"parameters", "vocabularies", "scales", "templates"} & set(COMMON)
    assert COMMON["domains"] == DEFAULTS["domains"] == []


# --- scales and templates --------------------------------------------------------------------------------------


@every_pack
def test_scale_runs_from_best_to_worst(name: str) -> None:
    for title, scale in PACKS[name].get("scales", {}).items():
        listed = [grade["code"] for grade in scale["grades"]]
        points = [grade["points"] for grade in scale["grades"]]
        graded = [point for point in points if point is not None]
        assert len(listed) == len(set(listed)), title
        assert graded == sorted(set(graded), reverse=True), title
        assert graded[0] == scale["max_points"], title
        assert points == graded + [None] * (len(points) - len(graded)), title
        assert scale["satisfied_at_or_above"] in listed[: len(graded)], title
        assert all((grade["points"] is None) == (grade["value"] is None) for grade in scale["grades"]), title


@every_pack
def test_template_uses_a_scale_of_its_pack(name: str) -> None:
    pack = PACKS[name]
    for title, template in pack.get("templates", {}).items():
        keys = [item["key"] for item in template["items"]]
        assert template["scale"] in pack.get("scales", {}), title
        assert len(keys) == len(set(keys)), title


def test_an_item_means_the_same_in_every_template() -> None:
    """Items of a year's templates are matched by key (kpis.md, SAT-02)."""
    items = [item for pack in PACKS.values() for t in pack.get("templates", {}).values() for item in t["items"]]
    assert len({(i["key"], i["zh"], i["en"]) for i in items}) == len({i["key"] for i in items})


@pytest.mark.parametrize(
    "pack", sorted({step["satisfaction"] for step in CONFIG["timeline"] if "satisfaction" in step})
)
def test_every_kind_of_survey_has_a_template(pack: str) -> None:
    offered = {kind for template in PACKS[pack]["templates"].values() for kind in template["kinds"]}
    assert offered == set(SCHEMAS["pack"]["$defs"]["survey_kind"]["enum"])


# --- composition -----------------------------------------------------------------------------------------------


def chosen() -> Iterator[tuple[str, str, str]]:
    """(since, domain, pack) of the timeline and the allowances."""
    for step in CONFIG["timeline"]:
        yield from ((step["from"], domain, step[domain]) for domain in DOMAINS if domain in step)
    yield from ((entry["from"], entry["domain"], entry["pack"]) for entry in CONFIG["allow"])


@pytest.mark.parametrize(("since", "domain", "pack"), list(chosen()))
def test_a_domain_is_ruled_by_an_active_pack_that_declares_it(since: str, domain: str, pack: str) -> None:
    assert domain in PACKS[pack]["domains"]
    assert PACKS[pack]["status"] == "active"
    assert PACKS[pack].get("effective_from", since) <= since


def test_the_timeline_is_in_order_and_ends_with_every_domain() -> None:
    starts = [step["from"] for step in CONFIG["timeline"]]
    assert starts == sorted(set(starts))
    assert set(CONFIG["timeline"][-1]) == {"from", *DOMAINS}


# --- staff and calendars ---------------------------------------------------------------------------------------


def test_staff_are_distinct_and_fictional() -> None:
    assert len({person["id"] for person in STAFF}) == len({person["email"] for person in STAFF}) == len(STAFF)
    assert all(person["email"].endswith("@example.invalid") for person in STAFF)
    assert {person["department"] for person in STAFF} <= DEPARTMENTS


def test_every_role_is_held_and_no_term_of_office_is_empty() -> None:
    held = [role for person in STAFF for role in person["roles"]]
    assert {role["role"] for role in held if "to" not in role} == set(DEFAULTS["roles"])
    assert all(role["from"] < role.get("to", "9999") for role in held)


@pytest.mark.parametrize("path", CALENDARS, ids=lambda path: path.stem)
def test_calendar_lists_the_exceptions_of_its_year(path: Path) -> None:
    data = read(path)
    listed = {kind: [date.fromisoformat(day) for day in data[kind]] for kind in ("off", "work")}
    assert path.name == f"cn-{data['year']}.yaml"
    assert {day.year for days in listed.values() for day in days} == {data["year"]}
    assert all(days == sorted(days) for days in listed.values())
    assert {day.weekday() < 5 for day in listed["off"]} == {True}
    assert {day.weekday() < 5 for day in listed["work"]} == {False}


def test_calendars_leave_no_gap_since_the_timeline_began() -> None:
    years = [read(path)["year"] for path in CALENDARS]
    assert years == list(range(int(CONFIG["timeline"][0]["from"][:4]), years[0] + len(years)))


# --- the schemas refuse what cannot work -----------------------------------------------------------------------

TEXT = {"zh": "甲", "en": "A"}
PACK = {"id": "own", "version": "V1.0", "title": TEXT, "status": "active", "domains": ["complaint"]}
RULE = {"id": "R-CMP-01", "title": TEXT, "for": "complaint", "check": "true", "at": "id", "hint": TEXT}
QUERY = {"id": "X-15", "title": TEXT, "for": "survey", "query": "select 1", "hint": TEXT}
KPI = {
    "code": "CMP-01", "title": TEXT, "formula": TEXT, "basis": "practice", "from": "complaint", "measure": "count",
    "unit": "count", "date": "received_at", "period": "year",
}  # fmt: skip
ALLOWANCE = {"customer": "CUS-0004", "domain": "service", "pack": "csp-14@A0", "from": "2024-01-01"}


def wrapped(schema: str, data: Any) -> Any:
    if schema == "policy-config":
        timeline = [{"from": "2024-01-01"}]
        return {"common": "core@1", "defaults": "practice@1", "timeline": timeline, "allow": [data]}
    return {schema: [data]} if schema in ("rules", "kpis") else data


@pytest.mark.parametrize(
    ("schema", "sound"),
    [
        ("pack", PACK),
        ("pack", {**PACK, "version": "V0.9", "status": "draft"}),
        ("pack", {**PACK, "version": "A0"}),
        ("pack", {**PACK, "parameters": {"own": {"rounds": 3}}}),
        ("rules", RULE),
        ("rules", {**RULE, "severity": {"param": "segregation"}}),
        ("rules", QUERY),
        ("kpis", KPI),
        ("kpis", {**KPI, "target": {"op": ">=", "value": "0.98", "basis": "policy"}}),
        ("policy-config", ALLOWANCE),
    ],
)
def test_schema_accepts(schema: str, sound: Any) -> None:
    assert faults(schema, wrapped(schema, sound)) == []


@pytest.mark.parametrize(
    ("schema", "broken"),
    [
        ("pack", {**PACK, "version": "V0.9"}),  # a version below 1.0 is a draft (SD:0)
        ("pack", {**PACK, "version": "0.3", "status": "superseded"}),
        ("pack", {**PACK, "title": {"zh": "甲"}}),
        ("pack", {**PACK, "parameters": {"complaint": {"fastpath": True}}}),
        ("pack", {**PACK, "parameters": {"complaint": {"limits": {"minor": {"acknowledge_hours": 24}}}}}),
        ("pack", {**PACK, "parameters": {"complaint": {"close_workdays": "5"}}}),
        ("pack", {**PACK, "vocabularies": {"severity": [{"code": "minor", "zh": "轻微"}]}}),
        ("pack", {**PACK, "domains": ["sales"]}),
        ("rules", {**RULE, "query": "select 1"}),
        ("rules", {key: value for key, value in RULE.items() if key != "at"}),
        ("rules", {**QUERY, "where": "true"}),
        ("rules", {**RULE, "severity": "fatal"}),
        ("kpis", {**KPI, "measure": "share"}),
        ("kpis", {**KPI, "measure": "ratio", "numerator": "1"}),
        ("kpis", {**KPI, "measure": "median"}),
        ("kpis", {**KPI, "measure": "mean_of_ratios", "numerator": "1", "denominator": "1"}),
        ("kpis", {**KPI, "target": {"op": ">=", "value": 0.98, "basis": "policy"}}),
        ("policy-config", {**ALLOWANCE, "project": "PRJ-2026-001"}),
        ("policy-config", {key: value for key, value in ALLOWANCE.items() if key != "customer"}),
        ("policy-config", {**ALLOWANCE, "pack": "csp-14"}),
        ("policy-config", {**ALLOWANCE, "from": "2024-02-30"}),
    ],
)
def test_schema_refuses(schema: str, broken: Any) -> None:
    assert len(faults(schema, wrapped(schema, broken))) == 1


def test_staff_schema_refuses_a_person_without_a_role() -> None:
    people = copy.deepcopy(STAFF)
    people[0]["roles"] = []
    assert len(faults("staff", {"staff": people})) == 1


# --- the schemas label everything ------------------------------------------------------------------------------


def objects(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("type") == "object" and "properties" in node:
            yield node
        for key, value in node.items():
            if key not in ("if", "then", "else", "allOf", "anyOf", "oneOf"):
                yield from objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from objects(value)


@pytest.mark.parametrize("name", GOVERNING)
def test_schema_labels_every_object_and_property_and_refuses_unknown_ones(name: str) -> None:
    for node in objects(SCHEMAS[name]):
        assert "additionalProperties" in node, node["title"]
        for key, field in {"": node, **node["properties"]}.items():
            assert field.get("title"), (node["title"], key)
            assert field.get("x-en"), (node["title"], key)


@pytest.mark.parametrize("name", GOVERNING)
def test_schema_labels_every_choice(name: str) -> None:
    def choices(node: Any) -> Iterator[dict[str, Any]]:
        if isinstance(node, dict):
            if "enum" in node and "title" in node:
                yield node
            for value in node.values():
                yield from choices(value)
        elif isinstance(node, list):
            for value in node:
                yield from choices(value)

    for node in choices(SCHEMAS[name]):
        if all(value[0].isalpha() for value in node["enum"]):  # comparison signs speak for themselves
            assert list(node["x-labels"]) == node["enum"], node["title"]
