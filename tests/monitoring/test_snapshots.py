"""Snapshots on disk: whole or not at all, in an order that their names show."""

from __future__ import annotations

import errno
import gzip
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from monitoring.packing import pack_days
from monitoring.snapshot import CollectorStatus, Snapshot, Window, file_name
from monitoring.snapshots import SnapshotStore, SnapshotUnreadable

NOON_MS = 1_760_250_600_000
Make = Callable[..., Snapshot]


@pytest.fixture
def make() -> Make:
    def snapshot(number: int, seconds: float | None = None) -> Snapshot:
        wall_ms = NOON_MS + round((number * 10 if seconds is None else seconds) * 1000)
        return Snapshot(
            snapshot=number,
            timestamp="",
            wall_ms=wall_ms,
            boottime_ns=number,
            boot_id="b",
            engine="main",
            reason="interval",
            pnl={"daily": float(number)},
            window=Window(ticks=number, seconds=10.0),
            collector=CollectorStatus(app_version="test"),
        )

    return snapshot


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(tmp_path / "monitoring")


def numbers(store: SnapshotStore) -> list[int]:
    return [one.snapshot for _, one in store.between(0, 10**14)]


def test_what_was_written_is_read_back_whole(store: SnapshotStore, make: Make) -> None:
    name = store.write(make(7))
    assert name == "metrics_20251012T063110.000Z.json" == file_name(NOON_MS + 70_000)
    assert store.read(name) == make(7)
    assert store.newest() == (name, make(7))


@pytest.mark.parametrize("later", [0, -3_600])
def test_names_grow_though_the_clock_does_not(
    store: SnapshotStore, make: Make, later: float
) -> None:
    first = store.write(make(1, 0))
    second = store.write(make(2, later))
    third = SnapshotStore(store.folder).write(make(3, later))
    assert (first[-9:], second[-9:], third[-9:]) == ("000Z.json", "001Z.json", "002Z.json")
    assert store.read(third).wall_ms == make(3, later).wall_ms  # inside stands the true time
    assert numbers(store) == [1, 2, 3]


def test_names_grow_past_those_that_are_packed(store: SnapshotStore, make: Make) -> None:
    for number in (1, 2):
        store.write(make(number))
    pack_days(store.folder, "99991231")
    for name in store.names_after(None):
        (store.folder / name).unlink()
    assert SnapshotStore(store.folder).write(make(3, 0)) > file_name(NOON_MS + 10_000)


def test_a_stranger_of_the_next_name_is_left_alone(store: SnapshotStore, make: Make) -> None:
    store.write(make(1, 0))
    (store.folder / file_name(NOON_MS + 5_000)).symlink_to("/etc/hostname")
    assert store.write(make(2, 5)) == file_name(NOON_MS + 5_001)
    assert (store.folder / file_name(NOON_MS + 5_000)).is_symlink()


@pytest.mark.fault("C3")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\0" * 4096, "empty"),
        (b'{"version":1,"snap', "truncated"),
        (b"\xff\xfe garbage", "malformed"),
        (b"[]", "array"),
        (b'{"version":99}', "format 99, this version reads 1"),
        (b'{"version":0}', "format 0, this version reads 1"),
        (b"[" * 100_000, ""),
    ],
)
def test_the_newest_that_can_be_read_is_taken_and_the_others_named(
    store: SnapshotStore, make: Make, content: bytes, words: str
) -> None:
    good = store.write(make(1))
    bad = file_name(NOON_MS + 99_000)
    (store.folder / bad).write_bytes(content)
    assert store.newest() == (good, make(1))
    (reason,) = store.skipped
    assert reason.startswith(bad)
    assert words in reason
    with pytest.raises(SnapshotUnreadable):
        store.read(bad)


def test_a_folder_full_of_strangers_is_no_snapshot(store: SnapshotStore, make: Make) -> None:
    store.folder.mkdir(parents=True)
    base = file_name(NOON_MS)
    (store.folder / base).mkdir()
    os.mkfifo(store.folder / file_name(NOON_MS + 1))
    (store.folder / file_name(NOON_MS + 2)).symlink_to("/dev/zero")
    strangers = (
        "metrics_.json",
        "metrics_20251399T000000.000Z.json",
        base + ".bak",
        "x" * 200,
        "metrics_20251012T250000.000Z.json",
        "METRICS_20251012T063110.000Z.JSON",
    )
    for name in strangers:
        (store.folder / name).write_text("{}")
    assert store.names_after(None) == []
    assert store.newest() is None
    name = store.write(make(1))
    assert store.names_after(None) == [name]
    assert len(list(store.folder.iterdir())) == 10


def test_what_is_no_regular_file_or_too_large_is_refused_unread(store: SnapshotStore) -> None:
    store.folder.mkdir(parents=True)
    pipe, huge = file_name(NOON_MS), file_name(NOON_MS + 1)
    os.mkfifo(store.folder / pipe)
    with (store.folder / huge).open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    with pytest.raises(SnapshotUnreadable, match="not a regular file"):
        store.read(pipe)
    with pytest.raises(SnapshotUnreadable, match="too large"):
        store.read(huge)
    with pytest.raises(SnapshotUnreadable) as gone:
        store.read(file_name(NOON_MS + 2))
    assert gone.value.gone


