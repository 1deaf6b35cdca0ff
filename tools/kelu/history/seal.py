"""Seal: a manifest of the history as it stands, and whether the history still holds what was sealed.

Kept where the writers of the repository cannot reach it, a manifest shows later whether what was sealed is still
there — also in a fresh clone, which no longer holds the commits that were replaced. What a site publishes leaves out
marks and files: whoever guesses a masked telephone number could try his guess against a hash.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from kelu import catalogue, git
from kelu.finding import Finding
from kelu.history import remade, signature
from kelu.history.manifest import (
    DIGEST,
    FOLDERS,
    FORMAT,
    NAME,
    SHORT,
    Link,
    Manifest,
    ManifestError,
    last_touches,
    links,
    named,
    read,
    sha256,
    touches,
    tree_id,
)  # fmt: skip
from kelu.history.signature import Status

__all__ = ["NAME", "against", "published", "seal", "signed"]


def seal(root: Path, commit: git.Commit, *, published: bool = False) -> str:
    """The manifest of a commit; `published` leaves out what could betray masked values.

    Raises HistoryError in a shallow clone, and GitError.
    """
    chain = tuple(links(root, commit.sha, touched=not published))
    tree = git.RevisionTree(root, commit.sha)
    entries = tree.entries(*FOLDERS)
    records = sum(entry.path.startswith("records/") for entry in entries)
    lines = [f"{link.sha[:SHORT]} {link.committed} {link.committed - link.authored} {link.mark}" for link in chain]
    parts = [
        f'"format": {json.dumps(FORMAT)}',
        f'"head": {json.dumps(commit.sha)}',
        f'"tree": {json.dumps(tree_id(root, commit.sha))}',
        f'"time": {json.dumps(commit.time.isoformat())}',
        f'"counts": {json.dumps({"records": records, "commits": _count(root, commit.sha)})}',
        '"chain": [\n' + ",\n".join(json.dumps(line.rstrip()) for line in lines) + "\n]",
    ]
    if not published:
        parts.append('"files": {\n' + ",\n".join(_folders(tree, entries, chain)) + "\n}")
    body = "{\n" + ",\n".join(parts) + ",\n"
    return f'{body}{DIGEST}{sha256(body.encode("ascii"))}"\n}}\n'


def _folders(tree: git.Tree, entries: Sequence[git.Entry], chain: Sequence[Link]) -> Iterator[str]:
    last, times = last_touches(chain), touches(chain)
    held: dict[str, list[str]] = {}
    for entry, content in tree.read(entries):
        folder, _, name = entry.path.rpartition("/")
        said = f"{entry.blob} {sha256(content)} {last[entry.path]} {times[entry.path]}"
        held.setdefault(folder, []).append(f"{json.dumps(name)}: {json.dumps(said)}")
    for folder, files in held.items():
        yield f"{json.dumps(folder)}: {{\n" + ",\n".join(files) + "\n}"


def _count(root: Path, sha: str) -> int:
    return int(git.run(root, "rev-list", "--count", sha, "--"))


# --- holding the present against it ----------------------------------------------------------------------


def against(root: Path, manifest: Path, head: str) -> list[Finding]:
    """What became of the sealed history in that of `head`; nothing when `head` goes on from what was sealed.

    Raises OSError when the file cannot be read, HistoryError in a shallow clone, and GitError.
    """
    try:
        sealed = read(manifest.read_bytes())
    except ManifestError as fault:
        return [catalogue.make("SEAL-05", manifest.name, 1, 1, state=fault.state, signer="")]
    present = tuple(links(root, head, touched=False))
    place = next((place for place, link in enumerate(present) if link.sha == sealed.head), None)
    if place is None:
        return sorted(remade.findings(root, manifest.name, sealed, head))
    return sorted(_differing(root, manifest.name, sealed, present[: place + 1]))


def published(root: Path, manifest: Path, head: str) -> list[Finding]:
    """GH-13: whether the default branch of `head` still holds the head that a site was published from.

    Raises as `against` does.
    """
    try:
        sealed = read(manifest.read_bytes())
    except ManifestError:
        return [catalogue.make("GH-13", manifest.name, 1, 1, state="unreadable", sealed="—", head=head[:12])]
    if any(link.sha == sealed.head for link in links(root, head, touched=False)):
        return []
    state = "aside" if git.is_ancestor(root, sealed.head, head) else "gone"
    told = f"{sealed.head[:12]} ({sealed.time})"
    return [catalogue.make("GH-13", manifest.name, 1, 1, state=state, sealed=told, head=head[:12])]


def signed(manifest: Path, allowed: Path | None) -> tuple[signature.Signature, list[Finding]]:
    """Who signed a manifest (`FILE.sig` beside it) and SEAL-05 when the signature is not good for it.

    `allowed` is a file of allowed signers (ssh-keygen(1)). Raises SignatureError when nothing can verify.
    """
    found = signature.of_file(manifest, allowed)
    if found.status in (Status.GOOD, Status.NONE):
        return found, []
    return found, [catalogue.make("SEAL-05", manifest.name, 1, 1, state=found.status.value, signer=found.signer or "—")]


def _differing(root: Path, name: str, sealed: Manifest, chain: Sequence[Link]) -> Iterator[Finding]:
    """Where a manifest says of a head that is still there what that head does not hold (SEAL-07)."""

    def found(path: str, said: str, held: str) -> Finding:
        return catalogue.make("SEAL-07", path, 1, 1, said=said, held=held, sealed=named(chain[-1]))

    held = tree_id(root, sealed.head)
    if held != sealed.tree:
        yield found(name, sealed.tree, held)
    for said, link in zip(sealed.chain, chain, strict=False):
        if (said.sha, said.committed, said.authored) != (link.sha[:SHORT], link.committed, link.authored):
            yield found(name, f"{said.sha} {said.committed}", f"{link.sha[:SHORT]} {link.committed}")
            break
    else:
        if len(sealed.chain) != len(chain):
            yield found(name, str(len(sealed.chain)), str(len(chain)))
    if not sealed.files:
        return
    tree = git.RevisionTree(root, sealed.head)
    entries = {entry.path: entry for entry in tree.entries(*FOLDERS)}
    for path in sealed.files.keys() - entries.keys():
        yield found(path, sealed.files[path].blob, "—")
    for path in entries.keys() - sealed.files.keys():
        yield found(path, "—", entries[path].blob)
    for entry, content in tree.read(entries[path] for path in sealed.files.keys() & entries.keys()):
        record, digest = sealed.files[entry.path], sha256(content)
        if (record.blob, record.sha256) != (entry.blob, digest):
            yield found(entry.path, record.sha256, digest)
