"""Git stories: `tests/repos/<story>/NN-<step>.yaml` → a real repository, step by step, and what kelu says of it.

Every story starts from one foundation: this repository's schemas and packs and what lies in `_foundation/`. The rules
of the packs are left out there, as they would only take time; `unsound` asks them. A step:

    title: {zh: …, en: …}
    clone: --depth 1               # the story goes on in a clone made with these options
    git: [switch -q main, merge -q --no-commit topic]    # commands of Git; `@03` is the head after step 03
    take: {CMP-2026-0003: complaint-closed}  # files whose text lies in `_records/`, with `$id` for the id
    imports: {record: communication-import, of: COM-2025, count: 300}    # as many files as that
    files: {CMP-2026-0003: text}   # whole files; null deletes
    edit: [{path: …, old: …, new: …}]        # a replacement that must match once; without `old`, at the end
    by: S005                       # the author: of the foundation's staff, or {name, mail}
    committer: S003                # where it is someone else
    at: "2026-03-09T09:20:00+08:00"          # author date
    committed_at: …                # where it differs
    message: text                  # what changed is committed, be it nothing
    commit: --amend                # options of that commit; an amended one keeps its message if none is given
    seal: before                   # a manifest of this name is kept outside the repository
    expect:
      check: {base: main, findings: []}      # path:line:column code, and the step whose commit did it
      audit: ["CMP-2026-0001:9:14 GH-04 @02"]
      against: {manifest: before, findings: […]}
      published: {manifest: before, findings: […]}     # of a site published when it was sealed
      history: {CMP-2026-0003: [registered @01, changed @02]}
      refused: {audit: git fetch --unshallow}          # a command that declines, and what it tells

A path without a slash is the id of a record.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from kelu import check, cli
from kelu.finding import Finding
from kelu.git import MemoryTree, Tree
from made_records import Loader, path_of
from repository import rulebook_files

Step = Mapping[str, Any]
REPOS = Path(__file__).parent / "repos"
STORIES = sorted(path.name for path in REPOS.iterdir() if not path.name.startswith("_"))
LATER = datetime.datetime.fromisoformat("2026-03-31T12:00:00+08:00")  # after all stories
FOUNDED: Step = {"by": "S003", "at": "2026-03-06T17:00:00+08:00", "message": "Found the records"}
_BOOKS: dict[frozenset[tuple[str, str]], check.Rulebook] = {}
_LABEL = re.compile(r"@(\d\d)\b")
_CONFIG = {"core.fsync": "none", "gc.auto": "0", "init.defaultBranch": "main", "advice.detachedHead": "false"}
_ENVIRONMENT = {
    "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_EDITOR": "true", "GIT_CONFIG_COUNT": str(len(_CONFIG)),
    **{f"GIT_CONFIG_KEY_{n}": key for n, key in enumerate(_CONFIG)},
    **{f"GIT_CONFIG_VALUE_{n}": value for n, value in enumerate(_CONFIG.values())},
}  # fmt: skip


@dataclass(slots=True)
class Told:
    """A story as far as it is told: where its repository stands, when it is, and the head after each step."""

    root: Path
    moment: str = ""
    heads: dict[str, str] = field(default_factory=dict)

    def git(self, *words: str, identity: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.root, env={**_ENVIRONMENT, **(identity or {})}, capture_output=True, text=True
        )
        assert done.returncode == 0, f"git {shlex.join(words)}: {done.stderr or done.stdout}"
        return done.stdout.strip()

    def kelu(self, *words: str) -> Result:
        return CliRunner().invoke(cli.main, ["--root", str(self.root), *words], prog_name="kelu")

    def manifest(self, name: str) -> Path:
        return self.root.parent / f"{name}.json"

    def resolved(self, text: str) -> str:
        """A text in which `@03` stands for the head after step 03."""
        return _LABEL.sub(lambda label: self.heads[label[1]], text)

    def finding(self, item: Mapping[str, Any]) -> str:
        """A finding as stories write it: `path:line:column code`, and ` @03` for the commit that step 03 made."""
        path, sha = item["path"], item.get("commit")
        name = path.rpartition("/")[2].removesuffix(".yaml") if path.startswith("records/") else path
        by = f" {self.label(sha)}" if sha else ""
        return f"{name}:{item['line']}:{item['column']} {item['code']}{by}"

    def label(self, sha: str) -> str:
        """`@03` for the commit that step 03 made."""
        return next((f"@{number}" for number, head in self.heads.items() if head == sha), sha)


def steps(story: str) -> dict[str, Step]:
    """The steps of a story, by their numbers."""
    paths = sorted((REPOS / story).iterdir())
    return {path.name[:2]: yaml.load(path.read_text("utf-8"), Loader) for path in paths}


def found(root: Path) -> Told:
    """A new repository with the foundation as its only commit, step 00."""
    for path, raw in {**_rulebook(rules=False), **_own(), ".gitignore": b".kelu/\n"}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(raw)
    told = Told(root)
    told.git("init", "-q", "--template=")
    for key in ("allowFilter", "allowAnySHA1InWant"):
        told.git("config", f"uploadpack.{key}", "true")
    take_step(told, "00", FOUNDED)
    told.git("repack", "-adq")
    assert said(told, "check", "--as-of", told.moment) == []  # the foundation is sound, and the cache is warm
    return told


def copy(template: Told, root: Path) -> Told:
    """A repository of its own in which a story goes on from where the template stands."""
    shutil.copytree(template.root, root)
    return Told(root, template.moment, dict(template.heads))


def take_step(told: Told, number: str, step: Step) -> None:
    """Do what a step says; what it expects is not looked at."""
    if "clone" in step:
        clone = told.root.with_name(f"{told.root.name}-clone")
        told.git("clone", "-q", *shlex.split(step["clone"]), told.root.as_uri(), str(clone))
        told.root = clone
    identity = _identity(step) if "by" in step else None
    told.moment = step.get("committed_at", step.get("at", told.moment))
    for command in step.get("git", ()):
        told.git(*shlex.split(told.resolved(command)), identity=identity)
    for path, text in _files(step):
        place = _place(told.root, path)
        if text is None:
            place.unlink()
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, "utf-8")
    for change in step.get("edit", ()):
        place = _place(told.root, change["path"])
        place.write_text(_edited(place.read_text("utf-8"), **change), "utf-8")
    if "message" in step or "commit" in step:
        said = ["-m", told.resolved(step["message"])] if "message" in step else ["--no-edit"]
        told.git("add", "-A")
        told.git("commit", "-q", "--allow-empty", *said, *shlex.split(step.get("commit", "")), identity=identity)
    told.heads[number] = told.git("rev-parse", "HEAD")
    if "seal" in step:
        sealed = told.kelu("seal", "--output", str(told.manifest(step["seal"])))
        assert sealed.exit_code == 0, sealed.output


def said(told: Told, *words: str) -> list[str]:
    """The findings of a command, as stories write them, in order."""
    done = told.kelu(*words, "--format", "json")
    assert done.exit_code in (0, 1), done.output
    return sorted(told.finding(item) for item in json.loads(done.stdout)["findings"])


def events(told: Told, name: str) -> list[str]:
    """What happened to a record by `kelu history`: `changed @03`, oldest first."""
    done = told.kelu("history", name, "--format", "json")
    assert done.exit_code == 0, done.output
    return [f"{event['kind']} {told.label(event['commit'])}" for event in json.loads(done.stdout)["events"]]


def open_book(tree: Tree, open_anew: Callable[[Tree], check.Rulebook] = check.open_book) -> check.Rulebook:
    """The rulebook of a tree, read once for all trees that hold the same."""
    key = frozenset((entry.path, entry.blob) for entry in tree.entries("schemas", "policies", "config"))
    if key not in _BOOKS:
        _BOOKS[key] = open_anew(tree)
    return _BOOKS[key]


def differing(told: Told, foundation: Told) -> dict[str, bytes]:
    """The files in which a story's head differs from the foundation."""
    paths = told.git("diff", "-z", "--name-only", foundation.heads["00"], "HEAD").split("\0")[:-1]
    return {path: (told.root / path).read_bytes() for path in paths}


