"""Register: what the form of a record type is made from in the browser, as data — its fields, states and schema, the
words of the packs that may rule it. What there is to choose from is in `choices`.

A form is nothing but this: a schema added to `schemas/` has its page and its form without a line of program.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kelu import catalogue, people
from kelu.document.layout import PLAIN
from kelu.finding import Text
from kelu.marks import PERSONAL
from kelu.pages.clause import page_of
from kelu.policy import Policy
from kelu.schema import Field, RecordSchema, Schemas
from kelu.schema.fields import resolve

FOLDER = "register"
_ENGINE = ("SCH", "YAML-16", "YAML-18", "R-ALL-05", "FILE-03", "VOC-01", "X-04")  # what the form judges as the engine
_RULES = ("R-ALL-03b", "R-ALL-06", "R-ALL-08")  # and as these rules of the common pack
_REF = "#/$defs/"
_NAMED = ("properties", "patternProperties", "dependentSchemas", "x-labels")
_SPOKEN = ("description", "x-lifecycle", "$comment")  # of a schema; the fields say what of it is needed
Schema = Mapping[str, Any]  # JSON Schema, bundled


@dataclass(frozen=True, slots=True)
class Form:
    """The page of a type's form and what it is called."""

    type: str
    label: Text

    @property
    def page(self) -> str:
        return f"{FOLDER}/{self.type}.html"


def forms(schemas: Schemas) -> list[Form]:
    """A form for each record type."""
    return [Form(name, schema.label) for name, schema in schemas.records.items()]


# --- one type ------------------------------------------------------------------------------------------------


def described(type_: RecordSchema, schemas: Schemas, policy: Policy) -> dict[str, Any]:
    """All that a type's form is made from."""
    node = schemas.raw[type_.name]
    asked = _asked(policy, type_.name)
    fields = people.without_direct(type_.fields) if policy.pii_store == "vault" else type_.fields
    return {
        "type": type_.name,
        "label": both(type_.label),
        "files": type_.files,
        "id": type_.id_pattern.pattern,
        "title": type_.title_field,
        "date": type_.business_date,
        "domains": type_.domains,
        "states": {state: both(label) for state, label in type_.states.items()},
        "initial": type_.initial,
        "steps": [
            {"from": step.source, "to": step.target, "persons": step.persons,
             **{key: _roles(roles, policy, type_) for key, roles in (("roles", step.roles), ("with", step.jointly))}}
            for step in (*type_.creation, *type_.transitions)
        ],
        "fields": [_field(item, node, node, asked) for item in fields],
        "order": schemas.order(type_.name),
        "schema": _bundle(node),
        "plain": PLAIN,
        "personal": PERSONAL.pattern,
        "policy": _policy(type_, policy),
        "findings": {**_engine(), **_rules(policy)},
    }  # fmt: skip


def _field(item: Field, parent: Schema, whole: Schema, asked: Mapping[str, Any]) -> dict[str, Any]:
    """A field of the form; what is false, empty or as usual is left out."""
    node = resolve(parent["properties"][item.name], whole["$defs"])
    leaf = resolve(node.get("items") or node.get("additionalProperties") or node, whole["$defs"])
    inner = leaf if item.kind in ("array", "map") else node
    text = leaf if item.kind in ("array", "map") else node
    found = {
        "name": item.name,
        "label": both(item.label),
        "kind": item.kind,
        "items": item.items,
        "help": item.help,
        "clauses": asked.get(".".join(step for step in item.pointer if step != "[]")),
        "needed": item.name in parent.get("required", ()),
        "asked": item.asked,
        "refs": item.refs,
        "vocabulary": [item.vocabulary.name, item.vocabulary.shared] if item.vocabulary else None,
        "enum": {code: both(label) for code, label in item.enum.items()},
        "prose": item.pii == "freetext",
        "graded": item.kind == "map" and item.pii == "none",
        "lines": _has_lines(text),
        "types": node.get("type") if isinstance(node.get("type"), list) else None,
        "longest": text.get("maxLength"),
        "const": node.get("const"),
        "immutable": item.immutable,
        "grows": item.append_only,
        "reopens": item.reopens,
        "frozen": item.freeze.state if item.freeze else None,
        "planned": item.planned,
        "occurs": bool(item.occurs),
        "fields": [_field(child, inner, whole, asked) for child in item.children],
    }
    return {key: value for key, value in found.items() if value not in (None, False, "", (), [], {})}


def _has_lines(node: Mapping[str, Any]) -> bool:
    """Whether text of a schema may run over several lines, and is long enough to."""
    return bool(node.get("maxLength", 0) > 300 and re.search(node.get("pattern", ""), "x\nx"))


