"""Checking as its user sees it: one deliberate fault in a sound repository gives one finding, at its place."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kelu import check, git
from repository import MOMENT, ROOT, checked, own_records, replaced, rulebook, store, tree_of

MAJOR = "records/complaints/2026/CMP-2026-0003.yaml"
Place = tuple[str, int, int, str, str]


def places(report: check.Report) -> list[Place]:
    return [(f.path.rpartition("/")[2], f.line, f.column, f.code, f.field) for f in report.findings]


def line_of(records: dict[str, bytes], path: str, text: str) -> tuple[int, int]:
    """Line and column of a text, found by plain search: another way than the program's."""
    for number, line in enumerate(records[path].decode("utf-8").splitlines(), 1):
        if text in line:
            return number, line.index(text) + 1
    raise AssertionError(text)


def test_this_repositorys_own_records_are_sound() -> None:
    report = checked(own_records())
    assert [f for f in report.findings if f.severity == "error"] == []
    assert report.records >= 80


@pytest.mark.parametrize(
    ("old", "new", "at", "code", "field"),
    [
        # a wrong scalar at its value
        ("channel: hotline", "channel: hotlin", "hotlin", "SCH-04", "channel"),
        ("received_at: 2026-03-02T09:10:00+08:00", "received_at: 2026-03-02T09:10:00", "2026-03-02T09:10:00", "SCH-10",
         "received_at"),
        ("customer_reply_by: 2026-03-02", "customer_reply_by: 2026-02-30", "2026-02-30", "SCH-09", "customer_reply_by"),
        ("customer_reply_by: 2026-03-02", "customer_reply_by: 2026/3/2", "2026/3/2", "SCH-09", "customer_reply_by"),
        # an unknown key at the key, a missing key at its parent's key
        ("demands: ", "demand: ", "demand: ", "SCH-03", "demand"),
        ("  effective: true\n", "", "verification:", "SCH-02", "verification.effective"),
        # a broken reference at the reference
        ("incident: INC-2026-00057", "incident: INC-2026-09999", "INC-2026-09999", "X-04", "incident"),
        ("received_by: S001", "received_by: S999", "S999", "X-04", "received_by"),
        ("contact: CUS-0001/C01", "contact: CUS-0001/C77", "CUS-0001/C77", "X-04", "complainant.contact"),
        # a vocabulary term at the term
        ("category: resolution_quality", "category: slow", "slow", "VOC-01", "category"),
        ("receiving_department: 运营业务部", "receiving_department: 运营部", "运营部", "VOC-01",
         "receiving_department"),
        # a rule at the field it names
        ("severity: major", "severity: minor", "minor", "R-CMP-02", "assessment.severity"),
        ("policy: gsb-141.03@A0", "policy: tfdl-08-03@V1.2", "tfdl-08-03@V1.2", "R-ALL-06", "policy"),
        # text that means other things to other programs
        ("form: verbal", "form: no", "no", "YAML-21", ""),
    ],
)  # fmt: skip
def test_one_fault_is_named_at_its_place(old: str, new: str, at: str, code: str, field: str) -> None:
    records = replaced(MAJOR, old, new)
    found = [f for f in checked(records).findings if f.path == MAJOR]
    place = line_of(records, MAJOR, at)
    hits = [f for f in found if (f.line, f.column) == place and f.code == code]
    assert hits, [(f.line, f.column, f.code, f.field, f.message.zh) for f in found]
    assert hits[0].field == field or field == ""
    assert all(text for text in (hits[0].message.zh, hits[0].message.en, hits[0].hint.zh, hits[0].hint.en))


def test_a_missing_top_level_key_is_named_at_the_start_of_the_file() -> None:
    text = own_records()[MAJOR].decode()
    start = text.index("demands:")
    records = {**own_records(), MAJOR: (text[:start] + text[text.index("\n", start) + 1 :]).encode()}
    assert ("CMP-2026-0003.yaml", 1, 1, "SCH-02", "demands") in places(checked(records))


