"""What the commands share: the repository, languages and moment asked for, output, and refusals that help.

The wall clock is read here and nowhere else.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import os
import re
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from kelu import __version__, git, stage
from kelu.cli._watch import Watch
from kelu.finding import Text
from kelu.periods import SHANGHAI

if TYPE_CHECKING:
    from kelu.check import Rulebook
    from kelu.history.index import History, HistoryError
    from kelu.store import Store

_META = "kelu."
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ENVIRONMENTAL = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENAMETOOLONG, errno.EMFILE, errno.EXDEV,
)  # fmt: skip
_STYLES: dict[str, dict[str, Any]] = {
    "error": {"fg": "red", "bold": True}, "warning": {"fg": "yellow", "bold": True}, "good": {"fg": "green"},
    "path": {"bold": True}, "code": {"fg": "cyan"}, "dim": {"dim": True},
}  # fmt: skip
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class UserError(click.ClickException):
    """Something the user can put right. Says what, and what to do, in Chinese and English; exit code 2."""

    exit_code = 2

    def __init__(self, text: Text, hint: Text | None = None) -> None:
        super().__init__(text.zh)
        self.text = text
        self.hint = hint

    def show(self, file: IO[Any] | None = None) -> None:
        for word, text in (("错误", self.text), ("提示", self.hint)):
            if text is not None:
                english = {"错误": "Error", "提示": "Hint"}[word]
                click.echo(f"{word}：{text.zh}\n{english}: {text.en}", file=file, err=file is None)


def failed(text: Text, reason: Exception) -> UserError:
    """What could not be done and a lower layer's reason, in its own two languages where it has them."""
    words = getattr(reason, "text", Text(str(reason), str(reason)))
    return UserError(Text(f"{text.zh}：{words.zh}", f"{text.en}: {words.en}"))


def is_environmental(fault: OSError) -> bool:
    """Whether the machine, not the program, is why something cannot be read or written."""
    return fault.errno in _ENVIRONMENTAL


def cannot_access(fault: OSError) -> UserError:
    """A refusal by the file system, for the user."""
    place, reason = fault.filename or "", fault.strerror or type(fault).__name__
    return UserError(Text(f"无法读写 {place}：{reason}", f"Cannot read or write {place}: {reason}"))


# --- options that every command knows --------------------------------------------------------------------


def _remember(ctx: click.Context, option: click.Parameter, value: Any) -> None:
    if value is not None:
        ctx.meta[_META + str(option.name)] = value


def common_options(command: Decorated) -> Decorated:
    """`--root` and `--lang`, understood before and after a command's name."""
    for decorate in (
        click.option(
            "--lang", type=click.Choice(["zh", "en", "both"]), callback=_remember, expose_value=False,
            help="输出语言（默认两种） · Language of the output (default: both)",
        ),
        click.option(
            "--root", type=click.Path(exists=True, file_okay=False, path_type=Path), callback=_remember,
            expose_value=False, metavar="DIR",
            help="记录仓库（默认：含 records/ 或 schemas/ 的最近上级目录） · The records repository "
            "(default: the nearest parent with records/ or schemas/)",
        ),
    ):  # fmt: skip
        command = decorate(command)
    return command


def language(ctx: click.Context) -> str:
    """zh, en or both."""
    return str(ctx.meta.get(_META + "lang", "both"))


def root(ctx: click.Context, *, bare: bool = False) -> Path:
    """The records repository, absolute; with `bare` one of which nothing is checked out will do. Raises UserError when
    there is none."""
    given: Path | None = ctx.meta.get(_META + "root")
    found = _repository_at(given.absolute()) if given else find_root(Path.cwd())
    if found is None and bare and _is_bare(given.absolute() if given else Path.cwd()):
        return given.absolute() if given else Path.cwd()
    if found is None:
        raise UserError(
            Text(
                "这里没有记录仓库（找不到 records/ 或 schemas/）。",
                "There is no records repository here (no records/ or schemas/).",
            ),
            Text(
                "到记录仓库中运行，用 --root 指明，或用 kelu init 新建一个。",
                "Go to a records repository, name one with --root, or make one with: kelu init",
            ),
        )
    return found


