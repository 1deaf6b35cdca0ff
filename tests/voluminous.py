"""This repository's records as a company would show them that has very many incidents: in their ledger only."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

from kelu import check, pages
from kelu.git import MemoryTree
from kelu.policy import Policy
from repository import own_records, rulebook_files
from site_build import MKDOCS, SITE, edition

PACK = "policies/practice@1/pack.yaml"
LINE = "pages: {incident: ledger}\n"


def policy() -> Policy:
    """This repository's policy with the setting in its default pack."""
    book = check.open_book(MemoryTree({**rulebook_files(), PACK: rulebook_files()[PACK] + LINE.encode()}))
    assert list(book.findings) == []
    return book.policy


def build(folder: Path, *, ledger: bool) -> Path:
    """Bring the site in a folder up to date, with the setting or without; the path of its pages."""
    shown = edition(own_records())
    if ledger:
        shown = replace(shown, policy=policy())
    pages.build(shown, SITE, MKDOCS, folder / "build", folder / "public")
    return folder / "public"


@cache
def site() -> Path:
    """The site of this repository's records with incidents in their ledger only."""
    folder = Path(tempfile.mkdtemp(prefix="kelu-voluminous-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return build(folder, ledger=True)
