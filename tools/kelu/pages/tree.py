"""Tree: the files of a site in the making, brought there from the site that stands by what differs.

Two trees take turns. What is as in the standing site is put into the other one as a hard link, so that it keeps its
file and its time and costs nothing; what differs is written as a new file; what is no longer wanted goes. The other
tree is the site before the standing one, of which nearly every file is the very one already.

Of files that are costly to make an index tells by what key each was made. It belongs to a tree by the tree's inode and
is believed of a page only while the page's file is the one that was written (inode, size, time), as Git's index is.
Whatever else a tree may hold, by whomever, is replaced or removed; without an index pages are made and then compared.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

_INDICES = 4  # so many are kept: of both trees, and of a site elsewhere
_NO_LINK = (PermissionError, NotImplementedError)  # said by a file system that has no hard links
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | getattr(os, "O_BINARY", 0)
Stamp = tuple[int, int, int]  # inode, size, time of a file


class SiteTree:
    """The site in the making in `folder`, on the file system of `site`, which is the standing one and may be missing.

    `notes` is a folder for indices, of which none is believed unless `cached`.
    """

    def __init__(self, site: Path, folder: Path, notes: Path, *, cached: bool = True) -> None:
        self.folder = folder
        self._site, self._notes = str(site), notes
        self._words: Mapping[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)
        notes.mkdir(parents=True, exist_ok=True)
        self._folders = {""}
        self._there: dict[str, int] = {}
        for path, entry in _walk(str(folder), ""):
            if entry.is_dir(follow_symlinks=False):
                self._folders.add(path)
            else:
                self._there[path] = entry.inode()
        self._former, self._former_words = self._read() if cached else ({}, {})
        self._wanted: dict[str, tuple[str, Stamp] | None] = {}

    def renamed(self, words: Mapping[str, str]) -> Collection[str]:
        """`words` are what any page may say besides what its key tells of, by name; returned are the names of those
        that the standing site was made without."""
        self._words = words
        return [name for name, _ in words.items() ^ self._former_words.items()] if self._former else ()

    def _read(self) -> tuple[dict[str, tuple[str, Stamp]], dict[str, str]]:
        """The pages of the standing site with their keys, as far as their files are what was written, and the words."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            digest, _, text = (self._notes / _name(self._site)).read_text("utf-8").partition("\n")
            index = json.loads(text) if hashlib.sha256(text.encode()).hexdigest() == digest else {}
            pages = {
                f"{folder}{name}": (held[0], stamp)
                for folder, pages in index["pages"].items()
                for name, stamp in _stamps(os.path.join(self._site, folder))
                if (held := pages.get(name)) is not None and stamp == tuple(held[1:])
            }
            return pages, index["words"]
        return {}, {}

    # --- what the site is to hold ---

    def keep(self, path: str, key: str) -> bool:
        """Have the file that stands there, if it was made by this key."""
        held = self._former.get(path)
        if held is None or held[0] != key:
            return False
        self._link(path, held[1])
        self._wanted[path] = held
        return True

    def write(self, path: str, content: bytes) -> Stamp:
        """Have a file of this content, the standing one if it has it. What is written is part of the site once it is
        noted: another process may do the writing."""
        stamp = self._standing(path, content)
        if stamp is not None:
            self._link(path, stamp)
            return stamp
        place = self._free(path)
        file = os.open(place, _NEW, 0o666)
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(file, left) :]
            return _stamp(os.fstat(file))
        finally:
            os.close(file)

    def note(self, path: str, key: str, stamp: Stamp) -> None:
        """A file that was written belongs to the site, made by a key."""
        self._wanted[path] = key, stamp

    def put(self, path: str, content: bytes) -> None:
        """A file without a key."""
        self.write(path, content)
        self._wanted[path] = None

    def put_all(self, folder: Path, at: str = "") -> None:
        """Every file of a folder, at the same place below `at`."""
        for path, entry in _walk(str(folder), f"{at}/" if at else ""):
            if entry.is_file():
                self.put(path, Path(entry.path).read_bytes())

    def make(self, path: str) -> None:
        """Have a folder, for pages that other processes write."""
        if path not in self._folders:
            os.mkdir(self._free(path))
            self._folders.add(path)

    def pages(self) -> list[str]:
        """The HTML pages of the site so far, in order."""
        return sorted(path for path in self._wanted if path.endswith(".html"))

    def close(self) -> int:
        """Remove what the site is not to hold, and keep the index; returns the number of HTML pages."""
        for path in self._there.keys() - self._wanted.keys():
            os.unlink(self.folder / path)
        used = {path[:at] for path in self._wanted for at, letter in enumerate(path) if letter == "/"}
        for path in sorted(self._folders - used - {""}, reverse=True):
            os.rmdir(self.folder / path)
        pages: dict[str, dict[str, list[object]]] = {}
        for path, held in self._wanted.items():
            if held is not None:
                parent, slash, name = path.rpartition("/")
                pages.setdefault(parent + slash, {})[name] = [held[0], *held[1]]
        text = json.dumps({"words": self._words, "pages": pages})
        place = self._notes / _name(str(self.folder))
        fresh = place.with_name("new")
        fresh.write_text(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}", "utf-8")
        fresh.replace(place)
        indices = sorted(self._notes.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for stale in indices[_INDICES:]:
            stale.unlink()
        return len(self.pages())

    # --- files ---

    def _standing(self, path: str, content: bytes) -> Stamp | None:
        """The stamp of the file at this place of the standing site, if it is a plain file of this content."""
        place = os.path.join(self._site, path)
        with contextlib.suppress(OSError):
            found = os.lstat(place)
            if stat.S_ISREG(found.st_mode) and found.st_size == len(content):
                with open(place, "rb") as file:
                    if file.read() == content:
                        return _stamp(found)
        return None

    def _link(self, path: str, stamp: Stamp) -> None:
        """Have the standing site's file."""
        if self._there.get(path) == stamp[0]:
            return
        source, place = os.path.join(self._site, path), self._free(path)
        try:
            os.link(source, place)
        except _NO_LINK:
            shutil.copy2(source, place)

    def _free(self, path: str) -> str:
        """The place of a path in this tree, in a folder that is there and with nothing at it."""
        parent = path.rpartition("/")[0]
        self.make(parent)
        place = os.path.join(self.folder, path)
        if path in self._folders:
            shutil.rmtree(place)
            inside = f"{path}/"
            self._folders = {name for name in self._folders if name != path and not name.startswith(inside)}
            self._there = {name: node for name, node in self._there.items() if not name.startswith(inside)}
        elif path in self._there:
            os.unlink(place)
            del self._there[path]
        return place


def _walk(root: str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything in a folder and below it, a folder before what it holds, by its path from there."""
    with os.scandir(root) as entries:
        for entry in entries:
            yield f"{prefix}{entry.name}", entry
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, f"{prefix}{entry.name}/")


def _stamps(folder: str) -> Iterator[tuple[str, Stamp]]:
    """The plain files of a folder by name; none where there is no folder."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                yield entry.name, _stamp(entry.stat(follow_symlinks=False))


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _name(tree: str) -> str:
    """What the index of a tree is called."""
    found = os.stat(tree)
    return f"{found.st_dev:x}-{found.st_ino:x}"
