"""Lines that could not be used, kept with the reason, in files of bounded size."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from collectors.tick_line import Reject
from evaluator.instant import Instant
from monitoring.atomic import FILE_MODE, FOLDER_MODE

MAX_FILE_BYTES = 1024 * 1024
"""Past this the file becomes `rejected.1.jsonl`, and the one before that is gone."""

MAX_LINE_BYTES = 512
MAX_PER_CALL = 50
"""A folder full of garbage must not cost more here than in reading it."""

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Entry(msgspec.Struct):
    """One rejected line: when (POSIX ms), of which file, its length and beginning, and why."""

    wall_ms: int
    file: str
    reason: str
    bytes: int
    line: str


class Quarantine:
    """Appends to `rejected.jsonl`. What can't be written is lost; `fault` then says why."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "rejected.jsonl"
        self._older = folder / "rejected.1.jsonl"
        self.fault: str | None = None

    def put(self, file: str, rejects: Sequence[Reject], now: Instant) -> None:
        """Keep the first of these lines, with the reason."""
        entries = [_entry(file, reject, now) for reject in rejects[:MAX_PER_CALL]]
        if len(rejects) > MAX_PER_CALL:
            entries[-1].reason += f" (and {len(rejects) - MAX_PER_CALL} more lines)"
        data = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
        try:
            self._append(data)
            self.fault = None
        except OSError as fault:
            self.fault = f"quarantine: {fault.strerror}"

    def _append(self, data: bytes) -> None:
        self._path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        descriptor = os.open(self._path, _FLAGS, FILE_MODE)
        try:
            full = os.fstat(descriptor).st_size + len(data) > MAX_FILE_BYTES
            if not full:
                os.write(descriptor, data)
        finally:
            os.close(descriptor)
        if full:
            os.replace(self._path, self._older)
            self._append(data)


def _entry(file: str, reject: Reject, now: Instant) -> Entry:
    kept = reject.line[:MAX_LINE_BYTES].decode("utf-8", "backslashreplace")
    return Entry(now.wall_ms, file, reject.reason[:200], len(reject.line), kept)
