"""Forge: where the repository is hosted, and the addresses at which its pages show, make or change a file.

`config/forge.yaml` names the forge, `site/forges.yaml` how the pages of each kind of forge are addressed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

CONFIG = "config/forge.yaml"


@dataclass(frozen=True, slots=True)
class Forge:
    """A forge; `pages` are patterns of addresses (source, new, edit, upload) with {url}, {branch} and more."""

    url: str = ""
    branch: str = ""
    pages: Mapping[str, str] = field(default_factory=dict)

    def source(self, commit: str, path: str) -> str:
        """Where a file is shown as a commit has it; empty where there is no forge."""
        return self._filled("source", commit=commit, path=quote(path)) if self.pages and commit else ""

    def patterns(self) -> dict[str, str]:
        """The addresses left to fill in: `{path}`, `{folder}`, `{text}`."""
        return {name: self._filled(name, commit="") for name in self.pages if name != "source"}

    def _filled(self, name: str, **words: str) -> str:
        said = {"url": self.url.rstrip("/"), "branch": quote(self.branch), **words}
        text = self.pages[name]
        for key, value in said.items():
            text = text.replace(f"{{{key}}}", value)
        return text


def forge(config: Mapping[str, Any] | None, kinds: Mapping[str, Mapping[str, str]]) -> Forge:
    """The forge that a repository names, none where it names none. Raises KeyError for a kind that is unknown."""
    return Forge(config["url"], config["branch"], kinds[config["kind"]]) if config else Forge()
