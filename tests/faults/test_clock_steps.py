"""The wall clock is set under real processes: an hour back, an hour ahead, a day ahead."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from monitoring.alert_fold import fold, read

Monitored = Any
HOUR_MS = 3_600_000
HOLDING: dict[str, object] = {
    "positions": {"count": 2, "total_value": 150000.0, "symbols": ["TCS"]},
    "risk": {"circuit_breaker_active": False, "daily_loss_pct": -0.25},
}
OF_THE_MACHINE = {"network_down", "disk_low"}
"""What this machine may say of itself, whatever its clock does."""


@pytest.mark.fault("R5", "A5")
def test_a_clock_that_is_set_stops_no_evaluation_and_hides_and_invents_no_lapse(
    monitored: Monitored, shim: dict[str, str]
) -> None:
    monitored.collector(**shim)
    monitored.scheduler(**shim)
    engine = monitored.engine(**shim)
    monitored.tell(engine, "ticks", HOLDING)
    monitored.wait(lambda: monitored.counted() > 5, "ticks")
    offset = Path(shim["SHIM_OFFSET"])

    def set_to(ms: int) -> None:
        before = monitored.state("scheduler")
        offset.write_text(f"{ms:<20}")

        def went_on() -> bool:
            now = monitored.state("scheduler")
            seen = now.updated.wall_ms - before.updated.wall_ms - ms + was[0]
            passed_ms = (now.updated.boottime_ns - before.updated.boottime_ns) / 1e6
            # On the new clock, and several snapshots later.
            return (
                abs(seen - passed_ms) < 1_500 and now.snapshot_number > before.snapshot_number + 3
            )

        monitored.wait(went_on, f"evaluations with the clock {ms} ms off")
        was[0] = ms

    was = [0]
    for ms in (-HOUR_MS, 0, HOUR_MS, HOUR_MS + 24 * HOUR_MS):
        set_to(ms)
    told = {line.rule for line in monitored.alerts() if line.status == "firing"}
    assert told <= OF_THE_MACHINE, "a clock that was set is no lapse, no stale collector"
    numbers = [snapshot.snapshot for snapshot in monitored.snapshots()]
    assert numbers == sorted(set(numbers)), "names and numbers keep their order"

    monitored.tell(engine, "ticks", HOLDING | {"risk": {"circuit_breaker_active": True}})
    monitored.wait(lambda: monitored.firing("circuit_breaker_triggered"), "tomorrow's alert")
    engine.send_signal(signal.SIGSTOP)
    set_to(0)  # more than a day back, in the middle of a true lapse
    line = monitored.wait(lambda: monitored.firing("heartbeat_lapsed"), "the true lapse")
    assert line.context["heartbeat.cause"] == "process_frozen"
    assert 15 <= line.context["heartbeat.age_seconds"] < 40
    assert monitored.stop()[:2] == [0, 0]
    lines = list(read(monitored.home.alerts))
    dates = [line.timestamp[:10] for line in lines]
    assert dates[-1] < max(dates), "the newest line is in the older file"
    assert [line.seq for line in lines] == list(range(1, len(lines) + 1))
    folded = fold(monitored.home.alerts)
    assert (folded.seq, folded.faults) == (len(lines), [])
    assert folded.states["heartbeat_lapsed"].status == "firing"
