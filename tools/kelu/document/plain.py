"""Plain: reads records as they are usually written, quickly. What it does not know for certain it leaves alone.

The layout that `kelu fmt` gives, with comments, is a small part of YAML: keys and values line by line, text plain or
in quotes without escapes, blocks of lines, lists and groups on one line. One regular expression cuts a file into such
lines. Everything else, and everything at fault, is the strict reader's, which alone says what is wrong.

Measured on records of 1.5 KB: 31 µs each, the strict reader over libyaml 82. The quickest library (yaml-rs 0.1.6) takes
16 to 21, and as much again to keep out by patterns what it reads otherwise (1e5, yes, two documents, `a：b`): no gain
that would be worth another library.
"""

from __future__ import annotations

import re
from typing import Any, Final

from kelu.document import scalars

_LONGEST = 50_000  # characters: in fewer there is no room for more values than the strict reader takes
_DEEPEST = 20

_KEY = r"[A-Za-z_][A-Za-z0-9_.-]{0,99}+"
_QUOTED = r'"[^"\\\n]*+"|' r"'[^'\n]*+'"
_START = r"[^\s\-?:,\[\]{}#&*!|>'\"%@`]"  # a number below nothing is left to the strict reader

# 1 indent, 2 dash, 3 key; 4 plain, 5 on one line, 6 quoted; 7 and 8 a block's header and lines; 9 anything else
_lines = re.compile(
    rf"""(?:\ *+(?:\#.*+)?+\n)*+(?:
      (\ *+)(-\ )?+(?:({_KEY}):(?=[\ \n])\ *+)?+
      (?:
        (?: ({_START}[^\n:\#]*+(?::(?=\S)[^\n:\#]*+)*+) | ([\[{{][^\n\#]*[\]}}]) | ({_QUOTED}) )?+
        \ *+(?:(?<=\ )\#.*+)?+$
      | ([|>]-?+)(?:\ ++\#.*+)?+\n ( (?: (?:\1\ ++[^\ \n].*+)?+\n )++ )(?!\ ++\n)
      )
    | (.+) )""",
    re.VERBOSE | re.MULTILINE,
).findall
# Of a list or group on one line: 1 key, 2 plain, 3 quoted, 4 anything else
_IN_FLOW = rf"({_START}[^,\[\]{{}}:\#\"'?]*+(?::(?=[^\s,\[\]{{}}:?\"'])[^,\[\]{{}}:\#\"'?]*+)*+)|({_QUOTED})"
_pairs = re.compile(rf"(?:({_KEY}):\ ++(?:{_IN_FLOW})(?:,\ ++(?=\S)|$)|(.+))").findall
_items = re.compile(rf"(?:(?:{_IN_FLOW})(?:,\ ++(?=\S)|$)|(.+))").findall

_NONE: Final[Any] = object()  # no value


def read(text: str) -> dict[str, Any] | None:
    """What the strict reader would give for a text that passed the gate, or None: ask the strict reader."""
    if len(text) > _LONGEST or text[-1:] != "\n" or "<<<<<<<" in text:
        return None
    key_fault, words, numeric, number = scalars.key_fault, scalars.WORDS, scalars.NUMERIC_START, scalars.number
    refused = scalars.Refused
    root: dict[str, Any] = {}
    container: Any = root
    level = 0
    outer: list[tuple[Any, int]] = []
    waiting: str | None = None  # a key whose value may follow in the next lines
    value: Any
    for indent, dash, key, plain, flow, quoted, header, block, other in _lines(text):
        depth = len(indent)
        if other:
            return None
        if depth != level or dash or waiting is not None:
            if not (key or dash):
                if plain or flow or quoted or header:
                    return None
                continue
            if waiting is not None and depth > level:
                outer.append((container, level))
                if len(outer) > _DEEPEST:
                    return None
                container[waiting] = container = [] if dash else {}
                level = depth
            else:
                while depth < level:
                    container, level = outer.pop()
                if depth != level:
                    return None
            waiting = None
            if dash:
                if container.__class__ is dict:
                    return None
                if key:
                    new: dict[str, Any] = {}
                    container.append(new)
                    outer.append((container, level))
                    container, level = new, level + 2
        if key:
            if container.__class__ is list or key in container or key_fault(key):
                return None
        elif not dash:
            if plain or flow or quoted or header:
                return None
            continue
        if plain:
            if plain[-1] == " ":
                plain = plain.rstrip(" ")
            value = words.get(plain, plain)
            if value is plain:
                if plain[0] in numeric and plain[4:8:3] != "--":
                    value = number(plain)
                elif not key and "：" in plain:
                    return None
            if value.__class__ is refused:
                return None
        elif flow:
            value = _flow(flow)
            if value is _NONE:
                return None
        elif quoted:
            value = quoted[1:-1]
        elif header:
            value = _block(header, block, level)
            if value is None:
                return None
        elif key:
            waiting = key
            value = None
        else:
            return None
        if key:
            container[key] = value
        else:
            container.append(value)
    return root or None


def _flow(text: str) -> Any:
    """The value of a list or group on one line that holds nothing but single values, or `_NONE`."""
    inner, plain_value, refused = text[1:-1], scalars.plain, scalars.Refused
    value: Any
    if text[0] == "[" and text[-1] == "]":
        items: list[Any] = []
        for plain, quoted, other in _items(inner):
            value = plain_value(plain.rstrip(" ")) if plain else quoted[1:-1]
            if other or not (plain or quoted) or value.__class__ is refused or "：" in plain:
                return _NONE
            items.append(value)
        return items
    if text[0] == "{" and text[-1] == "}":
        group: dict[str, Any] = {}
        for key, plain, quoted, other in _pairs(inner):
            value = plain_value(plain.rstrip(" ")) if plain else quoted[1:-1]
            if other or not (plain or quoted) or value.__class__ is refused or key in group or scalars.key_fault(key):
                return _NONE
            group[key] = value
        return group
    return _NONE


def _block(header: str, block: str, level: int) -> str | None:
    """The text of a block of lines below a key at a level, or None."""
    lines = block.rstrip("\n").split("\n")
    indent = len(lines[0]) - len(lines[0].lstrip(" "))
    if indent <= level:
        return None
    margin = lines[0][:indent]
    if any(line and not line.startswith(margin) for line in lines):
        return None
    if header[0] == "|":
        text = "\n".join([line[indent:] for line in lines])
    elif "" in lines or any(line[indent] == " " for line in lines):
        return None  # a folded block in which lines count
    else:
        text = " ".join([line[indent:] for line in lines])
    return text if header[-1] == "-" else f"{text}\n"
