"""`kelu restate`: figures of a closed period that have changed since they were reported, and what changed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kelu.cli import _shared
from kelu.finding import Text
from kelu.formats import RESTATEMENT_FORMATS, Look

if TYPE_CHECKING:
    from kelu.periods import Period


@click.command("restate", short_help="重述 · Restated figures")
@click.argument("label", metavar="PERIOD")
@click.argument("codes", nargs=-1, metavar="[CODE]...")
@_shared.format_option(RESTATEMENT_FORMATS)
@_shared.cache_option
@_shared.profile_option
@_shared.common_options
@click.pass_context
def command(ctx: click.Context, label: str, codes: tuple[str, ...], style: str, no_cache: bool) -> None:
    """列出已结束期间 PERIOD 的指标中，数值与当初所报不同的：原数、现数、进出清单的记录和改动它们的提交。
    当初所报的数字，取已批准报告所报的；没有的，取期间结束满若干工作日（restate.after_workdays）时默认分支的数字。
    两边按同一时点计算，因此差异只来自补录、更正、作废和制度改动。

    The figures of the closed PERIOD that are not what was reported: old and new value, records that entered or left,
    and the commits that did it. Reported is what an approved report states, else what the default branch gave some
    working days after the period's end (restate.after_workdays). Both sides are judged at the same moment, so that
    only late entries, corrections, voids and changes of policy differ.
    """
    from kelu import git, intake, kpi, periods, restate
    from kelu.store import LANDED, QueryError

    try:
        period = periods.parse(label)
    except periods.PeriodError as refused:
        raise _shared.UserError(refused.text) from refused
    with (
        _shared.reading(ctx, None, cached=not no_cache) as read,
        _shared.progress(Text("正在比对……", "Comparing …")),
    ):
        _refuse(read, period, codes)
        taken = intake.take_in(read.tree, read.book.schemas, read.store)
        home = _shared.root(ctx)
        _shared.refuse_cut_off(
            _shared.bring_landed(home, read.store, read.book, read.commit, {LANDED}, cached=not no_cache)
        )
        try:
            with _shared.history_of(home, cached=not no_cache) as history:
                ground = restate.Ground(home, read.tree, read.book, read.store, history)
                outcome = restate.of_period(ground, period, codes, read.moment)
        except (kpi.KpiError, QueryError, git.GitError) as refused:
            raise _shared.failed(Text("重述无法计算", "Restatements cannot be computed"), refused) from refused
    _shared.tell_of_limits(ctx, read, len({item.path for item in taken.findings}))
    text = RESTATEMENT_FORMATS[style](outcome, Look(_shared.language(ctx), _shared.paint))
    if style == "table":
        _shared.write(text)
    else:
        _shared.write_data(text)


def _refuse(read: _shared.Reading, period: Period, codes: tuple[str, ...]) -> None:
    """A period that is not closed yet, and codes that there are not."""
    from kelu import restate
    from kelu.periods import deadline

    known = {item.data["code"] for pack in read.book.policy.packs.values() for item in pack.kpis}
    for code in codes:
        if code not in known:
            raise _shared.UserError(Text(f"没有指标 {code}", f"there is no KPI {code}"))
    at = restate.closes_at(read.book.policy, period)
    if at is None:
        raise _shared.UserError(
            Text(f"默认制度包未规定期满后多少工作日定稿（参数 {restate.PARAMETER}）。",
                 f"The default pack does not say after how many working days figures stand ({restate.PARAMETER}).")
        )  # fmt: skip
    if at > read.moment:
        raise _shared.UserError(
            Text(f"{period.label} 的数字到 {deadline(at)} 才定稿，还谈不上重述。",
                 f"The figures of {period.label} stand from the end of {deadline(at)}; nothing to restate yet.")
        )  # fmt: skip
