"""The kept history: one walk, extended by what is new, true after whatever happened to the branch."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kelu.document import parse
from kelu.history import difference, version
from kelu.history.index import History, HistoryError, open_history

WHO = {"GIT_AUTHOR_NAME": "林晓舟", "GIT_AUTHOR_EMAIL": "Lin@Example.invalid", "GIT_COMMITTER_NAME": "forge",
       "GIT_COMMITTER_EMAIL": "forge@example.invalid", "GIT_CONFIG_GLOBAL": "/dev/null"}  # fmt: skip
CMP, SUR = "records/complaints/2026/CMP-2026-0001.yaml", "records/surveys/2026/SUR-2026-0001.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / ".git/info/exclude").write_text(".kelu/\n", "utf-8")
    return tmp_path


def git(root: Path, *args: str) -> str:
    done = subprocess.run(
        ["git", *args], cwd=root, env={"PATH": "/usr/bin:/bin", **WHO}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(root: Path, message: str = "m", **files: str | None) -> str:
    for path, text in ((CMP if key == "cmp" else SUR, text) for key, text in files.items()):
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            place.unlink()
        else:
            place.write_text(text, "utf-8")
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", message)
    return git(root, "rev-parse", "HEAD")


def facts(history: History) -> Any:
    """All that a history says, without the places, which hang on how it came about."""
    commits = {c.sha: (c.parents, c.author, c.message, c.trailers, history.commits[c.unit].sha)
               for c in history.commits.values()}  # fmt: skip
    touches = sorted((history.commits[t.place].sha, t.path, t.old or "", t.new or "") for t in history.touches())
    documents = {path: dict(of) for path, of in history.documents()}
    live = {(path, blob) for _, path, *blobs in touches for blob in blobs if blob and path.startswith("records/")}
    return commits, touches, {(path, blob): documents[path][blob] for path, blob in live}


def fresh_and_kept(root: Path) -> Any:
    """What the kept history says; it must be what one read anew says."""
    kept, fresh = open_history(root), open_history(root, cached=False)
    said = facts(kept)
    assert said == facts(fresh)
    kept.close()
    return said


def test_what_is_new_is_added_to_what_is_kept(root: Path) -> None:
    commit(root, cmp="id: CMP-2026-0001\nstatus: a\n")
    assert len(fresh_and_kept(root)[0]) == 1
    commit(root, "处置\n\nApproved-by: 周明远 <Zhou@example.invalid>", cmp="id: CMP-2026-0001\nstatus: b\n")
    commits, touches, documents = fresh_and_kept(root)
    assert len(commits) == len(touches) == 2
    assert sorted(data["status"] for data in documents.values()) == ["a", "b"]


def test_a_branch_lands_with_its_merge(root: Path) -> None:
    commit(root, cmp="id: x\nn: 1\n")
    fresh_and_kept(root)
    git(root, "checkout", "-q", "-b", "topic")
    inside = commit(root, cmp="id: x\nn: 2\n")
    git(root, "checkout", "-q", "main")
    straight = commit(root, sur="id: y\n")
    git(root, "merge", "-q", "--no-ff", "-m", "merge", "topic")
    merge = git(root, "rev-parse", "HEAD")
    commits, touches, _ = fresh_and_kept(root)
    assert {sha: unit for sha, (*_, unit) in commits.items()}[inside] == merge
    assert {sha: unit for sha, (*_, unit) in commits.items()}[straight] == straight
    assert [path for sha, path, *_ in touches if sha == merge] == [CMP]


def test_a_default_branch_that_runs_elsewhere_lands_anew(root: Path) -> None:
    commit(root, cmp="id: x\nn: 1\n")
    git(root, "checkout", "-q", "-b", "topic")
    topic = commit(root, cmp="id: x\nn: 2\n")
    git(root, "checkout", "-q", "main")
    old = commit(root, sur="id: y\n")
    fresh_and_kept(root)
    git(root, "checkout", "-q", "topic")
    git(root, "merge", "-q", "-m", "main into topic", "main")
    git(root, "checkout", "-q", "main")
    git(root, "merge", "-q", "--ff-only", "topic")
    commits = fresh_and_kept(root)[0]
    assert commits[topic][-1] == topic
    assert commits[old][-1] == git(root, "rev-parse", "HEAD")


def test_rewritten_history_is_forgotten(root: Path) -> None:
    commit(root, cmp="id: x\nn: 1\n")
    commit(root, cmp="id: x\nn: 2\n")
    fresh_and_kept(root)
    git(root, "reset", "-q", "--hard", "HEAD~1")
    commit(root, cmp="id: x\nn: 3\n")
    commits, _, documents = fresh_and_kept(root)
    assert len(commits) == 2
    assert sorted(data["n"] for data in documents.values()) == [1, 3]
    git(root, "checkout", "-q", "--orphan", "other")
    commit(root, cmp="id: x\nn: 4\n")
    assert len(fresh_and_kept(root)[0]) == 1


def test_a_version_that_could_not_be_read_stands_in_the_middle(root: Path) -> None:
    commit(root, cmp="id: x\nn: 1\n")
    commit(root, cmp="id: x\nn: [1\n")
    commit(root, cmp="id: x\nn: 2\n")
    documents = fresh_and_kept(root)[2]
    assert sorted((data["n"] if data else 0) for data in documents.values()) == [0, 1, 2]


def test_a_shallow_clone_is_refused_with_what_mends_it(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    commit(root, cmp="id: x\n")
    commit(root, cmp="id: x\nn: 2\n")
    clone = tmp_path_factory.mktemp("clone") / "c"
    git(root, "clone", "-q", "--depth", "1", root.as_uri(), str(clone))
    with pytest.raises(HistoryError) as refused:
        open_history(clone)
    assert "git fetch --unshallow" in refused.value.mend.zh
    git(clone, "fetch", "-q", "--unshallow")
    assert len(open_history(clone).commits) == 2


# --- versions and differences ------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["a", "b: c", "# x", "—", "多字\n两行", "'q'"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.dictionaries(st.sampled_from(["status", "title", "progress", "plan", "links"]), VALUES, max_size=4)


def as_yaml(data: dict[str, Any]) -> str:
    """Top-level keys each on a line, their values in JSON, with a comment now and then."""
    return "".join(f"# {key}\n{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in data.items())


@settings(max_examples=150, deadline=None)
@given(st.lists(RECORDS.filter(bool), min_size=2, max_size=4))
def test_versions_put_together_again_are_what_the_files_say(lives: list[dict[str, Any]]) -> None:
    seen, before = None, None
    for data in lives:
        raw = as_yaml(data).encode("utf-8")
        seen = version._read(raw, CMP, seen)
        assert seen.data == parse(raw, CMP)[0]
        if before is not None and seen.data is not None:
            changed = {key: value for key, value in seen.data.items() if not version._same(before, key, value)}
            packed = version._packed(changed, [key for key in before if key not in seen.data])
            assert version.applied(before, packed) == seen.data
        before = seen.data


@pytest.mark.parametrize(
    "text",
    ['a: "x\nb: 1\ny"\n', "a: [1,\nb: 2]\n", "---\na: 1\nb: 2\n", "a: 1\na: 2\n", "a: 1\n...\n", "a: |\n  b: 1\n"],
)
def test_text_that_cannot_be_cut_is_read_as_a_whole(text: str) -> None:
    first = version._read(b"a: 0\nb: 0\n", CMP, None)
    assert version._read(text.encode(), CMP, first).data == parse(text.encode(), CMP)[0]


@given(RECORDS, RECORDS)
def test_no_change_is_missed_and_none_made_up(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert bool(difference.changes(before, after)) == (before != after or repr(before) != repr(after))


def test_an_entry_put_in_front_is_one_change() -> None:
    old = {"progress": [{"at": "1", "by": "S001", "note": "a"}, {"at": "2", "by": "S001", "note": "b"}]}
    new = {"progress": [{"at": "0", "by": "S001", "note": "z"}, *old["progress"]]}
    assert [change.pointer for change in difference.changes(old, new)] == [
        ("progress", 0, "at"), ("progress", 0, "by"), ("progress", 0, "note"),
    ]  # fmt: skip
    new["progress"][2] = {**new["progress"][2], "note": "c"}
    assert difference.Change(("progress", 2, "note"), "b", "c") in difference.changes(old, new)