def find_root(start: Path) -> Path | None:
    """The nearest folder at or above `start` that holds records or schemas."""
    return next(filter(None, map(_repository_at, (start, *start.parents))), None)


def _repository_at(folder: Path) -> Path | None:
    return folder if (folder / "records").is_dir() or (folder / "schemas").is_dir() else None


def _is_bare(folder: Path) -> bool:
    """Whether records are in Git here, and nothing is checked out."""
    if not git.is_repository(folder) or git.is_checked_out(folder):
        return False
    return any(git.tracked(folder, name) for name in ("records", "schemas"))


def inside(root: Path, path: Path) -> str:
    """A path the user named, seen from the current folder or from the repository's, as the repository names it."""
    for candidate in (Path.cwd() / path, root / path):
        if os.path.lexists(candidate):
            # The folders are resolved, not the file: a symbolic link is itself a finding.
            named = candidate.name not in ("", "..")
            place = candidate.parent.resolve() / candidate.name if named else candidate.resolve()
            for home in (root, root.resolve()):
                if place.is_relative_to(home):
                    return place.relative_to(home).as_posix()
            raise click.UsageError(f"{path} 不在记录仓库 {root} 中。 / {path} is outside the repository {root}.")
    raise click.UsageError(f"没有这个文件或目录：{path} / No such file or folder: {path}")


# --- moments ---------------------------------------------------------------------------------------------


class Moment(click.ParamType[datetime.datetime]):
    """An RFC 3339 date-time with its offset, or a date, which means its last second in Asia/Shanghai."""

    name = "moment"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "T"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime.datetime:
        if isinstance(value, datetime.datetime):
            return value
        try:
            if _DAY.fullmatch(value):
                return datetime.datetime.fromisoformat(value).replace(hour=23, minute=59, second=59, tzinfo=SHANGHAI)
            if _MOMENT.fullmatch(value):
                return datetime.datetime.fromisoformat(value.upper())
            raise ValueError(value)
        except ValueError:
            self.fail(
                f"“{value}”不是日期（2026-07-02）或带时区的时间（2026-07-02T12:00:00+08:00）。"
                f' / "{value}" is neither a date nor a date-time with its offset.',
                param, ctx,
            )  # fmt: skip


def now() -> datetime.datetime:
    """The wall clock, in Asia/Shanghai."""
    return datetime.datetime.now(SHANGHAI)


as_of_now = click.option(
    "--as-of", "moment", type=Moment(), help="按此时点判断（默认现在） · Judge as of this moment (default: now)"
)
as_of_commit = click.option(
    "--as-of", "moment", type=Moment(),
    help="时点（默认：所用提交的提交时间） · Moment (default: committer time of the commit used)",
)  # fmt: skip
now_option = click.option(
    "--now", "moment", type=Moment(), help="当作现在的时刻（默认：时钟） · What counts as now (default: the clock)"
)
dry_run_option = click.option("--dry-run", is_flag=True, help="只显示，不写入 · Show, write nothing")
set_option = click.option(
    "--set", "settings", multiple=True, metavar="栏=值",
    help="任一栏的值，如 --set 'transfers[0].to=信息部' · Any field, e.g. --set 'transfers[0].to=…'",
)  # fmt: skip
at_revision = click.option(
    "--at", "revision", metavar="REV",
    help="用记录、模式、制度和配置在 REV 时的样子（默认：工作副本） · "
    "From records, schemas, policies and configuration as REV has them (default: the work tree)",
)  # fmt: skip
cache_option = click.option("--no-cache", is_flag=True, help="不用 .kelu 中的缓存 · Do without the cache in .kelu")


def format_option(formats: Iterable[str], zh: str = "", en: str = "") -> Callable[[Decorated], Decorated]:
    """`--format`, by default the first of them; `zh` and `en` are added to its help."""
    names = list(formats)
    return click.option(
        "--format", "style", type=click.Choice(names), default=names[0], show_default=True,
        help=f"输出格式{zh} · Output format{en}",
    )  # fmt: skip


