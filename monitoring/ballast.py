"""Disk space kept in hand, so that the alert about a full disk can still be written."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from monitoring.atomic import SECRET_MODE, make_folder

SIZE_BYTES = 8 * 1024 * 1024
ROOM_TO_SPARE = 8
"""The ballast is taken only while this many times its size is free (64 MiB): it must not be what
fills the disk."""

_BLOCK_BYTES = 512
"""The unit of st_blocks, whatever the file system's own is (stat(2))."""


class Ballast:
    """A file of `size_bytes` that is really allocated, and given up on ENOSPC."""

    def __init__(self, path: Path, size_bytes: int = SIZE_BYTES) -> None:
        self._path = path
        self._size_bytes = size_bytes

    def ensure(self) -> bool:
        """Have the ballast on disk if there is room; tell whether it is there."""
        try:
            if self._is_there():
                return True
            make_folder(self._path.parent)
            space = os.statvfs(self._path.parent)
            if space.f_bavail * space.f_frsize < ROOM_TO_SPARE * self._size_bytes:
                return False
            self._allocate()
        except OSError:
            self.release()
            return False
        return True

    def release(self) -> bool:
        """Free the ballast; tell whether there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def _is_there(self) -> bool:
        try:
            status = self._path.lstat()
        except FileNotFoundError:
            return False
        # A copy made by a backup may have the size and no blocks.
        return (
            stat.S_ISREG(status.st_mode)
            and status.st_size == self._size_bytes
            and status.st_blocks * _BLOCK_BYTES >= self._size_bytes
        )

    def _allocate(self) -> None:
        self._path.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, SECRET_MODE)
        try:
            os.posix_fallocate(descriptor, 0, self._size_bytes)
        finally:
            os.close(descriptor)
