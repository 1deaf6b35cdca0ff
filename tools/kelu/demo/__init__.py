"""Demo: a company's records made up for trying kelu and for measuring it, connected and sound, the same for a seed.

Names, prose and the shape of the records are data (`words.yaml`, `templates`, `staff.yaml`); the modules here only
decide who does what and when, and give out ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kelu import resources, starter, workdays
from kelu.demo import cases, ground, papers, rounds
from kelu.demo.dice import Clock, Dice
from kelu.demo.prose import Book, Draft
from kelu.document import parse
from kelu.schema import RecordSchema
from kelu.schema import load as load_schemas

FEWEST, MOST = 50, 120_000
_FOLDER = Path(__file__).parent
# Of a thousand records; what is left of the number asked for are incidents.
_SHARES = {
    "customer": 20, "project": 24, "complaint": 140, "survey": 80, "meeting": 90, "communication": 60, "report": 60,
    "action": 90,
}  # fmt: skip
_MOST_PROJECTS = 2_400  # ids have three digits a year
_AUTHOR = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (
        ("NAME", "kelu demo"), ("EMAIL", "demo@example.invalid"), ("DATE", ground.LAST.isoformat())
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Form:
    """The form of a type's ids, read from the pattern in its schema."""

    prefix: str
    dated: bool
    digits: int


def create(target: Path, records: int, seed: int) -> None:
    """Make a records repository in `target`, which must not exist or be empty, with exactly `records` records.

    `records` lies between FEWEST and MOST. The same `seed` gives the same bytes and the same commit. Raises
    starter.StarterError when the repository cannot be made, ValueError for a number out of range.
    """
    if not FEWEST <= records <= MOST:
        raise ValueError(f"{records} records: between {FEWEST} and {MOST} can be made")
    starter.create(target, ground.ADOPTED, lambda folder: _furnish(folder, records, seed), _AUTHOR)


def _furnish(folder: Path, records: int, seed: int) -> None:
    (folder / "config/staff.yaml").write_bytes((_FOLDER / "staff.yaml").read_bytes())
    for example in sorted(folder.glob("records/**/*.yaml")):
        example.unlink()
    made: set[Path] = set()
    for path, text in generate(records, seed):
        place = folder / path
        if place.parent not in made:
            place.parent.mkdir(parents=True, exist_ok=True)
            made.add(place.parent)
        place.write_bytes(text.encode("utf-8"))


def generate(records: int, seed: int) -> Iterable[tuple[str, str]]:
    """(path, text) of every record."""
    dice = Dice(seed)
    book = Book(_FOLDER)
    left = {kind: max(records * share // 1000, 2) for kind, share in _SHARES.items()}
    left["project"] = min(left["project"], _MOST_PROJECTS)
    left["incident"] = records - sum(left.values())
    days = workdays.calendar(_data(path) for path in sorted(resources.calendar_dir().glob("cn-*.yaml")))
    world = ground.World(dice, Clock(days, dice), book, _data(_FOLDER / "staff.yaml")["staff"], left)
    _plan(world)
    schemas = load_schemas({path.name: path.read_bytes() for path in resources.schemas_dir().glob("*.schema.json")})
    for kind, drafts in world.drafts.items():
        _number(drafts, schemas.records[kind])
    for kind, drafts in world.drafts.items():
        for draft in drafts:
            path = schemas.records[kind].path_of(draft.id)
            assert path is not None, draft.id
            yield path, book.write(draft, dice)


def _plan(world: ground.World) -> None:
    customers = ground.customers(world)
    projects = ground.projects(world, customers)
    chance = ground.Chance(projects, world.dice)
    incidents = ground.incidents(world, chance)
    rounds.accept(world, projects)
    complaints = cases.complaints(world, chance, incidents)
    rounds.surveys(world, projects, customers, incidents, complaints)
    rounds.promised(world, projects)
    papers.reports(world, projects, complaints)
    rounds.meetings(world, chance, incidents)
    papers.communications(world, chance, projects)
    rounds.actions(world, incidents)


def _number(drafts: list[Draft], schema: RecordSchema) -> None:
    """Give out ids in order of business date, as staff would have."""
    form = _form(schema)
    taken: dict[int, int] = {}
    for draft in sorted(drafts, key=lambda draft: draft.at):
        year = draft.at.year if form.dated else 0
        taken[year] = number = taken.get(year, 0) + 1
        dated = f"{year}-" if form.dated else ""
        draft.id = f"{form.prefix}-{dated}{number:0{form.digits}d}"


def _form(schema: RecordSchema) -> _Form:
    pattern = schema.id_pattern.pattern
    widths = re.findall(r"\{(\d)\}", pattern)
    return _Form(pattern[1:4], len(widths) == 2, int(widths[-1]))


def _data(path: Path) -> Mapping[str, Any]:
    data, faults = parse(path.read_bytes(), path.name)
    if data is None:
        raise ValueError(f"{path.name}: {faults[0].message.en}")
    return data
