"""Trail: what the audit page tells of the history — its extent, deletions, signatures, and values that were changed.

Told is the default branch: what came and went within one merged change was never part of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from kelu import privacy
from kelu.document import look_up
from kelu.finding import Text
from kelu.history import signature
from kelu.history.branch import Branch
from kelu.history.index import History, Touch
from kelu.intake import RECORDS
from kelu.pages import inquiry
from kelu.pages.figure import Names, Row, row
from kelu.privacy import Node

if TYPE_CHECKING:
    from kelu.pages.build import Edition


@dataclass(frozen=True, slots=True)
class Landed:
    """A commit of the default branch: when it was committed, and whom it names as its author."""

    sha: str
    at: str
    who: str


@dataclass(frozen=True, slots=True)
class Deletion:
    """A file under `records/` that a commit took away; `back` tells that it is there again, `page` is then its page,
    where it can be read."""

    id: str
    path: str
    commit: Landed
    back: bool
    page: str


@dataclass(frozen=True, slots=True)
class Step:
    """A value that a commit changed; `down` tells that it is further down its vocabulary than before."""

    record: Row
    commit: Landed
    old: Node | None
    new: Node | None
    down: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """Every change of one field, latest first."""

    name: str
    title: Text
    about: Text
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Trail:
    """The history of a site's records. `judged` commits landed after the foundation (None: everything is judged);
    `signatures` counts these by how they are signed, None where the repository names nobody who may sign; `ever` are
    the ids of all records that the history knows."""

    head: Landed
    commits: int
    judged: int
    foundation: Landed | None
    deletions: tuple[Deletion, ...]
    signatures: Mapping[str, int] | None
    changed: tuple[Changed, ...]
    ever: frozenset[str]


def read(edition: Edition, names: Names, changed: Sequence[Mapping[str, Any]]) -> Trail | None:
    """What the history tells, with the changes of the fields under `changed` of `site/audit.yaml`; None without one."""
    history = edition.history
    if history is None:
        return None
    foundation = Branch(history, edition.schemas).foundation
    judged = [place for place, unit in history.landed.items() if unit > foundation]
    teller = _Teller(edition, history, names)
    return Trail(
        teller.landed(history.places[history.head]),
        len(history.landed),
        len(judged),
        teller.landed(foundation) if foundation >= 0 else None,
        tuple(teller.deletions()),
        _signatures(edition, history, judged),
        tuple(teller.changed(item) for item in changed),
        frozenset(PurePosixPath(path).stem for path in history.paths(f"{RECORDS}/")),
    )


def _signatures(edition: Edition, history: History, judged: Sequence[int]) -> Mapping[str, int] | None:
    allowed = signature.allowed_in(history.root)
    if allowed is None:
        return None
    shas = {place: sha for sha, place in history.places.items()}
    good = [place for place in judged if edition.signatures.get(shas[place]) == "good"]
    others = [shas[place] for place in judged if place not in set(good)]
    found = Counter(one.status.value for one in signature.signatures(history.root, others, allowed).values())
    return {"good": len(good) + found.pop("good", 0), **found}


class _Teller:
    """A history being told."""

    def __init__(self, edition: Edition, history: History, names: Names) -> None:
        self.edition, self.history, self.names = edition, history, names
        self.staff = {str(person["email"]).lower(): str(person["name"]) for person in edition.policy.staff}
        self.told: dict[int, Landed] = {}

    def landed(self, place: int) -> Landed:
        if place not in self.told:
            self.told[place] = self._landed(place)
        return self.told[place]

    def _landed(self, place: int) -> Landed:
        commit = self.history.some([place])[place]
        act = self.history.acts_of({place: commit})[place]
        who = self.staff.get(act.mail) or privacy.mask_text(act.name, self.names.directory.identifiers)
        return Landed(commit.sha, privacy.moment(commit.committed_at)[1], who)

    def deletions(self) -> Iterator[Deletion]:
        """Latest first. Of a restricted record nobody is named."""
        touches = defaultdict(list)
        for touch in self.history.touches():
            if touch.path.startswith(f"{RECORDS}/"):
                touches[touch.path].append(touch)
        gone = [touch for of_path in touches.values() for touch in of_path if touch.new is None and self._lands(touch)]
        for touch in sorted(gone, key=lambda touch: (-touch.place, touch.path)):
            name = PurePosixPath(touch.path).stem
            last = [other for other in touches[touch.path] if self._lands(other)][-1]
            commit = self.landed(touch.place)
            shown = _unnamed(commit) if self._restricted(touch) else commit
            page = f"records/{name}.html" if last.new and name in self.names.directory.titles else ""
            yield Deletion(name, touch.path, shown, last.new is not None, page)

    def _lands(self, touch: Touch) -> bool:
        return self.history.is_landing(touch.place) and touch.old != touch.new

    def _restricted(self, touch: Touch) -> bool:
        versions = dict(self.history.documents([touch.path])).get(touch.path, {})
        data = versions.get(touch.old or "")
        return isinstance(data, Mapping) and data.get("confidential") == "restricted"

    def changed(self, definition: Mapping[str, Any]) -> Changed:
        """The changes of one field over all record types that have it."""
        steps = []
        pointer = definition["field"]
        for schema in self.names.schemas.values():
            if not inquiry.has(schema, pointer):
                continue
            leaf = privacy.leaf(schema, pointer)
            paths = self.history.paths(schema.folder)
            touches = defaultdict(list)
            for touch in self.history.touches(paths):
                if touch.old and touch.new and self._lands(touch):
                    touches[touch.path].append(touch)
            for path, versions in self.history.documents(list(touches)):
                name = PurePosixPath(path).stem
                for touch in touches[path]:
                    old, new = (
                        look_up(versions.get(blob or ""), pointer.split(".")) for blob in (touch.old, touch.new)
                    )
                    if old is not None and new is not None and old != new and name in self.names.directory.titles:
                        steps.append((touch.place, name, leaf, old, new))
        steps.sort(key=lambda step: (-step[0], step[1]))
        return Changed(
            definition["name"], Text.of(definition["title"]), Text.of(definition["about"]),
            tuple(self._step(*step) for step in steps),
        )  # fmt: skip

    def _step(self, place: int, name: str, leaf: Any, old: Any, new: Any) -> Step:
        known = self.names.directory.titles[name]
        nodes = [None if known.restricted else inquiry.shown(leaf, value, self.names.directory, known.policy)
                 for value in (old, new)]  # fmt: skip
        commit = _unnamed(self.landed(place)) if known.restricted else self.landed(place)
        vocabulary = leaf.vocabulary.name if leaf.vocabulary else ""
        at = {code: position for pack, title, code, _, _, position in self.edition.policy.vocabularies()
              if (pack, title) == (known.policy, vocabulary)}  # fmt: skip
        down = old in at and new in at and at[new] > at[old]
        return Step(row(name, None, None, self.names), commit, nodes[0], nodes[1], down)


def _unnamed(commit: Landed) -> Landed:
    return Landed(commit.sha, commit.at, "")
