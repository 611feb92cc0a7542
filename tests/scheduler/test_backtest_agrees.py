"""A backtest over what a home recorded finds the incidents that its scheduler logged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from evaluator.rules import load
from monitoring.alert_line import AlertLine
from monitoring.backtest import backtest
from monitoring.episodes import Episode
from monitoring.packing import pack_days

Rig = Any
NewRig = Callable[..., Any]
Facts = dict[str, Any]
Story = list[tuple[float, Facts | None]]

LOSS: Facts = {"risk__daily_loss_pct": -1.5}
WELL: Facts = {"risk__daily_loss_pct": -0.2}
ON: Facts = {"risk__circuit_breaker_active": True}
OFF: Facts = {"risk__circuit_breaker_active": False}

STORIES: dict[str, Story] = {
    "losses that come and go, no data, a breaker": [
        (20, {}),
        (60, LOSS | {"orders__rejected": 1.0}),
        (30, WELL | {"orders__rejected": 0.0}),
        (10, LOSS),
        (30, LOSS | ON),
        (30, WELL | OFF),
        (20, {"risk__daily_loss_pct": None}),
        (90, WELL),
        (400, {}),
    ],
    "a loss that never holds for long enough": [(30, WELL), (20, LOSS), (60, WELL)],
    "a collector that dies twice": [(60, WELL), (90, None), (60, WELL), (50, None), (40, LOSS)],
    "an alert before, in and after a gap": [(30, LOSS), (25, LOSS), (80, None), (100, WELL)],
    "a flapping breaker": [(10, ON), (10, OFF)] * 12,
    "an alert that is still open at the end": [(20, WELL), (70, LOSS)],
}


def live(rig: Rig, story: Story) -> None:
    """Play a story to a real scheduler: a snapshot every ten seconds, its grid every five."""
    for seconds, facts in story:
        if facts is not None:
            rig.live(seconds, **facts)
            continue
        for _ in range(round(seconds / 5)):
            rig.pass_seconds(5)
            rig.turn()


def logged(rig: Rig) -> list[tuple[str, int, int | None]]:
    """Return rule, fired and ended (POSIX ms) of every incident that fired, by the alert log."""
    last: dict[str, AlertLine] = {line.id: line for line in rig.lines()}
    return sorted(
        (line.rule, line.clock.fired_at.wall_ms, end and end.wall_ms)
        for line in last.values()
        if line.clock is not None and line.clock.fired_at is not None
        for end in [line.clock.resolved_at]
    )


def found(episodes: list[Episode]) -> list[tuple[str, int, int | None]]:
    return sorted((one.rule, one.fired_at_ms, one.ended_at_ms) for one in episodes)


def again(rig: Rig) -> list[Episode]:
    rules = load(rig.home.rules.read_text() if rig.home.rules.exists() else None)
    return backtest(rig.store.between(0, 2**42), [rules], rig.config).outcomes[0].all


@pytest.mark.parametrize("name", STORIES)
def test_fed_at_the_same_instants_a_backtest_equals_the_alert_log_to_the_millisecond(
    rig: Rig, name: str
) -> None:
    rig.start()
    live(rig, STORIES[name])
    assert found(again(rig)) == logged(rig)
    assert logged(rig) or name == "a loss that never holds for long enough"


@pytest.mark.parametrize("hours", [12, 17.5], ids=["local midnight", "midnight of UTC"])
def test_over_midnight_in_packed_days_and_with_the_ids_that_were_logged(
    rig: Rig, hours: float
) -> None:
    rig.pass_seconds(hours * 3600 - 60)
    rig.start()
    live(rig, [(40, ON), (60, ON), (30, OFF | LOSS), (20, LOSS), (90, WELL)])
    before = again(rig)

    report = pack_days(rig.home.snapshots, "29991231")

    assert report.snapshots > 20
    assert {one.id for one in before} == {
        line.id for line in rig.lines() if line.clock and line.clock.fired_at
    }
    assert found(again(rig)) == found(before) == logged(rig)


def test_a_reboot_ends_the_grid_and_raises_no_alarm_about_the_collector(rig: Rig) -> None:
    rig.start()
    live(rig, [(60, WELL), (40, LOSS)])
    rig.kill()
    rig.pass_seconds(3600)
    rig.clock.boot_id = "boot-2"
    rig.start()
    live(rig, [(60, LOSS), (90, WELL)])
    assert found(again(rig)) == logged(rig)
    assert {rule for rule, _, _ in logged(rig)} == {"slow", "daily_loss_high"}


@pytest.mark.parametrize("phase", [0.4, 1.7, 3.1, 4.9])
def test_a_scheduler_whose_grid_runs_otherwise_differs_by_less_than_its_interval(
    rig: Rig, phase: float
) -> None:
    rig.start()
    rig.pass_seconds(phase)
    rig.turn()
    for seconds, facts in STORIES["losses that come and go, no data, a breaker"] + [(90, None)]:
        for step in range(round(seconds / 5)):
            rig.pass_seconds(5 - phase)
            if step % 2 and facts is not None:
                rig.snapshot(**facts)
            rig.turn()
            rig.pass_seconds(phase)
            rig.turn()
    rig.snapshot()
    rig.turn()
    pairs = zip(found(again(rig)), logged(rig), strict=True)
    for (rule, fired, ended), (rule_live, fired_live, ended_live) in pairs:
        assert rule == rule_live
        assert abs(fired - fired_live) < 5000
        assert (ended is None) == (ended_live is None)
        assert ended is None or abs(ended - ended_live) < 5000
