"""`kelu erase`: a person's data deleted, every record and reference as valid as before."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from kelu.cli import _pr, _shared
from kelu.finding import Text

if TYPE_CHECKING:
    from kelu.cli._desk import Held, Open
    from kelu.people import Person

_LISTED = 12  # files that still say the name


@click.command("erase", short_help="删除个人信息 · Erase a person's data")
@click.argument("key", metavar="CUS-0001/C01")
@click.option(
    "--reason",
    default="按个人信息保护要求删除",
    show_default=True,
    help="更正记录中写明的原因，不写姓名 · The reason given in the record, without the name",
)
@_pr.writing
@click.pass_context
def command(
    ctx: click.Context, key: str, reason: str, moment: datetime.datetime | None, dry_run: bool, propose: bool,
    approver: str | None,
) -> None:  # fmt: skip
    """删除一个人的个人信息：保管库中的条目删去；记录中姓名改为“（已删除）”，联系方式删去，注明离任。编号和引用照旧有效。
    没有建档的投诉人（CMP-2026-0001/complainant）改为匿名。Git 历史中的旧版本仍在，怎样处理见手册“个人信息”。

    Erase somebody's personal data: the vault's entry goes; in the record a neutral word stands for the name, and the id
    stays, so that all references hold. One who complained and has no file becomes anonymous. Git's history keeps what
    it has; the manual's page on personal data says what to do about that.
    """
    from kelu import vault
    from kelu.cli import _desk
    from kelu.document import amend, replaced

    with _desk.opened(ctx, moment) as at:
        kept = at.desk.vault
        held, person = _whom(at, key)
        files: dict[str, bytes | None] = {}
        if held is not None and person is not None and person.erased() != person.data:
            data = replaced(held.data, person.pointer, person.erased())
            data["corrections"] = [*data.get("corrections", []), _entry(at, held, person, reason, approver)]
            files[held.path] = amend(held.raw, data, at.book.schemas.order(held.schema.name))
        if not files and not kept.of(key):
            raise _shared.UserError(Text(f"{key} 没有可删除的个人信息。", f"Nothing personal is kept of {key}."))

        def forget() -> None:
            now = vault.load(at.root)
            if now.of(key):
                left = {name: value for name, value in now.people.items() if name != key}
                vault.write(at.root, vault.renewed(now, left, at.book.schemas))

        if files:
            title = f"{key} 删除个人信息"
            _desk.finish(ctx, at, files, title, shown=dry_run, proposed=propose, approver=approver, spoken=forget)
        elif not dry_run:
            forget()
        _shared.tell(ctx, Text(f"已删除 {key} 的个人信息。", f"The personal data of {key} are erased."))
        if held is not None and person is not None:
            _tell_what_stays(ctx, at, held, person, files)


def _whom(at: Open, key: str) -> tuple[Held | None, Person | None]:
    """The record and the person of a key; None where only the vault knows him. Raises UserError where nobody does."""
    from kelu import people
    from kelu.cli import _desk

    try:
        held = _desk.held(at, key.partition("/")[0])
        person = next((person for person in people.everybody(held.schema, held.data) if person.key == key), None)
        if person is not None:
            return held, person
    except _shared.UserError:
        if not at.desk.vault.of(key):
            raise
    if at.desk.vault.of(key):
        return None, None
    raise _shared.UserError(
        Text(f"没有编号为 {key} 的人。", f"There is nobody of the id {key}."),
        Text("写成 CUS-0001/C01；没有建档的投诉人写成 CMP-2026-0001/complainant。",
             "Write CUS-0001/C01, or for one who complained and has no file CMP-2026-0001/complainant."),
    )  # fmt: skip


def _entry(at: Open, held: Held, person: Person, reason: str, approver: str | None) -> Mapping[str, Any]:
    """What the record's corrections say: when, by whom and why, and never what was there."""
    from kelu.document import field_text

    item = next(field for field in held.schema.fields if field.name == person.pointer[0])
    if at.desk.me is None:
        raise _shared.UserError(
            Text("Git 的 user.email 不在 config/staff.yaml 中，无法写明是谁删除的。",
                 "Git's user.email is nobody's in config/staff.yaml, so the record cannot say who erased."),
            Text("运行 git config user.email 本人登记的邮箱。", "Run: git config user.email YOUR-ADDRESS-THERE"),
        )  # fmt: skip
    if item.freeze is not None and item.freeze.state == held.data.get("status") and approver is None:
        raise click.UsageError(
            f"“{item.label.zh}”已固定：用 --approved-by 写明批准人。 / {item.label.en} is fixed: give --approved-by."
        )
    entry = {
        "at": at.desk.now.isoformat(timespec="seconds"), "by": at.desk.me["id"], "field": field_text(person.pointer),
        "reason": reason,
    }  # fmt: skip
    return entry | ({"approved_by": approver} if approver else {})


def _tell_what_stays(
    ctx: click.Context, at: Open, held: Held, person: Person, files: Mapping[str, bytes | None]
) -> None:
    """Where the name still stands, and how many earlier versions hold what was erased."""
    gone = [value for key, value in person.data.items() if person.erased().get(key) != value and isinstance(value, str)]
    gone += at.desk.vault.of(person.key).values()
    names = {str(person.data[f.name]) for f in person.fields if f.pii == "name" and person.data.get(f.name) in gone}
    texts = ((path, (files.get(path) or at_disk).decode()) for path, at_disk in _records(at))
    still = [path for path, text in texts if any(len(name) > 1 and name in text for name in names)]
    if still:
        listed = "、".join(still[:_LISTED]) + (" …" if still[_LISTED:] else "")
        _shared.tell(ctx, Text(f"这些记录的文字中还有此姓名，请逐一处理：{listed}",
                               f"The name still stands in the text of: {listed.replace('、', ', ')}"))  # fmt: skip
    versions = sum(any(value.encode() in raw for value in gone) for raw in _versions(at, held.path))
    if versions:
        _shared.tell(
            ctx,
            Text(f"Git 历史中还有 {versions} 个版本含有已删除的内容；手册“个人信息”写明可以怎样处理。",
                 f"Git's history holds what was erased in {versions} versions; see the manual on personal data."),
        )  # fmt: skip


def _records(at: Open) -> Iterator[tuple[str, bytes]]:
    for entry, raw in at.tree.read(at.tree.entries("records")):
        yield entry.path, raw


def _versions(at: Open, path: str) -> Iterable[bytes]:
    """The file as each commit that touched it left it."""
    from kelu import git

    if not git.is_repository(at.root) or git.head(at.root) is None:
        return ()
    shas = git.run(at.root, "log", "--format=%H", "--diff-filter=AM", "--", path).decode().split()
    return git.blobs(at.root, [f"{sha}:{path}" for sha in shas])
