"""The gate: bytes of a file → text that may go on to the YAML parser, and the faults seen in the bytes.

A sound file costs four passes at C speed. Only a file that fails one of them is searched for places.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

from kelu.document.fault import Fault, line_column

MAX_BYTES = 1 << 20
_EACH = 10  # findings of one kind; a file full of tabs needs no thousand of them
_LONGEST_RUN = 30  # combining marks, as in Unicode's Stream-Safe Text Format (UAX 15)

# Control characters, line separators that only some programs honour, and characters that nobody can see.
# ZERO WIDTH JOINER and NON-JOINER stay allowed: emoji and some scripts need them.
_UNWANTED = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff]"
)
_UTF16 = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def admit(raw: bytes) -> tuple[str | None, list[Fault]]:
    """The text of a file, and what its bytes are at fault for.

    None where nothing can be read. Where faults leave something to read, the text keeps every line and column.
    """
    if len(raw) > MAX_BYTES:
        return None, [Fault("YAML-19", 1, 1, words=(("size", f"{len(raw) / MAX_BYTES:.1f} MiB"),))]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return None, [_not_utf8(raw, error)]
    if composed(text) and (text.replace("\n", "").isprintable() or not _UNWANTED.search(text)):
        return text, []
    return _cleaned(text), sorted(_faults(text), key=lambda fault: fault[1:3])


def unwanted(text: str) -> str | None:
    """The first character that no text may hold, as `U+0000`; a tab may stand in quotes as an escape."""
    return next((_named(match[0]) for match in _UNWANTED.finditer(text) if match[0] != "\t"), None)


def _named(character: str) -> str:
    return f"U+{ord(character):04X}"


def composed(text: str) -> bool:
    """Whether text is in NFC."""
    return text.isascii() or unicodedata.is_normalized("NFC", text)


def compose(text: str) -> str:
    """Text in NFC. Runs of marks longer than any script has stay as they are: sorting them takes quadratic time."""
    if composed(text):
        return text
    run = longest = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        longest = max(longest, run)
    return unicodedata.normalize("NFC", text) if longest <= _LONGEST_RUN else text


def _not_utf8(raw: bytes, error: UnicodeDecodeError) -> Fault:
    line = raw.count(b"\n", 0, error.start) + 1
    before = raw[raw.rfind(b"\n", 0, error.start) + 1 : error.start]
    guess = _UTF16.get(raw[:2])
    if guess is None:
        try:
            raw.decode("gb18030")
            guess = "GBK / GB18030"
        except UnicodeDecodeError:
            guess = "?"
    return Fault("YAML-17", line, len(before.decode("utf-8")) + 1, words=(("guess", guess),))


def _cleaned(text: str) -> str:
    """The text with every unwanted character replaced so that lines and columns stay as an editor shows them."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return _UNWANTED.sub(" ", text)


def _faults(text: str) -> Iterator[Fault]:
    if text.startswith("\ufeff"):
        yield Fault("YAML-14", 1, 1)
        text = text[1:]
    returns = text.find("\r")
    if returns >= 0:
        yield Fault("YAML-15", *line_column(text, returns))
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    tabs = others = 0
    for match in islice(_UNWANTED.finditer(text), 1000):
        if match[0] == "\t":
            tabs += 1
            if tabs <= _EACH:
                yield Fault("YAML-04", *line_column(text, match.start()))
        else:
            others += 1
            if others <= _EACH:
                where = line_column(text, match.start())
                yield Fault("YAML-16", *where, words=(("character", _named(match[0])),))
    yield from _decomposed(text)


def _decomposed(text: str) -> Iterator[Fault]:
    found = 0
    for number, line in enumerate(text.split("\n"), 1):
        if found < _EACH and not composed(line):
            found += 1
            wanted = compose(line)
            at = next((i for i, (a, b) in enumerate(zip(line, wanted, strict=False)) if a != b), len(wanted))
            if wanted == line:
                at = next(i for i, char in enumerate(line) if unicodedata.combining(char))
            yield Fault("YAML-18", number, at + 1, value=line[at : at + 2])
