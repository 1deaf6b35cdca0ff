"""Records: the pages of all records of a site, each made anew only when something it shows has changed."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from kelu import timeline
from kelu.finding import Finding
from kelu.pages import duties, record
from kelu.pages.record import Frame
from kelu.pages.shell import Shell
from kelu.pages.tree import SiteTree
from kelu.timeline import Lens, Lore, People, Timeline

if TYPE_CHECKING:
    from kelu.pages.build import Edition


def write(edition: Edition, frame: Frame, shell: Shell, tree: SiteTree) -> None:
    """Bring the pages of the records into `tree`, which stands on everything that all of them rest on."""
    lore = timeline.gather(edition.history) if edition.history is not None else None
    flags: dict[str, list[Finding]] = defaultdict(list)
    for item in edition.trail:
        flags[item.path].append(item)
    marks = _Marks(edition, frame, lore, flags)
    sources = edition.store.query("SELECT type, id, path, blob FROM record.source ORDER BY path")
    keys = {name: marks.of(name, path, blob) for _, name, path, blob in sources}
    stale = [(name, path) for _, name, path, _ in sources if not tree.keep(_page(name), keys[name])]
    stories = _stories(edition, frame, lore, flags, [path for _, path in stale])
    story = next(stories, None)
    texts = _texts(edition, {path for _, path in stale})
    for type_, name, path, data in edition.store.documents([name for name, _ in stale]) if stale else ():
        told = None
        if story is not None and story.path == path:  # both are ordered by path
            told, story = story, next(stories, None)
        title, body = record.page(frame, type_, path, data, told, texts.get(path, ""))
        stamp = tree.write(_page(name), shell.fill(title, body).encode())
        tree.note(_page(name), keys[name], stamp)


def _page(name: str) -> str:
    """Where the page of a record stands."""
    return f"{record.FOLDER}/{name}.html"


def _texts(edition: Edition, paths: set[str]) -> dict[str, str]:
    """The very texts of these records, where there is a tree to read them from."""
    if edition.tree is None or not paths:
        return {}
    wanted = [entry for entry in edition.tree.entries("records") if entry.path in paths]
    return {entry.path: raw.decode("utf-8") for entry, raw in edition.tree.read(wanted)}


def _stories(
    edition: Edition, frame: Frame, lore: Lore | None, flags: Mapping[str, Sequence[Finding]], paths: Sequence[str]
) -> Iterator[Timeline]:
    """The timelines of these records, as far as they have one."""
    if edition.history is None or not paths:
        return
    lens = Lens(frame.directory, People.of(edition.policy), flags, edition.signatures, brief=True)
    yield from timeline.tell(edition.history, edition.schemas, paths, lens, lore)


class _Marks:
    """Of each record what its page is made from, as a text of fixed length that changes with it."""

    def __init__(
        self, edition: Edition, frame: Frame, lore: Lore | None, flags: Mapping[str, Sequence[Finding]]
    ) -> None:
        self._edition, self._frame, self._lore, self._flags = edition, frame, lore, flags
        self._lines: dict[str, str] = {}  # of a duty, which may stand on several pages

    def of(self, name: str, path: str, blob: str) -> str:
        """The mark of one record."""
        frame = self._frame
        known = (
            path, blob, self._history(path), frame.evidence.get(name), frame.findings.get(path),
            frame.outgoing.get(name), frame.incoming.get(name), frame.counted.get(name),
            [(section.code, section.count, *map(self._line, section.lines[: record.SHOWN]))
             for section in frame.owed.get(name, ())],
            [self._line(line) for line in frame.kept.get(name, ())[: record.SHOWN]],
        )  # fmt: skip
        return hashlib.sha256(repr(known).encode()).hexdigest()

    def _history(self, path: str) -> object:
        if self._lore is None:
            return self._frame.commit
        touches = self._lore.touches.get(path, ())
        signed = [self._edition.signatures.get(self._lore.commits[touch.place].sha) for touch in touches]
        return self._lore.trace(path), signed, self._flags.get(path)

    def _line(self, line: duties.Line) -> str:
        if line.duty.id not in self._lines:
            self._lines[line.duty.id] = repr(line)
        return self._lines[line.duty.id]
