"""The notifier put together: what it makes at its start, its loop, its state file, its end."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from importlib.metadata import version
from zoneinfo import ZoneInfo

from evaluator.instant import Instant, elapsed_ms
from monitoring.alert_fold import fold
from monitoring.atomic import make_folder
from monitoring.ballast import Ballast
from monitoring.bell import Bell
from monitoring.clock import Clock
from monitoring.folder_watch import FolderWatch
from monitoring.home import Home
from monitoring.log import monitoring_log
from monitoring.process_life import ProcTable
from monitoring.settings import Settings
from monitoring.snapshot import Snapshot
from monitoring.snapshots import SnapshotStore
from monitoring.state import ProcessState, write_state
from monitoring.supervisor import Supervisor
from monitoring.troubles import Troubles
from notifier.all_well import AllWell
from notifier.bots import Bots
from notifier.channel import sender
from notifier.dead_man import PERIOD_SECONDS, DeadMan
from notifier.deliveries import DeliveryLog
from notifier.digest import Digest
from notifier.drill import marked
from notifier.escalation import Escalation
from notifier.intake import Intake
from notifier.lane import Lane
from notifier.ledger import Record
from notifier.oncall_watch import OnCallWatch
from notifier.others import OWN_RULES, Others
from notifier.outbox import Outbox
from notifier.own_state import channel_states, failing_channels
from notifier.planning import Planner
from notifier.provider import providers_of
from notifier.records import Dead, Failed, Sent
from notifier.resender import Resender, resenders
from notifier.routes import Routes

LOOK_SECONDS = 1.0
"""Between two looks at the other processes, and at the log where the system tells no events."""
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
        ping_seconds: float = PERIOD_SECONDS,
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
        folded = fold(home.alerts)
        self._routes = Routes(home, config, folded.market)
        self._planner = Planner(config, self._routes, self._newest)
        self._digest = Digest(home, config)
        self._bots = Bots(
            home, settings, log=self._log, troubles=self._troubles, wake=bell.ring,
            newest=self._newest, listen=not drill,
        )  # fmt: skip
        self._intake = Intake(home, self._troubles)
        watch = OnCallWatch(home, config, self._troubles)
        self._escalation = Escalation(
            watch, folded, self._planner, lambda: self._routes.calendar, self._newest
        )
        self._lanes = {
            name: Lane(
                name,
                marked(sender(name, channel, settings.channels, home.root), drill=drill),
                wake=bell.ring,
                chance=random.random,
            )
            for name, channel in config.channels.items()
            if channel.kind != "alertmanager"
        }
        self._resenders = resenders(settings, wake=bell.ring, chance=random.random, drill=drill)
        self._senders: list[Lane | Resender] = [*self._lanes.values(), *self._resenders]
        self._dead_man = DeadMan(settings, home.state, wake=bell.ring, period_seconds=ping_seconds)
        begun_at = self._intake.begin(self._log.state.mark)
        if begun_at is not None:
            self._log.append([*self._planner.of_standing(begun_at, self._log.state.told, now)])
        self._give_up_the_unset(now)
        self._outbox = Outbox(
            self._log, self._lanes, config.channels, self._routes,
            exposure=lambda at: self._planner.exposure(at, {}), now=now,
        )  # fmt: skip
        for one in self._resenders:
            one.resume(next((first for _, first in self._outbox.pending(one.name)), None), now)
        open_ = {
            known.rule: incident
            for incident, known in self._log.state.told.items()
            if known.rule in OWN_RULES
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
        while any(one.busy for one in self._senders):
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
        self._outbox.turn(now, more=self._intake.more)
        self._bots.turn(now)
        for resender in self._resenders:
            resender.start(self._log.state, now)

    def _take_outcomes(self, now: Instant) -> None:
        records: list[Record] = []
        for lane in self._lanes.values():
            outcome = lane.outcome(now)
            if outcome is not None:
                records += self._outbox.with_instead(outcome)
                self._say(lane.name, outcome)
        for resender in self._resenders:
            for record in resender.outcome(self._log.state, now):
                records.append(record)
                self._say(resender.name, record)
            self._troubles.note(resender.name, resender.trouble)
        if records:
            self._log.append(records)

    def _tell_lines(self, now: Instant) -> None:
        for line in self._intake.take():
            state = self._log.state
            passed = self._escalation.instead_of_repeat(line, state, now)
            edit = self._bots.of_line(line, now)
            record = passed or self._planner.of_line(line, state.told, now) or edit
            if record is not None:
                self._log.hold(record)
            clocked = self._escalation.take(line, state, now)
            if clocked is not None:
                self._log.hold(clocked)
        self._log.flush()

    def _look_around(self, now: Instant) -> None:
        self._routes.look(now)
        self._troubles.note("notify.toml", self._routes.trouble)
        self._sum_up(now)
        for news in self._others.look(now):
            monitoring_log.error("{}", news.message)
            planned = self._planner.of_own(news, self._log.state.told, now)
            if planned is not None:
                self._log.append([planned])
        if not self._intake.more:
            for record in self._escalation.look(self._log.state, self._others.standing, now):
                self._log.hold(record)
        for one in self._senders:
            hangs = f"{one.name}: a send has hung for minutes" if one.hangs(now) else None
            self._troubles.note(f"a send of {one.name}", hangs)
        failing = failing_channels(self._log.state, self._senders, now)
        for name, trouble in self._dead_man.look(now, self._newest, failing).items():
            self._troubles.note(name, trouble)
        well = self._all_well.look(now)
        if well is not None:
            self._log.append([well])
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

    def _sum_up(self, now: Instant) -> None:
        wanted = self._routes.routing.digest
        try:
            found = self._digest.look(wanted, self._routes.calendar, self._log.state, now)
        except OSError as error:
            self._troubles.note("digest", f"no digest: the files can't be read: {error.strerror}")
            return
        self._troubles.note("digest", None)
        if found is not None:
            self._log.append([found])

    def _give_up_the_unset(self, now: Instant) -> None:
        gone = [
            Dead(at=now, key=key, attempts=one.attempts, reason="the channel is not set any more")
            for key, one in self._log.state.outstanding.items()
            if one.channel not in self._settings.config.channels
        ]
        if gone:
            self._log.append([*gone])

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
        if self._intake.more:
            return 0.0
        now = self._clock.now()
        return min(LOOK_SECONDS, self._outbox.seconds_left(now), self._bots.seconds_left(now))

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
            channels=channel_states(self._log.state, providers_of(self._settings), now),
            degraded=self._troubles.words,
        )
        try:
            write_state(self._home.state, state)
        except OSError as error:
            self._troubles.note("state", f"the state file can't be written: {error.strerror}")
        else:
            self._troubles.note("state", None)
