"""What the collector gathers is what the rules read: windows of real ticks, judged by the rules."""

from __future__ import annotations

from typing import Any

import pytest

from evaluator.evaluation import Evaluation
from evaluator.facts import ENGINE_FACTS, is_windowed
from evaluator.names import stats_of
from evaluator.rules import load
from monitoring.snapshot import flatten

AMBIENT = {"limits.snapshot_age_seconds": 35.0, "collector.snapshot_age_seconds": 0.0}


class Judged:
    """Ticks through a collector's window, each window judged by the built-in rules."""

    def __init__(self, reader: Any, lines: Any) -> None:
        self.reader = reader
        self.lines = lines
        self.seq = 0
        self.evaluation = Evaluation(load(None))

    def window(self, *ticks: dict[str, object]) -> dict[str, str]:
        for tick in ticks:
            self.seq += 1
            self.reader.append("main-w1.jsonl", self.lines.tick(self.seq, **tick))
        self.reader.pass_seconds(10)
        self.reader.read()
        one = self.reader.snapshot()
        self.evaluation.take(
            one.instant, flatten(one), one.window.stats, one.window.ticks, one.window.seconds
        )
        return {
            verdict.rule.name: verdict.truth
            for verdict in self.evaluation.verdicts(one.instant, AMBIENT)
        }


@pytest.fixture
def judged(reader: Any, lines: Any) -> Judged:
    return Judged(reader, lines)


def exposed(value: float, *, on: bool = True) -> dict[str, object]:
    return {
        "positions": {"total_value": value},
        "risk": {"circuit_breaker_active": on},
        "orders": {"placed": 3},
    }


@pytest.mark.parametrize(
    ("before", "window", "truth"),
    [
        ([1000, 1000], [1500], "true"),  # one tick a window: a slow engine
        ([1000, 1000], [1500, 1500], "true"),  # it grew between two windows
        ([1000, 1000], [1000, 1500], "true"),
        ([0], [1000], "true"),
        ([1000], [1010], "false"),  # one percent exactly
        ([1000], [1000], "false"),
        ([1000], [500], "false"),
        ([1000], [1500, 900], "false"),
    ],
)
def test_exposure_that_grew_after_the_halt_is_seen_wherever_a_window_ends(
    judged: Judged, before: list[float], window: list[float], truth: str
) -> None:
    judged.window(*(exposed(value) for value in before))
    assert judged.window(*(exposed(value) for value in window))["exposure_after_halt"] == truth


def test_exposure_that_grew_before_the_halt_is_none_of_its_business(judged: Judged) -> None:
    judged.window(exposed(1000, on=False))
    assert judged.window(exposed(1500, on=False), exposed(1500))["exposure_after_halt"] == "false"
    assert judged.window(exposed(1500))["exposure_after_halt"] == "false"


def test_every_statistic_that_a_rule_may_read_of_a_tick_is_gathered(
    reader: Any, lines: Any
) -> None:
    told: dict[str, dict[str, object]] = {}
    for fact in ENGINE_FACTS:
        group, _, field = fact.name.partition(".")
        if is_windowed(fact):
            told.setdefault(group, {})[field] = True if fact.type == "flag" else 4
    reader.append("main-w1.jsonl", lines.tick(1, **told) + lines.tick(2, **told))
    reader.read()
    stats = reader.snapshot().window.stats
    missing = [
        f"window.{fact.name}.{stat}"
        for fact in ENGINE_FACTS
        for stat in (stats_of(fact) if is_windowed(fact) else ())
        if getattr(stats[fact.name], stat) is None
    ]
    assert missing == []
