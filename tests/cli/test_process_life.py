from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from evaluator.instant import Instant
from monitoring.clock import SystemClock
from scripts.cli.process_life import ProcTable


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
