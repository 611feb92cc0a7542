"""A day of real processes, compressed: does the memory or the number of descriptors of one grow?

Time passes faster for the processes (see fast_clock.c), and nothing else about them is changed: so
a day's snapshots, evaluations, jobs, pulses and probes, its two midnights, its nightly packing and
purge all happen, in minutes. It begins at one at night: so the memory that a night's work takes,
and that is kept from then on, belongs to the first quarter at whatever hour this is run.

Not compressed is what the kernel does: a sync takes as long as ever, which is more of a second. So
what fell short of a day for that is counted, and has a limit too.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from bench.fast_clock import FastClock
from bench.recording import DAY_MS
from bench.row import Row
from bench.soak_engine import PER_SECOND, SILENT_SECONDS
from bench.soak_home import EVALUATE_SECONDS, INTERVAL_SECONDS, RULES, environ, make, wait_for
from monitoring.alert_fold import read
from monitoring.home import Home
from monitoring.snapshots import SnapshotStore
from monitoring.state import JobState, read_state
from tests.breeze_stub import SESSION_KEY, Stub

FACTOR = 80
"""A day takes 18 minutes. Twice as much leaves two busy cores too little time for a day's work."""

BEGIN_AT_MS = 70_200_000
"""19:30 UTC, 01:00 in Kolkata: nightly jobs run from 02:30 on."""
SAMPLE_SECONDS = 0.5
WARM_HOURS = 0.25
"""Processes start as slowly as ever: so long by their clock nothing is compared."""
GROWTH_MB = 2.0
MISSED_PCT = 5.0
LAST_MS = 253_402_300_799_999


