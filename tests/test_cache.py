"""The cache: whatever happened since to the files or to the cache itself, a check tells what one without it tells."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from clerk import kelu
from kelu import check
from repository import own_records, rulebook_files

DAYS = ("2026-06-30", "2026-11-22", "2027-02-01")
ENV = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
FAULTS = (("channel: ", "channel: x"), ("status: closed", "status: clos"), ("\n", "\n  : [\n"), ("id: ", "id: X"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """This repository's records and rulebook in a Git repository with one commit."""
    root = tmp_path / "home"
    for path, raw in {**rulebook_files(), **own_records()}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(raw)
    (root / ".gitignore").write_text("/.kelu/\n")
    _git(root, "init", "-q", "-b", "main")
    _git(root, "config", "user.name", "测试")
    _git(root, "config", "user.email", "t@example.invalid")
    _commit(root)
    return root


def _git(root: Path, *args: str) -> None:
    subprocess.run(["git", *args], cwd=root, check=True, capture_output=True)


def _commit(root: Path) -> None:
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "--allow-empty", "-m", "change")


def _same(root: Path, *words: str) -> None:
    """A command says the same with the cache and without."""
    cached, plain = kelu(root, *words), kelu(root, *words, "--no-cache")
    assert (cached.output, cached.exit_code) == (plain.output, plain.exit_code), words


def _edits(root: Path, chance: random.Random) -> Iterator[str]:
    """Changes of all kinds, one after the other; each is named once it is done."""
    while True:
        files = sorted((root / "records").rglob("*.yaml"))
        path = chance.choice(files)
        kind = chance.choice(
            (
                "text",
                "fault",
                "gone",
                "renamed",
                "twin",
                "stranger",
                "moved",
                "type",
                "policy",
                "commit",
                "back",
                "branch",
            )
        )
        if kind == "text":
            path.write_text("# 注\n" + path.read_text("utf-8"), "utf-8")
        elif kind == "fault":
            path.write_text(path.read_text("utf-8").replace(*chance.choice(FAULTS), 1), "utf-8")
        elif kind == "gone":
            path.unlink()
        elif kind == "renamed":
            path.rename(path.with_name(f"{path.stem}0.yaml"))
        elif kind == "twin":
            path.with_name(path.name.swapcase()).write_bytes(path.read_bytes())
        elif kind == "stranger":
            path.with_suffix(chance.choice((".txt", ".yml"))).write_text("x")
        elif kind == "moved":
            place = root / "records" / chance.choice(("complaints", "actions", "elsewhere")) / "2031" / path.name
            place.parent.mkdir(parents=True, exist_ok=True)
            path.rename(place)
        elif kind == "type":
            path.unlink()
            path.symlink_to(chance.choice(files))
        elif kind == "policy":
            rules = root / "policies/core@1/rules.yaml"
            rules.write_text(rules.read_text("utf-8").replace("severity: warning", "severity: error", 1), "utf-8")
        elif kind == "commit":
            _commit(root)
        elif kind == "back":
            _git(root, "checkout", "-q", "-f", "HEAD", ".")
            _git(root, "clean", "-qfd", "records")
        else:
            _commit(root)
            _git(root, "checkout", "-q", "-f", "-B", f"b{chance.randrange(3)}", chance.choice(("main", "HEAD")))
        yield kind


@pytest.mark.parametrize("seed", range(2))
def test_a_check_with_the_cache_tells_what_one_without_tells(home: Path, seed: int) -> None:
    chance = random.Random(seed)
    _same(home, "check", "--as-of", DAYS[1])
    edits = _edits(home, chance)
    for step in range(4):
        for _ in range(chance.choice((1, 1, 2, 5))):
            next(edits)
        words = ("check", "--as-of", chance.choice(DAYS))
        _same(home, *words, *(("--base", "main") if step == 2 else ()))
        if step == 3:
            _same(home, chance.choice(("kpi", "due")), "--as-of", chance.choice(DAYS))


@pytest.mark.parametrize("harm", ["cut", "flipped", "foreign", "empty"])
def test_a_harmed_cache_is_not_believed(home: Path, harm: str) -> None:
    said = kelu(home, "check", "--as-of", DAYS[1], "--no-cache").output
    assert kelu(home, "check", "--as-of", DAYS[1]).output == said
    cache = home / check.CACHE
    raw = bytearray(cache.read_bytes())
    if harm == "cut":
        raw = raw[: len(raw) // 2]
    elif harm == "flipped":
        for at in range(4096 * 3, len(raw), 4096):
            raw[at] ^= 0xFF
    else:
        raw = bytearray(b"not a database") if harm == "foreign" else bytearray()
    cache.write_bytes(raw)
    assert kelu(home, "check", "--as-of", DAYS[1]).output == said
    (home / "records/complaints/2026/CMP-2026-0003.yaml").unlink()
    _same(home, "check", "--as-of", DAYS[1])


def test_what_another_repository_kept_is_not_taken_for_this_ones(home: Path) -> None:
    kelu(home, "check", "--as-of", DAYS[1])
    for path in sorted((home / "records/complaints").rglob("*.yaml"))[::2]:
        path.unlink()
    _same(home, "check", "--as-of", DAYS[1])


def test_a_cache_that_came_with_a_change_is_not_believed(home: Path) -> None:
    kelu(home, "check", "--as-of", DAYS[1])
    (home / "records/complaints/2026/CMP-2026-0003.yaml").unlink()
    said = kelu(home, "check", "--as-of", DAYS[1]).output
    with duckdb.connect(str(home / check.CACHE)) as forged:
        forged.execute("UPDATE record.answer SET answer = '[]'")
    assert kelu(home, "check", "--as-of", DAYS[1]).output != said  # it would work
    _git(home, "add", "-f", str(check.CACHE))
    assert kelu(home, "check", "--as-of", DAYS[1]).output == said


def test_two_checks_at_once_and_one_that_is_killed_leave_no_trace(home: Path) -> None:
    command = [sys.executable, "-m", "kelu", "--root", str(home), "check", "--as-of", DAYS[1]]
    said = kelu(home, "check", "--as-of", DAYS[1], "--no-cache").output
    for delay in (1.0, 1.6):
        for path in home.glob(".kelu/cache/*"):
            path.unlink()
        killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=ENV)
        time.sleep(delay)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert kelu(home, "check", "--as-of", DAYS[1]).output == said
    path = home / "records/complaints/2026/CMP-2026-0003.yaml"
    path.write_text("# 注\n" + path.read_text("utf-8"), "utf-8")
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, env=ENV) for _ in range(2)]
    first, second = (process.communicate()[0] for process in both)
    assert first == second
    _same(home, "check", "--as-of", DAYS[1])
