from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from monitoring.home import Home

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("module", "name"), [("collectors", "collector"), ("scheduler", "scheduler")]
)
def test_a_switched_off_process_idles_is_told_as_off_and_ends_when_asked(
    monitor, tmp_path: Path, module: str, name: str
) -> None:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    environ = {**os.environ, "MONITOR_HOME": str(home.root), "MONITOR_ENABLED": "false"}
    child = subprocess.Popen(
        [sys.executable, "-m", module], cwd=PROJECT, env=environ, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 20
        while not (home.state / f"{name}.json").exists():
            assert time.monotonic() < deadline, "it never said that it is there"
            time.sleep(0.02)
        done = monitor("health")
        assert done.returncode == 3
        assert "monitoring is switched off" in done.stdout
        assert "OFF " in monitor("status").stdout
        child.send_signal(signal.SIGTERM)
        assert child.wait(5) == 0
    finally:
        child.kill()
        child.wait()
