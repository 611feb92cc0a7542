"""The folder of snapshots: written whole or not at all, in an order that the names show.

Past days are in one gzip file each (see `monitoring.packing`). A reader of a span sees every
snapshot of it once, while days are being packed too.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import re
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache, partial
from heapq import merge
from pathlib import Path
from typing import TypeVar

import msgspec

from monitoring.atomic import make_folder, write_atomic
from monitoring.regular import read_regular
from monitoring.snapshot import FORMAT_VERSION, Snapshot, file_name, file_wall_ms

PACK_NAME = re.compile(r"metrics_(\d{8})\.jsonl\.gz", re.ASCII)
LARGEST_BYTES = 64 * 1024 * 1024
"""What is larger is no snapshot of ours, and is not read into memory."""

BUFFER_BYTES = 256 * 1024

UNREADABLE_PACK = (
    OSError, EOFError, zlib.error, msgspec.MsgspecError, UnicodeDecodeError, RecursionError
)  # fmt: skip
"""What `read_pack` raises for a pack that is gone, cut off or damaged."""

_LOOSE_NAME = re.compile(
    r"metrics_\d{8}T(?:[01]\d|2[0-3])[0-5]\d[0-5]\d\.\d{3}Z\.json", re.ASCII
)  # fmt: skip
_LEFTOVER = re.compile(r"\.metrics_\d{8}T\d{6}\.\d{3}Z\.json\.tmp", re.ASCII)
T = TypeVar("T")

_DECODER = msgspec.json.Decoder(Snapshot)
_ENCODER = msgspec.json.Encoder()


class SnapshotUnreadable(Exception):
    """A snapshot that can't be used, and why; `gone`: there is no such file."""

    def __init__(self, name: str, reason: str, *, gone: bool = False) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason
        self.gone = gone


class PackedLine(msgspec.Struct):
    """One line of a packed day: the snapshot's file name and its content as it was."""

    name: str
    snapshot: msgspec.Raw


class _Versioned(msgspec.Struct):
    version: int


_PACKED_HEAD = b'{"name":"'
_PACKED = msgspec.json.Decoder(PackedLine)
_VERSION = msgspec.json.Decoder(_Versioned)


def decode(name: str, data: bytes) -> Snapshot:
    """Return the snapshot in `data`. Raises SnapshotUnreadable for anything but this version's."""
    if not data.strip(b"\0 \n"):
        raise SnapshotUnreadable(name, "empty")
    try:
        version = _VERSION.decode(data).version
        if version == FORMAT_VERSION:
            return _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise SnapshotUnreadable(name, str(fault)) from fault
    raise SnapshotUnreadable(name, f"format {version}, this version reads {FORMAT_VERSION}")


