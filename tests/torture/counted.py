"""What the snapshots say, gathered from each one once."""

from __future__ import annotations

import math

from monitoring.home import Home
from monitoring.snapshot import Snapshot
from monitoring.snapshots import SnapshotStore
from tests.torture.ledger import Ledger

SHOWN_MS = 2_000
"""Longer than the rule's `for` and its `keep_firing_for`."""


class Counted:
    """Sums over all snapshots, and how long they showed what the engine read in its file."""

    def __init__(self, home: Home) -> None:
        self._store = SnapshotStore(home.snapshots)
        self._after: str | None = None
        self._alarms: list[tuple[int, object]] = []
        self.ticks = 0
        self.sum_of_numbers = 0.0
        self.snapshots = 0
        self.newest: Snapshot | None = None

    def look(self) -> None:
        """Take the snapshots that are new."""
        for name in self._store.names_after(self._after):
            one = self._store.read(name)
            self._after, self.newest = name, one
            self._alarms.append((one.wall_ms, one.custom.get("alarm")))
            self.snapshots += 1
            self.ticks += one.window.ticks
            stats = one.window.stats.get("custom.n")
            if stats is not None and stats.mean is not None:
                self.sum_of_numbers += stats.mean * stats.count

    def has(self, ledger: Ledger) -> bool:
        """Tell whether the collector got to the end."""
        self.look()
        return self.ticks >= ledger.ticks

    def silent_ms(self, now_ms: int) -> float:
        """Return for how long there was no snapshot."""
        self.look()
        return math.inf if self.newest is None else now_ms - self.newest.wall_ms

    def shown(self, alarm: float, since_ms: int) -> bool:
        """Tell whether snapshots since then showed this value for longer than the rule asks.

        From then on there must be an incident, or its end, whenever the scheduler gets to it.
        """
        self.look()
        ats = [at for at, value in self._alarms if at >= since_ms and value == alarm]
        return bool(ats) and ats[-1] - ats[0] >= SHOWN_MS
