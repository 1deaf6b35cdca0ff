"""`kelu trace`: every clause of the source policies, what keeps it, the records that show it, and what is lacking."""

from __future__ import annotations

import datetime

import click

from kelu.cli import _shared
from kelu.finding import Text
from kelu.formats import TRACE_FORMATS, Look


@click.command("trace", short_help="条款对照 · Clauses and what keeps them")
@click.argument("wanted", nargs=-1, metavar="[PACK|CLAUSE]...")
@click.option("--gaps", is_flag=True, help="只列有缺口的条款 · Only clauses that lack something")
@_shared.as_of_commit
@click.option("--records", is_flag=True, help="列出为证的记录 · List the records that show a clause")
@_shared.format_option(TRACE_FORMATS)
@_shared.cache_option
@_shared.common_options
@click.pass_context
def command(
    ctx: click.Context,
    wanted: tuple[str, ...],
    gaps: bool,
    moment: datetime.datetime | None,
    records: bool,
    style: str,
    no_cache: bool,
) -> None:
    """逐条对照来源制度：靠什么落实、多少记录可以为证、缺什么。可指明制度包（gsb-141.03）或条款（GSB:6.2）。
    用 --gaps 时，有条款无从落实则退出码为 1。

    The source policies clause by clause: what keeps each, how many records show it, what is lacking. Name packs
    (gsb-141.03) or clauses (GSB:6.2). With --gaps the exit code is 1 when nothing keeps some clause.
    """
    from kelu import check, intake, trace
    from kelu.store import QueryError

    with (
        _shared.reading(ctx, moment, cached=not no_cache) as read,
        _shared.progress(Text("正在对照……", "Tracing …")),
    ):
        taken = intake.take_in(read.tree, read.book.schemas, read.store)
        policy = read.book.policy
        asked = trace.names(policy)
        home = _shared.root(ctx)
        _shared.refuse_cut_off(
            _shared.bring_landed(home, read.store, read.book, read.commit, asked, cached=not no_cache)
        )
        check.lay_policy(read.store, read.book, taken, read.moment, known=True, asked=asked)
        try:
            clauses = trace.trace(read.store, policy, read.book.schemas, trace.files_in(home))
        except QueryError as refused:
            raise _shared.failed(Text("条款的证据无法查询", "The evidence cannot be asked for"), refused) from refused
    for word in wanted:
        if not trace.chosen(clauses, word):
            raise _shared.UserError(
                Text(f"没有制度包或条款“{word}”。", f'There is no pack or clause "{word}".'),
                Text(f"制度包有：{'、'.join(policy.packs)}", f"The packs are: {', '.join(policy.packs)}"),
            )
    if wanted:
        named = {(clause.pack, clause.id) for word in wanted for clause in trace.chosen(clauses, word)}
        clauses = [clause for clause in clauses if (clause.pack, clause.id) in named]
    if gaps:
        clauses = [clause for clause in clauses if clause.gaps]
    labels = read.book.schemas.raw["clauses"]["$defs"]["mechanism"]["properties"]
    kinds = {name: Text(node["title"], node["x-en"]) for name, node in labels.items()}
    text = TRACE_FORMATS[style](clauses, Look(_shared.language(ctx), _shared.paint, kinds, records))
    if style == "table":
        _shared.write(text)
    else:
        _shared.write_data(text)
    ctx.exit(1 if gaps and not all(clause.kept for clause in clauses) else 0)
