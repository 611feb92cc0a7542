"""The scheduler put together: what it makes at its start, its loop, its state file, its end."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import version

from evaluator.incident import States
from evaluator.rules import RuleSet
from monitoring.alert_fold import Folded
from monitoring.alert_log import AlertLog, LogLost
from monitoring.ambient import OwnHealth
from monitoring.atomic import FOLDER_MODE
from monitoring.ballast import Ballast
from monitoring.bell import Bell
from monitoring.clock import Clock
from monitoring.course import Course
from monitoring.folder_watch import FolderWatch
from monitoring.home import Home
from monitoring.log import monitoring_log
from monitoring.settings import Settings
from monitoring.snapshots import SnapshotStore
from monitoring.state import ProcessState, RuleState, read_state, write_state
from monitoring.supervisor import Supervisor
from monitoring.troubles import Troubles
from scheduler.feed import Feed
from scheduler.housekeeping import Housekeeping
from scheduler.inbox import Inbox
from scheduler.jobs import Jobs
from scheduler.market import Market
from scheduler.reload import Reload
from scheduler.rule_watch import QUIET_MS, RuleWatch
from scheduler.rules_in_force import RulesInForce
from scheduler.telling import tell
from scheduler.watch import Watch

POLL_SECONDS = 1.0
"""Without inotify, how often the folders are looked at."""


class Process:
    """One scheduler on one home. Raises OSError when the home can't be read or made."""

    def __init__(
        self,
        home: Home,
        settings: Settings,
        bell: Bell,
        stopping: Callable[[], bool],
        clock: Clock,
    ) -> None:
        config = settings.config
        self._home = home
        self._settings = settings
        self._bell = bell
        self._stopping = stopping
        self._clock = clock
        self._started = clock.now()
        self._troubles = Troubles()
        for folder in (home.state, home.snapshots, home.spool):
            folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        before = read_state(home.state, "scheduler")
        self._ballast = Ballast(home.state / "scheduler.ballast")
        self._log = AlertLog(home.alerts, config.engine, config.timezone, spare=self._ballast)
        folded = self._log.open(self._started)
        self._note_log_faults(folded)
        quiet_ms = min(QUIET_MS, round(config.evaluate_seconds * 500))
        file = RuleWatch(home.rules, self._started, quiet_ms)  # first: it may change while read
        self._rules = RulesInForce(home, self._troubles)
        alone = self._rules.source == "built-in"
        parked = _parked(folded.states, self._rules.rules) if alone else {}
        market = Market(config, folded.market)
        course = Course(
            self._rules.rules,
            config,
            market.calendar,
            states={name: one for name, one in folded.states.items() if name not in parked},
            in_error=_known_errors(before),
            silences=folded.silences,
            past=folded.past,
            seen=() if before is None else before.seen,
        )
        self._folders = FolderWatch(bell, [home.snapshots, home.spool], edited=[home.root])
        self._feed = Feed(
            SnapshotStore(home.snapshots), course, self._troubles, self._folders.arrived
        )
        self._name = before.snapshot if before is not None else None
        span = self._rules.rules.longest_window_seconds + config.snapshot_limit_seconds
        self._feed.resume(self._name, folded, span)
        self._jobs = Jobs(clock, config.timezone, before.jobs if before else {})
        self._watch = Watch(
            config=config,
            clock=clock,
            course=course,
            feed=self._feed,
            log=self._log,
            inbox=Inbox(home.spool, self._troubles),
            market=market,
            troubles=self._troubles,
            parked=parked,
            health=self._health,
            tell=tell,
            stopping=self._stopping,
        )
        self._reload = Reload(
            in_force=self._rules,
            file=file,
            course=course,
            feed=self._feed,
            config=config,
            clock=clock,
        )
        Housekeeping(home, config, clock, self._evaluated).plan(self._jobs, bell.ring)
        self._watching = False

    def run(self, supervisor: Supervisor) -> int:
        """Evaluate until asked to stop; return the exit status."""
        self._write_state()
        self._jobs.start()
        try:
            while not self._stopping():
                self.turn()
                supervisor.turned("; ".join(self._troubles.words) or "well")
                self._bell.wait(min(self._seconds_to_wait(), supervisor.longest_wait_seconds))
        except LogLost as error:
            monitoring_log.critical("{}: stopping, to start again from what is on disk", error)
            return 1
        finally:
            self.close()
        return 0

    def close(self) -> None:
        """End the jobs, the folder watch and the log; nothing is written."""
        self._jobs.close()
        self._folders.close()
        self._log.close()

    def turn(self) -> None:
        """Do all that is to be done now, the alert log first. Raises LogLost."""
        notice = self._reload.turn()
        if notice is not None:
            if not self._rules.faults:
                monitoring_log.info("{}", notice.reason)
                self._watch.unpark()
            self._watch.note(notice)
        if self._watch.cycle():
            monitoring_log.warning("the wall clock was set: jobs are planned anew")
            self._jobs.replan()
        self._keep_watching()
        self._write_state()
        if not self._log.held:
            self._ballast.ensure()

    def _seconds_to_wait(self) -> float:
        seconds = self._watch.seconds_to_grid()
        due = self._reload.seconds_left()
        if due is not None:
            seconds = min(seconds, due)
        return seconds if self._watching else min(seconds, POLL_SECONDS)

    def _keep_watching(self) -> None:
        try:
            self._folders.renew()
        except OSError as error:
            self._watching = False
            self._troubles.note(
                "folder watch", f"no inotify ({error.strerror}): folders are polled every second"
            )
        else:
            self._watching = True
            self._troubles.note("folder watch", None)

    def _evaluated(self) -> str | None:
        done = self._watch.done
        return self._name if done is None else done.name

    def _health(self) -> OwnHealth:
        faults = self._rules.faults
        return OwnHealth(
            self._jobs.failed(),
            self._jobs.late(),
            self._log.held,
            len(faults),
            str(faults[0]) if faults else None,
        )

    def _write_state(self) -> None:
        done = self._watch.done
        disabled = {
            rule.name: RuleState(verdict="off", why="disabled in rules.toml", enabled=False)
            for rule in self._rules.rules.rules
            if not rule.enabled
        }
        state = ProcessState(
            process="scheduler",
            pid=os.getpid(),
            version=version("tickbeat-monitor"),
            started=self._started,
            updated=self._clock.now(),
            home=str(self._home.root),
            config=self._settings.config,
            secrets_set=self._settings.secrets_set,
            snapshot=self._evaluated(),
            snapshot_number=None if done is None else done.number,
            alert_seq=self._log.written.seq,
            jobs=self._jobs.states(),
            rules=self._watch.rules() | disabled,
            rules_file=self._rules.state,
            seen=tuple(sorted(self._watch.course.seen)),
            facts=self._watch.course.facts,
            degraded=self._troubles.words,
        )
        try:
            write_state(self._home.state, state)
        except OSError as error:
            self._troubles.note("state", f"the state file can't be written: {error.strerror}")
        else:
            self._troubles.note("state", None)

    def _note_log_faults(self, folded: Folded) -> None:
        if folded.faults:
            self._troubles.note("alert log lines", f"the alert log: {'; '.join(folded.faults)}")


def _parked(states: States, rules: RuleSet) -> States:
    """Return the incidents of rules that are not there while the file of rules can't be read."""
    known = {rule.name for rule in rules.rules}
    return {name: incident for name, incident in states.items() if name not in known}


def _known_errors(before: ProcessState | None) -> frozenset[str]:
    rules = {} if before is None else before.rules
    return frozenset(name for name, state in rules.items() if state.verdict == "error")
