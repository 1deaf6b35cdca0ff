"""Bucket: of at most a thousand pages what the search needs — the keys they hold, their texts in blocks, their facets.

What a page says is read out of it once and kept beside the stamp of its file (inode, size, time), so that a changed
page costs no more than itself; a page written anew with the same words counts as the same. Keys are kept by shards: a
changed page, or one added at the end, alters only those whose keys it gained or lost.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

from kelu.pages import keys
from kelu.pages.extract import Document, essence, extract
from kelu.pages.shed import Shed, together, unpacked

_Thing = TypeVar("_Thing")
_DOCUMENTS, _KEYS, _SHOWN, _TEXTS = range(4)
_BLOCK_PAGES, _BLOCK_LETTERS = 8, 4_000  # of a file of texts: at most so many, or one longer


@dataclass(frozen=True, slots=True)
class Bucket:
    """Pages of a site, by their paths."""

    name: str
    site: Path
    pages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the site shows of a bucket: of each document its path, its date and the number of its combination of facets,
    the facets as (name, zh, en), their combinations by number, and of each block of texts the place of its first
    document and its digest."""

    paths: list[str]
    dates: list[str]
    kind_of: list[int]
    facets: list[list[str]]
    kinds: list[list[int]]
    starts: list[int]
    digests: list[str]


def mark(item: Bucket) -> str:
    """What changes with the files of a bucket's pages."""
    return hashlib.sha256(repr([(path, _stamp(f"{item.site}/{path}")) for path in item.pages]).encode()).hexdigest()


def make(shed: Shed, item: Bucket) -> str:
    """Have everything of a bucket in the shed; returns the digest it is kept under."""
    former, documents = _documents(shed, item)
    digest = _digest(documents)
    names = files(item.name)
    if shed.recall(names[_KEYS], digest) is None:
        kept = shed.recall(names[_KEYS], _digest(former)) if _goes_on(former, documents) else None
        shed.keep(names[_KEYS], digest, _altered(kept, former, documents) if kept else _keys(documents))
    if shed.recall(names[_SHOWN], digest) is None or shed.recall(names[_TEXTS], digest) is None:
        blocks = list(_blocks(documents)) if documents else []
        contents = [[[one.title, one.text] for one in documents[start:end]] for start, end in blocks]
        digests = [hashlib.sha256(repr(content).encode()).hexdigest() for content in contents]
        known = dict(_texts(shed.recall(names[_TEXTS])))
        made = [known.get(digest) or packed(content) for digest, content in zip(digests, contents, strict=True)]
        shed.keep(names[_TEXTS], digest, together(digests, made))
        told = _shown(documents, [start for start, _ in blocks], digests)
        shed.keep(names[_SHOWN], digest, json.dumps(told, ensure_ascii=False).encode())
    return digest


def held(shed: Shed, item: Bucket, digest: str) -> tuple[list[str], list[bytes]]:
    """For each shard a digest of its keys, and each key with the documents that hold it (`keys.sequence`, as text)."""
    digests, pieces = unpacked(_had(shed, item, _KEYS, digest))
    return digests, pieces


def shown(shed: Shed, item: Bucket, digest: str) -> Shown:
    """What the site shows of a bucket."""
    return Shown(**json.loads(_had(shed, item, _SHOWN, digest)))


def texts(shed: Shed, item: Bucket, digest: str) -> list[bytes]:
    """Its blocks of texts."""
    return [block for _, block in _texts(_had(shed, item, _TEXTS, digest))]


def files(name: str) -> tuple[str, ...]:
    """The files of the shed that hold a bucket: what its pages say, its keys, what the site shows of it, its texts."""
    return f"{name}.documents", f"{name}.keys", f"{name}.shown", f"{name}.texts"


def _had(shed: Shed, item: Bucket, file: int, digest: str) -> bytes:
    """What a file of the shed holds; where it is lost or broken the bucket is made again."""
    name = files(item.name)[file]
    kept = shed.recall(name, digest)
    if kept is None:
        kept = shed.recall(name, make(shed, item))
    if kept is None:
        raise OSError(f"{shed.folder / name}: 写入后读不回来 / what was written cannot be read back")
    return kept


# --- documents --------------------------------------------------------------------------------------------


def _documents(shed: Shed, item: Bucket) -> tuple[list[Document], list[Document]]:
    """What the pages of a bucket said when it was last made, and say, in order; read anew where the file is another."""
    name = files(item.name)[_DOCUMENTS]
    kept = json.loads(shed.recall(name, "") or b"[]")
    former = {row[0]: row for row in kept}
    rows = []
    for path in item.pages:
        stamp, row = _stamp(f"{item.site}/{path}"), former.get(path)
        if row is None or row[1] != stamp:
            source = essence((item.site / path).read_bytes())
            digest = hashlib.sha256(source).hexdigest() if source else ""
            if row is not None and row[2] == digest:
                row = [path, stamp, digest, row[3]]
            else:
                page = extract(path, source) if source else None
                row = [path, stamp, digest, [page.title, page.text, page.date, page.facets] if page else []]
        rows.append(row)
    if rows != kept:
        shed.keep(name, "", json.dumps(rows, ensure_ascii=False).encode())
    return list(_found(kept)), list(_found(rows))


def _found(rows: Iterable[Any]) -> Iterator[Document]:
    for path, _, _, said in rows:
        if said:
            title, text, date, facets = said
            yield Document(path, title, text, date, tuple((name, zh, en) for name, zh, en in facets))


