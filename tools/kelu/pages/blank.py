"""Blank: for each type of record a form to fill in — its fields, its states, and a text to begin from.

The text is made by asking the schema: it starts with what is always needed and takes in what the schema then still
finds missing, until nothing more is.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kelu.document import parse
from kelu.finding import Text
from kelu.pages.clause import page_of
from kelu.policy import Policy
from kelu.schema import Field, RecordSchema, Schemas
from kelu.schema.fields import resolve

FOLDER = "manual/forms"
_MISSING = {"SCH-02", "SCH-11"}
_INDEX = re.compile(r"\[[0-9]+\]")
_ROUNDS = 6
_ANY = "…"  # something has to stand there

# Of a pattern: so many digits, one of several words; and what is left when it is spelled out.
_DIGITS, _EITHER = re.compile(r"\[0-9[^\]]*\](?:\{(\d+)[^}]*\})?"), re.compile(r"\(([^()|]*)\|[^()]*\)")
_PLAIN = re.compile(r"[^\W\d][\w/-]*")
_SIMPLE = re.compile(r"[A-Za-z0-9/-]+")


@dataclass(frozen=True, slots=True)
class Line:
    """A field of the form. `needed` tells when it has to be filled in; `choices` are codes with their words."""

    depth: int
    name: str
    label: Text
    help: str
    kind: Text
    needed: Text | None
    always: bool
    choices: tuple[tuple[str, Text], ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a record's life; `source` is None where it makes the record."""

    source: Text | None
    target: Text
    roles: tuple[Text, ...]
    persons: tuple[Text, ...]
    jointly: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Blank:
    """The form of a record type. `packs` are the policies that rule it now: (title, page)."""

    type: str
    label: Text
    path: str
    packs: tuple[tuple[Text, str], ...]
    lines: tuple[Line, ...]
    steps: tuple[Step, ...]
    text: Text

    @property
    def page(self) -> str:
        return f"{FOLDER}/{self.type}.html"


def gather(schemas: Schemas, policy: Policy, words: Mapping[str, Any], today: datetime.date) -> list[Blank]:
    """The forms of all record types under the policies in force on a day."""
    return [_Desk(schemas, policy, words, today, schema).blank() for schema in schemas.records.values()]


