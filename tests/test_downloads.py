"""KPI downloads: the lists of a KPI's page as JSON, CSV and Parquet — the same rows in each, the same bytes again."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import duckdb
import pytest

from kelu.store import Table
from kelu.store.parquet import parquet
from site_build import own_site


def codes() -> list[str]:
    return sorted(path.stem for path in (own_site() / "data/kpi").glob("*.json"))


def table(name: str) -> tuple[list[str], list[tuple[object, ...]]]:
    """Columns and rows of a Parquet file of the site."""
    with duckdb.connect(":memory:") as connection:
        found = connection.execute("SELECT * FROM read_parquet($1)", [str(own_site() / "data" / f"{name}.parquet")])
        return [column for column, *_ in found.description or ()], found.fetchall()


def rows_of_csv(name: str) -> list[list[str]]:
    text = (own_site() / "data" / f"{name}.csv").read_bytes().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_a_kpi_has_the_same_rows_in_every_format() -> None:
    lengths = set()
    for code in codes():
        columns, rows = table(f"kpi/{code}")
        assert columns == ["list", "id", "title", "date", "status", "reason"]
        written = [[cell.removeprefix("'") for cell in row] for row in rows_of_csv(f"kpi/{code}")[1:]]
        assert written == [list(row) for row in rows], code
        held = json.loads((own_site() / "data/kpi" / f"{code}.json").read_text("utf-8"))
        listed = [entry if isinstance(entry, str) else entry["id"] for rows in held["lists"].values() for entry in rows]
        assert listed == [row[1] for row in rows], code
        lengths.add(len(rows))
    assert len(lengths) > 5


def test_the_table_of_all_kpis_has_the_same_rows_in_every_format() -> None:
    columns, rows = table("kpi")
    head, *written = rows_of_csv("kpi")
    assert head == columns
    assert [row[0] for row in written] == [row[0] for row in rows]
    assert sorted(str(row[0]) for row in rows) == codes()
    told = {item["code"]: item for item in json.loads((own_site() / "data/kpi.json").read_text("utf-8"))}
    for row in (dict(zip(columns, row, strict=True)) for row in rows):
        source = told[str(row["code"])]
        assert {"excluded": row["excluded"], "verdict": row["verdict"], "provisional": row["provisional"]}.items() <= (
            source.items()
        )
        for name in ("numerator", "denominator", "value"):
            assert row[name] == (float(source[name]) if source[name] not in ("", None) else None)


def test_parquet_has_the_same_bytes_again() -> None:
    made = [Table({"id": "VARCHAR", "n": "DOUBLE"}, [("甲", 1.5), ("乙", None)]), Table({"id": "VARCHAR"}, [])]
    first, empty = map(parquet, made)
    assert [first, empty] == list(map(parquet, made))
    assert first != empty


def test_nothing_is_left_in_the_folder_for_what_is_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    parquet(Table({"id": "VARCHAR"}, [("甲",)]))
    assert list(tmp_path.iterdir()) == []
