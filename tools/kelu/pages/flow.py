"""Flow: a record's tree of published fields as a flat run of steps, which a template writes in one loop.

Nested template calls cost many times what the writing itself does; with ten thousand record pages that decides
how long a site takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kelu.privacy import Node
from kelu.timeline import Change

# (what to write, up to three values of it); the template `parts/nodes.html.j2` knows each.
Step = tuple[str, Any, Any, Any]
_LONG, _WIDE = 44, 16  # characters of a value from which it takes the whole row, or two places of it


def fields(nodes: Iterable[Node]) -> Iterator[Step]:
    """Fields side by side: label above value."""
    yield "fields", "", "", ""
    for node in nodes:
        label = node.label
        yield "field", label.zh, "" if label.en == label.zh else label.en, _breadth(node)
        yield from value(node)
        yield "end", "", "", ""
    yield "/fields", "", "", ""


def value(node: Node) -> Iterator[Step]:
    """A field's value: a leaf, fields of its own, or a list of either."""
    if node.kind in ("group", "map"):
        yield from fields(node.children)
    elif node.kind != "list":
        yield _leaf(node)
    elif node.children[0].kind == "group":
        yield "items", "", "", ""
        for child in node.children:
            yield "item", "", "", ""
            yield from fields(child.children)
            yield "/item", "", "", ""
        yield "/items", "", "", ""
    elif len(node.children) == 1:
        yield _leaf(node.children[0])
    else:
        yield "inline", "", "", ""
        for child in node.children:
            yield "item", "", "", ""
            yield _leaf(child)
            yield "/item", "", "", ""
        yield "/inline", "", "", ""


def changes(changed: Iterable[Change]) -> Iterator[Step]:
    """Fields that a commit changed, a line each: what they held before and after."""
    for change in changed:
        yield "change", "~" if change.old and change.new else "+" if change.new else "-", change.label.zh, ""
        if change.withheld:
            yield "withheld", "", "", ""
        elif change.old:
            yield "old", "", "", ""
            yield _leaf(change.old)
            yield "/old", "", "", ""
        if change.new and not change.withheld:
            yield _leaf(change.new)
        yield "/change", "", "", ""


def _leaf(node: Node) -> Step:
    text = node.text
    match node.kind:
        case "enum" | "term":
            # A pack is shown with its id and version: two versions bear one title.
            return "plain", text.zh if text else node.value, node.value if "@" in node.value else "", ""
        case "staff":
            return "staff", text.zh if text else "", node.value, ""
        case "record":
            return "record", node.target, text.zh if text else "", ""
        case "contact":
            return "contact", text.zh if text else "", text.en if text else "", (node.target, node.value)
        case "date" | "datetime":
            return "date", node.value, "", ""
        case "integer" | "number" | "identifier":
            return "number", node.value, "", ""
        case "boolean" | "masked":
            return node.kind, node.value, "", ""
    return ("plain", node.value, text.zh, "") if text else ("text", node.value, "", "")


def _breadth(node: Node) -> str:
    """`span` for what needs the whole row, `half` for what needs two places, by its content alone."""
    if node.kind in ("group", "map"):
        return "span"
    leaves = node.children if node.kind == "list" else (node,)
    if leaves[0].kind == "group":
        return "span"
    size = sum(_size(leaf) for leaf in leaves)
    return "span" if size > _LONG else "half" if size > _WIDE else ""


def _size(node: Node) -> int:
    shown = node.text.zh if node.text else node.value
    extra = len(node.value) + 1 if node.kind in ("record", "contact", "staff") else 0
    return len(shown) + extra
