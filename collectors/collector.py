"""The collector's loop: wait, read, judge, and write a snapshot when one is due."""

from __future__ import annotations

import gc
import math
import os
from collections.abc import Callable
from importlib.metadata import version

from collectors.assemble import Note, assemble, engine_view
from collectors.book import Book
from collectors.breeze import BreezeWatch
from collectors.checkpoint import Checkpoint, DiskDoubtful
from collectors.known import Known
from collectors.lapse import Processes, judge
from collectors.pace import Pace
from collectors.segments import Sweep
from collectors.sequence import recent
from collectors.surroundings import Surroundings
from collectors.wakeup import HeartbeatWatch
from collectors.watch import Watch
from evaluator.instant import Instant, elapsed_ms
from monitoring.bell import Bell
from monitoring.config import Config
from monitoring.home import Home
from monitoring.log import monitoring_log
from monitoring.state import ProcessState, write_state
from monitoring.supervisor import Supervisor

PROCESS = "collector"
SLICE_MS = 250
"""Reading a backlog stops this often, to judge what was read."""

BLIND_POLL_SECONDS = 0.25
"""Where the system gives no file events, looking this often has to do."""

REST_SECONDS = 1.0
"""After a turn that failed."""

LET_GO_MS = 600_000
"""The interpreter keeps thousands of freed tuples of each length, up to a megabyte in a day. Only
a full collection lets go of them, and there is nothing here that would begin one.
"""


