"""`kelu resurvey`: the second survey that a low score calls for."""

from __future__ import annotations

from kelu.cli import _recipe

command = _recipe.Draft("resurvey", "resurvey")
