"""Syntax: turns a parser's error into what the writer of the file most likely did, and points there.

The parser notices many slips only later: a full-width colon shows up as a fault of the next line. Each function
below knows one slip and answers with a fault or None; the first answer counts, the parser's own words are last.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from kelu.document.fault import Fault, line_column

Mark = tuple[int, int]  # line and column from 0, as parsers count


class Last(NamedTuple):
    """The scalar read last before the error."""

    start: Mark
    end: Mark
    quoted: bool


class Trouble(NamedTuple):
    """A parser's error: what it says, where; what it was doing, since where; and the file's lines."""

    lines: list[str]
    problem: str
    at: Mark
    context: str
    since: Mark | None
    last: Last | None

    def line(self, number: int) -> str:
        return self.lines[number] if 0 <= number < len(self.lines) else ""

    def suspects(self) -> list[int]:
        """Lines to look at, likeliest first."""
        first = [self.since[0]] if self.since and "simple key" in self.context else []
        return list(dict.fromkeys([*first, self.at[0], self.at[0] - 1]))

    def here(self) -> str:
        return self.line(self.at[0])[self.at[1] :]


_CONFLICT = re.compile(r"^(?:<{7}|>{7}|\|{7})(?: |$)", re.MULTILINE)
_WIDE_COLON = re.compile(r"\s*(?:- +)*[\"']?[\w.\-/]+[\"']?\s*：")  # at the start of a line
_WIDE_IN_FLOW = re.compile(r"[{,\[]\s*[\"']?[a-z_][a-z0-9_]*[\"']?\s*：")
_TIGHT_COLON = re.compile(r"\s*(?:- +)*[A-Za-z_]\w*:(?=[^\s:/])")
_GLUED = re.compile(r"[a-z_][a-z0-9_]*(?:[ ]*(：)|:(?=[^\s:/]))")
_KEY = re.compile(r"\s*(?:- +)*[^\s#:\"'\[{][^#:\"'\[{]*:\s+")
_WIDE_BLANK = re.compile(r"^[ ]*[　\u00a0]")


def explain(trouble: Trouble) -> Fault:
    """The likeliest slip behind a parser's error."""
    for slip in _SLIPS:
        fault = slip(trouble)
        if fault is not None:
            return fault
    return _at(trouble.at, "YAML-01", detail=f"{trouble.context} {trouble.problem}".strip())


def glued(text: str) -> tuple[str | None, int]:
    """Whether text reads like a field whose colon is full-width or lacks its blank: the code, and where it is."""
    match = _GLUED.match(text)
    if match is None:
        return None, 0
    return ("YAML-02" if match[1] else "YAML-03"), match.end() - 1


def conflict(text: str) -> Fault | None:
    """The first marker that Git left of a merge that nobody finished."""
    match = _CONFLICT.search(text)
    return Fault("GIT-01", *line_column(text, match.start())) if match else None


def _at(place: Mark, code: str, /, **words: str) -> Fault:
    return Fault(code, place[0] + 1, place[1] + 1, words=tuple(words.items()))


def _wide_colon(t: Trouble) -> Fault | None:
    for number in t.suspects():
        match = _WIDE_COLON.match(t.line(number))
        if match and _outside_last(t, (number, match.end() - 1)):
            return _at((number, match.end() - 1), "YAML-02", seen="：", wanted=": ")
    return None


def _wide_in_flow(t: Trouble) -> Fault | None:
    if "flow" not in t.context or t.since is None:
        return None
    for number in range(t.since[0], t.at[0] + 1):
        line = t.line(number)
        match = _WIDE_IN_FLOW.search(line)
        if match:
            return _at((number, match.end() - 1), "YAML-02", seen="：", wanted=": ")
    head = t.line(t.at[0])[: t.at[1]]
    comma = max(head.rfind("，"), head.rfind("、"))
    if comma >= 0 and (t.since[0] < t.at[0] or comma > t.since[1]):
        return _at((t.at[0], comma), "YAML-02", seen=head[comma], wanted=", ")
    return None


def _tight_colon(t: Trouble) -> Fault | None:
    if "could not find expected ':'" not in t.problem and "mapping values" not in t.problem:
        return None
    for number in t.suspects():
        match = _TIGHT_COLON.match(t.line(number))
        if match and _outside_last(t, (number, match.end() - 1)):
            return _at((number, match.end() - 1), "YAML-03", slip="space")
    return None


