"""Clauses of a source policy as its page shows them: what keeps each, the records behind it, what is lacking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from kelu.finding import Text
from kelu.policy import Policy
from kelu.privacy import Directory
from kelu.trace import Clause, Mechanism, is_part

FOLDER, SHOWN = "policy", 30


@dataclass(frozen=True, slots=True)
class Link:
    """A mechanism: `code` where it is known by one; `value` of a parameter that is a number; `href` from the page's
    folder, empty where it is shown nowhere; `in_force` as in `trace.Mechanism`; `found` counts a rule's findings."""

    kind: Text
    code: str
    label: Text
    value: str
    href: str
    exists: bool
    in_force: bool
    found: int


@dataclass(frozen=True, slots=True)
class Record:
    """A record that shows a clause, or what a duty is about. `linked` tells whether it has a page."""

    id: str
    title: Text | None
    linked: bool


@dataclass(frozen=True, slots=True)
class Duty:
    """A duty that is overdue, the record it is about, and the page it stands on."""

    id: str
    subject: Record
    page: str


@dataclass(frozen=True, slots=True)
class View:
    """A clause, ready to print. `records` are the first of `count`, which is None where no record could show it."""

    id: str
    title: Text
    phrase: str
    note: Text | None
    context: Text | None
    in_force: bool
    links: tuple[Link, ...]
    count: int | None
    records: tuple[Record, ...]
    overdue: tuple[Duty, ...]
    gaps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shelf:
    """What mechanisms can be linked to: KPI codes, obligations and ledgers that have pages, labels of the kinds, how
    often each rule was found broken, and the page on which a duty stands."""

    kpis: Collection[str]
    obligations: Collection[str]
    ledgers: Mapping[str, str]  # record type -> page
    kinds: Mapping[str, Text]
    found: Mapping[str, int]
    duties: Mapping[str, str]


def page_of(pack: str) -> str:
    """Where a pack's page is, without its ending."""
    return f"{FOLDER}/{pack.replace('@', '-')}"


def kinds(schema: Mapping[str, Any]) -> dict[str, Text]:
    """What the schema of clauses.yaml calls the kinds of mechanisms."""
    properties = schema["$defs"]["mechanism"]["properties"]
    return {name: Text(node["title"], node["x-en"]) for name, node in properties.items()}


def views(clauses: Iterable[Clause], shelf: Shelf, names: Directory, restricted: Text) -> Iterator[View]:
    """The clauses of a pack, ready to print; every title past privacy."""
    for clause in clauses:
        yield View(
            clause.id, clause.title, clause.phrase, clause.note, clause.context, clause.in_force,
            links=tuple(_link(mechanism, shelf) for mechanism in clause.mechanisms),
            count=None if clause.evidence is None else len(clause.evidence),
            records=tuple(record(name, names, restricted) for name in (clause.evidence or ())[:SHOWN]),
            overdue=tuple(
                Duty(name, record(_subject(name), names, restricted), shelf.duties.get(name, ""))
                for name in clause.overdue[:SHOWN]
            ),
            gaps=tuple(gap.value for gap in clause.gaps),
        )  # fmt: skip


def anchors(policy: Policy) -> dict[str, str]:
    """Where each clause that a definition cites is shown: the clause itself or, of a wider citation, its first part."""
    places = [
        (item.data["id"], f"{page_of(name)}.html#{quote(item.data['id'])}")
        for name, pack in sorted(policy.packs.items())
        for item in pack.clauses
    ]
    cited = {
        item.data["clause"]
        for pack in policy.packs.values()
        for item in (*pack.rules, *pack.kpis, *pack.obligations)
        if "clause" in item.data
    }
    exact = dict(reversed(places))
    return {
        wanted: place
        for wanted in sorted(cited)
        if (place := exact.get(wanted) or next((at for name, at in places if is_part(name, wanted)), ""))
    }


def tally(views: Sequence[View]) -> Counter[str]:
    """How many clauses there are, lean on something, are shown by records, and lack what."""
    count = Counter(gap for view in views for gap in view.gaps)
    count["all"] = len(views)
    count["kept"] = sum("unkept" not in view.gaps and view.context is None for view in views)
    count["shown"] = sum(bool(view.count) for view in views)
    count["context"] = sum(view.context is not None for view in views)
    return count


def _link(mechanism: Mechanism, shelf: Shelf) -> Link:
    name, kind = mechanism.name, mechanism.kind
    ledgers = {page.rpartition("/")[2].removesuffix(".html"): page for page in shelf.ledgers.values()}
    page = {
        "kpi": f"kpi/{name}.html" if name in shelf.kpis else "",
        "duty": f"duty/{name}.html" if name in shelf.obligations else "",
        "rule": f"manual/codes/{name}.html",
        "ledger": ledgers.get(name, ""),
        "type": shelf.ledgers.get(name, ""),
        "page": f"{name}.html",
    }.get(kind, "")
    here = {"parameter": "#parameters", "role": "#roles"}.get(kind, "#terms" if name.startswith("terms.") else "")
    return Link(
        kind=shelf.kinds[kind],
        code=name if kind in ("kpi", "rule", "duty") else "",
        label=mechanism.label,
        value=mechanism.value if mechanism.value.isdigit() else "",
        href="" if not mechanism.exists else f"../{page}" if page else here,
        exists=mechanism.exists,
        in_force=mechanism.in_force,
        found=shelf.found.get(name, 0) if kind == "rule" else 0,
    )


def record(name: str, names: Directory, restricted: Text) -> Record:
    """A record as it may be named; `restricted` is said in place of a title that may not be shown."""
    known = names.titles.get(name)
    if known is None:
        return Record(name, None, linked=False)
    title = Text.same(known.title) if known.title else None
    return Record(name, restricted if known.restricted else title, linked=True)


def _subject(duty: str) -> str:
    """The record a duty is about: its id is obligation/subject/period."""
    return duty.split("/")[1]
