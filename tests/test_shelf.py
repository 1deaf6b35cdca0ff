"""Where records are put: the next free numbers, and files that are written all or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from kelu import shelf
from kelu.git import MemoryTree, Overlay
from kelu.schema import Schemas, load

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def schemas() -> Schemas:
    return load({path.name: path.read_bytes() for path in (ROOT / "schemas").glob("*.json")})


@pytest.mark.parametrize(
    ("kind", "taken", "count", "expected"),
    [
        ("complaint", [], 1, ["CMP-2026-0001"]),
        ("complaint", ["CMP-2026-0002", "CMP-2025-0009", "SUR-2026-0044"], 2, ["CMP-2026-0003", "CMP-2026-0004"]),
        ("customer", ["CUS-0007"], 1, ["CUS-0008"]),
        ("project", ["PRJ-2026-009"], 1, ["PRJ-2026-010"]),
        ("incident", ["INC-2026-00099"], 2, ["INC-2026-00100", "INC-2026-00101"]),
    ],
)
def test_the_next_free_numbers(schemas: Schemas, kind: str, taken: list[str], count: int, expected: list[str]) -> None:
    assert shelf.next_ids(schemas.records[kind], taken, 2026, count) == expected


def test_numbers_can_be_used_up(schemas: Schemas) -> None:
    with pytest.raises(ValueError, match="PRJ-2026-999"):
        shelf.next_ids(schemas.records["project"], ["PRJ-2026-998"], 2026, 2)


def listing(home: Path) -> dict[str, bytes]:
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_files_are_written_replaced_and_removed(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"1")
    (tmp_path / "gone").write_bytes(b"2")
    shelf.save(tmp_path, {"old": b"3", "gone": None, "a/b/new": b"4"})
    assert listing(tmp_path) == {"old": b"3", "a/b/new": b"4"}


@pytest.mark.parametrize("fault", [OSError("full"), KeyboardInterrupt()])
@pytest.mark.parametrize("after", range(4))
def test_what_fails_or_is_interrupted_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException, after: int
) -> None:
    (tmp_path / "one").write_bytes(b"1")
    (tmp_path / "two").write_bytes(b"2")
    count = 0
    replace = Path.replace

    def failing(self: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count == after + 1:
            raise fault
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    files = {"one": b"9", "c/new": b"3", "two": b"8", "d/e/new": b"4"}
    with pytest.raises(type(fault)):
        shelf.save(tmp_path, files)
    assert listing(tmp_path) == {"one": b"1", "two": b"2"}
    assert not (tmp_path / "c").exists()
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize("path", ["../out", "link/in", "aside"])
def test_nothing_is_written_elsewhere(tmp_path: Path, path: str) -> None:
    home = tmp_path / "home"
    (home / "real").mkdir(parents=True)
    (home / "link").symlink_to(tmp_path)
    (home / "aside").symlink_to(tmp_path / "far")
    with pytest.raises(ValueError, match=path.replace("/", ".")):
        shelf.save(home, {"real/good": b"1", path: b"2"})
    assert listing(tmp_path) == {}


def test_an_overlay_shows_a_tree_as_it_would_be() -> None:
    tree = MemoryTree({"records/a": b"1", "records/b": b"2", "config/c": b"3"})
    laid = Overlay(tree, {"records/b": None, "records/c": b"4", "records/a": b"5"})
    entries = laid.entries("records", "config")
    assert [(entry.path, raw) for entry, raw in laid.read(entries)] == [
        ("config/c", b"3"), ("records/a", b"5"), ("records/c", b"4"),
    ]  # fmt: skip
    assert laid.entries("records")[0].blob != tree.entries("records")[0].blob
