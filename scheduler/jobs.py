"""APScheduler's jobs, and what became of each run.

Nothing that must happen in time hangs on them: they run by the wall clock, and one that hangs
costs its own runs alone.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from apscheduler.events import (
    EVENT_JOB_ERROR,
    EVENT_JOB_EXECUTED,
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_MISSED,
    JobEvent,
)
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from evaluator.instant import Instant, elapsed_ms
from monitoring.clock import Clock
from monitoring.state import JobState
from scheduler.daemon_threads import DaemonThreads

HOUR_MS = 3_600_000
RETRY = timedelta(hours=1)
"""A nightly job that failed is tried again after this: who mended its fault is not told all day."""

NOT_DUE = object()
"""What a nightly job returns that had run for this night already."""


class Jobs:
    """The jobs of one process. `known` are their states from before the restart."""

    def __init__(self, clock: Clock, timezone: str, known: Mapping[str, JobState]) -> None:
        self._clock = clock
        self._zone = ZoneInfo(timezone)
        self._known = known
        self._lock = threading.Lock()
        self._states: dict[str, JobState] = {}
        self._triggers: dict[str, Callable[[], BaseTrigger]] = {}
        self._nightly: dict[str, time] = {}
        self._retried: set[str] = set()
        self._late: deque[Instant] = deque()
        self._scheduler = BackgroundScheduler(
            timezone=self._zone, daemon=True, executors={"default": DaemonThreads()}
        )
        self._scheduler.add_listener(
            self._heard,
            EVENT_JOB_EXECUTED | EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES,
        )

    def every(
        self, name: str, seconds: float, run: Callable[[], object], *, grace_seconds: int | None
    ) -> None:
        """Run a job every so many seconds; a run later than its grace is missed (None: never)."""
        self._add(
            name,
            run,
            lambda: IntervalTrigger(seconds=seconds, timezone=self._zone),
            grace_seconds,
        )

    def nightly(
        self, name: str, at: time, run: Callable[[], object], *, retried: bool = False
    ) -> None:
        """Run a job every night at `at` in the trading timezone, late rather than never.

        `retried`: after a failure sooner. Not for what may do only so much in a night.
        """
        self._nightly[name] = at
        if retried:
            self._retried.add(name)

        def once_a_night() -> object:
            # The hour that autumn repeats brings its time of day twice.
            return run() if self._is_due(name) else NOT_DUE

        self._add(
            name,
            once_a_night,
            lambda: CronTrigger(hour=at.hour, minute=at.minute, timezone=self._zone),
            None,
        )

    def start(self) -> None:
        """Begin, with the nightly jobs whose last run was missed while nothing ran."""
        self._scheduler.start()
        self.catch_up()

    def close(self) -> None:
        """Stop at once; a job that runs is left to the end of the process."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def replan(self) -> None:
        """Plan every next run anew: the wall clock was set, and plans were made by the old one."""
        for name, trigger in self._triggers.items():
            self._scheduler.reschedule_job(name, trigger=trigger())
        self.catch_up()

    def catch_up(self) -> None:
        """Run now what is nightly and should have run since its last time, or failed then."""
        now = self._now()
        for name in self._nightly:
            if self._is_due(name):
                self._scheduler.modify_job(name, next_run_time=now)

    def states(self) -> dict[str, JobState]:
        """Return what is known of each job."""
        planned = {
            job.id: getattr(job, "next_run_time", None)  # a job has none before the start
            for job in self._scheduler.get_jobs()
        }
        with self._lock:
            return {
                name: msgspec.structs.replace(state, next_run=_iso(planned.get(name)))
                for name, state in self._states.items()
            }

    def failed(self) -> int:
        """Return how many jobs failed in their last run."""
        with self._lock:
            return sum(state.last_failed for state in self._states.values())

    def late(self) -> int:
        """Return how many runs were missed, or skipped since one still ran, in the last hour."""
        now = self._clock.now()
        with self._lock:
            while self._late and elapsed_ms(self._late[0], now) > HOUR_MS:
                self._late.popleft()
            return len(self._late)

    def _add(
        self,
        name: str,
        run: Callable[[], object],
        trigger: Callable[[], BaseTrigger],
        grace_seconds: int | None,
    ) -> None:
        self._triggers[name] = trigger
        self._states[name] = msgspec.structs.replace(self._known.get(name, JobState()))
        self._scheduler.add_job(
            run,
            trigger(),
            id=name,
            name=name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=grace_seconds,
        )

    def _heard(self, event: JobEvent) -> None:
        with self._lock:
            state = self._states[event.job_id]
            if event.code in (EVENT_JOB_MISSED, EVENT_JOB_MAX_INSTANCES):
                state.missed += event.code == EVENT_JOB_MISSED
                state.skipped += event.code == EVENT_JOB_MAX_INSTANCES
                self._late.append(self._clock.now())
                return
            if event.code == EVENT_JOB_EXECUTED and event.retval is NOT_DUE:
                return
            state.last_run = _iso(self._now())
            state.runs += 1
            state.last_failed = event.code == EVENT_JOB_ERROR
            state.failed += state.last_failed
            state.error = str(event.exception) if state.last_failed else None
            again = state.last_failed and event.job_id in self._retried
        if again:
            with contextlib.suppress(JobLookupError):  # the process is ending
                self._scheduler.modify_job(event.job_id, next_run_time=self._now() + RETRY)

    def _is_due(self, name: str) -> bool:
        with self._lock:
            state = self._states[name]
            last_run, again = state.last_run, state.last_failed and name in self._retried
        return again or is_due(last_run, self._nightly[name], self._now())

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now().wall_ms / 1000, self._zone)


def is_due(last_run: str | None, at: time, now: datetime) -> bool:
    """Tell whether a nightly job's last planned time, by the clock of `now`, had no run since.

    A last run in the future (more than a day: that is no clock being corrected) counts as none.
    """
    # In UTC: two moments of one zone are compared by their clock faces, whatever the offset.
    planned = datetime.combine(now.date(), at, now.tzinfo).astimezone(UTC)
    if planned > now.astimezone(UTC):
        yesterday = now.date() - timedelta(days=1)
        planned = datetime.combine(yesterday, at, now.tzinfo).astimezone(UTC)
    if last_run is None:
        return True
    last = datetime.fromisoformat(last_run)
    return last < planned or last > now + timedelta(days=1)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds")
