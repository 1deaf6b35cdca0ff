"""Templates: the only door to jinja2.

Everything a template is given is escaped. In Markdown pages the characters Markdown gives a meaning to become
entities as well, so that no text of a record can turn into a link, a heading, code or a table there.

A page is filled once for each language. What the site says is `say("中文", "English")` in the template or a `Text`
passed through `said`; what a record says stays in its own language and passes through `own`, which marks it as
Chinese where it stands among English.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from kelu.finding import Text
from kelu.pages.place import Places

LANGUAGES = ("zh", "en")  # the first is at the root of the site, each other in a folder of its name
_SHARED = ("records/", "data/", "assets/")  # what is there once for all of them

# Every ASCII sign that HTML, Markdown or an extension of it reads.
_ARMOUR = {ord(sign): f"&#{ord(sign)};" for sign in "&<>\"'\\`*_{}[]()#+-.!|~:^$=@/"}

# Signs of markup by their full-width twins.
_PLAIN = str.maketrans({"<": "＜", ">": "＞", "&": "＆", '"': "＂", "\\": "＼"})
_UNSAFE = re.compile("[&<>\"']")
_CHINESE = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")


class TemplateError(Exception):
    """A page template cannot be filled; the message names it."""


class Templates:
    """The page templates of one site folder in one language; `words` are the site's shared labels (`site/words.yaml`).

    `common` is what templates put before a path that the languages share (records, data, assets): the way from the
    root of the language's pages to the root of the site. `places` tells where records are shown.
    """

    def __init__(
        self, folder: Path, words: Mapping[str, Any], language: str = LANGUAGES[0], places: Places | None = None
    ) -> None:
        self.folder, self.words, self.language, self.places = folder, words, language, places or Places()
        self.common = "" if language == LANGUAGES[0] else "../"
        loader = jinja2.FileSystemLoader(folder)
        self._html = _environment(loader, words)
        self._html.globals |= {"lang": language, "common": self.common, "say": self._say, "places": self.places}
        self._html.filters |= {"said": self.said, "own": self._own, "way": self._way, "beside": self.places.beside}
        self._markdown = self._html.overlay(finalize=_armour)
        self._markdown.filters = {**self._html.filters, "own": self._own_armoured}

    def page(self, name: str, **context: Any) -> str:
        """A Markdown page filled with `context`: record text in it is inert both to Markdown and to HTML."""
        return self._fill(self._markdown, name, context)

    def html(self, name: str, **context: Any) -> str:
        """An HTML fragment filled with `context`."""
        return self._fill(self._html, name, context)

    def piece(self, name: str, macro: str, *arguments: Any) -> str:
        """What a macro of a template makes of its arguments."""
        return str(getattr(self._html.get_template(name).module, macro)(*arguments))

    def said(self, text: Text | Mapping[str, str]) -> str:
        """A label in the language of the page."""
        if isinstance(text, Text):
            return text.zh if self.language == "zh" else text.en
        return text[self.language]

    def _say(self, zh: str, en: str) -> Markup:
        return Markup(zh if self.language == "zh" else en)  # noqa: S704 - a literal of the template, as trusted as it

    def _way(self, path: str) -> str:
        """A path from the site's root, from that of the language's pages; for the page of a record, wherever the record
        is shown."""
        path = self.places.of(path)
        return f"{self.common}{path}" if path.startswith(_SHARED) else path

    def _own(self, value: str | Text) -> str:
        value = self.said(value) if isinstance(value, Text) else value
        return self._marked(value, escape(value))

    def _own_armoured(self, value: str | Text) -> str:
        value = self.said(value) if isinstance(value, Text) else value
        return self._marked(value, _armour(value))

    def _marked(self, value: str, safe: str) -> str:
        if self.language == "zh" or not _CHINESE.search(value):
            return safe
        return Markup(f'<span lang="zh-CN">{safe}</span>')  # noqa: S704 - `safe` is escaped

    def _fill(self, environment: jinja2.Environment, name: str, context: Mapping[str, Any]) -> str:
        try:
            return environment.get_template(name).render(context)
        except jinja2.TemplateError as fault:
            place = f"{getattr(fault, 'name', None) or name}:{getattr(fault, 'lineno', None) or '?'}"
            raise TemplateError(f"{place}: {fault.message}") from fault


class _Template(jinja2.Template):
    """A template that escapes what it is given at a fraction of the usual cost: most of it holds nothing to escape."""

    @classmethod
    def from_code(cls, environment: Any, code: Any, globals: Any, uptodate: Any = None) -> _Template:  # noqa: A002
        made: _Template = super().from_code(environment, code, globals, uptodate)  # type: ignore[assignment]
        made.root_render_func.__globals__["escape"] = _escaped
        return made


class _Environment(jinja2.Environment):
    template_class = _Template


def _escaped(value: Any) -> str:
    if type(value) is Markup or (type(value) is str and not _UNSAFE.search(value)):
        return value
    return escape(value)


def _environment(loader: jinja2.BaseLoader, words: Mapping[str, Any]) -> jinja2.Environment:
    environment = _Environment(
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
