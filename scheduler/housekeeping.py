"""What the jobs do besides waking the evaluation: index, pack, purge."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, time

from monitoring.clock import Clock
from monitoring.config import Config
from monitoring.history import History
from monitoring.home import Home
from monitoring.log import monitoring_log
from monitoring.packing import pack_days
from monitoring.snapshot import file_wall_ms
from monitoring.snapshots import SnapshotStore
from scheduler.jobs import Jobs
from scheduler.retention import DAY_MS, snapshot_files, sweep_alerts, sweep_snapshots

INDEX_SECONDS = 10.0


class Housekeeping:
    """The jobs of one home. `evaluated` names the last snapshot that needs no evaluation more."""

    def __init__(
        self, home: Home, config: Config, clock: Clock, evaluated: Callable[[], str | None]
    ) -> None:
        self._home = home
        self._config = config
        self._clock = clock
        self._evaluated = evaluated
        self._files = threading.Lock()
        """Retention and packing move the same files."""
        self._index = threading.Lock()
        """The index has one writer at a time."""

    def plan(self, jobs: Jobs, wake: Callable[[], None]) -> None:
        """Give APScheduler its jobs: the nightly ones a few minutes after each other."""
        config = self._config
        grace = max(1, round(config.evaluate_seconds))
        jobs.every("evaluate", config.evaluate_seconds, wake, grace_seconds=grace)
        jobs.every("index", INDEX_SECONDS, self.index, grace_seconds=None)
        at = time.fromisoformat(config.retention.at)
        jobs.nightly("retention", at, self.retention)
        jobs.nightly("packing", _later(at, 5), self.packing, retried=True)
        jobs.nightly("index_purge", _later(at, 10), self.purge_index, retried=True)

    def retention(self) -> None:
        """Delete what is past its time. Raises RetentionRefused."""
        now_ms = self._clock.now().wall_ms
        with self._files:
            for sweep in (sweep_snapshots, sweep_alerts):
                swept = sweep(self._home, self._config, now_ms)
                if swept.removed:
                    monitoring_log.info(
                        "retention removed {} files, {} to {}; {} days' worth is left for the "
                        "next nights",
                        len(swept.removed),
                        swept.removed[0],
                        swept.removed[-1],
                        swept.days_left,
                    )

    def packing(self) -> None:
        """Pack the days that ended more than a day ago, save what is still to be evaluated."""
        evaluated_ms = file_wall_ms(self._evaluated() or "")
        if evaluated_ms is None:
            return
        before_ms = min(self._clock.now().wall_ms - DAY_MS, evaluated_ms)
        with self._files:
            pack_days(
                self._home.snapshots, f"{datetime.fromtimestamp(before_ms / 1000, UTC):%Y%m%d}"
            )

    def index(self) -> None:
        """Add new snapshots to the history index; all of them when it is new."""
        with self._index:
            history = History(self._home.history)
            history.open()
            try:
                store = SnapshotStore(self._home.snapshots)
                # Names may be years ahead (a clock that was wrong once), and may come back from
                # there (somebody deleted those): so it goes by the names, not by the clock.
                newest_ms = file_wall_ms(store.newest_name() or "")
                last_ms = file_wall_ms(history.last_indexed(newest_ms) or "")
                first_ms = 0 if last_ms is None else last_ms + 1
                end_ms = self._clock.now().wall_ms + DAY_MS if newest_ms is None else newest_ms
                history.add(store.between(first_ms, end_ms))
            finally:
                history.close()

    def purge_index(self) -> None:
        """Take out of the index what is too old and no longer among the snapshots."""
        limit_ms = self._clock.now().wall_ms - self._config.retention.metrics_days * DAY_MS
        kept_ms = (file.ends_ms - DAY_MS for file in snapshot_files(self._home.snapshots))
        with self._index:
            history = History(self._home.history)
            history.open()
            try:
                history.purge(min(limit_ms, min(kept_ms, default=limit_ms)))
            finally:
                history.close()


def _later(at: time, minutes: int) -> time:
    whole = at.hour * 60 + at.minute + minutes
    return time(whole // 60 % 24, whole % 60)
