"""`kelu doctor`: whether repository, configuration and machine are fit, and how to mend what is not."""

from __future__ import annotations

import datetime

import click

from kelu.cli import _shared
from kelu.formats import OBSERVATION_FORMATS
from kelu.periods import day_of


@click.command("doctor", short_help="检查环境与配置 · Examine the setting")
@_shared.format_option(OBSERVATION_FORMATS)
@_shared.as_of_now
@_shared.common_options
@click.pass_context
def command(ctx: click.Context, style: str, moment: datetime.datetime | None) -> None:
    """检查 Git、放假安排、适用制度、人员、缓存与运行环境是否就绪；有必须改正之处时退出码为 1。

    Examine Git, holiday data, packs in force, staff, cache and machine; the exit code is 1 when something must be
    mended. A missing calendar of this year fails from 15 January on.
    """
    from kelu import check, doctor, git

    root = _shared.root(ctx)
    today = day_of(moment or _shared.now())
    seen = doctor.examine(root, lambda: check.open_book(git.WorkTree(root)), today)
    text = OBSERVATION_FORMATS[style](seen, _shared.language(ctx), _shared.paint)
    if style == "text":
        _shared.write(text)
    else:
        _shared.write_data(text)
    ctx.exit(1 if any(item.level is doctor.Level.FAIL for item in seen) else 0)
