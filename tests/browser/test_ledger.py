"""Ledgers in the browser: sorted, filtered, sent to somebody and printed as a reader would."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from repository import rulebook

Opener = Callable[..., Any]


def ready(page: Any) -> Any:
    page.wait_for_selector("[data-ready]")
    return page


@pytest.fixture
def ledger(opened: Opener) -> Any:
    return ready(opened("ledgers/complaint.html"))


def column(page: Any, name: str) -> list[str]:
    """The cells of a column from top to bottom."""
    return [text.strip() for text in page.locator(f'.tabulator-row [tabulator-field="{name}"]').all_inner_texts()]


def counted(page: Any, words: str) -> None:
    """Wait until the count says so."""
    page.wait_for_function("words => document.querySelector('#k-ledger-count').textContent.includes(words)", arg=words)


def header(page: Any, name: str) -> Any:
    return page.locator(f'.tabulator-col[tabulator-field="{name}"]')


def asked(page: Any) -> dict[str, list[str]]:
    """What the address asks for."""
    return parse_qs(urlsplit(page.url).query)


def test_every_record_stands_in_the_table_and_leads_to_its_page(ledger: Any) -> None:
    ids = column(ledger, "id")
    assert len(ids) == int(ledger.locator("#k-ledger-count").inner_text().split()[1])
    ledger.locator(".tabulator-row a", has_text="CMP-2026-0003").click()
    assert ledger.url.endswith("/records/CMP-2026-0003.html")


def test_a_column_sorts_by_click_and_by_key(ledger: Any) -> None:
    before = column(ledger, "received")
    assert before == sorted(before, reverse=True)
    header(ledger, "received").locator(".tabulator-col-title").click()
    assert column(ledger, "received") == sorted(before)
    assert header(ledger, "received").get_attribute("aria-sort") == "ascending"
    header(ledger, "received").get_by_role("button").first.press("Enter")
    assert column(ledger, "received") == sorted(before, reverse=True)
    assert asked(ledger) == {"sort": ["-received"]}


def test_empty_cells_stay_last_however_a_column_is_sorted(ledger: Any) -> None:
    for _ in range(2):
        header(ledger, "closed").locator(".tabulator-col-title").click()
        filled = [bool(text) for text in column(ledger, "closed")]
        assert filled == sorted(filled, reverse=True)
        assert set(filled) == {True, False}


def test_a_column_filters_by_several_choices(ledger: Any) -> None:
    header(ledger, "severity").get_by_role("button", name="级别：全部").click()
    ledger.get_by_role("group", name="级别").get_by_label("重大").check()
    counted(ledger, "筛选出")
    assert set(column(ledger, "severity")) == {"重大"}
    assert "CMP-2026-0003" in column(ledger, "id")
    ledger.get_by_role("group", name="级别").get_by_label("轻微").check()
    ledger.wait_for_function("document.querySelectorAll('.tabulator-row').length > 3")
    assert set(column(ledger, "severity")) == {"重大", "轻微"}
    assert asked(ledger) == {"severity": ["重大", "轻微"]} or asked(ledger) == {"severity": ["轻微", "重大"]}
    ledger.keyboard.press("Escape")
    assert ledger.evaluate("document.activeElement.textContent") == "2 项"


def test_the_box_filters_all_columns_and_is_cleared(ledger: Any) -> None:
    everything = column(ledger, "id")
    ledger.locator("#k-ledger-q").fill("交换机")
    counted(ledger, "筛选出")
    assert 0 < len(column(ledger, "id")) < len(everything)
    for row in ledger.locator(".tabulator-row").all():
        assert "交换机" in row.inner_text()
    ledger.locator("#k-ledger-clear").click()
    counted(ledger, f"共 {len(everything)} 条")
    assert column(ledger, "id") == everything
    assert asked(ledger) == {}


@pytest.mark.parametrize("shell", ["", "en/"])
@pytest.mark.parametrize("state", ["逾期", "Overdue"])
def test_a_link_brings_its_filters_in_either_language(opened: Opener, shell: str, state: str) -> None:
    page = ready(opened(f"{shell}ledgers/duty.html?state={quote(state)}"))
    said = "Overdue" if shell else "逾期"
    assert set(column(page, "state")) == {said}
    assert header(page, "state").get_by_role("button", name=said).is_visible()
    page.locator('.tabulator-row [tabulator-field="obligation"] a').first.click()
    assert f"/{shell}duty/OB-" in page.url


def test_a_view_sent_to_somebody_is_the_same_view(opened: Opener) -> None:
    page = ready(opened("ledgers/duty.html"))
    page.locator(".tabulator-page-size").select_option("100")
    header(page, "due").locator("input").fill("2026-Q3")
    header(page, "state").get_by_role("button", name="状态：全部").click()
    page.get_by_role("group", name="状态").get_by_label("逾期履行").check()
    page.get_by_role("group", name="状态").get_by_label("已履行", exact=False).first.check()
    page.keyboard.press("Escape")
    counted(page, "筛选出")
    header(page, "subject").locator(".tabulator-col-title").click()
    header(page, "subject").locator(".tabulator-col-title").click()
    page.wait_for_function("location.search.includes('sort=-subject')")
    view = {key: asked(page)[key] for key in ("due", "sort", "size")}
    assert view == {"due": ["2026-Q3"], "sort": ["-subject"], "size": ["100"]}
    shown, told = column(page, "id"), page.locator("#k-ledger-count").inner_text()
    assert len(shown) > 1
    assert all("2026-07" <= due[:7] <= "2026-09" for due in column(page, "due"))
    again = ready(opened(f"ledgers/duty.html?{urlsplit(page.url).query}"))
    assert column(again, "id") == shown
    assert again.locator("#k-ledger-count").inner_text() == told
    assert asked(again) == asked(page)


def test_the_address_is_copied(ledger: Any) -> None:
    ledger.context.grant_permissions(["clipboard-read", "clipboard-write"])
    header(ledger, "title").locator("input").fill("交换机")
    counted(ledger, "筛选出")
    ledger.get_by_role("button", name="复制链接").click()
    ledger.get_by_role("button", name="已复制").wait_for()
    assert ledger.evaluate("navigator.clipboard.readText()") == ledger.url
    assert asked(ledger) == {"title": ["交换机"]}


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("2026", "2026-01", "2026-12"),
        ("2026-H1", "2026-01", "2026-06"),
        ("2026-03", "2026-03", "2026-03"),
        ("2025-Q4..2026-02", "2025-10", "2026-02"),
        ("..2025-06-30", "2025-01", "2025-06"),
        ("2026-10..", "2026-10", "2026-12"),
    ],
)
def test_dates_filter_by_period_and_range(opened: Opener, wanted: str, first: str, last: str) -> None:
    everything = column(ready(opened("ledgers/complaint.html")), "received")
    page = ready(opened(f"ledgers/complaint.html?received={wanted}"))
    assert column(page, "received") == [day for day in everything if first <= day[:7] <= last]


def test_numbers_filter_by_range_and_cells_by_being_empty(opened: Opener) -> None:
    sheets = column(ready(opened("ledgers/survey.html?sheets=2..")), "sheets")
    assert sheets
    assert all(int(n) >= 2 for n in sheets)
    assert set(column(ready(opened("ledgers/complaint.html?closed=-")), "closed")) == {""}
    assert "" not in column(ready(opened("ledgers/complaint.html?closed=*")), "closed")


def test_a_link_to_the_log_of_a_project_holds_that_project_alone(opened: Opener) -> None:
    page = ready(opened("ledgers/project_log.html?project=PRJ-2026-001"))
    ids = column(page, "id")
    assert {"COM", "MTG"} == {name[:3] for name in ids}
    assert all("星河市政务云" in cell for cell in column(page, "project"))
    assert header(page, "project").get_by_role("button").nth(1).inner_text().startswith("星河市政务云")


def test_filters_of_the_header_have_names(opened: Opener) -> None:
    for name in ("ledgers/duty.html", "en/ledgers/duty.html"):
        page = ready(opened(name))
        for control in page.locator(".tabulator-header-filter input, .tabulator-header-filter button").all():
            assert control.get_attribute("aria-label")
        labels = [control.get_attribute("aria-label") for control in page.locator(".k-choice").all()]
        assert ("State: all" if name.startswith("en") else "状态：全部") in labels


def test_paper_shows_the_rows_of_the_filter(opened: Opener) -> None:
    page = ready(opened("ledgers/duty.html?state=逾期&sort=-due"))
    shown = column(page, "id")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    table = page.locator(".k-ledger__plain table")
    assert table.is_visible()
    assert not page.locator(".tabulator").is_visible()
    assert [row.split("\t")[-1].strip() for row in table.locator("tbody tr").all_inner_texts()] == shown
    assert f"筛选出 {len(shown)} 条" in table.locator("caption").inner_text()
    assert "状态：逾期" in table.locator("caption").inner_text()


def test_without_script_the_rows_and_the_files_are_there(opened: Opener) -> None:
    page = opened("ledgers/duty.html", script=False)
    table = page.locator(".k-ledger__plain table")
    assert table.is_visible()
    assert table.locator("tbody tr").count() == 100
    assert table.locator("caption a").get_attribute("href") == "../data/duty.csv"
    assert not page.locator(".k-ledger__views").is_visible()


@pytest.mark.parametrize("name", [*sorted(rulebook().schemas.records), "callback", "complaint_list", "late"])
def test_the_other_ledgers_come_up(opened: Opener, name: str) -> None:
    page = ready(opened(f"en/ledgers/{name}.html", width=390, theme="dark"))
    assert column(page, "id")
    said = page.locator(".tabulator-row").first.inner_text()
    loose = page.evaluate(
        "[...document.querySelectorAll('.tabulator *')].filter(e => !e.closest('[lang=\"zh-CN\"]'))"
        ".flatMap(e => [...e.childNodes]).filter(n => n.nodeType === 3).map(n => n.data).join('')"
    )
    assert said
    assert not re.search("[\u4e00-\u9fff]", loose)


def test_ten_thousand_rows_show_one_page_of_them(opened: Opener) -> None:
    """A ledger of 10,000 rows, put in the place of the complaints'."""
    page = opened("ledgers/index.html")
    states = [["已登记", "Registered"], ["处置中", "Handling"], ["已关闭", "Closed"]]
    rows = [
        [{"id": f"CMP-2026-{n:05d}", "title": ""}, f"2026-{n % 12 + 1:02d}-01", n % 500, n % 3, f"第 {n} 件：交换机"]
        for n in range(10_000)
    ]
    described = {"width": 0, "folder": "records"}
    customers = [{"id": f"CUS-{n:04d}", "title": f"客户{n}"} for n in range(500)]
    columns = [
        {"name": "id", "zh": "编号", "en": "No.", "kind": "self", "filter": "text"},
        {"name": "received", "zh": "日期", "en": "Date", "kind": "date", "filter": "text"},
        {"name": "customer", "zh": "客户", "en": "Customer", "kind": "record", "filter": "choice", "values": customers},
        {"name": "status", "zh": "状态", "en": "Status", "kind": "enum", "filter": "choice", "values": states},
        {"name": "title", "zh": "标题", "en": "Title", "kind": "string", "filter": "text"},
    ]
    held = json.dumps({"columns": [column | described for column in columns], "rows": rows})
    page.route("**/data/complaint.json", lambda route: route.fulfill(body=held, content_type="application/json"))
    page.goto(page.url.replace("index.html", "complaint.html?customer=CUS-0007&status=Closed&sort=-id"))
    ready(page)
    wanted = [f"CMP-2026-{n:05d}" for n in range(9_999, -1, -1) if n % 500 == 7 and n % 3 == 2]
    assert column(page, "id") == wanted
    assert page.locator("#k-ledger-count").inner_text() == f"筛选出 {len(wanted)} 条，共 10000 条"
    page.locator("#k-ledger-clear").click()
    counted(page, "共 10000 条")
    assert page.locator(".tabulator-row").count() <= 50
    page.locator("#k-ledger-q").fill("第 4321 件")
    counted(page, "筛选出 1 条")
    assert column(page, "id") == ["CMP-2026-04321"]
