"""What the writer tells the engine's own log: its path once, and one warning per outage."""

from __future__ import annotations

import contextlib
import time

_WARNING_PAUSE_SECONDS = 60.0


class Report:
    """Say each thing once on the logger `tickbeat`; `fault` is why nothing is written now."""

    def __init__(self) -> None:
        self.fault: str | None = None
        self._warned_at: float | None = None
        self._said_closed = False

    def path(self, path: str) -> None:
        """Say where the heartbeat goes."""
        _log("info", "heartbeat goes to %s", path)

    def failed(self, error: BaseException) -> None:
        """Note a failure; warn when it begins, at most once a minute when it comes and goes."""
        begins = self.fault is None
        self.fault = f"{type(error).__name__}: {error}"
        now = time.monotonic()
        if begins and (self._warned_at is None or now - self._warned_at > _WARNING_PAUSE_SECONDS):
            self._warned_at = now
            _log("warning", "heartbeat is off, trading goes on; will try again: %s", self.fault)

    def works(self) -> None:
        """Note that lines are written."""
        if self.fault is not None:
            self.fault = None
            _log("info", "heartbeat is written again")

    def closed(self) -> None:
        """Warn that a tick came after close()."""
        if not self._said_closed:
            self._said_closed = True
            _log("warning", "record_tick after close(): nothing is written; make a new writer")


def _log(level: str, message: str, *args: object) -> None:
    # Half the time of `import tickbeat` would go to logging.
    import logging  # noqa: PLC0415 - see above

    with contextlib.suppress(Exception):  # the engine's own handlers may raise anything
        getattr(logging.getLogger("tickbeat"), level)(message, *args)
