"""Templates: the only door to jinja2.

Everything a template is given is escaped. In Markdown pages the characters Markdown gives a meaning to become
entities as well, so that no text of a record can turn into a link, a heading, code or a table there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

# Every ASCII sign that HTML, Markdown or an extension of it reads.
_ARMOUR = {ord(sign): f"&#{ord(sign)};" for sign in "&<>\"'\\`*_{}[]()#+-.!|~:^$=@/"}


# Signs of markup by their full-width twins.
_PLAIN = str.maketrans({"<": "＜", ">": "＞", "&": "＆", '"': "＂", "\\": "＼"})


class TemplateError(Exception):
    """A page template cannot be filled; the message names it."""


class Templates:
    """The page templates of one site folder; `words` are the site's shared labels (`site/words.yaml`)."""

    def __init__(self, folder: Path, words: Mapping[str, Any]) -> None:
        self.folder = folder
        loader = jinja2.FileSystemLoader(folder)
        self._html = _environment(loader, words)
        self._markdown = self._html.overlay(finalize=_armour)

    def page(self, name: str, **context: Any) -> str:
        """A Markdown page filled with `context`: record text in it is inert both to Markdown and to HTML."""
        return self._fill(self._markdown, name, context)

    def html(self, name: str, **context: Any) -> str:
        """An HTML fragment filled with `context`."""
        return self._fill(self._html, name, context)

    def _fill(self, environment: jinja2.Environment, name: str, context: Mapping[str, Any]) -> str:
        try:
            return environment.get_template(name).render(context)
        except jinja2.TemplateError as fault:
            place = f"{getattr(fault, 'name', None) or name}:{getattr(fault, 'lineno', None) or '?'}"
            raise TemplateError(f"{place}: {fault.message}") from fault


def _environment(loader: jinja2.BaseLoader, words: Mapping[str, Any]) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.globals["words"] = words
    environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment


def _armour(value: Any) -> Any:
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return Markup(value.translate(_ARMOUR))  # noqa: S704 - escaped in this very expression


def plain(text: str) -> str:
    """Text for places the theme itself does not escape (titles, navigation): without markup's own signs."""
    return " ".join(text.translate(_PLAIN).split())
