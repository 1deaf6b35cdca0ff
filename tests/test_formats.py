"""Formats: whole outputs, the escapes of each consumer, and nothing that a record says acted upon."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kelu import __version__, catalogue, formats
from kelu.check import Report
from kelu.finding import Finding, Severity, Text

COMPLAINT = "records/complaints/2026/CMP-2026-0003.yaml"
SURVEY = "records/surveys/2026/SUR-2026-0001.yaml"
MISSING = Finding(
    "SCH-02", Severity.ERROR, COMPLAINT, 12, 3, "demands",
    Text("字段“顾客要求”（demands）缺失", "The field “Demands” (demands) is missing"),
    Text("补上 demands。", "Add demands."),
)  # fmt: skip
SAME_PERSON = Finding(
    "R-CMP-05", Severity.ERROR, COMPLAINT, 40, 7, "verification.by",
    Text("验证人不得为处置人（GSB:6.6.2）", "Verifier must not be the resolver (GSB:6.6.2)"),
    Text("由质量管理部另一人验证", "Have someone else verify"), "S003",
)  # fmt: skip
UNCLEAR = Finding(
    "R-SUR-09", Severity.WARNING, SURVEY, 1, 1, "", Text("调查应有结论", "A survey should conclude"), Text("", "")
)
REPORT = Report((MISSING, SAME_PERSON, UNCLEAR), 41)
CLEAN = Report((), 41)
# Written down, so that no later version gives old findings a new identity unnoticed.
DEMANDS_MARK = "2cc4ed2ad3b0d05ff41ffff89799a520f50e530f4d4a205c53e20561cf0f32ae"

# What a hostile value may bring: an escape sequence, line ends, a workflow command, hidden direction, half a pair.
HOSTILE = "a\x1b[31m\r\n::error::x\x9b2J\u202eb\u2028%0A,:\ud800"


def with_value(value: str) -> Report:
    return Report((replace(SAME_PERSON, value=value, field=value, path=f"records/{value}", message=Text(value, value),
                           hint=Text(value, value)),), 1)  # fmt: skip


# --- text ---


def test_text_says_everything_in_both_languages() -> None:
    assert formats.text(REPORT) == (
        f"{COMPLAINT}:12:3 错误 SCH-02 字段“顾客要求”（demands）缺失\n"
        "    The field “Demands” (demands) is missing\n"
        "    提示：补上 demands。\n"
        "    Hint: Add demands.\n"
        f"{COMPLAINT}:40:7 错误 R-CMP-05 verification.by 验证人不得为处置人（GSB:6.6.2）\n"
        "    Verifier must not be the resolver (GSB:6.6.2)\n"
        "    现为：S003\n"
        "    提示：由质量管理部另一人验证\n"
        "    Hint: Have someone else verify\n"
        "\n"
        f"{SURVEY}:1:1 警告 R-SUR-09 调查应有结论\n"
        "    A survey should conclude\n"
        "\n"
        "已检查 41 份记录：2 个错误，1 个警告。\n"
        "41 records checked: 2 errors, 1 warning.\n"
    )


def test_text_in_chinese() -> None:
    assert formats.text(Report((SAME_PERSON,), 1), "zh") == (
        f"{COMPLAINT}:40:7 错误 R-CMP-05 verification.by 验证人不得为处置人（GSB:6.6.2）\n"
        "    现为：S003\n"
        "    提示：由质量管理部另一人验证\n"
        "\n"
        "已检查 1 份记录：1 个错误，0 个警告。\n"
    )


def test_text_in_english() -> None:
    assert formats.text(Report((SAME_PERSON,), 1), "en") == (
        f"{COMPLAINT}:40:7 error R-CMP-05 verification.by Verifier must not be the resolver (GSB:6.6.2)\n"
        "    Found: S003\n"
        "    Hint: Have someone else verify\n"
        "\n"
        "1 record checked: 1 error, 0 warnings.\n"
    )


def test_text_of_nothing() -> None:
    assert formats.text(CLEAN) == "已检查 41 份记录，没有发现问题。\n41 records checked, nothing found.\n"


def test_text_is_painted_by_role() -> None:
    painted = formats.text(Report((UNCLEAR,), 1), "both", lambda words, role: f"<{role}>{words}</>" if role else words)
    assert painted == (
        f"<path>{SURVEY}:1:1</> <warning>警告</> <code>R-SUR-09</> 调查应有结论\n"
        "    <dim>A survey should conclude</>\n"
        "\n"
        "<warning>已检查 1 份记录：0 个错误，1 个警告。</>\n"
        "<dim>1 record checked: 0 errors, 1 warning.</>\n"
    )


def test_plain_shows_what_would_act() -> None:
    assert formats.plain(HOSTILE) == "a\\x1b[31m\\r\\n::error::x\\x9b2J\\u202eb\\u2028%0A,:\\ud800"
    assert formats.plain("客户“全部”正常 ❤\n") == "客户“全部”正常 ❤"


@pytest.mark.parametrize("name", ["text", "github"])
@given(value=st.text())
def test_no_value_reaches_the_terminal_or_starts_a_line(name: str, value: str) -> None:
    said = formats.FORMATS[name](with_value(value), "both", formats.unpainted)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", said)
    reference = formats.FORMATS[name](with_value("x"), "both", formats.unpainted)
    starts = [line[:8] for line in said.splitlines() if line.startswith("::")]
    assert starts == [line[:8] for line in reference.splitlines() if line.startswith("::")]


# --- JSON ---


def test_json_whole() -> None:
    assert formats.as_json(Report((SAME_PERSON,), 7)) == (
        "{\n"
        '  "findings": [\n'
        "    {\n"
        '      "code": "R-CMP-05",\n'
        '      "severity": "error",\n'
        f'      "path": "{COMPLAINT}",\n'
        '      "line": 40,\n'
        '      "column": 7,\n'
        '      "field": "verification.by",\n'
        '      "value": "S003",\n'
        '      "message": {\n'
        '        "zh": "验证人不得为处置人（GSB:6.6.2）",\n'
        '        "en": "Verifier must not be the resolver (GSB:6.6.2)"\n'
        "      },\n"
        '      "hint": {\n'
        '        "zh": "由质量管理部另一人验证",\n'
        '        "en": "Have someone else verify"\n'
        "      }\n"
        "    }\n"
        "  ],\n"
        '  "summary": {\n'
        '    "records": 7,\n'
        '    "errors": 1,\n'
        '    "warnings": 0\n'
        "  }\n"
        "}\n"
    )


def test_json_of_nothing_and_of_no_value() -> None:
    assert json.loads(formats.as_json(CLEAN)) == {
        "findings": [],
        "summary": {"records": 41, "errors": 0, "warnings": 0},
    }
    assert json.loads(formats.as_json(REPORT))["findings"][0]["value"] is None


@given(value=st.text())
def test_json_keeps_every_value(value: str) -> None:
    sent = formats.as_json(with_value(value)).encode("utf-8", "backslashreplace")
    assert json.loads(sent)["findings"][0]["value"] == value


# --- SARIF ---


def run_of(report: Report, lang: str = "both") -> dict[str, Any]:
    log = json.loads(formats.sarif(report, lang))
    assert set(log) == {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    return dict(run)


def test_sarif_run() -> None:
    run = run_of(REPORT)
    driver = run["tool"]["driver"]
    assert set(run) == {"tool", "columnKind", "results", "properties"}
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["properties"] == {"records": 41}
    assert {key: driver[key] for key in driver if key != "rules"} == {
        "name": "kelu", "version": __version__, "semanticVersion": __version__, "language": "zh-CN",
    }  # fmt: skip
    assert [rule["id"] for rule in driver["rules"]] == ["R-CMP-05", "R-SUR-09", "SCH-02"]
    assert run_of(REPORT, "en")["tool"]["driver"]["language"] == "en-US"


def test_sarif_result() -> None:
    result = run_of(REPORT)["results"][1]
    (mark,) = (mark for item, mark in formats.fingerprints(REPORT) if item == SAME_PERSON)
    assert result == {
        "ruleId": "R-CMP-05",
        "ruleIndex": 0,
        "level": "error",
        "message": {
            "text": "验证人不得为处置人（GSB:6.6.2）\nVerifier must not be the resolver (GSB:6.6.2)\n"
            "由质量管理部另一人验证\nHave someone else verify"
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": COMPLAINT, "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 40, "startColumn": 7},
                },
                "logicalLocations": [{"fullyQualifiedName": "verification.by"}],
            }
        ],
        "partialFingerprints": {"kelu/v1": mark},
    }


def test_sarif_rule_of_a_pack_and_of_the_engine() -> None:
    pack, _, engine = run_of(REPORT)["tool"]["driver"]["rules"]
    assert pack == {
        "id": "R-CMP-05",
        "shortDescription": {"text": "验证人不得为处置人（GSB:6.6.2）\nVerifier must not be the resolver (GSB:6.6.2)"},
        "fullDescription": {"text": "验证人不得为处置人（GSB:6.6.2）\nVerifier must not be the resolver (GSB:6.6.2)"},
        "help": {
            "text": "验证人不得为处置人（GSB:6.6.2）\n\nVerifier must not be the resolver (GSB:6.6.2)\n\n"
            "由质量管理部另一人验证\n\nHave someone else verify"
        },
        "defaultConfiguration": {"level": "error"},
    }
    entry = catalogue.entry("SCH-02")
    assert engine["shortDescription"] == {"text": f"{entry.title.zh}\n{entry.title.en}"}
    assert engine["fullDescription"] == {"text": f"{entry.why.zh}\n{entry.why.en}"}
    assert engine["help"] == {
        "text": f"{entry.why.zh}\n\n{entry.why.en}\n\n✗\n{entry.bad.rstrip()}\n\n✓\n{entry.good.rstrip()}"
    }


def test_sarif_indices_and_uris_hold() -> None:
    odd = replace(UNCLEAR, path="records/a b#?%:客\udc80.yaml")
    run = run_of(Report((*REPORT.findings, odd), 1))
    rules = run["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [
        result["ruleId"] for result in run["results"]
    ]
    place = run["results"][-1]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place["uri"] == "records/a%20b%23%3F%25%3A%E5%AE%A2%80.yaml"
    assert "logicalLocations" not in run["results"][-1]["locations"][0]


def test_sarif_has_no_placeholders_and_no_links() -> None:
    item = replace(UNCLEAR, message=Text("{0} [按此](https://example.invalid)", "x"))
    assert run_of(Report((item,), 1), "zh")["results"][0]["message"] == {
        "text": "{{0}} [按此] (https://example.invalid)"
    }


# --- GitHub ---


def test_github_whole() -> None:
    assert formats.github(REPORT) == (
        f"::error file={COMPLAINT},line=12,col=3,title=SCH-02 demands::字段“顾客要求”（demands）缺失"
        "%0AThe field “Demands” (demands) is missing%0A补上 demands。%0AAdd demands.\n"
        f"::error file={COMPLAINT},line=40,col=7,title=R-CMP-05 verification.by::验证人不得为处置人（GSB:6.6.2）"
        "%0AVerifier must not be the resolver (GSB:6.6.2)%0A由质量管理部另一人验证%0AHave someone else verify\n"
        f"::warning file={SURVEY},line=1,col=1,title=R-SUR-09::调查应有结论%0AA survey should conclude\n"
        "已检查 41 份记录：2 个错误，1 个警告。\n"
        "41 records checked: 2 errors, 1 warning.\n"
    )


def test_github_escapes() -> None:
    item = replace(UNCLEAR, path="records/a,b:c%.yaml", message=Text("100%：a,b:c\r\n", "x"))
    assert formats.github(Report((item,), 1), "zh").splitlines()[0] == (
        "::warning file=records/a%2Cb%3Ac%25.yaml,line=1,col=1,title=R-SUR-09::100%25：a,b:c"
    )


def test_github_says_that_nothing_was_found() -> None:
    assert formats.github(CLEAN, "zh") == "已检查 41 份记录，没有发现问题。\n"


# --- GitLab ---


def test_gitlab_entry() -> None:
    entries = json.loads(formats.gitlab(REPORT, "zh"))
    marks = [mark for _, mark in formats.fingerprints(REPORT)]
    assert entries[1] == {
        "description": "验证人不得为处置人（GSB:6.6.2）\n由质量管理部另一人验证",
        "check_name": "R-CMP-05",
        "fingerprint": marks[1],
        "severity": "major",
        "location": {"path": COMPLAINT, "lines": {"begin": 40}},
    }
    assert [entry["severity"] for entry in entries] == ["major", "major", "minor"]
    assert json.loads(formats.gitlab(CLEAN)) == []


def test_fingerprints_are_unique_and_outlive_edits() -> None:
    def marks(*items: Finding) -> list[str]:
        return [mark for _, mark in formats.fingerprints(Report(items, 1))]

    moved = replace(MISSING, line=90, column=1, message=Text("改写", "reworded"))
    assert marks(MISSING) == marks(moved) == [DEMANDS_MARK]
    assert len(set(marks(MISSING, moved, SAME_PERSON, UNCLEAR))) == 4
    assert marks(MISSING, SAME_PERSON)[1] == marks(SAME_PERSON)[0]


# --- all ---


@pytest.mark.parametrize("name", formats.FORMATS)
def test_every_format_is_the_same_in_another_process(name: str) -> None:
    source = (
        "import sys; sys.path.insert(0, 'tests'); import test_formats as t; from kelu import formats as f;"
        f"sys.stdout.buffer.write(f.FORMATS[{name!r}](t.REPORT, 'both', f.unpainted).encode())"
    )
    root = Path(__file__).resolve().parents[1]
    said = subprocess.run(
        [sys.executable, "-c", source], cwd=root, env={"PYTHONPATH": "tools", "PYTHONHASHSEED": "77"},
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    assert said.decode() == formats.FORMATS[name](REPORT, "both", formats.unpainted)


@pytest.mark.parametrize("name", formats.FORMATS)
@pytest.mark.parametrize("lang", ["zh", "en", "both"])
def test_every_format_speaks_every_language(name: str, lang: str) -> None:
    said = formats.FORMATS[name](Report((UNCLEAR,), 1), lang, formats.unpainted)
    assert said.endswith("\n")
    assert ("调查应有结论" in said) == (lang != "en" or name == "json")
    assert ("A survey should conclude" in said) == (lang != "zh" or name == "json")
