"""`kelu init`: a new records repository."""

from __future__ import annotations

from pathlib import Path

import click

from kelu.cli import _shared
from kelu.finding import Text


@click.command("init", short_help="新建记录仓库 · Make a records repository")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--pii-store", type=click.Choice(["vault", "inline"]), default="vault", show_default=True,
    help="联系方式存放：vault 不进 Git（建议），inline 写在客户档案中，仓库须为私有 · "
    "Contact data: kept out of Git (vault, recommended), or in the records of a private repository (inline)",
)  # fmt: skip
@_shared.common_options
@click.pass_context
def command(ctx: click.Context, directory: Path, pii_store: str) -> None:
    """在新目录或空目录 DIR 建立记录仓库，并完成第一次提交：模式、制度包、工作日历、检查与发布流程和一份示例记录。

    Make a records repository in DIR, which must be new or empty, with a first commit: schemas, policy packs,
    calendar, workflows and one example record.
    """
    from kelu import starter

    try:
        files = starter.create(directory, _shared.now().date(), pii_store=pii_store)
    except starter.StarterError as refused:
        raise _shared.UserError(refused.text) from refused
    _say(
        ctx,
        Text(
            f"已建立记录仓库 {directory}（{len(files)} 个文件）。下一步见其中的 README.md。",
            f"Made the records repository {directory} ({len(files)} files). Its README.md says what comes next.",
        ),
    )
    if pii_store == "vault":
        _say(
            ctx,
            Text(
                "联系人的电话、邮箱等存放在 private/contacts.yaml，不进 Git；用 kelu vault set 登记。",
                "Contacts' phones and mail addresses live in private/contacts.yaml, outside Git: kelu vault set",
            ),
        )
    if not starter.is_committed(directory):
        _say(
            ctx,
            Text(
                "尚未提交：Git 不知道您是谁。请设置 user.name 和 user.email，再执行 git commit。",
                "Not committed: Git does not know you. Set user.name and user.email, then run git commit.",
            ),
        )


def _say(ctx: click.Context, text: Text) -> None:
    language = _shared.language(ctx)
    _shared.write("".join(f"{getattr(text, name)}\n" for name in ("zh", "en") if language in (name, "both")))
