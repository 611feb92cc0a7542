"""Rules over what was recorded: the live course, driven by snapshots instead of by a clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from evaluator.instant import Instant, Sessions
from evaluator.rules import RuleSet
from monitoring.ambient import OwnHealth
from monitoring.calendar import AlwaysOpen
from monitoring.config import Config
from monitoring.course import Course
from monitoring.episodes import Episodes
from monitoring.excerpt import Taken
from monitoring.grid import Moment, moments

WELL = OwnHealth()
"""How the scheduler of a backtest does: nothing of it is recorded in snapshots."""


def sessions_of(config: Config) -> Sessions:
    """Return the trading clock that a backtest counts on: the settings' calendar."""
    return AlwaysOpen(config.timezone)


class Backtested(msgspec.Struct, kw_only=True):
    """What came of it: the episodes of each rule set, in the order in which they were given.

    `first` and `last` are the instants of the first and last snapshot judged, None: there was none.
    """

    snapshots: int = 0
    first: Instant | None = None
    last: Instant | None = None
    outcomes: list[Episodes]


def backtest(
    snapshots: Iterable[Taken],
    rule_sets: Sequence[RuleSet],
    config: Config,
    *,
    since_ms: int | None = None,
    progress: Callable[[int, Instant], None] = lambda _count, _at: None,
) -> Backtested:
    """Judge recorded snapshots, in their order, by one rule set or several.

    Those before `since_ms` (POSIX ms; None: none) only fill the windows: see `warm_up_seconds`.
    `progress` is told how many were judged and how far that is, at every snapshot.
    """
    sessions = sessions_of(config)
    tests = [_Test(Course(rules, config, sessions)) for rules in rule_sets]
    done = Backtested(outcomes=[test.episodes for test in tests])
    for moment in moments(snapshots, config.evaluate_seconds):
        snapshot, at = moment.snapshot, moment.at
        if since_ms is not None and at.wall_ms < since_ms:
            if snapshot is not None:
                for test in tests:
                    test.course.take(snapshot)
            continue
        if snapshot is not None:
            done.snapshots += 1
            done.first = done.first or at
            done.last = at
            progress(done.snapshots, at)
        for test in tests:
            test.judge(moment)
    for test in tests:
        if done.last is not None:
            test.episodes.end(done.last)
    return done


def warm_up_seconds(rule_sets: Sequence[RuleSet], config: Config) -> float:
    """Return from how long before its start a backtest must be given snapshots."""
    longest = max((rules.longest_window_seconds for rules in rule_sets), default=0)
    return longest + config.snapshot_limit_seconds


class _Test:
    """One rule set on its course."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.episodes = Episodes()
        self._began = False
        self._settled = False

    def judge(self, moment: Moment) -> None:
        if not self._began:
            self._began = True
            self.episodes.begin(moment.at)
        if moment.snapshot is not None:
            self.course.take(moment.snapshot)
        elif moment.again and self._settled:
            return  # the same facts at the same instant, after which nothing changed
        entries = self.course.judge(moment.at, moment.age_seconds, WELL)
        self._settled = not entries
        if entries:
            self.episodes.add(entries)
