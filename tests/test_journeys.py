"""What a clerk, a quality administrator and a project manager do in a day, up to the “done when” of each journey."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import clerk
from clerk import git, kelu
from kelu.document import parse

ID = "CMP-2026-0014"
PLACE = f"records/complaints/2026/{ID}.yaml"
MINOR = ("severity=轻微", "handled_in_department=是", "criteria.media=否", "criteria.reputation=否",
         "criteria.injury=否", "criteria.beyond_department=否")  # fmt: skip


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clerk.settle(tmp_path_factory.mktemp("ground"), "site", "mkdocs.yml")


@pytest.fixture
def clone(ground: Path) -> Path:
    return clerk.fresh(ground)


def sets(prefix: str, *values: str) -> list[str]:
    """The values of a group as options."""
    return [word for value in values for word in ("--set", f"{prefix}.{value}")]


def at(time: str) -> tuple[str, str]:
    return "--now", f"2026-11-{time}:00+08:00"


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def registered(home: Path, day: str = "18") -> str:
    """The complaint of 09:10, registered."""
    return done(
        kelu(
            home, "new", "complaint", *at(f"{day}T10:00"), "--received_at", f"2026-11-{day} 09:10",
            "--title", "门禁卡更换等待过久", "--channel", "电话", "--form", "口头",
            "--customer", "星河", "--project", "PRJ-2026-001",
            "--complainant.contact", "梁可欣", "--description", "客户反映门禁卡更换等候两天未完成",
            "--demands", "当日更换", "--receiving_department", "运营业务部", "--category", "响应",
        )
    )  # fmt: skip


def commit(home: Path, title: str, time: str, person: str = "林晓舟 <lin.xiaozhou@example.invalid>") -> None:
    git(home, "add", "-A")
    name, _, mail = person.removesuffix(">").partition(" <")
    moment = f"2026-11-{time}:00+08:00"
    environment = ["-c", f"user.name={name}", "-c", f"user.email={mail}"]
    git(home, *environment, "commit", "--quiet", "--date", moment, "-m", title)


def record(home: Path, place: str) -> dict[str, Any]:
    data, _ = parse((home / place).read_bytes(), place)
    assert data is not None
    return data


def test_a_complaint_registered_at_the_phone_is_on_the_site_once_merged(clone: Path, tmp_path: Path) -> None:
    """1.1: the pull request is green, the record page exists, the complaint is first in the list and 已登记."""
    said = registered(clone, "22")
    assert "投诉响应，2026-11-23 09:10 前" in said
    done(kelu(clone, "check", "--base", "main", "--as-of", "2026-11-22T10:00:00+08:00"))
    commit(clone, f"{ID} 登记", "22T10:01")
    done(kelu(clone, "site", "--as-of", "2026-11-22T12:00:00+08:00", "--out", str(tmp_path / "site")))
    assert (tmp_path / f"site/records/{ID}.html").is_file()
    listed = json.loads((tmp_path / "site/data/complaint_list.json").read_text())
    assert ID in json.dumps(listed["rows"][-1])  # in order of receipt
    assert "已登记" in (tmp_path / f"site/records/{ID}.html").read_text()


def test_a_minor_complaint_is_solved_at_once(clone: Path) -> None:
    """1.2: one pull request up to resolved; quality management verifies and closes."""
    registered(clone)
    solved = kelu(
        clone, "advance", ID, "--to", "resolved", *at("18T15:00"),
        *sets("acknowledgement", "at=2026-11-18 09:40", "method=电话"),
        *sets("assessment", "at=2026-11-18 09:50", "by=孙若彤", *MINOR),
        *sets("resolution", "at=2026-11-18 14:30", "department=运营业务部", "outcome=upheld", "result=当日更换并致歉"),
    )  # fmt: skip
    assert "处置验证与关闭" in done(solved)
    same_person = kelu(
        clone, "advance", ID, "--to", "closed", *at("19T10:00"),
        *sets("verification", "by=林晓舟", "effective=是", "at=2026-11-19 09:30"),
        *sets("result_report", "at=2026-11-19 09:40", "by=S005", "method=电话", "contact=CUS-0001/C03"),
        *sets("closure", "at=2026-11-19 09:50", "by=S005"),
    )  # fmt: skip
    assert same_person.exit_code == 1
    assert "验证人不得为处置人" in same_person.output
    closed = kelu(
        clone, "advance", ID, "--to", "closed", *at("19T10:00"),
        *sets("verification", "by=孙若彤", "effective=是", "at=2026-11-19 09:30"),
        *sets("result_report", "at=2026-11-19 09:40", "by=S005", "method=电话", "contact=CUS-0001/C03"),
        *sets("closure", "at=2026-11-19 09:50", "by=S005"),
    )  # fmt: skip
    done(closed)
    assert record(clone, PLACE)["status"] == "closed"


def test_a_late_response_is_taken_and_told(clone: Path) -> None:
    """1.3: late is accepted, and flagged."""
    registered(clone)
    late = kelu(
        clone, "advance", ID, "--to", "acknowledged", *at("21T10:00"), *sets("acknowledgement", "at=2026-11-21 09:40")
    )
    done(late)
    commit(clone, f"{ID} 已响应", "21T10:01")
    due = done(kelu(clone, "due", ID, "--state", "satisfied_late", "--as-of", "2026-11-21T10:30:00+08:00"))
    assert "投诉响应" in due


def test_a_grumble_cannot_be_noted_without_a_complaint(clone: Path) -> None:
    """1.5: a communication with dissatisfaction needs the id of a complaint (CSP:3)."""
    grumble = (
        "new", "communication", *at("18T10:00"), "--title", "例行电话沟通", "--channel", "电话", "--purpose", "其他",
        "--direction", "去", "--at", "2026-11-18 09:10", "--staff", "林晓舟", "--customer", "CUS-0001",
        "--contacts", "刘晓枫", "--summary", "通话中客户抱怨响应慢", "--dissatisfaction", "是",
        "--follow_up_required", "否", "--status", "open",
    )  # fmt: skip
    refused = kelu(clone, *grumble)
    assert refused.exit_code == 1
    assert "投诉" in refused.output
    assert git(clone, "status", "--porcelain") == ""
    registered(clone)
    done(kelu(clone, *grumble, "--complaint", ID))


def test_a_major_complaint_is_not_handled_before_those_above_decide(clone: Path) -> None:
    """2.1: severity follows from the criteria; handling needs escalations, the special meeting and an approved plan."""
    registered(clone)
    answered = sets("acknowledgement", "at=2026-11-18 09:40")
    done(kelu(clone, "advance", ID, "--to", "acknowledged", *at("18T10:30"), *answered))
    assessed = ("advance", ID, "--to", "assessed", *at("18T11:00"))
    criteria = ("criteria.media=是", "criteria.reputation=是", "criteria.injury=否", "criteria.beyond_department=是")
    common = ("at=2026-11-18 10:50", "by=孙若彤", "responsible_department=信息部", "owner=赵启衡", *criteria)
    passed_on = sets("transfers[0]", "at=2026-11-18 10:40", "by=S001", "from=运营业务部", "to=质量管理部")
    lowered = kelu(clone, *assessed, *passed_on, *sets("assessment", "severity=轻微", *common))
    assert lowered.exit_code == 1
    assert "级别" in lowered.output
    untold = kelu(clone, *assessed, *passed_on, *sets("assessment", "severity=重大", *common))
    assert untold.exit_code == 1
    assert "须上报规定的各级" in untold.output
    told = [
        *sets("escalations[0]", "at=2026-11-18 10:52", "by=S005", "to_role=qa_manager", "to=周明远", "method=电话"),
        *sets("escalations[1]", "at=2026-11-18 10:54", "by=S005", "to_role=exec", "to=韩世宁", "method=电话"),
        *sets("escalations[1].decision", "at=2026-11-18 10:56", "emergency_plan=是"),
    ]
    done(kelu(clone, *assessed, *passed_on, *told, *sets("assessment", "severity=重大", *common)))
    early = kelu(
        clone, "advance", ID, "--to", "handling", *at("18T16:00"),
        *sets("plan", "approved_by=韩世宁", "approved_at=2026-11-18 15:30", "notified[0].department=信息部",
              "notified[0].at=2026-11-18 15:40", "emergency[0].desc=专人值守", "emergency[0].department=信息部",
              "emergency[0].owner=S009", "emergency[0].due=2026-11-19"),
    )  # fmt: skip
    assert early.exit_code == 1
    assert "专题会议" in early.output
    assert record(clone, PLACE)["status"] == "assessed"


def test_a_new_project_brings_its_duties(clone: Path) -> None:
    """3.1: contract signed → channel notice, requirements meeting, monthly reports, acceptance."""
    said = done(
        kelu(
            clone, "new", "project", *at("18T10:00"), "--name", "鹭汀港务堆场扩容运维服务项目",
            "--customer", "鹭汀港务",
            "--contract_no", "LT-GW-2026-02", "--signed_on", "2026-11-16", "--service_from", "2026-11-18",
            "--service_to", "2027-11-17", "--department", "信息部", "--pm", "陈立航", "--status", "signed",
            *sets("sla", "ref=SLA-LT-2026-02", "report_cycle=monthly", "report_due.n=5", "report_due.unit=工作日"),
            *sets("sla.indicators[0]", "code=WLN", "name=堆场无线可用率", "target=99", "op=>=", "unit=%"),
        )
    )  # fmt: skip
    assert said.count("待办：") >= 2


def test_a_project_is_not_closed_while_something_is_open(clone: Path) -> None:
    """3.4: a project cannot close while a complaint, an action or a confirmation is open."""
    registered(clone)
    commit(clone, f"{ID} 登记", "18T10:01")
    state = record(clone, "records/projects/2026/PRJ-2026-001.yaml")["status"]
    refused = kelu(clone, "advance", "PRJ-2026-001", "--to", "closed", *at("18T12:00"))
    assert refused.exit_code in (1, 2), (state, refused.output)
