"""The course of a draft: what is asked for, what becomes of it, and the lists and pages that come with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from kelu import check, draft, git, intake, people, shelf, vault
from kelu.cli import _answered, _desk, _pr, _shared
from kelu.draft import Answers, Made, Question, Recipe
from kelu.finding import Text
from kelu.formats import lists
from kelu.kpi import KpiError
from kelu.store import QueryError


def run(ctx: click.Context, recipe: Recipe, values: Mapping[str, Any]) -> None:
    """Draft by a recipe. Raises UserError; with an error in what would be written the command ends with 1."""
    home = _shared.root(ctx)
    for place in (values.get("list_file"), values.get("print_folder")):
        _must_be_apart(home, place)
    if values["propose"] and not values["dry_run"]:
        _pr.ready(home)
    now = values["moment"] or _shared.now()
    with _shared.reading(ctx, values.get("as_of") or now, cached=not values["no_cache"]) as read:
        try:
            _Course(ctx, home, recipe, values, read).run(now)
        except KpiError as refused:
            raise _shared.UserError(refused.text) from refused
        except QueryError as refused:
            raise _shared.failed(Text("草稿无法编制", "The draft cannot be made"), refused) from refused
        except vault.VaultError as refused:
            raise _shared.UserError(refused.text, refused.mend) from refused


@dataclass(frozen=True, slots=True)
class _Course:
    """One call of a command."""

    ctx: click.Context
    home: Path
    recipe: Recipe
    values: Mapping[str, Any]
    read: _shared.Reading

    def run(self, now: Any) -> None:
        read = self.read
        taken = intake.take_in(read.tree, read.book.schemas, read.store)
        self._lay(taken)
        commit = None if read.dirty or read.commit is None else read.commit.sha
        first = Question(read.store, self.recipe, Answers(self.values["by"] or self._self(), now, commit, {}))
        answers = _answered.answers(first, self.values)
        question = replace(first, answers=draft.figures(read.store, read.book, self.recipe, answers))
        refused = draft.told(question, "refuse")
        if refused:
            raise _shared.UserError(Text.joined(refused, "", " "))
        entries = self.recipe.data.get("lists", ())
        only = [entry for entry in entries if self.values.get(entry.get("flag", "").replace("-", "_"))]
        if not only:
            for remark in draft.told(question, "remarks"):
                _shared.tell(self.ctx, remark)
            self._settle(question, taken)
        self._show(question, only or [entry for entry in entries if "flag" not in entry])
        if self.values.get("print_folder") and not self.values["dry_run"]:
            self._print(question, self.values["print_folder"])

    def _settle(self, question: Question, taken: intake.Intake) -> None:
        """Make the records, judge them, write them, and lay the store with them."""
        read, shown = self.read, self.values["dry_run"]
        made = draft.made(question, read.book, read.tree, taken)
        if not made:
            return
        self._must_be_known(question.answers.by)
        trailers = _pr.approval(read.book.policy, self.values["approver"])
        files: dict[str, bytes | None] = {item.path: item.content for item in made}
        with _shared.progress(Text("正在检查……", "Checking …")):
            report = check.check_proposal(read.tree, read.book, read.store, files, question.answers.now or read.moment)
        _desk.tell(self.ctx, report)
        if report.errors:
            _desk.stop(self.ctx)
        for item in made:
            _shared.write(f"# {item.path}\n{item.content.decode()}" if shown else f"{item.path}\n")
        if not shown:
            shelf.save(self.home, files)
            self._close(made, trailers)
        if self.recipe.kpis:
            _shared.tell_of_limits(self.ctx, read, len({item.path for item in taken.findings}))
        self._lay(intake.take_in(git.Overlay(read.tree, files), read.book.schemas, read.store))

    def _close(self, made: Sequence[Made], trailers: Sequence[str]) -> None:
        ids = made[0].id if len(made) == 1 else f"{made[0].id}…{made[-1].id}"
        title = f"{ids} {self.recipe.title.zh}"
        paths = [item.path for item in made]
        _pr.close(self.ctx, self.home, paths, title, trailers, proposed=self.values["propose"])

    def _lay(self, held: intake.Intake) -> None:
        read, asked = self.read, draft.names(self.read.book, self.recipe)
        cached = not self.values["no_cache"]
        _shared.refuse_cut_off(
            _shared.bring_landed(self.home, read.store, read.book, read.commit, asked, cached=cached)
        )
        check.lay_policy(read.store, read.book, held, read.moment, known=bool(self.recipe.kpis), asked=asked)

    def _self(self) -> str | None:
        me = _pr.member(self.home, self.read.book.policy)
        return str(me["id"]) if me else None

    def _must_be_known(self, by: str | None) -> None:
        staff = {str(person["id"]): str(person["name"]) for person in self.read.book.policy.staff}
        if by in staff:
            return
        said = "、".join(f"{name} {words}" for name, words in staff.items())
        raise _shared.UserError(
            Text(f"人员名单中没有 {by}。", f"{by} is not on the staff.")
            if by
            else Text(
                "不知道由谁登记：Git 的邮箱不在人员名单中。", "It is not known who registers: Git's e-mail is nobody's."
            ),
            Text(f"用 --by 指明：{said}", f"Name one with --by: {', '.join(staff)}"),
        )

    # --- lists and pages beside the record ---

    def _show(self, question: Question, entries: Sequence[Mapping[str, Any]]) -> None:
        if not entries:
            return
        persons, lang = self._people(), _shared.language(self.ctx)
        for entry in entries:
            heads = [Text.of(column["label"]) for column in entry["columns"]]
            rows = draft.listed(question, entry, persons)
            if self.values.get("list_file") and "flag" not in entry and not self.values["dry_run"]:
                self.values["list_file"].write_text(lists.as_csv(heads, rows, lang), "utf-8", newline="")
            else:
                _shared.write(lists.table(Text.of(entry["title"]), heads, rows, lang, _shared.paint))

    def _people(self) -> dict[str, Mapping[str, str]]:
        """What is known of each contact, by field: from the customer's record and from the vault."""
        apart, kinds = vault.load(self.home), self.read.book.schemas.records
        return {
            person.key: {**{key: str(value) for key, value in person.data.items()}, **apart.of(person.key)}
            for kind, _, _, data in self.read.store.documents()
            for person in people.listed(kinds[kind], data)
        }

    def _print(self, question: Question, folder: Path) -> None:
        from kelu.pages import sheets

        folder.mkdir(parents=True, exist_ok=True)
        for name, values in draft.prints(question):
            place = folder / f"{Path(name).name}.html"
            page = sheets.page(self.home, self.recipe.data["print"]["template"], values)
            place.write_text(page, "utf-8", newline="\n")
            _shared.write(f"{_shared.near(place)}\n")


def _must_be_apart(home: Path, place: Path | None) -> None:
    """Names and phones may be written only where Git will never take them up."""
    if place is None or not git.is_repository(home):
        return
    inside = place.parent.resolve() / place.name
    if not inside.is_relative_to(home.resolve()):
        return
    try:
        git.run(home, "check-ignore", "--quiet", "--", inside.relative_to(home.resolve()).as_posix())
    except git.GitError:
        raise _shared.UserError(
            Text(f"{place} 会进入 Git，名单不得写在那里。", f"Git would take up {place}: no list may stand there."),
            Text("写到仓库之外，或 private/ 之下。", "Write it outside the repository, or below private/."),
        ) from None
