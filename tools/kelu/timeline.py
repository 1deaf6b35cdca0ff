"""Timeline: what happened to a record and who did it, commit by commit, as a reader may see it.

The commits come from `history`, what each changed from the versions before and after it. Everything said passes
`privacy`: a value that is masked today is masked in every old version, of a field that today's schema does not know
only the name is told, and an identifier that any version of a customer's record held is hidden in all text.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from kelu import git, privacy
from kelu.document import Pointer, look_up
from kelu.finding import Finding, Text
from kelu.history import difference
from kelu.history.index import Commit, History, Touch
from kelu.history.step import Act
from kelu.intake import RECORDS
from kelu.periods import day_of
from kelu.policy import Policy, holds
from kelu.privacy import PUBLIC, Directory, Node
from kelu.privacy.mask import Identifiers, mask, personal_values
from kelu.schema import Field, RecordSchema, Schemas

KINDS: Mapping[str, Text] = {
    "registered": Text("登记", "registered"),
    "changed": Text("变更", "changed"),
    "unreadable": Text("当时无法解析", "could not be read"),
    "deleted": Text("删除", "deleted"),
    "restored": Text("恢复", "restored"),
    "merged": Text("合入", "merged"),
    "noted": Text("说明", "noted"),  # by a commit that changes no file and names the record
}
VOICES: Mapping[str, Text] = {
    "approved-by": Text("批准", "approved by"),
    "reviewed-by": Text("评审", "reviewed by"),
    "co-authored-by": Text("共同作者", "with"),
    "signed-off-by": Text("签署", "signed off by"),
}
SIGNATURES: Mapping[str, Text] = {
    "good": Text("签名有效", "signed"),
    "bad": Text("签名不符", "bad signature"),
    "unknown": Text("签名者未获认可", "signed by a key not allowed"),
    "none": Text("未签名", "not signed"),
}
UNKNOWN = Text("未知", "unknown")
WITHHELD = Text("不显示", "not shown")
_KEPT = "identifiers"
_ALWAYS = ("id", "status", "confidential")  # of a restricted record, with its dates
_EMPTY: tuple[Any, ...] = (None, "", [], {})
_MISFIT = (ValueError, TypeError, AttributeError, KeyError, ArithmeticError)  # a value not of today's kind


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the history: a member of staff (id) with the roles held that day, or whom the commit names."""

    name: str
    id: str = ""
    roles: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Voice:
    """Whom a commit's message names, and as what: a key of VOICES."""

    key: str
    person: Person


@dataclass(frozen=True, slots=True)
class Landing:
    """The merge that brought a commit onto the default branch."""

    sha: str
    at: datetime.datetime


@dataclass(frozen=True, slots=True)
class State:
    """A state of the record; one that today's schema does not know has no code."""

    code: str
    label: Text


@dataclass(frozen=True, slots=True)
class Change:
    """A field that was set (`old` None), changed or taken away (`new` None); `withheld` says that there was more than
    is shown. `label` is the way to it: 处置方案 · 措施 3 · 期限."""

    label: Text
    old: Node | None
    new: Node | None
    withheld: bool


@dataclass(frozen=True, slots=True)
class Flag:
    """What an audit found about a commit."""

    code: str
    severity: str
    message: Text


