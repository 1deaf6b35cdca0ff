"""The demonstration: the same for a seed, of the size asked for, sound; and a cache that never tells another story."""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from kelu import check, cli, demo, git
from kelu.demo import prose
from kelu.finding import Finding, Severity
from repository import MOMENT

# Of 300 records with seed 1. It changes with the words and templates, and with nothing else: no machine, no Python.
DIGEST = "0b12d026c66b5c9867c811b1d5197d6255e33c95eb359bd96ecf47f17f1a4b4c"


def digest(records: int, seed: int) -> str:
    whole = hashlib.sha256()
    for path, text in sorted(demo.generate(records, seed)):
        whole.update(f"{path}\0{text}\0".encode())
    return whole.hexdigest()


def test_a_seed_gives_the_same_bytes_on_every_machine() -> None:
    assert digest(300, 1) == DIGEST


def test_another_seed_gives_other_records() -> None:
    assert digest(60, 1) != digest(60, 2)


@pytest.mark.parametrize("records", [50, 51, 300, 2_347])
def test_there_are_exactly_as_many_records_as_asked_for(records: int) -> None:
    made = [path for path, _ in demo.generate(records, 5)]
    assert len(made) == len(set(made)) == records


def test_types_and_sizes_are_those_of_a_real_company() -> None:
    sizes: dict[str, list[int]] = {}
    for path, text in demo.generate(5_000, 1):
        sizes.setdefault(path.split("/")[1], []).append(len(text.encode("utf-8")))
    share = {kind: len(of) / 5_000 for kind, of in sizes.items()}
    assert share == {
        "customers": 0.02, "projects": 0.024, "complaints": 0.14, "surveys": 0.08, "meetings": 0.09, "actions": 0.09,
        "communications": 0.06, "reports": 0.06, "incidents": 0.436,
    }  # fmt: skip
    assert 3_000 < sum(sizes["complaints"]) / len(sizes["complaints"]) < 4_096
    assert sum(map(sum, sizes.values())) / 5_000 > 1_480


def test_nothing_is_told_of_what_comes_after_the_last_day() -> None:
    late = re.compile(r"(?<!due: )2026-09-30T(18:(?!00:00)|19|2\d)")  # this seed has a complaint settled that evening
    assert [path for path, text in demo.generate(4_000, 7) if late.search(text)] == []


def test_no_folder_holds_more_than_a_few_hundred_files() -> None:
    folders = Counter(path.rpartition("/")[0] for path, _ in demo.generate(10_000, 1))
    assert max(folders.values()) <= 500
    assert {folder.count("/") for folder in folders if "complaints" in folder} == {3}  # records/complaints/2025/001


def test_a_folder_per_hundred_is_the_schemas_to_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_CROWD", 5)
    demo.create(tmp_path / "demo", 300, 1)
    assert len(list((tmp_path / "demo/records/complaints").glob("*/000/CMP-*.yaml"))) == 42
    assert "/{hundred}/" in (tmp_path / "demo/schemas/complaint.schema.json").read_text("utf-8")
    assert checked(tmp_path / "demo", cached=False).errors == 0


@pytest.mark.parametrize("records", [49, 120_001])
def test_numbers_that_ids_cannot_hold_are_refused(records: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="between 50 and 120000"):
        demo.create(tmp_path / "demo", records, 1)
    assert list(tmp_path.iterdir()) == []


def test_no_word_of_the_list_is_missing_or_idle() -> None:
    """Every `$name` was found (or writing had failed); and every list of words is of use."""
    book = prose.Book(Path(demo.__file__).parent)
    used = {name for _, text in _templates() for name in prose.names(text)}
    used |= {name for section in book.words.values() for lines in section.values() for line in lines
             for name in prose.names(str(line))}  # fmt: skip
    asked_for_by_name = {"surname", "given", "key_position", "top_position", "city", "organisation", "branch"}
    assert {name for section in book.words.values() for name in section} - used <= asked_for_by_name


def _templates() -> list[tuple[str, str]]:
    folder = Path(demo.__file__).parent / "templates"
    return [(path.stem, path.read_text("utf-8")) for path in sorted(folder.glob("*.txt"))]


# --- as a repository -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo") / "records"
    demo.create(root, 300, 1)
    return root


def test_it_is_sound_and_committed(repository: Path) -> None:
    assert git.run(repository, "status", "--porcelain") == b""
    said = git.run(repository, "log", "--format=%an <%ae> %cI").decode()
    assert said == "kelu demo <demo@example.invalid> 2026-09-30T18:00:00+08:00\n"
    report = checked(repository, cached=False)
    assert report.records == 300
    assert Counter(item.code for item in report.findings if item.severity is Severity.ERROR) == {}
    assert report.warnings <= 3


