"""One channel's deliveries: one after another, in the order of planning, beside all others."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec

from evaluator.instant import Instant, elapsed_ms
from monitoring.aside import Aside
from notifier.channel import Send
from notifier.http import LONGEST_WAIT_SECONDS
from notifier.letter import BROKEN, Letter, Outcome
from notifier.message import finished
from notifier.records import Dead, Failed, Outstanding, Sent
from notifier.retry import HORIZON_MS, pause_seconds

NO_THREAD_NS = 1_000_000_000
"""Before it is tried again to begin, where the system had no thread to give."""

HANGS_MS = 120_000


class Tried(msgspec.Struct, frozen=True):
    """An attempt that is under way."""

    key: str
    one: Outstanding
    began: Instant


class Lane:
    """Hands one delivery at a time to a thread; what came of it is for the log of deliveries.

    A send that hangs holds up this channel alone.
    """

    def __init__(
        self, name: str, send: Send, *, wake: Callable[[], None], chance: Callable[[], float]
    ) -> None:
        self.name = name
        self._send = send
        self._chance = chance
        self._aside: Aside[Outcome] = Aside(f"channel-{name}", wake)
        self._tried: Tried | None = None
        self._due_ns = 0

    @property
    def busy(self) -> bool:
        """Tell whether an attempt is under way, or its outcome was not taken yet."""
        return self._tried is not None

    def hangs(self, now: Instant) -> bool:
        """Tell whether an attempt is under way for far longer than its deadline: the look-up of a
        name, which nothing can interrupt, or a fault of ours.
        """
        return self._tried is not None and elapsed_ms(self._tried.began, now) > HANGS_MS

    def outcome(self, now: Instant) -> Sent | Failed | Dead | None:
        """Return the record of an attempt that came to its end since the last time."""
        if self._tried is None or self._aside.busy:
            return None
        outcome = self._aside.take() or BROKEN
        key, one = self._tried.key, self._tried.one
        self._tried = None
        attempts = one.attempts + 1
        if outcome.word == "sent":
            late_ms = elapsed_ms(one.planned.alert_at, now)
            return Sent(at=now, key=key, attempts=attempts, late_ms=late_ms)
        if outcome.word == "refused":
            return Dead(at=now, key=key, attempts=attempts, reason=outcome.reason)
        if elapsed_ms(one.planned.at, now) > HORIZON_MS:
            return Dead(at=now, key=key, attempts=attempts, reason=f"a day of: {outcome.reason}")
        pause = pause_seconds(attempts, outcome.wait_seconds, self._chance())
        self._due_ns = now.boottime_ns + round(pause * 1e9)
        again_ms = now.wall_ms + round(pause * 1000)
        return Failed(at=now, key=key, attempts=attempts, reason=outcome.reason, again_ms=again_ms)

    def resume(self, first: Outstanding | None, now: Instant) -> None:
        """After a start: wait as long as was decided before it, if that still means anything."""
        if first is not None and first.again_ms is not None:
            left = (first.again_ms - now.wall_ms) / 1000
            self._due_ns = now.boottime_ns + round(min(max(0.0, left), LONGEST_WAIT_SECONDS) * 1e9)

    def start(self, key: str, one: Outstanding, now: Instant) -> None:
        """Begin the next attempt, if none is under way and its time has come."""
        if self._tried is not None or now.boottime_ns < self._due_ns:
            return
        letter = letter_of(key, one, now)
        if self._aside.begin(lambda: self._send(letter)):
            self._tried = Tried(key, one, now)
        else:
            self._due_ns = now.boottime_ns + NO_THREAD_NS

    def seconds_left(self, now: Instant) -> float:
        """Return how long to wait for the next attempt; what is under way rings by itself."""
        if self._tried is not None:
            return math.inf
        return max(0.0, (self._due_ns - now.boottime_ns) / 1e9)


def letter_of(key: str, one: Outstanding, now: Instant) -> Letter:
    """Return what is sent of a delivery now."""
    planned = one.planned
    return Letter(
        key=key,
        title=planned.title,
        text=finished(planned.text, key, planned.alert_at, now),
        incident=planned.incident,
        engine=planned.engine,
        rule=planned.rule,
        severity=planned.severity,
        status="resolved" if planned.over else "firing",
        why=planned.why,
        at=planned.timestamp,
    )
