"""The history part of the benchmarks: the first walk, what new commits add, one record's history, an audit; and peers.

`git log -p --follow` is asked for some files and reckoned up to all; so are GitPython's difference of each commit with
its parent and the `git-history` package.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import peers
from measure import KELU, Ratio, Row, measured, once

COMMITS_A_RECORD = 3
SAMPLE = 2  # files for which peers are asked one by one
PEER_COMMITS = 2_000  # commits that GitPython is asked for
NEW = 100

GITPYTHON = """
import sys, git
repo = git.Repo(".")
for commit in repo.iter_commits(max_count=int(sys.argv[1])):
    for change in commit.parents[0].diff(commit, create_patch=True) if commit.parents else ():
        change.diff
"""


def rows(size: int, workshop: Path) -> tuple[list[Row], list[Ratio]]:
    """The rows of a history of three commits a record, and the ratios."""
    home, commits = workshop / f"{size}-history", size * COMMITS_A_RECORD
    made, _ = once([*KELU, "demo", home, "--records", str(size), "--commits", str(commits), "--seed", "1"], workshop)
    files = sorted(home.glob("records/complaints/**/*.yaml"))
    files = files[:: max(len(files) // SAMPLE, 1)][:SAMPLE]
    record = files[-1].stem

    def forget() -> None:
        for kept in home.glob(".kelu/cache/history.*"):
            kept.unlink()

    audit = measured([*KELU, "audit"], home, forget)
    more = measured([*KELU, "audit"], home)
    first = measured([*KELU, "history", record], home, forget)
    again = measured([*KELU, "history", record], home)
    added = measured([*KELU, "history", record], home, lambda: go_on(home))
    log = measured(["sh", "-c", "git log --raw -z --no-renames --topo-order --reverse --root HEAD | wc -c"], home)
    found = [
        Row(f"`kelu demo --commits {COMMITS_A_RECORD}` a record", made, "makes the repository"),
        Row("`git log --raw`, floor", log, "the names and blobs that every commit touched, nothing read"),
        Row("`kelu history ID`, first", first, f"{commits:,} commits walked, every version read: "
            f"{commits / first.wall:,.0f} commits a second", "history"),
        Row(f"`kelu history ID`, {NEW} new commits", added, "the rest was kept", "history new"),
        Row("`kelu history ID`, nothing new", again),
        Row("`kelu audit`, first", audit, "walk, and every landing judged"),
        Row("`kelu audit`, nothing new", more),
    ]  # fmt: skip
    ratios = []
    for work, command, count, whole, key in compared(home, workshop, files, commits):
        if command is None:
            found.append(Row(work, None, "cannot be had here"))
            continue
        figure = once(command, home)[0].times(whole / count)
        found.append(Row(work, figure, f"{count:,} of {whole:,}, reckoned up"))
        ratios.append(Ratio(f"first walk: {{:,.0f}} × less time than {work}", figure.wall / first.wall, key))
    return found, ratios


def compared(
    home: Path, workshop: Path, files: list[Path], commits: int
) -> Iterator[tuple[str, list[str | Path] | None, int, int, str]]:
    """(name, command or None, how much of the work it does, of how much, key) of the peers."""
    names = [str(file.relative_to(home)) for file in files]
    many = sum(1 for _ in home.glob("records/**/*.yaml"))
    for work, how, key in (("`git log --follow -p` of each file", "-p --format=%H", ""),
                           ("`git log -1 --follow` of each file", "-1 --format=%H", "B7")):  # fmt: skip
        script = f"for file in {' '.join(names)}; do git log --follow {how} -- $file; done | wc -c"
        yield work, ["sh", "-c", script], len(names), many, key
    python, asked = peers.python(workshop), min(PEER_COMMITS, commits)
    yield (
        "GitPython, difference of each commit", [python, "-c", GITPYTHON, str(asked)] if python else None,
        asked, commits, "B6",
    )  # fmt: skip
    one: list[str | Path] | None = None
    if python:
        one = [python.with_name("git-history"), "file", workshop / "history.db", names[-1], "--import", "yaml",
               "--convert", "[yaml.load(content, yaml.BaseLoader)]", "--id", "id", "--silent"]  # fmt: skip
    yield "`git-history` of each file", one, 1, many, ""


def go_on(home: Path) -> None:
    """New commits, each with another title of one complaint, told to Git at once."""
    paths = sorted(home.glob("records/complaints/2025/**/*.yaml"))[:NEW]
    told = []
    for number, path in enumerate(paths):
        text = path.read_text("utf-8").replace("\ntitle: ", "\ntitle: 又", 1)
        path.write_text(text, "utf-8")
        content = text.encode()
        after = "from refs/heads/main^0\n" if number == 0 else ""
        told.append(
            f"commit refs/heads/main\ncommitter bench <bench@example.invalid> now\ndata 6\nChange\n{after}"
            f"M 100644 inline {path.relative_to(home).as_posix()}\ndata {len(content)}\n".encode()
            + content
            + b"\n"
        )
    stream = home.parent / "stream"
    stream.write_bytes(b"".join(told))
    once(["sh", "-c", f"git fast-import --quiet --date-format=now < {stream} && git reset --quiet"], home)
