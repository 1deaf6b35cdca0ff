"""Privacy: masks, the allow-list, restricted records, and that no identifier gets past the door."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from kelu import privacy
from kelu.finding import Text
from kelu.privacy import Contact, Directory, Node, Title, mask
from kelu.schema import RecordSchema, load
from repository import rulebook

COMMON = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": {}}


def schema(**properties: dict[str, Any]) -> RecordSchema:
    """A record type with the given properties beside those that every record has."""
    shape = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "便条", "x-en": "Note", "x-files": "records/notes/{year}/{id}.yaml", "x-title": "title",
        "x-business-date": "on", "type": "object",
        "properties": {
            "schema": {"title": "模式", "x-en": "Schema", "const": "note/v1"},
            "id": {"title": "编号", "x-en": "Id", "type": "string", "pattern": "^NOT-[0-9]{4}-[0-9]{4}$"},
            "title": {"title": "标题", "x-en": "Title", "type": "string", "x-pii": "freetext"},
            "status": {"title": "状态", "x-en": "Status", "enum": ["open"],
                       "x-labels": {"open": {"zh": "未结", "en": "Open"}}},
            "confidential": {"title": "保密级别", "x-en": "Confidential", "enum": ["normal", "restricted"],
                             "x-labels": {"normal": {"zh": "普通", "en": "Normal"},
                                          "restricted": {"zh": "限制", "en": "Restricted"}}},
            "on": {"title": "日期", "x-en": "On", "type": "string", "format": "date"},
            **{name: {"title": name, "x-en": name, **node} for name, node in properties.items()},
        },
    }  # fmt: skip
    files = {"note.schema.json": shape, "common.schema.json": COMMON}
    return load({name: json.dumps(data).encode() for name, data in files.items()}).records["note"]


def published(names: Directory | None = None, *, node: dict[str, Any], value: Any, **more: Any) -> list[Node]:
    data = {"id": "NOT-2026-0001", "status": "open", "x": value, **more}
    shown = privacy.publish(schema(x=node), data, names or Directory())
    return [item for item in shown.nodes if item.name == "x"]


@pytest.mark.parametrize(
    ("mark", "value", "shown"),
    [
        ("name", "刘晓枫", "刘**"),
        ("name", "欧阳晓", "欧阳**"),
        ("name", "东方", "东**"),
        ("name", "王", "**"),
        ("name", "Ada Lovelace", "A**"),
        ("phone", "138-0000-0001", "138****0001"),
        ("phone", "+86 138 0000 0001", "138****0001"),
        ("phone", "010-6000-1234", "010****1234"),
        ("phone", "6000-1234", "****34"),
        ("phone", "95500", "****"),
        ("email", "liuxf@example.invalid", "l***@example.invalid"),
        ("email", "没有符号", "***"),
        ("im", "wx_liuxf", "***"),
        ("address", "星河省云州市青山区软件园路8号", "星河省云州市青山区**"),
        ("address", "云州市青山区幸福小区3栋", "云州市青山区**"),
        ("address", "云州市幸福小区3栋", "云州市**"),
        ("address", "幸福小区3栋502", "**"),
        ("address", "软件园路8号", "**"),
    ],
)
def test_masks(mark: str, value: str, shown: str) -> None:
    assert mask.mask(mark, value) == shown


def test_text_is_scanned_for_patterns_and_for_what_records_know() -> None:
    known = mask.Identifiers.of([("name", "刘晓枫"), ("im", "wx_liuxf"), ("phone", "0517-8888"), ("name", "王")])
    text = "刘晓枫（13800000001，110101199003077777，a@example.invalid）加了wx_liuxf，王主任打0517-8888。"
    assert mask.mask_text(text, known) == "刘**（138****0001，****，a***@example.invalid）加了***，王主任打****88。"


def test_a_record_shows_what_its_marks_allow_and_nothing_else() -> None:
    names = Directory(
        titles={"CUS-0001": Title("customer", "星河数管局", "active", "2024-01-05", False)},
        staff={"S001": "林晓舟"},
        contacts={"CUS-0001/C01": Contact("刘**", "处长", "CUS-0001")},
        terms={("p@1", "category", "attitude"): Text("服务态度", "Attitude")},
    )
    string = {"type": "string"}
    assert published(node=string, value="没有标记的文字") == []
    assert published(node={**string, "pattern": "^x-"}, value="x-1")[0].kind == "identifier"
    assert published(node={**string, "x-pii": "freetext"}, value="电话13800000001")[0].value == "电话138****0001"
    assert published(node={**string, "x-pii": "phone"}, value="13800000001")[0].value == "138****0001"
    assert published(node={**string, "enum": ["a"], "x-labels": {"a": {"zh": "甲", "en": "A"}}}, value="b") == []
    assert published(node={**string, "x-audience": "internal", "x-pii": "none"}, value="合同号") == []
    (staff,) = published(names, node={**string, "x-ref": "staff"}, value="S001")
    assert (staff.kind, staff.text) == ("staff", Text("林晓舟", "S001"))
    (contact,) = published(names, node={**string, "x-ref": "contact"}, value="CUS-0001/C01")
    assert (contact.text, contact.target) == (Text("刘**", "处长"), "CUS-0001")
    (record,) = published(names, node={**string, "x-ref": "customer"}, value="CUS-0001")
    assert (record.kind, record.target) == ("record", "CUS-0001")
    vocabulary = {**string, "x-vocabulary": "category"}
    (term,) = published(names, node=vocabulary, value="attitude", policy="p@1")
    assert term.text == Text("服务态度", "Attitude")
    assert published(names, node=vocabulary, value="没有这个词", policy="p@1") == []
    assert published(node={"type": "number"}, value=99.9)[0].value == "99.9"
    packs = Directory(packs={"tfdl-08-03@V1.2": Text("调查制度", "Survey policy")})
    (pack,) = published(packs, node={**string, "x-pii": "none"}, value="tfdl-08-03@V1.2")
    assert (pack.value, pack.text) == ("tfdl-08-03@V1.2", Text("调查制度", "Survey policy"))
    moment = {**string, "format": "date-time"}
    assert published(node=moment, value="2026-03-01T23:30:00Z")[0].value == "2026-03-02 07:30"


def test_an_open_map_shows_only_entries_that_policy_names() -> None:
    names = Directory(
        items={("p@1", "quality"): Text("质量", "Quality")}, grades={("p@1", "5"): Text("很好", "Very good")}
    )
    node = {"type": "object", "additionalProperties": {"type": ["integer", "string"], "x-pii": "none"}}
    (made,) = published(names, node=node, value={"quality": 5, "13800000001": 4}, policy="p@1")
    assert [(child.label.zh, child.value, child.text) for child in made.children] == [
        ("质量", "5", Text("很好", "Very good"))
    ]


def test_the_items_of_a_second_survey_are_named_as_the_policy_names_them() -> None:
    names = Directory(items={("p@1", "quality"): Text("质量", "Quality")})
    survey = rulebook().schemas.records["survey"]
    data = {"id": "SUR-2026-0001", "policy": "p@1", "resurvey_items": ["quality", "speed"]}
    (made,) = (item for item in privacy.publish(survey, data, names).nodes if item.name == "resurvey_items")
    assert [(child.kind, child.value, child.text) for child in made.children] == [
        ("term", "quality", Text("质量", "Quality")),
        ("text", "speed", None),
    ]


def test_a_restricted_record_gives_id_type_status_and_dates_only() -> None:
    data = {
        "id": "NOT-2026-0001", "title": "机密事项", "status": "open", "confidential": "restricted",
        "on": "2026-03-02", "x": "机密内容",
    }  # fmt: skip
    shown = privacy.publish(schema(x={"type": "string", "x-pii": "freetext"}), data, Directory())
    assert (shown.title, shown.absent) == ("", ())
    assert [node.name for node in shown.nodes] == ["id", "status", "confidential", "on"]


def test_departments_of_the_staff_are_shown_where_no_policy_lists_any() -> None:
    """A policy may leave departments open; those that the company's own staff file names are no secret then."""
    grades = dict.fromkeys(("pack", "code", "zh", "en"), "VARCHAR")
    policy: Any = SimpleNamespace(
        staff=[
            {"id": f"S10{place}", "name": "杜以宁", "department": held}
            for place, held in enumerate(["网络部", "信息部"])
        ],
        vocabularies=lambda: [("p@1", "department", "信息部", "信息部", "Information", 0)],
        tables=lambda: {"template_item": ({}, []), "grade": (grades, [])},
        packs={},
    )
    store: Any = SimpleNamespace(extracts=lambda _: iter(()))
    names = privacy.directory(store, {}, policy)
    node = {"type": "string", "x-vocabulary": {"name": "department", "of": "composition"}}
    assert [item.text for item in published(names, node=node, value="网络部")] == [Text("网络部", "网络部")]
    assert [item.text for item in published(names, node=node, value="信息部")] == [Text("信息部", "Information")]
    assert published(names, node=node, value="某客户的部门") == []


def test_what_a_correction_says_of_a_name_is_hidden_as_the_name_is() -> None:
    """The values of a correction are text; whose field they are of, the correction says."""
    person = {"type": "object", "properties": {"name": {"type": "string", "x-pii": "name"}}}
    record = schema(x={"type": "array", "items": person}, y={"type": "string", "x-pii": "freetext"})
    entries = [
        {"field": "x[0].name", "from": "欧阳晓枫", "to": "欧阳小枫"},
        {"field": "y", "from": "无线网", "to": "有线网"},
        {"field": "gone.long.since", "from": "甲乙丙"},
        "no correction",
    ]
    found = dict(mask.personal_values(record.fields, {"corrections": entries}))
    assert found == {"name": "欧阳小枫"}
    hidden = mask.Identifiers.of(mask.personal_values(record.fields, {"corrections": entries}))
    assert hidden.hide("欧阳晓枫改为欧阳小枫，无线网") == "欧阳**改为欧阳**，无线网"
    assert dict(mask.personal_values(record.fields, {"corrections": "none"})) == {}
