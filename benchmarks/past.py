"""The history part of the benchmarks: the first walk, what new commits add, one record's history, an audit; and peers.

`git log -p --follow` is asked for some files and reckoned up to all; GitPython's difference of each commit with its
parent, and the `git-history` package, are installed into a folder of their own for the occasion and run where they can.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

COMMITS_A_RECORD = 3
SAMPLE = 20  # files for which peers are asked one by one
PEER_COMMITS = 2_000  # commits that GitPython is asked for
NEW = 100
PEERS = ("gitpython", "git-history", "pyyaml")

GITPYTHON = """
import sys, git
repo = git.Repo(".")
for commit in repo.iter_commits(max_count=int(sys.argv[1])):
    for change in commit.parents[0].diff(commit, create_patch=True) if commit.parents else ():
        change.diff
"""


def rows(size: int, workshop: Path, once: Callable[..., Any], measured: Callable[..., Any], row: Callable[..., Any],
         kelu: Sequence[str]) -> tuple[list[Any], list[str]]:  # fmt: skip
    """The rows of a history of three commits a record, and the ratios. The callables are those of run.py."""
    home, commits = workshop / f"{size}-history", size * COMMITS_A_RECORD
    made = once([*kelu, "demo", home, "--records", str(size), "--commits", str(commits), "--seed", "1"], workshop)
    files = sorted(home.glob("records/complaints/**/*.yaml"))
    files = files[:: max(len(files) // SAMPLE, 1)][:SAMPLE]
    record = files[-1].stem

    def forget() -> None:
        for kept in home.glob(".kelu/cache/history.*"):
            kept.unlink()

    def age() -> None:
        """What was kept as of NEW commits ago, so that there is something new to read."""
        forget()
        git(home, "update-ref", "HEAD", f"HEAD~{NEW}")
        once([*kelu, "history", record], home)
        git(home, "update-ref", "HEAD", tip)

    tip = git(home, "rev-parse", "HEAD")
    first = measured([*kelu, "history", record], home, forget)
    added = measured([*kelu, "history", record], home, age)
    again = measured([*kelu, "history", record], home)
    audit = measured([*kelu, "audit"], home, forget)
    more = measured([*kelu, "audit"], home)
    log = measured(["sh", "-c", "git log --raw -z --no-renames --topo-order --reverse --root HEAD | wc -c"], home)
    found = [
        row(f"`kelu demo --commits {commits}`", made, "makes the repository"),
        row("`git log --raw`, floor", log, "the names and blobs that every commit touched, nothing read"),
        row("`kelu history ID`, first", first, f"{commits:,} commits walked, every version read: "
            f"{commits / first.wall:,.0f} commits a second"),
        row(f"`kelu history ID`, {NEW} new commits", added, "the rest was kept"),
        row("`kelu history ID`, nothing new", again),
        row("`kelu audit`, first", audit, "walk, and every landing judged"),
        row("`kelu audit`, nothing new", more),
    ]  # fmt: skip
    ratios = []

    def peer(work: str, command: Sequence[str | Path], count: int, whole: int, unit: str) -> None:
        figure = once(command, home)
        note = f"{count:,} of {whole:,} {unit}, reckoned up"
        found.append(row(work, figure.times(whole / count), note))
        ratios.append(f"first walk: {figure.wall * whole / count / first.wall:,.0f} × less time than {work}")

    names = [str(file.relative_to(home)) for file in files]
    many = sum(1 for _ in home.glob("records/**/*.yaml"))
    script = "for file in " + " ".join(names) + "; do git log --follow -p --format=%H -- $file; done | wc -c"
    peer("`git log --follow -p` of each file", ["sh", "-c", script], len(names), many, "files")
    python = peers(workshop)
    if python is None:
        found.append(row("GitPython, git-history", None, "could not be installed here"))
        return found, ratios
    asked = min(PEER_COMMITS, commits)
    peer("GitPython, difference of each commit", [python, "-c", GITPYTHON, str(asked)], asked, commits, "commits")
    one = [python.with_name("git-history"), "file", workshop / "history.db", names[-1], "--import", "yaml", "--convert",
           "[yaml.load(content, yaml.BaseLoader)]", "--id", "id", "--silent"]  # fmt: skip
    try:
        peer("`git-history` of each file", one, 1, many, "files")
    except RuntimeError as fault:
        found.append(row("`git-history` of each file", None, f"does not run: {str(fault).splitlines()[-1][:100]}"))
    return found, ratios


def git(home: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=home, capture_output=True, text=True, check=True).stdout.strip()


def peers(workshop: Path) -> Path | None:
    """The Python of an environment that has the peers, made once; None where they cannot be had."""
    home = workshop / "peers"
    python = home / "bin/python"
    if not home.exists():
        venv.create(home, with_pip=True)
        done = subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], capture_output=True, check=False)
        if done.returncode:
            print(done.stderr.decode("utf-8", "replace")[-400:], file=sys.stderr)
            return None
    return python
