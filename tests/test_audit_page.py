"""The audit page: what it tells of real histories, and that what is bad shows as well as what is good."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

import git_story
from kelu import check, git, intake, pages, privacy, sample, trace
from kelu.document import parse
from kelu.finding import Text
from kelu.history import audit as judged
from kelu.history.index import open_history
from kelu.pages import audit, inquiry
from kelu.pages.figure import Names
from kelu.pages.template import Templates
from kelu.timeline import SIGNATURES
from repository import own_records, replaced
from site_build import SITE, Page, edition, own_site

FIRST, SECOND = "records/complaints/2026/CMP-2026-0001.yaml", "records/complaints/2026/CMP-2026-0002.yaml"
OWN = "records/complaints/2026/CMP-2026-0005.yaml"
LEVEL = "severity: minor\n  criteria: {media: false, reputation: false, injury: false, beyond_department: false}"
HIGHER = LEVEL.replace("minor", "serious").replace("beyond_department: false", "beyond_department: true")
CORRECTED = "    field: customer_reply_by\n    from: 2026-05-26\n    to: 2026-05-25\n"  # as OWN has it


def yaml(name: str) -> dict[str, Any]:
    data, faults = parse((SITE / name).read_bytes(), name)
    assert data is not None, faults
    return dict(data)


def names_of(shown: pages.Edition) -> Names:
    records = shown.schemas.records
    return Names(records, privacy.directory(shown.store, records, shown.policy), yaml("words.yaml"))


def view(shown: pages.Edition) -> audit.View:
    return audit.view(shown, names_of(shown), yaml("audit.yaml"))


def listed(of: audit.View, name: str) -> inquiry.Inquiry:
    return next(item for item in of.inquiries if item.name == name)


def said(line: inquiry.Line) -> list[str]:
    return ["" if cell is None else cell.text.zh if cell.text else cell.value for cell in line.cells]


# --- the history -----------------------------------------------------------------------------------------


@contextmanager
def shown_of(told: git_story.Told) -> Iterator[pages.Edition]:
    """What the site of a story's head shows."""
    tree = git.WorkTree(told.root)
    book = git_story.open_book(tree)
    head = git.head(told.root)
    assert head is not None
    with closing(check.open_cache(told.root, book, cached=False)) as store:
        report = check.check(tree, book, store, head.time)
        taken = intake.take_in(tree, book.schemas, store)
        check.lay_policy(store, book, taken, head.time, known=True)
        with closing(open_history(told.root, cached=False)) as history:
            verdict = judged.audit(history, book.schemas, book.policy, book.fingerprint)
            trail = judged.findings(history, book.policy, verdict.breaches())
            yield pages.Edition(
                book.schemas, book.policy, store, report, head.sha, head.time, trace.files_in(told.root),
                manifest="{}\n", history=history, trail=trail,
            )  # fmt: skip


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> git_story.Told:
    """A restricted complaint is registered; two are deleted, one of which comes back; on a branch one comes and goes;
    the severity of one is raised and then lowered."""
    told = git_story.found(tmp_path_factory.mktemp("audit") / "home")
    first, second = ((told.root / path).read_text("utf-8") for path in (FIRST, SECOND))
    secret = second.replace("CMP-2026-0002", "CMP-2026-0004") + "confidential: restricted\n"
    steps: list[dict[str, Any]] = [
        {"files": {"CMP-2026-0004": secret}, "message": "Register another"},
        {"files": {"CMP-2026-0001": None}, "message": "Clean up"},
        {"files": {"CMP-2026-0004": None}, "message": "Hide it"},
        {"files": {"CMP-2026-0001": first}, "message": "Bring it back",
         "edit": [{"path": "CUS-0001", "old": "name: 刘晓枫", "new": "name: 王一"}]},
        {"edit": [{"path": "CMP-2026-0002", "old": LEVEL, "new": HIGHER}], "message": "Raise"},
        {"edit": [{"path": "CMP-2026-0002", "old": HIGHER, "new": LEVEL}], "message": "Lower"},
        {"git": ["switch -q -c topic"], "files": {"CMP-2026-0006": second}, "message": "By mistake"},
        {"files": {"CMP-2026-0006": None}, "message": "Not so"},
        {"git": ["switch -q main", "merge -q --no-ff -m Merge topic"]},
        {"edit": [{"path": "CMP-2026-0001", "new": "# 甲\\n"}], "message": "Remark",
         "by": {"name": "刘晓枫", "mail": "someone@example.invalid"}},
    ]  # fmt: skip
    for number, step in enumerate(steps, 1):
        at = f"2026-03-09T{8 + number:02d}:00:00+08:00"
        git_story.take_step(told, f"{number:02d}", {"by": "S005", "at": at, **step})
    return told


@pytest.fixture(scope="module")
def told(story: git_story.Told) -> Iterator[audit.View]:
    with shown_of(story) as shown:
        yield view(shown)


