"""Doctor: whether a repository and the machine under it are fit to keep records — what is wrong, and how to mend it.

Records themselves are judged by `check`; here is what judging leans on: Git, the calendar, the packs in force, the
staff, the cache, and the fast libraries.
"""

from __future__ import annotations

import datetime
import importlib.util
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kelu import check, git, vault
from kelu.check import Rulebook
from kelu.finding import Text
from kelu.policy import STAFF, Policy
from kelu.store import cache_state

GIT_NEEDED = (2, 38)  # merge-tree --write-tree
_FAST = {
    "jsonschema_rs": Text("快速模式校验（jsonschema-rs）", "Fast schema validation (jsonschema-rs)"),
    "yaml._yaml": Text("快速 YAML 解析（libyaml）", "Fast YAML parsing (libyaml)"),
}


class Level(StrEnum):
    """How an observation bears on the work: nothing to do, something to mind, something that must be mended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing looked at: a stable topic for programs, what is so, and the mend where one is due."""

    topic: str
    level: Level
    text: Text
    mend: Text | None = None


def examine(root: Path, open_book: Callable[[], Rulebook], today: datetime.date) -> list[Observation]:
    """Everything there is to say of the repository at `root` on a day (Asia/Shanghai), in a fixed order.

    `open_book` reads schemas and policy; a ValueError of it is an observation like any other.
    """
    try:
        version = git.version(root)
    except git.GitError:
        mend = Text("安装 Git（Debian/Ubuntu：apt install git）。", "Install Git (Debian/Ubuntu: apt install git).")
        return [_fail("git", Text("没有安装 Git。", "Git is not installed."), mend)]
    seen = [*_git(root, version), *_libraries()]
    try:
        book = open_book()
    except ValueError as fault:
        mend = Text("从模板或备份取回 schemas/。", "Bring schemas/ back from the template or a backup.")
        return [*seen, _fail("policy", Text(f"模式无法使用：{fault}", f"The schemas cannot be used: {fault}"), mend)]
    contacts = _contacts(root, book.policy) if book.sound else ()
    return [*seen, *_policy(book, today), *contacts, *_calendar(book.policy, today), *_staff(root, book, today),
            *_cache(root, book)]  # fmt: skip


def _ok(topic: str, text: Text) -> Observation:
    return Observation(topic, Level.OK, text)


def _warn(topic: str, text: Text, mend: Text) -> Observation:
    return Observation(topic, Level.WARN, text, mend)


def _fail(topic: str, text: Text, mend: Text) -> Observation:
    return Observation(topic, Level.FAIL, text, mend)


# --- the machine -----------------------------------------------------------------------------------------------


def _git(root: Path, version: tuple[int, ...]) -> Iterator[Observation]:
    shown, needed = (".".join(map(str, number)) for number in (version, GIT_NEEDED))
    if version < GIT_NEEDED:
        mend = Text(f"升级到 {needed} 或更高版本。", f"Upgrade to {needed} or later.")
        text = Text(f"Git {shown} 太旧，不能检查合并结果。", f"Git {shown} is too old to check what a merge gives.")
        yield _fail("git", text, mend)
    else:
        yield _ok("git", Text(f"Git {shown}，满足要求。", f"Git {shown} is new enough."))
    if not git.is_repository(root):
        mend = Text("到工作树的顶层运行；尚未建立的用 git init 或 kelu init。",
                    "Run it at the top of the work tree; make one with git init or kelu init.")  # fmt: skip
        text = Text(f"{root} 不是 Git 工作树的顶层，没有历史。", f"{root} is not the top of a work tree: no history.")
        yield _fail("repository", text, mend)
    elif git.is_shallow(root):
        mend = Text("取回完整历史：git fetch --unshallow；CI 中用 fetch-depth: 0。",
                    "Fetch the whole history: git fetch --unshallow; in CI use fetch-depth: 0.")  # fmt: skip
        text = Text("浅克隆的历史不完整，无从核对审计轨迹。", "A shallow clone: the audit trail cannot be verified.")
        yield _fail("repository", text, mend)
    else:
        yield _ok("repository", Text("历史完整，位于工作树顶层。", "The history is whole; this is its top."))


def _libraries() -> Iterator[Observation]:
    for name, label in _FAST.items():
        if importlib.util.find_spec(name) is not None:
            yield _ok("speed", Text(f"{label.zh}可用。", f"{label.en} is there."))
        else:
            mend = Text("重新安装依赖（make install），并选用有预编译包的平台。",
                        "Install the dependencies anew (make install), on a platform with built wheels.")  # fmt: skip
            text = Text(f"{label.zh}不可用，检查会慢得多。", f"{label.en} is missing; checks take much longer.")
            yield _warn("speed", text, mend)


