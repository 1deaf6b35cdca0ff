"""Extension: what CONTRIBUTING says of adding a thing is done to a copy of this repository, and the thing works.

The examples of "How to add" are read from its code blocks, whose first line names a file: a new file as it stands,
or what is added to one that is there. Nothing else is changed, so what needs more than CONTRIBUTING says fails here.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

import voluminous
from kelu import check, coherence, kpi, obligation, pages, trace
from kelu.git import MemoryTree
from kelu.intake import Intake, take_in
from kelu.naming import reach
from kelu.pages import reference
from kelu.policy import Policy
from kelu.store import Store, spelled_out
from kpi_cases import once
from made_records import Loader
from repository import MOMENT, ROOT, own_records, rulebook, rulebook_files
from site_build import COMMIT, MKDOCS, Page

BLOCK = re.compile(r"^```(\w+) (\S+/\S+)\n(.*?)^```$", re.M | re.S)
ROW = re.compile(r"^\| ([^|]+?) \|", re.M)
RECORD = "records/compliments/2026/CPL-2026-0001.yaml"


def contributing() -> str:
    return (ROOT / "CONTRIBUTING.md").read_text("utf-8")


# --- the examples, added ---------------------------------------------------------------------------------


@cache
def added() -> Mapping[str, bytes]:
    """The files that the examples make or change, as they then are."""
    found: dict[str, bytes] = {}
    for kind, path, text in BLOCK.findall(contributing()):
        there = found.get(path) or ((ROOT / path).read_bytes() if (ROOT / path).exists() else b"")
        found[path] = _grown(kind, there.decode(), text).encode()
    return found


def _grown(kind: str, there: str, more: str) -> str:
    if kind == "diff":
        before = "".join(line[1:] for line in more.splitlines(keepends=True) if line[0] != "+")
        after = "".join(line[1:] for line in more.splitlines(keepends=True) if line[0] != "-")
        assert there.count(before) == 1, more
        return there.replace(before, after)
    if not there:
        return more
    if kind == "json":
        return json.dumps(_merged(json.loads(there), json.loads(more)), ensure_ascii=False)
    if kind == "yaml":
        data = _merged(yaml.load(there, Loader), yaml.load(more, Loader))
        return yaml.safe_dump(data, allow_unicode=True, sort_keys=False)
    return f"{there}\n\n{more}"


def _merged(there: Any, more: Any) -> Any:
    if isinstance(there, list):
        return [*there, *more]
    return {**there, **{k: _merged(there[k], v) if k in there else v for k, v in more.items()}}


# --- a repository with them ------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Grown:
    """The grown repository, checked and laid for questions."""

    book: check.Rulebook
    store: Store
    intake: Intake
    report: check.Report


def compliment(number: int, **changed: Any) -> dict[str, bytes]:
    """The example's record under another number and with other values; None takes a value away."""
    data = yaml.load(added()[RECORD], Loader) | {"id": f"CPL-2026-{number:04d}"} | changed
    text = yaml.safe_dump({key: value for key, value in data.items() if value is not None}, allow_unicode=True)
    return {RECORD.replace("0001", f"{number:04d}"): text.encode()}


def records() -> dict[str, bytes]:
    late = {"thanks": {"at": "2026-10-30T10:00:00+08:00", "by": "S005"}}
    return {
        **{path: raw for path, raw in own_records().items() if path.startswith("records/customers/")},
        RECORD: added()[RECORD],
        **compliment(2, ground="skill", **late),
        **compliment(3, status="registered", thanks=None),
        **compliment(4, status="registered", thanks=None, received_on="2026-10-19"),
    }


def grown(more: Mapping[str, bytes]) -> Grown:
    """This repository with the examples and some records, as the command line would have it."""
    tree = MemoryTree({**rulebook_files(), **{p: raw for p, raw in added().items() if p[:5] != "tools"}, **more})
    book = check.open_book(tree)
    store = check.open_cache(Path(), book, cached=False)
    intake = take_in(tree, book.schemas, store)
    return Grown(book, store, intake, check.check(tree, book, store, MOMENT))


