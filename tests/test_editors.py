"""What helps where records are written by hand: schemas in the editor, hooks before a commit, completion in a shell."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
import yaml

from kelu import resources
from repository import ROOT, own_records

SERVER = ROOT / "tests/node/node_modules/yaml-language-server/out/server/src/server.js"
HOMES = (ROOT, resources.starter_dir())
SCHEMAS = {path: json.loads(path.read_text("utf-8")) for path in sorted((ROOT / "schemas").glob("*.schema.json"))}
GOVERNING = {f"./schemas/{path.name}": data["x-files"] for path, data in SCHEMAS.items() if "x-files" in data}
COMPLAINT = "records/complaints/2026/CMP-2026-0003.yaml"


@pytest.mark.parametrize("home", HOMES, ids=["repository", "starter"])
def test_the_editor_knows_the_schema_of_every_file(home: Path) -> None:
    settings = json.loads((home / ".vscode/settings.json").read_text("utf-8"))
    assert settings["yaml.schemas"] == {name: re.sub(r"\{\w+\}", "*", files) for name, files in GOVERNING.items()}
    assert settings["yaml.schemaStore.enable"] is False  # nothing is asked of the network
    extensions = json.loads((home / ".vscode/extensions.json").read_text("utf-8"))
    assert extensions == {"recommendations": ["redhat.vscode-yaml"]}


# --- yaml-language-server, which stands behind the extension ----------------------------------------------


class Editor:
    """An editor as the language server sees one: it opens files and asks what to show."""

    def __init__(self, node: str, root: Path) -> None:
        self._server = subprocess.Popen(
            [node, str(SERVER), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._guard = Timer(120, self._server.kill)
        self._guard.start()
        self._root, self._asked = root, 0
        self._told: dict[str, list[dict[str, Any]]] = {}
        flat = json.loads((root / ".vscode/settings.json").read_text("utf-8"))
        self._settings: dict[str, Any] = {"yaml": {"hover": True, "completion": True, "validate": True}}
        for key in ("schemas", "schemaStore.enable", "format.enable"):
            *sections, last = ("yaml", *key.split("."))
            held = self._settings
            for section in sections:
                held = held.setdefault(section, {})
            held[last] = flat[f"yaml.{key}"]
        folders = [{"uri": root.as_uri(), "name": "records"}]
        text = {"hover": {"contentFormat": ["markdown"]}, "completion": {"completionItem": {"snippetSupport": True}}}
        able = {"workspace": {"configuration": True, "workspaceFolders": True}, "textDocument": text}
        self._ask("initialize", processId=None, rootUri=root.as_uri(), workspaceFolders=folders, capabilities=able)
        self._tell("initialized")
        self._tell("workspace/didChangeConfiguration", settings=self._settings)

    def close(self) -> None:
        self._guard.cancel()
        self._server.kill()
        self._server.communicate()

    def problems(self, path: str, text: str) -> list[tuple[int, str]]:
        """(line, message) of what is underlined in a file of this text."""
        uri = (self._root / path).as_uri()
        self._told.pop(uri, None)
        self._tell("textDocument/didOpen", textDocument={"uri": uri, "languageId": "yaml", "version": 1, "text": text})
        while uri not in self._told:
            self._hear()
        return [(item["range"]["start"]["line"] + 1, item["message"]) for item in self._told[uri]]

    def hover(self, path: str, line: int) -> str:
        """What is shown over the key at the beginning of a line."""
        found = self._ask("textDocument/hover", **self._at(path, line, 1))
        return str(found["contents"]["value"])

    def offers(self, path: str, line: int, column: int) -> list[str]:
        """What can be put in at a place."""
        return [item["label"] for item in self._ask("textDocument/completion", **self._at(path, line, column))["items"]]

    def _at(self, path: str, line: int, column: int) -> dict[str, Any]:
        place = {"line": line - 1, "character": column - 1}
        return {"textDocument": {"uri": (self._root / path).as_uri()}, "position": place}

    def _tell(self, method: str, **words: Any) -> None:
        self._send({"method": method, "params": words})

    def _ask(self, method: str, **words: Any) -> Any:
        self._asked += 1
        self._send({"id": self._asked, "method": method, "params": words})
        while True:
            heard = self._hear()
            if heard.get("id") == self._asked and "method" not in heard:
                return heard["result"]

    def _send(self, message: Mapping[str, Any]) -> None:
        raw = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._server.stdin is not None
        self._server.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(raw), raw))
        self._server.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._server.stdout is not None
        size = 0
        while line := self._server.stdout.readline().strip():
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        assert size, "the language server ended"
        message: dict[str, Any] = json.loads(self._server.stdout.read(size))
        if message.get("method") == "textDocument/publishDiagnostics":
            self._told[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif message.get("method") == "workspace/configuration":
            wanted = [self._settings.get(item["section"]) for item in message["params"]["items"]]
            self._send({"id": message["id"], "result": wanted})
        elif "method" in message and "id" in message:
            self._send({"id": message["id"], "result": None})
        return message


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    node = shutil.which("node")
    if node is None or not SERVER.is_file():
        reason = "node or tests/node/node_modules is missing: make test installs it where npm is there"
        if os.environ.get("KELU_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    root = tmp_path_factory.mktemp("editor")
    for name in ("schemas", ".vscode"):
        shutil.copytree(ROOT / name, root / name)
    opened = Editor(node, root)
    yield opened
    opened.close()


def of_each_type() -> list[str]:
    """One record of each type."""
    first = {path.split("/")[1]: path for path in sorted(own_records(), reverse=True)}
    return sorted(first.values())


@pytest.mark.parametrize("path", [*of_each_type(), "config/staff.yaml", "config/policy.yaml"])
def test_nothing_is_underlined_in_a_sound_file(editor: Editor, path: str) -> None:
    text = own_records()[path].decode() if path in own_records() else (ROOT / path).read_text("utf-8")
    assert editor.problems(path, text) == []


def test_hovering_tells_in_chinese_and_completion_offers_what_may_stand(editor: Editor) -> None:
    text = own_records()[COMPLAINT].decode()
    assert editor.problems(COMPLAINT, text) == []
    lines = text.splitlines()
    title, channel = (
        next(n for n, line in enumerate(lines, 1) if line.startswith(key)) for key in ("title:", "channel:")
    )
    assert "标题" in editor.hover(COMPLAINT, title)  # stands in common.schema.json
    assert "不写人名和电话" in editor.hover(COMPLAINT, title)
    assert "投诉渠道" in editor.hover(COMPLAINT, channel)
    schema = SCHEMAS[ROOT / "schemas/complaint.schema.json"]
    values = editor.offers(COMPLAINT, channel, len("channel: ") + 1)
    assert set(values) == set(schema["properties"]["channel"]["enum"])
    draft = COMPLAINT.replace("0003", "0098")
    editor.problems(draft, "schema: complaint/v1\n\n")
    assert {"received_at", "customer", "demands"} <= set(editor.offers(draft, 2, 1))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("channel: hotline", "channel: hotlin", "hotline"),
        ("demands: ", "demand: ", "demand"),
        ("registered_by: S001", "registered_by: 1", "string"),
        ("customer: CUS-0001", "customer: 一号客户", ""),
        ("  contact: CUS-0001/C01", "contact: CUS-0001/C01", "contact"),
    ],
)
def test_a_fault_is_underlined_at_its_line(editor: Editor, old: str, new: str, told: str) -> None:
    text = own_records()[COMPLAINT].decode()
    assert old in text
    bad = text.replace(old, new, 1)
    line = text[: text.index(old)].count("\n") + 1
    found = editor.problems(COMPLAINT.replace("0003", f"0{900 + len(new)}"), bad)
    assert any(at == line and told in message for at, message in found), found


# --- hooks of pre-commit ----------------------------------------------------------------------------------


def hooks() -> dict[str, dict[str, Any]]:
    return {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}


def kelu(entry: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """What a hook's or a shell's `kelu …` does."""
    first, *others = shlex.split(entry)
    assert first == "kelu"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tools"), "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-m", "kelu", *others, *words]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_hooks_serve_another_repository(tmp_path: Path) -> None:
    """As pre-commit runs them: from its top, with the staged files that `files` matches."""
    records = tmp_path / "records-of-others"
    assert kelu("kelu", "init", str(records), cwd=tmp_path).returncode == 0
    customer = "records/customers/CUS-0001.yaml"
    text = (records / customer).read_text("utf-8")
    held = hooks()
    assert all(hook["language"] == "python" for hook in held.values())
    assert all(re.search(hook["files"], customer) for hook in held.values())
    assert kelu(held["kelu-check"]["entry"], cwd=records).returncode == 0
    (records / customer).write_text(text.replace("\n", "   \n", 1).rstrip("\n"), "utf-8")
    assert kelu(held["kelu-fmt"]["entry"], customer, cwd=records).returncode == 0
    formed = (records / customer).read_text("utf-8")
    assert kelu(held["kelu-fmt"]["entry"], customer, "--check", cwd=records).returncode == 0
    assert formed.endswith("\n")
    (records / customer).write_text(re.sub(r"(?m)^id: .*", "id: CUS-1", formed), "utf-8")
    done = kelu(held["kelu-check"]["entry"], cwd=records)
    assert done.returncode == 1
    assert f"{customer}:" in done.stdout


# --- completion -------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [("kelu revi", {"review"}), ("kelu check --form", {"--format"}), ("kelu review --format ", {"markdown", "json"})],
)
def test_bash_completes_commands_options_and_values(typed: str, offered: set[str], tmp_path: Path) -> None:
    """The script that click writes, sourced by a real bash which then completes a line."""
    command = tmp_path / "kelu"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT / "tools"}" exec "{sys.executable}" -m kelu "$@"\n', "utf-8")
    command.chmod(0o755)
    words = [*typed.split(" ")]
    script = f"""
        eval "$(_KELU_COMPLETE=bash_source kelu)"
        COMP_WORDS=({" ".join(shlex.quote(word) for word in words)})
        COMP_CWORD={len(words) - 1}
        _kelu_completion kelu
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == offered
