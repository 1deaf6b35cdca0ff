"""Content: what of a record may not change — immutable fields (GH-04), lists that only grow (GH-05), and what is
frozen from a state on (GH-06, GH-07) — unless a correction says what was changed and why, or the record is reopened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kelu.document import Pointer, field_text, look_up
from kelu.finding import Text
from kelu.history.breach import Breach, at
from kelu.history.difference import Change
from kelu.history.difference import changes as difference
from kelu.history.step import Step
from kelu.history.watch import Watch, reach
from kelu.schema import Field

Record = Mapping[str, Any]
NOTHING = Text("（无）", "(none)")
WITHHELD = Text("（内容略）", "(not shown)")
_LONGEST = 60  # characters of a value that a message repeats


def judge_content(step: Step, before: Record, after: Record, changed: Sequence[str], watch: Watch) -> Iterator[Breach]:
    """What a step did to content that it had to leave alone; `changed` are the outermost fields that differ."""
    news = corrections(before, after)
    for name in changed:
        if name in watch.immutable:
            for change in between(before, after, name):
                state = unexplained(change, news, watch)
                if state and change.old is not None:
                    yield at(step, "GH-04", change.pointer, {"state": state, "other": "", **values(change, watch)})
    spoilt = set()
    for name in changed:
        for grows in watch.growing.get(name, ()):
            for breach in _grown(step, before, after, grows):
                spoilt.add(name)
                yield breach
    yield from _frozen(step, before, after, [name for name in changed if name not in spoilt], news, watch)


def corrections(before: Record, after: Record) -> list[Mapping[str, Any]]:
    """The corrections that a step added."""
    old, new = before.get("corrections"), after.get("corrections")
    known = old if isinstance(old, list) else []
    return [entry for entry in new if isinstance(entry, dict) and entry not in known] if isinstance(new, list) else []


def between(before: Record, after: Record, name: str) -> list[Change]:
    """What differs in one outermost field, value by value."""
    sides = [{name: side[name]} if side.get(name) is not None else {} for side in (before, after)]
    # A list that was only put in another order has no value that differs.
    return difference(*sides) or [Change((name,), sides[0].get(name), sides[1].get(name))]


def unexplained(change: Change, news: Iterable[Mapping[str, Any]], watch: Watch) -> str:
    """Why the corrections added do not cover a change: none names the field, gives its values, or says who approved;
    else empty.

    An entry that names the field itself gives its old and new value; what holds personal data need not be repeated.
    An entry that names a group stands for all that is in it. Whether who is named approved is another rule (GH-09).
    """
    field = field_text(change.pointer)
    state = "uncovered"
    for entry in news:
        named = str(entry.get("field"))
        covers = field.startswith((f"{named}.", f"{named}["))
        if field == named:
            state = "mismatch"
            told = {"from": change.old, "to": change.new}
            private = _withheld(watch.field(change.pointer))
            given = [key for key in told if key in entry or not private]
            covers = all(_text(entry.get(key)) == _text(told[key]) for key in given)
        if covers and entry.get("approved_by"):
            return ""
        state = "unapproved" if covers else state
    return state


def values(change: Change, watch: Watch) -> dict[str, Text]:
    """Old and new value as words of a message: only what is short and tells nothing about a person."""
    field = watch.field(change.pointer)
    words: dict[str, Text] = {}
    for key, value in (("old", change.old), ("new", change.new)):
        text = NOTHING if value is None else WITHHELD
        if isinstance(value, (str, int, float)) and not _withheld(field) and len(_text(value)) <= _LONGEST:
            text = Text(_text(value), _text(value))
        words[key] = text
    return words


def reopened(before: Record, after: Record, watch: Watch) -> bool:
    """Whether a step opens the record again, as a list kept for that says."""
    return any(_length(after.get(name)) > _length(before.get(name)) for name in watch.reopening)


def _frozen(
    step: Step, before: Record, after: Record, changed: Iterable[str], news: Sequence[Record], watch: Watch
) -> Iterator[Breach]:
    table = watch.frozen.get(str(before.get("status")))
    if not table or reopened(before, after, watch):
        return
    reached = watch.order.get(str(after.get("status")), -1)
    for name in changed:
        for field, freeze in table.get(name, ()):
            if reached < watch.order[freeze.state]:
                continue
            inside = dict(reach(before, field.pointer)), dict(reach(after, field.pointer))
            if inside[0] == inside[1]:
                continue
            places = {place for side in inside for place in side if inside[0].get(place) != inside[1].get(place)}
            open_ = [change for change in between(before, after, name)
                     if any(change.pointer[: len(place)] == place for place in places)
                     and unexplained(change, news, watch)]  # fmt: skip
            if open_:
                words = {"since": watch.schema.states[freeze.state], **values(open_[0], watch)}
                yield at(step, freeze.code, open_[0].pointer, words)
                break


def _grown(step: Step, before: Record, after: Record, field: Field) -> Iterator[Breach]:
    """The first item of a list kept for good that is gone or another."""
    old, new = look_up(before, field.pointer), look_up(after, field.pointer)
    if not isinstance(old, list) or old == new:
        return
    now = new if isinstance(new, list) else []
    late = {child.name for child in field.children if child.kind == "object" and child.occurs}
    for index, item in enumerate(old):
        if index >= len(now) or not _kept(item, now[index], late):
            gone = item not in now and len(now) < len(old)
            place: Pointer = (*field.pointer, index) if index < len(now) else field.pointer
            yield at(step, "GH-05", place, {"state": "removed" if gone else "changed", "item": str(index + 1)})
            return


def _kept(old: Any, new: Any, late: Iterable[str]) -> bool:
    """Whether an item is as it was, or gained what is stamped on its own (a decision on an escalation)."""
    if old == new or not isinstance(old, dict) or not isinstance(new, dict):
        return bool(old == new)
    return all(new.get(key) == value for key, value in old.items()) and set(new) - set(old) <= set(late)


def _withheld(field: Field | None) -> bool:
    return field is None or field.pii not in (None, "none") or field.audience != "public"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list) else 0
