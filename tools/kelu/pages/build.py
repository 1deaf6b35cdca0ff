"""Build: the order in which a site comes about, and its all-or-nothing appearance."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kelu import catalogue, privacy, timeline, trace
from kelu.check import Report
from kelu.document import parse
from kelu.finding import Finding
from kelu.history import seal
from kelu.history.index import History
from kelu.pages import clause, duties, indicator, ledger, manual, policy, record, reference, search, shell
from kelu.pages.figure import Names
from kelu.pages.ledger import Ledger
from kelu.pages.shell import SiteError
from kelu.pages.template import Templates, plain
from kelu.periods import SHANGHAI, day_of
from kelu.policy import Policy
from kelu.privacy import Directory
from kelu.restate import Outcome
from kelu.schema import Schemas
from kelu.store import Store
from kelu.timeline import Lens, People, Timeline

DOCS, STAGED, RETIRED, LOCK = "docs", "site.new", "site.old", "site.lock"


@dataclass(frozen=True, slots=True)
class Edition:
    """What a site shows: the records of one commit and what judged them.

    `store` holds the records as known at `moment` (aware), which is the as-of of every figure; `report` is the
    check of the same tree; `files` reads the repository's other files; `dirty` tells that the records hold changes
    no commit has; `manifest` is that of the commit, as it may be published; `restated` are the
    figures that changed since they were reported; `history` is the commit's, `trail` what an audit found in it,
    `signatures` how those of its commits stand.
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


def build(edition: Edition, site: Path, base: Path, work: Path, out: Path) -> int:
    """Build the site of `edition` into `out` and return the number of its pages.

    `site` holds templates, overrides and assets, `base` is the fixed MkDocs configuration, `work` a folder for
    what is in the making. The same edition gives the same bytes. Raises SiteError or TemplateError, leaving
    `out` as it was; SiteError also when another build is under way.
    """
    work.mkdir(parents=True, exist_ok=True)
    with _alone(work / LOCK):
        _recover(work, out)
        for name in (DOCS, STAGED):
            shutil.rmtree(work / name, ignore_errors=True)
        made = _Press(edition, site, work).run(base)
        _swap(work, out)
    return made


