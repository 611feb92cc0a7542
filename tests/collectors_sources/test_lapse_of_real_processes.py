from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collectors.lapse import Lapse, judge
from collectors.processes import ProcProcesses
from evaluator.instant import Instant
from monitoring.clock import SystemClock
from monitoring.snapshot import WriterMark

CLOCK = SystemClock()
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
pytestmark = needs_proc


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def writer_of(pid: int, silent_seconds: float) -> WriterMark:
    """A writer in this process that was last heard of some seconds ago."""
    now = CLOCK.now()
    ms = int(silent_seconds * 1000)
    heard = Instant(now.wall_ms - ms, now.boottime_ns - ms * 1_000_000, now.boot_id)
    process = ProcProcesses().look(pid)
    assert process is not None
    return WriterMark(
        writer="w",
        pid=pid,
        pid_started=process.started,
        boot_id=now.boot_id,
        interval_seconds=5.0,
        last_tick=heard,
        last_pulse=heard,
    )


def judged(mark: WriterMark) -> Lapse:
    return judge([mark], CLOCK.now(), ProcProcesses(), None)


def test_a_running_process_is_not_gone(child: subprocess.Popen[bytes]) -> None:
    assert judged(writer_of(child.pid, 8)).cause == "ticking"


def test_kill_9_is_process_gone(child: subprocess.Popen[bytes]) -> None:
    mark = writer_of(child.pid, 11)
    child.kill()
    child.wait()

    lapse = judged(mark)

    assert (lapse.cause, lapse.lapsed) == ("process_gone", True)


def test_an_unreaped_zombie_is_process_gone(child: subprocess.Popen[bytes]) -> None:
    mark = writer_of(child.pid, 11)
    child.kill()
    wait_for(lambda: state(child.pid) == "Z")

    assert judged(mark).cause == "process_gone"


def test_sigstop_is_process_frozen_and_sigcont_cures_it(child: subprocess.Popen[bytes]) -> None:
    mark = writer_of(child.pid, 13)
    child.send_signal(signal.SIGSTOP)
    wait_for(lambda: state(child.pid) == "T")

    assert judged(mark).cause == "process_frozen"

    child.send_signal(signal.SIGCONT)
    wait_for(lambda: state(child.pid) != "T")
    assert judged(writer_of(child.pid, 0)).cause == "ticking"


def test_a_pid_that_another_process_has_now_is_process_gone(
    child: subprocess.Popen[bytes],
) -> None:
    mark = writer_of(child.pid, 11)
    assert mark.pid_started is not None
    mark.pid_started -= 100

    assert judged(mark).cause == "process_gone"


def test_the_successor_is_told_by_its_real_start_time(child: subprocess.Popen[bytes]) -> None:
    died = writer_of(child.pid, 30)
    died.writer, died.pid = "died", 2**22 - 1
    again = writer_of(child.pid, 0)
    again.last_tick = None

    lapse = judge([died, again], CLOCK.now(), ProcProcesses(), None)

    assert lapse.cause == "loop_hung"  # the successor pulses, the age goes on from the dead one
    assert lapse.writers == 1


def test_the_start_time_is_the_kernels(child: subprocess.Popen[bytes]) -> None:
    process = ProcProcesses().look(child.pid)
    up_seconds = float(Path("/proc/uptime").read_text().split()[0])

    assert process is not None
    assert process.alive
    assert process.started is not None
    assert process.started / os.sysconf("SC_CLK_TCK") == pytest.approx(up_seconds, abs=30)


@pytest.mark.parametrize(
    ("stat", "alive", "started"),
    [
        (b"7 (a) b) c) S 1 " + b"0 " * 17 + b"4711 0\n", True, 4711),
        (b"7 (x) Z 1 " + b"0 " * 17 + b"4711 0\n", False, 4711),
        (b"7 (x) S 1 2\n", True, None),
        (b"", True, None),
        (b"7 (x) S 1 " + b"0 " * 17 + b"later 0\n", True, None),
    ],
)
def test_a_name_with_brackets_and_a_strange_stat_do_not_mislead(
    tmp_path: Path, stat: bytes, alive: bool, started: int | None
) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_bytes(stat)

    process = ProcProcesses(tmp_path).look(7)

    assert process is not None
    assert (process.alive, process.started) == (alive, started)


def test_a_process_that_may_not_be_looked_at_is_not_called_dead(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").mkdir()  # reading it fails with EISDIR, for root too

    process = ProcProcesses(tmp_path).look(7)

    assert process is not None
    assert process.alive


def test_judging_costs_microseconds() -> None:
    marks = [writer_of(os.getpid(), 8) for _ in range(4)]
    table = ProcProcesses()
    now = CLOCK.now()
    best = min(_timed(lambda: judge(marks, now, table, None)) for _ in range(50))

    assert best < 0.005


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
