"""The catalogue of the engine's findings: complete, in two languages, with examples that show what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kelu import catalogue
from kelu.document import parse
from kelu.finding import Catalogue, Entry, Finding, Severity, Text, shown
from repository import rulebook

ENTRIES = list(catalogue.entries())
PACKAGE = Path(__file__).parent.parent / "tools" / "kelu"
# What an example on a page cannot hold: the bytes, the size or the depth that are the fault.
UNSHOWN = {"YAML-04", *(f"YAML-{n}" for n in (14, 15, 16, 17, 18, 19, 20, 24))}
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.code)
def test_entry_is_complete(entry: Entry) -> None:
    for text in (entry.title, entry.hint, entry.why):
        assert _CHINESE.search(text.zh)
        assert text.en.strip()
        assert not _CHINESE.search(text.en)
    assert entry.message.zh
    assert entry.message.en
    assert entry.bad.strip()
    assert entry.good.strip()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.code)
def test_both_languages_say_the_same(entry: Entry) -> None:
    def names(text: str) -> set[str]:
        return {name.removesuffix("_zh").removesuffix("_en") for name in _PLACEHOLDER.findall(text)}

    assert names(entry.message.zh) == names(entry.message.en)
    both = names(entry.message.zh + entry.hint.zh), names(entry.message.en + entry.hint.en)
    assert both[1] <= both[0]
    assert set(entry.words) <= names(entry.message.zh + entry.hint.zh)


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.code.startswith(("YAML", "GIT"))], ids=lambda e: e.code)
def test_yaml_examples_show_the_fault(entry: Entry) -> None:
    assert parse(entry.good.encode(), "x")[1] == []
    if entry.code not in UNSHOWN:
        assert parse(entry.bad.encode(), "x")[1][0].code == entry.code


def test_every_code_in_the_program_has_an_entry() -> None:
    pattern = re.compile(r'"((?:YAML|FILE|PII|SCH|VOC|POL|GIT|GH|SEAL|SHEET|MAP|X|R-ALL)-\d\d)"')
    used = {code for path in PACKAGE.rglob("*.py") for code in pattern.findall(path.read_text("utf-8"))}
    rules = {rule.data["id"] for rule in rulebook().policy.rules()}
    assert used - {entry.code for entry in ENTRIES} - rules == set()


# --- making a finding ------------------------------------------------------------------------------------

SMALL = Catalogue(
    {
        "T-01": {
            "severity": "warning",
            "title": {"zh": "题", "en": "t"},
            "message": {"zh": "{label}：{value}，{what}", "en": "{label}: {value}, {what}"},
            "hint": {"zh": "{field} {missing}", "en": "{path}:{line}"},
            "why": {"zh": "因", "en": "w"},
            "bad": "b",
            "good": "g",
            "words": {"what": {"x": {"zh": "甲", "en": "A"}}},
        }
    }
)


def test_make() -> None:
    found = SMALL.make("T-01", "p.yaml", 3, 4, "a.b", "v", label="标签", label_en="label", what="x")
    assert found == Finding(
        code="T-01", severity=Severity.WARNING, path="p.yaml", line=3, column=4, field="a.b",
        message=Text("标签：v，甲", "label: v, A"), hint=Text("a.b {missing}", "p.yaml:{line}"), value="v",
    )  # fmt: skip


def test_words_that_stand_for_themselves() -> None:
    found = SMALL.make("T-01", "p", 1, 1, label=Text("签", "label"), what=7)
    assert found.message == Text("签：，7", "label: , 7")
    assert found.value is None


def test_templates_in_values_stay_text() -> None:
    found = SMALL.make("T-01", "p", 1, 1, value="{label.__class__} {what}", label="{value}", what="{}")
    assert found.message.zh == "{value}：{label.__class__} {what}，{}"


def test_an_unknown_code_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        catalogue.make("YAML-99", "p", 1, 1)
    assert catalogue.entry("YAML-08").title.en == "Field given twice"


def test_order() -> None:
    def at(path: str, line: int, column: int, code: str) -> Finding:
        return Finding(code, Severity.ERROR, path, line, column, "", Text("", ""), Text("", ""))

    order = [at("a", 1, 2, "B"), at("a", 1, 10, "A"), at("a", 1, 10, "B"), at("a", 10, 1, "A"), at("b", 1, 1, "A")]
    shuffled = [order[place] for place in (3, 0, 4, 2, 1)]
    assert sorted(shuffled) == order


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("网络", "网络"),
        (12, "12"),
        ("a\nb\x1b[31m\x00", "a\\nb\\x1b[31m\\x00"),
        ("\u202eabc\u2028", "\\u202eabc\\u2028"),
        ("\ud800", "\\ud800"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 79 + "…"),
        ("\n" * 80, "\\n" * 39 + "\\…"),
    ],
)
def test_shown(value: object, text: str) -> None:
    assert shown(value) == text
