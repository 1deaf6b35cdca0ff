"""Report: a breach of history as a finding — at its line in the head version, with the commit that did it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kelu import catalogue
from kelu.document import locate, pointer
from kelu.finding import Finding, Text
from kelu.history.breach import Breach
from kelu.history.step import UNCOMMITTED, Act
from kelu.periods import day_of
from kelu.policy import Policy

_SHA = 12  # characters of a commit's name that people read


def finding(breach: Breach, act: Act, head: Callable[[str], bytes | None], policy: Policy) -> Finding:
    """The finding for a breach by an act. `head` gives a file of the head version; one that is gone is told at 1:1."""
    raw = head(breach.path)
    line, column = locate(raw).best(pointer(breach.field)) if raw is not None and breach.field else (1, 1)
    needed, pending = _needed(breach, policy), act.sha == UNCOMMITTED
    made = catalogue.make(
        breach.code, breach.path, line, column, breach.field,
        **{**breach.words, "needed": needed.zh, "needed_en": needed.en},
        commit="未提交" if pending else act.sha[:_SHA], commit_en=act.sha[:_SHA], author=act.name,
        date=day_of(act.committed_at).isoformat(),
    )  # fmt: skip
    return replace(made, severity=breach.severity or made.severity, commit="" if pending else act.sha)


def _needed(breach: Breach, policy: Policy) -> Text:
    """Who would have been entitled: roles as the record's pack calls them, fields that name somebody, and with whom."""
    words = breach.words
    pack = str(words.get("policy"))
    pack = pack if pack in policy.packs else policy.defaults
    labels = {key: [policy.role(pack, role) for role in str(words.get(key, "")).split(", ") if role]
              for key in ("roles", "jointly")}  # fmt: skip
    fields = [text] if isinstance(text := words.get("persons"), Text) and text.zh else []
    able = [*labels["roles"], *fields]
    zh, en = "、".join(text.zh for text in able), ", ".join(text.en for text in able)
    if labels["jointly"]:
        zh += "，会同" + "、".join(role.zh for role in labels["jointly"])
        en += ", together with " + ", ".join(role.en for role in labels["jointly"])
    return Text(zh, en)
