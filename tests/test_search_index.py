"""The search index: what of a page is searched, and that its cache changes nothing."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kelu.document import parse
from kelu.pages import keys, search
from kelu.pages.extract import Document, essence, extract
from kelu.pages.tree import SiteTree
from site_build import SITE, own_site

LANGUAGES = ("zh", "en")
FRAME = "<html><body><nav>导航</nav><main>{}</main><footer>页脚</footer></body></html>"
PAGE = """<p>不在其中</p><div data-pagefind-body>
<h1 data-pagefind-meta="title">核心<b>交换机</b>&amp;接口</h1>
<span hidden data-pagefind-filter="type" data-pagefind-en="Complaint">客户投诉</span><span hidden
 data-pagefind-sort="date">2026-03-02</span><p>连续<em>两</em>次<!-- 注 -->
 中断<a class="headerlink" href="#x">¶</a></p>
<aside data-pagefind-ignore><div>旁<aside>栏</aside>外</div>仍在旁栏</aside>
<dl><dt data-pagefind-ignore>标签</dt><dd>值一</dd><dd>值二<br>值三</dd></dl><script>let 脚本</script>
<div hidden>看不见</div><p data-pagefind-filter="status">已关闭</p></div><p>又不在其中</p>
<section data-pagefind-body>另一段</section>"""


def read(content: str) -> Document:
    return extract("records/CMP-2026-0003.html", essence(FRAME.format(content).encode()))


def test_a_page_says_what_a_reader_sees_of_its_body() -> None:
    assert read(PAGE) == Document(
        "records/CMP-2026-0003.html",
        "核心交换机&接口",
        "连续两次 中断\n值一\n值二\n值三\n已关闭\n另一段",
        "2026-03-02",
        (("type", "客户投诉", "Complaint"), ("status", "已关闭", "已关闭")),
    )


def test_a_page_without_a_body_is_not_found() -> None:
    assert essence(FRAME.format("<p>无</p>").encode()) == b""


def test_what_is_ignored_changes_no_essence() -> None:
    page = '<div data-pagefind-body>正文<aside class="a" data-pagefind-ignore><p>{}</p></aside></div>'
    first, second = (essence(FRAME.format(page.format(commit)).encode()) for commit in ("abc", "def"))
    assert first == second
    assert "正文".encode() in first


def write(site: Path, name: str, text: str) -> None:
    path = site / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(FRAME.format(f"<div data-pagefind-body><h1 data-pagefind-meta='title'>{name}</h1>{text}</div>"))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site with three buckets of records and pages in two languages."""
    for year in (2025, 2026):
        for number in range(1, 40):
            write(tmp_path / "site", f"records/CMP-{year}-{number:04}.html", f"第{number}次投诉，交换机{number * 7}")
    write(tmp_path / "site", "records/CUS-0001.html", "云岭精密")
    write(tmp_path / "site", "kpi/SAT-01.html", "客户评价满意率")
    write(tmp_path / "site", "en/kpi/SAT-01.html", "Satisfied customers")
    return tmp_path / "site"


def indexed(site: Path, cache: Path) -> dict[str, bytes]:
    """The files of the index of a site."""
    pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    search.index(SiteTree(site / "none", site, cache.with_name("notes")), pages, cache, LANGUAGES)
    folder = site / search.INDEX
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def times(cache: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in cache.iterdir() if path.name != "known"}


