"""The comment on a change: what it tells a clerk, and that nothing it quotes can act on any forge."""

from __future__ import annotations

import datetime
import html
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from git_story import Told
from kelu.finding import Finding, Severity, Text
from kelu.formats import REVIEW_FORMATS, Look
from kelu.formats import review as form
from kelu.review import Review
from kelu.review.quoted import Remark
from repository import own_records, rulebook_files

NOON = "2026-11-22T10:00:00+08:00"
CLERK = {"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "lin.xiaozhou@example.invalid",
         "GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "lin.xiaozhou@example.invalid",
         "GIT_AUTHOR_DATE": "2026-11-22T09:15:00+08:00", "GIT_COMMITTER_DATE": "2026-11-22T09:15:00+08:00"}  # fmt: skip
NEW = "records/complaints/2026/CMP-2026-0099.yaml"
COMPLAINT = """\
schema: complaint/v1
id: CMP-2026-0099
title: 打印机反复卡纸
status: registered
policy: gsb-141.03@A0
received_at: 2026-11-20T09:10:00+08:00
received_by: S001
receiving_department: 运营业务部
channel: phone
form: verbal
customer: CUS-0005
project: PRJ-2025-005
complainant: {contact: CUS-0005/C02}
category: response_timeliness
description: 早上打印机卡纸，报修后无人来。
demands: 一小时内修好。
registered_by: S001
registered_at: 2026-11-20T09:12:00+08:00
"""
ACKNOWLEDGED = (
    COMPLAINT.replace("status: registered", "status: acknowledged")
    + """\
acknowledgement: {at: 2026-11-20T10:20:00+08:00, by: S001, method: phone, told_reference: true, summary: 已致电。}
"""
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Told:
    root = tmp_path_factory.mktemp("review") / "records"
    for path, raw in {**rulebook_files(), **own_records(), ".gitignore": b".kelu/\n"}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(raw)
    told = Told(root)
    told.git("init", "-q", "--template=")
    commit(told, "Found the records")
    told.kelu("check", "--as-of", NOON)  # the cache is warm
    return told


@pytest.fixture
def told(template: Told, tmp_path: Path) -> Told:
    shutil.copytree(template.root, tmp_path / "records")
    found = Told(tmp_path / "records")
    found.git("switch", "-q", "-c", "topic")
    return found


def commit(told: Told, message: str, files: dict[str, str] | None = None) -> None:
    for path, text in (files or {}).items():
        (told.root / path).parent.mkdir(parents=True, exist_ok=True)
        (told.root / path).write_text(text, "utf-8")
    told.git("add", "-A")
    told.git("commit", "-q", "-m", message, identity=CLERK)


def reviewed(told: Told, *words: str) -> str:
    done = told.kelu("review", "--base", "main", "--as-of", NOON, *words)
    assert done.exit_code == 0, done.output
    return done.stdout


def data(told: Told) -> dict[str, Any]:
    found = json.loads(reviewed(told, "--format", "json"))
    assert isinstance(found, dict)
    return found


def test_a_new_complaint_starts_its_clocks(told: Told) -> None:
    """journeys.md §1.1: the comment names the due times."""
    commit(told, "CMP-2026-0099 登记", {NEW: COMPLAINT})
    found = data(told)
    started = {item["id"].split("/")[0]: item["due"] for item in found["duties"] if item["change"] == "started"}
    assert started["OB-30"] == "2026-11-21T09:10:00+08:00"
    assert {item["subject"] for item in found["duties"]} == {"CMP-2026-0099"}
    (changed,) = found["records"]
    assert (changed["change"], changed["before"], changed["after"]["zh"]) == ("added", None, "已登记")
    assert changed["by"] == ["林晓舟"]
    count = next(item for item in found["kpis"] if item["code"] == "CMP-01")
    assert int(count["after"]["value"]) == int(count["before"]["value"]) + 1


def test_the_comment_speaks_to_a_clerk(told: Told) -> None:
    commit(told, "CMP-2026-0099 登记", {NEW: COMPLAINT})
    comment = reviewed(told)
    assert comment.splitlines()[0] == form.MARKER
    assert "✅ 没有发现问题" in comment
    assert "| **2026-11-21 09:10** | 投诉响应（`OB-30`） |" in comment
    assert "新增 客户投诉 `CMP-2026-0099` 打印机反复卡纸：已登记；林晓舟" in comment


def test_a_step_satisfies_a_duty_and_shows_both_states(told: Told) -> None:
    commit(told, "CMP-2026-0099 登记", {NEW: COMPLAINT})
    told.git("branch", "-f", "main")
    commit(told, "CMP-2026-0099 响应", {NEW: ACKNOWLEDGED})
    found = data(told)
    assert [item["id"] for item in found["duties"] if item["change"] == "settled"] == ["OB-30/CMP-2026-0099"]
    (changed,) = found["records"]
    assert (changed["before"]["zh"], changed["after"]["zh"]) == ("已登记", "已响应")
    assert len(changed["fields"]) == 1
    share = next(item for item in found["kpis"] if item["code"] == "CMP-02")
    assert share["before"]["sums"] != share["after"]["sums"]


def test_only_what_changes_is_told(told: Told) -> None:
    commit(told, "Nothing", {"README.md": "x"})
    found = data(told)
    assert (found["findings"], found["records"], found["duties"], found["kpis"]) == ([], [], [], [])


def test_a_fault_is_told_with_its_place_label_value_mend_and_example(told: Told) -> None:
    commit(told, "CMP-2026-0099 登记", {NEW: COMPLAINT.replace("channel: phone", "channel: fone")})
    comment = reviewed(told)
    assert "有 1 处错误" in comment
    assert f"`{NEW}:9` **投诉渠道** `channel`" in comment
    assert "现为：`fone`" in comment
    assert "改法：可选：" in comment
    assert "    ```yaml\n" in comment


def test_what_a_faulty_file_says_of_people_is_masked(told: Told) -> None:
    """The file is refused, so no store knows whom it names; the comment still does not."""
    customer = next(path for path in sorted(told.root.glob("records/customers/*.yaml")))
    text = customer.read_text("utf-8")
    name, phone = (re.search(pattern, text) for pattern in (r"name: ([^\s,}]{2,4})[,\n}]", r"phone: \"?([0-9-]+)"))
    assert name is not None
    assert phone is not None
    own = text.replace(name[1], "欧阳测试").replace(phone[1], "13900001234x").replace("tier: ", "tier: 欧阳测试")
    commit(told, "客户资料", {customer.relative_to(told.root).as_posix(): own})
    output = reviewed(told, "--format", "json")
    assert json.loads(output)["summary"]["errors"] > 0
    assert "欧阳测试" not in output
    assert "13900001234" not in output


def test_of_a_restricted_record_nothing_is_quoted(told: Told) -> None:
    text = COMPLAINT.replace("policy:", "confidential: restricted\npolicy:")
    commit(told, "CMP-2026-0099 登记", {NEW: text})
    told.git("branch", "-f", "main")
    commit(
        told,
        "改",
        {NEW: text.replace("phone", "密语甲").replace("打印机", "密语乙").replace("2026-11-20T09:10", "密语丙")},
    )
    output = reviewed(told, "--format", "json")
    assert json.loads(output)["summary"]["errors"] > 1
    assert "密语" not in output
    assert "打印机" not in output


def test_a_policy_at_fault_is_told_of_without_figures(told: Told) -> None:
    policy = (told.root / "config/policy.yaml").read_text("utf-8")
    commit(told, "Break the policy", {"config/policy.yaml": policy.replace("timeline:", "timelin:"), NEW: COMPLAINT})
    found = data(told)
    assert "config/policy.yaml" in {item["path"] for item in found["findings"]}
    assert (found["duties"], found["kpis"]) == ([], [])


def test_what_came_with_a_policy_change_is_judged_by_both(told: Told) -> None:
    """With the base's policy nothing is wrong; the new one does not hold for the records that there are."""
    schema = told.root / "schemas/complaint.schema.json"
    schema.write_text(schema.read_text("utf-8").replace('"maxLength"', '"minLength": 300, "maxLength"', 1), "utf-8")
    commit(told, "Change the schema")
    comment = reviewed(told, "--policy-from", "main")
    assert "全部记录都用新制度检查过" in comment
    assert "（`SCH-" in comment


def test_pages_of_the_changed_records_open_from_a_disk(told: Told, tmp_path: Path) -> None:
    commit(told, "CMP-2026-0099 登记", {NEW: COMPLAINT})
    folder = tmp_path / "preview"
    assert "kelu-preview" in reviewed(told, "--preview", str(folder))
    assert [path.name for path in (folder / "records").iterdir()] == ["CMP-2026-0099.html"]
    page = (folder / "records/CMP-2026-0099.html").read_text("utf-8")
    assert "打印机反复卡纸" in page
    assert 'href="records/CMP-2026-0099.html"' in html.unescape((folder / "index.html").read_text("utf-8"))
    for made in folder.rglob("*.html"):
        for link in re.findall(r'(?:href|src)="([^"#]+)', html.unescape(made.read_text("utf-8"))):
            assert not re.match(r"[a-z]+:|//", link), link
            assert (made.parent / link.partition("?")[0]).is_file(), f"{made.name}: {link}"
    again = told.kelu("review", "--base", "main", "--preview", str(folder))
    assert again.exit_code == 2


def test_templates_of_the_change_are_not_run(told: Told, tmp_path: Path) -> None:
    """They could run anything where the change is judged."""
    commit(told, "Take over", {NEW: COMPLAINT, "site/templates/record.html.j2": "{{ 1/0 }}", "mkdocs.yml": "{"})
    reviewed(told, "--preview", str(tmp_path / "preview"))


# --- nothing that is quoted can act ----------------------------------------------------------------------

HOSTILE = [
    "@all", "a@b.example", "#12", "!3", "~label", "$snippet", "owner/repo#1", "GH-12", "https://evil.example",
    "www.evil.example", "[点我](javascript:alert(1))", "![x](https://evil.example/x.png)",
    "<img src=x onerror=alert(1)>", "<!-- ", "-->", "`", "``` ", "`@all`", "``@all``", "a|b|c", "\n\n# 标题",
    "\r\n- 一", "1. 一", "*强调*", "_强调_", "~~删~~", "&#64;all", "&lt;b&gt;", "\\`@all", ":smile:",
    "[ref]: https://evil.example", "\u202e@all", "联系@all请", "<details>", "| --- |", "$$x$$", "/close",
    "\u2028/assign @me", "…@all", "x" * 500 + "@all",
]  # fmt: skip
ACTING = re.compile(r"@|://|www\.|[#!~$%^&]\w|</?[a-z!]|\]\(|GH-\d|/\w+#|:\w+:")


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_inert(words: str) -> None:
    assert_inert(words)


_PARTS = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20), st.sampled_from(["中文", " ", "`", "|", "\\"]))


