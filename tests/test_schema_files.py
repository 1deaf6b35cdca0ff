"""The record schemas as files: complete in labels and marks, sound in lifecycles, right about the examples.

`tests/examples/` holds good records of each type. `tests/cases/schema/<example>.yaml` changes one a little:
a case under `refused` must fail at exactly the fields it names, a case under `accepted` must pass.
"""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from referencing import Registry, Resource

TESTS = Path(__file__).parent
FOLDER = TESTS.parent / "schemas"
COMMON = "common.schema.json"
SHARED: dict[str, Any] = json.loads((FOLDER / COMMON).read_text("utf-8"))
ALL = {path.name.removesuffix(".schema.json"): json.loads(path.read_text("utf-8")) for path in FOLDER.iterdir()}
TYPES: dict[str, Any] = {name: schema for name, schema in sorted(ALL.items()) if "{id}" in schema.get("x-files", "")}
REGISTRY: Registry[Any] = Registry().with_resource(COMMON, Resource.from_contents(SHARED))
RECORD_TYPES = {
    "customer", "project", "incident", "complaint", "survey", "meeting", "communication", "report", "action",
}  # fmt: skip
# records.md 0.3, GH-04 and GH-05
COMMON_FIELDS = {
    "registered_by", "registered_at", "confidential", "links", "attachments", "corrections", "void", "import",
}  # fmt: skip
FIXED_FIELDS = {
    "id", "kind", "customer", "description", "demands", "received_at", "period", "registered_by", "registered_at",
}  # fmt: skip
GROWING = {
    "transfers", "escalations", "customer_updates", "progress", "extensions", "reopenings", "plan.revisions",
}  # fmt: skip
PII = {"name", "phone", "email", "address", "im", "none", "freetext"}


