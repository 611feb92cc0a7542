"""What rules say of some days, judged by one process of a backtest that has several."""

from __future__ import annotations

import signal
from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, zip_longest
from pathlib import Path

import msgspec

from evaluator.evaluation import Memory
from evaluator.instant import Instant, elapsed_ms
from evaluator.rules import load
from evaluator.turn import begins
from evaluator.verdict import Verdict
from monitoring.backtest import WELL, warm_up_seconds
from monitoring.calendar import calendar_of
from monitoring.config import Config
from monitoring.course import Course
from monitoring.excerpt import Excerpts, Taken
from monitoring.grid import Moment, moments
from monitoring.market_override import MarketOverride
from monitoring.snapshot import file_wall_ms
from monitoring.snapshots import SnapshotStore

DAY_MS = 86_400_000
LATEST_MS = 2**42
"""Later than any snapshot's name: the year 2109."""

GRID, SNAPSHOT, AGAIN = 0, 1, 2
Days = tuple[str, str]
"""The first and the last of some days that follow each other, YYYYMMDD."""

RuleText = tuple[str | None, str]
"""The text of a rule file (None: the built-in rules alone) and its name: compiled rules don't
travel between processes.
"""

Overrides = Mapping[str, MarketOverride] | None

Change = tuple[int, list[tuple[int, tuple[object, ...]]]]
"""At which moment of the day, and by place in the rule set the verdicts that are new, without
their rules. One that can begin nothing comes without its context, which changes all the time: an
alert only ends with that, and an `Episode` has nothing of the words in which an end is told.
"""


class Span(msgspec.Struct, frozen=True):
    """What is judged: the snapshots in a folder since `since_ms`, the windows filled from
    `start_ms` on (POSIX ms).
    """

    folder: Path
    start_ms: int
    since_ms: int


class Said(msgspec.Struct):
    """What rules say of some days. The columns have an entry for each moment; `boots`: from which
    moment on which boot it was. `changes`, `begun` and `ended` have one per rule set: what is new
    when, and the memories before the first and after the last snapshot.
    """

    kinds: array[int]
    wall_ms: array[int]
    boottime_ns: array[int]
    boots: list[tuple[int, str]]
    changes: list[list[Change]]
    begun: list[Memory]
    ended: list[Memory]
    skipped: list[str]


class _Judge:
    """One process: the compiled rules, and what it takes to judge a day by them."""

    def __init__(self, texts: Sequence[RuleText], config: Config, overrides: Overrides) -> None:
        self._rule_sets = [load(*text) for text in texts]
        self._config = config
        self._sessions = calendar_of(config, overrides)
        self._decode = Excerpts(self._rule_sets, config).decode
        longest = max(one.longest_window_seconds for one in self._rule_sets)
        self._longest_ms = longest * 1000
        self._warm_up_ms = round(warm_up_seconds(self._rule_sets, config) * 1000)

    def say(self, span: Span, days: Days, memories: Sequence[Memory] | None) -> Said:
        begin_ms, end_ms = begin_ms_of(days[0]), begin_ms_of(days[1]) + DAY_MS
        store = SnapshotStore(span.folder)
        start_ms = max(begin_ms, span.start_ms)
        own = store.decoded_between(start_ms, end_ms - 1, self._decode)
        first = next(own, None)
        after = SnapshotStore(span.folder)
        later = next(after.decoded_between(end_ms, LATEST_MS, self._decode), None)
        courses = [
            Course(rules, self._config, self._sessions, terse=True) for rules in self._rule_sets
        ]
        for course, memory in zip(courses, memories or (), strict=False):
            course.recall(memory)
        diary = _Diary(courses, self._config, span.since_ms)
        if first is not None:
            before = self._before(span, begin_ms, first[1].instant)
            following = None if later is None else later[1]
            diary.keep([*before], chain([first], own), following)
        return diary.said(store.skipped)

    def _before(self, span: Span, begin_ms: int, first: Instant) -> list[tuple[str, Taken]]:
        """Return the snapshots that the windows of the first moment reach over.

        The oldest is older than that: the rise of a counter is told by the one before.
        """
        reach_ms = self._warm_up_ms
        while True:
            from_ms = max(span.start_ms, begin_ms - reach_ms)
            store = SnapshotStore(span.folder)
            found = list(store.decoded_between(from_ms, begin_ms - 1, self._decode))
            enough = found and elapsed_ms(found[0][1].instant, first) >= self._longest_ms
            if enough or from_ms == span.start_ms:
                return found
            reach_ms *= 8


