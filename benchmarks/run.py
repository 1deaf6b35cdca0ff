"""Benchmarks: whole processes of kelu, of check-jsonschema and of what no program can do without, on made-up records.

    python benchmarks/run.py [SIZE ...]        (make bench SIZE="1000 10000"; these two are the default)

Every figure is that of one process and its children, from the kernel's own account of them (wait4): CPU is user and
system time together, the median of three runs. What is compared is measured in the same run, on the same files.
Writes RESULTS.md beside this file.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import past

RESULTS = Path(__file__).parent / "RESULTS.md"
INSIDE = Path(__file__).parent / "inside.py"
DEFAULT_SIZES = (1_000, 10_000)
SEED = 1
READ_ALL = "git ls-files -z records | xargs -0 cat | wc -c"
LONG = 20.0  # seconds; what takes longer is run once
PEER_LIMIT = 180.0  # seconds of CPU up to which check-jsonschema reads every file; beyond, a sample
PEER_SAMPLE = 200  # files a record type to estimate from
ARGUMENTS = 5_000  # files named on one command line
SITE_LIMIT = 10_000  # records up to which the site is built
CHANGED = 5
KELU = (sys.executable, "-m", "kelu")
PEER = (sys.executable, "-m", "check_jsonschema")


@dataclass(frozen=True, slots=True)
class Figure:
    """CPU and wall seconds of a process and its children, and the largest memory of any of them in bytes."""

    cpu: float
    wall: float
    memory: int

    def __add__(self, other: Figure) -> Figure:
        return Figure(self.cpu + other.cpu, self.wall + other.wall, max(self.memory, other.memory))

    def times(self, factor: float) -> Figure:
        return Figure(self.cpu * factor, self.wall * factor, self.memory)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. A figure is missing where the work cannot be done; the note says why."""

    work: str
    figure: Figure | None
    note: str = ""


def once(command: Sequence[str | Path], folder: Path) -> Figure:
    """Run a command in a folder. Raises RuntimeError with what it said when it fails."""
    with tempfile.TemporaryFile() as said:
        begin = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command], cwd=folder, stdout=said, stderr=said, env=environment()
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{command[:4]}: {said.read().decode('utf-8', 'replace')[-600:]}")
    return Figure(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024)


