"""Search: an index of the finished pages, in pieces small enough that a query loads only the few it needs.

The index is our own, because Pagefind 1.5, measured on the same 10,000 records (12 million characters), did not do:
of 150 strings of two to six characters taken from the records, a quoted search found 2 and an unquoted one missed
pages for 66 and found too many for 81, as it looks for the words it cuts a text into; `zzqx` found a page. It took
28 seconds of CPU and 1.3 GB, each time anew. Here what stands on a page is found, and what does not finds nothing.

- A *key* is three neighbouring letters of a script without spaces, such as 交换机, or a whole word of Latin letters
  and digits, or the first two or three letters of one, or a number with the beginning of what it is joined to (see
  `keys`). A longer run stands on a page only if all its threes do. The browser (`site/assets/find.js`) looks that up
  and then reads the text of what it shows, so that no hit is a chance meeting of keys. Keys of two letters, for
  shorter terms, are the beginnings of threes. Facets are keys, too.
- A *bucket* holds at most a thousand records, those whose ids differ in the last three digits only, so a record
  never changes its bucket; the other pages make one a language. What it takes to make one stands in `bucket`.
- A *volume* holds the buckets whose names differ in the last digit only. Its keys are merged and cut into *shards*,
  those that begin alike; a shard of the site is the shards of all volumes in a row. After a change to a record only
  those shards are made again that hold a key which the record gained or lost.

At 100,000 records, 57,000 of which have a page, the index takes 75 seconds of CPU from nothing, on as many processes
as there are cores, 1.7 after five changes, of which one tells that nothing else changed; 54 MB. A query of a browser
loads 55 to 181 KB, of which 50 are the head; only many common words at once load more (five: 310).

Everything is kept in the cache under a digest of what it is made from. A file of the cache is believed only if its own
digest fits; the cache may be deleted at any time. The same pages give the same bytes with it and without.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from kelu.pages import bucket, keys
from kelu.pages.bucket import Bucket, Shown
from kelu.pages.place import FOLDER
from kelu.pages.shed import Shed, together, unpacked
from kelu.pages.tree import SiteTree

INDEX = "search"  # the folder of the index in the site
WIDE = 100  # a facet of more values is looked up by the value chosen and not counted
_CODE = (Path(__file__), *(Path(__file__).with_name(name) for name in ("bucket.py", "keys.py", "extract.py")))
_BUCKET_DIGITS = 3
_LAST_DIGIT = re.compile("[0-9]$")
_ALONE = 1_000  # so many pages that were never read are read in this process; for more it pays to start others
_FEW = 12  # and so many buckets in which pages are others


def index(tree: SiteTree, pages: Iterable[str], cache: Path, languages: Sequence[str]) -> None:
    """Bring the index of these pages of a site into it.

    `cache` is a folder for this alone, which may be lost. A page belongs to the language whose folder it is in, to the
    first where there is none; records belong to all.
    """
    code = hashlib.sha256(b"".join(path.read_bytes() for path in _CODE)).hexdigest()
    shed = Shed(cache, code)
    buckets = {item.name: item for item in _buckets(tree.folder, pages, languages)}
    digests = _digests(shed, list(buckets.values()))
    held = {name: bucket.shown(shed, item, digests[name]) for name, item in buckets.items()}
    volumes: dict[str, list[str]] = defaultdict(list)
    for name, shown in held.items():
        blocks: list[bytes] = []

        def block(number: int, item: Bucket = buckets[name], blocks: list[bytes] = blocks) -> bytes:
            if not blocks:
                blocks += bucket.texts(shed, item, digests[item.name])
            return blocks[number]

        for number, digest in enumerate(shown.digests):
            _have(tree, f"{INDEX}/text/{name}.{number}", f"{code} {digest}", partial(block, number))
        if shown.paths:
            volumes[_LAST_DIGIT.sub("", name)].append(name)
    made = [_volume(shed, name, [(buckets[one], digests[one]) for one in members]) for name, members in volumes.items()]
    for number in range(keys.SHARDS):
        pieces = [volume[1][number] for volume in made]
        _have(
            tree, f"{INDEX}/keys/{number}", _key(code, [volume[0][number] for volume in made]), partial(_shard, pieces)
        )
    version = _key(code, [(name, digests[name]) for members in volumes.values() for name in members])
    tree.put(f"{INDEX}/head", bucket.packed({**_head(volumes, held, languages), "version": version}))
    shed.tidy({_KNOWN, *map(_pieces, volumes), *(file for name in buckets for file in bucket.files(name))})


def _have(tree: SiteTree, path: str, key: str, content: Callable[[], bytes]) -> None:
    """Have a file in the site, made only if the one that stands there was made by another key."""
    if not tree.keep(path, key):
        tree.note(path, key, tree.write(path, content()))


def _key(*made_of: Any) -> str:
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]


def _buckets(site: Path, pages: Iterable[str], languages: Sequence[str]) -> list[Bucket]:
    """All buckets by name, each with its pages in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for page in pages:
        folder, _, name = page.partition("/")
        if folder == FOLDER:
            name = name.removesuffix(".html")[:-_BUCKET_DIGITS]
        else:
            name = folder if folder in languages else languages[0]
        found[name].append(page)
    return [Bucket(name, site, tuple(sorted(paths))) for name, paths in sorted(found.items())]


