"""Sorted open intervals of time, and the questions that every evaluation asks of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

from monitoring.market_override import Span


class Spans:
    """Half-open intervals [from, until) of POSIX ms, sorted; those that touch are one."""

    __slots__ = ("_before", "ends", "starts")

    def __init__(self, spans: Iterable[Span]) -> None:
        merged: list[Span] = []
        for start, end in sorted(spans):
            if merged and start <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(merged[-1][1], end)
            elif start < end:
                merged.append((start, end))
        self.starts = [start for start, _ in merged]
        self.ends = [end for _, end in merged]
        self._before = [0, *accumulate(end - start for start, end in merged)]

    def at(self, ms: int) -> Span | None:
        """Return the interval that a moment lies in."""
        index = bisect_right(self.starts, ms) - 1
        if index < 0 or ms >= self.ends[index]:
            return None
        return self.starts[index], self.ends[index]

    def next_start(self, ms: int) -> int | None:
        """Return the first beginning after a moment."""
        index = bisect_right(self.starts, ms)
        return self.starts[index] if index < len(self.starts) else None

    def total_ms(self, start_ms: int, end_ms: int) -> int:
        """Return how much of [start, end] lies in the intervals."""
        return max(0, self._until(end_ms) - self._until(start_ms))

    def _until(self, ms: int) -> int:
        index = bisect_right(self.starts, ms) - 1
        if index < 0:
            return 0
        return self._before[index] + min(ms, self.ends[index]) - self.starts[index]
