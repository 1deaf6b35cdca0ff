"""What `kelu due` writes: a table, JSON, CSV, and calendars that icalendar reads back."""

from __future__ import annotations

import csv
import datetime
import io
import json

import icalendar

from kelu.duty import Duty
from kelu.finding import Text
from kelu.formats import DUTY_FORMATS, Frame

SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
AS_OF = datetime.datetime(2026, 4, 20, 12, tzinfo=SHANGHAI)
STATES = {
    "overdue": Text("逾期", "Overdue"),
    "due_soon": Text("临近", "Due soon"),
    "satisfied": Text("已履行", "Satisfied"),
}


def at(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def made(name: str, state: str, due: str, done: str | None = None, remind: str = "2026-04-08 00:00") -> Duty:
    obligation, subject, *period = name.split("/")
    return Duty(
        name, obligation, "tfdl-08-04@V1.2", "08-04:4.2a", "communication", subject, "project",
        period[0] if period else None, "CUS-0001", subject, "信息部", at(due).date(), None, at(due), at(due),
        at(remind),
        at(done) if done else None, "RPT-2026-0001" if done else None, state, False, False, None,
        Text("定期服务报告", "Periodic service report"), "practice", (Text("项目经理", "Project manager"),),
        (Text("部门负责人", "Head of department"), Text("质量负责人", "Quality manager")),
    )  # fmt: skip


LATE = made("OB-02/PRJ-2026-001/2026-03", "overdue", "2026-04-15 23:59:59")
HOUR = made("OB-30/PRJ-2026-002", "due_soon", "2026-04-20 15:30:00", remind="2026-04-20 09:30")
DONE = made("OB-02/PRJ-2026-001/2026-02", "satisfied", "2026-03-15 23:59:59", "2026-03-10 09:00")
TITLES = {"PRJ-2026-001": "星河市政务云平台及骨干网络运行维护服务项目（2026年度）", "CUS-0001": "=星河局"}
FRAME = Frame(AS_OF, "c0ffee", {"overdue": 1, "due_soon": 1, "satisfied": 9}, STATES, TITLES)


def test_table_groups_by_state_and_counts_the_rest() -> None:
    text = DUTY_FORMATS["table"]([LATE, HOUR], FRAME)
    assert text.index("逾期 Overdue · 1") < text.index(LATE.id) < text.index("临近 Due soon · 1") < text.index(HOUR.id)
    for words in ("2026-04-15 ", "2026-04-20 15:30", "逾期 5 天", "days late: 5", "08-04:4.2a", "责任 项目经理",
                  "部门负责人 → 质量负责人", "其余: 已履行 9", "c0ffee", "实践默认时限"):  # fmt: skip
        assert words in text
    assert "没有这样的义务" in DUTY_FORMATS["table"]([], FRAME)
    assert "Owner" not in DUTY_FORMATS["table"]([LATE], Frame(AS_OF, states=STATES, lang="zh"))


def test_json_holds_everything() -> None:
    held = json.loads(DUTY_FORMATS["json"]([LATE, DONE], FRAME))
    assert (held["commit"], held["counts"]) == ("c0ffee", {"overdue": 1, "due_soon": 1, "satisfied": 9})
    late, done = held["duties"]
    assert (late["id"], late["due"], late["days_late"]) == (LATE.id, "2026-04-15T23:59:59+08:00", 5)
    assert (done["done_at"], done["days_late"]) == ("2026-03-10T09:00:00+08:00", 0)
    assert late["owner"] == [{"zh": "项目经理", "en": "Project manager"}]
    assert set(Duty.__dataclass_fields__) < set(late)


def test_csv_is_a_row_a_duty_and_no_cell_is_a_formula() -> None:
    text = DUTY_FORMATS["csv"]([LATE, DONE], FRAME)
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text[1:])))
    assert [row["id"] for row in rows] == [LATE.id, DONE.id]
    assert rows[0]["state_zh"] == "逾期"
    assert not any(str(cell).startswith(("=", "+", "@")) for row in rows for cell in row.values())


def test_calendar_is_read_back() -> None:
    text = DUTY_FORMATS["ics"]([LATE, HOUR, DONE], FRAME)
    assert text == DUTY_FORMATS["ics"]([LATE, HOUR, DONE], FRAME)
    calendar = icalendar.Calendar.from_ical(text)
    assert (calendar["version"], calendar["method"]) == ("2.0", "PUBLISH")
    events = {str(event["uid"]): event for event in calendar.walk("VEVENT")}
    assert list(events) == [f"{item.id}@kelu" for item in (LATE, HOUR, DONE)]
    late, hour, done = events.values()
    assert late.decoded("dtstart") == datetime.date(2026, 4, 15)
    assert late.decoded("dtend") == datetime.date(2026, 4, 16)
    assert hour.decoded("dtstart") == HOUR.due
    assert late.decoded("dtstamp") == AS_OF
    assert "逾期: 定期服务报告" in str(late["summary"])
    alarms = [[alarm.decoded("trigger") for alarm in event.walk("VALARM")] for event in (late, hour, done)]
    assert alarms == [[datetime.timedelta(days=-7)], [datetime.timedelta(hours=-6)], []]


def test_calendar_lines_keep_to_the_limit_and_to_whole_characters() -> None:
    written = DUTY_FORMATS["ics"]([LATE, HOUR, DONE], FRAME).encode("utf-8")
    lines = written.split(b"\r\n")
    assert lines[-1] == b""
    assert b"\n" not in b"".join(lines)
    assert max(map(len, lines)) <= 75
    assert any(line.startswith(b" ") for line in lines)
    for line in lines:
        line.decode("utf-8")


def test_an_empty_calendar_is_one() -> None:
    assert icalendar.Calendar.from_ical(DUTY_FORMATS["ics"]([], FRAME)).walk("VEVENT") == []
