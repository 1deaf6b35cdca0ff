"""Lists: rows of words under headings, for people as columns and for spreadsheets as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from kelu.finding import Text
from kelu.formats.results import safe, width
from kelu.formats.words import Paint, plain, spoken, unpainted

Rows = Sequence[Sequence[str]]


def table(title: Text, heads: Sequence[Text], rows: Rows, lang: str = "both", paint: Paint = unpainted) -> str:
    """The title, the headings and a line a row, in columns as wide as a terminal shows them; nothing without rows."""
    if not rows:
        return ""
    speak = "zh" if lang == "both" else lang
    lines = [[spoken(head, speak)[0] for head in heads], *([plain(cell) for cell in row] for row in rows)]
    widths = [max(width(line[place]) for line in lines) for place in range(len(heads))]
    said = [
        "  ".join(cell + " " * (wide - width(cell)) for cell, wide in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join([paint(spoken(title, speak)[0], "path"), paint(said[0], "dim"), *said[1:]]) + "\n"


def as_csv(heads: Sequence[Text], rows: Rows, lang: str = "both") -> str:
    """With a byte-order mark, no cell taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for row in ([spoken(head, "zh" if lang == "both" else lang)[0] for head in heads], *rows):
        writer.writerow([safe(cell) for cell in row])
    return "\ufeff" + out.getvalue()
