"""What the forms in the browser are made from: every field of every type, nothing that is not public, and the text of a
record only where it reveals nothing."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from kelu import check, privacy
from kelu.document import parse
from kelu.pages import choices, forge, register
from kelu.privacy import whole
from kelu.schema import Field
from repository import ROOT, own_records, rulebook, rulebook_files, tree_of
from site_build import edition

CMP, CUS, PRJ = (
    "records/complaints/2026/CMP-2026-0003.yaml", "records/customers/CUS-0001.yaml",
    "records/projects/2026/PRJ-2026-001.yaml",
)  # fmt: skip
VISIT = {
    "title": "来访", "x-en": "Visit", "x-files": "records/visits/{year}/{id}.yaml", "x-title": "title",
    "type": "object",
    "properties": {
        "schema": {"title": "模式", "x-en": "Schema", "type": "string", "const": "visit/v1"},
        "id": {"title": "编号", "x-en": "Id", "type": "string", "pattern": "^VIS-[0-9]{4}-[0-9]{4}$"},
        "title": {"$ref": "common.schema.json#/$defs/title"},
        "status": {"title": "状态", "x-en": "Status", "type": "string", "enum": ["open"]},
        "guests": {
            "title": "来客", "x-en": "Guests", "type": "array",
            "items": {
                "title": "来客", "x-en": "Guest", "type": "object",
                "properties": {"contact": {"$ref": "common.schema.json#/$defs/contact_ref"}},
                "required": ["contact"],
            },
        },
    },
    "required": ["schema", "id", "title", "status"],
    "x-lifecycle": {"initial": ["open"], "states": {"open": {"zh": "已登记", "en": "Open"}}},
}  # fmt: skip


def names(fields: Any) -> list[str]:
    """The dotted names of fields, of the schema's or of a description's."""
    found = []
    for item in fields:
        name = item.name if isinstance(item, Field) else item["name"]
        inner = item.children if isinstance(item, Field) else item.get("fields", ())
        found += [name, *(f"{name}.{child}" for child in names(inner))]
    return found


def test_a_new_type_has_its_form_without_a_line_of_program() -> None:
    book = check.open_book(tree_of({}, **{"schemas/visit.schema.json": json.dumps(VISIT).encode()}))
    made = register.described(book.schemas.records["visit"], book.schemas, book.policy)
    assert [form.page for form in register.forms(book.schemas) if form.type == "visit"] == ["register/visit.html"]
    assert names(made["fields"]) == ["schema", "id", "title", "status", "guests", "guests.contact"]
    assert made["fields"][4]["fields"][0] == {
        "name": "contact", "label": ["联系人", "Contact"], "kind": "string", "needed": True, "refs": ("contact",),
        "help": "客户编号/联系人编号，如 CUS-0001/C01",
    }  # fmt: skip
    assert set(made["schema"]["$defs"]) == {"title", "contact_ref"}


@pytest.mark.parametrize("name", rulebook().schemas.records)
def test_every_field_and_state_is_described(name: str) -> None:
    schema = rulebook().schemas.records[name]
    made = register.described(schema, rulebook().schemas, rulebook().policy)
    assert names(made["fields"]) == names(schema.fields)
    assert list(made["states"]) == list(schema.states)
    assert json.loads(json.dumps(made))["order"] == rulebook().schemas.order(name)


def test_every_code_that_the_form_finds_has_its_words() -> None:
    made = register.described(rulebook().schemas.records["complaint"], rulebook().schemas, rulebook().policy)
    used = set(
        re.findall(r'"((?:SCH|YAML|R-ALL|FILE|VOC|X)-[0-9]+b?)"', (ROOT / "site/assets/rules.js").read_text("utf-8"))
    )
    assert len(used) > 15
    assert used <= set(made["findings"])


def test_what_there_is_to_choose_from_is_public() -> None:
    hidden = {**own_records(), CMP: own_records()[CMP] + b"confidential: restricted\n"}
    held = edition(hidden)
    known = privacy.directory(held.store, held.schemas.records, held.policy)
    made = choices.directory(known, held.schemas, held.policy, held.store, {"customer": ["short_name"]})
    text = json.dumps(made, ensure_ascii=False)
    assert [value for value in known.identifiers.masks if value in text] == []
    assert "CMP-2026-0003" not in text
    assert made["taken"]["complaint"]["2026"] == 13
    assert ["CUS-0001", "星河市数据资源管理局（虚构）", "active", "", "星河数管局"] in made["records"]["customer"]
    assert ["CUS-0001/C01", "刘**", "运行管理处处长"] in made["contacts"]
    assert not re.search(r"example\.invalid", text)


@pytest.mark.parametrize(
    ("path", "more", "shown"),
    [
        (CMP, "", True),
        (CMP, "# 致电 13800001111\n", False),
        (CMP, "# 刘晓枫说的\n", False),
        (CMP, "confidential: restricted\n", False),
        (
            CMP,
            "attachments:\n  - name: 致电 138\n      0000 1111\n    external_ref: 影像档\n",
            False,
        ),  # over a line's end
        (CMP, 'attachments:\n  - {name: "致电 \\u00313800001111", external_ref: 影像档}\n', False),
        (CUS, "", False),
        (PRJ, "", False),  # the contract's number is for the company
    ],
)
def test_a_text_is_carried_only_where_it_reveals_nothing(path: str, more: str, shown: bool) -> None:
    held = edition(own_records())
    known = privacy.directory(held.store, held.schemas.records, held.policy)
    schema = held.schemas.of_folder(path)
    text = own_records()[path].decode() + more
    data, _ = parse(text.encode(), path)
    assert schema is not None
    assert data is not None
    record = privacy.publish(schema, data, known)
    assert whole.reveals_nothing(text, record, known) is shown


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("github", "https://x.invalid/a/b/blob/c0ffee/records/%E7%94%B2.yaml"),
        ("gitea", "https://x.invalid/a/b/src/commit/c0ffee/records/%E7%94%B2.yaml"),
        ("gitlab", "https://x.invalid/a/b/-/blob/c0ffee/records/%E7%94%B2.yaml"),
    ],
)
def test_each_forge_has_its_addresses(kind: str, source: str) -> None:
    kinds, _ = parse((ROOT / "site/forges.yaml").read_bytes(), "forges.yaml")
    assert kinds is not None
    config = {"kind": kind, "url": "https://x.invalid/a/b/", "branch": "main"}
    assert rulebook().schemas.accepts("forge", config)
    held = forge.forge(config, kinds)
    assert held.source("c0ffee", "records/甲.yaml") == source
    assert set(held.patterns()) == {"new", "edit", "upload"}
    assert all(address.startswith("https://x.invalid/a/b/") for address in held.patterns().values())
    assert all(re.fullmatch(r"[^{}]*(\{(path|folder|text)\}[^{}]*)+", address) for address in held.patterns().values())


def test_without_a_forge_there_is_no_address() -> None:
    held = forge.forge(None, {})
    assert (held.source("c0ffee", "a"), held.patterns()) == ("", {})
    assert forge.CONFIG in rulebook_files()
