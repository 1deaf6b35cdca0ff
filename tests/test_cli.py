"""The command line: exit codes, what is printed where, and that no traceback reaches a user."""

from __future__ import annotations

import datetime
import errno
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

import kelu
from kelu import check, cli, formats, git, kpi, pages, resources, stage, starter
from kelu.check import Report
from kelu.cli import _shared
from kelu.finding import Finding, Severity, Text

ROOT = Path(__file__).resolve().parents[1]
CUSTOMER = "records/customers/CUS-0001.yaml"
PLACE = "records/complaints/2026/CMP-2026-0001.yaml"
BROKEN = Finding(
    "R-CMP-05", Severity.ERROR, PLACE, 4, 7, "verification.by", Text("验证人不得为处置人", "Verifier is resolver"),
    Text("由另一人验证", "Have someone else verify"), "S003",
)  # fmt: skip
DOUBTFUL = Finding("R-CMP-90", Severity.WARNING, PLACE, 9, 1, "notes", Text("说明过短", "Short"), Text("", ""))
ELSEWHERE = Finding("X-04", Severity.ERROR, CUSTOMER, 2, 5, "id", Text("甲", "A"), Text("", ""))
OF_POLICY = Finding("POL-01", Severity.ERROR, "config/policy.yaml", 1, 1, "", Text("乙", "B"), Text("", ""))
ROLES = ("AUTHOR", "COMMITTER")
NOON = datetime.datetime(2026, 7, 2, 12, tzinfo=_shared.SHANGHAI)