def _no_colon(t: Trouble) -> Fault | None:
    if "could not find expected ':'" in t.problem and t.since is not None:
        return _at(t.since, "YAML-03", slip="colon")
    return None


def _nameless(t: Trouble) -> Fault | None:
    line = t.line(t.at[0])
    start = len(line) - len(line.lstrip())
    return _at((t.at[0], start), "YAML-23") if re.match(r":(?:\s|$)", line[start:]) else None


def _tab(t: Trouble) -> Fault | None:
    return _at(t.at, "YAML-04") if "tab character" in t.problem or t.here().startswith("\t") else None


def _unbalanced(t: Trouble) -> Fault | None:
    if "quoted scalar" in t.context and "unexpected" in t.problem and t.since:
        return _at(t.since, "YAML-05", slip="open", mark=t.line(t.since[0])[t.since[1] : t.since[1] + 1])
    if t.last and t.last.quoted and t.last.start[0] < t.last.end[0] and t.at[0] == t.last.end[0]:
        start = t.last.start  # a quote meant to end earlier was closed by the next one
        return _at(start, "YAML-05", slip="open", mark=t.line(start[0])[start[1] : start[1] + 1])
    if t.here()[:1] and t.here()[0] in "]}":
        return _at(t.at, "YAML-05", slip="extra", mark=t.here()[0])
    if "flow" in t.context and t.since and (t.since[0] < t.at[0] or not t.here().strip()):
        return _at(t.since, "YAML-05", slip="open", mark=t.line(t.since[0])[t.since[1] : t.since[1] + 1])
    return None


def _escape(t: Trouble) -> Fault | None:
    return _at(t.at, "YAML-25") if "escape" in t.problem else None


def _directive(t: Trouble) -> Fault | None:
    return _at(t.since or t.at, "YAML-10", seen="%") if "directive" in t.context + t.problem else None


def _needs_quotes(t: Trouble) -> Fault | None:
    start = t.since or t.at
    if "tag handle" in t.problem:
        return _at(t.since or t.at, "YAML-10", seen="!")
    if any(thing in t.context for thing in ("an alias", "an anchor", "a tag")):
        return _at(start, "YAML-06", seen=t.line(start[0])[start[1] : start[1] + 1])
    if "block scalar" in t.context:
        return _at(start, "YAML-06", seen=t.line(start[0])[start[1] : start[1] + 1])
    if "cannot start any token" in t.problem or "sequence entries" in t.problem or "mapping keys" in t.problem:
        return _at(t.at, "YAML-06", seen=t.here()[:1])
    line = t.line(t.at[0])
    if "mapping values" in t.problem and _KEY.match(line[: t.at[1]]):
        return _at(t.at, "YAML-06", seen=": ")
    before = line[: t.at[1]].rstrip()
    if ("expected key" in t.problem or "<block end>" in t.problem) and before[-1:] and before[-1] in "\"']}":
        return _at(t.at, "YAML-06", seen={"]": "[", "}": "{"}.get(before[-1], before[-1]))
    return None


def _comma(t: Trouble) -> Fault | None:
    return _at(t.at, "YAML-05", slip="comma", mark=",") if "flow" in t.context and "expected ','" in t.problem else None


def _indentation(t: Trouble) -> Fault | None:
    for number in t.suspects():
        if _WIDE_BLANK.match(t.line(number)):
            return _at((number, 0), "YAML-07", slip="blank")
    expected = "expected key" in t.problem or "'-' indicator" in t.problem or "<block end>" in t.problem
    if expected or "mapping values" in t.problem or "indentation" in t.problem:
        return _at(t.at, "YAML-07", slip="column")
    return None


def _outside_last(t: Trouble, mark: Mark) -> bool:
    """Whether a place is not inside quotes that were read as text."""
    return not (t.last and t.last.quoted and t.last.start <= mark < t.last.end)


_SLIPS: tuple[Callable[[Trouble], Fault | None], ...] = (
    _tab, _nameless, _unbalanced, _wide_colon, _wide_in_flow, _tight_colon, _no_colon, _escape, _directive,
    _needs_quotes, _comma, _indentation,
)  # fmt: skip
