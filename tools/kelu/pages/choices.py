"""Choices: what a form lets one choose from, by public names — records, contacts and staff; and the numbers in use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kelu import privacy
from kelu.pages.register import both
from kelu.policy import Policy
from kelu.privacy import Directory
from kelu.schema import Schemas
from kelu.store import Store

_NUMBER = re.compile(r"-(?:([0-9]{4})-)?([0-9]+)$")


def directory(
    names: Directory, schemas: Schemas, policy: Policy, store: Store, also: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Records, contacts and staff by their public names; restricted records and their contacts are left out. `also`
    names, by type, fields under whose value people look for a record as well. `taken` is the highest number of a type
    and year in use."""
    of_customer = dict(store.query("SELECT source, min(target) FROM link WHERE field = 'customer' GROUP BY ALL"))
    other = dict(_other_names(names, schemas, store, also))
    shown: dict[str, list[list[str]]] = {name: [] for name in schemas.records}
    taken: dict[str, dict[str, int]] = {name: {} for name in schemas.records}
    for record_id, title in sorted(names.titles.items()):
        _take(taken[title.type], record_id)
        if not title.restricted:
            more = (title.status, of_customer.get(record_id, ""), other.get(record_id, ""))
            shown[title.type].append([record_id, title.title, *more])
    for record_id, type_ in store.query("SELECT id, type FROM listing"):
        _take(taken[type_], record_id)
    return {
        "records": shown,
        "contacts": [
            [key, contact.name, contact.position]
            for key, contact in sorted(names.contacts.items())
            if not names.titles[contact.customer].restricted
        ],
        "staff": [
            [str(person["id"]), names.staff[str(person["id"])], str(person["department"])] for person in policy.staff
        ],
        "taken": taken,
        "labels": {name: both(schema.label) for name, schema in schemas.records.items()},
    }


def _other_names(
    names: Directory, schemas: Schemas, store: Store, also: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, str]]:
    for type_, fields in also.items():
        leaves = [privacy.leaf(schemas.records[type_], field) for field in fields]
        wanted = {name: title for name, title in names.titles.items() if title.type == type_ and not title.restricted}
        for _, name, _, data in store.documents(sorted(wanted)):
            cells = (privacy.cell(leaf, data.get(leaf.name), names, wanted[name].policy) for leaf in leaves)
            yield name, " ".join(node.value for node in cells if node is not None)


def _take(taken: dict[str, int], record_id: str) -> None:
    if match := _NUMBER.search(record_id):
        year = match[1] or ""
        taken[year] = max(taken.get(year, 0), int(match[2]))
