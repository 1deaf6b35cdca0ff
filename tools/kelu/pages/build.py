"""Build: the order in which a site comes about, and its all-or-nothing appearance."""

from __future__ import annotations

import datetime
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from kelu import __version__, catalogue, privacy, timeline, trace
from kelu.check import Report
from kelu.document import parse
from kelu.finding import Finding, Text
from kelu.git import Tree
from kelu.history import seal
from kelu.history.index import History
from kelu.pages import (
    agenda,
    audit,
    blank,
    breakdown,
    channels,
    choices,
    clause,
    data,
    duties,
    forge,
    form,
    hands,
    home,
    indicator,
    ledger,
    manual,
    policy,
    record,
    records,
    reference,
    register,
    search,
    shell,
    swap,
)
from kelu.pages.beside import Beside
from kelu.pages.book import Book
from kelu.pages.data import File
from kelu.pages.figure import Names
from kelu.pages.ledger import Ledger
from kelu.pages.parameter import Settings
from kelu.pages.place import FOLDER, places
from kelu.pages.shed import Shed
from kelu.pages.shell import SiteError
from kelu.pages.template import LANGUAGES, Templates
from kelu.pages.tree import SiteTree
from kelu.periods import SHANGHAI, day_of
from kelu.policy import Policy
from kelu.privacy import Directory
from kelu.restate import Outcome
from kelu.schema import Schemas
from kelu.stage import stage
from kelu.store import Store

DOCS, STAGED, NOTES = "docs", "site.new", "site.index"


@dataclass(frozen=True, slots=True)
class Edition:
    """What a site shows: the records of one commit and what judged them.

    `store` holds the records as known at `moment` (aware), which is the as-of of every figure; `report` is the
    check of the same tree; `files` reads the repository's other files; `dirty` tells that the records hold changes
    no commit has; `manifest` is that of the commit, as it may be published; `restated` are the
    figures that changed since they were reported; `history` is the commit's, `trail` what an audit found in it,
    `signatures` how those of its commits stand; `audience` names its readers, `fingerprint` the
    program, schemas and policy; `tree` holds the very texts of the records.
    """

    schemas: Schemas
    policy: Policy
    store: Store
    report: Report
    commit: str
    moment: datetime.datetime
    files: trace.Files
    dirty: bool = False
    manifest: str = ""
    restated: Outcome | None = None
    history: History | None = None
    trail: Sequence[Finding] = ()
    signatures: Mapping[str, str] = field(default_factory=dict)
    audience: str = privacy.PUBLIC
    fingerprint: str = ""
    tree: Tree | None = None


def build(edition: Edition, site: Path, base: Path, work: Path, out: Path, *, cached: bool = True) -> int:
    """Build the site of `edition` into `out` and return the number of its pages.

    `site` holds templates, overrides and assets, `base` is the fixed MkDocs configuration, `work` a folder for
    what is in the making and, unless not `cached`, pages kept from the last time. The same edition gives the same
    bytes. Raises SiteError or TemplateError, leaving `out` as it was; SiteError also when another build is under way.
    """
    work.mkdir(parents=True, exist_ok=True)
    with swap.alone(work / swap.LOCK):
        swap.recover(work, out)
        for name in (DOCS, STAGED, *(() if cached else (search.INDEX, shell.KEPT))):
            shutil.rmtree(work / name, ignore_errors=True)
        tree = SiteTree(out, swap.place(work, out), work / NOTES, cached=cached)
        try:
            with stage("汇集内容", "Gathering"):
                press = _Press(edition, site, work, tree)
            made = press.run(base)
            with stage("切换网站", "Switching"):
                swap.swap(work, out)
        except OSError as refused:  # a full disk, a folder that may not be written
            raise SiteError(str(refused)) from refused
    return made


