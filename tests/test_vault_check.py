"""What a check says of contact data: in a record where they are kept apart, in text, and of contacts nobody knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from kelu import check, intake, people, privacy, vault
from kelu.git import MemoryTree
from repository import MOMENT, own_records, replaced, rulebook, rulebook_files
from test_privacy import schema

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


# --- people, as schemas mark them --------------------------------------------------------------------------


def test_the_vault_has_room_for_all_that_may_be_kept_apart() -> None:
    schemas = rulebook().schemas
    room = set(schemas.raw["vault"]["properties"]["contacts"]["additionalProperties"]["properties"])
    listing = [item for schema in schemas.records.values() for item in people.lists(schema.fields)]
    assert listing
    assert {part.name for item in listing for part in item.children if part.pii in people.DIRECT} <= room


def test_people_are_found_by_marks_and_not_by_names() -> None:
    text = {"type": "string", "x-pii": "none"}
    name, fax = {**text, "x-pii": "name", "x-erased": "（无）"}, {**text, "x-pii": "phone"}
    person = {"id": text, "who": name, "fax": fax, "desk": text}
    made = schema(
        visitors={"type": "array", "items": {"type": "object", "properties": person}},
        caller={"type": "object", "properties": {**person, "left": {"type": "boolean", "x-erased": True}}},
    )
    ada = {"id": "V1", "who": "王小明", "fax": "0571-8888-0001", "desk": "前台"}
    data = {"id": "NOT-2026-0001", "status": "open", "visitors": [ada], "caller": ada}
    left, moved = people.taken_in(made, data)
    assert moved == {"NOT-2026-0001/V1": {"fax": "0571-8888-0001"}}
    assert left == {**data, "visitors": [{"id": "V1", "who": "王小明", "desk": "前台"}]}
    visitor, caller = people.everybody(made, data)
    assert visitor.erased() == {"id": "V1", "who": "（无）", "desk": "前台"}
    assert (caller.key, caller.erased()) == ("NOT-2026-0001/caller", {**visitor.erased(), "left": True})


def test_the_word_that_stands_for_an_erased_person_hides_nobody() -> None:
    records = replaced(CUSTOMER, "name: 刘晓枫", 'name: "（已删除）"')
    store = check.open_cache(Path(), rulebook(), cached=False)
    intake.take_in(MemoryTree(records), rulebook().schemas, store)
    names = privacy.directory(store, rulebook().schemas.records, rulebook().policy)
    assert names.contacts["CUS-0001/C01"].name == "（已删除）"
    assert "（已删除）" not in names.identifiers.masks
    told = {data["id"]: data for *_, data in store.documents(["CUS-0001"])}["CUS-0001"]
    shown = privacy.publish(rulebook().schemas.records["customer"], told, names)
    assert "（已删除）" in repr(shown)
    assert "郑**" in repr(shown)
    store.close()
