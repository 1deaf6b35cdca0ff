"""Masks: how a direct identifier is shown, and how text that repeats one is cleaned (records.md §0.4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kelu.marks import PERSONAL, may_be_personal
from kelu.schema import Field

MARKS = frozenset({"name", "phone", "email", "address", "im"})

_COMPOUND = re.compile(
    "欧阳|司马|上官|诸葛|夏侯|皇甫|尉迟|公孙|慕容|令狐|长孙|宇文|司徒|司空|东方|独孤|南宫|端木|轩辕|申屠|太史|公羊|澹台|淳于|单于|"
    "太叔|仲孙|濮阳|呼延|拓跋|百里|东郭|西门|第五"
)
# 省/自治区, 市/州/盟/地区, 区/县/旗: a district counts only below a province or city: 幸福小区 is none.
_DISTRICT = re.compile(
    r"(?=[^\d\s]{0,12}?(?:省|自治区|特别行政区|市|自治州|盟))"
    r"(?:[^\d\s]{1,8}?(?:省|自治区|特别行政区))?(?:[^\d\s]{1,10}?(?:市|自治州|地区|盟))?"
    r"(?:[^\d\s]{1,8}?(?:(?<![小社园校厂])区|县|旗|市))?"
)
_PLACE = re.compile(r"\[[0-9]+\]")


def mask(mark: str, value: str) -> str:
    """A direct identifier as it may be shown, by its `x-pii` mark (records.md §0.4)."""
    return _MASKS[mark](value.strip())


def shown(item: Field, value: str) -> str:
    """What a field that holds a direct identifier shows; what it says of an erased person hides nobody."""
    return value if value == item.erased or item.pii is None else mask(item.pii, value)


def mask_name(value: str) -> str:
    """刘晓枫 → 刘**, 欧阳晓 → 欧阳**: the surname only."""
    keep = 2 if len(value) > 2 and _COMPOUND.match(value) else 1
    return f"{value[:keep]}**" if len(value) > 1 else "**"


def mask_phone(value: str) -> str:
    """138-0000-0001 → 138****0001; of a shorter number only its end."""
    digits = re.sub(r"\D", "", value)
    if len(digits) == 13 and digits.startswith("86"):
        digits = digits[2:]
    if len(digits) >= 11:
        return f"{digits[:3]}****{digits[-4:]}"
    return f"****{digits[-2:]}" if len(digits) > 5 else "****"


def mask_email(value: str) -> str:
    """liuxf@example.invalid → l***@example.invalid."""
    local, at, domain = value.rpartition("@")
    return f"{local[:1]}***@{domain}" if at else "***"


def mask_address(value: str) -> str:
    """An address down to its district; nothing of it when no district can be told apart."""
    found = _DISTRICT.match(value)
    return f"{found.group()}**" if found and found.group() else "**"


_MASKS: Mapping[str, Callable[[str], str]] = {
    "name": mask_name,
    "phone": mask_phone,
    "email": mask_email,
    "address": mask_address,
    "im": lambda value: "***",
}


def mask_text(text: str, known: Identifiers) -> str:
    """Free text without mobile numbers, 18-digit identity numbers, mail addresses and known identifiers."""
    text = known.hide(text)
    return PERSONAL.sub(lambda hit: _mask_hit(hit.group()), text) if may_be_personal(text) else text


def _mask_hit(value: str) -> str:
    if "@" in value:
        return mask_email(value)
    return mask_phone(value) if len(re.sub(r"\D", "", value)) in (11, 13) else "****"


@dataclass(frozen=True, slots=True)
class Identifiers:
    """Every direct identifier the records hold, with the mask it is replaced by wherever text repeats it."""

    masks: Mapping[str, str]
    _heads: Mapping[str, tuple[int, ...]] = field(default_factory=dict, repr=False, compare=False)
    _begins: re.Pattern[str] | None = field(default=None, repr=False, compare=False)  # where one may begin

    @classmethod
    def of(cls, found: Iterable[tuple[str, str]]) -> Identifiers:
        """From pairs of (mark, value); values of one character are left alone."""
        return cls.hidden({value: mask(mark, value) for mark, value in found if len(value) > 1})

    @classmethod
    def hidden(cls, masks: Mapping[str, str]) -> Identifiers:
        """Those, of two characters or more, of which it is known how each is masked."""
        heads: dict[str, set[int]] = {}
        nexts: dict[str, set[str]] = {}
        for value in masks:
            heads.setdefault(value[0], set()).add(len(value))
            nexts.setdefault(value[0], set()).add(value[1])
        pairs = (f"{re.escape(head)}(?=[{re.escape(''.join(sorted(nexts[head])))}])" for head in sorted(nexts))
        found = re.compile("|".join(pairs)) if masks else None
        return cls(masks, {head: tuple(sorted(sizes, reverse=True)) for head, sizes in heads.items()}, found)

    def hide(self, text: str) -> str:
        """`text` with every known identifier masked. Cost grows with the text, not with the number known."""
        if self._begins is None:
            return text
        out: list[str] = []
        start = 0
        for begin in self._begins.finditer(text):
            at = begin.start()
            if at < start:  # inside what is masked already
                continue
            for size in self._heads[text[at]]:
                masked = self.masks.get(text[at : at + size])
                if masked is not None:
                    out += (text[start:at], masked)
                    start = at + size
                    break
        return "".join((*out, text[start:])) if out else text


def is_personal(item: Field) -> bool:
    """Whether a field holds direct identifiers, or a part of it does."""
    return item.pii in MARKS or any(map(is_personal, item.children))


def personal_values(fields: Sequence[Field], data: Any) -> Iterator[tuple[str, str]]:
    """Pairs (mark, value) of the direct identifiers in a record or a part of one, as far as it has today's shape, with
    those that a correction took away or put in their place."""
    if not isinstance(data, Mapping):
        return
    yield from _corrected(fields, data)
    for item in fields:
        value = data.get(item.name)
        if not value:
            continue
        if item.pii in MARKS:
            yield from ((item.pii, text) for text in _strings(value) if text != item.erased)
        elif item.children:
            for part in value if isinstance(value, list) else [value]:
                yield from personal_values(item.children, part)


def _corrected(fields: Sequence[Field], data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What corrections say of fields that hold direct identifiers; they quote the values as plain text."""
    entries = data.get("corrections")
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, Mapping):
            continue
        inside: Sequence[Field] = fields
        leaf: Field | None = None
        for step in _PLACE.sub("", str(entry.get("field", ""))).split("."):
            leaf = next((item for item in inside if item.name == step), None)
            inside = leaf.children if leaf else ()
        if leaf is not None and leaf.pii in MARKS:
            told = (str(entry[key]).strip() for key in ("from", "to") if entry.get(key))
            yield from ((leaf.pii, text) for text in told if text != leaf.erased)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    for item in value if isinstance(value, list) else [value]:
        yield str(item).strip()
