"""Cells: what a cell of a ledger holds, and how it is written to the files that a page gives out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kelu.finding import Text
from kelu.formats.results import safe
from kelu.privacy import Node

_NONE = "null"  # of JSON
# None, a number, text, a label, {id, title} of what the cell leads to, or several of these.
Cell = None | int | float | str | Text | Mapping[str, Any] | Sequence[Mapping[str, Any]]


def of(node: Node, words: Mapping[str, Any]) -> Cell:
    """What privacy lets out of a value, as a cell; `words` are the site's."""
    if node.kind == "list":
        return _several([of(part, words) for part in node.children])
    if node.kind == "map":
        said = [(part.label, part.text or Text.same(part.value)) for part in node.children]
        return Text.joined(Text(f"{label.zh} {value.zh}", f"{label.en} {value.en}") for label, value in said)
    if node.kind in ("integer", "number"):
        return float(node.value) if "." in node.value else int(node.value)
    if node.kind == "boolean":
        return Text(**words["boolean"][node.value])
    if node.kind == "record":
        return {"id": node.target, "title": node.text.zh if node.text else ""}
    if node.kind == "contact" and node.text:
        position = f"（{node.text.en}）" if node.text.en else ""  # where other names have their English
        return {"id": node.target, "title": f"{node.text.zh}{position}"}
    if node.kind == "staff" and node.text:
        return node.text.zh
    return node.text or node.value


def _several(parts: Sequence[Any]) -> Cell:
    if isinstance(parts[0], Mapping):
        return parts
    if all(isinstance(part, Text) for part in parts):
        return Text.joined(parts)
    return "；".join(part.zh if isinstance(part, Text) else str(part) for part in parts)


@dataclass(frozen=True, slots=True)
class Held:
    """A column of a ledger: `cells` is what it says, each once as far as that could be told, in the order in which they
    come first, `places` for each row the place of its cell there. Ledgers say the same again and again."""

    cells: Sequence[Cell]
    places: Sequence[int]

    def __getitem__(self, rows: slice) -> list[Cell]:
        return [self.cells[place] for place in self.places[rows]]


def held(column: Iterable[Cell]) -> Held:
    """The cells of a column, one for each row."""
    places: dict[Any, int] = {}
    cells: list[Cell] = []
    coded = []
    for cell in column:
        key = (cell.__class__, cell) if isinstance(cell, (str, int, float)) else id(cell)
        place = places.get(key)
        if place is None:
            place = places[key] = len(cells)
            cells.append(cell)
        coded.append(place)
    return Held(cells, coded)


def column(told: Held) -> tuple[list[str], list[str]]:
    """The JSON of each cell of a column, labels as [zh, en]; and that of what the column says again and again, which
    then stands once and the cells are its places. Nothing where that would not make it shorter."""
    texts = [compact(_plain(cell)) for cell in told.cells]
    values = dict.fromkeys(text for text in texts if text != _NONE)
    filled = len(told.places) - sum(1 for place in told.places if told.cells[place] is None)
    numbers = any(isinstance(cell, (int, float)) for cell in told.cells)
    if numbers or not values or len(values) * 2 > filled:
        return [texts[place] for place in told.places], []
    codes = {text: str(place) for place, text in enumerate(values)} | {_NONE: _NONE}
    coded = [codes[text] for text in texts]
    return [coded[place] for place in told.places], list(values)


def _plain(cell: Cell) -> Any:
    if isinstance(cell, Text):
        return cell.zh if cell.zh == cell.en else [cell.zh, cell.en]
    if isinstance(cell, Mapping):
        return {key: _plain(value) for key, value in cell.items()}
    return [_plain(part) for part in cell] if isinstance(cell, (list, tuple)) else cell


def compact(value: Any) -> str:
    """JSON without a needless byte."""
    return _encode(value)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # json.dumps would make one each time


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """CSV for Excel, in Chinese: UTF-8 with BOM, no cell a spreadsheet would take for a formula (journeys.md §8)."""
    return _csv(header, ([safe(_written(cell)) for cell in row] for row in rows))


def columns_as_csv(header: Sequence[str], columns: Sequence[Held]) -> bytes:
    """The same of columns."""
    words = ([safe(_written(cell)) for cell in item.cells] for item in columns)
    told = ([said[at] for at in item.places] for said, item in zip(words, columns, strict=True))
    return _csv(header, zip(*told, strict=True))


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(map(safe, header))
    writer.writerows(rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _written(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Text):
        return cell.zh
    if isinstance(cell, Mapping):
        return " ".join(filter(None, (cell["id"], _written(cell["title"]))))
    if isinstance(cell, (list, tuple)):
        return "；".join(_written(part) for part in cell)
    return "" if cell is None else str(cell)