def say(*words: str, **extra: Any) -> Result:
    return CliRunner().invoke(cli.main, list(words), prog_name="kelu", **extra)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, in which the test stands."""
    home = tmp_path / "home"
    (home / PLACE).parent.mkdir(parents=True)
    (home / PLACE).write_text("id: CMP-2026-0001\n", "utf-8")
    (home / "records/customers").mkdir()
    (home / "records/customers/CUS-0001.yaml").write_text("id: CUS-0001\n", "utf-8")
    commit(home)
    monkeypatch.chdir(home)
    return home


def commit(home: Path) -> str:
    who = {
        f"GIT_{role}_{part}": "lin@example.invalid" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")
    }
    when = {"GIT_AUTHOR_DATE": "2026-06-30T08:00:00+08:00", "GIT_COMMITTER_DATE": "2026-06-30T08:00:00+08:00"}
    git.run(home, "init", "--quiet", "--initial-branch=main")
    git.run(home, "add", "--all")
    git.run(home, "commit", "--quiet", "--message", "Begin", env=who | when)
    return git.run(home, "rev-parse", "HEAD").decode().strip()


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch, repository: Path) -> SimpleNamespace:
    """`kelu.check` replaced: what the command asked for, and the report it is given."""
    asked = SimpleNamespace(report=Report((), 2), closed=False)

    def open_book(tree: git.Tree) -> Any:
        asked.judge = tree
        return SimpleNamespace(sound=False)

    def open_cache(root: Path, book: Any, *, cached: bool = True) -> Any:
        asked.cached = cached
        return SimpleNamespace(close=lambda: setattr(asked, "closed", True))

    def judge(tree: git.Tree, book: Any, store: Any, moment: datetime.datetime, read: Callable[[], object]) -> Report:
        read()
        asked.tree, asked.moment = tree, moment
        return asked.report

    def judge_change(root: Path, book: Any, store: Any, base: str, moment: datetime.datetime, work: git.Tree) -> Report:
        asked.base, asked.moment = base, moment
        return asked.report

    monkeypatch.setattr(check, "open_book", open_book)
    monkeypatch.setattr(check, "with_vault", lambda root, book: (book, []))
    monkeypatch.setattr(check, "open_cache", open_cache)
    monkeypatch.setattr(check, "check", judge)
    monkeypatch.setattr(check, "check_change", judge_change)
    monkeypatch.setattr(_shared, "now", lambda: NOON)
    return asked


# --- check ---


def test_nothing_found(judged: SimpleNamespace, repository: Path) -> None:
    done = say("check")
    assert (done.exit_code, done.stdout, done.stderr) == (
        0, "已检查 2 份记录，没有发现问题。\n2 records checked, nothing found.\n", "",
    )  # fmt: skip
    assert judged.judge == judged.tree == git.WorkTree(repository)
    assert judged.moment == NOON
    assert judged.cached is True
    assert judged.closed is True


def test_findings(judged: SimpleNamespace) -> None:
    judged.report = Report((BROKEN, DOUBTFUL), 2)
    done = say("check")
    assert (done.exit_code, done.stderr) == (1, "")
    assert done.stdout == (
        f"{PLACE}:4:7 错误 R-CMP-05 verification.by 验证人不得为处置人\n"
        "    Verifier is resolver\n"
        "    现为：S003\n"
        "    提示：由另一人验证\n"
        "    Hint: Have someone else verify\n"
        f"{PLACE}:9:1 警告 R-CMP-90 notes 说明过短\n"
        "    Short\n"
        "\n"
        "已检查 2 份记录：1 个错误，1 个警告。\n"
        "2 records checked: 1 error, 1 warning.\n"
    )


def test_warnings_are_allowed(judged: SimpleNamespace) -> None:
    judged.report = Report((DOUBTFUL,), 2)
    assert say("check").exit_code == 0


@pytest.mark.parametrize("name", formats.FORMATS)
@pytest.mark.parametrize("lang", ["zh", "en", "both"])
def test_formats_and_languages(judged: SimpleNamespace, name: str, lang: str) -> None:
    judged.report = Report((BROKEN, DOUBTFUL), 2)
    expected = formats.FORMATS[name](judged.report, lang, formats.unpainted)
    before = say("--lang", lang, "check", "--format", name)
    after = say("check", "--format", name, "--lang", lang)
    assert before.stdout == after.stdout == expected
    assert before.exit_code == after.exit_code == 1


def test_data_is_utf8_whatever_the_terminal_speaks(judged: SimpleNamespace) -> None:
    judged.report = Report((BROKEN,), 2)
    done = CliRunner(charset="latin-1").invoke(cli.main, ["check", "--format", "json"])
    assert done.stdout_bytes == formats.FORMATS["json"](judged.report, "both", formats.unpainted).encode()
    shown = CliRunner(charset="latin-1").invoke(cli.main, ["check", "--lang", "zh"])
    assert shown.exit_code == 1
    assert b"\\u9519\\u8bef R-CMP-05" in shown.stdout_bytes


@pytest.mark.parametrize("words", [(PLACE,), ("records/complaints",), ("./records/complaints/../complaints/2026/",)])
def test_paths_narrow_what_is_reported(judged: SimpleNamespace, words: tuple[str, ...]) -> None:
    judged.report = Report((BROKEN, ELSEWHERE), 2)
    done = say("check", "--lang", "zh", *words)
    assert "R-CMP-05" in done.stdout
    assert "X-04" not in done.stdout
    assert done.exit_code == 1
    assert say("check", "records/customers/").stdout.startswith("records/customers/CUS-0001.yaml:2:5 错误 X-04")


def test_paths_from_below_from_the_root_and_absolute(
    judged: SimpleNamespace, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged.report = Report((BROKEN, ELSEWHERE), 2)
    monkeypatch.chdir(repository / "records/complaints")
    for path in ("2026", PLACE, str(repository / PLACE), "../complaints/2026/CMP-2026-0001.yaml"):
        done = say("check", path)
        assert ("R-CMP-05" in done.stdout, "X-04" in done.stdout) == (True, False), path
    assert "X-04" in say("check", "..").stdout
    assert say("check", ".").stdout.count("X-04") == 0


def test_a_clean_path_hides_findings_but_not_faults_of_policy(judged: SimpleNamespace) -> None:
    judged.report = Report((BROKEN,), 2)
    assert say("check", "records/customers").exit_code == 0
    judged.report = Report((OF_POLICY,), 2)
    assert say("check", "records/customers").exit_code == 1


def test_a_link_is_named_not_followed(judged: SimpleNamespace, repository: Path) -> None:
    (repository / "records/link.yaml").symlink_to("/etc/hostname")
    judged.report = Report((BROKEN,), 2)
    assert say("check", "records/link.yaml").exit_code == 0


def test_unknown_and_outside_paths(judged: SimpleNamespace, tmp_path: Path) -> None:
    unknown = say("check", "records/nowhere.yaml")
    assert unknown.exit_code == 2
    assert unknown.stderr == (
        "Usage: kelu check [OPTIONS] [PATH]...\n"
        "Try 'kelu check --help' for help.\n"
        "\n"
        "Error: 没有这个文件或目录：records/nowhere.yaml / No such file or folder: records/nowhere.yaml\n"
    )
    outside = say("check", str(tmp_path))
    assert outside.exit_code == 2
    assert "不在记录仓库" in outside.stderr


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("2026-07-02", "2026-07-02T23:59:59+08:00"),
        ("2026-07-02T12:00:00+08:00", "2026-07-02T12:00:00+08:00"),
        ("2026-07-02T04:00:00Z", "2026-07-02T04:00:00+00:00"),
        ("2026-07-02t04:00:00.5z", "2026-07-02T04:00:00.500000+00:00"),
    ],
)
def test_as_of(judged: SimpleNamespace, given: str, meant: str) -> None:
    assert say("check", "--as-of", given).exit_code == 0
    assert judged.moment.isoformat() == meant


@pytest.mark.parametrize("given", ["2026-02-30", "2026-07-02T12:00:00", "20260702", "2026-W27-4", "now", "٢٠٢٦-٠٧-٠٢"])
def test_as_of_refused(judged: SimpleNamespace, given: str) -> None:
    done = say("check", "--as-of", given)
    assert done.exit_code == 2
    assert done.stderr.endswith(
        "Error: Invalid value for '--as-of': "
        f"“{given}”不是日期（2026-07-02）或带时区的时间（2026-07-02T12:00:00+08:00）。"
        f' / "{given}" is neither a date nor a date-time with its offset.\n'
    )


def test_base_and_policy_from(judged: SimpleNamespace, repository: Path) -> None:
    head = git.run(repository, "rev-parse", "HEAD").decode().strip()
    assert say("check", "--base", "main", "--policy-from", "HEAD").exit_code == 0
    assert judged.base == head
    assert judged.judge == git.RevisionTree(repository, head)


@pytest.mark.parametrize("option", ["--base", "--policy-from"])
@pytest.mark.parametrize("revision", ["nowhere", "--upload-pack=x", "HEAD~9"])
def test_unknown_revision(judged: SimpleNamespace, option: str, revision: str) -> None:
    done = say("check", f"{option}={revision}")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        f"错误：没有这个修订：{revision}\n"
        f"Error: There is no such revision: {revision}\n"
        "提示：先用 git fetch 取得它；浅克隆须取得完整历史（git fetch --unshallow）。\n"
        "Hint: Fetch it first; a shallow clone needs its history: git fetch --unshallow\n"
    )


def test_a_revision_needs_git(judged: SimpleNamespace, repository: Path) -> None:
    shutil.rmtree(repository / ".git")
    done = say("check", "--base", "HEAD")
    assert done.exit_code == 2
    assert "不是 Git 仓库的顶层目录" in done.stderr


def test_cache_can_be_left_alone(judged: SimpleNamespace) -> None:
    say("check", "--no-cache")
    assert judged.cached is False


# --- kpi ---

KPIS = """\
kpis:
  - code: TST-01
    title: {zh: 公司级客户占比, en: Company customers}
    formula: {zh: 公司级客户 ÷ 客户, en: Company customers ÷ customers}
    basis: practice
    from: known
    meets: tier = 'company'
    measure: share
    unit: percent
    date: CAST(registered_at AS DATE)
    period: year
    target: {op: ">=", value: "0.5", basis: practice}
  - code: TST-02
    title: {zh: 客户数, en: Customers}
    formula: {zh: 登记的客户数, en: Customers registered}
    basis: practice
    from: known
    measure: count
    unit: count
    date: CAST(registered_at AS DATE)
    period: month
