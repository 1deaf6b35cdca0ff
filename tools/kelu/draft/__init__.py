"""Drafts: records prepared from what the records say already, by recipes that are data (`policies/drafts/*.yaml`).

A recipe is SQL like that of rules and KPIs, over the same tables and two more: `ask`, one row of what the user
answered, and `figure`, the KPIs of the period asked for and of the one before it. It says which records to make, why
none, what to remark, and what to list or print afterwards. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from kelu import catalogue, desk, document, kpi, obligation, periods, privacy, schema, shelf
from kelu.check import Rulebook
from kelu.document import field_text, look_up
from kelu.draft.asked import Answers, Ask, ask_of, figure, prefixed
from kelu.draft.value import annotated, plain, without_persons
from kelu.finding import Finding, Text
from kelu.git import Tree
from kelu.intake import Intake
from kelu.naming import reach
from kelu.periods import Period
from kelu.policy import Source
from kelu.schema import RecordSchema
from kelu.store import QueryError, Store, spelled_out

__all__ = [
    "FOLDER", "Answers", "Ask", "Made", "Question", "Recipe", "faults", "figures", "listed", "made", "names",
    "prints", "recipes", "told",
]  # fmt: skip

FOLDER = "policies/drafts"
_SCHEMA = "schemas/draft.schema.json"
_COMMENTS = "_comments"
_SAYING = ("zh", "en")
_NOTHING = "SELECT NULL AS id WHERE false"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How records of one type are drafted; `name` is its file's, and the command's."""

    name: str
    source: Source
    asks: tuple[Ask, ...]

    @property
    def data(self) -> Mapping[str, Any]:
        return self.source.data

    @property
    def title(self) -> Text:
        return Text.of(self.data["title"])

    @property
    def kpis(self) -> Sequence[str]:
        return tuple(self.data.get("kpis", ()))

    def texts(self) -> Iterator[tuple[tuple[str | int, ...], str, tuple[str, ...]]]:
        """(place, SQL, columns that it must have) of everything asked of the store."""
        for place, ask in enumerate(self.asks):
            if ask.default:
                yield ("asks", place, "default"), f"SELECT {ask.default} AS value FROM ask", ()
            if ask.choices:
                yield ("asks", place, "choices"), ask.choices, ("code", "zh")
        for key, wanted in (("refuse", _SAYING), ("rows", ()), ("additions", ("id",)), ("remarks", _SAYING)):
            if key in self.data:
                yield (key,), self.data[key], wanted
        for place, held in enumerate(self.data.get("lists", ())):
            yield ("lists", place, "query"), held["query"], tuple(column["name"] for column in held["columns"])
        if "print" in self.data:
            yield ("print", "query"), self.data["print"]["query"], ("file",)


@dataclass(frozen=True, slots=True)
class Question:
    """A recipe's SQL over a store that was laid for it, with the answers so far."""

    store: Store
    recipe: Recipe
    answers: Answers

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows by column. Raises QueryError when it does not run."""
        whole = prefixed(self.recipe.asks, self.answers, sql)
        columns = list(self.store.types(whole))
        return [dict(zip(columns, row, strict=True)) for row in self.store.query(whole)]

    def default(self, ask: Ask) -> Any:
        """The default of one ask."""
        (row,) = self.rows(f"SELECT {ask.default} AS value FROM ask")
        return row["value"]


@dataclass(frozen=True, slots=True)
class Made:
    """A record drafted, or an existing one added to: its file as it would be."""

    id: str
    path: str
    content: bytes
    is_new: bool


def recipes(tree: Tree) -> dict[str, Recipe]:
    """The sound recipes of a tree by name. What is wrong with others `kelu check` says."""
    files = {entry.path: raw for entry, raw in tree.read(tree.entries(FOLDER, "schemas"))}
    if _SCHEMA not in files:
        return {}
    schemas = schema.load({_SCHEMA.removeprefix("schemas/"): files[_SCHEMA]})
    found = []
    for path, raw in files.items():
        data, _ = document.parse(raw, path) if path.startswith(f"{FOLDER}/") else (None, [])
        if data is not None and schemas.accepts("draft", data):
            found.append(_recipe(Source(path, data, raw)))
    return {recipe.name: recipe for recipe in found}


def _recipe(source: Source) -> Recipe:
    name = source.path.removeprefix(f"{FOLDER}/").removesuffix(".yaml")
    return Recipe(name, source, tuple(map(ask_of, source.data.get("asks", ()))))


def names(book: Rulebook, recipe: Recipe) -> set[str]:
    """The names of everything that a recipe stands on: what `Store.prepare` has to lay."""
    derived = {**obligation.views(book.policy), **spelled_out()}
    asked = reach((sql for _, sql, _ in recipe.texts()), derived)
    return asked | (kpi.names(book.policy, recipe.kpis) if recipe.kpis else set())


def figures(store: Store, book: Rulebook, recipe: Recipe, answers: Answers) -> Answers:
    """The answers with the recipe's figures, exactly as `kelu kpi` gives them. Raises KpiError."""
    period = (answers.given or {}).get("period")
    if period is None or not recipe.kpis:
        return answers
    ((moment,),) = store.query("SELECT as_of()")

    def of(span: Period) -> dict[str, kpi.Result]:
        codes = [code for code in recipe.kpis if kpi.find(book.policy, code, span.last) is not None]
        found = kpi.evaluate(store, book.policy, codes, span, moment, answers.commit) if codes else []
        return {result.code: result for result in found}

    earlier = of(periods.before(period))
    units = book.schemas.raw["kpis"]["properties"]["kpis"]["items"]["properties"]["unit"]["x-labels"]
    rows = [
        figure(place, result, earlier[code].shown if code in earlier else None, units[result.unit]["zh"])
        for place, (code, result) in enumerate(of(period).items())
    ]
    return replace(answers, figures=tuple(rows))


