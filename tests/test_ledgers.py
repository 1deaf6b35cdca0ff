"""Ledgers: their definitions, what they compute, the names they go by, the files they give."""

from __future__ import annotations

import csv
import datetime
import importlib
import io
import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

import site_build
from kelu import privacy
from kelu.finding import Text
from kelu.pages import cells, ledger
from repository import MOMENT, own_records, rulebook
from site_build import Page, alone, edition, ledger_rows, own_site

build_module = importlib.import_module("kelu.pages.build")  # the package names its function the same


@cache
def page(name: str) -> Page:
    return Page(own_site() / name)


@pytest.mark.parametrize("name", sorted(rulebook().schemas.records))
def test_each_record_type_has_a_ledger_of_all_its_records_as_table_json_and_csv(name: str) -> None:
    folder = rulebook().schemas.records[name].folder
    ids = {Path(path).stem for path in own_records() if path.startswith(folder)}
    assert {row["id"]["id"] for row in ledger_rows(own_site(), name)} == ids
    for shell in ("", "en/"):
        linked = {value for _, value in page(f"{shell}ledgers/{name}.html").attributes("href")}
        shown = {record_id for record_id in ids if f"../{'../' if shell else ''}records/{record_id}.html" in linked}
        assert len(shown) == min(len(ids), ledger.PLAIN_ROWS)
        assert f"../{'../' if shell else ''}data/{name}.csv" in linked
    rows = list(csv.reader(io.StringIO((own_site() / f"data/{name}.csv").read_text("utf-8-sig"))))
    assert len(rows) == len(ids) + 1


def test_the_log_of_projects_holds_communications_and_meetings_by_date() -> None:
    rows = ledger_rows(own_site(), "project_log")
    assert len(rows) == sum(path.startswith(("records/communications/", "records/meetings/")) for path in own_records())
    dates = [row["date"] for row in rows]
    assert dates == sorted(dates, reverse=True)
    (talk,) = [row for row in rows if row["id"]["id"] == "COM-2026-0046"]
    assert talk["means"] == ["电话", "Phone"]
    assert talk["contacts"] == [{"id": "CUS-0001", "title": "刘**（运行管理处处长）"}]
    assert [part["id"] for part in talk["project"]] == ["PRJ-2026-001"]
    meetings = [row for row in rows if row["type"] == ["会议", "meeting"]]
    assert ["现场", "On site"] in [row["means"] for row in meetings]
    assert not any(row["needs"] for row in meetings)


def test_computed_columns_say_what_the_policies_say() -> None:
    complaints = {row["id"]["id"]: row for row in ledger_rows(own_site(), "complaint")}
    assert complaints["CMP-2026-0013"]["in_time"] == ["逾期", "late"]  # 处置期限 11-04，11-06 才完成
    late = {row["id"]["id"] for row in complaints.values() if row["in_time"] == ["逾期", "late"]}
    counted = json.loads((own_site() / "data/kpi/CMP-04.json").read_text("utf-8"))["lists"]
    assert late & {*counted["numerator"], *counted["denominator"]} == set(counted["denominator"])
    calls = ledger_rows(own_site(), "callback")
    assert {row["id"]["id"][:4] for row in calls} == {"SUR-"}
    assert {tuple(row["outcome"] or ()) for row in calls} >= {("接通", "Reached")}


def test_a_cell_says_nothing_where_its_record_does() -> None:
    for path in sorted((own_site() / "data").glob("*.csv")):
        cells = {cell for row in csv.reader(io.StringIO(path.read_text("utf-8-sig"))) for cell in row}
        assert not {cell for cell in cells if "None" in cell or "NULL" in cell}, path.name


def test_often_wanted_filters_name_words_that_their_columns_can_say() -> None:
    book = rulebook()
    terms = {(name, zh) for _, name, _, zh, _, _ in book.policy.vocabularies()}
    for path in sorted((site_build.SITE / "ledgers").glob("*.yaml")):
        definition = build_module._yaml(path)
        columns = {column["name"]: column for column in definition["columns"]}
        assert not {"q", "sort", "size"} & columns.keys()  # the page's address has these for itself
        for view in definition.get("views", ()):
            for name, wanted in view["query"].items():
                column = columns[name]
                if column.get("filter") != "choice":
                    continue
                words = {label["zh"] for label in column.get("labels", {}).values()} | {"是", "否"}
                types = definition.get("records", [definition.get("type")])
                if "field" in column:
                    leaf = privacy.leaf(book.schemas.records[types[0]], column["field"])
                    words |= {label.zh for label in leaf.enum.values()}
                    words |= {zh for name, zh in terms if leaf.vocabulary and name == leaf.vocabulary.name}
                elif name == "state":
                    words |= {zh for name, zh in terms if name == "duty_state"}
                assert {*([wanted] if isinstance(wanted, str) else wanted)} <= words, (path.name, view)


def test_a_view_may_ask_for_the_last_quarter() -> None:
    view = {"label": {"zh": "上季", "en": "Last"}, "query": {"due": "{last_quarter}", "state": ["甲", "乙"]}}
    definition = {"title": {"zh": "甲", "en": "A"}, "columns": [], "views": [view]}
    made = ledger.listed("a", definition, 0, lambda limit: {})
    asked = {day: ledger.named(made, definition, rulebook().policy, day).views[0].query
             for day in (datetime.date(2026, 1, 5), datetime.date(2026, 12, 31))}  # fmt: skip
    assert {unquote(query).partition("&state=甲&state=乙")[0] for query in asked.values()} == {
        "due=2025-Q4", "due=2026-Q3"
    }  # fmt: skip


