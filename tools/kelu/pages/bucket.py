"""Bucket: of at most a thousand pages what the search needs — the keys they hold, their texts in blocks, their facets.

What a page says is read out of it once and kept beside the stamp of its file (inode, size, time), so that a changed
page costs no more than itself; a page written anew with the same words counts as the same.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kelu.pages.extract import Document, essence, extract
from kelu.pages.shed import Shed, together, unpacked

_DOCUMENTS, _KEYS, _SHOWN = range(3)
FACET = "\x1f"  # what keys of facets begin with
_BLOCK_PAGES, _BLOCK_LETTERS = 16, 8_000  # of a file of texts: at most so many, or one longer
_KEY_LETTERS = 24  # of a long word, such as a digest, no more is looked up
# Full-width letters are searched as the plain ones. As in find.js, which has the other signs, too.
_FOLD: dict[int, int | str] = {0xFEE0 + code: code for code in range(0x21, 0x7F)} | {0x0130: "i"}
_FOLDED = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\u0130]")
_LATIN = "0-9a-zß-öø-ɏ"
_RUN = re.compile(rf"[{_LATIN}]+|[^\W_{_LATIN}]+")
_IS_LATIN = re.compile(f"[{_LATIN}]")


@dataclass(frozen=True, slots=True)
class Bucket:
    """Pages of a site, by their paths."""

    name: str
    site: Path
    pages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the site shows of a bucket: of each document its path, date and facets, and blocks of texts, each with the
    place of its first document."""

    paths: list[str]
    dates: list[str]
    facets: list[list[list[str]]]
    starts: list[int]
    blocks: list[tuple[str, bytes]]  # with their digests


def mark(item: Bucket) -> str:
    """What changes with the files of a bucket's pages."""
    return hashlib.sha256(repr([(path, _stamp(f"{item.site}/{path}")) for path in item.pages]).encode()).hexdigest()


def make(shed: Shed, item: Bucket) -> str:
    """Have everything of a bucket in the shed; returns the digest it is kept under."""
    documents = _documents(shed, item)
    digest = hashlib.sha256(repr(documents).encode()).hexdigest()
    if shed.recall(files(item.name)[_KEYS], digest) is None:
        shed.keep(files(item.name)[_KEYS], digest, json.dumps(_keys(documents), ensure_ascii=False).encode())
    if shed.recall(files(item.name)[_SHOWN], digest) is None:
        shed.keep(files(item.name)[_SHOWN], digest, _texts(documents, shed.recall(files(item.name)[_SHOWN])))
    return digest


def keys(shed: Shed, item: Bucket, digest: str) -> dict[str, str]:
    """For each key the documents that hold it (`_sequence`, as text)."""
    kept: dict[str, str] = json.loads(_had(shed, item, files(item.name)[_KEYS], digest))
    return kept


def shown(shed: Shed, item: Bucket, digest: str) -> Shown:
    """What the site shows of a bucket."""
    told, blocks = unpacked(_had(shed, item, files(item.name)[_SHOWN], digest))
    digests = told.pop("digests")
    return Shown(**told, blocks=list(zip(digests, blocks, strict=True)))


def files(name: str) -> tuple[str, ...]:
    """The files of the shed that hold a bucket: what its pages say, its keys, what the site shows of it."""
    return f"{name}.documents", f"{name}.keys", f"{name}.shown"


def _had(shed: Shed, item: Bucket, file: str, digest: str) -> bytes:
    """What a file of the shed holds; where it is lost or broken the bucket is made again."""
    kept = shed.recall(file, digest)
    if kept is None:
        kept = shed.recall(file, make(shed, item))
    if kept is None:
        raise OSError(f"{shed.folder / file}: 写入后读不回来 / what was written cannot be read back")
    return kept


# --- documents --------------------------------------------------------------------------------------------


def _documents(shed: Shed, item: Bucket) -> list[Document]:
    """What the pages of a bucket say, in order; read anew where the file is another."""
    former = {row[0]: row for row in json.loads(shed.recall(files(item.name)[_DOCUMENTS], "") or b"[]")}
    rows = []
    for path in item.pages:
        stamp, row = _stamp(f"{item.site}/{path}"), former.get(path)
        if row is None or row[1] != stamp:
            source = essence((item.site / path).read_bytes())
            digest = hashlib.sha256(source).hexdigest() if source else ""
            if row is None or row[2] != digest:
                page = extract(path, source) if source else None
                row = [path, stamp, digest, [page.title, page.text, page.date, page.facets] if page else []]
            row[1] = stamp
        rows.append(row)
    shed.keep(files(item.name)[_DOCUMENTS], "", json.dumps(rows, ensure_ascii=False).encode())
    return [
        Document(path, title, text, date, tuple((name, zh, en) for name, zh, en in facets))
        for path, _, _, held in rows if held
        for title, text, date, facets in [held]
    ]  # fmt: skip


