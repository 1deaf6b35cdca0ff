"""Check: one pass over a tree — documents, schemas, places, policy, rules — that reports everything it finds.

A `Rulebook` is what judges: schemas and policy, taken from the same tree as the records or from another one (a
pull request is judged by the base branch's). Later stages run only on what earlier ones accepted.
"""

from __future__ import annotations

import datetime
import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from kelu import apart, catalogue, coherence, git, obligation, resources, rules, touched, vault, workdays
from kelu.answers import Answers, have_run
from kelu.document import parse
from kelu.finding import Finding, Severity
from kelu.git import Ends, Overlay, Tree
from kelu.git.partial import bring, cut_off, fork
from kelu.intake import NOTHING, RECORDS, Intake, is_made_of, look, take_in
from kelu.naming import reach
from kelu.policy import Policy, Source, load
from kelu.schema import Schemas
from kelu.schema import load as load_schemas
from kelu.stage import stage
from kelu.store import Store, Table, cache_state, open_store, spelled_out
from kelu.vault import Vault

CACHE = Path(".kelu/cache/records.duckdb")
Standing = git.WorkTree | git.RevisionTree
STATED = "reported_figure"  # the view of the figures that reports state
_TWICE = "FILE-03"
_CALENDAR_MARGIN = 10, 2  # years before and after those with data, so that old and late deadlines still find a day


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What records are judged by, the faults of its own documents, what identifies its schemas, and the documents."""

    schemas: Schemas
    policy: Policy
    findings: tuple[Finding, ...]
    fingerprint: str
    sources: tuple[Source, ...] = ()
    vault: Vault = field(default_factory=Vault, repr=False)  # what must not be repeated, where it is known

    @property
    def sound(self) -> bool:
        return not any(item.severity is Severity.ERROR for item in self.findings)


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a check: findings in order of path and line, and how many records were seen."""

    findings: tuple[Finding, ...]
    records: int

    @property
    def errors(self) -> int:
        return sum(item.severity is Severity.ERROR for item in self.findings)

    @property
    def warnings(self) -> int:
        return len(self.findings) - self.errors


def open_book(tree: Tree) -> Rulebook:
    """Read the rulebook of a tree. Raises ValueError when a schema is no JSON Schema or there is none."""
    files = {
        entry.path.removeprefix("schemas/"): raw
        for entry, raw in tree.read(tree.entries("schemas"))
        if entry.path.endswith(".schema.json")
    }
    if not files:
        raise ValueError("schemas/ 中没有模式文件 / no schema in schemas/")
    schemas = load_schemas(files)
    policy, findings, sources = load(tree, schemas)
    if not findings:
        findings += coherence.faults(policy, schemas, sources)
    digest = hashlib.sha256(resources.program_digest().encode())
    for name, raw in sorted(files.items()):
        digest.update(f"\0{name}\0{len(raw)}\0".encode() + raw)
    return Rulebook(schemas, policy, tuple(findings), digest.hexdigest(), tuple(sources))


def open_cache(root: Path, book: Rulebook, *, cached: bool = True) -> Store:
    """The record store of a repository; in memory when not `cached`, or where the cache is in Git: what a change brings
    along was made by who knows whom, and could say that all is well."""
    kept = cached and not git.tracks(root, CACHE.parts[0])
    return open_store(root / CACHE if kept else None, book.schemas.records, book.fingerprint)


def open_past(root: Path, book: Rulebook, *, cached: bool = True) -> Store:
    """A store for the records of another commit: the kept one where the schemas are its own, as then only what differs
    is read anew; else one in memory, so that what is kept stays."""
    fits = cached and cache_state(root / CACHE, book.fingerprint) == "fits"
    return open_cache(root, book, cached=fits)


def check(
    tree: Tree, book: Rulebook, store: Store, moment: datetime.datetime, read: Callable[[], object] = lambda: None
) -> Report:
    """Every finding in the records of `tree`, judged by `book` at `moment` (aware). `read` is called when all records
    are read, which keeps every processor busy; what is left keeps one."""
    taken = take_in(tree, book.schemas, store)
    read()
    return _check(tree, book, store, moment, taken, lambda: None)


