"""`kelu kpi`: figures of a period, with the records behind them."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from kelu.cli import _memo, _shared
from kelu.finding import Text
from kelu.formats import RESULT_FORMATS, Look
from kelu.periods import containing, day_of

if TYPE_CHECKING:
    from kelu.check import Rulebook
    from kelu.history.index import HistoryError
    from kelu.kpi import Result
    from kelu.periods import Period


@click.command("kpi", short_help="计算指标 · Compute KPIs")
@click.argument("codes", nargs=-1, metavar="[CODE]...")
@click.option(
    "--period", metavar="P",
    help="周期，如 2026、2026-H1、2026-Q1、2026-03、2026-W10（默认：时点所在的正式周期）"
    " · Period (default: each KPI's own that holds the moment)",
)  # fmt: skip
@_shared.at_revision
@_shared.as_of_commit
@click.option(
    "--by",
    metavar="DIMENSION",
    help="细分，如 customer、project、department · Slice by customer, project, department …",
)
@click.option(
    "--all", "whole", is_flag=True,
    help="网站所示的各正式周期、更细周期和各种细分 · Every period that the site shows, and every slice",
)  # fmt: skip
@click.option("--records", is_flag=True, help="列出背后的记录 · List the records behind each figure")
@_shared.format_option(RESULT_FORMATS)
@_shared.cache_option
@_shared.profile_option
@_shared.common_options
@click.pass_context
def command(
    ctx: click.Context,
    codes: tuple[str, ...],
    period: str | None,
    revision: str | None,
    moment: datetime.datetime | None,
    by: str | None,
    whole: bool,
    records: bool,
    style: str,
    no_cache: bool,
) -> None:
    """计算指标 CODE（默认全部）：数值、分子、分母、目标和结论；同一提交总得同样的数字。

    Compute the KPIs CODE (default: all): value, numerator, denominator, target and verdict. A commit always gives
    the same figures.
    """
    from kelu import check, intake, kpi, periods
    from kelu.store import LANDED, QueryError

    if whole and (period or by or records):
        raise _shared.UserError(
            Text("--all 已含各周期和细分，不能与 --period、--by、--records 同用。",
                 "--all has every period and slice; it cannot go with --period, --by or --records.")
        )  # fmt: skip
    with (
        _shared.reading(ctx, moment, cached=not no_cache, revision=revision) as read,
        _shared.progress(Text("正在计算……", "Computing …")),
    ):
        taken = intake.take_in(read.tree, read.book.schemas, read.store)
        asked = kpi.names(read.book.policy, codes or None)
        cut_off = _shared.bring_landed(
            _shared.root(ctx), read.store, read.book, read.commit, asked, cached=not no_cache
        )
        if codes:
            _shared.refuse_cut_off(cut_off)
        left_out = kpi.leaning(read.book.policy, LANDED) if cut_off else set()
        commit = read.commit.sha if read.commit and not read.dirty else None
        look = Look(_shared.language(ctx), _shared.paint, units(read.book), records)

        def work() -> str:
            check.lay_policy(read.store, read.book, taken, read.moment, known=True, asked=asked)
            if whole:
                return RESULT_FORMATS[style](list(_everything(read, codes, left_out, commit)), look)
            results = [
                result
                for code, span in _wanted(read, codes, periods.parse(period) if period else None, by)
                if code not in left_out
                for result in kpi.evaluate(read.store, read.book.policy, [code], span, read.moment, commit, by, records)
            ]
            return RESULT_FORMATS[style](results, look)

        try:
            if no_cache or cut_off:
                text = work()
            else:
                hangs_on = (
                    read.book.fingerprint, read.book.policy.digest, taken.states, read.commit, read.dirty, read.moment,
                    codes, period, by, whole, records, style, look.lang, _shared.is_coloured(),
                )  # fmt: skip
                text = _memo.recalled(_shared.root(ctx), "kpi", hangs_on, work)
        except (kpi.KpiError, periods.PeriodError) as refused:
            raise _shared.UserError(refused.text) from refused
        except QueryError as refused:
            raise _shared.failed(Text("指标无法计算", "The KPIs cannot be computed"), refused) from refused
    _shared.tell_of_limits(ctx, read, len({item.path for item in taken.findings}))
    if cut_off:
        _shared.tell(ctx, _left_out(left_out, cut_off))
    if style == "table":
        _shared.write(text)
    else:
        _shared.write_data(text)


def _everything(
    read: _shared.Reading, codes: Sequence[str], left_out: Collection[str], commit: str | None
) -> Iterator[Result]:
    """The KPIs asked for in all periods and by all dimensions."""
    from kelu import kpi

    known = {item.data["code"] for item in kpi.in_force(read.book.policy, day_of(read.moment))}
    for code in codes:
        if code not in known:  # refused with the reason
            kpi.evaluate(
                read.store, read.book.policy, [code], containing("year", day_of(read.moment)), read.moment, commit
            )
    chosen = known & {*codes} if codes else known
    for item in kpi.series(
        read.store, read.book.policy, read.moment, commit, codes=chosen - {*left_out}, records=False
    ):  # fmt: skip
        yield from (*item.official, *item.finer)
        for results, _ in item.slices.values():
            yield from results


def _wanted(
    read: _shared.Reading, codes: Sequence[str], period: Period | None, by: str | None
) -> Iterator[tuple[str, Period]]:
    """The KPIs asked for, each with the period asked for or its own that holds the moment."""
    from kelu import kpi, periods

    policy, day = read.book.policy, day_of(read.moment)
    known = {item.data["code"]: item for item in kpi.in_force(policy, period.last if period else day)}
    for code in codes or known:
        kind = known[code].data["period"] if code in known else "year"
        span = period or periods.containing(kind, day)
        if not codes:  # all that can be given; what is named and cannot be given is refused with its reason
            if by is not None and by not in kpi.dimensions(read.store, known[code]):
                continue
            if kpi.find(policy, code, span.last) is None:
                continue
        yield code, span


def _left_out(codes: Collection[str], cut_off: HistoryError) -> Text:
    named, why, mend = sorted(codes), cut_off.text, cut_off.mend
    return Text(f"未计算{'、'.join(named)}：{why.zh}{mend.zh}", f"Left out: {', '.join(named)}. {why.en} {mend.en}")


def units(book: Rulebook) -> dict[str, Text]:
    """The names of the units, from the schema of kpis.yaml."""
    entry = book.schemas.raw["kpis"]["properties"]["kpis"]["items"]["properties"]
    return {code: Text(words["zh"], words["en"]) for code, words in entry["unit"]["x-labels"].items()}
