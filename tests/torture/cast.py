"""The three processes: started, hurt, and started again as a supervisor would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ENGINE = Path(__file__).with_name("engine.py")
RESTART_SECONDS = 0.3


class Actor:
    """One process. `ends` are the exit statuses of those that ended by themselves."""

    def __init__(self, name: str, command: list[str], home: Path, outputs: Path) -> None:
        self.name = name
        self.kills = 0
        self.ends: list[tuple[float, int]] = []
        self._command = command
        self._home = home
        self._out = outputs / f"{name}.out"
        self._due = 0.0
        self._environ = {k: v for k, v in os.environ.items() if not k.startswith("MONITOR_")}
        self._environ["MONITOR_HOME"] = str(home)
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with self._out.open("ab") as out:
            self.process = subprocess.Popen(
                self._command, cwd=self._home, env=self._environ,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )  # fmt: skip

    def watch(self) -> None:
        """Start it again a moment after it ended by itself."""
        if self.process is None:
            if time.monotonic() >= self._due:
                self.start()
            return
        status = self.process.poll()
        if status is not None:
            self.ends.append((time.time(), status))
            self.process = None
            self._due = time.monotonic() + RESTART_SECONDS

    def kill(self) -> bool:
        """Kill it; tell whether it was there."""
        if self.process is None:
            return False
        self.process.send_signal(signal.SIGKILL)
        killed = self.process.wait() == -signal.SIGKILL
        self.kills += killed
        if not killed:  # it had just ended by itself
            self.ends.append((time.time(), self.process.returncode))
        self.process = None
        self._due = 0.0
        return killed

    @property
    def said(self) -> str:
        """All that it wrote to stdout and stderr."""
        return self._out.read_text(errors="replace")

    def end_hard(self) -> None:
        """Leave nothing running."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def pause(self, *, on: bool) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    def end(self, seconds: float = 60.0) -> int | None:
        """Ask it to end; return its exit status."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        return self.process.wait(seconds)


def cast(home: Path, condition: Path, outputs: Path) -> dict[str, Actor]:
    """Start an engine, a collector and a scheduler on a home."""
    engine = [sys.executable, str(ENGINE), str(home / "data" / "heartbeat"), str(condition)]
    return {
        "engine": Actor("engine", engine, home, outputs),
        "collector": Actor("collector", [sys.executable, "-m", "collectors"], home, outputs),
        "scheduler": Actor("scheduler", [sys.executable, "-m", "scheduler"], home, outputs),
    }