def _stamp(path: str) -> list[int]:
    found = os.stat(path)  # noqa: PTH116 - of every page at every build
    return [found.st_ino, found.st_size, found.st_mtime_ns]


# --- keys ------------------------------------------------------------------------------------------------


def _keys(documents: Sequence[Document]) -> dict[str, str]:
    """For each key the documents that hold it (`_sequence`, as text). Sets of documents are numbers, a bit for each."""
    lines: dict[str, int] = defaultdict(int)  # most stand on many pages
    titles: dict[str, int] = defaultdict(int)
    found: dict[str, int] = defaultdict(int)
    for place, item in enumerate(documents):
        bit = 1 << place
        for line in item.text.split("\n"):
            lines[line] |= bit
        titles[item.title] |= bit
        titles[Path(item.path).stem] |= bit
        for name, zh, _ in item.facets:
            found[f"{FACET}{name}{FACET}{zh}"] |= bit
    for line, held in lines.items():
        for key in _of(line):
            found[key] |= held
    in_title: dict[str, int] = defaultdict(int)
    for title, held in titles.items():
        for key in _of(title):
            in_title[key] |= held
            found[key] |= held
    return {key: _sequence(held, in_title.get(key, 0)).decode("latin-1") for key, held in sorted(found.items())}


def _of(text: str) -> frozenset[str]:
    """The keys of a text."""
    found: set[str] = set()
    for run in _RUN.findall((text.translate(_FOLD) if _FOLDED.search(text) else text).lower()):
        if _IS_LATIN.match(run):
            found.update((run[:_KEY_LETTERS], run[:2], run[:3]))
        else:
            found.update([run[at : at + 3] for at in range(len(run) - 2)])
            found.add(run[-2:])  # so that two letters are the beginning of a key wherever they stand
    return frozenset(found)


def is_latin(key: str) -> bool:
    """Whether a key is a word or the beginning of one."""
    return _IS_LATIN.match(key) is not None


def _sequence(held: int, titled: int) -> bytes:
    """Rising places as their distances doubled, and one more where the key stands in the title."""
    steps = [2 * len(zeros) + 2 for zeros in f"{held:b}"[::-1].split("1")[:-1]]
    steps[0] -= 2
    if titled:
        place = 0
        for at, step in enumerate(steps):
            place += step >> 1
            steps[at] = step | titled >> place & 1
    return bytes(steps) if max(steps) < 0x80 else b"".join(map(number, steps))


def number(value: int) -> bytes:
    """A number in groups of seven bits, the lowest first, the top bit set on all but the last (LEB128)."""
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


# --- texts -----------------------------------------------------------------------------------------------


def _texts(documents: Sequence[Document], former: bytes | None) -> bytes:
    """What the site shows of these documents (`Shown`); a block of `former` is taken over where it says the same."""
    told, blocks = unpacked(former) if former else ({"digests": []}, [])
    known = dict(zip(told["digests"], blocks, strict=True))
    starts, digests, made = [], [], []
    for start, held in _blocks(documents) if documents else ():
        content = [[item.title, item.text] for item in held]
        digest = hashlib.sha256(repr(content).encode()).hexdigest()
        starts.append(start)
        digests.append(digest)
        made.append(known.get(digest) or packed(content))
    return together(
        {
            "paths": [item.path.removesuffix(".html") for item in documents],
            "dates": [item.date for item in documents],
            "facets": [item.facets for item in documents],
            "starts": starts,
            "digests": digests,
        },
        made,
    )


def _blocks(documents: Sequence[Document]) -> Iterator[tuple[int, Sequence[Document]]]:
    """The documents in stretches that are loaded at once, each with the place of its first one."""
    start = letters = 0
    for place, item in enumerate(documents):
        letters += len(item.text)
        if place > start and (letters > _BLOCK_LETTERS or place - start == _BLOCK_PAGES):
            yield start, documents[start:place]
            start, letters = place, len(item.text)
    yield start, documents[start:]


def packed(content: Any) -> bytes:
    """JSON as the browser is given it."""
    return gzip.compress(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(), mtime=0)
