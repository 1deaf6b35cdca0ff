"""Words: what all formats share — languages, paint, and words that cannot act."""

from __future__ import annotations

import json
from collections.abc import Callable

from kelu import catalogue
from kelu.finding import Text

Paint = Callable[[str, str], str]  # (words, role) -> words; roles: error warning good path code dim


def plain(words: str) -> str:
    """The words on one line; every character that a terminal or a log would act upon is written as an escape."""
    return catalogue.shown(words.strip(), len(words) * 10 + 1)


def unpainted(words: str, role: str) -> str:
    """The words as they are."""
    return words


def spoken(words: Text, lang: str) -> list[str]:
    """The words in the languages asked for (zh, en or both), Chinese first."""
    return {"zh": [words.zh], "en": [words.en], "both": [words.zh, words.en]}[lang]


def pair(words: Text) -> dict[str, str]:
    """The words in both languages, for JSON."""
    return {"zh": words.zh, "en": words.en}


def dump(data: object) -> str:
    """JSON for programs that people may read, too."""
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"