def test_the_same_seed_gives_the_same_commit(repository: Path, tmp_path: Path) -> None:
    demo.create(tmp_path / "again", 300, 1)
    ours, theirs = (git.head(root) for root in (repository, tmp_path / "again"))
    assert ours == theirs
    assert ours is not None


def test_the_command_makes_it_and_says_so(tmp_path: Path) -> None:
    target = tmp_path / "demo"
    made = CliRunner().invoke(cli.main, ["demo", str(target), "--records", "50", "--seed", "3"])
    assert (made.exit_code, made.output.count("50")) == (0, 2)
    refused = CliRunner().invoke(cli.main, ["demo", str(target), "--records", "50"])
    assert refused.exit_code == 2
    assert "不是空的" in refused.output


# --- a cache tells the same story -------------------------------------------------------------------------


def checked(root: Path, *, cached: bool) -> check.Report:
    book = check.open_book(git.WorkTree(root))
    store = check.open_cache(root, book, cached=cached)
    try:
        return check.check(git.WorkTree(root), book, store, MOMENT)
    finally:
        store.close()


def replace(pattern: str, old: str, new: str) -> Callable[[Path, random.Random], None]:
    """An edit that replaces a text in one of the files that hold it."""

    def edit(root: Path, chance: random.Random) -> None:
        holding = [path for path in sorted(root.glob(pattern)) if old in path.read_text("utf-8")]
        if holding:
            path = chance.choice(holding)
            path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")

    return edit


def delete(root: Path, chance: random.Random) -> None:
    chance.choice(sorted(root.glob("records/*/*/*.yaml"))).unlink()


def misplace(root: Path, chance: random.Random) -> None:
    path = chance.choice(sorted(root.glob("records/meetings/*/*.yaml")))
    path.rename(path.with_name("MTG-2025-9999.yaml"))


def duplicate(root: Path, chance: random.Random) -> None:
    path = chance.choice(sorted(root.glob("records/actions/*/*.yaml")))
    text = path.read_text("utf-8")
    copy = path.with_name(f"{path.stem[:-4]}{chance.randrange(9000, 9999)}.yaml")
    copy.write_text(text.replace(path.stem, copy.stem, 1), "utf-8")


def mend(root: Path, chance: random.Random) -> None:
    git.run(root, "checkout", "--quiet", "--", "records")


def commit(root: Path, chance: random.Random) -> None:
    git.run(root, "add", "--all")
    who = ("-c", "user.name=x", "-c", "user.email=x@example.invalid")
    git.run(root, *who, "commit", "--quiet", "--allow-empty", "-m", "x")


EDITS = (
    replace("records/complaints/*/*.yaml", "category: ", "category: un"),
    replace("records/complaints/*/*.yaml", "deviation: false", "deviation: true"),
    replace("records/*/*/*.yaml", "customer: CUS-0001", "customer: CUS-0003"),
    replace("records/*/*/*.yaml", "customer: CUS-0002", "customer: CUS-0999"),
    replace("records/surveys/*/*.yaml", "valid: true", "valid: false"),
    replace("records/customers/*.yaml", "tier: company", "tier: compny"),
    replace("records/*/*/*.yaml", "\nstatus: closed", "\nstatus: [closed"),
    replace("records/actions/*/*.yaml", "issued_at: 202", "issued_at: 2030-01-01T08:00:00+08:00 # 202"),
    replace("config/staff.yaml", "role: pm, from: 2023", "role: pm, from: 2026"),
    replace("policies/practice@1/pack.yaml", "segregation: error", "segregation: warn"),
    replace("policies/core@1/rules.yaml", "check: verification.by <> resolution.by",
            "check: verification.by = resolution.by"),
    replace("policies/views/contact.sql", "c.contact.key_person AS", "NOT c.contact.key_person AS"),
    delete, misplace, duplicate, mend, commit,
)  # fmt: skip


@pytest.mark.parametrize("seed", [1, 3])
def test_cached_and_uncached_checks_agree_whatever_is_edited(seed: int, tmp_path: Path) -> None:
    root = tmp_path / "records"
    demo.create(root, 60, seed)
    chance = random.Random(seed)
    seen: set[Finding] = set()
    for step in range(6):
        for edit in chance.sample(EDITS, chance.randint(0, 3)):
            edit(root, chance)
        fresh = checked(root, cached=False)
        assert checked(root, cached=True) == fresh, step
        assert checked(root, cached=True) == fresh, step  # and again, when nothing changed
        seen |= set(fresh.findings)
    assert len({item.code for item in seen}) >= 3
