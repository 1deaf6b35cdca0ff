"""Demo: a company's records made up for trying kelu and for measuring it, connected and sound, the same for a seed.

Names, prose, the shape of the records and the stages they pass are data (`words.yaml`, `templates`, `staff.yaml`,
`lives.yaml`); the modules here only decide who does what and when, give out ids, and tell the history.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kelu import git, resources, starter, workdays
from kelu.demo import cases, commits, ground, lives, papers, rounds
from kelu.demo.commits import TooFewCommits
from kelu.demo.dice import Clock, Dice
from kelu.demo.prose import Book, Draft
from kelu.document import parse
from kelu.git.feed import fast_import
from kelu.schema import RecordSchema
from kelu.schema import load as load_schemas

__all__ = ["FEWEST", "MOST", "TooFewCommits", "create", "generate"]

FEWEST, MOST = 50, 120_000
_FOLDER = Path(__file__).parent
# Of a thousand records; what is left of the number asked for are incidents.
_SHARES = {
    "customer": 20, "project": 24, "complaint": 140, "survey": 80, "meeting": 90, "communication": 60, "report": 60,
    "action": 90,
}  # fmt: skip
_MOST_PROJECTS = 2_400  # ids have three digits a year
_CROWD = 500  # files in a folder; Git reads a history several times slower where there are thousands
_MANY = 1_000  # incidents, from which a page for each of them would be most of the site and read by nobody
_WHO = commits.Person("kelu demo", "demo@example.invalid")
_AUTHOR = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", _WHO.name), ("EMAIL", _WHO.mail), ("DATE", ground.LAST.isoformat()))
}
_TRAIL = """
# 历史起点：写入此值的提交是建库，其后的提交才作为审计轨迹。
trail_since: {}
"""
_PAGES = """
# 事件很多，不为每条做网页，只列入台账。
pages: {incident: ledger}
"""


@dataclass(frozen=True, slots=True)
class _Form:
    """The form of a type's ids, read from the pattern in its schema."""

    prefix: str
    dated: bool
    digits: int


def create(target: Path, records: int, seed: int, history: int | None = None) -> None:
    """Make a records repository in `target`, which must not exist or be empty, with exactly `records` records.

    `records` lies between FEWEST and MOST. They come in one commit or, as people would have committed them over the
    years, in `history` commits. The same `seed` gives the same bytes and the same commits. Raises
    starter.StarterError when the repository cannot be made, ValueError for a number out of range, TooFewCommits where
    the commits cannot hold what there is to tell.
    """
    if not FEWEST <= records <= MOST:
        raise ValueError(f"{records} records: between {FEWEST} and {MOST} can be made")
    world, schemas = _made(records, seed)
    if history is None:
        starter.create(target, ground.ADOPTED, lambda folder: _furnish(folder, world, schemas), _AUTHOR)
        return
    told = _lives(world, schemas)
    planned = commits.plan(told, history, Dice(seed), {role: world.holder(role) for role in commits.ROLES})
    starter.create(
        target, ground.ADOPTED, lambda folder: _equip(folder, schemas, len(world.drafts["incident"])),
        commit=lambda folder: _relate(folder, world, told, planned),
    )  # fmt: skip


def generate(records: int, seed: int) -> Iterable[tuple[str, str]]:
    """(path, text) of every record."""
    return _written(*_made(records, seed))


