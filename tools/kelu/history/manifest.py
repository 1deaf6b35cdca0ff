"""Manifest: the file that a history is sealed in, and the default branch as a manifest tells of it.

It is JSON with one entry a line, and the same bytes for the same commit. `chain` holds oldest first
`<commit id, 12 digits> <committed, seconds since 1970> <seconds since authored> <mark>`; `files` holds by folder and
name `<blob> <sha256 of the content> <place in the chain of the last commit that touched it> <how many did>`;
`digest` is the SHA-256 of the lines above its own. A mark stands for a commit's change, author and message.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kelu import git, policy
from kelu.git import log
from kelu.history.index import HistoryError
from kelu.periods import SHANGHAI

FORMAT, NAME = "kelu-manifest/1", "kelu-manifest.json"
FOLDERS = ("records", "schemas", *policy.FOLDERS)
SHORT, DIGEST = 12, '"digest": "sha256:'
_MARK = 8
_PREFIXES = tuple(f"{folder}/" for folder in FOLDERS)


class ManifestError(Exception):
    """A file is no manifest of this format, or no longer says what it said; `state` is a word of SEAL-05."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


@dataclass(frozen=True, slots=True)
class Link:
    """A commit of the default branch: its times in seconds since 1970, the mark of what it did, and, where the commit
    itself is at hand, the files that it touched with their blobs (None: deleted)."""

    sha: str
    committed: int
    authored: int
    mark: str
    touched: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file as it was sealed; `last` is the place in the chain of the commit that touched it last, `times` how many
    commits of the chain did."""

    blob: str
    sha256: str
    last: int
    times: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says; `files` by their paths, empty in a published one."""

    head: str
    tree: str
    time: str
    chain: tuple[Link, ...]
    files: Mapping[str, Sealed]


def read(raw: bytes) -> Manifest:
    """The manifest in a file's bytes. Raises ManifestError when it is none, or its digest does not fit."""
    try:
        data = json.loads(raw)
        if data["format"] != FORMAT:
            raise ManifestError("format")
        body, _, end = raw.rpartition(DIGEST.encode())
        if end != f'{sha256(body)}"\n}}\n'.encode():
            raise ManifestError("digest")
        files = {
            f"{folder}/{name}": Sealed(blob, digest, int(last), int(times))
            for folder, names in data.get("files", {}).items()
            for name, line in names.items()
            for blob, digest, last, times in [line.split(" ")]
        }
        chain = tuple(map(_link, data["chain"]))
        if not data["head"].startswith(chain[-1].sha) or any(file.last >= len(chain) for file in files.values()):
            raise ManifestError("format")
        return Manifest(data["head"], data["tree"], data["time"], chain, files)
    except (ValueError, LookupError, TypeError, AttributeError) as fault:
        raise ManifestError("format") from fault


def _link(line: str) -> Link:
    sha, committed, since, *mark = line.split(" ")
    return Link(sha, int(committed), int(committed) - int(since), "".join(mark))


def links(root: Path, tip: str, after: Collection[str] = (), *, touched: bool = True) -> Iterator[Link]:
    """The default branch up to a commit, oldest first, without what `after` holds. Raises HistoryError where a shallow
    clone cuts it off."""
    if git.is_shallow(root):
        raise HistoryError.shallow()
    if not touched:
        for line in git.run(root, "log", "--first-parent", "--reverse", "--format=%H %ct %at", tip, "--").splitlines():
            sha, committed, authored = line.decode("ascii").split(" ")
            yield Link(sha, int(committed), int(authored), "")
        return
    for commit in log.walk(root, tip, after, first_parent=True):
        changes = sorted((change.path, change.new) for change in commit.changes)
        told = [commit.author.name, commit.author.mail, commit.message, changes]
        mark = sha256(json.dumps(told).encode("ascii"))[:_MARK]
        files = {path: blob for path, blob in changes if path.startswith(_PREFIXES)}
        yield Link(commit.sha, commit.committed, commit.authored, mark, files)


def tree_id(root: Path, sha: str) -> str:
    return git.run(root, "rev-parse", "--verify", "--end-of-options", f"{sha}^{{tree}}").decode("ascii").strip()


def last_touches(chain: Sequence[Link]) -> dict[str, int]:
    return {path: place for place, link in enumerate(chain) for path in link.touched}


def touches(chain: Sequence[Link]) -> Counter[str]:
    return Counter(path for link in chain for path in link.touched)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def named(link: Link) -> str:
    return f"{link.sha[:12]} ({clock_time(link.committed)})"


def clock_time(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(seconds, SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