def _check(
    tree: Tree, book: Rulebook, store: Store, moment: datetime.datetime, intake: Intake, bring: Callable[[], None]
) -> Report:
    findings = [*book.findings, *intake.findings]
    if book.sound:
        findings += coherence.strangers(book.sources, lambda: {name: kind for name, kind, _ in intake.listing})
        with stage("核对规则", "Judging by the rules"):
            findings += _ruled(tree, book, store, intake, moment, bring)
    return Report(tuple(sorted(set(findings))), intake.records)


def check_proposal(
    tree: Tree, book: Rulebook, store: Store, files: Mapping[str, bytes | None], moment: datetime.datetime
) -> Report:
    """What is wrong in some files that are not written yet (None: gone), and elsewhere because of them."""
    after = check(Overlay(tree, files), book, store, moment)
    own = [item for item in after.findings if item.path in files]
    others = tuple(item for item in after.findings if item.path not in files)
    if others:  # only then does it matter what was wrong before
        others = introduced(Report(others, after.records), check(tree, book, store, moment)).findings
    return Report(tuple(sorted({*own, *others})), after.records)


def with_vault(root: Path, book: Rulebook) -> tuple[Rulebook, list[Finding]]:
    """A rulebook that knows what the vault of a repository keeps; what is wrong with the vault, and whether it is in
    Git. Where there is none, as in a clone, nothing is."""
    held, faults = vault.examine(root, book.schemas)
    if book.policy.pii_store == "vault":
        faults += [catalogue.make("PII-02", path, 1, 1) for path in vault.tracked(root)]
    return replace(book, vault=held), faults


def introduced(after: Report, before: Report) -> Report:
    """The findings of `after` that `before` did not have, wherever in the file they now stand.

    Faults of policy are kept even if they were there: behind them nothing has been judged.
    """
    known = Counter(_identity(item) for item in before.findings if item.path.startswith(f"{RECORDS}/"))
    new = []
    for item in after.findings:
        if known[_identity(item)]:
            known[_identity(item)] -= 1
        else:
            new.append(item)
    return Report(tuple(new), after.records)


def only(report: Report, paths: Iterable[str]) -> Report:
    """The findings in some files or folders (repository paths with `/`)."""
    wanted = list(paths)
    return Report(tuple(item for item in report.findings if within(item.path, wanted)), report.records)


def within(path: str, wanted: Iterable[str]) -> bool:
    """Whether a path is one of those wanted, or in one of them; `.` is everywhere."""
    return any(place in (path, ".") or path.startswith(f"{place.rstrip('/')}/") for place in wanted)


def conflicts(paths: Iterable[str], taken: Iterable[Finding] = ()) -> list[Finding]:
    """A finding for each file on which a change and its base collide; those of ids `taken` twice say more."""
    told = {item.path: item for item in taken}
    return [*told.values(), *(catalogue.make("GIT-01", path, 1, 1) for path in paths if path not in told)]


def lay_policy(
    store: Store,
    book: Rulebook,
    intake: Intake,
    moment: datetime.datetime,
    *,
    known: bool,
    hindsight: bool = False,
    asked: Collection[str] | None = None,
    within: Collection[str] | None = None,
) -> list[Finding]:
    """Put policy, calendar and views over the records of a store; the views at fault as findings.

    `known`, `hindsight`, `asked` and `within` as in `Store.prepare`. A duty whose SQL does not run is left out of the
    view `duty` and does not take the others with it.
    """
    unstored = intake.unread

    def lay(views: Mapping[str, str]) -> dict[str, str]:
        laid = tables(book.policy, unstored)
        return store.prepare(laid, views, moment, known=known, hindsight=hindsight, asked=asked,
                             within=within)  # fmt: skip

    failed = lay(obligation.views(book.policy))
    duties = obligation.definitions(book.policy)
    if failed.keys() & duties:
        failed = lay(obligation.views(book.policy, failed.keys()))
    return [
        obligation.fault(duties[name], reason)
        if name in duties
        else catalogue.make("POL-01", f"policies/views/{name}.sql", 1, 1, "", rule=name, detail=reason)
        for name, reason in failed.items()
    ]


