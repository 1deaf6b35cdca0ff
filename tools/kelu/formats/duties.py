"""Duties, for people, for programs and for calendars. Only door to icalendar."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kelu.finding import Text
from kelu.formats.results import safe
from kelu.formats.words import Paint, dump, pair, plain, spoken, unpainted
from kelu.periods import DAY_END, SHANGHAI, day_of, deadline

if TYPE_CHECKING:
    from kelu.duty import Duty

_ROLES = {"overdue": "error", "due_soon": "warning", "provisional": "warning", "satisfied": "good"}
_NOTHING = Text("没有这样的义务。", "There is no such duty.")
_OWNER, _ESCALATE = Text("责任", "Owner"), Text("升级", "Escalate to")
_LATE, _LEFT = Text("逾期 {n} 天", "days late: {n}"), Text("还有 {n} 天", "days left: {n}")
_GRACE = Text("宽限", "grace")
_DONE, _BY = Text("履行于 {t}", "done {t}"), Text("豁免批准 {who}", "waived by {who}")
_PRACTICE, _OTHERS = Text("实践默认时限", "practice deadline"), Text("其余", "Others")
_CALENDAR = Text("客录义务", "Kelu duties")
_TEXTS = ("title",)
_LISTS = ("owner", "escalate")


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around duties: the moment and the commit they are of, how many there are in each state, words of
    states and titles of records by id (masked), and how to speak: zh, en or both, and paint."""

    as_of: datetime.datetime
    commit: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    states: Mapping[str, Text] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    lang: str = "both"
    paint: Paint = unpainted


# --- for people ------------------------------------------------------------------------------------------


def table(duties: Sequence[Duty], frame: Frame) -> str:
    """Duties under the headings of their states, each with what, for whom, until when, by whom; then the others."""
    lines: list[str] = []
    for state, words in frame.states.items():
        held = [duty for duty in duties if duty.state == state]
        if held:
            head = f"{' '.join(spoken(words, frame.lang))} · {len(held)}"
            lines += ["", frame.paint(head, _ROLES.get(state, "path"))]
            lines += [line for duty in held for line in _lines(duty, frame)]
    lines = lines[1:] or spoken(_NOTHING, frame.lang)
    shown = {duty.state for duty in duties}
    rest = {state: frame.counts[state] for state in frame.states if state not in shown and frame.counts.get(state)}
    closing = []
    for lang in _langs(frame):
        if rest:
            told = "  ".join(f"{_say(frame.states[state], lang)} {count}" for state, count in rest.items())
            closing.append(f"{_say(_OTHERS, lang)}: {told}")
    moment, commit = _stamp(frame.as_of), frame.commit
    closing += spoken(
        Text(f"时点 {moment}，提交 {commit or '无'}", f"As of {moment}, commit {commit or 'none'}"), frame.lang
    )
    return "\n".join([*lines, "", *(frame.paint(line, "dim") for line in closing)]) + "\n"


def _lines(duty: Duty, frame: Frame) -> Iterator[str]:
    title = " ".join(plain(words) for words in spoken(duty.title, frame.lang))
    yield f"  {frame.paint(deadline(duty.due), 'path')}  {frame.paint(plain(duty.id), 'code')}  {title}"
    for lang in _langs(frame):
        parts = [*_subject(duty, frame), duty.clause, *_timing(duty, frame, lang)]
        if duty.basis == "practice":
            parts.append(_say(_PRACTICE, lang))
        parts.append(f"{_say(_OWNER, lang)} {_roles(duty.owner, lang, '、' if lang == 'zh' else ', ')}")
        if duty.escalate:
            parts.append(f"{_say(_ESCALATE, lang)} {_roles(duty.escalate, lang, ' → ')}")
        yield frame.paint("      " + " · ".join(map(plain, parts)), "dim")


def _timing(duty: Duty, frame: Frame, lang: str) -> Iterator[str]:
    """How a duty stands to its deadline, in days of the calendar."""
    reached = duty.done_at or frame.as_of
    days = (day_of(reached) - day_of(duty.due)).days
    if duty.waived_by:
        yield _say(_BY, lang).format(who=duty.waived_by)
    elif duty.done_at:
        yield _say(_DONE, lang).format(t=deadline(duty.done_at))
    if not duty.waived_by and reached > duty.due:
        yield _say(_LATE, lang).format(n=days)
    elif not duty.waived_by and not duty.done_at:
        yield _say(_LEFT, lang).format(n=-days)
    if duty.in_grace:
        yield f"{_say(_GRACE, lang)} {deadline(duty.grace_until)}"


def _subject(duty: Duty, frame: Frame) -> Iterator[str]:
    """The titles of the subject and of the customer it belongs to."""
    for name in dict.fromkeys((duty.customer, duty.subject)):
        if name and frame.titles.get(name):
            yield frame.titles[name]


# --- for programs ----------------------------------------------------------------------------------------


def as_json(duties: Sequence[Duty], frame: Frame) -> str:
    """An object: `as_of`, `commit`, `counts` by state, and `duties`, each with everything known of it."""
    return dump({
        "as_of": _stamp(frame.as_of),
        "commit": frame.commit,
        "counts": {state: frame.counts.get(state, 0) for state in frame.states},
        "duties": [dict(_object(duty, frame)) for duty in duties],
    })  # fmt: skip


