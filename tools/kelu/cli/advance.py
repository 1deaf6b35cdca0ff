"""`kelu advance ID`: the next step of a record's life, asking for just what it needs."""

from __future__ import annotations

import copy
import datetime
from typing import TYPE_CHECKING, Any

import click

from kelu.cli import _pr, _shared
from kelu.finding import Text

if TYPE_CHECKING:
    from kelu.desk import Desk
    from kelu.schema import RecordSchema, Transition


@click.command("advance", short_help="推进到下一状态 · Take the next step")
@click.argument("record", metavar="ID")
@click.option("--to", "target", metavar="STATE", help="到哪个状态（默认：唯一的下一步，或询问） · To which state")
@_shared.set_option
@_pr.writing
@click.pass_context
def command(
    ctx: click.Context, record: str, target: str | None, settings: tuple[str, ...], moment: datetime.datetime | None,
    dry_run: bool, propose: bool, approver: str | None,
) -> None:  # fmt: skip
    """把一条记录推进到下一状态：只问这一步需要的内容，其余一字不动。

    Take a record to its next state: asks for what that state needs and leaves the rest as it is.
    """
    from kelu import interview
    from kelu.cli import _desk, _told
    from kelu.document import amend

    with _desk.opened(ctx, moment) as at:
        held = _desk.held(at, record)
        asks = _told.interactive() and not dry_run
        step = _step(ctx, at.desk, held.schema, held.data, target, asks=asks)
        data = copy.deepcopy(held.data) | {"status": step.target}
        answers = _told.Answers(at.desk, _told.given(held.schema, {}, settings), asks=asks)
        talk = interview.Interview(at.book.schemas, held.schema, data, answers, answers.more)
        _desk.refuse(ctx, held.path, _told.settle(at.desk, held.schema, data, talk, answers))
        raw = amend(held.raw, data, at.book.schemas.order(held.schema.name))
        title = f"{record} {held.schema.states[step.target].zh}"
        _desk.finish(ctx, at, {held.path: raw}, title, shown=dry_run, proposed=propose, approver=approver)


def _step(
    ctx: click.Context, desk: Desk, schema: RecordSchema, data: dict[str, Any], target: str | None, *, asks: bool
) -> Transition:
    """The step to take. Raises UsageError where none, or more than one, is possible."""
    now = str(data.get("status"))
    steps = [step for step in schema.transitions if step.source == now]
    words = "、".join(f"{step.target} {schema.states[step.target].zh}" for step in steps)
    if target:
        steps = [step for step in steps if target in (step.target, schema.states[step.target].zh)]
    if not steps:
        zh, en = schema.states[now].zh, schema.states[now].en
        raise click.UsageError(
            f"状态为“{zh}”，可到：{words or '无'}。 / It is {en}; next may be: {words or 'nothing'}."
        )
    if len(steps) > 1:
        if not asks:
            raise click.UsageError(f"下一步不止一个，用 --to 指明：{words} / Choose with --to: {words}")
        for number, step in enumerate(steps, 1):
            click.echo(f"  {number:>2}  {schema.states[step.target].zh} {step.target}", err=True)
        chosen = click.prompt("下一步 [序号]", type=click.IntRange(1, len(steps)), default=1, err=True)
        steps = [steps[chosen - 1]]
    (step,) = steps
    _warn(ctx, desk, schema, data, step)
    return step


def _warn(ctx: click.Context, desk: Desk, schema: RecordSchema, data: dict[str, Any], step: Transition) -> None:
    """Say who takes this step, where it is not the one who asks."""
    pack = str(data.get("policy") or desk.policy.defaults)
    day = f"{desk.now:%Y-%m-%d}"
    mine = desk.me is not None and any(desk.policy.holds(desk.me["id"], role, day) for role in step.roles)
    if step.roles and not mine and not step.persons:
        who = dict.fromkeys(desk.policy.role(pack, role) for role in step.roles)
        named = Text.joined(who, "、", ", ")
        _shared.tell(ctx, Text(f"这一步由{named.zh}进行。", f"This step is taken by: {named.en}."))
    if step.jointly:
        named = Text.joined([desk.policy.role(pack, role) for role in step.jointly], "、", ", ")
        _shared.tell(
            ctx, Text(f"须会同{named.zh}：提交时用 --approved-by。", f"Together with: {named.en} (--approved-by).")
        )
