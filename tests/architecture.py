"""Writes the module list of ARCHITECTURE.md from the layers in pyproject.toml and each module's opening comment.

Run it after a module came, went or changed its opening comment: `.venv/bin/python tests/architecture.py`
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "ARCHITECTURE.md"
PACKAGE = ROOT / "tools/kelu"
BEGIN, END = "<!-- modules: written by tests/architecture.py -->\n", "<!-- end of modules -->\n"


def layers() -> list[list[str]]:
    """Module names by layer, lowest first, as import-linter enforces them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (contract,) = [contract for contract in contracts if contract["type"] == "layers"]
    return [re.findall(r"\w+", layer) for layer in reversed(contract["layers"])]


def assembled(page: str) -> str:
    """The page with its module list as the modules now tell it."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{_modules()}\n{END}{after}"


def _modules() -> str:
    return "\n".join(part for layer in layers() for name in layer for part in _module(name))


def _module(name: str) -> Iterator[str]:
    single, package = PACKAGE / f"{name}.py", PACKAGE / name
    if single.is_file():
        yield f"### `{name}.py`\n\n{opening(single)}\n"
    elif package.is_dir():
        yield f"### `{name}/`\n\n{opening(package / '__init__.py')}\n"
        members = [path for path in sorted(package.glob("*.py")) if path.name != "__init__.py"]
        yield "".join(f"- `{path.name}` — {summary(path)}\n" for path in members)


def opening(path: Path) -> str:
    """A module's opening comment, without its quotes."""
    return ast.get_docstring(ast.parse(path.read_bytes())) or ""


def summary(path: Path) -> str:
    """The first paragraph of a module's opening comment, on one line."""
    return " ".join(opening(path).partition("\n\n")[0].split())


if __name__ == "__main__":
    PAGE.write_text(assembled(PAGE.read_text("utf-8")), "utf-8")
