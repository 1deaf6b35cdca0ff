"""Review: the one comment on a proposed change, as Markdown that GitHub, GitLab and Gitea show alike, and as data.

The comment is Chinese, as those are who write records. What records, files and commits say stands in code spans
wherever it holds anything but plain words, since forges leave alone what stands there: no mention, no link, no image,
no HTML. Beyond the forges' limit the comment ends with how much is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kelu.finding import Severity, Text, shown
from kelu.formats.results import Look, of_target, sums, worth
from kelu.formats.words import dump, pair
from kelu.periods import SHANGHAI, deadline

if TYPE_CHECKING:
    from kelu.review import Changed, Moved, Owed, Review
    from kelu.review.quoted import Remark

MARKER = "<!-- kelu review -->"  # by which the comment is found again, to be replaced
LIMIT = 65_000  # bytes; forges take 65,536 characters, and the job that posts it adds a line
_LENGTH, _EXAMPLE = 400, 6  # of what is quoted: characters of a text, lines of an example
_SHARE = 60  # items of one kind
_ASCII = re.compile(r"[!-~]+(?: [!-~]+)*")
_PLAIN = re.compile(r"[A-Za-z]+[,;.]?|[0-9]{1,6}(?:\.[0-9]{1,6})?%?[,;]?|[=/]")
_KINDS = {"added": "新增", "changed": "修改", "deleted": "删除"}
_DUTIES = {
    "started": "开始计时的义务", "moved": "时限改变的义务", "settled": "由此履行的义务",
    "reopened": "重新变为未履行的义务", "dropped": "不再需要的义务",
}  # fmt: skip


def inert(words: str, limit: int = _LENGTH) -> str:
    """Words on one line that no forge acts upon: plain words as they are, everything else as code."""
    return _ASCII.sub(_quoted, shown(words.strip(), limit).replace("|", "｜"))


def _quoted(found: re.Match[str]) -> str:
    """A run of ASCII words: neighbours that are not plain share one code span."""
    parts: list[tuple[bool, str]] = []
    for token in found[0].split(" "):
        plain = bool(_PLAIN.fullmatch(token))
        if parts and parts[-1][0] == plain:
            parts[-1] = plain, f"{parts[-1][1]} {token}"
        else:
            parts.append((plain, token))
    return " ".join(token if plain else code(token) for plain, token in parts)


def code(words: str) -> str:
    """One line as a code span, whatever backticks it holds."""
    text = shown(words, _LENGTH).replace("|", "｜")
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"


# --- for people ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Comment:
    """A comment in the making, with the room that is left in it."""

    limit: int
    blocks: list[str] = field(default_factory=list)
    left_out: int = 0

    def room(self) -> int:
        return self.limit - len("\n\n".join(self.blocks).encode()) - 300  # for the note at the end

    def add(self, head: str, items: Sequence[str]) -> None:
        """A heading and the lines below it, as far as there is room."""
        if not items:
            return
        left = self.room() - len(head.encode())
        kept: list[str] = []
        for item in items[:_SHARE]:
            left -= len(item.encode()) + 1
            if left < 0:
                break
            kept.append(item)
        self.left_out += len(items) - len(kept)
        if kept:
            self.blocks.append(head + "\n".join(kept))

    def text(self) -> str:
        note = [f"另有 {self.left_out} 项因篇幅没有列出；用 `kelu review` 可看全部。"] if self.left_out else []
        return "\n\n".join([*self.blocks, *note]) + "\n"


def markdown(review: Review, look: Look, preview: bool = False) -> str:
    """The comment: verdict, what is wrong, deadlines, figures, records, and where the preview is."""
    comment = _Comment(LIMIT)
    comment.blocks += [MARKER, _verdict(review)]
    if review.rules:
        comment.blocks.append(
            f"这次改动涉及模式、制度或配置（{len(review.rules)} 个文件）：全部记录都用新制度检查过；"
            "下面的义务和指标，改动前后按同一制度计算。"
        )
    shown_by = {item.finding.code: item for item in reversed(review.remarks)}  # an example stands once
    for severity, title in ((Severity.ERROR, "须改正"), (Severity.WARNING, "请留意")):
        remarks = [item for item in review.remarks if item.finding.severity is severity]
        told = [_remark(item, shown_by[item.finding.code] is item) for item in remarks]
        comment.add(f"### {title}（{len(remarks)}）\n\n", told)
    if review.errors and (review.owed or review.figures):
        comment.blocks.append("有错误的文件没有计入下面的义务和指标；改正后数字会不同。")
    for kind, title in _DUTIES.items():
        held = [item for item in review.owed if item.kind == kind]
        comment.add(f"### {title}（{len(held)}）\n\n{_head(kind)}", [_duty(item, review) for item in held])
    comment.add(
        f"### 指标变化（{len(review.figures)}）\n\n| 指标 | 周期 | 改动前 | 改动后 | 目标 |\n|---|---|---|---|---|\n",
        [_figure(item, look) for item in review.figures],
    )
    comment.add(f"### 记录变化（{len(review.changed)}）\n\n", [_record(item) for item in review.changed])
    if preview and review.changed:
        comment.blocks.append(
            "### 预览\n\n在本次检查的运行页面下载构件 `kelu-preview`，解压后用浏览器打开 `index.html`，"
            "可看到这些记录合并后的页面。"
        )
    return comment.text()


def _verdict(review: Review) -> str:
    if review.errors:
        verdict = f"❌ 有 {review.errors} 处错误，改正后才能合并"
    elif review.warnings:
        verdict = f"⚠️ 没有错误，有 {review.warnings} 处请留意"
    else:
        verdict = "✅ 没有发现问题"
    moment = review.moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
    return f"## {verdict}\n\n对照目标分支 `{review.base[:12]}`，已检查 {review.checked} 份记录；时点 {moment}。"


def _remark(item: Remark, with_example: bool) -> str:
    finding = item.finding
    where = code(f"{finding.path}:{finding.line}")
    name = f" **{inert(item.label.zh)}**" if item.label else ""
    lines = [f"- {where}{name} {code(finding.field) if finding.field else ''}".rstrip()]
    lines.append(f"  - {inert(finding.message.zh)}（{code(finding.code)}）")
    if finding.value is not None:
        lines.append(f"  - 现为：{code(finding.value)}")
    if finding.hint.zh:
        lines.append(f"  - 改法：{inert(finding.hint.zh)}")
    if item.example and with_example:
        shown_lines = [f"    {line}" for line in item.example.splitlines()[:_EXAMPLE]]
        lines += ["  - 例：", "", "    ```yaml", *shown_lines, "    ```", ""]
    return "\n".join(lines)


def _head(kind: str) -> str:
    last, before = ("履行于", "") if kind == "settled" else ("责任", "原截止 | " if kind == "moved" else "")
    return f"| {before}截止 | 事项 | 关于 | {last} |\n|{'---|' * (5 if before else 4)}\n"


def _duty(item: Owed, review: Review) -> str:
    duty = item.duty
    cells = [deadline(item.was)] if item.was else []
    about = " ".join(filter(None, [code(duty.subject), inert(review.titles.get(duty.subject, ""), 60)]))
    last = "、".join(inert(role.zh) for role in duty.owner)
    if item.kind == "settled":
        last = deadline(duty.done_at) if duty.done_at else ""
    cells += [
        f"**{deadline(duty.due)}**", f"{inert(duty.title.zh)}（{code(duty.obligation)}）", about,
        f"{last}{'（已逾期）' if duty.state == 'overdue' else ''}{'（暂定）' if duty.provisional else ''}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _figure(item: Moved, look: Look) -> str:
    result = item.after or item.before
    if result is None:
        return ""
    before, after = (_value(side, look) for side in (item.before, item.after))
    return (
        f"| {inert(result.title.zh)}（{code(result.code)}） | {result.period.label} | {before} | **{after}** | "
        f"{inert(of_target(result, look, 'zh'))} |"
    )


def _value(result: Any, look: Look) -> str:
    if result is None:
        return "—"
    behind = sums(result)
    left = f"，不计 {result.excluded_count}" if result.excluded_count else ""
    return f"{inert(worth(result, look, 'zh'))}{f'（{behind}{left}）' if behind else ''}"


def _record(item: Changed) -> str:
    parts = [f"- {_KINDS[item.kind]} {inert(item.type.zh)} {code(item.id)}", inert(item.title, 120)]
    before, after = (inert(state.zh) if state else "" for state in (item.before, item.after))
    if before and after and before != after:
        parts.append(f"：{before} → **{after}**")
    elif before or after:
        parts.append(f"：{after or before}")
    if item.fields:
        parts.append(f"；改动：{'、'.join(inert(label.zh) for label in item.fields)}")
    if item.by:
        parts.append(f"；{'、'.join(inert(name, 60) for name in item.by)}")
    first, title, *others = parts
    return f"{first} {title}".rstrip() + "".join(others)


# --- for programs ----------------------------------------------------------------------------------------


def as_json(review: Review, look: Look, preview: bool = False) -> str:
    """The whole review, nothing left out."""
    return dump(
        {
            "base": review.base,
            "as_of": review.moment.isoformat(),
            "summary": {"records": review.checked, "errors": review.errors, "warnings": review.warnings},
            "findings": list(map(_remark_object, review.remarks)),
            "records": list(map(_record_object, review.changed)),
            "duties": list(map(_duty_object, review.owed)),
            "kpis": [
                {
                    "code": held.code, "period": held.period.label, "title": pair(held.title), "unit": held.unit,
                    "before": _figure_object(item.before), "after": _figure_object(item.after),
                }
                for item in review.figures if (held := item.after or item.before)
            ],
            "rules": list(review.rules),
        }
    )  # fmt: skip


def _remark_object(item: Remark) -> dict[str, Any]:
    finding = item.finding
    return {
        "code": finding.code, "severity": finding.severity.value, "path": finding.path, "line": finding.line,
        "column": finding.column, "field": finding.field, "label": _pair(item.label), "value": finding.value,
        "message": pair(finding.message), "hint": pair(finding.hint), "example": item.example,
    }  # fmt: skip


def _record_object(item: Changed) -> dict[str, Any]:
    return {
        "id": item.id, "path": item.path, "type": pair(item.type), "title": item.title, "change": item.kind,
        "before": _pair(item.before), "after": _pair(item.after), "by": list(item.by),
        "fields": [pair(label) for label in item.fields],
    }  # fmt: skip


def _duty_object(item: Owed) -> dict[str, Any]:
    duty = item.duty
    return {
        "change": item.kind, "id": duty.id, "title": pair(duty.title), "subject": duty.subject, "state": duty.state,
        "due": duty.due.astimezone(SHANGHAI).isoformat(),
        "was": item.was.astimezone(SHANGHAI).isoformat() if item.was else None,
        "done_at": duty.done_at.astimezone(SHANGHAI).isoformat() if duty.done_at else None,
    }  # fmt: skip


def _figure_object(result: Any) -> dict[str, Any] | None:
    if result is None:
        return None
    return {"value": result.shown, "sums": sums(result), "excluded": result.excluded_count, "verdict": result.verdict}


def _pair(words: Text | None) -> dict[str, str] | None:
    return pair(words) if words else None
