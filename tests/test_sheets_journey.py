"""A person who has only Excel: gets a sheet, fills it in, gives it back, and what was written is a sound change."""

from __future__ import annotations

import json
import re
from pathlib import Path

import openpyxl
import pytest

from sheet_desk import Desk, Excel, set_up

ISSUED = "SUR-2026-0033"
SURVEYS, ANSWERS = "满意度调查／回访", "回收问卷"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = set_up(tmp_path_factory.mktemp("template"))
    desk.done("check")  # what is kept from it makes the tests quick
    return desk


@pytest.fixture
def desk(template: Desk, tmp_path: Path) -> Desk:
    return template.copy(tmp_path / "desk")


def test_a_returned_survey_is_entered_in_excel(desk: Desk) -> None:
    excel = Excel(desk.export("survey", ISSUED))
    excel.put(SURVEYS, excel.row(SURVEYS, ISSUED), 状态="已回收")
    marks = {
        "评分 › 项目质量": "非常满意",
        "评分 › 人员能力": "满意",
        "评分 › 工作规范": 5,
        "评分 › 运维安全": "不适用",
    }
    excel.add(ANSWERS, {"记录编号": ISSUED, "序号": 1, "答卷人": "CUS-0006/C01", "回收日期": "2026年11月20日",
                        "有效": "是",
                        **marks, "建议": "  希望每季度来一次。\r\n谢谢  "})  # fmt: skip
    excel.add(ANSWERS, {"记录编号": ISSUED, "序号": "２", "答卷人身份": "机房值班员", "回收日期": "2026/11/21",
                        "有效": "否", "无效原因": "填写不完整", "评分 › 项目质量": "满意"})  # fmt: skip
    said = desk.done("import", "survey", excel.save())
    assert "改动 1" in said
    assert desk.changed() == [f" M records/surveys/2026/{ISSUED}.yaml"]
    record = desk.record(ISSUED)
    assert record["status"] == "returned"
    assert record["responses"] == [
        {"no": 1, "respondent": "CUS-0006/C01", "returned_on": "2026-11-20", "valid": True,
         "scores": {"quality": 5, "competence": 4, "discipline": 5, "security": "X"},
         "suggestions": "希望每季度来一次。\n谢谢"},
        {"no": 2, "respondent_role": "机房值班员", "returned_on": "2026-11-21", "valid": False,
         "invalid_reason": "incomplete", "scores": {"quality": 4}},
    ]  # fmt: skip
    desk.done("check")
    assert desk.done("fmt", "--check", str(desk.root / f"records/surveys/2026/{ISSUED}.yaml")) == ""
    desk.commit()
    desk.done("import", "survey", str(excel.place))
    assert desk.changed() == []  # the same sheet once more says nothing new


def test_what_is_at_fault_is_told_by_sheet_row_and_cell_and_nothing_is_written(desk: Desk) -> None:
    excel = Excel(desk.export("survey", ISSUED))
    excel.put(SURVEYS, excel.row(SURVEYS, ISSUED), 状态="已收回", 形式="=A1")
    excel.add(ANSWERS, {"记录编号": ISSUED, "序号": 1, "回收日期": "3/2/2026", "有效": "是", "评分 › 项目质量": "很好"})
    excel.add(ANSWERS, {"记录编号": "SUR-2026-9999", "序号": 1})
    result = desk.kelu("import", "survey", excel.save(), "--format", "json")
    assert result.exit_code == 1
    found = {(item["code"], item["line"], item["field"]): item for item in json.loads(result.stdout)["findings"]}
    assert set(found) == {
        ("SHEET-04", 2, "status"), ("SHEET-03", 2, "method"), ("SHEET-10", 2, "responses[0].returned_on"),
        ("SHEET-04", 2, "responses[0].scores.quality"), ("SHEET-11", 3, "id"),
    }  # fmt: skip
    status = found["SHEET-04", 2, "status"]
    assert status["path"] == "survey.xlsx"
    assert status["message"]["zh"] == "表“满意度调查／回访”第 2 行 D 列：“状态”没有“已收回”这一项"
    assert status["message"]["en"].startswith('sheet "满意度调查／回访", cell D2: ')
    assert "已回收" in status["hint"]["zh"]
    assert "什么也没有写" in result.stderr
    assert desk.changed() == []


