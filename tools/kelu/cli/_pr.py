"""Pull requests for people who don't know Git: a branch, one commit with its title, a push, and where to go on."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kelu import git
from kelu.cli import _shared
from kelu.finding import Text

if TYPE_CHECKING:
    from kelu.policy import Policy

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
_ADDRESS = re.compile(r"https?://\S+")


def pr_options(command: Decorated) -> Decorated:
    """`--pr` and `--approved-by`."""
    for decorate in (
        click.option(
            "--approved-by", "approver", metavar="S001",
            help="与 --pr 同用：在提交中写明批准人 · With --pr: name who approved in the commit",
        ),
        click.option(
            "--pr", "propose", is_flag=True,
            help="写入后建分支、提交并推送 · Then make a branch, commit and push, ready for a pull request",
        ),
    ):  # fmt: skip
        command = decorate(command)
    return command


def writing(command: Decorated) -> Decorated:
    """The options of every command that writes records."""
    for decorate in (_shared.now_option, _shared.dry_run_option, pr_options, _shared.common_options):
        command = decorate(command)
    return command


def member(root: Path, policy: Policy) -> Mapping[str, Any] | None:
    """Who on the staff is at work here: whose e-mail Git knows."""
    mail = git.setting(root, "user.email") if git.is_repository(root) else None
    return next((one for one in policy.staff if mail and one.get("email", "").casefold() == mail.casefold()), None)


def approval(policy: Policy, approver: str | None) -> list[str]:
    """The trailer that names who approved. Raises UsageError where nobody on the staff has that id."""
    if approver is None:
        return []
    person = next((one for one in policy.staff if one["id"] == approver), None)
    if person is None:
        raise click.UsageError(f"没有工号 {approver}。 / There is no {approver} in config/staff.yaml.")
    return [f"Approved-by: {person['name']} <{person['email']}>"]


def close(
    ctx: click.Context, root: Path, paths: Collection[str], title: str, trailers: Sequence[str], *, proposed: bool
) -> None:
    """What comes behind writing: the pull request, or the title that its commit should bear. Raises UserError."""
    if proposed:
        propose(ctx, root, paths, title, trailers)
    else:
        _shared.tell(ctx, Text(f"提交时标题写：{title}", f"Title of the commit: {title}"))


def ready(root: Path) -> None:
    """Raises UserError where `--pr` could not be served, before anything is written."""
    if not git.is_repository(root) or git.head(root) is None:
        raise _shared.UserError(
            Text("这里不是 Git 仓库，或还没有提交，不能使用 --pr。", "--pr needs a Git repository with a commit."),
            Text("去掉 --pr，或先运行 git init 并提交。", "Leave --pr out, or run git init and commit first."),
        )
    if not git.setting(root, "user.email") or not git.setting(root, "user.name"):
        raise _shared.UserError(
            Text("Git 还不知道您是谁。", "Git does not know who you are."),
            Text(
                "运行 git config user.name 姓名 和 git config user.email 邮箱（与 config/staff.yaml 中一致）。",
                "Run: git config user.name NAME, and git config user.email MAIL (as in config/staff.yaml).",
            ),
        )


def propose(ctx: click.Context, root: Path, paths: Collection[str], title: str, trailers: Sequence[str] = ()) -> None:
    """Commit these files on a branch of their own, push it where there is a remote, and say what comes next. Other
    changes of the work tree stay as they are. Raises UserError; what was written stays written."""
    branch = git.run(root, "branch", "--show-current").decode().strip()
    try:
        if branch in main_branches(root) or not branch:
            branch = _free_name(root, title)
            git.run(root, "switch", "--quiet", "--create", branch)
        git.run(root, "add", "--", *sorted(paths))
        extra = [word for trailer in trailers for word in ("--trailer", trailer)]
        git.run(root, "commit", "--quiet", "-m", title, *extra, "--", *sorted(paths))
    except git.GitError as fault:
        raise _shared.failed(
            Text("文件已写入，但未能提交", "The files are written but could not be committed"), fault
        ) from fault
    _shared.tell(ctx, Text(f"已在分支 {branch} 上提交：{title}", f"Committed on branch {branch}: {title}"))
    remote = _remote(root)
    if remote is None:
        _shared.tell(ctx, Text("没有远程仓库，未推送。", "There is no remote; nothing was pushed."))
        return
    try:
        said = git.said(root, "push", "--set-upstream", remote, branch)
    except git.GitError as fault:
        raise _shared.failed(
            Text(f"已提交，但未能推送；稍后运行 git push -u {remote} {branch}",
                 f"Committed but not pushed; later run: git push -u {remote} {branch}"), fault
        ) from fault  # fmt: skip
    found = _ADDRESS.findall(said)
    _shared.tell(
        ctx,
        Text(f"已推送。打开此页提交合并请求：{found[0]}", f"Pushed. Open the pull request at: {found[0]}") if found
        else Text("已推送。到代码托管页面提交合并请求。", "Pushed. Open the pull request on your forge."),
    )  # fmt: skip


def main_branches(root: Path) -> set[str]:
    """The names under which the default branch goes: what the remote calls it, and the usual ones."""
    try:
        told = git.run(root, "symbolic-ref", "--short", "refs/remotes/origin/HEAD").decode().strip()
    except git.GitError:
        told = ""
    return {"main", "master", told.removeprefix("origin/")}


def _free_name(root: Path, title: str) -> str:
    """A branch named after the record, or the first word of the title, with a number where there is such a branch."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", title.split()[0]).strip("-.") or "kelu"
    taken = set(git.run(root, "branch", "--all", "--format=%(refname:short)").decode().split())
    taken |= {branch.partition("/")[2] for branch in taken}
    number = 1
    while (candidate := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    return candidate


def _remote(root: Path) -> str | None:
    remotes = git.run(root, "remote").decode().split()
    return "origin" if "origin" in remotes else next(iter(remotes), None)
