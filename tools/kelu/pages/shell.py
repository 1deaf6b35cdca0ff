"""Shell: MkDocs run once for the Markdown pages, and its theme's frame reused for the record pages.

MkDocs renders one record page whose title and body are placeholders. Split there, the frame is text into
which ten thousand bodies go at a fraction of what MkDocs would take for each.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from markupsafe import escape

from kelu.pages.shed import Shed, together, unpacked

TITLE, BODY = "KELU-RECORD-TITLE", "KELU-RECORD-BODY"
_SPLIT = re.compile(f"({TITLE}|<p>{BODY}</p>)")
_SHELL = "_shell.md"
KEPT = "mkdocs"  # the folder of what MkDocs made last


class SiteError(Exception):
    """The site cannot be built; the message says what MkDocs said."""


@dataclass(frozen=True, slots=True)
class Shell:
    """The frame of a record page, in pieces: at each odd place stands the title or the body."""

    pieces: tuple[str, ...]
    _raw: tuple[bytes, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_raw", tuple(piece.encode() for piece in self.pieces))

    def fill(self, title: str, body: str) -> bytes:
        """A whole page: `title` is text and is escaped here, `body` is HTML that is safe already."""
        given, shown = str(escape(title)).encode(), body.encode()
        return b"".join([
            raw if i % 2 == 0 else given if self.pieces[i] == TITLE else shown for i, raw in enumerate(self._raw)
        ])  # fmt: skip


def placeholder(docs: Path, folder: str) -> None:
    """Write the placeholder page into the folder whose depth the record pages share."""
    target = docs / folder / _SHELL
    target.parent.mkdir(parents=True, exist_ok=True)
    meta = json.dumps({"title": TITLE, "hide": ["navigation", "toc"], "record": True})
    target.write_text(f"---\n{meta}\n---\n\n<h1 hidden></h1>\n\n{BODY}\n", encoding="utf-8")


def start_mkdocs(
    base: Path,
    docs: Path,
    overrides: Path,
    out: Path,
    settings: Mapping[str, Any],
    epoch: int,
    kept: Shed | None = None,
) -> Callable[[], None]:
    """Begin to build `docs` into `out` with the settings of `base` and `settings` laid over them; what is returned
    waits for the end.

    `epoch` (seconds) takes the clock's place. What MkDocs makes of the same things is the same, and taken from `kept`.
    The end raises SiteError with MkDocs' words on any warning or error.
    """
    work = docs.parent
    config = {
        "INHERIT": os.path.relpath(base, work),
        "docs_dir": docs.name,
        "site_dir": os.path.relpath(out, work),
        **settings,
        "theme": {"custom_dir": os.path.relpath(overrides, work), **settings.get("theme", {})},
    }
    target = docs.with_suffix(".yml")
    target.write_text(json.dumps(config, ensure_ascii=False, indent=1), encoding="utf-8")
    key = _given(base, target, docs, overrides, epoch) if kept else ""
    if kept and (made := kept.recall(docs.name, key)) is not None:
        paths, contents = unpacked(made)
        for path, content in zip(paths, contents, strict=True):
            place = out / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        return lambda: None
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(target)]
    end = start(command, {"SOURCE_DATE_EPOCH": str(epoch), "NO_MKDOCS_2_WARNING": "1"})

    def finish() -> None:
        end()
        if kept:
            files = _files(out)
            paths = [path.relative_to(out).as_posix() for path in files]
            kept.keep(docs.name, key, together(paths, [path.read_bytes() for path in files]))

    return finish


def _given(base: Path, config: Path, docs: Path, overrides: Path, epoch: int) -> str:
    """All that MkDocs makes pages from. The day counts only where a page may show it."""
    digest = hashlib.sha256(repr([version(name) for name in ("mkdocs", "mkdocs-material", "markdown")]).encode())
    dated = False
    for path in (base, config, *_files(docs), *_files(overrides)):
        content = path.read_bytes()
        dated = dated or (path.is_relative_to(overrides) and b"_date" in content)
        digest.update(repr((path.name, str(path.parent), len(content))).encode() + content)
    return f"{digest.hexdigest()} {epoch if dated else 0}"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def start(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Callable[[], None]:
    """Start a build tool quietly; what is returned waits for its end, and what it said becomes the SiteError when it
    failed."""
    words = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the tool has ended
    process = subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdout=words, stderr=words)

    def finish() -> None:
        with words:
            failed = process.wait()
            words.seek(0)
            lines = words.read().decode("utf-8", "replace").splitlines()
        if failed:
            said = "\n".join(line for line in lines if line.strip() and not line.startswith("INFO"))
            raise SiteError(f"{command[2] if command[1] == '-m' else command[0]}:\n{said}")

    return finish


def take_shell(out: Path, folder: str) -> Shell:
    """The frame MkDocs made of the placeholder page, which is removed from the site."""
    page = out / folder / _SHELL.replace(".md", ".html")
    pieces = tuple(_SPLIT.split(page.read_text(encoding="utf-8")))
    if len(pieces) < 5:
        raise SiteError("the theme's frame does not show the placeholders for title and body")
    page.unlink()
    return Shell(pieces)


def tidy(out: Path) -> None:
    """Remove what the theme brings and no page of the site asks for."""
    for pattern in ("assets/javascripts/lunr", "assets/**/*.map", "sitemap.xml*"):  # without an address no site map
        for path in [*out.glob(pattern), *out.glob(f"*/{pattern}")]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
