"""What systemd's watchdog hears of real processes."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

Monitored = Any
PERIOD_SECONDS = 1.5
ENVIRON = {"WATCHDOG_USEC": str(round(PERIOD_SECONDS * 1e6))}


class Listener:
    """systemd's end of the socket: which words came when."""

    def __init__(self, address: Path) -> None:
        self.address = address
        self.words: list[tuple[float, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(address))

    def has(self, word: str, since: float = 0.0) -> int:
        while True:
            try:
                data = self._socket.recv(4096)
            except BlockingIOError:
                break
            self.words += [(time.monotonic(), one) for one in data.decode().split("\n")]
        return sum(one == word and at >= since for at, one in self.words)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    one = Listener(tmp_path / "notify")
    yield one
    one.close()


@pytest.mark.fault("P5")
@pytest.mark.parametrize("module", ["collectors", "scheduler"])
def test_a_process_tells_that_it_is_ready_lives_hangs_and_stops(
    monitored: Monitored, listener: Listener, module: str
) -> None:
    # Loops that wait for longer than the watchdog does are woken for it.
    monitored.home.settings.write_text(
        "interval_seconds = 60\nevaluate_seconds = 60\npoll_seconds = 60\n"
        '[calendar]\nname = "always"\n'
    )
    process = monitored.start(
        "-m", module, **ENVIRON, NOTIFY_SOCKET=str(listener.address), WATCHDOG_PID=""
    )
    monitored.wait(lambda: listener.has("READY=1"), "READY=1")
    monitored.wait(lambda: listener.has("WATCHDOG=1") >= 4, "the watchdog's pings")

    process.send_signal(signal.SIGSTOP)
    monitored.wait(lambda: state_of(process) == "T", "the stop")
    listener.has("")  # what was on its way
    stopped = time.monotonic()
    time.sleep(PERIOD_SECONDS)
    assert listener.has("WATCHDOG=1", since=stopped) == 0
    process.send_signal(signal.SIGCONT)
    monitored.wait(lambda: listener.has("WATCHDOG=1", since=stopped), "a ping after that")

    process.terminate()
    assert process.wait(60) == 0
    assert listener.has("STOPPING=1") == 1
    assert listener.has("READY=1") == 1


def test_a_process_that_is_switched_off_is_ready_and_lives(
    monitored: Monitored, listener: Listener
) -> None:
    monitored.start(
        "-m", "scheduler", **ENVIRON, NOTIFY_SOCKET=str(listener.address), MONITOR_ENABLED="false"
    )
    monitored.wait(lambda: listener.has("WATCHDOG=1") >= 3, "the watchdog's pings")
    assert listener.has("READY=1") == 1
    assert listener.has("STATUS=switched off: MONITOR_ENABLED is false") == 1


def state_of(process: Any) -> str:
    """Return the state of a process's main thread, as proc_pid_stat(5) names it."""
    stat = Path(f"/proc/{process.pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0]


def is_held_up(process: Any) -> bool:
    """Tell whether it waits for a disk, and not only for a moment."""
    for _ in range(20):
        if state_of(process) != "D":
            return False
        time.sleep(0.01)
    return True


def pinged(listener: Listener) -> bool:
    return listener.has("WATCHDOG=1") >= 3


@pytest.mark.fault("P5")
@pytest.mark.skipif(shutil.which("fsfreeze") is None, reason="fsfreeze is not installed")
def test_a_loop_that_its_disk_holds_up_is_not_said_to_live(
    monitored: Monitored, tmp_path: Path, ext4: Path, mount: Any
) -> None:
    # All other threads go on meanwhile: only the loop may say that the process lives.
    disk = mount(tmp_path / "disk", "-o", "loop", ext4)
    for name in ("data", "logs"):
        (disk / name).mkdir()
        (monitored.home.root / name).symlink_to(disk / name)
    listeners, processes = [], []
    for module in ("collectors", "scheduler"):
        listener = Listener(tmp_path / module)
        process = monitored.start("-m", module, **ENVIRON, NOTIFY_SOCKET=str(listener.address))
        processes.append(process)
        listeners.append(listener)
    for listener in listeners:
        monitored.wait(partial(pinged, listener), "the watchdog's pings")

    # Under way before the freeze: no failure of this test may leave the disk frozen.
    thaw = subprocess.Popen(["sh", "-c", 'sleep 60; fsfreeze -u "$0" 2>&-', disk])
    subprocess.run(["fsfreeze", "-f", disk], check=True)
    try:
        for process in processes:
            monitored.wait(partial(is_held_up, process), "a write that the freeze holds up", 50)
        for listener in listeners:
            listener.has("")  # what was on its way
        held_up = time.monotonic()
        time.sleep(PERIOD_SECONDS)
        pings = [listener.has("WATCHDOG=1", since=held_up) for listener in listeners]
    finally:
        subprocess.run(["fsfreeze", "-u", disk], check=True)
        thaw.kill()
        thaw.wait()
    for listener in listeners:
        more = partial(listener.has, "WATCHDOG=1", since=time.monotonic())
        monitored.wait(more, "a ping after the thaw")
        listener.close()
    assert pings == [0, 0]
