"""The tail: every new line of every heartbeat file, once, wherever the file was moved to.

A file is known by its inode, its first line and the bytes before the place read to. So a rename
changes nothing, while a truncated file, a regrown one and a reused inode are each noticed, and read
from the beginning as the new files that they are.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from collectors.folder import Listed, is_of, listing
from collectors.line_reader import Piece, digest, head_at, pieces, tail_at
from evaluator.instant import Instant, elapsed_ms
from monitoring.snapshot import Cursor
from tickbeat.record import Header

END_BYTES = 65_536
GONE_MS = 3_600_000
"""The place in a file that is gone is kept this long: the folder may be moved away and back."""

_decode_header = msgspec.json.Decoder(Header).decode
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Slice(msgspec.Struct, frozen=True):
    """A piece of one file, and when it was received."""

    cursor: Cursor
    stem: str
    piece: Piece
    received: Instant


class End(msgspec.Struct, frozen=True):
    """Whole lines from the end of a file, after its header line if it has one."""

    cursor: Cursor
    stem: str
    data: bytes
    received: Instant


class _Followed(msgspec.Struct):
    """A file as it was when last looked at. `tail` is None until its identity was checked."""

    cursor: Cursor
    stem: str
    size: int = -1
    mtime_ns: int = -1
    seen_at: Instant | None = None
    tail: bytes | None = None
    gone_since: Instant | None = None


class Tail:
    """Reads on from the cursors. `warn` is told in words of whatever is not as it should be."""

    def __init__(
        self, folder: Path, engine: str, cursors: Iterable[Cursor], warn: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._engine = engine
        self._warn = warn
        self._said: dict[str, str] = {}
        self._faults: dict[str, str] = {}
        self._strangers: set[tuple[int, str]] = set()
        self._followed = {
            cursor.inode: _Followed(msgspec.structs.replace(cursor), cursor.name)
            for cursor in cursors
        }

    @property
    def cursors(self) -> list[Cursor]:
        """Where each file is read to."""
        return [one.cursor for one in self._followed.values()]

    @property
    def fault(self) -> str | None:
        """Why something can't be read at present, None when all can: its ticks are not counted."""
        if not self._faults:
            return None
        first, *others = self._faults.values()
        return f"{first} (and {len(others)} more)" if others else first

    @property
    def bytes_behind(self) -> int:
        """Bytes that lay unread at the last look, half lines included."""
        return sum(max(0, one.size - one.cursor.offset) for one in self._followed.values())

    @property
    def writers(self) -> set[str]:
        """The writers that have files."""
        named = {one.cursor.writer or one.stem for one in self._followed.values()}
        return named | {one.stem for one in self._followed.values()}

    def read(self, now: Instant) -> Iterator[Slice]:
        """Look at every file and yield what is new, in order; each file up to its present end.

        A slice counts as read from the moment it is given out.
        """
        for file in self._look(now):
            followed = self._followed.get(file.inode)
            if followed is not None and _unchanged(followed, file):
                followed.seen_at = now
                continue
            if (file.inode, file.name) in self._strangers:
                continue
            yield from self._visit(file, followed, now)

    def ends(self, now: Instant) -> Iterator[End]:
        """Yield the first line and the last whole lines of the newest file of each writer that has
        more unread than that. Moves no cursor.
        """
        newest = {file.stem: file for file in self._look(now)}
        for file in newest.values():
            followed = self._followed.get(file.inode)
            read_to = followed.cursor.offset if followed is not None else 0
            if file.size - read_to > END_BYTES and is_of(self._engine, file.name):
                try:
                    end = self._end_of(file, now)
                except OSError:  # the tail itself says so when it comes to this file
                    continue
                if end is not None:
                    yield end

    def forget(self, names: Iterable[str]) -> None:
        """Stop following files that were deleted on purpose."""
        gone = set(names)
        self._followed = {
            inode: one for inode, one in self._followed.items() if one.cursor.name not in gone
        }

    def _end_of(self, file: Listed, now: Instant) -> End | None:
        descriptor = os.open(self._folder / file.name, _FLAGS)
        try:
            there = os.fstat(descriptor)
            if not stat.S_ISREG(there.st_mode) or there.st_ino != file.inode:
                return None
            first_line = head_at(descriptor) or b""
            last = os.pread(descriptor, END_BYTES, file.size - END_BYTES)
        finally:
            os.close(descriptor)
        header = _header(first_line)
        if header is not None and header.engine != self._engine:
            return None
        lines = last[last.find(b"\n") + 1 : last.rfind(b"\n") + 1]
        data = (first_line if header is not None else b"") + lines
        cursor = Cursor(name=file.name, inode=file.inode, offset=0, head="", tail="")
        cursor.writer = header.writer if header is not None else None
        return End(cursor, file.stem, data, _received(file, _Followed(cursor, file.stem), now))

    def _look(self, now: Instant) -> list[Listed]:
        try:
            found = listing(self._folder, self._engine, self._followed)
            if self._followed.keys() - {file.inode for file in found.files}:
                # a rename while the folder is being listed can hide a file from the listing
                found = listing(self._folder, self._engine, self._followed)
        except OSError as fault:
            self._can_not_read("folder", f"heartbeat folder {self._folder}", fault)
            return []
        names = {file.name for file in found.files}
        for gone in self._faults.keys() - names:
            del self._faults[gone]
            self._said.pop(gone, None)
        for name in found.strangers:
            self._say(name, f"{name} is not a file of engine {self._engine}: left alone")
        self._note_gone({file.inode for file in found.files}, now)
        return found.files

    def _note_gone(self, present: set[int], now: Instant) -> None:
        for inode, one in list(self._followed.items()):
            if inode in present:
                one.gone_since = None
            elif one.gone_since is None:
                one.gone_since = now
                unread = one.size - one.cursor.offset
                if unread > 0:
                    self._warn(f"{one.cursor.name} is gone with {unread} bytes unread")
                elif one.seen_at is None:  # by this process: nobody knows how long it had become
                    self._warn(
                        f"{one.cursor.name} is gone since the last snapshot: what came after byte "
                        f"{one.cursor.offset}, if anything did, can't be read"
                    )
                one.size = -1
            elif elapsed_ms(one.gone_since, now) > GONE_MS:
                del self._followed[inode]

    def _visit(self, file: Listed, followed: _Followed | None, now: Instant) -> Iterator[Slice]:
        try:
            descriptor = os.open(self._folder / file.name, _FLAGS)
        except OSError as fault:
            self._can_not_read(file.name, file.name, fault)
            return
        try:
            there = os.fstat(descriptor)
            if not stat.S_ISREG(there.st_mode) or there.st_ino != file.inode:
                return  # rotated since the listing: the next look sees it under its own name
            followed = self._identified(file, followed, descriptor)
            if followed is not None:
                self._said.pop(file.name, None)
                self._faults.pop(file.name, None)
                yield from self._new_in(descriptor, file, followed, now)
        except OSError as fault:
            self._can_not_read(file.name, file.name, fault)
        finally:
            os.close(descriptor)

    def _new_in(
        self, descriptor: int, file: Listed, followed: _Followed, now: Instant
    ) -> Iterator[Slice]:
        cursor = followed.cursor
        received = _received(file, followed, now)
        followed.size = file.size
        found = pieces(
            descriptor, cursor.offset, file.size, followed.tail or b"", skipping=cursor.skipping
        )
        for piece in found:
            cursor.offset = piece.end
            cursor.skipping = piece.skipping
            cursor.tail = digest(piece.tail)
            followed.tail = piece.tail
            yield Slice(cursor, file.stem, piece, received)
        # only now: whoever stopped us midway has to find the rest by a changed file
        followed.mtime_ns = file.mtime_ns
        followed.seen_at = now

    def _identified(
        self, file: Listed, followed: _Followed | None, descriptor: int
    ) -> _Followed | None:
        """Return the file's place: the one we know, or its beginning; None: no whole line yet."""
        first_line = head_at(descriptor)
        head = None if first_line is None else digest(first_line)
        if followed is not None:
            cursor = followed.cursor
            tail = tail_at(descriptor, cursor.offset)
            if head == cursor.head and digest(tail) == cursor.tail and file.size >= cursor.offset:
                followed.tail = tail
                followed.stem = file.stem
                cursor.name = file.name
                return followed
            del self._followed[file.inode]
            if not is_of(self._engine, file.name):
                return None  # a stranger that was given the inode of a file that is gone
            what = "shorter than" if file.size < cursor.offset else "another file than"
            self._warn(
                f"{file.name} is {what} what was read up to byte {cursor.offset}: "
                "read again from its beginning"
            )
        if first_line is None or head is None:
            return None
        header = _header(first_line)
        if header is not None and header.engine != self._engine:
            self._strangers.add((file.inode, file.name))
            self._say(file.name, f"{file.name} is of engine {header.engine[:64]!r}: left alone")
            return None
        cursor = Cursor(name=file.name, inode=file.inode, offset=0, head=head, tail=digest(b""))
        if header is not None:
            cursor.writer, cursor.segment = header.writer, header.segment
        followed = self._followed[file.inode] = _Followed(cursor, file.stem, tail=b"")
        return followed

    def _can_not_read(self, about: str, named: str, fault: OSError) -> None:
        self._faults[about] = f"{named} can't be read: {fault.strerror}"
        self._say(about, self._faults[about])

    def _say(self, about: str, words: str) -> None:
        """Warn once, until it is well again or other words are due."""
        if self._said.get(about) != words:
            self._said[about] = words
            self._warn(words)


def _unchanged(followed: _Followed, file: Listed) -> bool:
    return (
        followed.tail is not None
        and followed.size == file.size
        and followed.mtime_ns == file.mtime_ns
        and followed.cursor.name == file.name
    )


def _header(line: bytes) -> Header | None:
    try:
        return _decode_header(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _received(file: Listed, followed: _Followed, now: Instant) -> Instant:
    """Return when the new bytes of a file came: its mtime, but never in the future.

    What was not there at the look before came after that look: so a wall clock that was stepped
    since then does not make fresh ticks old.
    """
    age_ns = max(0, now.wall_ms - file.mtime_ns // 1_000_000) * 1_000_000
    before = followed.seen_at
    if before is not None and before.boot_id == now.boot_id:
        age_ns = min(age_ns, max(0, now.boottime_ns - before.boottime_ns))
    return Instant(now.wall_ms - age_ns // 1_000_000, now.boottime_ns - age_ns, now.boot_id)
