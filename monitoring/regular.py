"""Files that are read whole: regular ones, and none larger than it can be."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

RULES_BYTES = 1_048_576
"""Thousands of rules; a file that is larger is not one of rules."""


def read_regular(path: Path, most_bytes: int, *, follow: bool = False) -> bytes:
    """Return a regular file's content; a FIFO by that name is refused, and so is a symlink unless
    it is to be followed. Raises OSError.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    try:  # not fdopen: it fails on a folder, and leaves the descriptor open
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if status.st_size > most_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        data = b""
        # What it has and one more byte: so that the second read says that this is the end.
        while chunk := os.read(descriptor, min(most_bytes, status.st_size) + 1):
            data += chunk
            if len(data) > most_bytes:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    finally:
        os.close(descriptor)
    return data
