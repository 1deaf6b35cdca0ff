"""KPI results, for people and for programs: the figures and, where asked for, the records behind them."""

from __future__ import annotations

import csv
import decimal
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from kelu.finding import Text
from kelu.formats.words import Paint, dump, pair, plain, spoken, unpainted
from kelu.periods import SHANGHAI

if TYPE_CHECKING:
    from kelu.kpi import Result

_HEAD = {
    "code": Text("代码", "Code"), "title": Text("指标", "KPI"), "period": Text("周期", "Period"),
    "slice": Text("细分", "Slice"), "value": Text("数值", "Value"), "sums": Text("分子/分母", "Num./den."),
    "left": Text("不计", "Excl."), "target": Text("目标", "Target"), "verdict": Text("结论", "Verdict"),
}  # fmt: skip
_RIGHT = ("value", "sums", "left", "target")  # columns set flush right
_VERDICTS = {
    "met": (Text("达标", "met"), "good"),
    "missed": (Text("未达标", "not met"), "error"),
    "running": (Text("进行中", "under way"), "dim"),
    "information": (Text("供参考", "for information"), "dim"),
    "not_assessed": (Text("不适用", "not assessed"), "dim"),
}
_NO_DATA, _PROVISIONAL, _SMALL = Text("无数据", "N/A"), Text("暂定", "provisional"), Text("样本少", "small sample")
_LISTS = {"counted": Text("计入", "Counted"), "contributing": Text("达成", "Contributing"),
          "excluded": Text("不计", "Excluded")}  # fmt: skip
