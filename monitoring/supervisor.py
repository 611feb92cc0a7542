"""What systemd is told of a process: that it is ready, that its loop turns, that it stops.

The protocol is a datagram to the socket that `NOTIFY_SOCKET` names (sd_notify(3)); `WATCHDOG_USEC`
says how often it wants to hear from the process named by `WATCHDOG_PID` (sd_watchdog_enabled(3)).
Without the environment nothing is sent, and whatever goes wrong nothing is raised.
"""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Callable, Mapping

from monitoring.log_sinks import printable

PINGS_PER_PERIOD = 3
"""sd_watchdog_enabled(3) recommends half of the period; a third leaves time for a slow turn."""

STATUS_CHARACTERS = 500
"""A datagram that is too large is refused whole, with all that it says besides."""


class Supervisor:
    """Told by the loop that matters, once a turn. `clock_ns` is monotonic."""

    def __init__(self, environ: Mapping[str, str], clock_ns: Callable[[], int]) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._every_ns = _period_ns(environ) / PINGS_PER_PERIOD
        self._clock_ns = clock_ns
        self._ready = False
        self._due_ns = 0.0
        self._status = ""

    @property
    def longest_wait_seconds(self) -> float:
        """For how long the loop may wait, when nothing else wakes it."""
        return self._every_ns / 1e9

    def turned(self, status: str) -> None:
        """Say that a turn of the loop is done; `status` is in words, for `systemctl status`.

        The first turn makes the process ready.
        """
        now_ns = self._clock_ns()
        words = [] if self._ready else ["READY=1"]
        if status != self._status or not self._ready:
            # One line, as the next would be a command; and a terminal shows it.
            line = printable(status.splitlines()[0] if status else "")
            words.append(f"STATUS={line[:STATUS_CHARACTERS]}")
        due = now_ns >= self._due_ns
        if due:
            words.append("WATCHDOG=1")
        if self._send(words):  # else again at the next turn: a start that is never heard of is none
            self._ready, self._status = True, status
            if due:
                self._due_ns = now_ns + self._every_ns

    def stopping(self) -> None:
        """Say that the process was asked to stop."""
        self._send(["STOPPING=1", "STATUS=stopping"])

    def _send(self, words: list[str]) -> bool:
        """Tell whether it was taken, or nobody asked for it."""
        if self._address is None or not words:
            return True
        # A full or vanished socket costs a message: never the loop, which may not wait for it.
        try:
            with _datagrams() as out:
                out.sendto("\n".join(words).encode(errors="backslashreplace"), self._address)
        except OSError:
            return False
        return True


def _datagrams() -> socket.socket:
    kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    return socket.socket(socket.AF_UNIX, kind)


def _address(named: str) -> str | None:
    """Return the socket's address: a path, or a name in the abstract namespace (unix(7))."""
    if "\0" in named or not named.startswith(("/", "@")):
        return None
    return named if named.startswith("/") else "\0" + named[1:]


def _period_ns(environ: Mapping[str, str]) -> float:
    """Return how often the watchdog wants to hear of this process; never: infinity."""
    meant = environ.get("WATCHDOG_PID") or str(os.getpid())
    period = environ.get("WATCHDOG_USEC", "")
    if meant != str(os.getpid()) or not period.isdecimal() or int(period) == 0:
        return math.inf
    return int(period) * 1000.0
