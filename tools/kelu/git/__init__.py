"""Git: the only door to the git program, and the trees of files that records are read from.

A tree is the work tree as it stands, or the files of a revision; both list paths with their blob ids and hand
out bytes, so that whatever reads records need not know which it has. Output is NUL-separated and inherited
`GIT_*` variables are dropped, so a hook's environment cannot redirect a command.
"""

from __future__ import annotations

import bisect
import contextlib
import datetime
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

REGULAR, EXECUTABLE, SYMLINK = "100644", "100755", "120000"
_MAX_READ = 64 * 1024 * 1024
_META = 47  # letters of `mode blob` before a path
_AT_ONCE = 4000  # blobs that are in memory at the same time
# As git itself fetches for a partial clone: no blob that is not named, no branch, no tag.
FETCH = (
    "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--recurse-submodules=no",
    "--filter=blob:none",
)  # fmt: skip


class GitError(Exception):
    """Git refused or is not there; the message is git's own, without paths of this machine where git gives none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a tree: path with `/`, blob id (hex), mode as Git writes it."""

    path: str
    blob: str
    mode: str = REGULAR


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit's id and committer time (aware)."""

    sha: str
    time: datetime.datetime


Said = TypeVar("Said")
Ends = tuple["Entry | None", "Entry | None"]  # a file before and after


class Tree(Protocol):
    """Files under some folders, wherever they come from."""

    def entries(self, *folders: str) -> list[Entry]:
        """Every file below the folders, ordered by path."""

    def lines(self, folder: str) -> list[str]:
        """Every file below a folder as `mode blob<TAB>path`, ordered by path: what `entries` says, in less time."""

    def read(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, bytes]]:
        """Each entry with its content, in the order asked for."""

    @property
    def directory(self) -> Path | None:
        """Where the files lie on disk, if they do: other processes may then read them themselves."""


