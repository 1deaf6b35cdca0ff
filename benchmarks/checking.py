"""The checking part of the benchmarks: checks, figures and duties of the records as they stand, and peers.

check-jsonschema and yamale are run on the same files; node with js-yaml and ajv is what a script of one's own would be.
Peers that are not at hand are installed into a folder of their own for the occasion, where that can be done.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import peers
from measure import KELU, Figure, Ratio, Row, commit, edit, environment, forget, git, measured, once

INSIDE = Path(__file__).parent / "inside.py"
READ_ALL = "git ls-files -z records | xargs -0 cat | wc -c"
PEER = (sys.executable, "-m", "check_jsonschema")
PEER_LIMIT = 60.0  # seconds of CPU up to which check-jsonschema reads every file; beyond, a sample
PEER_SAMPLE = 200  # files a record type to estimate from
ARGUMENTS = 5_000  # files named on one command line
CHANGED = 5
READERS = 1_000  # files that the readers of YAML are compared on


def rows(size: int, home: Path, workshop: Path, say: Callable[[str], None]) -> tuple[list[Row], list[Ratio]]:
    """The rows of one size, and how they compare; `home` holds the records, and changes are taken back."""
    say("floors")
    status = measured(["git", "status", "--porcelain"], home)
    found = [
        Row("read every record (`cat`), floor", measured(["sh", "-c", READ_ALL], home)),
        Row("list every record (`git ls-files -s`), floor", measured(["git", "ls-files", "-s"], home)),
        Row("`git status`, floor", status),
    ]
    say("check")
    cold = measured([*KELU, "check"], home, lambda: forget(home))
    warm = measured([*KELU, "check"], home)
    edits = iter(range(1, 1000))
    changed = measured([*KELU, "check"], home, lambda: edit(home, next(edits), CHANGED))
    proposed = measured([*KELU, "check", "--base", "main"], home, lambda: propose(home, next(edits)))
    found += [
        Row("`kelu check`, cold", cold, "no cache: every file read, parsed, judged; every rule asked", "check cold"),
        Row("`kelu check`, nothing changed", warm, "", "check warm"),
        Row(f"`kelu check`, {CHANGED} files changed", changed, f"{CHANGED} complaints edited since"),
        Row(f"`kelu check --base`, {CHANGED} files changed", proposed, "committed on a branch; cache as of the base, "
            "all rules between records", "check base"),
    ]  # fmt: skip
    say("fresh runner")
    found += runners(home, workshop)
    git(home, "checkout", "--quiet", "--force", "main")
    say("kpi, due")
    once([*KELU, "check"], home)
    once([*KELU, "kpi"], home)
    found += [
        Row("`kelu kpi`, warm", measured([*KELU, "kpi"], home), "every KPI in force, its own period"),
        Row("`kelu kpi --all`, warm", measured([*KELU, "kpi", "--all"], home), "every period and slice of the site",
            "kpi"),
        Row("`kelu due`, warm", measured([*KELU, "due"], home), "", "due"),
        part("duties only", "duties", home, "duties of 40 obligations, each of every record with a day: expanded and "
             "settled"),
        part("all rules, store loaded", "rules", home, "questions, none answered before"),
    ]  # fmt: skip
    say("check-jsonschema")
    peer, note = check_jsonschema(home)
    found.append(Row("check-jsonschema, cold and warm", peer, note))
    ratios = [
        Ratio(f"check {name}: {{:,.0f}} × less CPU than check-jsonschema", peer.cpu / mine.cpu, key)
        for name, mine, key in (("cold", cold, "B1"), ("warm", warm, ""), (f"{CHANGED} changed", changed, ""))
    ]
    own = check_only(home, CHANGED)
    found.append(Row(f"check-jsonschema on {CHANGED} files alone", own, "the peer of a check with `--base`"))
    ratios.append(Ratio("check --base: {:,.1f} × less time than check-jsonschema on the changed files alone",
                        own.wall / proposed.wall, "B4"))  # fmt: skip
    ratios.append(Ratio("nothing changed: {:,.1f} × the time of `git status`", warm.wall / status.wall, "B5"))
    for row, ratio in others(home, workshop, cold, size):
        found.append(row)
        ratios += ratio
    return found, ratios


def propose(home: Path, number: int) -> None:
    """A branch from main with some complaints changed, checked out; the cache is as of main."""
    git(home, "checkout", "--quiet", "--force", "main")
    once([*KELU, "check"], home)
    git(home, "checkout", "--quiet", "-B", "change")
    edit(home, number, CHANGED)
    commit(home, number)


def runners(home: Path, workshop: Path) -> Iterator[Row]:
    """A change judged where nothing is but Git and, once, what main's last run has kept."""
    remote, runner = workshop / f"{home.name}.git", workshop / f"{home.name}-runner"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(home), str(remote)], check=True, capture_output=True)
    for name in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        git(remote, "config", name, "true")
    fetch = (
        f"git clone --quiet --depth 1 --filter=blob:none --no-checkout --branch change file://{remote} {runner} && "
        f"cd {runner} && git fetch --quiet --depth 1 --filter=blob:none origin main:refs/remotes/origin/main"
    )
    kelu = " ".join((*KELU, "check", "--base", "origin/main"))
    for kept, key in ((True, "runner cached"), (False, "runner")):
        restore = f" && cp -r {home}/.kelu ." if kept else ""
        shutil.rmtree(runner, ignore_errors=True)
        work = f"the same on a fresh runner, cache {'restored' if kept else 'not restored'}"
        try:
            figure, _ = once(["sh", "-c", f"{fetch}{restore} && {kelu}"], workshop)
        except RuntimeError as fault:
            yield Row(work, None, f"does not run: {str(fault).splitlines()[-1][:120]}", key)
            continue
        fetched = sum(path.stat().st_size for path in (runner / ".git/objects").rglob("*") if path.is_file())
        yield Row(work, figure, f"blobless clone of depth 1 and base: {fetched / 1e6:.1f} MB", key)
        if not kept:
            yield Row("fetched by it", None, f"{fetched / 1e6:.1f} MB", "fetched", fetched / 1e6)


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
    return Row(work, Figure(cpu_s, wall_s), f"{int(found):,} {note}")


