"""Strict YAML: bad files fail at the right place, good ones give the data every other reader would see."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kelu import document
from kelu.document import Positions, field_text, gate, locate, look_up, parse, pointer
from kelu.finding import Severity

CASES = Path(__file__).parent / "cases" / "yaml"
BAD = sorted(CASES.glob("*.yaml"))
GOOD = sorted((CASES / "good").glob("*.yaml"))
_EXPECT = re.compile(r"^# expect: (.+)$", re.MULTILINE)
MEBIBYTE = 1 << 20


def faults(raw: bytes | str, name: str = "records/x.yaml") -> list[str]:
    """`line:column code field` of every finding."""
    data, findings = parse(raw.encode() if isinstance(raw, str) else raw, name)
    assert (data is None) == bool(findings)
    return [f"{f.line}:{f.column} {f.code} {f.field}".strip() for f in findings]


def expected(path: Path) -> tuple[list[str], bool]:
    """What a bad file must give, and whether that is all of it (a sidecar may end in `…`)."""
    sidecar = path.with_suffix(".expect")
    lines = sidecar.read_text("utf-8").splitlines() if sidecar.exists() else _EXPECT.findall(path.read_text("utf-8"))
    assert lines, f"{path.name} says nowhere what it expects"
    return [line for line in lines if line != "…"], "…" not in lines


# --- bad files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_file(path: Path) -> None:
    wanted, whole = expected(path)
    found = faults(path.read_bytes())
    assert (sorted(found) if whole else found[: len(wanted)]) == (sorted(wanted) if whole else wanted)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_findings_are_complete(path: Path) -> None:
    _, findings = parse(path.read_bytes(), "records/x.yaml")
    assert findings == sorted(findings)
    for finding in findings:
        assert finding.severity is Severity.ERROR
        assert finding.path == "records/x.yaml"
        for text in (finding.message.zh, finding.message.en, finding.hint.zh, finding.hint.en):
            assert text.strip()
            assert text.isprintable()
            assert not re.search(r"\{[a-z_]+\}", text), text


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_places_of_a_bad_file_never_raise(path: Path) -> None:
    positions = locate(path.read_bytes())
    assert positions.best(("no", 1, "such")) == positions.best(("no",))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_file_without_libyaml(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "_parser", yaml.SafeLoader)
    assert faults(path.read_bytes())


def test_every_document_code_has_a_case() -> None:
    cases = {line.split()[1] for path in BAD for line in expected(path)[0]}
    generated = {"YAML-19", "YAML-20", "YAML-24"}  # too large to keep as files
    codes = {entry.code for entry in document.catalogue() if entry.code.startswith("YAML-")}
    assert codes - cases == generated


# --- what would hang or exhaust a reader -----------------------------------------------------------------

_ROOM = MEBIBYTE - 100
BOMBS = {
    "10 MiB": b"a: b\n" * (2 * MEBIBYTE),
    "10,000 lists in one another": b"a: " + b"[" * 10_000 + b"]" * 10_000,
    "10,000 lists, a line each": b"a: " + b"[\n " * 10_000,
    "10,000 mappings in one another": b"{a: " * 10_000 + b"1" + b"}" * 10_000,
    "10,000 dashes": b"a:\n " + b"- " * 10_000,
    "1,400 levels of indentation": b"".join(b" " * n + b"a:\n" for n in range(1400)),
    "brackets only": b"a: " + b"[" * _ROOM,
    "braces only": b"{" * _ROOM,
    "empty lists": b"a: [" + b"[]," * (_ROOM // 3) + b"]",
    "short items": b"a:\n" + b"- a\n" * (_ROOM // 4),
    "short keys": "".join(f"k{i}: {i}\n" for i in range(60_000)).encode(),
    "one key again and again": b"a: 1\n" * (_ROOM // 5),
    "ambiguous again and again": b"a: [" + b"no," * (_ROOM // 3) + b"]",
    "anchors": b"a: [" + b"&a b," * (_ROOM // 5) + b"]",
    "question marks": b"? " * (_ROOM // 2),
    "one long digit string": b"a: " + b"9" * _ROOM,
    "one long fraction": b"a: 0." + b"9" * _ROOM,
    "one long time": b"a: 1" + b":1" * (_ROOM // 2),
    "quote never closed": b'a: "' + b"x\n " * (_ROOM // 3),
    "tabs": b"\t" * _ROOM,
    "NUL": b"\0" * _ROOM,
    "carriage returns": b"\r" * _ROOM,
    "marks to sort": ("a: e" + "\u0301" * (_ROOM // 4) + "\u0316" * (_ROOM // 4)).encode(),
    "marks to sort, escaped": b'a: "' + b"\\u0301" * (_ROOM // 12) + b"\\u0316" * (_ROOM // 12) + b'"',
    "marks to sort, in a key": b'"' + b"\\u0301" * 80 + b"\\u0316" * 80 + b'": 1',
    "full-width blanks": ("a: 1\nb" + "\u3000" * (_ROOM // 3)).encode(),
    "blanks": b"a: 1\nb" + b" " * _ROOM + b"x\nc: 1",
    "dashes and a wide colon": ("a: 1\n" + "- " * (_ROOM // 2)).encode(),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_is_refused_in_time(name: str) -> None:
    start = time.process_time()
    data, findings = parse(BOMBS[name], "records/x.yaml")
    took = time.process_time() - start
    assert took < 1, f"{took:.2f} s"
    assert len(findings) <= document.MAX_FAULTS + 30
    if data is None:
        assert findings
    else:
        assert name in ("short keys",)


def test_limits() -> None:
    def nested(levels: int) -> str:
        return "a: " * 0 + "{a: " * levels + "1" + "}" * levels

    assert faults(nested(50)) == []
    assert faults(nested(51)) == ["1:201 YAML-20 " + ".".join("a" * 50)]
    assert faults("a: " + "[" * 51) == ["1:53 YAML-20 a" + "[0]" * 49]
    full = b"a: " + b"x" * (MEBIBYTE - 3)
    assert faults(full) == []
    assert faults(full + b"x") == ["1:1 YAML-19"]
    assert faults("a: [" + "1," * 250_000 + "]")[0].split()[1] == "YAML-24"


def test_an_alias_bomb_stays_small() -> None:
    assert len(faults((CASES / "alias-bomb.yaml").read_bytes())) == document.MAX_FAULTS


# --- what stays what -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2026-03-02", "2026-03-02"),
        ("2026-02-30", "2026-02-30"),
        ("2026-03-02T09:10:00+08:00", "2026-03-02T09:10:00+08:00"),
        ("2026-03-02T09:10:00", "2026-03-02T09:10:00"),
        ("2026-03-02 09:10", "2026-03-02 09:10"),
        ("2026-06", "2026-06"),
        ("138-0000-0001", "138-0000-0001"),
        ("CMP-2026-0003", "CMP-2026-0003"),
        ("S001", "S001"),
        ("1.2.3", "1.2.3"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-0", 0),
        ("12", 12),
        ("-7", -7),
        ("9007199254740991", 9007199254740991),
        ("0.5", 0.5),
        ("-12.50", -12.5),
        ('"no"', "no"),
        ("'0012'", "0012"),
        ('"12:30"', "12:30"),
        ('""', ""),
        ("yes please", "yes please"),
        ("说明：见附件", "说明：见附件"),
        ("见 http://example.invalid/a", "见 http://example.invalid/a"),
        ("１２", "１２"),
        ("|-\n  一\n  二", "一\n二"),
        (">-\n  一\n  二", "一 二"),
        ('"a\\tb\\nc\\\\"', "a\tb\nc\\"),
        ("{}", {}),
        ("[a, 1, null]", ["a", 1, None]),
    ],
)
def test_value(written: str, value: object) -> None:
    data, findings = parse(f"field: {written}\n".encode(), "x")
    assert findings == []
    assert data is not None
    assert data["field"] == value
    assert type(data["field"]) is type(value)


def test_keys_are_text() -> None:
    data, _ = parse(b"no: 1\non: 2\n2026-01-01: 3\n\"1\": 4\n'true': 5\nGSB:6.6.2: 6\n", "x")
    assert data == {"no": 1, "on": 2, "2026-01-01": 3, "1": 4, "true": 5, "GSB:6.6.2": 6}


def test_one_document_marker_is_fine() -> None:
    assert parse(b"---\na: 1\n...\n", "x") == ({"a": 1}, [])


def test_text_may_mention_anything() -> None:
    text = "a: |-\n  status：open\n  key:value\n  <<<<<<< HEAD\n  no\n  - &x *y !z\nb: 甲：乙\nc: http://x\n"
    assert faults(text) == []


# --- places ----------------------------------------------------------------------------------------------

_PLACES = b"""\
a: 1
list:
  - x: 1
    y: {z: 2, empty: }
  - plain
  - [p, "q"]
