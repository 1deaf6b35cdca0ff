"""The site in the making beside the standing one: as wanted, whatever was there and whenever a build stopped."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from kelu.pages import swap
from kelu.pages.tree import SiteTree

Content = Mapping[str, str]
FIRST = {"index.html": "一", "records/A.html": "甲", "records/B.html": "乙", "data/old/x.json": "{}"}
SECOND = {"index.html": "二", "records/A.html": "甲", "records/C.html": "丙", "data/x.json": "{}"}
TOUCHING = {"link", "unlink", "mkdir", "rmdir", "rename", "replace", "open", "write", "renameat2"}


def bring(
    work: Path, out: Path, wanted: Content, *, ground: str = "", cached: bool = True, made: list[str] | None = None
) -> None:
    """Build a site whose pages of records are keyed by what they say."""
    work.mkdir(parents=True, exist_ok=True)
    swap.recover(work, out)
    tree = SiteTree(out, swap.place(work, out), work / "index", cached=cached)
    for path, text in wanted.items():
        if not path.startswith("records/"):
            tree.put(path, text.encode())
        elif not tree.keep(path, f"{text} {ground}"):
            tree.note(path, f"{text} {ground}", tree.write(path, text.encode()))
            (made if made is not None else []).append(path)
    tree.close()
    swap.swap(work, out)


def held(out: Path) -> dict[str, str]:
    return {path.relative_to(out).as_posix(): path.read_text("utf-8") for path in out.rglob("*") if path.is_file()}


def stamps(out: Path) -> dict[str, tuple[int, int]]:
    found = {path.relative_to(out).as_posix(): path.stat() for path in out.rglob("*") if path.is_file()}
    return {path: (stat.st_ino, stat.st_mtime_ns) for path, stat in found.items()}


def test_only_what_differs_is_written(tmp_path: Path) -> None:
    work, out = tmp_path / "build", tmp_path / "public"
    for place, wanted in enumerate([FIRST, SECOND, FIRST, FIRST, SECOND]):
        before, said = (stamps(out), held(out)) if place else ({}, {})
        bring(work, out, wanted)
        assert held(out) == wanted
        after = stamps(out)
        assert {path for path in after if after[path] == before.get(path)} == {
            path for path in wanted if said.get(path) == wanted[path]
        }
        assert not [path for path in out.rglob("*") if path.is_dir() and not any(path.iterdir())]


def test_a_page_is_made_only_when_its_key_or_the_ground_is_another(tmp_path: Path) -> None:
    work, out = tmp_path / "build", tmp_path / "public"
    runs: list[tuple[Content, dict[str, Any], list[str]]] = [
        (FIRST, {}, ["records/A.html", "records/B.html"]), (FIRST, {}, []), (SECOND, {}, ["records/C.html"]),
        (SECOND, {"cached": False}, ["records/A.html", "records/C.html"]), (SECOND, {}, []),
        (SECOND, {"ground": "another"}, ["records/A.html", "records/C.html"]),
    ]  # fmt: skip
    for wanted, how, expected in runs:
        before = stamps(out) if out.exists() else {}
        made: list[str] = []
        bring(work, out, wanted, made=made, **how)
        assert (held(out), made) == (wanted, expected)
        if wanted is SECOND and "records/C.html" in before:  # made anew, but to the same bytes
            assert stamps(out) == before


def _index(work: Path) -> list[Path]:
    return sorted((work / "index").iterdir())


@pytest.mark.parametrize("where", ["the standing site", "the one before"])
@pytest.mark.parametrize(
    "harm",
    [
        lambda site, work: (site / "records/A.html").write_text("丁", "utf-8"),  # in place, of the same length
        lambda site, work: (site / "records/A.html").unlink(),
        lambda site, work: shutil.rmtree(site / "records"),
        lambda site, work: ((site / "records/A.html").unlink(), (site / "records/A.html/x").mkdir(parents=True)),
        lambda site, work: (shutil.rmtree(site / "records"), (site / "records").symlink_to(work)),
        lambda site, work: ((site / "records/A.html").unlink(), (site / "records/A.html").symlink_to(__file__)),
        lambda site, work: (shutil.rmtree(site / "data"), (site / "data").write_text("", "utf-8")),
        lambda site, work: (site / "mine.txt").write_text("mine", "utf-8"),
        lambda site, work: [path.write_text("{", "utf-8") for path in _index(work)],
        lambda site, work: [path.write_bytes(path.read_bytes()[:-9]) for path in _index(work)],
        lambda site, work: [path.unlink() for path in _index(work)],
        lambda site, work: shutil.rmtree(site),
        lambda site, work: shutil.rmtree(work),
        lambda site, work: os.utime(site / "records/A.html"),
    ],
)
def test_what_is_not_as_it_was_written_is_not_believed(
    tmp_path: Path, harm: Callable[[Path, Path], object], where: str
) -> None:
    work, out = tmp_path / "build", tmp_path / "public"
    bring(work, out, FIRST)
    bring(work, out, SECOND)
    harm(out if where == "the standing site" else swap.place(work, out), work)
    for wanted in (SECOND, FIRST):
        bring(work, out, wanted)
        assert held(out) == wanted
    assert not list(out.rglob("A.html/*"))
    assert not any(path.is_symlink() for path in out.rglob("*"))


@pytest.mark.parametrize("exchange", [True, False])
def test_a_build_killed_at_any_moment_leaves_a_good_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool
) -> None:
    if not exchange:
        monkeypatch.setattr(swap, "_exchanged", lambda one, other: False)
    work, out = tmp_path / "build", tmp_path / "public"
    bring(work, out, FIRST)
    good = FIRST
    for last in range(1, 200):
        wanted = SECOND if good is FIRST else FIRST
        child = os.fork()
        if child == 0:
            left = [last]

            def count(frame: object, event: str, function: Any, left: list[int] = left) -> None:
                if event == "c_call" and getattr(function, "__name__", "") in TOUCHING:
                    left[0] -= 1
                    if left[0] == 0:
                        os._exit(9)

            sys.setprofile(count)
            bring(work, out, wanted)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            assert last > 20
            break
        if exchange or out.exists():
            assert held(out) in (FIRST, SECOND)
        else:
            swap.recover(work, out)
            assert held(out) == good
        bring(work, out, wanted)
        assert held(out) == wanted
        good = wanted
    else:
        pytest.fail("it never came to an end")


def test_without_hard_links_files_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refused)
    work, out = tmp_path / "build", tmp_path / "public"
    for wanted in (FIRST, SECOND, FIRST):
        bring(work, out, wanted)
        assert held(out) == wanted


def test_sites_in_two_places_share_a_work_folder(tmp_path: Path) -> None:
    work = tmp_path / "build"
    for _ in range(3):
        for name, wanted in (("public", FIRST), ("elsewhere", SECOND)):
            bring(work, tmp_path / name, wanted)
    assert (held(tmp_path / "public"), held(tmp_path / "elsewhere")) == (FIRST, SECOND)


def test_what_the_standing_site_was_made_without_is_told(tmp_path: Path) -> None:
    work, out = tmp_path / "build", tmp_path / "public"
    work.mkdir()
    for words, told in (
        ({"A": "1", "B": "1"}, set()), ({"A": "1", "B": "2", "C": "1"}, {"B", "C"}), ({"C": "1"}, {"A", "B"}),
    ):  # fmt: skip
        tree = SiteTree(out, swap.place(work, out), work / "index")
        assert set(tree.renamed(words)) == told
        tree.note("records/A.html", "1", tree.write("records/A.html", b"1"))
        tree.close()
        swap.swap(work, out)
