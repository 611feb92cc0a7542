"""A home with its real processes, and real disks to break under it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitoring.alert_fold import read
from monitoring.alert_line import AlertLine
from monitoring.home import Home
from monitoring.snapshot import Snapshot
from monitoring.snapshots import SnapshotStore
from monitoring.state import ProcessState, read_state

PUPPET = Path(__file__).parents[1] / "end_to_end" / "puppet.py"
SHIM = Path(__file__).with_name("realtime_shim.c")
FOR_EVER_MS = 253_402_300_799_999
SETTINGS = """\
interval_seconds = 0.5
evaluate_seconds = 0.5
poll_seconds = 0.5

[calendar]
name = "always"

[limits]
disk_warning_bytes = 2
disk_critical_bytes = 1
inodes_critical_pct = 0.001
"""


class Monitored:
    """One home: processes to start, signal and wait for, and what they left on disk."""

    def __init__(self, root: Path, outputs: Path | None = None) -> None:
        self.home = Home(root)
        self._outputs = outputs or root
        self.running: list[subprocess.Popen[str]] = []
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith("MONITOR_")}
        self.environ["MONITOR_HOME"] = str(root)
        self.home.settings.write_text(SETTINGS)

    def start(self, *arguments: str, wrapper: tuple[str, ...] = (), **environ: str) -> Any:
        """Start a Python program; its output goes to <its last word>.out."""
        name = Path(arguments[-1]).name
        with (self._outputs / f"{name}.out").open("ab") as out:
            process = subprocess.Popen(
                [*wrapper, sys.executable, *arguments],
                cwd=self.home.root, env=self.environ | environ,
                stdin=subprocess.PIPE, stdout=out, stderr=out, text=True,
            )  # fmt: skip
        self.running.append(process)
        return process

    def collector(self, *wrapper: str, **environ: str) -> Any:
        return self._ready("collector", self.start("-m", "collectors", wrapper=wrapper, **environ))

    def scheduler(self, *wrapper: str, **environ: str) -> Any:
        return self._ready("scheduler", self.start("-m", "scheduler", wrapper=wrapper, **environ))

    def _ready(self, name: str, process: Any) -> Any:
        """Wait until this process, not one before it, has written its state."""

        def is_there() -> bool:
            state = self.state(name)
            assert process.poll() is None, self.said()
            return state is not None and state.pid == process.pid

        self.wait(is_there, f"the {name}")
        return process

    def engine(self, **environ: str) -> Any:
        """Start an engine on a string, see puppet.py."""
        return self.start(str(PUPPET), str(self.home.heartbeat), **environ)

    def tell(self, engine: Any, verb: str, argument: dict[str, object] | None = None) -> None:
        text = msgspec.json.encode(argument).decode() if argument is not None else ""
        engine.stdin.write(f"{verb} {text}\n")
        engine.stdin.flush()

    def append(self, name: str, data: bytes) -> Path:
        self.home.heartbeat.mkdir(parents=True, exist_ok=True)
        file = self.home.heartbeat / name
        with file.open("ab", buffering=0) as out:
            out.write(data)
        return file

    def wait(self, happened: Callable[[], Any], what: str, seconds: float = 90.0) -> Any:
        until = time.monotonic() + seconds
        while not (value := happened()):
            over = time.monotonic() > until
            assert not over or happened(), f"{what} did not come.\n{self.said()[-3000:]}"
            time.sleep(0.05)
        return value

    def said(self) -> str:
        return "".join(out.read_text() for out in sorted(self._outputs.glob("*.out")))

    def state(self, process: str) -> ProcessState | None:
        return read_state(self.home.state, process)

    def degraded(self, process: str) -> str:
        state = self.state(process)
        return "no state yet" if state is None else " ".join(state.degraded)

    def snapshots(self) -> list[Snapshot]:
        store = SnapshotStore(self.home.snapshots)
        return [one for _, one in store.between(0, FOR_EVER_MS)]

    def counted(self) -> int:
        return sum(snapshot.window.ticks for snapshot in self.snapshots())

    def alerts(self) -> list[AlertLine]:
        return [line for line in read(self.home.alerts) if line.kind == "alert"]

    def firing(self, rule: str) -> AlertLine | None:
        lines = (line for line in self.alerts() if (line.rule, line.status) == (rule, "firing"))
        return next(lines, None)

    def monitor(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the operator's command."""
        return subprocess.run(
            [sys.executable, "-m", "scripts.monitor", *arguments],
            cwd=self.home.root, env=self.environ, capture_output=True, text=True,
            check=False, timeout=60,
        )  # fmt: skip

    def stop(self) -> list[int]:
        """End all that runs, in order; return the exit statuses."""
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        return [process.wait(60) for process in self.running]

    def end(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
            if process.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()


@pytest.fixture
def monitored(tmp_path: Path) -> Iterator[Monitored]:
    home = Monitored(tmp_path)
    yield home
    home.end()


Mount = Callable[..., Path]


@pytest.fixture
def mount() -> Iterator[Mount]:
    """Return what mounts on a folder: `mount("/here", "-t", "tmpfs", …)`. Unmounted at the end."""
    mounted: list[Path] = []

    def mount(folder: Path, *options: str | Path) -> Path:
        if os.geteuid() != 0:
            pytest.skip("only root may mount a disk")
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["mount", *options, folder], capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode != 0:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", folder], check=False, timeout=60)


@pytest.fixture
def ext4(tmp_path: Path) -> Path:
    """Return an image with an ext4 file system."""
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("e2fsprogs are not installed")
    image = tmp_path / "ext4.image"
    with image.open("wb") as file:
        file.truncate(32 * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", image], check=True, timeout=60)
    return image


@pytest.fixture
def shim(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a process whose wall clock stands `offset` from the true one."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("a C compiler makes the clock that can be set")
    library = tmp_path / "realtime_shim.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SHIM], check=True)
    (tmp_path / "offset").write_text("0")
    return {"LD_PRELOAD": str(library), "SHIM_OFFSET": str(tmp_path / "offset")}