class SnapshotStore:
    """Reads and writes `metrics_<timestamp>.json` below one folder; one process writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.skipped: list[str] = []
        self._last_ms: int | None = None

    def write(self, snapshot: Snapshot) -> str:
        """Store a snapshot durably and return its file name.

        Names strictly increase: when the clock is not past the last name, it is the last plus
        one millisecond. Raises OSError, and nothing of the snapshot is then in the folder.
        """
        make_folder(self.folder)  # each time: somebody may have removed it
        if self._last_ms is None:
            self._clear_leftovers()
            self._last_ms = self._find_last_ms()
        wall_ms = max(snapshot.wall_ms, self._last_ms + 1)
        while os.path.lexists(path := self.folder / file_name(wall_ms)):
            wall_ms += 1  # a stranger by that name: nothing is ever overwritten
        try:
            write_atomic(path, _ENCODER.encode(snapshot))
        except OSError:
            # When only the sync of the folder failed, it is there: another with the same ticks
            # would follow. The next sync that succeeds makes the removal as durable as that one.
            path.unlink(missing_ok=True)
            raise
        finally:
            self._last_ms = wall_ms  # who may have seen a name never sees it with other content
        return path.name

    def names_after(self, name: str | None) -> list[str]:
        """Return the names of the loose snapshots later than `name` (None: all), in order."""
        after = name or ""
        return sorted(self._loose(lambda one: one > after))

    def names_before(self, name: str) -> list[str]:
        """Return the names of the loose snapshots earlier than `name`, in order."""
        return sorted(self._loose(lambda one: one < name))

    def newest_name(self, before: str = "~") -> str | None:
        """Return the last name of a loose snapshot, or the last before another; None: none."""
        newest = ""
        for name in self._loose(lambda one: newest < one < before):  # noqa: B023 -- as it is by then
            newest = name
        return newest or None

    def _loose(self, wanted: Callable[[str], bool]) -> Iterator[str]:
        """Yield those of the wanted names that loose snapshots have, in any order.

        Asked first, as a folder may hold thousands that are not wanted.
        """
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    if (
                        wanted(entry.name)
                        and _LOOSE_NAME.fullmatch(entry.name)
                        and _is_day(entry.name[8:16])
                        and entry.is_file(follow_symlinks=False)
                    ):
                        yield entry.name
        except FileNotFoundError:
            return

    def read(self, name: str) -> Snapshot:
        """Return one loose snapshot. Raises SnapshotUnreadable, also when it is gone."""
        return decode(name, self.read_bytes(name))

    def read_bytes(self, name: str) -> bytes:
        """Return a loose snapshot as it is on disk. Raises SnapshotUnreadable."""
        try:
            return read_regular(self.folder / name, LARGEST_BYTES)
        except OSError as fault:
            gone = isinstance(fault, FileNotFoundError)
            raise SnapshotUnreadable(name, fault.strerror or str(fault), gone=gone) from fault

    def newest(self) -> tuple[str, Snapshot] | None:
        """Return the newest loose snapshot that can be read, None when there is none.

        `skipped` then names the newer ones that could not be, with the reason.
        """
        self.skipped = []
        name = self.newest_name()
        while name is not None:
            try:
                return name, self.read(name)
            except SnapshotUnreadable as fault:
                self.skipped.append(str(fault))
            name = self.newest_name(before=name)
        return None

    def between(self, start_ms: int, end_ms: int) -> Iterator[tuple[str, Snapshot]]:
        """Yield (name, snapshot) with names in [start, end] (POSIX ms), packed and loose, in order.

        What can't be read is left out and named in `skipped`.
        """
        return self.decoded_between(start_ms, end_ms, decode)

    def decoded_between(
        self, start_ms: int, end_ms: int, decode_: Callable[[str, bytes], T]
    ) -> Iterator[tuple[str, T]]:
        """Yield the same, decoded by a function that raises SnapshotUnreadable as `decode` does."""
        self.skipped = []
        first, last = file_name(max(0, start_ms)), file_name(max(0, end_ms))
        loose: dict[str, list[str]] = {}
        for name in sorted(self._loose(lambda one: first <= one <= last)):
            loose.setdefault(name[8:16], []).append(name)
        packed = {path.name[8:16] for path in self.packs()}
        for day in sorted({*loose, *(one for one in packed if first[8:16] <= one <= last[8:16])}):
            yield from self._day(day, loose.get(day, []), first, last, decode_)

    def packs(self) -> list[Path]:
        """Return the packed days, oldest first."""
        try:
            with os.scandir(self.folder) as entries:
                found = [
                    self.folder / entry.name
                    for entry in entries
                    if (match := PACK_NAME.fullmatch(entry.name))
                    and _is_day(match[1])
                    and entry.is_file(follow_symlinks=False)
                ]
        except FileNotFoundError:
            return []
        return sorted(found)

    def _day(
        self,
        day: str,
        loose: list[str],
        first: str,
        last: str,
        decode_: Callable[[str, bytes], T],
    ) -> Iterator[tuple[str, T]]:
        pack = self.folder / f"metrics_{day}.jsonl.gz"
        seen = _identity(pack)
        done = ""
        # By name, and for one name the packed one first: the loose one may go at any moment.
        both = merge(
            self._packed(pack, first), ((name, None) for name in loose), key=lambda one: one[0]
        )
        for name, data in both:
            if name > last:
                return
            if name <= done or name < first:
                continue
            try:
                yield name, decode_(name, self.read_bytes(name) if data is None else data)
            except SnapshotUnreadable as fault:
                if fault.gone and _identity(pack) != seen:
                    # Packed since we looked: go on from here in the new pack.
                    later = [one for one in loose if one > name]
                    yield from self._day(day, later, name, last, decode_)
                    return
                self.skipped.append(str(fault))
            done = name

    def _packed(self, pack: Path, first: str = "") -> Iterator[tuple[str, bytes | None]]:
        try:
            yield from read_pack(pack, first)
        except FileNotFoundError:
            pass
        except UNREADABLE_PACK as fault:
            self.skipped.append(f"{pack.name}: damaged from here on ({fault})")

    def _find_last_ms(self) -> int:
        """Return the time in the last name given so far; packed ones count when none is loose."""
        newest = self.newest_name()
        if newest is not None:
            return file_wall_ms(newest) or 0
        packed = [name for pack in self.packs()[-1:] for name, _ in self._packed(pack)]
        return max((file_wall_ms(name) or 0 for name in packed), default=0)

    def _clear_leftovers(self) -> None:
        """Remove what a writer that was killed left; those of the packer are its own."""
        with os.scandir(self.folder) as entries:
            left = [entry.path for entry in entries if _LEFTOVER.fullmatch(entry.name)]
        for path in left:
            with contextlib.suppress(OSError):  # a folder by that name is somebody else's
                os.unlink(path)


def read_pack(path: Path, first: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield (name, raw JSON) of a packed day in order, from the name `first` on.

    Raises one of UNREADABLE_PACK.
    """
    skipped = _PACKED_HEAD + first.encode()
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with (
        os.fdopen(descriptor, "rb") as file,
        gzip.GzipFile(fileobj=file) as plain,
        # GzipFile's own buffer is as small as a line, and each refill runs through Python.
        io.BufferedReader(plain, BUFFER_BYTES) as lines,
    ):
        for line in iter(partial(lines.readline, LARGEST_BYTES), b""):
            if line < skipped and line.startswith(_PACKED_HEAD):
                continue  # told by its first bytes, without reading it
            packed = _PACKED.decode(line)
            yield packed.name, bytes(packed.snapshot)


@lru_cache(maxsize=64)
def _is_day(text: str) -> bool:
    try:
        datetime(int(text[:4]), int(text[4:6]), int(text[6:]))  # noqa: DTZ001 -- only asked whether it is a date
    except ValueError:
        return False
    return True


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
