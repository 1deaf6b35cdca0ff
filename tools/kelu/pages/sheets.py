"""Sheets: single pages to be printed and filled in by hand, apart from the site; `site/templates/print/` has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kelu import resources
from kelu.pages.template import Templates


def page(root: Path, template: str, values: Mapping[str, Any]) -> str:
    """A page filled in. The repository's own template counts where it has one. Raises TemplateError."""
    own = root / "site/templates"
    folder = own if (own / "print").is_dir() else resources.site_dir() / "templates"
    return Templates(folder, {}).html(f"print/{template}.html.j2", **values)
