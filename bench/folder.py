"""What the number of snapshots in the folder does to those who use it.

The packer leaves about two days of them; a home whose packer stands still has more.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.commands import seconds
from bench.panel import Curve, Line, Panel
from bench.recording import CONFIG, LOOSE, calm, moved_to, write_past
from bench.row import Row, spread
from monitoring.bell import Bell
from monitoring.clock import SystemClock
from monitoring.config import Calendar
from monitoring.home import Home
from monitoring.settings import Settings
from monitoring.snapshot import Snapshot
from monitoring.snapshots import SnapshotStore
from scheduler.process import Process

SIZES = (100, 1_000, 5_000, LOOSE, 50_000)


def run(*, quick: bool) -> list[Row | Panel]:
    """Return the cost of a write, of a pass of the scheduler and of `monitor status`, by size."""
    sizes = SIZES[:4] if quick else SIZES
    rounds = 10 if quick else 40
    with tempfile.TemporaryDirectory() as folder:
        live = _Live(Home(Path(folder)))
        taken = {}
        for size in sizes:
            live.grow(size)
            taken[size] = live.measure(rounds)
    least, usual = taken[sizes[0]], taken[LOOSE]
    rows = [
        Row(
            what=f"{what}, {LOOSE:,} snapshots in the folder",
            ours=f"{statistics.median(ours):.2f} ms",
            spread=spread(ours, "ms"),
            yardstick=f"{sizes[0]} snapshots {statistics.median(few):.2f} ms",
            figure=statistics.median(ours) / statistics.median(few),
            budget=None,
            unit="×",
        )
        for what, ours, few in (
            ("the write of a snapshot", usual.write_ms, least.write_ms),
            ("the scheduler's pass with it", usual.pass_ms, least.pass_ms),
            ("monitor status, cold process", usual.status_ms, least.status_ms),
        )
    ]

    def line(name: str, of: Callable[[_Taken], list[float]]) -> Line:
        return Line(name, tuple((size, statistics.median(of(taken[size]))) for size in sizes))

    x = "snapshots in the folder"
    return [
        *rows,
        Curve(
            title="Snapshots in the folder: what one more costs",
            x=x,
            unit="ms",
            lines=(
                line("the collector's write", lambda one: one.write_ms),
                line("the scheduler's pass", lambda one: one.pass_ms),
            ),
        ),
        Curve(
            title="Snapshots in the folder: a cold monitor status",
            x=x,
            unit="ms",
            lines=(line("", lambda one: one.status_ms),),
        ),
    ]


class _Taken(msgspec.Struct):
    write_ms: list[float]
    pass_ms: list[float]
    status_ms: list[float]


class _Live:
    """A home at this moment, whose past grows."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._clock = SystemClock()
        self._began = self._clock.now()
        self._calm = calm(home)
        self._numbers = itertools.count(1)
        self._past = 0

    def grow(self, size: int) -> None:
        """Have so many snapshots in the folder, all older than what was measured."""
        write_past(self._home, self._calm, self._began, range(self._past + 1, size + 1))
        self._past = size

    def measure(self, rounds: int) -> _Taken:
        """Write snapshots, let a real scheduler take each, and start `monitor status`."""
        taken = _Taken([], [], [])
        store = SnapshotStore(self._home.snapshots)
        store.write(self._now())  # the first of a process looks for the last name
        bell = Bell()
        scheduler = self._scheduler(bell)
        scheduler.turn()
        while bell.wait(0.1):  # what its own start rang for
            scheduler.turn()
        for _ in range(rounds):
            snapshot = self._now()
            began = time.perf_counter()
            store.write(snapshot)
            written = time.perf_counter()
            bell.wait(10)
            scheduler.turn()
            taken.write_ms.append((written - began) * 1e3)
            taken.pass_ms.append((time.perf_counter() - written) * 1e3)
        scheduler.close()
        command = [str(Path(sys.executable).with_name("monitor")), "status"]
        for _ in range(max(5, rounds // 4)):
            taken.status_ms.append(seconds(command, str(self._home.root)) * 1e3)
        return taken

    def _now(self) -> Snapshot:
        return moved_to(self._calm, self._clock.now(), next(self._numbers))

    def _scheduler(self, bell: Bell) -> Process:
        config = msgspec.structs.replace(CONFIG, calendar=Calendar(name="always"))
        settings = Settings(config=config, breeze=None, secrets_set=())
        return Process(self._home, settings, bell, lambda: False, self._clock)
