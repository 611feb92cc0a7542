from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SLOW = {"pydantic", "cel_expr_python", "loguru", "rich", "httpx2", "apscheduler", "watchdog"}


@pytest.mark.parametrize(
    "command",
    ["--help", "status", "health", "tail --no-follow", "metrics", "facts", "ack nosuch",
     "config show", "market show"],
)  # fmt: skip
def test_what_an_operator_types_imports_nothing_slow(now_house, command: str) -> None:
    now_house.good_day()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "scripts.monitor", *command.split()],
        cwd=PROJECT,
        env={"MONITOR_HOME": str(now_house.home.root), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    imported = {
        name.partition(".")[0] for name in re.findall(r"\| +([\w.]+)$", done.stderr, re.MULTILINE)
    }
    assert "scripts" in imported
    assert imported & SLOW == set()
