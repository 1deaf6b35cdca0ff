"""`kelu review`: what a proposed change does, as the one comment on it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kelu.cli import _shared
from kelu.cli.check import reported_figures
from kelu.cli.kpi import units
from kelu.finding import Text
from kelu.formats import REVIEW_FORMATS, Look

if TYPE_CHECKING:
    from kelu.check import Report, Rulebook
    from kelu.review import Review
    from kelu.store import Store


@click.command("review", short_help="改动的说明 · What a change does")
@click.option("--base", metavar="REV", required=True, help="目标分支或提交 · The target branch or commit")
@click.option(
    "--policy-from", metavar="REV",
    help="模式、制度和配置取自 REV · Take schemas, policies and configuration from REV",
)  # fmt: skip
@_shared.format_option(REVIEW_FORMATS)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="写入文件（默认：屏幕） · Write to a file (default: standard output)",
)  # fmt: skip
@click.option(
    "--preview", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="在空目录 DIR 生成所改记录的页面 · Make the pages of the changed records in the empty folder DIR",
)  # fmt: skip
@_shared.as_of_now
@_shared.cache_option
@_shared.profile_option
@_shared.common_options
@click.pass_context
def command(
    ctx: click.Context,
    base: str,
    policy_from: str | None,
    style: str,
    output: Path | None,
    preview: Path | None,
    moment: datetime.datetime | None,
    no_cache: bool,
) -> None:
    """说明自 REV 以来的改动：错误及改法、开始计时的义务和截止时间、指标的变化、记录的变化；供贴到合并请求中。
    只说明，不裁决：是否通过看 kelu check --base。

    Tell of the change since REV: what is wrong and how to mend it, the duties whose clock it starts and until when,
    figures and records before and after; in Chinese, to be posted in the pull request. It tells and does not judge:
    kelu check --base does.
    """
    from kelu import check, git, kpi, pages, review
    from kelu.store import QueryError

    root = _shared.root(ctx)
    since = _shared.commit(root, base).sha
    if preview and preview.exists() and any(preview.iterdir()):
        raise _shared.UserError(
            Text(f"{preview} 不是空目录。", f"{preview} is not empty."), Text("指明一个新目录。", "Name a new folder.")
        )
    at = moment or _shared.now()
    judge: git.Tree = git.WorkTree(root)
    if policy_from:
        judge = git.RevisionTree(root, _shared.commit(root, policy_from).sha)
    with _shared.progress(Text("正在比对……", "Comparing …")):
        book = _shared.open_book(judge)
        store = check.open_cache(root, book, cached=not no_cache)
        try:
            report = _report(root, book, store, since, at, policy_from is not None, cached=not no_cache)
            try:
                found = review.of_change(root, book, store, since, report, at)
                if preview and found.changed and book.sound:
                    _preview(root, book, store, found, report, preview)
            except (pages.SiteError, pages.TemplateError, kpi.KpiError, QueryError) as refused:
                raise _shared.failed(Text("无法说明这次改动", "The change cannot be told of"), refused) from refused
        finally:
            store.close()
    text = REVIEW_FORMATS[style](found, Look("zh", units=units(book)), preview is not None)
    if output:
        output.write_text(text, "utf-8")
    else:
        _shared.write_data(text)


def _report(
    root: Path, book: Rulebook, store: Store, since: str, moment: datetime.datetime, foreign: bool, *, cached: bool
) -> Report:
    """What `kelu check --base` finds; and where the change brings other rules, what these find in all records.
    `foreign` tells that the change is judged by other rules than its own."""
    from kelu import check, git, review

    report = check.check_change(root, book, store, since, moment)
    found = {*report.findings}
    if book.sound:
        found.update(reported_figures(root, book, store, git.here(root), since, moment, cached))
    here = git.WorkTree(root)
    if review.differing(git.RevisionTree(root, since), here, *review.RULES):
        own = _shared.open_book(here) if foreign else book
        aside = check.open_cache(root, own, cached=False)
        try:
            found.update(check.check(here, own, aside, moment).findings)
        finally:
            aside.close()
    return check.Report(tuple(sorted(found)), report.records)


def _preview(root: Path, book: Rulebook, store: Store, found: Review, report: Report, out: Path) -> None:
    """Make the pages of the changed records; the store is laid as the review left it."""
    from kelu import git, pages, resources, trace

    head = git.head(root)
    edition = pages.Edition(
        book.schemas, book.policy, store, report, head.sha if head else "", found.moment, trace.files_in(root),
        fingerprint=book.fingerprint,
    )  # fmt: skip
    # Never by templates of the change, which could run anything: by those that come with the program.
    pages.preview(edition, [item.id for item in found.changed], resources.site_dir(), resources.mkdocs_file(), out)
