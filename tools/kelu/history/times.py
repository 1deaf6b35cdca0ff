"""Times: stamps held against the moment at which they came onto the default branch — not later than that (GH-08),
nor long before it: a record registered late (GH-10), a stamp filled in afterwards (GH-11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from kelu.document import field_text, look_up
from kelu.history.breach import Breach, Context, at
from kelu.history.content import corrections
from kelu.history.step import Step
from kelu.history.watch import DATES, News, Place, Watch
from kelu.periods import SHANGHAI, day_of

Record = Mapping[str, Any]
_DAY = timedelta(days=1)


def judge_times(
    step: Step, before: Record | None, after: Record, news: Sequence[News], watch: Watch, context: Context
) -> Iterator[Breach]:
    """The dates that a step brought. One finding a stage for stamps filled in afterwards, at the oldest of it."""
    landed = step.unit.own.committed_at
    status = after.get("status")
    was = None if before is None else before.get("status")
    limit = landed + timedelta(minutes=context.number(after, "audit.future_minutes"))
    near = (limit.astimezone(UTC).date() - _DAY).isoformat()  # an earlier day is past, whatever its offset
    for place, text in (*_dated(news, status), *_no_longer_planned(watch, was, after, news)):
        if text[:10] >= near and (moment := _moment(text)) and moment > limit:
            yield at(step, "GH-08", place, {"stamp": text, "landed": _shown(landed)})
    if "import" in after:
        return
    day = day_of(landed)
    begin = _begin(watch, after) if before is None else None
    if begin:
        place, happened = begin
        workdays = context.number(after, "audit.late_registration_workdays")
        if happened < context.earliest(day, workdays):
            yield at(
                step, "GH-10", place, {"day": happened.isoformat(), "workdays": str(workdays), "landed": _shown(landed)}
            )
    workdays = context.number(after, "audit.backfill_workdays")
    earliest = context.earliest(day, workdays)
    old = (earliest + _DAY).isoformat()
    corrected = {str(entry.get("field")) for entry in corrections(before or {}, after)}
    late: dict[str | int, tuple[date, Place]] = {}
    for item in news:
        if not item.leaf.event or not isinstance(item.value, str) or item.value[:10] > old:
            continue
        moment = _moment(item.value)
        if moment is None or day_of(moment) >= earliest or _planned(item, status):
            continue
        told = field_text(item.place)
        if before is None and item.place == tuple(str(watch.schema.occurs).split(".")):
            continue
        if not any(told == named or told.startswith((f"{named}.", f"{named}[")) for named in corrected):
            late[item.place[0]] = min(late.get(item.place[0], (date.max, ())), (day_of(moment), item.place))
    for happened, place in late.values():
        yield at(
            step, "GH-11", place, {"day": happened.isoformat(), "workdays": str(workdays), "landed": _shown(landed)}
        )


def _dated(news: Sequence[News], status: Any) -> Iterator[tuple[Place, str]]:
    for item in news:
        if item.leaf.field.kind in DATES and isinstance(item.value, str) and not _planned(item, status):
            yield item.place, item.value


def _no_longer_planned(watch: Watch, was: Any, after: Record, news: Sequence[News]) -> Iterator[tuple[Place, str]]:
    """Dates that stay as they were planned, while the record says that they have come."""
    fresh = {item.place for item in news}
    for field in watch.planned:
        states = field.planned if isinstance(field.planned, tuple) else ()
        value = after.get(field.name)
        come = was in states and after.get("status") not in states
        if come and isinstance(value, str) and (field.name,) not in fresh:
            yield (field.name,), value


def _planned(item: News, status: Any) -> bool:
    planned = item.leaf.field.planned
    return isinstance(planned, tuple) and status in planned


def _begin(watch: Watch, record: Record) -> tuple[Place, date] | None:
    """Where a record says when what it records was over, and the day."""
    place = tuple(watch.schema.ends.split(".")) if watch.schema.ends else ()
    text = look_up(record, place) if place else None
    moment = _moment(text) if isinstance(text, str) else None
    return (place, day_of(moment)) if moment else None


def _moment(text: str) -> datetime | None:
    """A date's first moment, or the moment of a date-time; None for what is neither."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else datetime.combine(moment.date(), time(), SHANGHAI)


def _shown(moment: datetime) -> str:
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
