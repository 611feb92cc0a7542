"""Processes that share a folder, fork, run out of things, or are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests import unmeasured

Read = Callable[..., list[dict[str, Any]]]
Until = Callable[[Callable[[], object]], None]
Engine = Callable[..., subprocess.CompletedProcess[str]]

TICKS = """
import sys
from tickbeat import HeartbeatWriter
heartbeat = HeartbeatWriter(sys.argv[1])
for number in range(int(sys.argv[2])):
    heartbeat.record_tick({"custom": {"number": number}})
"""


@pytest.mark.fault("W7")
def test_four_processes_of_one_engine_write_four_files(tmp_path: Path, read: Read) -> None:
    command = [sys.executable, "-c", TICKS, str(tmp_path), "500"]
    engines = [subprocess.Popen(command) for _ in range(4)]
    assert [engine.wait(60) for engine in engines] == [0] * 4
    assert len(list(tmp_path.iterdir())) == 4
    counts = Counter(tick["writer"] for tick in read(tmp_path, "tick"))
    assert sorted(counts.values()) == [500] * 4


def test_an_exit_writes_what_is_queued_and_does_not_look_planned(
    engine: Engine, tmp_path: Path, read: Read
) -> None:
    engine(TICKS, tmp_path, 1000)
    assert len(read(tmp_path, "tick")) == 1000
    assert read(tmp_path, "close") == []


@pytest.mark.fault("W8")
def test_a_fork_gets_a_writer_and_a_file_of_its_own_and_neither_hangs(
    engine: Engine, tmp_path: Path, read: Read
) -> None:
    out = engine(
        """
import os, sys, threading, time, warnings
from tickbeat import HeartbeatWriter
warnings.simplefilter("ignore")  # Python 3.12 warns of any fork beside a thread
heartbeat = HeartbeatWriter(sys.argv[1])
closed = HeartbeatWriter(sys.argv[1], "closed")
closed.close()
stop = threading.Event()
def others():
    while not stop.is_set():
        heartbeat.record_tick({"custom": {"from": "thread"}})
        while heartbeat.stats().queued > 1000:  # a bare loop is faster than the disk, and drops
            time.sleep(0.001)
thread = threading.Thread(target=others)
thread.start()
children = []
for number in range(10):
    heartbeat.record_tick({"custom": {"from": "parent"}})
    child = os.fork()
    if child == 0:
        for _ in range(100):
            heartbeat.record_tick({"custom": {"from": f"child {number}"}})
        closed.record_tick()
        if number < 5:
            grandchild = os.fork()
            if grandchild == 0:
                os._exit(0)
            os.waitpid(grandchild, 0)
        heartbeat.close("child is done", timeout_seconds=30)
        os._exit(0)
    children.append(child)
stop.set()
thread.join()
for child in children:
    assert os.waitpid(child, 0)[1] == 0
heartbeat.close(timeout_seconds=30)
print(heartbeat.stats().writer, heartbeat.stats().dropped)
""",
        tmp_path,
        env=unmeasured.environ(),
    )
    parent, dropped = out.stdout.split()
    ticks = read(tmp_path, "tick")
    by_writer = Counter(
        tick["writer"] for tick in ticks if tick["custom"]["from"].startswith("child")
    )
    assert sorted(by_writer.values()) == [100] * 10
    assert parent not in by_writer
    assert dropped == "0"
    written = [tick["seq"] for tick in ticks if tick["writer"] == parent]
    assert written == list(range(1, len(written) + 1))
    headers = {line["writer"]: line for line in read(tmp_path, "header")}
    assert len({headers[writer]["pid"] for writer in by_writer}) == 10
    for writer in by_writer:
        seqs = [tick["seq"] for tick in ticks if tick["writer"] == writer]
        assert headers[writer]["first_seq"] == seqs[0]
        assert seqs == list(range(seqs[0], seqs[0] + 100))
    assert len([line for line in read(tmp_path, "close") if line["reason"]]) == 10


@pytest.mark.fault("W9")
@pytest.mark.parametrize("kills", [40, pytest.param(1000, marks=pytest.mark.long)])
@pytest.mark.timeout(900)
def test_engines_killed_in_mid_stream_leave_clean_prefixes(tmp_path: Path, kills: int) -> None:
    program = """
import sys
from tickbeat import HeartbeatWriter
for start in range(1000):
    pass
heartbeat = HeartbeatWriter(sys.argv[1])
number = 0
while True:
    number += 1
    heartbeat.record_tick({"custom": {"number": number}})
