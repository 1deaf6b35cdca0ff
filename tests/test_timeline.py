"""The timeline of a record: a life told from real commits, masked and inert wherever it is shown."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import site_build
from kelu import cli, pages, timeline
from kelu.finding import Finding, Severity, Text
from kelu.formats import TIMELINE_FORMATS
from kelu.history.index import open_history
from kelu.pages import duties, indicator, record
from kelu.pages.forge import Forge
from kelu.pages.template import Templates
from kelu.privacy import Directory
from repository import ROOT, own_records, rulebook, rulebook_files

EXPECTED = Path(__file__).parent / "cases" / "timeline.json"
CMP, CUS = "records/complaints/2026/CMP-2026-0001.yaml", "records/customers/CUS-0001.yaml"
STAFF = """\
staff:
  - id: S001
    name: 林晓舟
    email: lin@example.invalid
    department: 服务台
    roles: [{role: service_desk, from: 2023-01-01}]
  - id: S003
    name: 周明远
    email: zhou@example.invalid
    department: 综合管理部
    roles: [{role: qa_manager, from: 2023-01-01}]
  - id: S005
    name: 孙若彤
    email: sun@example.invalid
    department: 质量管理部
    roles: [{role: qa_admin, from: 2023-01-01, to: 2026-03-10}, {role: complaint_handler, from: 2026-03-01}]
"""
CUSTOMER = """\
schema: customer/v1
id: CUS-0001
name: 虚构科技公司
relation: end_user
tier: project
status: active
contacts:
  - {id: C01, name: 刘晓枫, position: 信息主管, phone: 138-0000-0001, email: liu@example.invalid}
"""
COMPLAINT = """\
schema: complaint/v1
id: CMP-2026-0001
title: 网络中断
status: registered
policy: gsb-141.03@A0
received_at: 2026-03-02T09:00:00+08:00
channel: phone
customer: CUS-0001
complainant: {name: 吴桐雨, phone: 138-0000-0009}
description: 刘晓枫来电：主干中断，请联系吴桐雨。
registered_by: S001
registered_at: 2026-03-02T09:10:00+08:00
"""
PLAN = """\
plan:
  emergency:
    - {desc: 切换备用链路, owner: S005, due: 2026-03-05}
    - {desc: "<script>alert(1)</script> 更换板卡", owner: S005, due: 2026-03-09}
  approved_by: S003
