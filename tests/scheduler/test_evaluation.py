"""Every snapshot at its own instant, then the present: alerts as the operator gets to see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from monitoring.config import Calendar, Config

Rig = Any
NewRig = Callable[..., Any]


def test_a_breaker_that_was_on_for_one_tick_fires_in_the_cycle_that_sees_it(rig: Rig) -> None:
    rig.start()
    rig.snapshot()
    rig.turn()
    assert rig.told() == []
    rig.pass_seconds(0.3)
    rig.snapshot(seen={"risk.circuit_breaker_active": True}, risk__circuit_breaker_active=False)
    rig.turn()
    assert ("breaker", "firing") in rig.told()


def test_two_snapshots_in_one_cycle_are_both_evaluated_at_their_own_instants(rig: Rig) -> None:
    rig.start()
    rig.snapshot()
    rig.pass_seconds(1)
    tripped_at = rig.clock.now()
    rig.snapshot(risk__circuit_breaker_active=True)
    rig.pass_seconds(1)
    cleared_at = rig.clock.now()
    rig.snapshot(risk__circuit_breaker_active=False)
    rig.pass_seconds(1)
    rig.turn()

    lines = [line for line in rig.lines() if line.rule == "breaker"]
    assert [line.status for line in lines] == ["firing", "resolved"]
    assert lines[0].boottime_ns == tripped_at.boottime_ns
    assert lines[-1].boottime_ns == cleared_at.boottime_ns


def test_the_present_is_evaluated_on_the_grid_between_snapshots(rig: Rig) -> None:
    rig.start()
    for _ in range(6):
        rig.snapshot(risk__daily_loss_pct=-1.5)
        rig.turn()
        rig.pass_seconds(5)
        rig.turn()
        rig.pass_seconds(5)
    fired = next(line for line in rig.lines() if (line.rule, line.status) == ("slow", "firing"))
    assert fired.timestamp[11:19] == "12:00:30"


def test_an_early_wake_up_does_not_move_the_grid(rig: Rig) -> None:
    process = rig.start()
    rig.snapshot()
    rig.turn()
    evaluated_at = rig.state().facts["collector.snapshot_age_seconds"]
    assert evaluated_at == 0.0
    rig.pass_seconds(1)
    rig.turn()
    assert rig.state().facts["collector.snapshot_age_seconds"] == 0.0
    rig.pass_seconds(3.9)
    rig.turn()
    assert rig.state().facts["collector.snapshot_age_seconds"] == 4.9
    assert process is not None


def test_a_fresh_home_is_silent_at_first_and_stale_when_no_snapshot_ever_comes(rig: Rig) -> None:
    rig.start()
    for _ in range(7):
        rig.turn()
        assert rig.told() == []
        rig.pass_seconds(5)
    rig.pass_seconds(1)
    rig.turn()
    assert ("collector_stale", "firing") in rig.told()


def test_a_collector_that_stops_is_stale_at_its_limit(rig: Rig) -> None:
    rig.start()
    rig.live(60)
    rig.snapshot()
    rig.turn()
    assert rig.told() == []
    for _ in range(7):
        rig.pass_seconds(5)
        rig.turn()
    assert rig.told() == []
    rig.pass_seconds(5)
    rig.turn()
    assert ("collector_stale", "firing") in rig.told()


def test_a_collector_that_died_with_the_machine_is_stale_though_the_wall_clock_is_behind(
    rig: Rig,
) -> None:
    rig.start()
    rig.snapshot()
    rig.turn()
    rig.kill()
    rig.clock.boot_id = "boot-2"
    rig.clock.wall_ahead_seconds = -3600.0
    rig.start()
    for _ in range(9):
        rig.pass_seconds(5)
        rig.turn()
    assert ("collector_stale", "firing") in rig.told()


def test_a_machine_that_slept_gives_the_collector_time_to_wake(rig: Rig) -> None:
    rig.start()
    rig.live(60)
    rig.pass_seconds(8 * 3600)
    rig.turn()
    assert rig.told() == []
    rig.pass_seconds(2)
    rig.snapshot()
    rig.turn()
    rig.live(60)
    assert rig.told() == []


@pytest.mark.fault("R5")
def test_a_wall_clock_that_is_set_back_or_forward_changes_no_duration(new_rig: NewRig) -> None:
    for ahead_seconds in (-3600, 3600, 86_400):
        rig = new_rig()
        rig.start()
        rig.live(20)
        rig.live(20, risk__daily_loss_pct=-1.5)
        rig.clock.wall_ahead_seconds = ahead_seconds
        rig.live(120, risk__daily_loss_pct=-1.5)
        assert rig.told("slow") == [("slow", "pending"), ("slow", "firing")]
        assert {rule for rule, _ in rig.told()} == {"slow", "daily_loss_high"}
        began, fired = (line.boottime_ns for line in rig.lines() if line.rule == "slow")
        assert fired - began == 30 * 10**9


def test_snapshots_deleted_after_a_wrong_clock_had_dated_them_ahead_block_nothing(rig: Rig) -> None:
    rig.start()
    rig.live(20)
    rig.clock.wall_ahead_seconds = 365 * 86_400
    rig.live(20)
    rig.clock.wall_ahead_seconds = 0
    for name in rig.store.names_after(None):
        if name.startswith("metrics_2026"):
            (rig.home.snapshots / name).unlink()
    rig.store = type(rig.store)(rig.home.snapshots)
    rig.live(60, risk__circuit_breaker_active=True)
    assert ("breaker", "firing") in rig.told()


def test_the_state_file_says_what_was_used_and_why(rig: Rig) -> None:
    rig.start()
    rig.snapshot(risk__daily_loss_pct=-0.5)
    rig.turn()
    state = rig.state()
    assert state.facts["risk.daily_loss_pct"] == -0.5
    assert state.facts["limits.daily_loss_pct"] == 2.0
    assert state.facts["session.open"] is True
    assert state.rules["slow"].verdict == "false"
    assert state.rules["position_limit_breached"].off
    assert state.snapshot_number == 1
    assert state.snapshot == rig.store.names_after(None)[-1]
    assert set(state.jobs) == {"evaluate", "index", "retention", "packing", "index_purge"}


def test_facts_of_a_stale_snapshot_are_shown_as_unknown(rig: Rig) -> None:
    rig.start()
    rig.snapshot(risk__daily_loss_pct=-0.5)
    rig.turn()
    for _ in range(9):
        rig.pass_seconds(5)
        rig.turn()
    assert rig.state().facts["risk.daily_loss_pct"] is None
    assert rig.state().facts["limits.daily_loss_pct"] == 2.0


def test_an_unreadable_snapshot_is_left_out_and_told(rig: Rig) -> None:
    rig.start()
    rig.snapshot()
    rig.turn()
    rig.pass_seconds(10)
    broken = rig.snapshot()
    (rig.home.snapshots / broken).write_bytes(b"\0" * 300)
    rig.turn()
    assert any(broken in words for words in rig.state().degraded)
    rig.pass_seconds(10)
    rig.snapshot(risk__circuit_breaker_active=True)
    rig.turn()
    assert ("breaker", "firing") in rig.told()
    assert rig.state().degraded == []


def test_a_faulty_rule_file_leaves_the_built_in_rules_in_force(new_rig: NewRig) -> None:
    rig = new_rig(rules='[[rule]]\nname = "x"\nseverity = "LOUD"\nwhen = ["nonsense > 1.0"]\n')
    rig.start()
    rig.snapshot(risk__daily_loss_pct=-3.0)
    rig.turn()
    assert ("daily_loss_exceeded", "firing") in rig.told()
    assert ("rules_refused", "firing") in rig.told()
    assert rig.state().rules_file.source == "built-in"
    assert str(rig.state().rules_file.faults[0]).startswith("rules.toml:")


def test_a_rule_file_that_breaks_closes_no_incident_of_its_rules(rig: Rig) -> None:
    rig.start()
    rig.snapshot(risk__circuit_breaker_active=True)
    rig.turn()
    rig.kill()
    rig.home.rules_in_force.unlink()
    rig.home.rules.write_text("[[rule]\n")
    process = rig.start()
    rig.live(20)
    assert ("breaker", "resolved") not in rig.told()
    rig.ask("r1", "breaker")
    rig.turn()
    assert rig.lines()[-1].acknowledged
    rig.kill()
    rig.home.rules.write_bytes(b"\xff\xfe")
    process = rig.start()
    rig.turn()
    assert "UTF-8" in rig.state().rules_file.faults[0].reason
    assert process is not None


@pytest.mark.fault("R8")
def test_a_rule_in_error_is_logged_once_and_leaves_the_others_alone(new_rig: NewRig) -> None:
    rig = new_rig(
        rules='[[rule]]\nname = "odd"\nseverity = "WARNING"\n'
        'when = ["int(risk.daily_loss_pct) / int(orders.open) == int(orders.open)"]\n'
        'message = "odd"\n'
    )
    rig.start()
    for _ in range(3):
        rig.pass_seconds(10)
        rig.snapshot(risk__daily_loss_pct=-3.0, orders__open=0.0)
        rig.turn()
    assert [line.rule for line in rig.lines("rule_error")] == ["odd"]
    assert ("daily_loss_exceeded", "firing") in rig.told()
    rig.kill()
    rig.start()
    rig.live(10, risk__daily_loss_pct=-3.0, orders__open=0.0)
    assert len(rig.lines("rule_error")) == 1


def test_limits_that_are_off_and_artifacts_of_the_operator_are_facts(new_rig: NewRig) -> None:
    rig = new_rig(config=Config(calendar=Calendar(name="always")))
    rig.start()
    rig.snapshot()
    rig.turn()
    facts = rig.state().facts
    assert facts["limits.positions_count"] is None
    assert facts["limits.teacher_model_age_hours"] == 48.0
    assert facts["limits.snapshot_age_seconds"] == 35.0