def _made(records: int, seed: int) -> tuple[ground.World, Mapping[str, RecordSchema]]:
    """All records before they are written, with their ids."""
    dice = Dice(seed)
    left = {kind: max(records * share // 1000, 2) for kind, share in _SHARES.items()}
    left["project"] = min(left["project"], _MOST_PROJECTS)
    left["incident"] = records - sum(left.values())
    days = workdays.calendar(_data(path) for path in sorted(resources.calendar_dir().glob("cn-*.yaml")))
    world = ground.World(dice, Clock(days, dice), Book(_FOLDER), _data(_FOLDER / "staff.yaml")["staff"], left)
    _plan(world)
    schemas = load_schemas({path.name: path.read_bytes() for path in resources.schemas_dir().glob("*.schema.json")})
    for kind, drafts in world.drafts.items():
        _number(drafts, schemas.records[kind])
    return world, {name: _spread(schema, world.drafts.get(name, ())) for name, schema in schemas.records.items()}


def _spread(schema: RecordSchema, drafts: Sequence[Draft]) -> RecordSchema:
    """The schema of a type, with a folder for each hundred of its records where one folder would hold too many."""
    folders = Counter(_path(draft, schema).rpartition("/")[0] for draft in drafts)
    if max(folders.values(), default=0) <= _CROWD:
        return schema
    return replace(schema, files=schema.files.replace("{id}", "{hundred}/{id}"))


def _written(world: ground.World, schemas: Mapping[str, RecordSchema]) -> Iterator[tuple[str, str]]:
    for kind, drafts in world.drafts.items():
        for draft in drafts:
            yield _path(draft, schemas[kind]), world.book.open(draft, world.dice).text


def _path(draft: Draft, schema: RecordSchema) -> str:
    path = schema.path_of(draft.id)
    assert path is not None, draft.id
    return path


def _equip(folder: Path, schemas: Mapping[str, RecordSchema], incidents: int) -> None:
    """The company's own staff and folders, and none of the starter's examples."""
    for name, schema in schemas.items():
        file = folder / f"schemas/{name}.schema.json"
        text = file.read_text("utf-8")
        file.write_text(text.replace(json.loads(text)["x-files"], schema.files), "utf-8", newline="\n")
    if incidents > _MANY:  # smaller ones stay as a company begins, with a page for everything to look at
        defaults = _data(folder / "config/policy.yaml")["defaults"]
        with (folder / f"policies/{defaults}/pack.yaml").open("a", encoding="utf-8", newline="\n") as pack:
            pack.write(_PAGES)
    (folder / "config/staff.yaml").write_bytes((_FOLDER / "staff.yaml").read_bytes())
    for example in sorted(folder.glob("records/**/*.yaml")):
        example.unlink()


def _furnish(folder: Path, world: ground.World, schemas: Mapping[str, RecordSchema]) -> None:
    _equip(folder, schemas, len(world.drafts["incident"]))
    made: set[Path] = set()
    for path, text in _written(world, schemas):
        place = folder / path
        if place.parent not in made:
            place.parent.mkdir(parents=True, exist_ok=True)
            made.add(place.parent)
        place.write_bytes(text.encode("utf-8"))


def _lives(world: ground.World, schemas: Mapping[str, RecordSchema]) -> list[commits.Life]:
    events = lives.read(_FOLDER)
    return [
        commits.Life(draft, _path(draft, schemas[kind]), lives.stages(draft, events[kind], schemas[kind].states))
        for kind, drafts in world.drafts.items() for draft in drafts
    ]  # fmt: skip


def _relate(folder: Path, world: ground.World, told: Sequence[commits.Life], planned: Sequence[commits.Commit]) -> None:
    """Tell the planned commits to git, the first of them with the files that lie in the folder."""
    with (folder / "config/policy.yaml").open("a", encoding="utf-8", newline="\n") as policy:
        policy.write(_TRAIL.format(ground.FIRST))
    people = {str(person["id"]): commits.Person(person["name"], person["email"]) for person in world.staff}
    files = [(path.relative_to(folder).as_posix(), path.read_bytes()) for path in sorted(folder.rglob("*"))
             if path.is_file()]  # fmt: skip
    git.run(folder, "init", "--quiet", "--initial-branch=main")
    pages = ((life, world.book.open(life.draft, world.dice)) for life in told)
    fast_import(folder, commits.stream(pages, planned, people | {"": _WHO}, files))
    git.run(folder, "reset", "--quiet", "--hard")


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
