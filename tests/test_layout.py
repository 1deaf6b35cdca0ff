"""The one form: the same data always give the same text, nothing in it changes what is said, comments stay."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kelu.document import amend, parse, same, tidy, write
from kelu.document.gate import compose, unwanted
from kelu.document.layout import PLAIN
from repository import ROOT

ORDER: dict[str, Any] = {
    "id": {}, "title": {}, "transfers": {"at": {}, "by": {}, "note": {}}, "plan": {"due": {}, "steps": {}}, "links": {},
}  # fmt: skip

# Whatever a record may hold: any character the gate lets through, and the words and forms that mislead.
_TRAPS = st.sampled_from(
    ["yes", "no", "Null", "~", "", "0731", "0x1F", "1e3", "12:30", "2026-03-02", "2026-W10", "---", "...", "- a",
     "# b", "a # b", "a: b", "键：值", "a,b", "[a]", "{a}", "&a", "*a", "!a", "%a", "@a", "`a", "'", '"', "\\n", " a",
     "a ", "?", "a\nb", "a\n", "a\n\n", "\na", " a\nb", "a\n b", "a \nb", "a\tb", "\ta", "3月2日", "24小时", "1-e5",
     "2026-project", "😀", "<<<<<<< HEAD", "a\n=======\nb", "NaN", ".inf", "true\nfalse", "满意度≥4", "x" * 200]
)  # fmt: skip
TEXT = (_TRAPS | st.text("aé中：:#-'\"\\\n\t ,[]{}|>&*!%@`~0.9\u00a0\u3000😀", max_size=8) | st.text(max_size=6)).map(
    compose
)
TEXT = TEXT.filter(lambda text: not unwanted(text))
KEY = st.sampled_from(["no", "on", "y", "a", "b2", "c_d", "e-f", *ORDER])
SCALAR = TEXT | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.sampled_from([0.5, -3.0, 99.25])
FLAT = st.lists(SCALAR, max_size=3) | st.dictionaries(KEY, SCALAR, max_size=3)
DEEP = st.lists(FLAT | SCALAR, max_size=3) | st.dictionaries(KEY, FLAT | SCALAR, max_size=3)
DATA = st.dictionaries(KEY, SCALAR | FLAT | DEEP, min_size=1, max_size=5)
COMMENT = st.sampled_from(["# 说明", "#", "# a: b", "#: 'x", "# —— 响应（5.1）——", ""])


def read(text: str) -> dict[str, Any]:
    data, faults = parse(text.encode(), "x.yaml")
    assert data is not None, (faults, text)
    return data


@given(DATA)
def test_what_is_written_says_the_same(data: dict[str, Any]) -> None:
    assert same(read(write(data, ORDER)), data)


@given(DATA)
def test_the_same_data_give_the_same_text_in_whatever_order_they_come(data: dict[str, Any]) -> None:
    known = {key: data[key] for key in reversed(list(data)) if key in ORDER}
    others = {key: value for key, value in data.items() if key not in ORDER}
    assert write({**known, **others}, ORDER) == write({**others, **known}, ORDER)
    assert tidy(write(data, ORDER).encode(), ORDER) == write(data, ORDER).encode()


@given(st.text(max_size=12))
def test_plain_text_is_read_as_text_wherever_it_stands(text: str) -> None:
    if re.fullmatch(PLAIN, text):
        for source in (f"a: {text}\n", f"a: [{text}, {text}]\n", f"a: {{b: {text}}}\n", f"a:\n  - {text}\n"):
            (value,) = read(source).values()
            assert text in (value, *(value if isinstance(value, (list, dict)) else ()),
                            *(value.values() if isinstance(value, dict) else ())), source  # fmt: skip


def scattered(draw: st.DrawFn, text: str) -> str:
    """A text with comments and empty lines where YAML allows them: not inside a block of text."""
    lines: list[str] = []
    block = -1
    for line in text.splitlines():
        depth = len(line) - len(line.lstrip(" "))
        if block >= 0 and (not line or depth > block):
            lines.append(line)
            continue
        block = -1
        for comment in draw(st.lists(COMMENT, max_size=2)):
            lines.append(" " * draw(st.sampled_from([depth, depth + 2, 0])) + comment if comment else "")
        if re.search(r"[:-] \|-?$", line):
            block = depth + (2 if line.lstrip().startswith("- ") and ": |" in line else 0)
        lines.append(line + draw(st.sampled_from(["", "", "  # 尾注"])))
    return "\n".join(lines + draw(st.lists(COMMENT, max_size=2))) + "\n"


@st.composite
def commented(draw: st.DrawFn) -> str:
    return scattered(draw, write(draw(DATA), {}))


def comments(text: str) -> list[str]:
    """Every comment of a text, found in another way than the program's: by PyYAML's own scanner."""
    import yaml

    bare = text
    for token in reversed(list(yaml.scan(text, Loader=yaml.SafeLoader))):
        if isinstance(token, yaml.ScalarToken):
            start, end = token.start_mark.index, token.end_mark.index
            piece = bare[start:end]
            head, _, rest = piece.partition("\n")
            keep = head if token.style in ("|", ">") else "x"
            bare = bare[:start] + keep + ("\n" + re.sub(r"[^\n]", "x", rest) if "\n" in piece else "") + bare[end:]
    return sorted(match[1].rstrip() for match in re.finditer(r"(?m)(?:^|\s)(#.*)$", bare))


@settings(max_examples=300)
@given(commented())
def test_comments_and_data_stay_and_once_is_enough(text: str) -> None:
    once = tidy(text.encode(), ORDER)
    assert same(read(once.decode()), read(text))
    assert comments(once.decode()) == comments(text)
    assert tidy(once, ORDER) == once


@settings(max_examples=300)
@given(commented(), DATA, st.data())
def test_an_amendment_leaves_every_other_byte(text: str, more: dict[str, Any], choice: st.DataObject) -> None:
    before = read(text)
    gone = choice.draw(st.sets(st.sampled_from(sorted(before)), max_size=2))
    after = {**{key: value for key, value in before.items() if key not in gone}, **more}
    amended = amend(text.encode(), after, ORDER).decode()
    assert same(read(amended), after)
    assert tidy(amended.encode(), ORDER) == tidy(tidy(amended.encode(), ORDER), ORDER)
    untouched = [key for key in before if key in after and same(before[key], after[key])]
    for key in untouched:
        assert section(text, key) == section(amended, key)
    if not gone:
        assert comments(amended) == comments(text)


def section(text: str, key: str) -> list[str]:
    """The lines of a top-level key, without what stands above the next one."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if re.match(rf'"?{re.escape(key)}"?:', line))
    end = next((i for i in range(start + 1, len(lines)) if re.match(r"[^ #\n]", lines[i] or " ")), len(lines))
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return lines[start:end]


def test_an_amendment_without_change_changes_nothing() -> None:
    raw = b"b:   1   # x\na: {c: 2}\n"
    assert amend(raw, {"a": {"c": 2}, "b": 1}, ORDER) is raw


def test_new_fields_come_where_the_schema_has_them() -> None:
    raw = "id: X\n\n# 措施\nplan:\n  due: 2026-01-02   # 期限\nlinks: [A]\n".encode()
    data = {"id": "X", "transfers": [{"by": "S001"}], "plan": {"due": "2026-01-03", "steps": 2}, "links": ["A"]}
    assert amend(raw, data, ORDER).decode() == (
        "id: X\ntransfers:\n  - {by: S001}\n\n# 措施\nplan:\n  due: 2026-01-03  # 期限\n  steps: 2\nlinks: [A]\n"
    )


@pytest.mark.parametrize("folder", ["records", "tests/stories", "tests/examples"])
def test_the_records_at_hand(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.yaml"))
    assert files
    for file in files:
        raw = file.read_bytes()
        if parse(raw, "")[0] is not None:
            once = tidy(raw, ORDER)
            assert tidy(once, ORDER) == once
            assert comments(once.decode()) == comments(raw.decode())