class _Desk:
    """The making of one type's form."""

    def __init__(
        self, schemas: Schemas, policy: Policy, words: Mapping[str, Any], today: datetime.date, type_: RecordSchema
    ) -> None:
        self._schemas, self._policy, self._words, self._type = schemas, policy, words, type_
        self._node = schemas.raw[type_.name]
        own = policy.ruling(today, type_.domains)
        self._packs = tuple(own) or (policy.defaults,)
        self._everywhere = tuple(dict.fromkeys([*own, *policy.ruling(today)])) or (policy.defaults,)
        self._terms: dict[tuple[str, str], list[tuple[str, Text]]] = {}
        for pack, name, code, zh, en, _ in policy.vocabularies():
            self._terms.setdefault((pack, name), []).append((code, Text(zh, en)))
        self._year = today.year

    def blank(self) -> Blank:
        schema = self._type
        needed = self._needed()
        return Blank(
            schema.name,
            schema.label,
            schema.files,
            tuple((self._policy.packs[pack].title, f"{page_of(pack)}.html") for pack in self._packs),
            tuple(self._lines(schema.fields, self._node, 0, needed)),
            tuple(self._steps()),
            Text("\n".join(self._text(needed, "zh")) + "\n", "\n".join(self._text(needed, "en")) + "\n"),
        )

    # --- fields ---

    def _lines(self, fields: Sequence[Field], node: Mapping[str, Any], depth: int, needed: set[str]) -> Iterator[Line]:
        for item in fields:
            inner = self._inner(node, item)
            always = item.name in node.get("required", ())
            yield Line(
                depth, item.name, item.label, item.help, self._kind(item), self._when(item, needed, always), always,
                tuple(self._choices(item)),
            )  # fmt: skip
            yield from self._lines(item.children, _entries(inner, self._node), depth + 1, needed)

    def _inner(self, node: Mapping[str, Any], item: Field) -> dict[str, Any]:
        return resolve(node["properties"][item.name], self._node["$defs"])

    def _when(self, item: Field, needed: set[str], always: bool) -> Text | None:
        """When a field is needed: always, in a new record under conditions, or from a state on."""
        form = self._words["form"]
        if always:
            return Text.of(form["always"])
        if ".".join(item.pointer) in needed:
            return Text.of(form["conditional"])
        states = self._node.get("x-lifecycle", {}).get("states", {})
        asking = [state for state, mark in states.items() if item.name in mark.get("requires", {}).get("required", ())]
        if len(item.pointer) > 1 or not asking:
            return None
        label, since = self._type.states[asking[0]], Text.of(form["from_state"])
        return Text(since.zh.format(label.zh), since.en.format(label.en))

    def _kind(self, item: Field) -> Text:
        kinds, records = self._words["kind"], self._schemas.records
        names = [ref for ref in item.refs if ref != "void"]
        if names:
            named = Text.joined(
                (records[ref].label if ref in records else Text.of(kinds[ref]) for ref in names), "／", " / "
            )
            said = Text(kinds["id"]["zh"].format(named.zh), kinds["id"]["en"].format(named.en))
        else:
            said = Text.of(kinds[item.items or item.kind])
        many = kinds["list"]
        return Text(many["zh"].format(said.zh), many["en"].format(said.en)) if item.kind == "array" else said

    def _choices(self, item: Field) -> Iterator[tuple[str, Text]]:
        yield from item.enum.items()
        if item.vocabulary:
            packs = self._everywhere if item.vocabulary.shared else self._packs
            terms = (term for pack in packs for term in self._terms.get((pack, item.vocabulary.name), ()))
            yield from dict(terms).items()

    # --- states ---

    def _steps(self) -> Iterator[Step]:
        labels = {".".join(step for step in field.pointer if step != "[]"): field.label for field in self._type.walk()}
        for step in (*self._type.creation, *self._type.transitions):
            yield Step(
                self._type.states[step.source] if step.source else None,
                self._type.states[step.target],
                self._roles(step.roles),
                tuple(labels.get(person.replace("[]", ""), Text.same(person)) for person in step.persons),
                self._roles(step.jointly),
            )  # fmt: skip

    def _roles(self, roles: Sequence[str]) -> tuple[Text, ...]:
        """What the policy calls some roles, each name once."""
        return tuple(dict.fromkeys(self._policy.role(self._packs[0], role) for role in roles))

    # --- the text to begin from ---

    def _needed(self) -> set[str]:
        """What a new record needs beyond what each needs, by dotted name (`[]` for entries), as the schema asks."""
        needed: set[str] = set()
        for _ in range(_ROUNDS):
            raw = "\n".join(self._text(needed, "zh")).encode()
            data, faults = parse(raw, self._type.name)
            assert data is not None, faults
            found = self._schemas.explain(self._type.name, data, self._type.name, raw)
            more = {_INDEX.sub(".[]", item.field) for item in found if item.code in _MISSING} - needed
            if not more:
                break
            needed |= more
        return needed

    def _text(self, needed: set[str], language: str) -> Iterator[str]:
        yield from self._block(self._type.fields, self._node, needed, language, "")

    def _block(
        self, fields: Sequence[Field], node: Mapping[str, Any], needed: set[str], language: str, indent: str
    ) -> Iterator[str]:
        """The lines of a group of fields: those needed with a value, the others behind a `#`."""
        form = self._words["form"]
        for item in fields:
            inner, label = self._inner(node, item), item.label.zh if language == "zh" else item.label.en
            if item.name not in node.get("required", ()) and ".".join(item.pointer) not in needed:
                yield f"{indent}# {item.name}:  # {label}"
                continue
            said = f"  # {form['always'][language]} {label}"
            entries = _entries(inner, self._node)
            if item.kind == "object":
                yield f"{indent}{item.name}:{said}"
                yield from self._group(item, entries, needed, language, f"{indent}  ")
            elif item.kind == "array" and item.items == "object":
                yield f"{indent}{item.name}:{said}"
                lines = list(self._group(item, entries, needed, language, f"{indent}    "))
                first = next(i for i, line in enumerate(lines) if not _aside(line))
                yield from lines[:first]
                yield f"{indent}  - {lines[first].lstrip()}"
                yield from lines[first + 1 :]
            elif item.kind == "array":
                yield f"{indent}{item.name}: [{self._value(item, entries)}]{said}"
            else:
                yield f"{indent}{item.name}: {self._value(item, inner)}{said}"

    def _group(
        self, item: Field, node: Mapping[str, Any], needed: set[str], language: str, indent: str
    ) -> Iterator[str]:
        """The lines inside a field; where none of them is needed, the first is taken."""
        lines = list(self._block(item.children, node, needed, language, indent))
        if all(map(_aside, lines)):
            needed = needed | {".".join(item.children[0].pointer)}
            lines = list(self._block(item.children, node, needed, language, indent))
        yield from lines

    def _value(self, item: Field, node: Mapping[str, Any]) -> str:
        """What stands in a field until somebody fills it in."""
        if item.name == "status" and len(item.pointer) == 1:
            return self._type.initial[0]
        if item.name == "policy":
            return self._packs[0]
        if "const" in node:
            return str(node["const"])
        choice = next(self._choices(item), None)
        if choice is not None:
            return choice[0] if _PLAIN.fullmatch(choice[0]) else f'"{choice[0]}"'
        day = f"{self._year}-01-01"
        kind = item.items or item.kind
        plain = {"date": day, "moment": day, "datetime": f"{day}T09:00:00+08:00", "boolean": "false", "map": "{}"}
        if kind in ("integer", "number"):
            return str(node.get("minimum", node.get("exclusiveMinimum", -1) + 1))
        return plain.get(kind) or _spelled(node.get("pattern", ""), node.get("minLength", 1), self._year)


def _entries(node: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of what stands inside a field: of a list, its entries."""
    inner: Mapping[str, Any] = node.get("items", node)
    return resolve(dict(inner), whole["$defs"])


def _aside(line: str) -> bool:
    return line.lstrip().startswith("#")


def _spelled(pattern: str, length: int, year: int) -> str:
    """Something of a pattern's form: its digits and words spelled out, or any text of the length that obeys it."""
    said = _EITHER.sub(r"\1", pattern.removeprefix("^").removesuffix("$"))
    said = _EITHER.sub(r"\1", said).replace("(", "").replace(")", "")
    if said.count("[0-9]{4}-[0-9]") == 1:
        said = said.replace("[0-9]{4}-", f"{year}-", 1)
    said = _DIGITS.sub(lambda match: "0" * int(match[1] or 1), said)
    if _SIMPLE.fullmatch(said):
        return f'"{said}"' if said.isdigit() else said
    free = re.search(pattern, f"{_ANY} {_ANY}")
    return (
        _ANY * length
        if free
        else next((text for text in ("x" * length, f"{year}-x") if re.search(pattern, text)), _ANY)
    )
