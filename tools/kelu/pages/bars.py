"""Bars: the geometry of bar charts as lines, blocks and words that one template draws as inline SVG.

Lying bars for what has names, standing ones for months. A bar is one value or a stack of them; several values beside
each other, a target and a line of cumulative shares are the variations. Labels are measured and wrapped, so that none
runs into another. Every axis starts at zero.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from kelu.finding import Text
from kelu.pages.chart import steps

WIDTH, FONT, LINE = 400.0, 12.0, 15.0  # a chart is drawn as wide as a phone shows it, in SVG user units
EDGE, GAP = 4.0, 8.0
LABEL = 132.0  # the most that the names of lying bars may take
TALL = 210.0  # height of standing bars with everything around them
_NARROW = 0.58  # of an em, a Latin letter or digit; a Chinese one is a whole em
# What a line may be broken between: words of letters, single Chinese signs with the brackets and stops they carry.
_PIECE = re.compile(r"[（《「『【]*[\u2e80-\uffef][，。、；：！？）》」』】]*|[^\s\u2e80-\uffef]+|\s+")


@dataclass(frozen=True, slots=True)
class Group:
    """What one bar stands for: its label and a value for each series. `own` marks a label in the records' language."""

    label: Text
    values: tuple[Decimal, ...]
    own: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A drawn value; `series` gives its pattern."""

    series: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line: the `base` all values start from, the `axis` of a round value, a `target`."""

    kind: str
    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Word:
    """Text at a place, its lines parted by line breaks. `middle` tells that the lines stand around `y`, not below."""

    kind: str  # label, value, tick or target
    x: float
    y: float
    anchor: str
    text: Text
    own: bool = False
    middle: bool = True


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart to draw. `dots` are the points of its cumulative line."""

    width: float
    height: float
    rules: tuple[Rule, ...]
    blocks: tuple[Block, ...]
    words: tuple[Word, ...]
    dots: tuple[tuple[float, float], ...] = ()


def measure(text: str) -> float:
    """The width of a line of text in SVG user units, at most."""
    wide = sum(unicodedata.east_asian_width(sign) in "WFA" for sign in text)
    return FONT * (wide + (len(text) - wide) * _NARROW)


def wrapped(text: str, room: float, lines: int = 2) -> str:
    """The text in at most so many lines that fit the room, parted by line breaks; what is left over is cut off."""
    made = [""]
    for piece in _PIECE.findall(text):
        while measure(piece) > room and len(piece) > 1:  # a word longer than a line
            head = next(n for n in range(len(piece) - 1, 0, -1) if n == 1 or measure(piece[:n]) <= room)
            made[-1:] = [part for part in (made[-1], piece[:head]) if part] + [""]
            piece = piece[head:]
        if made[-1] and measure(made[-1] + piece.rstrip()) > room:
            made.append("")
        made[-1] += piece if made[-1] else piece.lstrip()
    told = [line.rstrip() for line in made if line.strip()]
    if len(told) > lines:
        last = told[lines - 1]
        while last and measure(last + "…") > room:
            last = last[:-1]
        told = [*told[: lines - 1], last + "…"]
    return "\n".join(told)


def number(value: Decimal) -> str:
    """A value as it stands beside its bar: whole, or with two places."""
    return str(int(value)) if value == value.to_integral_value() else f"{value:.2f}"


def lying(
    groups: Sequence[Group], *, stacked: bool = True, target: Decimal | None = None, cumulative: bool = False
) -> Drawing | None:
    """Bars from left to right, one group below the other; None without groups.

    `stacked` puts the values of a group behind each other, otherwise they lie side by side. `cumulative` adds the
    shares of the total that the groups down to each have together (Pareto).
    """
    if not groups:
        return None
    total = sum((sum(group.values, Decimal(0)) for group in groups), Decimal(0))
    stacks = [(sum(g.values, Decimal(0)),) if stacked else g.values for g in groups]
    longest = total if cumulative else max([*(value for held in stacks for value in held), target or Decimal(0)])
    labels = [Text(wrapped(group.label.zh, LABEL), wrapped(group.label.en, LABEL)) for group in groups]
    drawn = [line for label in labels for text in (label.zh, label.en) for line in text.split("\n")]
    base = round(EDGE + max(map(measure, drawn)) + GAP, 1)
    room = max(measure(number(value)) for held in stacks for value in held)
    span = WIDTH - base - EDGE - GAP - max(room, measure("100%") if cumulative else 0.0)
    thick = 16.0 if stacked or len(groups[0].values) == 1 else 13.0

    def length(value: Decimal) -> float:
        return round(float(value / longest) * span, 1) if longest else 0.0

    top = EDGE + (LINE if target is not None or cumulative else 0.0)
    blocks: list[Block] = []
    words: list[Word] = []
    dots: list[tuple[float, float]] = []
    y, run = top, Decimal(0)
    for group, label, held in zip(groups, labels, stacks, strict=True):
        lines = max(text.count("\n") + 1 for text in (label.zh, label.en))
        height = max(lines * LINE, thick * len(held)) + GAP * (2 if cumulative else 1)
        words.append(Word("label", base - GAP, y + height / 2, "end", label, group.own))
        at = y + (height - thick * len(held)) / 2
        for place, value in enumerate(held):
            edge = base
            for series, part in enumerate(group.values) if stacked else [(place, value)]:
                if part:
                    blocks.append(Block(series, edge, at, length(part), thick - (0 if stacked else 2)))
                    edge = round(edge + length(part), 1)
            words.append(Word("value", edge + EDGE, at + thick / 2, "start", _same(number(value))))
            at += thick
        y += height
        run += sum(held, Decimal(0))
        if cumulative and total:
            dots.append((round(base + length(run), 1), round(y, 1)))
            share = _same(f"{float(run / total) * 100:.0f}%")
            words.append(Word("tick", base + length(run) + GAP, y, "start", share))
    rules = [Rule("base", base, top, base, y)]
    if target is not None or cumulative:
        mark = Decimal("0.8") * total if cumulative else target or Decimal(0)
        rules.append(Rule("target", base + length(mark), top, base + length(mark), y))
        told = _same("80%" if cumulative else number(mark))
        half = measure(told.zh) / 2  # a mark at either end has its number within the picture all the same
        middle = round(min(max(base + length(mark), half), WIDTH - half), 1)
        words.append(Word("target", middle, EDGE + LINE / 2 - 2, "middle", told))
    height = round(y + (LINE if cumulative else EDGE), 1)
    return Drawing(WIDTH, height, tuple(rules), tuple(blocks), tuple(words), tuple(dots))


def standing(groups: Sequence[Group]) -> Drawing | None:
    """Stacks from the bottom up, one group beside the other, over round values; None without groups."""
    if not groups:
        return None
    totals = [sum(group.values, Decimal(0)) for group in groups]
    ticks = steps(max(totals), whole=True)
    high = ticks[-1]
    start = round(GAP + max(measure(number(tick)) for tick in ticks), 1)
    room = (WIDTH - start - EDGE) / len(groups)
    labels = [Text(*("\n".join(wrapped(part, room) for part in text.split("\n")) for text in (g.label.zh, g.label.en)))
              for g in groups]  # fmt: skip
    lines = max(text.count("\n") + 1 for label in labels for text in (label.zh, label.en))
    top, base = EDGE + LINE, TALL - EDGE - lines * LINE

    def y(value: Decimal) -> float:
        return round(base - float(value / high) * (base - top), 1)

    rules = [Rule("axis" if tick else "base", start, y(tick), WIDTH - EDGE, y(tick)) for tick in ticks]
    words = [Word("tick", start - EDGE, y(tick), "end", _same(number(tick))) for tick in ticks]
    blocks: list[Block] = []
    for i, (group, label, total) in enumerate(zip(groups, labels, totals, strict=True)):
        middle, broad = round(start + room * (i + 0.5), 1), round(min(36.0, room * 0.6), 1)
        run = Decimal(0)
        for series, value in enumerate(group.values):
            if value:
                low, run = y(run), run + value
                blocks.append(Block(series, round(middle - broad / 2, 1), y(run), broad, round(low - y(run), 1)))
        if total:
            words.append(Word("value", middle, y(total) - LINE / 2, "middle", _same(number(total))))
        words.append(Word("label", middle, base + LINE, "middle", label, group.own, middle=False))
    return Drawing(WIDTH, TALL, tuple(rules), tuple(blocks), tuple(words))


def _same(text: str) -> Text:
    return Text(text, text)
