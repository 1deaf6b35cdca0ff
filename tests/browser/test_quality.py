"""The quality of pages, measured in a browser: Lighthouse and axe-core (from tests/node), keyboard, weight."""

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


def settled(page: Any) -> Any:
    """The page with what scripts put there in place, and nothing still moving."""
    page.emulate_media(reduced_motion="reduce")
    if "search.html" in page.url:
        page.wait_for_selector(".k-find__hits li")
    if page.locator("[data-ledger]").count():
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
def test_axe_finds_nothing(opened: Opener, theme: str, width: int) -> None:
    needed(AXE)
    for asked in LIGHTHOUSE:
        page = settled(opened(asked.partition("=")[2], width=width, theme=theme))
        page.add_script_tag(path=AXE)
        assert page.evaluate(VIOLATIONS, TAGS) == [], asked
        page.close()


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


def test_no_page_is_heavy() -> None:
    pages = {path: path.stat().st_size for path in own_site().rglob("*.html")}
    assert len(pages) > 500
    assert {path.name: size for path, size in pages.items() if size >= 300_000} == {}


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