@once
def sound() -> Grown:
    """With the examples and sound records, laid for what the examples define."""
    made = grown(records())
    policy = only(made.book.policy)
    derived = {**obligation.views(policy), **spelled_out()}
    asked = reach(["duty"], derived) | kpi.names(policy, {"CPL-01"}) | trace.names(policy) | {"vocabulary", "is_known"}
    asked |= {"add_workdays"} | reach([spelled_out()["add_workdays"]], spelled_out()) | {"calendar"}
    assert check.lay_policy(made.store, dataclasses.replace(made.book, policy=policy), made.intake, MOMENT,
                            known=True, asked=asked) == []  # fmt: skip
    return made


def only(policy: Policy) -> Policy:
    """The policy with the examples' definitions alone, so that no other is worked out."""
    packs = {
        name: pack if name == "our-12@A0" else dataclasses.replace(pack, obligations=(), kpis=(), clauses=())
        for name, pack in policy.packs.items()
    }
    return dataclasses.replace(policy, packs=packs)


def place(finding: Any) -> tuple[str, str, str]:
    return finding.path.rpartition("/")[2], finding.code, finding.field


# --- each row of the table -------------------------------------------------------------------------------


def a_record_type() -> None:
    made = sound()
    assert made.report.findings == ()
    assert made.report.records == len(records())
    assert made.store.query("SELECT id, thanks.by FROM compliment ORDER BY id")[0] == ("CPL-2026-0001", "S005")
    found = {place(item) for item in grown({**records(), **compliment(5, customer="CUS-0999", status="sent"),
                                            **compliment(6, customer="CUS-0999")}).report.findings}  # fmt: skip
    assert ("CPL-2026-0006.yaml", "X-04", "customer") in found
    assert any(path == "CPL-2026-0005.yaml" and field == "status" for path, _, field in found)


def a_rule() -> None:
    early = {"at": "2026-10-01T10:00:00+08:00", "by": "S005"}
    (found,) = grown({**records(), **compliment(5, thanks=early)}).report.findings
    assert place(found) == ("CPL-2026-0005.yaml", "R-CPL-01", "thanks.at")
    assert found.message.en == "Thanks must not precede the compliment (OUR:3)"


def a_kpi() -> None:
    (figure,) = kpi.evaluate(sound().store, sound().book.policy, ["CPL-01"], "2026", MOMENT, None, records=True)
    assert (figure.shown, figure.numerator, figure.denominator, figure.verdict) == ("25.00", 1, 4, "missed")
    assert list(figure.contributing) == ["CPL-2026-0001"]


def an_obligation() -> None:
    assert sound().store.query("SELECT id, state, CAST(due AS DATE) FROM duty ORDER BY id") == [
        ("OB-70/CPL-2026-0001", "satisfied", datetime.date(2026, 10, 15)),
        ("OB-70/CPL-2026-0002", "satisfied_late", datetime.date(2026, 10, 15)),
        ("OB-70/CPL-2026-0003", "waived", datetime.date(2026, 10, 15)),
        ("OB-70/CPL-2026-0004", "overdue", datetime.date(2026, 10, 22)),
    ]


def a_view() -> None:
    rows = sound().store.query("SELECT id FROM compliment_answer WHERE thanked_at <= due_at")
    assert rows == [("CPL-2026-0001",)]


def a_clause() -> None:
    made = sound()
    found = trace.trace(made.store, only(made.book.policy), made.book.schemas, lambda path: added().get(path))
    (clause,) = [item for item in found if item.id == "OUR:3"]
    assert [mechanism.exists for mechanism in clause.mechanisms] == [True] * 5
    assert clause.evidence == ("CPL-2026-0001", "CPL-2026-0002")
    assert clause.overdue == ("OB-70/CPL-2026-0004",)


def a_policy_pack() -> None:
    policy, day = sound().book.policy, MOMENT.date()
    assert policy.in_force("our-12@A0", "relationship", day)
    assert not policy.in_force("sd-02004@V1.0", "relationship", day)
    assert list(coherence.faults(policy, sound().book.schemas, sound().book.sources)) == []


def a_parameter() -> None:
    assert ("our-12@A0", "compliment.thanks_workdays", "3", "our-12@A0") in sound().book.policy.parameters()


