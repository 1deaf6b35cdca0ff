"""Grid: a table as it stands in a file, before anyone knows what its columns mean, and the places in it."""

from __future__ import annotations

import datetime
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kelu import catalogue
from kelu.finding import Finding, Text


@dataclass(frozen=True, slots=True)
class Odd:
    """A cell that holds no value of its own: `slip` is formula, error or merged; `text` what stands there."""

    slip: str
    text: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number with the format that it is shown in: `0000` shows 731 as 0731."""

    value: int | float
    shown_as: str = "General"


TOLD = Odd("told", "")  # a cell that was found at fault already
Value = str | bool | Number | datetime.datetime | datetime.date | datetime.time | Odd | None


@dataclass(frozen=True, slots=True)
class Grid:
    """A sheet: its name, and its rows that hold something, by their number as the spreadsheet counts."""

    name: str
    rows: Mapping[int, Sequence[Value]]


@dataclass(frozen=True, slots=True)
class Page:
    """A sheet to be written: rows under a header, and what helps to fill it in. `notes`, `choices` (the name of a list
    of `Workbook.choices`) and `kinds` (text, number) are by column."""

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[str | int | float | None]]
    notes: Sequence[str] = ()
    choices: Sequence[str | None] = ()
    needed: Sequence[bool] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A cell: row and column count from 1. Column 0: the row; row 0: the sheet."""

    sheet: str
    row: int = 0
    column: int = 0

    @property
    def text(self) -> Text:
        """How people name it: 表“投诉”第 7 行 F 列."""
        zh, en = f"表“{self.sheet}”", f'sheet "{self.sheet}"'
        if self.row and self.column:
            name = letters(self.column)
            return Text(f"{zh}第 {self.row} 行 {name} 列", f"{en}, cell {name}{self.row}")
        if self.column:
            name = letters(self.column)
            return Text(f"{zh} {name} 列", f"{en}, column {name}")
        return Text(f"{zh}第 {self.row} 行", f"{en}, row {self.row}") if self.row else Text(zh, en)


def letters(column: int) -> str:
    """1 → A, 28 → AB."""
    name = ""
    while column:
        column, digit = divmod(column - 1, 26)
        name = chr(65 + digit) + name
    return name


def fault(code: str, path: str, place: Place, field: str = "", value: object = None, **words: object) -> Finding:
    """A finding at a cell of a file."""
    return at_cell(catalogue.make(code, path, 1, 1, field, value, **words), path, place)


def at_cell(found: Finding, path: str, place: Place) -> Finding:
    """The same finding, told of a cell of a file instead of a line of a record."""
    where = place.text
    said = Text(f"{where.zh}：{found.message.zh}", f"{where.en}: {found.message.en}")
    return replace(found, path=path, line=max(place.row, 1), column=max(place.column, 1), message=said)


def plain(text: str) -> str:
    """Text as it is compared: full-width letters, digits and blanks as half-width, no blanks around, no case."""
    return " ".join(unicodedata.normalize("NFKC", text).split()).casefold()
