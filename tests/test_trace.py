"""Clauses: each of every source policy is there, kept by what exists, and leads to the records that show it."""

from __future__ import annotations

import csv
import datetime
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner

from kelu import check, intake, trace
from kelu.cli import main
from kelu.finding import Text
from kelu.git import MemoryTree
from kelu.pages import clause as clause_pages
from kelu.privacy import Directory, Title
from kelu.store import Store
from repository import MOMENT, ROOT, own_records, rulebook, rulebook_files, store
from site_build import Page, own_site

# Every row of the five source policies; where a row names several clauses, each has an entry of its own.
CLAUSES = {
    "tfdl-08-04@V1.2": """
        08-04:0 08-04:1 08-04:2 08-04:3a 08-04:3b 08-04:3c 08-04:4.1a 08-04:4.1b 08-04:4.2a 08-04:4.2b 08-04:4.2c
        08-04:4.3a 08-04:4.3b 08-04:4.4a 08-04:4.4b 08-04:4.4c 08-04:4.5a 08-04:4.5b 08-04:5 08-04:5.1 08-04:5.2
        08-04:5.3a 08-04:5.3b 08-04:5.3c 08-04:5.3d 08-04:5.3e 08-04:5.3f 08-04:5.3g 08-04:5.3h 08-04:6""",
    "tfdl-08-03@V1.2": """
        08-03:0 08-03:1(1) 08-03:1(2) 08-03:1(3) 08-03:1(4) 08-03:1(5) 08-03:2 08-03:3.1(1) 08-03:3.1(2)
        08-03:3.1(3) 08-03:3.2(1) 08-03:3.2(2) 08-03:3.2(3) 08-03:3.2(4) 08-03:3.3 08-03:3.4 08-03:4.1(1)
        08-03:4.1(2) 08-03:4.1(3) 08-03:4.1(4) 08-03:4.2 08-03:4.3(1) 08-03:4.3(2) 08-03:4.3(3) 08-03:4.3(4)
        08-03:4.4(1) 08-03:4.4(2) 08-03:5 08-03:6(1) 08-03:6(2) 08-03:6(3) 08-03:7 08-03:8""",
    "sd-02004@V1.0": """
        SD:0 SD:1.1a SD:1.1b SD:1.1c SD:1.1d SD:1.2.1 SD:1.2.2a SD:1.2.2b SD:1.2.2c SD:1.2.2d SD:2 SD:2.1a SD:2.1b
        SD:2.1c SD:2.1d SD:2.1e SD:2.1f SD:2.2a SD:2.2b SD:2.2c SD:2.2d SD:2.3a SD:2.3b SD:2.3c SD:2.3d SD:2.4a
        SD:2.4b SD:2.4c SD:3 SD:4a SD:4b SD:4c SD:4d SD:5.1a SD:5.1b SD:5.1c SD:5.2 SD:6 SD:7 SD:8 SD:9 SD:10""",
    "gsb-141.03@A0": """
        GSB:0 GSB:1 GSB:2 GSB:3.1 GSB:3.2 GSB:3.3 GSB:4.1 GSB:4.2 GSB:4.3 GSB:4.4 GSB:5 GSB:6.1.1a GSB:6.1.1b
        GSB:6.1.1c GSB:6.1.2 GSB:6.1.3 GSB:6.2.1 GSB:6.2.2 GSB:6.3.1 GSB:6.3.2 GSB:6.3.3 GSB:6.4.1 GSB:6.4.2
        GSB:6.4.3 GSB:6.5.1 GSB:6.5.2 GSB:6.5.3 GSB:6.6.1 GSB:6.6.2 GSB:6.6.3 GSB:6.6.4 GSB:7.1 GSB:8.1 GSB:8.2""",
    "csp-14@A0": """
        CSP:1 CSP:2 CSP:3.1 CSP:3.2 CSP:3.3 CSP:T CSP:5.1 CSP:1A CSP:1B CSP:1C CSP:1D CSP:1E CSP:3a CSP:3b CSP:4a
        CSP:4b CSP:4c CSP:5a CSP:5b CSP:5c CSP:6 CSP:7 CSP:8 CSP:9(1) CSP:9(2) CSP:9(3) CSP:9(4) CSP:9(5)
        CSP:10(1) CSP:10(2) CSP:10(3) CSP:11 CSP:12 CSP:13 CSP:5.3""",
}
NOTIFIED = "[{field: complaint.plan.notified}, {rule: R-CMP-19}]"  # what keeps GSB:6.4.3
LOST = {"SD:10"}  # nothing is known of what it asked for
PACKS = tuple(CLAUSES)
READ = trace.files_in(ROOT)


