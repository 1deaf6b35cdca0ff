"""Records without pages of their own, as a reader meets them: a link to one leads to its row, and so does its id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import serve

import voluminous

Opener = Callable[..., Any]
NAME = "INC-2026-00003"


@pytest.fixture(scope="module")
def at() -> Iterator[str]:
    server = serve(voluminous.site())
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def only_row(page: Any, name: str) -> None:
    page.wait_for_selector("[data-ready]")
    assert page.url.endswith(f"ledgers/incident.html?id={name}")
    assert page.locator('.tabulator-row [tabulator-field="id"]').all_inner_texts() == [name]


def test_a_link_on_a_record_page_leads_to_the_row_and_on_to_its_update(opened: Opener, at: str) -> None:
    page = opened("records/CUS-0001.html", at=at)
    link = page.locator('a[href*="ledgers/incident.html?id="]').first
    name = link.get_attribute("href").rpartition("=")[2]
    link.evaluate("link => { const fold = link.closest('details'); if (fold) fold.open = true; }")
    link.click()
    only_row(page, name)
    page.locator("#k-ledger-update").click()
    page.wait_for_selector("#k-r-paste")
    assert "这类记录没有自己的网页" in page.locator("main").inner_text()


def test_links_within_ledgers_lead_to_the_row(opened: Opener, at: str) -> None:
    page = opened("en/ledgers/callback.html", at=at)
    page.wait_for_selector("[data-ready]")
    link = page.locator('.tabulator-row [tabulator-field="incident"] a').first
    name = link.get_attribute("href").rpartition("=")[2]
    link.click()
    only_row(page, name)
    assert "/en/ledgers/" in page.url


@pytest.mark.parametrize("words", [NAME, "inc 2026 3", "ＩＮＣ－２０２６－００００３", "inc2026-00003"])
def test_an_id_however_written_leads_to_the_row(opened: Opener, at: str, words: str) -> None:
    page = opened("search.html", at=at)
    page.wait_for_selector("#k-find[data-ready]")
    page.locator("#k-find-q").fill(words)
    page.locator(".k-find__jump a").wait_for()
    assert NAME in page.locator(".k-find__jump").inner_text()
    page.locator("#k-find-q").press("Enter")
    only_row(page, NAME)


def test_a_sample_leads_to_the_rows(opened: Opener, at: str) -> None:
    page = opened("audit.html", at=at)
    page.locator("#k-draw select").select_option("incident")
    page.locator("#k-draw button").click()
    link = page.locator("#k-drawn a").first
    link.wait_for()
    name = link.inner_text()
    link.click()
    only_row(page, name)