class Collector:
    """Owns one home's heartbeat. `clock` gives the present; `stopping` tells whether to end."""

    def __init__(
        self,
        home: Home,
        config: Config,
        *,
        clock: Callable[[], Instant],
        stopping: Callable[[], bool],
        bell: Bell,
        processes: Processes,
        breeze: BreezeWatch,
        secrets_set: tuple[str, ...] = (),
    ) -> None:
        self._home = home
        self._config = config
        self._clock = clock
        self._stopping = stopping
        self._bell = bell
        self._processes = processes
        self._breeze = breeze
        self._secrets_set = secrets_set
        self._version = version("tickbeat-monitor")
        self._started = clock()
        self._checkpoint = Checkpoint(home)
        self._surroundings = Surroundings(home.root, config)
        self._folder_watch = HeartbeatWatch(home.heartbeat, bell, monitoring_log.warning)
        self._watch = Watch(config.limits)
        self._sweep = Sweep(home.heartbeat, config.engine, config.retention)
        self._book = self._newest_book()
        self._caught_up = False
        self._network_up: bool | None = None
        self._looked_at: Instant | None = None
        self._let_go_at = self._started
        self._pace = Pace(config.interval_seconds)
        self._broken: str | None = None
        self._has_ballast = True
        self._state_fault = False

    def run(self, supervisor: Supervisor) -> None:
        """Work until asked to stop. Raises DiskDoubtful, after which nothing may be trusted."""
        longest_seconds = supervisor.longest_wait_seconds
        self._has_ballast = self._checkpoint.keep_ballast()
        self._surroundings.start(self._started)
        previous = self._book.previous
        if previous is not None:
            self._breeze.resume(previous.breeze, previous.instant, self._started)
        self._breeze.start()
        try:
            pause = self._turn("start", rung=True)
            while not self._stopping():
                supervisor.turned("; ".join(self._degraded()) or "well")
                rung = self._bell.wait(min(pause, longest_seconds)) if self._caught_up else True
                pause = self._turn(None, rung=rung)
            self._turn("stop", rung=True)
        finally:
            self._breeze.close()
            self._folder_watch.close()

    def _turn(self, reason: str | None, *, rung: bool) -> float:
        """Do one turn of work; return for how many seconds there is nothing to do, save for what
        the bell announces.
        """
        try:
            now = self._clock()
            found = self._read(now)
            self._folder_watch.check(now, found=found, rung=rung)
            self._look_around(now)
            if self._caught_up:
                self._broken = None
            return self._judge(reason, self._clock())
        except DiskDoubtful:
            raise
        except Exception as fault:  # noqa: BLE001 -- the edge of the loop: told, and begun anew
            monitoring_log.exception("a turn failed; the collector goes on from its snapshots")
            self._broken = f"internal error: {type(fault).__name__}: {fault}"
        # What was half done is thrown away; the newest snapshot and the files have it all.
        self._book = self._newest_book()
        self._book.look_ahead(self._clock())
        self._judge(None, self._clock())
        self._rest()
        return 0.0

    def _read(self, began: Instant) -> bool:
        """Read what is new, for as long as a slice; tell whether there was anything."""
        found = self._caught_up = False
        for part in self._book.tail.read(began):
            found = True
            now = self._clock()
            self._book.take(part, now)
            if elapsed_ms(began, now) >= SLICE_MS:
                self._book.look_ahead(now)
                return found
        self._caught_up = True
        return found

    def _look_around(self, now: Instant) -> None:
        """Ask what costs a few system calls: once per poll, not once per tick."""
        poll_ms = min(self._config.poll_seconds, 1.0) * 1000
        if self._looked_at is None or elapsed_ms(self._looked_at, now) >= poll_ms:
            self._looked_at = now
            self._surroundings.look(now)
            self._network_up = self._surroundings.network_up(now)
        if elapsed_ms(self._let_go_at, now) >= LET_GO_MS:
            self._let_go_at = now
            gc.collect()

    def _judge(self, reason: str | None, now: Instant) -> float:
        """Write a snapshot if one is due; return how many seconds until one may be."""
        book, config = self._book, self._config
        marks = recent(book.sequence.marks.values())
        known = Known(
            now=now,
            lapse=judge(marks, now, self._processes, config.heartbeat_interval_seconds),
            breeze=self._breeze.status(now, engine_view(book.fold, now, config)),
            network_up=self._network_up,
            disk=self._surroundings.disk(now),
            artifact_ages=self._surroundings.artifact_ages(now),
        )
        changed = self._watch.changed(book.fold, known)
        previous = None if book.previous is None else book.previous.instant
        held_ms = self._pace.held_ms(now)
        reason = reason or self._pace.reason(changed, previous, now)
        rest_ms = self._checkpoint.rest_ms(now)
        if reason is not None and (rest_ms == 0 or reason == "stop"):
            if self._write(reason, known):
                changed, previous = None, now
            rest_ms = self._checkpoint.rest_ms(now)
        left_ms = self._pace.until_interval_ms(previous, now)
        blind = self._folder_watch.fault is not None
        poll_seconds = min(config.poll_seconds, BLIND_POLL_SECONDS if blind else math.inf)
        waits = [poll_seconds, max(left_ms, rest_ms) / 1000]
        if known.lapse.due_in_seconds is not None:
            waits.append(known.lapse.due_in_seconds)
        if changed is not None:
            waits.append(max(held_ms, rest_ms) / 1000)
        return min(waits)

    def _write(self, reason: str, known: Known) -> bool:
        book = self._book
        note = Note(reason=reason, app_version=self._version, degraded=self._degraded())
        snapshot = assemble(book, known, note, self._config)
        written = self._checkpoint.write(snapshot)
        if written:
            self._watch.settle(book.fold, known)
            book.written(snapshot)
            book.tail.forget(self._sweep.run(snapshot.collector.cursors, known.now))
            self._has_ballast = self._checkpoint.keep_ballast()
        else:
            book.write_errors += 1
        self._say_state(known.now)
        return written

    def _degraded(self) -> list[str]:
        """Return in words what does not work as it should."""
        faults = [
            self._broken,
            self._checkpoint.fault,
            self._folder_watch.fault,
            self._book.tail.fault,
            self._book.fault,
            self._sweep.fault,
            None
            if self._has_ballast
            else "the disk is nearly full: no room for the reserve that carries the last alerts",
        ]
        return [fault for fault in faults if fault is not None]

    def _say_state(self, now: Instant) -> None:
        state = ProcessState(
            process=PROCESS,
            pid=os.getpid(),
            version=self._version,
            started=self._started,
            updated=now,
            home=str(self._home.root),
            config=self._config,
            secrets_set=self._secrets_set,
            snapshot=self._checkpoint.name,
            snapshot_number=self._book.number,
            degraded=self._degraded(),
        )
        try:
            write_state(self._home.state, state)
        except OSError as fault:
            if not self._state_fault:
                monitoring_log.warning("state file not written: {}", fault.strerror)
            self._state_fault = True
        else:
            self._state_fault = False

    def _newest_book(self) -> Book:
        return Book(self._home, self._config.engine, self._checkpoint.newest())

    def _rest(self) -> None:
        """Wait, whoever rings; a stop ends it."""
        until = self._clock()
        while not self._stopping():
            left = REST_SECONDS - elapsed_ms(until, self._clock()) / 1000
            if left <= 0:
                return
            self._bell.wait(left)
