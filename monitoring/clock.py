"""The one place that reads the system's clocks; entry points make it and pass it on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

from evaluator.instant import Instant

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")


def read_boot_id() -> str:
    """Return the kernel's id of this boot (random(4)), or "unknown" where there is none."""
    try:
        return BOOT_ID_FILE.read_text().strip()
    except OSError:
        return "unknown"


class Clock(Protocol):
    """Tells the present instant."""

    def now(self) -> Instant:
        """Return it."""


class SystemClock:
    """Reads wall time and CLOCK_BOOTTIME (it counts suspend too, clock_gettime(2))."""

    def __init__(self) -> None:
        self._boot_id = read_boot_id()
        self._clock_id = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    def now(self) -> Instant:
        """Return the present instant."""
        return Instant(
            time.time_ns() // 1_000_000, time.clock_gettime_ns(self._clock_id), self._boot_id
        )
