"""Vault: how people's phones, mail addresses and the like are kept out of Git (records.md §0.4).

With `pii_store: vault` in config/policy.yaml a record tells of the people that it lists who they are; how to reach them
stands in `private/contacts.yaml`, which Git ignores and nobody else on the machine can read. Nothing that is published
reads it.
"""

from __future__ import annotations

import os
import re
import tempfile
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from kelu import document, git, people
from kelu.document import locate, parse
from kelu.finding import Finding, Text
from kelu.schema import Schemas

PATH = "private/contacts.yaml"
FOLDER, SCHEMA = "private", "vault"
_TOP = "# 联系人的电话、邮箱等，只在本机：不进 Git，不要发送或上传。用 kelu vault 和 kelu erase 维护。\n"


class VaultError(Exception):
    """The vault cannot be read. `text` says why, `mend` what to do; neither repeats what stands in it."""

    def __init__(self, text: Text, mend: Text) -> None:
        super().__init__(text.zh)
        self.text = text
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Vault:
    """What is kept apart of each person, by field, under the name by which records refer to him: `CUS-0001/C01`."""

    people: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    raw: bytes = field(default=b"", repr=False)

    def of(self, contact: str) -> Mapping[str, str]:
        """A person's phone, mail address and so on by the name of the field; empty where nothing is kept.

        With `{**person, **vault.of(contact)}`, `person` as the customer's file has him, both settings read alike.
        """
        return self.people.get(contact, {})

    def position(self, contact: str) -> tuple[int, int]:
        """Line and column of a person."""
        return locate(self.raw).key(("contacts", contact))


def load(root: Path) -> Vault:
    """The vault of a repository; empty where there is none, as in a clone. Raises VaultError where it is at fault."""
    raw = _bytes(root)
    data, faults = parse(raw, PATH) if raw else ({"contacts": {}}, [])
    held = (data or {}).get("contacts")
    if faults or not isinstance(held, dict) or not all(map(_is_person, held.values())):
        raise VaultError(
            Text(f"{PATH} 有错误，无法读取。", f"{PATH} is at fault and cannot be read."),
            Text("运行 kelu check 查看每一处。", "kelu check shows each of its faults."),
        )
    return Vault(held, raw)


def examine(root: Path, schemas: Schemas) -> tuple[Vault, list[Finding]]:
    """The vault of a repository as far as it is sound, and what is wrong with it by its schema."""
    raw = _bytes(root) if SCHEMA in schemas.documents else b""
    data, faults = parse(raw, PATH) if raw else ({"contacts": {}}, [])
    if raw and data is not None and not schemas.accepts(SCHEMA, data):
        faults = schemas.explain(SCHEMA, data, PATH, raw)
    return (Vault(), faults) if faults or data is None else (Vault(data["contacts"], raw), [])


def renewed(held: Vault, kept: Mapping[str, Mapping[str, str]], schemas: Schemas) -> bytes:
    """The vault's file after its people became these, with the comments that it has. Raises VaultError."""
    data = {"contacts": {key: dict(kept[key]) for key in sorted(kept) if kept[key]}}
    order = schemas.order(SCHEMA)
    try:
        return document.amend(held.raw, data, order) if held.raw else (_TOP + document.write(data, order)).encode()
    except (AssertionError, ValueError):  # its words may hold what nobody else is to read
        raise VaultError(
            Text(f"未能写成 {PATH}，原文件没有改动。", f"{PATH} could not be written and is as it was."),
            Text("核对填写的内容；再不行，手工修改该文件。", "Look at what was given, or else edit the file by hand."),
        ) from None


def taken_out(
    files: Mapping[str, bytes | None], schemas: Schemas
) -> tuple[dict[str, bytes | None], dict[str, dict[str, str]]]:
    """Record files without the direct identifiers of those whom they list, and these by person. What cannot be read, or
    is no sound record, stays as it is."""
    left, moved = dict(files), dict[str, dict[str, str]]()
    for path, raw in files.items():
        schema = schemas.of_folder(path)
        if raw is None or schema is None or not any(people.lists(schema.fields)):
            continue
        data, _ = parse(raw, path)
        if data is not None and schemas.accepts(schema.name, data):
            rest, found = people.taken_in(schema, data)
            if found:
                left[path] = document.amend(raw, rest, schemas.order(schema.name))
                moved |= found
    return left, moved


