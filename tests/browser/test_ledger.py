"""Ledgers in the browser: sorted and filtered as a reader would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Opener = Callable[..., Any]


@pytest.fixture
def ledger(opened: Opener) -> Any:
    page = opened("ledgers/complaint.html")
    page.wait_for_selector("[data-ready]")
    return page


def column(page: Any, name: str) -> list[str]:
    """The cells of a column from top to bottom."""
    return [text.strip() for text in page.locator(f'.tabulator-row [tabulator-field="{name}"]').all_inner_texts()]


def test_every_record_stands_in_the_table_and_leads_to_its_page(ledger: Any) -> None:
    ids = column(ledger, "id")
    assert len(ids) == int(ledger.locator("#k-ledger-count").inner_text().split()[1])
    ledger.locator(".tabulator-row a", has_text="CMP-2026-0003").click()
    assert ledger.url.endswith("/records/CMP-2026-0003.html")


def test_a_column_sorts(ledger: Any) -> None:
    before = column(ledger, "received")
    assert before == sorted(before, reverse=True)
    ledger.locator('.tabulator-col[tabulator-field="received"] .tabulator-col-title').click()
    assert column(ledger, "received") == sorted(before)


def test_a_column_filters_by_choice(ledger: Any) -> None:
    ledger.locator('.tabulator-col[tabulator-field="severity"] input').click()
    ledger.locator(".tabulator-edit-list-item", has_text="重大").click()
    ledger.wait_for_function("document.querySelector('#k-ledger-count').textContent.includes('筛选出')")
    assert set(column(ledger, "severity")) == {"重大"}
    assert "CMP-2026-0003" in column(ledger, "id")


def test_the_box_filters_all_columns_and_is_cleared(ledger: Any) -> None:
    everything = column(ledger, "id")
    ledger.locator("#k-ledger-q").fill("交换机")
    ledger.wait_for_function("document.querySelector('#k-ledger-count').textContent.includes('筛选出')")
    assert 0 < len(column(ledger, "id")) < len(everything)
    assert all("交换机" in title for title in column(ledger, "title"))
    ledger.locator("#k-ledger-clear").click()
    ledger.wait_for_function("!document.querySelector('#k-ledger-count').textContent.includes('筛选出')")
    assert column(ledger, "id") == everything


def test_a_link_brings_its_filters(opened: Opener) -> None:
    page = opened("ledgers/duty.html?state=逾期")
    page.wait_for_selector("[data-ready]")
    page.wait_for_function("document.querySelector('#k-ledger-count').textContent.includes('筛选出')")
    assert set(column(page, "state")) == {"逾期"}
    page.locator('.tabulator-row [tabulator-field="obligation"] a').first.click()
    assert "/duty/OB-" in page.url


@pytest.mark.parametrize("name", ["survey", "meeting"])
def test_the_other_ledgers_come_up(opened: Opener, name: str) -> None:
    page = opened(f"ledgers/{name}.html", width=390, theme="dark")
    page.wait_for_selector("[data-ready]")
    assert column(page, "id")