def test_names_after_one_are_the_later_ones_in_order(store: SnapshotStore, make: Make) -> None:
    names = [store.write(make(number)) for number in range(5)]
    assert store.names_after(names[2]) == names[3:]
    assert SnapshotStore(store.folder / "none").names_after(None) == []


def test_a_folder_that_was_removed_is_made_again(store: SnapshotStore, make: Make) -> None:
    store.write(make(1))
    shutil.rmtree(store.folder)
    store.write(make(2))
    assert numbers(store) == [2]


def test_a_full_disk_is_an_error_and_leaves_nothing(
    small_disk: Path, fill: Callable[[Path], None], make: Make
) -> None:
    store = SnapshotStore(small_disk / "monitoring")
    store.write(make(1))
    fill(small_disk)
    big = msgspec.structs.replace(make(2), custom={f"x{one}": 1.0 for one in range(20_000)})
    with pytest.raises(OSError, match="No space") as full:
        store.write(big)
    assert full.value.errno == errno.ENOSPC
    assert [path.name for path in store.folder.iterdir()] == store.names_after(None)
    (small_disk / "filler").unlink()
    store.write(make(3))
    assert numbers(store) == [1, 3]


WRITER = """
import sys, pathlib
from monitoring.snapshot import CollectorStatus, Snapshot, Window
from monitoring.snapshots import SnapshotStore
store = SnapshotStore(pathlib.Path(sys.argv[1]))
newest = store.newest()
number = 0 if newest is None else newest[1].snapshot
while True:
    number += 1
    custom = {f"x{one}": float(number) for one in range(300)}
    store.write(Snapshot(snapshot=number, timestamp="", wall_ms=1_760_250_600_000 + number * 10,
        boottime_ns=1, boot_id="b", engine="main", reason="interval", custom=custom,
        window=Window(ticks=1, seconds=1.0), collector=CollectorStatus(app_version="test")))
    print(number, flush=True)
"""


@pytest.mark.fault("C1")
def test_a_writer_that_is_killed_leaves_whole_snapshots_alone(store: SnapshotStore) -> None:
    dice = random.Random(5)
    said = 0
    for _ in range(8):
        command = [sys.executable, "-c", WRITER, str(store.folder)]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        assert writer.stdout.readline()  # it writes
        time.sleep(dice.uniform(0, 0.03))
        writer.send_signal(signal.SIGKILL)
        rest = writer.communicate()[0].split()
        said = max([said, *map(int, rest)])
        newest = store.newest()
        assert store.skipped == []
        assert newest is not None
        assert newest[1].snapshot >= said  # whatever was said to be written is there
    assert numbers(store) == list(range(1, len(numbers(store)) + 1))
    store.write(newest[1])
    assert not list(store.folder.glob(".*"))


@pytest.mark.fault("C2")
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_snapshot_is_synced_before_it_has_its_name_and_its_name_after(tmp_path: Path) -> None:
    script = WRITER.replace("while True:", "for _ in range(1):")
    trace = tmp_path / "trace"
    subprocess.run(
        ["strace", "-f", "-qq", "-y", "-e", "trace=fsync,rename,renameat,renameat2,unlink",
         "-o", str(trace), sys.executable, "-c", script, str(tmp_path / "s")],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    calls = [line.split(None, 1)[1] for line in trace.read_text().splitlines() if "/s" in line]
    names = [call.split("(")[0] for call in calls if "metrics_" in call or call.startswith("fsync")]
    assert [one for one in names if one != "unlink"] == ["fsync", "rename", "fsync"]


def test_a_span_is_read_once_over_packs_and_loose_files(store: SnapshotStore, make: Make) -> None:
    for number in range(40):
        store.write(make(number, number * 7_200))  # twelve a day
    pack_days(store.folder, "20251014")
    assert len(store.packs()) == 2
    assert numbers(store) == list(range(40))
    span = store.between(NOON_MS + 8 * 7_200_000, NOON_MS + 20 * 7_200_000)
    assert [one.snapshot for _, one in span] == list(range(8, 21))


def test_a_damaged_pack_is_told_and_the_other_days_are_read(
    store: SnapshotStore, make: Make
) -> None:
    for number in range(30):
        store.write(make(number, number * 7_200))
    pack_days(store.folder, "20251014")
    pack = store.packs()[0]
    with gzip.open(pack) as file:
        whole = file.read()
    pack.write_bytes(gzip.compress(whole)[:-200])
    found = numbers(store)
    assert found[-12:] == list(range(18, 30))
    assert any("damaged from here on" in one for one in store.skipped)


def test_a_reader_sees_every_snapshot_once_while_the_day_is_packed(
    store: SnapshotStore, make: Make
) -> None:
    for number in range(30):
        store.write(make(number))
    reading = store.between(0, 10**14)
    seen = [next(reading)[1].snapshot for _ in range(5)]
    pack_days(store.folder, "20251013")
    seen += [one.snapshot for _, one in reading]
    assert seen == list(range(30))
