"""One channel's deliveries: one at a time, each incident's in order, beside all other channels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import msgspec

from evaluator.instant import Instant, elapsed_ms
from monitoring.aside import Aside
from notifier.channel import Send
from notifier.http import LONGEST_WAIT_SECONDS
from notifier.ledger import Outstanding
from notifier.letter import BROKEN, Letter, Outcome
from notifier.message import finished
from notifier.records import EDITS, SUMMARY, Dead, Failed, Sent
from notifier.retry import HORIZON_MS, LONGEST_SECONDS, pause_seconds

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

    A send that hangs holds up this channel alone. After a failure the channel pauses, and longer
    with each that follows, since most often it is all of it that fails; and the delivery has a
    pause of its own, in which others are tried, since it may be that one alone.
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
        self._failures = 0
        self._own_due_ns: dict[str, int] = {}

    @property
    def trying(self) -> str | None:
        """The key of what is under way, or whose outcome was not taken yet."""
        return None if self._tried is None else self._tried.key

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
        self._own_due_ns.pop(key, None)
        if outcome.word != "again":
            self._failures = 0
        if outcome.word == "sent":
            late_ms = elapsed_ms(one.planned.alert_at, now)
            return Sent(
                at=now, key=key, attempts=attempts, late_ms=late_ms, message=outcome.message
            )
        if outcome.word == "refused":
            return Dead(at=now, key=key, attempts=attempts, reason=outcome.reason)
        self._failures += 1
        asked = outcome.wait_seconds
        chance = self._chance()
        pause = pause_seconds(attempts, asked, chance)
        self._due_ns = _after(now, pause_seconds(self._failures, asked, chance))
        # A summary has its own day: it may list what is a day old, and what is new.
        since = one.planned.at if one.planned.lists else one.planned.due_at
        if elapsed_ms(since, now) > HORIZON_MS:
            return Dead(at=now, key=key, attempts=attempts, reason=f"a day of: {outcome.reason}")
        self._own_due_ns[key] = _after(now, pause)
        return Failed(
            at=now, key=key, attempts=attempts, reason=outcome.reason,
            again_ms=now.wall_ms + round(pause * 1000), asked=asked is not None,
        )  # fmt: skip

    def resume(self, pending: Iterable[tuple[str, Outstanding]], now: Instant) -> None:
        """After a start: wait as long as was decided before it, if that still means anything."""
        for key, one in pending:
            if one.again_ms is None:
                continue
            longest = LONGEST_WAIT_SECONDS if one.asked else LONGEST_SECONDS
            left = min(max(0.0, (one.again_ms - now.wall_ms) / 1000), longest)
            self._own_due_ns[key] = _after(now, left)
            if one.asked:
                self._due_ns = max(self._due_ns, _after(now, left))

    def rest(self) -> None:
        """Forget when what is no longer pending was to be tried again."""
        self._own_due_ns.clear()

    def ready(self, now: Instant) -> bool:
        """Tell whether an attempt could begin."""
        return self._tried is None and now.boottime_ns >= self._due_ns

    def choose(
        self, pending: Iterable[tuple[str, Outstanding]], now: Instant
    ) -> tuple[str, Outstanding] | None:
        """Return what is to be tried next, of what is pending in the order of planning.

        Of each incident the first, once it is due; CRITICAL before others; what was tried less
        often before what fails.
        """
        firsts = _firsts(pending)
        due = [one for one in firsts if now.boottime_ns >= self._own_due_ns.get(one[0], 0)]
        return min(due, key=_rank, default=None)

    def start(self, key: str, one: Outstanding, now: Instant, about: tuple[int, ...] = ()) -> None:
        """Begin the next attempt, if none is under way and its time has come."""
        if not self.ready(now) or now.boottime_ns < self._own_due_ns.get(key, 0):
            return
        letter = letter_of(key, one, now, about)
        if self._aside.begin(lambda: self._send(letter)):
            self._tried = Tried(key, one, now)
        else:
            self._due_ns = now.boottime_ns + NO_THREAD_NS

    def seconds_left(self, pending: Iterable[tuple[str, Outstanding]], now: Instant) -> float:
        """Return how long to wait for the next attempt; what is under way rings by itself."""
        dues = [self._own_due_ns.get(key, 0) for key, _ in _firsts(pending)]
        if self._tried is not None or not dues:
            return math.inf
        return max(0.0, (max(min(dues), self._due_ns) - now.boottime_ns) / 1e9)


def _firsts(pending: Iterable[tuple[str, Outstanding]]) -> list[tuple[str, Outstanding]]:
    """Return those that no earlier one of the same incident keeps waiting: an edit is for looks,
    and nothing waits for it.
    """
    begun: set[str] = set()
    firsts = []
    for key, one in pending:
        incidents = one.incidents
        if begun.isdisjoint(incidents):
            firsts.append((key, one))
        if one.planned.why not in EDITS:
            begun |= incidents
    return firsts


def _after(now: Instant, seconds: float) -> int:
    return now.boottime_ns + round(seconds * 1e9)


def _rank(pending: tuple[str, Outstanding]) -> tuple[bool, int]:
    one = pending[1]
    return one.planned.severity != "CRITICAL", one.attempts


def letter_of(key: str, one: Outstanding, now: Instant, about: tuple[int, ...] = ()) -> Letter:
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
        alerts=planned.lists if planned.why == SUMMARY else (),
        about=about,
    )