text: >-
  folded
last:
"""


@pytest.mark.parametrize(
    ("where", "value", "key", "best"),
    [
        ("a", (1, 4), (1, 1), (1, 4)),
        ("list", (3, 3), (2, 1), (2, 1)),
        ("list[0]", (3, 5), (3, 5), (3, 5)),
        ("list[0].x", (3, 8), (3, 5), (3, 8)),
        ("list[0].y", (4, 8), (4, 5), (4, 5)),
        ("list[0].y.z", (4, 12), (4, 9), (4, 12)),
        ("list[0].y.missing", (4, 5), (4, 5), (4, 5)),
        ("list[1]", (5, 5), (5, 5), (5, 5)),
        ("list[1].deeper.still", (5, 5), (5, 5), (5, 5)),
        ("list[2][1]", (6, 9), (6, 9), (6, 9)),
        ("list[9].x", (2, 1), (2, 1), (2, 1)),
        ("text", (7, 7), (7, 1), (7, 7)),
        ("a.b", (1, 1), (1, 1), (1, 1)),
        ("missing", (1, 1), (1, 1), (1, 1)),
        ("", (1, 1), (1, 1), (1, 1)),
    ],
)
def test_place(where: str, value: tuple[int, int], key: tuple[int, int], best: tuple[int, int]) -> None:
    positions = locate(_PLACES)
    at = pointer(where)
    assert (positions.value(at), positions.key(at), positions.best(at)) == (value, key, best)


def test_columns_count_characters() -> None:
    assert locate("标题: 网络\n说明: {甲: 乙, 丙: 丁}\n".encode()).best(("说明", "丙")) == (2, 15)


def test_places_stop_at_an_error() -> None:
    positions = locate(b"a: 1\nb: @\n")
    assert positions.best(("a",)) == (1, 4)
    assert positions.best(("b",)) == (1, 1)


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        (("responses", 1, "scores", "competence"), "responses[1].scores.competence"),
        ((0, "a"), "[0].a"),
        ((), ""),
        (("a.b", "c[0]", 'd"e\\'), '"a.b"."c[0]"."d\\"e\\\\"'),
        (("数", ""), '数.""'),
    ],
)
def test_field_text(steps: tuple[str | int, ...], text: str) -> None:
    assert field_text(steps) == text
    assert pointer(text) == steps


def test_look_up() -> None:
    data = {"a": [{"b": 1}]}
    assert look_up(data, ("a", 0, "b")) == 1
    assert look_up(data, ("a", 1, "b")) is None
    assert look_up(data, ("a", "b")) is None
    assert look_up(data, ("a", 0, "b", "c")) is None


# --- the data every other reader would see ---------------------------------------------------------------


class Reference(yaml.CSafeLoader):
    """PyYAML with the same few plain scalars as ours: its constructor, its composer."""


Reference.yaml_implicit_resolvers = {}
for tag, form in {
    "bool": "(?:true|false)$",
    "null": "(?:~|null|)$",
    "int": "-?(?:0|[1-9][0-9]*)$",
    "float": r"-?(?:0|[1-9][0-9]*)\.[0-9]+$",
}.items():
    Reference.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(form), None)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_file_reads_as_pyyaml_reads_it(path: Path) -> None:
    raw = path.read_bytes()
    data, findings = parse(raw, path.name)
    assert findings == []
    assert json.dumps(data, ensure_ascii=False) == json.dumps(yaml.load(raw, Reference), ensure_ascii=False)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_file_without_libyaml(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = parse(path.read_bytes(), "x")
    monkeypatch.setattr(document, "_parser", yaml.SafeLoader)
    assert parse(path.read_bytes(), "x") == data


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_file_has_every_place(path: Path) -> None:
    raw = path.read_bytes()
    data, _ = parse(raw, path.name)
    lines = raw.decode().split("\n")
    positions = locate(raw)
    for at, value in leaves(data):
        line, column = positions.value(at)
        rest = lines[line - 1][column - 1 :]
        if isinstance(value, str) and rest[0] not in "\"'>|":
            assert rest.startswith(value), field_text(at)
        if isinstance(at[-1], str):
            line, column = positions.key(at)
            assert lines[line - 1][column - 1 :].startswith(f"{at[-1]}:")


def leaves(data: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, (*at, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from leaves(value, (*at, index))
    else:
        yield at, data


# --- properties ------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Co", "Cn"]) | st.sampled_from("\n\t"))
TEXT = TEXT.filter(gate.composed)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.integers(-(10**12), 10**12).map(lambda n: n / 1000)
    | TEXT
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=20
)
RECORDS = st.dictionaries(TEXT, JSON, min_size=1, max_size=6)
YAMLISH = st.lists(
    st.sampled_from(
        [*"ab01-:,[]{}#&*!|>'\"%@`?~.\n\t \\：，", ": ", "- ", "\n  ", "no", "1e3", "<<", "---\n", "é", "中"]
    )
).map("".join)


def written(data: Any, depth: int = 0) -> str:
    """Canonical YAML: blocks, and every scalar as JSON."""
    margin = "\n" + "  " * depth
    if isinstance(data, dict) and data:
        return "".join(f"{margin}{quoted(key)}: {written(value, depth + 1)}" for key, value in data.items())
    if isinstance(data, list) and data:
        return "".join(f"{margin}- {written(value, depth + 1)}" for value in data)
    return quoted(data)


def quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@settings(max_examples=300, deadline=None)
@given(st.binary() | TEXT.map(str.encode) | YAMLISH.map(str.encode))
def test_nothing_raises(raw: bytes) -> None:
    data, findings = parse(raw, "x")
    assert (data is None) == bool(findings)
    assert isinstance(locate(raw), Positions)
    lines = raw.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for finding in findings:
        assert 1 <= finding.line <= len(lines) + 1
        assert finding.column >= 1


@settings(max_examples=300, deadline=None)
@given(YAMLISH)
def test_what_we_accept_pyyaml_reads_alike(text: str) -> None:
    data, findings = parse(text.encode(), "x")
    if not findings:
        assert yaml.load(text, Reference) == data


@settings(max_examples=200, deadline=None)
@given(RECORDS)
def test_what_is_written_is_read(record: dict[str, Any]) -> None:
    raw = written(record).encode()
    data, findings = parse(raw, "x")
    assert findings == []
    assert data == record
    assert list(data) == list(record)
    lines = raw.decode().split("\n")
    positions = locate(raw)
    for at, value in leaves(record):
        line, column = positions.value(at)
        assert lines[line - 1][column - 1 :] == quoted(value)
        if isinstance(at[-1], str):
            line, column = positions.key(at)
            assert lines[line - 1][column - 1 :].startswith(quoted(at[-1]) + ": ")


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXT | st.integers(0, 99)).map(tuple))
def test_pointers_survive_writing(steps: tuple[str | int, ...]) -> None:
    assert pointer(field_text(steps)) == steps


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_record_is_refused_or_read_alike(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([path.read_text("utf-8") for path in GOOD]))
    at = data.draw(st.integers(0, len(text) - 1))
    cut = data.draw(st.integers(0, 3))
    text = text[:at] + data.draw(YAMLISH) + text[at + cut :]
    result, findings = parse(text.encode(), "x")
    if not findings:
        assert yaml.load(text, Reference) == result
