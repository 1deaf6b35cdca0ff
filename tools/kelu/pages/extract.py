"""Extract: what of a finished page the search may find — the very text a reader sees there, and nothing else.

Templates say it in the attributes that Pagefind made customary: `data-pagefind-body` holds what is searched,
`data-pagefind-ignore` within it is left out, `data-pagefind-meta="title"` is the title, `data-pagefind-sort="date"`
the date, `data-pagefind-filter="type"` a facet's value, whose English stands in `data-pagefind-en`. What is hidden is
no text. Made for speed: every page of the site is read at every build.
"""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

_MARK, _BODY = "data-pagefind-", b"data-pagefind-body"
_TAG = re.compile(r"<(/?[a-zA-Z][^>]*|!--.*?--)>", re.DOTALL)
_NAME = re.compile(r"/?([a-zA-Z0-9]+)")
_ATTRIBUTE = re.compile(rf'{_MARK}(\w+)(?:="([^"]*)")?')
_HIDDEN = re.compile(r"\shidden(?=[\s=/]|$)")
_IGNORE, _OPENING = b"data-pagefind-ignore", re.compile(rb"<([a-zA-Z][a-zA-Z0-9]*)\b[^>]*$")
_SILENT = frozenset({"script", "style", "template", "svg", "noscript", "form"})
_VOID = frozenset({"br", "hr", "img", "input", "wbr", "!--"})
# Elements that do not end a word; every other one does.
_INLINE = frozenset({
    "a", "abbr", "b", "bdi", "code", "del", "em", "i", "ins", "kbd", "mark", "small", "span", "strong", "sub", "sup",
    "time", "wbr", "!--",
})  # fmt: skip
_PERMALINK = 'class="headerlink"'
_BREAK = "\x1f"
_SPACE, _BREAKS = re.compile(rf"[^\S{_BREAK}]+"), re.compile(f" ?{_BREAK}[{_BREAK} ]*")


@dataclass(frozen=True, slots=True)
class Document:
    """A page as it is searched. `text` has a line for each stretch that is read on; `facets` are (name, zh, en)."""

    path: str  # from the root of the site
    title: str
    text: str
    date: str
    facets: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class _Tag:
    name: str
    step: int  # +1 opens an element, -1 closes one, 0 stands alone
    breaks: bool
    marks: dict[str, str]
    silent: bool


def essence(page: bytes) -> bytes:
    """What `extract` reads of a page, empty when it is not to be found: two pages alike in this say the same.

    What is ignored is cut out here, because it is most of a page and names the commit.
    """
    start = page.find(_BODY)
    if start < 0:
        return b""
    body = page[page.rfind(b"<", 0, start) : page.find(b"</main>", start)]
    pieces: list[bytes] = []
    at = done = 0
    while (at := body.find(_IGNORE, at)) >= 0:
        opening = _OPENING.match(body[body.rfind(b"<", 0, at) : at])
        at += len(_IGNORE)
        if opening is None:  # it stands in a text
            continue
        name, start = opening[1], at - len(_IGNORE) - len(opening[0])
        end = body.find(b"</%s>" % name, at)
        if end < 0 or body.find(b"<" + name, at, end) >= 0:  # the end is perhaps that of another in it
            continue
        at = end + len(name) + 3
        pieces += (body[done:start], b"" if name.decode() in _INLINE else b"<br>")
        done = at
    return b"".join((*pieces, body[done:]))


def extract(path: str, source: bytes) -> Document:
    """What the search may find of a page, from its essence."""
    tokens = iter(_TAG.split(source.decode("utf-8"))[1:])
    reader = _Reader()
    for token in tokens:
        if (tag := _read(token)).step > 0 and "body" in tag.marks:
            reader.take(tokens, tag.name)
    text = _plain("".join(reader.pieces))
    return Document(path, reader.title, text, reader.date, tuple(reader.facets))


class _Reader:
    """What has been read of a page. Tokens are what stands between tags and the tags by turns."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.facets: list[tuple[str, str, str]] = []
        self.title = self.date = ""

    def take(self, tokens: Iterator[str], name: str) -> None:
        """Read on to the end of the element of that name that has just begun."""
        depth = 1
        for text in tokens:
            self.pieces.append(text)
            tag = _read(next(tokens, "/" + name))
            if tag.breaks:
                self.pieces.append(_BREAK)
            if tag.name == name:
                depth += tag.step
                if not depth:
                    return
            if tag.step > 0 and (tag.silent or tag.marks) and self._marked(tokens, tag) and tag.name == name:
                depth -= 1

    def _marked(self, tokens: Iterator[str], tag: _Tag) -> bool:
        """Keep what an element says by its marks. True when that has read the element to its end."""
        if not tag.marks or "ignore" in tag.marks:
            return _skip(tokens, tag.name)
        if not tag.marks.keys() & {"filter", "sort", "meta"}:
            return False
        inner = _Reader()
        inner.take(tokens, tag.name)
        value = _plain("".join(inner.pieces)).replace("\n", " ")
        if "filter" in tag.marks:
            self.facets.append((tag.marks["filter"], value, html.unescape(tag.marks.get("en", value))))
        if tag.marks.get("sort") == "date":
            self.date = value
        if tag.marks.get("meta") == "title" and not self.title:
            self.title = value
        elif not tag.silent:
            self.pieces.append(value)
        return True


def _skip(tokens: Iterator[str], name: str) -> bool:
    """Pass over the rest of the element of that name that has just begun."""
    depth = 1
    for _ in tokens:
        tag = _read(next(tokens, "/" + name))
        if tag.name == name:
            depth += tag.step
            if not depth:
                break
    return True


@functools.lru_cache(maxsize=1 << 15)
def _read(token: str) -> _Tag:
    """A tag from what stands between its angle brackets."""
    match = _NAME.match(token)
    name = match[1].lower() if match else "!--"
    step = 0 if name in _VOID or token.endswith("/") else -1 if token.startswith("/") else 1
    marks = dict(_ATTRIBUTE.findall(token)) if _MARK in token else {}
    silent = name in _SILENT or _PERMALINK in token or bool(_HIDDEN.search(token))
    return _Tag(name, step, name not in _INLINE, marks, silent)


def _plain(text: str) -> str:
    text = _SPACE.sub(" ", html.unescape(text) if "&" in text else text)
    return _BREAKS.sub("\n", text).strip()
