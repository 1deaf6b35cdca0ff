"""Coherence of policy and configuration: one text changed in the shipped files gives one finding, at its place."""

from __future__ import annotations

import pytest

from kelu import check
from kelu.finding import Finding
from kelu.git import MemoryTree
from repository import MOMENT, ROOT, own_records, rulebook_files

POLICY, STAFF, YEAR = "config/policy.yaml", "config/staff.yaml", "config/calendar/cn-2026.yaml"
GSB, CSP = "policies/gsb-141.03@A0/pack.yaml", "policies/csp-14@A0/pack.yaml"
TFDL = "policies/tfdl-08-03@V1.2/pack.yaml"


def changed(path: str, old: str, new: str) -> tuple[dict[str, bytes], int]:
    """The rulebook's files with one text replaced, and the line at which the new one begins."""
    text = rulebook_files()[path].decode()
    assert text.count(old) >= 1, f"{old!r} does not stand in {path}"
    line = text[: text.index(old)].count("\n") + 1
    return {**rulebook_files(), path: text.replace(old, new, 1).encode()}, line


def found(files: dict[str, bytes]) -> list[Finding]:
    return list(check.open_book(MemoryTree(files)).findings)


def test_the_shipped_files_agree() -> None:
    assert found(dict(rulebook_files())) == []


@pytest.mark.parametrize(
    ("path", "old", "new", "below", "code", "field", "says"),
    [
        # which pack rules what
        (POLICY, "common: core@1", "common: core@2", 0, "POL-02", "common", "policy pack"),
        (POLICY, "complaint: gsb-141.03@A0", "complaint: gsb-141.03@A9", 0, "POL-02", "timeline[0].complaint",
         "policy pack"),
        (POLICY, "complaint: gsb-141.03@A0", "complaint: tfdl-08-03@V1.2", 0, "POL-03", "timeline[0].complaint",
         "does not cover this domain"),
        (POLICY, "timeline:\n  - from: 2024-01-01", "timeline:\n  - from: 2013-01-01", 2, "POL-03",
         "timeline[0].communication", "not yet effective"),
        (POLICY, "domain: service, pack: csp-14@A0", "domain: relationship, pack: csp-14@A0", 0, "POL-03",
         "allow[1].pack", "does not cover this domain"),
        (POLICY, "\n# 个别客户", "\n  - {from: 2024-01-01}\n# 个别客户", 1, "POL-07", "timeline[1].from", "2024-01-01"),
        (POLICY, "pack: csp-14@A0, from: 2024-01-01}", "pack: csp-14@A0, from: 2024-01-01, to: 2024-01-01}", 0,
         "POL-06", "allow[0].to", "not after"),
        # who is who
        (STAFF, "- id: S002", "- id: S001", 0, "POL-07", "staff[1].id", "S001"),
        (STAFF, "email: he.jingyi@", "email: Lin.Xiaozhou@", 0, "POL-07", "staff[1].email", "lin.xiaozhou@"),
        (STAFF, "from: 2022-07-01, to: 2023-01-01", "from: 2023-07-01, to: 2023-01-01", 0, "POL-06",
         "staff[1].roles[0].to", "2023-07-01"),
        # days
        (YEAR, "year: 2026", "year: 2027", 0, "POL-04", "year", "cn-2027.yaml"),
        (YEAR, "  - 2026-01-02", "  - 2025-01-02", 0, "POL-05", "off[1]", "not in the year"),
        (YEAR, "  - 2026-01-02", "  - 2026-01-03", 0, "POL-05", "off[1]", "weekend day"),
        (YEAR, "  - 2026-02-14", "  - 2026-02-13", 0, "POL-05", "work[1]", "weekday"),
        (YEAR, "  - 2026-01-02", "  - 2026-01-01", -3, "SCH-08", "off", "no repeats"),
        # packs
        (GSB, "version: A0", "version: A1", 0, "POL-04", "version", "gsb-141.03@A1"),
        (GSB, "confirm_levels: [major]", "confirm_levels: [grave]", 0, "POL-02",
         "parameters.complaint.confirm_levels[0]", "severity named 'grave'"),
        (GSB, "report_levels: {major:", "report_levels: {grave:", 0, "POL-02",
         "parameters.complaint.report_levels.grave", "grave"),
        (GSB, "code: serious", "code: major", 0, "POL-07", "vocabularies.severity[1].code", "major"),
        (GSB, "quality_department: 质量管理部", "quality_department: 品质部", 0, "POL-02",
         "parameters.complaint.quality_department", "department"),
        (CSP, "    price: {lead", "    prices: {lead", 0, "POL-02", "parameters.routing.prices", "category"),
        (CSP, "service_quality: 综合部", "service_quality: 综合办", 0, "POL-02",
         "parameters.improvement_routing.service_quality", "department"),
        (CSP, "    scale: csp5", "    scale: csp6", 0, "POL-02", "templates.csp-annual/v1.scale", "scale"),
        (CSP, "satisfied_at_or_above: B", "satisfied_at_or_above: F", 0, "POL-02", "scales.csp5.satisfied_at_or_above",
         "grade"),
        (TFDL, 'satisfied_at_or_above: "4"', "satisfied_at_or_above: X", 0, "POL-02",
         "scales.tfdl5.satisfied_at_or_above", "grade"),
        (TFDL, "max_points: 5", "max_points: 4", 0, "POL-08", "scales.tfdl5.max_points", "best grade"),
        (TFDL, "points: 3,", "points: 4,", 0, "POL-08", "scales.tfdl5.grades[2].points", "fall"),
        (TFDL, "key: competence", "key: quality", 0, "POL-07", "templates.tfdl-company/v1.items[1].key", "quality"),
        ("policies/core@1/rules.yaml", "- id: R-ALL-06", "- id: R-ALL-05b", 0, "POL-07", "rules[2].id", "R-ALL-05b"),
    ],
)  # fmt: skip
def test_one_fault_is_found_at_its_line(
    path: str, old: str, new: str, below: int, code: str, field: str, says: str
) -> None:
    files, line = changed(path, old, new)
    first = next(item for item in found(files) if item.path == path)
    assert (first.code, first.field, first.line) == (code, field, line + below)
    assert says in first.message.en
    assert all((first.message.zh, first.hint.zh, first.hint.en))


