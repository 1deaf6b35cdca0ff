"""What the commands that write records share: the desk they work at, and the last step — judge, show, save, propose."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import click

from kelu import check, duty, git, intake, vault
from kelu.cli import _pr, _shared
from kelu.cli.vault import save
from kelu.desk import Desk
from kelu.document import parse
from kelu.finding import Finding, Text
from kelu.formats import FORMATS
from kelu.periods import SHANGHAI
from kelu.schema import RecordSchema


@dataclass(frozen=True, slots=True)
class Open:
    """The repository opened for writing records."""

    root: Path
    tree: git.Tree
    book: check.Rulebook
    desk: Desk


@dataclass(frozen=True, slots=True)
class Held:
    """A record as it is on disk."""

    path: str
    schema: RecordSchema
    raw: bytes
    data: dict[str, Any]


def held(at: Open, record: str) -> Held:
    """The record of an id. Raises UserError where there is none, or where its file is at fault."""
    schema = next((schema for schema in at.book.schemas.records.values() if schema.path_of(record)), None)
    path = schema.path_of(record) if schema else None
    if schema is None or path is None or not (at.root / path).is_file():
        raise _shared.UserError(
            Text(f"没有编号为 {record} 的记录。", f"There is no record {record}."),
            Text("核对编号；搜索页可按标题查找。", "Look at the id; the search page finds records by title."),
        )
    raw = git.read_file(at.root / path)
    data, _ = parse(raw, path)
    if data is None:
        raise _shared.UserError(
            Text(f"{path} 有错误，无法修改。", f"{path} is at fault and cannot be changed."),
            Text(f"先运行 kelu check {path} 并改正。", f"First run kelu check {path} and mend it."),
        )
    return Held(path, schema, raw, data)


@contextlib.contextmanager
def opened(ctx: click.Context, moment: datetime.datetime | None) -> Iterator[Open]:
    """The desk of the repository. Raises UserError where policies are at fault."""
    root = _shared.root(ctx)
    tree = git.WorkTree(root)
    book = _shared.open_book(tree)
    if not book.sound:
        raise _shared.unsound()
    try:
        known = vault.load(root)
    except vault.VaultError as fault:
        raise _shared.UserError(fault.text, fault.mend) from fault
    book = replace(book, vault=known)
    store = check.open_cache(root, book)
    try:
        intake.take_in(tree, book.schemas, store)
        me = _pr.member(root, book.policy)
        yield Open(root, tree, book, Desk(book.schemas, book.policy, store, moment or _shared.now(), me, known))
    finally:
        store.close()


# --- the last step ---------------------------------------------------------------------------------------


def refuse(ctx: click.Context, path: str, left: Sequence[Finding]) -> None:
    """Say what a record lacks and end: nothing was written."""
    if left:
        tell(ctx, check.Report(tuple(replace(item, path=path) for item in left), 1))
        stop(ctx)


def tell(ctx: click.Context, report: check.Report) -> None:
    """Say what a check found in what would be written."""
    if report.findings:
        click.echo(FORMATS["text"](report, _shared.language(ctx), _shared.paint), err=True, nl=False)


def stop(ctx: click.Context) -> NoReturn:
    """End where errors keep everything from being written."""
    _shared.tell(ctx, Text("没有写入任何文件。", "Nothing was written."))
    ctx.exit(1)


def finish(
    ctx: click.Context,
    at: Open,
    files: Mapping[str, bytes | None],
    title: str,
    *,
    shown: bool,
    proposed: bool,
    approver: str | None = None,
    spoken: Callable[[], None] = lambda: None,
) -> None:
    """Judge files with the whole repository; show them (`--dry-run`) or save them all, and do `spoken`; propose them
    (`--pr`).

    With an error nothing is written and the command ends with 1. Raises UserError.
    """
    trailers = _pr.approval(at.book.policy, approver)
    moved: Mapping[str, Mapping[str, str]] = {}
    if at.book.policy.pii_store == "vault":
        files, moved = vault.taken_out(files, at.book.schemas)
    if proposed and not shown:
        _pr.ready(at.root)
    with _shared.progress(Text("正在检查……", "Checking …")):
        report = check.check_proposal(at.tree, at.book, at.desk.store, files, at.desk.now)
    tell(ctx, report)
    if shown:
        for path, raw in files.items():
            if len(files) > 1 or raw is None:
                _shared.write(f"# {path}\n")
            _shared.write((raw or b"").decode("utf-8"))
        ctx.exit(1 if report.errors else 0)
    if report.errors:
        stop(ctx)
    save(ctx, at.root, at.book.schemas, files, moved)
    for path in files:
        _shared.write(f"{path}\n")
    spoken()
    _tell_duties(ctx, at, files)
    _pr.close(ctx, at.root, list(files), title, trailers, proposed=proposed)


def _tell_duties(ctx: click.Context, at: Open, files: Mapping[str, bytes | None]) -> None:
    """Say what is to be done about these records, and by when."""
    desk, policy = at.desk, at.book.policy
    asked = duty.names(policy)
    taken = intake.take_in(git.WorkTree(at.root), desk.schemas, desk.store)
    desk.store.land([], withheld=Text("合并之后才能知道。", "Known only once it is merged."))
    check.lay_policy(desk.store, at.book, taken, desk.now, known=True, asked=asked)
    ids = [path.rpartition("/")[2].removesuffix(".yaml") for path in files]
    for item in duty.find(desk.store, policy, ids, duty.AHEAD) if ids else []:
        zh, en = ("、".join(role.zh for role in item.owner), ", ".join(role.en for role in item.owner))
        due = item.due.astimezone(SHANGHAI)
        _shared.tell(
            ctx,
            Text(f"待办：{item.title.zh}，{due:%Y-%m-%d %H:%M} 前（{zh}，{item.obligation}）",
                 f"To do: {item.title.en}, by {due:%Y-%m-%d %H:%M} ({en}, {item.obligation})"),
        )  # fmt: skip
