"""Peers: what kelu is compared with, made ready in a folder of its own where it is not at hand."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

PYTHON = ("gitpython", "git-history", "pyyaml", "yamale", "pagefind[bin]", "mkdocs-material")
NODE = ("ajv@8", "ajv-formats@3", "js-yaml@4")

NODE_SCRIPT = """
const fs = require("fs"), yaml = require("js-yaml"), Ajv = require("ajv/dist/2020");
const ajv = new Ajv({strict: false, allErrors: true, validateFormats: true});
require("ajv-formats")(ajv);
const [folder, list] = process.argv.slice(2);
for (const name of fs.readdirSync(folder).filter(name => name.endsWith(".schema.json")))
  ajv.addSchema(JSON.parse(fs.readFileSync(`${folder}/${name}`, "utf8")), name);
const valid = ajv.getSchema("complaint.schema.json");
let faults = 0;
for (const file of JSON.parse(fs.readFileSync(list, "utf8")))
  if (!valid(yaml.load(fs.readFileSync(file, "utf8"), {schema: yaml.CORE_SCHEMA}))) faults++;
console.log(faults);
"""
YAMALE_SCRIPT = """
import sys, yamale
schema = yamale.make_schema(content="id: str()\\nschema: int()\\ntitle: str()\\nstatus: str()\\n")
for name in open(sys.argv[1]).read().split():
    yamale.validate(schema, yamale.make_data(name, parser="PyYAML"), strict=False, _raise_error=False)
"""
SAFE_LOADER = """
import sys, yaml
for name in sys.argv[1:]:
    yaml.load(open(name, "rb"), yaml.CSafeLoader)
"""
MKDOCS = "site_name: Records\ntheme: {name: material}\nplugins: []\nnav: [index.md]\n"
OWN_LOADER = """
import sys
from kelu.document import parse
for name in sys.argv[1:]:
    data, faults = parse(open(name, "rb").read(), name)
    assert data is not None, faults
"""


def python(workshop: Path) -> Path | None:
    """The Python of an environment that has the peers, made once; None where they cannot be had."""
    home = workshop / "peers"
    found = home / "bin/python"
    if not home.exists():
        venv.create(home, with_pip=True)
        done = subprocess.run([found, "-m", "pip", "install", "--quiet", *PYTHON], capture_output=True, check=False)
        if done.returncode:
            print(done.stderr.decode("utf-8", "replace")[-400:], file=sys.stderr)
            return None
    return found if (home / "bin/git-history").exists() else None


def yamale(workshop: Path, files: Sequence[Path]) -> list[str | Path] | None:
    """A command that holds files against a schema of four fields; yamale knows no conditions."""
    found = python(workshop)
    if found is None:
        return None
    listed = workshop / "yamale.txt"
    listed.write_text("\n".join(map(str, files)), "utf-8")
    return [found, "-c", YAMALE_SCRIPT, listed]


def node(workshop: Path, home: Path, files: Sequence[Path]) -> list[str | Path] | None:
    """A command that holds complaints against their schema with ajv."""
    folder = workshop / "node"
    if not folder.exists():
        folder.mkdir()
        (folder / "check.js").write_text(NODE_SCRIPT, "utf-8")
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", *NODE]
        try:
            subprocess.run(command, cwd=folder, capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
    if not (folder / "node_modules/ajv").exists():
        return None
    listed = folder / "files.json"
    listed.write_text(json.dumps([str(file) for file in files]), "utf-8")
    return ["node", folder / "check.js", home / "schemas", listed]


def markdown(record: str) -> str:
    """A record as the Markdown that a generator of its page would write: a heading, and a row of a table a line."""
    lines = [line.strip("- ").partition(":") for line in record.splitlines() if ":" in line]
    rows = "".join(f"| {key} | {value.strip().replace('|', ' ')} |\n" for key, _, value in lines)
    return f"# Record\n\n| field | value |\n|---|---|\n{rows}"
