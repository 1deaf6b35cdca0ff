"""Restatements, for people and for programs: what was reported, what it is now, and the commits that changed it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kelu.finding import Text
from kelu.formats.results import Look, number, safe
from kelu.formats.words import dump, pair, plain, spoken
from kelu.periods import SHANGHAI

if TYPE_CHECKING:
    import datetime

    from kelu.history.step import Act
    from kelu.restate import Close, Item, Outcome, Restatement, Side, Told, Touched

_SIDES = {"numerator": Text("分子", "numerator"), "denominator": Text("分母", "denominator"),
          "counted": Text("计入", "counted"), "excluded": Text("不计", "excluded")}  # fmt: skip
_CHANGES = {"added": Text("新增", "added"), "changed": Text("修改", "changed"), "deleted": Text("删除", "deleted")}
_ABSENT = Text("无", "none")


# --- for people ------------------------------------------------------------------------------------------


def table(outcome: Outcome, look: Look) -> str:
    """A block a figure: old and new value, what it is held against, and the records with the commits that did it."""
    lines = [line for item in outcome.restatements for line in (*_block(item, look), "")]
    if not outcome.restatements:
        lines += [*spoken(Text("没有重述的数字。", "No figure is restated."), look.lang), ""]
    compared = (words for close in outcome.closes for words in spoken(_compared(close), look.lang))
    reports = Text(f"另与已批准报告所报的 {outcome.stated} 个数字比对。",
                   f"Also compared: figures stated in approved reports, {outcome.stated}.")  # fmt: skip
    return "\n".join([*lines, *(look.paint(words, "dim") for words in (*compared, *spoken(reports, look.lang)))]) + "\n"


def _compared(close: Close) -> Text:
    label, at = close.period.label, _moment(close.at)
    if close.commit is None:
        return Text(
            f"{label}：定稿时（{at}）还没有可比对的提交。", f"{label}: no commit at the close ({at}) to compare with."
        )
    name = close.commit[:12]
    if not close.readable:
        return Text(f"{label}：定稿时（{at}）的提交 {name} 所用的制度，本版程序无法据以计算，未比对。",
                    f"{label}: not compared; this version cannot compute by the policies of commit {name}, which stood "
                    f"at the close ({at}).")  # fmt: skip
    return Text(f"{label}：与定稿时（{at}）的提交 {name} 比对。",
                f"{label}: compared with commit {name}, which stood at the close ({at}).")  # fmt: skip


def _block(item: Restatement, look: Look) -> Iterator[str]:
    title = " · ".join(dict.fromkeys(plain(words) for words in spoken(item.title, look.lang)))
    slice_ = f"  {plain(item.slice)}" if item.slice else ""
    head = look.paint(f"{item.code} {title}", "path")
    yield f"{head}  {item.period.label}{slice_}  {item.before.words} → {item.after.words}"
    for words in spoken(_against(item), look.lang):
        yield f"  {look.paint(words, 'dim')}"
    if item.ruled:
        for words in spoken(_ruled(item), look.lang):
            yield f"  {words}"
        yield from (f"    {_act(act)}" for act in item.rulings)
    for thing in item.items:
        yield f"  {plain(thing.id)}  {_side(thing.before, look.lang)} → {_side(thing.after, look.lang)}"
        yield from (f"    {_act(touched.act)} [{_change(touched, look.lang)}]" for touched in thing.touched)


def _against(item: Restatement) -> Text:
    at, commit = _moment(item.as_of), (item.commit or "")[:12]
    if item.report is None:
        return Text(f"与定稿数字比对：时点 {at}，提交 {commit}", f"Against the close: as of {at}, commit {commit}")
    named = Text(f"，提交 {commit}", f", commit {commit}") if commit else Text("", "")
    return Text(f"与报告 {item.report} 所报数字比对：时点 {at}{named.zh}",
                f"Against report {item.report}: as of {at}{named.en}")  # fmt: skip


def _ruled(item: Restatement) -> Text:
    was, now = item.before, item.after
    packs = f"{was.pack or '—'} → {now.pack or '—'}"
    target = f"，{was.target or '—'} → {now.target or '—'}" if was.target != now.target else ""
    return Text(f"制度、配置或模式有改动：{packs}{target}",
                f"Policy, configuration or schema changed: {packs}{target.replace('，', ', ')}")  # fmt: skip


def _side(side: Side | None, lang: str) -> str:
    if side is None:
        return "/".join(spoken(_ABSENT, lang))
    reason = f" ({plain(spoken(side.reason, lang)[0])})" if side.reason else ""
    return "/".join(spoken(_SIDES[side.name], lang)) + reason


def _change(touched: Touched, lang: str) -> str:
    fields = f": {', '.join(plain(name) for name in touched.fields)}" if touched.fields else ""
    return "/".join(spoken(_CHANGES[touched.change], lang)) + fields


def _act(act: Act) -> str:
    return f"{_day(act)} {act.sha[:12]} {plain(act.name)}: {plain(act.subject)}"


# --- for programs ----------------------------------------------------------------------------------------


def as_json(outcome: Outcome, look: Look) -> str:
    """What was compared, and an object for each figure that changed."""
    closes = [
        {"period": close.period.label, "as_of": _moment(close.at), "commit": close.commit, "readable": close.readable}
        for close in outcome.closes
    ]
    return dump({
        "closes": closes, "reported": outcome.stated, "restatements": [_object(item) for item in outcome.restatements],
    })  # fmt: skip


def _object(item: Restatement) -> dict[str, Any]:
    return {
        "code": item.code, "title": pair(item.title), "period": item.period.label, "dimension": item.dimension,
        "slice": item.slice, "unit": item.unit, "report": item.report, "as_of": _moment(item.as_of),
        "commit": item.commit, "before": _figure(item.before), "after": _figure(item.after),
        "policy_changed": item.ruled, "policy_commits": [_commit(act) for act in item.rulings],
        "records": [_record(thing) for thing in item.items],
    }  # fmt: skip


def _figure(told: Told) -> dict[str, Any]:
    return {
        "value": told.value, "numerator": number(told.numerator), "denominator": number(told.denominator),
        "target": told.target, "verdict": told.verdict, "pack": told.pack,
    }  # fmt: skip


def _record(item: Item) -> dict[str, Any]:
    def side(of: Side | None) -> dict[str, Any] | None:
        return None if of is None else {"list": of.name, "reason": pair(of.reason) if of.reason else None}

    commits = [
        _commit(touched.act) | {"change": touched.change, "fields": list(touched.fields)} for touched in item.touched
    ]
    return {"id": item.id, "record": item.record, "before": side(item.before), "after": side(item.after),
            "commits": commits}  # fmt: skip


def _commit(act: Act) -> dict[str, Any]:
    return {"sha": act.sha, "date": _moment(act.authored_at), "author": act.name, "mail": act.mail,
            "subject": act.subject}  # fmt: skip


def as_csv(outcome: Outcome, look: Look) -> str:
    """For spreadsheets: a row for each commit behind a record behind a figure."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for row in _rows(outcome):
        writer.writerow([safe("" if cell is None else str(cell)) for cell in row])
    return "\ufeff" + out.getvalue()