class _Press:
    """One build under way: what its steps share."""

    def __init__(self, edition: Edition, site: Path, work: Path) -> None:
        self.edition, self.site, self.work = edition, site, work
        self.docs, self.staged = work / DOCS, work / STAGED
        self.words = {**_yaml(site / "words.yaml"), **_schema_words(edition.schemas)}
        self.plan = _yaml(site / "site.yaml")
        self.templates = Templates(site / "templates", self.words)
        self.names: Directory = privacy.directory(edition.store, edition.schemas.records, edition.policy)
        self.found = manual.shown(edition.report.findings, self.names)
        names = Names(edition.schemas.records, self.names, self.words)
        self.board = duties.gather(edition.store, edition.policy, edition.schemas, names, edition.moment)
        names = replace(names, duties=self.board.places)
        self.ledgers = self._read_ledgers()
        gathered = indicator.gather(edition.store, edition.policy, edition.moment, edition.commit)
        views = [indicator.view(item, names, edition.restated) for item in gathered]
        self.groups = list(indicator.groups(views, self.plan["groups"]))
        self.figures = [item for group in self.groups for item in group.kpis]
        self.cited = clause.anchors(edition.policy)

    def run(self, base: Path) -> int:
        """Every step; returns the number of HTML pages."""
        navigation = self._write_markdown()
        shutil.copytree(self.site / "assets", self.docs / "assets/kelu")
        shell.placeholder(self.docs, record.FOLDER)
        settings = {"nav": navigation, "extra": {"provenance": self._provenance()}}
        epoch = int(self.edition.moment.timestamp())
        shell.run_mkdocs(base, self.work, self.site / "overrides", self.staged, settings, epoch)
        self._write_records(shell.take_shell(self.staged, record.FOLDER))
        self._write_data()
        search.index(self.staged)
        return sum(1 for _ in self.staged.rglob("*.html"))

    # --- Markdown pages ---

    def _write_markdown(self) -> list[dict[str, Any]]:
        """Write `docs` and return the navigation MkDocs is to show."""
        sections: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
        context = self._context()
        pages = self.site / "templates/pages"
        for source in sorted(pages.rglob("*.md.j2")):
            name = source.relative_to(pages).as_posix().removesuffix(".j2")
            text = self.templates.page(f"pages/{name}.j2", **context)
            self._write_docs(name, text)
            meta = _front_matter(text)
            if "nav" in meta:
                sections[name.rpartition("/")[0]].append((int(meta["nav"]), str(meta["title"]), name))
        self._page("kpi/index.md", "kpi_index.md.j2", context["titles"]["kpi"], ["toc"], groups=context["groups"])
        around = [None, *self.figures, None]
        neighbours = zip(around, self.figures, around[2:], strict=False)
        for place, (previous, figure, following) in enumerate(neighbours):
            title = f"{figure.code} {figure.title.zh}"
            self._page(
                f"kpi/{figure.code}.md",
                "kpi.md.j2",
                title,
                ["toc"],
                k=figure,
                previous=previous,
                next=following,
                cited=self.cited,
            )
            sections["kpi"].append((place, title, f"kpi/{figure.code}.md"))
        sections["duty"] = list(self._write_duties(context["titles"]))
        for item in self.ledgers:
            self._page(f"ledgers/{item.name}.md", "ledger.md.j2", item.title.zh, ["navigation", "toc"],
                       ledger=item, plain_rows=ledger.PLAIN_ROWS)  # fmt: skip
            sections["ledgers"].append((item.position, item.title.zh, f"ledgers/{item.name}.md"))
        sections["policy"] = list(self._write_policies(context["titles"]))
        codes = context["codes"]
        self._page("manual/codes.md", "codes.md.j2", context["titles"]["codes"], ["toc"], groups=codes)
        sections["manual"].append((50, context["titles"]["codes"], "manual/codes.md"))
        for code in (code for group in codes for code in group.codes):
            self._page(
                f"manual/codes/{code.code}.md",
                "code.md.j2",
                f"{code.code} {code.title.zh}",
                ["navigation", "toc"],
                c=code,
                cited=self.cited,
            )
        return self._navigation(sections, context["titles"])

    def _write_duties(self, titles: Mapping[str, str]) -> Iterator[tuple[int, str, str]]:
        """The pages on duties; gives out what the navigation shows of them."""
        if not self.board.views:
            return
        self._page("duty/index.md", "duty_index.md.j2", titles["duties"], ["navigation", "toc"], board=self.board,
                   cited=self.cited)  # fmt: skip
        for place, view in enumerate(self.board.views):
            title = f"{view.code} {view.title.zh}"
            name = view.page.replace(".html", ".md")
            self._page(name, "duty.md.j2", title, ["toc"], view=view, cited=self.cited,
                       site=self._provenance())  # fmt: skip
            yield place, title, name

    def _write_policies(self, titles: Mapping[str, str]) -> Iterator[tuple[int, str, str]]:
        """The pages on the policies; gives out what the navigation shows of them."""
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
        view = policy.overview(edition.policy, edition.schemas, clauses, today, shelf, self.names, self.words)
        self._page("policy/index.md", "policy_index.md.j2", titles["policies"], [], view=view)
        for place, item in enumerate(view.packs):
            name = item.page.replace(".html", ".md")
            self._page(name, "policy.md.j2", f"{item.title.zh} {item.name}", [], p=item)
            yield place, item.title.zh, name
        self._page("policy/discrepancies.md", "discrepancies.md.j2", titles["discrepancies"], ["toc"],
                   items=view.discrepancies)  # fmt: skip
        yield len(view.packs), titles["discrepancies"], "policy/discrepancies.md"

    def _navigation(
        self, sections: Mapping[str, list[tuple[int, str, str]]], titles: Mapping[str, str]
    ) -> list[dict[str, Any]]:
        top: list[dict[str, Any]] = [{plain(title): name} for _, title, name in sorted(sections.get("", []))]
        for folder in ("kpi", "duty", "ledgers", "policy", "manual"):
            inner: list[Any] = [f"{folder}/index.md"] if (self.docs / folder / "index.md").is_file() else []
            listed = sorted(sections.get(folder, []))
            inner += [{plain(title): name} for _, title, name in listed if not name.endswith("/index.md")]
            if inner:
                top.append({titles[folder]: inner})
        return top

    def _context(self) -> dict[str, Any]:
        codes = manual.groups(catalogue.entries(), self.edition.policy, self.found)
        held = Counter(title.type for title in self.names.titles.values())
        pages = {item.type: item.page for item in self.ledgers if item.type}
        types = {name: self.edition.schemas.records[name].label for name in [*pages, *self.edition.schemas.records]}
        return {
            "site": self._provenance(),
            "titles": {key: text["zh"] for key, text in self.plan["titles"].items()},
            "kpis": self.figures,
            "groups": self.groups,
            "board": self.board,
            "ledgers": self.ledgers,
            "codes": codes,
            "code_count": sum(len(group.codes) for group in codes),
            "findings": self.found,
            "reference": reference.gather(self.edition.store, self.edition.schemas, self.edition.policy),
            "id_patterns": [schema.id_pattern.pattern for schema in self.edition.schemas.records.values()],
            "counts": [
                {"label": label, "count": held[name], "page": pages.get(name, "")}
                for name, label in types.items()
                if held[name]
            ],
        }

    def _page(self, name: str, template: str, title: str, hide: Sequence[str] = (), **context: Any) -> None:
        meta = json.dumps({"title": plain(title), "hide": list(hide)}, ensure_ascii=False)
        self._write_docs(name, f"---\n{meta}\n---\n\n{self.templates.page(template, **context)}")

    def _write_docs(self, name: str, text: str) -> None:
        target = self.docs / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

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
        }

    # --- ledgers and data ---

    def _read_ledgers(self) -> list[Ledger]:
        made = []
        for path in sorted((self.site / "ledgers").glob("*.yaml")):
            name, definition = path.stem, _yaml(path)
            if "type" in definition:
                schemas, store = self.edition.schemas.records, self.edition.store
                item = ledger.read(name, definition, schemas, store, self.names, self.words)
            elif self.board.views:
                item = ledger.listed(name, definition, duties.rows(self.board, self.words))
            else:
                continue
            made.append(ledger.named(item, definition, self.edition.policy, day_of(self.edition.moment)))
        return sorted(made, key=lambda item: (item.position, item.name))

    def _write_data(self) -> None:
        if self.edition.manifest:
            _write(self.staged / seal.NAME, self.edition.manifest.encode())
        folder = self.staged / "data"
        for item in self.ledgers:
            _write(folder / f"{item.name}.json", ledger.data(item).encode())
            header = [column.label.zh for column in item.columns]
            _write(folder / f"{item.name}.csv", ledger.as_csv(header, item.rows))
        for name, content in indicator.files(self.figures, self.words):
            _write(folder / name, content)
        if self.board.views:
            edition = self.edition
            _write(folder / "duty.ics", duties.calendar(self.board, self.names, edition.moment, edition.commit))

    # --- records ---

    def _write_records(self, frame: shell.Shell) -> None:
        edition = self.edition
        links = edition.store.query("SELECT source, field, target FROM link ORDER BY source, field, target")
        outgoing, incoming = record.relations(links, edition.schemas.records, self.names)
        findings: dict[str, list[Finding]] = defaultdict(list)
        for item in edition.report.findings:
            findings[item.path].append(item)
        shared = record.Frame(
            templates=self.templates,
            schemas=edition.schemas.records,
            directory=self.names,
            commit=edition.commit,
            source_url=self.plan["source_url"],
            dirty=edition.dirty,
            ledgers={item.type: {"page": item.page, "title": item.title} for item in self.ledgers if item.type},
            outgoing=outgoing,
            incoming=incoming,
            findings=findings,
            counted=indicator.membership(self.figures),
            owed=duties.about(self.board),
            kept=duties.shown_by(self.board),
        )
        (self.staged / record.FOLDER).mkdir(exist_ok=True)
        stories = self._stories()
        story = next(stories, None)
        for type_name, _id, path, data in edition.store.documents():
            told = None
            if story is not None and story.path == path:  # both are ordered by path
                told, story = story, next(stories, None)
            name, title, body = record.page(shared, type_name, path, data, told)
            (self.staged / name).write_text(frame.fill(title, body), encoding="utf-8")

    def _stories(self) -> Iterator[Timeline]:
        """The timelines of all records that have one."""
        edition = self.edition
        if edition.history is None:
            return
        found: dict[str, list[Finding]] = defaultdict(list)
        for item in edition.trail:
            found[item.path].append(item)
        lens = Lens(self.names, People.of(edition.policy), findings=found, signatures=edition.signatures)
        yield from timeline.tell(edition.history, edition.schemas, sorted(edition.store.sources()), lens)


