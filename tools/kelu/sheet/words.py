"""Words: what codes are called in a sheet, and which code is meant by what somebody wrote there.

A name stands for a code only where it names no other; otherwise the code itself is shown.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from kelu.finding import Text
from kelu.policy import Policy
from kelu.privacy import Directory
from kelu.schema import Field
from kelu.sheet.grid import plain

YES, NO = "是", "否"
_BOOLEANS = {
    **dict.fromkeys(("是", "√", "✓", "✔", "有", "true", "yes", "y"), True),
    **dict.fromkeys(("否", "×", "✗", "✘", "无", "false", "no", "n"), False),
}
_MOST = 1000  # choices that a drop-down may offer; more is no help

Labels = Mapping[str, Text]


@dataclass(frozen=True, slots=True)
class Words:
    """Names of codes, under the pack of a record where packs differ."""

    names: Directory
    policy: Policy
    _scopes: dict[tuple[str, ...], Labels] = field(default_factory=dict)
    _shown: dict[tuple[str, ...], Mapping[str, str]] = field(default_factory=dict)
    _meant: dict[tuple[str, ...], Mapping[str, str | None]] = field(default_factory=dict)

    def shown(self, item: Field, code: str, pack: str, *, grade: bool = False) -> str:
        """What a cell says for a code."""
        if item.refs:
            return " ".join(filter(None, (code, self._name(code))))
        scope = self._scope(item, pack, grade)
        if scope not in self._shown:
            self._shown[scope] = {key: _own(key, text.zh, self._scopes[scope]) for key, text in self._labels(scope)}
        return self._shown[scope].get(code, code)

    def meant(self, item: Field, said: str, pack: str, *, grade: bool = False) -> str | None:
        """The code that somebody means; None where there is no such name or code in a closed list."""
        if item.refs:
            return self._reference(item, said)
        scope = self._scope(item, pack, grade)
        if scope not in self._meant:
            found: dict[str, str | None] = {}
            for key, text in self._labels(scope):
                for name in {plain(text.zh), plain(text.en), plain(f"{text.zh}（{key}）")}:
                    found[name] = None if found.get(name, key) != key else key
            self._meant[scope] = {**found, **{plain(key): key for key, _ in self._labels(scope)}}
        return self._meant[scope].get(plain(said))

    def closed(self, item: Field, *, grade: bool = False) -> bool:
        """Whether a field takes nothing but what a list holds."""
        return grade or bool(item.enum or item.vocabulary)

    def options(self, item: Field, packs: Iterable[str], *, grade: bool = False) -> list[str]:
        """What a cell of a column offers to choose from, under any of some packs."""
        if item.kind == "boolean":
            return [YES, NO]
        if item.refs:
            known = [*self.names.staff, *self.names.contacts, *(key for key, t in self.names.titles.items() if t.title)]
            found = [self.shown(item, code, "") for code in known if self._fits(item, code)]
        elif self.closed(item, grade=grade):
            found = [
                self.shown(item, code, pack, grade=grade)
                for pack in packs
                for code, _ in self._labels(self._scope(item, pack, grade))
            ]
        else:
            found = []
        found = list(dict.fromkeys(found))
        return found if len(found) <= _MOST else []

    def near(self, item: Field, pack: str, *, grade: bool = False) -> list[str]:
        """What may be written instead of something unknown."""
        return [self.shown(item, code, pack, grade=grade) for code, _ in self._labels(self._scope(item, pack, grade))]

    def items(self, packs: Collection[str] | None = None) -> Labels:
        """The items of all questionnaires, or of those of some packs, by key; one that templates call differently has
        all its names."""
        columns, rows = self.policy.tables()["template_item"]
        pack, key, zh, en = (list(columns).index(name) for name in ("pack", "item", "zh", "en"))
        found: dict[str, dict[Text, None]] = {}
        for row in rows:
            if packs is None or row[pack] in packs:
                found.setdefault(row[key], {})[Text(row[zh], row[en])] = None
        return {item: Text.joined(names, "/", "/") for item, names in found.items()}

    def _scope(self, item: Field, pack: str, grade: bool) -> tuple[str, ...]:
        """What names are looked for in; its labels are worked out once."""
        words = item.vocabulary
        scope = ("grade", pack) if grade else ("enum", *item.pointer) if item.enum else ("term", str(words), pack)
        if scope not in self._scopes:
            if grade:
                found = {code: text for (owner, code), text in self.names.grades.items() if owner == pack}
            elif item.enum or words is None:
                found = dict(item.enum)
            else:
                owners = ("", pack) if words.shared else (pack,)
                found = {
                    code: text
                    for owner in owners
                    for (held, name, code), text in self.names.terms.items()
                    if (held, name) == (owner, words.name)
                }
            self._scopes[scope] = found
        return scope

    def _labels(self, scope: tuple[str, ...]) -> Iterator[tuple[str, Text]]:
        yield from self._scopes[scope].items()

    def _name(self, code: str) -> str:
        """What a thing referred to is called: nothing where its title is a sentence that may tell of people."""
        if code in self.names.contacts:
            contact = self.names.contacts[code]
            return " ".join(filter(None, (contact.name, contact.position)))
        if code in self.names.titles:
            return self.names.titles[code].title
        return self.names.staff.get(code, "")

    def _reference(self, item: Field, said: str) -> str | None:
        """An id with or without the name behind it, or a name that only one has."""
        text = unicodedata.normalize("NFKC", said).strip()
        first = text.split(None, 1)[0].upper()
        if first in self.names.contacts or first in self.names.staff or first in self.names.titles or _is_id(first):
            return first
        scope = ("ref", *item.refs)
        if scope not in self._meant:
            found: dict[str, str | None] = {}
            known = [*self.names.staff, *self.names.titles]
            for code in (code for code in known if self._fits(item, code) and self._name(code)):
                name = plain(self._name(code))
                found[name] = None if name in found else code
            self._meant[scope] = found
        return self._meant[scope].get(plain(said))

    def _fits(self, item: Field, code: str) -> bool:
        """Whether a field may refer to a thing."""
        if code in self.names.titles:
            return self.names.titles[code].type in item.refs or "record" in item.refs
        return ("contact" if code in self.names.contacts else "staff") in item.refs


def boolean(said: str) -> bool | None:
    """是, √, true … → true; None for what is neither."""
    return _BOOLEANS.get(plain(said))


def _own(code: str, label: str, labels: Labels) -> str:
    return label if [text.zh for text in labels.values()].count(label) == 1 else code


def _is_id(text: str) -> bool:
    head, dash, rest = text.partition("-")
    return bool(dash and rest) and head.isascii() and head.isalpha() and rest[0].isdigit()
