"""The files beside the pages after changes: those of a clean build, made anew only where a change touches them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

import site_build
from kelu.pages import data, swap
from kelu.pages.tree import SiteTree
from repository import own_records
from test_kept import COMPLAINT, CUSTOMER, replaced


def files(work: Path, records: Mapping[str, bytes]) -> dict[str, tuple[bytes, int]]:
    """What a build writes beside the pages, and when each file was."""
    work.mkdir(exist_ok=True)
    tree = SiteTree(work / "site", swap.place(work, work / "site"), work / "index")
    press = importlib.import_module("kelu.pages.build")._Press(site_build.edition(records), site_build.SITE, work, tree)
    data.write(press._files(), tree)
    tree.close()
    swap.swap(work, work / "site")
    found = (path for path in (work / "site" / data.FOLDER).rglob("*") if path.is_file())
    return {path.relative_to(work / "site").as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def test_files_after_changes_are_those_of_a_clean_build(tmp_path: Path) -> None:
    """A title that other rows repeat, a name that any text may repeat, a record that nobody may read."""
    records = dict(own_records())
    before = files(tmp_path / "same", records)
    assert {"data/complaint.csv", "data/duty.ics", "data/kpi/CMP-01.parquet", "data/ids.json"} <= before.keys()
    steps = [
        replaced(records, COMPLAINT, "政务云核心交换机", "政务云汇聚交换机"),
        replaced(records, CUSTOMER, "刘晓枫", "柳晓枫"),
        records | {COMPLAINT: records[COMPLAINT].rstrip() + b"\nconfidential: restricted\n"},
    ]
    for place, step in enumerate(steps):
        after, clean = files(tmp_path / "same", step), files(tmp_path / f"clean{place}", step)
        assert {path: told for path, (told, _) in after.items()} == {path: told for path, (told, _) in clean.items()}
        for path in ("data/incident.json", "data/incident.csv"):
            assert after[path][1] == before[path][1]
        for path, (told, when) in after.items():
            assert (when == before.get(path, (b"", 0))[1]) == (told == before.get(path, (b"", 0))[0]), path
        assert after["data/complaint.json"][0] != before["data/complaint.json"][0] or place == 1
        before = after
