"""Resources: where the data that comes with kelu lies, in a checkout and in an installed wheel alike.

In a checkout the top-level folders are the single source; a wheel carries copies of them in `kelu/data`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def schemas_dir() -> Path:
    """The JSON Schemas, one file a record type."""
    return _data("schemas", "schemas")


def policies_dir() -> Path:
    """The policy packs, one folder a pack, and `views/`."""
    return _data("policies", "policies")


def site_dir() -> Path:
    """Page templates, theme overrides and assets."""
    return _data("site", "site")


def calendar_dir() -> Path:
    """Working-day files, `cn-YYYY.yaml`."""
    return _data("calendar", "config/calendar")


def imports_dir() -> Path:
    """Mappings of other programs' tables, to be adapted."""
    return _data("imports", "config/imports")


def mkdocs_file() -> Path:
    """The fixed part of the site's MkDocs configuration."""
    return _data("mkdocs.yml", "mkdocs.yml")


def starter_dir() -> Path:
    """The files that only a new records repository needs; `starter.create` adds the rest."""
    return _PACKAGE / "starter"


def program_digest() -> str:
    """A digest of kelu's own code: what another version, or a changed one, has worked out is not to be believed."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _data(packaged: str, in_checkout: str) -> Path:
    installed = _PACKAGE / "data" / packaged
    return installed if installed.exists() else _PACKAGE.parents[1] / in_checkout
