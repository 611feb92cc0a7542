"""How long the day's Breeze calls will last: engine and probe share one quota per app."""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime
from zoneinfo import ZoneInfo

from evaluator.instant import Instant, elapsed_ms

WINDOW_SECONDS = 600.0
"""The rate of calls is that of the last ten minutes."""

LEAST_WINDOW_SECONDS = 60.0
SAMPLE_SECONDS = 10.0
DAY_SECONDS = 86_400.0


class Quota:
    """Counts the calls of the local day; users quote 5,000 a day, counted anew at midnight."""

    def __init__(self, calls_per_day: int, zone: ZoneInfo) -> None:
        self._calls_per_day = calls_per_day
        self._zone = zone
        self._day: str | None = None
        self._engine_before = 0.0
        self._engine_last = 0.0
        self._samples: deque[tuple[Instant, float]] = deque()
        self._probes = 0

    def resume(self, probes: int, at: Instant) -> None:
        """Go on counting from what was counted by `at`."""
        self._turn(at)
        self._probes = probes

    def add_probe(self, now: Instant) -> None:
        """Count one call of ours."""
        self._turn(now)
        self._probes += 1

    def probes_today(self, now: Instant) -> int:
        """Return how often we asked since local midnight."""
        self._turn(now)
        return self._probes

    def left_seconds(self, now: Instant, engine_calls: float | None) -> float | None:
        """Return how long the quota lasts at the present rate, at most a day.

        None while the engine doesn't say how many calls it made, and in the first minute.
        """
        self._turn(now)
        if engine_calls is None or not math.isfinite(engine_calls):
            return None
        if engine_calls < self._engine_last:  # it was restarted, and counts from 0 again
            self._engine_before += self._engine_last
        self._engine_last = engine_calls
        used = self._engine_before + engine_calls + self._probes
        rate = self._rate(now, used)
        left = self._calls_per_day - used
        if left <= 0:
            return 0.0
        if rate is None:
            return None
        return DAY_SECONDS if rate <= 0 else min(DAY_SECONDS, left / rate)

    def _rate(self, now: Instant, used: float) -> float | None:
        """Return calls per second over the window."""
        samples = self._samples
        if not samples or _seconds(samples[-1][0], now) >= SAMPLE_SECONDS:
            samples.append((now, used))
        while len(samples) > 1 and _seconds(samples[1][0], now) >= WINDOW_SECONDS:
            samples.popleft()
        began, used_then = samples[0]
        seconds = _seconds(began, now)
        return (used - used_then) / seconds if seconds >= LEAST_WINDOW_SECONDS else None

    def _turn(self, now: Instant) -> None:
        """Count anew when the local date has changed."""
        day = datetime.fromtimestamp(now.wall_ms / 1000, self._zone).date().isoformat()
        if day != self._day:
            self._day = day
            self._probes = 0
            self._engine_before = self._engine_last = 0.0
            self._samples.clear()


def _seconds(start: Instant, end: Instant) -> float:
    return elapsed_ms(start, end) / 1000