def blank(book: Rulebook, moment: datetime.datetime) -> tuple[Store, list[Finding]]:
    """A store without a record but with all that SQL of the policy may name, on which it is tried in no time; and
    the views at fault."""
    store = open_store(None, book.schemas.records, book.fingerprint)
    return store, lay_policy(store, book, NOTHING, moment, known=True)


def tables(policy: Policy, unstored: Iterable[tuple[str, str, str]]) -> dict[str, Table]:
    """The tables that policy and calendar add to the records, and `listing` of the files that are no sound records."""
    found = {name: Table(columns, rows) for name, (columns, rows) in policy.tables().items()}
    calendar = workdays.calendar(policy.calendars)
    years = calendar.years or (2000,)
    found["calendar"] = Table(
        {"day": "DATE", "working": "BOOLEAN", "ordinal": "BIGINT", "known": "BOOLEAN"},
        list(calendar.rows(min(years) - _CALENDAR_MARGIN[0], max(years) + _CALENDAR_MARGIN[1])),
    )
    found["listing"] = Table({"id": "VARCHAR", "type": "VARCHAR", "path": "VARCHAR"}, list(unstored))
    return found


def _ruled(
    tree: Tree, book: Rulebook, store: Store, intake: Intake, moment: datetime.datetime, bring: Callable[[], None]
) -> list[Finding]:
    read: dict[str, tuple[bytes, dict[str, Any]]] = {}

    def reader(path: str) -> tuple[bytes, dict[str, Any]]:
        if path not in read:
            ((_, raw),) = tree.read([intake.entries[path]])
            read[path] = (raw, parse(raw, path)[0] or {})
        return read[path]

    views, day = obligation.views(book.policy), moment.date().isoformat()
    answers = Answers(store, book.policy.digest, views, intake.states, day, bring)
    asked = answers.open(rules.questions(book.policy)) | answers.open(obligation.questions(book.policy), daily=True)
    faults = []
    if asked:
        bring()
        faults = lay_policy(store, book, intake, moment, known=False, asked=asked)
    labels = {name: schema.label for name, schema in book.schemas.records.items()}
    findings = faults + list(rules.run(book.policy, answers.ask, reader, lambda: intake.stored, labels))
    findings += obligation.needless(book.policy, book.sources, partial(answers.ask, daily=True))
    unread = {name for name, _, _ in intake.unread}
    findings += apart.judge(book.policy, book.schemas, book.vault, answers, reader, unread)
    if not faults:
        answers.keep(ran=all(item.code != "POL-01" for item in findings))
    return findings


def _identity(item: Finding) -> tuple[str, ...]:
    return item.code, item.path, item.field, item.message.zh, item.value or ""


def fetch_change(root: Path, base: str) -> None:
    """Have a partial clone, as runners make it, hold what `check_change` reads. Raises git.GitError."""
    from kelu.history.landing import WATCHED

    bring(root, base, RECORDS, tuple(sorted(set(WATCHED) - {RECORDS})))


def check_change(
    root: Path, book: Rulebook, store: Store, base: str, moment: datetime.datetime, work: Standing | None = None
) -> Report:
    """What the change since `base` introduces, judging the tree that merging it into `base` gives.

    When `base` is an ancestor the work tree is that merge; otherwise Git merges HEAD with it, and paths that
    collide are findings. What is not committed yet is judged with the rest. Raises git.GitError when `base` is
    unknown, HistoryError when a shallow clone lacks commits of the change. Where nothing is checked out, the files
    are those of HEAD: `work`, where that has been asked for already.
    """
    git.run(root, "rev-parse", "--verify", "--end-of-options", f"{base}^{{commit}}")
    work = work or git.here(root)
    merged, clashes = merge(root, base, work)
    changes = merged.since(base, RECORDS)
    with ThreadPoolExecutor(1) as meanwhile:  # the database needs no interpreter
        told = meanwhile.submit(_steps, root, base, merged, work, book, moment)
        report = _untroubled(root, base, merged, changes, book, store, moment)
        if report is None:
            report = _troubled(root, base, merged, book, store, moment)
    steps, taken = told.result()
    # Of two records in one file nothing more can be said, and the other file is not at fault.
    paths, ids = {item.path for item in taken}, {item.value for item in taken}
    rest = [
        item
        for item in (*report.findings, *steps)
        if item.path not in paths and not (item.code == _TWICE and item.value in ids)
    ]
    return Report(tuple(sorted({*conflicts(clashes, taken), *rest})), report.records)


