from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from evaluator.instant import Instant
from monitoring.clock import SystemClock
from monitoring.config import Config
from monitoring.process_life import ProcTable, life_of
from monitoring.state import ProcessState, write_state
from tests.monitoring.conftest import small_disk  # noqa: F401 -- a fixture


def test_this_process_lives_and_a_dead_one_does_not() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    now = SystemClock().now()
    table = ProcTable()
    assert table.lives(os.getpid(), now, now)
    assert table.lives(child.pid, now, now)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not table.lives(child.pid, now, now), "a zombie does not live"
    child.wait()
    assert not table.lives(child.pid, now, now)


def test_a_pid_that_was_given_to_a_later_process_is_not_the_writer() -> None:
    now = SystemClock().now()
    long_ago = Instant(now.wall_ms, 1, now.boot_id)
    assert not ProcTable().lives(os.getpid(), long_ago, now)


def test_nobody_lives_across_a_restart_of_the_machine() -> None:
    now = SystemClock().now()
    other = Instant(now.wall_ms, now.boottime_ns, "another boot")
    assert not ProcTable().lives(os.getpid(), other, now)


def test_a_name_with_brackets_and_spaces_is_read_past(tmp_path: Path) -> None:
    folder = tmp_path / "42"
    folder.mkdir()
    (folder / "stat").write_text("42 (evil) Z 1 (x) S " + " ".join(["1"] * 40))
    now = Instant(0, 10**12, "boot")
    assert ProcTable(tmp_path).lives(42, now, now)


def test_who_is_silent_on_a_full_disk_is_not_to_be_killed(small_disk: Path) -> None:  # noqa: F811 -- the fixture
    now = SystemClock().now()
    later = Instant(now.wall_ms + 3_600_000, now.boottime_ns + 3_600 * 10**9, now.boot_id)
    state = ProcessState(
        process="collector", pid=os.getpid(), version="0", started=now, updated=now,
        home="", config=Config(),
    )  # fmt: skip
    write_state(small_disk, state)
    assert life_of(small_disk, "collector", later, ProcTable())[1].word == "stuck"
    with (small_disk / "fill").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(65536))
    assert life_of(small_disk, "collector", later, ProcTable())[1].word == "blocked"
