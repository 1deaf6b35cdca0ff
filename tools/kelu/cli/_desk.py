"""What the commands that write records share: the desk they work at, options made from a schema, and the last step —
judge, show, save, propose."""

from __future__ import annotations

import contextlib
import datetime
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from kelu import check, duty, git, intake, vault
from kelu.cli import _ask, _pr, _shared
from kelu.cli.vault import save
from kelu.desk import Desk
from kelu.document import Pointer, field_text, parse, pointer
from kelu.finding import Finding, Severity, Text
from kelu.formats import FORMATS
from kelu.interview import SKIPPED, Interview, Question, faults, field_at, put
from kelu.periods import SHANGHAI
from kelu.schema import Field, RecordSchema

_LONGEST_HELP = 60  # characters; what a form says at length is in the manual


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
        mail = git.setting(root, "user.email") if git.is_repository(root) else None
        me = next((person for person in book.policy.staff if person.get("email") == mail), None)
        yield Open(root, tree, book, Desk(book.schemas, book.policy, store, moment or _shared.now(), me, known))
    finally:
        store.close()


# --- options from a schema ---------------------------------------------------------------------------------


def field_options(schema: RecordSchema) -> list[click.Option]:
    """An option for each value of a record that is in no list of groups, named as in its file."""
    made = []
    for place, item in enumerate(_plain(schema.fields)):
        name = ".".join(item.pointer)
        many = item.kind == "array"
        help_ = item.help if len(item.help) <= _LONGEST_HELP else ""
        codes = "、".join(f"{code} {label.zh}" for code, label in item.enum.items())
        words = "；".join(filter(None, (help_, codes)))
        told = f"{item.label.zh}{f'（{words}）' if words else ''} · {item.label.en}"
        made.append(click.Option([f"f{place}", f"--{name}"], multiple=many, metavar="…", help=told))
    return made


def given(schema: RecordSchema, options: Mapping[str, Any], settings: Sequence[str]) -> dict[Pointer, str | list[str]]:
    """What was told by options, by place. Raises UsageError for a field that the type does not have."""
    told: dict[Pointer, str | list[str]] = {}
    for place, item in enumerate(_plain(schema.fields)):
        value = options.get(f"f{place}")
        if value not in (None, ()):
            told[tuple(item.pointer)] = list(value) if isinstance(value, tuple) else value
    for setting in settings:
        name, sign, value = setting.partition("=")
        at = pointer(name.strip())
        if not sign or not at or field_at(schema, at) is None:
            raise click.UsageError(
                f"--set {setting}：没有这一栏，应写成 栏=值。 / There is no such field; write FIELD=VALUE."
            )
        told[at] = value
    return told


def _plain(fields: Sequence[Field]) -> Iterator[Field]:
    for item in fields:
        if item.kind == "object":
            yield from _plain(item.children)
        elif (
            item.kind != "map"
            and item.pointer not in (("schema",), ("id",))
            and not (item.kind == "array" and item.items in ("object", "map"))
        ):
            yield item


class Answers:
    """Answers from options; asks the person for the rest where somebody is there."""

    def __init__(self, desk: Desk, told: Mapping[Pointer, str | list[str]], *, asks: bool) -> None:
        self._desk = desk
        self.told = told
        self._used: set[Pointer] = set()
        self.asks = asks
        self._person = _ask.Person(desk)

    def __call__(self, question: Question, data: Mapping[str, Any]) -> Any:
        at = question.pointer
        if at in self.told and at not in self._used:
            self._used.add(at)
            return value_of(self._desk, question, self.told[at], data)
        many = question.field.kind == "array" and not isinstance(at[-1], int)
        items = [told for told in self.told if many and told[:-1] == at]
        if items:
            self._used |= {at, *items}
            return [value_of(self._desk, replace(question, pointer=item), self.told[item], data) for item in items]
        if self.asks:
            return self._person(question, data)
        # Nobody is made to say by silence that something happened: what stands in a group is filled in only where an
        # option tells of that group.
        addressed = len(at) == 1 or any(told[: len(at) - 1] == at[:-1] for told in self.told)
        if at in self._used or not addressed or not question.needed:
            return SKIPPED
        self._used.add(at)
        suggested = self._desk.suggestion(question, data)
        if suggested is None:
            return SKIPPED
        return [suggested] if many else suggested

    def more(self, question: Question, count: int) -> bool:
        """Whether a list gets another item."""
        if any(at[: len(question.pointer) + 1] == (*question.pointer, count) for at in self.told):
            return True
        return self.asks and self._person.more(question, count)

    def left(self) -> list[Pointer]:
        """Told but never asked for: these are set as they are."""
        return [at for at in self.told if at not in self._used]


