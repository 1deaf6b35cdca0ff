"""Shelf: the place records are put — the next free ids of a type, and files written all together or not at all."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from kelu.schema import RecordSchema

_FORM = re.compile(r"\^([A-Z]+)-(\[0-9\]\{4\}-)?\[0-9\]\{(\d+)\}\$")
_ASIDE = ".kelu-new"


def next_ids(schema: RecordSchema, taken: Iterable[str], year: int, count: int = 1) -> list[str]:
    """The next free ids of a type in a year: behind the highest one `taken`, for a number is never used twice.

    Raises ValueError when the numbers are used up, or the type's ids have another form than PREFIX-[YEAR-]NUMBER.
    """
    form = _FORM.fullmatch(schema.id_pattern.pattern)
    if form is None:
        raise ValueError(f"{schema.name}: {schema.id_pattern.pattern}")
    prefix = f"{form[1]}-{year:04d}-" if form[2] else f"{form[1]}-"
    numbers = (name.removeprefix(prefix) for name in taken if name.startswith(prefix))
    first = max((int(number) for number in numbers if number.isdigit()), default=0) + 1
    digits = int(form[3])
    if first + count > 10**digits:
        raise ValueError(f"{prefix}{'9' * digits}")
    return [f"{prefix}{number:0{digits}d}" for number in range(first, first + count)]


def save(root: Path, files: Mapping[str, bytes | None]) -> None:
    """Write files below a folder (None: remove), all of them or none: whatever fails or interrupts, what was there
    before is there again. Raises OSError; ValueError where a path leads out of the folder or through a link."""
    home = root.resolve()
    places = {path: home / path for path in files}
    for path, place in places.items():
        if place.parent.resolve() != place.parent or not place.is_relative_to(home) or place.is_symlink():
            raise ValueError(path)
    before = {path: place.read_bytes() if place.exists() else None for path, place in places.items()}
    made: list[Path] = []
    done: list[str] = []
    try:
        for path, raw in files.items():
            if raw is not None:
                made += _make_folders(places[path].parent)
                _aside(places[path]).write_bytes(raw)
        for path, raw in files.items():
            done.append(path)
            if raw is not None:
                _aside(places[path]).replace(places[path])
            else:
                places[path].unlink(missing_ok=True)
    except BaseException:
        for path in done:
            _restore(places[path], before[path])
        for place in places.values():
            _aside(place).unlink(missing_ok=True)
        for folder in reversed(made):
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _aside(place: Path) -> Path:
    return place.with_name(f".{place.name}{_ASIDE}")


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and those above it; return the new ones, outermost first."""
    new = [place for place in (folder, *folder.parents) if not place.exists()][::-1]
    folder.mkdir(parents=True, exist_ok=True)
    return new


def _restore(place: Path, raw: bytes | None) -> None:
    if raw is None:
        place.unlink(missing_ok=True)
    elif place.read_bytes() != raw if place.exists() else True:
        _aside(place).write_bytes(raw)
        _aside(place).replace(place)