class _Press:
    """One build under way: what its steps share."""

    def __init__(self, edition: Edition, site: Path, work: Path, tree: SiteTree) -> None:
        self.edition, self.site, self.work, self.tree = edition, site, work, tree
        self.staged = work / STAGED
        self.words = {**_yaml(site / "words.yaml"), **_schema_words(edition.schemas)}
        self.plan = _yaml(site / "site.yaml")
        self.ledger_plans = {path.stem: _yaml(path) for path in sorted((site / "ledgers").glob("*.yaml"))}
        self.places = places(edition.policy, edition.schemas.records, self.ledger_plans)
        self.books = [
            Book(work / DOCS / language, Templates(site / "templates", self.words, language, self.places), self.plan)
            for language in LANGUAGES
        ]
        self.names: Directory = privacy.directory(
            edition.store, edition.schemas.records, edition.policy, edition.audience
        )
        self.ground = data.key(
            edition.fingerprint, edition.policy.digest, edition.audience, repr(sorted(self.words.items())),
            sorted(self.names.staff.items()), repr(sorted(self.names.contacts.items())),
            sorted(self.names.identifiers.masks.items()),
        )  # fmt: skip
        self.found = manual.shown(edition.report.findings, self.names)
        today = day_of(edition.moment)
        settings = Settings(edition.policy, edition.schemas, self.words)
        names = Names(edition.schemas.records, self.names, self.words)
        with stage("义务", "Duties"):
            self.board = duties.gather(edition.store, edition.policy, edition.schemas, names, edition.moment)
        names = replace(names, duties=self.board.places)
        with stage("台账", "Ledgers"):
            self.ledgers = self._read_ledgers()
        with stage("指标", "KPIs"):
            gathered = indicator.gather(edition.store, edition.policy, settings, edition.moment, edition.commit)
            views = [indicator.view(item, names, edition.restated) for item in gathered]
        self.groups = list(indicator.groups(views, self.plan["groups"]))
        self.figures = [item for group in self.groups for item in group.kpis]
        self.cited = clause.anchors(edition.policy)
        self.codes = manual.groups(catalogue.entries(), edition.policy, self.found)
        self.policies = self._read_policies()
        self.agenda = agenda.of(self.board, edition.moment)
        self.forge = forge.forge(_config(edition.files), _yaml(site / "forges.yaml"))
        self.registers = register.forms(edition.schemas)
        self.blanks = blank.gather(edition.schemas, edition.policy, self.words, today)
        self.channels = channels.read(
            _yaml(site / "channels.yaml"), edition.policy, edition.schemas.records, settings, today
        )
        self.audit = audit.view(edition, names, _yaml(site / "audit.yaml"))
        charts = {path.stem: _yaml(path) for path in sorted((site / "charts").glob("*.yaml"))}
        self.charts = breakdown.by_place(charts, edition.store, names, today)
        self.home = home.view(_yaml(site / "home.yaml"), edition.store, edition.policy, names, self.audit.inquiries)

    def run(self, base: Path) -> int:
        """Every step; returns the number of HTML pages."""
        first = self.books[0]
        context = self._context()
        with stage("填写页面", "Filling pages"):
            for place, written in hands.share(partial(self._filled, context), range(len(self.books)), len(self.books)):
                self.books[place].resume(written)
        shutil.copytree(self.site / "assets", first.docs / "assets/kelu")
        shell.placeholder(first.docs, FOLDER)
        epoch = int(self.edition.moment.timestamp())
        with ExitStack() as running:  # whatever happens meanwhile, MkDocs comes to its end in each language
            for book in self.books:
                running.callback(self._start_mkdocs(book, base, epoch))
            with stage("数据文件", "Data files"):
                if self.edition.manifest:
                    self.tree.put(seal.NAME, self.edition.manifest.encode())
                self.tree.put("provenance.json", json.dumps(self._provenance()).encode())
                data.write(self._files(), self.tree)
            with stage("排版页面", "Setting pages (MkDocs)"):
                running.close()
        for book in self.books:
            book.fill(self._staged(book), context["site"])
        for book in self.books[1:]:
            self._staged(book).rename(self.staged / book.language)
        shell.tidy(self.staged)
        frame = shell.take_shell(self.staged, FOLDER)
        self.tree.put_all(self.staged)
        with stage("记录页面", "Record pages"):
            self._write_records(frame)
        with stage("搜索索引", "Search index"):
            search.index(self.tree, self.tree.pages(), self.work / search.INDEX, LANGUAGES)
        return self.tree.close()

    # --- Markdown pages ---

    def _start_mkdocs(self, book: Book, base: Path, epoch: int) -> Callable[[], None]:
        settings = {
            "nav": book.navigation(),
            **self.plan["mkdocs"].get(book.language, {}),
        }
        kept = Shed(self.work / shell.KEPT, __version__)
        return shell.start_mkdocs(base, book.docs, self.site / "overrides", self._staged(book), settings, epoch, kept)

    def _staged(self, book: Book) -> Path:
        """Where MkDocs writes the pages of a language: a folder of its own, which it empties first."""
        return self.staged if book is self.books[0] else self.staged.with_name(f"{self.staged.name}.{book.language}")

    def _filled(self, context: Mapping[str, Any], place: int) -> tuple[int, Any]:
        self._write_pages(self.books[place], context)
        return place, self.books[place].written

    def _write_pages(self, book: Book, context: Mapping[str, Any]) -> None:
        """Write the Markdown of one language."""
        book.fixed(**context)
        book.page("kpi/index.md", "kpi_index.md.j2", book.title("kpi"), ["toc"], groups=self.groups)
        around = [None, *self.figures, None]
        neighbours = zip(around, self.figures, around[2:], strict=False)
        for place, (previous, figure, following) in enumerate(neighbours):
            book.page(f"kpi/{figure.code}.md", "kpi.md.j2", _coded(figure.code, figure.title), ["toc"], place,
                      k=figure, previous=previous, next=following, cited=self.cited,
                      shown_rows=indicator.SHOWN)  # fmt: skip
        self._write_duties(book, context)
        self._write_forms(book, context)
        self._write_registers(book)
        book.page("ledgers/index.md", "ledger_index.md.j2", book.title("ledgers"), ["navigation", "toc"],
                  ledgers=self.ledgers)  # fmt: skip
        for item in self.ledgers:
            book.page(f"ledgers/{item.name}.md", "ledger.md.j2", item.title, ["navigation", "toc"], item.position,
                      ledger=item, plain_rows=ledger.PLAIN_ROWS)  # fmt: skip
        view = self.policies
        book.page("policy/index.md", "policy_index.md.j2", book.title("policies"), view=view)
        for place, pack in enumerate(view.packs):
            title = Text(f"{pack.title.zh} {pack.name}", f"{pack.title.en} {pack.name}")
            book.page(pack.page.replace(".html", ".md"), "policy.md.j2", title, (), place, p=pack)
        book.page("policy/discrepancies.md", "discrepancies.md.j2", book.title("discrepancies"), ["toc"],
                  len(view.packs), items=view.discrepancies)  # fmt: skip
        book.page("audit.md", "audit.md.j2", book.title("audit"), ["navigation"], 70, view=self.audit, board=self.board,
                  site=context["site"], signatures=timeline.SIGNATURES)  # fmt: skip
        book.page("manual/codes.md", "codes.md.j2", book.title("codes"), ["toc"], 50, groups=self.codes)
        for code in (code for group in self.codes for code in group.codes):
            book.page(f"manual/codes/{code.code}.md", "code.md.j2", _coded(code.code, code.title),
                      ["navigation", "toc"], c=code, cited=self.cited)  # fmt: skip

    def _write_forms(self, book: Book, context: Mapping[str, Any]) -> None:
        book.page("manual/forms.md", "forms.md.j2", book.title("forms"), ["toc"], 45, blanks=self.blanks)
        for item in self.blanks:
            found = next((held for held in self.ledgers if held.type == item.type), None)
            book.page(item.page.replace(".html", ".md"), "blank.md.j2", item.label, ["navigation"], blank=item,
                      ledger=found, site=context["site"])  # fmt: skip

    def _write_registers(self, book: Book) -> None:
        book.page("register/index.md", "register_index.md.j2", book.title("register"), ["navigation", "toc"],
                  forms=self.registers, forge=self.forge)  # fmt: skip
        for item, blank_form in zip(self.registers, self.blanks, strict=True):
            book.page(item.page.replace(".html", ".md"), "register.md.j2", item.label, ["navigation", "toc"],
                      form=item, blank=blank_form)  # fmt: skip

    def _write_duties(self, book: Book, context: Mapping[str, Any]) -> None:
        if not self.board.views:
            return
        book.page("duty/index.md", "duty_index.md.j2", book.title("duties"), ["navigation", "toc"], board=self.board,
                  agenda=self.agenda, cited=self.cited)  # fmt: skip
        if self.board.lines:
            book.page("duty/calendar.md", "duty_calendar.md.j2", book.title("calendar"), ["navigation", "toc"], -1,
                      agenda=self.agenda)  # fmt: skip
        for place, view in enumerate(self.board.views):
            book.page(view.page.replace(".html", ".md"), "duty.md.j2", _coded(view.code, view.title), ["toc"], place,
                      view=view, cited=self.cited, site=context["site"])  # fmt: skip

    def _read_policies(self) -> policy.Overview:
        """What the pages on the policies show."""
        edition = self.edition
        shelf = clause.Shelf(
            kpis={figure.code for figure in self.figures},
            obligations={view.code for view in self.board.views},
            ledgers={item.type or item.name: item.page for item in self.ledgers},
            kinds=clause.kinds(edition.schemas.raw["clauses"]),
            found=Counter(item.code for item in self.found),
            duties=self.board.places,
        )
        clauses = trace.trace(edition.store, edition.policy, edition.schemas, edition.files)
        today = day_of(edition.moment)
        return policy.overview(edition.policy, edition.schemas, clauses, today, shelf, self.names, self.words)

    def _context(self) -> dict[str, Any]:
        """What the templates of single pages are given."""
        held = Counter(title.type for title in self.names.titles.values())
        pages = {item.type: item.page for item in self.ledgers if item.type}
        types = {name: self.edition.schemas.records[name].label for name in [*pages, *self.edition.schemas.records]}
        return {
            "site": self._provenance(),
            "home": self.home,
            "charts": self.charts,
            "kpis": self.figures,
            "groups": self.groups,
            "board": self.board,
            "ledgers": self.ledgers,
            "codes": self.codes,
            "code_count": sum(len(group.codes) for group in self.codes),
            "findings": self.found,
            "blanks": self.blanks,
            "channels": self.channels,
            "glossary": _yaml(self.site / "glossary.yaml")["terms"],
            "policies": self.policies,
            "reference": reference.gather(self.edition.store, self.edition.schemas, self.edition.policy),
            "counts": [
                {"label": label, "count": held[name], "page": pages.get(name, "")}
                for name, label in types.items()
                if held[name]
            ],
        }

    def _provenance(self) -> dict[str, Any]:
        edition = self.edition
        moment = edition.moment.astimezone(SHANGHAI)
        return {
            "commit": edition.commit,
            "dirty": edition.dirty,
            "as_of": moment.isoformat(timespec="seconds"),
            "as_of_text": privacy.moment(moment)[1],
            "records": edition.report.records,
            "errors": edition.report.errors,
            "warnings": edition.report.warnings,
            "version": __version__,
            "audience": edition.audience,
        }

    # --- ledgers and data ---

    def _read_ledgers(self) -> list[Ledger]:
        made = []
        for name, definition in self.ledger_plans.items():
            schemas, store = self.edition.schemas.records, self.edition.store
            if "from" in definition:
                item = ledger.read(name, definition, schemas, store, self.names, self.words)
            elif self.board.views:
                held = partial(duties.columns, self.board, self.names, self.words)
                item = ledger.listed(name, definition, len(self.board.lines), held)
            else:
                continue
            made.append(ledger.named(item, definition, self.edition.policy, day_of(self.edition.moment)))
        return sorted(made, key=lambda item: (item.position, item.name))

    def _files(self) -> Iterator[File]:
        """The files beside the pages."""
        edition = self.edition
        yield from audit.files(self.audit, self.words)
        for item in self.ledgers:
            made_from = item.key and data.key(self.ground, item.key)
            yield File(f"{item.name}.json", partial(ledger.as_json, item), made_from)
            yield File(f"{item.name}.csv", partial(ledger.as_csv, item), made_from)
        if self.board.views:
            yield File("duty.ics", partial(duties.calendar, self.board, self.names, edition.moment, edition.commit))
        yield from indicator.files(self.figures, self.words, self.ground)
        for blank_form in self.blanks:
            yield File(f"blank/{blank_form.type}.yaml", blank_form.text.zh.encode)
        for name, content in self._form_data():
            yield File(f"form/{name}.json", json.dumps(content, ensure_ascii=False).encode)

    def _form_data(self) -> Iterator[tuple[str, Any]]:
        """What the forms in the browser are made from, by name."""
        edition, also = self.edition, self.plan["choosers"]
        for name, schema in edition.schemas.records.items():
            yield name, register.described(schema, edition.schemas, edition.policy)
        shown = choices.directory(self.names, edition.schemas, edition.policy, edition.store, also)
        shown |= {"forge": self.forge.patterns(), "commit": edition.commit, "in_ledgers": self.places.types}
        yield "directory", shown

    # --- records ---

    def _write_records(self, frame: shell.Shell) -> None:
        edition = self.edition
        shared = record.Frame(
            templates=self.books[0].templates,
            schemas=edition.schemas.records,
            directory=self.names,
            commit=edition.commit,
            forge=self.forge,
            policy=edition.policy,
            dirty=edition.dirty,
            ledgers={item.type: {"page": item.page, "title": item.title} for item in self.ledgers if item.type},
            facets=self.plan["facets"],
            rules=record.rules(edition.policy),
            forms=self._read_forms(),
        )
        beside = Beside(edition, shared, self.board, self.figures)
        records.write(edition, beside, frame, self.tree, self._ground(frame))

    def _ground(self, frame: shell.Shell) -> str:
        """All that every record page rests on: another ground, and all are made anew."""
        edition = self.edition
        texts = sorted((self.site / "templates").rglob("*.html.j2")) + sorted((self.site / "forms").glob("*.yaml"))
        return repr((
            self.ground, edition.dirty, self.forge, frame.pieces, [text.read_text("utf-8") for text in texts],
            [(item.type, item.page, item.title) for item in self.ledgers],
        ))  # fmt: skip

    def _read_forms(self) -> dict[str, form.Form]:
        """The forms that records are printed as, by record type: one file each."""
        schemas = self.edition.schemas.records
        found = {path.stem: _yaml(path) for path in sorted((self.site / "forms").glob("*.yaml"))}
        return {name: form.read(definition, schemas[name]) for name, definition in found.items() if name in schemas}


# --- files -----------------------------------------------------------------------------------------------


def _yaml(path: Path) -> dict[str, Any]:
    data, faults = parse(path.read_bytes(), path.name)
    if data is None:
        raise SiteError("\n".join(f"{path}:{f.line}:{f.column} {f.message.zh}" for f in faults))
    return data


def _config(files: trace.Files) -> dict[str, Any] | None:
    """What the repository says of its forge; None where it says nothing that could be read."""
    raw = files(forge.CONFIG)
    return parse(raw, forge.CONFIG)[0] if raw else None


def _schema_words(schemas: Schemas) -> dict[str, Any]:
    """What the schema of KPI definitions calls its own codes: {property: {code: {zh, en}}}."""
    properties = schemas.raw["kpis"]["properties"]["kpis"]["items"]["properties"]
    return {name: node["x-labels"] for name, node in properties.items() if "x-labels" in node}


def _coded(code: str, title: Text) -> Text:
    """The title of what is known by a code."""
    return Text(f"{code} {title.zh}", f"{code} {title.en}")
