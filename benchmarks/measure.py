"""How work is measured: whole processes by the kernel's own account of them, and how they are written down."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

LONG = 20.0  # seconds; what takes longer is run once
KELU = (sys.executable, "-m", "kelu")
WHO = ("-c", "user.name=bench", "-c", "user.email=bench@example.invalid")
_ENDED = re.compile(r"^status: (accepted|closed|void)$", re.MULTILINE)
_NAMED = ("complaints", "projects")  # of which some are open even among few records
_STAGE = re.compile(r"^ *([\d.]+) s +([\d.]+) s CPU +(\S.*?)(?:  [\d,]+ \([\d,]+/s\))?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Figure:
    """CPU and wall seconds of a process and its children, and the largest memory of any of them in bytes (0: of a part
    of a process, whose memory is not told apart)."""

    cpu: float
    wall: float
    memory: int = 0

    def __add__(self, other: Figure) -> Figure:
        return Figure(self.cpu + other.cpu, self.wall + other.wall, max(self.memory, other.memory))

    def times(self, factor: float) -> Figure:
        return Figure(self.cpu * factor, self.wall * factor, self.memory)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `key` names what `targets.yaml` asks of it, if it asks anything. A figure is missing where
    the work cannot be done, the note says why, or what is measured is no time: then it is the `amount`."""

    work: str
    figure: Figure | None
    note: str = ""
    key: str = ""
    amount: float | None = None


@dataclass(frozen=True, slots=True)
class Ratio:
    """How much less time, or CPU, work takes than a peer's; `key` as in a row."""

    text: str
    factor: float
    key: str = ""


def once(command: Sequence[str | Path], folder: Path) -> tuple[Figure, str]:
    """Run a command in a folder: its figure and what it said. Raises RuntimeError with the latter when it fails."""
    with tempfile.TemporaryFile() as said:
        begin = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command], cwd=folder, stdout=said, stderr=said, env=environment()
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        words = said.read().decode("utf-8", "replace")
    if process.returncode:
        raise RuntimeError(f"{command[:4]}: {words[-600:]}")
    return Figure(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024), words


def measured(command: Sequence[str | Path], folder: Path, before: Callable[[], object] = lambda: None) -> Figure:
    """The median of three runs, or the one run where that is long. `before` is done before each and not measured."""
    figures: list[Figure] = []
    while len(figures) < 3 and (not figures or figures[0].wall < LONG):
        before()
        figures.append(once(command, folder)[0])
    return Figure(
        statistics.median(figure.cpu for figure in figures),
        statistics.median(figure.wall for figure in figures),
        max(figure.memory for figure in figures),
    )


def stages(said: str) -> dict[str, Figure]:
    """What `--profile` tells of the stages of a run, by their names."""
    return {name: Figure(float(cpu), float(wall)) for wall, cpu, name in _STAGE.findall(said)}


def environment() -> dict[str, str]:
    """That of this process, but for what would keep Python from its compiled files or lead it astray elsewhere."""
    found = {key: value for key, value in os.environ.items() if key not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")}
    if paths := os.environ.get("PYTHONPATH"):
        found["PYTHONPATH"] = os.pathsep.join(str(Path(path).absolute()) for path in paths.split(os.pathsep))
    return found


def git(home: Path, *words: str) -> str:
    """What a Git command says."""
    return subprocess.run(["git", *WHO, *words], cwd=home, capture_output=True, text=True, check=True).stdout.strip()


def forget(home: Path) -> None:
    """Remove what kelu has kept from earlier runs."""
    for folder in (".kelu", "build", "public"):
        shutil.rmtree(home / folder, ignore_errors=True)


def edit(home: Path, number: int, count: int) -> None:
    """Change the titles of the newest records that are still open, otherwise each time: of complaints and, where too
    few are open, the names of projects. Of others nobody may."""
    newest = (path for kind in _NAMED for path in sorted(home.glob(f"records/{kind}/**/*.yaml"), reverse=True))
    still_open = (path for path in newest if not _ENDED.search(path.read_text("utf-8")))
    for path in islice(still_open, count):
        lines = path.read_text("utf-8").split("\n")
        at = next(i for i, line in enumerate(lines) if line.startswith(("title: ", "name: ")))
        lines[at] = lines[at].split("（", 1)[0] + f"（改{number}）"
        path.write_text("\n".join(lines), "utf-8")


def commit(home: Path, number: int) -> None:
    """Commit what was changed, an hour after the last commit, as the next change comes in daily work."""
    last = int(git(home, "log", "-1", "--format=%ct"))
    at = f"{last + 3600} +0800"
    words = ["git", *WHO, "commit", "--quiet", "--all", "--message", f"Change {number}"]
    subprocess.run(words, cwd=home, check=True, env={**os.environ, "GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at})
