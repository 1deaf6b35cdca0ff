"""Parameters that a definition leans on: which its SQL asks for, their values, and whether its pack says so itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kelu import trace
from kelu.finding import Text
from kelu.policy import Policy
from kelu.schema import Schemas

_ASKED = re.compile(r"\bparam(?:_has)?\([^']*?, *'([^']+)'")
_NAME = re.compile(r"[a-z_]+")


@dataclass(frozen=True, slots=True)
class Setting:
    """A parameter that a definition uses; `own` tells whether its pack says so itself."""

    key: str
    label: Text
    value: str
    own: bool


class Settings:
    """The parameters of every pack of a policy."""

    def __init__(self, policy: Policy, schemas: Schemas) -> None:
        self._schemas = schemas
        self._held = {(pack, key): (value, origin) for pack, key, value, origin in policy.parameters()}
        self._views = dict(policy.views)

    def used(self, sql: str, pack: str) -> tuple[Setting, ...]:
        """Those that SQL of a pack asks for, itself or through the views it names, in that order."""
        return tuple(
            Setting(key, self._label(key), value, origin == pack)
            for key in dict.fromkeys(self._keys(sql, set()))
            if (pack, key) in self._held
            for value, origin in [self._held[pack, key]]
        )

    def _keys(self, sql: str, seen: set[str]) -> Iterator[str]:
        yield from _ASKED.findall(sql)
        for name in _NAME.findall(sql):
            if name in self._views and name not in seen:
                seen.add(name)
                yield from self._keys(self._views[name], seen)

    def _label(self, key: str) -> Text:
        return Text.joined((label for label, _ in trace.labelled(self._schemas, "parameters", key)), " · ", " · ")
