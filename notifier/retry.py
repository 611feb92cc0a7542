"""When a delivery that failed is tried again, and when it is given up: pure."""

from __future__ import annotations

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 60.0
HORIZON_MS = 86_400_000
"""What could not be told for a day is told nobody: by then a human has looked."""


def pause_seconds(attempts: int, asked_seconds: float | None, chance: float) -> float:
    """Return how long to wait after so many attempts: doubling, at most a minute, with jitter.

    `chance` in [0, 1) spreads it over the upper half, so that what failed together does not come
    back together. Never before the time that the other side asked for.
    """
    doubled = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(attempts - 1, 10))
    return max(doubled * (0.5 + chance / 2), asked_seconds or 0.0)
