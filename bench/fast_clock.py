"""Processes for which time passes faster: by every clock they read, and in every wait."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


class FastClock:
    """A clock that runs `factor` times as fast from now on; by it, now is `begin_ms` (POSIX).

    Raises FileNotFoundError without a compiler.
    """

    def __init__(self, folder: Path, factor: int, begin_ms: int) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            raise FileNotFoundError("a C compiler (cc) makes the clock that runs faster")
        library = folder / "fast_clock.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, SOURCE], check=True)
        self._factor = factor
        self._began_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        begin = begin_ms * 1_000_000
        bases = (begin, time.time_ns(), time.monotonic_ns(), self._began_ns)
        self.environ = {
            "LD_PRELOAD": str(library),
            "FAST_CLOCK": " ".join(map(str, (factor, *bases))),
        }

    def hours(self) -> float:
        """Return how many hours have passed by it."""
        passed_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self._began_ns
        return passed_ns * self._factor / 3.6e12
