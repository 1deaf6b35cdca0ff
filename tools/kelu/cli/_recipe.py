"""Commands made from recipes (`policies/drafts/<name>.yaml`): their names, their help and their options.

A recipe is the repository's own, so what a command may be given is known only once it is called there.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kelu.cli import _pr, _shared
from kelu.finding import Text

if TYPE_CHECKING:
    from kelu.draft import Ask, Recipe

FAMILIES = frozenset({"campaign", "report"})  # recipes of these first words stand under a command of that word
_NONE = Text("此仓库没有这个草稿配方（policies/drafts/）。", "This repository has no such recipe (policies/drafts/).")
_FAULTY = Text("kelu check 会说明有误的配方。", "kelu check tells of a faulty one.")


class Draft(click.Command):
    """The command of one recipe; what it tells of itself before it is called is its title."""

    def __init__(self, recipe: str, name: str, title: Text) -> None:
        words = f"{title.zh} · {title.en}"
        super().__init__(name, short_help=words, help=words)
        self.recipe = recipe

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        given = [after for option, after in itertools.pairwise(args) if option == "--root"]
        given += [item.removeprefix("--root=") for item in args if item.startswith("--root=")]
        recipe = _recipes(Path(given[-1]) if given else _root_of(parent)).get(self.recipe)
        if recipe is None:
            raise _shared.UserError(_NONE, _FAULTY)
        return _command(recipe, self.name or "").make_context(info_name, args, parent, **extra)


class Family(click.Group):
    """The recipes whose names begin with one word; without a word, those that belong to no family."""

    def __init__(self, name: str, short_help: Text, word: str = "") -> None:
        super().__init__(
            name, short_help=f"{short_help.zh} · {short_help.en}", help=f"{short_help.zh}\n\n{short_help.en}"
        )
        self.word = word

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = _recipes(_root_of(ctx))
        if not self.word:
            return sorted(name for name in names if name.partition("-")[0] not in FAMILIES)
        return sorted(name.partition("-")[2] for name in names if name.startswith(f"{self.word}-"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = f"{self.word}-{cmd_name}" if self.word else cmd_name
        recipe = _recipes(_root_of(ctx)).get(name)
        return Draft(name, cmd_name, recipe.title) if recipe else None


def family(name: str, short_help: Text, word: str = "") -> click.Command:
    """A family as a command."""
    return _shared.common_options(Family(name, short_help, word))


def _root_of(ctx: click.Context | None) -> Path | None:
    return ctx.meta.get("kelu.root") if ctx else None


def _recipes(given: Path | None) -> dict[str, Recipe]:
    """Those of the repository, or where there is none, so that --help works anywhere, those that come with kelu."""
    from kelu import draft, git, resources

    home = given or _shared.find_root(Path.cwd())
    return draft.recipes(git.WorkTree(home.absolute() if home else resources.policies_dir().parent))


def _command(recipe: Recipe, name: str) -> click.Command:
    def course(ctx: click.Context, /, **values: Any) -> None:
        from kelu.cli import _draft

        _draft.run(ctx, recipe, values)

    words = Text.of(recipe.data["help"])
    made = click.Command(name, callback=click.pass_context(course), params=list(_params(recipe)),
                         help=f"{words.zh}\n\n{words.en}")  # fmt: skip
    for decorate in (_shared.cache_option, _shared.common_options, _pr.pr_options, _shared.dry_run_option,
                     _shared.now_option):  # fmt: skip
        made = decorate(made)
    return made


def _params(recipe: Recipe) -> Iterator[click.Parameter]:
    for ask in recipe.asks:
        yield _param(ask)
    for entry in recipe.data.get("lists", ()):
        title = Text.of(entry["title"])
        if "flag" in entry:
            yield click.Option([f"--{entry['flag']}"], is_flag=True,
                               help=f"不编制，只列出：{title.zh} · Draft nothing, list: {title.en}")  # fmt: skip
        else:
            yield click.Option(["--list", "list_file"], type=click.Path(path_type=Path), metavar="FILE",
                               help=f"{title.zh}写成 CSV，不入库 · {title.en}: as CSV, kept out of Git")  # fmt: skip
    if "print" in recipe.data:
        entry = recipe.data["print"]
        title = Text.of(entry["title"])
        yield click.Option([f"--{entry['flag']}", "print_folder"], type=click.Path(path_type=Path), metavar="DIR",
                           help=f"{title.zh} · {title.en}")  # fmt: skip
    if recipe.kpis:
        yield click.Option(["--as-of", "as_of"], type=_shared.Moment(),
                           help="数据截止时间（默认现在） · Figures as known at (default: now)")  # fmt: skip
    yield click.Option(["--by"], metavar="STAFF",
                       help="登记人（默认按 Git 邮箱认出） · Who registers (default: by Git's e-mail)")  # fmt: skip


def _param(ask: Ask) -> click.Parameter:
    words = f"{ask.title.zh} · {ask.title.en}"
    if ask.argument:
        return click.Argument([ask.name], required=False, metavar=f"[{ask.name.upper()}]")
    if ask.kind == "flag":
        return click.Option([ask.flag, ask.name], is_flag=True, help=words)
    if ask.kind in ("numbers", "texts"):
        return click.Option([ask.flag, ask.name], multiple=True, metavar="KEY=VALUE", help=words)
    return click.Option([ask.flag, ask.name], help=words)
