"""Seals: whatever makes history anew is found and placed, with the old commits at hand and without; going on is not."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kelu import cli, git, pages, starter
from kelu.finding import Finding
from kelu.history import manifest as manifests
from kelu.history import seal

A, B, C = (f"records/complaints/2026/CMP-2026-000{number}.yaml" for number in (1, 2, 3))
WHO = "lin@example.invalid"
HEADED = "kelu-manifest.json"
TEXT = "id: X\n" + "".join(f"line: {number}\n" for number in range(12))


@dataclass
class Place:
    """A repository of its own with three complaints, each registered and then changed, and a clock that moves on."""

    root: Path
    clock: int = 1_767_225_600
    shas: dict[str, str] = field(default_factory=dict)

    def git(self, *args: str, **env: str) -> str:
        self.clock += 3600
        clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        when = f"{self.clock} +0800"
        clean |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when} | env
        return subprocess.run(
            ["git", "-c", "user.name=测试", "-c", "user.email=t@example.invalid", "-c", "core.fsync=none", *args],
            cwd=self.root, check=True, capture_output=True, text=True, env=clean,
        ).stdout.strip()  # fmt: skip

    def commit(self, name: str, *options: str, **files: str | None) -> str:
        """A commit of files (by a, b, c; None deletes), remembered by name."""
        for letter, text in files.items():
            path = self.root / {"a": A, "b": B, "c": C}[letter]
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(text, "utf-8")
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", name, *options)
        self.shas[name] = self.head
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def seal(self, *, published: bool = False) -> Path:
        commit = git.head(self.root)
        assert commit is not None
        manifest = self.root.parent / HEADED
        manifest.write_text(seal.seal(self.root, commit, published=published), "utf-8")
        return manifest

    def rebase(self, edit: str, onto: str) -> None:
        """An interactive rebase whose list of commits a sed script edits."""
        self.git("rebase", "-q", "-i", onto, GIT_SEQUENCE_EDITOR=f"sed -i {edit}", GIT_EDITOR="true")


def replaced(text: str, line: int) -> str:
    return text.replace(f"line: {line}\n", f"line: changed {line}\n")


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("founded") / "home")
    made.root.mkdir()
    made.git("init", "-q", "-b", "main")
    made.commit("first", a=TEXT)
    made.commit("second", b=TEXT)
    made.commit("third", c=TEXT)
    made.commit("change a", a=replaced(TEXT, 1))
    made.commit("change b", b=replaced(TEXT, 1))
    return made


@pytest.fixture
def place(founded: Place, tmp_path: Path) -> Place:
    shutil.copytree(founded.root, tmp_path / "home")
    return Place(tmp_path / "home", founded.clock, dict(founded.shas))


@pytest.fixture(params=["old commits at hand", "a fresh clone"])
def judge(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Place, Path], list[Finding]]:
    """Holds the present against a manifest, in the repository itself or where the old commits never were."""

    def judged(place: Place, manifest: Path) -> list[Finding]:
        root = place.root
        if request.param == "a fresh clone":
            root = tmp_path / "clone"
            place.git("clone", "-q", "--no-local", str(place.root), str(root))
        return seal.against(root, manifest, place.head)

    return judged


Judge = Callable[[Place, Path], list[Finding]]


def codes(findings: list[Finding]) -> list[str]:
    return [f"{item.path.rpartition('/')[2].removesuffix('.yaml')} {item.code}" for item in findings]


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, codes(findings)
    return findings[0]


# --- the manifest ---


def test_a_commit_has_one_manifest(place: Place, tmp_path: Path) -> None:
    manifest = place.seal()
    clone = tmp_path / "clone"
    place.git("clone", "-q", "--no-local", str(place.root), str(clone))
    place.git("-C", str(clone), "config", "i18n.logOutputEncoding", "GBK")
    place.git("-C", str(clone), "config", "log.showSignature", "true")
    commit = git.head(clone)
    assert commit is not None
    assert seal.seal(clone, commit) == manifest.read_text("utf-8")
    data = json.loads(manifest.read_text("utf-8"))
    assert (data["head"], data["tree"]) == (place.head, place.git("rev-parse", "HEAD^{tree}"))
    assert data["counts"] == {"records": 3, "commits": 5}
    assert data["time"] == place.git("log", "-1", "--format=%cI")
    assert [line[:12] for line in data["chain"]] == [sha[:12] for sha in place.shas.values()]
    blob, digest, last, times = data["files"]["records/complaints/2026"]["CMP-2026-0001.yaml"].split()
    assert blob == place.git("rev-parse", f"HEAD:{A}")
    assert digest == subprocess.run(["sha256sum", place.root / A], capture_output=True, text=True).stdout.split()[0]
    assert (last, times) == ("3", "2")


def test_the_digest_is_that_of_the_lines_above(place: Place) -> None:
    manifest = place.seal()
    above = subprocess.run(["head", "-n", "-2", manifest], capture_output=True, check=True).stdout
    told = subprocess.run(["sha256sum"], input=above, capture_output=True, check=True).stdout.decode().split()[0]
    assert json.loads(manifest.read_bytes())["digest"] == f"sha256:{told}"


def test_only_the_first_parents_are_sealed_and_odd_names_too(place: Place) -> None:
    place.git("switch", "-q", "-c", "topic")
    place.commit("aside", c=replaced(TEXT, 3))
    place.commit("aside again", c=replaced(TEXT, 4))
    place.git("switch", "-q", "main")
    odd = place.root / "records/甲 \udcff'\"\n.yaml"
    odd.write_text("x", "utf-8")
    place.commit("odd")
    place.git("merge", "-q", "--no-ff", "topic", "-m", "merge")
    sealed = manifests.read(place.seal().read_bytes())
    assert len(sealed.chain) == 7
    assert sealed.files[C].times == 2
    assert odd.relative_to(place.root).as_posix() in sealed.files


def test_what_is_published_holds_no_hash_of_a_file(place: Place) -> None:
    text = place.seal(published=True).read_text("utf-8")
    assert all(place.git("rev-parse", f"HEAD:{path}") not in text for path in (A, B, C))
    assert "files" not in json.loads(text)
    assert [len(line.split()) for line in json.loads(text)["chain"]] == [3] * 5


def test_the_command(place: Place, tmp_path: Path) -> None:
    def say(*words: str) -> Result:
        return CliRunner().invoke(cli.main, ["seal", "--root", str(place.root), *words], prog_name="kelu")

    manifest = place.seal().read_text("utf-8")
    assert (say().stdout, say().exit_code) == (manifest, 0)
    done = say("--output", str(tmp_path / "kept.json"), "--lang", "en")
    assert (done.stdout, done.stderr) == ("", f"Sealed {place.head[:12]}: {tmp_path / 'kept.json'}\n")
    assert (tmp_path / "kept.json").read_text("utf-8") == manifest
    assert manifests.read(say("HEAD~1").stdout.encode()).head == place.shas["change a"]
    assert say("--output", str(tmp_path / "absent" / "kept.json")).exit_code == 2
    place.git("clone", "-q", "--depth", "1", place.root.as_uri(), str(tmp_path / "shallow"))
    cut = CliRunner().invoke(cli.main, ["seal", "--root", str(tmp_path / "shallow")])
    assert (cut.exit_code, cut.stdout) == (2, "")
    assert "git fetch --unshallow" in cut.stderr


# --- going on ---


@pytest.mark.parametrize("published", [False, True])
def test_going_on_raises_nothing(place: Place, judge: Judge, published: bool) -> None:
    manifest = place.seal(published=published)
    assert seal.against(place.root, manifest, place.head) == []
    place.commit("later", a=TEXT, b=None)
    place.git("switch", "-q", "-c", "topic", "HEAD~2")
    place.commit("aside", c=replaced(TEXT, 3))
    place.git("switch", "-q", "main")
    place.git("merge", "-q", "--no-ff", "topic", "-m", "merge")
    place.git("revert", "--no-edit", "-m", "1", "HEAD")
    assert judge(place, manifest) == []
    assert seal.published(place.root, manifest, place.head) == []


def test_a_clone_without_blobs_will_do(place: Place, tmp_path: Path) -> None:
    place.git("config", "uploadpack.allowFilter", "true")
    place.git("config", "uploadpack.allowAnySHA1InWant", "true")
    manifest, sealed = place.seal(), git.head(place.root)
    place.commit("later", a=TEXT)
    clone = tmp_path / "blobless"
    place.git("clone", "-q", "--filter=blob:none", "--no-checkout", place.root.as_uri(), str(clone))
    assert sealed is not None
    assert seal.seal(clone, sealed) == manifest.read_text("utf-8")
    assert seal.against(clone, manifest, place.head) == []


# --- what can be done to it ---


def test_an_amended_commit_is_rewritten(place: Place, judge: Judge) -> None:
    manifest = place.seal()
    was = place.head
    now = place.commit("change b", "--amend", b=replaced(TEXT, 2))
    found = only(judge(place, manifest))
    assert codes([found]) == ["CMP-2026-0002 SEAL-01"]
    assert was[:12] in found.message.zh
    assert now[:12] in found.message.en
    assert "with other content" in found.message.en


def test_another_author_or_message_is_told_apart_from_other_content(place: Place, judge: Judge) -> None:
    manifest = place.seal()
    place.git("commit", "-q", "--amend", "-m", "told otherwise")
    found = only(judge(place, manifest))
    assert (codes([found]), "with the same content" in found.message.en) == (["CMP-2026-0002 SEAL-01"], True)
    place.git("commit", "-q", "--amend", "-m", "change b", "--author", "别人 <x@example.invalid>")
    assert codes(seal.against(place.root, manifest, place.head)) == ["CMP-2026-0002 SEAL-01"]


def test_swapped_contents_are_rewritten_on_both_sides(place: Place, judge: Judge) -> None:
    place.commit("both", a=replaced(TEXT, 5), b=replaced(TEXT, 6))
    manifest = place.seal()
    place.commit("both", "--amend", a=replaced(TEXT, 6), b=replaced(TEXT, 5))
    assert codes(judge(place, manifest)) == ["CMP-2026-0001 SEAL-01", "CMP-2026-0002 SEAL-01"]


def test_a_dropped_commit(place: Place, judge: Judge) -> None:
    manifest = place.seal()
    place.rebase("1d", "HEAD~2")
    found = only(judge(place, manifest))
    assert codes([found]) == ["CMP-2026-0001 SEAL-02"]
    assert place.shas["change a"][:12] in found.message.en


def test_a_dropped_commit_behind_later_work(place: Place, judge: Judge) -> None:
    """What was dropped is not made up for by commits that came after it."""
    manifest = place.seal()
    place.rebase("1d", "HEAD~2")
    place.commit("more c", c=replaced(TEXT, 7))
    place.commit("more b", b=replaced(TEXT, 7))
    assert codes(judge(place, manifest)) == ["CMP-2026-0001 SEAL-02"]


def test_an_overridden_change_is_missed_when_dropped(place: Place, judge: Judge) -> None:
    place.commit("there", c=replaced(TEXT, 8))
    place.commit("and back", c=replaced(TEXT, 9))
    manifest = place.seal()
    place.git("reset", "-q", "--hard", "HEAD~2")
    place.commit("and back", c=replaced(TEXT, 9))
    assert "CMP-2026-0003 SEAL-02" in codes(judge(place, manifest))


def test_squashed_commits_are_dropped(place: Place, judge: Judge) -> None:
    place.commit("again", b=replaced(TEXT, 4))
    manifest = place.seal()
    place.git("reset", "-q", "--soft", "HEAD~2")
    place.git("commit", "-q", "-m", "both at once")
    assert "CMP-2026-0002 SEAL-02" in codes(judge(place, manifest))


def test_a_truncated_history(place: Place, judge: Judge) -> None:
    place.commit("fourth", a=TEXT)
    place.git("mv", A, A.replace("0001", "0004"))
    place.commit("moved")
    manifest = place.seal()
    place.git("reset", "-q", "--hard", "HEAD~3")
    found = judge(place, manifest)
    assert {"CMP-2026-0002 SEAL-02", "CMP-2026-0004 SEAL-06"} <= set(codes(found))


def test_a_missing_record(place: Place, judge: Judge) -> None:
    manifest = place.seal()
    place.rebase("/third/d", "HEAD~3")
    found = only(judge(place, manifest))
    assert codes([found]) == ["CMP-2026-0003 SEAL-06"]
    assert place.shas["third"][:12] in found.message.zh


def test_another_author_date(place: Place, judge: Judge) -> None:
    manifest = place.seal()
    place.git("rebase", "-q", "-x", "git commit --amend --no-edit --date=2025-12-01T09:00:00+08:00", "HEAD~1")
    found = only(judge(place, manifest))
    assert codes([found]) == ["CMP-2026-0002 SEAL-03"]
    assert "The author's time" in found.message.en
    assert "2025-12-01 09:00:00" in found.message.zh


def test_another_commit_date_of_all(place: Place, judge: Judge) -> None:
    manifest = place.seal()
    stream = place.git("fast-export", "--signed-tags=strip", "main")
    lines = [
        f"{line.rpartition('> ')[0]}> {int(line.split()[-2]) - 86400} +0800" if line.startswith("committer ") else line
        for line in stream.split("\n")
    ]
    subprocess.run(
        ["git", "fast-import", "--quiet", "--force"],
        cwd=place.root,
        input="\n".join(lines) + "\n",
        text=True,
        check=True,
    )
    found = judge(place, manifest)
    assert codes(found) == ["CMP-2026-0001 SEAL-03", "CMP-2026-0002 SEAL-03", "CMP-2026-0003 SEAL-03"]
    assert all("The commit time" in item.message.en for item in found)


def test_a_filter_over_the_whole_history(place: Place, judge: Judge) -> None:
    manifest = place.seal()
    stream = place.git("fast-export", "main").replace("line: changed 1", "line: altered 1")
    subprocess.run(
        ["git", "fast-import", "--quiet", "--force"], cwd=place.root, input=stream + "\n", text=True, check=True
    )
    assert codes(judge(place, manifest)) == ["CMP-2026-0001 SEAL-01", "CMP-2026-0002 SEAL-01"]


def test_another_order(place: Place, judge: Judge) -> None:
    manifest = place.seal()
    place.rebase("1{h;d};2{G}".join("''"), "HEAD~2")
    found = only(judge(place, manifest))
    assert codes([found])[0].endswith("SEAL-04")


def test_a_history_merged_in_from_the_side(place: Place, judge: Judge) -> None:
    place.git("branch", "topic", "HEAD~2")
    manifest = place.seal()
    place.git("switch", "-q", "topic")
    place.commit("aside", c=replaced(TEXT, 3))
    place.git("merge", "-q", "--no-ff", "main", "-m", "merge")
    place.git("branch", "-f", "main")
    found = judge(place, manifest)
    assert codes(found) == ["CMP-2026-0001 SEAL-04", "CMP-2026-0002 SEAL-04"]
    assert "merged in from the side" in found[0].message.en


def test_a_merge_that_keeps_nothing_of_what_was_sealed(place: Place, judge: Judge) -> None:
    place.git("branch", "forged", "HEAD~2")
    manifest = place.seal()
    place.git("switch", "-q", "forged")
    place.commit("change a", a=replaced(TEXT, 9))
    place.git("merge", "-q", "-s", "ours", "main", "-m", "merge")
    found = judge(place, manifest)
    assert codes(found) == ["CMP-2026-0001 SEAL-01", "CMP-2026-0002 SEAL-02"]


def test_a_dropped_empty_commit_is_told_without_a_record(place: Place, judge: Judge) -> None:
    place.commit("approve")
    place.commit("go on", c=replaced(TEXT, 2))
    manifest = place.seal()
    place.git("rebase", "-q", "--onto", "HEAD~2", "HEAD~1")
    found = only(judge(place, manifest))
    assert codes([found]) == [f"{HEADED} SEAL-02"]
    assert place.shas["approve"][:12] in found.message.en


def test_a_merged_branch_made_anew(place: Place, judge: Judge) -> None:
    """The change that the merge brought, its author, message and times are the same; what it merged is not."""

    def merged(message: str) -> None:
        place.git("switch", "-q", "-c", message, "main~0")
        place.clock = 1_800_000_000
        place.commit(message, c=replaced(TEXT, 3))
        place.git("switch", "-q", "main")
        place.clock = 1_800_100_000
        place.git("merge", "-q", "--no-ff", message, "-m", "merge")

    merged("one")
    manifest = place.seal()
    place.git("reset", "-q", "--hard", "HEAD~1")
    merged("two")
    found = only(judge(place, manifest))
    assert codes([found]) == ["CMP-2026-0003 SEAL-01"]
    assert "other commits merged in" in found.message.en


def test_an_unrelated_history(place: Place, judge: Judge) -> None:
    manifest = place.seal()
    place.git("checkout", "-q", "--orphan", "other")
    place.commit("anew")
    place.git("branch", "-M", "other", "main")
    assert set(codes(judge(place, manifest))) >= {"CMP-2026-0001 SEAL-02", "CMP-2026-0003 SEAL-01"}


@pytest.mark.parametrize("way", ["amend", "drop", "reset"])
def test_a_published_manifest_finds_it_too(place: Place, judge: Judge, way: str) -> None:
    manifest = place.seal(published=True)
    if way == "amend":
        place.commit("change b", "--amend", b=replaced(TEXT, 2))
    elif way == "drop":
        place.rebase("1d", "HEAD~2")
    else:
        place.git("reset", "-q", "--hard", "HEAD~1")
    found = judge(place, manifest)
    assert found
    assert {item.code for item in found} <= {"SEAL-01", "SEAL-02"}
    gone = only(seal.published(place.root, manifest, place.head))
    assert (gone.code, gone.path) == ("GH-13", HEADED)


def test_a_replacement_does_not_hide_anything(place: Place) -> None:
    """refs/replace shows other objects to whoever does not look past it."""
    manifest = place.seal()
    was = place.head
    place.commit("change b", "--amend", b=replaced(TEXT, 2))
    place.git("replace", was, place.head)
    place.git("reset", "-q", "--hard", was)
    assert seal.against(place.root, manifest, was) == []
    commit = git.head(place.root)
    assert commit is not None
    assert seal.seal(place.root, commit) == manifest.read_text("utf-8")


# --- what was published ---


def test_nothing_is_published_once_the_history_that_was_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The site that was there stays, and the new one carries its manifest only where it may be built."""
    home = tmp_path / "home"
    who = {f"GIT_{role}_{part}": WHO for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    starter.create(home, datetime.date(2026, 7, 2), author=who)
    here, out, built = Place(home), home / "public", []

    def press(edition: pages.Edition, site: Path, base: Path, work: Path, target: Path, *, cached: bool) -> int:
        built.append(edition.manifest)
        (target / "pagefind").mkdir(parents=True, exist_ok=True)
        (target / seal.NAME).write_text(edition.manifest, "utf-8")
        return 1

    def site(*words: str) -> Result:
        return CliRunner().invoke(cli.main, ["site", "--root", str(home), *words], prog_name="kelu")

    monkeypatch.setattr(pages, "build", press)
    assert site().exit_code == 0
    commit = git.head(home)
    assert commit is not None
    assert built == [seal.seal(home, commit, published=True)]
    here.commit("go on")
    assert site().exit_code == 0
    last = out / seal.NAME
    kept = last.read_text("utf-8")
    here.commit("go on otherwise", "--amend")
    done = site("--lang", "en")
    assert (done.exit_code, len(built)) == (1, 2)
    assert "error GH-13" in done.stdout
    assert "kelu audit --against" in done.stdout
    assert last.read_text("utf-8") == kept
    shutil.copy(last, tmp_path / "last.json")
    assert site("--after", str(tmp_path / "last.json"), "--out", str(tmp_path / "new")).exit_code == 1
    assert site("--out", str(tmp_path / "new")).exit_code == 0
    (tmp_path / "fetched").mkdir()
    shutil.copy(last, tmp_path / "fetched" / seal.NAME)
    assert site("--out", str(tmp_path / "fetched")).exit_code == 1


def test_a_published_head_that_was_merged_in_from_the_side(place: Place) -> None:
    place.git("branch", "topic", "HEAD~2")
    manifest = place.seal(published=True)
    place.git("switch", "-q", "topic")
    place.git("merge", "-q", "--no-ff", "main", "-m", "merge")
    found = only(seal.published(place.root, manifest, place.head))
    assert (found.code, "merged in" in found.message.en) == ("GH-13", True)


# --- the manifest itself ---


def altered(manifest: Path, old: str, new: str, *, digest: bool = False) -> None:
    text = manifest.read_text("utf-8")
    assert old in text
    text = text.replace(old, new, 1)
    if digest:
        body = text[: text.rindex('"digest"')]
        text = f'{body}"digest": "sha256:{manifests.sha256(body.encode())}"\n}}\n'
    manifest.write_text(text, "utf-8")


def test_an_altered_manifest(place: Place) -> None:
    manifest = place.seal()
    altered(manifest, place.shas["first"][:12], "0" * 12)
    found = only(seal.against(place.root, manifest, place.head))
    assert (found.code, "digest" in found.message.en) == ("SEAL-05", True)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "no", '{"format": "kelu-manifest/2"}', '{"format": "kelu-manifest/1"}']
)
def test_no_manifest_at_all(place: Place, text: str) -> None:
    manifest = place.root.parent / HEADED
    manifest.write_text(text, "utf-8")
    assert only(seal.against(place.root, manifest, place.head)).code == "SEAL-05"
    assert only(seal.published(place.root, manifest, place.head)).code == "GH-13"


def forgeries(place: Place) -> Iterator[tuple[str, str, str]]:
    blob = place.git("rev-parse", f"HEAD:{A}")
    digest = manifests.sha256((place.root / A).read_bytes())
    yield place.git("rev-parse", "HEAD^{tree}"), "0" * 40, HEADED
    yield blob, "1" * 40, "CMP-2026-0001"
    yield digest, "2" * 64, "CMP-2026-0001"
    yield "CMP-2026-0001.yaml", "CMP-2026-0009.yaml", "CMP-2026-0001"
    yield place.shas["second"][:12], "3" * 12, HEADED
    yield f'"{place.shas["first"][:12]} 1', f'"{place.shas["first"][:12]} 2', HEADED


@pytest.mark.parametrize("number", range(6))
def test_a_manifest_that_says_what_its_head_does_not_hold(place: Place, number: int) -> None:
    manifest = place.seal()
    old, new, where = list(forgeries(place))[number]
    altered(manifest, old, new, digest=True)
    found = seal.against(place.root, manifest, place.head)
    assert f"{where} SEAL-07" in codes(found)
    assert {item.code for item in found} == {"SEAL-07"}
