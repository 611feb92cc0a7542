"""The hours in which Breeze may be asked: nobody's quota is spent on a closed market."""

from __future__ import annotations

from collections.abc import Callable

from evaluator.instant import Sessions

BEFORE_OPEN_MS = 75 * 60_000
"""From 08:00 on a usual day: early enough to make a new session key in peace."""


def probing_hours(sessions: Sessions) -> Callable[[int], bool]:
    """Return what tells by wall time (ms) whether to ask: from 75 minutes before a session to
    its close.
    """

    def may_probe(wall_ms: int) -> bool:
        if sessions.is_open(wall_ms, "session"):
            return True
        opens_ms = sessions.next_open_ms(wall_ms)
        return opens_ms is not None and opens_ms - wall_ms <= BEFORE_OPEN_MS

    return may_probe
