"""`kelu new TYPE`: register a record — asked for in Chinese, or told by options."""

from __future__ import annotations

import datetime
from typing import Any

import click

from kelu.cli import _shared

_IDS = "SELECT id FROM record.source"


class _Types(click.Group):
    """A command for each record type of the repository, with an option for each field."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        try:
            return sorted(_schemas(ctx).records)
        except _shared.UserError:
            return []

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from kelu.cli import _pr, _told

        schema = _schemas(ctx).records.get(cmd_name)
        if schema is None:
            return None

        @_shared.set_option
        @_pr.writing
        @click.pass_context
        def made(
            ctx: click.Context, /, settings: tuple[str, ...], moment: datetime.datetime | None, dry_run: bool,
            propose: bool, approver: str | None, **options: Any,
        ) -> None:  # fmt: skip
            _register(ctx, cmd_name, options, settings, moment, shown=dry_run, proposed=propose, approver=approver)

        command = click.command(cmd_name, short_help=f"{schema.label.zh} · {schema.label.en}")(made)
        command.help = f"登记{schema.label.zh}。没有用选项说明的，逐项询问。\n\nRegister: {schema.label.en}."
        command.params = [*_told.field_options(schema), *command.params]
        return command


@click.command("new", cls=_Types, short_help="登记记录 · Register a record")
@_shared.common_options
def command() -> None:
    """登记一条记录：逐项用中文询问，客户、联系人可按名称查找；自动取号、填时间，写成带注释的文件并检查。每一项也都可用选项给出。

    Register a record: asks field by field, allocates the id, writes a commented file and checks it. Every question has
    an option, too.
    """


def _schemas(ctx: click.Context) -> Any:
    from kelu import git

    return _shared.open_book(git.WorkTree(_shared.root(ctx))).schemas


def _register(
    ctx: click.Context, kind: str, options: dict[str, Any], settings: tuple[str, ...],
    moment: datetime.datetime | None, *, shown: bool, proposed: bool, approver: str | None,
) -> None:  # fmt: skip
    from kelu import desk as desks
    from kelu import interview, shelf
    from kelu.cli import _desk, _told
    from kelu.document import write

    with _desk.opened(ctx, moment) as at:
        desk, schema = at.desk, at.book.schemas.records[kind]
        told = _told.given(schema, options, settings)
        answers = _told.Answers(desk, told, asks=_told.interactive() and not shown)
        data = desks.blank(schema, desk.now, desk.me)
        talk = interview.Interview(at.book.schemas, schema, data, answers, answers.more)
        needed = [name for name in at.book.schemas.raw[kind]["required"] if name not in ("id", "policy")]
        talk.ask(name for name in (schema.business_date or "").split(".")[:1] if name in needed)
        day = desks.business_day(schema, data) or desk.now.date()
        packs = desk.packs(schema, day)
        data |= {"policy": packs[0]} if packs and ("policy",) not in told else {}
        (data["id"],) = shelf.next_ids(schema, [name for (name,) in desk.store.query(_IDS)], day.year)
        talk.ask(item.name for item in schema.fields if item.name in needed or item.asked)
        left = _told.settle(at.desk, schema, data, talk, answers)
        path = schema.path_of(data["id"]) or data["id"]
        _desk.refuse(ctx, path, left)
        shown_labels = {key: label for key, label in desks.labels(schema).items() if key in data}
        raw = write(data, at.book.schemas.order(kind), shown_labels).encode()
        title = f"{data['id']} 登记"
        _desk.finish(ctx, at, {path: raw}, title, shown=shown, proposed=proposed, approver=approver)
