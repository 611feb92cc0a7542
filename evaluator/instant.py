"""Moments and the durations between them, without reading a clock."""

from __future__ import annotations

from typing import Annotated, Protocol

import msgspec

EARLIEST_MS, LATEST_MS = -62_000_000_000_000, 253_000_000_000_000
"""Years 5 to 9987: every one of these moments is a date in every timezone."""

WallMs = Annotated[int, msgspec.Meta(ge=EARLIEST_MS, le=LATEST_MS)]
"""POSIX milliseconds. A file that holds others is refused where it is read, not where a date is
made of them.
"""

Whole64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A whole number that fits into 64 bits: sums and quotients of such are still numbers."""


class Instant(msgspec.Struct, frozen=True):
    """One moment: wall time in POSIX milliseconds, and CLOCK_BOOTTIME within one boot.

    The wall clock says *when* (sessions, dates, what a human reads), boottime says *how long*.
    """

    wall_ms: WallMs
    boottime_ns: Whole64
    boot_id: str


class Sessions(Protocol):
    """The trading clock that durations are counted on."""

    def open_ms(self, start_ms: int, end_ms: int, clock: str) -> int:
        """Return the open milliseconds of `clock` (session, preopen, wall) in [start, end]."""

    def is_open(self, wall_ms: int, clock: str) -> bool:
        """Tell whether `clock` runs at the POSIX time `wall_ms`."""

    def opened_at_ms(self, wall_ms: int) -> int | None:
        """Return when the session that `wall_ms` lies in opened, None when it is closed."""

    def next_open_ms(self, wall_ms: int) -> int | None:
        """Return when the first session after `wall_ms` opens; None: none is known, or needed."""

    def closes_at_ms(self, wall_ms: int) -> int | None:
        """Return when the session that `wall_ms` lies in closes; None: closed, or never closes."""

    def trading_day(self, wall_ms: int) -> str:
        """Return the trading date (ISO, in the trading timezone) that `wall_ms` belongs to."""


def elapsed_ms(start: Instant, end: Instant) -> int:
    """Return milliseconds from start to end, immune to wall-clock steps within one boot.

    Across boots only the wall clock is left, and it may have been set back: never negative.
    """
    if start.boot_id == end.boot_id:
        return max(0, (end.boottime_ns - start.boottime_ns) // 1_000_000)
    return max(0, end.wall_ms - start.wall_ms)


def session_elapsed_ms(start: Instant, end: Instant, clock: str, sessions: Sessions) -> int:
    """Return the open milliseconds between two instants on the given trading clock.

    The window is laid backwards from `end.wall`, so that a wall clock that was stepped in
    between changes which sessions are looked at, never how long it was.
    """
    return sessions.open_ms(end.wall_ms - elapsed_ms(start, end), end.wall_ms, clock)
