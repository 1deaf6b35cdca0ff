"""The blank questionnaires of every pack: each on one sheet of A4, with a box for every grade of every item."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from kelu.pages import sheets
from repository import ROOT, rulebook

playwright = pytest.importorskip("playwright.sync_api")

TEMPLATES = [
    (name, code) for name, pack in rulebook().policy.packs.items() for code in pack.source.data.get("templates", ())
]


def filled(pack: str, code: str) -> dict[str, Any]:
    data = rulebook().policy.packs[pack].source.data
    template = data["templates"][code]
    grades = [{"code": str(grade["code"]), "zh": grade["zh"]} for grade in data["scales"][template["scale"]]["grades"]]
    return {
        "id": "SUR-2026-0099", "title": "年度客户满意度调查", "heading": template["title"]["zh"],
        "customer": "星河市数据资源管理局及所属各单位信息化工作领导小组办公室（虚构）", "due_on": "2026-12-14",
        "items": [item["zh"] for item in template["items"]], "grades": grades,
    }  # fmt: skip


@pytest.mark.parametrize(("pack", "code"), TEMPLATES)
def test_a_questionnaire_fits_one_sheet(chromium: playwright.Browser, tmp_path: Path, pack: str, code: str) -> None:
    values = filled(pack, code)
    file = tmp_path / "sheet.html"
    file.write_text(sheets.page(ROOT, "questionnaire", values), "utf-8")
    page = chromium.new_page(viewport={"width": 794, "height": 1123})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) == 1
    assert page.locator("td").count() == len(values["items"]) * len(values["grades"])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert asked == [file.as_uri()]
    page.close()
