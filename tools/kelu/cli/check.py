"""`kelu check`: everything that is wrong with the records, the policies and the configuration."""

from __future__ import annotations

import contextlib
import datetime
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kelu import git
from kelu.cli import _shared
from kelu.finding import Finding, Text
from kelu.formats import FORMATS

if TYPE_CHECKING:
    from kelu.check import Rulebook, Standing
    from kelu.store import Store

SOUND = Path(".kelu/cache/kpis.sound")  # the digest of the definitions last found without fault


@click.command("check", short_help="检查记录 · Check records")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option(
    "--base", metavar="REV",
    help="只报告自 REV 以来的改动引入的问题 · Report only what the change since REV brings",
)  # fmt: skip
@click.option(
    "--policy-from", metavar="REV",
    help="模式、制度和配置取自 REV · Take schemas, policies and configuration from REV",
)  # fmt: skip
@_shared.format_option(FORMATS)
@_shared.as_of_now
@_shared.cache_option
@_shared.profile_option
@_shared.common_options
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[Path, ...],
    base: str | None,
    policy_from: str | None,
    style: str,
    moment: datetime.datetime | None,
    no_cache: bool,
) -> None:
    """检查全部记录；给出 PATH（文件或目录）时只报告其中的问题。每处问题给出文件、行、列、原因和改法。

    Check all records; with PATHs (files or folders) report only what is wrong in them. Every finding names the
    file, line and column, the reason and the remedy.
    """
    root = _shared.root(ctx, bare=True)
    standing = git.here(root)
    with ThreadPoolExecutor(1) as meanwhile:  # git and DuckDB need no interpreter, and one processor is often idle
        ahead = []
        if isinstance(standing, git.WorkTree):
            ahead = [meanwhile.submit(standing.ask_ahead, *(() if base else ("records",)))]
        # Here rather than above, so that --help and usage errors need not wait for the database and the validators.
        from kelu import check, policy

        wanted = [_shared.inside(root, path) for path in paths]
        since = _shared.commit(root, base).sha if base else None
        if since:
            with _shared.progress(Text("正在取得改动……", "Fetching the change …")):
                check.fetch_change(root, since)
        judge: git.Tree = standing
        if policy_from:
            judge = git.RevisionTree(root, _shared.commit(root, policy_from).sha)
        with _shared.progress(Text("正在检查……", "Checking …")):
            wait(ahead)
            book, faults = check.with_vault(root, _shared.open_book(judge))
            _tell_of_fetching(ctx, root, book, standing, cached=not no_cache)
            store = check.open_cache(root, book, cached=not no_cache)
            try:
                at = moment or _shared.now()
                definitions: list[Future[list[Finding]]] = []

                def try_definitions() -> None:
                    if book.sound and not policy_from:
                        asked = meanwhile.submit(_kpi_faults, root, book, standing, since, at, not no_cache)
                        definitions.append(asked)

                if since:
                    try_definitions()
                    report = check.check_change(root, book, store, since, at, standing)
                else:
                    report = check.check(standing, book, store, at, try_definitions)
                found = {*report.findings, *faults}
                if book.sound:
                    found.update(reported_figures(root, book, store, standing, since, at, not no_cache))
                for asked in definitions:
                    found.update(asked.result())
                report = check.Report(tuple(sorted(found)), report.records)
            finally:
                store.close()
    if wanted:
        # A fault of policy keeps rules from running, so it is never left out: nothing may look clean unjudged.
        report = check.only(report, [*wanted, *policy.FOLDERS])
    text = FORMATS[style](report, _shared.language(ctx), _shared.paint)
    if style == "text":
        _shared.write(text)
    else:
        _shared.write_data(text)
    ctx.exit(1 if report.errors else 0)


def _tell_of_fetching(ctx: click.Context, root: Path, book: Rulebook, standing: Standing, *, cached: bool) -> None:
    """Say why a check in a clone without blobs takes long, where no cache holds the records."""
    from kelu import check
    from kelu.intake import RECORDS
    from kelu.store import cache_state

    if git.promisor(root) is None or (cached and cache_state(root / check.CACHE, book.fingerprint) == "fits"):
        return
    lacking = len(git.missing(root, {entry.blob for entry in standing.entries(RECORDS)}))
    if lacking:
        _shared.tell(
            ctx,
            Text(
                f"没有可用的缓存：须取回 {lacking} 份记录，才能核对全部规则。"
                "放回主分支上次检查留下的 .kelu 目录，则只取改动。",
                f"No cache that fits: {lacking} records are fetched to judge by all rules. Restore the folder .kelu as "
                "the last check of the main branch left it, and only the change is.",
            ),
        )


def reported_figures(
    root: Path,
    book: Rulebook,
    store: Store,
    standing: Standing,
    base: str | None,
    moment: datetime.datetime,
    cached: bool,
) -> list[Finding]:
    """Figures in reports that are not what the records give: of drafts, and of reports approved since `base`."""
    from kelu import check
    from kelu.intake import RECORDS, take_in

    if base is not None:
        merged, _ = check.merge(root, base, standing)
        types = check.types_of(book, check.STATED)
        kinds = (book.schemas.of_folder(path) for path in merged.since(base, RECORDS))
        if not any(schema and schema.name in types for schema in kinds):
            return []
        take_in(merged, book.schemas, store)
    from kelu import reported

    def bring(asked: set[str]) -> None:
        _shared.refuse_cut_off(_shared.bring_landed(root, store, book, git.head(root), asked, cached=cached))

    if base is None:
        return reported.findings(store, book, moment, standing, bring=bring)
    return reported.findings(store, book, moment, merged, git.RevisionTree(root, base), bring)


def _kpi_faults(
    root: Path, book: Rulebook, standing: Standing, base: str | None, moment: datetime.datetime, cached: bool
) -> list[Finding]:
    """KPIs, views and duties whose SQL does not run, and clauses that nothing keeps.

    That hangs on policies and schemas alone, and on which of the files there are that clauses lean on: what was
    sound is not asked again, and what is as it was at `base` is not asked at all.
    """
    if base and all(path.startswith("records/") for path in standing.since(base)):
        return []
    from kelu import trace

    leaned_on = sorted(trace.paths(book.policy))
    if base and not standing.since(base, "policies", "schemas", *leaned_on):
        return []
    read = trace.files_in(root)
    digest = f"{book.fingerprint} {book.policy.digest} {[path for path in leaned_on if read(path) is None]}"
    sound = root / SOUND
    with contextlib.suppress(OSError, ValueError):
        if cached and sound.read_text("ascii") == digest:
            return []
    from kelu import check, draft, kpi, obligation

    # The check laid only what rules need; whether SQL runs does not hang on which records there are.
    store, faults = check.blank(book, moment)
    faults += kpi.faults(book.policy, store) + obligation.faults(book.policy, store)
    faults += trace.faults(book.policy, store, book.schemas, read) + draft.faults(book, store)
    store.close()
    if cached and not faults:
        with contextlib.suppress(OSError):
            sound.write_text(digest, "ascii")
    return faults
