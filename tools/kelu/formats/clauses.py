"""Clauses of the source policies, for people and for programs: what keeps each, what shows it, what is lacking."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from kelu.finding import Text
from kelu.formats.results import Look, safe, width
from kelu.formats.words import dump, pair, plain, spoken

if TYPE_CHECKING:
    from kelu.trace import Clause, Mechanism

_HEAD = {
    "id": Text("条款", "Clause"), "mechanisms": Text("手段", "Kept by"), "evidence": Text("记录", "Records"),
    "overdue": Text("逾期", "Overdue"), "state": Text("状况", "State"), "title": Text("要求", "Requirement"),
}  # fmt: skip
_RIGHT = ("mechanisms", "evidence", "overdue")
_GAPS = {
    "unkept": Text("无落实手段", "nothing keeps it"), "missing": Text("所列手段不存在", "a mechanism is missing"),
    "unshown": Text("尚无记录", "no record yet"), "overdue": Text("有逾期义务", "overdue duties"),
}  # fmt: skip
_CONTEXT, _DORMANT, _SOUND = Text("仅作背景", "context"), Text("未启用", "not in force"), Text("已落实", "kept")
_NONE = Text("没有这样的条款。", "There is no such clause.")
_MISSING, _SHOWN = Text("不存在", "Missing"), Text("记录", "Records")


def table(clauses: Sequence[Clause], look: Look) -> str:
    """A line a clause under the name of its pack, then what does not exist and, where asked for, its records."""
    if not clauses:
        return "\n".join(spoken(_NONE, look.lang)) + "\n"
    speak = ("zh", "en") if look.lang == "both" else (look.lang,)
    head = {name: spoken(title, speak[0])[0] for name, title in _HEAD.items()}
    rows = [_cells(clause, speak[0]) for clause in clauses]
    widths = {name: max(width(row[name]) for row in (head, *rows)) for name in _HEAD if name != "title"}
    lines, pack = [look.paint(_line(head, widths), "path")], ""
    for clause, row in zip(clauses, rows, strict=True):
        if clause.pack != pack:
            pack = clause.pack
            lines += ["", look.paint(plain(pack), "path")]
        lines.append(look.paint(_line(row, widths), _role(clause)) if clause.gaps else _line(row, widths))
        lines += [look.paint(_line(_words(clause, lang), widths), "dim") for lang in speak[1:]]
        lines += [f"    {line}" for line in _behind(clause, look)]
    kept = sum(clause.kept for clause in clauses)
    closing = Text(
        f"{len(clauses)} 条：{kept} 条有落实手段或仅作背景，{sum(bool(c.gaps) for c in clauses)} 条有缺口",
        f"Clauses: {len(clauses)}; kept or context: {kept}; with gaps: {sum(bool(c.gaps) for c in clauses)}",
    )
    return "\n".join([*lines, "", *(look.paint(words, "dim") for words in spoken(closing, look.lang))]) + "\n"


def _cells(clause: Clause, lang: str) -> dict[str, str]:
    alive = sum(m.works if clause.in_force else m.exists for m in clause.mechanisms)
    whole = alive == len(clause.mechanisms)
    return _words(clause, lang) | {
        "id": clause.id,
        "mechanisms": "" if clause.context else str(alive) if whole else f"{alive}/{len(clause.mechanisms)}",
        "evidence": "" if clause.evidence is None else str(len(clause.evidence)),
        "overdue": str(len(clause.overdue) or ""),
    }


def _words(clause: Clause, lang: str) -> dict[str, str]:
    """What of a clause's line is words, the rest empty."""
    state = [_GAPS[gap] for gap in clause.gaps]
    if not state:
        state = [_CONTEXT if clause.context else _SOUND if clause.in_force else _DORMANT]
    joint = "、" if lang == "zh" else ", "
    words = {"title": plain(spoken(clause.title, lang)[0]), "state": joint.join(spoken(s, lang)[0] for s in state)}
    return dict.fromkeys(_HEAD, "") | words


def _role(clause: Clause) -> str:
    return "warning" if clause.kept and "missing" not in clause.gaps else "error"


def _line(cells: dict[str, str], widths: dict[str, int]) -> str:
    padded = []
    for name, columns in widths.items():
        space = " " * (columns - width(cells[name]))
        padded.append(space + cells[name] if name in _RIGHT else cells[name] + space)
    return "  ".join([*padded, cells["title"]]).rstrip()


def _behind(clause: Clause, look: Look) -> Iterator[str]:
    for mechanism in clause.mechanisms:
        if not mechanism.exists or (clause.in_force and not mechanism.in_force):
            kind = look.units.get(mechanism.kind, Text(mechanism.kind, mechanism.kind))
            state = _DORMANT if mechanism.exists else _MISSING
            words = [*spoken(state, look.lang), *spoken(kind, look.lang)]
            yield f"{' '.join(words)} {plain(mechanism.name)}"
    if look.records and clause.evidence:
        yield f"{' '.join(spoken(_SHOWN, look.lang))} {len(clause.evidence)}: {', '.join(map(plain, clause.evidence))}"


def as_json(clauses: Sequence[Clause], look: Look) -> str:
    """A list with an object a clause; `evidence` counts records, null where no record could show the clause."""
    return dump([_object(clause, look.records) for clause in clauses])


def _object(clause: Clause, records: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": clause.id,
        "pack": clause.pack,
        "title": pair(clause.title),
        "phrase": clause.phrase or None,
        "note": pair(clause.note) if clause.note else None,
        "context": pair(clause.context) if clause.context else None,
        "in_force": clause.in_force,
        "kept": clause.kept,
        "mechanisms": [_mechanism(mechanism) for mechanism in clause.mechanisms],
        "evidence": None if clause.evidence is None else len(clause.evidence),
        "overdue": list(clause.overdue),
        "gaps": [gap.value for gap in clause.gaps],
    }
    return row | {"records": list(clause.evidence or ())} if records else row


def _mechanism(mechanism: Mechanism) -> dict[str, Any]:
    return {
        "kind": mechanism.kind,
        "name": mechanism.name,
        "label": pair(mechanism.label),
        "exists": mechanism.exists,
        "in_force": mechanism.in_force,
        "pack": mechanism.pack or None,
    }


def as_csv(clauses: Sequence[Clause], look: Look) -> str:
    """For spreadsheets: a row a clause or, with records, a row for each record that shows it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for row in _record_rows(clauses) if look.records else _rows(clauses):
        writer.writerow([safe("" if cell is None else str(cell)) for cell in row])
    return "\ufeff" + out.getvalue()


def _rows(clauses: Sequence[Clause]) -> Iterator[Sequence[object]]:
    yield ("id", "pack", "title_zh", "title_en", "in_force", "kept", "mechanisms", "missing", "evidence", "overdue",
           "gaps")  # fmt: skip
    for clause in clauses:
        named = {alive: [f"{m.kind}:{m.name}" for m in clause.mechanisms if m.exists is alive]
                 for alive in (True, False)}  # fmt: skip
        yield (clause.id, clause.pack, clause.title.zh, clause.title.en, str(clause.in_force).lower(),
               str(clause.kept).lower(), " ".join(named[True]), " ".join(named[False]),
               None if clause.evidence is None else len(clause.evidence), len(clause.overdue),
               " ".join(clause.gaps))  # fmt: skip


def _record_rows(clauses: Sequence[Clause]) -> Iterator[Sequence[object]]:
    yield "id", "pack", "record"
    for clause in clauses:
        yield from ((clause.id, clause.pack, name) for name in clause.evidence or ())
