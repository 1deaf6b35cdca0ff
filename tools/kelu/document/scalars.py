"""Plain scalars: which of YAML's unquoted words are numbers, booleans or nothing — and which may not be unquoted.

Kelu reads the few forms on which every YAML program agrees. A form on which YAML 1.1 and 1.2 programs differ is
refused, so that no reader of a record sees another value than we do. Dates stay text.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

MAX_INTEGER = 2**53 - 1  # beyond it JSON programs, spreadsheets and browsers round
_LONGEST_FRACTION = 40  # characters


class Refused:
    """Marks a scalar that has to be quoted; `code` is the finding's."""

    __slots__ = ("code",)

    def __init__(self, code: str) -> None:
        self.code = code


AMBIGUOUS: Final = Refused("YAML-21")
TOO_LONG: Final = Refused("YAML-22")

_LOGICAL = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
_AMBIGUOUS_WORDS = {form for word in _LOGICAL for form in (word, word.capitalize(), word.upper())} | {"=", "<<"}
WORDS: Final[dict[str, Any]] = dict.fromkeys(_AMBIGUOUS_WORDS, AMBIGUOUS) | {
    "": None, "~": None, "null": None, "true": True, "false": False,
}  # fmt: skip
NUMERIC_START: Final = frozenset("0123456789+-.")

# Alternatives in this order: our integer, our fraction, then all that YAML 1.1 (or 1.2) takes for a number.
_NUMBER = re.compile(
    r"(?P<integer>-?(?:0|[1-9][0-9]*))"
    r"|(?P<fraction>-?(?:0|[1-9][0-9]*)\.[0-9]+)"
    r"|(?P<other>[-+]?(?:"
    r"[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?"
    r"|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|0[bB][01_]+|0[oO][0-7_]+|0[xX][0-9a-fA-F_]+"
    r"|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|\.(?:inf|Inf|INF)"
    r")|\.(?:nan|NaN|NAN))"
)


def number(text: str) -> object:
    """What a plain scalar that begins like a number is: an int, a float, text, or `Refused`."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text
    kind = match.lastgroup
    if kind == "integer":
        if len(text) > 17:
            return TOO_LONG
        value = int(text)
        return value if -MAX_INTEGER <= value <= MAX_INTEGER else TOO_LONG
    if kind == "fraction":
        if len(text) > 16 and (len(text) > _LONGEST_FRACTION or Decimal(repr(float(text))) != Decimal(text)):
            return TOO_LONG
        return float(text)
    return AMBIGUOUS


def plain(text: str) -> object:
    """The value of a plain scalar, or `Refused`."""
    value = WORDS.get(text, text)
    if value is text and text[0] in NUMERIC_START:
        return number(text)
    return value


@lru_cache(maxsize=4096)
def key_fault(text: str) -> str | None:
    """The code of what is wrong with an unquoted key, if anything.

    A key is always text, so `no:` and `on:` are harmless; numbers, true, null and the merge key are not.
    """
    if "：" in text:
        return "YAML-02"
    if text in ("", "~", "<<", "=") or text.lower() in ("true", "false", "null"):
        return "YAML-23"
    if text[0] in NUMERIC_START and not isinstance(number(text), str):
        return "YAML-23"
    if text.strip() != text:  # libyaml strips blanks; what is left is a full-width or no-break space
        return "YAML-07"
    return None