class Loader(yaml.SafeLoader):
    """YAML 1.2 in small: dates stay text, and only true and false are booleans."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, how) for tag, how in found if tag.rpartition(":")[2] not in ("timestamp", "bool")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("(?:true|false)$"), list("tf"))


def read(path: Path) -> Any:
    return yaml.load(path.read_text("utf-8"), Loader)


# --- walking a schema ------------------------------------------------------------------------------------


def resolve(node: Mapping[str, Any]) -> dict[str, Any]:
    """A subschema with its reference followed; keywords beside the reference win."""
    merged = dict(node)
    while "$ref" in merged:
        file, _, name = merged.pop("$ref").partition("#/$defs/")
        assert file == COMMON
        merged = {**SHARED["$defs"][name], **merged}
    return merged


def subschemas(node: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, resolved subschema) of a schema and of everything below it that holds a value."""
    node = resolve(node)
    yield at, node
    for key, inner in node.get("properties", {}).items():
        yield from subschemas(inner, f"{at}.{key}".strip("."))
    for inner in (node.get("items"), node.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from subschemas(inner, f"{at}[]")
    for inner in node.get("anyOf", ()):
        yield from subschemas(inner, at)


EVERY = [
    (f"{origin}:{at}", node)
    for origin, root in {**TYPES, **{f"common.{name}": node for name, node in SHARED["$defs"].items()}}.items()
    for at, node in subschemas(root)
]
ROOTS = pytest.mark.parametrize("root", [pytest.param(schema, id=name) for name, schema in TYPES.items()])


def test_the_nine_types_are_there() -> None:
    assert set(TYPES) == RECORD_TYPES


@pytest.mark.parametrize("name", ["common", *TYPES])
def test_schema_is_a_valid_schema(name: str) -> None:
    Draft202012Validator.check_schema(ALL[name])


# --- labels and marks ------------------------------------------------------------------------------------


def test_everything_is_labelled_in_both_languages() -> None:
    han = re.compile("[\u3400-\u9fff]")
    for at, node in EVERY:
        assert node.get("title", "").strip(), at
        assert node.get("x-en", "").strip(), at
        assert not han.search(node["x-en"]), at


def test_every_code_of_an_enum_is_labelled() -> None:
    for at, node in EVERY:
        labels = node.get("x-labels", {})
        assert list(labels) == node.get("enum", []), at
        assert all(label["zh"].strip() and label["en"].strip() for label in labels.values()), at


def test_every_object_is_closed_or_an_open_map() -> None:
    for at, node in EVERY:
        if node.get("type") == "object" and "properties" in node:
            assert node["additionalProperties"] is False, at
            assert set(node.get("required", ())) <= set(node["properties"]), at
        elif node.get("type") == "object":
            assert isinstance(node["additionalProperties"], dict), at


def test_every_text_says_what_it_may_reveal() -> None:
    """A text is a code, a date, a reference, a term, an identifier that can hold nothing personal, or marked."""
    personal = ("刘晓枫", "liuxf@example.invalid", "见 附件", "+86 138-0000-0001")
    for at, node in EVERY:
        if "string" not in ([node["type"]] if isinstance(node.get("type"), str) else node.get("type", ())):
            continue
        limited = "enum" in node or "const" in node or node.get("format") in ("date", "date-time")
        governed = "x-ref" in node or "x-vocabulary" in node or "const" in node.get("then", {})
        identifier = "pattern" in node and not any(re.search(node["pattern"], text) for text in personal)
        assert limited or governed or identifier or node.get("x-pii") in PII, at
        assert limited or "pattern" in node or "maxLength" in node or governed, at


def test_contacts_and_complainants_are_marked_personal() -> None:
    expected = {"name": "name", "phone": "phone", "email": "email", "address": "address", "im": "im"}
    for owner, place in (("customer", "contacts[]"), ("complaint", "complainant")):
        marks = {at: node.get("x-pii") for at, node in subschemas(TYPES[owner])}
        assert {key: marks[f"{place}.{key}"] for key in expected} == expected


def test_references_name_known_types() -> None:
    for at, node in EVERY:
        marked = node.get("x-ref", [])
        kinds = [marked] if isinstance(marked, str) else marked
        assert set(kinds) <= RECORD_TYPES | {"record", "contact", "staff"}, at
        assert not kinds or "pattern" in node, at


def test_an_event_names_its_own_date() -> None:
    for at, node in EVERY:
        occurs = node.get("x-occurs")
        if occurs is not None:
            date = node if occurs is True else resolve(node["properties"][occurs])
            assert date["format"] in ("date", "date-time"), at


@ROOTS
def test_root_marks(root: dict[str, Any]) -> None:
    properties = root["properties"]
    assert list(properties)[:2] == ["schema", "id"]
    assert resolve(properties["schema"])["const"].endswith("/v1")
    assert root["x-title"] in root["required"]
    assert dict(subschemas(root))[root["x-business-date"]]["format"] in ("date", "date-time")
    assert set(root["x-domains"]) <= {"communication", "satisfaction", "complaint", "relationship", "service"}
    assert bool(root["x-domains"]) == ("policy" in properties)
    assert set(properties) >= COMMON_FIELDS
    fixed = {name for name, node in properties.items() if node.get("x-immutable") is True}
    assert FIXED_FIELDS & set(properties) <= fixed
    states = root["x-lifecycle"]["states"]
    assert {node["x-frozen-after"] for _, node in subschemas(root) if "x-frozen-after" in node} <= set(states)


def test_lists_that_only_grow() -> None:
    grows = {f"{name}.{at}" for name, root in TYPES.items() for at, n in subschemas(root) if n.get("x-append-only")}
    assert {f"complaint.{path}" for path in GROWING} <= grows
    assert {f"{name}.corrections" for name in TYPES} | {"action.progress", "action.replan"} <= grows


def test_who_approves_is_marked_and_who_prepared_is_there() -> None:
    for name, root in TYPES.items():
        there = dict(subschemas(root))
        for at, node in there.items():
            mark = node.get("x-approval")
            approves = at.rpartition(".")[2] in ("approved_by", "designated_by")
            assert (mark is not None) == approves, f"{name}.{at}"
            if mark is not None:
                assert node["x-ref"] == "staff", at
                assert set(mark) <= {"of", "code"}, at
                around = [at.split(".")[:length] for length in range(at.count(".") + 1)]
                for preparer in mark.get("of", ()):
                    assert any(".".join((*group, preparer)) in there for group in around), f"{name}.{at}: {preparer}"


def test_marks_of_history_stand_where_they_mean_something() -> None:
    for name, root in TYPES.items():
        states = set(root["x-lifecycle"]["states"])
        there = dict(subschemas(root))
        if "x-ends" in root:
            assert there[root["x-ends"]]["format"] in ("date", "date-time")
        for at, node in there.items():
            place = f"{name}.{at}"
            dated = node.get("format") in ("date", "date-time")
            planned = node.get("x-planned")
            assert planned is None or dated, place
            assert not isinstance(planned, list) or (set(planned) < states and "." not in at), place
            assert "x-stamp" not in node or (node["x-stamp"] is True and dated), place
            assert "x-frozen-code" not in node or "x-frozen-after" in node, place
            assert "x-reopens" not in node or (node.get("x-append-only") and "." not in at), place
            assert "x-immutable" not in node or "." not in at, place


# The first is left to GH-08, the second to R-SUR-04.
ASKED_ELSEWHERE = {"complaint": {"customer_confirmation.requested_at"}, "survey": {"responses[].returned_on"}}


def test_a_date_happened_or_is_planned() -> None:
    """What R-ALL-08 asks of the records by policies/views/stamp.sql is what GH-08 asks of commits by the marks."""
    text = (FOLDER.parent / "policies/views/stamp.sql").read_text("utf-8").partition("WHERE entry")[0]
    index = re.compile(r"\[' \|\| \(i - 1\) \|\| '\]")
    for part in text.split("UNION ALL"):
        name = re.findall(r"FROM (\w+)", part)[-1]
        asked = set(re.findall(r"'at': '([^']*)'", index.sub("[]", part)))
        dated = {at for at, node in subschemas(TYPES[name])
                 if node.get("format", node.get("then", {}).get("format")) in ("date", "date-time")
                 and node.get("x-planned") is not True}  # fmt: skip
        assert dated == asked | ASKED_ELSEWHERE.get(name, set()), name


# --- lifecycles ------------------------------------------------------------------------------------------


@ROOTS
def test_status_and_lifecycle_agree(root: dict[str, Any]) -> None:
    life, status = root["x-lifecycle"], resolve(root["properties"]["status"])
    states = life["states"]
    assert status["enum"] == list(states)
    assert status["x-labels"] == {state: {"zh": mark["zh"], "en": mark["en"]} for state, mark in states.items()}
    reached, roles = set(life["initial"]), set(SHARED["$defs"]["role"]["enum"])
    assert reached
    assert reached <= set(states)
    assert [entry["to"] for entry in life["creation"]] == life["initial"]
    for step in [*life["transitions"], *life["creation"]]:
        assert step["roles"] or step["persons"]
        assert {*step["roles"], *step.get("with", ())} <= roles
        for person in step.get("persons", ()):
            assert dict(subschemas(root))[person]["x-ref"] == "staff"
    pairs = [(step["from"], step["to"]) for step in life["transitions"]]
    assert len(pairs) == len(set(pairs))
    assert {state for pair in pairs for state in pair} <= set(states)
    for _ in states:
        reached |= {target for source, target in pairs if source in reached}
    assert reached == set(states), "a state nobody can reach"
    assert states["void"]["requires"] == {"required": ["void"]}


@ROOTS
def test_conditions_speak_of_fields_that_exist(root: dict[str, Any]) -> None:
    """A misspelt field in a condition would silently never hold."""
    fragments = [*root["allOf"], *(mark["requires"] for mark in root["x-lifecycle"]["states"].values())]
    wrong = [fault for fragment in fragments for fault in unknown(fragment, root)]
    for at, node in subschemas(root):
        wrong += [f"{at}: {fault}" for rule in node.get("allOf", ()) for fault in unknown(rule, node)]
    assert wrong == []


def unknown(fragment: Any, shape: Mapping[str, Any]) -> Iterator[str]:
    """Field names and codes a condition speaks of which the described shape has not."""
    if not isinstance(fragment, dict):
        return
    shape = resolve(shape)
    known = shape.get("properties")
    for name in [*fragment.get("required", ()), *fragment.get("properties", {})]:
        if known is not None and name not in known:
            yield name
    codes = [fragment["const"]] if "const" in fragment else fragment.get("enum", [])
    if "enum" in shape:
        yield from (str(code) for code in codes if code not in shape["enum"])
    for name, inner in fragment.get("properties", {}).items():
        if known and name in known:
            yield from unknown(inner, known[name])
    for key in ("items", "contains"):
        if key in fragment:
            yield from unknown(fragment[key], shape["items"])
    for key in ("if", "then", "else", "not"):
        yield from unknown(fragment.get(key), shape)
    for key in ("allOf", "anyOf"):
        for inner in fragment.get(key, ()):
            yield from unknown(inner, shape)


# --- examples and their small changes --------------------------------------------------------------------


def faults(record: dict[str, Any]) -> list[str]:
    """The fields at which a record is refused by its schema and by what its state requires."""
    schema = TYPES[record["schema"].partition("/")[0]]
    guard = schema["x-lifecycle"]["states"].get(record.get("status"), {}).get("requires", {})
    found = set()
    for rules in (schema, guard):
        judge = Draft202012Validator(rules, registry=REGISTRY, format_checker=FormatChecker())
        found |= {field for fault in judge.iter_errors(record) for field in named(fault)}
    return sorted(found)


def named(fault: ValidationError) -> Iterator[str]:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in fault.absolute_path)
    names = [""]
    if fault.validator == "required":
        names = [f".{name}" for name in fault.validator_value if name not in fault.instance]
    elif fault.validator == "additionalProperties":
        names = [f".{name}" for name in fault.instance if name not in fault.schema["properties"]]
    yield from ((path + name).lstrip(".") for name in names)