@cache
def traced() -> Mapping[str, trace.Clause]:
    """The clauses over this repository's records."""
    book, held = rulebook(), store()
    taken = intake.take_in(MemoryTree(dict(own_records())), book.schemas, held)
    assert check.lay_policy(held, book, taken, MOMENT, known=True, asked=trace.names(book.policy)) == []
    return {clause.id: clause for clause in trace.trace(held, book.policy, book.schemas, READ)}


@cache
def blank() -> Store:
    return check.blank(rulebook(), MOMENT)[0]


# --- every clause ---


@pytest.mark.parametrize("pack", PACKS)
def test_every_clause_of_a_source_policy_is_there_once(pack: str) -> None:
    listed = [definition.data["id"] for definition in rulebook().policy.packs[pack].clauses]
    assert sorted(listed) == sorted(CLAUSES[pack].split())
    assert [name for name, count in Counter(listed).items() if count > 1] == []


def test_every_clause_is_kept_by_what_exists() -> None:
    missing = {c.id: [f"{m.kind}:{m.name}" for m in c.mechanisms if not m.exists] for c in traced().values()}
    assert {name: named for name, named in missing.items() if named} == {}
    assert {clause.id for clause in traced().values() if clause.context} == LOST
    assert [clause.id for clause in traced().values() if not clause.kept] == []


def test_the_rulebook_has_no_fault_of_its_clauses() -> None:
    assert trace.faults(rulebook().policy, blank(), rulebook().schemas, READ) == []


def test_mechanisms_are_labelled_in_both_languages() -> None:
    for clause in traced().values():
        for mechanism in clause.mechanisms:
            assert mechanism.label.zh, mechanism
            assert mechanism.label.en, mechanism
    (confirmed,) = [m for m in traced()["08-04:4.2c"].mechanisms if m.kind == "state"]
    assert (confirmed.label.zh, confirmed.label.en) == ("报告 · 客户已确认", "Report · Confirmed")
    parameters = {m.name: m for m in traced()["GSB:6.6.3"].mechanisms if m.kind == "parameter"}
    levels = parameters["complaint.confirm_levels"]
    assert (levels.label.zh, levels.value, levels.pack) == ("投诉 · 须客户确认的级别", "major", "gsb-141.03@A0")


def test_mechanisms_of_a_pack_are_called_as_it_calls_them() -> None:
    labels = {m.name: m.label for m in (*traced()["CSP:5.1"].mechanisms, *traced()["CSP:1A"].mechanisms)}
    assert labels["terms.complaint_list"].zh == "用语 · 客诉清单"
    assert labels["routing.product_quality"].zh == "主责沟通部门 · 产品质量技术"


def test_evidence_are_records_and_every_clause_in_force_but_few_has_some() -> None:
    ids = {Path(path).stem for path in own_records()}
    for clause in traced().values():
        assert set(clause.evidence or ()) <= ids, clause.id
    assert "CMP-2026-0003" in (traced()["GSB:6.3.2"].evidence or ())
    assert "SUR-2026-0007" in (traced()["08-03:4.1(3)"].evidence or ())
    assert traced()["08-04:0"].evidence is None
    asked = [clause for clause in traced().values() if clause.in_force and clause.evidence is not None]
    assert sum(bool(clause.evidence) for clause in asked) > 0.9 * len(asked)


def test_a_clause_is_in_force_where_its_pack_rules_its_domain() -> None:
    assert traced()["08-04:4.2c"].in_force
    assert traced()["CSP:7"].in_force  # service
    assert not traced()["CSP:3b"].in_force  # communication is ruled by another pack
    assert traced()["CSP:10(2)"].in_force  # satisfaction, as agreed with one customer


