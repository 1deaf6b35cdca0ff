"""Moments: dates and times as people write them in a sheet, and as records hold them, in Asia/Shanghai."""

from __future__ import annotations

import datetime
import re
import unicodedata

from kelu.periods import SHANGHAI

_DAY = r"(?P<y>\d{4})\s*[-/.年]\s*(?P<m>\d{1,2})\s*[-/.月]\s*(?P<d>\d{1,2})\s*日?"
_TIME = (
    r"(?P<half>上午|下午|晚上|早上|中午|凌晨|[AaPp][Mm])?\s*(?P<h>\d{1,2})\s*[:时点]\s*"
    r"(?:(?P<n>\d{1,2})\s*(?:[:分]\s*(?:(?P<s>\d{1,2})\s*秒?)?)?)?"
)
_ZONE = r"\s*(?P<z>Z|[+-]\d{2}:\d{2})?"
_DATE_ONLY = re.compile(_DAY)
_COMPACT = re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})")
_DATE_TIME = re.compile(f"{_DAY}[T\\s]*{_TIME}{_ZONE}")
_AFTERNOON = frozenset({"下午", "晚上", "pm"})


def shown(value: str) -> str:
    """A date or date-time of a record as a sheet shows it: `2026-03-02 09:10:00`, where it is in +08:00."""
    return value[:-6].replace("T", " ") if value.endswith("+08:00") else value


def date(text: str) -> str | None:
    """2026/3/2, 2026年3月2日, 20260302 … → 2026-03-02. None where it is no date, or one that may mean two days."""
    text = _plain(text)
    found = _DATE_ONLY.fullmatch(text) or _COMPACT.fullmatch(text)
    if not found:
        return None
    try:
        return datetime.date(int(found["y"]), int(found["m"]), int(found["d"])).isoformat()
    except ValueError:
        return None


def moment(text: str) -> tuple[str, bool] | None:
    """2026年3月2日 9:10 → 2026-03-02T09:10:00+08:00, and whether the seconds were told. None where it is none."""
    found = _DATE_TIME.fullmatch(_plain(text))
    if not found:
        return None
    hour = int(found["h"])
    half = (found["half"] or "").lower()
    if hour < 12 and (half in _AFTERNOON or (half == "中午" and hour < 6)):
        hour += 12
    try:
        told = datetime.datetime(
            int(found["y"]), int(found["m"]), int(found["d"]), hour, int(found["n"] or 0), int(found["s"] or 0),
            tzinfo=SHANGHAI,
        )  # fmt: skip
    except ValueError:
        return None
    zone = found["z"] or "+08:00"
    return f"{told:%Y-%m-%dT%H:%M:%S}{zone}", found["s"] is not None


def of_format(text: str, form: str) -> str | None:
    """A text in a format of `strptime`, as `date` and `moment` read it. None where it has another form."""
    try:
        told = datetime.datetime.strptime(text.strip(), form)  # noqa: DTZ007 - the zone is ours where none is told
    except ValueError:
        return None
    if "%H" not in form and "%I" not in form:
        return f"{told:%Y-%m-%d}"
    return f"{told:%Y-%m-%d %H:%M:%S}" + (f"{told:%:z}" if told.tzinfo else "")


def of_cell(value: datetime.datetime | datetime.date) -> str:
    """A date cell of a spreadsheet, whose time is a fraction of a day, as text to the second."""
    if not isinstance(value, datetime.datetime):
        return value.isoformat()
    value = value + datetime.timedelta(milliseconds=500)
    return f"{value:%Y-%m-%d %H:%M:%S}"


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()
