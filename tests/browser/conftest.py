"""The built site in the system's Chromium. Skipped, with the reason, where there is none — unless
KELU_REQUIRE_BROWSER=1, as in CI, where a missing browser must not pass unseen."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from site_build import own_site

playwright = pytest.importorskip("playwright.sync_api")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128  # a page asks for much at once; the default of five resets connections on a busy machine


def serve(folder: Path) -> http.server.ThreadingHTTPServer:
    """A server of static files on a free local port; the caller shuts it down."""
    server = _Server(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="session")
def chromium() -> Iterator[playwright.Browser]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = f"no browser found: none of {', '.join(NAMES)}"
        if os.environ.get("KELU_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Where the site of this repository's records is served, without a path."""
    server = serve(own_site())
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


Opener = Callable[..., "playwright.Page"]


@pytest.fixture
def opened(chromium: playwright.Browser, address: str) -> Iterator[Opener]:
    """Opens a page of the site: `opened("index.html", width=390, theme="dark")`; `at` is where another site is served.

    At the end every page opened must have been silent: no error in the console, nothing asked of another host.
    """
    contexts, complaints = [], []

    def open_page(
        name: str, width: int = 1440, theme: str = "light", script: bool = True, at: str = address
    ) -> playwright.Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, locale="zh-CN", java_script_enabled=script
        )
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda r: r.url.startswith((at, "data:", "blob:")) or complaints.append(r.url))
        # What the reader leaves behind by going on to another page is given up, and no failure.
        page.on("requestfailed", lambda r: r.failure == "net::ERR_ABORTED" or complaints.append(f"failed: {r.url}"))
        page.on("response", lambda r: r.status < 400 or complaints.append(f"{r.status}: {r.url}"))
        page.on("console", lambda m: m.type != "error" or complaints.append(m.text))
        page.on("pageerror", lambda e: complaints.append(str(e)))
        page.on("dialog", lambda d: (complaints.append(f"dialog: {d.message}"), d.dismiss()))
        page.goto(f"{at}/{name}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
