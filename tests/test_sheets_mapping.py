"""Tables of other programs by the mappings in config/imports/: an ITSM tool's CSV, a survey tool's workbook."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from sheet_desk import Desk, set_up

INCIDENTS = [
    "工单编号",
    "标题",
    "分类",
    "优先级",
    "重大事故",
    "客户名称",
    "合同号",
    "创建时间",
    "关闭时间",
    "处理人",
    "所属班组",
    "状态",
]
TICKETS = [
    ["ITSM-20261118-001", "门户网站访问缓慢", "应用", "高", "否", "星河数管局", "$contract", "2026/11/18 9:05",
     "2026/11/18 11:30", "$name", "一线", "已关闭"],
    ["ITSM-20261118-002", "=打印机离线，现场更换", "终端", "低", "", "星河数管局", "$contract",
     "2026年11月18日 14:00", "2026-11-18 15:20:31", "$name", "一线", "已关闭"],
    ["ITSM-20261119-001", "处理中的工单", "网络", "中", "否", "星河数管局", "$contract", "2026/11/19 9:05",
     "", "$name", "一线", "处理中"],
]  # fmt: skip


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = set_up(tmp_path_factory.mktemp("template"))
    desk.done("check")
    return desk


@pytest.fixture
def desk(template: Desk, tmp_path: Path) -> Desk:
    return template.copy(tmp_path / "desk")


def tickets(desk: Desk, rows: Sequence[Sequence[str]] = TICKETS) -> list[list[str]]:
    """The rows with a contract and an engineer that there are."""
    project = next(desk.record(path.stem) for path in sorted(desk.root.glob("records/projects/2025/*.yaml"))
                   if desk.record(path.stem)["customer"] == "CUS-0001")  # fmt: skip
    return [
        [cell.replace("$contract", project["contract_no"]).replace("$name", "林晓舟") for cell in row] for row in rows
    ]


def table(rows: Sequence[Sequence[str]], encoding: str, delimiter: str = ",") -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([INCIDENTS, *rows])
    return out.getvalue().encode(encoding)


def put(desk: Desk, raw: bytes, name: str = "事件导出.csv") -> str:
    (desk.sheets / name).write_bytes(raw)
    return str(desk.sheets / name)


def codes(desk: Desk, *words: str) -> list[tuple[str, int, int]]:
    result = desk.kelu("import", *words, "--format", "json")
    assert result.exit_code == 1, result.output
    return [(item["code"], item["line"], item["column"]) for item in json.loads(result.stdout)["findings"]]


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("utf-8-sig", ","), ("gbk", ","), ("utf-8", "\t"), ("gb18030", ";")]
)
def test_incidents_of_an_itsm_tool(desk: Desk, encoding: str, delimiter: str) -> None:
    file = put(desk, table(tickets(desk), encoding, delimiter))
    said = desk.done("import", "incident", file, "--map", "itsm-incidents")
    assert "新建 2" in said
    assert "跳过 1 行" in said
    assert ("GB18030" in said) is encoding.startswith("gb")
    first, second = (desk.record(line.rpartition("/")[2].removesuffix(".yaml")) for line in sorted(desk.changed()))
    assert first["external_ref"] == "ITSM-20261118-001"
    assert (first["customer"], first["priority"], first["handled_by"]) == ("CUS-0001", "P2", "S001")
    assert (first["reported_at"], first["closed_at"]) == ("2026-11-18T09:05:00+08:00", "2026-11-18T11:30:00+08:00")
    assert second["summary"] == "=打印机离线，现场更换"
    assert (second["major"], second["status"]) == (False, "closed")
    assert second["closed_at"] == "2026-11-18T15:20:31+08:00"
    desk.commit()
    assert "不变 2" in desk.done("import", "incident", file, "--map", "itsm-incidents")
    assert desk.changed() == []


def test_a_ticket_that_changed_is_brought_up_to_date(desk: Desk) -> None:
    rows = tickets(desk)
    desk.done("import", "incident", put(desk, table(rows, "utf-8")), "--map", "itsm-incidents")
    desk.commit()
    rows[0][1], rows[1][2] = "门户网站访问缓慢（已扩容）", ""
    said = desk.done("import", "incident", put(desk, table(rows, "utf-8")), "--map", "itsm-incidents")
    assert "改动 1" in said
    (line,) = desk.changed()
    record = desk.record(line.rpartition("/")[2].removesuffix(".yaml"))
    assert record["summary"] == "门户网站访问缓慢（已扩容）"


def test_what_is_unknown_to_us_is_told_at_its_cell(desk: Desk) -> None:
    rows = tickets(desk)
    rows[0][5], rows[0][3], rows[1][7] = "无此公司", "极高", "11/18/2026 9:00"
    rows.append([*rows[1][:7], "2026/11/18 9:00", *rows[1][8:]])
    file = put(desk, table(rows, "gbk"))
    found = codes(desk, "incident", file, "--map", "itsm-incidents")
    assert found == [("SHEET-04", 2, 4), ("SHEET-05", 2, 6), ("SHEET-10", 3, 8), ("SHEET-12", 5, 1)]
    assert desk.changed() == []


def test_a_column_that_is_missing_is_named(desk: Desk) -> None:
    raw = table(tickets(desk), "utf-8").replace("关闭时间".encode(), "完成时间".encode())
    result = desk.kelu("import", "incident", put(desk, raw), "--map", "itsm-incidents")
    assert result.exit_code == 1
    assert "关闭时间" in result.output


def test_a_mapping_at_fault_is_told_by_its_line(desk: Desk) -> None:
    place = desk.root / "config/imports/itsm-incidents.yaml"
    place.write_text(place.read_text("utf-8").replace("标题: summary", "标题: sumary"), "utf-8")
    result = desk.kelu("import", "incident", put(desk, table(tickets(desk), "utf-8")), "--map", "itsm-incidents")
    assert result.exit_code == 2
    assert "itsm-incidents.yaml:10:7" in result.output
    place.write_text(place.read_text("utf-8") + "unknown: 1\n", "utf-8")
    assert "config/imports/itsm-incidents.yaml" in desk.kelu("check").output


ANSWERS = ["序号", "提交时间", "所用时间", "来源", "答卷状态", "贵单位", "您的身份", "1、项目质量", "2、人员能力",
           "3、工作规范", "4、运维安全", "5、您的意见", "6、您的建议"]  # fmt: skip


def answers(rows: Sequence[Sequence[Any]]) -> bytes:
    book = openpyxl.Workbook()
    book.active.append(ANSWERS)
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def answer(number: int, customer: str, *grades: Any, state: str = "有效", comment: str | None = None) -> list[Any]:
    return [
        number,
        f"2026/11/2{number % 3} 10:20:3{number}",
        "65秒",
        "链接",
        state,
        customer,
        "运维联系人",
        *grades,
        comment,
        None,
    ]


def test_questionnaires_go_into_the_issued_survey(desk: Desk) -> None:
    issued = desk.record("SUR-2026-0033")
    port = desk.record(issued["customer"])
    rows = [
        answer(1, port["name"], "非常满意", "满意", "满意", "非常满意"),
        answer(3, port["short_name"], "满意", "满意", "非常满意", "不适用", comment="总体不错"),
        answer(4, port["name"], "满意", "满意", "满意", "满意", state="测试"),
    ]
    file = put(desk, answers(rows), "答卷.xlsx")
    said = desk.done("import", "survey", file, "--map", "survey-tool")
    assert "改动 1" in said
    assert "跳过 1 行" in said
    survey = desk.record("SUR-2026-0033")
    assert (survey["status"], survey["method"], survey["title"]) == ("returned", issued["method"], issued["title"])
    assert [item["no"] for item in survey["responses"]] == [1, 3]
    assert survey["responses"][1] == {
        "no": 3, "respondent_role": "运维联系人", "returned_on": "2026-11-20", "valid": True, "comments": "总体不错",
        "scores": {"quality": 4, "competence": 4, "discipline": 5, "security": "X"},
    }  # fmt: skip
    desk.commit()
    assert "不变 1" in desk.done("import", "survey", file, "--map", "survey-tool")
    assert desk.changed() == []


def test_questionnaires_of_a_campaign_that_nobody_issued_make_new_surveys(desk: Desk) -> None:
    place = desk.root / "config/imports/survey-tool.yaml"
    place.write_text(place.read_text("utf-8").replace("campaign: 2026-company", "campaign: 2026-autumn"), "utf-8")
    names = [desk.record(f"CUS-000{number}")["name"] for number in (1, 6, 1)]
    rows = [answer(number, name, "满意", "满意", "满意", "满意") for number, name in enumerate(names, 1)]
    said = desk.done("import", "survey", put(desk, answers(rows), "答卷.xlsx"), "--map", "survey-tool")
    assert "新建 2" in said
    made = [desk.record(line.rpartition("/")[2].removesuffix(".yaml")) for line in desk.changed() if "??" in line]
    assert [(one["customer"], one["method"], len(one["responses"])) for one in made] == [
        ("CUS-0001", "online", 2), ("CUS-0006", "online", 1),
    ]  # fmt: skip
    assert all(one["policy"] and one["registered_by"] == "S001" for one in made)


def test_two_answers_of_one_number_are_told(desk: Desk) -> None:
    name = desk.record("CUS-0006")["name"]
    rows = [answer(1, name, "满意", "满意", "满意", "满意"), answer(1, name, "一般", "满意", "满意", "满意")]
    assert codes(desk, "survey", put(desk, answers(rows), "答卷.xlsx"), "--map", "survey-tool") == [("SHEET-12", 3, 1)]
