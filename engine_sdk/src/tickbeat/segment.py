"""The current file of one writer: whole lines in, rolled by size and day, no trust in the path."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

_DAY_NS = 86_400 * 1_000_000_000
_LOOK_NS = 1_000_000_000  # a look for each tick would be an eighth of what a tick costs
_FLAGS = (
    os.O_WRONLY
    | os.O_APPEND
    | os.O_CREAT
    # An existing name is never opened: so no FIFO can hang us, no link lead us elsewhere.
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
)


class SegmentedFile:
    """`<stem>.jsonl` in `directory`; older segments are renamed to `<stem>.<n>.jsonl`.

    `header(segment, first_seq)` gives the first line of each file. Segments count from 1.
    A new one begins after `limit_bytes`, at each UTC day, and whenever the path no longer
    leads to the file that was being written (removed, replaced, truncated by somebody),
    which is noticed within a second.
    """

    def __init__(
        self, directory: str, stem: str, limit_bytes: int, header: Callable[[int, int], bytes]
    ) -> None:
        self.path = os.path.join(directory, f"{stem}.jsonl")
        self._directory = directory
        self._stem = stem
        self._limit_bytes = limit_bytes
        self._header = header
        self._fd: int | None = None
        self._identity = (0, 0)
        self._segment = 0
        self._size = 0
        self._day = 0
        self._torn = False
        self._looked_ns = 0

    def append(self, lines: list[bytes], first_seq: int, now_ns: int) -> None:
        """Write `lines` and empty the list; `first_seq` is the seq of the first of them.

        Raises OSError when not all could be written: the list then holds what is still to
        be written, and the next call writes a torn line again, whole, on a fresh line.
        """
        data = b"".join(lines)
        fd = self._descriptor(data, first_seq, now_ns)
        while lines:
            written = os.write(fd, b"\n" + data if self._torn else data)
            if written == 0:
                raise OSError(errno.EIO, "nothing was written")
            self._size += written
            if written == len(data) and not self._torn:
                lines.clear()
                return
            self._settle(lines, written)
            data = b"".join(lines)

    def _settle(self, lines: list[bytes], written: int) -> None:
        """Take from `lines` what `written` bytes have brought to the file."""
        if self._torn:
            self._torn = False
            written -= 1
        whole = 0
        while whole < len(lines) and written >= len(lines[whole]):
            written -= len(lines[whole])
            whole += 1
        del lines[:whole]
        if not written:
            return
        if written == len(lines[0]) - 1:
            # Only the newline is missing: the whole line again would be counted twice.
            lines[0] = b"\n"
        else:
            self._torn = True

    def close(self) -> None:
        """Close the file; the next `append` begins a new segment."""
        # Forgotten before it is closed: a fork in between must not close a reused number.
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def _descriptor(self, coming: bytes, first_seq: int, now_ns: int) -> int:
        if self._fd is not None and abs(now_ns - self._looked_ns) >= _LOOK_NS:
            self._looked_ns = now_ns
            if not self._is_ours():
                self.close()
        day = now_ns // _DAY_NS
        full = self._size + len(coming) > self._limit_bytes or day != self._day
        # A newline that comes first is that of a line which stands in this file already.
        amid_line = self._torn or coming.startswith(b"\n")
        if self._fd is None or (full and not amid_line):
            self.close()
            self._fd = self._begin(first_seq)
            self._looked_ns = now_ns
            self._day = day
        return self._fd

    def _is_ours(self) -> bool:
        try:
            there = os.stat(self.path, follow_symlinks=False)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == self._identity and there.st_size >= self._size

    def _begin(self, first_seq: int) -> int:
        _make_folder(self._directory)
        self._shelve()
        fd = os.open(self.path, _FLAGS, 0o640)
        try:
            header = self._header(self._segment + 1, first_seq)
            _write_whole(fd, header)
            there = os.fstat(fd)
        except OSError:
            # A file without a header would be taken for that of a foreign writer.
            os.close(fd)
            os.unlink(self.path)
            raise
        self._identity = (there.st_dev, there.st_ino)
        self._segment += 1
        self._size = len(header)
        self._torn = False
        return fd

    def _shelve(self) -> None:
        """Rename what stands at our path to the name of a finished segment."""
        try:
            there = os.stat(self.path, follow_symlinks=False)
        except FileNotFoundError:
            return
        if not stat.S_ISREG(there.st_mode):
            raise OSError(errno.EEXIST, "not a regular file, so it is left alone", self.path)
        while os.path.lexists(self._shelf()):
            self._segment += 1
        os.rename(self.path, self._shelf())

    def _shelf(self) -> str:
        return os.path.join(self._directory, f"{self._stem}.{self._segment}.jsonl")


def _write_whole(fd: int, data: bytes) -> None:
    if os.write(fd, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _make_folder(directory: str) -> None:
    """Make the folder and its parents, closed to strangers (`makedirs` does so for the last)."""
    if os.path.isdir(directory):
        return
    parent = os.path.dirname(directory)
    if parent != directory:
        _make_folder(parent)
    try:
        os.mkdir(directory, 0o750)
    except FileExistsError:
        if not os.path.isdir(directory):
            raise
