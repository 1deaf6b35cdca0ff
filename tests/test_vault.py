"""The vault of contact data: what is read from it, and what happens where it is absent or at fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from kelu import vault

KEPT = """\
contacts:
  "CUS-0001/C01": {phone: "138-0000-0001", email: liuxf@example.invalid}
"""


def put(root: Path, text: str) -> None:
    (root / "private").mkdir(exist_ok=True)
    (root / vault.PATH).write_text(text, "utf-8")


def test_a_person_is_looked_up_by_the_reference(tmp_path: Path) -> None:
    put(tmp_path, KEPT)
    held = vault.load(tmp_path)
    assert held.of("CUS-0001/C01") == {"phone": "138-0000-0001", "email": "liuxf@example.invalid"}
    assert held.of("CUS-0001/C02") == {}
    assert "138" not in repr(held)


def test_without_a_vault_nobody_is_known(tmp_path: Path) -> None:
    assert vault.load(tmp_path).of("CUS-0001/C01") == {}


@pytest.mark.parametrize(
    "text", ["contacts: [", "contacts: [1]\n", "contacts: {a: b}\n", "contacts: {a: {phone: 1}}\n"]
)
def test_a_vault_at_fault_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    put(tmp_path, text)
    with pytest.raises(vault.VaultError) as refused:
        vault.load(tmp_path)
    assert "kelu check" in refused.value.mend.en
