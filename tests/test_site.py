"""The site: what stands on it, what must not, that it is the same each time and appears all at once."""

from __future__ import annotations

import csv
import gzip
import importlib
import io
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import icalendar
import pytest

import site_build
from kelu import catalogue, check, duty, intake, kpi, pages
from kelu.document import parse
from kelu.git import MemoryTree
from kelu.pages import chart, duties, indicator, shell, swap
from kelu.pages.figure import Names
from kelu.pages.template import Templates, plain
from kelu.policy import Policy
from kelu.privacy import mask
from kelu.privacy.directory import directory
from repository import MOMENT, own_records, replaced, rulebook, store
from site_build import Page, alone, edition, ledger_rows, own_site

build_module = importlib.import_module("kelu.pages.build")  # the package names its function the same
HOSTILE = "<script>alert(1)</script>**粗**[点](javascript:alert(2)){{ 7*7 }}{% raw %}&lt;b&gt;&amp;"
MULTILINE = (
    "\n```\n# 标题\n| 表 |\n<img src=x onerror=alert(3)>\n    - [x](javascript:alert(4))\n<!-- KELU-RECORD-BODY -->\n"
)
CUSTOMER, COMPLAINT, HIDDEN = (
    "records/customers/CUS-0001.yaml", "records/complaints/2026/CMP-2026-0003.yaml",
    "records/complaints/2026/CMP-2026-0002.yaml",
)  # fmt: skip
SECRET = "只有内部人员可见的标题"


@cache
def page(name: str) -> Page:
    return Page(own_site() / name)


@pytest.fixture(scope="module")
def odd_records() -> Mapping[str, bytes]:
    """This repository's records with a hostile complaint and customer, and a restricted complaint."""
    records = replaced(
        CUSTOMER, "name: 星河市数据资源管理局（虚构）", f"name: {json.dumps(HOSTILE, ensure_ascii=False)}"
    )
    complaint = parse(records[COMPLAINT], COMPLAINT)[0]
    assert complaint is not None
    complaint |= {"title": HOSTILE[:80], "description": HOSTILE + MULTILINE, "demands": "=1+1"}
    hidden = parse(records[HIDDEN], HIDDEN)[0]
    assert hidden is not None
    hidden |= {"title": SECRET, "confidential": "restricted"}
    dump = {COMPLAINT: complaint, HIDDEN: hidden}
    return records | {path: json.dumps(data, ensure_ascii=False).encode() for path, data in dump.items()}


