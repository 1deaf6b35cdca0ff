"""Flow: the one spelling of each kind of published value, as the HTML that record pages and printed forms show.

A site has a hundred thousand such pages of dozens of values each. A template that asks of every value what it is takes
most of the time that such a site takes; so these smallest pieces, and only they, are written here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from kelu.pages.place import Places
from kelu.privacy import Node
from kelu.timeline import Change

_LONG, _WIDE = 44, 16  # characters of a value from which it takes the whole row, or two places of it
_UNSAFE = re.compile("[&<>\"']")


@dataclass(frozen=True, slots=True)
class Words:
    """The site's shared labels (site/words.yaml), and where its records are shown."""

    labels: Mapping[str, Any]
    places: Places


def fields(nodes: Iterable[Node], words: Words) -> Markup:
    """Fields side by side: label above value."""
    out: list[str] = []
    _fields(nodes, words, out)
    return _joined(out)


def value(node: Node, words: Words) -> Markup:
    """A field's value: a leaf, fields of its own, or a list of either."""
    out: list[str] = []
    _value(node, words, out)
    return _joined(out)


def changes(changed: Iterable[Change], words: Words) -> Markup:
    """Fields that a commit changed, a line each: what they held before and after."""
    out: list[str] = []
    for change in changed:
        sign = "~" if change.old and change.new else "+" if change.new else "-"
        out.append(f'<li data-sign="{sign}"><span class="k-muted">{_safe(change.label.zh)}</span> ')
        if change.withheld:
            out.append(f'<span class="k-muted">{_safe(words.labels["history"]["withheld"]["zh"])}</span>')
        elif change.old:
            out += ("<del>", _leaf(change.old, words), "</del> ")
        if change.new and not change.withheld:
            out.append(_leaf(change.new, words))
        out.append("</li>")
    return _joined(out)


def _joined(out: list[str]) -> Markup:
    return Markup("".join(out))  # noqa: S704 - each piece is escaped below


def _fields(nodes: Iterable[Node], words: Words, out: list[str]) -> None:
    out.append('<dl class="k-fields">')
    for node in nodes:
        zh, en, breadth = node.label.zh, node.label.en, _breadth(node)
        other = f' <span class="k-en" lang="en">{_safe(en)}</span>' if en and en != zh else ""
        out.append(f"<div{breadth}><dt data-pagefind-ignore>{_safe(zh)}{other}</dt><dd>")
        _value(node, words, out)
        out.append("</dd></div>")
    out.append("</dl>")


def _value(node: Node, words: Words, out: list[str]) -> None:
    if node.kind in ("group", "map"):
        _fields(node.children, words, out)
    elif node.kind != "list":
        out.append(_leaf(node, words))
    elif node.children[0].kind == "group":
        out.append('<ol class="k-items">')
        for child in node.children:
            out.append("<li>")
            _fields(child.children, words, out)
            out.append("</li>")
        out.append("</ol>")
    elif len(node.children) == 1:
        out.append(_leaf(node.children[0], words))
    else:
        out.append('<ul class="k-inline">')
        out += [f"<li>{_leaf(child, words)}</li>" for child in node.children]
        out.append("</ul>")


def _leaf(node: Node, words: Words) -> str:
    value, text = _safe(node.value), node.text
    said = _safe(text.zh) if text else ""
    match node.kind:
        case "enum" | "term":
            # A pack is shown with its id and version: two versions bear one title.
            return _beside(said or value, value if "@" in value else "")
        case "staff":
            return f'{said} <span class="k-muted k-id">{value}</span>'
        case "record":
            link = _link(node.target, _safe(node.target), words)
            return f"{link} {said}" if said else link
        case "contact":
            position = f"（{_safe(text.en)}）" if text and text.en else ""
            link = _link(node.target, value, words)
            return f'<span class="k-mask" title="已掩码">{said}</span>{position} {link}'
        case "date" | "datetime":
            return f'<time class="k-num">{value}</time>'
        case "integer" | "number" | "identifier":
            return f'<span class="k-num">{value}</span>'
        case "boolean":
            return _safe(words.labels["boolean"][node.value]["zh"])
        case "masked":
            return f'<span class="k-mask" title="已掩码">{value}</span>'
    return _beside(value, said) if text else f'<span class="k-text">{value}</span>'


def _link(target: str, safe: str, words: Words) -> str:
    return f'<a href="{_safe(words.places.beside(target))}"><span class="k-id">{safe}</span></a>'


def _beside(main: str, other: str) -> str:
    return f'{main} <span class="k-muted">{other}</span>' if other else main


def _safe(text: str) -> str:
    return str(escape(text)) if _UNSAFE.search(text) else text


def _breadth(node: Node) -> str:
    """The class of what needs the whole row or two places of it, by its content alone."""
    if node.kind in ("group", "map"):
        return ' class="k-span"'
    leaves = node.children if node.kind == "list" else (node,)
    if leaves[0].kind == "group":
        return ' class="k-span"'
    size = sum(map(_size, leaves))
    return ' class="k-span"' if size > _LONG else ' class="k-half"' if size > _WIDE else ""


def _size(node: Node) -> int:
    shown = node.text.zh if node.text else node.value
    extra = len(node.value) + 1 if node.kind in ("record", "contact", "staff") else 0
    return len(shown) + extra
