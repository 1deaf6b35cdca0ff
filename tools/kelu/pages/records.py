"""Records: the pages of all records of a site, each made anew only when something it shows has changed."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kelu import timeline
from kelu.finding import Finding
from kelu.history.index import put_together
from kelu.intake import RECORDS
from kelu.pages import hands, record
from kelu.pages.beside import Beside
from kelu.pages.place import FOLDER
from kelu.pages.record import Frame
from kelu.pages.shell import Shell
from kelu.pages.tree import SiteTree, Stamp
from kelu.stage import stage
from kelu.timeline import Lens, Lore, People, Timeline

if TYPE_CHECKING:
    from kelu.pages.build import Edition

_CHUNK = 250  # pages made at a time
_ASKED = 20  # chunks that are asked for at a time
_Source = tuple[str, str, str, str]  # type, id, path and JSON of a record


def write(edition: Edition, beside: Beside, shell: Shell, tree: SiteTree, ground: str) -> None:
    """Bring the pages of the records into `tree`; `ground` tells of everything that all of them rest on."""
    renamed = beside.saying(tree.renamed(beside.titles()))
    same = hashlib.sha256(f"{beside.ground()} {ground}".encode()).hexdigest()
    keys: dict[str, str] = {}
    stale: list[tuple[str, str]] = []
    for name, path, mark in beside.marks():
        key = f"{mark}{same}"
        if path in renamed or not tree.keep(_place(name), key):
            keys[name] = key
            stale.append((name, path))
    if not stale:
        return
    tree.make(FOLDER)
    maker = _maker(edition, beside, shell, tree, stale)
    chunks = [stale[start : start + _CHUNK] for start in range(0, len(stale), _CHUNK)]
    with stage("写记录页面", "Writing record pages", len(stale)) as done:
        for made in hands.share(maker.make, _tasks(edition, chunks), len(chunks)):
            for name, stamp in made:
                tree.note(_place(name), keys[name], stamp)
            done(len(made))


def _place(name: str) -> str:
    """Where the page of a record stands."""
    return f"{FOLDER}/{name}.html"


def _tasks(edition: Edition, chunks: Sequence[Sequence[tuple[str, str]]]) -> Iterator[tuple[list[_Source], list[Any]]]:
    """What a hand needs of each chunk of records that lies in databases: how they are, and how they were. Each question
    goes through a whole table; so one asks for many chunks."""
    for start in range(0, len(chunks), _ASKED):
        asked = chunks[start : start + _ASKED]
        rows = edition.store.query(
            "SELECT type, id, path, json FROM record.source WHERE id IN (SELECT unnest($1::VARCHAR[])) ORDER BY path",
            [[name for chunk in asked for name, _ in chunk]],
        )
        sources = {row[2]: tuple(row) for row in rows}
        versions: dict[str, list[Any]] = defaultdict(list)
        if edition.history is not None:
            for row in edition.history.versions([path for chunk in asked for _, path in chunk]):
                versions[row[0]].append(row)
        for chunk in asked:
            yield [sources[path] for _, path in chunk], [row for _, path in chunk for row in versions.get(path, ())]


@dataclass(frozen=True, slots=True)
class _Maker:
    """All that hands share: they are forks of the process that gathered it."""

    edition: Edition
    frame: Frame
    shell: Shell
    tree: SiteTree
    lens: Lens
    lore: Lore | None
    texts: Mapping[str, Any]  # the entry of each file by its path

    def make(self, task: tuple[list[_Source], list[Any]]) -> list[tuple[str, Stamp]]:
        """Make the pages of some records; return by id what was written."""
        sources, versions = task
        told = {item.path: item for item in self._stories(versions)}
        texts = self._texts([path for _, _, path, _ in sources])
        made = []
        for type_, name, path, source in sources:
            title, body = record.page(
                self.frame, type_, path, json.loads(source), told.get(path), texts.get(path, "")
            )  # fmt: skip
            made.append((name, self.tree.write(_place(name), self.shell.fill(title, body))))
        return made

    def _stories(self, versions: Sequence[Any]) -> Iterator[Timeline]:
        if self.lore is not None:
            yield from timeline.tell_of(put_together(versions), self.edition.schemas, self.lens, self.lore)

    def _texts(self, paths: Sequence[str]) -> dict[str, str]:
        """The very texts of these records, where there is a tree to read them from."""
        if self.edition.tree is None:
            return {}
        wanted = [self.texts[path] for path in paths]
        return {entry.path: raw.decode("utf-8") for entry, raw in self.edition.tree.read(wanted)}


def _maker(edition: Edition, beside: Beside, shell: Shell, tree: SiteTree, stale: Sequence[tuple[str, str]]) -> _Maker:
    frame = beside.of({name for name, _ in stale})
    names, lore = frame.directory, None
    flags: dict[str, list[Finding]] = {}
    for item in edition.trail:
        flags.setdefault(item.path, []).append(item)
    if edition.history is not None:
        names = timeline.guarded(edition.history, edition.schemas.records, names)
        lore = timeline.gather(edition.history, [path for _, path in stale])
    lens = Lens(names, People.of(edition.policy), flags, edition.signatures, brief=True)
    sought = [path for _, path in stale] if len(stale) <= _CHUNK else [RECORDS]
    texts = {entry.path: entry for entry in edition.tree.entries(*sought)} if edition.tree else {}
    return _Maker(edition, frame, shell, tree, lens, lore, texts)
