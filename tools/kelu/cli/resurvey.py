"""`kelu resurvey`: the second survey that a low score calls for."""

from __future__ import annotations

from kelu.cli import _recipe
from kelu.finding import Text

command = _recipe.Draft("resurvey", "resurvey", Text("编制二次调查", "Draw up a second survey"))