def test_overdue_duties_are_those_of_the_clauses_own_pack() -> None:
    for clause in traced().values():
        duties = {mechanism.name for mechanism in clause.mechanisms if mechanism.kind == "duty"}
        assert {name.split("/")[0] for name in clause.overdue} <= duties
        assert (trace.Gap.OVERDUE in clause.gaps) == bool(clause.overdue and clause.in_force)


def test_all_discrepancies_are_recorded() -> None:
    found = [d.data["no"] for pack in rulebook().policy.packs.values() for d in pack.discrepancies]
    assert sorted(found) == list(range(1, 17))


@pytest.mark.parametrize(
    ("clause", "cited", "part"),
    [
        ("GSB:6.2.1", "GSB:6.2", True), ("GSB:6.2", "GSB:6.2", True), ("CSP:4a", "CSP:4", True),
        ("CSP:10(1)", "CSP:10", True), ("CSP:10(1)", "CSP:1", False), ("GSB:6.21", "GSB:6.2", False),
        ("08-03:4.3(4)", "08-03:4.3", True), ("GSB:6", "GSB:6.2", False),
    ],
)  # fmt: skip
def test_a_citation_covers_the_parts_of_a_clause(clause: str, cited: str, part: bool) -> None:
    assert trace.is_part(clause, cited) is part


# --- faults ---


def faults(**changed: str) -> list[tuple[str, int, int, str, str]]:
    """(path, line, column, code, message) of the clause faults once one text of a file of the GSB pack is another."""
    files = dict(rulebook_files())
    for name, change in changed.items():
        path = f"policies/gsb-141.03@A0/{name}.yaml"
        old, new = change.split(" → ")
        text = files[path].decode()
        assert old in text
        files[path] = text.replace(old, new, 1).encode()
    book = check.open_book(MemoryTree(files))
    assert book.sound, book.findings
    held, _ = check.blank(book, MOMENT)
    found = trace.faults(book.policy, held, book.schemas, READ)
    held.close()
    return [
        (item.path, item.line, item.column, item.code, item.message.zh) for item in found if "gsb-141.03" in item.path
    ]


def place(name: str, words: str) -> tuple[str, int, int]:
    """Where some words of a file of the GSB pack stand."""
    path = f"policies/gsb-141.03@A0/{name}.yaml"
    before = rulebook_files()[path].decode().partition(words)[0]
    return path, before.count("\n") + 1, len(before) - before.rfind("\n")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("complaint.plan.notified", "complaint.plan.notifyed", "字段"),
        ("complaint.assessed", "complaint.judged", "状态"),
        ("R-CMP-14", "R-CMP-94", "规则或检查代码"),
        ("CMP-15", "CMP-95", "指标"),
        ("OB-32", "OB-99", "义务"),
        ("complaint.confirm_levels", "complaint.confirm_level", "参数"),
        ("complaint_ledger", "complaint_legder", "制度包内容（pack.yaml 的一项）"),
        ("manual/privacy", "manual/privat", "页面"),
        ("CODEOWNERS", "OWNERS", "文件"),
    ],
)
def test_a_mechanism_that_does_not_exist_is_a_finding_at_its_place(old: str, new: str, said: str) -> None:
    (found,) = faults(clauses=f"{old} → {new}")
    path, line, column = place("clauses", old)
    if old == "complaint_ledger":
        column -= len("terms.")
        new = f"terms.{new}"
    assert found == (path, line, column, "POL-02", f"不存在名为“{new}”的{said}")


def test_a_clause_that_nothing_keeps_is_a_finding() -> None:
    (found,) = faults(clauses=f"mechanisms: {NOTIFIED} → phrase: 措施")
    path, line, column = place("clauses", '"GSB:6.4.3"')
    assert found == (path, line, column, "POL-09", "条款 GSB:6.4.3 没有写明靠什么落实")


def test_evidence_that_cannot_be_asked_for_is_a_finding() -> None:
    old = "SELECT id FROM complaint WHERE void IS NULL AND len(plan.notified) > 0"
    (found,) = faults(clauses=f"{old} → {old.replace('plan.notified', 'plan.told')}")
    assert found[:4] == (*place("clauses", old), "POL-01")
    assert "told" in found[4]


def test_a_citation_of_no_clause_is_a_finding() -> None:
    (found,) = faults(kpis='clause: "GSB:6.3.3" → clause: "GSB:6.30"')
    path, line, column = place("kpis", '"GSB:6.3.3"')
    assert found == (path, line, column, "POL-02", "不存在名为“GSB:6.30”的条款")


