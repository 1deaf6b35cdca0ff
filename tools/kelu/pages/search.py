"""Search: an index of the finished pages, in pieces small enough that a query loads only the few it needs.

The index is our own, because Pagefind 1.5, measured on the same 10,000 records (12 million characters), did not do:
of 150 strings of two to six characters taken from the records, a quoted search found 2 and an unquoted one missed
pages for 66 and found too many for 81, as it looks for the words it cuts a text into; `zzqx` found a page. It took
28 seconds of CPU and 1.3 GB, each time anew. Here what stands on a page is found, and what does not finds nothing.

- A *key* is three neighbouring letters of a script without spaces, such as 交换机, or a whole word of Latin letters
  and digits. A longer run stands on a page only if all its threes do. The browser (`site/assets/find.js`) looks that
  up and then reads the text of what it shows, so that no hit is a chance meeting of threes. Keys of two letters, for
  shorter terms, are the beginnings of these.
- A *bucket* holds at most a thousand records, those whose ids differ in the last three digits only, so a record
  never changes its bucket; the other pages make one a language. Its keys and texts are made at once and kept in the
  cache under a digest of what they are made from. After a change one bucket is made again.
- *Shards* hold, for the keys that begin alike, the documents of all buckets; they are put together at each build.

A cached bucket is believed only if its own digest fits; the cache may be deleted at any time. The same pages give
the same bytes with it and without.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import starmap
from pathlib import Path, PurePosixPath
from typing import Any

from kelu.pages.extract import Document, essence, extract
from kelu.pages.record import FOLDER

INDEX = "search"  # the folder of the index in the site
SHARDS = 512
_CODE = (Path(__file__), Path(__file__).with_name("extract.py"))  # what buckets are made by
_BUCKET_DIGITS = 3
_BLOCK_PAGES, _BLOCK_LETTERS = 16, 24_000  # of a file of texts: at most so many, or one longer
_KEY_LETTERS = 24  # of a long word, such as a digest, no more is looked up
# Full-width signs and the many dashes are searched as the plain ones, letter for letter. As in find.js.
_FOLD: dict[int, int | str] = {0xFEE0 + code: code for code in range(0x21, 0x7F)}
_FOLD |= {0x3000: " ", 0x0130: "i", 0x2212: "-", **dict.fromkeys(range(0x2010, 0x2016), "-")}
_LATIN = "0-9a-zß-öø-ɏ"
_RUN = re.compile(rf"[{_LATIN}]+|[^\W_{_LATIN}]+")
_IS_LATIN = re.compile(f"[{_LATIN}]")


def index(
    site: Path, cache: Path, languages: Sequence[str], pages: Sequence[str] | None = None, out: Path | None = None
) -> None:
    """Write the index of a site's pages (of those of `pages`) into it, or into `out`. `cache` is a folder for this
    alone, which may be lost.

    A page belongs to the language whose folder it is in, to the first where there is none; records belong to all.
    """
    cache.mkdir(parents=True, exist_ok=True)
    folder = (out or site) / INDEX
    shutil.rmtree(folder, ignore_errors=True)
    buckets = {}
    kept = set()
    for name, paths in sorted(_buckets(_pages(site) if pages is None else pages, languages).items()):
        sources = {path: source for path in paths if (source := essence((site / path).read_bytes()))}
        if sources:
            place = cache / f"{name}.{_digest(sources)}"
            buckets[name] = _recalled(place) or _kept(place, _made(list(starmap(extract, sources.items()))))
            kept.add(place)
    for stale in {path for path in cache.iterdir() if path.is_file()} - kept:
        stale.unlink()
    _write(folder, buckets, languages)


def _pages(site: Path) -> list[str]:
    return [path.relative_to(site).as_posix() for path in site.rglob("*.html")]


def _buckets(pages: Iterable[str], languages: Sequence[str]) -> dict[str, list[str]]:
    """The paths of all pages in each bucket, in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for place in map(PurePosixPath, pages):
        if place.parts[0] == FOLDER:
            name = place.stem[:-_BUCKET_DIGITS]
        else:
            name = place.parts[0] if place.parts[0] in languages else languages[0]
        found[name].append(place.as_posix())
    for paths in found.values():
        paths.sort()
    return found


# --- buckets and their cache ------------------------------------------------------------------------------


def _digest(sources: Mapping[str, bytes]) -> str:
    """What a bucket made of these pages by this program is kept under."""
    digest = hashlib.sha256()
    for code in _CODE:
        digest.update(code.read_bytes())
    for path, source in sources.items():
        digest.update(b"%d %d %s" % (len(path), len(source), path.encode()))
        digest.update(source)
    return digest.hexdigest()


def _kept(place: Path, bucket: dict[str, Any]) -> dict[str, Any]:
    """A bucket just made, kept in the cache."""
    text = json.dumps(bucket, ensure_ascii=False)
    fresh = place.with_suffix(".new")
    fresh.write_text(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}", encoding="utf-8")
    fresh.replace(place)
    return bucket


def _recalled(place: Path) -> dict[str, Any] | None:
    """What a file of the cache holds; None when it is not there or not whole."""
    with suppress(OSError, ValueError):
        digest, _, text = place.read_text(encoding="utf-8").partition("\n")
        if hashlib.sha256(text.encode()).hexdigest() == digest:
            recalled: dict[str, Any] = json.loads(text)
            return recalled
    return None


