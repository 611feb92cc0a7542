"""The power goes: what was not synced is gone (EXT4_IOC_SHUTDOWN without flushing the journal)."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from monitoring.alert_fold import fold, read

Mount = Any
EXT4_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32), linux/fs/ext4/ext4.h
SELDOM = "loop,commit=600"
"""The journal is written when somebody asks for it, and not every 5 s besides (ext4(5))."""
NEW = "new" * 10_000
APPEND = Path(__file__).parents[1] / "alert_log" / "writer.py"
NO_LOG_FLUSH = 2  # EXT4_GOING_FLAGS_NOLOGFLUSH
WRITE = """
import sys
from pathlib import Path
from monitoring.atomic import write_atomic
write_atomic(Path(sys.argv[1]), sys.argv[2].encode())
"""


class Power:
    """A disk whose power can be cut. What is on it afterwards is what had been synced."""

    def __init__(self, folder: Path, image: Path, mount: Mount) -> None:
        self.folder = folder
        self._image = image
        self._mount = mount
        mount(folder, "-o", SELDOM, image)

    def cut_and_come_back(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        except OSError as fault:
            pytest.skip(f"this kernel cuts no power: {fault.strerror}")
        finally:
            os.close(descriptor)
        subprocess.run(["umount", self.folder], check=True, timeout=60)
        self._mount(self.folder, "-o", SELDOM, self._image)


@pytest.fixture
def power(tmp_path: Path, ext4: Path, mount: Mount) -> Power:
    return Power(tmp_path / "disk", ext4, mount)


def write(path: Path, text: str, *wrapper: str) -> int:
    command = [*wrapper, sys.executable, "-c", WRITE, str(path), text]
    return subprocess.run(command, check=False, timeout=60).returncode


def strace(call: str, nth: int) -> list[str]:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    inject = f"inject={call}:signal=KILL:when={nth}"
    return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject]


@pytest.mark.fault("C2")
def test_what_was_never_synced_is_gone(power: Power) -> None:
    """Without this the other tests here would prove nothing."""
    (power.folder / "plain").write_text("new")
    power.cut_and_come_back()
    assert not (power.folder / "plain").exists()


@pytest.mark.fault("C2")
def test_a_write_that_returned_is_there(power: Power) -> None:
    path = power.folder / "snapshot"
    assert write(path, "old") == 0
    assert write(path, NEW) == 0
    power.cut_and_come_back()
    assert path.read_text() == NEW


@pytest.mark.fault("C2")
def test_an_alert_line_that_was_written_is_there(power: Power) -> None:
    alerts = power.folder / "logs" / "alerts"
    for lines in (1, 2):  # in a file that is new, and in one that is there
        subprocess.run([sys.executable, APPEND, alerts], check=True, timeout=60)
        power.cut_and_come_back()
        assert [line.kind for line in read(alerts)].count("rule_error") == lines
        assert fold(alerts).faults == []


@pytest.mark.fault("C2")
def test_a_name_without_a_sync_of_its_folder_is_gone(power: Power) -> None:
    """As above: the file itself was synced, and still the old one is there."""
    path, temporary = power.folder / "snapshot", power.folder / "temporary"
    assert write(path, "old") == 0
    with temporary.open("wb") as file:
        file.write(b"new")
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    power.cut_and_come_back()
    assert path.read_text() == "old"


@pytest.mark.fault("C2")
@pytest.mark.parametrize(
    ("call", "nth", "seen", "kept"),
    [
        ("fsync", 1, "old", {"old"}),
        ("rename", 1, "old", {"old"}),
        ("fsync", 2, NEW, {"old", NEW}),  # the journal may have been written for another's sake
    ],
    ids=["before the file is synced", "before the rename", "before the folder is synced"],
)
def test_cut_in_the_middle_of_a_write_one_is_there_whole_and_the_new_one_only_if_synced(
    power: Power, call: str, nth: int, seen: str, kept: set[str]
) -> None:
    path = power.folder / "snapshot"
    assert write(path, "old") == 0
    assert write(path, NEW, *strace(call, nth)) != 0, "it was killed there"
    assert path.read_text() == seen
    power.cut_and_come_back()
    assert path.read_text() in kept


@pytest.mark.fault("C2")
def test_a_process_goes_on_from_what_the_disk_kept(power: Power, monitored: Any) -> None:
    data = monitored.home.root / "data"
    data.symlink_to(power.folder)
    line = b'{"kind":"tick","writer":"w1","seq":%d}\n'
    monitored.append("main-w1.jsonl", b"".join(line % seq for seq in range(1, 101)))
    os.sync()  # what the engine wrote: its own disk has it
    collector = monitored.collector()
    monitored.wait(lambda: monitored.counted() == 100, "the ticks")
    before = monitored.snapshots()[-1].snapshot
    collector.kill()
    collector.wait()
    power.cut_and_come_back()
    assert monitored.snapshots()[-1].snapshot >= before, "a snapshot that was there is there"
    monitored.append("main-w1.jsonl", b"".join(line % seq for seq in range(101, 111)))
    monitored.collector()
    monitored.wait(lambda: monitored.counted() >= 110, "all ticks")
    newest = monitored.snapshots()[-1].collector
    assert (monitored.counted(), newest.ticks_lost, newest.ticks_duplicate) == (110, 0, 0)
