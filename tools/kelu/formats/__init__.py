"""Formats: findings and KPI results as text, JSON, SARIF, annotations of GitHub and GitLab, tables and CSV.

Each format is a pure function found by its name in a table here; equal results give equal bytes. What records
say is not trusted: where a terminal, a CI log or a spreadsheet would act on it, it is shown instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from kelu.formats import clauses, duties, findings, observations, restatements, results, review, samples, timeline
from kelu.formats.duties import Frame
from kelu.formats.results import Look
from kelu.formats.words import Paint, plain, unpainted

if TYPE_CHECKING:  # a type is no reason to wait for the database when only the names of the formats are asked
    from kelu.check import Report
    from kelu.doctor import Observation
    from kelu.duty import Duty
    from kelu.kpi import Result
    from kelu.restate import Outcome
    from kelu.review import Review
    from kelu.sample import Sample
    from kelu.timeline import Timeline
    from kelu.trace import Clause

# (report, language: zh, en or both, paint) -> text; only formats for people speak one language and paint.
Format = Callable[["Report", str, Paint], str]
ResultFormat = Callable[[Sequence["Result"], Look], str]
ObservationFormat = Callable[[Sequence["Observation"], str, Paint], str]
TraceFormat = Callable[[Sequence["Clause"], Look], str]

DutyFormat = Callable[[Sequence["Duty"], Frame], str]
RestatementFormat = Callable[["Outcome", Look], str]
ReviewFormat = Callable[["Review", Look, bool], str]  # with a preview beside it or without
SampleFormat = Callable[["Sample", Look], str]
TimelineFormat = Callable[["Timeline", str, Paint], str]

__all__ = [
    "DUTY_FORMATS", "FORMATS", "OBSERVATION_FORMATS", "RESTATEMENT_FORMATS", "RESULT_FORMATS", "REVIEW_FORMATS",
    "SAMPLE_FORMATS", "TIMELINE_FORMATS", "TRACE_FORMATS", "Frame", "Look", "Paint", "plain", "unpainted",
]  # fmt: skip

FORMATS: Mapping[str, Format] = {
    "text": findings.text,
    "json": findings.as_json,
    "sarif": findings.sarif,
    "github": findings.github,
    "gitlab": findings.gitlab,
}
RESULT_FORMATS: Mapping[str, ResultFormat] = {
    "table": results.table,
    "json": results.as_json,
    "csv": results.as_csv,
}
RESTATEMENT_FORMATS: Mapping[str, RestatementFormat] = {
    "table": restatements.table,
    "json": restatements.as_json,
    "csv": restatements.as_csv,
}
REVIEW_FORMATS: Mapping[str, ReviewFormat] = {
    "markdown": review.markdown,
    "json": review.as_json,
}
OBSERVATION_FORMATS: Mapping[str, ObservationFormat] = {
    "text": observations.text,
    "json": observations.as_json,
}
TRACE_FORMATS: Mapping[str, TraceFormat] = {
    "table": clauses.table,
    "json": clauses.as_json,
    "csv": clauses.as_csv,
}
DUTY_FORMATS: Mapping[str, DutyFormat] = {
    "table": duties.table,
    "json": duties.as_json,
    "csv": duties.as_csv,
    "ics": duties.ics,
}
TIMELINE_FORMATS: Mapping[str, TimelineFormat] = {
    "text": timeline.text,
    "json": timeline.as_json,
}
SAMPLE_FORMATS: Mapping[str, SampleFormat] = {
    "table": samples.table,
    "json": samples.as_json,
    "csv": samples.as_csv,
}