def together(heads: Iterable[Mapping[str, bytes]]) -> list[dict[str, bytes]]:
    """As few sets of files as may be, in which each head is whole: to ask the rules of each would take long."""
    found: list[dict[str, bytes]] = []
    for head in heads:
        fitting = [one for one in found if all(one.get(path, raw) == raw for path, raw in head.items())]
        if not fitting:
            found.append({})
        (fitting or found)[-1].update(head)
    return found


def unsound(files: Mapping[str, bytes]) -> list[Finding]:
    """What the rules of the packs, which the foundation does without, find in it with these files."""
    tree = MemoryTree({**_rulebook(rules=True), **_own(), **files})
    book = open_book(tree)
    store = check.open_cache(REPOS, book, cached=False)
    return list(check.check(tree, book, store, LATER).findings)


def _files(step: Step) -> list[tuple[str, str | None]]:
    """The whole files of a step: (path or id, text)."""
    found = [(name, _record(record, name)) for name, record in step.get("take", {}).items()]
    if "imports" in step:
        names = [f"{step['imports']['of']}-{n:04d}" for n in range(1, step["imports"]["count"] + 1)]
        found += [(name, _record(step["imports"]["record"], name)) for name in names]
    return [*found, *step.get("files", {}).items()]


def _record(record: str, name: str) -> str:
    return (REPOS / "_records" / f"{record}.yaml").read_text("utf-8").replace("$id", name)


def _place(root: Path, path: str) -> Path:
    return root / (path if "/" in path or path.startswith(".") else path_of(path))


def _edited(text: str, path: str, new: str, old: str | None = None) -> str:
    if old is None:
        return text + new
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
    return text.replace(old, new)


def _identity(step: Step) -> dict[str, str]:
    """What tells Git who does a step and when."""
    found = {}
    for role, who, at in (
        ("AUTHOR", step["by"], step["at"]),
        ("COMMITTER", step.get("committer", step["by"]), step.get("committed_at", step["at"])),
    ):
        person = who if isinstance(who, Mapping) else _staff()[who]
        found |= {
            f"GIT_{role}_NAME": person["name"],
            f"GIT_{role}_EMAIL": person.get("mail") or person["email"],
            f"GIT_{role}_DATE": at,
        }
    return found


@cache
def _staff() -> dict[str, Mapping[str, Any]]:
    data = yaml.load((REPOS / "_foundation/config/staff.yaml").read_text("utf-8"), Loader)
    return {person["id"]: person for person in data["staff"]}


def _rulebook(rules: bool) -> dict[str, bytes]:
    """Schemas and packs of this repository without what history does not ask for: it would only take time."""
    left_out = {"kpis.yaml", "obligations.yaml", "clauses.yaml"} | (set() if rules else {"rules.yaml"})
    return {
        path: raw
        for path, raw in rulebook_files().items()
        if path.rpartition("/")[2] not in left_out and not path.startswith("policies/drafts/")  # these name KPIs
    }


def _own() -> dict[str, bytes]:
    """The foundation's own files."""
    home = REPOS / "_foundation"
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*.yaml")}