def _object(duty: Duty, frame: Frame) -> Iterator[tuple[str, Any]]:
    for name in duty.__dataclass_fields__:
        value = getattr(duty, name)
        if name in _LISTS:
            yield name, [pair(words) for words in value]
        else:
            yield name, pair(value) if isinstance(value, Text) else _plain_value(value)
    yield "days_late", max((day_of(duty.done_at or frame.as_of) - day_of(duty.due)).days, 0)


def as_csv(duties: Sequence[Duty], frame: Frame) -> str:
    """For spreadsheets: a row a duty, with a byte-order mark, no cell taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["state_zh", "state_en", "title_zh", "title_en", "subject_title", "owner_zh", "owner_en",
                     "escalate_zh", "escalate_en", *_plain_columns(), "as_of", "commit"])  # fmt: skip
    for duty in duties:
        state = frame.states[duty.state]
        cells = [state.zh, state.en, duty.title.zh, duty.title.en, frame.titles.get(duty.subject, "")]
        cells += [_roles(roles, lang, " → ") for roles in (duty.owner, duty.escalate) for lang in ("zh", "en")]
        values = [_plain_value(getattr(duty, name)) for name in _plain_columns()]
        row = [*cells, *values, _stamp(frame.as_of), frame.commit]
        writer.writerow([safe("" if cell is None else str(cell)) for cell in row])
    return "\ufeff" + out.getvalue()


def _plain_columns() -> list[str]:
    from kelu.duty import Duty

    return [name for name in Duty.__dataclass_fields__ if name not in (*_TEXTS, *_LISTS)]


def _plain_value(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, datetime.datetime):
        return _stamp(value)
    return value.isoformat() if isinstance(value, datetime.date) else value


# --- for calendars ---------------------------------------------------------------------------------------


def ics(duties: Sequence[Duty], frame: Frame) -> str:
    """An iCalendar file (RFC 5545): an event a duty, with an alarm when it becomes pressing.

    Events, as few calendars import to-dos. A duty due at the end of a day is an event of that whole day, one due
    at some hour an event at that time in UTC; the alarm is relative to it, which all of them understand. The same
    duty keeps its UID, so that importing a later file brings it up to date; DTSTAMP is the moment asked for.
    """
    from icalendar import Alarm, Calendar, Event

    lang = _langs(frame)[0]
    calendar = Calendar()
    for name, value in (
        ("prodid", "-//Kelu//kelu due//ZH"), ("version", "2.0"), ("calscale", "GREGORIAN"), ("method", "PUBLISH"),
        ("x-wr-calname", _say(_CALENDAR, lang)), ("x-wr-timezone", "Asia/Shanghai"),
    ):  # fmt: skip
        calendar.add(name, value)
    stamp = frame.as_of.astimezone(datetime.UTC).replace(microsecond=0)
    for duty in duties:
        whole_day = duty.due.astimezone(SHANGHAI).time() == DAY_END
        title = " · ".join([_say(duty.title, lang), *_subject(duty, frame)])
        event = Event()
        event.add("uid", f"{duty.id}@kelu")
        event.add("dtstamp", stamp)
        event.add("last-modified", stamp)
        if whole_day:
            event.add("dtstart", day_of(duty.due))
            event.add("dtend", day_of(duty.due) + datetime.timedelta(days=1))
        else:
            event.add("dtstart", duty.due.astimezone(datetime.UTC))
        event.add("summary", plain(f"{_say(frame.states[duty.state], lang)}: {title}"))
        event.add("description", "\n".join(plain(line) for line in _described(duty, frame)))
        event.add("categories", [duty.obligation, duty.state])
        event.add("transp", "TRANSPARENT")
        if duty.done_at is None and duty.waived_by is None and duty.remind_from is not None:
            begins = datetime.datetime.combine(day_of(duty.due), datetime.time(), SHANGHAI) if whole_day else duty.due
            alarm = Alarm()
            alarm.add("action", "DISPLAY")
            alarm.add("description", plain(title))
            alarm.add("trigger", duty.remind_from - begins)
            event.add_component(alarm)
        calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written.decode("utf-8")


def _described(duty: Duty, frame: Frame) -> Iterator[str]:
    yield duty.id
    for lang in _langs(frame):
        yield from (" · ".join([_say(duty.title, lang), duty.clause, *_timing(duty, frame, lang)]),
                    f"{_say(_OWNER, lang)} {_roles(duty.owner, lang, ' / ')}")  # fmt: skip
        if duty.escalate:
            yield f"{_say(_ESCALATE, lang)} {_roles(duty.escalate, lang, ' → ')}"


# --- words and times -------------------------------------------------------------------------------------


def _langs(frame: Frame) -> tuple[str, ...]:
    return ("zh", "en") if frame.lang == "both" else (frame.lang,)


def _say(words: Text, lang: str) -> str:
    return spoken(words, lang)[0]


def _roles(roles: Sequence[Text], lang: str, between: str) -> str:
    return between.join(_say(role, lang) for role in roles)


def _stamp(moment: datetime.datetime) -> str:
    return moment.astimezone(SHANGHAI).isoformat(timespec="seconds")