def test_what_rules_say_is_told_at_the_cell_it_comes_from(desk: Desk) -> None:
    excel = Excel(desk.export("survey", ISSUED))
    excel.put(SURVEYS, excel.row(SURVEYS, ISSUED), 状态="已回收")
    row = excel.add(ANSWERS, {"记录编号": ISSUED, "序号": 1, "答卷人": "CUS-0006/C01", "回收日期": "2026-11-20",
                              "有效": "是",
                              "评分 › 项目质量": 2, "评分 › 人员能力": 4, "评分 › 工作规范": 5, "评分 › 运维安全": 5,
                              "意见": "请打 138-0000-0099 找我"})  # fmt: skip
    result = desk.kelu("import", "survey", excel.save(), "--format", "json")
    found = [item for item in json.loads(result.stdout)["findings"] if item["severity"] == "error"]
    assert [(item["code"], item["line"], item["field"]) for item in found] == [
        ("R-ALL-05", row, "responses[0].comments")
    ]
    column = excel.column(ANSWERS, "意见")
    assert found[0]["column"] == column
    assert f"表“{ANSWERS}”第 {row} 行" in found[0]["message"]["zh"]
    assert desk.changed() == []


def test_what_may_not_change_any_more_is_told_before_it_is_written(desk: Desk) -> None:
    excel = Excel(desk.export("survey", "SUR-2026-0016"))
    excel.put(ANSWERS, 2, **{"评分 › 项目质量": "一般"})
    excel.put(SURVEYS, 2, 类型="临时调查")
    result = desk.kelu("import", "survey", excel.save(), "--format", "json")
    found = [item for item in json.loads(result.stdout)["findings"] if item["code"].startswith("GH-")]
    assert {(item["code"], item["line"]) for item in found} == {("GH-04", 2), ("GH-07", 2)}
    assert found[0]["message"]["zh"].startswith("表“")
    assert desk.changed() == []


def test_a_complaint_is_registered_in_an_empty_sheet(desk: Desk) -> None:
    place = desk.export("complaint", "--blank")
    excel = Excel(place)
    assert [cell.value for cell in excel.book["客户投诉"]["A"]] == ["编号"]
    excel.add("客户投诉", {"编号": "新1", "标题": "门户网站打不开", "状态": "已登记", "接收时间": "2026-11-20 9:10",
                       "接收人": "S001 林晓舟", "接收部门": "服务台", "投诉渠道": "电话", "形式": "口头",
                       "客户": "CUS-0001",
                       "投诉人 › 联系人": "CUS-0001/C01", "投诉类别": "响应及时性",
                       "事由与经过": "周五上午起网上办事大厅无法登录，致电后半小时无人回复。",
                       "顾客要求/诉求": "尽快恢复并说明原因"})  # fmt: skip
    excel.add(
        "信息传递",
        {"记录编号": "新1", "时间": "2026-11-20 9:30", "经办人": "S001", "转出部门": "服务台", "转入部门": "信息部"},
    )
    said = desk.done("import", "complaint", excel.save())
    (line,) = desk.changed()
    name = line.rpartition("/")[2].removesuffix(".yaml")
    assert name in said
    record = desk.record(name)
    assert record["schema"] == "complaint/v1"
    assert record["policy"]
    assert record["received_at"] == "2026-11-20T09:10:00+08:00"
    assert record["registered_by"] == "S001"  # who is known to Git by this mail address
    assert record["transfers"][0]["to"] == "信息部"
    desk.done("check")
    desk.commit()
    assert "新建 0" in desk.done("import", "complaint", str(excel.place))  # the same sheet, given twice
    assert desk.changed() == []


def test_a_dry_run_and_a_pull_request(desk: Desk) -> None:
    excel = Excel(desk.export("customer", "CUS-0006"))
    excel.put("客户档案", 2, 备注="每年走访两次")
    assert "只是预演" in desk.done("import", "customer", excel.save(), "--dry-run")
    assert desk.changed() == []
    said = desk.done("import", "customer", str(excel.place), "--pr")
    assert "已在分支" in said
    assert desk.changed() == []
    assert desk.record("CUS-0006")["note"] == "每年走访两次"


