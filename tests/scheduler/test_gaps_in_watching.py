"""Time in which nobody watched proves nothing about the engine."""

from __future__ import annotations

from typing import Any

import msgspec

from evaluator.stats import Stats

Rig = Any
FLAT = Stats(count=2, first=5.0, last=5.0, min=5.0, max=5.0, mean=5.0, delta=0.0)


def flat(rig: Rig, seconds: float) -> None:
    """Write a snapshot whose window, of this length, holds two ticks with the same P&L."""
    name = rig.snapshot(pnl__daily=5.0, positions__count=2.0, heartbeat__age_seconds=0.1)
    snapshot = rig.store.read(name)
    snapshot.window.seconds = seconds
    snapshot.window.ticks = 2
    snapshot.window.stats["pnl.daily"] = FLAT
    (rig.home.snapshots / name).write_bytes(msgspec.json.encode(snapshot))


def test_a_night_off_is_no_quarter_of_an_hour_without_a_change_of_pnl(rig: Rig) -> None:
    rig.start()
    flat(rig, 54_000.0)  # the snapshot before was last evening's
    rig.turn()
    for _ in range(3):
        rig.pass_seconds(10)
        flat(rig, 10.0)
        rig.turn()
    assert rig.told("metrics_frozen") == []


def test_a_quarter_of_an_hour_that_was_watched_is_one(rig: Rig) -> None:
    rig.start()
    for _ in range(89):
        flat(rig, 10.0)
        rig.turn()
        rig.pass_seconds(10)
    assert rig.told("metrics_frozen") == [("metrics_frozen", "firing")]


def test_an_engine_that_was_stopped_for_that_long_has_not_stood_still(rig: Rig) -> None:
    rig.start()
    for _ in range(90):
        rig.snapshot(heartbeat__expected=False, heartbeat__cause="stopped_cleanly")
        rig.turn()
        rig.pass_seconds(10)
    for _ in range(3):
        flat(rig, 10.0)
        rig.turn()
        rig.pass_seconds(10)
    assert rig.told("metrics_frozen") == []
