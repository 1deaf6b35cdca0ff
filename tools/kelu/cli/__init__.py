"""Command line: one file a command in this folder, found by its name; exit codes; what a fault looks like.

0 nothing wrong (warnings allowed) · 1 findings · 2 the request cannot be served · 3 a fault of kelu itself, with the
traceback in a log file and never on the screen · 130 interrupted.
"""

from __future__ import annotations

import importlib
import keyword
import pkgutil
import sys
from typing import Any, NoReturn

import click

from kelu import __version__
from kelu.cli import _shared
from kelu.finding import Text
from kelu.git import GitError

FINDINGS, REFUSED, FAULT, INTERRUPTED, BROKEN_PIPE = 1, 2, 3, 130, 141


class Program(click.Group):
    """The group of all commands. A command's module is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every module of this folder but those that start with `_`."""
        names = (name for _, name, _ in pkgutil.iter_modules(__path__) if name[0] != "_")
        return sorted(name.rstrip("_").replace("_", "-") for name in names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        name = cmd_name.replace("-", "_") + ("_" if keyword.iskeyword(cmd_name) else "")  # `import_` cannot go without
        module = importlib.import_module(f"{__name__}.{name}")
        found: click.Command = module.command
        return found

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _shared.interrupts() as seen:
                try:
                    return super().invoke(ctx)
                except Exception as fault:
                    if seen:  # a library may make something else of an interrupt
                        raise KeyboardInterrupt from fault
                    _answer(fault, ctx)
        except (KeyboardInterrupt, click.Abort):
            click.echo("\n已中断。\nInterrupted.", err=True)
            ctx.exit(INTERRUPTED)

    def main(self, *args: Any, **extra: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:  # a terminal that lacks Chinese shows escapes instead of failing
                reconfigure(errors="backslashreplace")
        try:
            return super().main(*args, **extra)
        except Exception as fault:  # before a command was reached, as in --help
            sys.exit(_report_fault(fault, None))


def _answer(fault: Exception, ctx: click.Context) -> NoReturn:
    """What the user gets for an exception that a command let through."""
    if isinstance(fault, click.ClickException) and fault.exit_code == FINDINGS:
        fault.show()  # click's default is 1, which here means findings and nothing else
        ctx.exit(REFUSED)
    if isinstance(fault, (click.ClickException, click.exceptions.Exit, click.Abort)):
        raise fault
    if isinstance(fault, BrokenPipeError):  # the reader has had enough: `kelu check | head`
        _shared.silence_output()
        ctx.exit(BROKEN_PIPE)
    from kelu.history.index import HistoryError
    from kelu.history.signature import SignatureError

    if isinstance(fault, HistoryError):
        raise _shared.UserError(fault.text, fault.mend) from fault
    if isinstance(fault, SignatureError):
        raise _shared.UserError(fault.text) from fault
    if isinstance(fault, GitError):
        raise _shared.failed(Text("Git 未能完成", "Git failed"), fault) from fault
    if isinstance(fault, OSError) and _shared.is_environmental(fault):
        raise _shared.cannot_access(fault) from fault
    ctx.exit(_report_fault(fault, ctx))


def _report_fault(fault: BaseException, ctx: click.Context | None) -> int:
    log = _shared.near(_shared.write_log(fault, ctx))
    click.echo(
        f"kelu 内部出错（{type(fault).__name__}），不是您的记录有问题；详情在 {log}，请交给维护人员。\n"
        f"kelu itself failed ({type(fault).__name__}); your records are not at fault. "
        f"Details are in {log}: please hand it to a maintainer.",
        err=True,
    )
    return FAULT


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="退出码 Exit codes: 0 无错误 clean · 1 有错误 findings · 2 用法 usage · 3 内部错误 internal fault",
)
@click.version_option(__version__, message="kelu %(version)s")
@_shared.common_options
def main() -> None:
    """客录 Kelu：检查投诉、满意度调查和会议纪要的记录，计算指标，生成网站。

    Check records of complaints, satisfaction surveys and meetings, compute KPIs, build the site.
    """
