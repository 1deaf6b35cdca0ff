"""Real Git stories: what honest work and falsification of the past look like to `kelu check`, `audit` and `history`.

How a story is written stands in `git_story`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import git_story
from git_story import STORIES, Step, Told
from kelu import check
from kelu.history import seal

# Twelve ways of falsifying the past, the stories that try them, and the honest work that looks most like each.
FALSIFICATIONS = {
    "edit a closed complaint": ("false-edited-when-closed", "honest-correction", "honest-reopening"),
    "delete": ("false-deleted", "false-merge", "merge-octopus-with-a-deletion", "honest-void"),
    "rename": ("false-renamed", "false-renumbered"),
    "reuse an id": ("false-id-reused", "honest-revert-on-branch"),
    "backdate": ("false-backdated-stamp", "false-backdated-author", "false-backdated-commit", "honest-import"),
    "forge an approval": ("false-approval-forged", "honest-empty-commits", "honest-squash"),
    "approve one's own": ("false-approval-own", "honest-report"),
    "drop a commit": ("false-dropped", "false-dropped-step", "false-dropped-by-merge", "honest-rebase"),
    "amend": ("false-amended", "false-redated", "honest-amended-on-branch"),
    "reorder": ("false-reordered", "merge-foxtrot", "honest-cherry-pick", "honest-main-merged-in"),
    "swap two records' contents": ("false-swapped", "honest-pull-request"),
    "change a policy version file": ("false-policy-edited", "false-policy-in-branch", "honest-new-pack"),
}


@pytest.fixture(scope="session")
def foundation(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return git_story.found(tmp_path_factory.mktemp("foundation") / "repository")


@pytest.fixture(autouse=True)
def _one_book(monkeypatch: pytest.MonkeyPatch) -> None:
    """Schemas and policy are nearly always those of the foundation; reading them again and again would take long."""
    monkeypatch.setattr(check, "open_book", git_story.open_book)


@pytest.mark.parametrize("story", STORIES)
def test_story(story: str, foundation: Told, tmp_path: Path) -> None:
    told = git_story.copy(foundation, tmp_path / "repository")
    for number, step in git_story.steps(story).items():
        git_story.take_step(told, number, step)
        assert dict(_heard(told, step)) == step.get("expect", {}), f"after step {number}"


def test_every_falsification_is_found_and_honest_work_is_not() -> None:
    """Each of the twelve ways is a story that a command names; no honest story expects a finding where it lands."""
    assert len(FALSIFICATIONS) == 12
    honest = [story for story in STORIES if story.startswith("honest-")]
    assert len(honest) >= 10
    assert all(story in STORIES for stories in FALSIFICATIONS.values() for story in stories)
    assert [story for stories in FALSIFICATIONS.values() for story in stories if not _finds(story)] == [
        story for stories in FALSIFICATIONS.values() for story in stories if story in honest
    ]
    for story in honest:
        assert "audit" in _expected(story)[-1] or "against" in _expected(story)[-1], story


def _expected(story: str) -> list[Step]:
    return [step["expect"] for step in git_story.steps(story).values() if "expect" in step]


def _finds(story: str) -> bool:
    """Whether the audit of what landed is expected to find anything in a story."""
    return any(expected.get("audit") or expected.get("against", {}).get("findings") for expected in _expected(story))


def test_honest_stories_end_soundly(foundation: Told, tmp_path: Path) -> None:
    """What honest stories leave behind keeps the rules of the packs too, so that they are honest all through."""
    heads = {}
    for story in STORIES:
        if story.startswith("honest-"):
            told = git_story.copy(foundation, tmp_path / story)
            for number, step in git_story.steps(story).items():
                git_story.take_step(told, number, step)
            heads[story] = git_story.differing(told, foundation)
    for files in git_story.together(heads.values()):
        assert git_story.unsound(files) == []


def _heard(told: Told, step: Step) -> Iterator[tuple[str, Any]]:
    """What kelu says, in the shape of what the step expects."""
    for what, wanted in step.get("expect", {}).items():
        match what:
            case "check":
                base = told.resolved(wanted["base"])
                found = git_story.said(told, "check", "--base", base, "--as-of", told.moment)
                yield what, {**wanted, "findings": found}
            case "audit":
                yield what, git_story.said(told, "audit")
            case "against":
                manifest = str(told.manifest(wanted["manifest"]))
                yield what, {**wanted, "findings": git_story.said(told, "audit", "--against", manifest)}
            case "published":
                gone = seal.published(told.root, told.manifest(wanted["manifest"]), told.git("rev-parse", "HEAD"))
                yield what, {**wanted, "findings": [f"{f.path}:{f.line}:{f.column} {f.code}" for f in gone]}
            case "history":
                yield what, {name: git_story.events(told, name) for name in wanted}
            case "refused":
                yield what, {command: _refused(told, command, words) for command, words in wanted.items()}


def _refused(told: Told, command: str, words: str) -> str:
    """The words that a refusal is to hold, if it does; all it says otherwise."""
    done = told.kelu(*command.split())
    return words if done.exit_code == 2 and words in done.output else f"{done.exit_code}: {done.output}"
