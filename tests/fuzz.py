"""Fuzz: documents mutated by the thousand, on which the quick ways must say what the strict ones say.

`make fuzz` reads and judges far more of them than the tests do: `python tests/fuzz.py [HOW MANY [SEED]]`. What ever
differed becomes a case in test_fuzz.py.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

from kelu.document import _Reader, gate, parse, plain
from kelu.schema import Schemas, load

ROOT = Path(__file__).parents[1]

# What stands in for something, or is put in somewhere: indicators, other systems' characters, doubtful words.
PIECES = (
    *" \n\t:-?,[]{}#&*!|>'\"%@`~=<.+_0e1\\/：，、（）　é", "\r\n", "\r", "\x00", "\x1f", "\x7f", "\x85", "\xa0",
    "\u2028", "\u2029", "\ufeff", "\u200b", "e\u0301", "\u0301", "😀", ": ", " #", "# ", "- ", "? ", "  ",
    "    ", "\n\n", "\n ", "\n  ", "\n- ", "\n---\n", "\n...\n", "---", "...", "<<: ", "&a ", "*a", "!!str ",
    "!x ", "|", "|-", "|+", "|2", ">", ">-", ">+", ">-\n", "|\n", "|-  # c\n", "%YAML 1.2\n---\n",
    "<<<<<<< a\n", "[]", "{}", "[a, b]", "{a: b}", "{a: [b]}", "[a, {b: c}]", "{a: b, a: c}", "[a：b]", "[a, ]",
    "{a}", "{a: }", "{a: b,c: d}", "[ a ]", '"a"', "'a'", "'it''s'", '"a\\n"', '"a\\u0000"', '""', "''", "a: b",
    "a:b", "a：b", "1e5", "1_000", "0x1F", "0o17", "017", "1:30", "12:30:45", ".5", "5.", "-1", "-0", "0", "+1",
    "1.50", "9007199254740993", "0.1234567890123456789", ".inf", "-.INF", ".nan", "2026-01-02",
    "2026-01-02T03:04:05+08:00", "123e4567", "12345e67890", "yes", "No", "ON", "off", "y", "N", "true", "True",
    "FALSE", "null", "Null", "~", "=", "<<",
)  # fmt: skip


def documents() -> list[str]:
    """What is mutated: records of this repository, examples and cases of the tests, and what a grammar makes."""
    folders = (ROOT / "records", ROOT / "tests" / "examples", ROOT / "tests" / "cases", ROOT / "policies")
    files = sorted(path for folder in folders for path in folder.rglob("*.yaml"))
    texts = [path.read_bytes().decode("utf-8", "replace") for path in files]
    return [text for text in texts if len(text) < 8000]


def grown(chance: random.Random, depth: int = 0) -> str:
    """YAML of all kinds, sound more often than not."""
    indent = "  " * depth
    lines = []
    for _ in range(chance.randint(1, 5)):
        key = chance.choice(("a", "b_c", "d.e", "名", "a", "true", "on", "1", "'q'"))
        kind = chance.random()
        if kind < 0.2 and depth < 4:
            lines.append(f"{indent}{key}:{chance.choice(('', ' ', '  # c'))}\n{grown(chance, depth + 1)}")
        elif kind < 0.4 and depth < 4:
            step = chance.choice(("  ", "  ", ""))
            items = [_item(chance, depth, indent + step) for _ in range(chance.randint(1, 3))]
            lines.append(f"{indent}{key}:\n" + "".join(f"{indent}{step}- {item.rstrip()}\n" for item in items))
        else:
            lines.append(f"{indent}{key}: {_value(chance, indent)}\n")
        if chance.random() < 0.1:
            lines.append(chance.choice(("\n", f"{indent}# c\n", "# c\n", "\n\n", "   \n")))
    return "".join(lines)


def _item(chance: random.Random, depth: int, indent: str) -> str:
    return grown(chance, depth + 2).lstrip(" ") if chance.random() < 0.5 else _value(chance, indent)


def _value(chance: random.Random, indent: str) -> str:
    kind = chance.random()
    if kind < 0.5:
        return "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 2)))
    if kind < 0.6:
        return f"[{', '.join(chance.choice(PIECES) for _ in range(chance.randint(0, 3)))}]"
    if kind < 0.7:
        pairs = [f"{chance.choice('abc')}: {chance.choice(PIECES)}" for _ in range(chance.randint(0, 3))]
        return f"{{{', '.join(pairs)}}}"
    if kind < 0.85:
        margins, texts = ("  ", "  ", "  ", " ", "    ", ""), ("文字", "a: b", "# c", "", "x ", "- y")
        lines = [indent + chance.choice(margins) + chance.choice(texts) for _ in range(chance.randint(1, 4))]
        return chance.choice(("|", "|-", ">", ">-", "|+", ">-  # c")) + "\n" + "\n".join(lines)
    return chance.choice(
        ("文字 说明", "text with blanks", '"quoted: text"', "'single'", "2026-06-01", "12", "text  # c")
    )


def mutated(texts: list[str], chance: random.Random) -> str:
    """One document with some of its characters or lines otherwise, or a grown one."""
    text = grown(chance) if chance.random() < 0.3 else chance.choice(texts)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
        at = chance.randrange(len(text) + 1)
        kind = chance.randrange(8)
        if kind < 3:
            text = text[:at] + chance.choice(PIECES) + text[at:]
        elif kind == 3:
            text = text[:at] + text[at + chance.randint(1, 3) :]
        elif kind == 4:
            text = text[:at] + chance.choice(PIECES) + text[at + 1 :]
        else:
            lines = text.split("\n")
            number = chance.randrange(len(lines))
            line = lines[number]
            if kind == 5:
                lines[number : number + 1] = [line, line] if chance.random() < 0.5 else []
            elif kind == 6:
                lines[number] = chance.choice(("", " ", "  ", "- ", "\t")) + line.lstrip(" ")
            else:
                head, colon, _ = line.partition(": ")
                lines[number] = f"{head}{colon or ': '}{_value(chance, ' ' * (len(line) - len(line.lstrip())))}"
            text = "\n".join(lines)
    return text


def same(one: Any, other: Any) -> bool:
    """Whether data are equal in values, types and the order of keys."""
    return repr(one) == repr(other)


def reading(text: str) -> str | None:
    """How the quick reader differs from the strict one on a text: "" if it does not, None if it left it alone."""
    raw = text.encode("utf-8", "surrogatepass")
    admitted, faults = gate.admit(raw)
    quick = None if admitted is None or faults else plain.read(admitted)
    if quick is None:
        return None
    slow = _Reader(admitted or "", faults).read()
    return "" if not faults and same(quick, slow) else f"{quick!r} / {slow!r} {faults}"


# --- judging ---------------------------------------------------------------------------------------------

VALUES = (
    None, True, False, 0, 1, -1, 1.0, 0.0, -0.0, 1.5, 1e300, 2**53, 2**63, 2**64, 10**30, "", " ", "a", "1",
    "true", [], {}, [""], [None], ["a", "a"], [1, 1.0], [True, 1], {"": ""}, {"a": 1}, "2026-02-29",
    "2024-02-29", "2026-2-9", "20260209", "2026-01-01\n", "2026-W05-1", "2026-01-02T03:04:60+08:00",
    "2026-01-02T24:00:00+08:00", "2026-01-02T03:04:05", "2026-01-02T03:04:05Z", "2026-01-02t03:04:05z",
    "2026-01-02 03:04:05+08:00", "2026-01-02T03:04:05.5+08:00", "2026-01-02T03:04:05+0800",
    "2026-01-02T03:04:05+24:00", "2026-01-02T03:04+08:00", "２０２６-01-02", "S００1", "S001\n", "CMP-2026-0001",
    "CMP-2026-0001\n", "CUS-0001/C01", "e\u0301", "😀" * 60, "\u0000", "文" * 5000, "A" * 64, "a" * 64,
)  # fmt: skip


def judged() -> tuple[Schemas, list[tuple[str, Any]]]:
    """The schemas of this repository, and sound documents of each that has any."""
    schemas = load({path.name: path.read_bytes() for path in sorted((ROOT / "schemas").glob("*.schema.json"))})
    sound = []
    for folder in ("records", "policies", "config"):
        for path in sorted((ROOT / folder).rglob("*.yaml")):
            place = path.relative_to(ROOT).as_posix()
            record = schemas.of_folder(place)
            name, (data, _) = record.name if record else schemas.governing(place), parse(path.read_bytes(), place)
            if name and data is not None and path.stat().st_size < 8000:
                sound.append((name, data))
    return schemas, sound


def altered(data: Any, chance: random.Random) -> Any:
    """A copy of data with one value in it changed, gone or added."""
    if not isinstance(data, (dict, list)) or not data or chance.random() < 0.1:
        return _varied(data, chance)
    if isinstance(data, list):
        at = chance.randrange(len(data))
        kind = chance.random()
        inner = [] if kind < 0.1 else [data[at]] * 2 if kind < 0.2 else [altered(data[at], chance)]
        return [*data[:at], *inner, *data[at + 1 :]]
    key = chance.choice(list(data))
    kind = chance.random()
    if kind < 0.15:
        return {name: value for name, value in data.items() if name != key}
    if kind < 0.2:
        return {**data, chance.choice(("", "x", key + " ", "note")): chance.choice(VALUES)}
    return {**data, key: altered(data[key], chance)}


def _varied(value: Any, chance: random.Random) -> Any:
    kind = chance.random()
    if isinstance(value, str) and value and kind < 0.4:
        at = chance.randrange(len(value))
        return value[:at] + chance.choice((*"0159 \n-:TZ+/a文", "")) + value[at + chance.randint(0, 1) :]
    if isinstance(value, (int, float)) and kind < 0.4:
        return chance.choice((float(value), value + 1, -value, value * 10**6, value + 0.5))
    return chance.choice(VALUES)


def judging(schemas: Schemas, name: str, data: Any) -> str | None:
    """How the quick judge differs from the explaining one on data: "" if it does not, None if it refuses them."""
    if not schemas.accepts(name, data):
        return None
    faults = schemas.explain(name, data, "x", b"")
    return "".join(f"{fault.code} {fault.field} {fault.value} " for fault in faults)


def main(count: int, seed: int) -> int:
    """Read and judge `count` documents each; the differences on standard output. The exit code."""
    chance = random.Random(seed)
    texts = documents()
    schemas, sound = judged()
    differing = 0
    for work in ("read", "judged"):
        taken = 0
        for _ in range(count):
            if work == "read":
                case: Any = mutated(texts, chance)
                answer = reading(case)
            else:
                name, data = chance.choice(sound)
                case = (name, altered(data, chance))
                answer = judging(schemas, *case)
            taken += answer is not None
            if answer:
                differing += 1
                print(f"{work} otherwise: {case!r}\n    {answer}\n")
        print(f"{count} documents {work} (seed {seed}): {taken} taken by the quick way")
    print(f"{differing} of them otherwise than by the strict way")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in (*sys.argv[1:], *("100000", "1")[len(sys.argv) - 1 :]))))
