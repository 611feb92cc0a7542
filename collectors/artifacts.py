"""How old are the model files? Modification times of what the settings' globs match.

A folder (a saved model is often one) is as new as the newest regular file below it: the folder's
own time changes when a temporary file comes and goes, so it would look fresh by mistake.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from monitoring.config import Artifact

FUTURE_TOLERANCE_SECONDS = 5.0
"""Clocks of a training machine and a file server may run this far ahead, not more."""

MAX_FILES = 10_000
"""Files looked at per artifact: past this the glob is a mistake, and the age unknown."""

MAX_DEPTH = 8
"""Folders below a matched folder that are entered."""

TEMPORARY_SUFFIXES = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".swp", ".lock", "~")

_VANISHED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE})


class _UnknownAgeError(Exception):
    """What matched can't be judged: unreadable, or far too much of it."""


def ages(
    root: Path, artifacts: Mapping[str, Artifact], now_wall_ms: int
) -> dict[str, float | None]:
    """Return the age in hours of each watched artifact; globs are relative to `root`.

    None is unknown: nothing matches, it is being replaced (only temporary names or empty files, or
    it vanished between listing and looking), it lies in the future, or it can't be looked at.
    An artifact without a glob isn't in the answer.
    """
    return {
        name: _age_hours(root, artifact.path, now_wall_ms)
        for name, artifact in artifacts.items()
        if artifact.path
    }


def _age_hours(root: Path, pattern: str, now_wall_ms: int) -> float | None:
    try:
        newest = max(_modified(root, pattern), default=None)
    except (_UnknownAgeError, OSError, ValueError):  # ValueError: a NUL, or no glob at all
        return None
    if newest is None:
        return None
    age_seconds = now_wall_ms / 1000 - newest
    if age_seconds < -FUTURE_TOLERANCE_SECONDS:
        return None
    return max(0.0, age_seconds) / 3600


def _modified(root: Path, pattern: str) -> Iterator[float]:
    """Yield the modification time (POSIX seconds) of each file that the glob stands for."""
    looked_at = 0
    for path in _matches(root, pattern):
        for modified in _newest_times(path, MAX_DEPTH):
            looked_at += 1
            if looked_at > MAX_FILES:
                raise _UnknownAgeError
            yield modified


def _matches(root: Path, pattern: str) -> Iterator[Path]:
    path = Path(pattern)
    if path.is_absolute():
        root, path = Path(path.anchor), path.relative_to(path.anchor)
    if not any(character in pattern for character in "*?["):
        yield root / path
        return
    _refuse_unreadable(root, path)
    for match in root.glob(str(path)):
        if not _is_temporary(match.name):
            yield match


def _refuse_unreadable(root: Path, pattern: Path) -> None:
    """Raise OSError when the folder before the first wildcard can't be listed.

    `Path.glob` passes over such a folder in silence, as if nothing were there.
    """
    fixed = root
    for part in pattern.parts:
        if any(character in part for character in "*?["):
            break
        fixed /= part
    with os.scandir(fixed):
        pass


def _newest_times(path: Path, depth: int) -> Iterator[float]:
    try:
        status = path.stat()
        entries = list(os.scandir(path)) if stat.S_ISDIR(status.st_mode) and depth else []
    except OSError as error:
        if error.errno in _VANISHED:
            return
        raise
    if stat.S_ISREG(status.st_mode) and status.st_size > 0:  # empty: somebody has yet to write it
        yield status.st_mtime
    for entry in entries:
        # a link below the folder may lead in circles
        if not entry.is_symlink() and not _is_temporary(entry.name):
            yield from _newest_times(Path(entry.path), depth - 1)


def _is_temporary(name: str) -> bool:
    return name.startswith(".") or name.lower().endswith(TEMPORARY_SUFFIXES)
