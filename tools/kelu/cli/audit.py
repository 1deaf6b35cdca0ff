"""`kelu audit`: whether what the history says happened was allowed, and whether it is still the history once sealed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kelu.cli import _shared
from kelu.finding import Text
from kelu.formats import FORMATS
from kelu.periods import day_of

if TYPE_CHECKING:
    from kelu.history.index import History


@click.command("audit", short_help="审计历史 · Audit the history")
@click.option("--since", metavar="REV", help="只报告 REV 之后的提交 · Report only what landed after REV")
@click.option(
    "--against", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="与封存清单比对（kelu seal 所写） · Compare with a manifest written by kelu seal",
)  # fmt: skip
@click.option(
    "--allowed-signers", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="可信签名人（默认 config/allowed_signers） · Who may sign (default: config/allowed_signers)",
)  # fmt: skip
@_shared.format_option(FORMATS)
@_shared.cache_option
@_shared.profile_option
@_shared.common_options
@click.pass_context
def command(
    ctx: click.Context,
    since: str | None,
    against: Path | None,
    allowed_signers: Path | None,
    style: str,
    no_cache: bool,
) -> None:
    """核对全部历史：谁在何时改了什么、是否有权、是否改写过。每处问题给出文件、行、列和所在提交。

    Judge the whole history: who changed what when, whether he was entitled to, whether the past was rewritten. Every
    finding names the file, line and column, and the commit that did it.
    """
    from kelu import check, git
    from kelu.history import audit, seal, signature
    from kelu.history.branch import Branch
    from kelu.intake import RECORDS

    root = _shared.root(ctx)
    first = _shared.commit(root, since).sha if since else None
    if first is not None and not git.is_ancestor(root, first, "HEAD"):
        raise _shared.UserError(
            Text(f"{since} 不在当前分支的历史中。", f"{since} is not in the history of the present branch.")
        )
    book = _shared.open_book(git.WorkTree(root))
    if not book.sound:
        raise _shared.unsound()
    with (
        _shared.progress(Text("正在核对历史……", "Judging the history …")),
        _shared.history_of(root, cached=not no_cache) as history,
    ):
        verdict = audit.audit(history, book.schemas, book.policy, book.fingerprint)
        found = audit.findings(history, book.policy, verdict.breaches(), first)
        if against is not None:
            by, faults = seal.signed(against, allowed_signers or signature.allowed_in(root))
            found += [*faults, *seal.against(root, against, history.head)]
            if not faults:
                _shared.tell(ctx, _signed_by(by.signer))
        _shared.tell(ctx, _scope(history, Branch(history, book.schemas).foundation))
    records = len(git.RevisionTree(root, history.head).entries(RECORDS))
    report = check.Report(tuple(sorted(set(found))), records)
    text = FORMATS[style](report, _shared.language(ctx), _shared.paint)
    if style == "text":
        _shared.write(text)
    else:
        _shared.write_data(text)
    ctx.exit(1 if report.errors else 0)


def _scope(history: History, foundation: int) -> Text:
    """How far the audit went."""
    commits = len(history.commits)
    if foundation < 0:
        return Text(f"已核对全部 {commits} 次提交。", f"All {commits} commits judged.")
    ground = history.commits[foundation]
    judged = sum(unit > foundation for unit in history.landed.values())
    name, day = ground.sha[:12], day_of(ground.committed_at).isoformat()
    return Text(
        f"已核对 {judged} 次提交；提交 {name}（{day}）及更早的 {commits - judged} 次是建库，不作评判。",
        f"{judged} commits judged; commit {name} ({day}) and before, {commits - judged} in all, laid the ground.",
    )


def _signed_by(signer: str) -> Text:
    if signer:
        return Text(
            f"封存清单由 {signer} 签名，签名有效。", f"The manifest is signed by {signer}; the signature is good."
        )
    return Text("封存清单没有签名（旁边没有 .sig 文件）。", "The manifest is not signed (no .sig file beside it).")
