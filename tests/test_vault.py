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


# --- text that repeats what is kept ----------------------------------------------------------------------

KNOWN = vault.Known(
    vault.Vault(
        {
            "CUS-0001/C01": {"phone": "0571-8888-0001", "email": "Liuxf@example.invalid", "im": "wx_liuxf"},
            "CUS-0001/C02": {"phone": "+86 138-0000-0002", "address": "星河省云州市 青山区软件园路8号"},
            "CUS-0001/C03": {"phone": "0571-88880003转8001", "im": "工作群里的小梁", "address": "云州市"},
            "CUS-0001/C04": {"phone": "95500"},
        }
    )
)


@pytest.mark.parametrize(
    "text",
    [
        "请拨 0571-88880001 联系", "请拨 0571 8888 0001", "请拨（0571）8888·0001。", "请拨０５７１－８８８８－０００１",
        "+86 571 8888 0001", "请拨138 0000 0002", "请拨 138.0000.0002", "8613800000002", "1380000000213800000009",
        "0571-88880003", "邮箱 LIUXF＠EXAMPLE.INVALID", "liuxf(at)example.invalid", "liuxf # example.invalid",
        "加微信WX_Liuxf即可", "送到云州市，星河省云州市青山区 软件园路8号3楼", "找工作群里的小梁",
    ],
)  # fmt: skip
def test_text_that_repeats_it_is_found_however_it_is_written(text: str) -> None:
    assert KNOWN.in_text(text)


@pytest.mark.parametrize(
    "text",
    ["", "客户刘晓枫来电", "云州市网络中断", "工单 ITSM-20260302-011", "热线 95500", "金额 880001 元", "0571-8888-0009",
     "liuxf@example.org", "wx_liuxf2 与 my_wx_liuxf", "软件园路18号", "2026-03-02 08:00 至 2026-03-02 18:00"],
)  # fmt: skip
def test_other_text_is_left_alone(text: str) -> None:
    assert not KNOWN.in_text(text)


def test_the_name_of_a_thing_may_be_a_place_but_no_number() -> None:
    assert not KNOWN.in_name("星河省云州市青山区软件园路8号")
    assert KNOWN.in_name("服务台 0571 8888 0001")
