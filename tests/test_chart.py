"""Charts: geometry that neither lies nor runs out of its picture, numbers equal to a query by hand, words for each."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kelu import privacy
from kelu.document import parse
from kelu.finding import Text
from kelu.pages import breakdown
from kelu.pages.bars import Drawing, Group, lying, measure, number, standing, wrapped
from kelu.pages.breakdown import Breakdown
from kelu.pages.build import Edition
from kelu.pages.figure import Names
from kelu.pages.template import LANGUAGES, Templates
from made_records import complaint as made_complaint
from repository import MOMENT, own_records
from site_build import SITE, Page, edition, ledger_rows, own_site

CHARTS = sorted(path.stem for path in (SITE / "charts").glob("*.yaml"))

# --- geometry ---

words = st.text(st.sampled_from("投诉响应及时性（虚构）、质量 abcdefghij WM/-"), min_size=1, max_size=40)


@st.composite
def groups(draw: st.DrawFn) -> list[Group]:
    series = draw(st.integers(1, 5))
    values = st.decimals(0, 5000, places=2) if draw(st.booleans()) else st.integers(0, 300).map(Decimal)
    amounts = st.tuples(*[values] * series)
    label = st.builds(Text, words, words)
    return draw(st.lists(st.builds(Group, label, amounts, st.booleans()), min_size=1, max_size=15))


def inside(made: Drawing) -> None:
    """Nothing stands out of the picture: no block, no line, no word in either language."""
    across = [0.0, made.width]
    down = [0.0, made.height]
    for block in made.blocks:
        across += [block.x, block.x + block.width]
        down += [block.y, block.y + block.height]
        assert min(block.width, block.height) >= 0
    for rule in made.rules:
        across += [rule.x1, rule.x2]
        down += [rule.y1, rule.y2]
    for word in made.words:
        long = max(map(measure, f"{word.text.zh}\n{word.text.en}".split("\n")))
        left = word.x - {"start": 0.0, "middle": long / 2, "end": long}[word.anchor]
        across += [left, left + long]
        down.append(word.y)
    across += [x for x, _ in made.dots]
    down += [y for _, y in made.dots]
    assert min(*across, *down) >= -0.5
    assert max(across) <= made.width + 0.5
    assert max(down) <= made.height + 0.5


@settings(deadline=None)
@example([Group(Text("M", "M"), (Decimal(0),), own=False)], False, Decimal("100.1"))
@given(groups(), st.booleans(), st.none() | st.decimals(0, 6000, places=1))
def test_lying_bars_start_at_zero_and_are_as_long_as_their_values(
    held: list[Group], stacked: bool, target: Decimal | None
) -> None:
    made = lying(held, stacked=stacked, target=target)
    assert made is not None
    inside(made)
    base = next(rule.x1 for rule in made.rules if rule.kind == "base")
    values = [value for group in held for value in group.values if value]
    assert len(made.blocks) == len(values)
    if values:
        scale = max(block.width for block in made.blocks) / float(max(values))
        for block, value in zip(made.blocks, values, strict=True):
            assert block.x >= base
            assert block.width == pytest.approx(float(value) * scale, abs=0.11)
    if not stacked:
        assert all(block.x == base for block in made.blocks)
    assert [w.text.zh for w in made.words if w.kind == "value"] == [
        number(value) for g in held for value in ([sum(g.values, Decimal(0))] if stacked else g.values)
    ]


@settings(deadline=None)
@given(groups())
def test_a_stack_is_as_long_as_its_parts_together(held: list[Group]) -> None:
    made = lying(held)
    assert made is not None
    base = next(rule.x1 for rule in made.rules if rule.kind == "base")
    rows: dict[float, list[float]] = {}
    for block in made.blocks:
        assert block.x == pytest.approx(base + sum(rows.setdefault(block.y, [])), abs=0.2)
        rows[block.y].append(block.width)


@settings(deadline=None)
@given(groups())
def test_a_cumulative_line_rises_to_the_whole(held: list[Group]) -> None:
    made = lying(held, cumulative=True)
    assert made is not None
    inside(made)
    assert [x for x, _ in made.dots] == sorted(x for x, _ in made.dots)
    if any(sum(group.values) for group in held):
        assert [w.text.zh for w in made.words if w.kind == "tick"][-1] == "100%"
        assert len(made.dots) == len(held)
    else:
        assert made.dots == ()


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 400), min_size=3, max_size=3), min_size=1, max_size=12))
def test_standing_bars_stand_on_zero(values: list[list[int]]) -> None:
    held = [Group(Text("12\n2026", "12\n2026"), tuple(map(Decimal, row))) for row in values]
    made = standing(held)
    assert made is not None
    inside(made)
    ticks = [w.text.zh for w in made.words if w.kind == "tick"]
    assert ticks[0] == "0"
    assert all(tick.isdigit() for tick in ticks)
    floor = next(rule.y1 for rule in made.rules if rule.kind == "base")
    columns: dict[float, list[float]] = {}
    for block in made.blocks:
        column = columns.setdefault(block.x, [])
        assert block.y + block.height == pytest.approx(floor - sum(column), abs=0.3)
        column.append(block.height)
    assert [w.text.zh for w in made.words if w.kind == "value"] == [str(sum(row)) for row in values if sum(row)]


def test_no_groups_no_picture() -> None:
    assert lying([]) is None
    assert standing([]) is None


@settings(deadline=None)
@given(words, st.floats(30, 200), st.integers(1, 3))
def test_a_wrapped_label_fits_and_loses_nothing_unmarked(text: str, room: float, lines: int) -> None:
    made = wrapped(text, room, lines).split("\n")
    assert len(made) <= lines
    assert all(measure(line) <= room for line in made)
    kept, whole = re.sub(r"\s", "", "".join(made)), re.sub(r"\s", "", text)
    assert kept == whole or (made[-1].endswith("…") and whole.startswith(kept[:-1]))


def test_a_label_breaks_between_words_and_not_after_an_opening_bracket() -> None:
    assert wrapped("Product quality and technology", 132.0) == "Product quality\nand technology"
    assert wrapped("青禾市数据资源管理局（虚构）", 132.0) == "青禾市数据资源管理局\n（虚构）"


@settings(deadline=None)
@given(st.lists(words, min_size=2, max_size=10))
def test_labels_do_not_run_into_each_other(labels: list[str]) -> None:
    made = lying([Group(Text(label, label), (Decimal(1),)) for label in labels])
    assert made is not None
    placed = [(w.y, w.text.zh.count("\n") + 1) for w in made.words if w.kind == "label"]
    for (upper, above), (lower, below) in itertools.pairwise(placed):
        assert lower - upper >= 15 * (above + below) / 2


# --- the charts of the site ---


@cache
def own() -> Edition:
    return edition(own_records())


@cache
def charts() -> dict[str, Breakdown]:
    return made_of(own())


def content(name: str) -> Mapping[str, Any]:
    """A YAML file of the site."""
    return parse((SITE / f"{name}.yaml").read_bytes(), name)[0] or {}


def made_of(shown: Edition) -> dict[str, Breakdown]:
    """The charts of an edition by name."""
    known = privacy.directory(shown.store, shown.schemas.records, shown.policy)
    names = Names(shown.schemas.records, known, content("words"))
    found = {name: content(f"charts/{name}") for name in CHARTS}
    placed = breakdown.by_place(found, shown.store, names, MOMENT.date())
    return {item.name: item for items in placed.values() for item in items}


def rows(item: Breakdown) -> dict[str, tuple[str, ...]]:
    return {line.member.label.zh: tuple(cell.text for cell in line.cells) for line in item.lines}


def test_numbers_are_those_of_a_query_by_hand() -> None:
    made, store = charts(), own().store
    for name, column in (("complaint_channel", "channel"), ("complaint_outcome", "outcome")):
        asked = store.query(
            f"SELECT {column}, count(*) FILTER (year(received_at) = 2026), count(*) FILTER (year(received_at) = 2025) "
            "FROM (SELECT *, resolution.outcome AS outcome FROM complaint) "
            "WHERE void IS NULL AND year(received_at) >= 2025 AND confidential = 'normal' GROUP BY 1"
        )
        shown = [values for label, values in rows(made[name]).items() if label != "限制公开"]
        assert sorted(shown) == sorted((str(a), str(b)) for _, a, b in asked)
    (cause,) = store.query(
        "SELECT count(*) FROM complaint WHERE void IS NULL AND investigation.root_cause_category = 'process' "
        "AND confidential = 'normal' AND year(received_at) >= 2025"
    )
    assert rows(made["complaint_cause"])["流程"] == (str(cause[0]),)
    assert made["complaint_cause"].lines[-1].share == "100.0%"
    months = store.query(
        "SELECT strftime(received_at, '%Y-%m'), count(*) FROM complaint WHERE void IS NULL "
        "AND received_at >= DATE '2025-12-01' GROUP BY 1 ORDER BY 1"
    )
    told = made["complaint_month"]
    assert [line.member.label.zh for line in told.lines][0::11] == ["2025-12", "2026-11"]
    assert [(line.member.label.zh, line.total.text) for line in told.lines if line.total.text != "0"] == [
        (month, str(count)) for month, count in months
    ]
    (mean,) = store.query(
        "SELECT avg(points) FROM survey_score WHERE exclusion IS NULL AND max_points = 5 AND item = 'security' "
        "AND year(attributed_on) = 2026"
    )
    assert rows(made["survey_item"])["运维安全"][0] == f"{mean[0]:.2f}"


@pytest.mark.parametrize("name", CHARTS)
def test_counts_add_up(name: str) -> None:
    item = charts()[name]
    if not item.adds_up:
        return
    for line in item.lines:
        assert sum(int(cell.text) for cell in line.cells) == int(line.total.text)
    for place, whole in enumerate(item.sums):
        assert sum(int(line.cells[place].text) for line in item.lines) == int(whole)
    assert sum(map(int, item.sums)) == int(item.total)


def test_of_many_members_the_first_are_drawn_and_the_rest_as_one() -> None:
    files = dict(own_records())
    codes = [
        code
        for _, name, code in privacy.directory(own().store, own().schemas.records, own().policy).terms
        if name == "category"
    ]
    for place, code in enumerate(dict.fromkeys(codes)):
        (record,) = made_complaint({"n": 801 + place, "received": "2026-11-03 09:00"})
        record["category"] = code
        files[f"records/complaints/2026/{record['id']}.yaml"] = yaml.safe_dump(record, allow_unicode=True).encode()
    item = made_of(edition(files))["complaint_category"]
    assert len(item.lines) > breakdown.MOST + 1
    assert item.drawing is not None
    labels = [word.text.zh for word in item.drawing.words if word.kind == "label"]
    assert len(labels) == breakdown.MOST + 1
    assert labels[-1] == f"其余 {len(item.lines) - breakdown.MOST} 项"
    drawn = [int(word.text.zh) for word in item.drawing.words if word.kind == "value"]
    assert sum(drawn) == int(item.total)


def test_open_complaints_stand_under_their_age_in_working_days() -> None:
    received = {801: "2026-11-20 09:00", 802: "2026-11-13 09:00", 803: "2026-09-01 09:00"}  # today is a Sunday
    files = dict(own_records())
    for place, moment in received.items():
        (record,) = made_complaint({"n": place, "received": moment})
        files[f"records/complaints/2026/{record['id']}.yaml"] = yaml.safe_dump(record, allow_unicode=True).encode()
    item = made_of(edition(files))["open_age"]
    assert {line.member.label.zh: line.records for line in item.lines} == {
        "≤ 3 个工作日": ("CMP-2026-0801",),
        "4–7 个工作日": ("CMP-2026-0802",),
        "8–30 个工作日": ("CMP-2026-0012",),
        "> 30 个工作日": ("CMP-2026-0803",),
    }


def test_what_a_restricted_record_belongs_to_is_not_shown() -> None:
    made = charts()
    for name in ("complaint_category", "complaint_customer", "complaint_severity", "complaint_cause"):
        assert rows(made[name])["限制公开"][-1] == "1"
    assert "服务态度" not in rows(made["complaint_category"])  # CMP-2025-0006 alone has it


def test_a_number_leads_to_the_ledger_that_lists_what_it_counts() -> None:
    """As many rows bear the words of the link; a ledger lists void complaints, too."""
    void = {row[0] for row in own().store.query("SELECT id FROM complaint WHERE void IS NOT NULL")}
    table: dict[str, list[dict[str, Any]]] = {}
    linked = 0
    for item in charts().values():
        for line in item.lines:
            for cell in (*line.cells, line.total):
                if not cell.link:
                    continue
                place = urlsplit(cell.link)
                name = place.path.removeprefix("ledgers/").removesuffix(".html")
                wanted = parse_qs(place.query)
                found = {
                    row["id"]["id"]
                    for row in table.setdefault(name, ledger_rows(own_site(), name))
                    if all(bears(row[column], words, column == "received") for column, words in wanted.items())
                }
                assert len(found - void) == int(cell.text), cell.link
                linked += 1
    assert linked > 40


def bears(value: Any, words: list[str], dated: bool) -> bool:
    """Whether a cell is one that a ledger shows when its column is asked for these words."""
    if dated:
        return any(str(value).startswith(word) for word in words)
    spellings = [value["id"]] if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return any(word in spellings for word in words)


# --- what a page shows ---


@cache
def drawn(language: str) -> str:
    templates = Templates(SITE / "templates", content("words"), language)
    shown = {"charts": {"analysis": list(charts().values())}, "site": {"as_of_text": ""}}
    return templates.html("pages/analysis.md.j2", **shown)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_has_title_description_and_table(name: str, language: str) -> None:
    item = charts()[name]
    (part,) = re.findall(rf'<section class="k-breakdown" id="{name}".*?</section>', drawn(language), re.DOTALL)
    title = item.title.zh if language == "zh" else item.title.en
    assert f'<title id="{name}-title">{title}</title>' in part
    assert f'role="img" aria-labelledby="{name}-title {name}-desc"' in part
    (told,) = re.findall(r"<desc[^>]*>(.*?)</desc>", part, re.DOTALL)
    assert item.total in told or item.lines[0].total.text in told
    cells = re.findall(r"<td[^>]*>(?:<a [^>]*>)?(\d[\d.]*)", part)
    assert set(cells) >= {line.total.text for line in item.lines}
    assert part.count('<th scope="row">') == len(item.lines) + item.adds_up


@pytest.mark.parametrize("language", LANGUAGES)
def test_ids_are_unique_and_every_pattern_used_is_there(language: str) -> None:
    html = drawn(language)
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= set(ids)
    assert "<script" not in html


def test_series_differ_in_pattern() -> None:
    for item in charts().values():
        patterns = [series.pattern for series in item.series]
        assert len(patterns) == len(set(patterns)), item.name


def test_an_english_chart_marks_names_that_are_chinese() -> None:
    html = re.sub(r"<(\w+)[^>]* lang=\"zh-CN\"[^>]*>.*?</\1>", "", drawn("en"), flags=re.DOTALL)
    assert re.findall("[\u4e00-\u9fff]+", re.sub(r'href="[^"]*"', "", html)) == []


def test_a_trend_is_drawn_in_both_languages() -> None:
    for folder, words_of in (("", ("按季度趋势", "纵轴自零起")), ("en/", ("by Quarter", "The axis starts at zero"))):
        text = (own_site() / f"{folder}kpi/SAT-01.html").read_text("utf-8")
        assert all(part in text for part in words_of)
        assert {"title", "desc", "svg"} <= {tag for tag, _ in Page(own_site() / f"{folder}kpi/SAT-01.html").elements}
