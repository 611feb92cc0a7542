"""Heartbeat segments that were read long ago are deleted, oldest first.

Only what nobody writes to any more: rotated segments, and the last file of a writer that has been
silent for all that time (a writer's name is never used again). Only files whose name, inode and
length agree with a cursor of a *durable* snapshot: their ticks are counted.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

import msgspec

from collectors.line_reader import MAX_LINE_BYTES
from evaluator.instant import Instant, elapsed_ms
from monitoring.config import Retention
from monitoring.log import monitoring_log
from monitoring.snapshot import Cursor

DAY_MS = 86_400_000
PAUSE_MS = 600_000
MOST_AT_ONCE_MS = 2 * DAY_MS
"""One run deletes by age what was written within two days, and runs are a day apart: a clock that
is a year ahead must not empty the folder before somebody has seen it."""

MOST_DEAD_FILES = 200
SILENT_MS = 600_000
"""An engine that dies and is restarted all night leaves a file each time. Each one costs a look at
every turn and a cursor in every snapshot (5,000 of them: a third of a core, 8 GB a day), so of
those whose writer has been silent for this long only so many are kept.
"""


class Segment(msgspec.Struct, frozen=True):
    """A file whose every line is in a snapshot. `rotated`: its writer has gone on to another."""

    name: str
    inode: int
    size: int
    mtime_ms: int
    rotated: bool


class Sweep:
    """Deletes what is due, now and then. `fault` says why it couldn't, None when it could."""

    def __init__(self, folder: Path, engine: str, retention: Retention) -> None:
        self._folder = folder
        self._engine = engine
        self._retention = retention
        self._ran_at: Instant | None = None
        self._aged_at: Instant | None = None
        self.fault: str | None = None

    def run(self, cursors: Sequence[Cursor], now: Instant) -> list[str]:
        """Return the names of the files deleted; `cursors` are those of a durable snapshot."""
        if self._ran_at is not None and elapsed_ms(self._ran_at, now) < PAUSE_MS:
            return []
        self._ran_at = now
        try:
            segments = finished(self._folder, self._engine, cursors)
            due = too_many(segments, self._retention)
            due += [one for one in dead_in_excess(segments, now) if one not in due]
            if self._aged_at is None or elapsed_ms(self._aged_at, now) >= DAY_MS:
                old = too_old(segments, now, self._retention)
                self._aged_at = now if old else self._aged_at
                due += [segment for segment in old if segment not in due]
            deleted = delete(self._folder, due)
        except OSError as fault:
            self.fault = f"old heartbeat segments not deleted: {fault.strerror}"
            return []
        self.fault = None
        if deleted:
            named = ", ".join(deleted[:5]) + (", …" if len(deleted) > 5 else "")
            monitoring_log.info("{} heartbeat segments deleted: {}", len(deleted), named)
        return deleted


def finished(folder: Path, engine: str, cursors: Sequence[Cursor]) -> list[Segment]:
    """Return the files that were read to their end, oldest first. Raises OSError."""
    segments = []
    for cursor in cursors:
        if os.sep in cursor.name:  # a snapshot that somebody wrote by hand leads to no other folder
            continue
        rotated = _is_rotated(engine, cursor.name)
        if not rotated and cursor.name != f"{engine}-{cursor.writer}.jsonl":
            continue
        try:
            there = os.lstat(folder / cursor.name)
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(there.st_mode) or there.st_ino != cursor.inode:
            continue
        if _is_read(folder / cursor.name, cursor.offset, there.st_size):
            mtime_ms = there.st_mtime_ns // 1_000_000
            segments.append(Segment(cursor.name, cursor.inode, there.st_size, mtime_ms, rotated))
    return sorted(segments, key=lambda segment: segment.mtime_ms)


def too_old(segments: Sequence[Segment], now: Instant, retention: Retention) -> list[Segment]:
    """Return which of the segments (oldest first) are past their days, bounded per run."""
    oldest_kept_ms = now.wall_ms - retention.heartbeat_days * DAY_MS
    old = [segment for segment in segments if segment.mtime_ms < oldest_kept_ms]
    return [one for one in old if one.mtime_ms <= old[0].mtime_ms + MOST_AT_ONCE_MS]


def too_many(segments: Sequence[Segment], retention: Retention) -> list[Segment]:
    """Return the oldest rotated segments that are in excess of the bytes kept."""
    excess = sum(segment.size for segment in segments) - retention.heartbeat_bytes
    found = []
    for segment in segments:
        if excess > 0 and segment.rotated:
            found.append(segment)
            excess -= segment.size
    return found


def dead_in_excess(segments: Sequence[Segment], now: Instant) -> list[Segment]:
    """Return the oldest of the last files that silent writers left, beyond those that are kept."""
    silent_since_ms = now.wall_ms - SILENT_MS
    dead = [one for one in segments if not one.rotated and one.mtime_ms < silent_since_ms]
    return dead[: max(0, len(dead) - MOST_DEAD_FILES)]


def delete(folder: Path, segments: Sequence[Segment]) -> list[str]:
    """Delete the segments that are still the same files, and return the names. Raises OSError."""
    deleted = []
    for segment in segments:
        try:
            there = os.lstat(folder / segment.name)
            if (there.st_ino, there.st_size) == (segment.inode, segment.size):
                os.unlink(folder / segment.name)
                deleted.append(segment.name)
        except FileNotFoundError:
            continue
    return deleted


def _is_read(path: Path, offset: int, size: int) -> bool:
    """Tell whether nothing lies behind the offset, or only what a death left of its last line."""
    if not 0 <= size - offset <= MAX_LINE_BYTES:
        return False
    if size == offset:
        return True
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return b"\n" not in os.pread(descriptor, size - offset, offset)
    finally:
        os.close(descriptor)


def _is_rotated(engine: str, name: str) -> bool:
    pattern = rf"{re.escape(engine)}(-[A-Za-z0-9_-]+)?\.\d{{1,9}}\.jsonl"
    return re.fullmatch(pattern, name) is not None
