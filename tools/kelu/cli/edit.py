"""`kelu edit ID`: change fields of a record, with a correction where they may not simply change."""

from __future__ import annotations

import copy
import datetime
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from kelu.cli import _pr, _shared
from kelu.document import Pointer, field_text, pointer

if TYPE_CHECKING:
    from kelu.cli._desk import Held, Open
    from kelu.cli._told import Answers


@click.command("edit", short_help="修改记录 · Change a record")
@click.argument("record", metavar="ID")
@_shared.set_option
@click.option("--unset", "removed", multiple=True, metavar="栏", help="删去一栏 · Take a field away")
@click.option("--reason", help="更正原因（不得直接改动的栏） · Why, for a field that may not simply change")
@_pr.writing
@click.pass_context
def command(
    ctx: click.Context, record: str, settings: tuple[str, ...], removed: tuple[str, ...], reason: str | None,
    moment: datetime.datetime | None, dry_run: bool, propose: bool, approver: str | None,
) -> None:  # fmt: skip
    """修改一条记录的几栏；注释、次序和没有改动的栏一字不动。没有给 --set 时询问要改哪一栏。已固定的栏另写一条更正。

    Change fields of a record; comments, order and everything else stay. Without --set it asks which. A field that is
    fixed gets an entry in corrections.
    """
    from kelu import interview
    from kelu.cli import _desk, _told
    from kelu.document import amend

    with _desk.opened(ctx, moment) as at:
        held = _desk.held(at, record)
        asks = _told.interactive() and not dry_run
        if not settings and not removed and not asks:
            raise click.UsageError("用 --set 栏=值 说明改什么。 / Say what changes: --set FIELD=VALUE.")
        answers = _told.Answers(at.desk, _told.given(held.schema, {}, settings), asks=asks)
        data = copy.deepcopy(held.data)
        told = answers.left()
        for place in [] if settings or removed else _chosen(held):
            item = interview.field_at(held.schema, place)
            assert item is not None, place
            value = answers(interview.Question(place, item, needed=False), data)
            if value is not interview.SKIPPED:
                _told.put_or_refuse(data, place, value)
                told.append(place)
        gone = [pointer(name) for name in removed]
        for place in gone:
            _remove(data, place)
        talk = interview.Interview(at.book.schemas, held.schema, data, answers, answers.more)
        left = _told.settle(at.desk, held.schema, data, talk, answers)
        _correct(at, held, data, [*told, *gone], answers, reason, approver)
        _desk.refuse(ctx, held.path, left or interview.faults(at.book.schemas, held.schema.name, data))
        raw = amend(held.raw, data, at.book.schemas.order(held.schema.name))
        if raw == held.raw:
            raise click.UsageError("没有改动。 / Nothing changes.")
        _desk.finish(ctx, at, {held.path: raw}, f"{record} 修改", shown=dry_run, proposed=propose, approver=approver)


def _chosen(held: Held) -> Iterable[Pointer]:
    """The fields that somebody at the terminal names, one after the other."""
    fields = [item for item in held.schema.fields if item.kind not in ("object", "map") and item.items != "object"]
    while True:
        typed = click.prompt("改哪一栏 [名称或键，回车结束]", default="", show_default=False, err=True).strip()
        if not typed:
            return
        fitting = [item for item in fields if typed in (item.name, item.label.zh)] or [
            item for item in fields if typed in item.label.zh or typed in item.name
        ]
        if len(fitting) == 1:
            yield (fitting[0].name,)
        else:
            names = "、".join(f"{item.label.zh} {item.name}" for item in fitting or fields)
            click.echo(f"  {names}", err=True)


def _remove(data: Any, place: Pointer) -> None:
    try:
        for step in place[:-1]:
            data = data[step]
        del data[place[-1]]
    except (KeyError, IndexError, TypeError):
        raise click.UsageError(f"--unset {field_text(place)}：没有这一栏。 / There is no such field.") from None


def _correct(
    at: Open, held: Held, data: dict[str, Any], places: Iterable[Pointer], answers: Answers, reason: str | None,
    approver: str | None,
) -> None:  # fmt: skip
    """Add an entry to `corrections` for each fixed field that changed (GH-04, GH-06). Raises UsageError without a
    reason."""
    for name in dict.fromkeys(str(place[0]) for place in places):
        item = next(field for field in held.schema.fields if field.name == name)
        before, after = held.data.get(name), data.get(name)
        fixed = item.immutable or (item.freeze is not None and item.freeze.state == held.data.get("status"))
        if not fixed or before is None or before == after:
            continue
        if reason is None and answers.asks:
            reason = click.prompt(f"“{item.label.zh}”已固定，更正原因", err=True)
        if reason is None or at.desk.me is None:
            raise click.UsageError(
                f"“{item.label.zh}”已固定：用 --reason 写明更正原因，并以 config/staff.yaml 中的邮箱设置 Git。 / "
                f"{item.label.en} is fixed: give --reason, and set Git's user.email as in config/staff.yaml."
            )
        entry = {
            "at": at.desk.now.isoformat(timespec="seconds"), "by": at.desk.me["id"], "field": name,
            "from": _said(before), "to": _said(after), "reason": reason,
        }  # fmt: skip
        data["corrections"] = [*data.get("corrections", []), entry | ({"approved_by": approver} if approver else {})]


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
