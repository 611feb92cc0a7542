"""Writing the alert log: `logs/alerts/<date>.jsonl`, one evaluation = one write and one sync.

The date is that of the line's own timestamp in the trading timezone, so a line that comes late
stands where it belongs. What can't be written is held in memory and written when it can be. After
a write that failed halfway the log is read again: nobody knows what such a write left there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from evaluator.flapping import remembered
from evaluator.incident import Transition
from evaluator.instant import Instant
from monitoring.alert_entry import LineMaker, Notice
from monitoring.alert_fold import Folded, Scanned, absorb, fold, newest_block, read, scan
from monitoring.alert_line import AlertLine
from monitoring.atomic import FILE_MODE, FOLDER_MODE, sync_folder
from monitoring.market_override import kept

__all__ = ["AlertLog", "Folded", "LogLost", "Notice", "fold", "read"]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FLAGS = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_APPEND
    | os.O_NOFOLLOW
    | os.O_CLOEXEC
    | os.O_NONBLOCK  # a FIFO in the file's place would hold up the evaluation for ever
)


class Spare(Protocol):
    """Disk space that can be given up (`monitoring.ballast.Ballast`)."""

    def release(self) -> bool:
        """Free it; tell whether there was any."""


class LogLost(OSError):
    """The disk failed under a sync: what it holds is unknown, so this process must not go on."""


class _File(msgspec.Struct):
    """The file that is open; `begun`: it has its block of carry lines."""

    name: str
    descriptor: int
    inode: tuple[int, int]
    begun: bool


class AlertLog:
    """The one writer of the alert log.

    `written` is the state of what is on disk; `error` why lines are held, None when none are.
    """

    def __init__(
        self, folder: Path, engine: str, timezone: str, *, spare: Spare | None = None
    ) -> None:
        self.written = Folded()
        self.error: str | None = None
        self._folder = folder
        self._maker = LineMaker(engine, timezone)
        self._spare = spare
        self._file: _File | None = None
        self._held: list[AlertLine] = []
        self._doubtful = False

    @property
    def held(self) -> int:
        """Return how many lines are not written yet."""
        return len(self._held)

    def open(self, now: Instant) -> Folded:
        """Return the state of all alerts, having ended a torn last line of the newest file.

        Raises OSError when the log can't be read. One that can't be written is opened all the
        same, and `error` says why.
        """
        self.written = fold(self._folder)
        if self.written.holding:
            try:
                file = self._ready(self.written.holding[0], now)
                # A process that was killed before its sync left lines that are only in memory;
                # what is built on them (a request taken out of the spool) must not outlive them.
                self._sync(file.descriptor)
                sync_folder(self._folder)
            except LogLost:
                raise
            except OSError as error:
                self._failed(error)
        return self.written

    def append(
        self,
        entries: Sequence[Transition | Notice],
        at: Instant,
        snapshot: int,
        request: str | None = None,
    ) -> bool:
        """Write the lines of one evaluation at `at`; tell whether they and all before are synced.

        Lines that can't be written are held. Raises LogLost when the disk failed under a sync.
        """
        self._held += [self._maker.entry(entry, at, snapshot, request) for entry in entries]
        return self.flush()

    def flush(self) -> bool:
        """Write what is held; tell whether nothing is left. Raises LogLost as `append` does."""
        try:
            if self._doubtful:
                self._reread()
            while self._held:
                self._write_one_date()
        except LogLost:
            raise
        except OSError as error:
            self._failed(error)
            if error.errno in _FULL and self._spare is not None and self._spare.release():
                return self.flush()
            return False
        self.error = None
        return True

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file.descriptor)
            self._file = None

    def _write_one_date(self) -> None:
        """Write the first held lines that share a date: one write, one sync."""
        first = self._held[0]
        name = _file_name(first)
        file = self._ready(name, _instant(first))
        block = [] if file.begun else self._block(_instant(first))
        seq = self.written.seq + len(block)
        batch = []
        for line in self._held:
            if _file_name(line) != name:
                break
            seq += 1
            line.seq = seq
            batch.append(line)
        self._write(file, b"", [*block, *batch])
        file.begun = True
        del self._held[: len(batch)]

    def _ready(self, name: str, at: Instant) -> _File:
        """Return the file, open and ending on a fresh line; made again if somebody removed it."""
        path = self._folder / name
        if self._file is not None:
            if self._file.name == name and _inode(path) == self._file.inode:
                return self._file
            self.close()
        self._make_folder()
        descriptor = os.open(path, _FLAGS, FILE_MODE)
        status = os.fstat(descriptor)
        inode = status.st_dev, status.st_ino
        self._file = file = _File(name, descriptor, inode, begun=False)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, f"{name} is not a regular file")
        scanned = scan(path.read_bytes())
        file.begun = newest_block(scanned.lines) is not None
        if scanned.open_ended:
            self._heal(file, scanned, at)
        return file

    def _heal(self, file: _File, scanned: Scanned, at: Instant) -> None:
        """End a torn last line, keeping its bytes, and say after it that it's no record."""
        lines = []
        if scanned.torn is not None:
            torn_bytes = scanned.size - scanned.torn
            notice = Notice(
                kind="healed",
                reason=f"the {torn_bytes} bytes before this line are one that was never finished",
                context={"offset": float(scanned.torn), "bytes": float(torn_bytes)},
            )
            lines = [self._numbered(notice, at, self.written.seq + 1)]
        self._write(file, b"\n", lines)

    def _block(self, at: Instant) -> list[AlertLine]:
        """Return a carry line for each thing that a fold must know, and the line that counts them:
        open incidents, what was over lately, silences, and overrides of the market.
        """
        known = self.written
        incidents = (*known.states.values(), *remembered(known.past.values(), at))
        block = [self._maker.incident("carry", one, at, known.snapshot) for one in incidents]
        block += [self._maker.silence(one, at, known.snapshot) for one in known.silences.values()]
        for override in kept(known.market.values(), at.wall_ms):
            carried = Notice(kind="carry", reason=f"market {override.action}", market=override)
            block.append(self._maker.entry(carried, at, known.snapshot, None))
        for seq, line in enumerate(block, known.seq + 1):
            line.seq = seq
        end = Notice(
            kind="carry_end",
            reason=f"{len(known.states)} open when this file begins",
            context={"carries": float(len(block))},
        )
        return [*block, self._numbered(end, at, known.seq + len(block) + 1)]

    def _numbered(self, notice: Notice, at: Instant, seq: int) -> AlertLine:
        line = self._maker.entry(notice, at, self.written.snapshot, None)
        line.seq = seq
        return line

    def _write(self, file: _File, before: bytes, lines: list[AlertLine]) -> None:
        begin = os.fstat(file.descriptor).st_size
        data = before + b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        written = 0
        try:
            while written < len(data):
                written += os.write(file.descriptor, data[written:])
                self._doubtful = True
        except OSError:
            whole = data.rfind(b"\n", len(before), written) + 1
            _cut(file.descriptor, begin + written, begin + whole)
            raise
        self._sync(file.descriptor)
        if not begin:  # a new file's name is in its folder, and is synced there
            sync_folder(self._folder)
        self._doubtful = False
        for line in lines:
            absorb(self.written, line)

    def _sync(self, descriptor: int) -> None:
        try:
            os.fdatasync(descriptor)
        except OSError as error:
            if error.errno in _FULL:
                raise
            # The kernel tells of a failed write-back once, marks the pages clean, and the next
            # sync succeeds with nothing on disk (fsync(2)). A restart must see the disk instead.
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            raise LogLost(error.errno, f"the alert log could not be synced: {error}") from error

    def _reread(self) -> None:
        """Let go of held lines that are on disk after all, and know the log as it is there."""
        self.close()
        self.written = fold(self._folder)
        tried = [line.seq for line in self._held if line.seq]
        if tried:
            there = {(line.seq, line.id) for line in read(self._folder, after_seq=min(tried) - 1)}
            self._held = [line for line in self._held if (line.seq, line.id) not in there]
        for name in self.written.holding:
            descriptor = os.open(self._folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                self._sync(descriptor)
            finally:
                os.close(descriptor)
        if self.written.holding:  # the name of one that was new when the write failed
            sync_folder(self._folder)
        self._doubtful = False

    def _failed(self, error: OSError) -> None:
        self.error = f"the alert log in {self._folder} can't be written: {error.strerror or error}"
        self.close()

    def _make_folder(self) -> None:
        missing = [
            folder for folder in (self._folder, *self._folder.parents) if not folder.is_dir()
        ]
        for folder in reversed(missing):
            folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
            sync_folder(folder.parent)


def _cut(descriptor: int, size: int, whole: int) -> None:
    """Take back what a full disk left of a line, so that whoever reads the log finds whole lines.

    Where that can't be done (an append-only file), the next write ends the piece and says so.
    """
    with contextlib.suppress(OSError):
        if whole < size == os.fstat(descriptor).st_size:
            os.ftruncate(descriptor, whole)


def _file_name(line: AlertLine) -> str:
    return f"{line.timestamp[:10]}.jsonl"


def _instant(line: AlertLine) -> Instant:
    wall = datetime.fromisoformat(line.timestamp).timestamp()
    return Instant(round(wall * 1000), line.boottime_ns, line.boot_id)


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
