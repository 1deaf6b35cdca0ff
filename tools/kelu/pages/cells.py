"""Cells: what a cell of a ledger holds, and how it is written to the files that a page gives out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kelu.finding import Text
from kelu.formats.results import safe
from kelu.privacy import Node

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


def column(held: Sequence[Cell]) -> tuple[list[Any], list[Any]]:
    """The cells of a column for JSON, labels as [zh, en]; and what the column says again and again, which then stands
    once and the cells are its places. Nothing where that would not make it shorter."""
    plain = [_plain(cell) for cell in held]
    if any(isinstance(cell, (int, float)) for cell in plain):
        return plain, []
    keys = [None if cell is None else _key(cell) for cell in plain]
    values = {key: cell for key, cell in zip(keys, plain, strict=True) if key is not None}
    if len(values) * 2 > len(keys) - keys.count(None) or not values:
        return plain, []
    places = {key: place for place, key in enumerate(values)}
    return [None if key is None else places[key] for key in keys], list(values.values())


def _key(cell: Any) -> str | tuple[str]:
    """What only equal cells have in common."""
    return cell if isinstance(cell, str) else (compact(cell),)


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
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for row in (header, *rows):
        writer.writerow([safe(_written(cell)) for cell in row])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _written(cell: Cell) -> str:
    if isinstance(cell, Text):
        return cell.zh
    if isinstance(cell, Mapping):
        return " ".join(filter(None, (cell["id"], _written(cell["title"]))))
    if isinstance(cell, (list, tuple)):
        return "；".join(_written(part) for part in cell)
    return "" if cell is None else str(cell)