# --- kelu trace ---


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of this one's rulebook and customers, without any other record."""
    home = tmp_path_factory.mktemp("home")
    files = {**rulebook_files(), "CODEOWNERS": b"* @example/all\n"}
    files |= {path: raw for path, raw in own_records().items() if path.startswith("records/customers/")}
    for path, raw in files.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(raw)
    return home


def said(home: Path, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["trace", "--root", str(home), "--as-of", "2026-11-22", "--no-cache", *words])
    assert done.exit_code == code, done.output
    return done.stdout_bytes.decode() if code != 2 else done.stderr


def test_trace_as_json_names_mechanisms_evidence_and_gaps(home: Path) -> None:
    rows = json.loads(said(home, "--format", "json"))
    assert [row["id"] for row in rows] == [c.data["id"] for _, pack in sorted(rulebook().policy.packs.items())
                                           for c in pack.clauses]  # fmt: skip
    keys = ["id", "pack", "title", "phrase", "note", "context", "in_force", "kept", "mechanisms", "evidence",
            "overdue", "gaps"]  # fmt: skip
    assert all(list(row) == keys for row in rows)
    assert all(row["kept"] for row in rows)
    (row,) = [row for row in rows if row["id"] == "GSB:6.6.3"]
    assert (row["evidence"], row["gaps"], row["in_force"]) == (0, ["unshown"], True)
    (figure,) = [mechanism for mechanism in row["mechanisms"] if mechanism["name"] == "CMP-13"]
    label = {"zh": "重大投诉顾客确认率", "en": "Major complaints confirmed by the customer"}
    assert figure == {
        "kind": "kpi",
        "name": "CMP-13",
        "label": label,
        "exists": True,
        "in_force": True,
        "pack": "gsb-141.03@A0",
    }


def test_trace_of_a_pack_a_clause_and_its_parts(home: Path) -> None:
    def ids(*words: str) -> list[str]:
        return [row["id"] for row in json.loads(said(home, "--format", "json", *words))]

    assert ids("gsb-141.03") == ids("gsb-141.03@A0") == CLAUSES["gsb-141.03@A0"].split()
    assert ids("GSB:6.2", "CSP:T") == ["CSP:T", "GSB:6.2.1", "GSB:6.2.2"]
    assert "GSB:9" in said(home, "GSB:9", code=2)


def test_trace_as_table_and_csv_with_records(home: Path) -> None:
    table = said(home, "CSP:T", "--records")
    assert "顾客指代理商或最终用户" in table
    assert "A customer is an agent or an end user" in table
    assert "CUS-0001" in table
    rows = list(csv.DictReader(io.StringIO(said(home, "CSP:T", "--format", "csv").removeprefix("\ufeff"))))
    assert [row["id"] for row in rows] == ["CSP:T"]
    assert rows[0]["mechanisms"] == "field:customer.relation pack:terms.customer"
    shown = said(home, "CSP:T", "--format", "csv", "--records").splitlines()
    assert "CSP:T,csp-14@A0,CUS-0001" in shown


def test_gaps_fail_only_where_nothing_keeps_a_clause(home: Path, tmp_path: Path) -> None:
    assert "GSB:6.6.3" in said(home, "--gaps")
    path = home / "policies/gsb-141.03@A0/clauses.yaml"
    whole = path.read_text("utf-8")
    path.write_text(whole.replace(f"mechanisms: {NOTIFIED}", "phrase: 措施"), "utf-8")
    try:
        assert "GSB:6.4.3" in said(home, "--gaps", code=1)
        said(home, "--gaps", "GSB:1")
        said(home)
    finally:
        path.write_text(whole, "utf-8")


def test_check_reports_clauses_and_sees_a_file_go(home: Path) -> None:
    def checked(*words: str) -> str:
        done = CliRunner().invoke(main, ["check", "--root", str(home), "--as-of", "2026-11-22", *words])
        return f"{done.exit_code} {done.stdout}"

    assert checked().startswith("0 ")
    (home / "CODEOWNERS").rename(home / "OWNERS")
    try:
        assert "POL-02" in checked()
    finally:
        (home / "OWNERS").rename(home / "CODEOWNERS")
    assert checked().startswith("0 ")


