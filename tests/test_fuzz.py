"""The quick reader and the quick judge say nothing that the strict ones do not say; `make fuzz` asks far more."""

from __future__ import annotations

import random

import pytest

import fuzz

# What the big fuzz once found, and what is near the edge of what the quick reader knows.
APART = (
    "a: |\n  b\n    \n",
    "a: |-\n  b\n \n  # c\n",
    "a: >-\n #c\n  \n",
    "a: >\n  # c\n  \n    # d\n",
    "a:\n  b: >-  # c\n   x \n    \n",
    "a: b#c\n",
    "a: b #c\n",
    'a: "b"#c\n',
    'a: "b" # c\n',
    "a:#b\n",
    "a: b \n",
    "a: b\n  c\n",
    "a:\n- b\n",
    "a:\n  - b：c\n",
    "a: [b：c]\n",
    "a: [b, ]\n",
    "a: {b: c，d}\n",
    "a: {b: c, b: d}\n",
    "a: {b: c}  # d: {e}\n",
    "a: 12:30:45\n",
    "a: 1e5\n",
    "a: 123e-5-6\n",
    "a: 2026-01-02\n",
    "a: 0.10\n",
    "true: a\n",
    "a: b\r\n",
    "a:\n    b: c\n  d: e\n",
    "a:\n  - b: c\n   d: e\n",
    "a:\n  - b: |\n     c\n",
    "a:\n  - b: |\n    c\n",
    "a:\n  - |\n   b\n",
    "a: >\n  b\n\n  c\n",
    "a: >\n  b\n   c\n",
    "a: >\n  b \n  c\n",
    "a: |\n\n  b\n",
    "a: |\n  b\n c\n",
    "a: 'b''c'\n",
    f"{'a' * 200}: b\n",
    f"a: {'b' * 60_000}\n",
    "a: b\n...\n",
    "---\na: b\n",
    "a: |\n  <<<<<<< b\n",
    "#\n",
    " a: b\n",
    "a: b",
)


@pytest.mark.parametrize("text", APART)
def test_the_edge_is_read_as_strictly(text: str) -> None:
    assert not fuzz.reading(text)


def test_records_are_read_quickly() -> None:
    left = [path for path in (fuzz.ROOT / "records").rglob("*.yaml") if fuzz.reading(path.read_text("utf-8")) is None]
    assert left == []


def test_mutated_documents_are_read_as_strictly() -> None:
    chance, texts = random.Random(20260601), fuzz.documents()
    answers = [fuzz.reading(fuzz.mutated(texts, chance)) for _ in range(3000)]
    assert [answer for answer in answers if answer] == []
    assert answers.count("") > 300  # else nothing was compared


def test_altered_data_are_judged_as_strictly() -> None:
    chance, (schemas, sound) = random.Random(20260601), fuzz.judged()
    altered = [(name, fuzz.altered(data, chance)) for name, data in chance.choices(sound, k=1500)]
    answers = [fuzz.judging(schemas, name, data) for name, data in altered]
    assert [answer for answer in answers if answer] == []
    assert answers.count("") > 100


def test_a_difference_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz.plain, "read", lambda text: {"a": 1.0})
    assert fuzz.reading("a: 1\n")
