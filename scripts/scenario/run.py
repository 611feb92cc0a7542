"""Running a scenario: time passes in jumps, from one snapshot, evaluation or event to the next."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from evaluator.instant import Instant
from evaluator.rules import RuleSet
from monitoring.alert_line import AlertLine
from monitoring.grid import proves_something
from scripts.scenario.alerts import Alerts, Refused
from scripts.scenario.calendar import Market
from scripts.scenario.compare import Difference, Seen, differences
from scripts.scenario.feed import Feed, Taken
from scripts.scenario.model import Event, Expectation, Scenario

BOOTTIME_NS = 3_600_000_000_000
"""The machine has been up for an hour when a scenario begins."""


class Checked(msgspec.Struct, frozen=True):
    """An expectation, what was seen, and where they differ."""

    expectation: Expectation
    wall_ms: int
    seen: Seen
    differences: tuple[Difference, ...]


class Outcome(msgspec.Struct, frozen=True):
    """What came of a scenario: each expectation in the order of time, and events refused."""

    scenario: Scenario
    checked: tuple[Checked, ...]
    refused: tuple[tuple[Event, str], ...]
    lines: tuple[AlertLine, ...]

    @property
    def ok(self) -> bool:
        """Whether everything was as expected."""
        return not self.refused and not any(one.differences for one in self.checked)


def run(scenario: Scenario, rules: RuleSet) -> Outcome:
    """Return what comes of a scenario on a set of rules; two runs give the same."""
    return _Run(scenario, rules).outcome()


class _Clock:
    """The machine's clocks, as told by the milliseconds since the start."""

    def __init__(self, start_ms: int) -> None:
        self._start_ms = start_ms
        self._booted_ms = -(BOOTTIME_NS // 1_000_000)
        self._boot = 1

    def at(self, since_ms: int) -> Instant:
        boottime_ns = (since_ms - self._booted_ms) * 1_000_000
        return Instant(self._start_ms + since_ms, boottime_ns, f"boot-{self._boot}")

    def set_by(self, by_ms: int) -> None:
        self._start_ms += by_ms

    def reboot(self, since_ms: int) -> None:
        self._boot += 1
        self._booted_ms = since_ms


class _Run:
    def __init__(self, scenario: Scenario, rules: RuleSet) -> None:
        config = scenario.config
        self._scenario = scenario
        self._market = Market(scenario)
        self._clock = _Clock(scenario.start_ms)
        self._interval_ms = round(config.evaluate_seconds * 1000)
        self._snapshot_ms = round(config.interval_seconds * 1000)
        self._limit_ms = round(config.snapshot_limit_seconds * 1000)
        reboots = any(event.do == "reboot" for event in scenario.events)
        self._feed = Feed(scenario.inputs, rules.facts, self._snapshot_ms, reboots=reboots)
        self._alerts = Alerts(rules, config, self._market.calendar)
        self._newest_ms: int | None = None
        self._awake_ms = 0
        self._no_snapshots_until_ms = 0
        self._down_until_ms = 0
        self._waiting: list[tuple[int, Instant, Taken]] = []
        self._restarting = False
        self._refused: list[tuple[Event, str]] = []
        self._looked: dict[str, int] = {}

    def outcome(self) -> Outcome:
        checked: list[Checked] = []
        events = list(self._scenario.events)
        left = list(self._scenario.expectations)
        for at_ms in self._moments():
            while left and left[0].at_ms < at_ms:
                checked.append(self._check(left.pop(0)))
            while events and events[0].at_ms <= at_ms:
                self._happen(events.pop(0))
            self._pass(at_ms)
        checked += [self._check(one) for one in left]
        lines = tuple(self._alerts.lines)
        return Outcome(self._scenario, tuple(checked), tuple(self._refused), lines)

    def _moments(self) -> Iterator[int]:
        """Yield every time since the start at which something happens, to the last one wanted."""
        scenario = self._scenario
        times_ms = [one.at_ms for one in scenario.expectations]
        times_ms += [one.at_ms for one in scenario.events]
        end_ms = max(times_ms, default=0)
        # A process that was down comes back on its own time, not on the grid's.
        back = {one.at_ms + (one.for_ms or 0) for one in scenario.events}
        times = {one.at_ms for one in scenario.events} | {at for at in back if at <= end_ms}
        times |= set(range(0, end_ms + 1, self._interval_ms))
        times |= set(range(0, end_ms + 1, self._snapshot_ms))
        yield from sorted(times)

    def _happen(self, event: Event) -> None:
        at_ms = event.at_ms
        for_ms = event.for_ms
        at = self._clock.at(at_ms)
        if event.do == "clock":
            self._clock.set_by(event.by_ms)
        elif event.do == "restart":
            self._stop(at_ms + (for_ms or 0))
        elif event.do == "reboot":
            self._stop(at_ms + (for_ms or 0))
            self._no_snapshots_until_ms = self._down_until_ms
            self._clock.reboot(at_ms)
            self._feed.reboot()
        elif event.do == "collector_stops":
            never_ms = self._scenario.expectations[-1].at_ms + 1
            self._no_snapshots_until_ms = never_ms if for_ms is None else at_ms + for_ms
        elif event.do in ("close", "halt"):
            self._market.close(event, at.wall_ms)
            self._alerts.use(self._market.calendar)
        elif event.do == "extend":
            self._market.extend(event, at.wall_ms)
            self._alerts.use(self._market.calendar)
        else:
            try:
                self._alerts.obey(event, at)
            except Refused as refused:
                self._refused.append((event, str(refused)))

    def _stop(self, until_ms: int) -> None:
        self._down_until_ms = until_ms
        self._restarting = True

    def _pass(self, at_ms: int) -> None:
        """Take the snapshot of this time, if there is one, and evaluate, if anybody does."""
        due = at_ms % self._snapshot_ms == 0 and at_ms >= self._no_snapshots_until_ms
        if due:
            self._waiting.append((at_ms, self._clock.at(at_ms), self._feed.snapshot(at_ms)))
        if at_ms < self._down_until_ms:
            return
        if self._restarting:
            self._restarting = False
            self._awake_ms = at_ms
            self._alerts.restart()
        for then_ms, then, taken in self._waiting:
            self._alerts.take(then, taken)
            self._newest_ms = then_ms
            self._alerts.judge(then, 0.0, self._given(then_ms))
        self._waiting.clear()
        if not due:
            self._judge_present(at_ms)

    def _judge_present(self, at_ms: int) -> None:
        known_ms = None if self._newest_ms is None else at_ms - self._newest_ms
        awake_ms = at_ms - self._awake_ms
        if proves_something(known_ms, awake_ms, self._limit_ms):
            age_ms = awake_ms if known_ms is None else known_ms
            self._alerts.judge(self._clock.at(at_ms), age_ms / 1000, self._given(at_ms))

    def _given(self, at_ms: int) -> dict[str, object]:
        given = self._feed.around(at_ms)
        return {name: None if one is msgspec.UNSET else one for name, one in given.items()}

    def _check(self, expectation: Expectation) -> Checked:
        rule = expectation.rule
        lines = [line for line in self._alerts.lines if line.rule == rule]
        seen = Seen.of(
            lines,
            lines[self._looked.get(rule, 0) :],
            self._alerts.verdict(rule),
            self._alerts.reading(rule),
        )
        self._looked[rule] = len(lines)
        at = self._clock.at(expectation.at_ms)
        return Checked(expectation, at.wall_ms, seen, tuple(differences(expectation, seen)))