def _bundle(node: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema with only those definitions that it leads to."""
    kept: dict[str, Any] = {}

    def told(part: Any, *, named: bool = False) -> Any:
        """A part of the schema without what only people read; below `properties` stand names and no keywords."""
        if isinstance(part, list):
            return [told(item) for item in part]
        if not isinstance(part, Mapping):
            return part
        name = "" if named else str(part.get("$ref", "")).removeprefix(_REF)
        if name in node["$defs"] and name not in kept:
            kept[name] = {}
            kept[name] = told(node["$defs"][name])
        return {
            key: told(value, named=not named and key in _NAMED)
            for key, value in part.items()
            if named or key not in _SPOKEN
        }

    whole = told({key: value for key, value in node.items() if key != "$defs"})
    return {**whole, "$defs": kept}


def _asked(policy: Policy, type_: str) -> dict[str, list[Any]]:
    """The clauses that each field of a type keeps: [pack, what the clause says, where it stands]."""
    found: dict[str, list[Any]] = defaultdict(list)
    for name, pack in sorted(policy.packs.items()):
        for clause in pack.clauses:
            for mechanism in clause.data.get("mechanisms", ()):
                kind, _, field = str(mechanism.get("field", "")).partition(".")
                words = clause.text("title")
                if kind == type_ and words:
                    entry = [name, clause.data["id"], both(words), f"{page_of(name)}.html"]
                    if entry not in found[field]:
                        found[field].append(entry)
    return found


# --- the policy's words --------------------------------------------------------------------------------------


def _policy(type_: RecordSchema, policy: Policy) -> dict[str, Any]:
    """Which pack rules the type when, and the vocabularies and questionnaires of those packs."""
    composition = policy.composition()
    allowances = [
        {key: value for key, value in entry.items() if key in ("customer", "project", "domain", "pack", "from", "to")}
        for entry in policy.allowances
        if entry["domain"] in type_.domains
    ]
    ruling = {pack for _, pack, _, _ in composition} | {entry["pack"] for entry in allowances}
    names = {item.vocabulary.name for item in type_.walk() if item.vocabulary}
    return {
        "composition": [step for step in composition if step[0] in type_.domains],
        "everywhere": [[pack, since, until] for _, pack, since, until in composition]
        + [[entry["pack"], entry["from"], entry.get("to")] for entry in policy.allowances],
        "allowances": allowances,
        "packs": {name: _pack(policy, name, names) for name in sorted(ruling)},
    }


def _pack(policy: Policy, name: str, names: set[str]) -> dict[str, Any]:
    words: dict[str, list[Any]] = defaultdict(list)
    for pack, vocabulary, code, zh, en, _ in policy.vocabularies():
        if pack == name and vocabulary in names:
            words[vocabulary].append([code, zh, en])
    data = policy.packs[name].source.data
    scales = data.get("scales", {})
    return {
        "title": both(policy.packs[name].title),
        "page": f"{page_of(name)}.html",
        "words": words,
        "sheets": {
            code: {
                "items": [[item["key"], item["zh"], item["en"]] for item in sheet["items"]],
                "grades": [[str(grade["code"]), grade["zh"], grade["en"]]
                           for grade in scales.get(sheet["scale"], {}).get("grades", ())],
            }
            for code, sheet in (data.get("templates", {}) if "template" in names else {}).items()
        },
    }  # fmt: skip


def _roles(roles: Sequence[str], policy: Policy, type_: RecordSchema) -> list[list[str]]:
    ruling = [pack for domain, pack, _, _ in policy.composition() if domain in type_.domains]
    named = (policy.role(ruling[-1] if ruling else policy.defaults, role) for role in roles)
    return [both(text) for text in dict.fromkeys(named)]


def _engine() -> dict[str, Any]:
    return {
        entry.code: {
            "message": both(entry.message),
            "hint": both(entry.hint),
            "words": {
                name: {value: both(text) for value, text in values.items()} for name, values in entry.words.items()
            },
        }
        for entry in catalogue.entries()
        if entry.code.startswith(_ENGINE)
    }


def _rules(policy: Policy) -> dict[str, Any]:
    return {
        rule.data["id"]: {"message": both(Text.of(rule.data["title"])), "hint": both(Text.of(rule.data["hint"]))}
        for rule in policy.rules()
        if rule.data["id"] in _RULES
    }


def both(text: Text) -> list[str]:
    """A text in the form of the data: Chinese, English."""
    return [text.zh, text.en]