def settle(at: Open, schema: RecordSchema, data: dict[str, Any], talk: Interview, answers: Answers) -> list[Finding]:
    """Ask for the rest, then set what was told but not asked for; the errors that are left."""
    left = talk.complete()
    extra = answers.left()
    for place in extra:
        item = field_at(schema, place)
        if item is not None:
            put_or_refuse(
                data, place, value_of(at.desk, Question(place, item, needed=False), answers.told[place], data)
            )
    return faults(at.book.schemas, schema.name, data) if extra else left


def put_or_refuse(data: dict[str, Any], place: Pointer, value: Any) -> None:
    """Set a value in a record. Raises UsageError where that cannot be."""
    try:
        put(data, place, value)
    except KeyError:
        name = field_text(place)
        raise click.UsageError(f"{name}：前面的项还没有。 / {name}: the items before it are missing.") from None


def value_of(desk: Desk, question: Question, told: str | list[str], data: Mapping[str, Any]) -> Any:
    """The value that an option tells. Raises UsageError."""
    choices = desk.choices(question, data)
    try:
        if question.field.kind == "array" and not isinstance(question.pointer[-1], int):
            parts = told if isinstance(told, list) else told.split(",")
            return [_ask.read(question, part, choices) for part in parts]
        return _ask.read(question, str(told), choices)
    except _ask.Wrong as wrong:
        name = field_text(question.pointer)
        raise click.UsageError(
            f"{name}（{question.field.label.zh}）：{wrong.text.zh} / {question.field.label.en}: {wrong.text.en}"
        ) from wrong


def interactive() -> bool:
    """Whether somebody sits at the terminal."""
    return sys.stdin.isatty()


# --- the last step ---------------------------------------------------------------------------------------


def refuse(ctx: click.Context, path: str, left: Sequence[Finding]) -> None:
    """Say what a record lacks and end: nothing was written."""
    if left:
        report = check.Report(tuple(finding_in(path, item) for item in left), 1)
        click.echo(FORMATS["text"](report, _shared.language(ctx), _shared.paint), err=True, nl=False)
        _shared.tell(ctx, Text("没有写入任何文件。", "Nothing was written."))
        ctx.exit(1)


def finding_in(path: str, item: Finding) -> Finding:
    """A finding, told of a file."""
    return replace(item, path=path)


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
    trailers = [_trailer(at, approver)] if approver else []
    moved: Mapping[str, Mapping[str, str]] = {}
    if at.book.policy.pii_store == "vault":
        files, moved = vault.taken_out(files, at.book.schemas)
    if proposed and not shown:
        _pr.ready(at.root)
    with _shared.progress(Text("正在检查……", "Checking …")):
        report = check.check_proposal(at.tree, at.book, at.desk.store, files, at.desk.now)
    if report.findings:
        click.echo(FORMATS["text"](report, _shared.language(ctx), _shared.paint), err=True, nl=False)
    if shown:
        for path, raw in files.items():
            if len(files) > 1 or raw is None:
                _shared.write(f"# {path}\n")
            _shared.write((raw or b"").decode("utf-8"))
        ctx.exit(1 if report.errors else 0)
    if any(item.severity is Severity.ERROR for item in report.findings):
        _shared.tell(ctx, Text("没有写入任何文件。", "Nothing was written."))
        ctx.exit(1)
    save(ctx, at.root, at.book.schemas, files, moved)
    for path in files:
        _shared.write(f"{path}\n")
    spoken()
    _tell_duties(ctx, at, files)
    if proposed:
        _pr.propose(ctx, at.root, list(files), title, trailers)
    else:
        _shared.tell(ctx, Text(f"提交时标题写：{title}", f"Title of the commit: {title}"))


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


def _trailer(at: Open, approver: str) -> str:
    person = next((p for p in at.book.policy.staff if p["id"] == approver), None)
    if person is None:
        raise click.UsageError(f"没有工号 {approver}。 / There is no {approver} in config/staff.yaml.")
    return f"Approved-by: {person['name']} <{person['email']}>"
