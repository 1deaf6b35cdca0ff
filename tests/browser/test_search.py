"""Search in the browser: what stands on a page is found, what does not finds nothing (journeys.md §7, issue 7)."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from kelu.pages.extract import Document, essence, extract
from site_build import own_site

Opener = Callable[..., Any]
RUN = re.compile(r"[\u4e00-\u9fff]{6,}")
NUMBER = re.compile(r"(?<![0-9a-z])[0-9]+(?:[-./:][0-9]+|[\u4e00-\u9fff])+[0-9a-z\u4e00-\u9fff]*")
HITS = "#k-find-hits li > a"
RESTRICTED = "CMP-2025-0006"


def found(opened: Opener, words: str, root: str = "", more: str = "", **how: Any) -> Any:
    """The search page after it answered a query."""
    page = opened(f"{root}search.html?q={quote(words)}{more}", **how)
    page.wait_for_selector("[data-ready]")
    return page


def asked(page: Any, words: str) -> Any:
    """The same page after another query."""
    page.locator("#k-find-q").fill(words)
    page.wait_for_function(
        "words => document.querySelector('#k-find').dataset.answered && "
        "(new URLSearchParams(location.search).get('q') || '') === words",
        arg=words,
    )
    return page


def titles(page: Any) -> list[str]:
    return page.locator(HITS).all_inner_texts()


def count(page: Any) -> int:
    """How many hits the status tells of."""
    number = re.search(r"\d[\d,]*", page.locator("#k-find-status").inner_text().partition("“")[0])
    return int(number[0].replace(",", "")) if number else 0


def documents() -> list[Document]:
    """What can be found of each page of the site."""
    pages = ((path, path.read_bytes()) for path in sorted(own_site().rglob("*.html")))
    sources = ((path.relative_to(own_site()).as_posix(), essence(content)) for path, content in pages)
    return [extract(name, source) for name, source in sources if source]


@pytest.mark.parametrize("words", ["投诉", "交换机", "核心交换机", "处理不及时", "信息部", "信号系统接口", "云岭精密"])
def test_what_is_found_holds_the_words_as_they_stand(opened: Opener, words: str) -> None:
    page = found(opened, words)
    assert titles(page)
    marks = page.locator("#k-find-hits li").evaluate_all("all => all.map(li => li.querySelector('mark')?.textContent)")
    assert set(marks) == {words}
    page.locator(HITS).last.click()
    assert words in page.locator("main").text_content()  # it may stand in what is folded


@pytest.mark.parametrize("root", ["", "en/"])
def test_any_string_of_a_record_is_found_and_nothing_else(opened: Opener, root: str) -> None:
    every = [item for item in documents() if item.path.startswith("en/") is bool(root) or "records/" in item.path]
    draw = random.Random(20261120)
    page = found(opened, "", root)
    for _ in range(25):
        item = draw.choice([item for item in every if item.path.startswith("records/") and RUN.search(item.text)])
        run = draw.choice(RUN.findall(item.text))
        start, size = draw.randrange(len(run) - 2), draw.randint(2, 6)
        words = run[start : start + size]
        true = sum(words in f"{other.title}\n{other.text}" for other in every)
        asked(page, words)
        certain = not re.match("约|About", page.locator("#k-find-status").inner_text())
        assert count(page) == true if certain else count(page) >= true, words


def test_numbers_are_found_as_they_are_joined(opened: Opener) -> None:
    """Dates, times, versions and amounts, whole or as far as they are typed."""
    every = [item for item in documents() if not item.path.startswith("en/")]
    texts = [f"{item.title}\n{item.text}".lower() for item in every]
    draw = random.Random(8)
    page = found(opened, "")
    for _ in range(25):
        number = draw.choice(NUMBER.findall(draw.choice([text for text in texts if NUMBER.search(text)])))
        words = number[: draw.randint(4, len(number))].rstrip("-./: ")
        wanted = re.sub(r"(?<=[0-9a-z])(?=[\u4e00-\u9fff])|(?<=[\u4e00-\u9fff])(?=[0-9a-z])", " ?", re.escape(words))
        whole = "" if re.search("[0-9a-z]{2}$|[^0-9a-z]$", words) else "(?![0-9a-z])"
        true = sum(bool(re.search(f"(?<![0-9a-z]){wanted}{whole}", text)) for text in texts)
        asked(page, words)
        certain = not re.match("约", page.locator("#k-find-status").inner_text())
        assert count(page) == true if certain else count(page) >= true > 0, words


@pytest.mark.parametrize("root", ["", "en/"])
def test_what_stands_nowhere_finds_nothing(opened: Opener, root: str) -> None:
    page = found(opened, "投诉", root)
    for words in (
        "火星基地",
        "交换鸡",
        "zzqx",
        "交换机核心",
        "CMP-2026-9999",
        "SUR-1999-0001",
        "1999-01-20",
        "火星基地 投诉",
    ):
        asked(page, words)
        assert titles(page) == []
        assert words.split()[0].lower() in page.locator("#k-find-status").inner_text().lower()


def test_a_single_letter_is_asked_for_more(opened: Opener) -> None:
    page = found(opened, "云")
    assert titles(page) == []
    assert "两个字" in page.locator("#k-find-status").inner_text()


def test_a_restricted_record_shows_its_type_date_and_status_only(opened: Opener) -> None:
    page = found(opened, RESTRICTED)
    item = page.locator("#k-find-hits li", has=page.locator(".k-id", has_text=RESTRICTED)).first
    assert item.locator("a").inner_text() == f"直达：{RESTRICTED}"
    own = next(item for item in documents() if item.path == f"records/{RESTRICTED}.html")
    assert {name for name, _, _ in own.facets} == {"type", "year", "status"}
    assert own.title == RESTRICTED


def test_words_apart_must_all_be_there_in_any_order(opened: Opener) -> None:
    page = found(opened, "SLA 报告")
    both = count(page)
    assert both
    assert count(asked(page, "报告 sla")) == both
    assert count(asked(page, '"SLA 报告"')) < both


def test_a_space_between_scripts_is_of_no_account(opened: Opener) -> None:
    text = next(
        item.text for item in documents() if re.search("[\u4e00-\u9fff]{2} [A-Z] [\u4e00-\u9fff]{2}", item.text)
    )
    spaced = re.search("[\u4e00-\u9fff]{2} [A-Z] [\u4e00-\u9fff]{2}", text)
    assert spaced
    page = found(opened, spaced[0].replace(" ", ""))
    assert titles(page)
    assert spaced[0] in page.locator("#k-find-hits mark").all_inner_texts()


@pytest.mark.parametrize(
    "typed", ["CMP-2026-0003", "cmp-2026-0003", "  CMP-2026-0003 ", "ＣＭＰ-2026-0003", "cmp-2026-3", "CMP20260003"]
)
def test_a_full_id_however_written_comes_first_and_is_a_jump(opened: Opener, typed: str) -> None:
    page = found(opened, typed)
    assert "k-find__jump" in page.locator("#k-find-hits li").first.get_attribute("class")
    page.locator("#k-find-q").press("Enter")
    page.wait_for_url("**/records/CMP-2026-0003.html")


def test_enter_in_the_box_of_any_page_leads_to_the_answer(opened: Opener) -> None:
    page = opened("records/CMP-2026-0003.html")
    for typed, place in (("INC-2026-00057", "**/records/INC-2026-00057.html"), ("交换机", "**/search.html?q=*")):
        page.keyboard.press("/")
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
        page.wait_for_url(place)
    page.wait_for_selector("[data-ready]")
    assert titles(page)


def test_english_pages_find_english_pages_and_records(opened: Opener) -> None:
    page = found(opened, "SAT-01", "en/")
    assert page.locator("html").get_attribute("lang") == "en"
    links = page.locator(HITS).evaluate_all("all => all.map(a => new URL(a.href).pathname)")
    assert links[0] == "/en/kpi/SAT-01.html"
    assert all(link.startswith(("/en/", "/records/")) for link in links)
    assert count(asked(page, "complaint"))
    assert any("complaint" in title.lower() for title in titles(page))
    asked(page, "核心交换机")
    page.locator('#k-find-facets input[name="type"]').first.wait_for()
    kinds = page.locator('#k-find-hits [data-facet="type"]').all_inner_texts()
    assert kinds
    assert not re.search("[\u4e00-\u9fff]", "".join(kinds))


def test_chinese_pages_find_no_english_page(opened: Opener) -> None:
    links = found(opened, "complaint").locator(HITS).evaluate_all("all => all.map(a => new URL(a.href).pathname)")
    assert links
    assert not any(link.startswith("/en/") for link in links)


@pytest.mark.parametrize(
    ("facet", "value"),
    [("type", "客户投诉"), ("year", "2025"), ("status", "已关闭"), ("department", "信息部"),
     ("customer", "星河市数据资源管理局（虚构）")],
)  # fmt: skip
def test_a_facet_narrows_the_answer_to_as_many_as_it_says(opened: Opener, facet: str, value: str) -> None:
    page = found(opened, "交换机")
    before = count(page)
    box = page.locator(f'input[name="{facet}"][value="{value}"]')
    told = int(page.locator("#k-find-facets label", has=box).locator("small").inner_text())
    box.check()
    page.wait_for_function(
        "told => document.querySelector('#k-find-status').textContent.match(new RegExp(`(^|[^0-9])${told}([^0-9]|$)`))",
        arg=told,
    )
    assert 0 < told < before
    again = opened(f"search.html{page.url.partition('search.html')[2]}")
    again.wait_for_selector("[data-ready]")
    assert count(again) == told  # the view can be sent to somebody


def test_hits_go_by_date_when_asked(opened: Opener) -> None:
    for order, turned in (("newest", True), ("oldest", False)):
        page = found(opened, "交换机", more=f"&order={order}")
        dates = page.locator("#k-find-hits time").all_inner_texts()
        assert len(set(dates)) > 5
        assert dates == sorted(dates, reverse=turned)


def test_more_hits_follow_and_the_keyboard_reaches_them(opened: Opener) -> None:
    page = found(opened, "投诉")
    page.locator("#k-find-more").click()
    page.wait_for_function("document.querySelectorAll('#k-find-hits li').length > 12")
    links = page.locator(HITS).evaluate_all("all => all.map(a => a.href)")
    assert len(links) == len(set(links)) == min(24, count(page))
    page.locator("#k-find-q").press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.href") == links[1]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.id") == "k-find-q"


def test_a_query_is_text_in_the_page(opened: Opener) -> None:
    page = found(opened, "<img src=x onerror=alert(1)>")
    assert page.locator("#k-find-hits img, #k-find-status img").count() == 0


def test_a_first_query_loads_little(opened: Opener) -> None:
    page = opened("index.html")
    sizes: list[int] = []
    page.on("response", lambda r: sizes.append(int(r.headers["content-length"])) if "/search/" in r.url else None)
    page.goto(page.url.replace("index.html", f"search.html?q={quote('处理不及时')}"))
    page.wait_for_selector("[data-ready]")
    assert 0 < sum(sizes) < 150_000


@pytest.mark.parametrize("root", ["", "en/"])
def test_without_scripts_the_page_leads_to_the_ledgers(opened: Opener, root: str) -> None:
    page = opened(f"{root}search.html", script=False)
    page.locator("main .k-note ~ ul a").first.click()
    assert f"/{root}ledgers/" in page.url
