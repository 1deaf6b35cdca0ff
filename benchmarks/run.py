"""Benchmarks: whole processes of kelu, of its peers and of what no program can do without, on made-up records.

    python benchmarks/run.py [SIZE ...]        (make bench SIZE=100000)

One size stands for itself and every smaller power of ten from 1,000, so that growth can be told; without any it is
10,000. Every figure is that of one process and its children, from the kernel's own account of them (wait4): CPU is user
and system time together, the median of three runs. What is compared is measured in the same run, on the same files.
Writes RESULTS.md beside this file; what was asked, and what stands between a figure and its aim, is in targets.yaml.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import checking
import past
import published
import yaml
from measure import KELU, Ratio, Row, once

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
SMALLEST, DEFAULT, ASKED_OF = 1_000, 10_000, 100_000
SEED = 1
STEEPEST = 0.3  # of the cost a record, from one size to the next


@dataclass(frozen=True, slots=True)
class Table:
    """What was measured at one size."""

    size: int
    rows: list[Row]
    ratios: list[Ratio]


def of_size(size: int, workshop: Path) -> Table:
    """Everything at one size."""

    def say(text: str) -> None:
        print(f"{size}: {text}", file=sys.stderr, flush=True)

    home = workshop / str(size)
    made, _ = once([*KELU, "demo", home, "--records", str(size), "--seed", str(SEED)], workshop)
    os.sync()  # what is still to be written to the disk would slow down what is measured first
    checks, against = checking.rows(size, home, workshop, say)
    sites, beside = published.rows(size, home, workshop, say)
    say("history")
    histories, slower = past.rows(size, workshop)
    rows = [*checks, *sites, *histories, Row("`kelu demo`", made, "makes the repository")]
    return Table(size, rows, [*against, *beside, *slower])


# --- the page --------------------------------------------------------------------------------------------

_SAME = """\
check-jsonschema reads each file and holds it against its JSON Schema: the shape of one file at a time. It does not
name a line, and does not look at what states require (`x-lifecycle`), vocabularies of the policies, references and
rules between records, file names, duplicate keys, or phone numbers in free text; `kelu check` does all of these.
It keeps nothing from run to run, so its figure is the same cold and warm."""


def page(tables: Sequence[Table], targets: dict[str, Any]) -> str:
    """RESULTS.md."""
    lines = [
        "# Benchmark results",
        "",
        "Written by `make bench`; see `run.py` for what is done. CPU is user + system.",
        "",
    ]
    lines += [*(f"- {line}" for line in machine()), "", _SAME, ""]
    lines += _held(tables, targets)
    for table in tables:
        lines += [f"## {table.size:,} records", "", "| work | CPU s | wall s | memory MB | ms CPU a record | note |"]
        lines.append("|---|--:|--:|--:|--:|---|")
        lines += [_line(row, table.size) for row in table.rows]
        lines += ["", *(f"- {ratio.text.format(ratio.factor)}" for ratio in table.ratios), ""]
    return "\n".join(lines).rstrip() + "\n"


def _line(row: Row, size: int) -> str:
    if row.figure is None:
        return f"| {row.work} | – | – | – | – | {row.note} |"
    cpu, wall = row.figure.cpu, row.figure.wall
    memory = f"{row.figure.memory / 1e6:.0f}" if row.figure.memory else "–"
    return f"| {row.work} | {cpu:.2f} | {wall:.2f} | {memory} | {1000 * cpu / size:.3f} | {row.note} |"


def _held(tables: Sequence[Table], targets: dict[str, Any]) -> Iterator[str]:
    """What was asked beside what was measured, where there is a table of that size; and how cost grows."""
    table = tables[-1]
    if table.size >= ASKED_OF:
        growth = {row.key: grown for row, grown in _growth(tables) if row.key}
        yield from [f"## What is asked of {table.size:,} records", ""]
        yield from ["| work | must | aim | measured | holds | cost a record since the size before | between it and the "
                    "aim |", "|---|--:|--:|--:|---|--:|---|"]  # fmt: skip
        rows = {row.key: row for row in table.rows if row.key}
        for key, asked in targets["rows"].items():
            row = rows.get(key) or _memory(table)
            unit = asked.get("unit", "s")
            found = row.amount if row.amount is not None else row.figure.wall if row.figure else None
            said = "–" if found is None else f"{found:.2f} {unit}" if found < 10 else f"{found:,.0f} {unit}"
            grown = f"{growth[key]:+.0%}" if key in growth else ""
            yield (
                f"| {row.work} | ≤ {asked['must']} {unit} | ≤ {asked['aim']} {unit} | {said} | "
                f"{_verdict(found, asked)} | {grown} | {asked['between']} |"
            )
        for ratio in table.ratios:
            asked = targets["factors"].get(ratio.key)
            if asked:
                kept = ratio.factor <= asked["most"] if "most" in asked else ratio.factor >= asked["must"]
                bound = f"≤ {asked['most']}" if "most" in asked else f"≥ {asked['must']}"
                yield (
                    f"| {ratio.text.format(ratio.factor)} | {bound} × | {asked.get('aim', '')} | {ratio.factor:,.1f} × "
                    f"| {'yes' if kept else '**no**'} | | |"
                )
        yield ""
    if len(tables) > 1:
        yield from ["## Growth", ""]
        for row, grown in _growth(tables):
            steep = " **steeper than asked**" if grown > STEEPEST else ""
            yield f"- {row.work}: CPU a record {grown:+.0%} from {tables[-2].size:,} to {table.size:,} records{steep}"
        yield ""


def _verdict(found: float | None, asked: dict[str, Any]) -> str:
    if found is None or found > asked["must"]:
        return "**no**"
    return "aim" if found <= asked["aim"] else "yes"


def _memory(table: Table) -> Row:
    """The largest memory of any command."""
    own = [row for row in table.rows if row.figure and row.work.startswith("`kelu") and "demo" not in row.work]
    most = max(own, key=lambda row: row.figure.memory if row.figure else 0)
    return Row(f"memory, {most.work}", None, amount=most.figure.memory / 1e6 if most.figure else 0)


def _growth(tables: Sequence[Table]) -> Iterator[tuple[Row, float]]:
    """How the CPU a record grew from the size before to the last."""
    if len(tables) < 2:
        return
    before, after = tables[-2:]
    smaller = {row.work: row.figure for row in before.rows}
    for row in after.rows:
        small = smaller.get(row.work)
        if small and row.figure and row.work.startswith(("`kelu", "–", "the same")):
            yield row, (row.figure.cpu / after.size) / (small.cpu / before.size) - 1


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
    asked = [int(word.replace(",", "").replace("_", "")) for word in words] or [DEFAULT]
    sizes = set(asked)
    if len(asked) == 1:
        sizes |= {10**power for power in range(len(str(SMALLEST)) - 1, 9) if 10**power < asked[0]}
    targets = yaml.safe_load((HERE / "targets.yaml").read_text("utf-8"))
    tables: list[Table] = []
    with tempfile.TemporaryDirectory(prefix="kelu-bench-") as workshop:
        for size in sorted(sizes):
            tables.append(of_size(size, Path(workshop)))
            RESULTS.write_text(page(tables, targets), "utf-8")  # the larger ones take long, and may be cut short
    print(RESULTS.read_text("utf-8"))


if __name__ == "__main__":
    main(sys.argv[1:])
