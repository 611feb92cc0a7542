"""What is outstanding on each channel, on its way out: what waits, what is told as one, by whom
in whose stead, and what is sent next.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping

from evaluator.instant import Instant
from monitoring.config import Channel
from notifier.deliveries import DeliveryLog
from notifier.fallback import Fallbacks, overdue
from notifier.gathering import (
    GAP_MS,
    MINUTE_MS,
    MOST_SINGLE,
    Exposure,
    a_minute,
    crowd,
    flush,
    gathered,
    tangled,
)
from notifier.lane import Lane
from notifier.ledger import Outstanding
from notifier.records import DIGEST, EDITS, SUMMARY, Dead, Failed, Planned, Sent
from notifier.routes import Routes
from notifier.summary import Pending

NS = 1_000_000
_APART = EDITS | {DIGEST}


class Outbox:
    """Decides from the log's state, writes what it decided, and starts the lanes.

    `exposure` puts what is at stake now in words.
    """

    def __init__(
        self,
        log: DeliveryLog,
        lanes: Mapping[str, Lane],
        channels: Mapping[str, Channel],
        routes: Routes,
        *,
        exposure: Exposure,
        now: Instant,
    ) -> None:
        self._log = log
        self._lanes = lanes
        self._channels = channels
        self._routes = routes
        self._exposure = exposure
        self._sorted: dict[str, list[Pending]] = {}
        self._sorted_at = -1
        self._most = {name: a_minute(channels[name].kind) for name in lanes}
        self._told_ns = {name: deque[int](maxlen=most + 1) for name, most in self._most.items()}
        self._crowd_ns: dict[str, float] = dict.fromkeys(lanes, -math.inf)
        # Keys of the summaries whose time has come: what crowds behind them does not stop them.
        self._free = {name: _summaries(self.pending(name)) for name in lanes}
        for name, lane in lanes.items():
            lane.resume(self.pending(name), now)

    def pending(self, channel: str) -> list[Pending]:
        """Return what is neither sent nor given up on a channel, in the order of planning."""
        if self._sorted_at != self._log.taken:  # thousands may wait, and this is asked at each turn
            self._sorted_at = self._log.taken
            self._sorted = {}
            for key, one in self._log.state.outstanding.items():
                self._sorted.setdefault(one.channel, []).append((key, one))
        return self._sorted.get(channel, [])

    def turn(self, now: Instant, *, more: bool = False) -> None:
        """Decide what is told as one, and begin what can be sent. `more`: lines are still to be
        taken in, so that a crowd is not whole yet.
        """
        fallbacks = self._fallbacks(now)
        for name in fallbacks.others.keys() - self._lanes.keys():
            # An Alertmanager: it is sent all that is outstanding, whatever waits elsewhere.
            self._append(overdue(self.pending(name), fallbacks, now, grouped=False))
        for name, lane in self._lanes.items():
            if not self.pending(name):
                lane.rest()
                continue
            self._append(overdue(self.pending(name), fallbacks, now))
            self._flush(name, now)
            startable = self._startable(lane, now, more=more)
            chosen = lane.choose(startable, now) if lane.ready(now) else None
            if chosen is not None:
                lane.start(*chosen, now, self._log.state.about(chosen[1]))
                if chosen[1].attempts == 0 and chosen[1].planned.why not in EDITS:
                    self._told_ns[name].append(now.boottime_ns)

    def with_instead(self, outcome: Sent | Failed | Dead) -> list[Planned | Sent | Failed | Dead]:
        """Return an attempt's outcome, and before it what a refusal leads to."""
        one = self._log.state.outstanding.get(outcome.key)
        if not isinstance(outcome, Dead) or one is None:
            return [outcome]
        found = overdue(
            self.pending(one.channel),
            self._fallbacks(outcome.at),
            outcome.at,
            refused={outcome.key: outcome.reason},
        )
        return [*found, outcome]

    def seconds_left(self, now: Instant) -> float:
        """Return how long until something may be sent."""
        waits = [
            lane.seconds_left(
                [(key, one) for key, one in self.pending(name) if one.group is None], now
            )
            for name, lane in self._lanes.items()
            if not self._held(name, now)
        ]
        return min(waits, default=math.inf)

    def _fallbacks(self, now: Instant) -> Fallbacks:
        return Fallbacks(self._routes.routing.fallback, self._channels, self._routes.quiet(now))

    def _flush(self, name: str, now: Instant) -> None:
        """Tell the groups whose time has come."""
        pending = self._idle(name)
        waiting = sum(one.group is not None for _, one in pending)
        quiet = self._routes.quiet(now)
        if waiting == 0 or (quiet and waiting == len(pending)):
            return
        records = flush(
            pending,
            self._log.state.flushed.get(name, {}),
            self._routes.routing,
            quiet=quiet,
            exposure=self._exposure,
            now=now,
        )
        self._append(records)
        free = self._free[name] | {one.key(name) for one in records if one.why == SUMMARY}
        self._free[name] = free & _summaries(self.pending(name))

    def _startable(self, lane: Lane, now: Instant, *, more: bool) -> list[Pending]:
        """Return what may be sent now; a crowd is made one message, at most every so often."""
        name = lane.name
        ready = [(key, one) for key, one in self._idle(name) if one.group is None]
        crowding = [(key, one) for key, one in ready if not self._is_free(name, key, one)]
        lately = sum(now.boottime_ns - at < MINUTE_MS * NS for at in self._told_ns[name])
        why = crowd(crowding, lately, self._most[name], now) or tangled(ready)
        if why is None:
            return ready
        if more or self._held(name, now) or not lane.ready(now):
            singles = [(key, one) for key, one in crowding if one.planned.why != SUMMARY]
            if len(singles) > MOST_SINGLE:
                self._append(gathered(singles, why, now, exposure=self._exposure))
            return [(key, one) for key, one in ready if self._is_free(name, key, one)]
        self._crowd_ns[name] = now.boottime_ns
        whole = [(key, one) for key, one in ready if one.planned.why not in _APART]
        self._append(gathered(whole, why, now, exposure=self._exposure))
        ready = [(key, one) for key, one in self._idle(name) if one.group is None]
        self._free[name] = _summaries(ready)
        return ready

    def _is_free(self, name: str, key: str, one: Outstanding) -> bool:
        """Tell whether something goes out whatever crowds behind it. An edit rings nowhere."""
        return one.planned.why in _APART or key in self._free[name]

    def _held(self, name: str, now: Instant) -> bool:
        return now.boottime_ns - self._crowd_ns[name] < GAP_MS * NS

    def _idle(self, name: str) -> list[Pending]:
        """Return what is pending and not under way."""
        trying = self._lanes[name].trying
        return [(key, one) for key, one in self.pending(name) if key != trying]

    def _append(self, records: Iterable[Planned]) -> None:
        found = [*records]
        if found:
            self._log.append([*found])


def _summaries(pending: Iterable[Pending]) -> set[str]:
    return {key for key, one in pending if one.planned.why == SUMMARY}
