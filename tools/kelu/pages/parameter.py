"""Parameters in words: what a pack calls their keys and values, and which of them a definition leans on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from kelu import trace
from kelu.finding import Text
from kelu.policy import Policy
from kelu.schema import Schemas
from kelu.schema.fields import resolve

_ASKED = re.compile(r"\bparam(?:_has)?\([^']*?, *'([^']+)'")
_SOURCE = re.compile(r"\b(?:from|join)\b:?\s+([a-z_]+)", re.IGNORECASE)
_COMMENT = re.compile(r"--[^\n]*")


@dataclass(frozen=True, slots=True)
class Setting:
    """A parameter that a definition uses; `own` tells whether its pack says so itself."""

    key: str
    label: Text
    value: Text
    own: bool


class Wording:
    """What keys and values of parameters stand for; `words` are the site's."""

    def __init__(self, policy: Policy, schemas: Schemas, words: Mapping[str, Any]) -> None:
        self._policy, self._schemas, self._words = policy, schemas, words
        self._codes = cache(self._read_codes)
        self.roles = cache(self._read_roles)

    def steps(self, pack: str, key: str) -> list[Text]:
        """What each step of a parameter's dotted key stands for."""
        codes = self._codes(pack)
        return [codes.get(step.zh, step) for step, _ in trace.labelled(self._schemas, "parameters", key)]

    def value(self, pack: str, key: str, value: str) -> Text:
        """A parameter's value as its pack says it."""
        if value in self._words["boolean"]:
            return Text.of(self._words["boolean"][value])
        if value in ("", "none"):
            return Text.of(self._words["policy"]["nothing"])
        _, node = trace.labelled(self._schemas, "parameters", key)[-1]
        known = {**self._codes(pack), **self.labels(node), **self.roles(pack)}
        return Text.joined(known.get(part) or Text.same(part) for part in value.split(","))

    def named(self, field: str, code: str) -> Text:
        """The label of a code that a field of pack.yaml holds."""
        ((_, node),) = trace.labelled(self._schemas, "", field)
        return self.labels(node).get(code) or Text.same(code)

    def labels(self, node: Mapping[str, Any]) -> dict[str, Text]:
        """The labels of the codes that a value, or each of a list, can have."""
        items = resolve(node.get("items", {}), self._schemas.raw["pack"]["$defs"])
        return {code: Text.of(words) for code, words in (node.get("x-labels") or items.get("x-labels", {})).items()}

    def _read_roles(self, pack: str) -> dict[str, Text]:
        known = self._schemas.raw["pack"]["properties"]["roles"]["properties"]
        return {code: self._policy.role(pack, code) for code in known}

    def _read_codes(self, pack: str) -> dict[str, Text]:
        """What codes in a pack's parameters stand for: criteria, kinds of records, terms of its vocabularies, roles."""
        fields = [field for schema in self._schemas.records.values() for field in schema.walk()]
        return {
            **{field.name: field.label for field in fields if field.kind == "boolean"},
            **{code: label for field in fields if field.name == "kind" for code, label in field.enum.items()},
            **{code: Text(zh, en) for of, _, code, zh, en, _ in self._policy.vocabularies() if of == pack},
            **self.roles(pack),
        }


class Settings:
    """The parameters of every pack of a policy."""

    def __init__(self, policy: Policy, schemas: Schemas, words: Mapping[str, Any]) -> None:
        self._wording = Wording(policy, schemas, words)
        self._held = {(pack, key): (value, origin) for pack, key, value, origin in policy.parameters()}
        self._views = dict(policy.views)

    def used(self, sql: str, pack: str) -> tuple[Setting, ...]:
        """Those that SQL of a pack asks for, itself or through the views it names, in that order."""
        return self.of(pack, dict.fromkeys(self._keys(sql, set())))

    def of(self, pack: str, keys: Iterable[str]) -> tuple[Setting, ...]:
        """Those of some keys that a pack has."""
        return tuple(
            Setting(
                key,
                Text.joined(self._wording.steps(pack, key), " · ", " · "),
                self._wording.value(pack, key, value),
                origin == pack,
            )
            for key in keys
            if (pack, key) in self._held
            for value, origin in [self._held[pack, key]]
        )

    def _keys(self, sql: str, seen: set[str]) -> Iterator[str]:
        sql = _COMMENT.sub("", sql)
        yield from _ASKED.findall(sql)
        for name in _SOURCE.findall(sql):
            if name in self._views and name not in seen:
                seen.add(name)
                yield from self._keys(self._views[name], seen)
