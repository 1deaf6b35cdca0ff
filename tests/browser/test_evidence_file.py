"""A file in hand is held against the digests of a record, without leaving the machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

Opener = Callable[..., Any]


def test_a_file_in_hand_is_held_against_the_record(opened: Opener, tmp_path: Path) -> None:
    page = opened("records/CMP-2026-0003.html")
    panel = page.locator("#evidence")
    assert "媒体报道截图" in panel.inner_text()
    file = tmp_path / "shot.png"
    file.write_bytes(b"something else")
    panel.locator("input[type=file]").set_input_files(file)
    said = panel.get_by_role("status")
    said.get_by_text("都不符").wait_for()
    # The same page, had the record given this file's digest.
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    page.evaluate("digest => { document.querySelector('#evidence [data-digest]').dataset.digest = digest }", digest)
    panel.locator("input[type=file]").set_input_files([])
    panel.locator("input[type=file]").set_input_files(file)
    said.get_by_text("相符：就是“媒体报道截图”").wait_for()
