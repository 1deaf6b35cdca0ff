"""Memo: a text that a command worked out, for the next time that all it hangs on is as it was.

Beside the text stands a digest of what it hangs on and of the text itself: what is stale, cut off or altered is worked
out anew. What came with a change, being in Git, is not read.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from kelu import git

_FOLDER = Path(".kelu/cache")


def recalled(root: Path, name: str, key: Sequence[object], work: Callable[[], str]) -> str:
    """The text kept under a name where `key` is the one it was kept with; else what the work gives, which is kept."""
    file = root / _FOLDER / f"{name}.memo"
    with contextlib.suppress(OSError, ValueError):
        if not git.tracks(root, _FOLDER.parts[0]):
            mark, _, content = file.read_bytes().partition(b"\n")
            if mark == _mark(key, content):
                return content.decode("utf-8")
    text = work()
    content = text.encode("utf-8", "surrogatepass")
    with contextlib.suppress(OSError):  # it is there to save time, not to be missed
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as made:
            made.write(_mark(key, content) + b"\n" + content)
        Path(made.name).replace(file)
    return text


def _mark(key: Sequence[object], content: bytes) -> bytes:
    said = json.dumps([*key, hashlib.sha256(content).hexdigest()], ensure_ascii=False, default=str)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest().encode()