def _steps(
    root: Path, base: str, merged: Standing, work: Standing, book: Rulebook, moment: datetime.datetime
) -> tuple[list[Finding], list[Finding]]:
    """What the change does to records that it may not, and the ids that it took and others too."""
    from kelu.history import change, clash  # here, as others work meanwhile

    steps = change.findings(root, base, merged, work, book.schemas, book.policy, moment) if book.sound else []
    return steps, [clash.finding(root, base, item, book.schemas) for item in clash.clashes(root, base, work)]


def _troubled(
    root: Path, base: str, merged: Standing, book: Rulebook, store: Store, moment: datetime.datetime
) -> Report:
    """What the change to `merged` brings into the records, all of them checked; the store then holds those."""
    report = check(merged, book, store, moment)
    if any(item.path.startswith(f"{RECORDS}/") for item in report.findings):  # only then it matters what was before
        tree = git.RevisionTree(root, base)
        intake, bring = look(tree, book.schemas, store)
        report = introduced(report, _check(tree, book, store, moment, intake, bring))
        take_in(merged, book.schemas, store)
    return report


def _untroubled(
    root: Path, base: str, merged: Standing, changes: Mapping[str, Ends], book: Rulebook, store: Store,
    moment: datetime.datetime,
) -> Report | None:  # fmt: skip
    """The same where the change to `merged` brings nothing, found out by asking of what it touches; else None. The
    store then holds the records of the base."""
    holds = is_made_of(store, git.tree_of(root, base, RECORDS)) if book.sound else None
    if holds is None or not have_run(store, book.policy.digest):
        return None
    if len(changes) > touched.MOST:
        return None
    if not holds and take_in(git.RevisionTree(root, base), book.schemas, store).findings:
        return None
    found, records = [*book.findings], 0

    def others() -> None:
        """What the whole of the records tells of other files."""
        nonlocal records
        ((records,),) = store.query("SELECT count(*) FROM record.source")
        listing = "SELECT id, type FROM record.source"
        found.extend(coherence.strangers(book.sources, lambda: dict(store.query(listing))))
        if questions := obligation.questions(book.policy):
            asked = reach(questions, {**obligation.views(book.policy), **spelled_out()})
            lay_policy(store, book, NOTHING, moment, known=False, asked=asked)
            found.extend(obligation.needless(book.policy, book.sources, store.query))

    # Without the views of duties, which no rule names and which take longer to spell than the others to lay.
    lay = partial(store.prepare, tables(book.policy, ()), book.policy.views, moment, known=False)
    with stage("核对改动", "Judging the change"):
        if touched.unharmed(merged, changes, book.schemas, book.policy, book.vault, store, lay, others):
            return Report(tuple(sorted(set(found))), records)
    return None


def types_of(book: Rulebook, view: str) -> list[str]:
    """The record types that a view is made of."""
    return sorted(reach([book.policy.views.get(view, "")], book.policy.views) & book.schemas.records.keys())


def merge(root: Path, base: str, work: Standing | None = None) -> tuple[Standing, list[str]]:
    """The tree that merging the work tree into `base` gives, and the paths on which the two collide."""
    if git.is_ancestor(root, base, "HEAD"):
        return work or git.here(root), []
    if fork(root, base) is None and cut_off(root):
        from kelu.history.index import HistoryError

        raise HistoryError.shallow()  # without a commit in common every file would be in conflict
    revision, clashes = git.merged_tree(root, base, git.snapshot(root))
    return git.RevisionTree(root, revision), clashes
