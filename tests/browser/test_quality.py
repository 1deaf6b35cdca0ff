"""The quality of every kind of page, measured in a browser: axe-core and Lighthouse (from tests/node), keyboard, paper,
widths, weight, and reading without scripts. The kinds are found in the built site: a new page joins by being there."""

from __future__ import annotations

import functools
import gzip
import http.server
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import NAMES

from repository import ROOT
from site_build import own_site

NODE = ROOT / "tests/node"
AXE = NODE / "node_modules/axe-core/axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LIGHTHOUSE = ("mobile=index.html", "mobile=kpi/SAT-01.html", "mobile=records/CMP-2026-0003.html",
              "mobile=en/index.html", "desktop=ledgers/complaint.html")  # fmt: skip
MARKS = ("本记录已作废", "本记录保密级别为“限制”")  # what a void and a restricted record say
Opener = Callable[..., Any]
VIOLATIONS = """
tags => axe.run({runOnly: tags, resultTypes: ["violations"]}).then(({violations}) => violations.flatMap(
  ({id, nodes}) => nodes.slice(0, 3).map(n => `${id}: ${n.html.slice(0, 160)} ${n.failureSummary.slice(0, 300)}`)))
"""
# What holds the focus: whether it is the first time, whether one sees it and its ring. The choice of a theme is a radio
# button behind the label that follows it.
FOCUS = """
() => {
  const held = document.activeElement;
  if (!held || held === document.body) return null;
  const first = !window.reached.has(held);
  window.reached.add(held);
  const at = held.matches(".md-option") ? held.nextElementSibling : held;
  const box = at.getBoundingClientRect(), style = getComputedStyle(at);
  const seen = at.checkVisibility({opacityProperty: true, visibilityProperty: true}) && box.width > 2 && box.height > 2
    && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
  return {first, fine: seen && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
    said: held.outerHTML.slice(0, 120)};
}
"""
MISSED = """
() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']")]
  .filter((n) => n.tabIndex >= 0 && !n.disabled && n.checkVisibility({opacityProperty: true, visibilityProperty: true}))
  .filter((n) => n.getBoundingClientRect().width > 2 && !window.reached.has(n)).map((n) => n.outerHTML.slice(0, 120))
"""
SHOWN = """
list => [...document.querySelectorAll(list)].filter((n) => n.checkVisibility({visibilityProperty: true}))
  .map((n) => n.outerHTML.slice(0, 90))
"""
CONTROLS = ".md-header, .md-tabs, .md-sidebar, .md-top, .k-skip, button, input, select"


def kinds(part: str) -> list[str]:
    """A page of every kind: all at the root and of the manual, and of other folders the first page and the largest; of
    records the largest of each type, a void and a restricted one."""
    site = own_site()
    folders: dict[str, list[Path]] = {}
    for path in sorted((site / part).rglob("*.html"), key=lambda found: found.stat().st_size, reverse=True):
        where = path.relative_to(site).parent.as_posix()
        if where == "records":
            where += path.name.partition("-")[0]
        elif path.name == "index.html":
            where += "/index"
        folders.setdefault(where, []).append(path)
    named = [
        path
        for where, found in folders.items()
        for path in (found if where.endswith((".", "en", "manual")) else found[:1])
    ]
    if part == "records":
        texts = {path: path.read_text("utf-8") for found in folders.values() for path in found}
        named += [next(path for path, text in texts.items() if mark in text) for mark in MARKS]
    elif not part:
        named = [path for path in named if path.relative_to(site).parts[0] not in ("en", "records")]
    return [path.relative_to(site).as_posix() + ("?q=信号" if path.name == "search.html" else "") for path in named]


def settled(page: Any) -> Any:
    """The page with what scripts put there in place, and nothing still moving."""
    page.emulate_media(reduced_motion="reduce")
    if "search.html" in page.url:
        page.wait_for_selector(".k-find__hits li")
    if page.locator("[data-ledger], [data-register]").count():
        page.wait_for_selector("[data-ready]")
    return page


def needed(path: Path) -> None:
    if shutil.which("node") and path.exists():
        return
    reason = f"node or {path.relative_to(ROOT)} is missing: make test installs it where npm is there"
    if os.environ.get("KELU_REQUIRE_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
@pytest.mark.parametrize("part", ["", "en", "records"])
def test_axe_finds_nothing(opened: Opener, part: str, theme: str, width: int) -> None:
    needed(AXE)
    found = {}
    for name in kinds(part):
        page = settled(opened(name, width=width, theme=theme))
        assert page.evaluate("document.body.dataset.mdColorScheme") == {"light": "default", "dark": "slate"}[theme]
        page.add_script_tag(path=AXE)
        if complaints := page.evaluate(VIOLATIONS, TAGS):
            found[name] = complaints
        page.close()
    assert found == {}


def test_axe_would_find_a_fault(opened: Opener) -> None:
    needed(AXE)
    page = settled(opened("index.html"))
    page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<p style=\"color: #ccc\">faint</p><img>')"
    )
    page.add_script_tag(path=AXE)
    assert {complaint.partition(":")[0] for complaint in page.evaluate(VIOLATIONS, TAGS)} >= {
        "color-contrast",
        "image-alt",
    }


