"""Schemas: what a document may look like, and the marks it carries.

The JSON Schema files are the single source of shape, labels, privacy marks, references, vocabularies and
lifecycles. This package loads them, judges documents and says exactly where one is wrong. Only door to jsonschema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from kelu.document import Order
from kelu.finding import Finding
from kelu.schema.fields import Field, RecordSchema, Transition, Vocabulary, label_of, node_at, order_of, record_schema
from kelu.schema.judge import Judge, explain, require_schema

__all__ = ["Field", "RecordSchema", "Schemas", "Transition", "Vocabulary", "label_of", "load", "node_at"]

COMMON = "common.schema.json"


@dataclass(frozen=True, slots=True)
class Schemas:
    """All schemas of a repository: record types by name, other documents by the files they govern."""

    records: Mapping[str, RecordSchema]
    documents: Mapping[str, str]  # schema name -> glob of the files it governs
    raw: Mapping[str, dict[str, Any]]  # bundled JSON Schemas by name
    _judges: dict[str, Judge] = field(default_factory=dict, repr=False, compare=False)

    def governing(self, path: str) -> str | None:
        """The schema that governs a path outside `records/`, if any."""
        return next((name for name, glob in self.documents.items() if fnmatchcase(path, glob)), None)

    def of_folder(self, path: str) -> RecordSchema | None:
        """The record type whose folder a path lies in."""
        return next((s for s in self.records.values() if path.startswith(s.folder)), None)

    def order(self, name: str) -> Order:
        """The order in which a document of schema `name` is written."""
        return order_of(self.raw[name])

    def accepts(self, name: str, data: Any) -> bool:
        """Whether `data` obeys schema `name`: the fast answer, without reasons."""
        return self._judge(name).accepts(data)

    def explain(self, name: str, data: Any, path: str, raw: bytes) -> list[Finding]:
        """Every fault of a refused document with its exact place in `raw`; empty when it is sound."""
        return explain(self._judge(name), data, path, raw)

    def _judge(self, name: str) -> Judge:
        if name not in self._judges:
            self._judges[name] = Judge(self.raw[name])
        return self._judges[name]


def load(files: Mapping[str, bytes]) -> Schemas:
    """Schemas from `{file name: bytes}` of `schemas/*.schema.json`.

    Raises ValueError naming the file when one is not JSON or not a JSON Schema: schemas are the maintainers'.
    """
    parsed: dict[str, dict[str, Any]] = {}
    for name in sorted(files):
        try:
            parsed[name] = json.loads(files[name])
            require_schema(parsed[name])
        except ValueError as fault:
            raise ValueError(f"schemas/{name}: {fault}") from fault
    common = parsed.pop(COMMON, {}).get("$defs", {})
    records: dict[str, RecordSchema] = {}
    documents: dict[str, str] = {}
    raw: dict[str, dict[str, Any]] = {}
    for file_name, schema in parsed.items():
        name = file_name.removesuffix(".schema.json")
        bundled = _bundle(schema, common)
        raw[name] = _with_state_guards(bundled)
        if "{id}" in schema.get("x-files", ""):
            records[name] = record_schema(name, bundled)
        elif "x-files" in schema:
            documents[name] = schema["x-files"]
    return Schemas(records, documents, raw)


def _bundle(schema: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    """One self-contained schema: references to the common file become local ones."""
    prefix = f"{COMMON}#/$defs/"

    def local(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                key: f"#/$defs/{value.removeprefix(prefix)}"
                if key == "$ref" and isinstance(value, str) and value.startswith(prefix)
                else local(value)
                for key, value in node.items()
            }
        return [local(item) for item in node] if isinstance(node, list) else node

    bundled: dict[str, Any] = local(schema)
    bundled["$defs"] = {**local(common), **bundled.get("$defs", {})}
    return bundled


def _with_state_guards(schema: dict[str, Any]) -> dict[str, Any]:
    """What each lifecycle state requires, as ordinary conditions of the schema."""
    states = schema.get("x-lifecycle", {}).get("states", {})
    guards = [
        {
            "if": {"properties": {"status": {"const": state}}, "required": ["status"]},
            "then": mark["requires"],
            "x-state": state,
        }
        for state, mark in states.items()
        if mark.get("requires")
    ]
    return {**schema, "allOf": [*schema.get("allOf", []), *guards]} if guards else schema
