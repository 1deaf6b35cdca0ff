"""Documents: strict YAML → JSON-shaped data, and the line and column of every key and value. Only door to YAML.

Accept fast, explain slowly: a sound file passes a gate of bytes and the reader of plain lines; what that one does not
know goes through one stream of parser events. Places are looked up only for a file at fault. Nothing here recurses, so
depth cannot exhaust the stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from kelu.document import comments, gate, layout, plain, scalars, syntax
from kelu.document.amendment import amended, same
from kelu.document.fault import Fault
from kelu.document.layout import Order
from kelu.document.places import Place, Pointer, Positions, field_text, look_up, pointer, replaced
from kelu.finding import Catalogue, Finding

__all__ = [
    "Order", "Pointer", "Positions", "amend", "catalogue", "field_text", "locate", "look_up", "mend", "parse",
    "pointer", "replaced", "same", "tidy", "write",
]  # fmt: skip

MAX_DEPTH = 50
MAX_EVENTS = 200_000  # some 100,000 values
MAX_FAULTS = 50

_parser: Any = yaml.SafeLoader  # the same events as libyaml's, some twenty times slower
if yaml.__with_libyaml__:
    from yaml._yaml import CParser

    _parser = CParser


def parse(raw: bytes, path: str) -> tuple[dict[str, Any] | None, list[Finding]]:
    """The data of a document, or what is wrong with it: exactly one of the two.

    Data hold dict (text keys, in the file's order), list, str, int, float, bool and None; dates stay text.
    Raises nothing, whatever the bytes. Rule R-ALL-04.
    """
    text, faults = gate.admit(raw)
    if text is not None and not faults:
        data = plain.read(text)
        if data is not None:
            return data, []
    data = None if text is None else _Reader(text, faults).read()
    if not faults:
        return data, []
    make = catalogue().make
    one_each: dict[tuple[str, int, int], Fault] = {}  # the parser may stumble over what the reader saw already
    for fault in faults:
        one_each.setdefault(fault[:3], fault)
    return None, sorted(
        make(fault.code, path, fault.line, fault.column, fault.field, fault.value, **dict(fault.words))
        for fault in one_each.values()
    )


def write(data: Mapping[str, Any], order: Order, labels: Mapping[str, str] | None = None) -> str:
    """The canonical text of a record's data, with `labels` behind some of its top-level keys. Text of several lines
    ends them with \\n and is in NFC."""
    notes: comments.Notes = {(key,): comments.Note(behind=f"# {label}") for key, label in (labels or {}).items()}
    return layout.text_of(data, order, notes)


def tidy(raw: bytes, order: Order) -> bytes:
    """The canonical text of a sound file with its comments, which is what `kelu fmt` makes of it. Raises ValueError
    where the file is not sound."""
    data, faults = parse(raw, "")
    if data is None:
        raise ValueError(faults)
    text = raw.decode("utf-8")
    plain = layout.text_of(data, order)
    if plain == text:  # the usual case, and much the quicker: no comment, nothing to do
        return raw
    _, notes = comments.read(text, iter(_parser(text).get_event, None))
    return _proven(layout.text_of(data, order, notes), data)


def mend(raw: bytes) -> bytes:
    """A file without what editors put in unseen: a byte order mark, other systems' line ends, letters in pieces."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw
    return gate.compose(text.replace("\r\n", "\n").replace("\r", "\n")).encode()


def amend(raw: bytes, data: Mapping[str, Any], order: Order) -> bytes:
    """A sound file after its data became `data`: comments stay, and top-level sections whose data are as they were keep
    every byte. Raises ValueError where the file is not sound."""
    old, faults = parse(raw, "")
    if old is None:
        raise ValueError(faults)
    if same(old, data):
        return raw
    text = raw.decode("utf-8")
    return _proven(amended(text, iter(_parser(text).get_event, None), old, data, order), data)


def _proven(text: str, data: Mapping[str, Any]) -> bytes:
    """A text that says these data and nothing else: what is written is read back before anybody keeps it."""
    raw = text.encode()
    found, faults = parse(raw, "")
    if found is None or not same(found, data):
        raise AssertionError(f"written otherwise than meant: {faults or 'other data'}")
    return raw


@lru_cache(maxsize=32)
def locate(raw: bytes) -> Positions:
    """Where every key and value of a document stands. Of a file at fault, what could be read of it."""
    text, _ = gate.admit(raw)
    places: dict[Pointer, Place] = {}
    if text is not None:
        with suppress(yaml.YAMLError):  # what stands before an error is still of use
            _place(text, places)
    return Positions(places)


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The engine's findings in words, from findings.yaml."""
    faults: list[Fault] = []
    data = _Reader((Path(__file__).parents[1] / "findings.yaml").read_text("utf-8"), faults).read()
    if data is None or faults:
        raise ValueError(f"findings.yaml: {faults}")
    return Catalogue(data)


# --- events → data ---------------------------------------------------------------------------------------

_NO_KEY: Any = object()  # the mapping waits for a key
_DROPPED: Any = object()  # the key is at fault: its value is read, for faults, and not kept


class _Enough(Exception):  # noqa: N818 - not an error: reading on would tell nothing more
    pass


class _Reader:
    """Builds the data of one document. The loop in `_build` is the fast path; methods handle what is unusual."""

    def __init__(self, text: str, faults: list[Fault]) -> None:
        self.text = text
        self.faults = faults
        self.odd = bool(faults) or "\\" in text  # else the gate has seen every character there is
        self.stack: list[tuple[Any, Any]] = []  # the containers around the present one, each with its key
        self.last: Any = None  # the scalar read last

    def read(self) -> dict[str, Any] | None:
        merge = syntax.conflict(self.text) if "<<<<<<<" in self.text else None
        if merge:
            self.faults.append(merge)
            return None
        try:
            root: dict[str, Any] | None = self._build()
        except _Enough:
            return None
        except yaml.YAMLError as error:
            self._explain(error)
            return None
        if root is None and not self.faults:
            self.faults.append(Fault("YAML-13", 1, 1))
        return root

    def _build(self) -> Any:
        stack = self.stack
        words, number, numeric = scalars.WORDS, scalars.number, scalars.NUMERIC_START
        key_fault, refused = scalars.key_fault, scalars.Refused
        root: Any = None
        documents = 0
        container: Any = None
        key: Any = _NO_KEY
        key_event: Any = None
        event: Any = None
        for event in islice(iter(_parser(self.text).get_event, None), MAX_EVENTS):
            kind = event.__class__
            if kind is ScalarEvent:
                value = event.value
                if event.anchor is not None or event.tag is not None:
                    self._decorated(event, container, key)
                self.last = event
                if container.__class__ is dict:
                    if key is _NO_KEY:
                        if self.odd or event.style or value in container or key_fault(value):
                            value = self._key(event, container)
                        key = value
                        key_event = event
                        continue
                elif container is None:
                    self._bare(event)
                    continue
                if event.style:
                    if self.odd:
                        self._quoted(event, container, key)
                else:
                    text = value
                    value = words.get(text, text)
                    if value is text:
                        if text[0] in numeric:
                            value = number(text)
                        elif ":" in text or "：" in text:
                            self._glued(event, container, key, key_event)
                    elif text == "" and key.__class__ is str and ":" in key:
                        self._glued_key(key_event, container, key)
                    if value.__class__ is refused:
                        self._report(value.code, event, container, key, text)
                if key is _NO_KEY:
                    container.append(value)
                else:
                    if key is not _DROPPED:
                        container[key] = value
                    key = _NO_KEY
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                if event.anchor is not None or event.tag is not None:
                    self._decorated(event, container, key)
                if len(stack) >= MAX_DEPTH:
                    self._stop("YAML-20", event, container, key)
                new: Any = {} if kind is MappingStartEvent else []
                if container is None:
                    if kind is SequenceStartEvent:
                        self._stop("YAML-12", event, container, key, found="list")
                    root = new
                elif container.__class__ is list:
                    container.append(new)
                elif key is _NO_KEY:
                    self._stop("YAML-23", event, container, key)
                elif key is not _DROPPED:
                    container[key] = new
                stack.append((container, key))
                container, key = new, _NO_KEY
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                container, key = stack.pop()[0], _NO_KEY
            elif kind is AliasEvent:
                self._report("YAML-09", event, container, key, "*" + event.anchor)
                if container.__class__ is dict:
                    key, key_event = (_DROPPED, event) if key is _NO_KEY else (_NO_KEY, key_event)
            elif kind is DocumentStartEvent:
                if event.version or event.tags:
                    self._report("YAML-10", event, container, key, seen="%")
                documents += 1
                if documents > 1:
                    self._stop("YAML-11", event, container, key)
        if event.__class__ is not StreamEndEvent:
            self._stop("YAML-24", event, container, key)
        return root

    # --- what is unusual ---

    def _report(
        self, code: str, event: Any, container: Any, key: Any, value: str | None = None, shift: int = 0, **words: str
    ) -> None:
        """Note a fault `shift` characters after the beginning of an event."""
        steps: list[str | int] = [
            step if isinstance(step, str) else len(outer) - 1
            for outer, step in self.stack
            if isinstance(step, str) or isinstance(outer, list)
        ]
        if isinstance(container, list):
            steps.append(len(container))
        elif isinstance(key, str):
            steps.append(key)
        mark = event.start_mark
        place = mark.line + 1, mark.column + 1 + shift
        self.faults.append(Fault(code, *place, field_text(steps), value, tuple(words.items())))
        if len(self.faults) >= MAX_FAULTS:
            raise _Enough

    def _stop(self, code: str, event: Any, container: Any, key: Any, found: str = "") -> None:
        self._report(code, event, container, key, found=found)
        raise _Enough

    def _decorated(self, event: Any, container: Any, key: Any) -> None:
        """An anchor or a tag before a value."""
        if event.anchor is not None:
            self._report("YAML-09", event, container, key, "&" + event.anchor)
        if event.tag is not None:
            self._report("YAML-10", event, container, key, event.tag, seen="!")

    def _key(self, event: Any, container: dict[str, Any]) -> Any:
        """A key that is quoted, taken already or of a doubtful form; `_DROPPED` if it cannot stand."""
        written = event.value
        value = gate.compose(written)
        code = None if event.style else scalars.key_fault(written)
        if code == "YAML-02":
            self._report(code, event, container, value, None, written.index("："), seen="：", wanted=": ")
        elif code:
            self._report(code, event, container, value, written, slip="blank")
        elif event.style and (unseen := gate.unwanted(written)):
            self._report("YAML-16", event, container, value, character=unseen)
        elif not gate.composed(written) and not self._seen("YAML-18", event):
            self._report("YAML-18", event, container, value, written)
        if value in container:
            self._report("YAML-08", event, container, value, value)
            return _DROPPED
        return _DROPPED if code else value

    def _quoted(self, event: Any, container: Any, key: Any) -> None:
        """Quoted text may hold, by escapes, what the gate refuses."""
        if unseen := gate.unwanted(event.value):
            self._report("YAML-16", event, container, key, character=unseen)
        elif not gate.composed(event.value) and not self._seen("YAML-18", event):
            self._report("YAML-18", event, container, key, event.value)

    def _seen(self, code: str, event: Any) -> bool:
        """Whether the gate reported this within the event's lines."""
        first, last = event.start_mark.line + 1, event.end_mark.line + 1
        return any(fault.code == code and first <= fault.line <= last for fault in self.faults)

    def _glued(self, event: Any, container: Any, key: Any, key_event: Any) -> None:
        """Text that stands where a field could stand and reads like one: `name：…`, or `name:…` without a blank."""
        item = isinstance(container, list)
        if item or event.start_mark.line > key_event.start_mark.line:
            code, at = syntax.glued(event.value)
            if code == "YAML-02":
                self._report(code, event, container, key, None, at, seen="：", wanted=": ")
            elif code and not item:
                self._report(code, event, container, key, None, at, slip="space")

    def _glued_key(self, event: Any, container: Any, key: str) -> None:
        """`{name:value}` is one key without a value."""
        code, at = syntax.glued(key)
        if code and not event.style:
            self._report(code, event, container, None, None, at, slip="space")

    def _bare(self, event: Any) -> None:
        """A scalar where the document's fields should be; an empty one is what a lone `---` leaves."""
        if event.value == "" and not event.style:
            self.last = None
            return
        code, at = (None, 0) if event.style else syntax.glued(event.value)
        if code == "YAML-02":
            self._report(code, event, None, None, None, at, seen="：", wanted=": ")
        elif code:
            self._report(code, event, None, None, None, at, slip="space")
        else:
            self._report("YAML-12", event, None, None, found="scalar")
        raise _Enough

    def _explain(self, error: yaml.YAMLError) -> None:
        if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
            self.faults.append(Fault("YAML-01", 1, 1, words=(("detail", str(error)),)))
            return
        at, since, last = error.problem_mark, error.context_mark, self.last
        trouble = syntax.Trouble(
            lines=self.text.split("\n"),
            problem=error.problem or "",
            at=(at.line, at.column),
            context=error.context or "",
            since=(since.line, since.column) if since else None,
            last=syntax.Last(
                (last.start_mark.line, last.start_mark.column),
                (last.end_mark.line, last.end_mark.column),
                bool(last.style) and last.style in "'\"",
            )
            if last is not None
            else None,
        )
        # Where the gate put a blank for a tab or the like, that is what the parser stumbles over.
        blanks = {fault.line for fault in self.faults if fault.code in ("YAML-04", "YAML-16")}
        if not blanks & {at.line, at.line + 1}:
            self.faults.append(syntax.explain(trouble))


# --- events → places -------------------------------------------------------------------------------------


def _place(text: str, places: dict[Pointer, Place]) -> None:
    """Note the place of every node. A key written twice keeps its first place."""
    outer: list[tuple[Pointer, Any]] = []  # around the present container: pointer, and next index or None
    here: Pointer = ()
    index: int | None = None  # in a list: of the next item
    key: tuple[str, tuple[int, int]] | None = None  # in a mapping: the key whose value comes next
    inside = False
    for event in islice(iter(_parser(text).get_event, None), MAX_EVENTS):
        kind = event.__class__
        if kind is MappingEndEvent or kind is SequenceEndEvent:
            here, index = outer.pop()
            if not outer:
                return
            continue
        opens = kind is MappingStartEvent or kind is SequenceStartEvent
        if not opens and not (inside and kind in (ScalarEvent, AliasEvent)):
            continue
        at = event.start_mark.line + 1, event.start_mark.column + 1
        if inside and index is None and key is None:
            if kind is not ScalarEvent:
                return
            key = gate.compose(event.value), at
            continue
        pointer: Pointer = here
        if index is not None:
            pointer = (*here, index)
            index += 1
        elif key is not None:
            pointer = (*here, key[0])
        places.setdefault(pointer, Place(key[1] if key else None, at, not opens))
        key = None
        if opens:
            if len(outer) >= MAX_DEPTH:
                return
            outer.append((here, index))
            here, index, inside = pointer, (0 if kind is SequenceStartEvent else None), True
