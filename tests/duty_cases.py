"""Duty cases: tables of `tests/cases/obligations/*.yaml` → complete records → the view `duty` as known at a moment.

A case names only what its duties depend on; `made_records` fills in the rest of each record:

    as_of: "2026-06-30T12:00:00+08:00"
    customers, projects, incidents, complaints, surveys, callbacks, meetings, actions, communications, reports: …
    records: [whole records]
    packs: {tfdl-08-04@V1.2: {service_report.due_workdays: 5}}      # parameters of packs
    config: {adopted_on: "2026-03-01"}                              # keys of config/policy.yaml
    waivers: [{rule: OB-02, subject: PRJ-2026-001, period: 2026-03, reason: …, approved_by: S003, approved_on: …}]
    obligations: {csp-14@A0: [definitions]}                         # in place of all that the packs have
    expect:
      - {duty: OB-02/PRJ-2026-001/2026-03, state: satisfied, due: "2026-04-15", done_at: "2026-04-08 09:30"}
    absent: [OB-02/PRJ-2026-001/2026-07, OB-04]                     # duties, or what their ids begin with
    only: [OB-02]                                                   # obligations with no duty but the expected
    variants: [{name: late, as_of: …, packs: …, config: …, waivers: …, expect: …, absent: …, only: …}]

An expectation may state any column of `duty`; a time by its day, minute or second in Shanghai. `in_grace` is false
unless stated, and so is `provisional` where the state is not that. Only the obligations that a case names are laid.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from kelu import check, obligation
from kelu.git import MemoryTree
from kelu.intake import take_in
from kelu.naming import reach
from kelu.policy import Policy
from kelu.store import Store, spelled_out
from kpi_cases import once, opened
from made_records import Loader, files, records
from repository import rulebook_files

CASES = Path(__file__).parent / "cases/obligations"
SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
CONFIG, WAIVERS = "config/policy.yaml", "config/waivers.yaml"
Duty = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One table under one policy at one moment, with the duties it must give."""

    name: str
    data: Mapping[str, Any]

    @property
    def codes(self) -> set[str]:
        """The obligations it speaks of."""
        named = [item["duty"] for item in self.data.get("expect", ())]
        return {name.partition("/")[0] for name in (*named, *self.data.get("absent", ()), *self.data.get("only", ()))}


@cache
def cases() -> tuple[Case, ...]:
    """Every case and variant of `tests/cases/obligations`."""
    return tuple(case for path in sorted(CASES.glob("*.yaml")) for case in _read(path))


def _read(path: Path) -> Iterator[Case]:
    data = yaml.load(path.read_text("utf-8"), Loader)
    yield Case(path.stem, data)
    base = {key: value for key, value in data.items() if key not in ("expect", "absent", "only")}
    for place, variant in enumerate(data.get("variants", ())):
        yield Case(f"{path.stem}-{variant.get('name', place)}", {**base, **variant})


def duties(data: Mapping[str, Any], codes: set[str] | None = None) -> list[Duty]:
    """The duties of a case in order of id; of some obligations only, where these are named."""
    with laid(data, codes) as (store, _):
        return ask(store, "SELECT * FROM duty ORDER BY id")


@contextmanager
def laid(data: Mapping[str, Any], codes: set[str] | None = None) -> Iterator[tuple[Store, Policy]]:
    """A store with a case's records, ready for its duties, and the case's policy with the obligations named alone."""
    found = files(records(data))
    book = opened(json.dumps(_policy_files(data)))
    assert [item for item in book.findings if item.code != "POL-03"] == [], book.findings
    book = replace(book, policy=_only(book.policy, codes))
    store = check.open_cache(Path(), book, cached=False)
    intake = take_in(MemoryTree(found), book.schemas, store)
    assert intake.findings == (), intake.findings
    asked = reach([obligation.VIEW], {**obligation.views(book.policy), **spelled_out()})
    moment = datetime.datetime.fromisoformat(data["as_of"])
    assert check.lay_policy(store, book, intake, moment, known=True, asked=asked) == []
    yield store, book.policy
    store.close()


def ask(store: Store, sql: str) -> list[Duty]:
    """The rows of a query on duties, by column."""
    rows = store.query(sql)
    return [dict(zip(store.columns(obligation.VIEW), row, strict=True)) for row in rows]


def _policy_files(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a case changes of the rulebook."""
    changes: dict[str, Any] = {"packs": data.get("packs", {}), "files": dict(data.get("files", {}))}
    if "config" in data:
        changes["files"][CONFIG] = yaml.load(rulebook_files()[CONFIG], Loader) | data["config"]
    changes["files"].setdefault(WAIVERS, {"waivers": data.get("waivers", [])})  # never those of this company
    if "obligations" in data:
        packs = [path for path in rulebook_files() if path.endswith("/pack.yaml")]
        changes["files"] |= {path.replace("pack.yaml", "obligations.yaml"): {"obligations": []} for path in packs}
        changes["files"] |= {
            f"policies/{p}/obligations.yaml": {"obligations": d} for p, d in data["obligations"].items()
        }
    return changes


def _only(policy: Policy, codes: set[str] | None) -> Policy:
    """The policy with some obligations alone, so that a case does not pay for the others."""
    if codes is None:
        return policy
    packs = {
        name: replace(pack, obligations=tuple(item for item in pack.obligations if item.data["id"] in codes))
        for name, pack in policy.packs.items()
    }
    return replace(policy, packs=packs)


@once
def prepared(name: str) -> list[Duty]:
    """A case's duties, worked out once for all that ask."""
    (case,) = [case for case in cases() if case.name == name]
    return duties(case.data, case.codes)


def differences(case: Mapping[str, Any], found: list[Duty]) -> list[str]:
    """How duties differ from what a case says of them."""
    by_id = {duty["id"]: duty for duty in found}
    said: list[str] = []
    for expected in case.get("expect", ()):
        name = expected["duty"]
        if name not in by_id:
            said.append(f"{name} is missing; there are {sorted(by_id)}")
            continue
        usual = {"in_grace": False} | ({"provisional": False} if expected.get("state") not in _OPEN else {})
        for key, value in {**usual, **{k: v for k, v in expected.items() if k != "duty"}}.items():
            got = shown(by_id[name].get(key, f"no column {key}"))
            if not (got == value or (isinstance(got, str) and _TIMES.issuperset({key}) and got.startswith(str(value)))):
                said.append(f"{name}: {key} is {got!r} instead of {value!r}")
    expected_ids = {expected["duty"] for expected in case.get("expect", ())}
    for name in by_id:
        code = name.partition("/")[0]
        if any(name == prefix or name.startswith(f"{prefix}/") for prefix in case.get("absent", ())):
            said.append(f"{name} should not be")
        if code in case.get("only", ()) and name not in expected_ids:
            said.append(f"{name} is not expected")
    return said


_OPEN = ("provisional", "waived", None)
_TIMES = {"opens", "due", "grace_until", "remind_from", "done_at"}


def shown(value: Any) -> Any:
    """A column's value as cases write it."""
    if isinstance(value, datetime.datetime):
        return value.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
    return value.isoformat() if isinstance(value, datetime.date) else value