# --- the site ---


@cache
def page(name: str) -> Page:
    return Page(own_site() / name)


def packs() -> Iterator[tuple[str, Page]]:
    for name in PACKS:
        yield name, page(f"{clause_pages.page_of(name)}.html")


def test_every_clause_has_its_place_on_the_site() -> None:
    for name, shown in packs():
        for clause in rulebook().policy.packs[name].clauses:
            assert clause.data["id"] in shown.ids
            assert clause.data["title"]["zh"] in shown.text
            assert clause.data["title"]["en"] in page(f"en/{clause_pages.page_of(name)}.html").text


def test_a_clause_leads_to_its_records_its_figures_and_its_rules() -> None:
    links = {value for _, value in page("policy/gsb-141.03-A0.html").attributes("href")}
    assert {"../records/CMP-2026-0003.html", "../kpi/CMP-13.html", "../manual/codes/R-CMP-09.html",
            "../ledgers/complaint.html", "#parameters"} <= links  # fmt: skip
    anchor = f"../policy/gsb-141.03-A0.html#{quote('GSB:6.6.3')}"
    assert anchor in {value for _, value in page("kpi/CMP-13.html").attributes("href")}
    assert f"../{anchor}" in {value for _, value in page("manual/codes/R-CMP-09.html").attributes("href")}


def test_the_overview_tells_which_policy_rules_what_and_defaults_are_marked() -> None:
    overview = page("policy/index.html")
    for _, pack, since, _ in rulebook().policy.composition():
        assert rulebook().policy.packs[pack].title.zh in overview.text
        assert since in overview.text
    assert "另行约定" in overview.text
    pack = page("policy/gsb-141.03-A0.html").text
    for words in (
        "须客户确认的级别",
        "重大、较严重",
        "实践默认",
        "顾客投诉处理记录",
        "质量管理部经理",
        "GSB/T 143.03",
        "2015-01-14",
    ):
        assert words in pack
    assert ("a", "policy/index.html") in page("index.html").attributes("href")


def test_a_strip_shows_the_state_of_every_clause_at_a_glance() -> None:
    shown = page("policy/sd-02004-V1.0.html")
    states = {a["href"]: a["data-state"] for tag, a in shown.elements if tag == "a" and "data-state" in a}
    assert set(states) == {f"#{quote(name)}" for name in CLAUSES["sd-02004@V1.0"].split()}
    assert states[f"#{quote('SD:10')}"] == "off"
    assert set(states.values()) <= {"good", "open", "bad", "off"}


def test_discrepancies_stand_on_their_page() -> None:
    shown = page("policy/discrepancies.html")
    assert {f"d-{number}" for number in range(1, 17)} <= shown.ids
    for pack in rulebook().policy.packs.values():
        for item in pack.discrepancies:
            assert item.data["text"]["zh"] in shown.text
            assert item.data["treatment"]["en"] in page("en/policy/discrepancies.html").text


def test_a_restricted_record_behind_a_clause_shows_no_title() -> None:
    names = Directory(titles={"CMP-2026-0003": Title("complaint", "机密标题", "closed", "2026-03-02", restricted=True)})
    kinds = clause_pages.kinds(rulebook().schemas.raw["clauses"])
    shelf = clause_pages.Shelf(kpis=(), obligations=(), ledgers={}, kinds=kinds, found={}, duties={})
    (view,) = clause_pages.views([traced()["GSB:6.3.2"]], shelf, names, Text("限制公开", "restricted"))
    assert {record.title.zh for record in view.records if record.linked and record.title} == {"限制公开"}
    assert not any(link.href.startswith("../kpi/") for link in view.links)


def test_moments_before_a_record_do_not_show_it() -> None:
    book, held = rulebook(), store()
    taken = intake.take_in(MemoryTree(dict(own_records())), book.schemas, held)
    early = datetime.datetime.fromisoformat("2024-01-02T00:00:00+08:00")
    check.lay_policy(held, book, taken, early, known=True, asked=trace.names(book.policy))
    clauses = {clause.id: clause for clause in trace.trace(held, book.policy, book.schemas, READ)}
    held.close()
    assert clauses["GSB:6.3.2"].evidence == ()
