"""Signatures: who vouches for a commit or a sealed manifest, by SSH keys and a file of allowed signers.

The one call of ssh-keygen stands here; signatures of commits are verified by git itself, which calls it in turn.
A manifest is signed with `ssh-keygen -Y sign -n kelu-manifest -f KEY FILE`, which writes `FILE.sig`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kelu import git
from kelu.finding import Text

NAMESPACE, ALLOWED = "kelu-manifest", Path("config/allowed_signers")
_PROGRAM = "ssh-keygen"


class SignatureError(Exception):
    """Nothing can be verified here."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class Status(StrEnum):
    """Of a signature: by an allowed signer; not fitting what it signs (or by a revoked key); fitting, but by a key
    that is not (or no longer) allowed; none at all."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Signature:
    """How a signature stands; `signer` is the allowed signer's name, or the key's fingerprint when it is unknown."""

    status: Status
    signer: str = ""


_OF_GIT = {"G": Status.GOOD, "B": Status.BAD, "R": Status.BAD, "N": Status.NONE}  # the others: not known, expired


def signatures(root: Path, shas: Iterable[str], allowed: Path | None) -> dict[str, Signature]:
    """The signature of each commit. Raises SignatureError without ssh-keygen, GitError for an unknown commit."""
    wanted = "".join(f"{sha}\n" for sha in shas)
    if not wanted:
        return {}
    _program()
    said = git.run(
        root, "-c", f"gpg.ssh.program={_PROGRAM}", "-c", f"gpg.ssh.allowedSignersFile={_file(allowed)}",
        "log", "--no-walk=unsorted", "--stdin", "-z", "--no-show-signature", "--format=%H%n%G?%n%GS%n%GF",
        stdin=wanted.encode(),
    )  # fmt: skip
    found = {}
    for item in said.decode("utf-8", "replace").split("\0"):
        if item:
            sha, letter, signer, key = item.split("\n")[:4]
            found[sha] = Signature(_OF_GIT.get(letter, Status.UNKNOWN), signer or key)
    return found


def allowed_in(root: Path) -> Path | None:
    """The file that says who may sign, where the repository has one."""
    file = root / ALLOWED
    return file if file.is_file() else None


@contextmanager
def _allowed(root: Path) -> Iterator[Path | None]:
    """That file for as long as it is read; where nothing is checked out, as HEAD has it."""
    held = [] if git.is_checked_out(root) else git.RevisionTree(root, "HEAD").entries(ALLOWED.as_posix())
    if not held:
        yield allowed_in(root)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, ALLOWED.name)
        file.write_bytes(next(git.blobs(root, [held[0].blob])))
        yield file


def trusted(root: Path, shas: Iterable[str]) -> frozenset[str] | None:
    """Those of the commits that an allowed signer signed; None where the repository names none. Raises as above."""
    with _allowed(root) as file:
        if file is None:
            return None
        found = signatures(root, shas, file)
    return frozenset(sha for sha, signature in found.items() if signature.status is Status.GOOD)


def of_file(signed: Path, allowed: Path | None) -> Signature:
    """The signature that lies beside a manifest as `FILE.sig`. Raises SignatureError without ssh-keygen."""
    beside = signed.with_name(f"{signed.name}.sig")
    if not beside.exists():
        return Signature(Status.NONE)
    content, signature = signed.read_bytes(), ("-n", NAMESPACE, "-s", str(beside))
    known, names = _keygen("find-principals", "-s", str(beside), "-f", _file(allowed))
    for name in names.splitlines() if known else ():
        if _keygen("verify", *signature, "-f", _file(allowed), "-I", name, stdin=content)[0]:
            return Signature(Status.GOOD, name)
    fits, said = _keygen("check-novalidate", *signature, stdin=content)
    return Signature(Status.UNKNOWN, said.rstrip().rpartition(" ")[2]) if fits else Signature(Status.BAD)


def _file(allowed: Path | None) -> str:
    return str(allowed.absolute()) if allowed else os.devnull


def _program() -> str:
    found = shutil.which(_PROGRAM)
    if found is None:
        raise SignatureError(
            Text(
                "没有 ssh-keygen，无法验证签名；请安装 OpenSSH 8.2 或更新的版本。",
                "Signatures cannot be verified without ssh-keygen; install OpenSSH 8.2 or later.",
            )
        )
    return found


def _keygen(command: str, *args: str, stdin: bytes = b"") -> tuple[bool, str]:
    """Whether `ssh-keygen -Y COMMAND` succeeded, and what it said."""
    done = subprocess.run([_program(), "-Y", command, *args], input=stdin, capture_output=True, check=False)
    return done.returncode == 0, done.stdout.decode("utf-8", "replace")