def write(root: Path, raw: bytes) -> None:
    """Put a vault in place of the one that is there, at once and for its owner alone."""
    folder = root / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".contacts-", dir=folder)  # which nobody else can read from the first
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(raw)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(root / PATH)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _bytes(root: Path) -> bytes:
    try:
        return (root / PATH).read_bytes()
    except FileNotFoundError:
        return b""


def _is_person(held: object) -> bool:
    return isinstance(held, dict) and all(isinstance(value, str) for value in held.values())


# --- whether it stays where it is ------------------------------------------------------------------------


def tracked(root: Path) -> list[str]:
    """The files of the folder that Git keeps, although it must not."""
    return git.tracked(root, FOLDER) if git.is_repository(root) else []


def is_ignored(root: Path) -> bool:
    """Whether Git leaves the vault out of what is added."""
    try:
        return bool(git.run(root, "check-ignore", "--no-index", "--", PATH))
    except git.GitError:
        return False


def is_open(root: Path) -> bool:
    """Whether others on the machine may read the vault."""
    try:
        modes = [(root / FOLDER).stat().st_mode, (root / PATH).stat().st_mode]
    except FileNotFoundError:
        return False
    return os.name == "posix" and all(mode & 0o077 for mode in modes)


# --- what text repeats of it -----------------------------------------------------------------------------

_NUMBER = re.compile(r"[0-9](?:[\s\-.()·‐-―−/]{0,3}[0-9]){4,}")
_MAIL = re.compile(r"([a-z0-9._%+-]+)\s?(?:@|#|[(\[<{]\s?(?:at|@)\s?[)\]>}])\s?([a-z0-9-]+(?:\.[a-z0-9-]+)+)")
_WORD = re.compile(r"[a-z0-9_-]{5,}")
_LONG = 10  # digits of a number that is unmistakable inside a longer one
_HEAD = 5  # characters by which other text is looked up


class Known:
    """Finds what a vault keeps in text, however it is written: with other separators, full-width, in capitals.

    Numbers of fewer than seven digits and values of fewer than five characters are left alone: text may hold them by
    chance. So are names, which records keep.
    """

    def __init__(self, vault: Vault) -> None:
        self._numbers: set[str] = set()
        self._words: set[str] = set()
        self._texts: dict[str, list[str]] = {}
        for value in {value for person in vault.people.values() for value in person.values()}:
            folded = _folded(value)
            number = folded.partition("转")[0]  # an extension is no part of it
            digits = re.sub("[^0-9]", "", number)
            core = digits.removeprefix("86" if len(digits) > 11 else "").removeprefix("0")
            if not re.search("[^0-9 +()./-]", number):
                self._numbers.update([core] if len(core) >= 7 else [])
            elif mail := _MAIL.fullmatch(folded):
                self._words.add("@".join(mail.groups()))
            elif _WORD.fullmatch(folded):
                self._words.add(folded)
            elif len(close := re.sub(r"\s", "", folded)) >= _HEAD:
                self._texts.setdefault(close[:_HEAD], []).append(close)

    def in_text(self, text: str) -> bool:
        """Whether a text holds anything of the vault."""
        if self.in_name(text):
            return True
        close = re.sub(r"\s", "", _folded(text)) if self._texts else ""
        heads = self._texts.keys() & {close[at : at + _HEAD] for at in range(len(close) - _HEAD + 1)}
        return any(whole in close for head in heads for whole in self._texts[head])

    def in_name(self, text: str) -> bool:
        """Whether what should name a thing holds a number or an account of the vault. A place it may well name."""
        folded = _folded(text)
        for found in _NUMBER.finditer(folded):
            digits = re.sub("[^0-9]", "", found.group())
            if any(digits[start:end] in self._numbers for start, end in _spans(len(digits))):
                return True
        if any("@".join(found.groups()) in self._words for found in _MAIL.finditer(folded)):
            return True
        return any(found.group() in self._words for found in _WORD.finditer(folded))


def _spans(size: int) -> list[tuple[int, int]]:
    """Where in a run of digits a known number may stand: at its end behind a prefix, or anywhere if it is long."""
    ends = [(start, size) for start in range(min(4, size))]
    return ends + [(at, at + long) for long in range(_LONG, 13) for at in range(size - long + 1)]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
