"""Formats: findings and KPI results as text, JSON, SARIF, annotations of GitHub and GitLab, tables and CSV.

Each format is a pure function from results to text, found by its name in a table; equal results give equal
bytes. What records say is not trusted: where a terminal, a CI log or a spreadsheet would act on it, it is
shown instead.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kelu import __version__, catalogue
from kelu.finding import Finding, Severity, Text

if TYPE_CHECKING:  # a type is no reason to wait for the database when only the names of the formats are asked
    from kelu.check import Report

Paint = Callable[[str, str], str]  # (words, role) -> words; roles: error warning good path code dim
Format = Callable[["Report", str, Paint], str]  # (report, zh | en | both, paint) -> text; only `text` paints

_SEVERITIES = {Severity.ERROR: Text("错误", "error"), Severity.WARNING: Text("警告", "warning")}
_FOUND, _HINT = Text("现为：", "Found: "), Text("提示：", "Hint: ")
_SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def plain(words: str) -> str:
    """The words on one line; every character that a terminal or a log would act upon is written as an escape."""
    return catalogue.shown(words.strip(), len(words) * 10 + 1)


def unpainted(words: str, role: str) -> str:
    """The words as they are."""
    return words


def summary(report: Report) -> Text:
    """How many records were seen and what was found."""
    records, errors, warnings = report.records, report.errors, report.warnings
    if not report.findings:
        return Text(f"已检查 {records} 份记录，没有发现问题。", f"{_count(records, 'record')} checked, nothing found.")
    return Text(
        f"已检查 {records} 份记录：{errors} 个错误，{warnings} 个警告。",
        f"{_count(records, 'record')} checked: {_count(errors, 'error')}, {_count(warnings, 'warning')}.",
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _spoken(words: Text, lang: str) -> list[str]:
    return {"zh": [words.zh], "en": [words.en], "both": [words.zh, words.en]}[lang]


# --- findings for people ---------------------------------------------------------------------------------


def text(report: Report, lang: str = "both", paint: Paint = unpainted) -> str:
    """One block a finding, opened by `path:line:column severity code`; files set apart; a summary at the end."""
    groups = [
        "\n".join(line for item in items for line in _block(item, lang, paint))
        for _, items in itertools.groupby(report.findings, key=lambda item: item.path)
    ]
    role = "error" if report.errors else "warning" if report.warnings else "good"
    spoken = zip(_spoken(summary(report), lang), (role, "dim"), strict=False)
    return "\n\n".join([*groups, "\n".join(paint(words, role) for words, role in spoken)]) + "\n"


def _block(item: Finding, lang: str, paint: Paint) -> Iterator[str]:
    message, *translated = _spoken(item.message, lang)
    head = [
        paint(plain(f"{item.path}:{item.line}:{item.column}"), "path"),
        paint(_spoken(_SEVERITIES[item.severity], lang)[0], item.severity.value),
        paint(plain(item.code), "code"),
    ]
    if item.field not in message:  # rules name what is wrong, not where
        head.append(plain(item.field))
    yield " ".join([*head, plain(message)])
    for words in translated:
        yield "    " + paint(plain(words), "dim")
    if item.value is not None and item.value not in message:
        yield "    " + _spoken(_FOUND, lang)[0] + plain(item.value)
    for label, words, role in zip(_spoken(_HINT, lang), _spoken(item.hint, lang), ("", "dim"), strict=False):
        if words:
            yield "    " + paint(label + plain(words), role)


# --- findings for programs -------------------------------------------------------------------------------


def as_json(report: Report, lang: str = "both", paint: Paint = unpainted) -> str:
    """`{"findings": […], "summary": {"records", "errors", "warnings"}}`, always in both languages."""
    return _dump(
        {
            "findings": [
                {
                    "code": item.code, "severity": item.severity.value, "path": item.path, "line": item.line,
                    "column": item.column, "field": item.field, "value": item.value,
                    "message": _pair(item.message), "hint": _pair(item.hint),
                }
                for item in report.findings
            ],
            "summary": {"records": report.records, "errors": report.errors, "warnings": report.warnings},
        }
    )  # fmt: skip


def sarif(report: Report, lang: str = "both", paint: Paint = unpainted) -> str:
    """A SARIF 2.1.0 log (OASIS): a rule with its help for each code found, a region for each finding."""
    codes = {item.code: item for item in reversed(report.findings)}
    order = sorted(codes)
    results = [
        {
            "ruleId": item.code,
            "ruleIndex": order.index(item.code),
            "level": item.severity.value,
            "message": {"text": _unlinked("\n".join(_lines(item, lang)))},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": _uri(item.path), "uriBaseId": "%SRCROOT%"},
                        "region": {"startLine": item.line, "startColumn": item.column},
                    },
                    **({"logicalLocations": [{"fullyQualifiedName": item.field}]} if item.field else {}),
                }
            ],
            "partialFingerprints": {"kelu/v1": mark},
        }
        for item, mark in fingerprints(report)
    ]
    driver = {
        "name": "kelu",
        "version": __version__,
        "semanticVersion": __version__,
        "language": "en-US" if lang == "en" else "zh-CN",
        "rules": [_rule(code, codes[code], lang) for code in order],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {"records": report.records},
    }
    return _dump({"$schema": _SARIF, "version": "2.1.0", "runs": [run]})


def _rule(code: str, example: Finding, lang: str) -> dict[str, Any]:
    """What SARIF says of a code: the engine's from the catalogue, a pack's rule from its title and hint."""
    try:
        entry = catalogue.entry(code)
    except KeyError:
        title, why, level = example.message, example.message, example.severity
        more = [words for words in _spoken(example.hint, lang) if words]
    else:  # its hint is a template, filled only for a case
        title, why, level = entry.title, entry.why, entry.severity
        more = [f"✗\n{entry.bad.rstrip()}", f"✓\n{entry.good.rstrip()}"]
    return {
        "id": code,
        "shortDescription": {"text": _unlinked("\n".join(_spoken(title, lang)))},
        "fullDescription": {"text": _unlinked("\n".join(_spoken(why, lang)))},
        "help": {"text": _unlinked("\n\n".join([*_spoken(why, lang), *more]))},
        "defaultConfiguration": {"level": level.value},
    }


def github(report: Report, lang: str = "both", paint: Paint = unpainted) -> str:
    """Workflow commands that annotate the lines of a pull request, then the summary as plain lines."""
    lines = []
    for item in report.findings:
        title = f"{item.code} {item.field}".strip()
        where = {"file": item.path, "line": str(item.line), "col": str(item.column), "title": title}
        properties = ",".join(f"{key}={_command(plain(value), ':,')}" for key, value in where.items())
        lines.append(f"::{item.severity.value} {properties}::{_command(chr(10).join(map(plain, _lines(item, lang))))}")
    return "\n".join([*lines, *_spoken(summary(report), lang)]) + "\n"


def _command(words: str, also: str = "") -> str:
    """The escapes of GitHub's workflow commands: `%` and line ends, in properties `:` and `,` too."""
    return "".join(f"%{ord(char):02X}" if char in "%\r\n" + also else char for char in words)


