"""What is called for a file event raises, in the thread that reads the events."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from collectors.wakeup import HeartbeatWatch
from monitoring.bell import Bell
from monitoring.clock import SystemClock


def inotify_descriptors() -> int:
    found = 0
    for file in Path("/proc/self/fdinfo").iterdir():
        try:
            found += "\ninotify " in file.read_text()
        except OSError:  # closed since
            continue
    return found


@pytest.mark.fault("T10")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_watch_is_armed_again_and_leaks_no_descriptor(tmp_path: Path) -> None:
    main = threading.current_thread()
    heard: list[int] = []

    class Raising(Bell):
        def ring(self) -> None:
            if threading.current_thread() is main:
                return  # the watch itself rings when it was armed
            heard.append(1)
            if len(heard) <= 3:
                raise RuntimeError("a handler that raises")

    before = inotify_descriptors()
    watch = HeartbeatWatch(tmp_path, Raising(), pytest.fail)
    clock = SystemClock().now
    deadline = time.monotonic() + 60
    try:
        while len(heard) <= 5:
            assert time.monotonic() < deadline
            watch.check(clock(), found=False, rung=False)
            (tmp_path / "file").write_bytes(b"x")
            time.sleep(0.02)
        assert watch.fault is None
        assert inotify_descriptors() - before == 1
    finally:
        watch.close()