def _made(documents: Sequence[Document]) -> dict[str, Any]:
    """What the index needs of a bucket: `keys` with the documents that hold them, `blocks` of texts, each with the
    place of its first document, and of every document its path, date and facets."""
    blocks = {start: _packed([[item.title, item.text] for item in held]) for start, held in _blocks(documents)}
    return {
        "keys": {key: _sequence(held).decode("latin-1") for key, held in sorted(_keys(documents).items())},
        "starts": list(blocks),
        "blocks": [base64.b64encode(block).decode() for block in blocks.values()],
        "paths": [item.path.removesuffix(".html") for item in documents],
        "dates": [item.date for item in documents],
        "facets": [item.facets for item in documents],
    }


def _keys(documents: Sequence[Document]) -> dict[str, list[int]]:
    """For each key the documents that hold it, as twice their place, and one more where it stands in the title."""
    found: dict[str, list[int]] = defaultdict(list)
    for place, item in enumerate(documents):
        title = _of(f"{item.title} {Path(item.path).stem}")
        for key in _of(item.text) | title:
            found[key].append(place * 2 + (key in title))
    return found


def _of(text: str) -> set[str]:
    """The keys of a text."""
    keys: set[str] = set()
    for run in set(_RUN.findall(text.translate(_FOLD).lower())):
        if _IS_LATIN.match(run):
            keys.add(run[:_KEY_LETTERS])
        else:
            keys.update(map("".join, zip(run, run[1:], run[2:], strict=False)))
            keys.add(run[-2:])  # so that two letters are the beginning of a key wherever they stand
    return keys


def _blocks(documents: Sequence[Document]) -> Iterator[tuple[int, Sequence[Document]]]:
    """The documents in stretches that are loaded at once, each with the place of its first one."""
    start = letters = 0
    for place, item in enumerate(documents):
        letters += len(item.text)
        if place > start and (letters > _BLOCK_LETTERS or place - start == _BLOCK_PAGES):
            yield start, documents[start:place]
            start, letters = place, len(item.text)
    yield start, documents[start:]


# --- what the site is given -------------------------------------------------------------------------------


def _write(folder: Path, buckets: Mapping[str, Mapping[str, Any]], languages: Sequence[str]) -> None:
    """Write the index of all buckets: `head`, which names the documents, `keys/N` and `text/BUCKET.N`."""
    files: dict[str, bytes] = {}
    for name, bucket in buckets.items():
        for number, block in enumerate(bucket["blocks"]):
            files[f"text/{name}.{number}"] = base64.b64decode(block)
    for number, shard in enumerate(_shards([bucket["keys"] for bucket in buckets.values()])):
        files[f"keys/{number}"] = gzip.compress(shard, mtime=0)
    digest = hashlib.sha256()
    for content in files.values():
        digest.update(content)
    head = _head(buckets, languages)
    files["head"] = _packed({**head, "version": digest.hexdigest()[:16]})
    for part in ("text", "keys"):
        (folder / part).mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _head(buckets: Mapping[str, Mapping[str, Any]], languages: Sequence[str]) -> dict[str, Any]:
    """What every search begins with: the documents of each bucket in order, their dates, and the facets by number."""
    values = sorted({tuple(facet) for bucket in buckets.values() for held in bucket["facets"] for facet in held})
    numbers = {facet: number for number, facet in enumerate(values)}
    rows = []
    for name, bucket in buckets.items():
        common = "" if name in languages else f"{FOLDER}/{name}"
        facets = [[numbers[tuple(facet)] for facet in held] for held in bucket["facets"]]
        rows.append(
            {
                "name": name,
                "language": name if name in languages else "",
                "common": common,
                "paths": [path.removeprefix(common) for path in bucket["paths"]],
                "dates": bucket["dates"],
                "facets": facets,
                "starts": bucket["starts"],
            }
        )
    return {"shards": SHARDS, "facets": values, "buckets": rows}


def _shards(buckets: Sequence[Mapping[str, str]]) -> Iterator[bytes]:
    """Each shard: key after key its length in bytes, itself, the number of buckets that hold it, and for each of them
    its number, the length of its sequence in bytes, and that."""
    shards: list[dict[str, list[bytes]]] = [defaultdict(list) for _ in range(SHARDS)]
    for number, keys in enumerate(buckets):
        head = _number(number)
        for key, held in keys.items():
            shards[_shard(key)][key].append(head + _number(len(held)) + held.encode("latin-1"))
    for shard in shards:
        pieces: list[bytes] = []
        for key in sorted(shard):
            raw = key.encode()
            pieces += (_number(len(raw)), raw, _number(len(shard[key])), *shard[key])
        yield b"".join(pieces)


def _shard(key: str) -> int:
    """The shard of a key, told by its first two letters. As in find.js."""
    return (ord(key[0]) * 31 + (ord(key[1]) if len(key) > 1 else 0)) % SHARDS


def _sequence(held: Sequence[int]) -> bytes:
    """Rising numbers as their distances, the lowest bit of each apart."""
    made = bytearray()
    last = 0
    for number in held:
        distance = (number >> 1) - last
        last = number >> 1
        value = distance << 1 | number & 1
        if value < 0x80:
            made.append(value)
        else:
            made += _number(value)
    return bytes(made)


def _number(value: int) -> bytes:
    """A number in groups of seven bits, the lowest first, the top bit set on all but the last (LEB128)."""
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def _packed(content: Any) -> bytes:
    return gzip.compress(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(), mtime=0)
