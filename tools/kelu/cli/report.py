"""`kelu report`: reports with their figures filled in, for a person to complete."""

from __future__ import annotations

from kelu.cli import _recipe
from kelu.finding import Text

command = _recipe.family("report", Text("编制报告草稿", "Draft reports with their figures"), "report")
