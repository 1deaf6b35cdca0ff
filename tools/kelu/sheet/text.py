"""Text: tables as CSV, one alone or several in a zip; read in UTF-8, UTF-16, GBK or GB18030.

A cell that a spreadsheet would take for a formula gets an apostrophe before it, which is taken away again when the
table is read: `=1+1` → `'=1+1` → `=1+1`, and `'=1+1` → `''=1+1` → `'=1+1`.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Sequence

from kelu.finding import Text
from kelu.sheet.grid import Grid, Page, Value

_BOM = b"\xef\xbb\xbf"
_ACTIVE = re.compile(r"'*[=+\-@\t\r＝＋－＠]")
_GUARDED = re.compile(r"'+[=+\-@\t\r＝＋－＠]")
_DELIMITERS = ",;\t|"
_FIXED = (2000, 1, 1, 0, 0, 0)  # equal tables give equal bytes
_LONGEST = 10_000_000  # characters of a cell; beyond it a quote was never closed


class TextError(Exception):
    """What is no table of text that can be read; `text` says why."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.zh)
        self.text = text


def write(page: Page) -> bytes:
    """A table as CSV that Excel opens in Chinese: UTF-8 with BOM, CRLF."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([guarded(title) for title in page.header])
    for row in page.rows:
        writer.writerow(["" if cell is None else guarded(cell) if isinstance(cell, str) else cell for cell in row])
    return _BOM + out.getvalue().encode("utf-8", "surrogatepass")


def write_zip(pages: Sequence[Page]) -> bytes:
    """Several tables as CSV files in one archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for page in pages:
            archive.writestr(zipfile.ZipInfo(f"{page.name}.csv", _FIXED), write(page), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if _ACTIVE.match(cell) else cell


def unguarded(cell: str) -> str:
    """What `guarded` was given."""
    return cell[1:] if _GUARDED.match(cell) else cell


def read(
    raw: bytes, name: str, encoding: str | None = None, delimiter: str | None = None, *, foreign: bool = False
) -> tuple[Grid, str]:
    """A CSV file as a grid, and the encoding it was read in. In a foreign one an apostrophe is an apostrophe.

    Raises TextError."""
    text, used = decoded(raw, encoding)
    first = text.split("\n", 1)[0]
    mark = delimiter or max(_DELIMITERS, key=lambda sign: first.count(sign))
    csv.field_size_limit(_LONGEST)
    rows: dict[int, Sequence[Value]] = {}
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True), 1):
            cells = [(cell if foreign else unguarded(cell)).replace("\r\n", "\n") or None for cell in row]
            if any(cell is not None for cell in cells):
                rows[number] = cells
    except csv.Error as fault:
        raise TextError(
            Text(f"引号不成对或格式有误（{fault}）", f"quotes do not match, or the format is wrong ({fault})")
        ) from fault
    return Grid(name, rows), used


def read_zip(raw: bytes) -> list[Grid]:
    """Every CSV file of an archive. Raises TextError."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if sum(item.file_size for item in archive.infolist()) > 1 << 30:
                raise TextError(Text("文件过大，无法读取", "the file is too large to be read"))
            return [
                read(archive.read(item), item.filename.rpartition("/")[2].removesuffix(".csv"))[0]
                for item in archive.infolist()
                if item.filename.endswith(".csv") and "__MACOSX" not in item.filename
            ]
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError) as fault:
        raise TextError(Text("压缩文件已损坏", "the archive is damaged")) from fault


def decoded(raw: bytes, encoding: str | None = None) -> tuple[str, str]:
    """The text of a file and its encoding: as named, else by its first bytes, else UTF-8, else GB18030."""
    marked = {_BOM: "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    found = [name for mark, name in marked.items() if raw.startswith(mark)]
    for name in found or ([encoding] if encoding else ["utf-8", "gb18030"]):
        try:
            return raw.decode(name), name
        except UnicodeDecodeError:
            continue
    asked = (found or [encoding or "UTF-8 / GB18030"])[0]
    raise TextError(Text(f"编码不是 {asked}", f"the encoding is not {asked}"))
