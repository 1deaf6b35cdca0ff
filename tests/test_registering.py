"""kelu new, advance and edit as a clerk uses them: by options, at a terminal, up to the branch of a pull request."""

from __future__ import annotations

import os
import pty
import re
import select
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import clerk
from clerk import git, kelu
from kelu.document import parse, tidy
from kelu.schema import load
from repository import ROOT

NOW = ("--now", "2026-11-23T09:10:00+08:00")
COMPLAINT = (
    "new", "complaint", "--title", "机房空调停机通知不及时", "--channel", "投诉热线", "--form", "口头",
    "--customer", "星河数管局", "--complainant.contact", "刘晓枫", "--receiving_department", "运营业务部",
    "--category", "沟通", "--description", "客户反映空调停机后两小时才接到通知", "--demands", "未提出",
)  # fmt: skip
PLACE = "records/complaints/2026/CMP-2026-0014.yaml"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clerk.settle(tmp_path_factory.mktemp("ground"))


@pytest.fixture
def clone(ground: Path) -> Path:
    return clerk.fresh(ground)


def test_options_register_a_whole_complaint(clone: Path) -> None:
    done = kelu(clone, *COMPLAINT, *NOW)
    assert done.exit_code == 0, done.output
    raw = (clone / PLACE).read_bytes()
    data, _ = parse(raw, PLACE)
    assert data == {
        "schema": "complaint/v1", "id": "CMP-2026-0014", "title": "机房空调停机通知不及时", "status": "registered",
        "policy": "gsb-141.03@A0", "received_at": "2026-11-23T09:10:00+08:00", "received_by": "S001",
        "receiving_department": "运营业务部", "channel": "hotline", "form": "verbal", "customer": "CUS-0001",
        "complainant": {"contact": "CUS-0001/C01"}, "category": "communication",
        "description": "客户反映空调停机后两小时才接到通知", "demands": "未提出", "registered_by": "S001",
        "registered_at": "2026-11-23T09:10:00+08:00",
    }  # fmt: skip
    assert "channel: hotline  # 投诉渠道\n" in raw.decode()
    schemas = load({path.name: path.read_bytes() for path in (ROOT / "schemas").glob("*.json")})
    assert tidy(raw, schemas.order("complaint")) == raw
    assert "CMP-2026-0014 登记" in done.output
    checked = kelu(clone, "check", PLACE, "--as-of", NOW[1])
    assert checked.exit_code == 0, checked.output