def a_vocabulary_term() -> None:
    (found,) = grown({**records(), **compliment(5, ground="luck")}).report.findings
    assert place(found) == ("CPL-2026-0005.yaml", "VOC-01", "ground")
    assert "skill（专业）" in found.hint.zh


def a_waiver() -> None:
    (duty,) = sound().store.query("SELECT state, waived_by FROM duty WHERE subject = 'CPL-2026-0003'")
    assert duty == ("waived", "S003")


def a_calendar_year() -> None:
    (row,) = sound().store.query("SELECT is_known(DATE '2027-01-04'), add_workdays(DATE '2026-12-31', 1)")
    assert row == (True, datetime.date(2027, 1, 4))


@once
def site() -> Path:
    """The site of the grown repository."""
    folder = Path(tempfile.mkdtemp(prefix="kelu-grown-"))
    shutil.copytree(ROOT / "site", folder / "site")
    for path, raw in added().items():
        if path.startswith("site/"):
            (folder / path).write_bytes(raw)
    made = grown(records())
    policy = only(made.book.policy)
    book = dataclasses.replace(made.book, policy=policy)
    assert check.lay_policy(made.store, book, made.intake, MOMENT, known=True) == []
    edition = pages.Edition(book.schemas, policy, made.store, made.report, COMMIT, MOMENT, trace.files_in(folder))
    pages.build(edition, folder / "site", MKDOCS, folder / "build", folder / "public")
    return folder / "public"


def text(name: str) -> str:
    return " ".join(" ".join(Page(site() / name).words).split())


def a_page() -> None:
    assert "表扬：4" in text("manual/compliments.html")
    assert "Compliment: 4" in text("en/manual/compliments.html")
    assert "表扬说明" in text("manual/codes.html"), "the navigation leads there"
    assert "On compliments" in text("en/manual/codes.html")
    assert "夜间抢修及时" in text("records/CPL-2026-0001.html")


def a_ledger() -> None:
    listed = json.loads((site() / "data/compliment.json").read_text("utf-8"))
    assert "CPL-2026-0004" in json.dumps(listed)
    assert "表扬台账" in text("ledgers/compliment.html")
    assert "Compliment ledger" in text("en/ledgers/compliment.html")


def a_chart() -> None:
    assert "表扬缘由" in text("analysis.html")
    links = [href for _, href in Page(site() / "en/analysis.html").attributes("href")]
    assert [href for href in links if href.startswith("ledgers/compliment.html?ground=")] != []


def a_list() -> None:
    assert "待致谢 2" in text("index.html")
    assert "Waiting for thanks 2" in text("en/index.html")
    assert "致谢迟了" not in text("index.html"), "counted there only where `seen` names it"
    told = text("audit.html").partition("过了时限才回复的表扬。")[2]
    assert told.index("CPL-2026-0002") < told.index("2026-10-15")


def a_form() -> None:
    assert "缘由 / 受表扬人" in text("records/CPL-2026-0001.html")


def a_facet() -> None:
    page = (site() / "records/CPL-2026-0002.html").read_text("utf-8")
    assert re.search(r'-filter="ground"[^>]*>专业<', page)
    assert "ground" in facets()


def facets() -> dict[str, Any]:
    """The names of facets that the search page goes by."""
    (found,) = (value for _, value in Page(site() / "search.html").attributes("data-facets"))
    return dict(json.loads(found))


def a_word() -> None:
    assert facets()["ground"] == {"zh": "缘由", "en": "Ground"}
    assert "praise that nobody asked for" in text("en/manual/glossary.html")


@once
def checkout() -> Path:
    """A copy of the program and what it reads, with the examples, under Git."""
    home = Path(tempfile.mkdtemp(prefix="kelu-checkout-"))
    for folder in ("tools", "schemas", "policies", "config", "site"):
        shutil.copytree(ROOT / folder, home / folder, ignore=shutil.ignore_patterns("__pycache__"))
    files = {**added(), **records(), **compliment(7, ground="luck")}
    for path, raw in files.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(raw)
    subprocess.run(["git", "init", "-q", home], check=True)
    return home


