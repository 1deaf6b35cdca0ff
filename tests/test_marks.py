"""Marks: what in free text is a person's number or address, and what only looks like one (records.md §0.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kelu.marks import PERSONAL, may_be_personal


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("回信至 liuxf@example.invalid。", "liuxf@example.invalid"),
        ("邮箱li.xf+a@mail.example.cn，", "li.xf+a@mail.example.cn"),
        ("number_1@163.com", "number_1@163.com"),
        ("a@b-c.co", "a@b-c.co"),
        ("x@xn--fiq228c.xn--fiqs8s", "x@xn--fiq228c.xn--fiqs8s"),
        ("x@V1.example", "x@V1.example"),
        ("电话 138-0000-0009", "138-0000-0009"),
        ("+86 13800000009", "13800000009"),
        ("证件 11010119900101123X", "11010119900101123X"),
    ],
)
def test_personal(text: str, found: str) -> None:
    hit = PERSONAL.search(text)
    assert hit is not None
    assert hit.group() == found
    assert may_be_personal(text)


@pytest.mark.parametrize(
    "text",
    [
        "按 tfdl-08-03@V1.2 执行",
        "tfdl-08-04@V1.2、sd-02004@V1.0、gsb-141.03@A0、csp-14@A0、practice@1",
        "由 own@2.0.1 改为 own@V10.11",
        "见@所有人",
        "a@b",
        "编号 INC-2026-00057、合同 XH-YW-2026-01",
        "1380000000",
    ],
)
def test_not_personal(text: str) -> None:
    assert PERSONAL.search(text) is None


def test_every_shipped_pack_may_be_named_in_prose() -> None:
    from repository import rulebook

    assert [name for name in rulebook().policy.packs if PERSONAL.search(f"改用{name}，自下月起")] == []


@given(st.text("aV@.-012x １٣Xé", max_size=30))
def test_the_quick_look_misses_nothing(text: str) -> None:
    assert may_be_personal(text) or PERSONAL.search(text) is None


def test_no_script_hides_its_digits() -> None:
    """What Python counts among `\\d` the quick look must know, whatever Unicode version Python has."""
    digits = [chr(code) for code in range(0x110000) if chr(code).isdecimal()]
    assert len(digits) > 600
    hidden = [digit for digit in digits if not may_be_personal(f"电话 13{digit}12345678") and not digit.isascii()]
    assert hidden == []
    assert may_be_personal("13912345678")
    assert not may_be_personal("，（）：；！？“字”——2026-06-28T08:41:00+08:00")