# --- what is kept ---------------------------------------------------------------------------------------------

_KNOWN = "known"


def _digests(shed: Shed, buckets: Sequence[Bucket]) -> dict[str, str]:
    """For each bucket a digest of what it is made from; made anew where its pages are no longer the same files."""
    marks = {item.name: bucket.mark(item) for item in buckets}
    known = json.loads(shed.recall(_KNOWN, "") or b"{}")
    digests = {name: known[name][1] for name, mark in marks.items() if known.get(name, ("",))[0] == mark}
    stale = [item for item in buckets if item.name not in digests]
    if len(stale) > _FEW or sum(len(item.pages) for item in stale if item.name not in known) > _ALONE:
        with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
            made = list(pool.map(partial(bucket.make, shed), stale))
    else:
        made = [bucket.make(shed, item) for item in stale]
    digests |= zip((item.name for item in stale), made, strict=True)
    shed.keep(_KNOWN, "", json.dumps({name: (mark, digests[name]) for name, mark in marks.items()}).encode())
    return digests


def _volume(shed: Shed, name: str, members: Sequence[tuple[Bucket, str]]) -> tuple[list[str], list[bytes]]:
    """The shards of a volume, which has these buckets with these digests, each with what tells what it was made of;
    a shard that is made of the same is taken over."""
    key = json.dumps([(item.name, digest) for item, digest in members])
    kept = shed.recall(_pieces(name))
    (of, was), pieces = unpacked(kept) if kept is not None else (("", [""] * keys.SHARDS), [b""] * keys.SHARDS)
    if of == key:
        return was, pieces
    held = [bucket.held(shed, item, digest) for item, digest in members]
    names = [item.name for item, _ in members]
    made_of = [_key(names, [digests[number] for digests, _ in held]) for number in range(keys.SHARDS)]
    for number, now in enumerate(made_of):
        if was[number] != now:
            pieces[number] = _merged([own[number] for _, own in held])
    shed.keep(_pieces(name), "", together([key, made_of], pieces))
    return made_of, pieces


def _pieces(volume: str) -> str:
    return f"{volume}.shards"


def _merged(buckets: Sequence[bytes]) -> bytes:
    """A shard of a volume, packed: key after key its length in bytes, itself, the number of buckets that hold it, and
    for each of them its number, the length of its sequence in bytes, and that."""
    found: dict[str, list[bytes]] = defaultdict(list)
    for number, piece in enumerate(buckets):
        head = keys.number(number)
        for key, held in json.loads(piece).items():
            found[key].append(head + keys.number(len(held)) + held.encode("latin-1"))
    pieces: list[bytes] = []
    for key in sorted(found):
        raw = key.encode()
        pieces += (keys.number(len(raw)), raw, keys.number(len(found[key])), *found[key])
    return zlib.compress(b"".join(pieces), wbits=-zlib.MAX_WBITS) if pieces else b""


# --- what the site is given -------------------------------------------------------------------------------


def _shard(volumes: Sequence[bytes]) -> bytes:
    """A shard of the site."""
    return b"".join(keys.number(len(piece)) + piece for piece in volumes)


def _head(volumes: Mapping[str, Sequence[str]], held: Mapping[str, Shown], languages: Sequence[str]) -> dict[str, Any]:
    """What every search begins with: the documents of each bucket in order, their dates, and the facets by number."""
    values = sorted({(name, zh, en) for shown in held.values() for name, zh, en in shown.facets})
    numbers = {facet: number for number, facet in enumerate(values)}
    of_facet: dict[str, int] = defaultdict(int)
    for name, _, _ in values:
        of_facet[name] += 1
    wide = sorted(name for name, count in of_facet.items() if count > WIDE)
    rows = []
    for members in volumes.values():
        made = []
        for name in members:
            shown, common = held[name], "" if name in languages else f"{FOLDER}/{name}"
            own = [None if name in wide else numbers[name, zh, en] for name, zh, en in shown.facets]
            kinds = [tuple(number for place in kind if (number := own[place]) is not None) for kind in shown.kinds]
            combined = {kind: number for number, kind in enumerate(dict.fromkeys(kinds))}
            made.append({
                "name": name,
                "language": name if name in languages else "",
                "common": common,
                "paths": _runs([path.removeprefix(common) for path in shown.paths]),
                "dates": shown.dates,
                "kinds": list(combined),
                "facets": [combined[kinds[kind]] for kind in shown.kind_of],
                "sizes": [end - start for start, end in pairwise([*shown.starts, len(shown.paths)])],
            })  # fmt: skip
        rows.append(made)
    return {"shards": keys.SHARDS, "digits": _BUCKET_DIGITS, "facets": values, "wide": wide, "volumes": rows}


def _runs(paths: Sequence[str]) -> list[str | list[int]]:
    """Paths, but of those that are numbers following each other the first and how many there are."""
    runs: list[str | list[int]] = []
    for path in paths:
        last = runs[-1] if runs else ""
        if not re.fullmatch(f"[0-9]{{{_BUCKET_DIGITS}}}", path):
            runs.append(path)
        elif isinstance(last, list) and sum(last) == int(path):
            last[1] += 1
        else:
            runs.append([int(path), 1])
    return runs
