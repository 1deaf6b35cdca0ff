"""Comments: what stands in a record's file besides its data, and which key or item it belongs to.

A comment belongs to what it stands above or behind; one that stands further in than what follows belongs to the list
or group that ends there.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from yaml.events import MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent

from kelu.document.places import Pointer

_COMMENT = re.compile(r"(?:^|\s)(#.*)")
_BLOCK_HEAD = re.compile(r"([|>][-+0-9]*)[ \t]+#")


@dataclass(slots=True)
class Note:
    """What stands around a value besides data: lines above it (comments, and "" for an empty line), a comment behind
    it, and lines below the last thing in it."""

    above: list[str] = field(default_factory=list)
    behind: str = ""
    below: list[str] = field(default_factory=list)

    def comments(self) -> list[str]:
        """The comments alone."""
        return [line for line in (*self.above, self.behind, *self.below) if line]


Notes = dict[Pointer, Note]


class Mark(NamedTuple):
    """Where a value begins, with its key: line from 0, column of the comments above it; and the line where it ends,
    or -1 for a list or group in block style, which ends where something else begins."""

    pointer: Pointer
    line: int
    column: int
    end: int


@dataclass(slots=True)
class _Frame:
    """A list or mapping that is being read: the next index, or None in a mapping; where its mark is, if in flow."""

    pointer: Pointer
    index: int | None
    column: int
    flow: int | None


def read(text: str, events: Iterable[Any]) -> tuple[list[Mark], Notes]:
    """The place of every value of a sound text, in order, and what stands around them."""
    lines = text.removesuffix("\n").split("\n")
    marks, bare, held = _walk(lines, events)
    ending: dict[int, Mark] = {}
    starting: dict[int, Mark] = {}
    for mark in marks:
        starting[mark.line] = mark  # the innermost
        if mark.end >= 0:
            ending.setdefault(mark.end, mark)  # the outermost
    notes: Notes = {}
    loose: dict[int, list[tuple[int, str]]] = {}  # lines of their own, by the mark they come before
    starts = [mark.line for mark in marks]
    for number, line in enumerate(bare):
        found = _COMMENT.search(line)
        if not found and (line.strip() or number in held):
            continue
        column, comment = (found.start(1), lines[number][found.start(1) :].rstrip()) if found else (-1, "")
        owner = ending.get(number) or starting.get(number)
        if found and owner and line[:column].strip():
            note = notes.setdefault(owner.pointer, Note())
            if note.behind:
                note.above.append(comment)
            else:
                note.behind = comment
        else:
            loose.setdefault(bisect_right(starts, number), []).append((column, comment))
    known = {mark.pointer: mark for mark in marks}
    for following, group in loose.items():
        before = marks[following - 1].pointer if following else ()
        _settle(group, before, marks[following] if following < len(marks) else None, known, notes)
    return marks, notes


def _settle(
    group: Iterable[tuple[int, str]], steps: Pointer, after: Mark | None, known: Mapping[Pointer, Mark], notes: Notes
) -> None:
    """Give lines between two values to what comes after them, or, where they stand further in, to the list or group
    that ends with what came before (`steps`)."""
    ended = [
        (known[steps[:depth]].column, steps[: depth - 1])
        for depth in range(len(steps), 0, -1)
        if depth == 1 or known[steps[: depth - 1]].end < 0
    ]
    empty = False
    for column, comment in group:
        if not comment:
            empty = True
            continue
        ended = [place for place in ended if (after.column if after else -1) < place[0] <= column]
        if ended or after is None:
            lines = notes.setdefault(ended[0][1] if ended else (), Note()).below
        else:
            lines = notes.setdefault(after.pointer, Note()).above
        lines += ["", comment] if empty else [comment]
        empty = False
    if empty and after:
        notes.setdefault(after.pointer, Note()).above.append("")


def _walk(lines: list[str], events: Iterable[Any]) -> tuple[list[Mark], list[str], set[int]]:
    """The marks of a text; its lines with every scalar crossed out; and the lines that are the inside of a scalar."""
    marks: list[Mark] = []
    bare = list(lines)
    held: set[int] = set()
    outer: list[_Frame] = []
    key: tuple[str, int, int] | None = None
    for event in events:
        first, last = event.start_mark, event.end_mark
        if isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            slot = outer.pop().flow
            if slot is not None:
                marks[slot] = marks[slot]._replace(end=last.line)
            key = None
            continue
        opens = isinstance(event, (MappingStartEvent, SequenceStartEvent))
        if not opens and not isinstance(event, ScalarEvent):
            continue
        line, column, end = first.line, first.column, -1
        if not opens:
            end = _cross_out(event, lines, bare, held)
        pointer: Pointer = ()
        if outer:
            frame = outer[-1]
            if frame.index is not None:
                pointer = (*frame.pointer, frame.index)
                frame.index += 1
                column = column if frame.flow is not None else frame.column
            elif key is None:
                key = event.value, line, column
                continue
            else:
                (name, line, column), key = key, None
                pointer = (*frame.pointer, name)
            marks.append(Mark(pointer, line, column, end))
        if opens:
            flow = len(marks) - 1 if event.flow_style and outer else None
            index = 0 if isinstance(event, SequenceStartEvent) else None
            outer.append(_Frame(pointer, index, first.column, flow))
    return marks, bare, held


def _cross_out(event: Any, lines: Sequence[str], bare: list[str], held: set[int]) -> int:
    """Cross a scalar out of the lines, so that no `#` in it looks like a comment; the line where it ends."""
    first, last = event.start_mark, event.end_mark
    end: int = last.line
    stop: int = last.column
    if event.style in ("|", ">"):  # the parser has it end where the next thing begins
        end, stop = last.line - 1 if last.column == 0 else last.line, -1
        while end > first.line and not lines[end].strip():
            end -= 1
    for number in range(first.line, end + 1):
        line = lines[number]
        start = first.column if number == first.line else 0
        until = stop if number == end and stop >= 0 else len(line)
        if number == first.line and event.style in ("|", ">"):
            head = _BLOCK_HEAD.match(line, start)
            until = head.end(1) if head else len(line)
        bare[number] = bare[number][:start] + "x" * (until - start) + bare[number][until:]
        if number > first.line:
            held.add(number)
    return end
