"""Vault: how people's phones, mail addresses and the like are kept out of Git (records.md §0.4).

With `pii_store: vault` in config/policy.yaml a record tells of a listed person only id, name and position; the rest
stands in `private/contacts.yaml`, which Git ignores. Nothing that is published reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kelu.document import parse
from kelu.finding import Text

PATH = "private/contacts.yaml"


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

    def of(self, contact: str) -> Mapping[str, str]:
        """A person's phone, mail address and so on by the name of the field; empty where nothing is kept.

        With `{**person, **vault.of(contact)}`, `person` as the customer's file has him, both settings read alike.
        """
        return self.people.get(contact, {})


def load(root: Path) -> Vault:
    """The vault of a repository; empty where there is none, as in a clone. Raises VaultError where it is at fault."""
    try:
        raw = (root / PATH).read_bytes()
    except FileNotFoundError:
        return Vault()
    data, faults = parse(raw, PATH)
    people = (data or {}).get("contacts", {})
    if faults or not isinstance(people, dict) or not all(map(_is_person, people.values())):
        raise VaultError(
            Text(f"{PATH} 有错误，无法读取。", f"{PATH} is at fault and cannot be read."),
            Text("运行 kelu check 查看每一处。", "kelu check shows each of its faults."),
        )
    return Vault(people)


def _is_person(held: object) -> bool:
    return isinstance(held, dict) and all(isinstance(value, str) for value in held.values())
