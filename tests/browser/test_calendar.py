"""Duties by time and the pages of the manual: reached by few clicks, legible, within the window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Opener = Callable[..., Any]
KINDS = (
    "duty/calendar.html", "manual/forms.html", "manual/forms/complaint.html", "manual/glossary.html",
    "manual/channels.html", "en/manual/auditors.html", "en/policy/gsb-141.03-A0.html",
)  # fmt: skip


@pytest.mark.parametrize("width", [1440, 1024, 390])
@pytest.mark.parametrize("name", KINDS)
def test_the_page_is_no_wider_than_its_window(opened: Opener, name: str, width: int) -> None:
    assert opened(name, width=width).evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("root", "duties", "quarter"), [("", "义务", "上季度"), ("en/", "Duties", "Last quarter")])
def test_duties_overdue_last_quarter_are_three_clicks_from_home(
    opened: Opener, root: str, duties: str, quarter: str
) -> None:
    page = opened(f"{root}index.html", script=False)
    page.locator(".md-tabs a, main a", has_text=duties).filter(visible=True).first.click()
    if not page.url.split("#")[0].endswith("duty/index.html"):
        page.locator("main a[href$='duty/index.html']").first.click()
    page.locator(".k-jump a", has_text=quarter).click()
    assert page.url.endswith("duty/index.html#last-quarter")
    late = page.locator("#quarter-overdue tbody tr")
    assert late.count() > 0
    assert late.first.is_visible()
    late.first.locator("a").first.click()
    assert "/duty/OB-" in page.url


def test_on_a_narrow_window_the_grid_of_days_becomes_a_list(opened: Opener) -> None:
    page = opened("duty/calendar.html", width=390)
    assert page.locator(".k-cal thead").first.is_hidden()
    assert page.locator(".k-cal__free").first.is_hidden()
    assert page.locator(".k-cal td a").first.is_visible()
    wide = opened("duty/calendar.html", width=1024)
    assert wide.locator(".k-cal thead").first.is_visible()
    assert wide.locator(".k-cal__free").first.is_visible()
