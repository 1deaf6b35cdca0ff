"""The timeline of a record, for people and for programs."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kelu.finding import Text
from kelu.formats.words import Paint, dump, pair, plain, spoken, unpainted
from kelu.periods import SHANGHAI

if TYPE_CHECKING:
    from kelu.privacy import Node
    from kelu.timeline import Change, Event, Person, State, Timeline

_MARKS = {"deleted": "error", "unreadable": "warning", "restored": "warning", "registered": "good"}
_FIELDS = Text("项内容", "fields")
_NOTHING = Text("内容未变，只有格式或注释不同", "the content is the same, only form or comments differ")
_COMMITTER, _LANDED = Text("提交人", "committed by"), Text("合入于", "landed with")
_RESTRICTED = Text("限制公开：只列出状态与日期。", "Restricted: states and dates only.")
_ABSENT = Text("现已没有这个文件。", "The file is no longer there.")
_BOOLEAN = {"true": Text("是", "yes"), "false": Text("否", "no")}


def text(told: Timeline, lang: str = "both", paint: Paint = unpainted) -> str:
    """A paragraph a commit, oldest first: when, what and who on a line, what changed below it."""
    say = _Speaker(lang)
    lines = [" ".join(filter(None, [paint(plain(told.id), "path"), say(told.type), plain(told.title)]))]
    lines.append(paint(plain(told.path), "dim"))
    lines += [say(note) for note, holds in ((_RESTRICTED, told.restricted), (_ABSENT, not told.present)) if holds]
    for event in told.events:
        lines += ["", _head(event, say, paint), *(f"    {line}" for line in _body(event, say, paint))]
    count = len(told.events)
    closing = Text(f"共 {count} 项，截至提交 {told.head}", f"Events: {count}, up to commit {told.head}")
    return "\n".join([*lines, "", *(paint(words, "dim") for words in spoken(closing, lang))]) + "\n"


def as_json(told: Timeline, lang: str = "both", paint: Paint = unpainted) -> str:
    """An object: the record and its `events`, each with everything that may be told of it."""
    return dump({
        "id": told.id, "type": pair(told.type), "path": told.path, "title": told.title,
        "restricted": told.restricted, "present": told.present, "commit": told.head,
        "events": [_object(event) for event in told.events],
    })  # fmt: skip


# --- for people ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Speaker:
    lang: str

    def __call__(self, words: Text) -> str:
        return " ".join(dict.fromkeys(plain(said) for said in spoken(words, self.lang)))


def _head(event: Event, say: _Speaker, paint: Paint) -> str:
    from kelu.timeline import KINDS, SIGNATURES

    parts = [paint(_minute(event.authored_at), "path"), paint(say(KINDS[event.kind]), _MARKS.get(event.kind, ""))]
    if event.before != event.after:
        parts.append(" → ".join(say(state.label) for state in (event.before, event.after) if state))
    if event.author:
        parts.append(_person(event.author, say))
    parts.append(paint(event.sha[:12], "code"))
    if event.signature:
        parts.append(paint(say(SIGNATURES[event.signature]), "good" if event.signature == "good" else "warning"))
    return "  ".join(parts)


def _body(event: Event, say: _Speaker, paint: Paint) -> Iterator[str]:
    from kelu.timeline import VOICES

    if event.subject:
        yield paint(plain(event.subject), "dim")
    if event.kind in ("registered", "restored", "deleted"):
        yield f"{len(event.changes)} {say(_FIELDS)}"
    elif event.changes:
        yield from (_change(change, say, paint) for change in event.changes)
    elif event.kind == "changed" and event.before == event.after:
        yield paint(say(_NOTHING), "dim")
    for voice in event.voices:
        yield f"{paint(say(VOICES[voice.key]), 'good')} {_person(voice.person, say)}"
    if event.committer or event.committed_at != event.authored_at:
        who = f" {_person(event.committer, say)}" if event.committer else ""
        yield paint(f"{say(_COMMITTER)}{who} {_minute(event.committed_at)}", "dim")
    if event.landed:
        yield paint(f"{say(_LANDED)} {event.landed.sha[:12]} {_minute(event.landed.at)}", "dim")
    for flag in event.flags:
        yield f"{paint(flag.code, flag.severity)} {say(flag.message)}"


def _person(person: Person, say: _Speaker) -> str:
    roles = "、".join(say(role) for role in person.roles)
    return plain(" ".join(filter(None, [person.id, person.name]))) + (f"（{roles}）" if roles else "")


def _change(change: Change, say: _Speaker, paint: Paint) -> str:
    from kelu.timeline import WITHHELD

    sides = [_value(node, say) for node in (change.old, change.new) if node]
    sign = "~" if len(sides) != 1 else "+" if change.new else "-"
    said = paint(say(WITHHELD), "dim") if change.withheld else " → ".join(sides)
    return f"{sign} {paint(say(change.label), 'code')}: {said}"


def _value(node: Node, say: _Speaker) -> str:
    if node.kind == "boolean":
        return say(_BOOLEAN[node.value])
    if node.kind in ("enum", "term"):
        return say(node.text) if node.text else plain(node.value)
    named = (node.text.zh, node.text.en) if node.text else ()  # of a person the name, and the post or the id again
    return plain(" ".join(dict.fromkeys(filter(None, [node.value, *named]))))


def _minute(moment: datetime.datetime) -> str:
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


# --- for programs ----------------------------------------------------------------------------------------


def _object(event: Event) -> dict[str, Any]:
    from kelu.timeline import KINDS, VOICES

    return {
        "commit": event.sha, "kind": event.kind, "label": pair(KINDS[event.kind]),
        "authored_at": _stamp(event.authored_at), "author": _someone(event.author),
        "committed_at": _stamp(event.committed_at), "committer": _someone(event.committer),
        "subject": event.subject,
        "voices": [{"as": voice.key, "label": pair(VOICES[voice.key]), **_named(voice.person)}
                   for voice in event.voices],
        "landed": event.landed and {"commit": event.landed.sha, "at": _stamp(event.landed.at)},
        "before": _state(event.before), "after": _state(event.after),
        "changes": [
            {"field": pair(change.label), "old": _said(change.old), "new": _said(change.new),
             "withheld": change.withheld}
            for change in event.changes
        ],
        "flags": [{"code": flag.code, "severity": flag.severity, "message": pair(flag.message)}
                  for flag in event.flags],
        "signature": event.signature,
    }  # fmt: skip


def _someone(person: Person | None) -> dict[str, Any] | None:
    return None if person is None else _named(person)


def _named(person: Person) -> dict[str, Any]:
    return {"id": person.id, "name": person.name, "roles": [pair(role) for role in person.roles]}


def _state(state: State | None) -> dict[str, Any] | None:
    return None if state is None else {"code": state.code, **pair(state.label)}


def _said(node: Node | None) -> dict[str, Any] | None:
    if node is None:
        return None
    return {"kind": node.kind, "value": node.value, **({"label": pair(node.text)} if node.text else {})}


def _stamp(moment: datetime.datetime) -> str:
    return moment.astimezone(SHANGHAI).isoformat(timespec="seconds")
