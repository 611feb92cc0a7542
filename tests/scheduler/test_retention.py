"""Old files go, to the second, and neither a wrong clock nor a stranger's file is taken for one."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from evaluator.instant import Instant
from monitoring.alert_log import AlertLog, Notice
from monitoring.config import Config
from monitoring.home import Home
from monitoring.snapshot import CollectorStatus, Snapshot, file_name
from monitoring.snapshots import PackedLine
from scheduler.retention import DAY_MS, RetentionRefused, Swept, sweep_alerts, sweep_snapshots

NOW_MS = 1_760_207_400_000  # 2025-10-12T00:00+05:30, 2025-10-11T18:30Z
CONFIG = Config()
METRICS_MS = 30 * DAY_MS


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.snapshots.mkdir(parents=True)
    home.alerts.mkdir(parents=True)
    return home


def snapshot(home: Home, taken_ms: int, content_ms: int | None = None) -> Path:
    path = home.snapshots / file_name(taken_ms)
    path.write_bytes(msgspec.json.encode(made(content_ms or taken_ms)))
    return aged(path, taken_ms)


def made(taken_ms: int) -> Snapshot:
    return Snapshot(
        snapshot=1,
        timestamp="",
        wall_ms=taken_ms,
        boottime_ns=0,
        boot_id="b",
        engine="main",
        reason="interval",
        collector=CollectorStatus(app_version="test"),
    )


def pack(home: Home, day: str, *taken_ms: int) -> Path:
    path = home.snapshots / f"metrics_{day}.jsonl.gz"
    lines = [
        PackedLine(file_name(one), msgspec.Raw(msgspec.json.encode(made(one)))) for one in taken_ms
    ]
    path.write_bytes(gzip.compress(b"".join(msgspec.json.encode(line) + b"\n" for line in lines)))
    return aged(path, taken_ms[-1])


def alert_file(home: Home, days_ago: int) -> Path:
    log = AlertLog(home.alerts, "main", "Asia/Kolkata")
    at = Instant(NOW_MS - days_ago * DAY_MS + 3_600_000, 0, "b")
    log.open(at)
    log.append([Notice(kind="rule_error", reason="x")], at, 1)
    log.close()
    day = datetime.fromtimestamp(at.wall_ms / 1000, UTC) + timedelta(hours=5.5)
    return aged(home.alerts / f"{day:%Y-%m-%d}.jsonl", at.wall_ms)


def aged(path: Path, at_ms: int) -> Path:
    os.utime(path, (at_ms / 1000, at_ms / 1000))
    return path


def keep_recent(home: Home) -> None:
    for hours in (0, 12, 25):
        snapshot(home, NOW_MS - hours * 3_600_000)


def sweep(home: Home, now_ms: int = NOW_MS) -> Swept:
    return sweep_snapshots(home, CONFIG, now_ms)


@pytest.mark.fault("S3")
def test_a_second_decides_on_either_side_of_the_limit(home: Home) -> None:
    keep_recent(home)
    old = snapshot(home, NOW_MS - METRICS_MS - 1000)
    limit = snapshot(home, NOW_MS - METRICS_MS)
    young = snapshot(home, NOW_MS - METRICS_MS + 1000)
    assert sweep(home).removed == (old.name,)
    assert limit.exists()
    assert young.exists()


@pytest.mark.parametrize("younger", ["mtime", "content", "name"])
def test_a_file_goes_only_when_name_content_and_mtime_all_say_that_it_is_old(
    home: Home, younger: str
) -> None:
    keep_recent(home)
    old_ms, new_ms = NOW_MS - METRICS_MS - DAY_MS, NOW_MS - DAY_MS
    path = snapshot(
        home,
        new_ms if younger == "name" else old_ms,
        new_ms if younger == "content" else old_ms,
    )
    aged(path, new_ms if younger == "mtime" else old_ms)
    assert sweep(home).removed == ()


def test_content_that_can_not_be_read_has_no_say(home: Home) -> None:
    keep_recent(home)
    path = snapshot(home, NOW_MS - METRICS_MS - DAY_MS)
    path.write_bytes(b"\0" * 50)
    aged(path, NOW_MS - METRICS_MS - DAY_MS)
    assert sweep(home).removed == (path.name,)


def test_a_packed_day_goes_when_its_last_second_is_too_old(home: Home) -> None:
    keep_recent(home)
    midnight_ms = NOW_MS - NOW_MS % DAY_MS
    day_ms = midnight_ms - METRICS_MS - DAY_MS
    day = f"{datetime.fromtimestamp(day_ms / 1000, UTC):%Y%m%d}"
    path = pack(home, day, day_ms, day_ms + 1000)
    assert sweep(home, midnight_ms).removed == ()
    assert sweep(home, midnight_ms + 1000).removed == (path.name,)


def test_a_damaged_pack_counts_by_what_can_be_read(home: Home) -> None:
    keep_recent(home)
    old_ms = NOW_MS - METRICS_MS - 3 * DAY_MS
    path = pack(home, "20250907", old_ms)
    path.write_bytes(path.read_bytes()[:-12])
    aged(path, old_ms)
    assert sweep(home).removed == (path.name,)


@pytest.mark.fault("S3")
def test_strangers_stay(home: Home) -> None:
    keep_recent(home)
    old_ms = NOW_MS - METRICS_MS - DAY_MS
    name = file_name(old_ms)
    target = home.root / "precious"
    target.write_text("x")
    (home.snapshots / name).symlink_to(target)
    (home.snapshots / file_name(old_ms + 1)).mkdir()
    for other in (f"{name}.bak", f".{name}.tmp", "metrics_x.json", "metrics_20259999.jsonl.gz"):
        aged_file = home.snapshots / other
        aged_file.write_text("{}")
        aged(aged_file, old_ms)
    before = sorted(os.listdir(home.snapshots))
    assert sweep(home).removed == ()
    assert sorted(os.listdir(home.snapshots)) == before
    assert target.exists()


@pytest.mark.fault("S3")
def test_strangers_among_the_alerts_stay(home: Home) -> None:
    keep_recent(home)
    alert_file(home, 0)
    target = home.root / "precious"
    target.write_text("x")
    (home.alerts / "2024-01-01.jsonl").symlink_to(target)
    (home.alerts / "2024-01-02.jsonl").mkdir()
    for other in (
        "2024-01-03.jsonl.bak",
        ".2024-01-04.jsonl",
        "2024-13-45.jsonl",
        "2024-1-5.jsonl",
    ):
        (home.alerts / other).write_text("{}")
    for one in home.alerts.iterdir():
        os.utime(one, (1, 1), follow_symlinks=False)
    before = sorted(os.listdir(home.alerts))
    assert sweep_alerts(home, CONFIG, NOW_MS).removed == ()
    assert sorted(os.listdir(home.alerts)) == before
    assert target.exists()


def test_no_folder_is_nothing_to_do(tmp_path: Path) -> None:
    assert sweep(Home(tmp_path)) == Swept((), 0)
    assert sweep_alerts(Home(tmp_path), CONFIG, NOW_MS) == Swept((), 0)


def test_the_newest_snapshot_stays_whatever_its_age(home: Home) -> None:
    newest = snapshot(home, NOW_MS - 100 * DAY_MS)
    older = snapshot(home, NOW_MS - 101 * DAY_MS)
    assert sweep(home).removed == (older.name,)
    assert newest.exists()


def test_a_backlog_goes_two_days_a_night_the_oldest_first(home: Home) -> None:
    keep_recent(home)
    paths = [snapshot(home, NOW_MS - METRICS_MS - (7 - day) * DAY_MS) for day in range(7)]
    swept = sweep(home)
    assert swept == Swept((paths[0].name, paths[1].name), 5)
    assert sweep(home).days_left == 3


def test_a_clock_a_year_ahead_deletes_nothing_and_says_why(home: Home) -> None:
    for hours in range(0, 29 * 24, 12):
        snapshot(home, NOW_MS - hours * 3_600_000)
    for days in range(5):
        alert_file(home, days)
    ahead_ms = NOW_MS + 365 * DAY_MS
    snapshot(home, ahead_ms)  # what the collector has written since the clock was set
    before = sorted(os.listdir(home.snapshots))
    with pytest.raises(RetentionRefused, match="is the clock right"):
        sweep(home, ahead_ms)
    with pytest.raises(RetentionRefused, match="is the clock right"):
        sweep_alerts(home, CONFIG, ahead_ms)
    assert sorted(os.listdir(home.snapshots)) == before
    assert len(os.listdir(home.alerts)) == 5


def test_after_a_month_off_it_waits_for_a_day_of_snapshots_and_then_goes_on(home: Home) -> None:
    for days in range(40, 60):
        snapshot(home, NOW_MS - days * DAY_MS)
    snapshot(home, NOW_MS)
    with pytest.raises(RetentionRefused):
        sweep(home)
    snapshot(home, NOW_MS + DAY_MS + 1)
    assert len(sweep(home, NOW_MS + DAY_MS + 2).removed) == 2


def test_alerts_go_a_second_after_their_last_day_is_too_old(home: Home) -> None:
    keep_recent(home)
    old, young = alert_file(home, 91), alert_file(home, 90)
    alert_file(home, 0)
    assert sweep_alerts(home, CONFIG, NOW_MS).removed == ()  # that day ended 90 days ago
    assert sweep_alerts(home, CONFIG, NOW_MS + 1000).removed == (old.name,)
    assert young.exists()


def test_the_file_that_the_state_is_read_from_stays_whatever_its_age(home: Home) -> None:
    keep_recent(home)
    alert_file(home, 120)
    alert_file(home, 110)
    newest = alert_file(home, 100)
    sweep_alerts(home, CONFIG, NOW_MS)
    assert os.listdir(home.alerts) == [newest.name]


def test_a_file_with_newer_lines_than_its_name_stays(home: Home) -> None:
    keep_recent(home)
    alert_file(home, 100)
    alert_file(home, 0)
    late = alert_file(home, 100)  # the clock was wrong: newest by seq, oldest by name
    assert sweep_alerts(home, CONFIG, NOW_MS).removed == ()
    assert late.exists()


def test_a_folder_of_thousands_takes_little_memory(home: Home) -> None:
    # What a night takes at most is what the process keeps: its heap hardly ever shrinks.
    files = 2_000
    for number in range(files):
        (home.snapshots / file_name(NOW_MS + number)).touch()
    tracemalloc.start()
    try:
        assert sweep(home, NOW_MS).removed == ()
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 400 * files
