"""Flow: the one spelling of each kind of published value, as the HTML that record pages and printed forms show.

A site has a hundred thousand such pages of dozens of values each. A template that asks of every value what it is takes
most of the time that such a site takes; so these smallest pieces, and only they, are written here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup, escape

from kelu.finding import Text
from kelu.pages.place import Places
from kelu.pages.template import Templates
from kelu.privacy import Node
from kelu.timeline import Change

_CODED = ("record", "contact", "staff")  # kinds shown with their codes
_LONG, _WIDE = 44, 16  # characters of a value from which it takes the whole row, or two places of it
_UNSAFE = re.compile("[&<>\"']")


@dataclass(frozen=True, slots=True)
class Words:
    """The site's templates, for its shared labels; what many pages say alike, as they come to say it; and what a page
    has spelled out already: its form shows much of it again."""

    templates: Templates
    known: dict[Any, str] = field(default_factory=dict, repr=False, compare=False)
    said: dict[int, tuple[Node, str]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def labels(self) -> Mapping[str, Any]:
        """The labels that pages share (site/words.yaml)."""
        return self.templates.words

    @property
    def places(self) -> Places:
        """Where records are shown."""
        return self.templates.places


def fields(nodes: Iterable[Node], words: Words) -> Markup:
    """Fields side by side: label above value."""
    return _markup(_fields(nodes, words))


def value(node: Node, words: Words) -> Markup:
    """A field's value: a leaf, fields of its own, or a list of either."""
    return _markup(_value(node, words))


def link(target: str, title: str, words: Words) -> str:
    """The way to a record, with its title if it has one."""
    return _linked(target, safe(target), safe(title), words)


def heading(label: Text) -> Markup:
    """A label in both languages."""
    zh, en = label.zh, label.en
    other = f' <span class="k-en" lang="en">{safe(en)}</span>' if en and en != zh else ""
    return _markup(safe(zh) + other)


def changes(changed: Iterable[Change], words: Words) -> Markup:
    """Fields that a commit changed, a line each: what they held before and after."""
    out: list[str] = []
    for change in changed:
        sign = "~" if change.old and change.new else "+" if change.new else "-"
        out.append(f'<li data-sign="{sign}"><span class="k-muted">{safe(change.label.zh)}</span> ')
        if change.withheld:
            out.append(f'<span class="k-muted">{safe(words.labels["history"]["withheld"]["zh"])}</span>')
        elif change.old:
            out += ("<del>", _leaf(change.old, words), "</del> ")
        if change.new and not change.withheld:
            out.append(_leaf(change.new, words))
        out.append("</li>")
    return _markup("".join(out))


def _markup(text: str) -> Markup:
    """What is escaped already; Markup itself would first look what it is given."""
    return str.__new__(Markup, text)


def _fields(nodes: Iterable[Node], words: Words) -> str:
    known = words.known
    out = ['<dl class="k-fields">']
    for node in nodes:
        label = node.label
        head = known.get((label.zh, label.en)) or _head(label, words)
        out.append(f"<div{_breadth(node)}>{head}{_value(node, words)}</dd></div>")
    out.append("</dl>")
    return "".join(out)


def _head(label: Text, words: Words) -> str:
    head = f"<dt data-pagefind-ignore>{heading(label)}</dt><dd>"
    return words.known.setdefault((label.zh, label.en), head)


def _value(node: Node, words: Words) -> str:
    held = words.said.get(id(node))
    if held is not None and held[0] is node:
        return held[1]
    said = _spelled(node, words)
    words.said[id(node)] = node, said
    return said


def _spelled(node: Node, words: Words) -> str:
    if node.kind in ("group", "map"):
        return _fields(node.children, words)
    if node.kind != "list":
        return _leaf(node, words)
    children = node.children
    if children[0].kind == "group":
        items = "".join([f"<li>{_fields(child.children, words)}</li>" for child in children])
        return f'<ol class="k-items">{items}</ol>'
    if len(children) == 1:
        return _leaf(children[0], words)
    items = "".join([f"<li>{_leaf(child, words)}</li>" for child in children])
    return f'<ul class="k-inline">{items}</ul>'


def _leaf(node: Node, words: Words) -> str:
    value, text = safe(node.value), node.text
    said = safe(text.zh) if text else ""
    match node.kind:
        case "enum" | "term":
            # A pack is shown with its id and version: two versions bear one title.
            return _beside(said or value, value if "@" in value else "")
        case "staff":
            return f'{said} <span class="k-muted k-id">{value}</span>'
        case "record":
            return _linked(node.target, safe(node.target), said, words)
        case "contact":
            position = f"（{safe(text.en)}）" if text and text.en else ""
            way = _linked(node.target, value, "", words)
            return f'<span class="k-mask" title="已掩码">{said}</span>{position} {way}'
        case "date" | "datetime":
            return f'<time class="k-num">{value}</time>'
        case "integer" | "number" | "identifier":
            return f'<span class="k-num">{value}</span>'
        case "boolean":
            return safe(words.labels["boolean"][node.value]["zh"])
        case "masked":
            return f'<span class="k-mask" title="已掩码">{value}</span>'
    return _beside(value, said) if text else f'<span class="k-text">{value}</span>'


def _linked(target: str, shown: str, title: str, words: Words) -> str:
    way = f'<a href="{safe(words.places.beside(target))}"><span class="k-id">{shown}</span></a>'
    return f"{way} {title}" if title else way


def _beside(main: str, other: str) -> str:
    return f'{main} <span class="k-muted">{other}</span>' if other else main


def safe(text: str) -> str:
    """Text as HTML."""
    return str(escape(text)) if _UNSAFE.search(text) else text


def _breadth(node: Node) -> str:
    """The class of what needs the whole row or two places of it, by its content alone."""
    kind = node.kind
    if kind in ("group", "map") or (kind == "list" and node.children[0].kind == "group"):
        return ' class="k-span"'
    size = sum(map(_size, node.children)) if kind == "list" else _size(node)
    return ' class="k-span"' if size > _LONG else ' class="k-half"' if size > _WIDE else ""


def _size(node: Node) -> int:
    shown = node.text.zh if node.text else node.value
    return len(shown) + len(node.value) + 1 if node.kind in _CODED else len(shown)
