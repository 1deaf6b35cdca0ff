"""Keys: what a page is looked up by, and how sets of pages are written down. As in find.js.

- Of letters of a script without spaces every three neighbours are a key, such as 交换机, and the last two of a run.
- Of Latin letters and digits a word is, and its first two or three letters.
- A number is one with what it is joined to, as in dates, times, versions and amounts: of 2026-01-20 there are
  `2026-01` and `01-20`, of 20分钟 there is `20分`. Of what follows only the beginning counts, so that the numbers of
  ids are few keys, and what is typed may stop anywhere.
- A facet's value is one.
"""

from __future__ import annotations

import re

SHARDS = 2048
FACET = "\x1f"  # what keys of facets begin with
_LETTERS = 24  # of a long word, such as a digest, no more is looked up
_JOINED = 2  # of a number behind a sign
# Full-width letters are searched as the plain ones, dashes as hyphens. find.js has the other signs, too.
_FOLD: dict[int, int | str] = {0xFEE0 + code: code for code in range(0x21, 0x7F)} | {0x0130: "i"}
_DASHES = "\u2010-\u2015\u2212"
_FOLD |= dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-")
_FOLDED = re.compile(f"[\uff0d-\uff1a\uff21-\uff3a\uff41-\uff5a\u0130{_DASHES}]")
_LATIN = "0-9a-zß-öø-ɏ"
_RUN = re.compile(rf"[{_LATIN}]+|[^\W_{_LATIN}]+")
_JOINT = re.compile(rf"(?<![{_LATIN}])([0-9]+)(?:([-./:])(?=([0-9][{_LATIN}]*))| ?(?=([^\W_{_LATIN}])))")
_IS_LATIN = re.compile(f"[{_LATIN}]")
_WORD = re.compile(f"[{_LATIN}]+")


def runs(text: str) -> list[str]:
    """The stretches of one script in a text, and its numbers with what they are joined to: what keys are made of."""
    plain = (text.translate(_FOLD) if _FOLDED.search(text) else text).lower()
    joints = [number + sign + (second[:_JOINED] or unit) for number, sign, second, unit in _JOINT.findall(plain)]
    return _RUN.findall(plain) + joints


def of(run: str) -> list[str]:
    """The keys of one of them."""
    if not _IS_LATIN.match(run):
        return [*(run[at : at + 3] for at in range(len(run) - 2)), run[-2:]]  # two letters are the beginning of a key
    return [run[:_LETTERS], run[:2], run[:3]] if _WORD.fullmatch(run) else [run]


def facet(name: str, value: str) -> str:
    """The key of a facet's value."""
    return f"{FACET}{name}{FACET}{value}"


def shard(key: str) -> int:
    """The shard of a key, told by what is looked up together: keys of two letters with the threes that begin so, words
    with the longer ones of the same four letters, what is joined and a facet's value alone."""
    told = key if key[0] == FACET else key[:2]
    if _IS_LATIN.match(key):
        told = key[:4] if _WORD.fullmatch(key) else key
    value = 0
    for letter in told:
        value = (value * 31 + ord(letter)) % 65521
    return value % SHARDS


# --- sets of pages ----------------------------------------------------------------------------------------


def sequence(held: int, titled: int) -> bytes:
    """Rising places (a bit for each in `held`) as their distances doubled, and one more where the key stands in the
    title."""
    steps = [2 * len(zeros) + 2 for zeros in f"{held:b}"[::-1].split("1")[:-1]]
    steps[0] -= 2
    if titled:
        place = 0
        for at, step in enumerate(steps):
            place += step >> 1
            steps[at] = step | titled >> place & 1
    return bytes(steps) if max(steps) < 0x80 else b"".join(map(number, steps))


def places(made: bytes) -> tuple[int, int]:
    """The bits that a sequence was made of."""
    held = titled = place = value = by = 0
    for byte in made:
        value |= (byte & 0x7F) << by
        by += 7
        if byte < 0x80:
            place += value >> 1
            held |= 1 << place
            titled |= (value & 1) << place
            value = by = 0
    return held, titled


def number(value: int) -> bytes:
    """A number in groups of seven bits, the lowest first, the top bit set on all but the last (LEB128)."""
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)
