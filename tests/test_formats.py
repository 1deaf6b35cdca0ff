"""Formats: whole outputs, the escapes of each consumer, and nothing that a record says acted upon."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kelu import __version__, catalogue, formats
from kelu.check import Report
from kelu.finding import Finding, Severity, Text
from kelu.formats import Look, findings, results
from kelu.kpi import Excluded, Result, Verdict
from kelu.periods import parse

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
    assert findings.text(REPORT) == (
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
    assert findings.text(Report((SAME_PERSON,), 1), "zh") == (
        f"{COMPLAINT}:40:7 错误 R-CMP-05 verification.by 验证人不得为处置人（GSB:6.6.2）\n"
        "    现为：S003\n"
        "    提示：由质量管理部另一人验证\n"
        "\n"
        "已检查 1 份记录：1 个错误，0 个警告。\n"
    )


def test_text_in_english() -> None:
    assert findings.text(Report((SAME_PERSON,), 1), "en") == (
        f"{COMPLAINT}:40:7 error R-CMP-05 verification.by Verifier must not be the resolver (GSB:6.6.2)\n"
        "    Found: S003\n"
        "    Hint: Have someone else verify\n"
        "\n"
        "1 record checked: 1 error, 0 warnings.\n"
    )


def test_text_of_nothing() -> None:
    assert findings.text(CLEAN) == "已检查 41 份记录，没有发现问题。\n41 records checked, nothing found.\n"


def test_text_is_painted_by_role() -> None:
    painted = findings.text(Report((UNCLEAR,), 1), "both", lambda words, role: f"<{role}>{words}</>" if role else words)
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
    assert findings.as_json(Report((SAME_PERSON,), 7)) == (
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
    assert json.loads(findings.as_json(CLEAN)) == {
        "findings": [],
        "summary": {"records": 41, "errors": 0, "warnings": 0},
    }
    assert json.loads(findings.as_json(REPORT))["findings"][0]["value"] is None


@given(value=st.text())
def test_json_keeps_every_value(value: str) -> None:
    sent = findings.as_json(with_value(value)).encode("utf-8", "backslashreplace")
    assert json.loads(sent)["findings"][0]["value"] == value


# --- SARIF ---


def run_of(report: Report, lang: str = "both") -> dict[str, Any]:
    log = json.loads(findings.sarif(report, lang))
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
    (mark,) = (mark for item, mark in findings.fingerprints(REPORT) if item == SAME_PERSON)
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
    assert findings.github(REPORT) == (
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
    assert findings.github(Report((item,), 1), "zh").splitlines()[0] == (
        "::warning file=records/a%2Cb%3Ac%25.yaml,line=1,col=1,title=R-SUR-09::100%25：a,b:c"
    )


def test_github_says_that_nothing_was_found() -> None:
    assert findings.github(CLEAN, "zh") == "已检查 41 份记录，没有发现问题。\n"


# --- GitLab ---


def test_gitlab_entry() -> None:
    entries = json.loads(findings.gitlab(REPORT, "zh"))
    marks = [mark for _, mark in findings.fingerprints(REPORT)]
    assert entries[1] == {
        "description": "验证人不得为处置人（GSB:6.6.2）\n由质量管理部另一人验证",
        "check_name": "R-CMP-05",
        "fingerprint": marks[1],
        "severity": "major",
        "location": {"path": COMPLAINT, "lines": {"begin": 40}},
    }
    assert [entry["severity"] for entry in entries] == ["major", "major", "minor"]
    assert json.loads(findings.gitlab(CLEAN)) == []


def test_fingerprints_are_unique_and_outlive_edits() -> None:
    def marks(*items: Finding) -> list[str]:
        return [mark for _, mark in findings.fingerprints(Report(items, 1))]

    moved = replace(MISSING, line=90, column=1, message=Text("改写", "reworded"))
    assert marks(MISSING) == marks(moved) == [DEMANDS_MARK]
    assert len(set(marks(MISSING, moved, SAME_PERSON, UNCLEAR))) == 4
    assert marks(MISSING, SAME_PERSON)[1] == marks(SAME_PERSON)[0]


# --- KPI results ---

OPEN = Result(
    code="CMP-04", title=Text("投诉处理及时率", "Resolved in time"), formula=Text("", ""), note=None,
    period=parse("2026-H1"), official=False, dimension=None, slice=None, value=Fraction(1, 2), shown="50.00",
    numerator=Fraction(3), denominator=Fraction(6), sample=6, unit="percent", target=Fraction(95, 100), target_op=">=",
    target_shown="95", target_basis="practice", verdict=Verdict.MISSED, provisional=True, basis="practice",
    pack="practice@1", packs=("gsb-141.03@A0",), clause="08-04:4.4",
    as_of=datetime(2026, 7, 2, 4, tzinfo=UTC), commit="c0ffee", sql="SELECT 1", excluded_count=1,
    counted=("CMP-2026-0001", "CMP-2026-0002"), contributing=("CMP-2026-0001",),
    excluded=(Excluded("CMP-2026-0007", None, "not_due", Text("未到期", "not due yet")),
              Excluded("SUR-2026-0001", "R2", "void", Text("作废", "void"))),
)  # fmt: skip
BARE = replace(OPEN, provisional=False, counted=(), contributing=(), excluded=(), excluded_count=0)
MEAN = replace(
    BARE, code="CMP-03", title=Text("响应时长", "Acknowledgement time"), value=Fraction(1, 3), shown="0.33",
    numerator=Fraction(2, 3), denominator=Fraction(2), sample=2, unit="hours", target=None, target_op=None,
    target_shown=None, target_basis=None, verdict=Verdict.NOT_ASSESSED, clause=None, commit=None,
)  # fmt: skip
EMPTY = replace(
    BARE, code="CMP-13", value=None, shown=None, numerator=Fraction(0), denominator=Fraction(0), sample=0,
    verdict=Verdict.NOT_ASSESSED, target_op="=", target_shown="100",
)  # fmt: skip
UNITS = {"percent": Text("%", "%"), "hours": Text("小时", "hours")}


def test_a_figure_of_another_period_is_for_information_and_a_withheld_one_says_why() -> None:
    informal = replace(BARE, verdict=Verdict.INFORMATION)
    reason = Text("评分表不完整", "The score table is incomplete")
    withheld = replace(EMPTY, withheld=reason, verdict=Verdict.NOT_ASSESSED)
    table = results.table([informal, withheld], Look(units=UNITS))
    assert "供参考" in table
    assert "for information" in table
    assert "评分表不完整" in table
    assert "无数据" not in table
    rows = json.loads(results.as_json([informal, withheld], Look()))
    assert [row["verdict"] for row in rows] == ["information", "not_assessed"]
    assert [row.get("withheld") for row in rows] == [None, {"zh": reason.zh, "en": reason.en}]


def test_table_in_both_languages_is_aligned() -> None:
    assert results.table([BARE, MEAN, EMPTY], Look(units=UNITS)) == (
        "代码    指标                  周期          数值  分子/分母  不计    目标  结论\n"
        "CMP-04  投诉处理及时率        2026-H1     50.00%        3/6         ≥ 95%  未达标\n"
        "        Resolved in time                                                   not met\n"
        "CMP-03  响应时长              2026-H1  0.33 小时     0.67/2                不适用 · 样本少\n"
        "        Acknowledgement time                                               not assessed · small sample\n"
        "CMP-13  投诉处理及时率        2026-H1     无数据        0/0        = 100%  不适用\n"
        "        Resolved in time                                                   not assessed\n"
        "\n"
        "时点 2026-07-02T12:00:00+08:00，提交 c0ffee\n"
        "As of 2026-07-02T12:00:00+08:00, commit c0ffee\n"
    )


def test_table_with_slices_and_records() -> None:
    sliced = replace(OPEN, dimension="customer", slice="CUS-0001")
    rest = replace(BARE, dimension="customer", slice=None)
    assert results.table([sliced, rest], Look("en", units=UNITS, records=True)) == (
        "Code    KPI               Period   Slice      Value  Num./den.  Excl.  Target  Verdict\n"
        "CMP-04  Resolved in time  2026-H1  CUS-0001  50.00%        3/6      1   ≥ 95%  not met · provisional\n"
        "    Counted 2: CMP-2026-0001, CMP-2026-0002\n"
        "    Contributing 1: CMP-2026-0001\n"
        "    Excluded 2: CMP-2026-0007 (not due yet), SUR-2026-0001 R2 (void)\n"
        "CMP-04  Resolved in time  2026-H1  —         50.00%        3/6          ≥ 95%  not met\n"
        "\n"
        "As of 2026-07-02T12:00:00+08:00, commit c0ffee\n"
    )


def test_table_is_painted_without_losing_its_columns() -> None:
    look = Look("zh", lambda words, role: f"<{role}>{words}</>", UNITS)
    lines = results.table([BARE, MEAN], look).splitlines()
    assert re.sub("<[a-z/]*>", "", "\n".join(lines)) == results.table([BARE, MEAN], Look("zh", units=UNITS)).rstrip()
    assert lines[1].endswith("≥ 95%  <error>未达标</>")


def test_table_of_nothing() -> None:
    assert results.table([], Look()) == "没有可计算的指标。\nThere is no KPI to compute.\n"


def test_a_hostile_slice_stays_in_its_cell() -> None:
    said = results.table([replace(BARE, dimension="customer", slice="a\x1b[2J\nb")], Look("zh"))
    assert "a\\x1b[2J\\nb" in said


@pytest.mark.parametrize(("words", "columns"), [("投诉", 4), ("é", 1), ("e\u0301", 1), ("ＡB", 3), ("“”", 2), ("", 0)])
def test_width(words: str, columns: int) -> None:
    assert results.width(words) == columns


def test_results_as_json() -> None:
    said = json.loads(results.as_json([replace(OPEN, dimension="customer", slice="CUS-0001")], Look(records=True)))
    assert said == [
        {
            "code": "CMP-04",
            "title": {"zh": "投诉处理及时率", "en": "Resolved in time"},
            "period": "2026-H1",
            "dimension": "customer",
            "slice": "CUS-0001",
            "value": "50.00",
            "unit": "percent",
            "numerator": 3,
            "denominator": 6,
            "target": {"op": ">=", "value": "95", "basis": "practice"},
            "verdict": "missed",
            "provisional": True,
            "basis": "practice",
            "pack": "practice@1",
            "clause": "08-04:4.4",
            "as_of": "2026-07-02T12:00:00+08:00",
            "commit": "c0ffee",
            "counted": ["CMP-2026-0001", "CMP-2026-0002"],
            "contributing": ["CMP-2026-0001"],
            "excluded": [
                {"id": "CMP-2026-0007", "reason": "not_due"},
                {"id": "SUR-2026-0001", "part": "R2", "reason": "void"},
            ],
        }
    ]


def test_results_as_json_without_records_and_without_a_target() -> None:
    mean, empty = json.loads(results.as_json([MEAN, EMPTY], Look()))
    assert not {"counted", "contributing", "excluded", "dimension", "slice"} & set(mean)
    assert (mean["numerator"], mean["denominator"], mean["target"]) == ("0.666667", 2, None)
    assert (empty["value"], empty["verdict"]) == (None, "not_assessed")
    assert results.as_json([], Look()) == "[]\n"


def test_results_as_csv() -> None:
    assert results.as_csv([OPEN, MEAN], Look()) == (
        "\ufeffcode,title_zh,title_en,period,dimension,slice,value,unit,numerator,denominator,target_op,target,verdict,"
        "provisional,basis,pack,clause,as_of,commit\r\n"
        "CMP-04,投诉处理及时率,Resolved in time,2026-H1,,,50.00,percent,3,6,≥,95,missed,true,practice,practice@1,"
        "08-04:4.4,2026-07-02T12:00:00+08:00,c0ffee\r\n"
        "CMP-03,响应时长,Acknowledgement time,2026-H1,,,0.33,hours,0.666667,2,,,not_assessed,false,practice,practice@1,"
        ",2026-07-02T12:00:00+08:00,\r\n"
    )


def test_records_as_csv() -> None:
    assert results.as_csv([OPEN], Look(records=True)) == (
        "\ufeffcode,period,dimension,slice,list,id,part,reason,reason_zh,reason_en\r\n"
        "CMP-04,2026-H1,,,counted,CMP-2026-0001,,,,\r\n"
        "CMP-04,2026-H1,,,counted,CMP-2026-0002,,,,\r\n"
        "CMP-04,2026-H1,,,contributing,CMP-2026-0001,,,,\r\n"
        "CMP-04,2026-H1,,,excluded,CMP-2026-0007,,not_due,未到期,not due yet\r\n"
        "CMP-04,2026-H1,,,excluded,SUR-2026-0001,R2,void,作废,void\r\n"
    )


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_holds_no_formula(begin: str) -> None:
    evil = replace(BARE, dimension="customer", slice=f'{begin}HYPERLINK("x")', shown="-5.00")
    (row,) = list(csv.DictReader(io.StringIO(results.as_csv([evil], Look()).removeprefix("\ufeff"), newline="")))
    assert row["slice"] == f'\'{begin}HYPERLINK("x")'
    assert row["value"] == "-5.00"


def test_every_result_format_has_a_function() -> None:
    assert {name: form([], Look()) for name, form in formats.RESULT_FORMATS.items()} == {
        "table": "没有可计算的指标。\nThere is no KPI to compute.\n",
        "json": "[]\n",
        "csv": results.as_csv([], Look()),
    }


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
