"""Evidence: files of the repository are held against the digest that the record gives."""

from __future__ import annotations

import hashlib

import pytest

from kelu.finding import Text
from kelu.pages.evidence import Item, items, states
from kelu.privacy import Node

DIGEST = hashlib.sha256("会议签到表".encode()).hexdigest()
FILES = {"attachments/a.pdf": "会议签到表".encode(), "attachments/b.pdf": b"another"}


@pytest.mark.parametrize(
    ("path", "state"), [("attachments/a.pdf", "same"), ("attachments/b.pdf", "other"), ("attachments/c.pdf", "missing")]
)
def test_a_file_is_what_was_recorded_or_not(path: str, state: str) -> None:
    data = {"closure": {"evidence": [{"name": "签到表", "path": path, "sha256": DIGEST}]}, "sha256": DIGEST}
    assert dict(states(data, FILES.get)) == {path: state}


def test_what_is_kept_elsewhere_cannot_be_told() -> None:
    assert dict(states({"evidence": [{"external_ref": "影像档 1", "sha256": DIGEST}]}, FILES.get)) == {}
    label = Text("", "")
    held = Node("", label, "group", children=(
        Node("name", label, "text", "录音"), Node("external_ref", label, "text", "影像档 1"),
        Node("sha256", label, "text", DIGEST),
    ))  # fmt: skip
    found = items([Node("evidence", label, "list", children=(held,))], {"attachments/a.pdf": "same"})
    assert list(found) == [Item("录音", "影像档 1", DIGEST, "outside")]
