"""What wakes the loop: a watch on the heartbeat folder, which may fail and may go blind.

Events are wake-ups, never data: one that is lost costs a poll interval, not a tick.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from evaluator.instant import Instant, elapsed_ms
from monitoring.bell import Bell
from monitoring.folder_watch import FolderWatch

UNANNOUNCED_LOOKS = 2
"""After as many looks in a row that found what no event had announced, the watch is blind."""

RETRY_MS = 30_000

CHECK_MS = 500


class HeartbeatWatch:
    """Rings on each change in a folder, as long as the system lets it.

    `check` must be called with each look at the folder: it keeps the watch on the folder of that
    name, and begins it anew when it has gone blind. `fault` says why there is no watch, None when
    there is one.
    """

    def __init__(self, folder: Path, bell: Bell, warn: Callable[[str], None]) -> None:
        self._folder = folder
        self._warn = warn
        self._watch = FolderWatch(bell, grown=[folder])
        self._unannounced = 0
        self._checked_at: Instant | None = None
        self._failed_at: Instant | None = None
        self.fault: str | None = None

    def check(self, now: Instant, *, found: bool, rung: bool) -> None:
        """See to it that the watch works; `found`: this look found something new, `rung`: it had
        been woken.
        """
        if rung or self._watch.arrived:
            self._unannounced = 0
        elif found:
            self._unannounced += 1
        self._watch.arrived.clear()
        if self._checked_at is not None and elapsed_ms(self._checked_at, now) < CHECK_MS:
            return
        self._checked_at = now
        if self._failed_at is not None and elapsed_ms(self._failed_at, now) < RETRY_MS:
            return
        if self._unannounced >= UNANNOUNCED_LOOKS:
            self._unannounced = 0
            self._watch.close()
        try:
            self._watch.renew()
        except OSError as fault:
            self._watch.close()
            self._failed_at = now
            if self.fault is None:
                self._warn(f"no file events for {self._folder} ({fault}): found by polling alone")
            self.fault = f"no file events: {fault}"
        else:
            self._failed_at = self.fault = None

    def close(self) -> None:
        """Stop watching."""
        self._watch.close()
