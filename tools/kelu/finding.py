"""Findings: what is wrong, where, and what to do about it — as values, in Chinese and English.

A finding is never an exception. `Catalogue` turns a code and the particulars of one case into a finding; the
texts come from `findings.yaml`, which `document` reads.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SHOWN = 80  # characters of a value that a message repeats
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})  # categories that would spoil a terminal or a log line


@dataclass(frozen=True, slots=True)
class Text:
    """The same words in Chinese and in English."""

    zh: str
    en: str

    @classmethod
    def of(cls, words: Mapping[str, str]) -> Text:
        """A label as YAML and schemas write it: {zh, en}."""
        return cls(words["zh"], words["en"])

    @classmethod
    def same(cls, words: str) -> Text:
        """What is said alike in both: a name, a number."""
        return cls(words, words)

    @classmethod
    def joined(cls, parts: Iterable[Text], zh: str = "、", en: str = ", ") -> Text:
        """Several as one, with what stands between them."""
        held = tuple(parts)
        return cls(zh.join(part.zh for part in held), en.join(part.en for part in held))


class Severity(StrEnum):
    """`ERROR` refuses a change; `WARNING` asks someone to look."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault at one place.

    `path` is relative to the repository; `line` and `column` count from 1, columns in characters; `field` is a
    place in the data as `document.field_text` writes it (empty: the whole file); `value` is what was found
    there, shortened and made printable; `commit` is the full name of the commit that did it, where one did. Sorts by
    path, line, column, code.
    """

    code: str
    severity: Severity
    path: str
    line: int
    column: int
    field: str
    message: Text
    hint: Text
    value: str | None = None
    commit: str = ""

    def __lt__(self, other: Finding) -> bool:
        return self._order() < other._order()

    def _order(self) -> tuple[str, int, int, str, str, str]:
        return self.path, self.line, self.column, self.code, self.field, self.message.zh


@dataclass(frozen=True, slots=True)
class Entry:
    """What the catalogue says of one code. `words` translates values of a placeholder: {name: {value: Text}}."""

    code: str
    severity: Severity
    title: Text
    message: Text
    hint: Text
    why: Text
    bad: str
    good: str
    words: Mapping[str, Mapping[str, Text]]


class Catalogue:
    """The engine's codes. `data` is the content of findings.yaml: {code: {severity?, title, message, …}}."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._entries = {code: _entry(code, entry) for code, entry in data.items()}

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __getitem__(self, code: str) -> Entry:
        return self._entries[code]

    def make(
        self, code: str, path: str, line: int, column: int, field: str = "", value: object = None, **words: object
    ) -> Finding:
        """The finding for one case. `words` fill the placeholders; `x_en`, where given, is the English of `x`.

        Raises KeyError for a code that the catalogue lacks. A placeholder without a word stays visible.
        """
        entry = self._entries[code]
        seen = None if value is None else shown(value)
        words = {"path": path, "field": field, "value": "" if seen is None else seen, **words}
        return Finding(
            code=code, severity=entry.severity, path=path,
            line=line, column=column, field=shown(field, 4 * SHOWN),
            message=_filled(entry, entry.message, words), hint=_filled(entry, entry.hint, words), value=seen,
        )  # fmt: skip


def shown(value: object, limit: int = SHOWN) -> str:
    """A value as one printable line: control, bidirectional and private characters escaped, at most `limit` long."""
    text = str(value)
    cut = text[: limit + 1]
    safe = "".join(_escaped(char) for char in cut)
    return safe if len(safe) <= limit and len(text) <= limit else safe[: limit - 1] + "…"


def _escaped(char: str) -> str:
    if unicodedata.category(char) not in _HIDDEN:
        return char
    return char.encode("unicode_escape").decode("ascii")


def _filled(entry: Entry, template: Text, words: Mapping[str, object]) -> Text:
    def fill(text: str, english: bool) -> str:
        def word(match: re.Match[str]) -> str:
            name = match[1]
            value = words.get(name + "_en", words.get(name)) if english else words.get(name)
            if value is None:
                return match[0]
            known = entry.words.get(name, {}).get(str(value))
            value = known if known is not None else value
            if isinstance(value, Text):
                return value.en if english else value.zh
            return shown(value, 4 * SHOWN)

        return _PLACEHOLDER.sub(word, text)

    return Text(fill(template.zh, english=False), fill(template.en, english=True))


def _entry(code: str, data: Mapping[str, Any]) -> Entry:
    def text(part: Mapping[str, str]) -> Text:
        return Text(part["zh"], part["en"])

    return Entry(
        code=code,
        severity=Severity(data.get("severity", "error")),
        title=text(data["title"]),
        message=text(data["message"]),
        hint=text(data["hint"]),
        why=text(data["why"]),
        bad=data["bad"],
        good=data["good"],
        words={
            name: {value: text(part) for value, part in values.items()}
            for name, values in data.get("words", {}).items()
        },
    )
