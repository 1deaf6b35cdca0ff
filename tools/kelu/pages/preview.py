"""Preview: the pages of some records as they will be on the site, in a folder that can be opened from a disk.

It serves who reviews a change: only these pages and a list of them are made, in the site's own frame; what would lead
to any other page is text.
"""

from __future__ import annotations

import html
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

from kelu import __version__, privacy
from kelu.finding import Finding, Text
from kelu.pages import duties, form, record, shell
from kelu.pages.book import Book
from kelu.pages.build import DOCS, Edition
from kelu.pages.build import _schema_words as schema_words
from kelu.pages.build import _yaml as read_yaml
from kelu.pages.figure import Names
from kelu.pages.forge import Forge
from kelu.pages.place import FOLDER
from kelu.pages.template import LANGUAGES, Templates

_LINK = re.compile(r'(<a\b[^>]*?)\shref="([^"#][^"]*)"')
# What asks for pages or data that are not here: a browser refuses even to look for them on a disk.
_ASKING = re.compile(r'<form class="k-search".*?</form>|\sdata-provenance="[^"]*"', re.DOTALL)


def preview(edition: Edition, ids: Collection[str], site: Path, base: Path, out: Path) -> list[str]:
    """Make the pages of those of the records `ids` that the store holds, and a list of them, in the folder `out`;
    return which. Raises SiteError or TemplateError."""
    with tempfile.TemporaryDirectory(prefix="kelu-preview-") as folder:
        work, plan = Path(folder), read_yaml(site / "site.yaml")
        words = {**read_yaml(site / "words.yaml"), **schema_words(edition.schemas)}
        book = Book(work / DOCS, Templates(site / "templates", words, LANGUAGES[0]), plan)
        names = privacy.directory(edition.store, edition.schemas.records, edition.policy, edition.audience)
        frame = _frame(edition, book, names, Names(edition.schemas.records, names, words), site)
        held = [name for name in ids if name in names.titles]
        listed = [(name, names.titles[name], edition.schemas.records[names.titles[name].type]) for name in held]
        book.page("index.md", "preview.md.j2", Text("改动预览", "Preview of the change"), ["navigation", "toc"], 0,
                  records=listed)  # fmt: skip
        shutil.copytree(site / "assets", book.docs / "assets/kelu")
        shell.placeholder(book.docs, FOLDER)
        settings = {"nav": book.navigation()}
        staged = work / "staged"
        epoch = int(edition.moment.timestamp())
        shell.start_mkdocs(base, book.docs, site / "overrides", staged, settings, epoch)()
        book.fill(staged, _provenance(edition))
        page = shell.take_shell(staged, FOLDER)
        (staged / FOLDER).mkdir(exist_ok=True)
        for type_, name, path, data in edition.store.documents(held) if held else ():
            title, body = record.page(frame, type_, path, data)
            (staged / FOLDER / f"{name}.html").write_bytes(page.fill(title, body))
        shell.tidy(staged)
        _keep_within(staged)
        shutil.copytree(staged, out, dirs_exist_ok=True)
    return held


def _frame(edition: Edition, book: Book, directory: privacy.Directory, names: Names, site: Path) -> record.Frame:
    """What record pages show without the rest of the site: no figures, no history."""
    schemas = edition.schemas.records
    board = duties.gather(edition.store, edition.policy, edition.schemas, names, edition.moment)
    links = edition.store.query("SELECT source, field, target FROM link ORDER BY source, field, target")
    outgoing, incoming = record.relations(links, schemas, directory)
    findings: dict[str, list[Finding]] = defaultdict(list)
    for item in edition.report.findings:
        findings[item.path].append(item)
    forms = {path.stem: read_yaml(path) for path in sorted((site / "forms").glob("*.yaml"))}
    return record.Frame(
        templates=book.templates, schemas=schemas, directory=directory, commit=edition.commit, forge=Forge(),
        policy=edition.policy, outgoing=outgoing, incoming=incoming, findings=findings,
        owed=duties.about(board), kept=duties.shown_by(board), rules=record.rules(edition.policy),
        forms={name: form.read(held, schemas[name]) for name, held in forms.items() if name in schemas},
    )  # fmt: skip


def _provenance(edition: Edition) -> dict[str, object]:
    return {
        "commit": edition.commit,
        "dirty": True,  # it is not what any commit of the default branch holds
        "as_of": edition.moment.isoformat(timespec="seconds"),
        "as_of_text": privacy.moment(edition.moment)[1],
        "records": edition.report.records,
        "errors": edition.report.errors,
        "warnings": edition.report.warnings,
        "version": __version__,
        "audience": edition.audience,
    }


def _keep_within(staged: Path) -> None:
    """Take the address from every link to a page that is not here, and whatever looks for data."""
    (staged / "404.html").unlink(missing_ok=True)
    for page in staged.rglob("*.html"):

        def kept(found: re.Match[str], page: Path = page) -> str:
            target = html.unescape(found[2]).partition("#")[0].partition("?")[0]
            return found[0] if (page.parent / target).is_file() else found[1]

        page.write_text(_LINK.sub(kept, _ASKING.sub("", page.read_text("utf-8"))), "utf-8")