def run(root: Path, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
    """Standard output of `git ARGS` in `root`. Raises GitError with git's message when it fails."""
    return _output(_started(root, args, env), stdin)


def said(root: Path, *args: str) -> str:
    """What `git ARGS` says beside its output: a push, for one, where to open a pull request. Raises GitError."""
    with _started(root, args) as process:
        _, words = process.communicate()
    if process.returncode:
        raise GitError(words.decode("utf-8", "replace").strip() or "git failed")
    return words.decode("utf-8", "replace")


def together(root: Path, *commands: Sequence[str]) -> list[bytes]:
    """Standard output of several git commands that run at the same time. Raises GitError when one fails."""
    outputs: list[bytes] = []
    refused: list[GitError] = []
    for process in [_started(root, command) for command in commands]:
        try:
            outputs.append(_output(process))
        except GitError as fault:
            refused.append(fault)
    if refused:
        raise refused[0]
    return outputs


def _started(
    root: Path, args: Sequence[str], env: Mapping[str, str] | None = None, stdin: IO[bytes] | int = subprocess.PIPE,
    stdout: IO[bytes] | int = subprocess.PIPE, errors: IO[bytes] | int = subprocess.PIPE,
) -> subprocess.Popen[bytes]:  # fmt: skip
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    clean |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
    clean |= {"GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.devnull}  # nothing shown in another's place
    clean |= env or {}
    command = ["git", "-c", "core.quotepath=off", "-c", "advice.graftFileDeprecated=false", *args]
    try:
        return subprocess.Popen(command, cwd=root, env=clean, stdin=stdin, stdout=stdout, stderr=errors)
    except FileNotFoundError as missing:
        raise GitError("git is not installed") from missing


def _output(process: subprocess.Popen[bytes], stdin: bytes = b"") -> bytes:
    with process:
        out, said = process.communicate(stdin)
    if process.returncode:
        raise GitError(said.decode("utf-8", "replace").strip() or "git failed")
    return out


def spread(root: Path, *args: str, inputs: Sequence[bytes]) -> Iterator[bytes]:
    """The NUL-ended pieces of what `git ARGS` says to each of some inputs, in their order. All run at the same time; at
    no time is all of their output in memory. Raises GitError when one fails."""
    with contextlib.ExitStack() as files:
        running = []
        for text in inputs:
            given, said, errors = (files.enter_context(tempfile.TemporaryFile()) for _ in range(3))
            given.write(text)
            given.seek(0)
            running.append((_started(root, args, stdin=given, stdout=said, errors=errors), said, errors))
        try:
            for process, said, errors in running:
                if process.wait():
                    errors.seek(0)
                    raise GitError(errors.read().decode("utf-8", "replace").strip() or "git failed")
                said.seek(0)
                rest = b""
                while part := said.read(1 << 20):
                    *whole, rest = (rest + part).split(b"\0")
                    yield from whole
                if rest:
                    yield rest
        finally:
            for process, _, _ in running:
                process.kill()
                process.wait()


def blobs(root: Path, names: Sequence[str]) -> Iterator[bytes]:
    """The content of each blob, in the order asked for, some thousands at a time. Raises GitError where one is not
    there; a clone without blobs fetches them first."""
    fetch_blobs(root, names)
    for start in range(0, len(names), _AT_ONCE):
        wanted = names[start : start + _AT_ONCE]
        stream = run(root, "cat-file", "--batch", "--buffer", stdin="".join(f"{name}\n" for name in wanted).encode())
        at = 0
        for name in wanted:
            end = stream.index(b"\n", at)
            head = stream[at:end].split(b" ")
            if len(head) != 3:
                raise GitError(f"no such object: {name}")
            size = int(head[2])
            yield stream[end + 1 : end + 1 + size]
            at = end + 2 + size


@cache
def promisor(root: Path) -> str | None:
    """The remote that a partial clone gets what it lacks from; None in a whole clone."""
    try:
        told = run(root, "config", "-z", "--get-regexp", r"^remote\..*\.promisor$").decode("utf-8", "replace")
    except GitError:
        return None
    name = told.partition("\0")[0].partition("\n")[0]
    return name.removeprefix("remote.").removesuffix(".promisor")


def missing(root: Path, names: Iterable[str]) -> list[str]:
    """Those of some objects that a partial clone has not got; none in a whole one. Asks nobody for them."""
    if promisor(root) is None:
        return []
    there = run(root, "cat-file", "--batch-all-objects", "--unordered", "--buffer", "--batch-check=%(objectname)")
    return sorted(set(names).difference(there.decode().split()))


def fetch_blobs(root: Path, names: Iterable[str]) -> None:
    """Have a partial clone hold some blobs: all that it lacks at once, where git would fetch one by one.

    Raises GitError when the remote does not give them.
    """
    wanted, remote = missing(root, names), promisor(root)
    if wanted and remote is not None:
        # What is held says nothing of blobs, so the remote is not told of it.
        run(root, "-c", "fetch.negotiationAlgorithm=noop", *FETCH, "--stdin", remote,
            stdin="".join(f"{name}\n" for name in wanted).encode())  # fmt: skip


def is_repository(root: Path) -> bool:
    """Whether `root` is the top of a Git work tree."""
    return (root / ".git").exists()


def tracks(root: Path, path: str) -> bool:
    """Whether a file, or any below a folder, is in Git."""
    return is_repository(root) and bool(tracked(root, path))


def tracked(root: Path, path: str) -> list[str]:
    """The files in Git at a path or below it."""
    listing = ("ls-files", "-z") if is_checked_out(root) else ("ls-tree", "-r", "-z", "--name-only", "HEAD")
    return _split(run(root, *listing, "--", path))


def is_checked_out(root: Path) -> bool:
    """Whether the files of a repository lie here; not so after `git clone --no-checkout`, which leaves no index."""
    if not is_repository(root) or (root / ".git/index").exists():
        return True
    if (root / os.fsdecode(run(root, "rev-parse", "--git-path", "index").rstrip(b"\n"))).exists():
        return True
    try:
        names = _split(run(root, "ls-tree", "-z", "--name-only", "HEAD"))
    except GitError:  # no commit yet
        return True
    return not names or any(os.path.lexists(root / name) for name in names)


def here(root: Path) -> WorkTree | RevisionTree:
    """The files that stand in a repository: those that lie there, or where none is checked out those of HEAD, which
    nobody has deleted."""
    return WorkTree(root, {}) if is_checked_out(root) else RevisionTree(root, "HEAD")


def head(root: Path, revision: str = "HEAD") -> Commit | None:
    """The commit a revision names, or None when there is none (no repository, no commit, no such name)."""
    if not is_repository(root):
        return None
    try:
        sha, stamp = run(root, "log", "-1", "--format=%H %cI", "--end-of-options", revision, "--").decode().split()
    except (GitError, ValueError):
        return None
    return Commit(sha, datetime.datetime.fromisoformat(stamp))


def version(root: Path) -> tuple[int, ...]:
    """The version of the git program. Raises GitError when there is none."""
    words = run(root, "version").decode("utf-8", "replace").split()
    return tuple(int(part) for part in words[2].split(".") if part.isdigit())


def setting(root: Path, name: str) -> str | None:
    """What a setting such as `user.email` is, if it is set."""
    try:
        return run(root, "config", "--get", name).decode("utf-8", "replace").strip() or None
    except GitError:
        return None


def is_shallow(root: Path) -> bool:
    """Whether history is cut off (GH-02)."""
    return run(root, "rev-parse", "--is-shallow-repository").strip() == b"true"


def is_ancestor(root: Path, older: str, newer: str) -> bool:
    """Whether every commit of `older` is in `newer`."""
    try:
        run(root, "merge-base", "--is-ancestor", older, newer)
    except GitError:
        return False
    return True


def merged_tree(root: Path, ours: str, theirs: str) -> tuple[str, list[str]]:
    """The tree that merging two revisions gives, and the paths on which they conflict."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | {"LC_ALL": "C"}
    done = subprocess.run(
        ["git", "merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", "--allow-unrelated-histories",
         ours, theirs],
        cwd=root, env=clean, capture_output=True,
    )  # fmt: skip
    if done.returncode not in (0, 1):
        raise GitError(done.stderr.decode("utf-8", "replace").strip())
    tree, *paths = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    return tree, sorted({path for path in paths if path})


def snapshot(root: Path) -> str:
    """A commit of the work tree as it stands, new files too, on top of HEAD; neither index nor branch is touched.
    HEAD itself, where nothing is checked out."""
    if not is_checked_out(root):
        return run(root, "rev-parse", "HEAD").decode().strip()
    with tempfile.TemporaryDirectory() as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        index = root / os.fsdecode(run(root, "rev-parse", "--git-path", "index").rstrip(b"\n"))
        shutil.copyfile(index, env["GIT_INDEX_FILE"])
        run(root, "add", "--all", env=env)
        tree = run(root, "write-tree", env=env).decode().strip()
    who = ("-c", "user.name=kelu", "-c", "user.email=kelu@example.invalid")
    return run(root, *who, "commit-tree", tree, "-p", "HEAD", "-m", "work tree").decode().strip()


def blob_id(content: bytes) -> str:
    """The id Git gives a blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class WorkTree:
    """The files as they lie on disk: unchanged ones by the ids of Git's index, others hashed.

    With `told`, what Git once said holds: for who asks more than once and writes nothing in between. What differs is
    then asked of all folders at once.
    """

    root: Path
    told: dict[tuple[str, ...], Any] | None = field(default=None, compare=False, repr=False)

    @property
    def directory(self) -> Path | None:
        return self.root

    def entries(self, *folders: str) -> list[Entry]:
        """Tracked and new files (ignored ones left out); without Git, every file found."""
        present = [name for name in folders if os.path.lexists(self.root / name)]
        if not present:
            return []
        if not is_repository(self.root):
            return sorted((self._fresh(path) for path in self._walk(present)), key=_path)
        tracked, changes = self._asked(folders)
        found = {entry.path: entry for entry in map(entry_of, tracked)}
        for path, (_, new) in changes.items():
            if new is None:
                found.pop(path, None)
            else:
                found[path] = new
        return sorted(found.values(), key=_path)

    def lines(self, folder: str) -> list[str]:
        if not os.path.lexists(self.root / folder) or not is_repository(self.root):
            return list(map(line_of, self.entries(folder)))
        tracked, changes = self._asked((folder,))
        if not changes:
            return tracked
        found = [line for line in tracked if line[_META + 1 :] not in changes]
        for _, new in changes.values():
            if new is not None:
                bisect.insort(found, line_of(new), key=path_of)
        return found

    def since(self, revision: str, *folders: str) -> dict[str, Ends]:
        """The files that are not what they were at a revision, with what they were and are."""

        def staged(*folders: str) -> dict[str, Ends]:
            return _differences(run(self.root, "diff-index", "--cached", "-z", "--no-renames", "--no-abbrev",
                                    "--ignore-submodules", revision, "--", *folders))  # fmt: skip

        found = staged(*folders) if self.told is None else _below(folders, self._once(("since", revision), staged))
        for path, (indexed, new) in self._changes(folders).items():
            found[path] = (found[path][0] if path in found else indexed, new)
        return {path: (old, new) for path, (old, new) in sorted(found.items()) if old != new}

    def ask_ahead(self, *folders: str) -> None:
        """Ask Git now what differs, and what there is in some folders; for who has something else to do meanwhile."""
        if self.told is not None and is_repository(self.root):
            self._changes(())
            if folders:
                self._asked(folders)

    def read(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, bytes]]:
        for entry in entries:
            yield entry, read_file(self.root / entry.path)

    def _asked(self, folders: tuple[str, ...]) -> tuple[list[str], dict[str, Ends]]:
        """The files of the index, and those that differ from it or are new."""

        def files() -> list[str]:
            listed = _split(run(self.root, "ls-files", "-s", "-z", "--", *folders))
            return [line[:_META] + line[_META + 2 :] for line in listed if line[_META + 1] == "0"]

        return self._once(("files", *folders), files), self._changes(folders)

    def _changes(self, folders: Sequence[str]) -> dict[str, Ends]:
        if self.told is None:
            return self._differing(*folders)
        return _below(folders, self._once(("changes",), self._differing))

    def _differing(self, *folders: str) -> dict[str, Ends]:
        changed, others = together(
            self.root,
            ("diff-files", "-z", "--no-abbrev", "--ignore-submodules", "--", *folders),
            ("ls-files", "-o", "--exclude-standard", "-z", "--", *folders),
        )
        changes = _differences(changed)
        for path in {*changes, *_split(others)}:
            there = os.path.lexists(self.root / path)
            changes[path] = (changes.get(path, (None, None))[0], self._fresh(path) if there else None)
        return changes

    def _once(self, key: tuple[str, ...], ask: Callable[[], Said]) -> Said:
        if self.told is None:
            return ask()
        if key not in self.told:
            self.told[key] = ask()
        said: Said = self.told[key]
        return said

    def _walk(self, folders: Iterable[str]) -> Iterator[str]:
        for folder in folders:
            for directory, names, files in os.walk(self.root / folder):
                links = [name for name in names if Path(directory, name).is_symlink()]
                for name in files + links:
                    yield Path(directory, name).relative_to(self.root).as_posix()

    def _fresh(self, path: str) -> Entry:
        full = self.root / path
        if full.is_symlink():
            return Entry(path, blob_id(os.fsencode(full.readlink())), SYMLINK)
        return Entry(path, blob_id(read_file(full)))


def read_file(path: Path | str) -> bytes:
    """A file's bytes, cut at a size far above any limit so that a huge file cannot fill the memory."""
    with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - a quarter of the time, and there are many files
        size = os.fstat(stream.fileno()).st_size
        return (stream.read(_MAX_READ) if size > _MAX_READ else stream.read()) or b""


@dataclass(frozen=True, slots=True)
class RevisionTree:
    """The files of a commit or tree object, read in one batch."""

    root: Path
    revision: str

    @property
    def directory(self) -> Path | None:
        return None

    def entries(self, *folders: str) -> list[Entry]:
        return sorted(map(entry_of, self._listed(folders)), key=_path)

    def lines(self, folder: str) -> list[str]:
        return self._listed((folder,))

    def since(self, revision: str, *folders: str) -> dict[str, Ends]:
        """The files that are not what they were at a revision, with what they were and are."""
        return _differences(run(self.root, "diff-tree", "-r", "-z", "--no-renames", "--no-abbrev",
                                "--ignore-submodules", revision, self.revision, "--", *folders))  # fmt: skip

    def _listed(self, folders: Sequence[str]) -> list[str]:
        # Not by --format, which puts odd names in quotes whatever -z says.
        found = _split(run(self.root, "ls-tree", "-r", "-z", "--full-tree", self.revision, "--", *folders))
        return [line[:7] + line[7:].partition(" ")[2] for line in found]

    def read(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, bytes]]:
        wanted = list(entries)
        yield from zip(wanted, blobs(self.root, [entry.blob for entry in wanted]), strict=True)


