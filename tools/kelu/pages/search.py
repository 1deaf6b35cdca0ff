"""Search: the index Pagefind makes of the finished pages.

It segments Chinese, keeps ids whole (`-` and `_` belong to words) and reads only what pages mark as body.
"""

from __future__ import annotations

import sys
from pathlib import Path

from kelu.pages.shell import run


def index(site: Path) -> None:
    """Write `site/pagefind`. The same pages give the same bytes. Raises SiteError when Pagefind fails."""
    command = [sys.executable, "-m", "pagefind", "--site", str(site), "--force-language", "zh"]
    run([*command, "--include-characters=-_", "--silent"])
    # Its ready-made interfaces are not used: the site has its own, and each is a door less to keep shut.
    for name in (
        "pagefind-ui.js", "pagefind-ui.css", "pagefind-modular-ui.js", "pagefind-modular-ui.css",
        "pagefind-component-ui.js", "pagefind-component-ui.css", "pagefind-highlight.js",
    ):  # fmt: skip
        (site / "pagefind" / name).unlink(missing_ok=True)
