"""Drafts as those who need them call for them: call-back sheets, second surveys, campaigns and reports, each judged by
the whole check afterwards; and recipes that are wrong."""

from __future__ import annotations

import csv
import datetime
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kelu import check, cli, draft, reported
from kelu.document import parse, tidy
from kelu.git import WorkTree
from kelu.intake import take_in
from repository import MOMENT, ROOT, rulebook, rulebook_files, tree_of

DESK, QUALITY, MANAGER = ("--by", "S001"), ("--by", "S002"), ("--by", "S004")
SURVEYS, REPORTS = "records/surveys/2026", "records/reports/2026"
NOW = ("--now", "2026-11-23T09:00:00+08:00")


def git(folder: Path, *args: str) -> str:
    return subprocess.run(["git", *args], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository's records, policies and so on, as somebody's clone."""
    home = tmp_path_factory.mktemp("drafts")
    for folder in ("records", "schemas", "policies", "config"):
        shutil.copytree(ROOT / folder, home / folder)
    shutil.copy(ROOT / "CODEOWNERS", home)
    (home / ".gitignore").write_text(".kelu/\nprivate/\n")
    git(home, "init", "--quiet", "--initial-branch=main")
    for name, value in (("user.name", "林晓舟"), ("user.email", "Lin.Xiaozhou@example.invalid")):
        git(home, "config", name, value)
    git(home, "config", "commit.gpgsign", "false")
    git(home, "add", "-A")
    git(home, "commit", "--quiet", "-m", "base")
    return home


@pytest.fixture
def clone(ground: Path) -> Path:
    git(ground, "checkout", "--quiet", "--force", "main")
    git(ground, "clean", "--quiet", "-fdx", "-e", ".kelu")
    for branch in git(ground, "branch", "--format=%(refname:short)").split():
        if branch != "main":
            git(ground, "branch", "--quiet", "-D", branch)
    return ground


def kelu(home: Path, *args: str) -> Result:
    return CliRunner().invoke(cli.main, ["--root", str(home), *args])


def drafted(home: Path, *args: str) -> dict[str, Any]:
    """The one record that a command writes, by its data, in the one form. It is judged with the whole repository before
    it is written, and nothing is found wrong."""
    done = kelu(home, *args)
    assert done.exit_code == 0, done.output
    assert "已检查" not in done.output
    (path,) = new_files(home)
    raw = (home / path).read_bytes()
    data, _ = parse(raw, path)
    assert data is not None
    schemas = rulebook().schemas
    assert tidy(raw, schemas.order(data["schema"].partition("/")[0])) == raw
    return data


def sound(home: Path) -> None:
    judged = kelu(home, "check", "--as-of", "2026-11-30", "--format", "json")
    assert json.loads(judged.stdout)["findings"] == [], judged.stdout


def new_files(home: Path) -> list[str]:
    said = git(home, "status", "--porcelain", "-uall", "--", "records").splitlines()
    return [line[3:] for line in said if line.startswith("??")]


def incident(home: Path, number: int, closed: str, contact: str | None = "CUS-0001/C01") -> str:
    """Another closed incident."""
    name = f"INC-2026-{number:05d}"
    text = (home / "records/incidents/2026/001/INC-2026-00112.yaml").read_text("utf-8")
    text = re.sub(r"INC-2026-\d+", name, re.sub(r"(?m)^external_ref: .*$", f"external_ref: ITSM-X-{number}", text))
    for field, value in (("reported_at", f"{closed[:10]}T00:10:00+08:00"), ("closed_at", closed),
                         ("registered_at", closed), ("contact", contact)):  # fmt: skip
        text = re.sub(rf"(?m)^{field}: .*\n", f"{field}: {value}\n" if value else "", text)
    (home / f"records/incidents/2026/001/{name}.yaml").write_text(text, "utf-8")
    git(home, "add", "-A")
    return name


# --- the Monday call-backs -------------------------------------------------------------------------------


def test_a_sheet_lists_the_week_and_prints_whom_to_call(clone: Path) -> None:
    incident(clone, 190, "2026-11-18T10:00:00+08:00", contact=None)
    done = kelu(clone, "callback-sheet", "2026-W47", "--dry-run", *NOW)
    assert done.exit_code == 0, done.output
    assert new_files(clone) == []
    found = drafted(clone, "callback-sheet", "2026-W47", *NOW)
    assert {key: found[key] for key in ("kind", "status", "week", "selection", "issued_on", "issued_count")} == {
        "kind": "incident_callback", "status": "issued", "week": "2026-W47", "selection": "all",
        "issued_on": "2026-11-23", "issued_count": 2,
    }  # fmt: skip
    assert found["responses"] == [
        {"no": 1, "respondent": "CUS-0001/C01", "incident": "INC-2026-00112"}, {"no": 2, "incident": "INC-2026-00190"},
    ]  # fmt: skip
    assert found["registered_by"] == found["conducted_by"] == "S001"  # by the e-mail that Git knows
    rows = [line.split() for line in done.stdout.splitlines() if line[:1] in "12"]
    assert [row[3] for row in rows] == ["138-0000-0001", "138-0000-0001"]  # who did not report is not to be guessed
    assert "138-0000-0001" not in (clone / f"{SURVEYS}/{found['id']}.yaml").read_text("utf-8")


def test_a_monday_off_moves_the_calls(clone: Path) -> None:
    (clone / f"{SURVEYS}/SUR-2026-0005.yaml").unlink()
    done = kelu(clone, "callback-sheet", "2026-W07", *DESK, "--now", "2026-02-13T17:00:00+08:00")
    assert done.exit_code == 0, done.output
    assert "周一 2026-02-16 放假，顺延至 2026-02-24。" in done.output
    assert "Monday 2026-02-16 is a holiday: calls are due on 2026-02-24." in done.output
    (path,) = new_files(clone)
    data, _ = parse((clone / path).read_bytes(), path)
    assert data is not None
    assert (data["status"], data["issued_on"]) == ("planned", "2026-02-24")


@pytest.mark.parametrize(("week", "said"), [("2026-W50", "没有须回访"), ("2026-W10", "已有回访表 SUR-2026-0007")])
def test_where_there_is_nothing_to_do_nothing_is_made(clone: Path, week: str, said: str) -> None:
    done = kelu(clone, "callback-sheet", week, *NOW)
    assert done.exit_code == 0
    assert said in done.output
    assert new_files(clone) == []


@pytest.mark.parametrize("week", ["2026-W60", "2026-03", "W10"])
def test_a_week_that_is_none_is_refused(clone: Path, week: str) -> None:
    done = kelu(clone, "callback-sheet", week, *NOW)
    assert done.exit_code == 2
    assert "不是周期" in done.output


def test_a_second_run_adds_only_what_is_new_and_only_when_told(clone: Path) -> None:
    first = drafted(clone, "callback-sheet", "2026-W47", *NOW)
    path = clone / f"{SURVEYS}/{first['id']}.yaml"
    path.write_text(path.read_text("utf-8").replace("week: ", "# 我的批注\nweek: "), "utf-8")
    git(clone, "add", "-A")
    before = path.read_text("utf-8")
    incident(clone, 191, "2026-11-19T10:00:00+08:00")
    told = kelu(clone, "callback-sheet", "2026-W47", *NOW)
    assert "未列入回访表的：INC-2026-00191" in told.output
    assert path.read_text("utf-8") == before
    done = kelu(clone, "callback-sheet", "2026-W47", "--update", *NOW)
    assert done.exit_code == 0, done.output
    after = path.read_text("utf-8")
    assert "# 我的批注\nweek: " in after
    data, _ = parse(after.encode(), "")
    assert data is not None
    assert data["issued_count"] == 2
    assert data["responses"][1:] == [{"no": 2, "respondent": "CUS-0001/C01", "incident": "INC-2026-00191"}]
    again = kelu(clone, "callback-sheet", "2026-W47", "--update", *NOW)
    assert (again.exit_code, path.read_text("utf-8")) == (0, after)


def test_what_comes_after_the_sheet_is_closed_goes_on_another(clone: Path) -> None:
    late = incident(clone, 192, "2026-03-05T10:00:00+08:00")
    found = drafted(clone, "callback-sheet", "2026-W10", "--update", *NOW)
    assert [entry["incident"] for entry in found["responses"]] == [late]


def test_lists_keep_out_of_git_and_phones_come_from_the_vault(clone: Path) -> None:
    done = kelu(clone, "callback-sheet", "2026-W47", *NOW, "--list", str(clone / "records/list.csv"))
    assert done.exit_code == 2
    assert "名单不得写在那里" in done.output
    customer = clone / "records/customers/CUS-0001.yaml"
    customer.write_text(re.sub(r"(?m)^    (phone|email): .*\n", "", customer.read_text("utf-8")), "utf-8")
    (clone / "private").mkdir()
    (clone / "private/contacts.yaml").write_text(
        'schema: vault/v1\ncontacts:\n  CUS-0001/C01: {phone: "139-0000-0009"}\n', "utf-8"
    )
    file = clone / "private/list.csv"
    kelu(clone, "callback-sheet", "2026-W47", *NOW, "--list", str(file), "--dry-run")
    assert not file.exists()
    done = kelu(clone, "callback-sheet", "2026-W47", *NOW, "--list", str(file))
    assert done.exit_code == 0, done.output
    assert "139-0000-0009" not in done.output
    rows = list(csv.reader(file.read_text("utf-8-sig").splitlines()))
    assert [row[2:5] for row in rows] == [["联系人", "电话", "事件"], ["刘晓枫", "139-0000-0009", "INC-2026-00112"]]


def test_low_scores_without_follow_up_come_with_the_command(clone: Path) -> None:
    made = drafted(clone, "callback-sheet", "2026-W47", *NOW)
    path = clone / f"{SURVEYS}/{made['id']}.yaml"
    answer = (
        "called_at: 2026-11-23T09:30:00+08:00, outcome: reached, returned_on: 2026-11-23, valid: true, "
        "scores: {overall: GRADE}}"
    )
    text = path.read_text("utf-8")
    for grade, command in (("3", "action"), ("1", "complaint"), ("4", "")):
        path.write_text(text.replace("incident: INC-2026-00112}", "incident: INC-2026-00112, "
                                     + answer.replace("GRADE", grade)), "utf-8")  # fmt: skip
        done = kelu(clone, "callback-sheet", "2026-W47", "--follow-up", *NOW)
        assert done.exit_code == 0, done.output
        (line,) = [line for line in done.stdout.splitlines() if "kelu new" in line] or [""]
        assert ("写明原因" in line, bool(command) and f"kelu new {command}" in line) == (bool(command), bool(command))
        if command:
            tried = kelu(clone, *shlex.split(line.partition("kelu ")[2]), "--dry-run", *NOW)
            assert f"--source {made['id']}" in line
            assert tried.exit_code in (0, 1), tried.output  # it may still lack what only a person knows
            assert "No such option" not in tried.output


# --- second surveys --------------------------------------------------------------------------------------


def test_a_low_score_gets_its_second_survey(clone: Path) -> None:
    (clone / f"{SURVEYS}/SUR-2026-0020.yaml").unlink()
    done = kelu(clone, "resurvey", "SUR-2026-0012", *DESK, "--now", "2026-05-25T09:00:00+08:00", "--dry-run")
    assert done.exit_code == 0, done.output
    data, _ = parse(done.stdout.partition("\n")[2].encode(), "")
    assert data is not None
    assert {key: data[key] for key in ("kind", "status", "template", "customer", "project", "resurvey_of",
                                       "resurvey_items", "issued_on", "due_on", "issued_count")} == {
        "kind": "resurvey", "status": "planned", "template": "tfdl-project/v1", "customer": "CUS-0002",
        "project": "PRJ-2025-004", "resurvey_of": "SUR-2026-0012", "resurvey_items": ["competence"],
        "issued_on": "2026-06-01", "due_on": "2026-06-30", "issued_count": 1,
    }  # fmt: skip
    assert "复查：人员能力 3（CUS-0002/C03）" in done.output
    late = drafted(clone, "resurvey", "SUR-2026-0012", *DESK, "--now", "2026-07-10T09:00:00+08:00")
    assert (late["status"], late["issued_on"], late["due_on"]) == ("issued", "2026-07-10", "2026-07-10")
    again = kelu(clone, "resurvey", "SUR-2026-0012", *DESK, *NOW)
    assert again.exit_code == 2
    assert f"已有二次调查 {late['id']}" in again.output


@pytest.mark.parametrize(
    ("survey", "said"),
    [
        ("SUR-2026-9999", "没有调查记录"), ("SUR-2026-0012", "已有二次调查 SUR-2026-0020"),
        ("SUR-2026-0014", "都达到满意线"), ("SUR-2026-0007", "达到满意线"),
    ],
)  # fmt: skip
def test_where_none_is_called_for_it_says_why(clone: Path, survey: str, said: str) -> None:
    done = kelu(clone, "resurvey", survey, *NOW)
    assert done.exit_code == 2
    assert said in done.output
    assert new_files(clone) == []


# --- campaigns -------------------------------------------------------------------------------------------


def test_a_campaign_reaches_each_customer_once(clone: Path, tmp_path: Path) -> None:
    start = ("campaign", "start", "2026-again", "--template", "tfdl-company/v1", *NOW)
    done = kelu(clone, *start)
    assert done.exit_code == 0, done.output
    assert "云岭精密（CUS-0004）适用 csp-14@A0" in done.output
    made = [parse((clone / path).read_bytes(), path)[0] or {} for path in new_files(clone)]
    assert {data["customer"] for data in made} == {"CUS-0001", "CUS-0003", "CUS-0005", "CUS-0006"}
    assert {(data["status"], data["due_on"], data["issued_count"]) for data in made} == {("issued", "2026-12-14", 1)}
    sound(clone)
    (clone / new_files(clone)[0]).unlink()
    assert kelu(clone, *start).exit_code == 0
    assert len(new_files(clone)) == 4
    last = kelu(clone, *start, "--blank-forms", str(tmp_path / "forms"))
    assert "已在本次活动中，不再发放" in last.output
    pages = sorted((tmp_path / "forms").iterdir())
    assert len(pages) == len(new_files(clone)) == 4
    (text,) = [text for page in pages if "星河市数据资源管理局（虚构）" in (text := page.read_text("utf-8"))]
    for words in ("项目质量", "非常不满意", "不适用", "2026-12-14", "SUR-2026-"):
        assert words in text
    for words in ("S001", "tfdl", "林晓舟", "138-0000"):
        assert words not in text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("company", "--template", "tfdl-company/v1"), "年份加短横线"),
        (("2026-x", "--template", "tfdl-callback/v1"), "没有用于 company 类调查的模板"),
        (("2026-x",), "缺少 --template"),
        (("2026-x", "--template", "tfdl-company/v1", "--due", "2026-11-01"), "已过"),
        (("2026-x", "--template", "tfdl-company/v1", "--due", "十一月"), "不合要求"),
        (("2026-x", "--template", "tfdl-company/v1", "--method", "pigeon"), "pigeon"),
        (("2026-x", "--template", "tfdl-company/v1", "--by", "S999"), "S999"),
    ],
)
def test_what_a_campaign_cannot_be_is_said(clone: Path, given: tuple[str, ...], said: str) -> None:
    done = kelu(clone, "campaign", "start", *given, *NOW)
    assert done.exit_code in (1, 2), done.output
    assert said in done.output
    assert "Traceback" not in done.output
    assert new_files(clone) == []


def test_a_draft_can_go_straight_to_a_branch(clone: Path) -> None:
    done = kelu(clone, "callback-sheet", "2026-W47", "--pr", *NOW)
    assert done.exit_code == 0, done.output
    assert git(clone, "log", "-1", "--format=%s %an").strip().startswith("SUR-2026-")
    assert git(clone, "branch", "--show-current").strip().startswith("SUR-2026-")


# --- reports ---------------------------------------------------------------------------------------------


def figures(home: Path, report: dict[str, Any], period: str) -> dict[str, dict[str, Any]]:
    """What `kelu kpi` gives for the codes, period and as_of of a report."""
    codes = [figure["kpi"] for figure in report["figures"]]
    done = kelu(home, "kpi", *codes, "--period", period, "--as-of", report["as_of"], "--format", "json")
    assert done.exit_code == 0, done.output
    return {row["code"]: row for row in json.loads(done.stdout)}


REPORTED = {
    "satisfaction": ("2026-H1", "RPT-2026-0011", QUALITY),
    "complaint-annual": ("2026", None, ("--by", "S005")),
    "monthly": ("2026-10", "RPT-2026-0033", ("--by", "S003")),
}


@pytest.mark.parametrize("name", REPORTED)
def test_a_reports_figures_are_those_of_the_kpi_page(clone: Path, name: str) -> None:
    period, held, by = REPORTED[name]
    if held:
        again = kelu(clone, "report", name, "--period", period, *by, *NOW)
        assert (again.exit_code, new_files(clone)) == (0, [])
        assert f"已有 {held}" in again.output
        (clone / f"{REPORTS}/{held}.yaml").unlink()
        git(clone, "commit", "--quiet", "-am", "gone", "--allow-empty")
    report = drafted(clone, "report", name, "--period", period, *by, *NOW)
    known = figures(clone, report, period)
    assert len(report["figures"]) > 5
    for figure in report["figures"]:
        real = known[figure["kpi"]]
        assert figure.get("value") == real["value"]
        for key, sum_ in (("num", "numerator"), ("den", "denominator")):
            assert figure.get(key, real[sum_]) == real[sum_]
    if held:
        git(clone, "reset", "--quiet", "--hard", "HEAD~1")


def test_the_approved_report_is_what_the_figures_recompute_to(clone: Path) -> None:
    """By the check that judges approvals: no difference as drafted, one as soon as a figure is tampered with."""
    drafted(clone, "report", "complaint-annual", "--period", "2026", "--by", "S005", *NOW)
    sound(clone)
    (path,) = new_files(clone)
    place = clone / path
    text = place.read_text("utf-8")
    place.write_text(
        text.replace("status: draft", "status: approved")
        + "approved_by: S003\napproved_at: 2026-11-24T09:00:00+08:00\n", "utf-8",
    )  # fmt: skip
    assert differences(clone) == []
    place.write_text(re.sub(r'(kpi: CMP-02, value: ")[0-9.]+', r"\g<1>12.34", text), "utf-8")
    assert [item.figure.kpi for item in differences(clone)] == ["CMP-02"]


def differences(home: Path) -> list[reported.Difference]:
    tree = WorkTree(home)
    book = check.open_book(tree)
    store = check.open_cache(home, book, cached=False)
    assert take_in(tree, book.schemas, store).findings == ()
    moment = datetime.datetime.fromisoformat("2026-11-25T09:00:00+08:00")
    stated = [item for item in reported.stated(store, book, moment) if item.report == "RPT-2026-0035"]
    assert stated
    return list(reported.differences(store, book, stated))


def test_an_analysis_as_of_then_repeats_the_report_of_then(clone: Path) -> None:
    (clone / f"{REPORTS}/RPT-2026-0011.yaml").unlink()
    survey = clone / f"{SURVEYS}/SUR-2026-0012.yaml"
    survey.write_text(
        survey.read_text("utf-8").replace("comments: 总体满意。", "comments: 刘晓枫处长说总体满意。"), "utf-8"
    )
    found = drafted(clone, "report", "satisfaction", "--period", "2026-H1", *QUALITY,
                           "--as-of", "2026-07-02T12:00:00+08:00", "--now", "2026-07-03T10:00:00+08:00")  # fmt: skip
    assert found["figures"][:2] == [
        {"kpi": "SAT-01", "value": "80.00", "num": 4, "den": 5}, {"kpi": "SAT-02", "value": "93.17"},
    ]  # fmt: skip
    assert (found["as_of"], found["status"]) == ("2026-07-02T12:00:00+08:00", "draft")
    assert found["campaigns"] == ["2026-company", "2026-project"]
    (issue,) = found["issues"]
    assert (issue["item"], issue["department"], issue["action"]) == ("competence", "通信部", "ACT-2026-0009")
    assert issue["cause"].startswith("待填写")
    assert "人员能力：6 份，平均 4.33 分，得分率 86.67%，满意率 83.33%；上期得分率 95.00%" in found["satisfaction_note"]
    assert "蓝湾轨道（项目级）不满意：人员能力 3\n" in found["satisfaction_note"]
    assert "二次调查\nSUR-2026-0020（原 SUR-2026-0012）已达满意线\n" in found["satisfaction_note"]
    assert "刘**处长说总体满意。" in found["satisfaction_note"]
    assert "客户评价满意率 80.00%（目标 >= 98%），上期 100.00%，变化 -20.00" in found["trends"]


def test_a_report_is_silent_on_what_is_restricted(clone: Path) -> None:
    (clone / f"{REPORTS}/RPT-2026-0011.yaml").unlink()
    for path in (f"{SURVEYS}/SUR-2026-0012.yaml", "records/complaints/2026/CMP-2026-0003.yaml"):
        with (clone / path).open("a", encoding="utf-8") as file:
            file.write("confidential: restricted\n")
    git(clone, "add", "-A")
    found = drafted(clone, "report", "satisfaction", "--period", "2026-H1", *QUALITY, *NOW)
    assert "限阅（项目级）不满意" in found["satisfaction_note"]
    assert found["issues"][0]["problem"] == "“人员能力”有 1 个评分低于满意线"
    (clone / new_files(clone)[0]).unlink()
    found = drafted(clone, "report", "complaint-annual", "--period", "2026", *QUALITY, *NOW)
    assert "CMP-2026-0003（重大）限阅" in found["trends"]
    assert "单电源" not in json.dumps(found, ensure_ascii=False)


def test_a_period_without_surveys_has_nothing_to_analyse(clone: Path) -> None:
    done = kelu(clone, "report", "satisfaction", "--period", "2023", *QUALITY, *NOW)
    assert done.exit_code == 2
    assert "没有可分析的" in done.output


@pytest.mark.parametrize(("name", "period"), [("monthly", "2026"), ("complaint-annual", "2026-10")])
def test_a_report_of_another_length_is_refused(clone: Path, name: str, period: str) -> None:
    done = kelu(clone, "report", name, "--period", period, *QUALITY, *NOW)
    assert done.exit_code == 2
    assert "应为一" in done.output


def test_a_service_report_works_out_what_was_met(clone: Path) -> None:
    service = ("report", "service", "--project", "PRJ-2026-001", "--period", "2026-11", *MANAGER, *NOW)
    lacking = kelu(clone, *service, "--actual", "AVL=99.95")
    assert lacking.exit_code == 2
    assert "缺少 RSP、FIX" in lacking.output
    strange = kelu(clone, *service, "--actual", "XYZ=1")
    assert "没有 XYZ" in strange.output
    found = drafted(clone, *service, "--actual", "AVL=99.95", "--actual", "RSP=97", "--actual", "FIX=95",
                    "--note", "RSP=夜间人手不足")  # fmt: skip
    assert [(row["code"], row["met"]) for row in found["sla"]] == [("AVL", True), ("RSP", False), ("FIX", True)]
    assert found["sla"][1] == {"code": "RSP", "target": 98, "op": ">=", "actual": 97, "unit": "%", "met": False,
                               "note": "夜间人手不足"}  # fmt: skip
    assert found["workload"] == {"incidents": len(closed_in(clone, "PRJ-2026-001", "2026-11"))}
    again = kelu(clone, *service, "--actual", "AVL=1", "--actual", "RSP=1", "--actual", "FIX=1")
    assert f"已有 {found['id']}" in again.output
    none = kelu(clone, "report", "service", "--project", "PRJ-2026-001", "--period", "2026-Q1", *MANAGER, *NOW)
    assert (none.exit_code, "没有报告周期 2026-Q1" in none.output) == (2, True)


def closed_in(home: Path, project: str, month: str) -> list[str]:
    texts = [path.read_text("utf-8") for path in (home / "records/incidents/2026").rglob("*.yaml")]
    return [text for text in texts if f"project: {project}" in text and f"closed_at: {month}" in text]


# --- recipes ---------------------------------------------------------------------------------------------


def test_the_recipes_are_sound() -> None:
    store, found = check.blank(rulebook(), MOMENT)
    assert found + draft.faults(rulebook(), store) == []
    assert set(draft.recipes(WorkTree(ROOT))) == {path.stem for path in (ROOT / draft.FOLDER).glob("*.yaml")}


@pytest.mark.parametrize(
    ("old", "new", "code", "field"),
    [
        ("FROM ask JOIN callback_pending p", "FROM ask JOIN callback_pendin p", "POL-01", "rows"),
        ("AS conducted_by", "AS conducted_bye", "POL-02", "rows"),
        ("type: survey", "type: survy", "POL-02", "type"),
        ("default: strftime(ask.today", "default: strftime(ask.yesterday", "POL-01", "asks[0].default"),
        ("l.incident, i.closed_at", "l.incident, i.closing_at", "POL-01", "lists[0].query"),
        ("i.closed_at, i.summary", "i.closed_at, i.summary AS words", "POL-02", "lists[0].query"),
    ],
)
def test_a_recipe_that_cannot_work_is_found_at_its_line(old: str, new: str, code: str, field: str) -> None:
    path = f"{draft.FOLDER}/callback-sheet.yaml"
    text = rulebook_files()[path].decode()
    assert old in text
    book = check.open_book(tree_of({}, **{path: text.replace(old, new, 1).encode()}))
    assert book.findings == ()
    store, _ = check.blank(book, MOMENT)
    (found,) = draft.faults(book, store)
    assert (found.code, found.field, found.path) == (code, field, path)
    line = next(number for number, row in enumerate(text.splitlines(), 1) if old in row)
    assert 1 < found.line <= line


def test_a_new_draft_needs_no_code(clone: Path) -> None:
    (clone / "policies/drafts/notice.yaml").write_text(
        """title: {zh: 下达巡检改进措施, en: An improvement after an inspection}
help: {zh: 为一个项目下达一项改进措施, en: An improvement for a project}
type: action
asks:
  - {name: project, title: {zh: 项目, en: Project}, kind: text, argument: true}
  - {name: due, title: {zh: 期限, en: Due}, kind: date, default: "add_workdays(ask.today, 10)"}
refuse: SELECT '没有这个项目' AS zh, 'No such project' AS en FROM ask WHERE project NOT IN (SELECT id FROM project)
rows: |
  SELECT '巡检发现问题的改进' AS title, 'improvement' AS kind,
         governing_pack('satisfaction', p.customer, p.id, today) AS policy, p.customer, p.id AS project,
         'COM-2026-0001' AS source,
         '整改巡检记录所列的全部问题并复查。' AS description, p.department AS from_department, p.department,
         p.pm AS owner, "by" AS issued_by, now AS issued_at, due
  FROM ask JOIN project p ON p.id = ask.project
""",
        "utf-8",
    )
    assert "下达巡检改进措施" in kelu(clone, "draft", "--help").output
    assert "为一个项目下达一项改进措施" in kelu(clone, "draft", "notice", "--help").output
    refused = kelu(clone, "draft", "notice", "PRJ-1999-001", *NOW)
    assert (refused.exit_code, "没有这个项目" in refused.output) == (2, True)
    found = drafted(clone, "draft", "notice", "PRJ-2026-001", *NOW)
    assert (found["status"], found["owner"], found["due"]) == ("open", "S004", "2026-12-07")


def test_help_lists_the_reports_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli.main, ["report", "--help"])
    assert done.exit_code == 0, done.output
    for name in ("complaint-annual", "monthly", "satisfaction", "service"):
        assert name in done.output
    done = CliRunner().invoke(cli.main, ["callback-sheet", "--help"])
    assert (done.exit_code, "--follow-up" in done.output) == (0, True)
