"""`kelu draft`: records drafted by the other recipes of `policies/drafts/`."""

from __future__ import annotations

from kelu.cli import _recipe
from kelu.finding import Text

command = _recipe.family("draft", Text("按配方编制记录草稿", "Draft records by recipe"))
