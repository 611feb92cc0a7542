"""The folder of snapshots: written whole or not at all, in an order that the names show."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from monitoring.atomic import FOLDER_MODE, write_atomic
from monitoring.snapshot import FORMAT_VERSION, Snapshot, file_name, file_wall_ms

PACK_NAME = re.compile(r"metrics_(\d{8})\.jsonl\.gz")
_DECODER = msgspec.json.Decoder(Snapshot)
_ENCODER = msgspec.json.Encoder()


class SnapshotUnreadable(Exception):
    """A snapshot that can't be used, and why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class PackedLine(msgspec.Struct):
    """One line of a packed day: the snapshot's file name and its content as it was."""

    name: str
    snapshot: msgspec.Raw


def decode(name: str, data: bytes) -> Snapshot:
    """Return the snapshot in `data`. Raises SnapshotUnreadable for anything but this version's."""
    if not data.strip(b"\0 \n"):
        raise SnapshotUnreadable(name, "empty")
    try:
        snapshot = _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise SnapshotUnreadable(name, str(fault)) from fault
    if snapshot.version != FORMAT_VERSION:
        raise SnapshotUnreadable(
            name, f"format {snapshot.version}, this version reads {FORMAT_VERSION}"
        )
    return snapshot


class SnapshotStore:
    """Reads and writes `metrics_<timestamp>.json` below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.skipped: list[str] = []
        self._last_ms: int | None = None

    def write(self, snapshot: Snapshot) -> str:
        """Store a snapshot durably and return its file name.

        Names strictly increase: when the clock is not past the last name, it is the last plus
        one millisecond. Raises OSError, and nothing of the snapshot is then in the folder.
        """
        self.folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if self._last_ms is None:
            names = self.names_after(None)
            self._last_ms = (file_wall_ms(names[-1]) if names else None) or 0
        wall_ms = max(snapshot.wall_ms, self._last_ms + 1)
        name = file_name(wall_ms)
        write_atomic(self.folder / name, _ENCODER.encode(snapshot))
        self._last_ms = wall_ms
        return name

    def names_after(self, name: str | None) -> list[str]:
        """Return the names of the loose snapshots later than `name` (None: all), in order."""
        after = name or ""
        try:
            with os.scandir(self.folder) as entries:
                found = [
                    entry.name
                    for entry in entries
                    if entry.name > after
                    and file_wall_ms(entry.name) is not None
                    and entry.is_file(follow_symlinks=False)
                ]
        except FileNotFoundError:
            return []
        return sorted(found)

    def read(self, name: str) -> Snapshot:
        """Return one loose snapshot. Raises SnapshotUnreadable, also when it is gone."""
        try:
            descriptor = os.open(self.folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                data = file.read()
        except OSError as fault:
            raise SnapshotUnreadable(name, fault.strerror or str(fault)) from fault
        return decode(name, data)

    def newest(self) -> tuple[str, Snapshot] | None:
        """Return the newest snapshot that can be read, None when there is none.

        `skipped` then names the newer ones that could not be, with the reason.
        """
        self.skipped = []
        for name in reversed(self.names_after(None)):
            try:
                return name, self.read(name)
            except SnapshotUnreadable as fault:
                self.skipped.append(str(fault))
        return None

    def between(self, start_ms: int, end_ms: int) -> Iterator[tuple[str, Snapshot]]:
        """Yield (name, snapshot) with names in [start, end] (POSIX ms), packed and loose, in order.

        What can't be read is left out and named in `skipped`.
        """
        self.skipped = []
        first, last = file_name(max(0, start_ms)), file_name(max(0, end_ms))
        loose = [name for name in self.names_after(None) if first <= name <= last]
        seen: set[str] = set()
        for pack in self.packs():
            day = pack.name[8:16]
            if not first[8:16] <= day <= last[8:16]:
                continue
            for name, data in read_pack(pack):
                if first <= name <= last:
                    seen.add(name)
                    yield from self._decoded(name, data)
        for name in loose:
            if name not in seen:
                try:
                    yield name, self.read(name)
                except SnapshotUnreadable as fault:
                    self.skipped.append(str(fault))

    def packs(self) -> list[Path]:
        """Return the packed days, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(
            path
            for path in self.folder.iterdir()
            if PACK_NAME.fullmatch(path.name) and path.is_file() and not path.is_symlink()
        )

    def _decoded(self, name: str, data: bytes) -> Iterator[tuple[str, Snapshot]]:
        try:
            yield name, decode(name, data)
        except SnapshotUnreadable as fault:
            self.skipped.append(str(fault))


def read_pack(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (name, raw JSON) of a packed day in order. Raises OSError or EOFError when damaged."""
    decoder = msgspec.json.Decoder(PackedLine)
    with gzip.open(path, "rb") as lines:
        for line in lines:
            packed = decoder.decode(line)
            yield packed.name, bytes(packed.snapshot)


def pack_name(day: datetime) -> str:
    """Return the file name of a packed UTC day."""
    return f"metrics_{day.astimezone(UTC):%Y%m%d}.jsonl.gz"
