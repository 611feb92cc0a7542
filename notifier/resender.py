"""An Alertmanager's deliveries: its state is sent whole when it changes, and again each minute.

What is outstanding is part of that state, so one request that arrives delivers all of it. Nothing
is refused for good: whoever mends the Alertmanager has it told of the present at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydantic import SecretStr

from evaluator.instant import Instant, elapsed_ms
from monitoring.aside import Aside
from monitoring.settings import Settings
from notifier import channel_alertmanager
from notifier.alertmanager import AGAIN_SECONDS, alerts_of
from notifier.drill import of_drill
from notifier.http import LONGEST_WAIT_SECONDS, prepare
from notifier.lane import HANGS_MS
from notifier.ledger import Outstanding, State
from notifier.letter import BROKEN, Outcome
from notifier.records import Dead, Failed, Sent
from notifier.retry import HORIZON_MS, pause_seconds


def resenders(
    settings: Settings, *, wake: Callable[[], None], chance: Callable[[], float], drill: bool
) -> list[Resender]:
    """Return one for each Alertmanager of the settings."""
    return [
        Resender(name, settings.channels[name], wake=wake, chance=chance, drill=drill)
        for name, channel in settings.config.channels.items()
        if channel.kind == "alertmanager"
    ]


class Resender:
    """Sends in a thread of its own; what came of it is for the log of deliveries.

    `reason` says why the last attempt failed: None when it did not, or there was none.
    """

    def __init__(
        self,
        name: str,
        url: SecretStr,
        *,
        wake: Callable[[], None],
        chance: Callable[[], float],
        drill: bool = False,
    ) -> None:
        prepare()
        self.name = name
        self.reason: str | None = None
        self._url = url
        self._chance = chance
        self._drill = drill
        self._aside: Aside[Outcome] = Aside(f"channel-{name}", wake)
        self._carried: dict[str, Outstanding] | None = None
        self._began: Instant | None = None
        self._due_ns = 0
        self._failures = 0

    @property
    def busy(self) -> bool:
        """Tell whether a request is under way, or its outcome was not taken yet."""
        return self._carried is not None

    @property
    def trouble(self) -> str | None:
        """Return that it can't be told and why, None while it can."""
        return None if self.reason is None else f"{self.name} can't be told: {self.reason}"

    def hangs(self, now: Instant) -> bool:
        """Tell whether a request is under way for far longer than its deadline."""
        return self.busy and self._began is not None and elapsed_ms(self._began, now) > HANGS_MS

    def outcome(self, state: State, now: Instant) -> list[Sent | Failed | Dead]:
        """Return the records of a request that came to its end since the last time."""
        if self._carried is None or self._aside.busy:
            return []
        outcome = self._aside.take() or BROKEN
        carried, self._carried = self._carried, None
        if outcome.word == "sent":
            self._failures, self.reason = 0, None
            self._due_ns = now.boottime_ns + round(AGAIN_SECONDS * 1e9)
            return [
                Sent(
                    at=now, key=key, attempts=one.attempts + 1,
                    late_ms=elapsed_ms(one.planned.alert_at, now),
                )
                for key, one in carried.items()
            ]  # fmt: skip
        self._failures += 1
        self.reason = outcome.reason
        pause = pause_seconds(self._failures, outcome.wait_seconds, self._chance())
        self._due_ns = now.boottime_ns + round(pause * 1e9)
        again_ms = now.wall_ms + round(pause * 1000)
        return list(_failed(carried, state, outcome.reason, now, again_ms))

    def resume(self, first: Outstanding | None, now: Instant) -> None:
        """After a start: wait as long as was decided before it, if that still means anything."""
        if first is not None and first.again_ms is not None:
            self.reason = first.reason
            left = (first.again_ms - now.wall_ms) / 1000
            self._due_ns = now.boottime_ns + round(min(max(0.0, left), LONGEST_WAIT_SECONDS) * 1e9)

    def start(self, state: State, now: Instant) -> None:
        """Begin a request, if none is under way and there is something to say."""
        if self.busy:
            return
        carried = {key: one for key, one in state.outstanding.items() if one.channel == self.name}
        fresh = carried and self.reason is None
        if not fresh and now.boottime_ns < self._due_ns:
            return
        alerts = alerts_of(state, self.name, now)
        alerts = [of_drill(one) for one in alerts] if self._drill else alerts
        if not alerts and not carried:
            return
        url = self._url.get_secret_value()
        if self._aside.begin(lambda: channel_alertmanager.send(url, alerts)):
            self._carried, self._began = carried, now


def _failed(
    carried: dict[str, Outstanding], state: State, reason: str, now: Instant, again_ms: int
) -> Iterator[Failed | Dead]:
    """Yield that what does not fire any more is given up after a day; of the rest, the first one's
    record stands for all.
    """
    noted = False
    for key, one in carried.items():
        attempts = one.attempts + 1
        fires = one.planned.incident in state.told
        if not fires and elapsed_ms(one.planned.at, now) > HORIZON_MS:
            yield Dead(at=now, key=key, attempts=attempts, reason=f"a day of: {reason}")
        elif not noted:
            noted = True
            yield Failed(at=now, key=key, attempts=attempts, reason=reason, again_ms=again_ms)
