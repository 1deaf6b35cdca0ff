"""Version: what each version of a record file sets anew against the one it was made from.

A version differs from the one before in a line or two. The text is therefore cut at its top-level keys, and only the
pieces that changed are read as YAML; where a file is written in another way, or a piece cannot be read by itself, the
whole of it is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kelu import git
from kelu.document import parse

_TOP = re.compile(r"\n(?=[a-z_]+:)")
_LIMIT = 1 << 20  # bytes; above, `parse` says what is wrong
Link = tuple[str | None, str]  # a version's blob, and that of the one it was made from
Row = tuple[str, str, str | None, str | None]  # path, blob, base, delta


@dataclass(slots=True)
class _Version:
    data: dict[str, Any] | None
    pieces: dict[str, str] | None  # by key, where they make up the file


def chains(root: str, files: Sequence[tuple[str, Sequence[Link]]]) -> list[Row]:
    """The rows of the versions of some files: each file with its (base, blob) pairs, bases before what is made of
    them. A base that is None, or cannot be read, makes a version complete in itself; a version that cannot be read
    has no delta."""
    wanted = [blob for _, links in files for blob in dict.fromkeys(blob for link in links for blob in link if blob)]
    content = git.blobs(Path(root), wanted)
    rows: list[Row] = []
    for path, links in files:
        names = list(dict.fromkeys(blob for link in links for blob in link if blob))
        raw = {name: next(content) for name in names}
        seen: dict[str, _Version] = {}
        for base, blob in links:
            if base is not None and base not in seen:
                seen[base] = _read(raw[base], path, None)
            before = seen.get(base) if base else None
            if blob not in seen:
                seen[blob] = _read(raw[blob], path, before)
            after = seen[blob]
            if after.data is None:
                rows.append((path, blob, base, None))
            elif before is None or before.data is None:
                rows.append((path, blob, None, _packed(after.data, ())))
            else:
                changed = {key: value for key, value in after.data.items() if not _same(before.data, key, value)}
                gone = [key for key in before.data if key not in after.data]
                rows.append((path, blob, base, _packed(changed, gone)))
    return rows


def applied(before: Mapping[str, Any] | None, delta: str) -> dict[str, Any]:
    """The data of a version, from those of its base."""
    changed, gone = json.loads(delta)
    data = {key: value for key, value in before.items() if key not in gone} if before and gone else dict(before or {})
    data.update(changed)
    return data


def _packed(changed: Mapping[str, Any], gone: Sequence[str]) -> str:
    return json.dumps([changed, list(gone)], ensure_ascii=False, separators=(",", ":"))


def _same(before: Mapping[str, Any], key: str, value: object) -> bool:
    if key not in before:
        return False
    old = before[key]
    return old is value or (type(old) is type(value) and old == value and repr(old) == repr(value))


def _read(raw: bytes, path: str, before: _Version | None) -> _Version:
    pieces = _cut(raw)
    if pieces is not None and before is not None and before.pieces is not None and before.data is not None:
        data = _reread(pieces, before.pieces, before.data, path)
        if data is not None:
            return _Version(data, pieces)
    data, _ = parse(raw, path)
    return _Version(data, pieces if data is not None and pieces is not None and [*pieces] == [*data] else None)


def _reread(
    pieces: Mapping[str, str], old: Mapping[str, str], known: Mapping[str, Any], path: str
) -> dict[str, Any] | None:
    """The data of a file of which only some pieces are new; None where those cannot be read by themselves."""
    fresh = {key: piece for key, piece in pieces.items() if old.get(key) != piece}
    parts, _ = parse("\n".join(fresh.values()).encode("utf-8"), path) if fresh else ({}, [])
    if parts is None or [*parts] != [*fresh]:
        return None
    return {key: parts[key] if key in fresh else known[key] for key in pieces}


def _cut(raw: bytes) -> dict[str, str] | None:
    """The pieces of a text by top-level key; None where it is not written so, or holds a key twice."""
    if len(raw) > _LIMIT:
        return None
    try:
        head, *parts = _TOP.split("\n" + raw.decode("utf-8"))
    except UnicodeDecodeError:
        return None
    if any(line and not line.startswith("#") for line in head.split("\n")):
        return None
    pieces = {part[: part.index(":")]: part for part in parts}
    return pieces if len(pieces) == len(parts) else None