class _Compressing(http.server.SimpleHTTPRequestHandler):
    """Static files as a host of pages sends them: compressed."""

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        content, kind = gzip.compress(path.read_bytes(), 6), self.guess_type(path)
        self.send_response(200)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Encoding", "gzip"),
            ("Content-Length", str(len(content))),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def host() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Compressing, directory=str(own_site()))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_lighthouse_gives_95_and_more(chromium: Any, host: str) -> None:
    """A ledger, a wide table, is measured as on a desktop; all else as on a telephone with a slow line."""
    needed(NODE / "node_modules/lighthouse")
    browser = next(filter(None, map(shutil.which, NAMES)))
    pages = [asked.replace("=", f"={host}/") for asked in LIGHTHOUSE]
    done = subprocess.run(
        ["node", NODE / "lighthouse.mjs", browser, *pages], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    assert len(measured) == len(LIGHTHOUSE)
    assert [page for page in measured if min(page["scores"].values()) < 0.95] == []


@pytest.mark.parametrize("part", ["", "en", "records"])
def test_pages_fit_windows_and_paper(opened: Opener, part: str) -> None:
    wide, shown = [], []
    for name in kinds(part):
        page = settled(opened(name))
        for width in (1440, 1024, 390):
            page.set_viewport_size({"width": width, "height": 900})
            if (found := page.evaluate("document.documentElement.scrollWidth")) > width:
                wide.append((name, width, found))
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print")
        paper = 1040 if "ledgers/" in name else 700  # A4 across and upright, without margins
        page.set_viewport_size({"width": paper, "height": 900})
        if (found := page.evaluate("document.documentElement.scrollWidth")) > paper:
            wide.append((name, "paper", found))
        shown += [(name, control) for control in page.evaluate(SHOWN, CONTROLS)]
        page.close()
    assert wide + shown == []


def test_no_page_is_heavy() -> None:
    pages = {path: path.stat().st_size for path in own_site().rglob("*.html")}
    assert len(pages) > 500
    assert {path.name: size for path, size in pages.items() if size >= 300_000} == {}


@pytest.mark.parametrize("part", ["", "en", "records"])
def test_every_kind_of_page_reads_without_scripts(opened: Opener, part: str) -> None:
    for name in kinds(part):
        page = opened(name.partition("?")[0], width=390, script=False)
        assert page.locator("h1:visible").count() == 1, name
        assert len(page.locator("main").inner_text()) > 30, name
        assert page.locator(".md-tabs a").first.is_visible(), name
        assert not page.locator("button:visible").count(), name
        page.close()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("name", ["index.html", "kpi/SAT-01.html", "ledgers/customer.html",
                                  "records/CMP-2026-0003.html", "en/audit.html", "manual/reading.html"])  # fmt: skip
def test_the_keyboard_reaches_everything_and_is_held_nowhere(opened: Opener, name: str, width: int) -> None:
    page = settled(opened(name, width=width))
    page.evaluate("window.reached = new Set()")
    held = []
    for _ in range(900):
        page.keyboard.press("Tab")
        if (focus := page.evaluate(FOCUS)) is None:
            break
        held.append(focus)
    else:
        pytest.fail(f"no way out: {held[-1]}")
    assert [focus["said"] for focus in held if not focus["first"]] == []
    assert [focus["said"] for focus in held if not focus["fine"]] == []
    assert "k-skip" in held[0]["said"]
    assert page.evaluate(MISSED) == []


def test_the_keyboard_skips_unfolds_and_opens_the_drawer(opened: Opener) -> None:
    page = settled(opened("kpi/SAT-01.html", width=390))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('.md-content').contains(document.activeElement)")
    fold = page.locator("main summary").first
    before = fold.evaluate("n => n.parentElement.open")
    fold.press("Enter")
    assert fold.evaluate("n => n.parentElement.open") is not before
    page.locator(".k-drawer").press("Enter")
    first = page.locator(".md-nav--primary a[href]").first
    page.wait_for_function(  # the drawer slides in
        "n => n === document.activeElement && n.getBoundingClientRect().left >= 0", arg=first.element_handle()
    )
    page.keyboard.press("Escape")
    assert page.locator(".k-drawer").evaluate("n => n === document.activeElement && n.ariaExpanded === 'false'")
    assert not first.is_visible()
    page.locator(".md-option").first.focus()
    for _ in range(2):  # from the system's to light, and to dark
        page.keyboard.press("ArrowRight")
    assert page.evaluate("document.body.dataset.mdColorScheme") == "slate"
    page.locator(".k-language").press("Enter")
    page.wait_for_url("**/en/kpi/SAT-01.html")
