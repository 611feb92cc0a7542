"""What the collector sees besides the heartbeat: model files, disk, network."""

from __future__ import annotations

import threading
from pathlib import Path

from collectors.artifacts import ages
from collectors.host import Disk, Network, disk, host_of
from evaluator.instant import Instant, elapsed_ms
from monitoring.aside import Aside
from monitoring.config import Config

HANG_MS = 30_000
"""A look at model files or a disk that takes longer hangs: a network file system is gone."""

FIRST_LOOK_SECONDS = 1.0
"""The first snapshot waits this long for it, since a disk that nobody knows is an alarm."""

Looked = tuple[Instant, dict[str, float | None], Disk]


class Surroundings:
    """Looks around at most once per interval, aside: a hanging file system delays nobody."""

    def __init__(self, root: Path, config: Config) -> None:
        self._root = root
        self._artifacts = config.artifacts
        self._interval_ms = config.interval_seconds * 1000
        self._network = Network(host_of(config.breeze))
        self._first = threading.Event()
        self._aside: Aside[Looked] = Aside("look around", self._first.set)
        self._begun: Instant | None = None
        self._looked: Looked | None = None

    def look(self, now: Instant) -> None:
        """Begin a look when one is due, and take the result of the last one. Returns at once."""
        looked = self._aside.take()
        if looked is not None:
            self._looked = looked
        if self._begun is None or elapsed_ms(self._begun, now) >= self._interval_ms:
            root, artifacts = self._root, self._artifacts
            if self._aside.begin(lambda: (now, ages(root, artifacts, now.wall_ms), disk(root))):
                self._begun = now

    def start(self, now: Instant) -> None:
        """Take the first look, and wait for it as long as it makes sense."""
        self.look(now)
        self._first.wait(FIRST_LOOK_SECONDS)
        self.look(now)

    def network_up(self, now: Instant) -> bool | None:
        """Tell whether the network is up, None while that isn't known."""
        return self._network.network_up(now)

    def artifact_ages(self, now: Instant) -> dict[str, float | None] | None:
        """Return the age in hours of each watched model, by artifact name, as of the last look.

        An age of None is unknown; None instead of ages: no model file is watched.
        """
        watched = [name for name, artifact in self._artifacts.items() if artifact.path]
        if not watched:
            return None
        if self._looked is None:
            return dict.fromkeys(watched)
        at, found, _ = self._looked
        if self._hangs(at, now):
            return dict.fromkeys(found)
        grown = elapsed_ms(at, now) / 3_600_000
        return {name: None if hours is None else hours + grown for name, hours in found.items()}

    def disk(self, now: Instant) -> Disk:
        """Return the room on the home's file system, as of the last look."""
        if self._looked is None or self._hangs(self._looked[0], now):
            return Disk(None, None)
        return self._looked[2]

    def _hangs(self, looked_at: Instant, now: Instant) -> bool:
        return elapsed_ms(looked_at, now) > self._interval_ms + HANG_MS
