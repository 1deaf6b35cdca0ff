"""`kelu vault` and `kelu erase` in real repositories with a history: nothing is lost, broken or given away."""

from __future__ import annotations

import shutil
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner, Result

from kelu import cli, demo, document, git, shelf, starter, vault
from kelu.document import parse
from kelu.pages import register
from repository import MOMENT, ROOT, rulebook
from test_site import published_text

CUSTOMER = "records/customers/CUS-0001.yaml"
QA = ("何静宜", "he.jingyi@example.invalid")
APPROVAL = "Approved-by: 周明远 <zhou.mingyuan@example.invalid>"
PHONE, MAIL = "0571-8888-0001", "liuxf@example.invalid"


def say(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli.main, ["--root", str(home), "--lang", "en", *words])


def done(home: Path, *words: str) -> Result:
    result = say(home, *words)
    assert result.exit_code == 0, result.output
    return result


def signed(home: Path) -> None:
    """Let whoever works here be of quality management."""
    git.run(home, "config", "user.name", QA[0])
    git.run(home, "config", "user.email", QA[1])


def commit(home: Path, message: str, *trailers: str) -> None:
    git.run(home, "commit", "--quiet", "--all", "-m", message, *(f"--trailer={trailer}" for trailer in trailers))


def data(home: Path, path: str = CUSTOMER) -> dict[str, Any]:
    found, faults = parse((home / path).read_bytes(), path)
    assert found is not None, faults
    return found


