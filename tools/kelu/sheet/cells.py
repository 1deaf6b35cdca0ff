"""Cells: a value of a record as a cell shows it, and what a cell that somebody filled in means."""

from __future__ import annotations

import datetime
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kelu.document.gate import unwanted
from kelu.privacy.mask import MARKS, mask
from kelu.sheet import moments
from kelu.sheet.book import LONGEST, returned
from kelu.sheet.grid import Number, Odd, Value
from kelu.sheet.layout import Column
from kelu.sheet.words import NO, YES, Words, boolean

Shown = str | int | float | None
_EXACT = 15  # significant digits that a spreadsheet keeps of a number
_ZEROS = re.compile("0+")
_DESTROYED = re.compile(r"[0-9](\.[0-9]+)?E\+[0-9]+")
_BETWEEN = re.compile("[；;，,、]")
_TOO_LONG = "〔过长未显示"
# Workbooks write a character as `_x000D_`, and openpyxl undoes that by half: what differs only in it is the same.
_ESCAPE = "x005F_"


@dataclass(frozen=True, slots=True)
class Slip:
    """What is wrong with a cell: a code of the catalogue, and words for its placeholders."""

    code: str
    words: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reader:
    """Writes and reads the cells of records; `opened` shows direct identifiers as they are, not masked."""

    words: Words
    opened: bool = True

    def shown(self, column: Column, value: Any, pack: str) -> Shown:
        """What a cell says for a value."""
        if value is None:
            return None
        if column.many:
            if not isinstance(value, list) or any(isinstance(part, (dict, list)) or part is None for part in value):
                return _fitting(_json(value))
            single = _single(column)
            return _fitting("\n".join(str(self._one(single, part, pack)) for part in value))
        return self._one(column, value, pack)

    def _one(self, column: Column, value: Any, pack: str) -> Shown:
        item = column.field
        if item.kind == "boolean" and isinstance(value, bool):
            return YES if value else NO
        if item.kind in ("integer", "number") and isinstance(value, (int, float)) and not isinstance(value, bool):
            return value if float(f"{value:.{_EXACT}g}") == value else repr(value)
        graded = _graded(column)
        if graded and isinstance(value, (int, str)) and not isinstance(value, bool):
            return _fitting(self.words.shown(item, str(value), pack, grade=True))
        if not isinstance(value, str):
            return _fitting(_json(value))
        if item.pii in MARKS and not self.opened:
            return mask(item.pii, value)
        if item.kind in ("date", "datetime", "moment"):
            return moments.shown(value)
        if item.refs or self.words.closed(item):
            return _fitting(self.words.shown(item, value, pack))
        if item.kind == "mixed" and _parsed(value) is not value:
            value = _json(value)  # text that would be read as a number says that it is text
        return _fitting(value)

    def says(self, column: Column, cell: Value, value: Any, pack: str) -> bool:
        """Whether a cell says what a record holds already, masked or not."""
        for reader in (self, replace(self, opened=not self.opened)):
            if _same(cell, reader.shown(column, value, pack)):
                return True
            if column.field.pii not in MARKS:
                break
        return False

    def meant(self, column: Column, cell: Value, pack: str, held: Any = None) -> Any | Slip:
        """The value that a filled-in cell means, where a record holds another so far; or what is wrong with it."""
        if isinstance(cell, Odd):
            return Slip("SHEET-03", {"slip": cell.slip, "value": cell.text})
        if column.many and isinstance(cell, str):
            return self._several(column, cell, pack)
        value = self._meant(_single(column), cell, pack, held)
        return [value] if column.many and not isinstance(value, Slip) else value

    def _several(self, column: Column, cell: str, pack: str) -> Any | Slip:
        if cell.lstrip().startswith("[") and isinstance(listed := _parsed(cell), list):
            return listed
        single = _single(column)
        found = []
        for line in filter(None, map(str.strip, cell.split("\n"))):
            whole = self._meant(single, line, pack, None)
            parts = [line] if not isinstance(whole, Slip) and not _BETWEEN.search(line) else _BETWEEN.split(line)
            for part in filter(None, map(str.strip, parts)):
                value = self._meant(single, part, pack, None)
                if isinstance(value, Slip):
                    return value
                found.append(value)
        return found

    def _meant(self, column: Column, cell: Value, pack: str, held: Any) -> Any | Slip:
        item = column.field
        graded = _graded(column)
        if item.kind in ("date", "datetime", "moment"):
            return _moment(item.kind, cell, held)
        if isinstance(cell, (datetime.datetime, datetime.date, datetime.time)):
            return Slip("SHEET-06", {"slip": "date"})
        if item.kind == "boolean":
            said = cell if isinstance(cell, bool) else boolean(cell) if isinstance(cell, str) else None
            return Slip("SHEET-04", {"allowed": f"{YES}、{NO}"}) if said is None else said
        if isinstance(cell, bool):
            cell = "true" if cell else "false"
        if item.kind in ("integer", "number"):
            return _number(item.kind, cell)
        text = _typed(cell)
        if text is None:
            return Slip("SHEET-06", {"slip": "number"})
        if _TOO_LONG in text or (item.pii in MARKS and "**" in text):
            return Slip("SHEET-07", {"slip": "long" if _TOO_LONG in text else "masked"})
        if graded or item.refs or self.words.closed(item):
            return self._code(column, text, pack, graded, held)
        if item.kind in ("mixed", "map"):
            return _parsed(text)
        return _text(column, text, held)

    def _code(self, column: Column, text: str, pack: str, graded: bool, held: Any) -> Any | Slip:
        item = column.field
        code = self.words.meant(item, text, pack, grade=graded)
        if code is None:
            near = [] if item.refs else self.words.near(item, pack, grade=graded)
            return Slip("SHEET-04", {"allowed": "、".join(near[:15])}) if near else Slip("SHEET-05", {})
        if graded and item.kind == "mixed" and code.isdigit() and not (isinstance(held, str) and held == code):
            return int(code)
        return code


