"""Beside: what stands on the pages of records besides themselves, and what each page therefore hangs on.

Of every record a mark is worked out that changes with whatever its page shows: cheaply, for all records, and largely by
the databases that hold these things; duties and lists of KPIs go into it as sums of digests, since a record may be in
any number of them. The things themselves are gathered only for pages that are to be made.
"""

from __future__ import annotations

import hashlib
import json
import marshal
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kelu.finding import Finding, Text
from kelu.history.index import History
from kelu.pages import duties, evidence, indicator, record
from kelu.pages.record import Frame
from kelu.schema import RecordSchema
from kelu.timeline import guarded, noted

if TYPE_CHECKING:
    from kelu.pages.build import Edition

_MANY = 1000  # names, from which it costs less to make anew whatever may hold one
_DIGEST = "hash({})"  # of a row; a sum of these tells one set of rows from another
_LINKS = f"""
WITH side AS MATERIALIZED ({{side}}),
pair AS MATERIALIZED (
  SELECT link.source, link.target,
    {_DIGEST.format("link.field, target.id, target.type, target.title, target.status, target.confidential")} AS leads,
    {_DIGEST.format("link.field, source.id, source.type, source.title, source.status, source.confidential")} AS led
  FROM record.link AS link JOIN side AS source ON source.id = link.source JOIN side AS target ON target.id = link.target
)
SELECT type, id, path, blob, leads::VARCHAR, led::VARCHAR FROM record.source
LEFT JOIN (SELECT source AS id, sum(leads) AS leads FROM pair GROUP BY source) USING (id)
LEFT JOIN (SELECT target AS id, sum(led) AS led FROM pair GROUP BY target) USING (id)
ORDER BY path"""
# What a commit says follows from its name; what brought it in does not, nor what is known of its signature.
_TOUCHES = f"""
SELECT touch.path,
  sum({_DIGEST.format("commits.sha, unit.sha, coalesce(touch.old, '-'), coalesce(touch.new, '-'), signed.sha")})
FROM touch JOIN commits USING (place) JOIN commits AS unit ON unit.place = commits.unit
LEFT JOIN (SELECT unnest($1::VARCHAR[]) AS sha) AS signed ON signed.sha = commits.sha
WHERE starts_with(touch.path, 'records/') GROUP BY touch.path"""