@pytest.fixture
def new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new records repository that keeps contact data apart."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "starter")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "starter@example.invalid")
    target = tmp_path / "new"
    starter.create(target, MOMENT.date(), pii_store="vault")
    signed(target)
    return target


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company of some years, with contact data in its records."""
    target = tmp_path_factory.mktemp("past") / "home"
    demo.create(target, 120, 1, 200)
    signed(target)
    return target


@pytest.fixture
def company(past: Path, tmp_path: Path) -> Path:
    shutil.copytree(past, tmp_path / "home")
    return tmp_path / "home"


def phones(home: Path) -> list[str]:
    return [person["phone"] for path in sorted(home.glob("records/customers/*")) for person in
            data(home, path.relative_to(home).as_posix())["contacts"] if "phone" in person]  # fmt: skip


# --- set and show ----------------------------------------------------------------------------------------


def test_a_contact_is_set_and_shown(new: Path) -> None:
    done(new, "vault", "set", "CUS-0001/C01", f"phone={PHONE}", f"email={MAIL}")
    assert vault.load(new).of("CUS-0001/C01") == {"phone": PHONE, "email": MAIL}
    shown = done(new, "vault", "show", "CUS-0001/C01").stdout
    assert all(word in shown for word in (PHONE, MAIL, "刘晓枫", "运行管理处处长"))
    listed = done(new, "vault", "show").stdout
    assert "CUS-0001/C01" in listed
    assert PHONE not in listed
    done(new, "vault", "set", "CUS-0001/C01", "email=")
    assert vault.load(new).of("CUS-0001/C01") == {"phone": PHONE}
    assert git.run(new, "status", "--porcelain") == b""
    assert done(new, "check").exit_code == 0


def test_nobody_else_may_read_it_whatever_the_mask(new: Path) -> None:
    done(new, "vault", "set", "CUS-0001/C01", f"phone={PHONE}")
    (new / vault.PATH).chmod(0o644)
    done(new, "vault", "set", "CUS-0001/C02", f"phone={PHONE}")
    assert stat.S_IMODE((new / vault.PATH).stat().st_mode) == 0o600
    assert stat.S_IMODE((new / "private").stat().st_mode) == 0o700
    assert [path.name for path in (new / "private").iterdir()] == ["contacts.yaml"]


def test_comments_of_the_vault_stay(new: Path) -> None:
    vault.write(new, f'# 名片\ncontacts:\n  "CUS-0001/C02": {{phone: "{PHONE}"}}  # 总机\n'.encode())
    done(new, "vault", "set", "CUS-0001/C01", f"email={MAIL}")
    assert (new / vault.PATH).read_text("utf-8") == (
        f'# 名片\ncontacts:\n  "CUS-0001/C01": {{email: {MAIL}}}\n  "CUS-0001/C02": {{phone: "{PHONE}"}}  # 总机\n'
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("CUS-0001/C09", "phone=12345678"), "no contact CUS-0001/C09"),
        (("CUS-0001/C01", "fax=1"), "there are: phone, email, address, im"),
        (("CUS-0001/C01", "phone=abc"), "does not have the right form"),
        (("CUS-0001/C01",), "FIELD=VALUE"),
    ],
)
def test_what_cannot_be_set(new: Path, words: tuple[str, ...], said: str) -> None:
    result = say(new, "vault", "set", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (new / vault.PATH).exists()


def test_nothing_is_written_where_git_would_take_it_in(new: Path) -> None:
    (new / ".gitignore").write_text("/public/\n", "utf-8")
    assert "does not ignore private/" in say(new, "vault", "set", "CUS-0001/C01", f"phone={PHONE}").stderr
    assert not (new / "private").exists()


# --- what a check says -------------------------------------------------------------------------------------


def test_a_vault_in_git_is_an_error_also_in_a_clone(new: Path, tmp_path: Path) -> None:
    done(new, "vault", "set", "CUS-0001/C01", f"phone={PHONE}")
    git.run(new, "add", "--force", "private")
    result = say(new, "check")
    assert result.exit_code == 1
    assert "private/contacts.yaml:1:1 error PII-02" in result.stdout
    commit(new, "by mistake")
    git.run(tmp_path, "clone", "--quiet", str(new), "clone")
    assert "PII-02" in say(tmp_path / "clone", "check").stdout
    assert "are in Git" in say(new, "vault", "set", "CUS-0001/C02", f"phone={PHONE}").stderr


def test_where_there_is_no_vault_nothing_is_wrong(new: Path, tmp_path: Path) -> None:
    done(new, "vault", "set", "CUS-0001/C01", f"phone={PHONE}")
    git.run(tmp_path, "clone", "--quiet", str(new), "clone")
    assert not (tmp_path / "clone/private").exists()
    done(tmp_path / "clone", "check")


def test_a_malformed_entry_is_found_at_its_place(new: Path) -> None:
    vault.write(new, b'contacts:\n  "CUS-0001/C01":\n    phone: x\n    fax: "1"\n  "CUS-0001/C02": {phone: 1}\n')
    result = say(new, "check")
    assert result.exit_code == 1
    for place in ("private/contacts.yaml:3:12 error SCH-05", "private/contacts.yaml:4:5 error SCH-03",
                  "private/contacts.yaml:5:27 error SCH-01"):  # fmt: skip
        assert place in result.stdout
    assert "at fault" in say(new, "vault", "show").stderr


# --- take in ---------------------------------------------------------------------------------------------


def test_taking_in_moves_everything_and_nothing_else(company: Path) -> None:
    text = (company / CUSTOMER).read_text("utf-8").replace("contacts:\n", "contacts:  # 每年核对\n", 1)
    (company / CUSTOMER).write_text(text, "utf-8")
    before, listed = data(company), phones(company)
    assert len(listed) > 5
    done(company, "vault", "take-in", "--dry-run")
    assert (phones(company), (company / "private").exists()) == (listed, False)
    done(company, "vault", "take-in")
    assert phones(company) == []
    held = vault.load(company)
    assert sorted(person["phone"] for person in held.people.values()) == sorted(listed)
    after = data(company)
    assert [{**person, **held.of(f"CUS-0001/{person['id']}")} for person in after["contacts"]] == before["contacts"]
    assert {**after, "contacts": []} == {**before, "contacts": []}
    assert "# 每年核对" in (company / CUSTOMER).read_text("utf-8")
    assert done(company, "vault", "take-in").stderr.startswith("Taken in: contact data of 0")


def test_when_records_cannot_be_written_the_vault_is_as_it_was(company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = b'contacts:\n  "CUS-0001/C01": {im: wx_before}\n'
    vault.write(company, kept)
    listed = phones(company)

    def full(root: Path, files: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shelf, "save", full)
    assert say(company, "vault", "take-in").exit_code == 2
    assert ((company / vault.PATH).read_bytes(), phones(company)) == (kept, listed)


# --- registering and importing -----------------------------------------------------------------------------


LIBRARY = (
    "name=云州市图书馆", "short_name=云图", "relation=end_user", "tier=project", "account_manager=S008",
    "contacts[0].id=C01", "contacts[0].name=梁可欣", f"contacts[0].phone={PHONE}",
)  # fmt: skip


def test_what_is_said_of_a_new_contact_goes_to_the_vault(new: Path) -> None:
    words = [word for value in LIBRARY for word in ("--set", value)]
    assert PHONE not in done(new, "new", "customer", *words, "--dry-run").stdout
    assert not (new / "private").exists()
    done(new, "new", "customer", *words)
    assert data(new, "records/customers/CUS-0002.yaml")["contacts"] == [{"id": "C01", "name": "梁可欣"}]
    assert vault.load(new).of("CUS-0002/C01") == {"phone": PHONE}
    refused = say(new, "edit", "CUS-0002", "--set", "note=请打 0571 8888 0001")
    assert (refused.exit_code, "PII-04" in refused.stderr) == (1, True)


def test_what_a_spreadsheet_says_of_a_contact_goes_to_the_vault(new: Path, tmp_path: Path) -> None:
    table = tmp_path / "customer.xlsx"
    done(new, "export", "customer", "--output", str(table))
    book = openpyxl.load_workbook(table)
    sheet, header = next((s, c) for s in book for row in s.iter_rows(max_row=4) for c in row if c.value == "电话")
    name = next(c for row in sheet.iter_rows() for c in row if c.value == "刘晓枫" or str(c.value).startswith("刘"))
    sheet.cell(name.row, header.column, PHONE)
    book.save(table)
    before = (new / CUSTOMER).read_bytes()
    done(new, "import", "customer", str(table), "--dry-run")
    assert not (new / "private").exists()
    done(new, "import", "customer", str(table))
    assert vault.load(new).of("CUS-0001/C01") == {"phone": PHONE}
    assert data(new) == parse(before, CUSTOMER)[0]
    done(new, "check")


def test_the_form_does_not_ask_for_what_it_could_not_keep() -> None:
    book = rulebook()
    asked = {
        where: {part["name"] for field in register.described(
            book.schemas.records["customer"], book.schemas, replace(book.policy, settings={"pii_store": where})
        )["fields"] if field["name"] == "contacts" for part in field["fields"]}
        for where in ("inline", "vault")
    }  # fmt: skip
    assert asked["inline"] - asked["vault"] == {"phone", "email", "address", "im"}
    assert {"id", "name", "position"} <= asked["vault"]


# --- erase -----------------------------------------------------------------------------------------------


def references(home: Path) -> list[str]:
    found = git.run(home, "grep", "--only-matching", "--no-color", "-n", "CUS-0001/C01", "--", "records")
    return found.decode().splitlines()


@pytest.mark.parametrize("where", ["inline", "vault"])
def test_an_erased_person_leaves_records_references_and_trail_whole(company: Path, where: str) -> None:
    audited = done(company, "audit").stdout
    if where == "vault":
        done(company, "vault", "take-in")
        commit(company, "联系方式移入保管库")
        config = company / "config/policy.yaml"
        config.write_text(config.read_text("utf-8").replace("pii_store: inline", "pii_store: vault"), "utf-8")
        commit(company, "联系方式另行存放", APPROVAL)
        done(company, "check")
    before, referring = data(company)["contacts"], references(company)
    assert referring
    gone = {**before[0], **vault.load(company).of("CUS-0001/C01")}
    assert "phone" in gone

    said = done(company, "erase", "CUS-0001/C01").stderr
    first, *others = data(company)["contacts"]
    kept = {key: gone[key] for key in ("id", "position", "key_person", "executive") if key in gone}
    assert first == {**kept, "name": "（已删除）", "active": False}
    assert others == before[1:]
    assert "CUS-0001/C01" not in vault.load(company).people
    entry = data(company)["corrections"][-1]
    assert (entry["field"], entry["by"]) == ("contacts[0]", "S005")
    assert gone["name"] not in str(entry) + (company / CUSTOMER).read_text("utf-8")
    assert "Git's history holds what was erased" in said  # and it is told so

    assert references(company) == referring
    commit(company, "CUS-0001/C01 删除个人信息")
    done(company, "check")
    assert done(company, "audit").stdout.splitlines()[1:] == audited.splitlines()[1:]  # the first counts commits
    assert "Nothing personal is kept" in say(company, "erase", "CUS-0001/C01").stderr


def test_a_dry_run_erases_nothing(new: Path) -> None:
    done(new, "vault", "set", "CUS-0001/C01", f"phone={PHONE}")
    assert "（已删除）" in done(new, "erase", "CUS-0001/C01", "--dry-run").stdout
    assert data(new)["contacts"][0]["name"] == "刘晓枫"
    assert vault.load(new).of("CUS-0001/C01")


def test_an_entry_of_nobody_can_be_erased(new: Path) -> None:
    vault.write(new, f'contacts:\n  "CUS-0001/C77": {{phone: "{PHONE}"}}\n'.encode())
    assert "private/contacts.yaml:2:3 error PII-03" in say(new, "check").stdout
    done(new, "erase", "CUS-0001/C77")
    assert vault.load(new).people == {}
    assert git.run(new, "status", "--porcelain") == b""
    assert "nobody" in say(new, "erase", "CUS-0001/C77").stderr


def test_where_the_name_still_stands_is_told(new: Path) -> None:
    text = (new / CUSTOMER).read_text("utf-8")
    (new / CUSTOMER).write_text(text.replace("reason: ", "reason: 刘晓枫推荐，"), "utf-8")
    assert f"still stands in the text of: {CUSTOMER}" in done(new, "erase", "CUS-0001/C01").stderr


def test_one_who_complained_without_a_file_becomes_anonymous(tmp_path: Path) -> None:
    home, path = tmp_path / "home", "records/complaints/2025/CMP-2025-0002.yaml"
    for folder in ("config", "policies", "records", "schemas"):
        shutil.copytree(ROOT / folder, home / folder)
    git.run(tmp_path, "init", "--quiet", "--initial-branch=main", str(home))
    signed(home)
    git.run(home, "add", "--all")
    git.run(home, "commit", "--quiet", "-m", "Begin")
    before = data(home, path)
    assert before["status"] == "closed"
    assert {"name", "phone"} <= before["complainant"].keys()
    assert "--approved-by" in say(home, "erase", "CMP-2025-0002/complainant").stderr  # what is closed is fixed
    done(home, "erase", "CMP-2025-0002/complainant", "--approved-by", "S003")
    after = data(home, path)
    assert after["complainant"] == {
        **{key: value for key, value in before["complainant"].items() if key == "organisation"}, "anonymous": True,
    }  # fmt: skip
    assert {key for key in after if after[key] != before.get(key)} == {"complainant", "corrections"}
    commit(home, "CMP-2025-0002/complainant 删除个人信息", APPROVAL)
    assert path not in say(home, "check", path).stdout
    assert "CMP-2025-0002" not in say(home, "audit").stdout


# --- what is kept apart stays apart ------------------------------------------------------------------------


def test_a_fault_of_the_program_repeats_nothing_of_the_vault(new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise AssertionError(f"written otherwise than meant: {PHONE}")

    done(new, "vault", "set", "CUS-0001/C01", f"phone={PHONE}")
    monkeypatch.setattr(document, "amend", broken)
    result = say(new, "vault", "set", "CUS-0001/C02", f"phone={PHONE}")
    assert (result.exit_code, PHONE in result.output) == (2, False)
    monkeypatch.setattr(vault, "write", lambda root, raw: 1 // 0)
    monkeypatch.undo()
    monkeypatch.setattr(vault, "write", lambda root, raw: 1 // 0)
    assert say(new, "vault", "set", "CUS-0001/C02", f"phone={PHONE}").exit_code == 3
    (log,) = (new / ".kelu/log").iterdir()
    assert "ZeroDivisionError" in log.read_text("utf-8")
    assert PHONE not in log.read_text("utf-8")


def test_no_site_holds_anything_of_the_vault(new: Path) -> None:
    values = {"phone": PHONE, "email": MAIL, "im": "wx_liuxf", "address": "软件园路8号"}
    done(new, "vault", "set", "CUS-0001/C01", *map("=".join, values.items()))
    done(new, "site")
    text = published_text(new / "public")
    assert "刘**" in text
    assert [value for value in (*values.values(), "88880001") if value in text] == []