class _Diary:
    """Writes down what several rule sets say, moment by moment."""

    def __init__(self, courses: Sequence[Course], config: Config, since_ms: int) -> None:
        self._courses = courses
        self._config = config
        self._since_ms = since_ms
        self._kinds, self._wall_ms, self._boottime_ns = array("b"), array("q"), array("q")
        self._boots: list[tuple[int, str]] = []
        self._changes: list[list[Change]] = [[] for _ in courses]
        self._last: list[list[Verdict]] = [[] for _ in courses]
        self._begun: list[Memory] = []

    def keep(
        self,
        before: Sequence[tuple[str, Taken]],
        own: Iterable[tuple[str, Taken]],
        following: Taken | None,
    ) -> None:
        """Judge the `own` snapshots, and the moments until the `following` one comes."""
        left = len(before)
        stream = chain(before, own, [] if following is None else [("", following)])
        for moment in moments(stream, self._config.evaluate_seconds):
            if moment.snapshot is not None:
                if moment.snapshot is following:
                    return
                if left == 0 and not self._begun:
                    self._begun = self._memories()
                left = max(0, left - 1)
                for course in self._courses:
                    course.take(moment.snapshot)
            if self._begun and moment.at.wall_ms >= self._since_ms:
                self._write(moment)

    def said(self, skipped: list[str]) -> Said:
        """Return all that was written down."""
        ended = self._memories()
        return Said(
            kinds=self._kinds,
            wall_ms=self._wall_ms,
            boottime_ns=self._boottime_ns,
            boots=self._boots,
            changes=self._changes,
            begun=self._begun or ended,
            ended=ended,
            skipped=skipped,
        )

    def _memories(self) -> list[Memory]:
        return [course.memory for course in self._courses]

    def _write(self, moment: Moment) -> None:
        at, number = moment.at, len(self._kinds)
        self._wall_ms.append(at.wall_ms)
        self._boottime_ns.append(at.boottime_ns)
        if not self._boots or self._boots[-1][1] != at.boot_id:
            self._boots.append((number, at.boot_id))
        if moment.again:
            self._kinds.append(AGAIN)
            return
        self._kinds.append(GRID if moment.snapshot is None else SNAPSHOT)
        for place, course in enumerate(self._courses):
            verdicts = course.look(at, moment.age_seconds, WELL)
            before = self._last[place]
            if verdicts is before:
                continue
            self._last[place] = verdicts
            new = [
                (index, _handed(verdict))
                for index, (old, verdict) in enumerate(zip_longest(before, verdicts))
                if old is not verdict and not (old and _alike(old, verdict))
            ]
            if new:
                self._changes[place].append((number, new))


def _handed(verdict: Verdict) -> tuple[object, ...]:
    """Return a verdict as a `Change` has it."""
    if not begins(verdict):
        verdict = msgspec.structs.replace(verdict, context={})
    return msgspec.structs.astuple(verdict)[1:]


def _alike(one: Verdict, other: Verdict) -> bool:
    """Tell whether two verdicts of a rule are handed over as the same."""
    if one.truth == other.truth == "false":  # with no message, and as mild as its rule is
        return (one.why, one.off, one.clear, one.clear_why, one.suspected) == (
            other.why, other.off, other.clear, other.clear_why, other.suspected,
        )  # fmt: skip
    return _handed(one) == _handed(other)


_ready: list[_Judge] = []
"""The judge of this process, once it was prepared."""


def prepare(texts: Sequence[RuleText], config: Config, overrides: Overrides) -> None:
    """Make this process ready: the first that it is asked for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, who ends this one
    _ready.append(_Judge(texts, config, overrides))


def say(span: Span, days: Days, memories: Sequence[Memory] | None) -> Said:
    """Return what the rules say of some days; `memories`: what is known of those before, by set."""
    return _ready[0].say(span, days, memories)


def begin_ms_of(day: str) -> int:
    """Return when a day (YYYYMMDD, UTC) begins, in POSIX ms."""
    return file_wall_ms(f"metrics_{day}T000000.000Z.json") or 0
