"""`kelu export`: records as a spreadsheet that people fill in, or an empty one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kelu.cli import _shared
from kelu.finding import Text

if TYPE_CHECKING:
    from kelu.check import Rulebook
    from kelu.intake import Intake
    from kelu.schema import RecordSchema
    from kelu.sheet.kit import Kit
    from kelu.sheet.outward import Kept
    from kelu.store import Store


@click.command("export", short_help="导出表格 · Export a spreadsheet")
@click.argument("type_name", metavar="TYPE")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option(
    "--format", "style", type=click.Choice(["xlsx", "csv"]), default="xlsx", show_default=True,
    help="xlsx：每个列表一张表；csv：有列表时为 zip，每张表一个 csv · xlsx has a sheet for each list; csv is a zip "
    "of tables where there are lists",
)  # fmt: skip
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="写到这个文件（默认：当前目录的 类型.xlsx 等） · The file to write (default: TYPE.xlsx or the like, here)",
)  # fmt: skip
@click.option(
    "--year", type=click.IntRange(1900, 9999), help="只导出编号属于这一年的 · Only those whose ids are of this year"
)
@click.option("--blank", is_flag=True, help="空表，用来登记新记录 · An empty sheet for new records")
@click.option(
    "--with-contacts", is_flag=True,
    help="姓名、电话、邮箱等不掩码（默认掩码；不改的格导入时原值不变） · Names, phones, mail addresses in clear",
)  # fmt: skip
@click.option(
    "--keep", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="OLD",
    help="把旧表中自己加的列带到新表；可与 --output 为同一文件 · Take over the columns you added to an earlier sheet",
)  # fmt: skip
@_shared.cache_option
@_shared.common_options
@click.pass_context
def command(
    ctx: click.Context,
    type_name: str,
    ids: tuple[str, ...],
    style: str,
    output: Path | None,
    year: int | None,
    blank: bool,
    with_contacts: bool,
    keep: Path | None,
    no_cache: bool,
) -> None:
    """把一类记录（如 survey、complaint）导出为 Excel、WPS 可填的表：中文标题，下拉选项，日期和代码按文字保存。
    填好后用 kelu import 导入，没有改动的格不会改变任何文件。

    Export records of a type (such as survey) as a sheet to be filled in with Excel or WPS. kelu import takes it back;
    a cell that was not changed changes no file.
    """
    from kelu import shelf
    from kelu.sheet import kit

    with opened(ctx, type_name, cached=not no_cache, clear=with_contacts or blank) as (held, _, _, taken):
        records = [] if blank else _chosen(held, ids, year)
        unsound = [name for name, kind, _ in taken.listing if kind == type_name and name not in taken.stored]
    with_lists = style == "csv" and (blank or any(list(_rows(held, record)) for record in records))
    suffix = output.suffix.lower().removeprefix(".") if output else "zip" if with_lists else style
    if suffix not in ({"xlsx"} if style == "xlsx" else {"csv", "zip"}):
        raise _shared.UserError(
            Text(f"文件名与格式不符：{output}", f"The file's name does not fit the format: {output}"),
            Text("用 .xlsx；加 --format csv 则用 .csv 或 .zip。", "Use .xlsx; with --format csv use .csv or .zip."),
        )  # fmt: skip
    place = output or Path(f"{type_name}.{suffix}")
    if place.exists() and not (keep and keep.resolve() == place.resolve()):
        raise _shared.UserError(
            Text(f"{place} 已存在，可能有人填过。", f"{place} exists; somebody may have filled it in."),
            Text(
                "换一个文件名；要保留其中自己加的列，用 --keep。",
                "Name another file; --keep takes over columns added to it.",
            ),
        )
    raw, left_out = kit.export(held, records, _shared.now().date().isoformat(), suffix, _kept(held, keep))
    whole = place.resolve()
    shelf.save(whole.parent, {whole.name: raw})
    _shared.tell(ctx, Text(f"已写入 {place}：{len(records)} 条记录。", f"Written: {place}, {len(records)} records."))
    if left_out:
        names = "、".join(left_out)
        _shared.tell(
            ctx,
            Text(f"csv 只有记录本身，不含列表：{names}。要全部，用 .zip 或 xlsx；缺的表导入时不变。",
                 f"A csv holds the records alone, not their lists ({names}): use .zip or xlsx for all."),
        )  # fmt: skip
    if unsound:
        _shared.tell(
            ctx,
            Text(f"{len(unsound)} 个文件有错误，未导出；运行 kelu check 查看。",
                 f"Files at fault, not exported: {len(unsound)}. kelu check shows them."),
        )  # fmt: skip
    if with_contacts and records:
        _shared.tell(ctx, Text("文件可能含个人信息，不要转发。", "The file may hold personal data: do not pass it on."))


def _chosen(held: Kit, ids: tuple[str, ...], year: int | None) -> list[Mapping[str, object]]:
    unknown = [name for name in ids if name not in held.own]
    if unknown:
        raise _shared.UserError(
            Text(f"没有这些记录，或其文件有错误：{'、'.join(unknown)}",
                 f"There are no such records, or their files are at fault: {', '.join(unknown)}"),
        )  # fmt: skip
    return [
        data for name, data in held.own.items()
        if (not ids or name in ids) and (year is None or f"-{year:04d}-" in name)
    ]  # fmt: skip


def _rows(held: Kit, record: Mapping[str, object]) -> Iterator[object]:
    from kelu.sheet.outward import items

    for sheet in held.sheets:
        if sheet.path:
            yield from items(record, sheet.path)


def _kept(held: Kit, old: Path | None) -> Mapping[str, Kept]:
    from kelu.sheet import kit

    if old is None:
        return {}
    grids, _, faults = kit.grids(old.read_bytes(), str(old), old.stem)
    if faults:
        raise _shared.UserError(faults[0].message, faults[0].hint)
    return kit.keep(held, grids)


@contextlib.contextmanager
def opened(
    ctx: click.Context, type_name: str, *, cached: bool, clear: bool
) -> Iterator[tuple[Kit, Rulebook, Store, Intake]]:
    """The sheets of a type over the records of the work tree, and the store they are in. Raises UserError."""
    from kelu import check, git, intake
    from kelu.sheet import kit

    root = _shared.root(ctx)
    tree = git.WorkTree(root)
    book, _ = check.with_vault(root, _shared.open_book(tree))
    if not book.sound:
        raise _shared.unsound()
    schema = _schema(book.schemas.records, type_name)
    store = check.open_cache(root, book, cached=cached)
    try:
        taken = intake.take_in(tree, book.schemas, store)
        yield kit.lay(schema, book, store, taken, opened=clear), book, store, taken
    finally:
        store.close()


def _schema(schemas: Mapping[str, RecordSchema], type_name: str) -> RecordSchema:
    if type_name not in schemas:
        raise _shared.UserError(
            Text(f"没有这类记录：{type_name}", f"There is no such record type: {type_name}"),
            Text("有：" + "、".join(f"{name}（{one.label.zh}）" for name, one in schemas.items()),
                 f"There are: {', '.join(schemas)}"),
        )  # fmt: skip
    return schemas[type_name]
