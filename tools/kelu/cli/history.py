"""`kelu history`: what happened to a record, commit by commit."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kelu.cli import _shared
from kelu.finding import Text
from kelu.formats import TIMELINE_FORMATS

if TYPE_CHECKING:
    from kelu.history.index import History
    from kelu.policy import Policy
    from kelu.schema import RecordSchema, Schemas
    from kelu.timeline import Lore

_ID = re.compile(r"[A-Z]{3}(?:-\d{4})?-\d{3,}")
_NAMING = ("policies/*/pack.yaml", "config/policy.yaml", "config/staff.yaml")  # what names codes and people
_NEAR = 3
_Found = tuple["RecordSchema", str, Mapping[str, Any]]


@click.command("history", short_help="一条记录的历史 · What happened to a record")
@click.argument("record", metavar="ID|PATH")
@_shared.format_option(TIMELINE_FORMATS)
@_shared.cache_option
@_shared.profile_option
@_shared.common_options
@click.pass_context
def command(ctx: click.Context, record: str, style: str, no_cache: bool) -> None:
    """一条记录（也可是已删除的）的每次提交：何时、何人、状态和各项内容的变化、批准、合入，以及 kelu audit 查出的问题。
    掩码与网站相同。

    Every commit of a record, deleted ones too: when, who, changes of state and fields, approvals, merges, and what
    kelu audit found there. Masked as on the site.
    """
    from kelu import privacy, timeline
    from kelu.history import audit

    home = _shared.root(ctx)
    schemas, policy = _rules(home)
    with _shared.history_of(home, cached=not no_cache) as history:
        schema, path, versions = _found(history, schemas.records, record)
        others = {at for name in _named(versions.values()) if (at := _path(schemas.records, name)[1])} - {path}
        lore = timeline.gather(history, [path, *others])
        heads = _Heads(schemas.records, lore, {path: versions, **dict(history.documents(others))})
        names = privacy.directory(heads, schemas.records, policy)
        found = audit.last_found(history, path)
        lens = timeline.Lens(
            timeline.guarded(history, schemas.records, names), timeline.People.of(policy),
            findings={path: audit.findings(history, policy, found)} if found else {},
        )  # fmt: skip
        told = timeline.of(lore, schema, path, versions, lens)
    text = TIMELINE_FORMATS[style](told, _shared.language(ctx), _shared.paint)
    (_shared.write if style == "text" else _shared.write_data)(text)


@dataclass(frozen=True, slots=True)
class _Heads:
    """Some records as the head of the default branch has them, as the directory of names wants them."""

    schemas: Mapping[str, RecordSchema]
    lore: Lore
    versions: Mapping[str, Mapping[str, Any]]

    def extracts(self, _: object) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
        for path, versions in self.versions.items():
            name = Path(path).stem
            schema = _path(self.schemas, name)[0]
            data = versions.get(self.lore.present(path) or "")
            if schema is not None and data is not None:
                yield schema.name, name, path, data


def _rules(home: Path) -> tuple[Schemas, Policy]:
    """Schemas, and of the policy what names codes and people. Read from the disk: Git would go through the names of
    all records first."""
    from kelu import git, policy, schema

    raw = {path.relative_to(home).as_posix(): path.read_bytes() for name in _NAMING for path in home.glob(name)}
    needed = [name.rpartition("*")[2].encode() for name in _NAMING]  # the files that a schema governs are called so
    shapes = {path.name: text for path in home.glob("schemas/*.schema.json")
              if b"{id}" in (text := path.read_bytes()) or path.name == schema.COMMON
              or any(name in text for name in needed)}  # fmt: skip
    try:
        schemas = schema.load(shapes)
    except ValueError as fault:
        raise _shared.failed(Text("模式无法使用", "Unusable schemas"), fault) from fault
    found, faults, _ = policy.load(git.MemoryTree(raw), schemas)
    if faults:
        raise _shared.unsound()
    return schemas, found


def _found(history: History, schemas: Mapping[str, RecordSchema], record: str) -> _Found:
    """The type, the path and the versions of the record that an id or a path names. Raises UserError when there never
    was one."""
    name = Path(record).stem if "/" in record else record
    schema, path = _path(schemas, name)
    versions = dict(history.documents([path])).get(path)
    if schema is None or versions is None:
        near = difflib.get_close_matches(name, _ids(history, schemas, name), _NEAR)
        hint = Text(f"相近的有：{'、'.join(near)}", f"Near to it: {', '.join(near)}") if near else None
        raise _shared.UserError(Text(f"历史中没有这条记录：{record}", f"No such record in the history: {record}"), hint)
    return schema, path, versions


def _path(schemas: Mapping[str, RecordSchema], name: str) -> tuple[RecordSchema | None, str]:
    for schema in schemas.values():
        path = schema.path_of(name)
        if path is not None:
            return schema, path
    return None, ""


def _ids(history: History, schemas: Mapping[str, RecordSchema], name: str) -> Iterator[str]:
    """The ids that might be meant: those which begin alike."""
    for schema in schemas.values():
        for path in history.paths(schema.folder):
            if Path(path).stem[:3] == name[:3].upper():
                yield Path(path).stem


def _named(versions: Iterable[Any]) -> set[str]:
    """The ids of all records that some version names."""
    return set(_ID.findall(json.dumps(list(versions), ensure_ascii=False)))
