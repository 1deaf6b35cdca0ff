"""The site part of the benchmarks: built from nothing and after a few changes, its parts, what a search loads; peers.

MkDocs with Material sets as many pages as are given to it here, Pagefind indexes pages of the very site; both are
reckoned up, as the last page takes them as long as the first, or longer.
"""

from __future__ import annotations

import hashlib
import http.server
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import peers
from measure import KELU, Figure, Ratio, Row, commit, edit, forget, once, stages

CHANGED = 5
CLEAN_UP_TO = 10_000  # records up to which the site after changes is held against a clean build
PEER_PAGES = 500
QUERIES = ("处理", "核心交换机", "数据交换平台登录失败", "CMP-2025-0003", "VPN", "2026-01-20")
PARTS = {"records": "记录页面 Record pages", "search": "搜索索引 Search index", "kpis": "指标 KPIs"}  # key -> stage
WRITE = """
import os, sys
os.mkdir(sys.argv[1])
for number in range(int(sys.argv[2])):
    with open(f"{sys.argv[1]}/{number}.html", "wb") as file:
        file.write(b"x" * 12_000)
"""


def rows(size: int, home: Path, workshop: Path, say: Callable[[str], None]) -> tuple[list[Row], list[Ratio]]:
    """The rows of one size, and how they compare."""
    site, written = [*KELU, "site", "--profile"], workshop / "written"
    say("site")
    floor = once(["python3", "-c", WRITE, written, str(size)], workshop)[0]
    shutil.rmtree(written)
    forget(home)
    cold, told = once(site, home)
    parts = stages(told)
    pages = sum(1 for _ in (home / "public/records").glob("*.html"))
    found = [
        Row("write as many files of 12 KB, floor", floor, "one process"),
        Row("`kelu site`, everything from nothing", cold, f"{pages:,} pages of records, a row each for the others",
            "site cold"),
        *(Row(f"– {name}", parts[name], "", f"{key} cold") for key, name in PARTS.items() if name in parts),
    ]  # fmt: skip
    for number in (1, 2):  # the first brings up to date what the build from nothing has left for it
        edit(home, number, CHANGED)
        commit(home, number)
        changed, told = once(site, home)
    after = stages(told)
    note = same(home, site) if size <= CLEAN_UP_TO else "that it is as a clean build makes it is held at smaller sizes"
    found += [
        Row(f"`kelu site`, after {CHANGED} changes", changed, note, "site changed"),
        *(Row(f"– {name}", after[name], "", f"{key} changed") for key, name in PARTS.items() if name in after),
    ]
    say("search")
    found += loaded(home / "public")
    say("MkDocs, Pagefind")
    ratios = []
    for work, command, mine, key in compared(home, workshop, parts, pages):
        if command is None:
            found.append(Row(work, None, "cannot be had here"))
            continue
        figure = once(command, workshop)[0]
        found.append(Row(work, figure.times(pages / PEER_PAGES), f"{PEER_PAGES:,} of {pages:,}, reckoned up"))
        if mine:
            factor = figure.cpu / PEER_PAGES / (mine.cpu / pages)
            ratios.append(Ratio(f"site: {{:,.0f}} × less CPU a page than {work}", factor, key))
    return found, ratios


def same(home: Path, site: list[str]) -> str:
    """Whether the site that is there is that of a clean build, in words."""
    after = digest(home)
    forget(home)
    once(site, home)
    return "the same bytes as a clean build" if digest(home) == after else "NOT THE SAME AS A CLEAN BUILD"


def digest(home: Path) -> str:
    """A digest of every file of a site."""
    whole = hashlib.sha256()
    for path in sorted(path for path in (home / "public").rglob("*") if path.is_file()):
        whole.update(f"{path.relative_to(home)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def compared(
    home: Path, workshop: Path, parts: dict[str, Figure], pages: int
) -> Iterator[tuple[str, list[str | Path] | None, Figure | None, str]]:
    """(name, command or None, our part that does the same, key) of the peers, each for PEER_PAGES pages."""
    python = peers.python(workshop)
    some = sorted((home / "public/records").glob("*.html"))[:: max(pages // PEER_PAGES, 1)][:PEER_PAGES]
    shutil.rmtree(workshop / "material", ignore_errors=True)
    docs, built = workshop / "material/docs", workshop / "material/pages"
    docs.mkdir(parents=True)
    built.mkdir()
    records = sorted(home.glob("records/complaints/**/*.yaml"))
    for number in range(PEER_PAGES):
        record = records[number % len(records)]
        (docs / f"{number}.md").write_text(peers.markdown(record.read_text("utf-8")), "utf-8")
    for page in some:
        shutil.copy(page, built)
    (docs / "index.md").write_text("# Records\n", "utf-8")
    (docs.parent / "mkdocs.yml").write_text(peers.MKDOCS, "utf-8")
    mkdocs: list[str | Path] | None = None
    pagefind: list[str | Path] | None = None
    if python:
        mkdocs = [python, "-m", "mkdocs", "build", "--quiet", "--config-file", docs.parent / "mkdocs.yml"]
        pagefind = [python, "-m", "pagefind", "--quiet", "--site", built]
    yield "MkDocs with Material, search off", mkdocs, parts.get(PARTS["records"]), "B8"
    yield "Pagefind", pagefind, parts.get(PARTS["search"]), "B10"


# --- what a search loads ---------------------------------------------------------------------------------


def loaded(public: Path) -> Iterator[Row]:
    """The bytes that a query asked of a browser that has nothing yet loads from the index, at most."""
    try:
        from playwright import sync_api as playwright
    except ImportError:
        yield Row("search: bytes a query", None, "no browser here", "query")
        return
    told: list[tuple[int, str]] = []
    with served(public) as (address, log), playwright.sync_playwright() as driver:
        browser = launched(driver)
        if browser is None:
            yield Row("search: bytes a query", None, "no browser here", "query")
            return
        for query in QUERIES:
            page = browser.new_page()  # a context of its own: nothing is in its cache
            log.clear()
            page.goto(f"{address}/search.html?q={quote(query)}")
            page.wait_for_selector("[data-ready]")
            told.append((sum((public / path).stat().st_size for path in log if path.startswith("search/")), query))
            page.context.close()
        browser.close()
    words = ", ".join(f"{query} {size / 1000:,.0f} KB" for size, query in told)
    yield Row("search: bytes a query", None, words, "query", max(told)[0] / 1000)


def launched(driver: Any) -> Any:
    """A browser: Playwright's own, or the machine's."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    own = Path(driver.chromium.executable_path).exists()
    return driver.chromium.launch(executable_path=found, args=["--no-sandbox"]) if found or own else None


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files and notes which."""

    asked: list[str]

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.asked.append(self.path.partition("?")[0].lstrip("/"))
        super().do_GET()


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The address under which a folder is served meanwhile, and the paths asked for."""
    handler = type("Noting", (Handler,), {"asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler.asked
    finally:
        server.shutdown()
