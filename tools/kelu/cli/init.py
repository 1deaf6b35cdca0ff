"""`kelu init DIR`: a new records repository."""

from __future__ import annotations

from pathlib import Path

import click

from kelu import starter


@click.command("init", short_help="新建记录仓库 · Make a new records repository")
@click.argument("directory", type=click.Path(path_type=Path))
def command(directory: Path) -> None:
    """在 DIRECTORY（新目录或空目录）建立记录仓库：模式、制度包、工作日历、检查与发布流程，
    以及一份示例记录，并完成第一次提交。

    Make a records repository in DIRECTORY, which must be new or empty: schemas, policy packs, calendar,
    workflows and one example record, with a first commit.
    """
    try:
        files = starter.create(directory)
    except starter.StarterError as refused:
        raise click.ClickException(f"{refused.text.zh}\n{refused.text.en}") from refused
    click.echo(f"已建立记录仓库 {directory}：{len(files)} 个文件。下一步见其中的 README.md。")
    click.echo(f"Made the records repository {directory}: {len(files)} files. README.md says what comes next.")
    if not starter.is_committed(directory):
        click.echo(
            "Git 不知道您是谁，尚未提交；请设置 user.name 和 user.email 后执行 git commit。\n"
            "Git does not know you, so nothing is committed yet: set user.name and user.email, then git commit.",
            err=True,
        )