@settings(deadline=None)
@given(st.lists(_PARTS, max_size=8).map("".join))
def test_any_words_are_inert(words: str) -> None:
    assert_inert(words)


def assert_inert(words: str) -> None:
    """In every place of a comment where something is quoted: only code holds it, and nothing else is made of it."""
    text = Text(words, words)
    finding = Finding("GH-04", Severity.ERROR, f"records/{words}.yaml", 1, 1, words, text, text, value=words)
    moment = datetime.datetime.fromisoformat(NOON)
    review = Review("0" * 40, moment, 1, 0, 1, (Remark(finding, text, ""),), (), (), (), (), {})
    comment = REVIEW_FORMATS["markdown"](review, Look("zh"), False)
    assert comment.count("<!--") - sum(line.count("<!--") for line in comment.splitlines()[1:]) == 1
    seen = Seen.of(comment)
    assert seen.tags <= {"h2", "h3", "p", "code", "ul", "li", "strong"}
    assert not ACTING.search("\0".join(seen.spoken)), seen.spoken
    cell = f"| 事项 |\n|---|\n| {form.inert(words)} |\n"
    table = Seen.of(cell)
    assert table.tags <= {"table", "thead", "tbody", "tr", "th", "td", "code"}
    assert table.count["tr"] == 2
    assert table.count["td"] <= 1


