"""Lookup: the id of a thing by something else that is known of it — a customer by name, an incident by its ticket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kelu import people
from kelu.document import look_up
from kelu.schema import RecordSchema
from kelu.sheet.grid import plain

Records = Mapping[str, Mapping[str, Mapping[str, Any]]]  # type -> id -> data


class Lookups:
    """Finds ids of records, of staff (`staff`) and of the people listed in records (`contact`)."""

    def __init__(
        self, schemas: Mapping[str, RecordSchema], records: Records, staff: Iterable[Mapping[str, Any]]
    ) -> None:
        self._schemas = schemas
        self._records = records
        self._staff = {str(person["id"]): person for person in staff}
        self._held: dict[tuple[str, str], dict[str, list[str]]] = {}

    def find(self, kind: str, by: str | Sequence[str], said: str) -> list[str]:
        """Every id of a kind of which one of the fields `by` says this."""
        wanted = plain(said)
        found = [
            name for field in ([by] if isinstance(by, str) else by) for name in self._of(kind, field).get(wanted, ())
        ]
        return list(dict.fromkeys(found))

    def _of(self, kind: str, by: str) -> Mapping[str, Sequence[str]]:
        if (kind, by) not in self._held:
            held: dict[str, list[str]] = {}
            for name, data in self._all(kind):
                value = look_up(data, by.split("."))
                if value is not None and not isinstance(value, (dict, list)):
                    held.setdefault(plain(str(value)), []).append(name)
            self._held[kind, by] = held
        return self._held[kind, by]

    def _all(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        if kind == "staff":
            yield from self._staff.items()
        elif kind == "contact":
            for name, schema in self._schemas.items():
                for data in self._records.get(name, {}).values():
                    yield from ((person.key, person.data) for person in people.listed(schema, data))
        else:
            yield from self._records.get(kind, {}).items()