"""
FIGURES_2024 = (
    "代码    指标               周期    数值  分子/分母  不计   目标  结论\n"
    "TST-01  公司级客户占比     2024  50.00%        1/2        ≥ 50%  达标 · 样本少\n"
    "        Company customers                                        met · small sample\n"
    "\n"
    "时点 2026-06-30T08:00:00+08:00，提交 {commit}\n"
    "As of 2026-06-30T08:00:00+08:00, commit {commit}\n"
)


@pytest.fixture
def counted(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two customers of 2024 and two KPIs; the test stands in the repository."""
    home = tmp_path / "counted"
    shutil.copytree(sound, home)
    text = (home / CUSTOMER).read_text("utf-8")
    second = text.replace("CUS-0001", "CUS-0002").replace("tier: company", "tier: project")
    (home / "records/customers/CUS-0002.yaml").write_text(second, "utf-8")
    (home / "policies/practice@1/kpis.yaml").write_text(KPIS, "utf-8")
    view = "SELECT id, tier, registered_at, tier AS category FROM customer WHERE registered_at <= as_of()"
    (home / "policies/views/known.sql").write_text(view, "utf-8")
    commit(home)
    monkeypatch.chdir(home)
    return home


def sha(home: Path) -> str:
    return git.run(home, "rev-parse", "HEAD").decode().strip()


def test_kpi_table(counted: Path) -> None:
    done = say("kpi", "TST-01", "--period", "2024")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == FIGURES_2024.format(commit=sha(counted))