@dataclass(frozen=True, slots=True)
class MemoryTree:
    """Files held in memory: a tree with some of its files replaced, as tests and drafts need."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    modes: Mapping[str, str] = field(default_factory=dict)

    @property
    def directory(self) -> Path | None:
        return None

    def entries(self, *folders: str) -> list[Entry]:
        return [
            Entry(path, blob_id(content), self.modes.get(path, REGULAR))
            for path, content in sorted(self.files.items())
            if any(path == name or path.startswith(f"{name}/") for name in folders)
        ]

    def lines(self, folder: str) -> list[str]:
        return list(map(line_of, self.entries(folder)))

    def read(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, bytes]]:
        for entry in entries:
            yield entry, self.files[entry.path]


@dataclass(frozen=True, slots=True)
class Overlay:
    """A tree with some files added or replaced, or gone (None): what it would be if they were written."""

    tree: Tree
    files: Mapping[str, bytes | None]

    @property
    def directory(self) -> Path | None:
        return None

    def entries(self, *folders: str) -> list[Entry]:
        kept = [entry for entry in self.tree.entries(*folders) if entry.path not in self.files]
        return sorted([*kept, *self._ours.entries(*folders)], key=_path)

    def lines(self, folder: str) -> list[str]:
        return list(map(line_of, self.entries(folder)))

    def read(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, bytes]]:
        for ours, group in groupby(entries, key=lambda entry: entry.path in self.files):
            yield from (self._ours if ours else self.tree).read(group)

    @property
    def _ours(self) -> MemoryTree:
        return MemoryTree({path: content for path, content in self.files.items() if content is not None})


def _below(folders: Sequence[str], files: Mapping[str, Ends]) -> dict[str, Ends]:
    """Those of some files that are in folders, or are among them; of none, all."""
    if not folders:
        return dict(files)
    inside = tuple(f"{name}/" for name in folders)
    return {path: ends for path, ends in files.items() if path in folders or path.startswith(inside)}


def _split(output: bytes) -> list[str]:
    return [line for line in output.decode("utf-8", "surrogateescape").split("\0") if line]


def _path(entry: Entry) -> str:
    return entry.path


def tree_id(lines: Iterable[str], folder: str) -> str:
    """The id Git gives the tree of a folder that holds these files, told as `Tree.lines` does."""
    inside: dict[str, list[tuple[bytes, bytes]]] = {folder: []}
    for line in lines:
        place, _, name = line[_META + 1 :].rpartition("/")
        if place not in inside:
            inside[place] = []
        raw = name.encode("utf-8", "surrogateescape")
        inside[place].append((raw, line[:6].encode() + b" " + raw + b"\0" + bytes.fromhex(line[7:_META])))
    for place in list(inside):  # folders that hold folders only
        while place != folder and (place := place.rpartition("/")[0]) not in inside:
            inside[place] = []
    found = b""
    for place in sorted(inside, key=lambda name: name.count("/"), reverse=True):
        content = b"".join(piece for _, piece in sorted(inside[place]))
        found = hashlib.sha1(b"tree %d\0" % len(content) + content, usedforsecurity=False).digest()
        above, _, name = place.rpartition("/")
        if place != folder:
            raw = name.encode("utf-8", "surrogateescape")
            inside[above].append((raw + b"/", b"40000 " + raw + b"\0" + found))
    return found.hex()


def tree_of(root: Path, revision: str, folder: str) -> str | None:
    """The id of the tree of a folder at a revision; None where there is none."""
    try:
        said = run(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}:{folder}")
    except GitError:
        return None
    return said.decode().strip()


def entry_of(line: str) -> Entry:
    """The entry that a line of `Tree.lines` stands for."""
    return Entry(line[_META + 1 :], line[7:_META], line[:6])


def line_of(entry: Entry) -> str:
    """An entry as `Tree.lines` has it."""
    return f"{entry.mode} {entry.blob}\t{entry.path}"


def path_of(line: str) -> str:
    """The path in a line of `Tree.lines`."""
    return line[_META + 1 :]


def _differences(raw: bytes) -> dict[str, Ends]:
    """What `git diff-tree --raw -z` and its like say: each path with the file before and after."""
    found: dict[str, Ends] = {}
    pieces = iter(_split(raw))
    for meta in pieces:
        path = next(pieces)
        before, after, old, new, _ = meta[1:].split(" ")
        found[path] = (
            None if set(before) == {"0"} else Entry(path, old, before),
            None if set(after) == {"0"} else Entry(path, new, after),
        )
    return found
