"""A demonstration's history: as many commits as asked for, each of them honest, and at its end the same records."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kelu import check, cli, demo, git, schema
from kelu.demo import lives
from kelu.demo.ground import SINCE
from kelu.document import parse
from kelu.finding import Severity
from kelu.git.log import Logged, person, walk
from kelu.periods import SHANGHAI

RECORDS, COMMITS, SEED = 200, 600, 1
SCHEMAS = schema.load({path.name: path.read_bytes() for path in Path("schemas").glob("*.schema.json")})


@dataclass(frozen=True)
class Landing:
    """A commit of the default branch with all that it brought in, and what a record was before and after."""

    acts: tuple[Logged, ...]
    type: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]

    def actors(self, *keys: str) -> set[str]:
        """Mails of the authors, and of whom trailers of these keys name."""
        told = [person(value) for act in self.acts for key, value in act.trailers if key in keys]
        return {act.author.mail for act in self.acts} | {who.mail for who in told if who}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo") / "records"
    demo.create(root, RECORDS, SEED, COMMITS)
    return root


@pytest.fixture(scope="module")
def commits(repository: Path) -> dict[str, Logged]:
    return {commit.sha: commit for commit in walk(repository, "HEAD")}


@pytest.fixture(scope="module")
def content(repository: Path, commits: dict[str, Logged]) -> dict[str, bytes]:
    names = sorted({change.new for commit in commits.values() for change in commit.changes if change.new})
    return dict(zip(names, git.blobs(repository, names), strict=True))


@pytest.fixture(scope="module")
def landings(repository: Path, commits: dict[str, Logged], content: dict[str, bytes]) -> list[Landing]:
    found, brought = [], set()
    for own in walk(repository, "HEAD", first_parent=True):
        acts = (*(commits[sha] for sha in _beyond(own, commits, brought)), own)
        for change in own.changes if own.parents else ():
            if change.path.startswith("records/"):
                assert change.new is not None
                kind = SCHEMAS.of_folder(change.path)
                assert kind is not None
                before = _read(content[change.old], change.path) if change.old else None
                touching = tuple(act for act in acts if any(one.path == change.path for one in act.changes))
                found.append(Landing(touching, kind.name, before, _read(content[change.new], change.path)))
    return found


def _beyond(own: Logged, commits: Mapping[str, Logged], brought: set[str]) -> Iterator[str]:
    """The commits that are first reached through `own`."""
    brought.add(own.sha)
    waiting = list(own.parents[1:])
    while waiting:
        sha = waiting.pop()
        if sha not in brought:
            brought.add(sha)
            waiting += commits[sha].parents
            yield sha


def _read(raw: bytes, path: str) -> dict[str, Any]:
    data, faults = parse(raw, path)
    assert data is not None, (path, faults)
    return data


def test_lives_name_states_and_blocks_that_there_are() -> None:
    folder = Path(demo.__file__).parent
    for kind, life in lives.read(folder).items():
        text = (folder / f"templates/{kind}.txt").read_text("utf-8")
        blocks = {line.removeprefix("#: ") for line in text.splitlines() if line.startswith("#: ")}
        assert life[0].status in SCHEMAS.records[kind].initial
        assert {name for event in life for name in event.add | event.drop} <= blocks
        assert {event.status for event in life if event.status} <= SCHEMAS.records[kind].states.keys()
        assert all(event.status or event.says for event in life)


def test_there_are_exactly_as_many_commits_as_asked_for(commits: dict[str, Logged]) -> None:
    assert len(commits) == COMMITS


@pytest.mark.parametrize(("records", "wanted", "seed"), [(60, 260, 7), (60, 500, 2), (400, 450, 3)])
def test_fewer_commits_are_shared_and_more_are_reviews(records: int, wanted: int, seed: int, tmp_path: Path) -> None:
    demo.create(tmp_path / "demo", records, seed, wanted)
    made = list(walk(tmp_path / "demo", "HEAD"))
    assert len(made) == wanted
    assert all(commit.changes or "抽查" in commit.message or len(commit.parents) > 1 for commit in made)
    assert _audited(tmp_path / "demo") == []


def test_what_does_not_fit_into_so_few_commits_is_refused(tmp_path: Path) -> None:
    made = CliRunner().invoke(cli.main, ["demo", str(tmp_path / "demo"), "--records", "60", "--commits", "20"])
    assert made.exit_code == 2
    assert "20" in made.output
    assert list(tmp_path.iterdir()) == []


def test_the_same_seed_gives_the_same_history(repository: Path, tmp_path: Path) -> None:
    demo.create(tmp_path / "again", RECORDS, SEED, COMMITS)
    ours, theirs = git.head(repository), git.head(tmp_path / "again")
    assert ours == theirs
    assert ours is not None


def test_it_ends_with_the_records_that_one_commit_would_hold(repository: Path, tmp_path: Path) -> None:
    demo.create(tmp_path / "one", RECORDS, SEED)
    assert git.run(repository, "status", "--porcelain") == b""
    ours, theirs = (
        {entry.path: entry for entry in git.RevisionTree(root, "HEAD").entries(".")}
        for root in (repository, tmp_path / "one")
    )
    assert {path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path)} == {
        "config/policy.yaml"
    }
    policy = (repository / "config/policy.yaml").read_text("utf-8")
    assert policy.startswith((tmp_path / "one/config/policy.yaml").read_text("utf-8"))
    assert f"\ntrail_since: {SINCE.date()}\n" in policy


def test_only_one_branch_is_left(repository: Path) -> None:
    assert git.run(repository, "for-each-ref", "--format=%(refname)") == b"refs/heads/main\n"


def test_time_never_runs_backwards(commits: dict[str, Logged]) -> None:
    for commit in commits.values():
        assert commit.authored <= commit.committed
        assert all(commits[parent].committed <= commit.committed for parent in commit.parents)


def test_some_work_comes_by_branches(commits: dict[str, Logged]) -> None:
    merges = [commit for commit in commits.values() if len(commit.parents) > 1]
    assert 0.04 * COMMITS <= len(merges) <= 0.06 * COMMITS
    assert any(len(commit.parents) == 3 for commit in merges)
    assert sum("补改" in commit.message for commit in commits.values()) >= 3


def test_every_version_of_every_record_obeys_its_schema(commits: dict[str, Logged], content: dict[str, bytes]) -> None:
    versions = {(change.path, change.new) for commit in commits.values() for change in commit.changes}
    seen = 0
    for path, name in versions:
        kind = SCHEMAS.of_folder(path)
        if kind is not None and name is not None:
            data = _read(content[name], path)
            assert SCHEMAS.accepts(kind.name, data), SCHEMAS.explain(kind.name, data, path, content[name])
            seen += 1
    assert seen > RECORDS * 2


def test_every_step_is_one_of_the_lifecycle_by_someone_who_may_take_it(
    repository: Path, landings: list[Landing]
) -> None:
    roles = _roles(repository)
    for landing in landings:
        was = None if landing.before is None else landing.before["status"]
        if was != landing.after["status"]:
            who = {mail: roles[mail] for mail in landing.actors("co-authored-by")}
            assert landing.after["status"] in _reach(landing, was, who), (landing.after["id"], was, who)


def _roles(root: Path) -> dict[str, tuple[str, set[str]]]:
    staff = _read((root / "config/staff.yaml").read_bytes(), "staff.yaml")["staff"]
    return {one["email"]: (one["id"], {held["role"] for held in one["roles"]}) for one in staff}


def _reach(landing: Landing, status: str | None, who: Mapping[str, tuple[str, set[str]]]) -> set[str]:
    """The states that the actors may bring the record to."""
    lifecycle = SCHEMAS.raw[landing.type]["x-lifecycle"]
    steps = [{"from": None, **step} for step in lifecycle["creation"]] + lifecycle["transitions"]
    reached: set[str | None] = {status}
    for _ in steps:
        for step in steps:
            named = {one for path in step.get("persons", ()) for one in _named(landing.after, path.split("."))}
            if step["from"] in reached and any(set(step["roles"]) & held or one in named for one, held in who.values()):
                reached.add(step["to"])
    return {state for state in reached if state}


def _named(data: Any, path: list[str]) -> list[str]:
    found = data.get(path[0].removesuffix("[]"))
    if path[0].endswith("[]"):
        return list(found or ())
    return [found] if len(path) == 1 else _named(found or {}, path[1:])


def test_approvals_come_with_the_approver(repository: Path, landings: list[Landing]) -> None:
    mails = {one: mail for mail, (one, _) in _roles(repository).items()}
    seen = 0
    for landing in landings:
        for approver in _approvals(landing.after) - _approvals(landing.before):
            assert mails[approver] in landing.actors("approved-by"), landing.after["id"]
            seen += 1
    assert seen > 10


def _approvals(data: Any) -> set[str]:
    if isinstance(data, list):
        return {one for item in data for one in _approvals(item)}
    if not isinstance(data, dict):
        return set()
    held = {one for key, value in data.items() if key != "approved_by" for one in _approvals(value)}
    return held | ({data["approved_by"]} if "approved_by" in data else set())


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_the_records_were_sound_all_the_way(part: float, repository: Path) -> None:
    landed = list(walk(repository, "HEAD", first_parent=True))
    commit = landed[int(len(landed) * part)]
    tree = git.RevisionTree(repository, commit.sha)
    book = check.open_book(tree)
    with contextlib.closing(check.open_cache(repository, book, cached=False)) as store:
        report = check.check(tree, book, store, datetime.fromtimestamp(commit.committed, SHANGHAI))
    assert report.records > 30
    assert [item for item in report.findings if item.severity is Severity.ERROR] == []


def test_the_audit_finds_nothing(repository: Path) -> None:
    assert _audited(repository) == []


def _audited(root: Path) -> list[Any]:
    told = CliRunner().invoke(cli.main, ["audit", "--root", str(root), "--format", "json"])
    assert told.exit_code == 0, told.output
    return list(json.loads(told.stdout)["findings"])