@pytest.fixture(scope="module")
def odd_site(odd_records: Mapping[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return site_build.build(tmp_path_factory.mktemp("odd"), odd_records)


# --- what stands there ---


def test_everything_has_its_page() -> None:
    site = own_site()
    for path in own_records():
        assert (site / "records" / f"{Path(path).stem}.html").is_file(), path
    for definition in kpi.in_force(rulebook().policy, MOMENT.date()):
        assert (site / "kpi" / f"{definition.data['code']}.html").is_file()
    codes = [entry.code for entry in catalogue.entries()] + [rule.data["id"] for rule in rulebook().policy.rules()]
    for code in codes:
        assert (site / "manual/codes" / f"{code}.html").is_file(), code
        assert code in page("manual/codes.html").text


def test_the_site_carries_its_manifest_and_says_what_it_proves() -> None:
    assert (own_site() / "kelu-manifest.json").read_text("utf-8") == "{}\n"
    for name in ("manual/trail.html", "en/manual/trail.html"):
        for words in ("kelu seal", "kelu audit --against", "ssh-keygen -Y sign -n kelu-manifest", "kelu-manifest.json"):
            assert words in page(name).text, (name, words)


def test_every_link_inside_the_site_leads_somewhere() -> None:
    assert site_build.broken_links(own_site()) == []


def test_no_page_asks_the_network_for_anything() -> None:
    for path in own_site().rglob("*.html"):
        found = page(path.relative_to(own_site()).as_posix())
        loaded = [value for tag, value in found.attributes("href") if tag == "link"]
        loaded += [value for _, value in found.attributes("src")] + [v for _, v in found.attributes("action")]
        assert [value for value in loaded if urlsplit(value).scheme or value.startswith("//")] == [], path
    for path in [*own_site().rglob("*.css"), *(own_site() / "assets/kelu").glob("*.js")]:
        assert re.findall(r"""(?:url\(|import\s*\(?)\s*["']?(?:https?:)?//[^"')]+""", path.read_text("utf-8")) == [], (
            path
        )


def test_home_leads_by_two_links_to_the_survey_that_spoiled_the_rate() -> None:
    assert ("a", "kpi/SAT-01.html") in page("index.html").attributes("href")
    figure = page("kpi/SAT-01.html")
    assert ("a", "../records/SUR-2026-0012.html") in figure.attributes("href")
    assert "../kpi/SAT-01.html" in [value for _, value in page("records/SUR-2026-0012.html").attributes("href")]
    for words in ("80.00", "未达标", "≥ 98%", "4 / 5", "08-03:4.3(4)", "计入分子", "仅计入分母", "未计入", "SELECT"):
        assert words in figure.text
    assert {"title", "desc", "svg"} <= {tag for tag, _ in figure.elements}


def test_figures_to_download_are_those_of_the_pages() -> None:
    data = own_site() / "data"
    held = json.loads((data / "kpi/SAT-01.json").read_text("utf-8"))
    assert (held["value"], held["numerator"], held["denominator"]) == ("80.00", "4", "5")
    assert held["lists"]["denominator"] == ["SUR-2026-0012"]
    table = (data / "kpi.csv").read_bytes()
    assert table.startswith(b"\xef\xbb\xbf")
    rows = {row["code"]: row for row in csv.DictReader(io.StringIO(table.decode("utf-8-sig")))}
    assert rows["SAT-01"]["value"] == "80.00"
    assert {item["code"] for item in json.loads((data / "kpi.json").read_text("utf-8"))} == set(rows)


def test_a_record_page_names_fields_people_and_both_sides_of_its_links() -> None:
    record = page("records/CMP-2026-0003.html")
    for words in ("接收时间", "Received", "2026-03-02 09:10", "林晓舟", "投诉热线", "重大", "刘**", "gsb-141.03@A0"):
        assert words in record.text
    links = [value for _, value in record.attributes("href")]
    assert {"CUS-0001.html", "MTG-2026-0005.html", "ACT-2026-0003.html"} <= set(links)
    assert "CMP-2026-0003.html" in [value for _, value in page("records/MTG-2026-0005.html").attributes("href")]
    assert f"git show {site_build.COMMIT[:12]}:records/complaints/2026/CMP-2026-0003.yaml" in record.text


# --- duties ---


def board_of(policy: Policy) -> duties.Board:
    """The duties of this repository's records under a policy, as the site shows them."""
    book, held = replace(rulebook(), policy=policy), store()
    taken = intake.take_in(MemoryTree(dict(own_records())), book.schemas, held)
    assert check.lay_policy(held, book, taken, MOMENT, known=True, asked=duty.names(policy)) == []
    words = build_module._yaml(site_build.SITE / "words.yaml")
    names = Names(book.schemas.records, directory(held, book.schemas.records, policy), words)
    return duties.gather(held, policy, book.schemas, names, MOMENT)


@cache
def board() -> duties.Board:
    return board_of(rulebook().policy)


def test_home_and_the_overview_of_duties_show_each_that_is_overdue() -> None:
    late = [line for line in board().lines if line.duty.state == "overdue"]
    assert late
    home, overview = page("index.html"), page("duty/index.html")
    assert ("a", "duty/index.html#overdue") in home.attributes("href")
    for line in late:
        assert ("a", f"../{line.page}") in overview.attributes("href")
        assert ("a", f"../records/{line.subject.id}.html") in overview.attributes("href")
    assert ("a", late[0].page) in home.attributes("href")
    assert late == sorted(late, key=lambda line: line.duty.due)
    for waiver in rulebook().policy.waivers:
        assert waiver["reason"].split("（")[0] in overview.text


def test_an_obligation_tells_what_it_asks_and_how_each_duty_was_kept() -> None:
    for view in board().views:
        shown = page(view.page)
        ids = {line.duty.id for line in board().lines if line.duty.obligation == view.code}
        assert ids <= shown.ids
        for asked in view.asked:
            assert asked.title.zh in shown.text
            assert any(asked.page in value for tag, value in shown.attributes("href") if tag == "a"), view.code
            assert all(role.zh in shown.text for role in (*asked.owner, *asked.escalate))
    assert "实践默认" in page("duty/OB-02.html").text
    report = next(line for line in board().lines if line.record and line.duty.obligation == "OB-02")
    assert report.record is not None
    assert ("a", f"../records/{report.record.id}.html") in page("duty/OB-02.html").attributes("href")
    for record in (report.record.id, report.subject.id, report.customer.id if report.customer else ""):
        assert report.page in unquote_all(page(f"records/{record}.html"))


def unquote_all(found: Page) -> set[str]:
    """Where the links of a page below the root lead to, from the root."""
    return {value.removeprefix("../") for tag, value in found.attributes("href") if tag == "a"}


def test_parameters_say_what_their_codes_mean_there() -> None:
    """The same code is a document elsewhere, or a way of surveying."""
    words = page("policy/tfdl-08-04-V1.2.html").text
    assert "电话、邮件、会议" in words
    assert "运维需求沟通会、运维服务报告会、运维服务验收会、专题沟通会" in words


def test_clauses_and_kpis_lead_to_the_duties_they_lean_on() -> None:
    assert "duty/OB-02.html" in unquote_all(page("policy/tfdl-08-04-V1.2.html"))
    counted = json.loads((own_site() / "data/kpi/OBL-01.json").read_text("utf-8"))["lists"]["numerator"]
    assert counted
    shown = counted[: indicator.SHOWN]
    assert {board().places[name] for name in shown} <= unquote_all(page("kpi/OBL-01.html"))


def test_the_ledger_of_duties_and_the_calendar_hold_the_same_duties() -> None:
    held = ledger_rows(own_site(), "duty")
    assert [row["id"] for row in held] == [line.duty.id for line in board().lines]
    assert {row["basis"][1] for row in held} <= {"set by policy", "practice default"}
    table = list(csv.reader(io.StringIO((own_site() / "data/duty.csv").read_text("utf-8-sig"))))
    assert len(table) == len(held) + 1
    events = icalendar.Calendar.from_ical((own_site() / "data/duty.ics").read_bytes()).walk("VEVENT")
    ahead = {f"{line.duty.id}@kelu" for line in board().lines if line.duty.state in duty.AHEAD}
    assert {str(event["UID"]) for event in events} == ahead


def test_a_company_with_one_policy_sees_its_duties_only() -> None:
    policy = alone("complaint", "csp-14@A0")
    made = board_of(policy)
    assert {asked.pack for view in made.views for asked in view.asked} <= {"csp-14@A0", policy.common, policy.defaults}
    assert {line.duty.obligation for line in made.lines} <= {view.code for view in made.views}
    assert made.waivers == ()


# --- what must not ---


def published_text(site: Path) -> str:
    """All a site publishes as text, the search index unpacked."""
    parts = []
    for path in sorted(path for path in site.rglob("*") if path.is_file()):
        raw = path.read_bytes()
        packed = raw.startswith(b"\x1f\x8b")
        raw = gzip.decompress(raw) if packed else raw
        if packed or path.suffix in (".html", ".json", ".csv", ".ics", ".xml", ".txt"):
            parts.append(raw.decode("utf-8", "replace"))
        elif path.suffix == ".parquet":
            parts.append(repr(duckdb.sql(f"FROM '{path}'").fetchall()))
    return "\n".join(parts)


@pytest.fixture(scope="module")
def internal_site(odd_records: Mapping[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the odd records as the company and its auditors read it."""
    return site_build.build(tmp_path_factory.mktemp("internal"), odd_records, audience="internal")


@pytest.mark.parametrize("audience", ["own_site", "odd_site", "internal_site"])
def test_no_direct_identifier_is_published_anywhere(audience: str, request: pytest.FixtureRequest) -> None:
    book = rulebook()
    known = directory(edition(own_records()).store, book.schemas.records, book.policy).identifiers.masks
    staff = {str(person["name"]) for person in book.policy.staff}
    text = published_text(own_site() if audience == "own_site" else request.getfixturevalue(audience))
    assert len(known) > 30
    assert [value for value in known if value not in staff and value in text] == []
    assert mask.mask_text(text, mask.Identifiers({})).count("@example") == text.count("@example")
    assert "138****0001" in text


def test_what_a_schema_marks_internal_is_for_the_company_and_its_auditors(odd_site: Path, internal_site: Path) -> None:
    records = own_records()
    numbers = [
        str(data["contract_no"])
        for path, raw in records.items()
        if path.startswith("records/projects/") and (data := parse(raw, path)[0]) and "contract_no" in data
    ]
    everything = b"".join(records.values()).decode()  # what another record says in its own words is not that field
    numbers = [number for number in numbers if everything.count(number) == 1]
    assert len(numbers) > 5
    public, internal = published_text(odd_site), published_text(internal_site)
    assert [number for number in numbers if number in public] == []
    assert [number for number in numbers if number not in internal] == []
    assert SECRET not in internal
    assert json.loads((internal_site / "provenance.json").read_text("utf-8"))["audience"] == "internal"


def test_a_restricted_record_shows_id_type_status_and_dates_only(odd_site: Path) -> None:
    assert SECRET not in published_text(odd_site)
    shown = Page(odd_site / "records/CMP-2026-0002.html").text
    assert "限制" in shown
    assert "CUS-" not in shown.replace("CUS-0001/C01", "")
    for name in ("complaint", "complaint_list"):
        (row,) = [row for row in ledger_rows(odd_site, name) if row["id"]["id"] == "CMP-2026-0002"]
        columns = json.loads((odd_site / f"data/{name}.json").read_text("utf-8"))["columns"]
        kinds = {column["name"]: column["kind"] for column in columns}
        filled = {column for column, value in row.items() if value is not None}
        assert {column for column in filled if kinds[column] not in ("date", "datetime")} == {"id", "status"}
    (row,) = [row for row in ledger_rows(odd_site, "complaint") if row["id"]["id"] == "CMP-2026-0002"]
    assert row["received"] == "2026-02-12"
    mine = [
        row
        for row in ledger_rows(odd_site, "duty")
        if (row["subject"] or {}) == {"id": "CMP-2026-0002", "title": ["限制公开", "restricted"]}
    ]
    assert mine
    assert {row[name] for row in mine for name in ("customer", "project", "department", "record")} == {None}
    customer = Page(odd_site / "records/CUS-0003.html")
    assert "CMP-2026-0002.html" not in [value for _, value in customer.attributes("href")]


def test_record_text_is_data_wherever_it_goes(odd_site: Path) -> None:
    record = Page(odd_site / "records/CMP-2026-0003.html")
    assert HOSTILE in record.text
    assert "".join(MULTILINE.split()) in "".join(record.text.split())
    assert HOSTILE in Page(odd_site / "kpi/CMP-01.html").text or HOSTILE[:40] in Page(odd_site / "kpi/CMP-01.html").text
    assert HOSTILE[:80] in Page(odd_site / "ledgers/complaint.html").text
    for path in odd_site.rglob("*.html"):
        found = Page(path)
        assert not any(value.strip().lower().startswith("javascript:") for _, value in found.attributes("href")), path
        assert not any(tag == "img" and "onerror" in attributes for tag, attributes in found.elements), path
        assert "alert(" not in "".join(re.findall(r"<script\b[^>]*>.*?</script>", path.read_text("utf-8"), re.S)), path
    assert ",'=1+1," in (odd_site / "data/complaint_list.csv").read_text("utf-8-sig")


# --- how it comes about ---


def test_the_same_records_give_the_same_bytes(odd_site: Path, odd_records: Mapping[str, bytes], tmp_path: Path) -> None:
    again = site_build.build(tmp_path / "elsewhere", odd_records)
    first, second = ({p.relative_to(s).as_posix(): p.read_bytes() for p in s.rglob("*") if p.is_file()}
                     for s in (odd_site, again))  # fmt: skip
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    assert not any(str(tmp_path).encode() in raw or str(odd_site.parent).encode() in raw for raw in second.values())


@pytest.fixture
def few_records(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, bytes]:
    """Hardly any records, no KPIs, no duties: for builds whose content does not matter."""
    monkeypatch.setattr(indicator, "gather", lambda *_: [])
    monkeypatch.setattr(duties, "gather", lambda *_: duties.Board({}, (), {}, (), (), (), {}))
    return {path: raw for path, raw in own_records().items() if path.startswith("records/customers/")}


def test_a_failed_build_leaves_the_last_good_site(tmp_path: Path, few_records: Mapping[str, bytes]) -> None:
    out = tmp_path / "public"
    out.mkdir()
    (out / "index.html").write_text("上一版", "utf-8")
    broken = tmp_path / "site"
    shutil.copytree(site_build.SITE, broken)
    (broken / "templates/pages/broken.md.j2").write_text("{{ 没有这个变量 }}", "utf-8")
    with pytest.raises(pages.TemplateError, match=r"broken\.md\.j2"):
        site_build.build(tmp_path, few_records, broken)
    (broken / "templates/pages/broken.md.j2").write_text("# 标题\n\n[断链](nowhere.md)\n", "utf-8")
    with pytest.raises(pages.SiteError, match=r"nowhere\.md"):
        site_build.build(tmp_path, few_records, broken)
    assert (out / "index.html").read_text("utf-8") == "上一版"


def test_a_new_page_is_a_new_template(tmp_path: Path, few_records: Mapping[str, bytes]) -> None:
    site = tmp_path / "site"
    shutil.copytree(site_build.SITE, site)
    (site / "templates/pages/channels.md.j2").write_text(
        "---\ntitle: 服务渠道\nnav: 90\n---\n\n# 服务渠道\n\n{{ site.records }} 条记录\n", "utf-8"
    )
    made = Page(site_build.build(tmp_path, few_records, site) / "channels.html")
    assert f"{len(few_records)} 条记录" in made.text
    home = Page(tmp_path / "public/index.html").text
    assert "服务渠道" in home
    assert "义务" not in home
    assert not (tmp_path / "public/ledgers/duty.html").exists()


def test_two_builds_at_once_are_refused(tmp_path: Path) -> None:
    with (
        swap.alone(tmp_path / "lock"),
        pytest.raises(pages.SiteError, match="another build"),
        swap.alone(tmp_path / "lock"),
    ):
        pass


def test_a_build_that_stopped_between_two_renames_is_made_good(tmp_path: Path) -> None:
    (tmp_path / "site.old").mkdir()
    (tmp_path / "site.old/index.html").write_text("上一版", "utf-8")
    swap.recover(tmp_path, tmp_path / "public")
    assert (tmp_path / "public/index.html").read_text("utf-8") == "上一版"


# --- parts ---


def test_text_is_inert_to_markdown_and_html(tmp_path: Path) -> None:
    (tmp_path / "page.md.j2").write_text("<div>{{ text }}</div>", "utf-8")
    made = Templates(tmp_path, {}).page("page.md.j2", text="<b> `x` [a](b) # * _ & {{ }}\n\n    code")
    assert not set("`[]#*_(){}") & set(re.sub(r"&#\d+;", "", made))
    assert plain('a<b>&"c\\d\n e') == "a＜b＞＆＂c＼d e"


def test_the_frame_is_split_at_its_placeholders_only() -> None:
    html = f"<title>{shell.TITLE} - x</title><main><p>{shell.BODY}</p></main>"
    frame = shell.Shell(tuple(shell._SPLIT.split(html)))
    made = frame.fill(f"<b>{shell.BODY}", f"<p>{shell.TITLE}</p>").decode()
    assert made == f"<title>&lt;b&gt;{shell.BODY} - x</title><main><p>{shell.TITLE}</p></main>"


@pytest.mark.parametrize(
    ("values", "target", "ticks"),
    [
        (["3", "1"], None, ["0", "1", "2", "3"]),
        (["0"], None, ["0", "1"]),
        (["155.2", "9.8"], "120", ["0", "50", "100", "150", "200"]),
        (["0.4"], "0.5", ["0", "0.2", "0.4", "0.6"]),
    ],
)
def test_a_chart_starts_at_zero_and_ends_above_all_it_shows(
    values: list[str], target: str | None, ticks: list[str]
) -> None:
    points = [chart.Point(str(i), Decimal(value)) for i, value in enumerate(values)]
    made = chart.trend([*points, chart.Point("空", None)], target=None if target is None else Decimal(target))
    assert made is not None
    assert [text for _, text in made.grid] == ticks
    assert made.marks[-1].y is None
    assert all(chart.TOP <= mark.y <= made.base for mark in made.marks if mark.y is not None)


def test_words_exist_for_every_code_a_definition_may_use() -> None:
    words = parse((site_build.SITE / "words.yaml").read_bytes(), "words.yaml")[0]
    assert words is not None
    properties = rulebook().schemas.raw["kpis"]["properties"]["kpis"]["items"]["properties"]
    assert set(kpi.DIMENSIONS) == set(words["slice"])
    assert {item.value for item in kpi.Verdict} == set(words["verdict"])
    assert set(properties["target"]["properties"]["op"]["enum"]) <= set(words["op"])
    assert all("x-labels" in properties[name] for name in ("unit", "period"))
