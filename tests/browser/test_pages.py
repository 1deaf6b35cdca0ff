"""What a reader of the site sees and reaches, by clicks, on paper, and without scripts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Opener = Callable[..., Any]


def test_the_reader_chooses_the_theme(opened: Opener) -> None:
    page = opened("index.html", theme="light")
    for _ in range(2):
        page.locator("label[for^=__palette]:visible").click()
    assert page.evaluate("document.body.dataset.mdColorScheme") == "slate"
    page.reload()
    assert page.evaluate("document.body.dataset.mdColorScheme") == "slate"


def test_home_leads_by_clicks_to_the_survey_that_spoiled_the_rate(opened: Opener) -> None:
    page = opened("index.html")
    card = page.locator(".k-card", has_text="SAT-01")
    assert "80.00" in card.inner_text()
    assert "未达标" in card.inner_text()
    card.click()
    page.locator("#list-denominator a", has_text="SUR-2026-0012").click()
    assert page.url.endswith("/records/SUR-2026-0012.html")
    assert "夜间值班工程师对信号系统接口不熟悉" in page.locator("main").inner_text()
    page.locator("summary", has_text="指标").click()
    page.locator("a", has_text="SAT-01").first.click()
    assert page.url.endswith("/kpi/SAT-01.html")


def test_home_leads_by_clicks_from_an_overdue_duty_to_its_clause(opened: Opener) -> None:
    page = opened("index.html")
    page.locator(".k-owed a", has_text="会议纪要客户确认").first.click()
    assert "/duty/OB-18.html#" in page.url
    assert "逾期" in page.locator("tr:target").inner_text()
    page.locator("main .k-facts a").first.click()
    assert "/policy/tfdl-08-04-V1.2.html#" in page.url


def test_a_chart_says_in_words_what_it_shows(opened: Opener) -> None:
    chart = opened("kpi/SAT-01.html").get_by_role("img", name=re.compile("客户评价满意率"))
    assert "目标 ≥ 98%" in chart.locator("desc").text_content()


def test_without_scripts_everything_still_reads(opened: Opener) -> None:
    page = opened("ledgers/complaint.html", script=False)
    assert page.locator(".k-ledger__plain a", has_text="CMP-2026-0003").is_visible()
    assert page.locator("[data-ledger]").is_hidden()
    assert opened("kpi/SAT-01.html", script=False).locator("#list-denominator a").first.is_visible()
    assert opened("search.html", script=False).locator("noscript, .k-note").first.is_visible()


def test_on_paper_lists_unfold_and_controls_go(opened: Opener) -> None:
    page = opened("kpi/SAT-01.html")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("pre", has_text="SELECT").is_visible()
    assert page.locator(".k-search").is_hidden()
    ledger = opened("ledgers/complaint.html")
    ledger.wait_for_selector("[data-ready]")
    ledger.emulate_media(media="print")
    assert ledger.locator(".k-ledger__plain").is_visible()
    assert ledger.locator("[data-ledger]").is_hidden()
