"""A clerk's desk: a copy of this repository's records under Git, kelu's commands, and openpyxl in Excel's part."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import yaml
from click.testing import CliRunner, Result

from kelu import cli
from made_records import Loader
from repository import ROOT, own_records, rulebook_files


@dataclass
class Desk:
    """A repository, and a folder beside it in which sheets lie."""

    root: Path
    sheets: Path

    def kelu(self, *words: str) -> Result:
        return CliRunner().invoke(cli.main, ["--root", str(self.root), "--lang", "zh", *words], prog_name="kelu")

    def done(self, *words: str) -> str:
        """What a command says that must succeed."""
        result = self.kelu(*words)
        assert result.exit_code == 0, result.output
        return result.output

    def export(self, type_name: str, *words: str, name: str = "") -> Path:
        place = self.sheets / (name or f"{type_name}.xlsx")
        self.done("export", type_name, *words, "--output", str(place))
        return place

    def changed(self) -> list[str]:
        """What Git sees as changed."""
        said = subprocess.run(["git", "status", "--porcelain", "-uall"], cwd=self.root, capture_output=True, text=True)
        return said.stdout.splitlines()

    def commit(self) -> None:
        for words in (("add", "-A"), ("commit", "-q", "-m", "x")):
            subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True)

    def copy(self, folder: Path) -> Desk:
        """The same desk in another folder."""
        shutil.copytree(self.root.parent, folder)
        return Desk(folder / "repo", folder / "sheets")

    def record(self, name: str) -> dict[str, Any]:
        (place,) = self.root.glob(f"records/**/{name}.yaml")
        return dict(yaml.load(place.read_text("utf-8"), Loader))


def set_up(folder: Path, files: Mapping[str, bytes] | None = None) -> Desk:
    """A desk whose repository holds these records (this repository's own), committed by a clerk."""
    desk = Desk(folder / "repo", folder / "sheets")
    desk.sheets.mkdir(parents=True)
    owners = {"CODEOWNERS": (ROOT / "CODEOWNERS").read_bytes()}  # clauses lean on it
    for path, raw in {
        **owners,
        **rulebook_files(),
        **(own_records() if files is None else files),
        ".gitignore": b".kelu/\n",
    }.items():
        (desk.root / path).parent.mkdir(parents=True, exist_ok=True)
        (desk.root / path).write_bytes(raw)
    clerk = (("init", "-q", "-b", "main"), ("config", "user.name", "林晓舟"),
             ("config", "user.email", "lin.xiaozhou@example.invalid"))  # fmt: skip
    for words in clerk:
        subprocess.run(["git", *words], cwd=desk.root, check=True, capture_output=True)
    desk.commit()
    return desk


class Excel:
    """A workbook open before a person: cells by their headings, saved as Excel would."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.book = openpyxl.load_workbook(place)

    def column(self, sheet: str, heading: str) -> int:
        titles = [cell.value for cell in self.book[sheet][1]]
        return titles.index(heading) + 1

    def row(self, sheet: str, name: str) -> int:
        """The row whose first cell says this."""
        return next(cell.row for cell in self.book[sheet]["A"] if cell.value == name)

    def put(self, sheet: str, row: int, **cells: Any) -> None:
        for heading, value in cells.items():
            self.book[sheet].cell(row, self.column(sheet, heading)).value = value

    def add(self, sheet: str, cells: Mapping[str, Any]) -> int:
        row = self.book[sheet].max_row + 1
        for heading, value in cells.items():
            self.book[sheet].cell(row, self.column(sheet, heading)).value = value
        return row

    def save(self) -> str:
        self.book.save(self.place)
        return str(self.place)