@pytest.mark.parametrize("version", ["V0.9", "A0"])
def test_a_draft_is_never_put_in_force(version: str) -> None:
    """SD:0: a version below 1.0 is a draft, and a draft cannot be activated — as ruler, common pack or by agreement."""
    name = f"draft@{version}"
    pack = f"""\
id: draft
version: {version}
title: {{zh: 草案, en: Draft}}
status: draft
domains: [complaint, service]
"""
    for old, new, field in (
        ("complaint: gsb-141.03@A0", f"complaint: {name}", "timeline[0].complaint"),
        ("common: core@1", f"common: {name}", "common"),
        ("domain: service, pack: csp-14@A0", f"domain: service, pack: {name}", "allow[1].pack"),
    ):
        files, line = changed(POLICY, old, new)
        (fault,) = found({**files, f"policies/{name}/pack.yaml": pack.encode()})
        assert (fault.code, fault.path, fault.line, fault.field) == ("POL-03", POLICY, line, field)
        assert "draft" in fault.message.en


def test_a_severity_without_limits_is_missed_where_it_is_introduced() -> None:
    files, line = changed(GSB, "    - {code: minor,", "    - {code: trifle, zh: 琐事, en: Trifle}\n    - {code: minor,")
    (fault,) = found(files)
    assert (fault.code, fault.line, fault.value) == ("POL-02", line, "complaint.limits.trifle")


def test_an_allowance_for_no_record_of_the_repository() -> None:
    files, line = changed(POLICY, "{customer: CUS-0004, domain: service", "{customer: CUS-0444, domain: service")
    tree = MemoryTree({**files, **own_records()})
    book = check.open_book(tree)
    store = check.open_cache(ROOT, book, cached=False)
    faults = [item for item in check.check(tree, book, store, MOMENT).findings if item.path == POLICY]
    store.close()
    assert [(item.code, item.line, item.field, item.value) for item in faults] == [
        ("POL-02", line, "allow[1].customer", "CUS-0444")
    ]


def test_several_faults_are_all_found() -> None:
    """Not only the first: days off on a Sunday, in another year, and listed as worked as well."""
    files, _ = changed(YEAR, "  - 2026-01-04", "  - 2026-01-04\n  - 2026-01-02\n  - 2027-01-04")
    assert [(item.code, item.field) for item in found(files)] == [
        ("POL-05", "work[1]"), ("POL-05", "work[2]"), ("POL-07", "work[1]"),
    ]  # fmt: skip


def test_nothing_is_judged_by_a_rulebook_at_fault() -> None:
    files, _ = changed(POLICY, "complaint: gsb-141.03@A0", "complaint: tfdl-08-03@V1.2")
    assert not check.open_book(MemoryTree(files)).sound
