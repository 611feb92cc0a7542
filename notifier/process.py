"""The notifier put together: what it makes at its start, its loop, its state file, its end."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from importlib.metadata import version
from zoneinfo import ZoneInfo

from evaluator.instant import Instant, elapsed_ms
from monitoring.alert_fold import fold
from monitoring.alert_line import AlertLine
from monitoring.atomic import make_folder
from monitoring.ballast import Ballast
from monitoring.bell import Bell
from monitoring.clock import Clock
from monitoring.folder_watch import FolderWatch
from monitoring.home import Home
from monitoring.log import monitoring_log
from monitoring.log_follower import LogFollower, Unreadable
from monitoring.process_life import ProcTable
from monitoring.settings import Settings
from monitoring.snapshot import Snapshot
from monitoring.snapshots import SnapshotStore
from monitoring.state import ChannelState, ProcessState, write_state
from monitoring.supervisor import Supervisor
from monitoring.troubles import Troubles
from notifier.all_well import AllWell
from notifier.channel import sender
from notifier.deliveries import DeliveryLog
from notifier.drill import marked
from notifier.lane import Lane
from notifier.others import PROCESSES, Others
from notifier.planning import Planner
from notifier.records import Dead, Failed, Outstanding, Record, Sent

LOOK_SECONDS = 1.0
"""Between two looks at the other processes, and at the log where the system tells no events."""
SLICE_LINES = 200
"""A backlog is taken in by so many lines a turn, with one sync; what is due is sent in between."""
LEAVE_MS = 2_000
"""At its end it waits so long for what is under way: a send that hangs must not hold up a stop."""


class Process:
    """One notifier on one home. Raises OSError when the home can't be read or made."""

    def __init__(
        self,
        home: Home,
        settings: Settings,
        bell: Bell,
        stopping: Callable[[], bool],
        clock: Clock,
        *,
        drill: bool = False,
    ) -> None:
        config = settings.config
        self._home = home
        self._settings = settings
        self._bell = bell
        self._stopping = stopping
        self._clock = clock
        self._started = now = clock.now()
        self._troubles = Troubles()
        self._ballast = Ballast(home.state / "notifier.ballast")
        zone = ZoneInfo(config.timezone)
        self._log = DeliveryLog(
            home.deliveries, zone, config.retention.alerts_days, spare=self._ballast
        )
        self._log.open()
        if self._log.spoilt:
            monitoring_log.warning("{} lines of the deliveries log are torn", self._log.spoilt)
        self._snapshot: Snapshot | None = None
        self._snapshot_read = False
        self._planner = Planner(config, self._newest)
        self._follower = LogFollower(home.alerts)
        self._lanes = {
            name: Lane(
                name,
                marked(sender(name, channel, settings.channels, home.root), drill=drill),
                wake=bell.ring,
                chance=random.random,
            )
            for name, channel in config.channels.items()
        }
        self._waiting: list[AlertLine] = self._take_up(now)
        self._give_up_the_unset(now)
        for name, lane in self._lanes.items():
            lane.resume(next((one for _, one in self._pending(name)), None), now)
        watched = {f"notifier_sees_{process}_dead" for process in PROCESSES}
        open_ = {
            known.rule: incident
            for incident, known in self._log.state.told.items()
            if known.rule in watched
        }
        self._others = Others(home.state, config.engine, ProcTable(), open_, now)
        self._all_well = AllWell(home, config, ProcTable())
        make_folder(home.alerts)  # what is not there yet can't be watched
        self._folders = FolderWatch(bell, grown=[home.alerts])
        self._looked: Instant | None = None

    def run(self, supervisor: Supervisor) -> int:
        """Tell until asked to stop; return the exit status."""
        try:
            while not self._stopping():
                now = self._clock.now()
                self.turn(now)
                supervisor.turned("; ".join(self._troubles.words) or "well")
                self._bell.wait(min(self._seconds_to_wait(), supervisor.longest_wait_seconds))
            self._finish()
        finally:
            self._folders.close()
            self._log.close()
        return 0

    def _finish(self) -> None:
        """Let what is under way come to its end for a moment, so that it is not sent again."""
        asked = self._clock.now()
        while any(lane.busy for lane in self._lanes.values()):
            self._take_outcomes(self._clock.now())
            if elapsed_ms(asked, self._clock.now()) > LEAVE_MS:
                break
            self._bell.wait(0.1)
        self._take_outcomes(self._clock.now())

    def turn(self, now: Instant) -> None:
        """Do all that is to be done now: what was sent, what is new, what is to be sent."""
        self._snapshot_read = False
        self._take_outcomes(now)
        self._tell_lines(now)
        if self._looked is None or elapsed_ms(self._looked, now) >= LOOK_SECONDS * 1000:
            self._looked = now
            self._look_around(now)
        for name, lane in self._lanes.items():
            first = next(self._pending(name), None)
            if first is not None:
                lane.start(*first, now)

    def _take_outcomes(self, now: Instant) -> None:
        records: list[Record] = []
        for lane in self._lanes.values():
            outcome = lane.outcome(now)
            if outcome is not None:
                records.append(outcome)
                self._say(lane.name, outcome)
        if records:
            self._log.append(records)

    def _tell_lines(self, now: Instant) -> None:
        lines = [*self._waiting, *self._fresh()]
        self._waiting = lines[SLICE_LINES:]
        for line in lines[:SLICE_LINES]:
            record = self._planner.of_line(line, self._log.state.told, now)
            if record is not None:
                self._log.hold(record)
        self._log.flush()

    def _look_around(self, now: Instant) -> None:
        for news in self._others.look(now):
            monitoring_log.error("{}", news.message)
            planned = self._planner.of_own(news, self._log.state.told, now)
            if planned is not None:
                self._log.append([planned])
        well = self._all_well.look(now)
        if well is not None:
            self._log.append([well])
        for name, lane in self._lanes.items():
            hangs = f"{name}: a send has hung for minutes" if lane.hangs(now) else None
            self._troubles.note(f"a send of {name}", hangs)
        self._log.flush()
        self._troubles.note("deliveries log", self._log.error)
        if not self._log.held:
            self._ballast.ensure()
        try:
            self._folders.renew()
        except OSError as error:
            words = f"no inotify ({error.strerror}): the alert log is polled every second"
            self._troubles.note("folder watch", words)
        else:
            self._troubles.note("folder watch", None)
        self._write_state(now)

    def _take_up(self, now: Instant) -> list[AlertLine]:
        """Return the lines that were written since the last one that was taken in.

        A home that was never told of, and a log that was lost and begun anew, are taken up at
        their end: told is what fires there.
        """
        mark = self._log.state.mark
        lines = self._readable(self._follower.since(0 if mark is None else mark.seq))
        first = next(iter(lines), None)
        known = mark is not None and first is not None and first.seq >= mark.seq
        if known and mark is not None and first is not None and first.seq == mark.seq:
            known = mark.boottime_ns in (0, first.boottime_ns)
        if known and mark is not None:
            return [line for line in lines if line.seq > mark.seq]
        folded = fold(self._home.alerts)
        lines += self._fresh()  # what came between the two readings is in the fold
        if mark is not None:
            monitoring_log.warning("the alert log is not the one of before: taken up at its end")
        self._log.append([*self._planner.of_standing(folded, self._log.state.told, now)])
        return [line for line in lines if line.seq > folded.seq]

    def _give_up_the_unset(self, now: Instant) -> None:
        gone = [
            Dead(at=now, key=key, attempts=one.attempts, reason="the channel is not set any more")
            for key, one in self._log.state.outstanding.items()
            if one.channel not in self._lanes
        ]
        if gone:
            self._log.append([*gone])

    def _fresh(self) -> list[AlertLine]:
        try:
            found = self._follower.grown()
        except OSError as error:
            self._troubles.note("alert log", f"the alert log can't be read: {error.strerror}")
            return []
        self._troubles.note("alert log", None)
        return self._readable(found)

    def _readable(self, found: list[AlertLine | Unreadable]) -> list[AlertLine]:
        for line in found:
            if isinstance(line, Unreadable):
                monitoring_log.error(
                    "{}: the line at byte {} is no record: {}", line.file, line.offset, line.why
                )
        return [line for line in found if isinstance(line, AlertLine)]

    def _pending(self, channel: str) -> Iterator[tuple[str, Outstanding]]:
        outstanding = self._log.state.outstanding
        return ((key, one) for key, one in outstanding.items() if one.channel == channel)

    def _newest(self) -> Snapshot | None:
        """Return the newest snapshot, read at most once a turn."""
        if not self._snapshot_read:
            self._snapshot_read = True
            try:
                found = SnapshotStore(self._home.snapshots).newest()
            except OSError:
                found = None
            self._snapshot = None if found is None else found[1]
        return self._snapshot

    def _seconds_to_wait(self) -> float:
        if self._waiting:
            return 0.0
        now = self._clock.now()
        waits = [
            lane.seconds_left(now)
            for name, lane in self._lanes.items()
            if next(self._pending(name), None) is not None
        ]
        return min([LOOK_SECONDS, *waits])

    def _say(self, channel: str, record: Sent | Failed | Dead) -> None:
        match record:
            case Sent():
                monitoring_log.info("{}: sent {}", channel, record.key)
                self._troubles.note(channel, None)
            case Failed():
                self._troubles.note(channel, f"{channel} can't be told: {record.reason}")
            case Dead():
                monitoring_log.error("{}: gave up {}: {}", channel, record.key, record.reason)

    def _write_state(self, now: Instant) -> None:
        state = ProcessState(
            process="notifier",
            pid=os.getpid(),
            version=version("tickbeat-monitor"),
            started=self._started,
            updated=now,
            home=str(self._home.root),
            config=self._settings.config,
            secrets_set=self._settings.secrets_set,
            alert_seq=None if self._log.state.mark is None else self._log.state.mark.seq,
            channels={name: self._channel_state(name, now) for name in self._lanes},
            degraded=self._troubles.words,
        )
        try:
            write_state(self._home.state, state)
        except OSError as error:
            self._troubles.note("state", f"the state file can't be written: {error.strerror}")
        else:
            self._troubles.note("state", None)

    def _channel_state(self, name: str, now: Instant) -> ChannelState:
        pending = [one for _, one in self._pending(name)]
        failing = [one for one in pending if one.failing is not None]
        dead = self._log.state.dead_of(name, now)
        return ChannelState(
            outstanding=len(pending),
            failing_since=failing[0].failing if failing else None,
            failing_reason=failing[0].reason if failing else "",
            dead=len(dead),
            dead_since=dead[0].at if dead else None,
            dead_reason=dead[-1].reason if dead else "",
        )