@dataclass(frozen=True, slots=True)
class Event:
    """What one commit did to the record. `kind` is a key of KINDS, `signature` one of SIGNATURES or empty where nobody
    looked. Of a restricted record it names neither people nor reasons."""

    sha: str
    kind: str
    authored_at: datetime.datetime
    committed_at: datetime.datetime
    author: Person | None = None
    committer: Person | None = None  # where it is another
    subject: str = ""
    voices: tuple[Voice, ...] = ()
    landed: Landing | None = None
    before: State | None = None
    after: State | None = None
    changes: tuple[Change, ...] = ()
    flags: tuple[Flag, ...] = ()
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The events of one record, oldest first, up to the commit `head`; `present` tells whether the record is still
    there."""

    id: str
    type: Text
    path: str
    title: str
    restricted: bool
    present: bool
    head: str
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class People:
    """The staff by mail, and what roles are called."""

    staff: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    roles: Mapping[str, Text] = field(default_factory=dict)
    _met: dict[tuple[str, str], Person | None] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, policy: Policy) -> People:
        """The people of a policy."""
        staff = {str(person["email"]).lower(): person for person in policy.staff}
        held = {item["role"] for person in policy.staff for item in person["roles"]}
        return cls(staff, {role: policy.role(policy.defaults, role) for role in sorted(held)})

    def member(self, mail: str, day: str) -> Person | None:
        """The member of staff with this mail, as of a day."""
        if (mail, day) not in self._met:
            someone = self.staff.get(mail)
            self._met[mail, day] = None if someone is None else Person(
                str(someone["name"]), str(someone["id"]),
                tuple(label for role, label in self.roles.items() if holds(someone, role, day)),
            )  # fmt: skip
        return self._met[mail, day]


@dataclass(frozen=True, slots=True)
class Lens:
    """Through what a history is seen: public names, people, for whom, and what else is known of its commits."""

    names: Directory
    people: People
    findings: Mapping[str, Sequence[Finding]] = field(default_factory=dict)  # by path
    signatures: Mapping[str, str] = field(default_factory=dict)  # by commit
    brief: bool = False  # of a registration only that it came, not each field


@dataclass(frozen=True, slots=True)
class Lore:
    """What is known of some files and their commits up to `head`: what touched each, the commits by place with those
    that landed them, and what a merge's other parents held."""

    head: str
    touches: Mapping[str, Sequence[Touch]]
    commits: Mapping[int, Commit]
    acts: Mapping[int, Act]
    others: Mapping[tuple[int, str], tuple[str | None, ...]]

    def present(self, path: str) -> str | None:
        """The blob of a file at the head of the default branch."""
        landed = [touch for touch in self.touches.get(path, ())
                  if self.commits[touch.place].unit == touch.place and touch.old != touch.new]  # fmt: skip
        return landed[-1].new if landed else None


# --- what Git says ---------------------------------------------------------------------------------------


def gather(history: History, paths: Collection[str] | None = None) -> Lore:
    """All that is needed for the timelines of these record files, or of all. A commit that changes no file touches
    the records that its message names, as an approval may be given so."""
    touches: dict[str, list[Touch]] = defaultdict(list)
    for touch in history.touches(paths):
        if touch.path.startswith(f"{RECORDS}/"):
            touches[touch.path].append(touch)
    commits = history.some({touch.place for of_file in touches.values() for touch in of_file})
    files = {path.rpartition("/")[2].removesuffix(".yaml"): path for path in touches}
    words = _remarks(history, files.keys())
    commits |= words
    commits |= history.some({commit.unit for commit in commits.values()} - commits.keys())
    acts = history.acts_of(commits)
    for place in words:
        for path in sorted(files[name] for name in acts[place].names & files.keys()):
            touches[path].append(Touch(place, path, None, None))
    merges = [touch for of_file in touches.values() for touch in of_file if len(commits[touch.place].parents) > 1]
    return Lore(history.head, touches, commits, acts, _others(history, commits, merges))


def noted(history: History, names: Set[str]) -> Iterator[tuple[Commit, Commit, Set[str]]]:
    """(commit, what brought it in, names) of each commit that changes no file and names some of these records."""
    commits = _remarks(history, names)
    units = history.some({commit.unit for commit in commits.values()})
    acts = history.acts_of(commits)
    for place, commit in commits.items():
        yield commit, units[commit.unit], acts[place].names & names


def _remarks(history: History, names: Set[str]) -> dict[int, Commit]:
    return {place: commit for place, commit in history.remarks(names).items() if len(commit.parents) == 1}


