"""`kelu site`: the web site of the records as a commit has them."""

from __future__ import annotations

import contextlib
import datetime
import gc
from pathlib import Path

import click

from kelu.cli import _shared
from kelu.finding import Text
from kelu.stage import stage

WORK, OUT = Path("build"), Path("public")
_MARKS = ("search", "pagefind")  # folders by which a site is known; the latter is that of earlier versions


@click.command("site", short_help="生成网站 · Build the site")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="网站放在哪里（默认：仓库的 public/） · Where the site goes (default: public/ of the repository)",
)  # fmt: skip
@click.option(
    "--after", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="上次发布的清单（默认：原有网站中的 kelu-manifest.json） · "
    "Manifest of the last publication (default: kelu-manifest.json of the site that is there)",
)  # fmt: skip
@click.option(
    "--audience", type=click.Choice(["public", "internal"]), default="public", show_default=True,
    help="给谁看：public 任何人；internal 公司与审核员，另有标为内部的字段 · "
    "For whom: anybody, or the company and its auditors, who also see fields marked internal",
)  # fmt: skip
@_shared.as_of_commit
@_shared.cache_option
@_shared.profile_option
@_shared.common_options
@click.pass_context
def command(
    ctx: click.Context,
    out: Path | None,
    after: Path | None,
    audience: str,
    moment: datetime.datetime | None,
    no_cache: bool,
) -> None:
    """生成网站：指标、台账、记录、检查手册和搜索。同一提交总得同样的网站；没有建成时，原来的网站不动。
    上次发布的历史不在了（GH-13），就不再发布。

    Build the site: KPIs, ledgers, records, the manual of checks and the search. A commit always gives the same
    site; where building fails, the site that was there stays. Nothing is built once the history that was published
    is gone (GH-13).
    """
    from kelu import check, intake, kpi, pages, resources, restate, trace
    from kelu.formats import FORMATS
    from kelu.history import audit, seal
    from kelu.history.index import HistoryError
    from kelu.store import LANDED, QueryError

    gc.disable()  # what a build gathers it keeps to its end; looking for garbage in it takes a tenth of the time
    root = _shared.root(ctx)
    own = root / "site"
    base = root / "mkdocs.yml"
    target = (out if out else root / OUT).resolve()
    if root.resolve().is_relative_to(target) or not _may_replace(target):
        raise _shared.UserError(
            Text(
                f"{target} 里有别的东西，不能用网站替换。", f"{target} holds other things; the site may not replace it."
            ),
            Text("指明一个新目录，或已有网站的目录。", "Name a new folder or one that holds a site."),
        )
    with _shared.reading(ctx, moment, cached=not no_cache) as read:
        if read.commit is None:
            raise _shared.UserError(
                Text("没有提交，网站无从注明出处。", "There is no commit that the site could name as its source."),
                Text("先提交记录。", "Commit the records first."),
            )
        with _shared.progress(Text("正在生成网站……", "Building the site …")):
            report = check.check(read.tree, read.book, read.store, read.moment)
            last = after or target / seal.NAME
            cut_off: HistoryError | None = None
            try:
                gone = seal.published(root, last, read.commit.sha) if last.is_file() else []
                manifest = seal.seal(root, read.commit, published=True)
            except HistoryError as refused:
                if last.is_file():  # what was published is to be gone on from, and that cannot be told
                    raise
                gone, manifest, cut_off = [], "", refused
        if gone:
            refusal = check.Report(tuple(gone), report.records)
            _shared.write(FORMATS["text"](refusal, _shared.language(ctx), _shared.paint))
            ctx.exit(1)
        _shared.bring_landed(root, read.store, read.book, read.commit, {LANDED}, cached=not no_cache)
        with contextlib.ExitStack() as opened:
            opened.enter_context(_shared.progress(Text("正在生成网站……", "Building the site …")))
            history, restated, trail, trusted = None, None, [], frozenset[str]()
            if cut_off is None:
                history = opened.enter_context(_shared.history_of(root, cached=not no_cache))
                with stage("核对历史", "Judging the history"):
                    verdict = audit.audit(history, read.book.schemas, read.book.policy, read.book.fingerprint)
                    trail = audit.findings(history, read.book.policy, verdict.breaches())
                trusted = verdict.trusted or trusted
                ground = restate.Ground(root, read.tree, read.book, read.store, history)
                with stage("重述", "Restatements"):
                    restated = restate.recent(ground, read.moment, kpi.FINER)
            taken = intake.take_in(read.tree, read.book.schemas, read.store)
            with stage("备好数据", "Laying out records"):
                check.lay_policy(read.store, read.book, taken, read.moment, known=True)
            edition = pages.Edition(
                read.book.schemas,
                read.book.policy,
                read.store,
                report,
                read.commit.sha,
                read.moment,
                trace.files_in(root),
                read.dirty,
                manifest,
                restated,
                history,
                trail,
                dict.fromkeys(trusted, "good"),
                audience,
                read.book.fingerprint,
                read.tree,
            )
            try:
                made = pages.build(
                    edition,
                    own if own.is_dir() else resources.site_dir(),
                    base if base.is_file() else resources.mkdocs_file(),
                    root / WORK,
                    target,
                    cached=not no_cache,
                )
            except (pages.SiteError, pages.TemplateError, kpi.KpiError, QueryError) as refused:
                raise _shared.failed(Text("网站没有建成", "The site was not built"), refused) from refused
    index = _shared.near(target / "index.html")
    _shared.tell(ctx, Text(f"已生成 {made} 页：{index}", f"{made} pages: {index}"))
    if cut_off is not None:
        _shared.tell(ctx, Text(f"{cut_off.text.zh}网站因此没有历史和清单，不宜发布。{cut_off.mend.zh}",
                               f"{cut_off.text.en} So the site has neither history nor manifest and is not to be "
                               f"published. {cut_off.mend.en}"))  # fmt: skip
    if report.errors:
        _shared.tell(
            ctx,
            Text(
                f"记录有 {report.errors} 个错误，有错误的文件不在网站中；运行 kelu check 查看。",
                f"Errors in the records: {report.errors}. Files at fault are not on the site; kelu check shows them.",
            ),
        )


def _may_replace(target: Path) -> bool:
    """Whether a folder is free, empty, or holds a site made before or its manifest: whatever it holds will be gone."""
    from kelu.history import seal

    if not target.exists():
        return True
    return target.is_dir() and (
        any((target / name).is_dir() for name in _MARKS) or all(path.name == seal.NAME for path in target.iterdir())
    )
