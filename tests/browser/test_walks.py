"""Five walks: what an auditor who has never seen the site asks of it, each answered from home in at most five clicks.

A walk clicks only what is in sight, by the words that stand there, and reads only the page that it has reached.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import serve

from kelu import cli, demo

Opener = Callable[..., Any]
MOST = 5  # clicks


class Walk:
    """A way through the site: where it has got to, and by how many clicks."""

    def __init__(self, page: Any) -> None:
        self.page, self.clicks = page, 0

    def click(self, words: str, within: str = "main") -> None:
        """Follow the first visible link that bears these words; `within` narrows where the eye looks."""
        self.clicks += 1
        assert self.clicks <= MOST, f"{words} would be click {self.clicks}"
        link = self.page.locator(f"{within} a", has_text=words).filter(visible=True)
        assert link.count(), f"no link {words!r} in sight on {self.page.url}"
        target = link.first.evaluate("a => a.href")
        link.first.click()
        self.page.wait_for_url(target)

    def sees(self, *words: str, within: str = "main") -> None:
        """All these words stand, visible, in the part named."""
        text = " ".join(self.page.locator(within).first.inner_text().split())
        assert [word for word in words if word not in text] == []


# --- the low score of a survey was followed up -----------------------------------------------------------


@pytest.mark.parametrize(
    ("root", "panel", "item"),
    [("", "低分及其跟进", "人员能力"), ("en/", "Low scores and their follow-up", "Competence")],
)
def test_the_low_score_of_a_survey_was_followed_up(opened: Opener, root: str, panel: str, item: str) -> None:
    walk = Walk(opened(f"{root}index.html"))
    walk.sees(panel, "SUR-2026-0012", item, within="#low")
    walk.click("SUR-2026-0012", within="#low")
    walk.sees("人员能力 Competence 3 一般", "不满足“各项≥4”，按规定次月二次调查；同步下达改进措施。")
    walk.sees("次月二次调查", "提前 8 天", "来源，已关闭", "原调查，已归档", within="aside")
    walk.click("ACT-2026-0009", within="aside")
    walk.sees("夜班按专业排班与信号接口专项培训", "已关闭", "9 人考核合格", "2026-06-12 10:00 验证 何静宜")
    walk.click("SUR-2026-0012")
    walk.click("SUR-2026-0020", within="aside")
    walk.sees("已归档", "“人员能力”由 3 分升到 5 分。", "复查项达标")


# --- why the rate of satisfied customers missed its target -----------------------------------------------


@pytest.mark.parametrize(
    ("root", "verdict", "only"),
    [("", ("未达标", "目标 ≥ 98%", "4 / 5", "每份有效问卷的各项评分均达到满意线的为满意客户"), "仅计入分母 1"),
     ("en/", ("not met", "target ≥ 98%", "4 / 5", "every score of every valid sheet reaches the line"),
      "counted in the denominator only 1")],
)  # fmt: skip
def test_why_the_satisfied_rate_missed(opened: Opener, root: str, verdict: tuple[str, ...], only: str) -> None:
    walk = Walk(opened(f"{root}index.html"))
    walk.click("SAT-01")
    walk.sees("80.00", *verdict)
    walk.sees(only)
    walk.click("SUR-2026-0012")
    walk.sees("人员能力 Competence 3 一般", "夜间值班工程师对信号系统接口不熟悉")


# --- who approved the closing of the major complaint, and when -------------------------------------------


def test_who_approved_the_closing_of_the_major_complaint(opened: Opener) -> None:
    walk = Walk(opened("index.html"))
    walk.sees("CMP-2026-0003", "已关闭", "周明远", "2026-03-10 09:20", within="#major")
    walk.click("CMP-2026-0003", within="#major")
    walk.sees("重大", "2026-03-10 09:30 关闭 孙若彤 批准人 周明远 2026-03-10 09:20")


# --- the duties overdue last quarter ---------------------------------------------------------------------


def test_the_duties_overdue_last_quarter(opened: Opener) -> None:
    walk = Walk(opened("index.html"))
    walk.click("义务", within=".md-tabs")
    walk.click("上季度")
    assert walk.page.url.endswith("#last-quarter")
    walk.sees("2026 年第 3 季度（2026-07-01 至 2026-09-30）到期的义务")
    rows = walk.page.locator("#quarter-overdue tbody tr")
    assert [re.findall(r"OB-\d+|2026-\d\d-\d\d", row.inner_text()) for row in rows.all()] == [
        ["OB-18", "2026-07-22"], ["OB-03", "2026-07-28"], ["OB-18", "2026-09-24"],
    ]  # fmt: skip
    assert "迟 1 天" in walk.page.locator("#quarter-satisfied-late").inner_text()
    walk.click("会议纪要客户确认", within="#quarter-overdue")
    walk.sees("青禾视频中心年度服务回顾评审（2026年）", "逾期 123 天")


# --- nothing was deleted ---------------------------------------------------------------------------------

GONE = "records/communications/2025/COM-2025-0001.yaml"
COMMAND = "git log --first-parent -m --no-renames --diff-filter=D --name-only --format='%H %cI %an' -- records"


WHEN = {f"GIT_{role}_DATE": "2026-09-02T10:00:00+08:00" for role in ("AUTHOR", "COMMITTER")}
WHO = ("-c", "user.name=周明远", "-c", "user.email=s003@example.invalid")


@contextlib.contextmanager
def published(root: Path, folder: Path) -> Iterator[str]:
    """The address of the site of a repository's head, as its command makes it."""
    done = CliRunner().invoke(cli.main, ["--root", str(root), "site", "--out", str(folder)])
    assert done.exit_code == 0, done.output
    server = serve(folder)
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_nothing_was_deleted(opened: Opener, tmp_path: Path) -> None:
    """And once something was, the same walk ends at that."""
    root = tmp_path / "records"
    demo.create(root, 60, 1, 120)
    with published(root, tmp_path / "before") as address:
        walk = Walk(opened("index.html", at=address))
        walk.click("审计", within=".md-tabs")
        walk.sees("删除的文件 0", "120 次提交")
        walk.click("0", within="div:has(> dt:text('删除的文件'))")
        assert walk.page.url.endswith("#deleted")
        walk.sees("主分支上从 records/ 删除过的文件：0 个。", COMMAND)
    for words in (["rm", "-q", GONE], ["commit", "-q", "-m", "Clean up"]):
        subprocess.run(["git", *WHO, *words], cwd=root, env={**os.environ, **WHEN}, check=True)
    with published(root, tmp_path / "after") as address:
        walk = Walk(opened("index.html", at=address))
        walk.click("审计", within=".md-tabs")
        walk.click("1", within="div:has(> dt:text('删除的文件'))")
        walk.sees("主分支上从 records/ 删除过的文件：1 个。", GONE, "2026-09-02 10:00", "周明远", "已不在")