def _others(
    history: History, commits: Mapping[int, Commit], merges: Sequence[Touch]
) -> dict[tuple[int, str], tuple[str | None, ...]]:
    """The blob of each file at all parents of its merge but the first, which the touch itself knows."""
    asked = [
        (touch, parent) for touch in merges if "\n" not in touch.path for parent in commits[touch.place].parents[1:]
    ]
    if not asked:
        return {}
    names = "".join(f"{parent}:{touch.path}\n" for touch, parent in asked)
    said = git.run(
        history.root, "cat-file", "--batch-check=%(objectname)", stdin=names.encode("utf-8", "surrogateescape")
    )
    found: dict[tuple[int, str], tuple[str | None, ...]] = defaultdict(tuple)
    for (touch, _), line in zip(asked, said.decode("utf-8", "replace").splitlines(), strict=True):
        found[touch.place, touch.path] += (None if line.endswith(" missing") else line,)
    return found


def guarded(history: History, schemas: Mapping[str, RecordSchema], names: Directory) -> Directory:
    """The directory with every direct identifier that any version of a record which lists people (a customer's) ever
    held: who was renamed or removed since must not come back by way of an old message."""
    listing = [schema for schema in schemas.values() if any(_lists_people(item) for item in schema.fields)]
    key = f"{history.head} {hashlib.sha256(repr([schema.fields for schema in listing]).encode()).hexdigest()}"
    kept, _, masks = (history.recall(_KEPT) or "").partition("\n")
    former = json.loads(masks) if kept == key else {}
    if kept != key:
        for schema in listing:
            for _, versions in history.documents(history.paths(schema.folder)):
                former |= _masks(schema, versions.values())
        history.remember(_KEPT, f"{key}\n{json.dumps(former, ensure_ascii=False)}")
    return replace(names, identifiers=Identifiers.hidden({**former, **names.identifiers.masks}))


def _lists_people(item: Field) -> bool:
    inside = item.children if item.kind == "array" else ()
    return any(child.pii == "name" for child in inside) and inside[0].name == "id"


def _masks(schema: RecordSchema, versions: Iterable[Any]) -> dict[str, str]:
    return {
        value: mask(mark, value)
        for data in versions
        for mark, value in personal_values(schema.fields, data)
        if len(value) > 1
    }


# --- events ----------------------------------------------------------------------------------------------


def of(lore: Lore, schema: RecordSchema, path: str, versions: Mapping[str, Any], lens: Lens) -> Timeline:
    """What happened to the record at `path`, oldest first; `versions` are the data of its blobs, None for one that
    could not be read.

    Commits stand in the order in which they landed, those inside a branch before its merge. A merge only says that it
    landed them, unless its content is none of its parents'.
    """
    names = lens.names
    own = _masks(schema, versions.values())
    if not own.keys() <= names.identifiers.masks.keys():
        names = replace(names, identifiers=Identifiers.hidden({**names.identifiers.masks, **own}))
    return _Teller(lore, schema, path, versions, replace(lens, names=names)).timeline()


def tell(
    history: History, schemas: Schemas, paths: Collection[str], lens: Lens, lore: Lore | None = None
) -> Iterator[Timeline]:
    """The timeline of each of these records that has a history, ordered by path; `lore`, where it is gathered already,
    is of these files or more."""
    lore = lore or gather(history, paths)
    lens = replace(lens, names=guarded(history, schemas.records, lens.names))
    yield from tell_of(history.documents(paths), schemas, lens, lore)


def tell_of(
    documents: Iterable[tuple[str, Mapping[str, Any]]], schemas: Schemas, lens: Lens, lore: Lore
) -> Iterator[Timeline]:
    """The timeline of each of these documents (path, versions), seen through a lens that is guarded already."""
    for path, versions in documents:
        schema = schemas.of_folder(path)
        if schema is not None:
            yield of(lore, schema, path, versions, lens)


