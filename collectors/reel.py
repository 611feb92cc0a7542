"""One tick file of the past: its lines, each with the time at which it was written.

Live, a line is as old as its receipt. Here all there is is its own `timestamp`, and what stamps do
is not always what time did: a line without one was written with the line before it, one stamp far
ahead of its neighbours is nobody's time, and a clock that was set back did not turn back time.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from datetime import datetime, tzinfo
from pathlib import Path

import msgspec

from collectors.line_reader import Piece, pieces
from tickbeat.record import Header

FIRST_LINES = 1_000
"""A file none of whose first lines tells its time doesn't tell it at all."""

LAST_BYTES = 65_536
LEAP_MS = 3_600_000
JITTER_MS = 1_000
"""Threads of an engine may write their lines this much out of order."""

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_FAULTS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_STEM = re.compile(r"(.+?)(?:\.\d{1,9})?\.jsonl(?:\.\d+)?")


class NoReel(Exception):
    """A file that can't be replayed: why, and what to do about it."""

    def __init__(self, why: str, todo: str) -> None:
        super().__init__(why)
        self.todo = todo


class _Stamp(msgspec.Struct):
    timestamp: str | None = None


_stamp = msgspec.json.Decoder(_Stamp).decode
_header = msgspec.json.Decoder(Header).decode


class Reel:
    """A regular file of lines. `header` is its first line's, None for a file of bare ticks.

    `first_ms` and `last_ms` are its first and its last stamp. Counts are complete once `lines`
    has come to its end.
    """

    def __init__(self, path: Path, zone: tzinfo) -> None:
        """Look at the ends of the file. Raises NoReel."""
        self.path = path
        match = _STEM.fullmatch(path.name)
        self.stem = match[1] if match else path.name
        self.unstamped = 0
        self.doubtful = 0
        self.set_back_ms = 0
        self._zone = zone
        head, tail = self._ends()
        if not head:
            raise NoReel(f"{path} holds no whole line.", "Is this the right file?")
        try:
            self.header: Header | None = _header(head[0])
        except _FAULTS:
            self.header = None
        stamps = [at for at in map(self._at, head) if at is not None]
        if not stamps:
            raise NoReel(
                f"{path}: none of its first {len(head)} lines tells its time, and a backtest must "
                "know when each tick was.",
                "Have the engine write `timestamp` into each tick (docs/heartbeat-format.md), or "
                "backtest the home's snapshots.",
            )
        self.first_ms = stamps[0]
        self.last_ms = next((at for at in map(self._at, reversed(tail)) if at is not None), 0)

    def lines(self) -> Iterator[tuple[int, Piece]]:
        """Yield each line with its time (POSIX ms, never falling), as a piece of the file.

        Raises OSError.
        """
        now_ms, shift_ms = self.first_ms, 0
        for piece, stamp, following in self._with_next():
            if stamp is None:
                self.unstamped += 1
                yield now_ms, piece
                continue
            at_ms = stamp + shift_ms
            if at_ms > now_ms + LEAP_MS and (following or 0) + shift_ms < at_ms - LEAP_MS // 60:
                self.doubtful += 1
            elif at_ms < now_ms - JITTER_MS:
                shift_ms += now_ms - at_ms
                self.set_back_ms += now_ms - at_ms
            else:
                now_ms = max(now_ms, at_ms)
            yield now_ms, piece

    def _with_next(self) -> Iterator[tuple[Piece, int | None, int | None]]:
        """Yield each line with its stamp and the next stamp that there is, None: none."""
        waiting: list[tuple[Piece, int | None]] = []
        for one in self._stamped():
            if one[1] is not None or len(waiting) > FIRST_LINES:
                for piece, stamp in waiting:
                    yield piece, stamp, one[1]
                waiting.clear()
            waiting.append(one)
        for piece, stamp in waiting:
            yield piece, stamp, None

    def _stamped(self) -> Iterator[tuple[Piece, int | None]]:
        descriptor = os.open(self.path, _FLAGS)
        try:
            size = os.fstat(descriptor).st_size
            for piece in pieces(descriptor, 0, size, b"", skipping=False):
                if not piece.data:
                    yield piece, None
                start = piece.start
                for line in piece.data.splitlines(keepends=True) if piece.data else ():
                    end = start + len(line)
                    yield Piece(start, end, line, b""), self._at(line)
                    start = end
        finally:
            os.close(descriptor)

    def _at(self, line: bytes) -> int | None:
        try:
            told = _stamp(line).timestamp
            if told is None:
                return None
            moment = datetime.fromisoformat(told)
        except (*_FAULTS, ValueError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._zone)
        return round(moment.timestamp() * 1000)

    def _ends(self) -> tuple[list[bytes], list[bytes]]:
        try:
            descriptor = os.open(self.path, _FLAGS)
        except OSError as fault:
            raise NoReel(
                f"{self.path} can't be read: {fault.strerror}.", "Check its name."
            ) from None
        try:
            there = os.fstat(descriptor)
            if not stat.S_ISREG(there.st_mode):
                raise NoReel(f"{self.path} is no regular file.", "Name tick files.")
            first = next(
                (one.data for one in pieces(descriptor, 0, there.st_size, b"", skipping=False)), b""
            )
            begin = max(0, there.st_size - LAST_BYTES)
            last = os.pread(descriptor, LAST_BYTES, begin)
        finally:
            os.close(descriptor)
        whole = last[last.find(b"\n") + 1 if begin else 0 : last.rfind(b"\n") + 1]
        return first.splitlines(keepends=True)[:FIRST_LINES], whole.splitlines(keepends=True)
