"""Packing past days: whatever is interrupted, every snapshot is there once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from monitoring.packing import pack_days
from monitoring.snapshot import CollectorStatus, Snapshot, Window
from monitoring.snapshots import SnapshotStore

NOON_MS = 1_760_250_600_000
DAY = "20251012"


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return filled(tmp_path / "monitoring", 60)


def filled(folder: Path, count: int) -> SnapshotStore:
    store = SnapshotStore(folder)
    for number in range(count):
        wall_ms = NOON_MS + number * 1000
        store.write(
            Snapshot(
                snapshot=number, timestamp="", wall_ms=wall_ms, boottime_ns=1, boot_id="b",
                engine="main", reason="interval", window=Window(ticks=1, seconds=1.0),
                collector=CollectorStatus(app_version="test"),
            )
        )  # fmt: skip
    return store


def numbers(store: SnapshotStore) -> list[int]:
    return [one.snapshot for _, one in store.between(0, 10**14)]


def test_a_past_day_becomes_one_file_and_the_newest_stays_loose(store: SnapshotStore) -> None:
    report = pack_days(store.folder, "20251013")
    assert (report.days, report.snapshots, report.left) == ([DAY], 59, [])
    assert [path.name for path in store.packs()] == [f"metrics_{DAY}.jsonl.gz"]
    assert len(store.names_after(None)) == 1
    assert numbers(store) == list(range(60))


def test_a_day_that_is_packed_late_is_as_old_as_what_is_in_it(store: SnapshotStore) -> None:
    for second, name in enumerate(store.names_after(None)):
        os.utime(store.folder / name, (1_760_000_000 + second, 1_760_000_000 + second))
    report = pack_days(store.folder, "20251013")
    (pack,) = store.folder.glob("*.gz")
    assert pack.stat().st_mtime == 1_760_000_000 + report.snapshots - 1


def test_a_day_that_is_not_over_is_left_alone(store: SnapshotStore) -> None:
    assert pack_days(store.folder, DAY).days == []
    assert len(store.names_after(None)) == 60


def test_a_run_that_has_nothing_to_do_does_nothing(store: SnapshotStore) -> None:
    pack_days(store.folder, "20251013")
    before = store.packs()[0].stat()
    assert pack_days(store.folder, "20251013").days == []
    assert store.packs()[0].stat() == before
    assert pack_days(store.folder / "none", "20251013").days == []


def test_late_comers_are_added_to_their_day(store: SnapshotStore) -> None:
    pack_days(store.folder, "20251013")
    late = filled(store.folder.with_name("other"), 62)
    for name in late.names_after(None)[-3:]:
        (late.folder / name).rename(store.folder / name)
    assert pack_days(store.folder, "20251013").snapshots == 2
    assert numbers(store) == list(range(62))


def test_what_is_no_snapshot_stays_and_is_named(store: SnapshotStore) -> None:
    name = store.names_after(None)[3]
    (store.folder / name).write_text("{")
    report = pack_days(store.folder, "20251013")
    assert [one.split(":")[0] for one in report.left] == [name]
    assert (store.folder / name).read_text() == "{"
    assert numbers(store) == [*range(3), *range(4, 60)]


def test_one_that_differs_from_the_packed_one_of_its_name_is_kept(store: SnapshotStore) -> None:
    name = store.names_after(None)[3]
    other = (store.folder / name).read_bytes().replace(b'"ticks":1', b'"ticks":2')
    pack_days(store.folder, "20251013")
    (store.folder / name).write_bytes(other)
    report = pack_days(store.folder, "20251013")
    assert report.left == [f"{name}: differs from the one in metrics_{DAY}.jsonl.gz"]
    assert (store.folder / name).read_bytes() == other


def test_a_damaged_pack_costs_no_loose_file(store: SnapshotStore) -> None:
    pack = store.folder / f"metrics_{DAY}.jsonl.gz"
    pack.write_bytes(b"not gzip")
    report = pack_days(store.folder, "20251013")
    assert "the loose snapshots of that day stay as they are" in report.left[0]
    assert pack.read_bytes() == b"not gzip"
    assert numbers(store) == list(range(60))


def test_a_full_disk_loses_nothing(small_disk: Path, fill: Callable[[Path], None]) -> None:
    store = filled(small_disk / "monitoring", 60)
    fill(small_disk)
    with pytest.raises(OSError, match="No space"):
        pack_days(store.folder, "20251013")
    assert numbers(store) == list(range(60))
    assert not list(store.folder.glob(".*"))
    (small_disk / "filler").unlink()
    pack_days(store.folder, "20251013")
    assert numbers(store) == list(range(60))


PACKER = """
import sys, pathlib
from monitoring.packing import pack_days
print("go", flush=True)
pack_days(pathlib.Path(sys.argv[1]), "20251013")
"""


def test_a_packer_that_is_killed_anywhere_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    store = filled(tmp_path / "monitoring", 400)
    dice = random.Random(3)
    for _ in range(12):
        packer = subprocess.Popen(
            [sys.executable, "-c", PACKER, str(store.folder)], stdout=subprocess.PIPE
        )
        assert packer.stdout is not None
        packer.stdout.readline()
        time.sleep(dice.uniform(0, 0.06))
        packer.send_signal(signal.SIGKILL)
        packer.communicate()
        assert numbers(store) == list(range(400))
    pack_days(store.folder, "20251013")
    assert numbers(store) == list(range(400))
    assert not list(store.folder.glob(".*"))
    assert len(store.names_after(None)) == 1
