"""What tells one state of a file from another, without reading it."""

from __future__ import annotations

from pathlib import Path

Mark = tuple[int, ...] | str
"""`ctime` can't be set by hand, `mtime` can. Text: why there is nothing to read."""


def mark_of(path: Path) -> Mark:
    """Return what the file is now; a link is followed, as its target is what is read."""
    try:
        status = path.stat()
    except OSError as error:
        return error.strerror or str(error)
    return (
        status.st_dev,
        status.st_ino,
        status.st_mode,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