def gitlab(report: Report, lang: str = "both", paint: Paint = unpainted) -> str:
    """GitLab's code quality report: a list with one entry a finding."""
    return _dump(
        [
            {
                "description": "\n".join(_lines(item, lang)),
                "check_name": item.code,
                "fingerprint": mark,
                "severity": "major" if item.severity is Severity.ERROR else "minor",
                "location": {"path": item.path, "lines": {"begin": item.line}},
            }
            for item, mark in fingerprints(report)
        ]
    )


def fingerprints(report: Report) -> Iterator[tuple[Finding, str]]:
    """Each finding with an id of its own (64 hex digits) that stays when lines move or texts are reworded."""
    seen: Counter[tuple[str, ...]] = Counter()
    for item in report.findings:
        identity = (item.code, item.path, item.field, item.value or "")
        words = "\0".join([*identity, str(seen[identity])])
        seen[identity] += 1
        yield item, hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()


def _lines(item: Finding, lang: str) -> list[str]:
    """Message and hint, line by line."""
    return [*_spoken(item.message, lang), *(words for words in _spoken(item.hint, lang) if words)]


def _unlinked(words: str) -> str:
    """SARIF 2.1.0 §3.11: braces are placeholders unless doubled, and `[words](target)` would be a link."""
    return words.replace("{", "{{").replace("}", "}}").replace("](", "] (")


def _uri(path: str) -> str:
    return urllib.parse.quote(path, errors="surrogateescape")


def _pair(words: Text) -> dict[str, str]:
    return {"zh": words.zh, "en": words.en}


def _dump(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


FORMATS: Mapping[str, Format] = {
    "text": text,
    "json": as_json,
    "sarif": sarif,
    "github": github,
    "gitlab": gitlab,
}
