"""The SQL of a figure: a definition's expressions over the candidates of some periods (kpis.schema.json).

Besides the columns of its view an expression may use `kpi_pack` (the pack that defines the KPI), `own_pack`
(whether the record's `policy` is a pack it speaks of), `period_from` and `period_to` (dates, both in the period).
"""

from __future__ import annotations

from collections.abc import Sequence

from kelu.kpi.definition import KpiError, packs_of
from kelu.periods import Period, parse
from kelu.policy import Definition, Policy
from kelu.store import QueryError, Store

# Columns of a view by which a figure may be sliced (kpis.md §0.9).
DIMENSIONS = ("customer", "project", "department", "category", "severity", "channel", "outcome", "item", "age")
_EXACT = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL", '"NULL"')


def dimensions(store: Store, definition: Definition) -> tuple[str, ...]:
    """The dimensions by which a KPI can be sliced."""
    columns = store.columns(definition.data["from"])
    return tuple(name for name in DIMENSIONS if name in columns)


def candidates(
    store: Store, policy: Policy, definition: Definition, periods: Sequence[Period], by: str | None,
    cut: Sequence[str] = (),
) -> str:  # fmt: skip
    """SELECT of every row the periods attract, one for each period it lies in.

    Columns: kpi_period, slice, by_NAME for each dimension of `cut`, id, part, reason (why excluded), counted (in the
    denominator), met, provisional, pack, and the numbers n, d, k, k2 as the measure needs them. Raises KpiError for a
    dimension there is not.
    """
    data = definition.data
    columns = store.columns(data["from"])
    if by is not None and by not in dimensions(store, definition):
        raise KpiError(f"指标 {data['code']} 不能按 {by} 细分", f"KPI {data['code']} cannot be sliced by {by}")
    own = "policy" in columns
    slice_ = f'CAST("{by}" AS VARCHAR)' if by else "NULL"
    also = "".join(f'CAST("{name}" AS VARCHAR) AS by_{name}, ' for name in cut)
    return (
        f"SELECT kpi_period, {slice_} AS slice, {also}id, {'part' if 'part' in columns else 'NULL'} AS part,\n"
        f"  ({data.get('excluded', 'NULL')}) AS reason,\n"
        f"  coalesce(({data.get('where', 'true')}), false){_has_value(definition)} AS counted,\n"
        f"  coalesce(({data.get('meets', 'true')}), false) AS met,\n"
        f"  coalesce(({data.get('provisional', 'false')}), false) AS provisional,\n"
        f"  {'policy' if own else 'NULL'} AS pack,\n"
        f"  {', '.join(f'{sql} AS {name}' for name, sql in _numbers(definition).items())}\n"
        f"FROM (SELECT *, {_literal(definition.pack)} AS kpi_pack"
        f"{', list_contains(kpi_packs, policy) AS own_pack' if own else ''}\n"
        f'  FROM "{data["from"]}" CROSS JOIN {_spans(policy, definition, periods)})\n'
        f"WHERE ({data['date']}) BETWEEN period_from AND period_to"
    )


def sums(rows: str) -> str:
    """SELECT of the sums of `candidates`: for each period, slice and (k, k2) the counted, and the excluded apart."""
    return (
        f"WITH candidate AS (\n{rows}\n)\n"
        "SELECT kpi_period, slice, reason IS NOT NULL AS out,\n"
        "  CASE WHEN reason IS NULL THEN k END AS k, CASE WHEN reason IS NULL THEN k2 END AS k2,\n"
        "  sum(n) AS n, sum(d) AS d, count(*) AS rows, bool_or(provisional) AS provisional,\n"
        "  list(DISTINCT pack) AS packs, list(DISTINCT concat(id, '#', part, ' ', reason)) AS things\n"
        "FROM candidate WHERE reason IS NOT NULL OR counted\n"
        "GROUP BY 1, 2, 3, 4, 5"
    )


def cuts(rows: str, by: Sequence[str], each: bool) -> str:
    """SELECT of the same sums for the members of several dimensions at once, from `candidates` that were cut by them:
    dimension, slice, and what `sums` gives of these. What is counted is named only where the measure needs `each`."""
    held = "out, k, k2"
    dimension = " ".join(f"WHEN GROUPING(by_{name}) = 0 THEN '{name}'" for name in by)
    return (
        f"WITH candidate AS (\n{rows}\n)\n"
        f"SELECT CASE {dimension} END, coalesce({', '.join(f'by_{name}' for name in by)}), {held},\n"
        "  sum(n), sum(d), count(*), bool_or(provisional), list(DISTINCT pack),\n"
        f"  list(DISTINCT concat(id, '#', part, ' ', reason)) FILTER ({'true' if each else 'out'})\n"
        "FROM (SELECT * EXCLUDE (k, k2), reason IS NOT NULL AS out,\n"
        "  CASE WHEN reason IS NULL THEN k END AS k, CASE WHEN reason IS NULL THEN k2 END AS k2\n"
        "  FROM candidate WHERE reason IS NOT NULL OR counted)\n"
        f"GROUP BY GROUPING SETS ({', '.join(f'({held}, by_{name})' for name in by)})"
    )


def records(rows: str) -> str:
    """SELECT of the candidates themselves, for the list of records behind a figure."""
    return (
        f"WITH candidate AS (\n{rows}\n)\n"
        "SELECT kpi_period, slice, id, part, reason, bool_and(met) AS met\n"
        "FROM candidate WHERE reason IS NOT NULL OR counted\n"
        "GROUP BY ALL ORDER BY id, part, reason"
    )


def fault(store: Store, policy: Policy, definition: Definition) -> str:
    """Why a definition's SQL cannot be used, or an empty text."""
    try:
        types = store.types(sums(candidates(store, policy, definition, [parse("2026")], None)))
    except QueryError as refused:
        return str(refused)
    for name in ("n", "d", "k2", "k"):
        if (name != "k" or definition.data["measure"] == "median") and not types[name].startswith(_EXACT):
            return f"{types[name]}: a sum or value must be an integer or a decimal, not a binary fraction"
    return ""


def _numbers(definition: Definition) -> dict[str, str]:
    """What a row brings to its measure: n and d are summed within each (k, k2); see figure `fold`."""
    data = definition.data
    plain = {"n": "1", "d": "1", "k": "NULL", "k2": "NULL"}
    denominator = f"({data.get('denominator', '1')})"
    match data["measure"]:
        case "share":
            return plain | {"n": f"CASE WHEN ({data['meets']}) THEN 1 ELSE 0 END"}
        case "ratio":
            return plain | {"n": f"({data['numerator']})", "d": denominator}
        case "mean":
            return plain | {"n": f"({data['value']})", "k2": denominator}
        case "median":
            return plain | {"k": f"({data['value']})", "k2": denominator}
        case "mean_of_ratios":
            return plain | {"n": f"({data['numerator']})", "d": denominator, "k": f"({data['group']})"}
    return plain


def _has_value(definition: Definition) -> str:
    """A mean or median is over rows that have a value."""
    return f" AND ({definition.data['value']}) IS NOT NULL" if definition.data["measure"] in ("mean", "median") else ""


def _spans(policy: Policy, definition: Definition, periods: Sequence[Period]) -> str:
    rows = ", ".join(
        f"({_literal(p.label)}, DATE '{p.first}', DATE '{p.last}', "
        f"[{', '.join(map(_literal, packs_of(policy, definition, p)))}])"
        for p in periods
    )
    return f"(VALUES {rows}) AS period(kpi_period, period_from, period_to, kpi_packs)"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
