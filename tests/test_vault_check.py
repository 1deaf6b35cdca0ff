"""What a check says of contact data: in a record where they are kept apart, in text, and of contacts nobody knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from kelu import check, vault
from kelu.git import MemoryTree
from repository import MOMENT, own_records, replaced, rulebook, rulebook_files

CUSTOMER, COMPLAINT = "records/customers/CUS-0001.yaml", "records/complaints/2026/CMP-2026-0001.yaml"
RAW = b'contacts:\n  "CUS-0001/C01": {phone: 0571-8888-0001}\n  "CUS-0001/C99": {phone: "9"}\n'


@cache
def apart() -> check.Rulebook:
    """This repository's rulebook with contact data kept apart."""
    config = rulebook_files()["config/policy.yaml"].replace(b"pii_store: inline", b"pii_store: vault")
    book = check.open_book(MemoryTree({**rulebook_files(), "config/policy.yaml": config}))
    assert book.sound
    return book


def found(book: check.Rulebook, records: dict[str, bytes]) -> list[tuple[str, str, int, str]]:
    store = check.open_cache(Path(), book, cached=False)
    for _ in range(2):  # the second time from what the first has kept
        report = check.check(MemoryTree(records), book, store, MOMENT)
        told = [(item.code, item.path, item.line, item.field) for item in report.findings if item.code[:3] == "PII"]
    store.close()
    return told


def test_contact_data_in_a_record_is_found_at_its_field() -> None:
    told = found(apart(), dict(own_records()))
    lines = own_records()[CUSTOMER].decode().splitlines()
    places = {field: lines[line - 1] for _, path, line, field in told if path == CUSTOMER}
    assert places["contacts[0].phone"].lstrip().startswith("phone: ")
    assert places["contacts[0].email"].lstrip().startswith("email: ")
    # Complainants have no id of their own; nor is a name, a position or a note a way to reach anybody.
    assert {(code, path.split("/")[1]) for code, path, _, _ in told} == {("PII-01", "customers")}
    assert {field.rpartition(".")[2] for *_, field in told} <= {"phone", "email", "address", "im"}


def test_inline_it_may_stand_there() -> None:
    assert found(rulebook(), dict(own_records())) == []


@pytest.mark.parametrize("book", [rulebook, apart], ids=["inline", "vault"])
def test_text_that_repeats_the_vault_and_contacts_nobody_knows(book: Callable[[], check.Rulebook]) -> None:
    people = {"CUS-0001/C01": {"phone": "0571-8888-0001"}, "CUS-0001/C99": {"phone": "9"}}
    known = dataclasses.replace(book(), vault=vault.Vault(people, RAW))
    records = replaced(COMPLAINT, "title: ", "title: ０５７１ 88880001 ")
    line = records[COMPLAINT].decode().splitlines().index("title: ０５７１ 88880001 挂号窗口断网报修后到场迟缓") + 1
    told = [item for item in found(known, records) if item[0] != "PII-01"]
    assert told == [("PII-03", vault.PATH, 3, "contacts.CUS-0001/C99"), ("PII-04", COMPLAINT, line, "title")]


def test_people_of_a_record_at_fault_are_not_said_to_be_missing() -> None:
    known = dataclasses.replace(rulebook(), vault=vault.Vault({"CUS-0001/C01": {"phone": "0571-8888-0001"}}, RAW))
    assert found(known, replaced(CUSTOMER, "status: active", "status: gone")) == []
