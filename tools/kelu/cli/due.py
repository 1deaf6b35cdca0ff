"""`kelu due`: what the company owes to whom, until when, and what of it is done."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from kelu.cli import _shared
from kelu.finding import Text
from kelu.formats import DUTY_FORMATS, Frame

if TYPE_CHECKING:
    from kelu.duty import Duty
    from kelu.store import Store


@click.command("due", short_help="到期义务 · What is due")
@click.argument("words", nargs=-1, metavar="[CODE|SUBJECT]...")
@click.option(
    "--state", "states", multiple=True, metavar="STATE",
    help="只列这些状态，如 overdue、due_soon；可重复 · Only duties in these states; may be repeated",
)  # fmt: skip
@_shared.at_revision
@_shared.as_of_commit
@click.option(
    "--from", "first", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="到期日不早于 · Due on or after"
)
@click.option(
    "--until", "last", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="到期日不晚于 · Due on or before"
)
@_shared.format_option(DUTY_FORMATS, "；ics 可导入日历", "; ics is for calendars")
@_shared.cache_option
@_shared.profile_option
@_shared.common_options
@click.pass_context
def command(
    ctx: click.Context,
    words: tuple[str, ...],
    states: tuple[str, ...],
    revision: str | None,
    moment: datetime.datetime | None,
    first: datetime.datetime | None,
    last: datetime.datetime | None,
    style: str,
    no_cache: bool,
) -> None:
    """列出义务：逾期、临近和暂定的在前，其余只说数量（用 --state 列出）。可指明义务（OB-02）、客户、项目或其他记录。
    CSV 和 JSON 默认列出全部，日历默认列出尚未履行的。

    Duties: those overdue, due soon and provisional; the others are counted only (--state lists them). Name
    obligations (OB-02), customers, projects or other records. CSV and JSON hold all by default, a calendar what is
    still to be done.
    """
    from kelu import check, duty, intake, privacy
    from kelu.store import QueryError

    with (
        _shared.reading(ctx, moment, cached=not no_cache, revision=revision) as read,
        _shared.progress(Text("正在计算……", "Computing …")),
    ):
        policy, store = read.book.policy, read.store
        taken = intake.take_in(read.tree, read.book.schemas, store)
        asked = duty.names(policy)
        home = _shared.root(ctx)
        _shared.refuse_cut_off(_shared.bring_landed(home, store, read.book, read.commit, asked, cached=not no_cache))
        check.lay_policy(store, read.book, taken, read.moment, known=True, asked=asked)
        labels = {code: Text(zh, en) for _, name, code, zh, en, _ in policy.vocabularies() if name == "duty_state"}
        _refuse([state for state in states if state not in labels], "没有这个状态", "There is no such state", labels)
        usual: dict[str, Collection[str]] = {"table": duty.PRESSING, "ics": duty.AHEAD}
        days = (first.date() if first else None, last.date() if last else None)
        try:
            _refuse(duty.unknown(store, policy, words), "没有这个义务或记录", "There is no such obligation or record")
            duties = duty.find(store, policy, words, states or usual.get(style), *days)
            counts = duty.tally(store, words, *days)
        except QueryError as refused:
            raise _shared.failed(Text("义务无法计算", "The duties cannot be computed"), refused) from refused
        named = privacy.directory(_Some(store, _people(duties)), read.book.schemas.records, policy)
    _shared.tell_of_limits(ctx, read, len({item.path for item in taken.findings}))
    commit = read.commit.sha if read.commit and not read.dirty else None
    titles = {name: title.title for name, title in named.titles.items()}
    frame = Frame(read.moment, commit, counts, labels, titles, _shared.language(ctx), _shared.paint)
    text = DUTY_FORMATS[style](duties, frame)
    if style == "table":
        _shared.write(text)
    else:
        _shared.write_data(text)


def _refuse(wrong: Collection[str], zh: str, en: str, known: Collection[str] = ()) -> None:
    if wrong:
        hint = Text(f"有：{'、'.join(known)}", f"There are: {', '.join(known)}") if known else None
        raise _shared.UserError(Text(f"{zh}：{'、'.join(wrong)}", f"{en}: {', '.join(wrong)}"), hint)


def _people(duties: Collection[Duty]) -> set[str]:
    """The records whose titles are shown, and those that know the names which a title may give away."""
    return {name for item in duties for name in (item.subject, item.customer, item.project) if name}


@dataclass(frozen=True, slots=True)
class _Some:
    """Some records of a store, as the directory of names wants them: all of them would have to be read."""

    store: Store
    ids: Collection[str]

    def extracts(self, _: object) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
        return self.store.documents(self.ids)