def test_kpi_takes_the_official_period_that_holds_the_moment(counted: Path) -> None:
    def periods(*words: str) -> list[tuple[str, str, str | None]]:
        return [(row["code"], row["period"], row["value"]) for row in figures(*words)]

    assert periods() == [("TST-01", "2026", None), ("TST-02", "2026-06", "0")]
    assert periods("--as-of", "2024-01-05") == [("TST-01", "2024", "50.00"), ("TST-02", "2024-01", "2")]
    assert periods("--as-of", "2024-01-05T09:59:59+08:00") == [("TST-01", "2024", None), ("TST-02", "2024-01", "0")]
    assert periods("TST-02", "--period", "2024-Q1") == [("TST-02", "2024-Q1", "2")]


def figures(*words: str) -> list[dict[str, Any]]:
    done = say("kpi", "--format", "json", *words)
    assert done.exit_code == 0, done.output
    return list(json.loads(done.stdout_bytes))


def test_kpi_with_its_records(counted: Path) -> None:
    (row,) = figures("TST-01", "--period", "2024", "--records")
    assert (row["numerator"], row["denominator"], row["verdict"]) == (1, 2, "met")
    assert (row["counted"], row["contributing"], row["excluded"]) == (["CUS-0001", "CUS-0002"], ["CUS-0001"], [])
    assert (row["as_of"], row["commit"]) == ("2026-06-30T08:00:00+08:00", sha(counted))


def test_kpi_by_a_dimension(counted: Path) -> None:
    rows = figures("--period", "2024", "--by", "category")
    assert [(row["code"], row["slice"], row["value"]) for row in rows] == [
        ("TST-01", "company", "100.00"), ("TST-01", "project", "0.00"),
        ("TST-02", "company", "1"), ("TST-02", "project", "1"),
    ]  # fmt: skip
    assert figures("--period", "2024", "--by", "customer") == []


def test_kpi_in_all_periods_and_slices(counted: Path) -> None:
    moment = ("--as-of", "2024-02-05")
    seen = figures("--all", *moment)
    periods = {(row["code"], row["period"]) for row in seen}
    assert {("TST-01", "2024"), ("TST-01", "2024-Q1"), ("TST-02", "2024-01"), ("TST-02", "2024-02")} <= periods
    assert figures("--all", "TST-02", *moment) == [row for row in seen if row["code"] == "TST-02"]
    whole = [row for row in seen if "dimension" not in row]
    for row in whole:
        assert figures(row["code"], "--period", row["period"], *moment) == [row]
    sliced = [row for row in seen if "dimension" in row]
    assert {(row["dimension"], row["slice"]) for row in sliced} == {("category", "company"), ("category", "project")}
    for row in sliced:
        assert row in figures(row["code"], "--period", row["period"], "--by", row["dimension"], *moment)


def test_kpi_as_csv(counted: Path) -> None:
    done = say("kpi", "TST-02", "--period", "2024", "--format", "csv", "--records")
    assert (
        done.stdout_bytes
        == (
            "\ufeffcode,period,dimension,slice,list,id,part,reason,reason_zh,reason_en\r\n"
            "TST-02,2024,,,counted,CUS-0001,,,,\r\n"
            "TST-02,2024,,,counted,CUS-0002,,,,\r\n"
            "TST-02,2024,,,contributing,CUS-0001,,,,\r\n"
            "TST-02,2024,,,contributing,CUS-0002,,,,\r\n"
        ).encode()
    )


def test_check_tries_the_sql_of_kpis(counted: Path) -> None:
    assert say("check").exit_code == 0
    kpis = counted / "policies/practice@1/kpis.yaml"
    kpis.write_text(KPIS.replace("tier = 'company'", "teir = 'company'"), "utf-8")
    for words in ((), ("records",), ("--base", "HEAD"), ("--no-cache",)):
        done = say("check", *words)
        assert done.exit_code == 1, words
        assert "policies/practice@1/kpis.yaml:2:5 错误 POL-01 " in done.stdout, words
        assert "TST-01" in done.stdout
        assert "teir" in done.stdout
    assert "POL-01" not in say("check", "--base", "HEAD", "--policy-from", "HEAD").stdout
    commit(counted)
    assert say("check", "--base", "HEAD").exit_code == 0
    kpis.write_text(KPIS, "utf-8")
    assert say("check").exit_code == 0


