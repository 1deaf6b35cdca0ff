"""Whole: whether the very text of a record may be published, because it says nothing that its page does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kelu.privacy import Directory, Node, Published, mask_text
from kelu.schema import Field, RecordSchema


def reveals_nothing(
    schema: RecordSchema, data: Mapping[str, Any], text: str, record: Published, names: Directory
) -> bool:
    """Whether a record's text, comments included, holds only what its page (`record`) shows as it is: nothing is
    restricted, kept for another audience, withheld or masked."""
    said = {name: value for name, value in data.items() if (name, value) != ("schema", schema.version)}
    shown = not record.restricted and _all_shown(schema.fields, said, record.nodes)
    return shown and mask_text(text, names.identifiers) == text


def _all_shown(fields: Sequence[Field], data: Mapping[str, Any], nodes: Sequence[Node]) -> bool:
    known, shown = {item.name: item for item in fields}, {node.name: node for node in nodes}
    return all(
        name in known and (value in (None, "", [], {}) or _is_shown(known[name], value, shown.get(name)))
        for name, value in data.items()
    )


def _is_shown(item: Field, value: Any, node: Node | None) -> bool:
    if node is None or node.kind == "masked":
        return False
    if node.kind == "group":
        return _all_shown(item.children, value, node.children)
    if node.kind in ("list", "map"):
        parts = list(value.values()) if isinstance(value, Mapping) else value
        return len(parts) == len(node.children) and all(
            _is_shown(item, part, child) for part, child in zip(parts, node.children, strict=True)
        )
    return node.kind != "text" or node.value == str(value)  # else something in it is masked