# --- revisions -------------------------------------------------------------------------------------------


def commit(root: Path, revision: str) -> git.Commit:
    """The commit a revision names. Raises UserError when there is none."""
    if not git.is_repository(root):
        raise UserError(
            Text(f"{root} 不是 Git 仓库的顶层目录，无法使用修订“{revision}”。",
                 f'{root} is not the top of a Git repository, so there is no revision "{revision}".')
        )  # fmt: skip
    found = git.head(root, revision)
    if found is None:
        raise UserError(
            Text(f"没有这个修订：{revision}", f"There is no such revision: {revision}"),
            Text("先用 git fetch 取得它；浅克隆须取得完整历史（git fetch --unshallow）。",
                 "Fetch it first; a shallow clone needs its history: git fetch --unshallow"),
        )  # fmt: skip
    return found


# --- the repository, read ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reading:
    """The policies of the work tree or of another commit and an open store, the moment to judge at, and the commit.

    `dirty` tells that files differ from that commit.
    """

    tree: git.WorkTree | git.RevisionTree
    book: Rulebook
    store: Store
    moment: datetime.datetime
    commit: git.Commit | None
    dirty: bool


def open_book(tree: git.Tree) -> Rulebook:
    """Schemas and policy of a tree. Raises UserError when the schemas cannot be used."""
    from kelu import check

    try:
        return check.open_book(tree)
    except ValueError as fault:
        raise failed(Text("模式无法使用", "Unusable schemas"), fault) from fault


def unsound() -> UserError:
    """What is refused as long as the rulebook has faults."""
    return UserError(
        Text("制度或配置文件有错误，无法计算。", "Policies or configuration are at fault; nothing can be computed."),
        Text("运行 kelu check 查看。", "kelu check shows where."),
    )


@contextlib.contextmanager
def history_of(home: Path, *, cached: bool) -> Iterator[History]:
    """The history of HEAD, up to date. Raises HistoryError where there is none, or where it is cut off (GH-02)."""
    from kelu.history.index import open_history

    opened = open_history(home, cached=cached)
    try:
        yield opened
    finally:
        opened.close()


def bring_landed(
    home: Path, store: Store, book: Rulebook, commit: git.Commit | None, asked: Collection[str], *, cached: bool
) -> HistoryError | None:
    """Have the table `landed` tell the history of a commit, where any of the names asked for is that table. Where the
    history is cut off, the store withholds it, and why comes back."""
    from kelu.history import landed
    from kelu.history.index import HistoryError
    from kelu.store import LANDED

    if commit is None or LANDED not in asked:
        return None
    try:
        landed.bring(home, store, book.schemas, book.policy, book.fingerprint, commit.sha, cached=cached)
    except HistoryError as refused:
        store.land([], withheld=refused.text)
        return refused
    return None


def refuse_cut_off(refused: HistoryError | None) -> None:
    """Raises UserError where what is asked for needs a history that is cut off (GH-02)."""
    if refused is not None:
        raise UserError(refused.text, refused.mend) from refused


@contextlib.contextmanager
def reading(
    ctx: click.Context, moment: datetime.datetime | None, *, cached: bool, revision: str | None = None
) -> Iterator[Reading]:
    """Open the repository, or what it held at a revision, to compute from it. The moment is by default the committer
    time of HEAD or of the revision and never the wall clock, so that a commit always gives the same figures
    (kpis.md §0.2).

    Raises UserError without a commit and a moment, where there is no such revision, or when policies are at fault.
    """
    from kelu import check

    home = root(ctx)
    held = commit(home, revision) if revision else git.head(home)
    tree = git.RevisionTree(home, held.sha) if revision and held else git.WorkTree(home)
    at = moment or (held.time if held else None)
    if at is None:
        raise UserError(
            Text("没有提交，因此没有默认时点。", "There is no commit, hence no default moment."),
            Text("用 --as-of 指明时点，或先提交。", "Name a moment with --as-of, or commit first."),
        )
    book = open_book(tree)
    if not book.sound:
        raise unsound()
    store = (check.open_past if revision else check.open_cache)(home, book, cached=cached)
    try:
        yield Reading(tree, book, store, at, held, held is not None and not revision and _is_dirty(home))
    finally:
        store.close()