def test_deletions_are_told_as_git_tells_them(story: git_story.Told, told: audit.View) -> None:
    assert told.trail is not None
    hidden, back = told.trail.deletions  # what came and went on a branch was never there
    assert (hidden.id, hidden.commit.sha, hidden.back, hidden.page) == ("CMP-2026-0004", story.heads["03"], False, "")
    assert hidden.commit.who == ""  # of a restricted record nobody is named
    assert (back.path, back.commit.sha, back.back) == (FIRST, story.heads["02"], True)
    assert (back.commit.at, back.commit.who) == ("2026-03-09 10:00", "孙若彤")
    assert back.page == "records/CMP-2026-0001.html"
    command = next(line for line in page_of(told).splitlines() if "--diff-filter=D" in line)
    words = (
        command.partition("git ")[2]
        .partition("</pre>")[0]
        .replace("'%H %cI %an'", "")
        .replace("--format=", "--format=")
    )
    assert set(story.git(*words.split()).split()) == {FIRST, hidden.path}


def test_the_extent_of_the_history(story: git_story.Told, told: audit.View) -> None:
    assert told.trail is not None
    assert (told.trail.head.sha, told.trail.commits, told.trail.judged) == (story.heads["10"], 11, 10)
    assert told.trail.head.who == "刘**"  # no longer a customer's contact, and still not to be named
    assert told.trail.foundation is not None
    assert told.trail.foundation.sha == story.heads["00"]
    assert told.trail.signatures is None  # nobody may sign


def test_signatures_are_counted_where_somebody_may_sign(story: git_story.Told, tmp_path: Path) -> None:
    copy = git_story.copy(story, tmp_path / "home")
    (copy.root / "config/allowed_signers").write_text("# nobody yet\n", "utf-8")
    with shown_of(copy) as shown:
        found = view(shown).trail
    assert found is not None
    assert found.signatures == {"good": 0, "none": 10}


def test_every_change_of_severity_is_told(story: git_story.Told, told: audit.View) -> None:
    assert told.trail is not None
    lowered, raised = told.trail.changed[0].steps
    shown = [(step.record.id, step.old and step.old.value, step.new and step.new.value, step.down, step.commit.sha)
             for step in (lowered, raised)]  # fmt: skip
    assert shown == [
        ("CMP-2026-0002", "serious", "minor", True, story.heads["06"]),
        ("CMP-2026-0002", "minor", "serious", False, story.heads["05"]),
    ]


def test_numbers_that_are_missing(told: audit.View) -> None:
    series = next(item for item in told.series if item.name == "CMP-2026")
    assert (series.count, series.last, series.missing, series.gaps) == (2, "CMP-2026-0002", 0, ())
    populations = {"complaint": ("CMP-2026-0002", "CMP-2026-0005", "CMP-2025-0001", "wrong")}
    names = names_of(edition({}))
    newer, older = audit._series(populations, names, frozenset({"CMP-2026-0004"}))
    assert (older.name, older.missing) == ("CMP-2025", 0)
    assert newer.missing == 3
    assert newer.gaps == (
        audit.Gap("CMP-2026-0001", "CMP-2026-0001", 1, ()),
        audit.Gap("CMP-2026-0003", "CMP-2026-0004", 2, ("CMP-2026-0004",)),
    )


def test_findings_of_the_history_stand_under_their_code(story: git_story.Told, told: audit.View) -> None:
    gone = next(group for group in told.flags if (group.code, group.severity) == ("GH-01", "error"))
    assert [(flag.found.path.rpartition("/")[2], flag.commit) for flag in gone.flags] == [
        ("CMP-2026-0004.yaml", story.heads["03"])
    ]
    assert told.errors("error") == sum(len(group.flags) for group in told.flags if group.severity == "error") > 0


def page_of(told: audit.View, language: str = "zh") -> str:
    board = type("Board", (), {"views": (), "counts": {}})()
    site = {"dirty": False, "records": 1, "errors": 0, "warnings": 0}
    templates = Templates(SITE / "templates", yaml("words.yaml"), language)
    return templates.page("audit.md.j2", view=told, board=board, site=site, signatures=SIGNATURES)


def test_the_page_shows_what_was_deleted(story: git_story.Told, told: audit.View) -> None:
    for language, gone, back in (("zh", "已不在", "已恢复"), ("en", "gone", "brought back")):
        text = page_of(told, language)
        assert story.heads["03"][:12] in text
        assert text.index(gone) < text.index(back)


def test_without_a_history_nothing_is_claimed_of_it() -> None:
    told = view(edition({}))
    assert told.trail is None
    text = page_of(told)
    assert "本站构建时没有提交历史" in text
    assert "没有历史，无从得知。" in text
    assert "删除的文件" not in text


# --- the records -----------------------------------------------------------------------------------------


