"""Channels: where customers reach the company and complain, as `site/channels.yaml` says, and what they may expect."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kelu.finding import Text
from kelu.pages.clause import page_of
from kelu.pages.parameter import Setting, Settings
from kelu.policy import Policy
from kelu.schema import RecordSchema


@dataclass(frozen=True, slots=True)
class Channels:
    """`ways` and `escalation` are the company's words; `named` are the channels that a record of `type` can name;
    `promises` are parameters of the pack that rules the domain now: none, without title and page, where none does."""

    ways: Sequence[Mapping[str, Any]]
    escalation: Mapping[str, str]
    duty: str
    type: str
    named: tuple[Text, ...]
    pack: Text | None
    page: str
    promises: tuple[Setting, ...]


def read(
    definition: Mapping[str, Any],
    policy: Policy,
    schemas: Mapping[str, RecordSchema],
    settings: Settings,
    today: datetime.date,
) -> Channels:
    """The channels as defined, with the words of schema and policy. Raises KeyError for a field that is not there."""
    domain = definition["domain"]
    pack = next(
        (pack for of, pack, _, _ in policy.composition() if of == domain and policy.in_force(pack, of, today)), None
    )
    type_, _, name = definition["field"].partition(".")
    field = {item.name: item for item in schemas[type_].fields}[name]
    return Channels(
        definition["ways"],
        definition["escalation"],
        definition["duty"],
        type_,
        tuple(field.enum.values()),
        policy.packs[pack].title if pack else None,
        f"{page_of(pack)}.html" if pack else "",
        settings.of(pack, definition["promises"]) if pack else (),
    )
