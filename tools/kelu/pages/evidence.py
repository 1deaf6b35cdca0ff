"""Evidence: the files that records point to, and whether those kept in the repository are still what was recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kelu.privacy import Node
from kelu.trace import Files

_DIGEST, _PATH = FIELDS = "sha256", "path"  # what common.schema.json calls them in an attachment


@dataclass(frozen=True, slots=True)
class Item:
    """A file that a record gives as evidence. `place` is where it is kept; `state`: same, other (not the file that was
    recorded), missing, or outside the repository."""

    name: str
    place: str
    digest: str
    state: str


def states(data: Any, read: Files) -> Iterator[tuple[str, str]]:
    """(path, state) of every file of the repository that a record, or a part of one, gives with its digest."""
    if isinstance(data, Mapping):
        path, digest = data.get(_PATH), data.get(_DIGEST)
        if isinstance(path, str) and isinstance(digest, str):
            held = read(path)
            same = held is not None and hashlib.sha256(held).hexdigest() == digest
            yield path, "missing" if held is None else "same" if same else "other"
    for part in data.values() if isinstance(data, Mapping) else data if isinstance(data, list) else ():
        yield from states(part, read)


def items(nodes: Iterable[Node], known: Mapping[str, str]) -> Iterator[Item]:
    """The evidence of a record as published; `known` are the states of its files in the repository by path."""
    for node in nodes:
        if not node.children:
            continue
        held = {child.name: child for child in node.children}
        if _DIGEST in held:
            place = held.get(_PATH) or held.get("external_ref")
            name = held["name"].value if "name" in held else ""
            where = place.value if place else ""
            yield Item(name, where, held[_DIGEST].value, known.get(where, "outside"))
        else:
            yield from items(node.children, known)
