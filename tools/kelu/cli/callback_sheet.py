"""`kelu callback-sheet`: the call-back sheet of a week, and whom to call."""

from __future__ import annotations

from kelu.cli import _recipe

command = _recipe.Draft("callback-sheet", "callback-sheet")
