"""`kelu seal`: a manifest of the history as it stands, to be kept where no writer of the repository can reach it."""

from __future__ import annotations

from pathlib import Path

import click

from kelu.cli import _shared
from kelu.finding import Text


@click.command("seal", short_help="封存历史 · Seal the history")
@click.argument("revision", metavar="[REV]", default="HEAD")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="写入文件（默认：标准输出） · Write to a file (default: standard output)",
)  # fmt: skip
@_shared.common_options
@click.pass_context
def command(ctx: click.Context, revision: str, output: Path | None) -> None:
    """写出封存清单：默认分支的全部提交，记录与制度的每个文件及其摘要。同一提交总得同样的清单。

    清单要放在仓库的写入者够不到的地方，可以签名：ssh-keygen -Y sign -n kelu-manifest -f KEY FILE。
    以后用 kelu audit --against FILE 查出此前的历史是否改写、丢弃、改日期或换次序。

    Write a manifest: every commit of the default branch, every file of records and policy with its hash. A commit
    always gives the same manifest. Keep it where no writer of the repository can reach it; it can be signed as above.
    Later, kelu audit --against FILE finds history that was rewritten, dropped, re-dated or re-ordered.
    """
    from kelu.history import seal
    from kelu.history.index import HistoryError

    root = _shared.root(ctx)
    commit = _shared.commit(root, revision)
    with _shared.progress(Text("正在封存……", "Sealing …")):
        try:
            manifest = seal.seal(root, commit)
        except HistoryError as refused:
            raise _shared.UserError(refused.text, refused.mend) from refused
    if output is None:
        _shared.write_data(manifest)
        return
    waiting = output.with_name(f".{output.name}.new")
    try:
        waiting.write_text(manifest, "ascii")
        waiting.replace(output)
    except OSError as fault:
        raise _shared.cannot_access(fault) from fault
    _shared.tell(ctx, Text(f"已封存 {commit.sha[:12]}：{output}", f"Sealed {commit.sha[:12]}: {output}"))
