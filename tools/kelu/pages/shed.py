"""Shed: things kept from the last build, each a file that is believed only while its own digest fits.

What is kept is disposable: a file that is not there, not whole, of another program or made from other things is as
good as none.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Shed:
    """A folder of kept files, all made on one `ground` (any text that names it)."""

    folder: Path
    ground: str

    def recall(self, name: str, key: str | None = None) -> bytes | None:
        """What a file holds, if it was made from what `key` tells; whatever it was made from without one."""
        with suppress(OSError, ValueError):
            digest, ground, made, content = (self.folder / name).read_bytes().split(b"\n", 3)
            if digest == _digest(ground, made, content) and ground == _short(self.ground):
                return content if key is None or made == _short(key) else None
        return None

    def keep(self, name: str, key: str, content: bytes) -> None:
        """Keep content that was made from what `key` tells."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ground, made = _short(self.ground), _short(key)
        place = self.folder / name
        if place.is_dir():
            shutil.rmtree(place)
        fresh = self.folder / f"{name}.{os.getpid()}.new"
        fresh.write_bytes(b"\n".join((_digest(ground, made, content), ground, made, content)))
        fresh.replace(place)

    def tidy(self, wanted: set[str]) -> None:
        """Forget every file but these."""
        with suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                if path.name not in wanted and path.is_file():
                    path.unlink()


def together(told: Any, pieces: Sequence[bytes]) -> bytes:
    """Data and pieces in one, for `unpacked`."""
    head = json.dumps([told, [len(piece) for piece in pieces]], ensure_ascii=False).encode()
    return b"%d\n%s%s" % (len(head), head, b"".join(pieces))


def unpacked(content: bytes) -> tuple[Any, list[bytes]]:
    """The data and the pieces that were put together."""
    size, _, rest = content.partition(b"\n")
    told, sizes = json.loads(rest[: int(size)])
    pieces, at = [], int(size)
    for length in sizes:
        pieces.append(rest[at : at + length])
        at += length
    return told, pieces


def _short(text: str) -> bytes:
    return hashlib.sha256(text.encode()).hexdigest().encode()


def _digest(*parts: bytes) -> bytes:
    return hashlib.sha256(b"\n".join(parts)).hexdigest().encode()
