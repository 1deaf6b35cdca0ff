"""`--at REV`: figures and duties from the records, schemas, policies and configuration as a commit has them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kelu import check, cli, git
from kelu.store import cache_state
from made_records import complaint, customer, files
from repository import rulebook_files

KPIS = "policies/practice@1/kpis.yaml"
COMPLAINT = "records/complaints/2026/CMP-2026-0002.yaml"


def say(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli.main, ["--root", str(home), *words])


def commit(home: Path, changed: dict[str, bytes], at: str) -> str:
    """Write files, commit everything at a moment, and return the commit."""
    for path, raw in changed.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(raw)
    mail = "lin@example.invalid"
    who = {"GIT_AUTHOR_NAME": "林", "GIT_COMMITTER_NAME": "林", "GIT_AUTHOR_EMAIL": mail, "GIT_COMMITTER_EMAIL": mail}
    git.run(home, "add", "--all")
    git.run(home, "commit", "-q", "-m", "Step", env=who | {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at})
    return git.run(home, "rev-parse", "HEAD").decode().strip()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """Two complaints; then one of them is resolved, a third comes in, and complaints are due a day earlier."""
    home = tmp_path_factory.mktemp("at") / "home"
    home.mkdir()
    git.run(home, "init", "-q", "--initial-branch=main")
    calm = {"severity": "minor", "acknowledged": "2026-03-02 11:00"}
    rows = [{"n": n, "received": "2026-03-02 10:00", **calm} for n in (1, 2)]
    first = [customer(1), *(record for row in rows for record in complaint(row))]
    kept = {".gitignore": b"/.kelu/\n"}  # a cache that is in Git is not believed
    before = commit(home, {**kept, **rulebook_files(), **files(first)}, "2026-03-10T18:00:00+08:00")
    later = [*complaint(rows[0] | {"resolved": "2026-03-12 10:00"}),
             *complaint({"n": 3, "received": "2026-03-11 10:00", **calm})]  # fmt: skip
    text = rulebook_files()[KPIS].decode()
    after = commit(home, {**files(later), KPIS: text.replace('"0.95"', '"0.9"').encode()}, "2026-03-20T18:00:00+08:00")
    return home, before, after


@pytest.mark.parametrize(
    "words",
    [
        ("kpi", "--format", "json"),
        ("kpi", "CMP-01", "CMP-04", "--period", "2026-03", "--by", "customer", "--records", "--format", "csv"),
        ("kpi", "CMP-05", "--as-of", "2026-03-12T10:30:00+08:00"),
        ("due", "CUS-0001", "--format", "json"),
    ],
)
def test_the_same_as_having_checked_it_out(
    story: tuple[Path, str, str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    home, before, after = story
    past = tmp_path / "past"
    git.run(tmp_path, "clone", "-q", str(home), str(past))
    git.run(past, "switch", "-q", "--detach", before)
    told, there, now = say(home, *words, "--at", before), say(past, *words), say(home, *words)
    assert (told.exit_code, there.exit_code, now.exit_code) == (0, 0, 0), told.output
    assert told.stdout_bytes == there.stdout_bytes
    assert told.stdout_bytes != now.stdout_bytes
    if words[-1] == "csv":
        assert say(home, *words, "--at", after, "--no-cache").stdout_bytes == now.stdout_bytes


def test_what_is_not_committed_plays_no_part(story: tuple[Path, str, str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(story[0], home)
    (home / COMPLAINT).unlink()
    told = say(home, "kpi", "CMP-01", "--at", "HEAD", "--format", "json")
    assert told.stdout_bytes == say(story[0], "kpi", "CMP-01", "--format", "json").stdout_bytes
    assert told.stderr == ""


def test_the_kept_records_stay(story: tuple[Path, str, str], tmp_path: Path) -> None:
    """Of a commit with the same schemas only what differs is read; one with others does not throw away the cache."""
    home = tmp_path / "home"
    shutil.copytree(story[0], home)
    path = "schemas/customer.schema.json"
    other = commit(home, {path: (home / path).read_bytes() + b"\n"}, "2026-03-21T18:00:00+08:00")
    assert say(home, "kpi", "CMP-01").exit_code == 0
    present = check.open_book(git.WorkTree(home)).fingerprint
    for revision in (story[1], other):
        assert say(home, "kpi", "CMP-01", "--at", revision).exit_code == 0
        assert cache_state(home / check.CACHE, present) == "fits"


def test_a_clone_cut_short(story: tuple[Path, str, str], tmp_path: Path) -> None:
    home, before, after = story
    short = tmp_path / "short"
    git.run(tmp_path, "clone", "-q", "--depth", "1", f"file://{home}", str(short))
    whole = say(home, "kpi", "CMP-01", "--at", after, "--format", "json")
    assert say(short, "kpi", "CMP-01", "--at", "HEAD", "--format", "json").stdout_bytes == whole.stdout_bytes
    for revision in (before, "HEAD~1", "nowhere"):
        refused = say(short, "kpi", "--at", revision)
        assert refused.exit_code == 2
        assert "git fetch --unshallow" in refused.output
        assert refused.stdout_bytes == b""