def run(*, quick: bool) -> list[Row]:
    """Live through a day (`quick`: through two hours); compare its last quarter with its first."""
    with tempfile.TemporaryDirectory(prefix="tickbeat-soak-") as folder, Stub() as breeze:
        home = Home(Path(folder))
        begin_ms = (time.time_ns() // 1_000_000 // DAY_MS + 1) * DAY_MS + BEGIN_AT_MS
        make(home, breeze.url, begin_ms)
        soak = Soak(home, 2 if quick else 24, begin_ms)
        soak.live()
        print(soak.events(len(breeze.asked())), file=sys.stderr)
        return soak.rows()


class Soak:
    """The processes of one home, and what each was seen to hold from time to time."""

    def __init__(self, home: Home, hours: int, begin_ms: int) -> None:
        self._home = home
        self._ticks = hours * 3_600 * PER_SECOND
        self._hours = hours * (1 + SILENT_SECONDS / 3_600)
        self._seen: dict[str, list[Sample]] = {}
        self._jobs = _jobs(home)
        self._runs_before = {name: job.runs for name, job in self._jobs.items()}
        self._began_ms = begin_ms
        self._clock = FastClock(home.root, FACTOR, begin_ms)

    def live(self) -> None:
        """Start engine, collector and scheduler, and look at them until the engine has ended."""
        with ExitStack() as ends:
            processes = {}
            for name, arguments in (
                ("collector", ["collectors"]),
                ("scheduler", ["scheduler"]),
                ("engine", ["bench.soak_engine", str(self._home.heartbeat), str(self._ticks)]),
            ):
                processes[name] = self._start(name, arguments)
                ends.callback(_end, processes[name])
            wait_for(self._home.heartbeat.is_dir, "the folder of heartbeats", 60)
            hour = 0
            while processes["engine"].poll() is None:
                if self._clock.hours() > hour:
                    self._operate(hour)
                    hour += 1
                self._look(processes)
                time.sleep(SAMPLE_SECONDS)
            if processes["engine"].returncode:
                raise RuntimeError("the engine's queue ran over, or it ended by a fault")
            time.sleep(2 * INTERVAL_SECONDS / FACTOR + 1)  # the last snapshot
            self._jobs = _jobs(self._home)

    def rows(self) -> list[Row]:
        """Return how memory and descriptors grew, and what was left out of a day."""
        rows = []
        for name, samples in self._seen.items():
            parts = _quarters(samples, self._hours)
            memory = [statistics.median(one.private_mb for one in part) for part in parts]
            most = max(one.private_mb for one in samples)
            files = [min(one.descriptors for one in part) for part in parts]
            rows += [
                Row(
                    what=f"growth of the {name} over {self._hours:.1f} h, private dirty memory",
                    ours=f"quarters {_listed(memory, '.1f')} MB",
                    yardstick=f"most {most:.1f} MB", unit="MB",
                    figure=memory[-1] - memory[0], budget=GROWTH_MB,
                ),
                Row(
                    what=f"descriptors that the {name} does not give back",
                    ours=f"quarters {_listed(files, 'd')}",
                    yardstick=f"most {max(one.descriptors for one in samples)}", unit="descriptors",
                    figure=files[-1] - files[0], budget=0,
                ),
            ]  # fmt: skip
        return rows + self._whole_day()

    def _whole_day(self) -> list[Row]:
        """Return what fell short of a day of so many hours."""
        store = SnapshotStore(self._home.snapshots)
        snapshots = [one for _, one in store.between(self._began_ms, LAST_MS)]
        counted = sum(one.window.ticks for one in snapshots)
        seconds = self._hours * 3_600
        rows = [
            Row(
                what="ticks not counted exactly once", ours=f"{counted:,} counted",
                yardstick=f"{self._ticks:,} written", unit="ticks",
                figure=abs(self._ticks - counted), budget=0,
            )
        ]  # fmt: skip
        for what, came, due in (
            ("snapshots", len(snapshots), seconds / INTERVAL_SECONDS),
            ("evaluations on the grid", self._runs()["evaluate"], seconds / EVALUATE_SECONDS),
        ):
            rows.append(
                Row(
                    what=f"{what} that time was too fast for", ours=f"{came:,}",
                    yardstick=f"{due:,.0f} in {self._hours:.1f} h", unit="%",
                    figure=max(0.0, 100 - 100 * came / due), budget=MISSED_PCT,
                )
            )  # fmt: skip
        return rows

    def events(self, probes: int) -> str:
        """Return in words what happened besides."""
        alerts = [one for one in read(self._home.alerts, self._began_ms) if one.kind == "alert"]
        told = Counter(one.status for one in alerts)
        rules = {one.rule for one in alerts if one.status == "firing"}
        files = {
            folder: len(list(path.glob("*.*"))) for folder, path in (
                ("alert log", self._home.alerts), ("heartbeat", self._home.heartbeat),
            )
        }  # fmt: skip
        packs = [path.name for path in SnapshotStore(self._home.snapshots).packs()]
        return (
            f"{self._hours:.1f} h at {FACTOR} × the pace: {dict(told)} of {len(rules)} rules "
            f"({', '.join(sorted(map(str, rules)))}); {probes} probes of Breeze; files {files}; "
            f"runs of jobs {self._runs()}; packs {packs}"
        )

    def _runs(self) -> dict[str, int]:
        return {name: job.runs - self._runs_before.get(name, 0) for name, job in self._jobs.items()}

    def _start(self, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        with (self._home.root / f"{name}.out").open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env=environ(self._home) | self._clock.environ,
                stdout=out,
                stderr=out,
            )

    def _look(self, processes: dict[str, subprocess.Popen[bytes]]) -> None:
        hours = self._clock.hours()
        if hours < WARM_HOURS:
            return
        for name, process in processes.items():
            try:
                sample = Sample(hours, process.pid)
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                if name != "engine":
                    raise RuntimeError(f"the {name} ended: {process.wait(10)}") from None
                continue
            self._seen.setdefault(name, []).append(sample)

    def _operate(self, hour: int) -> None:
        """Do what people do: log in, edit the rules, silence, acknowledge; spoil a line too."""
        key = self._home.root / "data" / "breeze_session"
        key.write_text(SESSION_KEY)
        key.chmod(0o600)
        self._home.rules.write_text(f"{RULES}# hour {hour}\n")
        with (self._home.heartbeat / "main.jsonl").open("a") as file:
            file.write('{"pnl": nothing}\n')
        for command in (
            ["silence", "add", "soak_minute", "--for", "10m", "--reason", "soak"],
            ["ack", "circuit_breaker_triggered", "--reason", "soak"],
        ):
            self._start("operator", ["scripts.monitor", *command]).wait(60)


class Sample:
    """What a process holds at one moment. Raises OSError when it is gone."""

    def __init__(self, hours: float, pid: int) -> None:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        if not rollup:  # it has ended, and nobody has waited for it
            raise ProcessLookupError(pid)
        # Dirty alone: clean pages are the code of libraries, which are a process's own while no
        # other on the machine has them too. As others come and go, that changes by megabytes.
        private = [line.split()[1] for line in rollup.splitlines() if "Private_Dirty:" in line]
        self.hours = hours
        self.private_mb = sum(map(int, private)) * 1024 / 1e6
        self.descriptors = len(os.listdir(f"/proc/{pid}/fd"))


def _jobs(home: Home) -> dict[str, JobState]:
    state = read_state(home.state, "scheduler")
    if state is None:
        raise FileNotFoundError(f"{home.state} has nothing of a scheduler")
    return state.jobs


def _quarters(samples: list[Sample], hours: float) -> list[list[Sample]]:
    found: list[list[Sample]] = [[], [], [], []]
    for one in samples:
        found[min(3, int(4 * one.hours / hours))].append(one)
    return found


def _listed(numbers: list[float] | list[int], form: str) -> str:
    return " · ".join(format(number, form) for number in numbers)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(30)