def _cache(root: Path, book: Rulebook) -> Iterator[Observation]:
    path = root / check.CACHE
    home = next(folder for folder in path.parents if folder.is_dir())
    if not os.access(home, os.W_OK):
        mend = Text("把该目录交给当前用户，或用 --no-cache。", "Give the folder to this user, or use --no-cache.")
        yield _warn("cache", Text(f"无法写入 {home}，每次检查都从头读取。",
                                  f"{home} cannot be written: every check reads all files anew."), mend)  # fmt: skip
        return
    yield _ok("cache", {
        "absent": Text("还没有缓存，下次检查时建立。", "There is no cache yet; the next check makes it."),
        "fits": Text("缓存可读，与程序和模式一致。", "The cache can be read and fits program and schemas."),
        "stale": Text("缓存属于另一版程序或模式，下次检查时重建。",
                      "The cache is of another program or schema; the next check makes it anew."),
        "damaged": Text("缓存已损坏，下次检查时重建。", "The cache is damaged; the next check makes it anew."),
        "busy": Text("缓存正被另一个 kelu 使用。", "Another kelu is using the cache."),
    }[cache_state(path, book.fingerprint)])  # fmt: skip


# --- policy ------------------------------------------------------------------------------------------------------


def _policy(book: Rulebook, today: datetime.date) -> Iterator[Observation]:
    if not book.sound:
        number = len(book.findings)
        mend = Text("运行 kelu check 查看每一处。", "kelu check shows each of them.")
        yield _fail("policy", Text(f"制度或配置文件有 {number} 处错误，记录无法判断。",
                                   f"Policies or configuration have {number} faults: nothing can be judged."),
                    mend)  # fmt: skip
        return
    policy = book.policy
    yield _ok("policy", Text("制度与配置文件没有错误。", "Policies and configuration are sound."))
    ruling = {domain: pack for domain, pack, *_ in policy.composition() if policy.in_force(pack, domain, today)}
    if ruling:
        listed = "、".join(f"{domain} {pack}" for domain, pack in sorted(ruling.items()))
        yield _ok("packs", Text(f"今日适用：{listed}", f"In force today: {listed.replace('、', ', ')}"))
    else:
        mend = Text("在 config/policy.yaml 的 timeline 写明自哪天起适用哪套制度。",
                    "Say in the timeline of config/policy.yaml which pack rules from when.")  # fmt: skip
        yield _warn(
            "packs", Text("今日没有任何制度适用，不产生义务。", "No pack is in force today: nothing is due."), mend
        )
    for name, pack in sorted(policy.packs.items()):
        status = pack.source.data["status"]
        if status == "superseded" and name in ruling.values():
            mend = Text("在 timeline 加一条，改用新版本。", "Add a timeline entry with the version that replaced it.")
            text = Text(f"今日适用的 {name} 已被取代。", f"{name}, in force today, is superseded.")
            yield _warn("packs", text, mend)
        elif status == "draft":
            text = Text(f"{name} 是草案，批准前不得启用。", f"{name} is a draft and has no force until approved.")
            yield _ok("packs", text)
    yield from _keeping(policy, {policy.defaults, *ruling.values()})


def _keeping(policy: Policy, packs: set[str]) -> Iterator[Observation]:
    """For how long records are kept, as the packs say."""
    held = {(pack, key): value for pack, key, value, _ in policy.parameters()}
    silent = sorted(pack for pack in packs - {policy.defaults} if held[pack, "retention_years"] == "none")
    if silent:
        mend = Text("由公司决定后写入制度包的 retention_years；在此之前记录一律不删除。",
                    "Decide and state retention_years in the pack; until then nothing is deleted.")  # fmt: skip
        names = "、".join(silent)
        yield _warn("retention", Text(f"未规定保存年限：{names}",
                                      f"No retention period is stated: {names.replace('、', ', ')}"), mend)  # fmt: skip


def _contacts(root: Path, policy: Policy) -> Iterator[Observation]:
    """Where contact data lives, and whether Git and others on the machine are kept from it."""
    if policy.pii_store == "inline":
        text = Text("联系方式写在客户档案中：仓库须为私有。", "Customer files hold contact data: keep them private.")
        yield _ok("contacts", text)
        return
    ails = []
    if vault.tracked(root):
        mend = Text("运行 kelu check，按 PII-02 的提示处理。", "Run kelu check and do as PII-02 says.")
        ails.append(_fail("contacts", Text("private/ 中的文件在 Git 中。", "Files of private/ are in Git."), mend))
    elif git.is_repository(root) and not vault.is_ignored(root):
        mend = Text("在 .gitignore 写一行 /private/。", "Write the line /private/ in .gitignore.")
        text = Text("Git 没有忽略 private/，一次 git add 就会带入。", "Git does not ignore private/, as it must.")
        ails.append(_fail("contacts", text, mend))
    if vault.is_open(root):
        mend = Text("运行：chmod -R go= private", "Run: chmod -R go= private")
        text = Text("这台机器上的其他用户可以读 private/。", "Others on this machine can read private/.")
        ails.append(_fail("contacts", text, mend))
    yield from ails or [_ok("contacts", Text("联系方式另行存放，不进 Git。", "Contact data is kept apart from Git."))]