def _digest(documents: Sequence[Document]) -> str:
    return hashlib.sha256(repr(documents).encode()).hexdigest()


def _stamp(path: str) -> list[int]:
    found = os.stat(path)  # noqa: PTH116 - of every page at every build
    return [found.st_ino, found.st_size, found.st_mtime_ns]


# --- keys ------------------------------------------------------------------------------------------------


def _keys(documents: Sequence[Document]) -> bytes:
    """For each shard the keys that the documents hold. Sets of documents are numbers, a bit for each."""
    lines: dict[str, int] = defaultdict(int)  # most stand on many pages
    titles: dict[str, int] = defaultdict(int)
    facets: dict[str, int] = defaultdict(int)
    for place, item in enumerate(documents):
        bit = 1 << place
        for line in item.text.split("\n"):
            lines[line] |= bit
        for title in _titles(item):
            titles[title] |= bit
            lines[title] |= bit
        for name, zh, _ in item.facets:
            facets[keys.facet(name, zh)] |= bit
    in_title = _of(titles)
    shards: list[dict[str, str]] = [{} for _ in range(keys.SHARDS)]
    for key, found in sorted((_of(lines) | facets).items()):
        shards[keys.shard(key)][key] = _sequence(found, in_title.get(key, 0))
    return _together([_piece(held) for held in shards])


def _of(texts: dict[str, int]) -> dict[str, int]:
    """The keys of texts, with the documents that hold them."""
    runs: dict[str, int] = defaultdict(int)
    for text, held in texts.items():
        for run in keys.runs(text):
            runs[run] |= held
    found: dict[str, int] = defaultdict(int)
    for run, held in runs.items():
        for key in keys.of(run):
            found[key] |= held
    return found


def _titles(item: Document) -> tuple[str, str]:
    """What counts as a page's title: its name, too."""
    return item.title, Path(item.path).stem


def _goes_on(former: Sequence[Document], documents: Sequence[Document]) -> bool:
    """Whether the documents are those of before, each in its place, and perhaps more."""
    return bool(former) and [item.path for item in former] == [item.path for item in documents[: len(former)]]


def _altered(kept: bytes, former: Sequence[Document], documents: Sequence[Document]) -> bytes:
    """The same as `_keys` from what was kept of the former documents."""
    pieces = unpacked(kept)[1]
    opened: dict[int, dict[str, str]] = {}
    for place, (before, after) in enumerate(zip_longest(former, documents)):
        if before == after:
            continue
        was, now = (_own(item) if item else {} for item in (before, after))
        for key in {key for key, _ in was.items() ^ now.items()}:
            number = keys.shard(key)
            held = opened.setdefault(number, json.loads(pieces[number]))
            found, titled = keys.places(held.get(key, "").encode("latin-1"))
            found = found & ~(1 << place) | (key in now) << place
            titled = titled & ~(1 << place) | now.get(key, 0) << place
            held[key] = _sequence(found, titled) if found else ""
    for number, held in opened.items():
        pieces[number] = _piece({key: held[key] for key in sorted(held) if held[key]})
    return _together(pieces)


def _own(item: Document) -> dict[str, int]:
    """The keys of one document, each with whether its title holds it."""
    titled = _of(dict.fromkeys(_titles(item), 1))
    facets = [keys.facet(name, zh) for name, zh, _ in item.facets]
    return {**dict.fromkeys([*_of(dict.fromkeys(item.text.split("\n"), 1)), *facets], 0), **titled}


def _sequence(found: int, titled: int) -> str:
    return keys.sequence(found, titled).decode("latin-1")


def _piece(held: dict[str, str]) -> bytes:
    return json.dumps(held, ensure_ascii=False).encode()


def _together(pieces: Collection[bytes]) -> bytes:
    return together([hashlib.sha256(piece).hexdigest()[:16] for piece in pieces], list(pieces))


# --- texts -----------------------------------------------------------------------------------------------


def _shown(documents: Sequence[Document], starts: list[int], digests: list[str]) -> dict[str, Any]:
    facets = {
        facet: number for number, facet in enumerate(dict.fromkeys(one for item in documents for one in item.facets))
    }
    own = [tuple(facets[one] for one in item.facets) for item in documents]
    kinds = {kind: number for number, kind in enumerate(dict.fromkeys(own))}
    return {
        "paths": [item.path.removesuffix(".html") for item in documents],
        "dates": [item.date for item in documents],
        "kind_of": [kinds[kind] for kind in own],
        "facets": list(facets),
        "kinds": list(kinds),
        "starts": starts,
        "digests": digests,
    }


def _numbered(things: Iterable[_Thing]) -> dict[_Thing, int]:
    return {thing: number for number, thing in enumerate(dict.fromkeys(things))}


def _texts(kept: bytes | None) -> list[tuple[str, bytes]]:
    """Blocks with their digests."""
    digests, blocks = unpacked(kept) if kept else ([], [])
    return list(zip(digests, blocks, strict=True))


def _blocks(documents: Sequence[Document]) -> Iterator[tuple[int, int]]:
    """The documents in stretches that are loaded at once, by their first one and the one behind the last."""
    start = letters = 0
    for place, item in enumerate(documents):
        letters += len(item.text)
        if place > start and (letters > _BLOCK_LETTERS or place - start == _BLOCK_PAGES):
            yield start, place
            start, letters = place, len(item.text)
    yield start, len(documents)


def packed(content: Any) -> bytes:
    """JSON as the browser is given it."""
    return gzip.compress(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(), mtime=0)
