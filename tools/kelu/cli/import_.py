"""`kelu import`: the rows of a spreadsheet to record files, all of them or none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kelu.cli import _pr, _shared
from kelu.cli.export import opened
from kelu.cli.vault import save
from kelu.finding import Finding, Severity, Text
from kelu.formats import FORMATS

if TYPE_CHECKING:
    from kelu.sheet.kit import Kit, Proposed
    from kelu.sheet.mapping import Mapped
    from kelu.sheet.proposal import Made

_MAPPINGS = "config/imports"
_BRANCHES = ("refs/remotes/origin/HEAD", "refs/heads/main", "refs/heads/master", "HEAD")  # what has landed


@click.command("import", short_help="导入表格 · Import a spreadsheet")
@click.argument("type_name", metavar="TYPE")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--map", "mapping", metavar="MAPPING",
    help="别的系统导出的表：对照文件，或 config/imports/ 中的名称 · For another program's table: a mapping, "
    "or its name in config/imports/",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="只看结果，不写文件 · Only tell what would be done")
@_pr.pr_options
@_shared.format_option(FORMATS, "（有问题时）", " (where something is wrong)")
@_shared.cache_option
@_shared.profile_option
@_shared.common_options
@click.pass_context
def command(
    ctx: click.Context,
    type_name: str,
    file: Path,
    mapping: str | None,
    dry_run: bool,
    propose: bool,
    approver: str | None,
    style: str,
    no_cache: bool,
) -> None:
    """把填好的表（xlsx、csv、zip）写成记录文件。先按全部规则检查：有一处错误就什么也不写，并指明表、行、列和改法。
    没有改动的记录，文件一字不变；同一工单号再次导入不会重复。

    Write a filled-in sheet (xlsx, csv, zip) as record files. All rules are asked first: where anything is at fault
    nothing is written, and sheet, row and cell are named. Records that did not change keep every byte.
    """
    from kelu import check, git, vault
    from kelu.sheet import fixed, kit, proposal

    root = _shared.root(ctx)
    if propose and not dry_run:
        _pr.ready(root)
    tree = git.WorkTree(root)
    moment = _shared.now()
    records = opened(ctx, type_name, cached=not no_cache, clear=True)
    with _shared.progress(Text("正在检查……", "Checking …")), records as (held, book, store, taken):
        mapped = _mapping(root, held, mapping) if mapping else None
        trailers = _pr.approval(book.policy, approver)
        me = _pr.member(root, book.policy)
        asked = kit.propose(
            held, file.read_bytes(), file.name, moment, me["id"] if me else None,
            lambda path: next(raw for _, raw in tree.read([taken.entries[path]])), mapped,
        )  # fmt: skip
        findings = list(asked.findings)
        files: dict[str, bytes | None] = {}
        moved: dict[str, dict[str, str]] = {}
        if asked.made and asked.made.files:
            files = dict(asked.made.files)
            if book.policy.pii_store == "vault":
                files, moved = vault.taken_out(files, book.schemas)
            judged = check.check_proposal(tree, book, store, files, moment)
            kept = fixed.findings(asked.made, _landed(root, asked.made), held.schema, book.policy, moment)
            findings += proposal.told_at_cells([*judged.findings, *kept], asked.made, file.name)
    _tell(ctx, asked)
    if findings:
        report = check.Report(tuple(sorted(set(findings))), _count(asked))
        text = FORMATS[style](report, _shared.language(ctx), _shared.paint)
        (_shared.write if style == "text" else _shared.write_data)(text)
    if asked.made is None or any(item.severity is Severity.ERROR for item in findings):
        _shared.tell(ctx, Text("有错误，什么也没有写。", "Something is at fault; nothing was written."))
        ctx.exit(1)
    _say_what(ctx, asked.made, dry_run=dry_run)
    if dry_run or not asked.made.files:
        return
    save(ctx, root, book.schemas, files, moved)
    title = f"{_title(asked.made)} 导入 {held.schema.label.zh} {file.name}"
    _pr.close(ctx, root, list(asked.made.files), title, trailers, proposed=propose)


def _landed(root: Path, made: Made) -> dict[str, dict[str, Any]]:
    """The changed records as the default branch has them, by path."""
    from kelu import git
    from kelu.document import parse

    base = next(filter(None, (git.head(root, name) for name in _BRANCHES)), None) if git.is_repository(root) else None
    if base is None:
        return {}
    paths = {path for path, draft in made.drafts.items() if draft.held is not None}
    tree = git.RevisionTree(root, base.sha)
    read = tree.read(entry for entry in tree.entries("records") if entry.path in paths) if paths else ()
    return {entry.path: data for entry, raw in read if (data := parse(raw, entry.path)[0]) is not None}


def _title(made: Made) -> str:
    names = [*made.new, *made.changed]
    return names[0] if len(names) == 1 else f"{names[0]} 等 {len(names)} 条"


def _count(asked: Proposed) -> int:
    made = asked.made
    return len(made.new) + len(made.changed) + made.same if made else 0


def _tell(ctx: click.Context, asked: Proposed) -> None:
    if asked.encoding and not asked.encoding.startswith("utf-8"):
        name = asked.encoding.upper()
        _shared.tell(ctx, Text(f"按 {name} 编码读取。", f"Read as {name}."))
    if asked.skipped:
        _shared.tell(
            ctx, Text(f"按对照文件跳过 {asked.skipped} 行。", f"Rows skipped as the mapping says: {asked.skipped}")
        )
    if asked.extra:
        names = "、".join(dict.fromkeys(asked.extra))
        _shared.tell(
            ctx,
            Text(
                f"以下列不是记录的栏，没有写入，仍在您的表中：{names}",
                f"Not fields of the record, left in your sheet: {names}",
            ),
        )


def _say_what(ctx: click.Context, made: Made, *, dry_run: bool) -> None:
    for path, draft in made.drafts.items():
        name = str(draft.data["id"])
        fields = "、".join(made.changed.get(name, ()))
        _shared.write(f"{'~' if name in made.changed else '+'} {path}{f'（{fields}）' if fields else ''}\n")
    counts = Text(
        f"新建 {len(made.new)}，改动 {len(made.changed)}，不变 {made.same}。",
        f"New: {len(made.new)}, changed: {len(made.changed)}, unchanged: {made.same}.",
    )
    _shared.tell(ctx, counts)
    if dry_run:
        _shared.tell(ctx, Text("只是预演，没有写文件。", "A dry run: no file was written."))


def _mapping(root: Path, held: Kit, name: str) -> Mapped:
    """A mapping by its path, or by its name in config/imports/. Raises UserError."""
    from kelu.document import parse
    from kelu.sheet import mapping

    place = next((one for one in (Path(name), root / _MAPPINGS / f"{name}.yaml") if one.is_file()), None)
    if place is None:
        known = sorted(path.stem for path in (root / _MAPPINGS).glob("*.yaml"))
        raise _shared.UserError(
            Text(f"没有这个对照文件：{name}", f"There is no such mapping: {name}"),
            Text(f"{_MAPPINGS}/ 中有：{'、'.join(known)}", f"In {_MAPPINGS}/ there are: {', '.join(known)}"),
        )
    raw = place.read_bytes()
    data, faults = parse(raw, str(place))
    if data is not None and not held.book.schemas.accepts("mapping", data):
        faults = held.book.schemas.explain("mapping", data, str(place), raw)
    if data is not None and not faults and data["type"] != held.schema.name:
        raise _shared.UserError(
            Text(f"对照文件 {place} 是 {data['type']} 的。", f"The mapping {place} is for {data['type']}.")
        )
    mapped: Mapped | None = None
    if data is not None and not faults:
        mapped, faults = mapping.prepare(data, raw, str(place), held.sheets)
    if mapped is None or faults:
        raise _refused(faults)
    return mapped


def _refused(faults: Sequence[Finding]) -> _shared.UserError:
    """A mapping at fault, each fault at its line."""
    said = [
        Text(f"{f.path}:{f.line}:{f.column} {f.message.zh}", f"{f.path}:{f.line}:{f.column} {f.message.en}")
        for f in faults
    ]
    return _shared.UserError(Text.joined(said, "\n", "\n"), faults[0].hint)
