"""Directory: how the things a record points to are named in public — records, contacts, staff, vocabulary terms."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from kelu import people
from kelu.document import look_up
from kelu.finding import Text
from kelu.policy import Policy
from kelu.privacy import mask
from kelu.privacy.mask import Identifiers, mask_text, personal_values
from kelu.schema import Field, RecordSchema

PUBLIC = "public"  # the audience that is anybody


class Documents(Protocol):
    """What the directory needs of the store: (type, id, path, data) of records, of each type at least these fields."""

    def extracts(self, fields: Mapping[str, Collection[str]]) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]: ...


@dataclass(frozen=True, slots=True)
class Title:
    """How a record is named where another page points to it; a restricted one has no title there.

    `date` is its business date, `policy` the pack it was judged by: what its codes mean.
    """

    type: str
    title: str
    status: str
    date: str
    restricted: bool
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """A customer's contact as published: masked name and position."""

    name: str
    position: str
    customer: str


@dataclass(frozen=True, slots=True)
class Directory:
    """Public names by id, labels of codes by (pack, vocabulary, code), and every direct identifier to be hidden.

    A code without a label is not shown; pack "" holds the labels that packs share. `packs` are titles. What a schema
    marks for another `audience` is not shown (`x-audience`).
    """

    titles: Mapping[str, Title] = field(default_factory=dict)
    staff: Mapping[str, str] = field(default_factory=dict)
    contacts: Mapping[str, Contact] = field(default_factory=dict)
    identifiers: Identifiers = field(default_factory=lambda: Identifiers({}))
    terms: Mapping[tuple[str, str, str], Text] = field(default_factory=dict)
    items: Mapping[tuple[str, str], Text] = field(default_factory=dict)
    grades: Mapping[tuple[str, str], Text] = field(default_factory=dict)
    packs: Mapping[str, Text] = field(default_factory=dict)
    audience: str = PUBLIC
    plans: dict[tuple[int, str], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def term(self, pack: str, vocabulary: str, code: str) -> Text | None:
        """The label of a vocabulary term under a pack."""
        return self.terms.get((pack, vocabulary, code)) or self.terms.get(("", vocabulary, code))

    def item(self, pack: str, key: str) -> Text | None:
        """The label of a questionnaire's item under a pack."""
        return self.items.get((pack, key))

    def grade(self, pack: str, code: str) -> Text | None:
        """The label of a grade under a pack, where its scales agree on it."""
        return self.grades.get((pack, code))


def directory(
    store: Documents, schemas: Mapping[str, RecordSchema], policy: Policy, audience: str = PUBLIC
) -> Directory:
    """The directory of all records of a store under a policy, for those whom `audience` names."""
    found: list[tuple[str, str]] = []
    raw: dict[str, tuple[Title, str]] = {}
    contacts: dict[str, Contact] = {}
    for type_name, record_id, _path, data in store.extracts({name: _asked(one) for name, one in schemas.items()}):
        schema = schemas[type_name]
        found += personal_values(schema.fields, data)
        date = str(look_up(data, tuple((schema.business_date or "").split("."))) or "")[:10]
        restricted = data.get("confidential") == "restricted"
        title = Title(type_name, "", str(data.get("status", "")), date, restricted, str(data.get("policy") or ""))
        raw[record_id] = (
            title,
            "" if restricted or not titled(schema, audience) else str(data.get(schema.title_field) or ""),
        )
        contacts.update(_contacts(schema.fields, record_id, data))
    known = Identifiers.of(found)
    titles = {
        record_id: Title(t.type, mask_text(text, known), t.status, t.date, t.restricted, t.policy)
        for record_id, (t, text) in raw.items()
    }
    return Directory(
        titles=titles,
        staff={str(person["id"]): str(person["name"]) for person in policy.staff},
        contacts=contacts,
        identifiers=known,
        terms=dict(_terms(policy)),
        items={(row[0], row[2]): Text(row[3], row[4]) for row in policy.tables()["template_item"][1]},
        grades=_grades(policy),
        packs={name: pack.title for name, pack in policy.packs.items()},
        audience=audience,
    )


def _asked(schema: RecordSchema) -> list[str]:
    """The fields of a record that the directory looks at."""
    named = {
        "status",
        "confidential",
        "policy",
        "corrections",
        schema.title_field,
        *(schema.business_date or "").split(".")[:1],
    }
    return [item.name for item in schema.fields if item.name in named or mask.is_personal(item)]


def titled(schema: RecordSchema, audience: str) -> bool:
    """Whether an audience may read the field that names a record."""
    return any(item.name == schema.title_field and item.audience in (PUBLIC, audience) for item in schema.fields)


def _contacts(fields: Iterable[Field], record_id: str, data: Mapping[str, Any]) -> Iterator[tuple[str, Contact]]:
    """People listed in a record under ids of their own: `CUS-0001/C01` with masked name and position."""
    for item in people.lists(fields):
        place = next(place for place, child in enumerate(item.children) if child.pii == "name")
        name = item.children[place]
        position = next((child.name for child in item.children[place + 1 :] if child.pii == "none"), "")
        held = data.get(item.name)
        for person in held if isinstance(held, list) else ():
            if isinstance(person, Mapping) and person.get("id") and person.get(name.name):
                shown = mask.shown(name, str(person[name.name]))
                yield f"{record_id}/{person['id']}", Contact(shown, str(person.get(position) or ""), record_id)


def _terms(policy: Policy) -> Iterator[tuple[tuple[str, str, str], Text]]:
    # Not every policy lists departments: those the staff file names are the company's own and no secret.
    for person in policy.staff:
        name = str(person["department"])
        yield ("", "department", name), Text(name, name)
    for pack, name, code, zh, en, _position in policy.vocabularies():
        yield ("", name, code), Text(zh, en)
        yield (pack, name, code), Text(zh, en)


def _grades(policy: Policy) -> dict[tuple[str, str], Text]:
    labels: dict[tuple[str, str], set[Text]] = {}
    columns, rows = policy.tables()["grade"]
    pack, code, zh, en = (list(columns).index(name) for name in ("pack", "code", "zh", "en"))
    for row in rows:
        labels.setdefault((row[pack], row[code]), set()).add(Text(row[zh], row[en]))
    return {key: next(iter(found)) for key, found in labels.items() if len(found) == 1}
