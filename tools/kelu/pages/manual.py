"""Manual: a page for every finding code, from the engine's catalogue and from the packs' rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kelu import privacy
from kelu.finding import Entry, Finding, Text
from kelu.policy import Definition, Policy
from kelu.privacy import Directory


@dataclass(frozen=True, slots=True)
class Found:
    """A finding of this build's check, as it may be shown. `record` is empty where there is no page."""

    code: str
    severity: str
    path: str
    record: str
    field: str
    message: Text


@dataclass(frozen=True, slots=True)
class Code:
    """What the manual says of one finding code."""

    code: str
    severity: str
    title: Text
    message: Text
    hint: Text
    why: Text | None
    bad: str
    good: str
    clause: str
    pack: str
    sql: str
    found: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Codes under one heading: a pack's, or (without one) the engine's."""

    pack: str
    title: Text | None
    codes: tuple[Code, ...]


def shown(findings: Iterable[Finding], directory: Directory) -> list[Found]:
    """Findings as they may be published: what they quote of a record passes the same masks as the record.

    Of a restricted record only the code and the file are told.
    """
    made = []
    for item in findings:
        name = item.path.rpartition("/")[2].removesuffix(".yaml")
        known = directory.titles.get(name)
        secret = known is not None and known.restricted
        message = Text.same("") if secret else privacy.masked(item.message, directory)
        field = "" if secret else item.field
        made.append(Found(item.code, item.severity.value, item.path, name if known else "", field, message))
    return made


def groups(entries: Iterable[Entry], policy: Policy, found: Sequence[Found]) -> list[Group]:
    """Every code: the engine's first, then each pack's rules."""
    by_code: dict[str, list[Found]] = {}
    for item in found:
        by_code.setdefault(item.code, []).append(item)
    made = [Group("", None, tuple(_engine(entries, by_code)))]
    for name, pack in sorted(policy.packs.items()):
        codes = tuple(_rule(rule, by_code) for rule in pack.rules)
        if codes:
            made.append(Group(name, pack.title, codes))
    return made


def _engine(entries: Iterable[Entry], found: Mapping[str, Sequence[Found]]) -> Iterator[Code]:
    for entry in entries:
        yield Code(
            entry.code, entry.severity.value, entry.title, entry.message, entry.hint, entry.why,
            entry.bad, entry.good, "", "", "", tuple(found.get(entry.code, ())),
        )  # fmt: skip


def _rule(rule: Definition, found: Mapping[str, Sequence[Found]]) -> Code:
    data = rule.data
    title, hint = rule.text("title"), rule.text("hint")
    severity = data.get("severity", "error")
    sql = data.get("query") or "\n".join(
        f"{word:<6} {data[key]}"
        for word, key in (("FOR", "for"), ("EACH", "each"), ("WHERE", "where"), ("CHECK", "check"))
        if key in data
    )
    assert title is not None
    return Code(
        data["id"], severity if isinstance(severity, str) else "error", title, title, hint or title,
        rule.text("why"), data.get("bad", ""), data.get("good", ""), data.get("clause", ""), rule.pack,
        sql.strip(), tuple(found.get(data["id"], ())),
    )  # fmt: skip