def test_masked_cells_change_nothing_and_may_not_be_half_changed(desk: Desk) -> None:
    excel = Excel(desk.export("customer", "CUS-0001"))
    sheet, phone = excel.book["联系人"], excel.column("联系人", "电话")
    assert sheet.cell(2, phone).value == "138****0001"
    assert "138-0000-0001" not in {cell.value for row in sheet for cell in row}
    desk.done("import", "customer", excel.save())
    assert desk.changed() == []
    excel.put("联系人", 2, 电话="138****0009")
    result = desk.kelu("import", "customer", excel.save(), "--format", "json")
    assert [item["code"] for item in json.loads(result.stdout)["findings"]] == ["SHEET-07"]
    excel.put("联系人", 2, 电话="138-0000-0091")
    desk.done("import", "customer", excel.save())
    assert desk.record("CUS-0001")["contacts"][0]["phone"] == "138-0000-0091"
    clear = Excel(desk.export("customer", "CUS-0001", "--with-contacts", name="clear.xlsx"))
    assert clear.book["联系人"].cell(2, phone).value == "138-0000-0091"


def test_phones_come_from_the_vault_and_go_back_there(desk: Desk) -> None:
    policy = desk.root / "config/policy.yaml"
    policy.write_text(re.sub("(?m)^pii_store: .*$", "pii_store: vault", policy.read_text("utf-8")), "utf-8")
    (desk.root / ".gitignore").write_text(".kelu/\n/private/\n", "utf-8")
    desk.done("vault", "take-in")
    desk.commit()
    assert "phone" not in desk.record("CUS-0001")["contacts"][0]
    excel = Excel(desk.export("customer", "CUS-0001", "--with-contacts"))
    assert excel.book["联系人"].cell(2, excel.column("联系人", "电话")).value == "138-0000-0001"
    desk.done("import", "customer", str(excel.place))
    assert desk.changed() == []
    excel.put("联系人", 2, 电话="138-0000-0091")
    desk.done("import", "customer", excel.save())
    assert desk.changed() == []
    assert "138-0000-0091" in (desk.root / "private/contacts.yaml").read_text("utf-8")


def test_the_workbook_helps_whoever_fills_it_in(desk: Desk) -> None:
    book = openpyxl.load_workbook(desk.export("complaint", "--blank"))
    sheet = book["客户投诉"]
    assert sheet.freeze_panes == "B2"
    titles = {cell.value: cell for cell in sheet[1]}
    assert "响应 › 时间" in titles
    assert "必填" in titles["标题"].comment.text
    assert "acknowledgement.at" in titles["响应 › 时间"].comment.text
    offered = {str(rule.sqref).partition("2")[0]: rule.formula1 for rule in sheet.data_validations.dataValidation}
    column = titles["状态"].column_letter
    place = offered[column].rpartition("!")[2].replace("$", "")
    assert [cell[0].value for cell in book["选项"][place]][:2] == ["已登记", "已响应"]
    assert {"信息传递", "升级／上报", "说明", "选项"} <= set(book.sheetnames)
    assert any("新1" in str(row[0].value) for row in book["说明"])
    assert titles["接收时间"].number_format == "@"


def test_a_file_that_may_have_been_filled_in_is_not_overwritten(desk: Desk) -> None:
    place = desk.export("project")
    before = place.read_bytes()
    result = desk.kelu("export", "project", "--output", str(place))
    assert result.exit_code == 2
    assert "--keep" in result.output
    assert place.read_bytes() == before


def test_columns_of_ones_own_survive(desk: Desk) -> None:
    excel = Excel(desk.export("survey", "--year", "2026"))
    for sheet, row in ((SURVEYS, excel.row(SURVEYS, ISSUED)), (ANSWERS, 3)):
        own = excel.book[sheet].max_column + 1
        excel.book[sheet].cell(1, own).value = "我的备注"
        excel.book[sheet].cell(row, own).value = "等回函"
    answered = excel.book[ANSWERS].cell(3, 1).value
    said = desk.done("import", "survey", excel.save())
    assert "我的备注" in said
    assert desk.changed() == []
    desk.done("export", "survey", "--output", str(excel.place), "--keep", str(excel.place))
    again = Excel(excel.place)
    own = again.column(SURVEYS, "我的备注")
    assert again.book[SURVEYS].cell(again.row(SURVEYS, ISSUED), own).value == "等回函"
    own = again.column(ANSWERS, "我的备注")
    rows = [row for row in range(2, again.book[ANSWERS].max_row + 1) if again.book[ANSWERS].cell(row, own).value]
    assert [again.book[ANSWERS].cell(row, 1).value for row in rows] == [answered]
