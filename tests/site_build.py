"""Sites for tests: built once a run from this repository's records, or from records a test has changed."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

from kelu import check, intake, pages, trace
from kelu.git import MemoryTree
from kelu.policy import Policy
from repository import MOMENT, ROOT, own_records, rulebook, store

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SITE, MKDOCS = ROOT / "site", ROOT / "mkdocs.yml"


def edition(records: Mapping[str, bytes], audience: str = "public") -> pages.Edition:
    """What the site of some records shows, checked and laid as `kelu site` does it."""
    book, held = rulebook(), store()
    tree = MemoryTree(dict(records))
    report = check.check(tree, book, held, MOMENT)
    taken = intake.take_in(tree, book.schemas, held)
    assert check.lay_policy(held, book, taken, MOMENT, known=True) == []
    files = trace.files_in(ROOT)
    return pages.Edition(book.schemas, book.policy, held, report, COMMIT, MOMENT, files, manifest="{}\n",
                         audience=audience, tree=tree)  # fmt: skip


def build(folder: Path, records: Mapping[str, bytes], site: Path = SITE, audience: str = "public") -> Path:
    """The site of some records, built in a folder; the path of its pages."""
    pages.build(edition(records, audience), site, MKDOCS, folder / "build", folder / "public")
    return folder / "public"


@cache
def own_site() -> Path:
    """The site of this repository's records."""
    folder = Path(tempfile.mkdtemp(prefix="kelu-site-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return build(folder, own_records())


class Page(HTMLParser):
    """What a page holds: elements with their attributes, ids, and its text without scripts and styles."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._silent = 0
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._silent += tag in ("script", "style")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)

    @property
    def ids(self) -> set[str]:
        return {attributes["id"] for _, attributes in self.elements if "id" in attributes}

    def attributes(self, name: str) -> Iterator[tuple[str, str]]:
        """(tag, value) of every attribute of a name."""
        return ((tag, attributes[name]) for tag, attributes in self.elements if name in attributes)


def broken_links(site: Path) -> list[tuple[str, str]]:
    """(page, link) of every link inside a site that leads to no page, or to no such place of it."""
    page = cache(Page)
    broken = []
    for path in sorted(site.rglob("*.html")):
        if path.name == "404.html":  # served at any depth, so its links start at the server's root
            continue
        found = page(path)
        for tag, value in [*found.attributes("href"), *found.attributes("src")]:
            target, fragment = urldefrag(value)
            if tag == "use" or urlsplit(target).scheme:
                continue
            aim = (path.parent / unquote(urlsplit(target).path)).resolve() if target else path
            if not aim.is_file() or (fragment and unquote(fragment) not in page(aim).ids):
                broken.append((path.relative_to(site).as_posix(), value))
    return broken


def ledger_rows(site: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a ledger's data by the names of its columns, each value in its place."""
    held = json.loads((site / f"data/{name}.json").read_text("utf-8"))
    return [
        {c["name"]: c["values"][cell] if "values" in c and cell is not None else cell
         for c, cell in zip(held["columns"], row, strict=True)}
        for row in held["rows"]
    ]  # fmt: skip


def alone(domain: str, pack: str) -> Policy:
    """This repository's policy, were one pack all that a company has."""
    return replace(
        rulebook().policy, timeline=({"from": "2024-01-01", domain: pack},), allowances=(), waivers=()
    )  # fmt: skip
