"""Place: where on the site a record is shown: on its own page or, where the pack gives its type none, in its ledger."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from kelu.pages.shell import SiteError
from kelu.policy import Policy
from kelu.schema import RecordSchema

FOLDER = "records"
_PAGE = re.compile(rf"{FOLDER}/([^/]+)\.html")


@dataclass(frozen=True, slots=True)
class Home:
    """The ledger in which the records of a type are shown that have no pages of their own; `ids` is the form of these
    records' ids."""

    type: str
    ids: re.Pattern[str]
    page: str


@dataclass(frozen=True, slots=True)
class Places:
    """Where records are shown that have no page each; of all others the place is their page."""

    homes: tuple[Home, ...] = ()

    def of(self, path: str) -> str:
        """A path from the site's root; that of a record's page leads to wherever the record is shown."""
        found = _PAGE.fullmatch(path) if self.homes else None
        return (found and self._listed(found[1])) or path

    def beside(self, name: str) -> str:
        """The way to a record from the page of another one."""
        listed = self._listed(name)
        return f"../{listed}" if listed else f"{name}.html"

    def _listed(self, name: str) -> str:
        """The entry of a ledger that shows a record; empty for one that has a page."""
        return next((f"{home.page}?id={quote(name)}" for home in self.homes if home.ids.fullmatch(name)), "")

    @property
    def types(self) -> dict[str, str]:
        """The ledgers' pages by type, for scripts."""
        return {home.type: home.page for home in self.homes}

    @property
    def ids(self) -> dict[str, str]:
        """The ledgers' pages by the form of the ids, for scripts."""
        return {home.ids.pattern: home.page for home in self.homes}


def places(policy: Policy, schemas: Mapping[str, RecordSchema], ledgers: Mapping[str, Mapping[str, Any]]) -> Places:
    """The places of all records under a policy; `ledgers` are the definitions of the site's ledgers by name. Raises
    SiteError for a type that is to be shown in its ledger and has none."""
    pages = {plan["type"]: f"ledgers/{name}.html" for name, plan in ledgers.items() if "type" in plan}
    lacking = [name for name in policy.in_ledgers if name not in pages]
    if lacking:
        raise SiteError(
            f"默认制度包的 pages 让 {lacking[0]} 只列入台账，但 site/ledgers/ 没有该类型的台账。"
            f"The default pack shows {lacking[0]} in its ledger only (pages), but site/ledgers/ has none of that type."
        )
    return Places(tuple(Home(name, schemas[name].id_pattern, pages[name]) for name in policy.in_ledgers))