# --- peers -----------------------------------------------------------------------------------------------


def of_types(home: Path) -> dict[Path, list[Path]]:
    """The files of each record type by its schema."""
    types = {
        schema: sorted((home / "records" / f"{schema.name.split('.')[0]}s").rglob("*.yaml"))
        for schema in sorted((home / "schemas").glob("*.schema.json"))
    }
    return {schema: files for schema, files in types.items() if files}


def check_jsonschema(home: Path) -> tuple[Figure, str]:
    """check-jsonschema on the same files with the same schemas, one process a record type; and what was done."""
    types = of_types(home)
    estimate = Figure(0, 0)
    for schema, files in types.items():
        start, sample = peer_run(schema, files[:1], home), files[:PEER_SAMPLE]
        part = peer_run(schema, sample, home) if len(sample) > 1 else start
        each = replace(part, cpu=max(part.cpu - start.cpu, 0), wall=max(part.wall - start.wall, 0))
        estimate += start + each.times((len(files) - 1) / max(len(sample) - 1, 1))
    if estimate.cpu > PEER_LIMIT:
        return estimate, f"reckoned from its first {PEER_SAMPLE} files of each type, as all would take too long"
    whole = Figure(0, 0)
    for schema, files in types.items():
        for at in range(0, len(files), ARGUMENTS):
            whole += peer_run(schema, files[at : at + ARGUMENTS], home)
    return whole, "every file, one process a record type, once"


def check_only(home: Path, count: int) -> Figure:
    """check-jsonschema on some complaints."""
    schema = home / "schemas/complaint.schema.json"
    return peer_run(schema, sorted(home.glob("records/complaints/2025/**/*.yaml"))[:count], home)


def peer_run(schema: Path, files: Sequence[Path], home: Path) -> Figure:
    return once([*PEER, "--schemafile", schema.relative_to(home), *(file.relative_to(home) for file in files)], home)[0]


def others(home: Path, workshop: Path, cold: Figure, size: int) -> Iterator[tuple[Row, list[Ratio]]]:
    """Other readers of such files, where they can be had: each on as many complaints, and kelu's cold check beside."""
    files = of_types(home)[home / "schemas/complaint.schema.json"][:READERS]
    mine = cold.cpu / size
    for work, command, key in (
        ("node: js-yaml and ajv", peers.node(workshop, home, files), "B2"),
        ("yamale", peers.yamale(workshop, files), "B3"),
    ):
        if command is None:
            yield Row(work, None, "cannot be had here"), []
            continue
        figure = measured(command, workshop)
        each = figure.cpu / len(files)
        note = f"{len(files):,} complaints, {1000 * each:.2f} ms each; cold, kelu takes {1000 * mine:.2f} ms a record"
        yield (
            Row(f"{work}, {len(files):,} files", figure, note),
            [Ratio(f"check cold: {{:,.1f}} × less CPU a record than {work}", each / mine, key)],
        )
    loader = [sys.executable, "-c", peers.SAFE_LOADER, *files]
    own = [sys.executable, "-c", peers.OWN_LOADER, *files]
    slow, fast = measured(loader, workshop), measured(own, workshop)
    yield (
        Row(f"PyYAML's CSafeLoader, {len(files):,} files", slow, f"ours on the same: {fast.cpu:.2f} s, the same data"),
        [Ratio("reading YAML: {:,.1f} × less CPU than CSafeLoader, which takes dates for dates and doubled keys for "
               "granted", slow.cpu / fast.cpu, "B11")],
    )  # fmt: skip
