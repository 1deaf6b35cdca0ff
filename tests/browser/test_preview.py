"""The preview of a change, opened from a disk as a clerk opens it: no server, nothing asked of anybody."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Opener

from git_story import Told
from test_review import COMPLAINT, NEW, commit, reviewed, template, told

__all__ = ["template", "told"]  # fixtures


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_of_a_change_open_from_a_disk(told: Told, tmp_path: Path, opened: Opener, theme: str) -> None:
    commit(told, "CMP-2026-0099 登记", {NEW: COMPLAINT})
    folder = tmp_path / "preview"
    reviewed(told, "--preview", str(folder))
    page = opened("index.html", at=folder.as_uri(), theme=theme)
    page.get_by_role("link", name="CMP-2026-0099 打印机反复卡纸").click()
    page.get_by_text("早上打印机卡纸，报修后无人来。").first.wait_for()
    assert page.url == f"{folder.as_uri()}/records/CMP-2026-0099.html"
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.md-header')).position") != "static"
    )  # styles are there
    leading = page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
    assert all(link.startswith((f"{page.url}#", f"{folder.as_uri()}/index.html")) for link in leading), leading
