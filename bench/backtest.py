"""`monitor rules backtest` over a month of snapshots, beside decoding them and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.processes import peak_bytes
from bench.recording import BEGIN_MS, BOOT, CONFIG, write_month
from bench.row import Row
from evaluator.instant import Instant
from monitoring.home import Home
from monitoring.snapshots import SnapshotStore
from monitoring.state import ProcessState, write_state

MONTH_DAYS = 30
BUDGET_SECONDS = 30
START_SECONDS = 2
"""Of a short run the start of the processes is no small part."""


def run(*, quick: bool) -> list[Row]:
    """Return the whole command beside the bare decoding of the same packed days."""
    days = 3 if quick else MONTH_DAYS
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        count = write_month(home, days)
        _write_state(home)
        began = time.perf_counter()
        for _ in SnapshotStore(home.snapshots).between(0, 2**42):
            pass
        decoded = time.perf_counter() - began
        began = time.perf_counter()
        said, peak_mb = _backtest(home)
        took = time.perf_counter() - began
    if said["snapshots"] != count:
        raise RuntimeError(f"{said['snapshots']} of {count} snapshots were judged")
    fired = sum(len(rule["incidents"]) for rule in said["today"]["rules"])
    what = f"{days} days of 10-second snapshots ({count:,})"
    budget = BUDGET_SECONDS * days / MONTH_DAYS + (START_SECONDS if quick else 0)
    return [
        Row(
            what=f"monitor rules backtest, {what}, {len(os.sched_getaffinity(0))} cores",
            ours=f"{took:.1f} s, {count / took:,.0f}/s, {fired} incidents",
            yardstick=f"their bare decoding, one core {decoded:.1f} s",
            figure=took,
            budget=budget,
            unit="s",
        ),
        Row(
            what="its largest process",
            ours=f"{peak_mb:.0f} MB",
            yardstick=f"{count:,} snapshots",
            figure=peak_mb,
            budget=100,
            unit="MB",
        ),
    ]


def _write_state(home: Home) -> None:
    """Leave the settings where the command finds those that the scheduler runs with."""
    home.state.mkdir(parents=True)
    at = Instant(BEGIN_MS, 10**13, BOOT)
    state = ProcessState(
        process="scheduler", pid=1, version="bench", started=at, updated=at,
        home=str(home.root), config=CONFIG,
    )  # fmt: skip
    write_state(home.state, state)


def _backtest(home: Home) -> tuple[dict[str, Any], float]:
    """Return what the command says, and the peak memory of the largest of its processes."""
    command = [str(Path(sys.executable).with_name("monitor")), "rules", "backtest", "--json"]
    environ = {"MONITOR_HOME": str(home.root), "PATH": os.environ["PATH"], "PYTHONUTF8": "1"}
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(
            [*command, "--since", "2025-10-01T00:00:00Z"], env=environ, stdout=out
        )
        peak = 0
        while child.poll() is None:
            peak = max(peak, _largest_bytes(child.pid))
            time.sleep(0.1)
        if child.returncode != 0:
            raise RuntimeError(f"the backtest ended with {child.returncode}")
        out.seek(0)
        return json.load(out), peak / 1e6


def _largest_bytes(pid: int) -> int:
    """Return the peak memory of the largest of a process and its children."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return max(peak_bytes(one) for one in (pid, *map(int, children)))
    except (FileNotFoundError, ProcessLookupError):
        return 0  # one of them is ending
