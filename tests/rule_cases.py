"""Rule cases: small repositories as files, each good or bad in one respect, judged all at once.

`tests/cases/rules/<CODE>/good….yaml` and `bad….yaml` hold a few record files as YAML documents. Each lies where
its id says, or where a comment `# path: …` says, over the customers and the project of `base/records.yaml`. A line
that a finding must point at ends with `# expect: <column> <CODE>`, `warning` behind it where it is only that, and
`;` between several. A good case expects nothing: nothing else may be found in it, whatever the code.

Every case gets numbers of its own for its records and for its copy of the base, so that thousands of records fit
in one store without meeting. A number keeps its length and their order stays, so lines and columns do not move.
Incidents of one week, though, meet: a call-back sheet that calls all needs a week that no other case uses.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import repository
from kelu import check
from kelu.finding import Finding, Severity
from kelu.git import MemoryTree
from kelu.store import Store

FOLDER = Path(__file__).parent / "cases/rules"
MOMENT = datetime.datetime.fromisoformat("2026-07-01T12:00:00+08:00")

_ID = re.compile(r"\b(?:(CUS)-([0-9]{4})|((?:PRJ|INC|CMP|SUR|MTG|COM|RPT|ACT|TKT)-[0-9]{4})-([0-9]{3,5}))\b")
_EXPECT = re.compile(r"  # expect: (.+)$")
_PATH = re.compile(r"^# path: (\S+)$", re.MULTILINE)
_OWN_ID = re.compile(r"^id: (\S+)", re.MULTILINE)

Place = tuple[int, int, str, str]  # line, column, code, severity


@dataclass(frozen=True, slots=True)
class RecordFile:
    """A record file of a case under its number of all cases, and the findings that must be made in it."""

    path: str
    text: str
    expected: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `names` leads from the ids in its file to those it has among all the cases."""

    code: str
    name: str
    files: tuple[RecordFile, ...]
    names: Mapping[str, str]

    @property
    def bad(self) -> bool:
        return self.name.startswith("bad")

    def __str__(self) -> str:
        return f"{self.code}/{self.name}"


@dataclass(frozen=True, slots=True)
class Court:
    """The cases judged: the rulebook, the store laid out for its rules, and the findings by path."""

    book: check.Rulebook
    store: Store
    findings: Mapping[str, tuple[Finding, ...]]


@cache
def cases() -> tuple[Case, ...]:
    """Every case, by code and name."""
    counters: dict[str, int] = {}
    base = (FOLDER / "base/records.yaml").read_text("utf-8")
    files = sorted(path for path in FOLDER.glob("*/*.yaml") if path.parent.name != "base")
    return tuple(_case(path, base, counters) for path in files)


@cache
def court() -> Court:
    """All cases judged by one check."""
    book = _rulebook()
    store = check.open_cache(Path(), book, cached=False)
    found: dict[str, list[Finding]] = {}
    for finding in check.check(every_file(), book, store, MOMENT).findings:
        found.setdefault(finding.path, []).append(finding)
    return Court(book, store, {path: tuple(items) for path, items in found.items()})


def every_file() -> MemoryTree:
    """The records of all the cases as one tree."""
    return MemoryTree({file.path: file.text.encode() for case in cases() for file in case.files})


def place(finding: Finding) -> Place:
    """What a case can expect of a finding."""
    return finding.line, finding.column, finding.code, finding.severity.value


def _case(path: Path, base: str, counters: dict[str, int]) -> Case:
    text = path.read_text("utf-8")
    names = _names(base + text, counters)
    own = {_OWN_ID.findall(document)[0]: document for document in _documents(text)}
    laid = {_OWN_ID.findall(document)[0]: document for document in _documents(base)} | own
    files = tuple(_file(name, document, names) for name, document in laid.items())
    return Case(path.parent.name, path.stem, files, names)


def _file(name: str, document: str, names: Mapping[str, str]) -> RecordFile:
    text = _renamed(document, names)
    said = _PATH.search(text)
    number = names[name]
    schema = next(item for item in repository.rulebook().schemas.records.values() if item.id_pattern.fullmatch(number))
    expected = tuple(
        place
        for line, content in enumerate(text.splitlines(), 1)
        for found in _EXPECT.findall(content)
        for place in _expected(line, found)
    )
    return RecordFile(said[1] if said else schema.path_of(number) or "", text, expected)


def _expected(line: int, text: str) -> Iterator[Place]:
    for part in text.split(";"):
        column, code, *rest = part.split()
        yield line, int(column), code, rest[0] if rest else Severity.ERROR.value


def _documents(text: str) -> list[str]:
    return re.split(r"^---\n", text, flags=re.MULTILINE)


def _names(text: str, counters: dict[str, int]) -> dict[str, str]:
    """A new number for each id in a text, in the order of the old ones."""
    names = {}
    for match in sorted(_ID.finditer(text), key=lambda found: found[0]):
        if match[0] not in names:
            series, digits = (match[1], match[2]) if match[1] else (match[3], match[4])
            counters[series] = counters.get(series, 0) + 1
            names[match[0]] = f"{series}-{counters[series]:0{len(digits)}d}"
            assert len(names[match[0]]) == len(match[0]), f"no numbers left for {series}"
    return names


def _renamed(text: str, names: Mapping[str, str]) -> str:
    return _ID.sub(lambda match: names.get(match[0], match[0]), text)


def _rulebook() -> check.Rulebook:
    """This repository's schemas and policies under the cases' own configuration."""
    files = {
        path: raw
        for path, raw in repository.rulebook_files().items()
        if not path.startswith("config/") or path.startswith("config/calendar/")
    }
    base = FOLDER / "base"
    for path in sorted(base.rglob("*/*.yaml")):
        files[path.relative_to(base).as_posix()] = _spread(path.read_text("utf-8")).encode()
    return check.open_book(MemoryTree(files))


def _spread(text: str) -> str:
    """Configuration in which each line that names records stands once for every case that has them."""
    lines = []
    for line in text.splitlines(keepends=True):
        ids = {match[0] for match in _ID.finditer(line)}
        lines += [_renamed(line, case.names) for case in cases() if ids <= case.names.keys()] if ids else [line]
    return "".join(lines)