def _is_dirty(home: Path) -> bool:
    return bool(git.run(home, "status", "--porcelain", "--", "records", "schemas", "policies", "config"))


# --- output ----------------------------------------------------------------------------------------------


def near(path: Path) -> Path:
    """A path as seen from the current folder, where it lies below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def write(text: str) -> None:
    """For people: to standard output, in its encoding."""
    click.echo(text, nl=False, color=is_coloured() or None)


def write_data(text: str) -> None:
    """For programs: to standard output in UTF-8, whatever the terminal speaks."""
    click.echo(text.encode("utf-8", "backslashreplace"), nl=False)


def is_coloured() -> bool:
    """Whether standard output is a terminal whose user has not asked for plain text (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(words: str, role: str) -> str:
    """The words in a role's colours; as they are where colours are not wanted."""
    return click.style(words, **_STYLES[role]) if role in _STYLES and words and is_coloured() else words


def tell(ctx: click.Context, text: Text) -> None:
    """A remark on standard error, in the languages asked for."""
    lang = language(ctx)
    for name, words in (("zh", text.zh), ("en", text.en)):
        if lang in (name, "both"):
            click.echo(words, err=True)


def tell_of_limits(ctx: click.Context, read: Reading, at_fault: int) -> None:
    """What figures from a repository leave out or belong to: files at fault, and changes that are in no commit."""
    if at_fault:
        tell(
            ctx,
            Text(
                f"{at_fault} 个文件有错误，未计入；运行 kelu check 查看。",
                f"Files at fault, not counted: {at_fault}. kelu check shows them.",
            ),
        )
    if read.dirty:
        tell(
            ctx,
            Text("有未提交的改动，这些数字不属于任何提交。", "Uncommitted changes: these figures belong to no commit."),
        )


@contextlib.contextmanager
def progress(text: Text) -> Iterator[None]:
    """What is being done, on standard error while it lasts, if a person may be watching; its stages one by one."""
    with contextlib.ExitStack() as opened:
        if stage.watcher() is None:
            opened.enter_context(stage.watched(Watch(shown=sys.stderr.isatty())))
        opened.enter_context(stage.stage(text.zh, text.en))
        yield


def _profile(ctx: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted:
        watch = Watch(shown=sys.stderr.isatty())
        ctx.with_resource(stage.watched(watch))
        ctx.call_on_close(lambda: click.echo(watch.account(), err=True))


profile_option = click.option(
    "--profile", is_flag=True, is_eager=True, callback=_profile, expose_value=False,
    help="结束时列出时间花在哪里 · Say at the end where the time went",
)  # fmt: skip


@contextlib.contextmanager
def interrupts() -> Iterator[list[int]]:
    """The interrupts from the keyboard that came meanwhile: DuckDB, for one, raises RuntimeError for them."""
    seen: list[int] = []

    def note(number: int, frame: object) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # someone else minds them, or nohup
        yield seen
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def silence_output() -> None:
    """Send what is left to nowhere, so that Python does not complain about a closed pipe at its end."""
    with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def write_log(fault: BaseException, ctx: click.Context | None) -> Path:
    """Write the traceback to `.kelu/log/` of the repository, else to the temporary folder; return the file."""
    stamp = now()
    text = f"kelu {__version__}, Python {sys.version}\n{stamp.isoformat()}\n\n" + "".join(
        traceback.format_exception(fault)
    )
    with contextlib.suppress(OSError, UserError):
        given: Path | None = ctx.meta.get(_META + "root") if ctx else None
        home = given or find_root(Path.cwd())
        if home is not None:
            folder = home / ".kelu/log"
            folder.mkdir(parents=True, exist_ok=True)
            log = folder / f"kelu-{stamp:%Y%m%dT%H%M%S-%f}.log"
            log.write_text(text, "utf-8", errors="backslashreplace")
            return log
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", errors="backslashreplace", prefix="kelu-", suffix=".log", delete=False
    ) as stream:
        stream.write(text)
    return Path(stream.name)
