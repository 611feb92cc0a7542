"""One process of a kind on a home, and no lock outlives its process."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitoring.lock import AlreadyRunning, ProcessLock

HOLD = """
import sys
from pathlib import Path
from monitoring.lock import AlreadyRunning, ProcessLock
lock = ProcessLock(Path(sys.argv[1]), sys.argv[2])
try:
    lock.acquire()
except AlreadyRunning as error:
    print(error, flush=True)
    sys.exit(2)
print("has it", flush=True)
sys.stdin.read()
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return what starts a process that takes the lock, says so, and holds it."""
    started: list[subprocess.Popen[str]] = []

    def begin(folder: Path, process: str = "collector") -> subprocess.Popen[str]:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder), process],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(holder)
        return holder

    yield begin
    for holder in started:
        holder.kill()
        holder.communicate(timeout=60)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip()


def test_a_second_process_is_refused_and_told_the_pid_of_the_first(
    tmp_path: Path, start: Start
) -> None:
    first = start(tmp_path)
    assert said(first) == "has it"
    second = start(tmp_path)
    assert said(second) == (
        f"a collector already runs on this home (pid {first.pid}): stop it first, or set "
        "MONITOR_HOME to another folder"
    )
    assert second.wait(60) == 2
    assert first.poll() is None


def test_the_refusal_carries_the_process_and_the_pid(tmp_path: Path, start: Start) -> None:
    first = start(tmp_path)
    assert said(first) == "has it"
    with pytest.raises(AlreadyRunning) as refused:
        ProcessLock(tmp_path, "collector").acquire()
    assert (refused.value.process, refused.value.pid) == ("collector", first.pid)


def test_a_refused_process_leaves_the_pid_of_the_first_in_place(
    tmp_path: Path, start: Start
) -> None:
    first = start(tmp_path)
    assert said(first) == "has it"
    for _ in range(2):
        with pytest.raises(AlreadyRunning) as refused:
            ProcessLock(tmp_path, "collector").acquire()
        assert refused.value.pid == first.pid


def test_the_lock_file_of_a_killed_process_is_free(tmp_path: Path, start: Start) -> None:
    first = start(tmp_path)
    assert said(first) == "has it"
    first.send_signal(signal.SIGKILL)
    first.wait(60)
    assert (tmp_path / "collector.lock").read_text() == f"{first.pid}\n"
    second = start(tmp_path)
    assert said(second) == "has it"
    assert (tmp_path / "collector.lock").read_text() == f"{second.pid}\n"


def test_a_pid_that_was_longer_leaves_no_digits_behind(tmp_path: Path) -> None:
    (tmp_path / "collector.lock").write_text("99999999999\n")
    lock = ProcessLock(tmp_path, "collector")
    lock.acquire()
    assert (tmp_path / "collector.lock").read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_lock_is_free_once_it_is_released(tmp_path: Path) -> None:
    first, second = ProcessLock(tmp_path, "collector"), ProcessLock(tmp_path, "collector")
    first.acquire()
    with pytest.raises(AlreadyRunning):
        second.acquire()
    first.release()
    second.acquire()
    second.release()
    second.release()


def test_collector_and_scheduler_and_other_homes_are_not_in_each_others_way(
    tmp_path: Path, start: Start
) -> None:
    running = [
        start(tmp_path / "a", "collector"),
        start(tmp_path / "a", "scheduler"),
        start(tmp_path / "b", "collector"),
    ]
    assert [said(process) for process in running] == ["has it"] * 3


def test_a_child_of_the_holder_does_not_keep_the_lock(tmp_path: Path) -> None:
    lock = ProcessLock(tmp_path, "collector")
    lock.acquire()
    child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        lock.release()
        again = ProcessLock(tmp_path, "collector")
        again.acquire()
        again.release()
    finally:
        child.kill()
        child.wait(60)


@pytest.mark.parametrize("text", ["", "nonsense\n", "12x\n"])
def test_a_holder_whose_pid_cannot_be_read_is_refused_all_the_same(
    tmp_path: Path, text: str
) -> None:
    lock = ProcessLock(tmp_path, "scheduler")
    lock.acquire()
    (tmp_path / "scheduler.lock").write_text(text)
    with pytest.raises(AlreadyRunning, match=r"a scheduler already runs .*\(pid unknown\)") as one:
        ProcessLock(tmp_path, "scheduler").acquire()
    assert one.value.pid is None
    lock.release()


def test_the_lock_is_taken_on_a_full_disk_though_the_pid_has_no_room(
    small_disk: Path, fill: Callable[[Path], None]
) -> None:
    fill(small_disk)
    first = ProcessLock(small_disk, "collector")
    first.acquire()
    assert (small_disk / "collector.lock").read_bytes() == b""
    with pytest.raises(AlreadyRunning, match="pid unknown"):
        ProcessLock(small_disk, "collector").acquire()
    first.release()


def test_the_folder_is_made_and_the_file_is_closed_to_strangers(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "state"
    lock = ProcessLock(folder, "collector")
    lock.acquire()
    assert stat.S_IMODE((folder / "collector.lock").stat().st_mode) & 0o007 == 0
    lock.release()


@pytest.mark.fault("O5")
def test_a_symlink_in_place_of_the_lock_file_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "collector.lock").symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        ProcessLock(tmp_path, "collector").acquire()
    assert target.read_text() == "precious"
