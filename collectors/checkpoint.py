"""Snapshots on disk as the collector's only memory: written whole, or nothing has happened."""

from __future__ import annotations

import errno

from evaluator.instant import Instant, elapsed_ms
from monitoring.ballast import Ballast
from monitoring.home import Home
from monitoring.log import monitoring_log
from monitoring.snapshot import Snapshot
from monitoring.snapshots import SnapshotStore

RETRY_MS = 1_000
"""After a snapshot that could not be written the next try waits this long."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class DiskDoubtful(Exception):
    """The disk failed to keep what it was given (EIO, after which even a sync that succeeds proves
    nothing): only a restart from what it really holds is sound.
    """


class Checkpoint:
    """Writes snapshots, and keeps ballast for the day when the disk is full.

    `name` is the newest snapshot's; `fault` says why none can be written, None while they can.
    """

    def __init__(self, home: Home) -> None:
        self._store = SnapshotStore(home.snapshots)
        self._ballast = Ballast(home.state / "collector.ballast")
        self._failed_at: Instant | None = None
        self.name: str | None = None
        self.fault: str | None = None

    def newest(self) -> Snapshot | None:
        """Return the newest snapshot that can be read, None when there is none."""
        found = self._store.newest()
        for reason in self._store.skipped:
            monitoring_log.warning("snapshot passed over: {}", reason)
        self.name = found[0] if found is not None else None
        return found[1] if found is not None else None

    def rest_ms(self, now: Instant) -> int:
        """Return how long until it makes sense to try again, 0 while all is well."""
        if self._failed_at is None:
            return 0
        return max(0, RETRY_MS - elapsed_ms(self._failed_at, now))

    def write(self, snapshot: Snapshot) -> bool:
        """Tell whether the snapshot is on disk, durably. Raises DiskDoubtful."""
        try:
            try:
                name = self._store.write(snapshot)
            except OSError as fault:
                if fault.errno not in _FULL or not self._ballast.release():
                    raise
                monitoring_log.warning("the disk is full: the ballast is given up")
                name = self._store.write(snapshot)
        except OSError as fault:
            return self._failed(snapshot, fault)
        if self.fault is not None:
            monitoring_log.info("snapshots can be written again")
        self._failed_at = self.fault = None
        self.name = name
        return True

    def keep_ballast(self) -> bool:
        """Have the ballast on disk if there is room; tell whether it is there."""
        return self._ballast.ensure()

    def _failed(self, snapshot: Snapshot, fault: OSError) -> bool:
        if fault.errno == errno.EIO:
            raise DiskDoubtful(f"snapshot {snapshot.snapshot}: {fault.strerror}") from fault
        there = self._store.newest()
        if there is not None and there[1].snapshot >= snapshot.snapshot:
            # It has its name, and only the sync of the folder failed: whether it would outlive a
            # power failure is not known, and writing its ticks again would count them twice.
            raise DiskDoubtful(f"snapshot {snapshot.snapshot}: {fault.strerror}") from fault
        self._failed_at = snapshot.instant
        words = f"snapshot not written: {fault.strerror}"
        if self.fault != words:
            monitoring_log.error("{}; readings are kept in memory until it can be", words)
        self.fault = words
        return False
