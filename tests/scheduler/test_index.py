"""The history index follows the snapshots, whatever clock named them."""

from __future__ import annotations

from typing import Any

from monitoring.history import query
from scheduler.housekeeping import Housekeeping

Rig = Any
YEAR_SECONDS = 365 * 86_400.0


def indexed(rig: Rig) -> int:
    Housekeeping(rig.home, rig.config, rig.clock, lambda: None).index()
    end_ms = rig.clock.now().wall_ms + 1
    (series,) = query(rig.home.history, ["pnl.daily"], end_ms - 86_400_000, end_ms, 1_000)
    return len(series.points)


def test_snapshots_whose_names_a_wrong_clock_put_ahead_are_indexed_by_their_true_time(
    rig: Rig,
) -> None:
    rig.snapshot(pnl__daily=1.0)
    rig.clock.wall_ahead_seconds = YEAR_SECONDS
    rig.pass_seconds(10)
    ahead = rig.snapshot(pnl__daily=2.0)
    rig.clock.wall_ahead_seconds = 0.0
    for _ in range(3):
        rig.pass_seconds(10)
        assert rig.snapshot(pnl__daily=3.0) > ahead
    assert indexed(rig) == 4
    rig.pass_seconds(10)
    rig.snapshot(pnl__daily=3.0)
    assert indexed(rig) == 5


def test_snapshots_after_those_from_the_future_were_deleted_are_indexed(rig: Rig) -> None:
    rig.snapshot(pnl__daily=1.0)
    rig.clock.wall_ahead_seconds = YEAR_SECONDS
    rig.pass_seconds(10)
    ahead = rig.snapshot(pnl__daily=2.0)
    assert indexed(rig) == 1
    (rig.home.snapshots / ahead).unlink()
    rig.clock.wall_ahead_seconds = 0.0
    rig.store = type(rig.store)(rig.home.snapshots)  # a collector that was restarted
    rig.pass_seconds(10)
    rig.snapshot(pnl__daily=3.0)
    assert indexed(rig) == 2
