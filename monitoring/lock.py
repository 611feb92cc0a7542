"""One collector and one scheduler per home."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from monitoring.atomic import SECRET_MODE, make_folder


class AlreadyRunning(Exception):
    """Another process of the same kind holds this home."""

    def __init__(self, process: str, pid: int | None) -> None:
        super().__init__(
            f"a {process} already runs on this home (pid {pid or 'unknown'}): stop it first, or "
            "set MONITOR_HOME to another folder"
        )
        self.process = process
        self.pid = pid


class ProcessLock:
    """An flock on `<process>.lock`; the kernel drops it when the process dies (flock(2))."""

    def __init__(self, folder: Path, process: str) -> None:
        self._path = folder / f"{process}.lock"
        self._process = process
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock. Raises AlreadyRunning with the pid of who has it, OSError."""
        make_folder(self._path.parent)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        # Who may open it, to read even, may take the lock (flock(2)) and keep us from starting.
        descriptor = os.open(self._path, flags, SECRET_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = os.read(descriptor, 32).partition(b"\n")[0]
            os.close(descriptor)
            raise AlreadyRunning(self._process, int(said) if said.isdigit() else None) from None
        except OSError:
            os.close(descriptor)
            raise
        # The pid is a courtesy: on a full disk the process must start all the same, to say so.
        with contextlib.suppress(OSError):
            said = f"{os.getpid()}\n".encode()
            os.pwrite(descriptor, said, 0)
            os.ftruncate(descriptor, len(said))
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