def environment() -> dict[str, str]:
    """That of this process, but for what would keep Python from its compiled files or lead it astray elsewhere."""
    found = {key: value for key, value in os.environ.items() if key not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")}
    if paths := os.environ.get("PYTHONPATH"):
        found["PYTHONPATH"] = os.pathsep.join(str(Path(path).absolute()) for path in paths.split(os.pathsep))
    return found


def measured(command: Sequence[str | Path], folder: Path, before: Callable[[], object] = lambda: None) -> Figure:
    """The median of three runs, or the one run where that is long. `before` is done before each and not measured."""
    figures: list[Figure] = []
    while len(figures) < 3 and (not figures or figures[0].wall < LONG):
        before()
        figures.append(once(command, folder))
    return Figure(
        statistics.median(figure.cpu for figure in figures),
        statistics.median(figure.wall for figure in figures),
        max(figure.memory for figure in figures),
    )


# --- the work --------------------------------------------------------------------------------------------


def of_size(size: int, workshop: Path) -> tuple[list[Row], list[str]]:
    """The table of one size, and the ratios below it."""
    home = workshop / str(size)
    made = once([*KELU, "demo", home, "--records", str(size), "--seed", str(SEED)], workshop)
    say = lambda text: print(f"{size}: {text}", file=sys.stderr, flush=True)  # noqa: E731
    say("check")
    cold = measured([*KELU, "check"], home, lambda: forget(home))
    warm = measured([*KELU, "check"], home)
    edits = iter(range(1, 1000))
    changed = measured([*KELU, "check"], home, lambda: edit(home, next(edits)))
    say("floors")
    rows = [
        Row("read every record (`cat`), floor", measured(["sh", "-c", READ_ALL], home)),
        Row("`git status`, floor", measured(["git", "status", "--porcelain"], home)),
        Row("`kelu check`, cold", cold, "no cache: every file read, parsed, judged; every rule asked"),
        Row("`kelu check`, warm", warm, "nothing changed since"),
        Row(f"`kelu check`, {CHANGED} files changed", changed, f"{CHANGED} complaints edited since"),
    ]  # fmt: skip
    say("inside")
    forget(home)
    once([*KELU, "check"], home)
    rows.append(
        part(
            "duties only",
            "duties",
            home,
            "duties of 40 obligations, each of every record with a day: expanded and settled",
        )
    )
    rows.append(part("all rules, store loaded", "rules", home, "questions, none answered before"))
    say("kpi")
    rows.append(optional("`kelu kpi`", ["kpi"], home))
    rows.append(optional("`kelu due`, warm", ["due"], home))
    if size <= SITE_LIMIT:
        say("site")
        rows.append(optional("`kelu site`, cold", ["site"], home, lambda: forget(home)))
        amends = iter(range(1, 1000))
        row = optional("`kelu site`, one record changed", ["site"], home, lambda: amend(home, next(amends)))
        rows.append(replace(row, note=row.note or clean(home)))
    else:
        rows.append(Row("`kelu site`, cold", None, f"built up to {SITE_LIMIT:,} records"))
    say("history")
    history, slower = past.rows(size, workshop, once, measured, Row, KELU)
    say("check-jsonschema")
    peer, note = check_jsonschema(home)
    rows += [Row("check-jsonschema, cold and warm", peer, note), Row("`kelu demo`", made, "makes the repository")]
    ratios = [
        f"{name}: {peer.cpu / mine.cpu:.0f} × less CPU, {peer.wall / mine.wall:.0f} × less time than check-jsonschema"
        for name, mine in (("cold", cold), ("warm", warm), (f"{CHANGED} changed", changed))
    ]
    return [*rows, *history], [*ratios, *slower]


def forget(home: Path) -> None:
    """Remove what kelu has kept from earlier runs."""
    for folder in (".kelu", "build", "public"):
        shutil.rmtree(home / folder, ignore_errors=True)


def amend(home: Path, number: int) -> None:
    """Commit another title of one complaint."""
    edit(home, number, 1)
    who = ["-c", "user.name=bench", "-c", "user.email=bench@example.invalid"]
    once(["git", *who, "commit", "--quiet", "--all", "--message", f"Change {number}"], home)


def clean(home: Path) -> str:
    """Whether the site that is there is that of a clean build, in words."""
    after = site_digest(home)
    forget(home)
    once([*KELU, "site"], home)
    return "the same bytes as a clean build" if site_digest(home) == after else "NOT THE SAME AS A CLEAN BUILD"


def site_digest(home: Path) -> str:
    """A digest of every file of a site."""
    digest = hashlib.sha256()
    for path in sorted(path for path in (home / "public").rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(home)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def edit(home: Path, number: int, count: int = CHANGED) -> None:
    """Change the titles of some complaints, otherwise each time."""
    for path in sorted(home.glob("records/complaints/2025/*.yaml"))[:count]:
        lines = path.read_text("utf-8").split("\n")
        at = next(i for i, line in enumerate(lines) if line.startswith("title: "))
        lines[at] = lines[at].split("（", 1)[0] + f"（改{number}）"
        path.write_text("\n".join(lines), "utf-8")


def optional(work: str, words: Sequence[str], home: Path, before: Callable[[], object] = lambda: None) -> Row:
    """The row of a command that may be missing."""
    try:
        return Row(work, measured([*KELU, *words], home, before))
    except RuntimeError as fault:
        return Row(work, None, f"does not run: {str(fault).splitlines()[-1][:120]}")


def part(work: str, name: str, home: Path, note: str) -> Row:
    """The row of a part of one process, from its own account: the median of three."""
    figures, found = [], ""
    for _ in range(3):
        said = subprocess.run(
            [sys.executable, INSIDE, name, home], capture_output=True, text=True, check=True, env=environment()
        )
        cpu, wall, found = said.stdout.split()
        figures.append((float(cpu), float(wall)))
    cpu_s, wall_s = (statistics.median(column) for column in zip(*figures, strict=True))
    return Row(work, Figure(cpu_s, wall_s, 0), f"{int(found):,} {note}")


def check_jsonschema(home: Path) -> tuple[Figure, str]:
    """check-jsonschema on the same files with the same schemas, one process a record type; and what was done."""
    types = {
        schema: sorted((home / "records" / f"{schema.name.split('.')[0]}s").rglob("*.yaml"))
        for schema in sorted((home / "schemas").glob("*.schema.json"))
    }
    types = {schema: files for schema, files in types.items() if files}
    estimate = Figure(0, 0, 0)
    for schema, files in types.items():
        start, sample = peer_run(schema, files[:1], home), files[:PEER_SAMPLE]
        part = peer_run(schema, sample, home) if len(sample) > 1 else start
        each = max(part.cpu - start.cpu, 0) / max(len(sample) - 1, 1)
        slow = max(part.wall - start.wall, 0) / max(len(sample) - 1, 1)
        rest = len(files) - 1
        estimate += Figure(start.cpu + each * rest, start.wall + slow * rest, part.memory)
    if estimate.cpu > PEER_LIMIT:
        return estimate, f"reckoned from its first {PEER_SAMPLE} files of each type, as all would take too long"
    whole = Figure(0, 0, 0)
    for schema, files in types.items():
        for at in range(0, len(files), ARGUMENTS):
            whole += peer_run(schema, files[at : at + ARGUMENTS], home)
    return whole, "every file, one process a record type, once"


def peer_run(schema: Path, files: Sequence[Path], home: Path) -> Figure:
    return once([*PEER, "--schemafile", schema.relative_to(home), *(file.relative_to(home) for file in files)], home)


# --- the page --------------------------------------------------------------------------------------------

_SAME = """\
check-jsonschema reads each file and holds it against its JSON Schema: the shape of one file at a time. It does not
name a line, and does not look at what states require (`x-lifecycle`), vocabularies of the policies, references and
rules between records, file names, duplicate keys, or phone numbers in free text; `kelu check` does all of these.
It keeps nothing from run to run, so its figure is the same cold and warm."""


def page(results: Sequence[tuple[int, list[Row], list[str]]]) -> str:
    """RESULTS.md."""
    lines = [
        "# Benchmark results",
        "",
        "Written by `make bench`; see `run.py` for what is done. CPU is user + system.",
        "",
    ]
    lines += [f"- {line}" for line in machine()]
    lines += ["", _SAME]
    for size, rows, ratios in results:
        lines += ["", f"## {size:,} records", "", "| work | CPU s | wall s | memory MB | ms CPU a record | note |"]
        lines.append("|---|--:|--:|--:|--:|---|")
        lines += [_line(row, size) for row in rows]
        lines += ["", *(f"- {ratio}" for ratio in ratios)]
    if len(results) > 1:
        lines += ["", "## Growth", "", *_growth(results)]
    return "\n".join(lines) + "\n"


def _line(row: Row, size: int) -> str:
    if row.figure is None:
        return f"| {row.work} | – | – | – | – | {row.note} |"
    cpu, wall = row.figure.cpu, row.figure.wall
    memory = f"{row.figure.memory / 1e6:.0f}" if row.figure.memory else "–"
    return f"| {row.work} | {cpu:.2f} | {wall:.2f} | {memory} | {1000 * cpu / size:.3f} | {row.note} |"


def _growth(results: Sequence[tuple[int, list[Row], list[str]]]) -> list[str]:
    (small, few, _), (large, many, _) = results[0], results[-1]
    lines = []
    for before, after in zip(few, many, strict=True):
        if before.figure and after.figure and before.work.startswith("`kelu"):
            change = (after.figure.cpu / large) / (before.figure.cpu / small) - 1
            lines.append(f"- {before.work}: CPU a record {change:+.0%} from {small:,} to {large:,} records")
    return lines


def machine() -> list[str]:
    """What the figures hang on, without naming the machine."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _read("/proc/cpuinfo") if line.startswith("model name")), ""
    )
    memory = next((int(line.split()[1]) for line in _read("/proc/meminfo") if line.startswith("MemTotal")), 0)
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    libraries = ("duckdb", "jsonschema-rs", "pyyaml", "click", "check-jsonschema", "jsonschema", "ruamel.yaml")
    return [
        f"{len(os.sched_getaffinity(0))} cores, {model or platform.machine()}, {memory / 2**20:.0f} GiB, "
        f"{platform.system()}",
        f"Python {platform.python_version()}, git {git}, " + ", ".join(f"{name} {version(name)}" for name in libraries),
    ]


def _read(path: str) -> list[str]:
    try:
        return Path(path).read_text("utf-8").splitlines()
    except OSError:
        return []


def main(words: Sequence[str]) -> None:
    """Measure each size asked for, smallest first, and write the page."""
    sizes = sorted({int(word.replace(",", "").replace("_", "")) for word in words} or DEFAULT_SIZES)
    results = []
    with tempfile.TemporaryDirectory(prefix="kelu-bench-") as workshop:
        for size in sizes:
            results.append((size, *of_size(size, Path(workshop))))
    RESULTS.write_text(page(results), "utf-8")
    print(RESULTS.read_text("utf-8"))


if __name__ == "__main__":
    main(sys.argv[1:])