def test_a_duplicate_key_is_named_at_the_second_one() -> None:
    records = replaced(MAJOR, "form: verbal\n", "form: verbal\nchannel: email\n")
    line = line_of(records, MAJOR, "channel: email")
    assert [(f.line, f.column) for f in checked(records).findings if f.path == MAJOR] == [line]


def test_every_fault_of_a_file_is_reported_in_one_pass_in_order_of_line() -> None:
    records = replaced(MAJOR, "channel: hotline", "channel: hotlin")
    records = replaced(MAJOR, "form: verbal", "form: spoken", records)
    records = replaced(MAJOR, "outcome: upheld", "outcome: fine", records)
    found = [f for f in checked(records).findings if f.path == MAJOR]
    assert [f.field for f in found] == ["channel", "form", "resolution.outcome"]


def test_a_phone_number_in_free_text_is_refused_and_not_repeated() -> None:
    records = replaced(MAJOR, "demands: ", "demands: 请拨打13912345678，")
    (found,) = [f for f in checked(records).findings if f.path == MAJOR]
    assert (found.code, found.field) == ("R-ALL-05", "demands")
    assert "13912345678" not in str(found)


def test_a_faulty_record_does_not_break_the_references_to_it() -> None:
    customer = "records/customers/CUS-0001.yaml"
    found = checked(replaced(customer, "tier: company", "tier: compny")).findings
    assert {f.path for f in found if f.severity == "error"} == {customer}


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("records/complaints/2026/CMP-2026-0031.yaml", "R-ALL-01"),
        ("records/complaints/2025/CMP-2026-0003.yaml", "R-ALL-03"),
        ("records/complaints/CMP-2026-0003.yaml", "R-ALL-02"),
        ("records/complaints/2026/note.txt", "FILE-04"),
        ("records/complaints/2026/CMP-2026-0003.yml", "FILE-04"),
        ("records/complaints/2026/cmp-2026-0003.yaml", "FILE-02"),
        ("records/elsewhere/CMP-2026-0003.yaml", "FILE-04"),
    ],
)
def test_a_file_in_the_wrong_place_is_named(place: str, code: str) -> None:
    records = {**own_records(), place: own_records()[MAJOR]}
    codes = {f.code for f in checked(records).findings if f.path in (place, MAJOR)}
    assert code in codes


def test_an_id_taken_twice_is_named_at_the_second_file() -> None:
    twin = "records/complaints/2025/CMP-2026-0003.yaml"
    found = [f.code for f in checked({**own_records(), twin: own_records()[MAJOR]}).findings if f.path == MAJOR]
    assert "FILE-03" in found


def test_a_symbolic_link_is_never_followed() -> None:
    link = "records/complaints/2026/CMP-2026-0099.yaml"
    report = checked({**own_records(), link: b"../../../../../etc/passwd"}, {link: git.SYMLINK})
    assert [f.code for f in report.findings if f.path == link] == ["FILE-01"]


def test_a_faulty_policy_is_named_in_its_own_file_and_rules_wait() -> None:
    path = "policies/practice@1/pack.yaml"
    text = rulebook_text(path).replace("segregation: error", "segregation: perhaps")
    tree = tree_of(own_records(), **{path: text.encode()})
    report = check.check(tree, check.open_book(tree), store(), MOMENT)
    assert {f.path for f in report.findings} == {path}


