"""The wheel: installed away from the checkout it still makes, checks and publishes a records repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("dist")
    run(Path(sys.executable), "-m", "hatchling", "build", "--target", "wheel", "--directory", made, cwd=ROOT)
    (found,) = made.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the wheel, and borrows the libraries of the one that runs the tests."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    run(Path(sys.executable), "-m", "venv", "--without-pip", venv, cwd=venv.parent)
    python = venv / "bin/python"
    install = ("install", "--quiet", "--no-index", "--no-deps", wheel)
    run(Path(sys.executable), "-m", "pip", "--python", python, *install, cwd=venv.parent)
    paths = sysconfig.get_paths(vars={"base": str(venv), "platbase": str(venv)})
    borrowed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    # A path named in a .pth file has its own .pth files left unread, so the checkout stays out of sight.
    Path(paths["purelib"], "borrowed.pth").write_text("\n".join(sorted(borrowed)) + "\n", "utf-8")
    return python


@pytest.fixture(scope="module")
def repository(python: Path) -> Path:
    made = python.parents[2] / "records"
    said = run(python.with_name("kelu"), "init", made, cwd=made.parent)
    assert "README.md" in said
    return made


def test_the_wheel_holds_program_and_data_only(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"kelu", "kelu-0.1.0.dist-info"}
    assert [name for name in names if "__pycache__" in name or name.endswith(".pyc")] == []
    for folder, packed in (
        ("schemas", "schemas"),
        ("policies", "policies"),
        ("site", "site"),
        ("config/calendar", "calendar"),
        ("config/imports", "imports"),
    ):
        tracked = git_files(folder)
        assert tracked
        expected = {f"kelu/data/{packed}/{path.removeprefix(f'{folder}/')}" for path in tracked}
        assert expected <= set(names)
    assert {f"kelu/{path.removeprefix('tools/kelu/')}" for path in git_files("tools/kelu")} <= set(names)


def test_data_comes_from_the_wheel(python: Path) -> None:
    said = run(
        python, "-c",
        "import json; from kelu import resources as r;"
        "print(json.dumps([str(f()) for f in (r.schemas_dir, r.policies_dir, r.site_dir, r.calendar_dir, r.imports_dir,"
        " r.mkdocs_file, r.starter_dir)]))",
        cwd=python.parent,
    )  # fmt: skip
    places = [Path(place) for place in json.loads(said)]
    assert all(place.exists() and place.is_relative_to(python.parents[1]) for place in places)


def test_help_is_bilingual(python: Path) -> None:
    said = run(python.with_name("kelu"), "--help", cwd=python.parent)
    assert "init" in said
    assert "新建记录仓库" in said


def test_a_new_repository_passes_its_own_check(python: Path, repository: Path) -> None:
    run(python.with_name("kelu"), "check", cwd=repository)


def test_a_new_repository_becomes_a_site(python: Path, repository: Path) -> None:
    run(python.with_name("kelu"), "site", cwd=repository)
    assert "CUS-0001" in "".join(path.name for path in (repository / "public").rglob("*.html"))


def git_files(folder: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", folder], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output; the checkout's `tools` is kept off the path, and a failure shows all that was said."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "GIT_"))}
    for role in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{role}_NAME": "林晓舟", f"GIT_{role}_EMAIL": "lin.xiaozhou@example.invalid"}
    env["NO_MKDOCS_2_WARNING"] = "1"
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
