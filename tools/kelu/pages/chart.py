"""Charts: the geometry of a trend as numbers a template draws as inline SVG.

No script and no picture file: the chart prints, follows the theme's colours and has its data in words beside
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal

from kelu.finding import Text

WIDTH, HEIGHT = 760.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 64.0, 26.0, 46.0
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Point:
    """One period: its label, value (None: no data), the text shown at it and the n/N below it."""

    label: str
    value: Decimal | None
    text: Text = field(default_factory=lambda: Text.same(""))
    counts: str = ""
    verdict: str = "not_assessed"
    small: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A drawn point; `y` is None where there is no data."""

    point: Point
    x: float
    y: float | None


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template draws, in SVG user units. `line` is path data, broken where a period has no data."""

    width: float
    height: float
    left: float
    right: float
    base: float
    bar: float
    marks: tuple[Mark, ...]
    grid: tuple[tuple[float, str], ...]
    line: str
    target: float | None
    target_text: Text | None


def trend(
    points: Sequence[Point],
    *,
    ceiling: Decimal | None = None,
    target: Decimal | None = None,
    target_text: Text | None = None,
) -> Chart | None:
    """The chart of a series, from zero up to `ceiling` (or the largest value); None when it has no value.

    The axis always starts at zero: a rate of 97 % must not look like half of one of 99 %.
    """
    values = [point.value for point in points if point.value is not None]
    if not values:
        return None
    top = ceiling or max([*values, *([target] if target is not None else [])])
    ticks = steps(top)
    high = ceiling or ticks[-1]
    base, span = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP

    def y(value: Decimal) -> float:
        share = min(Decimal(1), value / high) if high else Decimal(0)
        return round(base - float(share) * span, 1)

    room = (WIDTH - LEFT - RIGHT) / len(points)
    marks = tuple(
        Mark(point, round(LEFT + room * (i + 0.5), 1), None if point.value is None else y(point.value))
        for i, point in enumerate(points)
    )
    grid = tuple((y(tick), _tick(tick)) for tick in ticks)
    return Chart(
        WIDTH, HEIGHT, LEFT, WIDTH - RIGHT, base, round(min(44.0, room * 0.5), 1), marks, grid,
        _line(marks), None if target is None else y(target), target_text,
    )  # fmt: skip


def _line(marks: Sequence[Mark]) -> str:
    parts: list[str] = []
    broken = True
    for mark in marks:
        if mark.y is None:
            broken = True
            continue
        parts.append(f"{'M' if broken else 'L'}{mark.x:g} {mark.y:g}")
        broken = False
    return "".join(parts)


def steps(top: Decimal, *, whole: bool = False) -> list[Decimal]:
    """Round values from zero to `top` or the next above it, about five of them; `whole` numbers where asked."""
    step = _step(top)
    if whole:
        step = step.to_integral_value(ROUND_CEILING)
    return [step * i for i in range(int(max(Decimal(1), (top / step).to_integral_value(ROUND_CEILING))) + 1)]


def _step(top: Decimal) -> Decimal:
    """A round distance between grid lines that gives about four of them."""
    if top <= 0:
        return Decimal(1)
    scale = Decimal(10) ** (top / 4).adjusted()
    return next(Decimal(str(s)) * scale for s in _STEPS if Decimal(str(s)) * scale * 4 >= top)


def _tick(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def bullet(value: Decimal | None, target: Decimal | None, ceiling: Decimal) -> tuple[float, float | None] | None:
    """(length of the bar, place of the target) of a small gauge 100 units long; None without a value."""
    if value is None or ceiling <= 0:
        return None

    def place(number: Decimal) -> float:
        return round(float(min(Decimal(1), max(Decimal(0), number / ceiling))) * 100, 1)

    return place(value), None if target is None else place(target)
