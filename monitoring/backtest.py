"""Rules over what was recorded: the live course, driven by snapshots instead of by a clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from evaluator.instant import Instant
from evaluator.rules import RuleSet
from evaluator.turn import begins
from evaluator.verdict import Verdict
from monitoring.ambient import OwnHealth
from monitoring.calendar import calendar_of
from monitoring.config import Config
from monitoring.course import Course
from monitoring.episodes import Episodes
from monitoring.excerpt import Taken
from monitoring.grid import moments
from monitoring.market_override import MarketOverride

WELL = OwnHealth()
"""How the scheduler of a backtest does: nothing of it is recorded in snapshots."""


class Backtested(msgspec.Struct, kw_only=True):
    """What came of it: the episodes of each rule set, in the order in which they were given.

    `first` and `last` are the instants of the first and last snapshot judged, None: there was none.
    """

    snapshots: int = 0
    first: Instant | None = None
    last: Instant | None = None
    outcomes: list[Episodes]

    def pass_snapshot(self, at: Instant) -> None:
        """Count a snapshot that is judged."""
        self.snapshots += 1
        self.first = self.first or at
        self.last = at

    def end(self, tests: Sequence[Test]) -> None:
        """Count what is still open up to the last snapshot."""
        for test in tests:
            if self.last is not None:
                test.episodes.end(self.last)


def backtest(
    found: Iterable[tuple[str, Taken]],
    rule_sets: Sequence[RuleSet],
    config: Config,
    *,
    overrides: Mapping[str, MarketOverride] | None = None,
    since_ms: int | None = None,
    progress: Callable[[int, Instant], None] = lambda _count, _at: None,
) -> Backtested:
    """Judge recorded snapshots, under their names and in their order, by one or more rule sets.

    The market's sessions are those of the settings' calendar with the operator's `overrides`.
    Snapshots before `since_ms` (POSIX ms; None: none) only fill the windows: see `warm_up_seconds`.
    `progress` is told how many were judged and how far that is, at every snapshot.
    """
    sessions = calendar_of(config, overrides)
    tests = [Test(Course(rules, config, sessions, terse=True)) for rules in rule_sets]
    done = Backtested(outcomes=[test.episodes for test in tests])
    for moment in moments(found, config.evaluate_seconds):
        snapshot, at = moment.snapshot, moment.at
        if snapshot is not None:
            for test in tests:
                test.course.take(snapshot)
        if since_ms is not None and at.wall_ms < since_ms:
            continue
        if snapshot is not None:
            done.pass_snapshot(at)
            progress(done.snapshots, at)
        for test in tests:
            if not (moment.again and test.settled):
                test.conclude(at, test.course.look(at, moment.age_seconds, WELL))
    done.end(tests)
    return done


def warm_up_seconds(rule_sets: Sequence[RuleSet], config: Config) -> float:
    """Return from how long before its start a backtest must be given snapshots."""
    longest = max((rules.longest_window_seconds for rules in rule_sets), default=0)
    return longest + config.snapshot_limit_seconds


class Test:
    """One rule set on its course. `settled`: the last evaluation changed nothing, so that another
    of the same facts at the same instant need not be made.
    """

    __test__ = False  # it is none of pytest's

    def __init__(self, course: Course) -> None:
        self.course = course
        self.episodes = Episodes()
        self.settled = False
        self._began = False
        self._verdicts: list[Verdict] = []
        self._quiet = True

    @property
    def idle(self) -> bool:
        """Tell whether the verdicts taken last change nothing, at whatever instant."""
        return self.settled and self._quiet and self.course.at_rest

    def conclude(self, at: Instant, verdicts: list[Verdict]) -> None:
        """Take what the rules say at an instant."""
        if not self._began:
            self._began = True
            self.episodes.begin(at)
        if verdicts is not self._verdicts:
            self._verdicts = verdicts
            self._quiet = not any(map(begins, verdicts))
        quiet = self._quiet and self.course.at_rest
        entries = [] if quiet else self.course.conclude(at, verdicts)
        self.settled = not entries
        if entries:
            self.episodes.add(entries)
