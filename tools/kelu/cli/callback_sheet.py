"""`kelu callback-sheet`: the call-back sheet of a week, and whom to call."""

from __future__ import annotations

from kelu.cli import _recipe
from kelu.finding import Text

command = _recipe.Draft(
    "callback-sheet", "callback-sheet", Text("编制一周的事件回访表", "Draw up the call-back sheet of a week")
)