def test_own_records_show_what_speaks_against_them() -> None:
    told = view(edition(own_records()))
    assert {item.name: len(item.lines) for item in told.inquiries if item.lines} == {
        "corrections": 1, "void": 2, "reopened": 1, "unfounded": 3, "repeated": 1, "late": 1, "imported": 10,
        "restricted": 1,
    }  # fmt: skip
    (correction,) = listed(told, "corrections").lines
    assert correction.record.page == "records/CMP-2026-0005.html"
    assert said(correction)[:4] == ["2026-05-20 11:20", "客户要求答复时间", "2026-05-26", "2026-05-25"]
    (secret,) = listed(told, "restricted").lines
    assert (secret.record.title, said(secret)) == (Text("限制公开", "restricted"), ["2025-08-05 16:35"])


def test_a_corrected_value_is_judged_by_its_own_field() -> None:
    shown = {
        ("complainant.name", "刘晓枫", "刘小枫"): ["投诉人 · 姓名", "刘**", "刘**"],
        ("complainant.phone", '"010-66668888"', '"010-6666"'): ["投诉人 · 电话", "010****8888", "****66"],
        ("assessment.severity", "serious", "major"): ["初步判定 · 级别", "较严重", "重大"],
        ("customer_unregistered", "true", "false"): ["客户未建档", "true", "false"],
        ("received_at", "no date", "2026-05-20T09:00:00+08:00"): ["接收时间", "", "2026-05-20 09:00"],
        ("complainant", "a secret", "another"): ["投诉人", "", ""],
        ("no_such_field", "a secret", "another"): ["no_such_field", "", ""],
    }
    first, *others = (f"field: {field}, from: {old}, to: {new}, reason: 甲" for field, old, new in shown)
    records = replaced(OWN, f"{CORRECTED}    reason: 登记时误听", f"    {first.replace(', ', f'{chr(10)}    ')}")
    more = [f"  - {{at: 2026-05-20T11:20:00+08:00, by: S005, {other}, approved_by: S003}}\n" for other in others]
    records[OWN] += "".join(more).encode()
    lines = listed(view(edition(records)), "corrections").lines
    assert sorted(said(line)[1:4] for line in lines) == sorted(shown.values())


def test_a_lowered_severity_is_listed_however_it_is_recorded() -> None:
    records = replaced(OWN, CORRECTED, "    field: assessment.severity\n    from: major\n    to: serious\n")
    by_correction = listed(view(edition(records)), "lowered").lines
    assert [line.record.id for line in by_correction] == ["CMP-2026-0005"]
    assert said(by_correction[0])[1:3] == ["重大", "较严重"]
    records = replaced(OWN, "media: false", "media: true")  # makes it major, which the assessment does not say
    assert [line.record.id for line in listed(view(edition(records)), "lowered").lines] == ["CMP-2026-0005"]


def test_what_needs_the_history_is_withheld_without_it() -> None:
    shown = edition(own_records())
    shown.store.land([], withheld=Text("没有历史", "no history"))
    told = view(shown)
    assert listed(told, "late").withheld == Text("没有历史", "no history")
    assert listed(told, "void").withheld is None
    assert "没有历史" in page_of(told)


def test_samples_are_those_of_the_command() -> None:
    told = view(edition(own_records()))
    ids = [Path(path).stem for path in own_records() if path.startswith("records/complaints/")]
    drawn = next(item for item in told.samples if item.type == "complaint")
    assert [row.id for row in drawn.rows] == sample.draw(ids, told.commit, drawn.size)
    assert drawn.population == len(ids)


def test_a_record_that_cannot_be_read_is_counted_and_drawn() -> None:
    broken = {**own_records(), FIRST: b"id: [\n"}
    told = view(edition(broken))
    assert "CMP-2026-0001" in told.populations["complaint"]
    assert told.missing == 0
    assert told.errors("error") > 0


# --- the built page --------------------------------------------------------------------------------------


def test_the_data_beside_the_page_holds_all_of_it() -> None:
    home = own_site() / "data"
    held = json.loads((home / "ids.json").read_text("utf-8"))
    ids = sorted(Path(path).stem for path in own_records() if path.startswith("records/surveys/"))
    assert held["types"]["survey"]["ids"] == ids
    rows = list(csv.reader(io.StringIO((home / "audit/void.csv").read_text("utf-8-sig"))))
    assert rows[0][:3] == ["编号", "记录", "时间"]
    assert sorted(row[0] for row in rows[1:]) == ["CMP-2026-0008", "SUR-2026-0028"]


@pytest.mark.parametrize("name", ["audit.html", "en/audit.html"])
def test_every_number_on_top_leads_to_its_list(name: str) -> None:
    page = Page(own_site() / name)
    targets = [href for _, href in page.attributes("href") if href.startswith("#")]
    assert {target[1:] for target in targets} <= page.ids | {"__codelineno"}
    assert {"corrections", "void", "late", "gaps", "flags", "sample"} <= page.ids
