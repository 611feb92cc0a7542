"""A backtest whose days are judged by several processes: what rules say of a day depends on the
snapshots of that day and a little before, while what becomes of alerts goes through all of it.

So each process takes some days: it fills the windows from the day before, judges every moment,
and hands back when what the rules say changed. Here the life of alerts runs over that, day after
day, as `backtest` runs it. What an evaluation remembers from before the windows (which facts were
ever reported) is handed over as far as it is known when the days begin, and compared when those
before are done: where it was wrong, they are judged again. The outcome is that of `backtest`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from pathlib import Path

from evaluator.evaluation import Memory
from evaluator.instant import Instant
from evaluator.rules import RuleSet, load
from evaluator.verdict import Verdict
from monitoring.backtest import Backtested, Test, backtest, warm_up_seconds
from monitoring.backtest_diary import (
    AGAIN,
    DAY_MS,
    LATEST_MS,
    SNAPSHOT,
    Change,
    Days,
    Overrides,
    RuleText,
    Said,
    Span,
    begin_ms_of,
    prepare,
    say,
)
from monitoring.calendar import calendar_of
from monitoring.config import Config
from monitoring.course import Course
from monitoring.excerpt import Excerpts
from monitoring.grid import day_of
from monitoring.snapshots import SnapshotStore

MOST_DAYS = 2
"""Days that a process takes at a time: what a few megabytes hold."""


def days_of(span: Span) -> list[str]:
    """Return the days (YYYYMMDD, UTC) that have snapshots to be judged, in order."""
    store = SnapshotStore(span.folder)
    days = {day_of(name) for name in store.names_after(None)}
    days |= {day_of(pack.name) for pack in store.packs()}
    return sorted(day for day in days if begin_ms_of(day) + DAY_MS > span.since_ms)


def backtest_folder(
    folder: Path,
    texts: Sequence[RuleText],
    config: Config,
    *,
    since_ms: int,
    workers: int,
    overrides: Overrides = None,
    progress: Callable[[int, Instant], None] = lambda _count, _at: None,
) -> tuple[Backtested, list[str]]:
    """Judge the snapshots of a folder since a time (POSIX ms), by several processes if that pays.

    Returns what `backtest` does, and in words which snapshots could not be read.
    """
    rule_sets = [load(*text) for text in texts]
    start_ms = since_ms - round(warm_up_seconds(rule_sets, config) * 1000)
    span = Span(folder, max(0, start_ms), since_ms)
    if workers > 1 and len(days_of(span)) > 1:
        return backtest_days(
            span, texts, config, workers=workers, overrides=overrides, progress=progress
        )
    store = SnapshotStore(folder)
    found = store.decoded_between(span.start_ms, LATEST_MS, Excerpts(rule_sets, config).decode)
    done = backtest(
        found, rule_sets, config, overrides=overrides, since_ms=since_ms, progress=progress
    )
    return done, store.skipped


def backtest_days(
    span: Span,
    texts: Sequence[RuleText],
    config: Config,
    *,
    workers: int,
    overrides: Overrides = None,
    progress: Callable[[int, Instant], None] = lambda _count, _at: None,
) -> tuple[Backtested, list[str]]:
    """Return what `backtest` returns, and what could not be read. Memory is that of a few days."""
    rule_sets = [load(*text) for text in texts]
    sessions = calendar_of(config, overrides)
    tests = [Test(Course(rules, config, sessions)) for rules in rule_sets]
    done = Backtested(outcomes=[test.episodes for test in tests])
    skipped: list[str] = []
    memories: list[Memory] | None = None
    given = texts, config, overrides
    with ProcessPoolExecutor(workers, initializer=prepare, initargs=given) as pool:
        try:
            waiting: deque[tuple[Days, Future[Said]]] = deque()
            left = iter(_shared_out(days_of(span), workers))
            while True:
                for days in islice(left, workers + 1 - len(waiting)):
                    waiting.append((days, pool.submit(say, span, days, memories)))
                if not waiting:
                    break
                days, future = waiting.popleft()
                said = future.result()
                if memories is not None and said.begun != memories:
                    said = pool.submit(say, span, days, memories).result()
                memories = said.ended
                skipped += said.skipped
                _conclude(said, rule_sets, tests, done, progress)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    done.end(tests)
    return done, skipped


def _shared_out(days: Sequence[str], workers: int) -> list[Days]:
    """Return the days in pieces (first and last day) so that every process has several."""
    count = max(1, min(MOST_DAYS, len(days) // (3 * workers)))
    pieces = [days[start : start + count] for start in range(0, len(days), count)]
    return [(piece[0], piece[-1]) for piece in pieces]


def _conclude(
    said: Said,
    rule_sets: Sequence[RuleSet],
    tests: Sequence[Test],
    done: Backtested,
    progress: Callable[[int, Instant], None],
) -> None:
    """Let alerts live through some days."""
    instants = _Instants(said)
    for number, kind in enumerate(said.kinds):
        if kind == SNAPSHOT:
            at = instants.at(number)
            done.pass_snapshot(at)
            progress(done.snapshots, at)
    for rules, test, changes in zip(rule_sets, tests, said.changes, strict=True):
        _live(instants, said.kinds, rules, test, changes)


def _live(
    instants: _Instants, kinds: array[int], rules: RuleSet, test: Test, changes: list[Change]
) -> None:
    verdicts: list[Verdict] = []
    nexts = iter([*changes, (len(kinds), [])])
    following, new = next(nexts)
    number = 0
    while number < len(kinds):
        if number == following:
            verdicts = verdicts.copy() or [None] * len(rules.programs)  # type: ignore[list-item] # all are in the first change
            for place, rest in new:
                verdicts[place] = Verdict(rules.programs[place].rule, *rest)  # type: ignore[arg-type] # as they were taken apart
            following, new = next(nexts)
        elif test.idle:
            number = following  # until then nothing is open, and nothing begins
            continue
        if not (kinds[number] == AGAIN and test.settled):
            test.conclude(instants.at(number), verdicts)
        number += 1


class _Instants:
    """The moments of some days by their number."""

    def __init__(self, said: Said) -> None:
        self._said = said
        self._begins = [number for number, _ in said.boots]

    def at(self, number: int) -> Instant:
        said = self._said
        boot = said.boots[bisect_right(self._begins, number) - 1][1]
        return Instant(said.wall_ms[number], said.boottime_ns[number], boot)
