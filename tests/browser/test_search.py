"""Search in the browser: Chinese words, parts of compounds, ids, filters (journeys.md §7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Opener = Callable[..., Any]
WORDS = {"投诉": "", "交换机": "交换机", "核心交换机": "核心交换机", "处理不及时": "处理不及时", "信息部": "信息部"}


def found(opened: Opener, words: str, **how: Any) -> Any:
    """The search page after it answered a query."""
    page = opened(f"search.html?q={words}", **how)
    page.wait_for_selector("[data-ready]")
    return page


def titles(page: Any) -> list[str]:
    return page.locator("#k-find-hits a").all_inner_texts()


@pytest.mark.parametrize("words", WORDS)
def test_chinese_words_are_found(opened: Opener, words: str) -> None:
    page = found(opened, words)
    assert titles(page)
    if WORDS[words]:  # the best hit holds the words themselves, not only their parts
        page.locator("#k-find-hits a").first.click()
        assert WORDS[words] in page.locator("main").inner_text()


@pytest.mark.parametrize("typed", ["CMP-2026-0003", "cmp-2026-0003", "  CMP-2026-0003 ", "ＣＭＰ-2026-0003"])
def test_a_full_id_comes_first_and_is_a_jump(opened: Opener, typed: str) -> None:
    page = found(opened, typed)
    first = page.locator("#k-find-hits li").first
    assert "k-find__jump" in first.get_attribute("class")
    first.locator("a").click()
    assert page.url.endswith("/records/CMP-2026-0003.html")


@pytest.mark.parametrize("unknown", ["CMP-2026-9999", "SUR-1999-0001"])
def test_an_unknown_id_finds_nothing(opened: Opener, unknown: str) -> None:
    page = found(opened, unknown)
    assert titles(page) == []
    assert unknown in page.locator("#k-find-status").inner_text()


def test_enter_in_the_box_of_any_page_leads_to_the_answer(opened: Opener) -> None:
    page = opened("records/CMP-2026-0003.html")
    page.keyboard.press("/")
    page.keyboard.type("INC-2026-00057")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-ready]")
    page.locator("#k-find-q").press("Enter")
    page.wait_for_url("**/records/INC-2026-00057.html")


def test_filters_narrow_the_answer(opened: Opener) -> None:
    page = found(opened, "交换机")
    before = titles(page)
    page.get_by_label("客户投诉").check()
    # Between two answers the list is empty for a moment.
    narrowed = "n => { const k = document.querySelectorAll('#k-find-hits li').length; return k > 0 && k < n }"
    page.wait_for_function(narrowed, arg=len(before))
    kinds = page.locator('#k-find-hits [data-filter="类型"]').all_inner_texts()
    assert kinds
    assert set(kinds) == {"客户投诉"}


def test_a_query_is_text_in_the_page(opened: Opener) -> None:
    page = found(opened, "%3Cimg src=x onerror=alert(1)%3E")
    assert page.locator("#k-find-hits img").count() == 0
