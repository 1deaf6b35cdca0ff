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
_HEADING = re.compile(r"^(#{2,3} .*)$", re.MULTILINE)
_PROVENANCE = "<!--KELU-PROVENANCE-->"  # in the frame of all pages
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

    @property
    def written(self) -> Any:
        """What is to be remembered of the pages written so far, for `resume`, in another process as well."""
        return self._blocks, self._listed

    def resume(self, written: Any) -> None:
        """Go on from the pages that somebody else has written."""
        self._blocks, self._listed = written

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
        self._stash(name, f"{meta}\n", self.templates.page(template, **context))
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
            head, text = _front_matter(self.templates.page(f"{_FIXED}/{own}.md.j2", **context))
            self._stash(f"{name}.md", head, text)
            meta = parse(head.encode(), "front matter")[0] or {}
            if "nav" in meta:
                self._listed[name.rpartition("/")[0]].append((int(meta["nav"]), str(meta["title"]), f"{name}.md"))

    def fill(self, made: Path, site: Mapping[str, Any] | None = None) -> None:
        """Put into the pages that MkDocs made in a folder what it was not given; `site` is where it all comes from."""
        provenance = self.templates.html("parts/provenance.html.j2", site=site).strip() if site else ""
        for page in made.rglob("*.html"):
            blocks = self._blocks.get(page.relative_to(made).with_suffix(".md").as_posix(), [])
            pieces = _TOKEN.split(page.read_text("utf-8").replace(_PROVENANCE, provenance))
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

    def _stash(self, name: str, head: str, text: str) -> None:
        """Write a page for MkDocs under its front matter, without what need not pass through Markdown."""
        blocks: list[str] = []
        parts = "".join(_stashed(part, blocks) for part in _HEADING.split(text))
        target = self.docs / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"---\n{head}---\n\n{parts}", encoding="utf-8")
        self._blocks[name] = blocks


def _stashed(part: str, blocks: list[str]) -> str:
    """A stretch between two headings or, where it is HTML as a whole, a token for it."""
    inside = part.strip()
    if not (inside.startswith("<") and inside.endswith(">")):
        return part
    blocks.append(inside)
    return f"\n\n<!--KELU-BLOCK-{len(blocks) - 1}<h1-->\n\n"


def _front_matter(text: str) -> tuple[str, str]:
    """The settings at the head of a page, and the rest of it."""
    if not text.startswith("---\n"):
        return "", text
    end = text.index("\n---\n", 4) + 1
    return text[4:end], text[end + 4 :]
