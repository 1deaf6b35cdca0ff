"""Kept: pages of the last build, taken over where nothing they are made from has changed.

What is kept is disposable: a page whose file is not what was written is made again, and everything is when the ground
(program, templates, policy, frame) is another.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from pathlib import Path

_INDEX = "index.json"


class Kept:
    """Pages kept in `folder`, all made on one `ground` (any text that names it)."""

    def __init__(self, folder: Path, ground: str) -> None:
        self._folder, self._ground = folder, hashlib.sha256(ground.encode()).hexdigest()
        self._former = self._read()
        self._now: dict[str, tuple[str, str]] = {}  # name -> (key, digest of the file)
        folder.mkdir(parents=True, exist_ok=True)

    def _read(self) -> dict[str, tuple[str, str]]:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            index = json.loads((self._folder / _INDEX).read_text("utf-8"))
            if index["ground"] == self._ground:
                return {str(name): (str(key), str(digest)) for name, (key, digest) in index["pages"].items()}
        shutil.rmtree(self._folder, ignore_errors=True)
        return {}

    def take(self, name: str, key: str, target: Path) -> bool:
        """Put the page of that name in its place, if it is kept and was made from what `key` tells."""
        held = self._former.get(name)
        if held is None or held[0] != key:
            return False
        try:
            content = (self._folder / name).read_bytes()
        except OSError:
            return False
        if hashlib.sha256(content).hexdigest() != held[1]:
            return False
        target.write_bytes(content)
        self._now[name] = held
        return True

    def put(self, name: str, key: str, page: str, target: Path) -> None:
        """Write a page that was made anew to its place, and keep it."""
        content = page.encode()
        target.write_bytes(content)
        (self._folder / name).write_bytes(content)
        self._now[name] = key, hashlib.sha256(content).hexdigest()

    def close(self) -> None:
        """Forget the pages that this build did not have."""
        for name in self._former.keys() - self._now.keys():
            (self._folder / name).unlink(missing_ok=True)
        index = {"ground": self._ground, "pages": self._now}
        (self._folder / _INDEX).write_text(json.dumps(index), "utf-8")