def told(question: Question, key: str) -> list[Text]:
    """What a recipe has to say under a key: `refuse` or `remarks`."""
    sql = question.recipe.data.get(key)
    return [Text.of(row) for row in question.rows(sql)] if sql else []


# --- records ---------------------------------------------------------------------------------------------


def made(question: Question, book: Rulebook, tree: Tree, intake: Intake) -> list[Made]:
    """The files of the records to make, or to add to, in the order of the recipe's rows.

    Raises QueryError, and ValueError when the numbers of a year are used up.
    """
    kind = book.schemas.records[question.recipe.data["type"]]
    known = privacy.directory(question.store, book.schemas.records, book.policy).identifiers
    order, mask = book.schemas.order(kind.name), partial(privacy.mask_text, known=known)
    taken = {name for name, _, _ in intake.listing}
    found = []
    for row in question.rows(question.recipe.data["rows"]):
        comments = plain(row.pop(_COMMENTS, None)) or {}
        data = {"schema": kind.version, **_common(kind, question.answers)}
        data |= without_persons(kind.fields, plain(row), mask)
        day = look_up(data, tuple((kind.business_date or "").split("."))) or data["registered_at"]
        (data["id"],) = shelf.next_ids(kind, taken, int(str(day)[:4]))
        taken.add(data["id"])
        labels = {name: label for name, label in desk.labels(kind).items() if name in data}
        text = annotated(document.write(data, order, labels), comments, (item.name for item in kind.fields))
        path = kind.path_of(data["id"])
        assert path is not None, data["id"]
        found.append(Made(data["id"], path, text.encode(), True))
    for row in question.rows(question.recipe.data.get("additions", _NOTHING)):
        data = without_persons(kind.fields, plain(row), mask)
        path = intake.stored[data.pop("id")]
        ((_, raw),) = tree.read([intake.entries[path]])
        held = dict(document.parse(raw, path)[0] or {})
        held |= {key: [*held.get(key, ()), *part] if isinstance(part, list) else part for key, part in data.items()}
        found.append(Made(held["id"], path, document.amend(raw, held, order), False))
    return found


def _common(kind: RecordSchema, answers: Answers) -> dict[str, Any]:
    """What every new record says; a row may say otherwise."""
    return {"status": kind.initial[0], "registered_by": answers.by, "registered_at": plain(answers.now)}


# --- what comes with them --------------------------------------------------------------------------------


def listed(question: Question, entry: Mapping[str, Any], person: Mapping[str, Mapping[str, str]]) -> list[list[str]]:
    """The rows of one of a recipe's lists as text; `person` has what is known of each contact, by field."""
    found = []
    for row in question.rows(entry["query"]):
        values = {key: plain(value) for key, value in row.items()}
        found.append([_cell(values[column["name"]], column.get("person"), person) for column in entry["columns"]])
    return found


def _cell(value: Any, part: str | None, person: Mapping[str, Mapping[str, str]]) -> str:
    if value is None:
        return ""
    if part is not None:
        return str(person.get(str(value), {}).get(part, ""))
    return str(value).replace("T", " ")[:16] if isinstance(value, str) and _is_moment(value) else str(value)


def _is_moment(value: str) -> bool:
    return len(value) == 25 and value[10] == "T" and value[19] == "+"


def prints(question: Question) -> list[tuple[str, dict[str, Any]]]:
    """(file name, values for the template) of each page to print."""
    rows = question.rows(question.recipe.data["print"]["query"])
    return [(str(row["file"]), {key: plain(value) for key, value in row.items()}) for row in rows]


# --- soundness -------------------------------------------------------------------------------------------


def faults(book: Rulebook, store: Store) -> list[Finding]:
    """A finding for SQL of a recipe that does not run (POL-01), or that names what there is not (POL-02), at its line;
    `store` is one laid with all that SQL of the policy may name."""
    sources: Iterable[Source] = (source for source in book.sources if source.path.startswith(f"{FOLDER}/"))
    return [finding for source in sources for finding in _faults_of(_recipe(source), book, store)]


def _faults_of(recipe: Recipe, book: Rulebook, store: Store) -> Iterator[Finding]:
    def at(place: tuple[str | int, ...], code: str, **words: object) -> Finding:
        line, column = recipe.source.position(*place)
        return catalogue.make(code, recipe.source.path, line, column, field_text(place), **words)

    kind = book.schemas.records.get(recipe.data["type"])
    if kind is None:
        yield at(("type",), "POL-02", name=recipe.data["type"], kind="type")
    codes = {item.data["code"] for pack in book.policy.packs.values() for item in pack.kpis}
    for number, code in enumerate(recipe.kpis):
        if code not in codes:
            yield at(("kpis", number), "POL-02", name=code, kind="kpi")
    for place, sql, wanted in recipe.texts():
        try:
            columns = store.types(prefixed(recipe.asks, Answers(), sql))
        except QueryError as refused:
            yield at(place, "POL-01", rule=recipe.name, detail=str(refused))
            continue
        unknown = [name for name in wanted if name not in columns]
        if place in (("rows",), ("additions",)) and kind is not None:
            held = {item.name for item in kind.fields} | {_COMMENTS}
            unknown += [name for name in columns if name not in held]
        for name in unknown:
            yield at(place, "POL-02", name=name, kind="field")
