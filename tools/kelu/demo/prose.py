"""Prose: turns drafts into the text of record files, from the skeletons in `templates` and the words in `words.yaml`.

A skeleton is blocks (`#: name`) of YAML with `$names`. A name is a value of the draft or else a line of the word
list, drawn once a record, whose own `$names` are filled the same way; `${name/2}` is the line after it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from kelu.demo.dice import Dice
from kelu.document import parse

_NAME = re.compile(r"\$(?:([a-z_][a-z0-9_]*)|\{([a-z_][a-z0-9_/]*)\})")
_BLOCK = re.compile(r"^#: (\w+)\n", re.MULTILINE)
Pieces = tuple[str, ...]  # text and names in turn, beginning and ending with text
Part = tuple[str, Mapping[str, Any]]  # a block and its values


@dataclass(slots=True, eq=False)
class Draft:
    """A record before it is written: its blocks and what is already known of its values; others are words.

    A value may be another draft, which stands for that draft's id, or parts, which stand for their text.
    """

    type: str
    at: datetime
    topics: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    blocks: set[str] = field(default_factory=set)
    id: str = ""


class Book:
    """The skeletons and the words of a folder."""

    def __init__(self, folder: Path) -> None:
        self.words = _read(folder / "words.yaml")
        self._lines = {
            topic: {name: tuple(_pieces(str(line)) for line in lines) for name, lines in section.items()}
            for topic, section in self.words.items()
        }
        self._blocks = {path.stem: _blocks(path.read_text("utf-8")) for path in (folder / "templates").glob("*.txt")}

    def open(self, draft: Draft, dice: Dice) -> Page:
        """The page on which a record is written whose references all have their ids."""
        return Page(draft, self._blocks[draft.type], _Writer(self._lines, (*draft.topics, "any"), dice))

    def say(self, name: str, topics: Iterable[str], dice: Dice, known: Mapping[str, Any] | None = None) -> str:
        """One line of the word list, for a value that several records share."""
        return _Writer(self._lines, (*topics, "any"), dice).word(name, dict(known or {}), {})


class Page:
    """One record on paper. Its words are drawn once, so that what it held earlier reads the same."""

    def __init__(self, draft: Draft, skeleton: Mapping[str, Pieces], writer: _Writer) -> None:
        self._known = {"id": draft.id, **draft.values}
        self._skeleton = skeleton
        self._writer = writer
        self.text = self.of(draft.blocks)  # all that the draft has

    def of(self, blocks: Collection[str], status: str | None = None) -> str:
        """The text of some blocks, in another status if one is given. Raises KeyError for a name that nobody knows."""
        if status is not None:
            self._known["status"] = status
        return "".join(
            self._writer.fill(pieces, self._known, self._skeleton)
            for name, pieces in self._skeleton.items()
            if name in blocks
        )


class _Writer:
    """Writes one record: remembers which line each name took."""

    def __init__(
        self, lines: Mapping[str, Mapping[str, tuple[Pieces, ...]]], topics: tuple[str, ...], dice: Dice
    ) -> None:
        self._sections = [lines[topic] for topic in topics]
        self._dice = dice
        self._taken: dict[str, int] = {}

    def fill(self, pieces: Pieces, known: dict[str, Any], skeleton: Mapping[str, Pieces]) -> str:
        if len(pieces) == 1:
            return pieces[0]
        filled = list(pieces)
        for place in range(1, len(filled), 2):
            filled[place] = self.word(filled[place], known, skeleton)
        return "".join(filled)

    def word(self, name: str, known: dict[str, Any], skeleton: Mapping[str, Pieces]) -> str:
        value = known.get(name)
        if value is None:
            known[name] = value = self._draw(name, known, skeleton)
        if isinstance(value, str):
            return value
        if isinstance(value, Draft):
            return value.id
        if isinstance(value, datetime | date):
            return value.isoformat()
        if isinstance(value, list):
            known[name] = text = "".join(self._part(part, skeleton) for part in value).removesuffix("\n")
            return text
        if isinstance(value, tuple):
            return ", ".join(dict.fromkeys(item.id if isinstance(item, Draft) else str(item) for item in value))
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _part(self, part: Part, skeleton: Mapping[str, Pieces]) -> str:
        block, values = part
        taken, self._taken = self._taken, {}  # each entry of a list is worded anew
        text = self.fill(skeleton[block], dict(values), skeleton)
        self._taken = taken
        return text

    def _draw(self, name: str, known: dict[str, Any], skeleton: Mapping[str, Pieces]) -> str:
        base, _, further = name.partition("/")
        lines = next((section[base] for section in self._sections if base in section), None)
        if lines is None:
            raise KeyError(f"${name}")
        if base not in self._taken:
            self._taken[base] = self._dice.below(len(lines))
        at = self._taken[base] + (int(further) - 1 if further else 0)
        return self.fill(lines[at % len(lines)], known, skeleton)


def names(text: str) -> set[str]:
    """The names in a text, without the number that asks for a further line."""
    return {(plain or braced).partition("/")[0] for plain, braced in _NAME.findall(text)}


def _pieces(text: str) -> Pieces:
    parts = _NAME.split(text)
    names = [plain or braced for plain, braced in zip(parts[1::3], parts[2::3], strict=True)]
    return tuple(piece for pair in zip(parts[::3], [*names, ""], strict=True) for piece in pair)[:-1]


def _blocks(text: str) -> dict[str, Pieces]:
    parts = _BLOCK.split(text)
    return {name: _pieces(block) for name, block in zip(parts[1::2], parts[2::2], strict=True)}


def _read(path: Path) -> Mapping[str, Mapping[str, list[str]]]:
    data, faults = parse(path.read_bytes(), path.name)
    if data is None:
        raise ValueError(f"{path.name}: {faults[0].line}: {faults[0].message.en}")
    return data
