"""Book: the Markdown pages of one language on their way to MkDocs, and the navigation that leads to them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kelu.document import parse
from kelu.finding import Text
from kelu.pages.template import Templates, plain

_FIXED = "pages"  # the folder of templates each of which is one page
_HEADING = re.compile(r"^(## .*)$", re.MULTILINE)
_TOKEN = re.compile(r"<!--KELU-BLOCK-(\d+)<h1-->")  # the theme writes a heading of its own where it sees no `<h1`


class Book:
    """Pages written into `docs` from templates in one language; `plan` is `site.yaml`."""

    def __init__(self, docs: Path, templates: Templates, plan: Mapping[str, Any]) -> None:
        self.docs, self.templates, self._plan = docs, templates, plan
        self._blocks: dict[str, list[str]] = {}  # page -> what stands between its headings
        self._listed: dict[str, list[tuple[int, str, str]]] = defaultdict(list)  # folder -> (place, title, page)

    @property
    def language(self) -> str:
        return self.templates.language

    def title(self, key: str) -> Text:
        """What `site.yaml` calls a page or a part of the site."""
        words = self._plan["titles"][key]
        return Text.of(words)

    def page(
        self, name: str, template: str, title: Text, hide: Sequence[str] = (), place: int | None = None, **context: Any
    ) -> None:
        """Write one page. With a `place` the navigation lists it there among the pages of its folder.

        What is HTML from one heading to the next does not pass through Markdown, which would take most of the time;
        `fill` puts it in its place afterwards.
        """
        said = plain(self.templates.said(title))
        meta = json.dumps({"title": said, "hide": list(hide)}, ensure_ascii=False)
        blocks: list[str] = []
        parts = (_stashed(part, blocks) for part in _HEADING.split(self.templates.page(template, **context)))
        self._write(name, f"---\n{meta}\n---\n\n{''.join(parts)}")
        self._blocks[name] = blocks
        if place is not None:
            self._listed[name.rpartition("/")[0]].append((place, said, name))

    def fixed(self, **context: Any) -> None:
        """Write the pages that are a template each (`pages/x.md.j2`; `x.en.md.j2` where English is written apart)."""
        root = self.templates.folder / _FIXED
        found = {path.relative_to(root).as_posix().removesuffix(".md.j2"): path for path in root.rglob("*.md.j2")}
        for name in sorted(found):
            stem, _, language = name.rpartition(".")
            if stem in found and language:  # another page's translation
                continue
            own = f"{name}.{self.language}" if f"{name}.{self.language}" in found else name
            text = self.templates.page(f"{_FIXED}/{own}.md.j2", **context)
            self._write(f"{name}.md", text)
            meta = _front_matter(text)
            if "nav" in meta:
                self._listed[name.rpartition("/")[0]].append((int(meta["nav"]), str(meta["title"]), f"{name}.md"))

    def fill(self, made: Path) -> None:
        """Put into the pages that MkDocs made in a folder what it was not given."""
        for name, blocks in self._blocks.items():
            page = made / name.replace(".md", ".html")
            text = page.read_text("utf-8")
            pieces = _TOKEN.split(text)
            pieces[1::2] = [blocks[int(number)] for number in pieces[1::2]]
            page.write_text("".join(pieces), "utf-8")

    def navigation(self) -> list[dict[str, Any]]:
        """What MkDocs is to show: the pages of the root and the folders, by their places."""
        top: list[tuple[int, str, Any]] = [(place, title, name) for place, title, name in self._listed.pop("", [])]
        for folder, place in self._plan["sections"].items():
            index = f"{folder}/index.md"
            inner: list[Any] = [index] if (self.docs / index).is_file() else []
            inner += [{plain(title): name} for _, title, name in sorted(self._listed.pop(folder, [])) if name != index]
            if inner:
                top.append((place, self.templates.said(self.title(folder)), inner))
        return [{plain(title): held} for _, title, held in sorted(top, key=lambda item: item[0])]

    def _write(self, name: str, text: str) -> None:
        target = self.docs / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _stashed(part: str, blocks: list[str]) -> str:
    """A stretch between two headings or, where it is HTML as a whole, a token for it."""
    inside = part.strip()
    if not (inside.startswith("<") and inside.endswith(">")):
        return part
    blocks.append(inside)
    return f"\n\n<!--KELU-BLOCK-{len(blocks) - 1}<h1-->\n\n"


def _front_matter(text: str) -> dict[str, Any]:
    """The settings at the head of a page; empty when it has none."""
    if not text.startswith("---\n"):
        return {}
    head = text[4 : text.index("\n---\n", 4) + 1]
    return parse(head.encode(), "front matter")[0] or {}
