"""Macros: the functions that policy SQL may use beside DuckDB's own, each a SELECT over the policy tables."""

from __future__ import annotations

# The parameters by key and pack; the calendar by day since the first of it, and by number of working day. DuckDB takes
# a variable for a constant, whereas what stands in a table is joined, and a list copied for every row it is joined to.
VARIABLES = {
    "parameters": "SELECT map_from_entries(list(ROW(key, of_packs))) FROM (SELECT key, "
    "map_from_entries(list(ROW(pack, value))) AS of_packs FROM parameter GROUP BY key)",
    "calendar_from": "SELECT min(day) FROM calendar",
    "calendar_ordinals": "SELECT list(ordinal ORDER BY day) FROM calendar",
    "calendar_known": "SELECT list(known ORDER BY day) FROM calendar",
    "calendar_workdays": "SELECT list(day ORDER BY day) FILTER (working) FROM calendar",
}
# What a macro is given is put into its text as it stands, so that a name in it would be taken for a column of the table
# asked there. Tables and columns therefore go by names that no query has.
MACROS = (
    "param(of_pack, of_key) AS getvariable('parameters')[of_key][of_pack]",
    "param_has(of_pack, of_key, wanted) AS coalesce(list_contains(string_split(param(of_pack, of_key), ','), wanted), "
    "false)",
    "has_role(person, wanted, on_day) AS (SELECT count(*) > 0 FROM "
    "(SELECT staff AS kelu_staff, role AS kelu_role, since AS kelu_since, until AS kelu_until FROM staff_role) "
    "AS kelu_h WHERE kelu_staff = person AND kelu_role = wanted "
    "AND kelu_since <= CAST(on_day AS DATE) AND (kelu_until IS NULL OR CAST(on_day AS DATE) < kelu_until))",
    "end_of_day(d) AS CAST(CAST(d AS DATE) + 1 AS TIMESTAMPTZ) - INTERVAL 1 SECOND",
    # Looked up by place in lists, because a join over the calendar for each date takes minutes for 100,000 records.
    "workdays_before(d) AS getvariable('calendar_ordinals')"
    "[greatest(CAST(d AS DATE) - getvariable('calendar_from') + 1, 0)]",
    "workdays_between(a, b) AS workdays_before(b) - workdays_before(a)",
    # n-th working day after d, or before it where n is negative; n = 0 gives d itself or the next working day
    # (obligations.md §0.1)
    "add_workdays(d, n) AS getvariable('calendar_workdays')"
    "[workdays_before(CAST(d AS DATE) - CAST(n <= 0 AS INTEGER)) + n + CAST(n <= 0 AS INTEGER)]",
    "monday_after(d) AS add_workdays(CAST(date_trunc('week', CAST(d AS DATE)) AS DATE) + 7, 0)",
    "is_known(d) AS coalesce(getvariable('calendar_known')"
    "[greatest(CAST(d AS DATE) - getvariable('calendar_from') + 1, 0)], false)",
    # The pack that rules a domain for a customer or project on a day: one agreed with them, else the company's.
    "governing_pack(of_domain, of_customer, of_project, on_day) AS coalesce("
    "(SELECT arg_max(kelu_pack, kelu_project IS NOT NULL) FROM "
    "(SELECT customer AS kelu_customer, project AS kelu_project, domain AS kelu_domain, pack AS kelu_pack, "
    "since AS kelu_since, until AS kelu_until FROM allowance) AS kelu_a "
    "WHERE kelu_domain = of_domain AND (kelu_customer = of_customer OR kelu_project = of_project) "
    "AND kelu_since <= on_day AND (kelu_until IS NULL OR on_day < kelu_until)), "
    "(SELECT any_value(kelu_pack) FROM (SELECT domain AS kelu_domain, pack AS kelu_pack, "
    "since AS kelu_since, until AS kelu_until FROM composition) AS kelu_c "
    "WHERE kelu_domain = of_domain AND kelu_since <= on_day AND (kelu_until IS NULL OR on_day < kelu_until)))",
    # Exempted from a duty (obligations.md §2.6): for one period, or for any where none is named.
    "waived(of_rule, of_subject, of_period) AS (SELECT count(*) > 0 FROM "
    "(SELECT rule AS kelu_rule, subject AS kelu_subject, period AS kelu_period, approved_on AS kelu_on FROM waiver) "
    "AS kelu_w WHERE kelu_rule = of_rule "
    "AND kelu_subject = of_subject AND coalesce(kelu_period = of_period, true) AND kelu_on <= as_of_date())",
)


def spelled_out() -> dict[str, str]:
    """What the macros, and the variables that they use, stand for: {name: SQL}."""
    return VARIABLES | {macro.partition("(")[0]: macro for macro in MACROS}
