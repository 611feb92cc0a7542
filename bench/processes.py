"""The real processes on a home, and what the kernel says that they use."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from monitoring.home import Home
from monitoring.state import read_state

MODULES = {"collector": "collectors", "scheduler": "scheduler"}


@contextmanager
def monitors(
    home: Home, settings: str, rules: str = "", modules: Mapping[str, str] = MODULES
) -> Iterator[dict[str, int]]:
    """Run a collector and a scheduler, or others, on the home; yields pids by their names."""
    home.settings.write_text(settings)
    home.rules.write_text(rules)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MONITOR_")}
    processes = {
        name: subprocess.Popen(
            [sys.executable, "-m", module],
            env=environ | {"MONITOR_HOME": str(home.root)},
            stdout=subprocess.DEVNULL,
            stderr=(home.root / f"{name}.stderr").open("w"),
        )
        for name, module in modules.items()
    }
    try:
        for name, process in processes.items():
            until(lambda: _state_pid(home, name) == process.pid, f"the {name}", 60)  # noqa: B023 -- called at once
        yield {name: process.pid for name, process in processes.items()}
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait(10)


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Return the memory that a process has now. Raises ProcessLookupError when it is ending."""
    return _status_kib(pid, "VmRSS:") * 1024


def peak_bytes(pid: int) -> int:
    """Return the most memory that it ever had. Raises ProcessLookupError when it is ending.

    Not what wait4(2) says: that begins with the memory of whoever started the process.
    """
    return _status_kib(pid, "VmHWM:") * 1024


def until(happened: Callable[[], bool], what: str, seconds: float) -> None:
    """Wait for something. Raises TimeoutError, naming it."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.01)


def _state_pid(home: Home, name: str) -> int | None:
    state = read_state(home.state, name)
    return None if state is None else state.pid


def _status_kib(pid: int, name: str) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError as gone:
        raise ProcessLookupError(pid) from gone
    words = status.partition(name)[2].split()
    if not words:  # a zombie has none
        raise ProcessLookupError(pid)
    return int(words[0])
