"""A clerk's clone of this repository's records and policies, and the commands run in it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from click.testing import CliRunner, Result

from kelu import cli

ROOT = Path(__file__).parents[1]
MAIL = "lin.xiaozhou@example.invalid"


def git(folder: Path, *args: str) -> str:
    """Standard output of git."""
    return subprocess.run(["git", *args], cwd=folder, check=True, capture_output=True, text=True).stdout


def kelu(home: Path, *args: str) -> Result:
    """A command, run in a clone; nobody sits at a terminal."""
    return CliRunner().invoke(cli.main, ["--root", str(home), *args])


def settle(home: Path, *more: str) -> Path:
    """Make a clone in a folder, with some more of this repository's files and folders."""
    for name in ("records", "schemas", "policies", "config", "CODEOWNERS", *more):  # CODEOWNERS: a clause names it
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, home / name)
        else:
            shutil.copy(ROOT / name, home / name)
    (home / ".gitignore").write_text(".kelu/\nprivate/\nbuild/\npublic/\n")
    git(home, "init", "--quiet", "--initial-branch=main")
    for name, value in (("user.name", "林晓舟"), ("user.email", MAIL), ("commit.gpgsign", "false")):
        git(home, "config", name, value)
    git(home, "add", "-A")
    git(home, "commit", "--quiet", "-m", "base")
    git(home, "tag", "base")
    return home


def fresh(home: Path) -> Path:
    """The clone as it was made."""
    git(home, "checkout", "--quiet", "--force", "main")
    git(home, "reset", "--quiet", "--hard", "base")
    git(home, "clean", "--quiet", "-fd", "records", "config", "policies")
    for branch in git(home, "branch", "--format=%(refname:short)").split():
        if branch != "main":
            git(home, "branch", "--quiet", "-D", branch)
    for remote in git(home, "remote").split():
        git(home, "remote", "remove", remote)
    return home
