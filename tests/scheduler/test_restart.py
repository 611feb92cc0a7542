"""A scheduler that was stopped, killed or away leaves the same log as one that never was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from monitoring.alert_line import AlertLine

Rig = Any
NewRig = Callable[..., Any]

STORY: list[tuple[float, dict[str, Any]]] = [
    (20, {}),
    (60, {"risk__daily_loss_pct": -1.5, "orders__rejected": 1.0}),  # pending, then firing
    (30, {"risk__daily_loss_pct": -0.2, "orders__rejected": 0.0}),  # counting down
    (10, {"risk__daily_loss_pct": -1.2, "orders__rejected": 0.0}),  # holds again
    (10, {"risk__daily_loss_pct": -1.2, "risk__circuit_breaker_active": True}),
    (30, {"risk__daily_loss_pct": -0.2, "risk__circuit_breaker_active": False}),
    (20, {"risk__daily_loss_pct": None}),  # no data: the countdown stands still
    (90, {"risk__daily_loss_pct": -0.2, "orders__rejected": 0.0}),  # resolved
    (400, {}),
]


def play(rig: Rig, at_seconds: Callable[[float], None]) -> list[AlertLine]:
    rig.start()
    for seconds, facts in STORY:
        for _ in range(round(seconds / 10)):
            for step in (1, 2):
                rig.pass_seconds(5)
                if step == 2:
                    rig.snapshot(**facts)
                if rig.process is not None:
                    rig.turn()
                at_seconds(rig.clock.seconds)
    if rig.process is None:
        rig.start()
        rig.turn()
    return list(rig.lines())


def shape(lines: list[AlertLine]) -> list[tuple[object, ...]]:
    """Return what must not differ: everything but the instants of evaluation."""
    return [(one.rule, one.status, one.notify, one.severity) for one in lines]


@pytest.fixture
def undisturbed(new_rig: NewRig) -> list[AlertLine]:
    return play(new_rig(), lambda seconds: None)


@pytest.mark.fault("R1")
@pytest.mark.parametrize("state", [True, False], ids=["state kept", "state lost"])
def test_a_restart_after_every_single_turn_changes_nothing_at_all(
    new_rig: NewRig, undisturbed: list[AlertLine], state: bool
) -> None:
    rig = new_rig()

    def restart(seconds: float) -> None:
        rig.kill(state=state)
        rig.start()
        if seconds % 2 == 0:  # the first cycle evaluates the present again at the same instant
            rig.turn()

    lines = play(rig, restart)

    assert {"slow", "breaker", "hourly"} <= {line.rule for line in lines}
    assert shape(lines) == shape(undisturbed)
    assert [line.id for line in lines] == [line.id for line in undisturbed]
    assert [line.boottime_ns for line in lines] == [line.boottime_ns for line in undisturbed]


@pytest.mark.fault("P6a")
@pytest.mark.parametrize("away", [(25, 45), (55, 65), (85, 100), (105, 155), (15, 300), (170, 400)])
def test_a_scheduler_that_was_away_evaluates_all_it_missed_at_its_own_instants(
    new_rig: NewRig, undisturbed: list[AlertLine], away: tuple[float, float]
) -> None:
    rig = new_rig()

    def go_away(seconds: float) -> None:
        if seconds == away[0]:
            rig.kill()
        elif seconds == away[1]:
            rig.start()
            rig.turn()

    lines = play(rig, go_away)
    assert shape(lines) == shape(undisturbed)
    for line, other in zip(lines, undisturbed, strict=True):
        assert abs(line.boottime_ns - other.boottime_ns) <= 5 * 10**9  # the grid's interval


@pytest.mark.fault("P6a")
def test_a_backlog_of_hours_raises_no_false_alarm(rig: Rig) -> None:
    rig.start()
    rig.live(30)
    rig.kill()
    rig.live(3 * 3600)
    rig.start()
    while rig.state().snapshot_number != rig.number:
        rig.turn()
    rig.live(60)
    assert rig.told() == []


def test_a_cycle_gives_a_backlog_only_so_long(rig: Rig) -> None:
    rig.start()
    rig.live(30)
    rig.kill()
    rig.live(600)
    process = rig.start()
    now = rig.clock.now
    rig.clock.now = lambda: (rig.pass_seconds(0.3), now())[1]
    rig.turn()
    assert rig.state().snapshot_number < rig.number
    assert process._seconds_to_wait() == 0.0
    for _ in range(60):
        rig.turn()
    assert rig.state().snapshot_number == rig.number


def test_a_dead_collector_stays_told_over_a_restart(rig: Rig) -> None:
    rig.start()
    rig.live(30)
    for _ in range(9):
        rig.pass_seconds(5)
        rig.turn()
    told = [one for one in rig.lines() if one.rule == "collector_stale"]
    assert [one.notify for one in told] == ["new"]
    rig.kill()
    rig.pass_seconds(60)
    rig.start()
    for _ in range(12):
        rig.turn()
        rig.pass_seconds(5)
    again = [one for one in rig.lines() if one.rule == "collector_stale"]
    assert {one.id for one in again} == {told[0].id}
    assert [one.notify for one in again[1:] if one.notify != "explains"] == ["repeat"]


def test_collector_and_scheduler_started_together_after_a_night_off_raise_no_alarm(
    rig: Rig,
) -> None:
    rig.start()
    rig.live(30)
    rig.kill()
    rig.pass_seconds(12 * 3600)
    rig.clock.boot_id = "boot-2"
    rig.start()
    rig.turn()
    rig.pass_seconds(3)
    rig.snapshot()
    rig.turn()
    rig.live(60)
    assert rig.told() == []


def test_lines_that_a_torn_write_lost_are_written_again(rig: Rig) -> None:
    rig.start()
    rig.live(20)
    rig.snapshot(risk__daily_loss_pct=-3.0, risk__circuit_breaker_active=True)
    rig.turn()
    whole = rig.lines()
    assert len(whole) >= 3
    (file,) = rig.home.alerts.iterdir()
    data = file.read_bytes()
    cut = data.rindex(b'{"id":', 0, data.rindex(b'{"id":'))  # two of the lines of one evaluation
    rig.kill(state=False)
    file.write_bytes(data[: cut + 30])

    rig.start()
    rig.turn()

    again = rig.lines()
    assert shape(again) == shape(whole)
    assert [line.id for line in again] == [line.id for line in whole]


def test_a_home_whose_data_was_wiped_but_whose_log_was_kept_goes_on(rig: Rig) -> None:
    rig.start()
    rig.live(200, risk__circuit_breaker_active=True)
    rig.kill(state=False)
    for file in rig.home.snapshots.iterdir():
        file.unlink()
    rig.number = 0
    rig.store = type(rig.store)(rig.home.snapshots)
    rig.pass_seconds(60)
    rig.snapshot(risk__circuit_breaker_active=False)
    rig.start()
    rig.turn()
    assert rig.told("breaker")[-1] == ("breaker", "resolved")


def test_progress_is_never_ahead_of_what_is_in_the_log(rig: Rig) -> None:
    rig.start()
    rig.live(20)
    before = rig.state().snapshot
    rig.home.alerts.parent.mkdir()
    rig.home.alerts.write_text("a file where the folder should be")
    rig.pass_seconds(10)
    rig.snapshot(risk__circuit_breaker_active=True)
    rig.turn()
    state = rig.state()
    assert state.snapshot == before
    assert any("can't be written" in words for words in state.degraded)
    assert state.alert_seq == 0

    rig.home.alerts.unlink()
    rig.pass_seconds(5)
    rig.turn()
    assert rig.told("breaker") == [("breaker", "firing")]
    assert rig.state().snapshot == rig.store.names_after(None)[-1]
    assert rig.state().degraded == []


def test_alerts_that_were_held_when_the_process_died_are_found_again(rig: Rig) -> None:
    rig.start()
    rig.live(20)
    rig.home.alerts.parent.mkdir()
    rig.home.alerts.write_text("in the way")
    rig.pass_seconds(10)
    tripped_at = rig.clock.now()
    rig.snapshot(risk__circuit_breaker_active=True)
    rig.turn()
    rig.kill()
    rig.home.alerts.unlink()
    rig.pass_seconds(10)
    rig.start()
    rig.turn()
    (line,) = [one for one in rig.lines() if one.rule == "breaker"]
    assert line.boottime_ns == tripped_at.boottime_ns
