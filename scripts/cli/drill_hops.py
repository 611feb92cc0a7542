"""The hops of one alert through a home's files, from the tick to each channel's word."""

from __future__ import annotations

from typing import Literal

import msgspec

from evaluator.instant import Instant, elapsed_ms
from monitoring.alert_line import AlertLine
from monitoring.delivery_line import DeliveryLine, read_deliveries
from monitoring.home import Home
from monitoring.log_follower import LogFollower
from monitoring.snapshots import SnapshotStore

Phase = Literal["firing", "resolved"]


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """A place that the alert came to, and how long after the tick; `reason`: why it did not."""

    phase: Phase
    hop: str
    milliseconds: int | None
    reason: str = ""

    @property
    def reached(self) -> bool:
        """Tell whether it came there."""
        return self.milliseconds is not None


class Trace:
    """Follows one phase of one rule's alert through the files of a home."""

    def __init__(self, home: Home, rule: str, phase: Phase, tick: Instant) -> None:
        self._home = home
        self._rule = rule
        self._phase: Phase = phase
        self._tick = tick

    def alert(self) -> AlertLine | None:
        """Return the line of the alert log, None while there is none."""
        why = "new" if self._phase == "firing" else "resolved"
        for line in LogFollower(self._home.alerts).backlog(start=""):
            if isinstance(line, AlertLine) and (line.rule, line.notify) == (self._rule, why):
                return line
        return None

    def planned(self, incident: str) -> DeliveryLine | None:
        """Return the record by which it is told, or by which nobody is."""
        over = self._phase == "resolved"
        for line in read_deliveries(self._home.deliveries):
            about = (line.incident, line.over) == (incident, over)
            if about and line.kind in ("planned", "passed"):
                return line
        return None

    def outcomes(self, planned: DeliveryLine) -> dict[str, DeliveryLine]:
        """Return by channel the newest word on it: sent, failed or dead."""
        lines = {line.key: line for line in read_deliveries(self._home.deliveries) if line.key}
        keys = {channel: planned.key_to(channel) for channel in planned.channels}
        return {channel: lines[key] for channel, key in keys.items() if key in lines}

    def on_the_way(self, alert: AlertLine, planned: DeliveryLine) -> list[Hop]:
        """Return the hops before the channels."""
        store = SnapshotStore(self._home.snapshots)
        snapshots = (store.read(name) for name in store.names_after(None))
        collected = next((one for one in snapshots if one.snapshot == alert.snapshot), None)
        at = Instant(0, alert.boottime_ns, alert.boot_id)
        return [
            self.hop("tick written", self._tick),
            *([] if collected is None else [self.hop("collected", collected.instant)]),
            self.hop("alert line", at),
            self.hop("planned", planned.at),
        ]

    def hop(self, name: str, at: Instant) -> Hop:
        """Return a hop that was reached at an instant."""
        return Hop(phase=self._phase, hop=name, milliseconds=elapsed_ms(self._tick, at))

    def not_reached(self, name: str, reason: str) -> Hop:
        """Return a hop that was not reached, and why."""
        return Hop(phase=self._phase, hop=name, milliseconds=None, reason=reason)