@dataclass(frozen=True, slots=True)
class Beside:
    """Where it all comes from; `frame` is that of all pages, `board` and `figures` are what the site shows of duties
    and KPIs."""

    edition: Edition
    frame: Frame
    board: duties.Board
    figures: Sequence[indicator.View]

    def titles(self) -> dict[str, str]:
        """What any page may call each record: what an old version referred to is called as it is now."""
        return {
            name: f"{_digest((title.type, title.title, title.restricted)) >> 64:x}"
            for name, title in self.frame.directory.titles.items()
        }

    def saying(self, names: Collection[str]) -> set[str]:
        """The files of which some version names one of these records."""
        if not names or self.edition.history is None:
            return set()
        asked = "SELECT DISTINCT path FROM version WHERE regexp_matches(delta, $1)"
        wanted = "|".join(map(re.escape, sorted(names))) if len(names) < _MANY else ""
        return {path for (path,) in self.edition.history.ask(asked, [wanted])}

    def marks(self) -> Iterator[tuple[str, str, str]]:
        """(id, path, mark) of every record that has a page, by path."""
        edition, frame = self.edition, self.frame
        past = _past(edition.history, edition.signatures) if edition.history else {}
        flags, findings = _by_path(edition.trail), _by_path(edition.report.findings)
        counted, owed, files = self._counted(), self._owed(), self._evidence()
        elsewhere = frame.templates.places.types
        for type_, name, path, blob, *links in edition.store.query(_LINKS.format(side=_sides(frame.schemas))):
            if type_ in elsewhere:
                continue
            history = past.get(path)
            known = (
                path, blob, *links, history if history else frame.commit, counted.get(name), owed.get(name),
                _told(files.get(name)), _told(flags.get(path)), _told(findings.get(path)),
            )  # fmt: skip
            yield name, path, hashlib.sha256(marshal.dumps(known, 2)).hexdigest()

    def of(self, names: Collection[str]) -> Frame:
        """The frame with all that stands on the pages of these records."""
        schemas, directory = self.frame.schemas, self.frame.directory
        links = self.edition.store.query(
            "SELECT source, field, target FROM link WHERE target IN (SELECT id FROM record.source) AND "
            "(source IN (SELECT unnest($1::VARCHAR[])) OR target IN (SELECT unnest($1::VARCHAR[]))) "
            "ORDER BY source, field, target", [list(names)]
        )  # fmt: skip
        outgoing, incoming = record.relations(links, schemas, directory)
        return replace(
            self.frame,
            outgoing=outgoing,
            incoming=incoming,
            findings=_by_path(self.edition.report.findings),
            counted=indicator.membership(self.figures, names),
            owed=duties.about(self.board, names),
            kept=duties.shown_by(self.board, names),
            evidence=self._evidence(names),
        )

    def ground(self) -> str:
        """What the history adds to all pages: the identifiers it hides, and the people as it names them."""
        history = self.edition.history
        if history is None:
            return ""
        masks = guarded(history, self.frame.schemas, self.frame.directory).identifiers.masks
        return repr((sorted(masks.items()), history.mailmap()))

    def _evidence(self, names: Collection[str] | None = None) -> dict[str, dict[str, str]]:
        """Of each record (of these) that gives files of the repository as evidence, how these stand."""
        rows = self.edition.store.query(
            "SELECT id, json FROM record.source WHERE contains(json, $1) AND contains(json, $2) "
            "AND ($3::VARCHAR[] IS NULL OR id IN (SELECT unnest($3::VARCHAR[]))) ORDER BY id",
            [*(f'"{name}"' for name in evidence.FIELDS), None if names is None else list(names)],
        )
        return {name: dict(evidence.states(json.loads(text), self.edition.files)) for name, text in rows}

    def _counted(self) -> Mapping[str, int]:
        """For each record a sum over the KPI lists it stands in."""
        found: dict[str, int] = defaultdict(int)
        for item in self.figures:
            for listing in item.lists:
                known = item.code, _said(item.title), _said(item.now.period_text), _said(listing.label)
                digests: dict[Text | None, int] = {}
                for row in listing.rows:
                    if row.reason not in digests:
                        digests[row.reason] = _digest((*known, _said(row.reason)))
                    if row.record:
                        found[row.record] += digests[row.reason]
        return found

    def _owed(self) -> Mapping[str, int]:
        """For each record a sum over the duties about it and those that it shows done."""
        found: dict[str, int] = defaultdict(int)
        for line in self.board.lines:
            item, subject = line.duty, line.subject
            digest = _digest((
                item.id, item.state, line.due, line.done, line.days, line.page, item.waived_by, item.in_grace,
                item.provisional, _said(item.title), _said(line.period), subject.id, _said(subject.title),
                subject.linked,
            ))  # fmt: skip
            for name in duties.concerned(line):
                found[name] += digest
            if line.record is not None and line.record.id != subject.id:
                found[line.record.id] += digest * 3  # shown at another place
        return found


def _past(history: History, signatures: Mapping[str, str]) -> dict[str, str]:
    """Of each file something that changes with what commits did to it, by path."""
    found: dict[str, str] = {path: str(said) for path, said in history.ask(_TOUCHES, [list(signatures)])}
    files = {path.rpartition("/")[2].removesuffix(".yaml"): path for path in found}
    for commit, unit, names in noted(history, files.keys()):
        for name in names:
            found[files[name]] += f" {commit.sha} {unit.sha} {signatures.get(commit.sha)}"
    return found


def _sides(schemas: Mapping[str, RecordSchema]) -> str:
    """A question for what a page says of each record that it refers to."""
    asked = []
    for name, schema in schemas.items():
        held = {item.name for item in schema.fields}
        shown = (schema.title_field, "status", "confidential")
        columns = ", ".join(
            f"coalesce(CAST({_quoted(column) if column in held else 'NULL'} AS VARCHAR), chr(30)) AS {alias}"
            for column, alias in zip(shown, ("title", "status", "confidential"), strict=True)
        )
        asked.append(f"SELECT id, '{name}' AS type, {columns} FROM record.\"{name}\"")
    return " UNION ALL ".join(asked)


def _quoted(column: str | None) -> str:
    return f'"{column}"'


def _by_path(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = defaultdict(list)
    for item in findings:
        found[item.path].append(item)
    return found


def _told(held: object) -> str | None:
    return None if held is None else repr(held)


def _said(text: Text | None) -> tuple[str, str] | None:
    return None if text is None else (text.zh, text.en)


def _digest(known: tuple[Any, ...]) -> int:
    return int.from_bytes(hashlib.blake2b(marshal.dumps(known, 2), digest_size=16).digest(), "little")
