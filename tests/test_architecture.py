"""ARCHITECTURE.md says what is true now."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import architecture

MODULES = sorted(architecture.PACKAGE.rglob("*.py"))


def test_the_module_list_is_fresh() -> None:
    page = architecture.PAGE.read_text("utf-8")
    assert page == architecture.assembled(page), "run: .venv/bin/python tests/architecture.py"


def test_every_module_has_a_layer() -> None:
    placed = {name for layer in architecture.layers() for name in layer}
    single = {path.stem for path in architecture.PACKAGE.glob("*.py") if not path.stem.startswith("__")}
    packages = {path.parent.name for path in architecture.PACKAGE.glob("*/__init__.py")}
    assert single | packages == placed


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(architecture.PACKAGE)))
def test_every_module_opens_with_what_lives_there(path: Path) -> None:
    assert architecture.summary(path).endswith(".")


def test_every_library_has_a_reason() -> None:
    project = tomllib.loads((architecture.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {match[0].lower() for need in needed if (match := re.match(r"[\w.-]+", need))}
    page = architecture.PAGE.read_text("utf-8").lower()
    assert sorted(name for name in names if f"`{name}`" not in page) == []


def test_links_lead_somewhere() -> None:
    for page in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"):
        text = (architecture.ROOT / page).read_text("utf-8")
        targets = [target for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in target]
        assert [target for target in targets if not (architecture.ROOT / target).exists()] == [], page
