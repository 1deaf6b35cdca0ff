"""The sampler of the audit page draws in the browser what `kelu sample` draws."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kelu import sample
from site_build import COMMIT, own_site

Opener = Callable[..., Any]


def ids(type_: str) -> list[str]:
    held = json.loads((own_site() / "data/ids.json").read_text("utf-8"))
    return list(held["types"][type_]["ids"])


def drawn(page: Any, type_: str, seed: str, size: int) -> list[str]:
    page.select_option("#k-draw [name=type]", type_)
    page.fill("#k-draw [name=seed]", seed)
    page.fill("#k-draw [name=n]", str(size))
    page.click("#k-draw button")
    page.wait_for_function(f"document.querySelector('#k-draw [name=said]').value.includes('--n {size} ')")
    return list(page.eval_on_selector_all("#k-drawn a", "links => links.map((link) => link.textContent)"))


@pytest.mark.parametrize(("name", "words"), [("audit.html", "47 条中的 7 条"), ("en/audit.html", "7 of 47")])
def test_the_browser_draws_what_the_command_draws(opened: Opener, name: str, words: str) -> None:
    page = opened(name)
    seed = "it's 审核 2026"
    assert drawn(page, "survey", seed, 7) == sample.draw(ids("survey"), seed, 7)
    said = page.eval_on_selector("#k-draw [name=said]", "output => output.value")
    assert words in said
    assert f"""--seed 'it'"'"'s 审核 2026' --at {COMMIT[:12]}""" in said
    assert (
        page.locator("#k-drawn code").first.text_content()
        == sample.key(seed, sample.draw(ids("survey"), seed, 1)[0])[:12]
    )
    page.click("#k-drawn a >> nth=0")
    page.wait_for_url("**/records/SUR-*.html")


def test_the_seed_is_the_commit_unless_one_is_given(opened: Opener) -> None:
    page = opened("audit.html")
    expected = sample.draw(ids("complaint"), COMMIT, 10)
    assert drawn(page, "complaint", "", 10) == expected
    shown = page.locator("#sample-complaint + .k-scroll tbody a").all_text_contents()
    assert shown == expected


def test_the_page_is_whole_without_scripts(opened: Opener) -> None:
    page = opened("audit.html", script=False)
    assert page.locator("#k-draw").is_hidden()
    assert page.locator("#sample-complaint + .k-scroll tbody tr").count() == 10
    assert "sha256sum" in page.locator("main").inner_text()
