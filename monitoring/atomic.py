"""Writing a file so that a reader, a crash or a power failure sees all of it or none."""

from __future__ import annotations

import os
from pathlib import Path

FILE_MODE = 0o640
SECRET_MODE = 0o600
FOLDER_MODE = 0o750


def close_to_strangers() -> None:
    """Let this process give nothing that it makes to other users, whatever umask it was started
    with: for files that a library makes, and folders above those that we name a mode for.
    """
    os.umask(os.umask(0o077) | 0o027)


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, each new one with mode 0750 at most. Raises OSError."""
    if folder.is_dir():
        return
    make_folder(folder.parent)  # mkdir(parents=True) would give the parents the umask's mode
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` durable (fsync(2) of the file does not cover its name)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomic(path: Path, data: bytes, *, mode: int = FILE_MODE, durable: bool = True) -> None:
    """Replace `path` with `data`: temporary name, sync, rename, sync of the folder.

    Raises OSError, having removed the temporary file, and `path` is then as it was; save that
    when the folder can't be synced, `path` is the new one and may be the old after a power failure.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)  # a symlink or a leftover: never written through
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, mode)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)
