"""Search: the index Pagefind makes of the finished pages, put into one order.

It segments Chinese, keeps ids whole (`-` and `_` belong to words) and reads only what pages mark as body.
Pagefind lists filters in an order that changes from run to run; as the same records must give the same site, they
are sorted afterwards, and the files whose names are hashes of their content are renamed after it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from kelu.pages.shell import SiteError, run

_MAGIC = b"pagefind_dcd"  # what every file of the index starts with once unpacked; CBOR follows
_UNSIGNED, _TEXT, _ARRAY = 0, 3, 4  # major types of CBOR (RFC 8949) that these files use
_FILTERS = 3  # place in the index's head of its list of (filter, file)
# Pagefind's ready-made interfaces are not used: the site has its own.
_UNUSED = (
    "pagefind-ui.js", "pagefind-ui.css", "pagefind-modular-ui.js", "pagefind-modular-ui.css",
    "pagefind-component-ui.js", "pagefind-component-ui.css", "pagefind-highlight.js",
)  # fmt: skip


def index(site: Path) -> None:
    """Write `site/pagefind`. The same pages give the same bytes. Raises SiteError when Pagefind fails."""
    command = [sys.executable, "-m", "pagefind", "--site", str(site), "--force-language", "zh"]
    run([*command, "--include-characters=-_", "--silent"])
    folder = site / "pagefind"
    for name in _UNUSED:
        (folder / name).unlink(missing_ok=True)
    _settle(folder)


def _settle(folder: Path) -> None:
    """Sort the filters of an index and name its files after what they now hold."""
    entry = json.loads((folder / "pagefind-entry.json").read_text("utf-8"))
    for language in entry["languages"].values():
        old = folder / f"pagefind.{language['hash']}.pf_meta"
        head = _unpack(old)
        for pair in head[_FILTERS]:
            pair[1] = _settle_filter(folder, pair[1])
        head[_FILTERS].sort()
        packed = _pack(head)
        language["hash"] = f"{language['hash'].partition('_')[0]}_{_digest(packed)}"
        old.unlink()
        (folder / f"pagefind.{language['hash']}.pf_meta").write_bytes(packed)
    (folder / "pagefind-entry.json").write_text(json.dumps(entry, separators=(",", ":")), "utf-8")


def _settle_filter(folder: Path, name: str) -> str:
    """Sort the values of one filter; its new name."""
    old = folder / f"filter/{name}.pf_filter"
    content = _unpack(old)
    content[1].sort()
    packed = _pack(content)
    old.unlink()
    renamed = f"{name.partition('_')[0]}_{_digest(packed)}"
    (folder / f"filter/{renamed}.pf_filter").write_bytes(packed)
    return renamed


def _digest(packed: bytes) -> str:
    return hashlib.sha256(packed).hexdigest()[:10]


def _unpack(path: Path) -> list[Any]:
    raw = gzip.decompress(path.read_bytes())
    content, end = _decoded(raw, len(_MAGIC))
    if not raw.startswith(_MAGIC) or end != len(raw) or not isinstance(content, list):
        raise SiteError(f"{path.name}: not the form of index this version of kelu knows")
    return content


def _pack(content: list[Any]) -> bytes:
    return gzip.compress(_MAGIC + _encoded(content), mtime=0)


def _decoded(raw: bytes, at: int) -> tuple[Any, int]:
    """The CBOR value at a place and the place after it: unsigned numbers, text and arrays only."""
    major, size = raw[at] >> 5, raw[at] & 0x1F
    at += 1
    if size > 23:
        width = 1 << (size - 24)
        size, at = int.from_bytes(raw[at : at + width]), at + width
    if major == _UNSIGNED:
        return size, at
    if major == _TEXT:
        return raw[at : at + size].decode("utf-8"), at + size
    if major != _ARRAY:
        raise SiteError(f"pagefind: unknown value of type {major} in its index")
    items = []
    for _ in range(size):
        item, at = _decoded(raw, at)
        items.append(item)
    return items, at


def _encoded(value: Any) -> bytes:
    if isinstance(value, int):
        return _head(_UNSIGNED, value)
    if isinstance(value, str):
        raw = value.encode("utf-8")
        return _head(_TEXT, len(raw)) + raw
    return _head(_ARRAY, len(value)) + b"".join(map(_encoded, value))


def _head(major: int, size: int) -> bytes:
    if size < 24:
        return bytes([major << 5 | size])
    width = next(w for w in (1, 2, 4, 8) if size < 1 << 8 * w)
    return bytes([major << 5 | 23 + width.bit_length()]) + size.to_bytes(width)
