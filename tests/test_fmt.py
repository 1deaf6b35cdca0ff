"""kelu fmt on files: what is rewritten, what is only told, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kelu import cli
from kelu.document import mend

ROOT = Path(__file__).parents[1]
PLACE = "records/customers/CUS-0001.yaml"
UNTIDY = """\
name:   '星河市数据资源管理局（虚构）'   # 客户
id: "CUS-0001"


schema: customer/v1
contacts: [{id: C01, name: 刘晓枫, phone: "138-0000-0001"}]
"""
TIDY = """\
schema: customer/v1
id: CUS-0001
name: 星河市数据资源管理局（虚构）  # 客户
contacts:
  - {id: C01, name: 刘晓枫, phone: "138-0000-0001"}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("schemas", "policies", "config"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / PLACE).parent.mkdir(parents=True)
    (tmp_path / PLACE).write_text(UNTIDY)
    return tmp_path


def fmt(home: Path, *args: str) -> Result:
    return CliRunner().invoke(cli.main, ["--root", str(home), "fmt", *args])


def test_it_lists_then_writes_then_has_nothing_to_do(home: Path) -> None:
    listed = fmt(home, "--check")
    assert (listed.exit_code, listed.stdout) == (1, f"{PLACE}\n")
    assert (home / PLACE).read_text() == UNTIDY
    written = fmt(home)
    assert (written.exit_code, written.stdout) == (0, f"{PLACE}\n")
    # An empty line stays where it stood, above `schema`, which now comes first, where none may stand.
    assert (home / PLACE).read_text() == TIDY
    assert fmt(home, "--check").exit_code == 0


def test_what_an_editor_put_in_unseen_is_mended(home: Path) -> None:
    (home / PLACE).write_bytes(b"\xef\xbb\xbf" + TIDY.replace("\n", "\r\n").encode())
    assert fmt(home, "--check").exit_code == 1
    assert fmt(home).exit_code == 0
    assert (home / PLACE).read_bytes() == TIDY.encode()


def test_a_file_that_cannot_be_read_is_named_and_left(home: Path) -> None:
    (home / "records/customers/CUS-0002.yaml").write_text("name：全角\n")
    done = fmt(home)
    assert done.exit_code == 1
    assert "CUS-0002.yaml" in done.stderr
    assert "kelu check" in done.stderr
    assert (home / "records/customers/CUS-0002.yaml").read_text() == "name：全角\n"
    assert (home / PLACE).read_text() == TIDY


def test_only_what_is_named(home: Path) -> None:
    (home / "records/customers/CUS-0002.yaml").write_text(UNTIDY)
    assert fmt(home, str(home / "records/customers/CUS-0002.yaml")).stdout == "records/customers/CUS-0002.yaml\n"
    assert (home / PLACE).read_text() == UNTIDY


@pytest.mark.parametrize(
    ("raw", "mended"),
    [("\ufeffa: 1\r\n", "a: 1\n"), ("a: e\u0301\r", "a: \xe9\n"), ("a: 1\n", "a: 1\n")],
)
def test_mending(raw: str, mended: str) -> None:
    assert mend(raw.encode()) == mended.encode()


def test_what_is_no_text_is_left() -> None:
    assert mend(b"\xff\xfe\x00") == b"\xff\xfe\x00"


def test_the_records_of_this_repository_have_the_one_form() -> None:
    assert fmt(ROOT, "--check").output == ""
