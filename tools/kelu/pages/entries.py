"""Entries: what stands in the lists beside a record — duties, other records, KPIs — as the HTML of its page.

Like the values in `flow`, these are the pieces of which a page has dozens; what many pages say alike is spelled out
once, `Words.known` holds it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from markupsafe import Markup

from kelu.finding import Text
from kelu.pages import duties
from kelu.pages.clause import Record
from kelu.pages.flow import Words, link, safe
from kelu.pages.place import FOLDER

if TYPE_CHECKING:
    from kelu.pages.record import Counted, Related

_PIECES = "parts/duty.html.j2"


def referring(related: Iterable[Related], words: Words) -> Markup:
    """What a record refers to: in which field, and to what."""
    return _joined(f"<small>{safe(item.label.zh)}</small>{link(item.id, item.title, words)}" for item in related)


def referred(related: Iterable[Related], words: Words) -> Markup:
    """The records that refer to one, each with the field that does and its state."""
    return _joined(
        f"{link(item.id, item.title, words)}<small>{safe(item.label.zh)}"
        f"{f'，{safe(item.state.zh)}' if item.state else ''}</small>"
        for item in related
    )


def owed(lines: Iterable[duties.Line], about: str, words: Words) -> Markup:
    """Duties about a record; of those that have another subject, its customer's or project's, that is named."""
    return _joined(
        f"<small>期限 {safe(line.due)}{f'，履行于 {safe(line.done)}' if line.done else ''} {_days(line, words)}</small>"
        f"{_duty(line, words, named=line.subject.id not in ('', about))}"
        for line in lines
    )


def kept(lines: Iterable[duties.Line], words: Words) -> Markup:
    """Duties that a record shows done."""
    return _joined(
        f"<small>{state(line.duty.state, line.state, words)} 期限 {safe(line.due)} {_days(line, words)}</small>"
        f"{_duty(line, words, named=line.subject.linked)}"
        for line in lines
    )


def counted(items: Iterable[Counted], words: Words) -> Markup:
    """The KPIs that a record counts in."""
    return _joined(_counted(item, words) for item in items)


def state(code: str, label: Text, words: Words) -> str:
    """The state of a duty."""
    key = "state", code
    return words.known.get(key) or words.known.setdefault(key, words.templates.piece(_PIECES, "state", code, label))


def _counted(item: Counted, words: Words) -> str:
    code, title, period, kind, reason = item.code, item.title, item.period, item.list, item.reason
    key = code, period.zh, kind.zh, reason.zh if reason else None
    said = words.known.get(key)
    if said is None:
        why = f" · {safe(reason.zh)}" if reason else ""
        said = words.known[key] = (
            f'<small>{safe(kind.zh)}{why}</small><a href="../kpi/{safe(code)}.html">{safe(code)}</a> '
            f"{safe(title.zh)}（{safe(period.zh)}）"
        )
    return said


def _duty(line: duties.Line, words: Words, *, named: bool) -> str:
    period = f" {safe(line.period.zh)}" if line.period else ""
    subject = f"<br>{_named(line.subject, words)}" if named else ""
    return f'<a href="../{safe(words.places.of(line.page))}">{safe(line.duty.title.zh)}</a>{period}{subject}'


def _named(record: Record, words: Words) -> str:
    name = safe(record.title.zh if record.title else record.id)
    if not record.linked:
        return name
    return f'<a href="../{safe(words.places.of(f"{FOLDER}/{record.id}.html"))}">{name}</a>'


def _days(line: duties.Line, words: Words) -> str:
    """How early or late; the template has the words."""
    duty = line.duty
    key = ("days", bool(duty.waived_by), bool(duty.done_at), line.days, duty.state, duty.in_grace, duty.provisional)
    return words.known.get(key) or words.known.setdefault(key, words.templates.piece(_PIECES, "days", line))


def _joined(entries: Iterable[str]) -> Markup:
    return Markup("".join([f"<li>{entry}</li>" for entry in entries]))  # noqa: S704 - each piece is escaped above
