"""Charts in the browser: as measured there nothing is cut off, no words run into each other, and all stands out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

Opener = Callable[..., Any]

# Of each picture: what of its text leaves it, and which words overlap.
MEASURE = """() => [...document.querySelectorAll('svg.k-bars')].flatMap((svg) => {
  const box = svg.viewBox.baseVal, id = svg.closest('section').id;
  const held = [...svg.querySelectorAll('text')].map((t) => [t.textContent, t.getBBox()]);
  const out = held.filter(([, b]) =>
    b.x < -1 || b.y < -1 || b.x + b.width > box.width + 1 || b.y + b.height > box.height + 4);
  const over = held.flatMap(([t, a], i) => held.slice(i + 1).filter(([, b]) =>
    Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x) > 2 &&
    Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y) > 7).map(([u]) => [t, u]));
  return [...out.map(([t]) => `${id}: ${t} leaves`), ...over.map(([t, u]) => `${id}: ${t} over ${u}`)];
})"""
COLOURS = """() => {
  const of = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
  return [of('--k-series'), of('--k-warn'), of('--k-ink-2'), of('--k-paper'), of('--k-card')];
}"""


def luminance(colour: str) -> float:
    """WCAG's relative luminance of #rgb or #rrggbb."""
    colour = colour if len(colour) > 4 else "#" + "".join(sign * 2 for sign in colour[1:])
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("page", ["analysis.html", "en/analysis.html", "index.html", "en/index.html"])
def test_words_in_a_chart_stay_in_it_and_apart(opened: Opener, page: str) -> None:
    shown = opened(page)
    assert shown.locator("svg.k-bars").count()
    assert shown.evaluate(MEASURE) == []


@pytest.mark.parametrize("media", ["screen", "print"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_drawn_stands_out_from_its_ground(opened: Opener, theme: str, media: str) -> None:
    shown = opened("analysis.html", theme=theme)
    shown.emulate_media(media=media)
    *inks, paper, card = map(luminance, shown.evaluate(COLOURS))
    for ink in inks:
        for ground in (paper, card):
            assert (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05) >= 3


def test_the_table_opens_by_keyboard_and_leads_to_the_ledger(opened: Opener) -> None:
    shown = opened("analysis.html")
    shown.locator("#complaint_category summary").focus()
    shown.keyboard.press("Enter")
    cell = shown.locator("#complaint_category tbody tr").first.get_by_role("link").first
    count = cell.text_content()
    cell.click()
    shown.wait_for_selector("[data-ready]")
    assert re.search(rf"筛选出 {count} 条", shown.locator("#k-ledger-count").text_content() or "")


def test_without_scripts_charts_and_tables_read(opened: Opener) -> None:
    shown = opened("analysis.html", script=False)
    shown.locator("#complaint_month summary").click()
    assert shown.locator("#complaint_month table").is_visible()
    assert shown.get_by_role("img", name="投诉类别").locator("rect").count() > 5