def test_an_index_from_the_cache_equals_a_clean_one(site: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = indexed(site, cache)
    before = times(cache)
    assert indexed(site, cache) == first == indexed(site, tmp_path / "other")
    assert times(cache) == before
    write(site, "records/CMP-2026-0007.html", "改了，光模块")
    (site / "records/CMP-2025-0009.html").unlink()
    write(site, "records/CMP-2024-0001.html", "新的一年")
    changed = indexed(site, cache)
    assert changed != first
    assert changed == indexed(site, tmp_path / "clean")
    after = times(cache)
    made = {name.partition(".")[0] for name, time in after.items() if before.get(name) != time}
    assert made == {f"CMP-{year}-{part}" for year in (2024, 2025, 2026) for part in ("", "0")}  # buckets and volumes
    (site / "records/CMP-2024-0001.html").unlink()
    indexed(site, cache)
    assert times(cache).keys() == before.keys()  # what is of no use is gone


def test_pages_written_anew_with_the_same_words_are_the_same(site: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = indexed(site, cache)
    before = times(cache)
    for page in site.rglob("records/*.html"):
        content = page.read_bytes()
        page.unlink()
        page.write_bytes(content.replace("页脚".encode(), "另一页脚".encode()))
    assert indexed(site, cache) == first
    after = times(cache)
    assert {name.partition(".")[2] for name in after if after[name] != before[name]} == {"documents"}


def test_a_changed_word_makes_few_shards_anew(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    merged, made = search._merged, list[int]()
    monkeypatch.setattr(search, "_merged", lambda buckets: made.append(len(buckets)) or merged(buckets))
    indexed(site, tmp_path / "cache")
    first, made[:] = len(made), []
    write(site, "records/CMP-2026-0007.html", "第7次投诉，光模块")
    indexed(site, tmp_path / "cache")
    assert 0 < len(made) < 20 < first


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("２０２６‑０１‑２０ 17：30", {"2026-01", "01-20", "17:30"}),
        ("CMP-2025-0003", {"2025-00"}),
        ("用时 20 分钟，第3次", {"20分", "3次"}),
        ("S5720交换机 v1.2.3a", {"2.3a"}),
        ("1, 2", set()),
    ],
)
def test_numbers_are_keys_with_what_they_are_joined_to(text: str, joined: set[str]) -> None:
    held = {key for run in keys.runs(text) for key in keys.of(run)}
    assert joined <= held
    assert {key for key in held if re.search("[-./:]", key)} == {key for key in joined if re.search("[-./:]", key)}


@pytest.mark.parametrize("seed", range(3))
def test_sets_of_pages_are_read_as_they_were_written(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(50):
        held = sum(1 << place for place in draw.sample(range(1000), draw.randint(1, 40)))
        titled = held & draw.getrandbits(1000)
        assert keys.places(keys.sequence(held, titled)) == (held, titled)


@pytest.mark.parametrize("seed", range(3))
def test_after_any_edits_the_index_is_that_of_a_clean_build(site: Path, tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(4):
        for _ in range(draw.randint(1, 6)):
            pages = sorted(site.rglob("*.html"))
            kind = draw.choice(["edit", "remove", "add"])
            if kind == "remove":
                draw.choice(pages).unlink()
            elif kind == "add":
                write(
                    site, f"records/INC-2026-{draw.randrange(20_000):05}.html", draw.choice(["光缆中断", "Ping 超时"])
                )
            else:
                write(site, draw.choice(pages).relative_to(site).as_posix(), f"改为{draw.randrange(99)}号交换机")
        assert indexed(site, tmp_path / "cache") == indexed(site, tmp_path / f"clean{draw.random()}")


def test_every_facet_of_a_page_has_a_name() -> None:
    """As the search page shows it (`facet` of words.yaml)."""
    pages = (path.read_bytes() for path in own_site().rglob("*.html"))
    used = {name for page in pages if (source := essence(page)) for name, _, _ in extract("", source).facets}
    words, _ = parse((SITE / "words.yaml").read_bytes(), "words.yaml")
    assert words
    assert used == set(words["facet"])


def broken(place: Path) -> Iterator[bytes]:
    content = place.read_bytes()
    yield b""
    yield content[: len(content) // 2]
    yield content.replace("交换".encode(), "光缆".encode())
    yield b"\xff\xfe" + content
    yield b"{}"


def test_a_broken_cache_is_noticed(site: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    sound = indexed(site, cache)
    for place in sorted(path for path in cache.iterdir() if path.name.startswith("CMP-2026") or path.name == "known"):
        for content in broken(place):
            place.write_bytes(content)
            assert indexed(site, cache) == sound
    (cache / "strange").mkdir()
    assert indexed(site, cache) == sound
