"""Forms: every record type has one, in both languages, and its blank text is what the schema takes."""

from __future__ import annotations

import json
from functools import cache

import pytest

from kelu.document import parse
from kelu.pages import blank
from kelu.pages.blank import Blank
from kelu.schema import load
from repository import MOMENT, ROOT, rulebook
from site_build import SITE, Page, own_site

TYPES = sorted(rulebook().schemas.records)


@cache
def forms() -> dict[str, Blank]:
    words, faults = parse((SITE / "words.yaml").read_bytes(), "words.yaml")
    assert words is not None, faults
    made = blank.gather(rulebook().schemas, rulebook().policy, words, MOMENT.date())
    return {item.type: item for item in made}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", TYPES)
def test_a_blank_text_obeys_its_schema(name: str, language: str) -> None:
    raw = getattr(forms()[name].text, language).encode()
    data, faults = parse(raw, name)
    assert data is not None, faults
    assert rulebook().schemas.explain(name, data, name, raw) == []
    fields = [field.name for field in rulebook().schemas.records[name].fields]
    lines = [line.removeprefix("# ").partition(":")[0] for line in raw.decode().splitlines() if line[0] not in " \n"]
    assert lines == fields  # each once, in the schema's order, those not needed behind a #


@pytest.mark.parametrize("name", TYPES)
def test_a_form_names_every_field_and_who_takes_each_step(name: str) -> None:
    schema, form = rulebook().schemas.records[name], forms()[name]
    assert [line.label for line in form.lines] == [field.label for field in schema.walk()]
    always = {line.name for line in form.lines if line.always and line.depth == 0}
    assert always == set(rulebook().schemas.raw[name]["required"])
    assert len(form.steps) == len(schema.creation) + len(schema.transitions)
    for root, chosen in (("", "zh"), ("en/", "en")):
        page = Page(own_site() / f"{root}manual/forms/{name}.html")
        for line in form.lines:
            assert getattr(line.label, chosen) in page.text
        assert schema.files in page.text
    listed = Page(own_site() / "manual/forms.html")
    assert ("a", f"forms/{name}.html") in listed.attributes("href")


def test_a_field_says_from_which_state_on_it_is_needed_and_what_may_stand_in_it() -> None:
    lines = {line.name: line for line in forms()["complaint"].lines if line.depth == 0}
    assert lines["closure"].needed is not None
    assert lines["closure"].needed.zh == "自“已关闭”起必填"
    assert lines["customer"].needed is not None
    assert lines["customer"].needed.zh == "视情况必填"
    assert lines["customer"].kind.en == "id of Customer"
    assert "hotline" in dict(lines["channel"].choices)
    assert dict(lines["category"].choices)  # terms of the policy that rules complaints


def test_a_new_record_type_has_a_form_without_any_change_of_the_program() -> None:
    files = {path.name: path.read_bytes() for path in (ROOT / "schemas").glob("*.schema.json")}
    made = json.loads(files["incident.schema.json"])
    made |= {"title": "巡检", "x-en": "Inspection", "x-files": "records/inspections/{year}/{id}.yaml"}
    made["properties"]["schema"]["const"] = "inspection/v1"
    made["properties"]["id"]["pattern"] = "^INS-[0-9]{4}-[0-9]{4}$"
    schemas = load(files | {"inspection.schema.json": json.dumps(made).encode()})
    words = parse((SITE / "words.yaml").read_bytes(), "words.yaml")[0]
    assert words is not None
    (form,) = (item for item in blank.gather(schemas, rulebook().policy, words, MOMENT.date())
               if item.type == "inspection")  # fmt: skip
    assert "id: INS-2026-0000" in form.text.en
    assert form.path == "records/inspections/{year}/{id}.yaml"
