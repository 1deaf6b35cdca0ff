"""`kelu demo`: a records repository of made-up records, for trying kelu and for measuring it."""

from __future__ import annotations

from pathlib import Path

import click

from kelu.cli import _shared
from kelu.finding import Text


@click.command("demo", short_help="生成演示仓库 · Make a demonstration repository")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--records", type=click.IntRange(50, 120_000), default=1000, show_default=True, metavar="N",
    help="记录份数，50 至 120000 · How many records, 50 to 120,000",
)  # fmt: skip
@click.option(
    "--commits", type=click.IntRange(min=1), default=None, metavar="N",
    help="提交次数，如历年逐日积累；不写则一次提交 · How many commits, as of years of work; without it one",
)  # fmt: skip
@click.option(
    "--seed", type=int, default=1, show_default=True, metavar="S",
    help="种子：相同的种子得到逐字节相同的记录 · Seed: the same gives the same bytes",
)  # fmt: skip
@_shared.common_options
@click.pass_context
def command(ctx: click.Context, directory: Path, records: int, commits: int | None, seed: int) -> None:
    """在新目录或空目录 DIR 建立演示仓库：N 份相互关联的虚构记录，可以直接检查、计算和生成网站。
    写 --commits 则按各人当时的工作逐次提交，可以审计。

    Make a demonstration repository in DIR, which must be new or empty: N connected, fictional records, ready to be
    checked, measured and published; in one commit, or with --commits in a history that can be audited.
    """
    from kelu import demo, starter

    with _shared.progress(Text("正在生成……", "Making …")):
        try:
            demo.create(directory, records, seed, commits)
        except starter.StarterError as refused:
            raise _shared.UserError(refused.text) from refused
        except demo.TooFewCommits as few:
            raise _shared.UserError(
                Text(
                    f"{commits} 次提交太少，至少 {few.needed} 次。",
                    f"{commits} commits are too few: at least {few.needed}.",
                )
            ) from few
    said = Text(
        f"已建立演示仓库 {directory}（{records} 份虚构记录）。",
        f"Made the demonstration repository {directory} ({records} fictional records).",
    )
    language = _shared.language(ctx)
    _shared.write("".join(f"{getattr(said, name)}\n" for name in ("zh", "en") if language in (name, "both")))
