"""Starter: a new records repository, complete or not at all.

Schemas, policy packs, the calendar and the mappings of imports are copied from the data that comes with kelu, so they
have one source; the rest (workflows, this company's configuration, one example record) lies in the `starter` folder.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

from kelu import git, resources
from kelu.finding import Text

_IDENTITY = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")


class StarterError(Exception):
    """The repository was not made, and nothing was left behind. `text` says why in Chinese and English."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.zh)
        self.text = text


def create(
    target: Path,
    adopted_on: date,
    furnish: Callable[[Path], None] | None = None,
    author: Mapping[str, str] | None = None,
    commit: Callable[[Path], None] | None = None,
    pii_store: str = "inline",
) -> list[Path]:
    """Make a records repository in `target`, which must not exist or be empty, with one commit on `main`.

    The company keeps its duties from `adopted_on`, so that nothing is overdue that it never promised. `furnish` may
    change the files before they are committed. `author` holds Git's variables for author, committer and dates;
    without it they are the user's own. Where Git knows no author the files stay staged: a commit signed with an
    invented name would be the first line of an audit trail. `commit` makes Git's repository in a way of its own.
    `pii_store` is where contact data will live.
    Returns the files that were there before, relative to `target`, sorted. Raises StarterError.
    """
    target = target.absolute()
    _must_be_free(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as refused:
        raise _cannot_write(target, refused) from refused
    try:
        _fill(workshop)
        _settle(workshop, adopted_on=adopted_on, pii_store=pii_store)
        if furnish:
            furnish(workshop)
        files = sorted(path.relative_to(workshop) for path in workshop.rglob("*") if path.is_file())
        if commit:
            commit(workshop)
        else:
            _commit(workshop, author)
        _move(workshop, target)
    except OSError as refused:
        raise _cannot_write(target, refused) from refused
    except git.GitError as refused:
        raise StarterError(
            Text(zh=f"Git 未能建立仓库：{refused}", en=f"Git could not make the repository: {refused}")
        ) from refused
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return files


def _settle(folder: Path, **settings: object) -> None:
    place = folder / "config/policy.yaml"
    text = place.read_text("utf-8")
    for name, value in settings.items():
        text = re.sub(rf"(?m)^{name}: .*$", f"{name}: {value}", text)
    place.write_text(text, "utf-8", newline="\n")


def is_committed(target: Path) -> bool:
    """Whether the first commit was made, or waits for someone to name its author."""
    return git.head(target) is not None


def _must_be_free(target: Path) -> None:
    if target.is_dir():
        if any(target.iterdir()):
            raise StarterError(
                Text(
                    zh=f"目录“{target.name}”不是空的；请换一个新目录。",
                    en=f'The folder "{target.name}" is not empty; name a new one.',
                )
            )
    elif target.exists() or target.is_symlink():
        raise StarterError(
            Text(zh=f"“{target.name}”已存在，且不是目录。", en=f'"{target.name}" exists and is not a folder.')
        )


def _fill(workshop: Path) -> None:
    sources = (
        (resources.starter_dir(), "."),
        (resources.schemas_dir(), "schemas"),
        (resources.policies_dir(), "policies"),
        (resources.calendar_dir(), "config/calendar"),
        (resources.imports_dir(), "config/imports"),
    )
    for source, place in sources:
        shutil.copytree(source, workshop / place, dirs_exist_ok=True, ignore=_LEFT_OUT)


def _commit(workshop: Path, author: Mapping[str, str] | None) -> None:
    named = author or {key: os.environ[key] for key in _IDENTITY if key in os.environ}
    git.run(workshop, "init", "--quiet", "--initial-branch=main")
    git.run(workshop, "add", "--all")
    try:
        git.run(workshop, "var", "GIT_AUTHOR_IDENT", env=named)
        git.run(workshop, "var", "GIT_COMMITTER_IDENT", env=named)
    except git.GitError:
        return
    # Who is given from outside has no key here to sign with.
    signing = ["--no-gpg-sign"] if author else []
    git.run(workshop, "commit", "--quiet", *signing, "--message", "建立记录仓库", env=named)


def _move(workshop: Path, target: Path) -> None:
    """One rename where there is no folder yet; an empty one is filled, as someone may be standing in it."""
    umask = os.umask(0o022)
    os.umask(umask)
    workshop.chmod(0o777 & ~umask)
    if not target.exists():
        workshop.rename(target)
        return
    moved: list[Path] = []
    try:
        for child in sorted(workshop.iterdir()):
            moved.append(child.rename(target / child.name))
    except OSError:
        for child in moved:
            child.rename(workshop / child.name)
        raise


def _cannot_write(target: Path, refused: OSError) -> StarterError:
    reason = refused.strerror or type(refused).__name__
    return StarterError(Text(zh=f"无法写入“{target.name}”：{reason}", en=f'Cannot write "{target.name}": {reason}'))