def doubtful(column: Column, cell: Value) -> bool:
    """Whether a cell was typed as a number where a text is kept: zeros before it may have been lost."""
    item = column.field
    text = item.kind == "string" and not (item.refs or item.enum or item.vocabulary)
    return text and isinstance(cell, Number) and not _ZEROS.fullmatch(cell.shown_as)


def blank(cell: Value) -> bool:
    """Whether a cell says nothing."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _single(column: Column) -> Column:
    return (
        replace(column, field=replace(column.field, kind=column.field.items or "mixed", items=None), many=False)
        if column.many
        else column
    )


def _graded(column: Column) -> bool:
    return column.keyed and column.field.pii == "none"


def _same(cell: Value, shown: Shown) -> bool:
    if shown is None or shown == "":
        return blank(cell)
    if isinstance(shown, str):
        if isinstance(cell, bool):
            return shown == (YES if cell else NO)
        said = "" if cell is None else cell
        return isinstance(said, str) and (said == shown or _unescaped(said) == _unescaped(shown))
    if isinstance(cell, Number):
        return cell.value == shown
    return isinstance(cell, str) and cell.strip() == str(shown)


def _unescaped(text: str) -> str:
    return returned(text.replace(_ESCAPE, ""))


def _fitting(text: str) -> str:
    """A text as a cell can hold it; of a longer one the cell tells that the record keeps it as it is."""
    size = len(text.encode("utf-16-le", "surrogatepass")) // 2 if len(text) * 2 > LONGEST else 0
    return text if size <= LONGEST else f"{_TOO_LONG}：{len(text)} 字。此格不改，原文不变。〕"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _parsed(text: str) -> Any:
    """What a text is as JSON; the text itself where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _typed(cell: Value) -> str | None:
    """What was typed into a cell of text; None where the spreadsheet has made of it what nobody typed."""
    if isinstance(cell, str):
        return None if _DESTROYED.fullmatch(cell.strip()) else cell
    if not isinstance(cell, Number) or cell.value != int(cell.value) or abs(cell.value) >= 10**_EXACT:
        return None
    text = str(int(cell.value))
    return text.zfill(len(cell.shown_as)) if _ZEROS.fullmatch(cell.shown_as) else text


def _text(column: Column, text: str, held: Any) -> str | Slip:
    item = column.field
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = unicodedata.normalize("NFKC" if item.identifier else "NFC", text).strip()
    if isinstance(held, str) and held != text and held.isdigit() and held.lstrip("0") == text:
        return Slip("SHEET-06", {"slip": "zeros"})
    character = unwanted(text)
    return Slip("SHEET-08", {"character": character}) if character else text


def _number(kind: str, cell: Value) -> int | float | Slip:
    value: int | float
    if isinstance(cell, Number):
        value = cell.value
    else:
        text = unicodedata.normalize("NFKC", str(cell)).strip()
        try:
            value = int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
        except ValueError:
            return Slip("SHEET-09", {})
        if value != value or value in (float("inf"), float("-inf")):
            return Slip("SHEET-09", {})
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return Slip("SHEET-09", {}) if kind == "integer" and not isinstance(value, int) else value


def _moment(kind: str, cell: Value, held: Any) -> str | Slip:
    if isinstance(cell, (datetime.datetime, datetime.date)):
        text = moments.of_cell(cell)
        if kind != "datetime" and text.endswith(" 00:00:00"):
            text = text[:10]
    elif isinstance(cell, Number):
        text = str(cell.value)
    else:
        text = str(cell)
    day, moment = moments.date(text), moments.moment(text)
    if kind != "datetime" and day:
        return day
    if kind != "date" and moment:
        value, to_the_second = moment
        if isinstance(cell, datetime.datetime) and value[17:19] == "00":
            to_the_second = False
        # Who writes 9:10 does not say that it was not 9:10:05.
        same = isinstance(held, str) and held[:16] == value[:16] and held[19:] == value[19:]
        return str(held) if same and not to_the_second else value
    return Slip(
        "SHEET-10", {"slip": "time" if kind == "datetime" and day else "both" if kind == "date" and moment else "none"}
    )
