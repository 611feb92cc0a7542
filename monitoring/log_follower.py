"""The alert log read as it grows: over midnight, rotation and truncation, each line once."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import BinaryIO

import msgspec

from monitoring.alert_fold import last_line
from monitoring.alert_line import AlertLine

_NAME = re.compile(r"\d{4}-\d\d-\d\d\.jsonl")
READ_BYTES = 1 << 20
WATCHED_FILES = 3


class Unreadable(msgspec.Struct, frozen=True):
    """A line that is no alert line: where it begins, and why."""

    file: str
    offset: int
    why: str


def _order(line: AlertLine | Unreadable) -> int:
    """Order by seq, for names are in the wrong order when the clock was set back over midnight."""
    return line.seq if isinstance(line, AlertLine) else 0


def _healed(line: AlertLine | Unreadable) -> float | None:
    """Return the offset of the torn line that a line says is known and made good."""
    if isinstance(line, Unreadable) or line.kind != "healed":
        return None
    offset = line.context.get("offset")
    return offset if isinstance(offset, float | int) else None


class _Place(msgspec.Struct):
    """`offset` is after the last whole line: a torn end may yet be cut off and written anew."""

    inode: int
    offset: int = 0
    size: int = 0


class LogFollower:
    """Yields the lines of the alert log, newest files first known, then each line as it comes.

    A line that was seen is not shown again, so that a file which was truncated and written anew,
    or replaced by a copy, repeats nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places: dict[str, _Place] = {}
        self._seen: set[tuple[int, int]] = set()
        self._decode = msgspec.json.Decoder(AlertLine).decode

    def files(self) -> list[str]:
        """Return the names of the log's files, oldest first."""
        try:
            return sorted(name for name in os.listdir(self._folder) if _NAME.fullmatch(name))
        except OSError:
            return []

    def backlog(self, start: str | None = None) -> list[AlertLine | Unreadable]:
        """Return all lines of the files from the one named `start` on (None: the newest only).

        Raises OSError when a file can't be read.
        """
        names = self.files()
        chosen = names[-1:] if start is None else [name for name in names if name >= start]
        for name in names:
            if name not in chosen:
                self._skip(name)
        return sorted((line for name in chosen for line in self._read(name)), key=_order)

    def since(self, seq: int) -> list[AlertLine | Unreadable]:
        """Return the lines of all files that hold one with this seq or a later one.

        Those before it that stand in the same files are left out. Raises OSError.
        """
        chosen = []
        names = self.files()
        for name in names:
            last = last_line(self._folder / name)
            if name == names[-1] or last is None or last.seq >= seq:
                chosen.append(name)  # the newest may end in the middle of a line
            else:
                self._skip(name)
        found = sorted((line for name in chosen for line in self._read(name)), key=_order)
        return [line for line in found if isinstance(line, Unreadable) or line.seq >= seq]

    def earlier(self, name: str) -> list[AlertLine | Unreadable]:
        """Return the lines of one older file, without changing what comes next."""
        aside = LogFollower(self._folder)
        return aside._read(name)

    def grown(self) -> list[AlertLine | Unreadable]:
        """Return what was written since the last call."""
        names = self.files()
        found = [line for name in names[-WATCHED_FILES:] for line in self._read(name)]
        return sorted(found, key=_order)

    def _skip(self, name: str) -> None:
        status = (self._folder / name).stat()
        self._places[name] = _Place(status.st_ino, status.st_size)

    def _read(self, name: str) -> list[AlertLine | Unreadable]:
        found: list[AlertLine | Unreadable] = []
        try:
            descriptor = os.open(self._folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return found  # purged between listing and opening
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            place = self._places.get(name)
            if place is None or place.inode != status.st_ino or status.st_size < place.offset:
                place = self._places[name] = _Place(status.st_ino)
            if status.st_size == place.size:
                return found
            place.size = status.st_size
            while data := self._whole_lines(file, place):
                for raw in data.split(b"\n")[:-1]:
                    if line := self._line(name, place.offset, raw):
                        found.append(line)
                    place.offset += len(raw) + 1
        healed = {_healed(line) for line in found}
        return [line for line in found if isinstance(line, AlertLine) or line.offset not in healed]

    def _whole_lines(self, file: BinaryIO, place: _Place) -> bytes:
        file.seek(place.offset)
        data = file.read(READ_BYTES)
        end = data.rfind(b"\n") + 1
        if end == 0 and len(data) == READ_BYTES:
            return data[:-1] + b"\n"  # no alert line is that long: it is told in pieces
        return data[:end]

    def _line(self, name: str, offset: int, raw: bytes) -> AlertLine | Unreadable | None:
        if not raw.strip(b" \t\r\x00"):
            return None
        try:
            line = self._decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return Unreadable(name, offset, str(error))
        mark = (line.seq, line.boottime_ns)
        if mark in self._seen:
            return None
        self._seen.add(mark)
        return line
