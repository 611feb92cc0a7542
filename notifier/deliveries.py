"""The deliveries log on disk: appended to by the notifier alone, and read by it at its start.

A record that can't be written is held and written when it can be; what was decided is done all
the same, since the message about a full disk must not wait for room on that disk. After a write or
a sync that failed, the whole of it is written again: nobody knows what such a write left there,
and a record that is there twice changes nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from evaluator.instant import Instant
from monitoring.alert_log import Spare
from monitoring.atomic import FILE_MODE, make_folder, sync_folder
from notifier.ledger import Carry, Record, State

FILE_NAME = re.compile(r"\d{4}-\d{2}-\d{2}\.jsonl")
DELETED_AT_ONCE = 2
"""A clock that is a year ahead must not empty the disk: a new file deletes so many old ones."""

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FLAGS = (
    os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
)  # a FIFO in the file's place would hold the notifier up for ever
_RECORD = msgspec.json.Decoder(Record)


def files(folder: Path) -> list[Path]:
    """Return the files of the log, oldest first. Raises OSError (not for no folder)."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return [folder / name for name in sorted(names) if FILE_NAME.fullmatch(name)]


def fold(folder: Path) -> tuple[State, int]:
    """Return the state that the log says, and how many of its lines are no records.

    Read are the newest file that begins with a state and all after it. Raises OSError.
    """
    read: list[list[Record]] = []
    spoilt = 0
    for path in reversed(files(folder)):
        records: list[Record] = []
        for line in path.read_bytes().split(b"\n"):
            if not line.strip(b"\x00"):
                continue
            try:
                records.append(_RECORD.decode(line))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                spoilt += 1
        read.append(records)
        if any(isinstance(record, Carry) for record in records):
            break
    state = State()
    for records in reversed(read):
        for record in records:
            state.take(record)
    return state, spoilt


class DeliveryLog:
    """The one writer of the log. `state` is that of all that was appended, on disk or not; `taken`
    counts what was.

    `error` says why records are held, None when none are.
    """

    def __init__(self, folder: Path, zone: ZoneInfo, keep_days: int, spare: Spare) -> None:
        self.state = State()
        self.taken = 0
        self.error: str | None = None
        self.spoilt = 0
        self._folder = folder
        self._zone = zone
        self._keep_days = keep_days
        self._spare = spare
        self._held: list[Record] = []
        self._path: Path | None = None
        self._descriptor: int | None = None

    def open(self) -> None:
        """Read the state. Raises OSError when the log can't be read."""
        self.state, self.spoilt = fold(self._folder)

    @property
    def held(self) -> int:
        """Return how many records are not on disk yet."""
        return len(self._held)

    def append(self, records: list[Record]) -> None:
        """Take records in and write them, in one write and one sync."""
        for record in records:
            self.hold(record)
        self.flush()

    def hold(self, record: Record) -> None:
        """Take one record in; the next `flush` writes it."""
        stamped = msgspec.structs.replace(record, timestamp=self._iso(record.at))
        self.state.take(stamped)
        self.taken += 1
        self._held.append(stamped)

    def flush(self) -> None:
        """Write what is held, if that can be done."""
        if not self._held:
            return
        try:
            self._write(self._held)
        except OSError as error:
            self.close()
            self.error = f"the deliveries log can't be written: {error.strerror or error}"
            if error.errno in _FULL and self._spare.release():
                self.flush()
            return
        self._held = []
        self.error = None

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self, records: list[Record]) -> None:
        descriptor = self._ready(records[-1].at)
        begin = os.fstat(descriptor).st_size
        first = [] if begin else [self._carry(records[-1].at)]
        ended = begin == 0 or os.pread(descriptor, 1, begin - 1) == b"\n"
        data = b"" if ended else b"\n"  # a line that was torn by a kill stays alone
        data += b"".join(msgspec.json.encode(one) + b"\n" for one in [*first, *records])
        written = 0
        try:
            while written < len(data):
                written += os.write(descriptor, data[written:])
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, begin)
            raise
        os.fdatasync(descriptor)
        if not begin:
            sync_folder(self._folder)
            self._purge()

    def _ready(self, at: Instant) -> int:
        """Return today's file, open. A clock that was set back goes on in the newest."""
        newest = [path.name for path in files(self._folder)[-1:]]
        path = self._folder / max([f"{self._iso(at)[:10]}.jsonl", *newest])
        if self._descriptor is not None and path == self._path and self._is_there(path):
            return self._descriptor
        self.close()
        make_folder(self._folder)
        self._descriptor, self._path = os.open(path, _FLAGS, FILE_MODE), path
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            raise OSError(errno.EINVAL, f"{path.name} is not a regular file")
        return self._descriptor

    def _is_there(self, path: Path) -> bool:
        """Tell whether the open file is still the one of that name."""
        with contextlib.suppress(OSError):
            there, ours = path.stat(), os.fstat(self._descriptor or -1)
            return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
        return False

    def _carry(self, at: Instant) -> Carry:
        return Carry(at=at, state=self.state, timestamp=self._iso(at))

    def _purge(self) -> None:
        known = files(self._folder)
        newest = date.fromisoformat(known[-1].stem)
        oldest_kept = (newest - timedelta(days=self._keep_days)).isoformat()
        for path in [path for path in known if path.stem < oldest_kept][:DELETED_AT_ONCE]:
            path.unlink(missing_ok=True)

    def _iso(self, at: Instant) -> str:
        moment = datetime.fromtimestamp(at.wall_ms / 1000, self._zone)
        return moment.isoformat(timespec="milliseconds")
