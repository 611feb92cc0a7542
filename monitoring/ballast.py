"""Disk space kept in hand, so that the alert about a full disk can still be written."""

from __future__ import annotations

import os
from pathlib import Path

from monitoring.atomic import FOLDER_MODE, SECRET_MODE

SIZE_BYTES = 8 * 1024 * 1024
ROOM_TO_SPARE = 8
"""The ballast is taken only while this many times its size is free: it must not be what fills
the disk."""


class Ballast:
    """A file of `size_bytes` that is really allocated, and given up on ENOSPC."""

    def __init__(self, path: Path, size_bytes: int = SIZE_BYTES) -> None:
        self._path = path
        self._size_bytes = size_bytes

    def ensure(self) -> bool:
        """Have the ballast on disk if there is room; tell whether it is there."""
        try:
            if self._path.stat().st_size == self._size_bytes:
                return True
        except FileNotFoundError:
            pass
        try:
            self._path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
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

    def _allocate(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, SECRET_MODE)
        try:
            os.posix_fallocate(descriptor, 0, self._size_bytes)
        finally:
            os.close(descriptor)