def test_sound_kpis_are_not_tried_again(counted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert say("check").exit_code == 0
    monkeypatch.setattr(kpi, "faults", lambda policy, store: 1 / 0)
    assert say("check").exit_code == 0
    assert say("check", "--no-cache").exit_code == 3
    (counted / "policies/views/known.sql").write_text("SELECT 1 AS id", "utf-8")
    assert say("check").exit_code == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["TST-09"], "TST-09"),
        (["TST-01", "--period", "2024-13"], "2024-13"),
        (["TST-01", "--by", "weather"], "weather"),
        (["--all", "--by", "category"], "--all"),
        (["--all", "TST-09"], "TST-09"),
    ],
)
def test_kpi_refuses_what_there_is_not(counted: Path, words: list[str], said: str) -> None:
    done = say("kpi", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    chinese, english = done.stderr.splitlines()
    assert chinese.startswith("错误：")
    assert english.startswith("Error: ")
    assert said in chinese
    assert said in english


def test_kpi_says_what_its_figures_leave_out(counted: Path) -> None:
    (counted / "records/customers/CUS-0002.yaml").write_text("id: CUS-0002\n", "utf-8")
    done = say("kpi", "TST-01", "--period", "2024", "--format", "json")
    assert done.exit_code == 0
    assert done.stderr == (
        "1 个文件有错误，未计入；运行 kelu check 查看。\n"
        "Files at fault, not counted: 1. kelu check shows them.\n"
        "有未提交的改动，这些数字不属于任何提交。\n"
        "Uncommitted changes: these figures belong to no commit.\n"
    )
    (row,) = json.loads(done.stdout_bytes)
    assert (row["denominator"], row["commit"]) == (1, None)


def test_kpi_needs_sound_policies(counted: Path) -> None:
    (counted / "policies/practice@1/kpis.yaml").write_text("kpis: 1\n", "utf-8")
    done = say("kpi")
    assert done.exit_code == 2
    assert done.stderr == (
        "错误：制度或配置文件有错误，无法计算。\n"
        "Error: Policies or configuration are at fault; nothing can be computed.\n"
        "提示：运行 kelu check 查看。\n"
        "Hint: kelu check shows where.\n"
    )


def test_kpi_whose_sql_does_not_run(counted: Path) -> None:
    (counted / "policies/views/known.sql").write_text("SELECT nothing FROM nowhere", "utf-8")
    done = say("kpi", "TST-01")
    assert done.exit_code == 2
    assert done.stderr.startswith("错误：")
    assert not (counted / ".kelu/log").exists()


def test_kpi_without_a_commit_needs_a_moment(counted: Path) -> None:
    shutil.rmtree(counted / ".git")
    done = say("kpi")
    assert done.exit_code == 2
    assert done.stderr.splitlines()[0] == "错误：没有提交，因此没有默认时点。"
    (row,) = figures("TST-01", "--period", "2024", "--as-of", "2026-06-30")
    assert (row["value"], row["commit"], row["as_of"]) == ("50.00", None, "2026-06-30T23:59:59+08:00")


# --- site ---


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """`pages.build` replaced: what the command asked for."""
    asked = SimpleNamespace(fault=None)

    def press(edition: pages.Edition, site: Path, base: Path, work: Path, out: Path, *, cached: bool) -> int:
        asked.edition, asked.site, asked.base, asked.work, asked.out = edition, site, base, work, out
        asked.cached = cached
        if asked.fault is not None:
            raise asked.fault
        return 12

    monkeypatch.setattr(pages, "build", press)
    return asked


def test_site(built: SimpleNamespace, counted: Path) -> None:
    done = say("site")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "已生成 12 页：public/index.html\n12 pages: public/index.html\n"
    edition = built.edition
    assert (edition.commit, edition.moment.isoformat(), edition.dirty) == (
        sha(counted), "2026-06-30T08:00:00+08:00", False,
    )  # fmt: skip
    assert (edition.report.records, edition.report.findings) == (2, ())
    assert (built.site, built.base) == (resources.site_dir(), resources.mkdocs_file())
    assert (built.work, built.out) == (counted / "build", counted / "public")


def test_site_uses_the_repositorys_own_pages(built: SimpleNamespace, counted: Path) -> None:
    (counted / "site").mkdir()
    (counted / "mkdocs.yml").write_text("{}\n", "utf-8")
    say("site", "--out", "elsewhere")
    assert (built.site, built.base) == (counted / "site", counted / "mkdocs.yml")
    assert built.out == counted / "elsewhere"


def test_a_site_from_a_shallow_clone_has_no_history_and_follows_no_other(
    built: SimpleNamespace, counted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (counted / "notes.md").write_text("later\n", "utf-8")
    commit(counted)
    clone = tmp_path / "shallow"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", counted.as_uri(), clone], check=True)
    monkeypatch.chdir(clone)
    done = say("site")
    edition = built.edition
    assert (done.exit_code, edition.manifest, edition.history, edition.restated) == (0, "", None, None)
    assert edition.store.withheld is not None
    assert "git fetch --unshallow" in done.stderr
    (clone / "public").mkdir()
    (clone / "public/kelu-manifest.json").write_text("{}", "utf-8")
    assert say("site").exit_code == 2


def test_site_tells_of_errors_and_of_changes(built: SimpleNamespace, counted: Path) -> None:
    (counted / "records/customers/CUS-0002.yaml").write_text("id: CUS-0002\n", "utf-8")
    done = say("site", "--lang", "zh")
    assert done.exit_code == 0
    assert built.edition.dirty is True
    assert "个错误，有错误的文件不在网站中" in done.stderr


def test_site_replaces_nothing_but_a_site(built: SimpleNamespace, counted: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert say("site", "--out", str(other)).exit_code == 0
    (other / "thesis.txt").write_text("years of work", "utf-8")
    for place in (other, other / "thesis.txt", counted, tmp_path, counted / "records"):
        done = say("site", "--out", str(place))
        assert done.exit_code == 2, place
    (other / "pagefind").mkdir()
    assert say("site", "--out", str(other)).exit_code == 0


def test_site_needs_a_commit(built: SimpleNamespace, counted: Path) -> None:
    shutil.rmtree(counted / ".git")
    assert say("site", "--as-of", "2026-06-30").stderr.splitlines()[0] == "错误：没有提交，网站无从注明出处。"


def test_site_that_cannot_be_built(built: SimpleNamespace, counted: Path) -> None:
    built.fault = pages.SiteError("no room")
    done = say("site")
    assert (done.exit_code, done.stderr) == (2, "错误：网站没有建成：no room\nError: The site was not built: no room\n")


# --- the repository ---


def test_the_root_is_found_from_below_or_named(
    judged: SimpleNamespace, repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(repository / "records/complaints/2026")
    assert say("check").exit_code == 0
    assert judged.tree == git.WorkTree(repository)
    monkeypatch.chdir(tmp_path)
    assert say("check", "--root", "home").exit_code == say("--root", "home", "check").exit_code == 0
    assert judged.tree == git.WorkTree(repository)


@pytest.mark.parametrize("words", [(), ("--root", ".")])
def test_no_root(judged: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str]) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    done = say(*words, "check")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        "错误：这里没有记录仓库（找不到 records/ 或 schemas/）。\n"
        "Error: There is no records repository here (no records/ or schemas/).\n"
        "提示：到记录仓库中运行，用 --root 指明，或用 kelu init 新建一个。\n"
        "Hint: Go to a records repository, name one with --root, or make one with: kelu init\n"
    )


# --- refusals and faults ---


def failing(monkeypatch: pytest.MonkeyPatch, fault: BaseException) -> Result:
    def fail(tree: git.Tree) -> None:
        raise fault

    monkeypatch.setattr(check, "open_book", fail)
    return say("check")


def test_a_fault_leaves_a_log_and_no_traceback(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = failing(monkeypatch, RuntimeError("the particulars"))
    (log,) = (repository / ".kelu/log").iterdir()
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr == (
        f"kelu 内部出错（RuntimeError），不是您的记录有问题；详情在 .kelu/log/{log.name}，请交给维护人员。\n"
        f"kelu itself failed (RuntimeError); your records are not at fault. "
        f"Details are in .kelu/log/{log.name}: please hand it to a maintainer.\n"
    )
    assert re.fullmatch(r"kelu-\d{8}T\d{6}-\d{6}\.log", log.name)
    written = log.read_text("utf-8")
    assert written.startswith(f"kelu {kelu.__version__}, Python 3.")
    assert "Traceback (most recent call last)" in written
    assert written.endswith("RuntimeError: the particulars\n")


def test_the_log_goes_to_the_root_that_was_named(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository.parent)
    monkeypatch.setattr(check, "open_book", lambda tree: 1 / 0)
    assert say("--root", "home", "check").exit_code == 3
    assert len(list((repository / ".kelu/log").iterdir())) == 1


def test_the_log_falls_back_to_the_temporary_folder(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (repository / ".kelu").write_text("in the way", "utf-8")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    done = failing(monkeypatch, RuntimeError("客\ud800"))
    (log,) = tmp_path.glob("kelu-*.log")
    assert done.exit_code == 3
    assert str(log) in done.stderr
    assert "客\\ud800" in log.read_text("utf-8")


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), click.Abort()])
def test_interrupted(repository: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException) -> None:
    done = failing(monkeypatch, fault)
    assert (done.exit_code, done.stdout, done.stderr) == (130, "", "\n已中断。\nInterrupted.\n")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (ValueError("schemas/a.schema.json: x"),
         "错误：模式无法使用：schemas/a.schema.json: x\nError: Unusable schemas: schemas/a.schema.json: x\n"),
        (git.GitError("fatal: x"), "错误：Git 未能完成：fatal: x\nError: Git failed: fatal: x\n"),
        (PermissionError(errno.EACCES, "Permission denied", "records/a.yaml"),
         "错误：无法读写 records/a.yaml：Permission denied\n"
         "Error: Cannot read or write records/a.yaml: Permission denied\n"),
        (click.ClickException("x"), "Error: x\n"),
    ],
)  # fmt: skip
def test_refusals(repository: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, said: str) -> None:
    done = failing(monkeypatch, fault)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", said)
    assert not (repository / ".kelu").exists()


