"""The day's session key, made by hand with an OTP each morning, in a file of its own."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from monitoring.redaction import hide

MAX_BYTES = 4096
LOGIN = "run `monitor breeze login`"

Identity = tuple[int, int, int, int]


class SessionFile:
    """The file that `monitor breeze login` writes; read again when it is another one.

    `key` is the session key, None when there is none to be had; `fault` then says why, and what
    to do. `written_ms` is when it was written (POSIX ms). Refused: a symlink (it may lead to a
    file of somebody else's choice), a file that everybody may read or write, and what isn't one
    line of printable ASCII.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity: Identity | None = None
        self._looked = False
        self.key: str | None = None
        self.fault: str | None = None
        self.written_ms: int | None = None

    def refresh(self) -> bool:
        """Look at the file, and tell whether it has changed since the look before.

        The first look never is a change.
        """
        identity = self._identify()
        changed = self._looked and identity != self._identity
        if changed or not self._looked or identity is None:
            self.key, self.fault = None, None
            try:
                self.key = self._read()
            except _RefusedError as refused:
                self.fault = f"{refused}: {LOGIN}"
            except OSError as error:
                self.fault = f"session file can't be read ({error.strerror}): {LOGIN}"
        known = self.key is not None and identity is not None
        self.written_ms = identity[1] // 1_000_000 if known and identity is not None else None
        self._identity, self._looked = identity, True
        return changed

    def _identify(self) -> Identity | None:
        try:
            status = self._path.lstat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode

    def _read(self) -> str:
        if self._path.is_symlink():
            raise _RefusedError("session file is a symlink")
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a FIFO would hang
        try:
            descriptor = os.open(self._path, flags)
        except FileNotFoundError:
            raise _RefusedError("no session file yet") from None
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _RefusedError("session file is not a regular file")
            if status.st_mode & stat.S_IROTH:
                raise _RefusedError("session file can be read by everybody")
            if status.st_mode & stat.S_IWOTH:
                raise _RefusedError("session file can be written by everybody")
            data = os.read(descriptor, MAX_BYTES + 1)
        finally:
            os.close(descriptor)
        key = data.strip()
        if not key or len(data) > MAX_BYTES or not all(33 <= byte <= 126 for byte in key):
            raise _RefusedError("session file does not hold one session key")
        text = key.decode("ascii")
        hide(text)
        return text


class _RefusedError(Exception):
    """Why a file isn't taken, in words that hold nothing of what is in it."""
