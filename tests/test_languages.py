"""Both languages of the site: no half-translated page, no page in one language only, no label without its twin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from kelu.document import parse
from site_build import SITE, own_site

CHINESE = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
SPOKEN = ("aria-label", "title", "alt", "placeholder", "content", "value", "data-label")
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Reading(HTMLParser):
    """The words of a page that say they are in its own language, `foreign` with those set apart; its headings."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.own: list[str] = []
        self.classes: set[str] = set()
        self.ids: set[str] = set()
        self.language = ""
        self._open: list[tuple[str, bool]] = []  # tag, whether another language is spoken inside
        self.feed(path.read_text("utf-8"))

    @property
    def _apart(self) -> bool:
        return bool(self._open) and self._open[-1][1]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = {name: value or "" for name, value in attrs}
        self.language = self.language or held.get("lang", "")
        apart = held["lang"] != self.language if "lang" in held else self._apart
        self.classes |= set(held.get("class", "").split())
        if "id" in held and (tag in ("h1", "h2", "h3") or not held["id"].startswith("_")):
            self.ids.add(held["id"])
        if not apart:
            self.own += [held[name] for name in SPOKEN if name in held]
        if tag not in VOID:
            self._open.append((tag, apart or tag in ("script", "style")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not self._apart:
            self.own.append(data)


def pages() -> Iterator[str]:
    """Every page that is there in each language."""
    site = own_site()
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).as_posix()
        if not name.startswith(("records/", "en/")) and name != "404.html":
            yield name


@cache
def reading(name: str) -> Reading:
    return Reading(own_site() / name)


def test_the_reader_of_pages_sees_chinese_but_where_it_is_set_apart(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<html lang="en"><body><p title="题">Fine <span lang="zh-CN">投<br>诉<b aria-label="甲">乙</b></span> 漏</p>'
        "<script>'不算'</script><input placeholder='筛选'></body></html>",
        "utf-8",
    )
    assert [words for words in Reading(page).own if CHINESE.search(words)] == ["题", " 漏", "筛选"]


def test_english_pages_are_in_english() -> None:
    left = {
        name: found
        for name in pages()
        if (found := [words.strip()[:40] for words in reading(f"en/{name}").own if CHINESE.search(words)])
    }
    assert not left, "\n".join(f"{name}: {found[:6]}" for name, found in left.items())


def test_chinese_pages_carry_no_english_beside_the_chinese() -> None:
    assert [name for name in pages() if "k-en" in reading(name).classes] == []


def test_each_page_is_there_in_both_languages_with_the_same_anchors() -> None:
    site, apart = own_site(), {}
    assert {path.relative_to(site / "en").as_posix() for path in (site / "en").rglob("*.html")} == {
        *pages(), "404.html",
    }  # fmt: skip
    for name in pages():
        chinese, english = reading(name), reading(f"en/{name}")
        assert (chinese.language, english.language) == ("zh", "en")
        if chinese.ids != english.ids:
            apart[name] = chinese.ids ^ english.ids
    assert apart == {}


@pytest.mark.parametrize("path", sorted(SITE.rglob("*.yaml")), ids=lambda path: path.relative_to(SITE).as_posix())
def test_labels_of_the_site_have_both_languages(path: Path) -> None:
    data, faults = parse(path.read_bytes(), path.name)
    assert data is not None, faults
    assert list(_lame(data)) == []


def _lame(node: Any, place: str = "") -> Iterator[str]:
    """Labels that lack a language or, in English, still are Chinese."""
    if isinstance(node, dict):
        if "zh" in node and not ("en" in node and str(node["en"]).strip() and not CHINESE.search(str(node["en"]))):
            yield place
        if "en" in node and "zh" not in node and isinstance(node["en"], str):
            yield place
    for key, inner in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from _lame(inner, f"{place}.{key}")