def test_other_faults_of_the_system_are_faults(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert failing(monkeypatch, OSError(errno.EIO, "Input/output error")).exit_code == 3


@pytest.mark.parametrize("words", ["chek", "check --formt json", "check --format xml", "--lang fr"])
def test_wrong_usage(words: str) -> None:
    done = say(*words.split())
    assert done.exit_code == 2
    assert done.stderr.startswith("Usage: kelu")


# --- terminals ---


def test_colour_only_for_terminals_that_want_it(judged: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    judged.report = Report((BROKEN,), 2)
    plain = say("check", "--lang", "zh")
    assert "\x1b" not in plain.stdout
    monkeypatch.setattr(_shared, "is_coloured", lambda: True)
    coloured = say("check", "--lang", "zh", color=True)
    assert coloured.stdout.splitlines()[0] == (
        f"\x1b[1m{PLACE}:4:7\x1b[0m \x1b[31m\x1b[1m错误\x1b[0m \x1b[36mR-CMP-05\x1b[0m "
        "verification.by 验证人不得为处置人"
    )
    assert click.unstyle(coloured.stdout) == plain.stdout


@pytest.mark.parametrize(
    ("terminal", "environment", "wanted"),
    [(True, {}, True), (False, {}, False), (True, {"NO_COLOR": "1"}, False), (True, {"TERM": "dumb"}, False),
     (True, {"NO_COLOR": ""}, True)],
)  # fmt: skip
def test_when_colour_is_wanted(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, environment: dict[str, str], wanted: bool
) -> None:
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: terminal))
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert _shared.is_coloured() is wanted


