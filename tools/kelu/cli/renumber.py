"""`kelu renumber`: another id for a record whose id somebody else has taken meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kelu.cli import _pr, _shared
from kelu.finding import Text

if TYPE_CHECKING:
    from kelu.renumber import Plan


@click.command("renumber", short_help="改号 · Give a record another id")
@click.argument("name", metavar="ID")
@click.option("--to", metavar="NEW", help="新编号（默认：下一个空号） · The new id (default: the next that is free)")
@click.option(
    "--base", metavar="REV",
    help="目标分支（默认：origin/main 或 main） · The target branch (default: origin/main or main)",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="只说明要改哪些文件 · Only tell which files would change")
@_shared.common_options
@click.pass_context
def command(ctx: click.Context, name: str, to: str | None, base: str | None, dry_run: bool) -> None:
    """给这个分支上新登记、还没有并入的记录换一个编号：文件名、编号和本分支对它的引用一并改好，作为一次提交。
    别人先用了同一编号时用；目标分支上那条同号记录及对它的引用不动。合并到一半时先中止合并，改好后再合并一次。

    Give a record that is new on this branch another id: the name of its file, its id and what this branch says of it,
    in one commit. For when somebody else took the id first; that record, and what refers to it, stays as it is. A merge
    under way is put off and taken up again afterwards.
    """
    from kelu import git, renumber, shelf

    root = _shared.root(ctx)
    branch = git.run(root, "branch", "--show-current").decode().strip() if git.is_repository(root) else ""
    since = _shared.commit(root, base or _target(root)).sha
    if branch in _pr.main_branches(root) or not branch:
        raise _shared.UserError(
            Text(f"现在在{f'主分支 {branch}' if branch else '游离的提交'}上，编号不能改。",
                 f"This is {f'the default branch {branch}' if branch else 'no branch'}; ids do not change here."),
            Text("先切换到登记这条记录的分支：git switch 分支名。", "Switch to the branch that registers the record."),
        )  # fmt: skip
    book = _shared.open_book(git.WorkTree(root))
    merging = git.head(root, "MERGE_HEAD")
    try:
        if merging and not dry_run:
            _put_off(root, name)
        plan = renumber.plan(root, since, book.schemas, name, to)
        if not dry_run:
            shelf.save(root, plan.files)
            _commit(root, plan)
            if merging:
                git.run(root, "merge", "--no-edit", merging.sha)
    except renumber.RenumberError as refused:
        raise _shared.UserError(refused.text, refused.mend) from refused
    except git.GitError as refused:
        raise _shared.failed(Text("Git 没有完成", "Git did not finish"), refused) from refused
    done = Text("将改号", "Would change") if dry_run else Text("已改号并提交", "Changed and committed")
    _shared.tell(ctx, Text(f"{done.zh}：{name} → {plan.new}（{plan.path}）", f"{done.en}: {name} → {plan.new}"))
    for path, count in plan.references.items():
        _shared.tell(ctx, Text(f"  {path}：{count} 处引用", f"  {path}: references: {count}"))
    if not dry_run:
        _shared.tell(ctx, Text("检查后推送：kelu check --base origin/main，git push。",
                               "Check and push: kelu check --base origin/main, git push"))  # fmt: skip


def _target(root: Path) -> str:
    """The default branch as the remote has it, or else as it is here."""
    from kelu import git

    names = sorted(_pr.main_branches(root) - {""})
    found = [branch for prefix in ("origin/", "") for name in names if git.head(root, branch := f"{prefix}{name}")]
    if not found:
        raise _shared.UserError(
            Text("找不到目标分支。", "There is no target branch."), Text("用 --base 指明。", "Name it with --base.")
        )
    return found[0]


def _put_off(root: Path, name: str) -> None:
    """Abort a merge under way in which nothing but this record's file is in conflict, so that no work is lost."""
    from kelu import git

    stuck = git.run(root, "diff", "--name-only", "--diff-filter=U", "-z").decode("utf-8", "surrogateescape").split("\0")
    others = [path for path in stuck if path and Path(path).stem != name]
    if others:
        raise _shared.UserError(
            Text(
                f"合并到一半，还有别的冲突：{'、'.join(others)}。",
                f"The merge has other conflicts: {', '.join(others)}",
            ),
            Text(
                "先运行 git merge --abort，改号后再合并。", "Run git merge --abort first, and merge again afterwards."
            ),
        )
    git.run(root, "merge", "--abort")


def _commit(root: Path, plan: Plan) -> None:
    """Commit what was planned, and nothing else of the work tree."""
    from kelu import git

    tracked = git.run(root, "ls-files", "-z", "--", *plan.files).decode("utf-8", "surrogateescape").split("\0")
    known = [path for path in plan.files if path in tracked or (root / path).exists()]  # Git has heard of
    git.run(root, "add", "--all", "--", *known)
    git.run(root, "commit", "--quiet", "-m", f"{plan.old} → {plan.new} 改号", "--", *known)