EXAMPLES = {path.stem: read(path) for path in sorted((TESTS / "examples").glob("*.yaml"))}
CASES = {path.stem: read(path) for path in sorted((TESTS / "cases" / "schema").glob("*.yaml"))}


def steps(path: str) -> list[str | int]:
    return [int(part[1:-1]) if part.startswith("[") else part for part in re.findall(r"\[\d+\]|[^.\[\]]+", path)]


def changed(record: Mapping[str, Any], case: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a record with a case's `drop` taken out and its `set` put in."""
    made: dict[str, Any] = copy.deepcopy(dict(record))
    for path in case.get("drop", ()):
        *way, last = steps(path)
        inner: Any = made
        for step in way:
            inner = inner[step]
        del inner[last]
    for path, value in case.get("set", {}).items():
        *way, last = steps(path)
        inner = made
        for step in way:
            inner = inner[step] if isinstance(step, int) else inner.setdefault(step, {})
        if isinstance(inner, list) and last == len(inner):
            inner.append(value)
        else:
            inner[last] = value
    return made


def cases(kind: str) -> list[Any]:
    return [
        pytest.param(example, case, id=f"{example}-{case['case']}")
        for example, lists in CASES.items()
        for case in lists.get(kind, ())
    ]


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_sound(name: str) -> None:
    assert faults(EXAMPLES[name]) == []


@pytest.mark.parametrize(("example", "case"), cases("refused"))
def test_fault_is_refused_where_it_stands(example: str, case: dict[str, Any]) -> None:
    expected = case["at"] if isinstance(case["at"], list) else [case["at"]]
    assert faults(changed(EXAMPLES[example], case)) == sorted(expected)


@pytest.mark.parametrize(("example", "case"), cases("accepted"))
def test_legal_variant_is_accepted(example: str, case: dict[str, Any]) -> None:
    assert faults(changed(EXAMPLES[example], case)) == []


def test_every_type_and_state_has_cases() -> None:
    """Each type is refused at least five ways, and each guarded state is met by a sound record."""
    refused: dict[str, int] = {}
    met = set()
    for example, lists in CASES.items():
        kind = EXAMPLES[example]["schema"].partition("/")[0]
        refused[kind] = refused.get(kind, 0) + len(lists.get("refused", ()))
        met |= {(kind, changed(EXAMPLES[example], case)["status"]) for case in lists.get("accepted", ())}
    met |= {(record["schema"].partition("/")[0], record["status"]) for record in EXAMPLES.values()}
    assert {kind: refused.get(kind, 0) for kind in TYPES if refused.get(kind, 0) < 5} == {}
    assert {(kind, state) for kind, root in TYPES.items() for state in root["x-lifecycle"]["states"]} - met == set()


def test_stock_tool_finds_the_common_parts(tmp_path: Path) -> None:
    """Editors and check-jsonschema resolve the references between the files without our program."""
    pytest.importorskip("check_jsonschema")
    instance = tmp_path / "record.json"
    instance.write_text(json.dumps(EXAMPLES["complaint"]), "utf-8")
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(FOLDER / "complaint.schema.json")]
    subprocess.run([*command, str(instance)], check=True, capture_output=True)
    instance.write_text(json.dumps({**EXAMPLES["complaint"], "received_by": "someone"}), "utf-8")
    refused = subprocess.run([*command, str(instance)], check=False, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "received_by" in refused.stdout
