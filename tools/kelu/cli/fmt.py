"""`kelu fmt`: records in the one form, whoever wrote them."""

from __future__ import annotations

from pathlib import Path

import click

from kelu.cli import _shared
from kelu.finding import Text


@click.command("fmt", short_help="整理写法 · Put records into the one form")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option(
    "--check", "only_tell", is_flag=True, help="只列出，不改写；有则退出码为 1 · Only list; exit code 1 if any"
)
@_shared.common_options
@click.pass_context
def command(ctx: click.Context, paths: tuple[Path, ...], only_tell: bool) -> None:
    """把记录整理成统一写法：栏的次序、引号、多行文字、空行、换行符；内容与注释一字不变。默认全部记录，也可只给文件或目录。

    Put records into the one form: order of fields, quotes, blocks of text, empty lines. Data and comments stay as
    they are. All records, or the files and folders given.
    """
    from kelu import git, shelf
    from kelu.check import within
    from kelu.document import mend, parse, tidy

    root = _shared.root(ctx)
    wanted = [_shared.inside(root, path) for path in paths] or ["."]
    tree = git.WorkTree(root)
    schemas = _shared.open_book(tree).schemas
    orders = {name: schemas.order(name) for name in schemas.records}
    changed: dict[str, bytes | None] = {}
    unread: list[str] = []
    for entry, raw in tree.read(entry for entry in tree.entries("records") if within(entry.path, wanted)):
        schema = schemas.of_folder(entry.path)
        if schema is None or not entry.path.endswith(".yaml") or entry.mode == git.SYMLINK:
            continue
        sound = raw if parse(raw, entry.path)[0] is not None else mend(raw)
        if sound is not raw and parse(sound, entry.path)[0] is None:
            unread.append(entry.path)
        elif (tidied := tidy(sound, orders[schema.name])) != raw:
            changed[entry.path] = tidied
    if not only_tell:
        shelf.save(root, changed)
    for path in changed:
        _shared.write(f"{path}\n")
    if unread:
        some = unread[0] + (" …" if unread[1:] else "")
        _shared.tell(
            ctx,
            Text(
                f"{len(unread)} 个文件有语法错误，未整理：{some}。运行 kelu check 查看。",
                f"Files that cannot be read, left as they are: {len(unread)} ({some}). kelu check shows why.",
            ),
        )
    ctx.exit(1 if unread or (only_tell and changed) else 0)
