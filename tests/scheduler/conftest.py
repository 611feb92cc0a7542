"""A home with real files, a clock that the test moves, and schedulers that come and go on it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evaluator.instant import Instant
from evaluator.stats import Stats
from monitoring.alert_fold import read
from monitoring.alert_line import AlertLine
from monitoring.bell import Bell
from monitoring.config import Calendar, Config
from monitoring.home import Home
from monitoring.settings import Settings
from monitoring.snapshot import CollectorStatus, Snapshot, Window
from monitoring.snapshots import SnapshotStore
from monitoring.spool import Request, submit
from monitoring.state import ProcessState, read_state
from scheduler.process import Process

BEGIN_MS = 1_760_250_600_000  # 2025-10-12T12:00+05:30
ALWAYS = Calendar(name="always")
CONFIG = Config(interval_seconds=10.0, evaluate_seconds=5.0, calendar=ALWAYS)

RULES = """
[[rule]]
name = "breaker"
severity = "CRITICAL"
when = ["window.risk.circuit_breaker_active.any"]
keep_firing_for = "0s"
message = "breaker"

[[rule]]
name = "slow"
severity = "WARNING"
when = ["risk.daily_loss_pct <= -1.0"]
for = "30s"
keep_firing_for = "60s"
message = "loss {risk.daily_loss_pct}"

[[rule]]
name = "hourly"
severity = "WARNING"
when = ["window.orders.rejected.delta >= 5.0"]
window = "10m"
no_data = "ok"
message = "{window.orders.rejected.delta} rejected"
"""


class Hand:
    """A clock that stands until it is moved; boottime and wall may part."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.wall_ahead_seconds = 0.0
        self.boot_id = "boot-1"

    def now(self) -> Instant:
        return Instant(
            BEGIN_MS + round((self.seconds + self.wall_ahead_seconds) * 1000),
            10**13 + round(self.seconds * 1e9),
            self.boot_id,
        )


def stats_of(values: dict[str, Any]) -> dict[str, Stats]:
    found = {}
    for name, value in values.items():
        if isinstance(value, bool):
            found[name] = Stats(count=1, last=float(value), any=value, all=value)
        elif isinstance(value, float):
            found[name] = Stats(
                count=1, first=value, last=value, min=value, max=value, mean=value, delta=value
            )
    return found


class Rig:
    """One home. Facts are given by dotted names; what the window saw may differ from the last."""

    def __init__(self, root: Path, config: Config = CONFIG, rules: str | None = RULES) -> None:
        self.home = Home(root)
        self.config = config
        self.clock = Hand()
        self.store = SnapshotStore(self.home.snapshots)
        self.number = 0
        self.stopping = False
        self.process: Process | None = None
        root.mkdir(parents=True, exist_ok=True)
        if rules is not None:
            self.home.rules.write_text(rules)

    def snapshot(self, seen: dict[str, Any] | None = None, **facts: Any) -> str:
        """Write a snapshot of now; `a__b=1.0` is the fact `a.b`."""
        values = {name.replace("__", "."): value for name, value in facts.items()}
        self.number += 1
        now = self.clock.now()
        snapshot = Snapshot(
            snapshot=self.number,
            timestamp="",
            wall_ms=now.wall_ms,
            boottime_ns=now.boottime_ns,
            boot_id=now.boot_id,
            engine="main",
            reason="interval",
            heartbeat={
                "age_seconds": 0.1,
                "deadline_seconds": 15.0,
                "expected": True,
                "cause": "ticking",
            },
            positions={"count": 0.0},
            last={"positions": {"count": 0.0}},
            window=Window(ticks=1, seconds=10.0, stats=stats_of(values | (seen or {}))),
            collector=CollectorStatus(
                app_version="test", network_up=True, disk_free_bytes=9e9, inodes_free_pct=90.0
            ),
        )
        for name, value in values.items():
            group, _, field = name.partition(".")
            part = getattr(snapshot, group)
            if isinstance(part, dict):
                part[field] = value
            else:
                setattr(part, field, value)
        return self.store.write(snapshot)

    def end(self) -> None:
        if self.process is not None:
            self.process.close()
            self.process = None

    def start(self) -> Process:
        self.end()
        settings = Settings(config=self.config, breeze=None, secrets_set=())
        self.process = Process(self.home, settings, Bell(), lambda: self.stopping, self.clock)
        return self.process

    def turn(self) -> None:
        assert self.process is not None
        self.process.turn()

    def kill(self, *, state: bool = True) -> None:
        """Forget the process as kill -9 does; without `state`, its state file with it."""
        self.end()
        if not state:
            (self.home.state / "scheduler.json").unlink()

    def pass_seconds(self, seconds: float) -> None:
        self.clock.seconds += seconds

    def live(self, seconds: float, **facts: Any) -> None:
        """Let time pass as it does: a snapshot every ten seconds, a grid turn every five."""
        for step in range(1, round(seconds / 5) + 1):
            self.pass_seconds(5)
            if step % 2 == 0:
                self.snapshot(**facts)
            if self.process is not None:
                self.turn()

    def ask(self, id_: str, target: str, **fields: Any) -> Path:
        request = Request(
            id=id_, action="ack", target=target, by="asha", at_ms=self.clock.now().wall_ms
        )
        return submit(self.home.spool, msgspec.structs.replace(request, **fields))

    def lines(self, kind: str | None = "alert") -> list[AlertLine]:
        return [line for line in read(self.home.alerts) if kind in (None, line.kind)]

    def told(self, rule: str | None = None) -> list[tuple[str, str | None]]:
        return [(one.rule, one.status) for one in self.lines() if rule in (None, one.rule)]

    def state(self) -> ProcessState:
        state = read_state(self.home.state, "scheduler")
        assert state is not None
        return state


@pytest.fixture
def new_rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(**options: Any) -> Rig:
        rig = Rig(tmp_path / f"home{len(made)}", **options)
        made.append(rig)
        return rig

    yield make
    for rig in made:
        rig.end()


@pytest.fixture
def rig(new_rig: Callable[..., Rig]) -> Rig:
    return new_rig()


class Daemon:
    """`python -m scheduler` on a home of its own."""

    def __init__(self, root: Path, settings: str, environ: dict[str, str]) -> None:
        self.root = root
        self.home = Home(root)
        self.store = SnapshotStore(self.home.snapshots)
        self.environ = environ
        root.mkdir(parents=True, exist_ok=True)
        self.home.settings.write_text(settings)
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *(arguments or ("-m", "scheduler"))],
            env=self.environ | {"MONITOR_HOME": str(self.root)} | environ,
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def wait(self, happened: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
        until = time.monotonic() + seconds
        while not (value := happened()):
            assert time.monotonic() < until, f"{what} did not come within {seconds} s"
            time.sleep(0.01)
        return value

    def state(self) -> ProcessState | None:
        return read_state(self.home.state, "scheduler")

    def ready(self, process: subprocess.Popen[str]) -> ProcessState:
        def is_up() -> ProcessState | None:
            state = self.state()
            return state if state is not None and state.pid == process.pid else None

        found = self.wait(is_up, "the state file")
        assert isinstance(found, ProcessState)
        return found

    def stop(self, process: subprocess.Popen[str], seconds: float = 60.0) -> tuple[int, str]:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=seconds)
        return process.returncode, said

    def end(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it runs under strace too
            process.communicate()


SETTINGS = """\
interval_seconds = 1.0
evaluate_seconds = 0.5

[calendar]
name = "always"
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MONITOR_")}
    made = Daemon(tmp_path / "home", SETTINGS, environ)
    yield made
    made.end()
