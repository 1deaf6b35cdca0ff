"""`kelu vault`: the contact data that are kept out of Git — take in, look up, set."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kelu.cli import _shared
from kelu.finding import Text

if TYPE_CHECKING:
    from kelu.people import Person
    from kelu.schema import Schemas
    from kelu.vault import Vault


@click.group("vault", short_help="联系方式保管库 · Contact data kept out of Git")
@_shared.common_options
def command() -> None:
    """联系人的电话、邮箱、地址等存放在 private/contacts.yaml：只在本机，不进 Git，也不进网站。

    Phones, mail addresses and the like of contacts live in private/contacts.yaml: on this machine alone, neither in Git
    nor on the site.
    """


@command.command("take-in", short_help="从记录移入 · Move them out of the records")
@_shared.dry_run_option
@_shared.common_options
@click.pass_context
def take_in(ctx: click.Context, dry_run: bool) -> None:
    """把客户档案中联系人的电话、邮箱、地址等移入保管库；记录保留姓名、职务与编号，注释不动。要么全部完成，要么不动。

    Move the contact data of all records into the vault. Records keep name, position and id, and their comments. All of
    it is done, or nothing.
    """
    from kelu import git, people, vault
    from kelu.document import parse

    root = _shared.root(ctx)
    schemas, _ = _opened(root)
    tree = git.WorkTree(root)
    files: dict[str, bytes | None] = {}
    unread: list[str] = []
    for entry, raw in tree.read(tree.entries("records")):
        schema = schemas.of_folder(entry.path)
        if schema is not None and any(people.lists(schema.fields)) and entry.mode != git.SYMLINK:
            files[entry.path] = raw
            data, _ = parse(raw, entry.path)
            if data is None or not schemas.accepts(schema.name, data):
                unread.append(entry.path)
    left, moved = vault.taken_out(files, schemas)
    amended = {path: raw for path, raw in left.items() if raw != files[path]}
    if not dry_run:
        save(ctx, root, schemas, amended, moved)
    for path in unread:
        _shared.tell(ctx, Text(f"{path} 有错误，未处理；先运行 kelu check。", f"{path} is at fault, left as it is."))
    for path in amended:
        _shared.write(f"{path}\n")
    verb = Text("将移入", "Would take in") if dry_run else Text("已移入", "Taken in")
    _shared.tell(
        ctx,
        Text(f"{verb.zh} {len(moved)} 人的联系方式；改动记录 {len(amended)} 个。",
             f"{verb.en}: contact data of {len(moved)}; records changed: {len(amended)}."),
    )  # fmt: skip
    if moved and not dry_run:
        _shared.tell(
            ctx,
            Text("请提交这些记录。以前的提交仍保留联系方式：手册“个人信息”写明怎样处理。",
                 "Commit these records. Earlier commits still hold the data: see the manual on personal data."),
        )  # fmt: skip
    ctx.exit(1 if unread else 0)


@command.command("show", short_help="查看 · Look up")
@click.argument("key", metavar="[CUS-0001/C01]", required=False)
@_shared.common_options
@click.pass_context
def show(ctx: click.Context, key: str | None) -> None:
    """显示一名联系人的联系方式；不给编号时列出保管库中有谁。

    Show how to reach a contact; without an id, list who is in the vault.
    """
    root = _shared.root(ctx)
    schemas, held = _opened(root)
    if key is None:
        labels = _labels(schemas)
        for name, kept in held.people.items():
            _shared.write(f"{name}  {'、'.join(labels[field].zh for field in kept if field in labels)}\n")
        return
    person = _person(root, schemas, key)
    known = {**person.data, **held.of(key)}
    for item in person.fields:
        if item.pii not in (None, "freetext") and item.name in known:
            _shared.write(f"{item.label.zh} {item.label.en}: {known[item.name]}\n")


@command.command("set", short_help="登记或更改 · Enter or change")
@click.argument("key", metavar="CUS-0001/C01")
@click.argument("values", nargs=-1, metavar="[栏=值]...")
@_shared.common_options
@click.pass_context
def set_(ctx: click.Context, key: str, values: tuple[str, ...]) -> None:
    """登记一名联系人的联系方式，如 kelu vault set CUS-0001/C01 phone=138-0000-0001；不给值时逐项询问。“栏=”为删去。

    Enter how to reach a contact. Without values it asks for each; `FIELD=` takes one away.
    """
    root = _shared.root(ctx)
    schemas, held = _opened(root)
    person, labels, now = _person(root, schemas, key), _labels(schemas), held.of(key)
    given = dict(value.partition("=")[::2] for value in values)
    unknown = [name for name in given if name not in labels]
    if unknown:
        raise click.UsageError(
            f"没有这一栏：{unknown[0]}；可用：{'、'.join(labels)}。 / No such field; there are: {', '.join(labels)}."
        )
    if not values:
        if not sys.stdin.isatty():
            raise click.UsageError("写明 栏=值，如 phone=138-0000-0001。 / Give FIELD=VALUE.")
        called = (str(person.data.get(item.name, "")) for item in person.fields if item.pii == "name")
        click.echo(" ".join((key, *called)), err=True)
        for name, label in labels.items():
            said = now.get(name, "")
            given[name] = click.prompt(f"{label.zh} {label.en}", default=said, show_default=bool(said), err=True)
    kept = {name: given.get(name, now.get(name, "")).strip() for name in labels}
    _keep(root, schemas, held, {**held.people, key: {name: text for name, text in kept.items() if text}})
    _shared.tell(ctx, Text(f"已更新 {key}。", f"{key} is up to date."))


def _person(root: Path, schemas: Schemas, key: str) -> Person:
    """Whom a key means, as the record lists him. Raises UserError where there is nobody of that key."""
    from kelu import git, people
    from kelu.document import parse

    for schema in schemas.records.values():
        path = schema.path_of(key.partition("/")[0])
        if path and (root / path).is_file():
            data, _ = parse(git.read_file(root / path), path)
            if data is None or not schemas.accepts(schema.name, data):
                raise _shared.UserError(
                    Text(f"{path} 有错误，无法读取。", f"{path} is at fault and cannot be read."),
                    Text(f"先运行 kelu check {path} 并改正。", f"First run kelu check {path} and mend it."),
                )
            for person in people.listed(schema, data):
                if person.key == key:
                    return person
    raise _shared.UserError(
        Text(f"没有编号为 {key} 的联系人。", f"There is no contact {key}."),
        Text("写成 客户编号/联系人编号，如 CUS-0001/C01。", "Write it as CUSTOMER/CONTACT, such as CUS-0001/C01."),
    )


def _opened(root: Path) -> tuple[Schemas, Vault]:
    """Schemas and vault. Raises UserError where there is no schema for a vault, or the vault is at fault."""
    from kelu import git, vault

    schemas = _shared.open_book(git.WorkTree(root)).schemas
    if vault.SCHEMA not in schemas.documents:
        raise _shared.UserError(
            Text("schemas/ 中没有 vault.schema.json。", "There is no vault.schema.json in schemas/."),
            Text("从本版 kelu init 新建的仓库中复制它。", "Copy it from a repository that this kelu init has made."),
        )
    return schemas, _load(root)


def _load(root: Path) -> Vault:
    from kelu import vault

    try:
        return vault.load(root)
    except vault.VaultError as fault:
        raise _shared.UserError(fault.text, fault.mend) from None


def save(
    ctx: click.Context, root: Path, schemas: Schemas, files: Mapping[str, bytes | None],
    moved: Mapping[str, Mapping[str, str]],
) -> None:  # fmt: skip
    """Write records, and into the vault what was taken out of them: all of it or nothing. Raises UserError, OSError."""
    from kelu import shelf, vault

    held = _load(root)
    if moved:
        _keep(root, schemas, held, {**held.people, **{key: {**held.of(key), **new} for key, new in moved.items()}})
    try:
        shelf.save(root, files)
    except BaseException:
        if moved:
            vault.write(root, held.raw or b"contacts: {}\n")
        raise
    if moved:
        keys = "、".join(moved)
        _shared.tell(ctx, Text(f"联系方式存入 {vault.PATH}：{keys}", f"Contact data went to {vault.PATH}: {keys}"))


def _keep(root: Path, schemas: Schemas, held: Vault, kept: Mapping[str, Mapping[str, str]]) -> None:
    """Write the vault anew. Raises UserError where Git has it or would take it in, or its schema refuses it."""
    from kelu import git, vault

    if vault.tracked(root):
        raise _shared.UserError(
            Text("private/ 中的文件在 Git 中，不再写入。", "Files of private/ are in Git: nothing is written there."),
            Text("运行 kelu check，按 PII-02 的提示处理。", "Run kelu check and do as PII-02 says."),
        )
    if git.is_repository(root) and not vault.is_ignored(root):
        raise _shared.UserError(
            Text("Git 没有忽略 private/，未写入。", "Git does not ignore private/; nothing was written."),
            Text("在 .gitignore 写一行 /private/。", "Write the line /private/ in .gitignore."),
        )
    try:
        raw = vault.renewed(held, kept, schemas)
    except vault.VaultError as fault:
        raise _shared.UserError(fault.text, fault.mend) from None
    data = {"contacts": {key: dict(person) for key, person in kept.items() if person}}
    if not schemas.accepts(vault.SCHEMA, data):
        first, *_ = schemas.explain(vault.SCHEMA, data, vault.PATH, raw)
        said, place = first.message, first.field
        raise _shared.UserError(Text(f"{place}：{said.zh}", f"{place}: {said.en}"), first.hint)
    vault.write(root, raw)


def _labels(schemas: Schemas) -> dict[str, Text]:
    """What the vault may keep of a person, by field."""
    from kelu import vault
    from kelu.schema import label_of

    schema = schemas.raw[vault.SCHEMA]
    entry = {**schema["properties"]["contacts"]["additionalProperties"], "$defs": schema["$defs"]}
    return {name: label_of(entry, (name,)) for name in entry["properties"]}
