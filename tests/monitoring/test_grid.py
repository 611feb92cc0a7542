from __future__ import annotations

from evaluator.instant import Instant
from monitoring.grid import Moment, is_due, moments
from monitoring.snapshot import CollectorStatus, Snapshot, file_name

BEGIN_MS = 1_760_250_600_000  # 2025-10-12T06:30Z


def snapshot(seconds: float, boot: str = "b") -> tuple[str, Snapshot]:
    wall_ms = BEGIN_MS + round(seconds * 1000)
    taken = Snapshot(
        snapshot=1, timestamp="", wall_ms=wall_ms, boottime_ns=round(seconds * 1e9), boot_id=boot,
        engine="main", reason="interval", collector=CollectorStatus(app_version="t"),
    )  # fmt: skip
    return file_name(wall_ms), taken


def told(found: list[Moment]) -> list[tuple[str, float, float]]:
    """Return what each moment is, at which second, and how old the newest snapshot is by then."""
    return [
        (
            "snapshot" if one.snapshot is not None else "again" if one.again else "grid",
            (one.at.wall_ms - BEGIN_MS) / 1000,
            one.age_seconds,
        )
        for one in found
    ]


def over(*snapshots: tuple[str, Snapshot]) -> list[tuple[str, float, float]]:
    return told(list(moments(snapshots, 5.0)))


def test_each_snapshot_is_judged_at_its_own_instant_and_the_grid_between_them() -> None:
    assert over(snapshot(0), snapshot(10), snapshot(20)) == [
        ("snapshot", 0, 0), ("again", 0, 0), ("grid", 5, 5),
        ("snapshot", 10, 0), ("again", 10, 0), ("grid", 15, 5),
        ("snapshot", 20, 0), ("again", 20, 0),
    ]  # fmt: skip


def test_a_snapshot_that_is_a_little_early_takes_the_turn_of_the_grid() -> None:
    assert over(snapshot(0), snapshot(4.6), snapshot(6))[2:] == [
        ("snapshot", 4.6, 0), ("again", 4.6, 0), ("snapshot", 6, 0),
    ]  # fmt: skip
    assert is_due(9_500_000_000, 10_000_000_000, 5_000_000_000)
    assert not is_due(9_499_999_999, 10_000_000_000, 5_000_000_000)


def test_in_a_gap_the_newest_snapshot_grows_older() -> None:
    assert over(snapshot(0), snapshot(17))[2:] == [
        ("grid", 5, 5), ("grid", 10, 10), ("grid", 15, 15), ("snapshot", 17, 0),
    ]  # fmt: skip


def test_between_two_boots_there_is_no_grid() -> None:
    assert over(snapshot(0), snapshot(3600, "b2"), snapshot(3607, "b2"))[2:] == [
        ("snapshot", 3600, 0), ("again", 3600, 0), ("grid", 3605, 5), ("snapshot", 3607, 0),
    ]  # fmt: skip


def test_with_each_day_the_grid_begins_anew() -> None:
    midnight = 17.5 * 3600
    found = over(snapshot(midnight - 3), snapshot(midnight + 4), snapshot(midnight + 10))
    assert [(kind, at - midnight) for kind, at, _ in found] == [
        ("snapshot", -3), ("again", -3), ("grid", 2),
        ("snapshot", 4), ("again", 4), ("grid", 9), ("snapshot", 10),
    ]  # fmt: skip


def test_a_wall_clock_that_was_set_changes_no_age() -> None:
    name, taken = snapshot(10)
    taken.wall_ms -= 3_600_000
    found = list(moments([snapshot(0), (name, taken)], 5.0))
    assert [one.age_seconds for one in found] == [0, 0, 5, 0, 0]
    assert found[2].at == Instant(BEGIN_MS + 5000, 5_000_000_000, "b")
