"""`kelu sample`: records drawn at random for an auditor, who can draw the same ones again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from kelu import git
from kelu.cli import _shared
from kelu.finding import Text
from kelu.formats import SAMPLE_FORMATS, Look

if TYPE_CHECKING:
    from kelu.periods import Period
    from kelu.privacy import Directory
    from kelu.schema import RecordSchema


@click.command("sample", short_help="随机抽样 · Draw a sample")
@click.argument("type_name", metavar="TYPE")
@click.option("--n", "size", type=click.IntRange(min=1), default=10, show_default=True, help="抽几条 · How many")
@click.option(
    "--seed", metavar="S",
    help="种子（默认：所用提交的编号，因此谁也不能事后挑选） · Seed (default: the commit used, which nobody chooses)",
)  # fmt: skip
@click.option(
    "--period", metavar="P",
    help="只从业务日期在此周期内的记录中抽，如 2026、2026-Q1 · Only from records whose business date is in this period",
)  # fmt: skip
@click.option(
    "--status", "states", multiple=True, metavar="STATE",
    help="只从这些状态的记录中抽，可重复 · Only from records in these states; may be repeated",
)  # fmt: skip
@_shared.at_revision
@_shared.format_option(SAMPLE_FORMATS)
@_shared.cache_option
@_shared.common_options
@click.pass_context
def command(
    ctx: click.Context,
    type_name: str,
    size: int,
    seed: str | None,
    period: str | None,
    states: tuple[str, ...],
    revision: str | None,
    style: str,
    no_cache: bool,
) -> None:
    """从一类记录（如 complaint）中随机抽取：同样的记录和种子总得同样的样本，用 sha256sum 也可复核；抽得更多时，
    先前抽中的仍在最前。作废的、受限的和无法读取的记录也可能抽中。

    Draw records of a type (such as complaint) at random. The same records and seed always give the same sample, and
    sha256sum proves it; a larger one begins with the smaller. Void, restricted and unreadable records may be drawn too.
    """
    from kelu import intake, periods, privacy, sample

    if git.head(_shared.root(ctx)) is None:
        raise _shared.UserError(
            Text("没有提交，别人无从抽得同样的样本。", "There is no commit, so nobody could draw the same sample."),
            Text("先用 git commit 提交。", "Commit first: git commit"),
        )
    try:
        span = periods.parse(period) if period else None
    except periods.PeriodError as refused:
        raise _shared.UserError(refused.text) from refused
    with _shared.reading(ctx, None, cached=not no_cache, revision=revision) as read:
        schema = _schema(read.book.schemas.records, type_name, states)
        taken = intake.take_in(read.tree, read.book.schemas, read.store)
        names = privacy.directory(read.store, read.book.schemas.records, read.book.policy)
    commit = read.commit.sha if read.commit else ""
    seed = commit if seed is None else seed
    population = list(
        _population([name for name, kind, _ in taken.listing if kind == schema.name], names, states, span)
    )
    drawn = []
    for name in sample.draw(population, seed, size):
        known = names.titles.get(name)
        key = sample.key(seed, name)
        drawn.append(
            sample.Drawn(name, key, known.title, known.date, known.status, schema.states.get(known.status))
            if known else sample.Drawn(name, key)
        )  # fmt: skip
    if read.dirty:
        _shared.tell(
            ctx,
            Text("有未提交的改动，这个样本不属于任何提交。", "Uncommitted changes: this sample belongs to no commit."),
        )
    found = sample.Sample(
        schema.name, schema.label, schema.folder, seed, None if read.dirty else commit, len(population),
        bool(states or span), tuple(drawn),
    )  # fmt: skip
    text = SAMPLE_FORMATS[style](found, Look(_shared.language(ctx), _shared.paint))
    (_shared.write if style == "table" else _shared.write_data)(text)


def _schema(schemas: Mapping[str, RecordSchema], type_name: str, states: Collection[str]) -> RecordSchema:
    """The schema of the type asked for. Raises UserError where there is none, or where it has not these states."""
    schema = schemas.get(type_name)
    if schema is None:
        raise _unknown("没有这类记录", "There is no such record type", [type_name], list(schemas))
    wrong = [state for state in states if state not in schema.states]
    if wrong:
        raise _unknown("没有这个状态", "There is no such state", wrong, list(schema.states))
    return schema


def _unknown(zh: str, en: str, wrong: Sequence[str], known: Sequence[str]) -> _shared.UserError:
    return _shared.UserError(
        Text(f"{zh}：{'、'.join(wrong)}", f"{en}: {', '.join(wrong)}"),
        Text(f"有：{'、'.join(known)}", f"There are: {', '.join(known)}"),
    )


def _population(ids: Sequence[str], names: Directory, states: Collection[str], span: Period | None) -> Iterator[str]:
    """What is drawn from. A file that cannot be read stays in: of what is not known nothing can be ruled out."""
    for name in ids:
        known = names.titles.get(name)
        if known is None or (
            (not states or known.status in states)
            and (span is None or span.first.isoformat() <= known.date <= span.last.isoformat())
        ):
            yield name