"""
HOSTILE = "处置方案 \x1b[31m<script>alert(2)</script> 联系 刘晓枫 138-0000-0001 <liu@example.invalid>"
# What no reader may ever see: a contact's and the complainant's names and numbers, past ones too, and any mail.
SECRET = ("刘晓枫", "陈晓岚", "吴桐雨", "138-0000-0001", "138-0000-0002", "138-0000-0009", "@example.invalid",
          "lin@", "forge@", "某某人", "13800000007")  # fmt: skip
MASKED = ("l***@example.invalid", "f***@example.invalid", "z***@example.invalid")


class Story:
    """A repository with a commit for each step; `label` names a commit by the step that made it."""

    def __init__(self, root: Path) -> None:
        self.root, self.heads = root, dict[str, str]()
        root.mkdir(exist_ok=True)
        self.git("init", "-q", "-b", "main")
        for path, raw in rulebook_files().items():
            if path.startswith("schemas/") or path.endswith(("pack.yaml", "config/policy.yaml")):
                self._write(path, raw.decode("utf-8"))
        self._write("config/staff.yaml", STAFF)
        self._write(".gitignore", ".kelu/\n")
        self._write(".mailmap", "孙若彤 <sun@example.invalid> <sun@old.invalid>\n")

    def git(self, *words: str, by: str = "lin", at: str = "2026-03-01T09:00:00+08:00", forge: str = "") -> str:
        name, mail = WHO[by]
        committer, its_mail, its_at = ("Forge forge@example.invalid", "forge@example.invalid", forge) if forge else (
            name, mail, at)  # fmt: skip
        identity = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": mail, "GIT_AUTHOR_DATE": at,
                    "GIT_COMMITTER_NAME": committer, "GIT_COMMITTER_EMAIL": its_mail, "GIT_COMMITTER_DATE": its_at,
                    "GIT_CONFIG_GLOBAL": "/dev/null", "PATH": "/usr/bin:/bin"}  # fmt: skip
        done = subprocess.run(["git", *words], cwd=self.root, env=identity, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def step(self, label: str, message: str, files: dict[str, str | None], **who: str) -> None:
        for path, text in files.items():
            self._write(path, text)
        self.git("add", "-A", **who)
        self.git("commit", "-q", "--allow-empty", "-m", message, **who)
        self.heads[self.git("rev-parse", "HEAD")] = label

    def _write(self, path: str, text: str | None) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            place.unlink()
        else:
            place.write_text(text, "utf-8")

    def labelled(self, text: str) -> str:
        for sha, label in self.heads.items():
            text = text.replace(sha, f"@{label}").replace(sha[:12], f"@{label}")
        return text

    def kelu(self, *words: str) -> Result:
        return CliRunner().invoke(cli.main, ["--root", str(self.root), "history", *words])


@pytest.fixture
def few_records(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, bytes]:
    """The customers of this repository, no KPIs, no duties: for sites of which nothing but the records matters."""
    monkeypatch.setattr(indicator, "gather", lambda *_: [])
    monkeypatch.setattr(duties, "gather", lambda *_: duties.Board({}, (), {}, (), (), (), {}))
    return {path: raw for path, raw in own_records().items() if path.startswith("records/customers/")}


WHO = {"lin": ("林晓舟", "Lin@Example.invalid"), "zhou": ("周明远", "zhou@example.invalid"),
       "sun": ("sun", "sun@old.invalid"), "stranger": ("郑予安", "zheng@example.invalid")}  # fmt: skip


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A complaint's life: a branch with its merge, a contact renamed, a version at fault, a repair through a forge, a
    look of it restored by nobody on staff, and its end."""
    told = Story(tmp_path_factory.mktemp("story"))
    handling = COMPLAINT.replace("registered\n", "handling\n", 1) + PLAN
    told.step(
        "register", "CMP-2026-0001 已登记：刘晓枫", {CMP: COMPLAINT, CUS: CUSTOMER}, at="2026-03-02T09:15:00+08:00"
    )
    told.git("switch", "-q", "-c", "topic")
    trailers = "Approved-by: 周明远 <zhou@example.invalid>\nCo-authored-by: 刘晓枫 <liu@example.invalid>"
    told.step("plan", f"{HOSTILE}\n\n{trailers}", {CMP: handling}, by="sun", at="2026-03-03T10:00:00+08:00")
    told.git("switch", "-q", "main")
    told.step("rename", "更换联系人", {CUS: CUSTOMER.replace("刘晓枫", "陈晓岚").replace("0001, e", "0002, e")},
              at="2026-03-03T11:00:00+08:00")  # fmt: skip
    told.git("merge", "-q", "--no-ff", "-m", "合并\n\nReviewed-by: 周明远 <zhou@example.invalid>", "topic", by="zhou",
             at="2026-03-04T08:00:00+08:00")  # fmt: skip
    told.heads[told.git("rev-parse", "HEAD")] = "merge"
    told.step("break", "写坏了", {CMP: handling + "plan: [\n"}, by="sun", at="2026-03-05T09:00:00+08:00")
    later = handling.replace("2026-03-09", "2026-03-12").replace("吴桐雨, phone: 138-0000-0009", "匿名者")
    told.step("repair", "改期", {CMP: later + "mood: 某某人 13800000007\n"}, by="sun", at="2026-03-11T09:00:00+08:00",
              forge="2026-03-12T18:00:00+08:00")  # fmt: skip
    told.step(
        "comment", "只加注释", {CMP: "# 说明\n" + later + "mood: 某某人 13800000007\n"}, at="2026-03-13T09:00:00+08:00"
    )
    told.step("approve", "同意 CMP-2026-0001 的改期", {}, by="zhou", at="2026-03-13T18:00:00+08:00")
    told.step("delete", "删除", {CMP: None}, by="stranger", at="2026-03-14T09:00:00+08:00")
    return told


def test_a_life_is_told_as_it_was(story: Story) -> None:
    done = story.kelu("CMP-2026-0001", "--format", "json")
    assert done.exit_code == 0, done.output
    assert json.loads(story.labelled(done.stdout)) == json.loads(EXPECTED.read_text("utf-8"))


def test_a_path_names_the_record_too_and_no_cache_tells_the_same(story: Story) -> None:
    assert story.kelu(CMP, "--no-cache").stdout == story.kelu("CMP-2026-0001").stdout != ""


