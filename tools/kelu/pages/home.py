"""Home: the lists of what waits and what is to be looked at, as `site/home.yaml` asks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kelu.pages import inquiry
from kelu.pages.figure import Names
from kelu.pages.inquiry import Inquiry, Queryable
from kelu.policy import Policy


@dataclass(frozen=True, slots=True)
class Home:
    """`lists` stand on the page, the first `rows` lines of each; of those in `seen`, the audit's, only the number."""

    rows: int
    lists: tuple[Inquiry, ...]
    seen: tuple[Inquiry, ...]


def view(
    definition: Mapping[str, Any], store: Queryable, policy: Policy, names: Names, audited: Sequence[Inquiry]
) -> Home:
    """What the home page shows beside figures, duties and charts; `audited` are the lists of the audit page."""
    known = {item.name: item for item in audited if item.withheld is None}
    asked = (inquiry.ask(item, store, policy, names) for item in definition["lists"])
    return Home(
        definition["rows"],
        tuple(item for item in asked if item.withheld is None),
        tuple(known[name] for name in definition["seen"] if name in known),
    )
