"""Feed: a whole history told to `git fast-import`, faster than commit by commit and without a work tree."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from kelu.git import GitError, _started

_PIECE = 1 << 20


def fast_import(root: Path, stream: Iterable[bytes]) -> None:
    """Have git read a fast-import stream, piece by piece as it is made. Raises GitError when git refuses it."""
    with tempfile.TemporaryFile() as errors:
        with _started(root, ("fast-import", "--quiet", "--date-format=raw"), errors=errors) as process:
            assert process.stdin is not None
            waiting, size = [], 0
            try:
                for piece in stream:
                    waiting.append(piece)
                    size += len(piece)
                    if size >= _PIECE:
                        process.stdin.write(b"".join(waiting))
                        waiting, size = [], 0
                process.stdin.write(b"".join(waiting))
            except BrokenPipeError:
                pass  # git says why
            finally:
                process.stdin.close()
        if process.returncode:
            errors.seek(0)
            raise GitError(errors.read().decode("utf-8", "replace").strip() or "git failed")
