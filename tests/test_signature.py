"""Signatures by SSH keys made for the test: of manifests and of commits, good, bad, by unknown keys, and none."""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kelu import cli, git, starter
from kelu.history import seal, signature
from kelu.history.signature import Signature, SignatureError, Status

WHO = "qa@example.invalid"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a known and an unknown key and a file of allowed signers that names the first."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("known", "unknown"):
        keygen("-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name))
    (folder / "allowed").write_text(f"{WHO} {(folder / 'known.pub').read_text('utf-8')}", "utf-8")
    return folder


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "kelu-manifest.json"
    path.write_text("{}\n", "utf-8")
    return path


def keygen(*args: str) -> str:
    return subprocess.run(["ssh-keygen", *args], check=True, capture_output=True, text=True).stdout


def sign(manifest: Path, key: Path, namespace: str = signature.NAMESPACE) -> None:
    keygen("-Y", "sign", "-n", namespace, "-f", str(key), str(manifest))


def fingerprint(key: Path) -> str:
    return keygen("-l", "-f", str(key)).split()[1]


# --- manifests ---


def test_who_signed_a_manifest(manifest: Path, keys: Path) -> None:
    assert seal.signed(manifest, keys / "allowed") == (Signature(Status.NONE), [])
    sign(manifest, keys / "known")
    assert seal.signed(manifest, keys / "allowed") == (Signature(Status.GOOD, WHO), [])


def test_a_signature_that_does_not_fit(manifest: Path, keys: Path) -> None:
    sign(manifest, keys / "known")
    manifest.write_text("{} \n", "utf-8")
    found, (finding,) = seal.signed(manifest, keys / "allowed")
    assert (found, finding.code, finding.path) == (Signature(Status.BAD), "SEAL-05", manifest.name)
    assert "does not fit" in finding.message.en


def test_a_signature_for_something_else(manifest: Path, keys: Path) -> None:
    sign(manifest, keys / "known", "file")
    assert seal.signed(manifest, keys / "allowed")[0].status is Status.BAD


@pytest.mark.parametrize("allowed", ["allowed", None])
def test_a_signature_by_an_unknown_key(manifest: Path, keys: Path, allowed: str | None) -> None:
    sign(manifest, keys / "unknown")
    found, (finding,) = seal.signed(manifest, keys / allowed if allowed else None)
    assert found == Signature(Status.UNKNOWN, fingerprint(keys / "unknown"))
    assert found.signer in finding.message.zh


def test_a_file_that_is_no_signature(manifest: Path, keys: Path) -> None:
    manifest.with_name(f"{manifest.name}.sig").write_text("no", "utf-8")
    assert seal.signed(manifest, keys / "allowed")[0].status is Status.BAD


def test_an_audit_tells_who_signed(tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, kept = tmp_path / "home", tmp_path / "kept.json"
    who = {f"GIT_{role}_{part}": WHO for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    starter.create(home, datetime.date(2026, 7, 2), author=who)

    def say(*words: str) -> Result:
        return CliRunner().invoke(cli.main, [*words, "--root", str(home), "--lang", "en"], prog_name="kelu")

    assert say("seal", "--output", str(kept)).exit_code == 0
    audit = ("audit", "--against", str(kept), "--allowed-signers", str(keys / "allowed"))
    sign(kept, keys / "known")
    done = say(*audit)
    assert (done.exit_code, f"signed by {WHO}" in done.stderr) == (0, True)
    kept.write_bytes(kept.read_bytes() + b" ")
    done = say(*audit)
    assert (done.exit_code, done.stdout.count("error SEAL-05")) == (1, 2)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    done = say(*audit)
    assert (done.exit_code, "ssh-keygen" in done.stderr) == (2, True)


# --- commits ---


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "home"
    root.mkdir()
    run(root, "init", "-q", "-b", "main")
    return root


def run(root: Path, *args: str) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return subprocess.run(
        ["git", "-c", "user.name=测试", "-c", "user.email=t@example.invalid", "-c", "gpg.format=ssh", *args],
        cwd=root, check=True, capture_output=True, text=True, env=clean | {"GIT_CONFIG_GLOBAL": os.devnull},
    ).stdout.strip()  # fmt: skip


def commit(root: Path, key: Path | None) -> str:
    sign = ("-c", f"user.signingKey={key}") if key else ()
    run(root, *sign, "commit", "-q", "--allow-empty", "-m", "x", *(["-S"] if key else []))
    return run(root, "rev-parse", "HEAD")


def test_who_signed_commits(repository: Path, keys: Path) -> None:
    known, unknown, plain = (commit(repository, key) for key in (keys / "known", keys / "unknown", None))
    raw = git.run(repository, "cat-file", "commit", known).replace(b"\n\nx\n", b"\n\ny\n")
    forged = git.run(repository, "hash-object", "-t", "commit", "-w", "--stdin", stdin=raw).decode().strip()
    wanted = [plain, forged, unknown, known]
    found = signature.signatures(repository, wanted, keys / "allowed")
    assert list(found) == wanted
    assert found[known] == Signature(Status.GOOD, WHO)
    assert found[unknown] == Signature(Status.UNKNOWN, fingerprint(keys / "unknown"))
    assert found[plain] == Signature(Status.NONE)
    assert found[forged].status is Status.BAD
    assert signature.signatures(repository, [known], None)[known].status is Status.UNKNOWN


def test_no_commits_are_not_those_of_the_head(repository: Path) -> None:
    assert signature.signatures(repository, [], None) == {}


def test_what_the_repository_configures_does_not_decide(repository: Path, keys: Path, tmp_path: Path) -> None:
    """Whoever sets up a clone could name another verifier, or signers of his own."""
    unknown = commit(repository, keys / "unknown")
    (tmp_path / "own").write_text(f"{WHO} {(keys / 'unknown.pub').read_text('utf-8')}", "utf-8")
    run(repository, "config", "gpg.ssh.allowedSignersFile", str(tmp_path / "own"))
    run(repository, "config", "gpg.ssh.program", shutil.which("true") or "true")
    assert signature.signatures(repository, [unknown], keys / "allowed")[unknown].status is Status.UNKNOWN


# --- without ssh-keygen ---


def test_nothing_is_verified_without_the_program(
    repository: Path, manifest: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(manifest, keys / "known")
    plain = commit(repository, None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SignatureError, match="ssh-keygen"):
        seal.signed(manifest, keys / "allowed")
    with pytest.raises(SignatureError) as refused:
        signature.signatures(repository, [plain], None)
    assert "OpenSSH" in refused.value.text.zh