def test_progress_is_shown_only_to_a_watcher(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with _shared.progress(Text("正在检查……", "Checking …")):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with _shared.progress(Text("正在检查……", "Checking …")):
        assert "正在检查…… Checking …" in capsys.readouterr().err
        with stage.stage("读取记录", "Reading records", 4) as done:
            done(3)
        assert "读取记录 Reading records 0/4" in capsys.readouterr().err
    assert capsys.readouterr().err == "\r\x1b[K"


# --- commands ---


def test_a_file_is_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "say_hello.py").write_text(
        "import click\n\n@click.command('say-hello', short_help='问候 · Greet')\n"
        "def command():\n    click.echo('你好')\n",
        "utf-8",
    )
    monkeypatch.setattr(cli, "__path__", [*cli.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "kelu.cli.say_hello", raising=False)
    assert re.search("\n  say-hello +问候 · Greet\n", say("--help").stdout)
    assert say("say-hello").stdout == "你好\n"
    monkeypatch.delitem(sys.modules, "kelu.cli.say_hello")


def test_a_command_that_does_not_load_is_a_fault(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text("import no_such_library\n", "utf-8")
    monkeypatch.setattr(cli, "__path__", [*cli.__path__, str(tmp_path)])
    for words in (("--help",), ("broken",)):
        done = say(*words)
        assert (done.exit_code, done.stdout) == (3, ""), words
        assert "Traceback" not in done.stderr
    assert len(list((repository / ".kelu/log").iterdir())) == 2


@pytest.mark.parametrize("name", cli.main.list_commands(click.Context(cli.main)))
def test_every_command_explains_itself_in_both_languages(name: str) -> None:
    command = cli.main.get_command(click.Context(cli.main), name)
    assert command is not None
    assert command.name == name
    texts = [command.short_help, command.help]
    texts += [option.help for option in command.params if isinstance(option, click.Option)]
    for text in texts:
        assert text
        assert re.search(r"[\u4e00-\u9fff]", text), text
        assert re.search(r"[A-Za-z]{3}", text), text


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert say("--version").stdout == f"kelu {project['version']}\n"


# --- as a program ---


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new records repository; without rules, which have tests of their own."""
    home = tmp_path_factory.mktemp("sound") / "home"
    starter.create(home, NOON.date())
    for path in home.glob("policies/*/*"):
        if path.name not in ("pack.yaml", "target.sql"):
            path.unlink()
    commit(home)
    return home


@pytest.fixture
def faulty(sound: Path, tmp_path: Path) -> Path:
    """The same with a customer whose tier is none."""
    home = tmp_path / "faulty"
    shutil.copytree(sound, home)
    customer = home / CUSTOMER
    customer.write_text(re.sub(r"(?m)^tier: \S+", "tier: gold", customer.read_text("utf-8")), "utf-8")
    return home


def program(
    *words: str, cwd: Path, env: dict[str, str] | None = None, **extra: Any
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kelu", *words], cwd=cwd, text=True, encoding="utf-8", check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tools"), **(env or {})}, **({"capture_output": True} | extra),
    )  # fmt: skip


def test_help_waits_for_no_database(tmp_path: Path) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, kelu.cli\n"
         "try: kelu.cli.main(['--help'])\nexcept SystemExit: pass\n"
         "print(sorted({'duckdb', 'jsonschema', 'jinja2', 'mkdocs'} & set(sys.modules)))"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tools")}, cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert loaded.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("words", [["--help"], ["check"], ["check", "--format", "json"]])
def test_a_reader_who_leaves_is_no_fault(words: list[str], sound: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = program(*words, cwd=sound, capture_output=False, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == (1 if words == ["--help"] else 141)  # of --help click decides
    assert not (sound / ".kelu/log").exists()


def test_a_new_repository_is_clean(sound: Path) -> None:
    for _ in range(2):  # the second time from the cache
        done = program("check", cwd=sound)
        assert (done.returncode, done.stdout, done.stderr) == (
            0, "已检查 1 份记录，没有发现问题。\n1 record checked, nothing found.\n", "",
        )  # fmt: skip


def test_a_fault_is_explained_each_time(faulty: Path) -> None:
    for _ in range(2):
        done = program("check", cwd=faulty / "records")
        assert (done.returncode, done.stderr) == (1, "")
        assert done.stdout == (
            f"{CUSTOMER}:6:7 错误 SCH-04 tier “客户级别”的值“gold”不在可选范围内\n"
            "    Tier: 'gold' is not one of the allowed values\n"
            "    提示：可选：company（公司级）、project（项目级）\n"
            "    Hint: Allowed: company（公司级）、project（项目级）\n"
            "\n"
            "已检查 1 份记录：1 个错误，0 个警告。\n"
            "1 record checked: 1 error, 0 warnings.\n"
        )


def test_base_leaves_out_what_was_there_before(faulty: Path) -> None:
    assert program("check", "--base", "HEAD", cwd=faulty).returncode == 1
    commit(faulty)
    assert program("check", "--base", "HEAD", cwd=faulty).returncode == 0
    assert program("check", "--base", "HEAD~1", cwd=faulty).returncode == 1


def test_a_change_cannot_alter_its_judge(faulty: Path) -> None:
    schema = faulty / "schemas/customer.schema.json"
    text = schema.read_text("utf-8").replace('"enum": ["company", "project"]', '"enum": ["company", "project", "gold"]')
    schema.write_text(text, "utf-8")
    own, others = (
        program("check", "--base", "HEAD", cwd=faulty),
        program("check", "--base", "HEAD", "--policy-from", "HEAD", cwd=faulty),
    )
    assert ("SCH-04" in own.stdout, "SCH-04" in others.stdout) == (False, True)
    assert "GH-12" in own.stdout
    assert "GH-12" in others.stdout


@pytest.mark.parametrize("raised", ["KeyboardInterrupt", "RuntimeError", "OSError"])
def test_interrupt_from_the_keyboard(tmp_path: Path, raised: str) -> None:
    (tmp_path / "records").mkdir()
    source = (
        "import os, signal, kelu.check, kelu.cli\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell ignores it for what runs behind
        "def busy(tree):\n"
        "    try: os.kill(os.getpid(), signal.SIGINT)\n"
        f"    except KeyboardInterrupt: raise {raised} from None\n"
        "kelu.check.open_book = busy\n"
        "kelu.cli.main(['check'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT / "tools")},
        capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "\n已中断。\nInterrupted.\n")


def test_without_utf8_nothing_breaks(tmp_path: Path) -> None:
    done = program("check", cwd=tmp_path, env={"PYTHONIOENCODING": "latin-1"})
    assert done.returncode == 2
    assert done.stderr.startswith("\\u9519\\u8bef")