_SIGNS = {">=": "≥", "<=": "≤"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what makes a spreadsheet take a cell for a formula
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Look:
    """How results are to be shown: zh, en or both; paint; names of units by code; whether records were asked for."""

    lang: str = "both"
    paint: Paint = unpainted
    units: Mapping[str, Text] = field(default_factory=dict)
    records: bool = False


# --- for people ------------------------------------------------------------------------------------------


def table(results: Sequence[Result], look: Look) -> str:
    """A line a figure, in columns as wide as a terminal shows them, and below it the records behind it."""
    if not results:
        return "\n".join(spoken(Text("没有可计算的指标。", "There is no KPI to compute."), look.lang)) + "\n"
    names = [name for name in _HEAD if name != "slice" or any(result.dimension for result in results)]
    speak = ("zh", "en") if look.lang == "both" else (look.lang,)
    head = {name: spoken(title, speak[0])[0] for name, title in _HEAD.items()}
    figures = [[_cells(result, lang, look, lang == speak[0]) for lang in speak] for result in results]
    rows = [head, *(row for figure in figures for row in figure)]
    widths = {name: max(width(row[name]) for row in rows) for name in names}
    lines = [look.paint(_line(head, widths), "path")]
    for result, (first, *others) in zip(results, figures, strict=True):
        role = _VERDICTS[result.verdict][1]
        lines.append(_line(first | {"verdict": look.paint(first["verdict"], role)}, widths))
        lines += [look.paint(_line(row, widths), "dim") for row in others]
        lines += [f"    {line}" for line in _behind(result, look.lang)]
    moment, commit = _moment(results[0]), results[0].commit
    closing = Text(f"时点 {moment}，提交 {commit or '无'}", f"As of {moment}, commit {commit or 'none'}")
    return "\n".join([*lines, "", *(look.paint(words, "dim") for words in spoken(closing, look.lang))]) + "\n"


def width(words: str) -> int:
    """Columns that the words take on a terminal: two for wide characters, none for combining ones."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in words
    )


def _cells(result: Result, lang: str, look: Look, whole: bool) -> dict[str, str]:
    """A figure's cells in one language; without the numbers when they stand in the line above."""

    def say(words: Text) -> str:
        return spoken(words, lang)[0]

    notes = [say(note) for note, holds in ((_PROVISIONAL, result.provisional), (_SMALL, result.small)) if holds]
    verdict = " · ".join([say(_VERDICTS[result.verdict][0]), *notes])
    words = dict.fromkeys(_HEAD, "") | {"title": plain(say(result.title)), "verdict": verdict}
    if not whole:
        return words
    return words | {
        "code": result.code,
        "period": result.period.label,
        "slice": plain(result.slice or "—"),
        "value": worth(result, look, lang),
        "sums": sums(result),
        "left": str(result.excluded_count or ""),
        "target": of_target(result, look, lang),
    }


def worth(result: Result, look: Look, lang: str) -> str:
    """The value with its unit, or why there is none."""
    if result.shown is None:
        return spoken(result.withheld or _NO_DATA, lang)[0]
    return result.shown + _unit(result, look, lang)


def sums(result: Result) -> str:
    """The numerator over the denominator of a figure that has them."""
    return "" if result.denominator is None else f"{_amount(result.numerator)}/{_amount(result.denominator)}"


def of_target(result: Result, look: Look, lang: str) -> str:
    """The target with its sign and unit, if there is one."""
    if result.target_shown is None:
        return ""
    return f"{_SIGNS.get(result.target_op or '', result.target_op)} {result.target_shown}{_unit(result, look, lang)}"


def _unit(result: Result, look: Look, lang: str) -> str:
    unit = spoken(look.units.get(result.unit, Text(result.unit, result.unit)), lang)[0]
    return unit if unit == "%" else f" {unit}"


def _line(cells: Mapping[str, str], widths: Mapping[str, int]) -> str:
    padded = []
    for name, columns in widths.items():
        space = " " * (columns - width(cells[name]))
        padded.append(space + cells[name] if name in _RIGHT else cells[name] + space)
    return "  ".join(padded).rstrip()


def _behind(result: Result, lang: str) -> Iterator[str]:
    """The lists of records, one line each; excluded ones with their reason."""
    for name, title in _LISTS.items():
        if name == "excluded":
            items = [f"{_thing(e.id, e.part)} ({plain(spoken(e.text, lang)[0])})" for e in result.excluded]
        else:
            items = [plain(item) for item in getattr(result, name)]
        if items:
            yield f"{' '.join(spoken(title, lang))} {len(items)}: {', '.join(items)}"


def _thing(name: str, part: str | None) -> str:
    return plain(name if part is None else f"{name} {part}")


# --- for programs ----------------------------------------------------------------------------------------


def as_json(results: Sequence[Result], look: Look) -> str:
    """A list with an object a figure. `value` is the figure as shown, in its unit; sums are numbers where whole."""
    return dump([_object(result, look.records) for result in results])


def _object(result: Result, records: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"code": result.code, "title": pair(result.title), "period": result.period.label}
    if result.dimension is not None:
        row |= {"dimension": result.dimension, "slice": result.slice}
    target = {"op": result.target_op, "value": result.target_shown, "basis": result.target_basis}
    row |= {
        "value": result.shown,
        "unit": result.unit,
        "numerator": number(result.numerator),
        "denominator": number(result.denominator),
        "target": None if result.target_shown is None else target,
        "verdict": result.verdict.value,
        "provisional": result.provisional,
        "basis": result.basis,
        "pack": result.pack,
        "clause": result.clause,
        "as_of": _moment(result),
        "commit": result.commit,
    }
    if result.withheld is not None:
        row["withheld"] = pair(result.withheld)
    if records:
        row |= {
            "counted": list(result.counted),
            "contributing": list(result.contributing),
            "excluded": [
                {"id": item.id, **({} if item.part is None else {"part": item.part}), "reason": item.reason}
                for item in result.excluded
            ],
        }
    return row


def as_csv(results: Sequence[Result], look: Look) -> str:
    """For spreadsheets: with a byte-order mark, no cell taken for a formula. With records, a row for each of them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for row in _record_rows(results) if look.records else _figure_rows(results):
        writer.writerow([safe("" if cell is None else str(cell)) for cell in row])
    return "\ufeff" + out.getvalue()


def _figure_rows(results: Sequence[Result]) -> Iterator[Sequence[object]]:
    yield ("code", "title_zh", "title_en", "period", "dimension", "slice", "value", "unit", "numerator", "denominator",
           "target_op", "target", "verdict", "provisional", "basis", "pack", "clause", "as_of", "commit")  # fmt: skip
    for r in results:
        yield (r.code, r.title.zh, r.title.en, r.period.label, r.dimension, r.slice, r.shown, r.unit,
               number(r.numerator), number(r.denominator), _SIGNS.get(r.target_op or "", r.target_op),
               r.target_shown, r.verdict.value, str(r.provisional).lower(), r.basis, r.pack, r.clause, _moment(r),
               r.commit)  # fmt: skip


def _record_rows(results: Sequence[Result]) -> Iterator[Sequence[object]]:
    yield "code", "period", "dimension", "slice", "list", "id", "part", "reason", "reason_zh", "reason_en"
    for r in results:
        head = (r.code, r.period.label, r.dimension, r.slice)
        yield from ((*head, "counted", name, "", "", "", "") for name in r.counted)
        yield from ((*head, "contributing", name, "", "", "", "") for name in r.contributing)
        yield from ((*head, "excluded", e.id, e.part, e.reason, e.text.zh, e.text.en) for e in r.excluded)


def safe(cell: str) -> str:
    """A cell of a CSV that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell


# --- numbers ---------------------------------------------------------------------------------------------


def number(amount: Fraction | None) -> int | str | None:
    """A sum: whole as a number, else as decimal text, so that no reader makes a binary fraction of it."""
    return None if amount is None else int(amount) if amount.denominator == 1 else _decimal(amount, 6)


def _amount(number: Fraction | None) -> str:
    return "" if number is None else _decimal(number, 2)


def _decimal(number: Fraction, places: int) -> str:
    """With up to that many places, half up, without needless zeros."""
    exact = decimal.Decimal(number.numerator) / decimal.Decimal(number.denominator)
    text = format(exact.quantize(decimal.Decimal(1).scaleb(-places), decimal.ROUND_HALF_UP), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _moment(result: Result) -> str:
    return result.as_of.astimezone(SHANGHAI).isoformat(timespec="seconds")