class _Teller:
    """One record's story under way."""

    def __init__(self, lore: Lore, schema: RecordSchema, path: str, versions: Mapping[str, Any], lens: Lens) -> None:
        self.lore, self.schema, self.path, self.versions, self.lens = lore, schema, path, versions, lens
        self.touches = sorted(lore.touches.get(path, ()), key=self._order)
        self.made_from = {touch.new: touch.old for touch in reversed(self.touches) if touch.new and touch.old}
        self.last = next((data for touch in reversed(self.touches) if (data := self._readable(touch.new))), {})
        self.restricted = self.last.get("confidential") == "restricted"
        self.flags: dict[str, list[Flag]] = defaultdict(list)
        for item in lens.findings.get(path, ()):
            message = Text(self._masked(item.message.zh), self._masked(item.message.en))
            self.flags[item.commit].append(Flag(item.code, item.severity.value, message))

    def timeline(self) -> Timeline:
        title = "" if self.restricted else self._masked(str(self.last.get(self.schema.title_field) or ""))
        name = self.path.rpartition("/")[2].removesuffix(".yaml")
        present = self.lore.present(self.path) is not None
        return Timeline(
            name, self.schema.label, self.path, title, self.restricted, present, self.lore.head, tuple(self._events())
        )

    def _order(self, touch: Touch) -> tuple[Any, ...]:
        commit = self.lore.commits[touch.place]
        return commit.unit, commit.unit == commit.place, commit.committed_at, commit.place

    def _events(self) -> Iterator[Event]:
        seen: set[str] = set()
        for touch in self.touches:
            commit = self.lore.commits[touch.place]
            others = self.lore.others.get((touch.place, touch.path), ())
            if not others or touch.new not in others:
                yield self._event(touch, commit, self._kind(touch, seen), others)
            elif commit.unit == commit.place:
                yield self._event(touch, commit, "merged", others)
            if touch.new:
                seen.add(touch.new)

    def _kind(self, touch: Touch, seen: Collection[str]) -> str:
        if touch.new is None:
            return "deleted" if touch.old else "noted"
        if self.versions.get(touch.new) is None:
            return "unreadable"
        if touch.old is None:
            return "restored" if touch.new in seen else "registered"
        return "changed"

    def _event(self, touch: Touch, commit: Commit, kind: str, others: Sequence[str | None]) -> Event:
        before, after = self._readable(touch.old), self._readable(touch.new) if kind != "unreadable" else {}
        told = kind not in ("merged", "unreadable", "noted")
        told_whole = told and not (self.lens.brief and kind == "registered")
        changed = [] if not told_whole else difference.changes(before, after)
        for blob in others:  # of a merge only what is as in none of its parents
            places = {change.pointer for change in difference.changes(self._readable(blob), after)}
            changed = [change for change in changed if change.pointer in places]
        event = Event(
            sha=commit.sha,
            kind=kind,
            authored_at=commit.authored_at,
            committed_at=commit.committed_at,
            before=self._state(before) if told and before else None,
            after=self._state(after) if told and after else None,
            changes=tuple(self._changes(changed, before, after)),
            signature=self.lens.signatures.get(commit.sha, ""),
        )
        return event if self.restricted else self._attributed(event, commit)

    def _attributed(self, event: Event, commit: Commit) -> Event:
        """The event with who did it and why."""
        act, day = self.lore.acts[commit.place], day_of(commit.authored_at).isoformat()
        author = self._person(act.name, act.mail, day)
        committer = self._person(commit.committer.name, commit.committer.mail.lower(), day)
        landing = self.lore.commits[commit.unit]
        voices = (Voice(key, self._person(name, mail, day)) for key, name, mail in act.trailers if key in VOICES)
        return replace(
            event,
            author=author,
            committer=None if author == committer or commit.author == commit.committer else committer,
            subject=self._masked(act.subject),
            voices=tuple(dict.fromkeys(voices)),
            landed=None if landing is commit else Landing(landing.sha, landing.committed_at),
            flags=tuple(self.flags.get(commit.sha, ())),
        )

    def _person(self, name: str, mail: str, day: str) -> Person:
        return self.lens.people.member(mail, day) or Person(self._masked(name))

    def _masked(self, text: str) -> str:
        return privacy.mask_text(text, self.lens.names.identifiers)

    def _readable(self, blob: str | None) -> Mapping[str, Any]:
        """The data of a version, or of the one it was made from where it could not be read."""
        visited = set()
        while blob is not None and self.versions.get(blob) is None and blob not in visited:
            visited.add(blob)
            blob = self.made_from.get(blob)
        found = self.versions.get(blob) if blob else None
        return found if isinstance(found, Mapping) else {}

    def _state(self, data: Mapping[str, Any]) -> State:
        code = str(data.get("status", ""))
        label = self.schema.states.get(code)
        return State(code, label) if label else State("", UNKNOWN)

    # --- fields ---

    def _changes(
        self, changed: Iterable[difference.Change], before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> Iterator[Change]:
        for change in changed:
            if change.old in _EMPTY and change.new in _EMPTY:
                continue
            data = before if change.new is None and look_up(after, change.pointer) is None else after
            way = self._way(change.pointer, data)
            if way is None or change.pointer == ("status",):  # which the states tell
                continue
            label, leaf, key = way
            old, new = self._node(leaf, key, change.old, before), self._node(leaf, key, change.new, after)
            withheld = (old is None and change.old not in _EMPTY) or (new is None and change.new not in _EMPTY)
            yield Change(label, old, new, withheld)

    def _way(self, pointer: Pointer, data: Mapping[str, Any]) -> tuple[Text, Field | None, str] | None:
        """The labels on the way to a place, the field there where today's schema has it, and the key in a map; None
        for a field that the audience may not know of."""
        names = self.lens.names
        fields: Sequence[Field] = self.schema.fields
        labels: list[Text] = []
        found: Field | None = None
        key = ""
        for place, step in enumerate(pointer):
            if isinstance(step, int):
                item = look_up(data, pointer[: place + 1])
                if labels and isinstance(item, Mapping):
                    number = self._number(item, step)
                    labels[-1] = Text(f"{labels[-1].zh} {number}", f"{labels[-1].en} {number}")
                continue
            if found is not None and found.kind == "map" and not key:
                asked = names.item(str(data.get("policy") or ""), step)
                key = step
                labels += [asked] if asked else []
                found = found if asked else None
                continue
            found = next((item for item in fields if item.name == step), None)
            if found is None and self.restricted:
                return None
            if found is None:
                named = self._masked(step)
                labels.append(Text(named, named))
                break
            if found.audience not in (PUBLIC, self.lens.names.audience) or not self._open(found, place):
                return None
            labels.append(found.label)
            fields = found.children
        return Text(" · ".join(item.zh for item in labels), " · ".join(item.en for item in labels)), found, key

    def _open(self, item: Field, depth: int) -> bool:
        """Whether a field of a restricted record is told of all the same."""
        return not self.restricted or (depth == 0 and (item.name in _ALWAYS or item.kind in ("date", "datetime")))

    def _number(self, item: Mapping[str, Any], place: int) -> str:
        """What an entry of a list is called: its own number, or its place."""
        named = next((item[name] for name in ("no", "id") if isinstance(item.get(name), (int, str))), place + 1)
        return self._masked(str(named))

    def _node(self, leaf: Field | None, key: str, value: Any, data: Mapping[str, Any]) -> Node | None:
        if leaf is None or value in _EMPTY:
            return None
        wrapped = {key: value} if leaf.kind == "map" else [value] if leaf.kind == "array" else value
        try:
            node = privacy.cell(leaf, wrapped, self.lens.names, str(data.get("policy") or ""))
        except _MISFIT:
            return None
        return node.children[0] if node is not None and node.children else node
