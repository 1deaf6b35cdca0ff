"""Samples, for people and for programs: the records drawn, and how to draw them again without kelu."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kelu.finding import Text
from kelu.formats.results import Look, safe, width
from kelu.formats.words import dump, pair, plain, spoken

if TYPE_CHECKING:
    from kelu.sample import Drawn, Sample

METHOD = "sha256(seed LF id)"
_SHORT = 12
_UNREAD = Text("无法读取", "unreadable")


def table(sample: Sample, look: Look) -> str:
    """A line a record, first drawn first; below it the seed and what anybody checks the order with."""
    rows = [
        (item.id, item.key[:_SHORT], item.date, _state(item, look.lang), plain(item.title)) for item in sample.drawn
    ]
    widths = [max(width(row[column]) for row in rows) for column in range(4)] if rows else []
    lines = []
    for row in rows:
        cells = [cell + " " * (room - width(cell)) for cell, room in zip(row[:4], widths, strict=True)]
        lines.append(
            "  ".join([look.paint(cells[0], "path"), look.paint(cells[1], "dim"), *cells[2:], row[4]]).rstrip()
        )
    return (
        "\n".join(
            [*lines, *([""] if lines else []), *(look.paint(line, "dim") for line in _closing(sample, look.lang))]
        )
        + "\n"
    )


def _state(item: Drawn, lang: str) -> str:
    words = item.state or (Text(item.status, item.status) if item.status else _UNREAD)
    return " ".join(dict.fromkeys(plain(said) for said in spoken(words, lang)))


def _closing(sample: Sample, lang: str) -> Iterator[str]:
    count, seed = len(sample.drawn), plain(sample.seed)
    commit = sample.commit or ""
    yield from spoken(
        Text(
            f"{sample.label.zh} {sample.population} 条中的 {count} 条，种子 {seed}，提交 {commit or '无'}",
            f"{count} of {sample.population} records ({sample.label.en}), seed {seed}, commit {commit or 'none'}",
        ),
        lang,
    )
    yield from spoken(Text("不用 kelu 也能复核：", "To check it without kelu:"), lang)
    yield f"  {by_hand(sample)}"


def by_hand(sample: Sample) -> str:
    """Commands that draw the sample again; where only some records of the type were asked for, the key of one id."""
    if sample.narrowed or sample.commit is None:
        return f"printf '%s\\n%s' {shlex.quote(sample.seed)} ID | sha256sum"
    names = f"git ls-tree -r --name-only {sample.commit} {sample.folder} | sed 's|.*/||; s|\\.yaml$||'"
    key = f"printf '%s\\n%s' {shlex.quote(sample.seed)} \"$id\" | sha256sum | cut -c1-64"
    return f'{names} | while read -r id; do echo "$({key}) $id"; done | sort | head -n {len(sample.drawn)}'


def as_json(sample: Sample, look: Look) -> str:
    """The records drawn with all that it takes to draw them again."""
    return dump(
        {
            "type": sample.type,
            "seed": sample.seed,
            "method": METHOD,
            "commit": sample.commit,
            "population": sample.population,
            "records": [
                {
                    "id": item.id, "key": item.key, "title": item.title, "date": item.date or None,
                    "status": item.status or None, "state": pair(item.state) if item.state else None,
                }
                for item in sample.drawn
            ],
        }
    )  # fmt: skip


def as_csv(sample: Sample, look: Look) -> str:
    """For spreadsheets: a row a record, with a byte-order mark; no cell is taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("id", "title", "date", "status", "state_zh", "state_en", "key", "seed", "population", "commit"))
    for item in sample.drawn:
        state = item.state or Text("", "")
        row = (item.id, item.title, item.date, item.status, state.zh, state.en, item.key, sample.seed,
               str(sample.population), sample.commit or "")  # fmt: skip
        writer.writerow([safe(cell) for cell in row])
    return "\ufeff" + out.getvalue()