def test_the_page_of_a_ledger_stays_small_however_long_the_ledger_is() -> None:
    pages = [*(own_site() / "ledgers").glob("*.html"), *(own_site() / "en/ledgers").glob("*.html")]
    assert len(pages) > 20
    assert max(path.stat().st_size for path in pages) < 250_000
    rows = len(ledger_rows(own_site(), "duty"))
    shown = (own_site() / "ledgers/duty.html").read_text("utf-8")
    assert shown.count("<tr>") == ledger.PLAIN_ROWS + 1 < rows
    assert f"前 {ledger.PLAIN_ROWS} 条，全部 {rows} 条见" in shown


# --- what must not be told ---


@cache
def ledgers_with_secrets() -> tuple[dict[str, str], dict[str, ledger.Ledger]]:
    """One record of each type restricted, with the title that it must not tell; and the ledgers of such records."""
    book = rulebook()
    records, secrets = dict(own_records()), {}
    for name, schema in book.schemas.records.items():
        path = sorted(path for path in records if path.startswith(schema.folder))[-2]
        secrets[Path(path).stem] = f"不得外传的{schema.label.zh}"
        text = re.sub(rf"^{schema.title_field}: .*$", f"{schema.title_field}: {secrets[Path(path).stem]}",
                      records[path].decode(), flags=re.M)  # fmt: skip
        records[path] = f"{text.rstrip()}\nconfidential: restricted\n".encode()
        assert secrets[Path(path).stem] in text, name
    made = edition(records)
    names = privacy.directory(made.store, book.schemas.records, book.policy)
    words = build_module._yaml(site_build.SITE / "words.yaml")
    found = {}
    for path in sorted((site_build.SITE / "ledgers").glob("*.yaml")):
        definition = build_module._yaml(path)
        if "from" in definition:
            found[path.stem] = ledger.read(path.stem, definition, book.schemas.records, made.store, names, words)
    return secrets, found


def test_a_restricted_record_fills_no_cell_but_its_id_type_dates_and_status() -> None:
    secrets, found = ledgers_with_secrets()
    seen = set()
    for item in found.values():
        for row in item.rows():
            if row[0]["id"] not in secrets:
                continue
            seen.add(row[0]["id"])
            told = {column.name for column, cell in zip(item.columns, row, strict=True)
                    if cell is not None and column.kind not in ("date", "datetime")}  # fmt: skip
            assert told <= {"id", "type", "status"}, (item.name, row)
    assert seen == secrets.keys()


def test_no_ledger_tells_what_a_restricted_record_says() -> None:
    secrets, found = ledgers_with_secrets()
    for item in found.values():
        published = (ledger.as_json(item) + ledger.as_csv(item)).decode()
        assert not [title for title in secrets.values() if title in published], item.name


# --- names ---


@pytest.mark.parametrize(
    ("name", "domain", "pack", "title"),
    [
        ("complaint", "complaint", "gsb-141.03@A0", "顾客投诉管理台账"),
        ("complaint", "satisfaction", "tfdl-08-03@V1.2", "投诉台账"),
        ("complaint_list", "complaint", "csp-14@A0", "客诉清单"),
        ("complaint_list", "complaint", "sd-02004@V1.0", "投诉单登记表"),
    ],
)
def test_a_ledger_has_the_name_that_the_policy_in_force_gives_it(name: str, domain: str, pack: str, title: str) -> None:
    definition = build_module._yaml(site_build.SITE / f"ledgers/{name}.yaml")
    plain_ledger = ledger.listed(name, definition | {"columns": []}, 0, lambda limit: {})
    assert ledger.named(plain_ledger, definition, alone(domain, pack), MOMENT.date()).title.zh == title


def test_ledgers_name_the_documents_of_the_policies() -> None:
    assert "顾客投诉管理台账" in page("ledgers/complaint.html").text
    assert "顾客投诉处理记录" in page("ledgers/complaint.html").text
    assert "客户满意度调查记录" in page("ledgers/survey.html").text
    linked = {value for _, value in page("ledgers/complaint.html").attributes("href")}
    assert "../policy/gsb-141.03-A0.html#terms" in linked


# --- files ---


def test_a_spreadsheet_takes_no_cell_for_a_formula() -> None:
    made = cells.as_csv(
        ["甲"],
        [["=1+1"], ["+1"], ["-1+1"], ["@x"], ["\tx"], [-1], [None], [{"id": "A-1", "title": "=x"}], [Text("=1", "x")],
         [{"id": "", "title": "=x"}], [[{"id": "=1", "title": ""}, {"id": "B", "title": Text("乙", "b")}]]],
    )  # fmt: skip
    written = [row[0] if row else "" for row in csv.reader(io.StringIO(made.decode("utf-8-sig")))]
    assert written == ["甲", "'=1+1", "'+1", "'-1+1", "'@x", "'\tx", "-1", "", "A-1 =x", "'=1", "'=x", "'=1；B 乙"]
