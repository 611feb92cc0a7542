"""The demo's processes: started in a home of their own, and never left behind.

Linux is relied on twice: a child asks to be signalled when the demo dies (PR_SET_PDEATHSIG),
and the demo adopts what its children leave behind (PR_SET_CHILD_SUBREAPER), see prctl(2).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from scripts.children import dies_with_us, end, prctl

PR_SET_CHILD_SUBREAPER = 36
PROJECT = Path(__file__).resolve().parents[2]
MARKER = ".tickbeat-demo"
"""A file that says: this folder is the demo's, it may be wiped."""


class StageError(Exception):
    """The demo can't go on; the message says why and what to do."""


class Stage:
    """A fresh home and the processes in it; leaving the context ends every one of them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.honcho: subprocess.Popen[bytes] | None = None
        self.engine: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        # What the operator has set for a real home must not reach into this one.
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith("MONITOR_")}
        self.environ["MONITOR_HOME"] = str(home)
        self.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def __enter__(self) -> Stage:
        self._lock = take_home(self.home)
        self.processes_log.parent.mkdir()
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        return self

    def __exit__(self, *_: object) -> None:
        for child, patience_seconds in ((self.engine, 3.0), (self.honcho, 8.0)):
            if child is not None:
                end(child, patience_seconds)
        _end_the_rest(seconds=5.0)
        if self._lock is not None:
            os.close(self._lock)

    @property
    def processes_log(self) -> Path:
        """What the monitor's processes print."""
        return self.home / "logs" / "processes.log"

    def start_monitor(self) -> None:
        """Start the Procfile's processes under honcho, as `make run` does."""
        # honcho reads .env files: the operator's own is for the operator's own home.
        command = [sys.executable, "-m", "honcho", "--env", os.devnull, "--app-root", str(PROJECT)]
        with self.processes_log.open("ab") as log:
            self.honcho = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
                [*command, "--no-colour", "start"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environ,
                start_new_session=True,
                preexec_fn=dies_with_us(signal.SIGTERM),  # noqa: PLW1509 - no threads here
            )

    def start_engine(self, *arguments: str) -> None:
        """Start the paper engine; what it prints goes to `logs/engine.log`."""
        with (self.home / "logs" / "engine.log").open("ab") as log:
            self.engine = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
                [sys.executable, "-m", "scripts.demo_engine", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=PROJECT,
                env=self.environ,
                start_new_session=True,
                preexec_fn=dies_with_us(signal.SIGKILL),  # noqa: PLW1509 - no threads here
            )

    def signal_engine(self, number: signal.Signals) -> None:
        """Send the engine a signal."""
        if self.engine is not None:
            self.engine.send_signal(number)

    def end_engine(self) -> None:
        """Ask the engine to stop, and wait until it has."""
        if self.engine is not None:
            end(self.engine, 5.0)

    def monitor(self, *arguments: str) -> str:
        """Run the operator's command and return what it prints, diagnostics included."""
        done = subprocess.run(  # noqa: S603 - our own interpreter and arguments
            [sys.executable, "-m", "scripts.monitor", *arguments],
            cwd=PROJECT,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
        return done.stdout.decode(errors="replace")

    def check_alive(self) -> None:
        """Raise `StageError` with the end of its log if a process of the demo has died."""
        for child, name, log in (
            (self.honcho, "the collector, the scheduler or the notifier", self.processes_log),
            (self.engine, "the paper engine", self.home / "logs" / "engine.log"),
        ):
            if child is not None and child.poll() is not None:
                tail = "\n    ".join(log.read_text(errors="replace").splitlines()[-15:])
                raise StageError(f"{name} ended by itself. The end of {log}:\n    {tail}")


def take_home(home: Path) -> int:
    """Empty the demo's folder and return the lock that keeps a second demo out of it."""
    marker = home / MARKER
    if home.is_symlink() or (home.exists() and not home.is_dir()):
        raise StageError(f"{home} is not a folder of the demo: remove it, or choose another --home")
    if home.is_dir() and any(home.iterdir()) and not marker.is_file():
        raise StageError(
            f"{home} holds files that are not the demo's, so it is not wiped: choose another --home"
        )
    home.mkdir(parents=True, exist_ok=True)
    lock = os.open(marker, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise StageError(f"another demo is running in {home}: wait for its end") from None
    for entry in home.iterdir():
        if entry == marker:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    return lock


def _end_the_rest(seconds: float) -> None:
    """Kill and reap whatever is still below this process, such as a killed honcho's children."""
    until = time.monotonic() + seconds
    while (left := _descendants(os.getpid())) and time.monotonic() < until:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.02)


def _descendants(root: int) -> list[int]:
    """Return the pids of all processes below `root`, read from `/proc/<pid>/stat` (proc(5))."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name in parentheses may itself hold spaces and parentheses.
            parent = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found
