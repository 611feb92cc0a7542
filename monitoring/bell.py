"""What ends a process's wait, from any thread and from a signal handler."""

from __future__ import annotations

import contextlib
import os
import select


class Bell:
    """Rung by whoever has news; one waits for it.

    It is a pipe because a `threading.Event` set in a signal handler can find its own lock taken by
    the very wait that was interrupted.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)

    def ring(self) -> None:
        """End the wait that is under way, or the next one."""
        with contextlib.suppress(BlockingIOError):  # full: it has been rung often enough
            os.write(self._write, b"\0")

    def wait(self, timeout_seconds: float) -> bool:
        """Return True when rung, False after the timeout. Rings in between count as one."""
        rung = bool(self._poll.poll(max(0.0, timeout_seconds) * 1000))
        if rung:
            with contextlib.suppress(BlockingIOError):
                while len(os.read(self._read, 4096)) == 4096:
                    pass
        return rung
