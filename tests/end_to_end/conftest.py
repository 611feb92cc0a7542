"""Homes with real processes in them, and the scenarios that all run at the same time.

Most of a lapse is waiting: so every scenario has a home and a thread of its own, all start
together, and the tests look at what each of them recorded.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitoring.alert_line import AlertLine
from monitoring.snapshot import Snapshot
from monitoring.snapshots import SnapshotStore
from scripts.paper.stage import PROJECT

PUPPET = Path(__file__).with_name("puppet.py")
INTERVAL_SECONDS = 1.0
HOURS_TO_NOON = 12 - datetime.now(UTC).hour
# Where it is noon: a day's alerts end at midnight. And this machine's own disk is no subject here.
SETTINGS = f"""\
interval_seconds = {INTERVAL_SECONDS}
evaluate_seconds = 0.5
timezone = "Etc/GMT{-HOURS_TO_NOON:+d}"

[calendar]
name = "always"

[limits]
disk_warning_bytes = 2
disk_critical_bytes = 1
inodes_critical_pct = 0.001
"""
# However long a busy machine takes, an incident is open to the end of its scenario.
RULES = """\
[[rule]]
name = "circuit_breaker_triggered"
keep_firing_for = "1h"
"""
HOLDING = {
    "positions": {"count": 2, "total_value": 150000.0, "symbols": ["TCS", "INFY"]},
    "risk": {"circuit_breaker_active": False, "daily_loss_pct": -0.25},
}


def alert_lines(home: Path) -> list[AlertLine]:
    found = []
    for file in sorted((home / "logs" / "alerts").glob("*.jsonl")):
        whole = file.read_bytes().rpartition(b"\n")[0]
        found += [msgspec.json.decode(line, type=AlertLine) for line in whole.splitlines()]
    return [line for line in found if line.kind == "alert"]


class LiveHome:
    """One home with its collector, its scheduler and an engine on a string."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        (root / "monitor.toml").write_text(SETTINGS)
        (root / "rules.toml").write_text(RULES)
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith("MONITOR_")}
        self.environ["MONITOR_HOME"] = str(root)
        self.running: list[subprocess.Popen[str]] = []
        self.collector = self.start("-m", "collectors")
        self.scheduler = self.start("-m", "scheduler")
        self.engine = self.start(str(PUPPET), str(root / "data" / "heartbeat"))
        self.wait((root / "data" / "state" / "collector.json").is_file, "the collector")
        self.wait((root / "data" / "state" / "scheduler.json").is_file, "the scheduler")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        name = arguments[-1].rpartition("/")[2]
        with (self.root / f"{name}.out").open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.root,
                env=self.environ,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                text=True,
            )
        self.running.append(process)
        return process

    def end(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.running:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()

    def tell(self, verb: str, argument: object = "") -> None:
        assert self.engine.stdin is not None
        text = json.dumps(argument) if isinstance(argument, dict) else str(argument)
        self.engine.stdin.write(f"{verb} {text}\n")
        self.engine.stdin.flush()

    def wait(self, happened: Callable[[], Any], what: str, seconds: float = 90.0) -> Any:
        until = time.monotonic() + seconds
        while not (value := happened()):
            if time.monotonic() > until:
                said = "".join(out.read_text()[-2000:] for out in sorted(self.root.glob("*.out")))
                raise AssertionError(f"{what} did not come within {seconds} s.\n{said}")
            time.sleep(0.1)  # seldom: five of us look, and take the time of those looked at
        return value

    def alerts(self) -> list[AlertLine]:
        return alert_lines(self.root)

    def firing(self, rule: str) -> AlertLine | None:
        lines = (line for line in self.alerts() if (line.rule, line.status) == (rule, "firing"))
        return next(lines, None)

    def newest(self) -> Snapshot:
        found = SnapshotStore(self.root / "data" / "monitoring").newest()
        assert found is not None
        return found[1]

    def wait_for_snapshots(self, more: int) -> None:
        before = self.newest().snapshot
        self.wait(lambda: self.newest().snapshot >= before + more, f"{more} more snapshots")

    def hold_positions(self) -> None:
        self.tell("ticks", HOLDING)
        store = SnapshotStore(self.root / "data" / "monitoring")
        self.wait(
            lambda: sum(one.window.ticks for _, one in store.between(0, 10**14)) >= 5,
            "the first ticks",
        )

    def time_to(self, rule: str) -> tuple[float, AlertLine]:
        began = time.monotonic()
        line = self.wait(lambda: self.firing(rule), rule)
        return time.monotonic() - began, line


Told = dict[str, Any]


def silence(snapshot: Snapshot) -> float:
    age = snapshot.heartbeat.get("age_seconds")
    return age if isinstance(age, float | int) else 0.0


def killed(home: LiveHome) -> Told:
    home.hold_positions()
    home.engine.kill()
    home.engine.wait()
    lapsed = home.time_to("heartbeat_lapsed")
    home.collector.kill()
    stale = home.time_to("collector_stale")
    return {"lapsed": lapsed, "stale": stale}


def frozen(home: LiveHome) -> Told:
    home.hold_positions()
    home.engine.send_signal(signal.SIGSTOP)
    return {"lapsed": home.time_to("heartbeat_lapsed")}


def hung(home: LiveHome) -> Told:
    home.hold_positions()
    home.tell("hang")
    return {"lapsed": home.time_to("heartbeat_lapsed")}


def closed(home: LiveHome) -> Told:
    home.hold_positions()
    home.tell("close", 300)
    home.engine.wait(60)
    # Long past the deadline that would have applied to an engine that just went silent.
    home.wait(lambda: silence(home.newest()) > 17, "silence past the deadline")
    return {"alerts": home.alerts(), "snapshot": home.newest()}


def tripped(home: LiveHome) -> Told:
    tripping = HOLDING | {"risk": {"circuit_breaker_active": True, "daily_loss_pct": -0.3}}
    home.hold_positions()
    home.scheduler.send_signal(signal.SIGSTOP)
    home.tell("once", tripping)
    home.tell("once", HOLDING)
    # The breaker is off again in every later snapshot, and the scheduler sees none of them yet.
    home.wait_for_snapshots(3)
    home.scheduler.send_signal(signal.SIGCONT)
    breaker = home.time_to("circuit_breaker_triggered")

    # What the later snapshots say of it is written before, or else after, the restart: wait for it.
    home.wait(
        lambda: any(
            (line.rule, line.notify) == ("circuit_breaker_triggered", "clearing")
            for line in home.alerts()
        ),
        "the clear snapshots",
    )
    lines = len(home.alerts())
    home.scheduler.terminate()
    home.scheduler.wait(60)
    state = home.root / "data" / "state" / "scheduler.json"
    state.unlink()
    home.scheduler = home.start("-m", "scheduler")
    home.wait(state.is_file, "the second scheduler")
    home.wait_for_snapshots(3)
    return {
        "breaker": breaker,
        "breaker_at_the_end": home.newest().risk["circuit_breaker_active"],
        "after_restart": home.alerts()[lines:],
    }


SCENARIOS: dict[str, Callable[[LiveHome], Told]] = {
    "killed": killed,
    "frozen": frozen,
    "hung": hung,
    "closed": closed,
    "tripped": tripped,
}


def demonstrated(home: Path) -> Told:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "scripts.demo", "--home", str(home)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
        env=os.environ | {"NO_COLOR": "1"},
    )
    return {
        "code": done.returncode,
        "said": done.stdout,
        "complained": done.stderr,
        "seconds": time.monotonic() - began,
        "alerts": alert_lines(home),
    }


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Told]]]:
    """Play every scenario at once; each future holds what it recorded, or why it failed."""
    folder = tmp_path_factory.mktemp("homes")
    homes: list[LiveHome] = []

    def play(name: str) -> Told:
        home = LiveHome(folder / name)
        homes.append(home)
        return SCENARIOS[name](home)

    with ThreadPoolExecutor(len(SCENARIOS) + 1) as pool:
        futures = {name: pool.submit(play, name) for name in SCENARIOS}
        yield futures | {"demo": pool.submit(demonstrated, folder / "demo")}
        pool.shutdown(wait=True)
        for home in homes:
            home.end()
