"""The evaluation loop: every snapshot at its own instant, then the present on a steady grid."""

from __future__ import annotations

from collections.abc import Callable

from evaluator.incident import States, Transition
from evaluator.instant import Instant, elapsed_ms
from evaluator.verdict import Verdict
from monitoring.alert_entry import Notice
from monitoring.alert_log import AlertLog
from monitoring.ambient import OwnHealth
from monitoring.clock import Clock
from monitoring.config import Config
from monitoring.course import Course
from monitoring.grid import is_due, proves_something
from monitoring.state import RuleState
from monitoring.troubles import Troubles
from scheduler.feed import Feed, Reached
from scheduler.inbox import Inbox
from scheduler.market import Market
from scheduler.requests import Situation

CATCH_UP_MS = 1_000
"""Longest time given to a backlog before the rest of a cycle has its turn."""
STEP_MS = 2_000
"""A wall clock that moved this much against boottime was set."""


class Watch:
    """Evaluates what the collector wrote and writes down what changed.

    It waits for nobody: jobs, the history index and the state file come after the alert log.
    `parked` are open incidents whose rules can't be read at present: they are left as they are.
    """

    def __init__(
        self,
        *,
        config: Config,
        clock: Clock,
        course: Course,
        feed: Feed,
        log: AlertLog,
        inbox: Inbox,
        market: Market,
        troubles: Troubles,
        parked: States,
        health: Callable[[], OwnHealth],
        tell: Callable[[Transition], None],
        stopping: Callable[[], bool],
    ) -> None:
        self.course = course
        self.parked = parked
        self.done: Reached | None = feed.reached
        """The last snapshot whose lines are all in the log."""
        self._config = config
        self._clock = clock
        self._feed = feed
        self._log = log
        self._inbox = inbox
        self._market = market
        self._troubles = troubles
        self._health = health
        self._tell = tell
        self._stopping = stopping
        self._started = self._awake = self._before = clock.now()
        self._next_grid_ns = self._started.boottime_ns

    def cycle(self) -> bool:
        """Do all that is to be done now; tell whether the wall clock was set since the last time.

        Raises LogLost when the disk failed under the alert log.
        """
        now = self._clock.now()
        stepped = self._was_set(now)
        whole = self._evaluate_snapshots()
        self._answer_requests()
        if whole and not self._stopping():
            now = self._clock.now()
            if is_due(now.boottime_ns, self._next_grid_ns, self._interval_ns):
                self._next_grid_ns = now.boottime_ns + self._interval_ns
                self._evaluate_present(now)
        if self._log.held:
            self._log.flush()
        self._troubles.note("alert log", self._log.error)
        if not self._log.held:
            self.done = self._feed.reached
        return stepped

    def note(self, notice: Notice) -> None:
        """Write down what was done to the rules, and judge the present by them at once."""
        now = self._clock.now()
        self._log.append([notice], now, self._number)
        self._next_grid_ns = now.boottime_ns

    def unpark(self) -> None:
        """Hand the incidents back whose rules could not be read: now it is known what they are."""
        self.course.states = self.parked | self.course.states
        self.parked = {}

    def seconds_to_grid(self) -> float:
        """Return how long there is nothing to do unless something wakes the loop."""
        return max(0.0, (self._next_grid_ns - self._clock.now().boottime_ns) / 1e9)

    @property
    def _interval_ns(self) -> int:
        return round(self._config.evaluate_seconds * 1e9)

    def _was_set(self, now: Instant) -> bool:
        """Look at how time went since the last cycle, by both clocks."""
        before, self._before = self._before, now
        passed_ms = elapsed_ms(before, now)
        if passed_ms > 2_000 * self._config.evaluate_seconds + 5_000:
            self._awake = now  # the machine slept, or this process was stopped
        return abs(now.wall_ms - before.wall_ms - passed_ms) > STEP_MS

    def _evaluate_snapshots(self) -> bool:
        """Evaluate what came, at its own instant; tell whether there is nothing left."""
        began = self._clock.now()
        for reached in self._feed.fresh():
            self._evaluate(reached.instant, 0.0)
            if self._stopping() or elapsed_ms(began, self._clock.now()) > CATCH_UP_MS:
                self._next_grid_ns = began.boottime_ns
                return False
        return True

    def _evaluate_present(self, now: Instant) -> None:
        """Evaluate this moment, with the newest snapshot as old as it is by now."""
        reached = self._feed.reached
        age_ms = elapsed_ms(self._started if reached is None else reached.instant, now)
        if reached is not None and reached.instant.boot_id != now.boot_id:
            # The wall clock may have been set back over the reboot: no snapshot is younger than it.
            age_ms = max(age_ms, now.boottime_ns // 1_000_000)
        limit_ms = self._config.snapshot_limit_seconds * 1000
        if reached is None or age_ms > limit_ms:
            self._feed.restart_when_behind()
        known_ms = None if reached is None else age_ms
        if proves_something(known_ms, elapsed_ms(self._awake, now), limit_ms):
            self._evaluate(now, age_ms / 1000)

    def _evaluate(self, at: Instant, age_seconds: float) -> None:
        entries = self.course.judge(at, age_seconds, self._health())
        try:
            if entries:
                self._log.append(entries, at, self._number)
        finally:  # a log that is lost ends the process, and its successor finds nothing new to tell
            for entry in entries:
                if isinstance(entry, Transition):
                    self._tell(entry)

    def _answer_requests(self) -> None:
        if self._log.held:
            return  # what can't be written down must not be taken
        for item in self._inbox.new(self._log.written.requests):
            if self._stopping():
                return
            now = self._clock.now()
            entry = self._inbox.answer(item, self._situation(), self._market, now)
            written = self._log.append([entry], now, self._number, request=item.id)
            if isinstance(entry, Transition) and entry.incident.rule in self.parked:
                self.parked[entry.incident.rule] = entry.incident
            else:
                self.course.heed(entry)
            if isinstance(entry, Transition):
                self._tell(entry)
            elif entry.market is not None:
                self._market.take(entry.market)
                self.course.use(self._market.calendar)
            if not written:
                return
            self._inbox.remove(item)

    def _situation(self) -> Situation:
        course = self.course
        return Situation(
            states=course.states | self.parked,
            silences=course.silences,
            rules=[rule.name for rule in course.rules.rules],
            sessions=course.sessions,
            exposed=course.exposed,
        )

    def rules(self) -> dict[str, RuleState]:
        """Return what the last evaluation said of each rule."""
        wanting = self.course.wanting
        return {
            verdict.rule.name: _rule_state(verdict, wanting.get(verdict.rule.name, ()))
            for verdict in self.course.verdicts
        }

    @property
    def _number(self) -> int:
        reached = self._feed.reached
        return self._log.written.snapshot if reached is None else reached.number


def _rule_state(verdict: Verdict, wanting: tuple[str, ...]) -> RuleState:
    # Without a session its facts are absent too, and the rule is asleep rather than off.
    off = verdict.off and verdict.why.startswith("limit not set")
    dead = bool(wanting) and verdict.truth != "true" and not verdict.off
    return RuleState(
        verdict=verdict.truth,
        why=verdict.why,
        never_seen=verdict.never_seen or dead,
        off=off,
        wanting=wanting if dead else (),
    )