def test_a_dry_run_shows_the_file_and_writes_nothing(clone: Path) -> None:
    done = kelu(clone, *COMPLAINT, *NOW, "--dry-run")
    assert done.exit_code == 0
    assert done.stdout.startswith("schema: complaint/v1  # 模式\nid: CMP-2026-0014")
    assert git(clone, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--channel", "小灵通"), "没有找到“小灵通”"),
        (("--customer", "有限公司"), "不止一个"),
        (("--received_at", "昨天"), "请写成 2026-03-02 09:10"),
        (("--received_at", "2026-11-24 09:10"), "R-ALL-08"),
        (("--description", "请拨 13800000001 找他核实情况"), "R-ALL-05"),
        (("--form", "书面"), "书面投诉核对"),
        (("--set", "transfers[1].by=S001"), "前面的项还没有"),
        (("--set", "nothing=1"), "没有这一栏"),
        (("--approved-by", "S999"), "S999"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(clone: Path, change: tuple[str, ...], said: str) -> None:
    done = kelu(clone, *COMPLAINT, *NOW, *change)
    assert done.exit_code in (1, 2), done.output
    assert said in done.output
    assert "Traceback" not in done.output
    assert git(clone, "status", "--porcelain") == ""


def test_a_missing_answer_is_named(clone: Path) -> None:
    done = kelu(clone, "new", "complaint", "--title", "无人接听", *NOW)
    assert done.exit_code == 1
    for label in ("投诉渠道", "顾客要求/诉求", "事由与经过", "客户"):
        assert f"“{label}”" in done.output
    assert "没有写入任何文件" in done.output


def test_a_step_asks_for_what_it_needs_and_touches_nothing_else(clone: Path) -> None:
    kelu(clone, *COMPLAINT, *NOW)
    git(clone, "add", "-N", PLACE)
    git(clone, "commit", "--quiet", "--all", "-m", "CMP-2026-0014 登记")
    place = clone / PLACE
    before = place.read_text()
    status = re.search(r"^status: (\w+)", before, re.M)
    assert status
    assert status[1] == "registered"
    done = kelu(clone, "advance", "CMP-2026-0014", "--to", "acknowledged", "--set", "acknowledgement.method=电话", *NOW)
    assert done.exit_code == 0, done.output
    after = place.read_text()
    lines = git(clone, "diff", "--unified=0", "--", PLACE).splitlines()
    git(clone, "checkout", "--quiet", PLACE)
    git(clone, "reset", "--quiet", "--hard", "HEAD^")
    assert [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")] == [
        "-status: registered  # 状态", "+status: acknowledged  # 状态",
        "+acknowledgement:", "+  at: 2026-11-23T09:10:00+08:00", "+  by: S001", "+  method: phone",
    ]  # fmt: skip
    assert parse(after.encode(), "x")[0]


def test_a_step_that_cannot_be_taken_names_those_that_can(clone: Path) -> None:
    done = kelu(clone, "advance", "CMP-2026-0003", "--to", "registered")
    assert done.exit_code == 2
    assert "handling 处置中" in done.output
    assert kelu(clone, "advance", "CMP-2026-9999").exit_code == 2


def test_a_fixed_field_changes_only_with_a_correction(clone: Path) -> None:
    place = clone / "records/complaints/2026/CMP-2026-0003.yaml"
    change = ("edit", "CMP-2026-0003", "--set", "demands=立即恢复业务", *NOW)
    refused = kelu(clone, *change)
    assert refused.exit_code == 2
    assert "--reason" in refused.output
    done = kelu(clone, *change, "--reason", "原记录漏写", "--approved-by", "S003")
    assert done.exit_code == 0, done.output
    data, _ = parse(place.read_bytes(), "x")
    assert data
    assert data["corrections"] == [
        {"at": "2026-11-23T09:10:00+08:00", "by": "S001", "field": "demands", "reason": "原记录漏写",
         "approved_by": "S003", "from": "立即恢复业务，当日提交书面情况说明，一周内提交整改方案。",
         "to": "立即恢复业务"}
    ]  # fmt: skip
    assert "# —— 响应（SD-02004 5.1）——" in place.read_text()
    assert kelu(clone, "check", "--base", "HEAD").exit_code in (0, 1)


def test_an_edit_that_changes_nothing_says_so(clone: Path) -> None:
    done = kelu(clone, "edit", "CMP-2026-0003", "--set", "channel=hotline")
    assert done.exit_code == 2
    assert "没有改动" in done.output


def test_a_pull_request_is_prepared_on_a_branch_of_its_own(clone: Path, tmp_path: Path) -> None:
    forge = tmp_path / "forge.git"
    git(tmp_path, "init", "--quiet", "--bare", str(forge))
    git(clone, "remote", "add", "origin", str(forge))
    (clone / "notes.txt").write_text("mine")
    done = kelu(clone, *COMPLAINT, *NOW, "--pr", "--approved-by", "S003")
    assert done.exit_code == 0, done.output
    assert git(clone, "branch", "--show-current").strip() == "CMP-2026-0014"
    shown = git(forge, "log", "-1", "--format=%B", "--name-only", "CMP-2026-0014").split("\n")
    assert [line for line in shown if line] == [
        "CMP-2026-0014 登记", "Approved-by: 周明远 <zhou.mingyuan@example.invalid>", PLACE,
    ]  # fmt: skip
    (clone / "notes.txt").unlink()


def test_a_pull_request_without_a_name_is_refused_before_anything_is_written(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    git(clone, "config", "--unset", "user.email")
    try:
        done = kelu(clone, *COMPLAINT, *NOW, "--registered_by", "S001", "--received_by", "S001", "--pr")
    finally:
        git(clone, "config", "user.email", clerk.MAIL)
    assert done.exit_code == 2
    assert "user.email" in done.output
    assert git(clone, "status", "--porcelain") == ""


@pytest.mark.parametrize("kind", ["complaint", "meeting", "survey", "customer"])
def test_every_field_has_an_option_with_its_chinese_name(clone: Path, kind: str) -> None:
    done = kelu(clone, "new", kind, "--help")
    assert done.exit_code == 0
    schemas = load({path.name: path.read_bytes() for path in (ROOT / "schemas").glob("*.json")})
    for item in schemas.records[kind].fields:
        if item.kind == "string" and item.name not in ("schema", "id"):
            assert f"--{item.name} " in done.output
            assert item.label.zh in done.output


def converse(home: Path, args: Sequence[str], answers: Sequence[str]) -> tuple[str, int]:
    """What a person sees who types these answers at a real terminal, and the exit code."""
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover - the child
        os.chdir(home)
        os.environ |= {"PYTHONPATH": str(ROOT / "tools"), "NO_COLOR": "1", "COLUMNS": "100"}
        os.execv(sys.executable, [sys.executable, "-m", "kelu", *args])
    shown, waiting, seen = b"", list(answers), 0
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                piece = os.read(terminal, 65536)
            except OSError:
                break
            shown += piece
        elif waiting and re.search(rb"[:\]] $", shown[seen:]):
            seen = len(shown)
            os.write(terminal, f"{waiting.pop(0)}\n".encode())
    _, status = os.waitpid(pid, 0)
    return shown.decode("utf-8", "replace").replace("\r\n", "\n"), os.waitstatus_to_exitcode(status)


def test_a_clerk_registers_a_complaint_at_the_terminal(clone: Path) -> None:
    answers = [
        "", "端口故障处理不及时", "", "运营", "1", "打电话", "口头", "数管局", "1", "", "刘晓枫", "处理", "2", "",
        "客户反映端口故障报修后三小时无人响应", "未提出", "",
    ]  # fmt: skip
    shown, code = converse(clone, ["new", "complaint", *NOW], answers)
    assert code == 0, shown
    assert "  1  星河市政务云运行维护服务项目（2026年度） PRJ-2026-001" in shown  # of this customer alone
    assert "没有找到“打电话”" in shown
    assert "PRJ-2026-004" not in shown
    data, _ = parse((clone / PLACE).read_bytes(), PLACE)
    assert data
    assert (data["customer"], data["project"], data["complainant"]) == (
        "CUS-0001", "PRJ-2026-001", {"contact": "CUS-0001/C01"},
    )  # fmt: skip


def leaves(data: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Each single value of a record with its place, as `--set` takes them."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, f"{at}.{key}" if at else key)
    elif isinstance(data, list):
        for place, value in enumerate(data):
            yield from leaves(value, f"{at}[{place}]")
    else:
        yield at, str(data).lower() if isinstance(data, bool) else str(data)


@pytest.mark.parametrize("example", sorted((ROOT / "tests/examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_whatever_a_record_holds_can_be_told_by_options(clone: Path, example: Path) -> None:
    data, _ = parse(example.read_bytes(), example.name)
    assert data
    kind = data["schema"].partition("/")[0]
    told = [
        word for place, value in leaves(data) if place not in ("schema", "id") for word in ("--set", f"{place}={value}")
    ]
    done = kelu(clone, "new", kind, *told, *NOW, "--dry-run")
    made, faults = parse(done.stdout.encode(), "x")
    assert made is not None, (faults, done.output)
    assert {**made, "id": data["id"]} == filled(data)


def filled(data: Any) -> Any:
    """Data without empty lists, which nobody tells."""
    if isinstance(data, dict):
        return {key: filled(value) for key, value in data.items() if value != []}
    return [filled(item) for item in data] if isinstance(data, list) else data