class Seen(HTMLParser):
    """What a renderer makes of Markdown: the tags, and the words outside code."""

    @classmethod
    def of(cls, markdown: str) -> Seen:
        found = cls()
        found.feed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))
        return found

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.count: dict[str, int] = {}
        self.spoken: list[str] = []
        self._inside = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.count[tag] = self.count.get(tag, 0) + 1
        self._inside += tag == "code"

    def handle_endtag(self, tag: str) -> None:
        self._inside -= tag == "code"

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.spoken.append(data)


def test_a_comment_keeps_below_the_limit_and_says_what_it_leaves_out() -> None:
    words = Text("很长" * 300, "x")
    remarks = tuple(
        Remark(Finding("SCH-04", Severity.ERROR, f"records/x/{n}.yaml", n, 1, "f", words, words, value="@" * 80))
        for n in range(1, 500)
    )
    moment = datetime.datetime.fromisoformat(NOON)
    review = Review("0" * 40, moment, 499, 0, 1, remarks, (), (), (), (), {})
    comment = REVIEW_FORMATS["markdown"](review, Look("zh"), False)
    assert len(comment.encode()) <= form.LIMIT
    shown = comment.count("改法：")
    assert 10 < shown < 499
    assert f"另有 {499 - shown} 项因篇幅没有列出" in comment
