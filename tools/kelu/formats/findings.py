"""Findings, for people and for the programs that show them: terminals, forges, SARIF viewers."""

from __future__ import annotations

import hashlib
import itertools
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kelu import __version__, catalogue
from kelu.finding import Finding, Severity, Text
from kelu.formats.words import Paint, dump, pair, plain, spoken, unpainted

if TYPE_CHECKING:
    from kelu.check import Report

_SEVERITIES = {Severity.ERROR: Text("错误", "error"), Severity.WARNING: Text("警告", "warning")}
_FOUND, _HINT = Text("现为：", "Found: "), Text("提示：", "Hint: ")
_SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


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


# --- for people ---------------------------------------------------------------------------------


def text(report: Report, lang: str = "both", paint: Paint = unpainted) -> str:
    """One block a finding, opened by `path:line:column severity code`; files set apart; a summary at the end."""
    groups = [
        "\n".join(line for item in items for line in _block(item, lang, paint))
        for _, items in itertools.groupby(report.findings, key=lambda item: item.path)
    ]
    role = "error" if report.errors else "warning" if report.warnings else "good"
    closing = zip(spoken(summary(report), lang), (role, "dim"), strict=False)
    return "\n\n".join([*groups, "\n".join(paint(words, tone) for words, tone in closing)]) + "\n"


def _block(item: Finding, lang: str, paint: Paint) -> Iterator[str]:
    message, *translated = spoken(item.message, lang)
    head = [
        paint(plain(f"{item.path}:{item.line}:{item.column}"), "path"),
        paint(spoken(_SEVERITIES[item.severity], lang)[0], item.severity.value),
        paint(plain(item.code), "code"),
    ]
    if item.field not in message:  # rules name what is wrong, not where
        head.append(plain(item.field))
    yield " ".join([*head, plain(message)])
    for words in translated:
        yield "    " + paint(plain(words), "dim")
    if item.value is not None and item.value not in message:
        yield "    " + spoken(_FOUND, lang)[0] + plain(item.value)
    for label, words, role in zip(spoken(_HINT, lang), spoken(item.hint, lang), ("", "dim"), strict=False):
        if words:
            yield "    " + paint(label + plain(words), role)


# --- for programs -------------------------------------------------------------------------------


def as_json(report: Report, lang: str = "both", paint: Paint = unpainted) -> str:
    """`{"findings": […], "summary": {"records", "errors", "warnings"}}`, always in both languages."""
    return dump(
        {
            "findings": [
                {
                    "code": item.code, "severity": item.severity.value, "path": item.path, "line": item.line,
                    "column": item.column, "field": item.field, "value": item.value,
                    "message": pair(item.message), "hint": pair(item.hint),
                    **({"commit": item.commit} if item.commit else {}),
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
    return dump({"$schema": _SARIF, "version": "2.1.0", "runs": [run]})


def _rule(code: str, example: Finding, lang: str) -> dict[str, Any]:
    """What SARIF says of a code: the engine's from the catalogue, a pack's rule from its title and hint."""
    try:
        entry = catalogue.entry(code)
    except KeyError:
        title, why, level = example.message, example.message, example.severity
        more = [words for words in spoken(example.hint, lang) if words]
    else:  # its hint is a template, filled only for a case
        title, why, level = entry.title, entry.why, entry.severity
        more = [f"✗\n{entry.bad.rstrip()}", f"✓\n{entry.good.rstrip()}"]
    return {
        "id": code,
        "shortDescription": {"text": _unlinked("\n".join(spoken(title, lang)))},
        "fullDescription": {"text": _unlinked("\n".join(spoken(why, lang)))},
        "help": {"text": _unlinked("\n\n".join([*spoken(why, lang), *more]))},
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
    return "\n".join([*lines, *spoken(summary(report), lang)]) + "\n"


def _command(words: str, also: str = "") -> str:
    """The escapes of GitHub's workflow commands: `%` and line ends, in properties `:` and `,` too."""
    return "".join(f"%{ord(char):02X}" if char in "%\r\n" + also else char for char in words)


def gitlab(report: Report, lang: str = "both", paint: Paint = unpainted) -> str:
    """GitLab's code quality report: a list with one entry a finding."""
    return dump(
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
    return [*spoken(item.message, lang), *(words for words in spoken(item.hint, lang) if words)]


def _unlinked(words: str) -> str:
    """SARIF 2.1.0 §3.11: braces are placeholders unless doubled, and `[words](target)` would be a link."""
    return words.replace("{", "{{").replace("}", "}}").replace("](", "] (")


def _uri(path: str) -> str:
    return urllib.parse.quote(path, errors="surrogateescape")
