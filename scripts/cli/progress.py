"""How far a long piece of work is: rate and remaining time, on a terminal alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

from evaluator.message import grouped
from scripts.cli import words

EVERY_SECONDS = 0.2
LOOK_EACH = 200
"""The clock is read once in so many steps: they are quick."""


class Progress:
    """Rewrites one line of `stream` (stderr). `noun`: what is counted; `clock` tells seconds."""

    def __init__(
        self,
        noun: str,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._noun = noun
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._shown = self._stream is not None and self._stream.isatty()
        self._began = self._last = clock()

    def step(self, count: int, share: float) -> None:
        """Say how many are done, and which share (0 to 1) of all that is."""
        if not self._shown or count % LOOK_EACH:
            return
        now = self._clock()
        if now - self._last < EVERY_SECONDS:
            return
        self._last = now
        passed = now - self._began
        left = passed * (1 - share) / share if share > 0 else None
        self._say(
            f"{grouped(count)} {self._noun}, {share:.0%}, "
            f"{grouped(round(count / passed))}/s, {words.age(left)} left"
        )

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            self._say("")

    def _say(self, text: str) -> None:
        self._stream.write(f"\r\x1b[K{text}")
        self._stream.flush()