"""
    for number in range(kills):
        folder = tmp_path / str(number)
        command = [sys.executable, "-S", "-c", program, str(folder)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        engine = subprocess.Popen(command, env=environment)
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size > 5000 for path in folder.glob("*.jsonl")):
            assert time.monotonic() < deadline
            assert engine.poll() is None
        time.sleep(number % 8 / 2000)
        (file,) = folder.iterdir()
        written = file.read_bytes()  # by writes that returned, or are about to
        engine.send_signal(signal.SIGKILL)
        engine.wait()
        left = file.read_bytes()
        assert left.startswith(written)
        *whole, _torn = left.split(b"\n")
        lines = [msgspec.json.decode(line) for line in whole]
        file.unlink()
        assert lines[0]["kind"] == "header"
        seqs = [line["seq"] for line in lines[1:]]
        # A full queue may have dropped ticks, never have written one twice or out of order.
        assert seqs == sorted(set(seqs))
        assert all(line["custom"]["number"] == line["seq"] for line in lines[1:])


@pytest.mark.fault("W5")
def test_without_file_descriptors_trading_goes_on_and_writing_comes_back(
    engine: Engine, tmp_path: Path, read: Read
) -> None:
    done = engine(
        """
import os, sys, time
from tickbeat import HeartbeatWriter
import logging
logging.basicConfig(format="%(levelname)s", stream=sys.stdout, level=logging.WARNING)
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
taken = []
try:
    while True:
        taken.append(os.dup(0))
except OSError:
    pass
heartbeat = HeartbeatWriter(sys.argv[1])
heartbeat.record_tick({"pnl": {"daily": 1.0}})
while heartbeat.stats().write_errors < 2:
    time.sleep(0.01)
for descriptor in taken:
    os.close(descriptor)
while heartbeat.stats().fault:
    time.sleep(0.01)
heartbeat.close()
""",
        tmp_path,
    )
    assert done.stdout.split() == ["WARNING"]
    assert len(read(tmp_path, "tick")) == 1


@pytest.mark.fault("W5")
def test_without_threads_trading_goes_on_and_writing_comes_back(
    engine: Engine, tmp_path: Path, read: Read
) -> None:
    done = engine(
        """
import logging, resource, sys, time
from tickbeat import HeartbeatWriter
logging.basicConfig(format="%(levelname)s", stream=sys.stdout, level=logging.WARNING)
# No room for a thread's stack: what RLIMIT_NPROC does to anybody but root.
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + 2_000_000, resource.RLIM_INFINITY))
heartbeat = HeartbeatWriter(sys.argv[1])
for _ in range(100):
    heartbeat.record_tick({"pnl": {"daily": 1.0}})
assert "thread" in heartbeat.stats().fault, heartbeat.stats()
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
while heartbeat.stats().fault:
    heartbeat.record_tick()
    time.sleep(0.05)
heartbeat.close()
""",
        tmp_path,
    )
    assert done.stdout.split() == ["WARNING"]
    assert len([tick for tick in read(tmp_path, "tick") if "pnl" in tick]) == 100


@pytest.mark.fault("W5")
def test_at_its_file_size_limit_trading_goes_on_and_drops_are_told_afterwards(
    engine: Engine, tmp_path: Path, read: Read
) -> None:
    done = engine(
        """
import logging, resource, sys, time
from tickbeat import HeartbeatWriter
logging.basicConfig(format="%(levelname)s", stream=sys.stdout, level=logging.WARNING)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
heartbeat = HeartbeatWriter(sys.argv[1], queue_ticks=50)
while heartbeat.stats().dropped < 100:
    heartbeat.record_tick({"pnl": {"daily": 1.0}})
    time.sleep(0.001)
assert heartbeat.stats().queued < 200
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
while heartbeat.stats().fault:
    time.sleep(0.01)
heartbeat.record_tick()
heartbeat.close()
print(heartbeat.stats().last_seq, heartbeat.stats().dropped)
""",
        tmp_path,
    )
    warning, last_seq, dropped = done.stdout.split()
    (file,) = tmp_path.iterdir()
    lines, torn = [], 0
    for text in file.read_bytes().splitlines():
        try:
            lines.append(msgspec.json.decode(text))
        except msgspec.DecodeError:
            torn += 1
    seqs = [line["seq"] for line in lines if line["kind"] == "tick"]
    assert warning == "WARNING"
    assert torn == 1
    assert seqs == sorted(set(seqs))
    assert len(seqs) == int(last_seq) - int(dropped)
    (pulse, *_) = [line for line in lines if line["kind"] == "pulse"]
    assert pulse["dropped"] > 0
    assert pulse["write_errors"] > 0


def test_a_reader_that_is_stopped_changes_nothing(tmp_path: Path, read: Read, until: Until) -> None:
    from tickbeat import HeartbeatWriter  # noqa: PLC0415 - the only test of this file in-process

    reader = subprocess.Popen(["tail", "-F", str(tmp_path)], stderr=subprocess.DEVNULL)
    reader.send_signal(signal.SIGSTOP)
    try:
        with HeartbeatWriter(tmp_path) as heartbeat:
            for _ in range(10_000):
                heartbeat.record_tick({"custom": {"a": 1}})
            until(lambda: heartbeat.stats().queued == 0)
        assert heartbeat.stats().dropped == 0
    finally:
        reader.kill()
        reader.wait()
    assert len(read(tmp_path, "tick")) == 10_000