def _rows(outcome: Outcome) -> Iterator[tuple[object, ...]]:
    yield ("code", "period", "slice", "report", "as_of", "baseline", "before", "after", "policy_before", "policy_after",
           "policy_changed", "id", "list_before", "list_after", "commit", "date", "author", "subject", "change",
           "fields")  # fmt: skip
    for item in outcome.restatements:
        head = (
            item.code, item.period.label, item.slice, item.report, _moment(item.as_of), item.commit, item.before.words,
            item.after.words, item.before.pack, item.after.pack, str(item.ruled).lower(),
        )  # fmt: skip
        for act in item.rulings:
            yield (*head, "", "", "", act.sha, _moment(act.authored_at), act.name, act.subject, "policy", "")
        for thing in item.items:
            row = (*head, thing.id, thing.before and thing.before.name, thing.after and thing.after.name)
            for done in thing.touched:
                act = done.act
                yield (*row, act.sha, _moment(act.authored_at), act.name, act.subject, done.change,
                       " ".join(done.fields))  # fmt: skip
            if not thing.touched:
                yield (*row, "", "", "", "", "", "")
        if not item.items and not item.rulings:
            yield (*head, *[""] * 9)


def _moment(moment: datetime.datetime) -> str:
    return moment.astimezone(SHANGHAI).isoformat(timespec="seconds")


def _day(act: Act) -> str:
    return f"{act.authored_at.astimezone(SHANGHAI):%Y-%m-%d}"
