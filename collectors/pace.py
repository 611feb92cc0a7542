"""When a snapshot is due: on the interval, and at once when a watched value changed."""

from __future__ import annotations

from evaluator.instant import Instant, elapsed_ms

AT_ONCE_MS = 250
"""Snapshots for a watched change are at least this far apart."""


class Pace:
    """Keeps the interval, and the distance between snapshots that were written at once."""

    def __init__(self, interval_seconds: float) -> None:
        self._interval_ms = interval_seconds * 1000
        self._at_once_at: Instant | None = None

    def reason(self, changed: str | None, previous: Instant | None, now: Instant) -> str | None:
        """Return why a snapshot is due now, None when none is.

        `changed` names a watched value that no snapshot shows; `previous`: the last snapshot's.
        """
        if self.until_interval_ms(previous, now) <= 0:
            return "interval"
        if changed is not None and self.held_ms(now) <= 0:
            self._at_once_at = now
            return changed
        return None

    def until_interval_ms(self, previous: Instant | None, now: Instant) -> float:
        """Return how long it is to the end of the interval; 0 or less: it is over."""
        return 0 if previous is None else self._interval_ms - elapsed_ms(previous, now)

    def held_ms(self, now: Instant) -> int:
        """Return how long a change must wait since the last one; 0 or less: it need not."""
        return 0 if self._at_once_at is None else AT_ONCE_MS - elapsed_ms(self._at_once_at, now)