def _calendar(policy: Policy, today: datetime.date) -> Iterator[Observation]:
    """Years that need a holiday file and have none (obligations.md §0.1). The notice for a year comes in November."""
    years = {document["year"] for document in policy.calendars}
    first = min((int(str(step["from"])[:4]) for step in policy.timeline), default=today.year)
    missing = sorted(set(range(first, today.year)) - years)
    if missing:
        yield _absent(Level.WARN, *missing)
    if today.year not in years:
        yield _absent(Level.FAIL if (today.month, today.day) >= (1, 15) else Level.WARN, today.year)
    if today.month == 12 and today.year + 1 not in years:
        yield _absent(Level.WARN, today.year + 1)
    elif not missing and today.year in years:
        yield _ok("calendar", Text("放假安排齐全。", "The holiday data is complete."))


def _absent(level: Level, *years: int) -> Observation:
    listed = ", ".join(map(str, years))
    files = ", ".join(f"config/calendar/cn-{year}.yaml" for year in years)
    return Observation(
        "calendar", level,
        Text(f"缺少 {listed} 年的放假安排，期限按周一至周五推算并标为暂定。",
             f"There is no holiday data for {listed}: deadlines count Monday to Friday and are provisional."),
        Text(f"按国务院办公厅的放假通知写好 {files}。", f"Write {files} after the State Council's notice."),
    )  # fmt: skip


# --- people ------------------------------------------------------------------------------------------------------


def _staff(root: Path, book: Rulebook, today: datetime.date) -> Iterator[Observation]:
    policy = book.policy
    mails = Counter(person["email"].casefold() for person in policy.staff)
    twice = sorted(mail for mail, number in mails.items() if number > 1)
    if not mails and any(item.path == STAFF for item in book.findings):
        return  # the file itself is at fault
    if not mails:
        mend = Text("在 config/staff.yaml 登记人员及其角色。", "List people and their roles in config/staff.yaml.")
        yield _fail("staff", Text("没有登记人员。", "No staff are listed."), mend)
        return
    if twice:
        mend = Text("每人用自己的邮箱，提交记录才认得出是谁。", "Give each an own address, so that commits tell who.")
        yield _fail("staff", Text(f"邮箱重复：{'、'.join(twice)}", f"Given twice: {', '.join(twice)}"), mend)
    else:
        yield _ok("staff", Text(f"{len(mails)} 名人员，邮箱各不相同。", f"{len(mails)} staff, all with own addresses."))
    author = git.setting(root, "user.email") if git.is_repository(root) else None
    if author and author.casefold() not in mails:
        mend = Text(
            "用 git config user.email 改为本人登记的邮箱。", "Set user.email to your address in config/staff.yaml."
        )
        text = Text(
            f"Git 的 user.email（{author}）不在人员名单中。", f"Git's user.email ({author}) is nobody's on the staff."
        )
        yield _warn("staff", text, mend)
    yield from _offices(policy, today)


def _offices(policy: Policy, today: datetime.date) -> Iterator[Observation]:
    """Roles that the packs in force know and nobody holds: what only they may do cannot be done."""
    day = today.isoformat()
    held = {office["role"] for person in policy.staff for office in person["roles"]
            if office["from"] <= day and day < office.get("to", "9999")}  # fmt: skip
    packs = {pack for domain, pack, *_ in policy.composition() if policy.in_force(pack, domain, today)}
    named = {role: words for pack in sorted(packs) for role, words in _roles(policy, pack)}
    vacant = sorted(role for role in named if role not in held)
    if vacant:
        mend = Text("在 config/staff.yaml 写明由谁担任；一人可兼多个角色。",
                    "Say in config/staff.yaml who holds them; one person may hold several.")  # fmt: skip
        yield _warn("roles", Text("今日无人担任：" + "、".join(named[role]["zh"] for role in vacant),
                                  "Nobody holds today: " + ", ".join(named[role]["en"] for role in vacant)),
                    mend)  # fmt: skip


def _roles(policy: Policy, pack: str) -> Iterable[tuple[str, dict[str, str]]]:
    return policy.packs[pack].source.data.get("roles", {}).items() if pack in policy.packs else ()