def kelu(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(checkout() / "tools"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([sys.executable, "-m", "kelu", *words], cwd=checkout(), env=environment, text=True,
                          encoding="utf-8", capture_output=True, check=False)  # fmt: skip


def a_type_in_its_ledger() -> None:
    assert set(voluminous.policy().in_ledgers) == {"incident"}  # what the site makes of it: test_voluminous.py


def a_table() -> None:
    (checkout() / "热线.csv").write_bytes("内容,单位,日期,原因\n值守认真,星河数管局,2026/10/20,用心\n".encode("gbk"))
    done = kelu("import", "compliment", "热线.csv", "--map", "hotline")
    assert "+ records/compliments/2026/CPL-2026-0008.yaml" in done.stdout, done.stdout + done.stderr
    (made,) = checkout().glob("records/compliments/2026/CPL-2026-0008.yaml")
    assert "ground: care\n" in made.read_text("utf-8")


def a_draft() -> None:
    done = kelu("draft", "compliment", "CUS-0001", "--by", "S005", "--now", "2026-11-20T10:00:00+08:00", "--dry-run")
    assert "customer: CUS-0001" in done.stdout, done.stdout + done.stderr
    assert "登记当日表扬" in kelu("draft", "--help").stdout
    refused = kelu("draft", "compliment", "CUS-9999", "--now", "2026-11-20T10:00:00+08:00")
    assert (refused.returncode, "没有客户 CUS-9999" in refused.stderr) == (2, True)


def a_command() -> None:
    done = kelu("types")
    assert "compliment: 表扬 Compliment\n" in done.stdout, done.stderr
    assert "Record types" in kelu("--help").stdout


def an_output_format() -> None:
    assert kelu("check", "--format", "codes", "records/compliments").stdout.split()[-1] == "VOC-01"


def test_what_sql_may_name_is_told() -> None:
    for name in ("compliment", "thanks.at", "compliment_answer", "due_at", "add_workdays(d, n)"):
        assert name in text("manual/tables.html"), name
    assert "One row a compliment: when thanks are due" in text("manual/tables.html")


def test_every_table_and_macro_has_words() -> None:
    store, _ = check.blank(rulebook(), MOMENT)
    told = reference.gather(store, rulebook().schemas, rulebook().policy)
    words = yaml.load((ROOT / "site/words.yaml").read_text("utf-8"), Loader)
    assert {table.name for table in told.tables} == set(words["table"])
    assert {name for name, _ in told.macros} == set(words["macro"])
    assert [view.name for view in told.views if not (view.about and view.columns)] == []


PROOFS: dict[str, Callable[[], None]] = {
    "record type": a_record_type, "rule": a_rule, "KPI": a_kpi, "obligation": an_obligation, "view": a_view,
    "clause of a policy": a_clause, "policy pack": a_policy_pack, "parameter": a_parameter,
    "type without a page for each record": a_type_in_its_ledger, "vocabulary term": a_vocabulary_term,
    "waiver": a_waiver, "calendar year": a_calendar_year,
    "draft": a_draft, "table of another program": a_table, "page": a_page,
    "ledger": a_ledger, "chart": a_chart, "list on the home or audit page": a_list, "printed form": a_form,
    "facet of the search": a_facet, "word": a_word, "command": a_command, "output format": an_output_format,
}  # fmt: skip


@pytest.mark.parametrize("thing", PROOFS)
def test_a_thing_added_as_the_examples_say_works(thing: str) -> None:
    PROOFS[thing]()


def test_every_row_of_the_table_is_proved() -> None:
    section = contributing().partition("## Where a new thing goes")[2].partition("\n## ")[0]
    assert [row for row in ROW.findall(section) if row != "to add"] == list(PROOFS)


def test_no_example_but_a_command_and_a_format_touches_the_program() -> None:
    assert {path for path in added() if path.startswith("tools/")} == {
        "tools/kelu/cli/types.py", "tools/kelu/formats/findings.py", "tools/kelu/formats/__init__.py",
    }  # fmt: skip


def test_the_examples_are_complete() -> None:
    assert set(_paths()) == set(added())


def _paths() -> Iterator[str]:
    for line in contributing().splitlines():
        if match := re.match(r"```\w+ (\S+)$", line):
            yield match[1]