# --- files -----------------------------------------------------------------------------------------------


def _yaml(path: Path) -> dict[str, Any]:
    data, faults = parse(path.read_bytes(), path.name)
    if data is None:
        raise SiteError("\n".join(f"{path}:{f.line}:{f.column} {f.message.zh}" for f in faults))
    return data


def _schema_words(schemas: Schemas) -> dict[str, Any]:
    """What the schema of KPI definitions calls its own codes: {property: {code: {zh, en}}}."""
    properties = schemas.raw["kpis"]["properties"]["kpis"]["items"]["properties"]
    return {name: node["x-labels"] for name, node in properties.items() if "x-labels" in node}


def _front_matter(text: str) -> dict[str, Any]:
    """The settings at the head of a page; empty when it has none."""
    if not text.startswith("---\n"):
        return {}
    head = text[4 : text.index("\n---\n", 4) + 1]
    return parse(head.encode(), "front matter")[0] or {}


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold the lock of a work folder; SiteError when another build holds it. It ends with the process."""
    with lock.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as held:
            raise SiteError(f"另一个构建正在进行 / another build is under way: {lock}") from held
        yield


def _swap(work: Path, out: Path) -> None:
    """Put the finished site in the place of the last one; on failure the last one stays."""
    out.parent.mkdir(parents=True, exist_ok=True)
    staged, retired = _places(work, out)
    if staged.parent != work:  # a rename is all or nothing only within one file system
        shutil.rmtree(staged, ignore_errors=True)
        shutil.move(work / STAGED, staged)
    shutil.rmtree(retired, ignore_errors=True)
    if out.exists():
        out.rename(retired)
    try:
        staged.rename(out)
    except OSError:
        _recover(work, out)
        raise
    shutil.rmtree(retired, ignore_errors=True)


def _recover(work: Path, out: Path) -> None:
    """After a build that stopped between the two renames: bring the last good site back."""
    _, retired = _places(work, out)
    if not out.exists() and retired.exists():
        retired.rename(out)


def _places(work: Path, out: Path) -> tuple[Path, Path]:
    """Where the finished and the former site wait: in `work`, or beside `out` when that is another disk."""
    if out.parent.exists() and out.parent.stat().st_dev != work.stat().st_dev:
        return out.with_name(f".{out.name}.new"), out.with_name(f".{out.name}.old")
    return work / STAGED, work / RETIRED