@pytest.mark.parametrize("lang", ["zh", "en", "both"])
def test_text_speaks_the_language_asked_for(story: Story, lang: str) -> None:
    text = story.labelled(story.kelu("CMP-2026-0001", "--lang", lang).stdout)
    assert ("处置方案 · 应急处置措施 2 · 时限" in text) is (lang != "en")
    assert ("Plan · Emergency measures 2 · Due" in text) is (lang != "zh")
    assert "2026-03-09 → 2026-03-12" in text
    assert "S003 周明远" in text


def test_an_unknown_id_is_refused_with_those_near_it(story: Story) -> None:
    done = story.kelu("CMP-2026-0002")
    assert done.exit_code == 2
    assert "CMP-2026-0001" in done.output
    assert story.kelu("nonsense").exit_code == 2


def test_a_shallow_clone_is_refused_with_what_mends_it(story: Story, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    story.git("clone", "-q", "--depth", "1", story.root.as_uri(), str(clone))
    done = CliRunner().invoke(cli.main, ["--root", str(clone), "history", "CUS-0001"])
    assert (done.exit_code, "git fetch --unshallow" in done.output) == (2, True)


# --- what no reader may see ------------------------------------------------------------------------------


def told(story: Story, path: str = CMP, **more: Any) -> timeline.Timeline:
    book, history = rulebook(), open_history(story.root)
    lens = timeline.Lens(Directory(), timeline.People(), **more)
    (found,) = timeline.tell(history, book.schemas, [path], lens)
    history.close()
    return found


def page(found: timeline.Timeline, **more: Any) -> str:
    """A page on which nothing but the history tells of the record."""
    words = {"history": {"withheld": {"zh": "不显示"}, "noted": {"zh": "内容未变"}}, "mark": {"restricted": {"zh": ""}}}
    frame = record.Frame(Templates(ROOT / "site/templates", words), rulebook().schemas.records, Directory(), "0" * 40,
                         rulebook().policy, **more)  # fmt: skip
    data = {"id": found.id, "status": "registered", "confidential": "restricted" if found.restricted else "normal"}
    return record.page(frame, "complaint", found.path, data, found)[1]


@pytest.mark.parametrize("path", [CMP, CUS])
def test_nothing_personal_is_told_in_any_form(story: Story, path: str) -> None:
    found = told(story, path)
    texts = [make(found, "both", lambda words, role: words) for make in TIMELINE_FORMATS.values()]
    texts += [page(found), story.kelu(path).stdout, story.kelu(path, "--format", "json").stdout]
    for text in texts:
        for mask in MASKED:
            text = text.replace(mask, "")
        assert [secret for secret in SECRET if secret in text] == []


def test_hostile_text_stays_text(story: Story) -> None:
    text = story.kelu("CMP-2026-0001").stdout
    assert "\x1b" not in text
    assert "\\x1b[31m<script>alert(2)</script>" in text
    html = page(told(story))
    assert "<script" not in html
    assert "&lt;script&gt;alert(2)" in html
    assert "&lt;script&gt;alert(1)" in html


def test_a_restricted_record_tells_dates_and_states_only(story: Story) -> None:
    path = "records/complaints/2026/CMP-2026-0003.yaml"
    secret = COMPLAINT.replace("CMP-2026-0001", "CMP-2026-0003")
    story.step("open", "甲", {path: secret}, at="2026-04-01T09:00:00+08:00")
    story.step("closed", "乙", {path: secret.replace("registered\n", "handling\n", 1) + "confidential: restricted\n"},
               at="2026-04-02T09:00:00+08:00")  # fmt: skip
    found = told(story, path)
    assert (found.title, found.restricted) == ("", True)
    assert [(event.author, event.subject, event.voices) for event in found.events] == [(None, "", ())] * 2
    assert [event.after and event.after.code for event in found.events] == ["registered", "handling"]
    labels = {change.label.zh for event in found.events for change in event.changes}
    assert labels == {"编号", "接收时间", "登记时间", "保密级别"}
    assert "网络中断" not in page(found) + story.kelu(path).stdout


# --- what else is known of commits -----------------------------------------------------------------------


def test_findings_and_signatures_stand_with_their_commit(story: Story) -> None:
    sha = next(sha for sha, label in story.heads.items() if label == "repair")
    message = Text("期限被改（刘晓枫）", "Changed")
    flag = Finding("GH-06", Severity.ERROR, CMP, 1, 1, "plan", message, message, commit=sha)
    found = told(story, findings={CMP: [flag]}, signatures={sha: "bad"})
    assert [event.sha for event in found.events if event.flags] == [sha]
    html = page(found, forge=Forge("https://forge.invalid", "main", {"source": "{url}/{commit}/{path}"}))
    assert "期限被改（刘**）" in html
    assert "签名不符" in html
    assert f'href="https://forge.invalid/{sha}/{CMP}"' in html


def test_a_merge_of_its_own_content_tells_what_is_in_none_of_its_parents(tmp_path: Path) -> None:
    told_ = Story(tmp_path)
    told_.step("one", "一", {CMP: COMPLAINT})
    told_.git("switch", "-q", "-c", "topic")
    told_.step("two", "二", {CMP: COMPLAINT.replace("网络中断", "网络抖动")})
    told_.git("switch", "-q", "main")
    told_.step("three", "三", {CMP: COMPLAINT.replace("channel: phone", "channel: letter")})
    told_.git("merge", "-q", "--no-commit", "--no-ff", "topic")
    mixed = COMPLAINT.replace("网络中断", "网络抖动").replace("channel: phone", "channel: letter")
    told_.step("merge", "合并", {CMP: mixed.replace("主干中断", "支路中断")})
    merge = told(told_).events[-1]
    assert (merge.kind, [change.label.zh for change in merge.changes]) == ("changed", ["事由与经过"])


def test_a_file_that_comes_back_is_restored(tmp_path: Path) -> None:
    told_ = Story(tmp_path)
    told_.step("one", "一", {CMP: COMPLAINT})
    told_.step("two", "二", {CMP: None})
    told_.step("three", "三", {CMP: COMPLAINT})
    told_.step("four", "四", {CMP: None})
    told_.step("five", "五", {CMP: COMPLAINT.replace("网络中断", "另一件事")})
    kinds = [event.kind for event in told(told_).events]
    assert kinds == ["registered", "deleted", "restored", "deleted", "registered"]


def test_a_site_tells_the_history_of_its_records(tmp_path: Path, few_records: Mapping[str, bytes]) -> None:
    told_ = Story(tmp_path / "repository")
    before = {path: raw.decode("utf-8") for path, raw in few_records.items()}
    told_.step("one", "一", before)
    told_.step("two", "二：更名", {CUS: before[CUS] + "note: 虚构的备注\n"})
    told_.step("three", "三", {"records/customers/CUS-0999.yaml": before[CUS].replace("CUS-0001", "CUS-0999")})
    sites = []
    for cached in (True, False):
        history = open_history(told_.root, cached=cached)
        edition = replace(site_build.edition(few_records), history=history)
        out = tmp_path / f"site{len(sites)}"
        pages.build(edition, site_build.SITE, site_build.MKDOCS, tmp_path / "build", out)
        history.close()
        sites.append({path.name: path.read_bytes() for path in (out / "records").iterdir()})
    assert sites[0] == sites[1]
    assert sites[0].keys() == {f"{Path(path).stem}.html" for path in few_records}
    shown = {name: html.decode().partition('id="history"')[2].partition("</section>")[0].count("<li><time>")
             for name, html in sites[0].items()}  # fmt: skip
    assert shown == {name: 2 if name == "CUS-0001.html" else 1 for name in sites[0]}
    assert "虚构的备注" in sites[0]["CUS-0001.html"].decode()


def test_a_page_holds_the_last_events_only(tmp_path: Path) -> None:
    told_ = Story(tmp_path)
    told_.step("first", "m", {CMP: COMPLAINT})
    for number in range(record.EVENTS + 5):
        progress = "".join(f"  - {{at: 2026-03-02T09:00:{at:02d}+08:00, by: S001, note: {'长' * 90}}}\n"
                           for at in range(number + 1))  # fmt: skip
        told_.step(str(number), "m", {CMP: f"{COMPLAINT}progress:\n{progress}"})
    html = page(told(told_))
    assert "较早的 6 项未列" in html
    assert html.count("<li><time>") == record.EVENTS
    assert len(html.encode()) < 45_000  # beside the frame and the record's own fields
