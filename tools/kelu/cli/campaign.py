"""`kelu campaign`: rounds of surveys, one record a customer."""

from __future__ import annotations

from kelu.cli import _recipe
from kelu.finding import Text

command = _recipe.family("campaign", Text("调查活动", "Rounds of surveys"), "campaign")
