"""Book: workbooks for Excel and WPS, written and read. Only door to XlsxWriter and openpyxl.

Every text is written as text: no program may take it for a date, a number, a link or a formula.
"""

from __future__ import annotations

import datetime
import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import openpyxl
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string
from xlsxwriter.utility import xl_rowcol_to_cell  # type: ignore[import-untyped]  # nor here

from kelu.finding import Text
from kelu.sheet.grid import Grid, Number, Odd, Page, Value

LONGEST = 32_767  # UTF-16 units that a cell of Excel holds
CHOICES = Text("选项", "Choices")
_UNPACKED = 1 << 30  # bytes; more is no table that people fill in
_SPARE = 500  # rows below the last that still offer choices
_WIDEST, _NARROWEST = 60, 10
_FIXED = datetime.datetime(2000, 1, 1)  # noqa: DTZ001 - equal tables give equal bytes
_RETURN = re.compile(r"_x000[dD]_\n?")
_MERGED = re.compile(rb'<mergeCell\s+ref="([A-Z]+[0-9]+)')


class BookError(Exception):
    """What is no workbook that can be read; `text` says why."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.zh)
        self.text = text


def write(pages: Sequence[Page], guide: tuple[str, Sequence[str]], choices: Mapping[str, Sequence[str]]) -> bytes:
    """A workbook: the guide (title and lines), the pages, and the lists that cells offer to choose from."""
    out = io.BytesIO()
    options = {
        "in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
    }  # fmt: skip
    book = xlsxwriter.Workbook(out, options)
    book.set_properties({"created": _FIXED})
    made = {name: book.add_format(look) for name, look in _LOOKS.items()}
    for page in pages:
        _page(book.add_worksheet(page.name), page, made, choices)
    told = book.add_worksheet(guide[0])
    told.set_column(0, 0, 110, made["prose"])
    for row, line in enumerate(guide[1]):
        told.write_string(row, 0, line)
    lists = book.add_worksheet(CHOICES.zh)
    for column, (name, values) in enumerate(choices.items()):
        lists.write_string(0, column, name, made["head"])
        for row, value in enumerate(values, 1):
            lists.write_string(row, column, value, made["text"])
    lists.freeze_panes(1, 0)
    book.close()
    return out.getvalue()


_LOOKS = {
    "head": {"bold": True, "bg_color": "#E7EDF4", "text_wrap": True, "valign": "top", "border": 1, "num_format": "@"},
    "needed": {"bold": True, "bg_color": "#FBE6C8", "text_wrap": True, "valign": "top", "border": 1, "num_format": "@"},
    "text": {"num_format": "@", "text_wrap": True, "valign": "top"},
    "prose": {"text_wrap": True, "valign": "top"},
}  # fmt: skip


def _page(sheet: Any, page: Page, looks: Mapping[str, Any], choices: Mapping[str, Sequence[str]]) -> None:
    names = list(choices)
    numbers = {column for row in page.rows for column, value in enumerate(row) if isinstance(value, (int, float))}
    for column, title in enumerate(page.header):
        width = max([_width(title), *(_width(str(row[column])) for row in page.rows[:200] if row[column])])
        # A number typed below a text stays as it is typed; among numbers it is one.
        sheet.set_column(column, column, min(max(width + 2, _NARROWEST), _WIDEST),
                         None if column in numbers else looks["text"])  # fmt: skip
        needed = bool(page.needed) and page.needed[column]
        sheet.write_string(0, column, title, looks["needed" if needed else "head"])
        if page.notes and page.notes[column]:
            sheet.write_comment(0, column, page.notes[column], {"x_scale": 2, "y_scale": 1.5})
        offered = page.choices[column] if page.choices else None
        if offered:
            place = names.index(offered)
            first, last = (xl_rowcol_to_cell(row, place, row_abs=True, col_abs=True)
                           for row in (1, max(len(choices[offered]), 1)))  # fmt: skip
            sheet.data_validation(1, column, len(page.rows) + _SPARE, column, {
                "validate": "list", "source": f"='{CHOICES.zh}'!{first}:{last}", "error_type": "warning",
                "error_title": "不在选项中", "error_message": "请从下拉列表中选；也可填代码，导入时会检查。",
            })  # fmt: skip
    sheet.freeze_panes(1, 1)
    if page.rows:
        sheet.autofilter(0, 0, len(page.rows), len(page.header) - 1)
    for number, row in enumerate(page.rows, 1):
        for column, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(number, column, value, looks["text"])
            elif value is not None:
                sheet.write_number(number, column, value)


def _width(text: str) -> int:
    return max(sum(2 if char > "\u2e7f" else 1 for char in line) for line in text.split("\n")) if text else 0


def read(raw: bytes) -> list[Grid]:
    """Every sheet of a workbook that is not a sheet of choices. Raises BookError."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if sum(item.file_size for item in archive.infolist()) > _UNPACKED:
                raise BookError(Text("文件过大，无法读取", "the file is too large to be read"))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # openpyxl tells what it will not keep; nothing is kept here
                book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True)
                return [_grid(sheet, archive) for sheet in book.worksheets if sheet.title != CHOICES.zh]
    except BookError:
        raise
    except Exception as fault:  # a damaged file makes the libraries raise whatever it may be
        raise BookError(
            Text("不是可以读取的 xlsx 工作簿（旧式 .xls、加密或损坏）",
                 "this is no workbook (xlsx) that can be read: an old .xls, encrypted or damaged")
        ) from fault  # fmt: skip


def _grid(sheet: Any, archive: zipfile.ZipFile) -> Grid:
    merged = set(_merged(archive.read(sheet._worksheet_path.lstrip("/"))))
    sheet.reset_dimensions()  # what a file says of its own extent is often wrong
    rows: dict[int, Sequence[Value]] = {}
    for number, cells in enumerate(sheet.iter_rows(), 1):
        row = [_value(cell) for cell in cells]
        for at, column in enumerate(row if merged else ()):
            if (number, at + 1) in merged:
                row[at] = Odd("merged", "" if column is None else str(column))
        if any(value is not None for value in row):
            rows[number] = row
    return Grid(sheet.title, rows)


def _merged(xml: bytes) -> Iterator[tuple[int, int]]:
    for match in _MERGED.finditer(xml):
        place = coordinate_from_string(match[1].decode())
        yield place[1], column_index_from_string(place[0])


def returned(text: str) -> str:
    """Text with the ends of lines that a workbook writes as `_x000D_`."""
    return _RETURN.sub("\n", text) if "_x000" in text else text


def _value(cell: Any) -> Value:
    value = cell.value
    if value is None or value == "":
        return None
    kind = cell.data_type
    if kind == "s" or kind == "inlineStr":
        return returned(value)
    if kind == "f":
        return Odd("formula", str(getattr(value, "text", value)))
    if kind == "e":
        return Odd("error", str(value))
    if isinstance(value, (bool, datetime.datetime, datetime.date, datetime.time)):
        return value
    if isinstance(value, (int, float)):
        return Number(value, cell.number_format or "General")
    return str(value)
