"""Observations of the doctor: one line each, with the mend where one is due; and the same as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kelu.finding import Text
from kelu.formats.words import Paint, dump, pair, plain, spoken, unpainted

if TYPE_CHECKING:
    from kelu.doctor import Observation

_LEVELS = {"ok": Text("正常", "ok"), "warn": Text("注意", "warn"), "fail": Text("错误", "fail")}
_ROLES = {"ok": "good", "warn": "warning", "fail": "error"}
_MEND = Text("改法：", "Mend: ")


def text(seen: Sequence[Observation], lang: str = "both", paint: Paint = unpainted) -> str:
    """Each observation opened by its level, its mend below it; a count at the end."""
    lines = []
    for item in seen:
        first, *more = spoken(item.text, lang)
        lines.append(f"{paint(spoken(_LEVELS[item.level], lang)[0], _ROLES[item.level])} {plain(first)}")
        lines += [f"    {paint(plain(words), 'dim')}" for words in more]
        if item.mend:
            lines += [f"    {label}{plain(words)}" for label, words in
                      zip(spoken(_MEND, lang), spoken(item.mend, lang), strict=True)]  # fmt: skip
    count = Counter(item.level.value for item in seen)
    closing = Text(
        f"{count['fail']} 处错误，{count['warn']} 处须注意。", f"To mend: {count['fail']}; to mind: {count['warn']}."
    )
    return "\n".join([*lines, "", *spoken(closing, lang)]) + "\n"


def as_json(seen: Sequence[Observation], lang: str = "both", paint: Paint = unpainted) -> str:
    """`{"observations": [{topic, level, text, mend?}]}`, always in both languages."""
    return dump(
        {
            "observations": [
                {"topic": item.topic, "level": item.level.value, "text": pair(item.text)}
                | ({"mend": pair(item.mend)} if item.mend else {})
                for item in seen
            ]
        }
    )