def rulebook_text(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


@pytest.mark.parametrize(
    "sql",
    [
        "(SELECT count(*) FROM read_text('/etc/passwd')) = 0",
        "true); DROP TABLE staff; SELECT (true",
        "(SELECT count(*) FROM read_csv('/etc/passwd')) = 0",
        "no_such_column = 1",
        "getenv('HOME') = ''",
    ],
)
def test_policy_sql_reaches_nothing_but_the_tables(sql: str) -> None:
    path = "policies/practice@1/rules.yaml"
    rule = (
        "rules:\n  - id: R-CMP-99\n    title: {zh: 试, en: Try}\n    for: complaint\n"
        f'    check: "{sql}"\n    at: title\n    hint: {{zh: 试, en: Try}}\n'
    )
    tree = tree_of(own_records(), **{path: rule.encode()})
    report = check.check(tree, check.open_book(tree), store(), MOMENT)
    faults = [f for f in report.findings if f.path == path]
    assert [(f.code, f.line) for f in faults] == [("POL-01", 2)]
    assert "root:" not in str(faults)


# --- the cache -------------------------------------------------------------------------------------------


def test_a_cache_gives_what_no_cache_gives_and_a_damaged_one_is_not_believed(repository: Path) -> None:
    fresh = _check(repository, cached=False)
    assert _check(repository) == fresh
    assert _check(repository) == fresh
    cache = repository / check.CACHE
    for damage in (b"", b"not a database", cache.read_bytes()[:9000]):
        cache.write_bytes(damage)
        assert _check(repository) == fresh


def test_a_changed_file_is_read_anew(repository: Path) -> None:
    before = _check(repository)
    path = repository / MAJOR
    text = path.read_text("utf-8")
    path.write_text(text.replace("severity: major", "severity: minor"), "utf-8")
    assert _check(repository) != before
    path.write_text(text, "utf-8")
    assert _check(repository) == before


def _check(root: Path, *, cached: bool = True) -> check.Report:
    tree = git.WorkTree(root)
    book = check.open_book(tree)
    cache = check.open_cache(root, book, cached=cached)
    try:
        return check.check(tree, book, cache, MOMENT)
    finally:
        cache.close()


# --- a change against its base ---------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clone-like copy of this repository's records and rulebook, with one commit."""
    for path, raw in tree_of(own_records()).files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(raw)
    (tmp_path / ".gitignore").write_text(".kelu/\n")
    _git(tmp_path, "init", "-q", "-b", "main")
    _commit(tmp_path, "base")
    return tmp_path


def _git(root: Path, *args: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=测试", "-c", "user.email=t@example.invalid", *args],
        cwd=root, check=True, capture_output=True,
    )  # fmt: skip


def _commit(root: Path, subject: str) -> None:
    _git(root, "add", ".")
    _git(root, "commit", "-q", "--allow-empty", "-m", subject)


def _edit(root: Path, path: str, change: Callable[[str], str]) -> None:
    (root / path).write_text(change((root / path).read_text("utf-8")), "utf-8")


def _change(root: Path, base: str = "main") -> list[Place]:
    book = rulebook()
    cache = check.open_cache(root, book)
    try:
        return places(check.check_change(root, book, cache, base, MOMENT))
    finally:
        cache.close()


def test_only_what_the_change_brings_is_reported(repository: Path) -> None:
    _edit(repository, MAJOR, lambda text: text.replace("channel: hotline", "channel: hotlin"))
    _commit(repository, "an old fault on main")
    _git(repository, "checkout", "-q", "-b", "side")
    other = "records/complaints/2026/CMP-2026-0001.yaml"
    _edit(repository, MAJOR, lambda text: "# 多一行注释\n" + text)
    _edit(repository, other, lambda text: text.replace("channel: ", "channel: x"))
    assert [(name, code) for name, _, _, code, _ in _change(repository)] == [
        ("CMP-2026-0001.yaml", "GH-06"), ("CMP-2026-0001.yaml", "SCH-04"),
    ]  # fmt: skip


def test_removing_a_record_breaks_the_references_of_files_the_change_did_not_touch(repository: Path) -> None:
    _git(repository, "checkout", "-q", "-b", "side")
    (repository / "records/incidents/2026/000/INC-2026-00057.yaml").unlink()
    found = _change(repository)
    assert ("CMP-2026-0003.yaml", "X-04", "incident") in [(name, code, field) for name, _, _, code, field in found]
    assert ("INC-2026-00057.yaml", "GH-01", "") in [(name, code, field) for name, _, _, code, field in found]


def test_two_sound_branches_that_break_each_other_are_judged_merged(repository: Path) -> None:
    incident = "records/incidents/2026/000/INC-2026-00057.yaml"
    _git(repository, "checkout", "-q", "-b", "side")
    source = (repository / incident).read_text("utf-8")
    twin = source.replace("INC-2026-00057", "INC-2026-00777").replace("ITSM-20260302-011", "ITSM-20260302-777")
    (repository / incident.replace("/000/INC-2026-00057", "/007/INC-2026-00777")).parent.mkdir(exist_ok=True)
    (repository / incident.replace("/000/INC-2026-00057", "/007/INC-2026-00777")).write_text(twin, "utf-8")
    _commit(repository, "side")
    _git(repository, "checkout", "-q", "main")
    _edit(repository, incident, lambda text: text.replace("ITSM-20260302-011", "ITSM-20260302-777"))
    _commit(repository, "main")
    _git(repository, "checkout", "-q", "side")
    assert ("INC-2026-00777.yaml", "R-INC-02") in [(name, code) for name, _, _, code, _ in _change(repository)]


def test_one_id_taken_by_two_branches_is_a_conflict_named_by_its_file(repository: Path) -> None:
    new = "records/complaints/2026/CMP-2026-0099.yaml"
    text = (repository / MAJOR).read_text("utf-8").replace("id: CMP-2026-0003", "id: CMP-2026-0099")
    for branch, word in (("side", "甲"), ("main", "乙")):
        _git(repository, "checkout", "-q", *(["-b"] if branch == "side" else []), branch)
        (repository / new).write_text(text.replace("demands: ", f"demands: {word}"), "utf-8")
        _commit(repository, branch)
    _git(repository, "checkout", "-q", "side")
    assert ("CMP-2026-0099.yaml", 2, 5, "FILE-05", "id") in _change(repository)


def test_what_is_not_committed_yet_is_judged_with_the_rest(repository: Path) -> None:
    _git(repository, "checkout", "-q", "-b", "side")
    _commit(repository, "side")
    _git(repository, "checkout", "-q", "main")
    _commit(repository, "main went on")
    _git(repository, "checkout", "-q", "side")
    note = repository / "records/complaints/2026/note.txt"
    note.write_text("x", "utf-8")
    assert ("note.txt", "FILE-04") in [(name, code) for name, _, _, code, _ in _change(repository)]
    assert note.exists()


def test_a_change_that_breaks_policy_is_not_let_through(repository: Path) -> None:
    _git(repository, "checkout", "-q", "-b", "side")
    _edit(repository, "config/policy.yaml", lambda text: text.replace("common: ", "comon: "))
    book = check.open_book(git.WorkTree(repository))
    cache = check.open_cache(repository, book)
    report = check.check_change(repository, book, cache, "main", MOMENT)
    cache.close()
    assert {f.path for f in report.findings} == {"config/policy.yaml"}


def test_without_the_view_of_targets_the_policy_is_at_fault() -> None:
    files = {k: v for k, v in tree_of(own_records()).files.items() if k != "policies/views/target.sql"}
    tree = git.MemoryTree(files)
    codes = [f.code for f in check.check(tree, check.open_book(tree), store(), MOMENT).findings]
    assert codes
    assert set(codes) == {"POL-01"}


def test_a_proposal_is_told_what_it_brings_and_nothing_older() -> None:
    records = replaced(MAJOR, "demands: ", "demands: 请拨打13912345678，")  # wrong already, and none of the proposal's
    place, customer = "records/complaints/2026/CMP-2026-0001.yaml", "records/customers/CUS-0004.yaml"
    files = {place: records[place].replace(b"channel: ", b"channel: x"), customer: None}
    report = check.check_proposal(tree_of(records), rulebook(), store(), files, MOMENT)
    paths = {item.path for item in report.findings}
    assert place in paths
    assert MAJOR not in paths
    assert {item.code for item in report.findings if item.path != place} == {"X-04", "POL-02"}  # who named the customer
    again = check.check_proposal(tree_of(records), rulebook(), store(), {MAJOR: records[MAJOR]}, MOMENT)
    assert {item.path for item in again.findings} == {MAJOR}
