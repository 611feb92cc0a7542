"""A home to read in, in this process or by a real collector."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from collectors.assemble import Note, assemble
from collectors.book import Book
from collectors.host import Disk
from collectors.known import Known
from collectors.lapse import Lapse, Process, judge
from collectors.sequence import recent
from evaluator.instant import Instant
from monitoring.config import Config
from monitoring.home import Home
from monitoring.snapshot import BreezeStatus, Snapshot
from monitoring.snapshots import SnapshotStore
from monitoring.state import ProcessState, read_state

LATEST_MS = 253_402_300_799_999
"""The last moment of the year 9999."""


class Lines:
    """Lines of a heartbeat file as an engine writes them."""

    @staticmethod
    def tick(seq: int | None = None, writer: str | None = "w1", **groups: object) -> bytes:
        tick: dict[str, object] = {"kind": "tick"}
        if writer is not None:
            tick["writer"] = writer
        if seq is not None:
            tick["seq"] = seq
        return json.dumps(tick | groups).encode() + b"\n"

    @classmethod
    def ticks(cls, first: int, last: int, writer: str = "w1") -> bytes:
        return b"".join(cls.tick(seq, writer) for seq in range(first, last + 1))

    @staticmethod
    def header(writer: str = "w1", segment: int = 1, first_seq: int = 1, **other: object) -> bytes:
        header: dict[str, object] = {
            "kind": "header", "format": 1, "sdk": "test", "engine": "main", "writer": writer,
            "segment": segment, "boot_id": None, "pid": 4121, "pid_started": None,
            "first_seq": first_seq, "interval_seconds": 5.0, "timestamp": "2025-10-12T07:00:00Z",
        }  # fmt: skip
        return json.dumps(header | other).encode() + b"\n"

    @staticmethod
    def pulse(writer: str = "w1", last_seq: int = 0, **other: object) -> bytes:
        pulse = {"kind": "pulse", "writer": writer, "timestamp": "", "last_seq": last_seq}
        return json.dumps(pulse | {"queued": 0} | other).encode() + b"\n"

    @staticmethod
    def close(writer: str = "w1", last_seq: int = 0, **other: object) -> bytes:
        close = {"kind": "close", "writer": writer, "timestamp": "", "last_seq": last_seq}
        return json.dumps(close | other).encode() + b"\n"


class NoProcesses:
    """A process table in which nothing can be seen."""

    def look(self, pid: int) -> Process | None:
        return Process(alive=True)


class Reader:
    """A collector without its loop: reads when it is told to, at the time it is told."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.home = Home(root)
        self.config = Config(**settings)
        self.folder = self.home.heartbeat
        self.folder.mkdir(parents=True)
        self.store = SnapshotStore(self.home.snapshots)
        wall = time.time_ns() // 1_000_000
        self.now = Instant(wall, 50_000_000_000_000, "boot")
        self.artifact_ages: dict[str, float | None] | None = None
        self.book = Book(self.home, self.config.engine, None)

    def append(self, name: str, data: bytes) -> Path:
        file = self.folder / name
        with file.open("ab") as out:
            out.write(data)
        return file

    def pass_seconds(self, seconds: float) -> None:
        ms = int(seconds * 1000)
        at = self.now
        self.now = Instant(at.wall_ms + ms, at.boottime_ns + ms * 1_000_000, at.boot_id)

    def read(self) -> int:
        """Read what is new; return how many ticks the window holds."""
        for part in self.book.tail.read(self.now):
            self.book.take(part, self.now)
        return self.book.fold.ticks

    def lapse(self) -> Lapse:
        marks = recent(self.book.sequence.marks.values())
        return judge(marks, self.now, NoProcesses(), self.config.heartbeat_interval_seconds)

    def known(self) -> Known:
        return Known(
            now=self.now,
            lapse=self.lapse(),
            breeze=BreezeStatus(),
            network_up=True,
            disk=Disk(1e9, 50.0),
            artifact_ages=self.artifact_ages,
        )

    def snapshot(self) -> Snapshot:
        """Write a snapshot; return it as it is on disk."""
        note = Note(reason="interval", app_version="0", degraded=[])
        snapshot = assemble(self.book, self.known(), note, self.config)
        name = self.store.write(snapshot)
        self.book.written(snapshot)
        return self.store.read(name)

    def restart(self) -> None:
        """Throw away everything but what is on disk."""
        found = self.store.newest()
        self.book = Book(self.home, self.config.engine, found[1] if found else None)


class Collecting:
    """A home with a real collector process."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        self.process: subprocess.Popen[str] | None = None

    def start(self, *wrapper: str, user: int | None = None, **settings: object) -> None:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("MONITOR_")}
        environ["MONITOR_HOME"] = str(self.home.root)
        chosen = {"INTERVAL_SECONDS": 0.5, "POLL_SECONDS": 0.2} | settings
        environ |= {f"MONITOR_{name}": str(value) for name, value in chosen.items()}
        with (self.home.root / "collector.out").open("ab") as out:
            self.process = subprocess.Popen(
                [*wrapper, sys.executable, "-m", "collectors"],
                cwd=self.home.root,
                env=environ,
                stdout=out,
                stderr=out,
                text=True,
                user=user,
            )

    @staticmethod
    def strace(call: str, fault: str) -> list[str]:
        """Return the words before a command that make a system call of its go wrong.

        With -D the command stays our child, to be signalled and waited for.
        """
        return [
            "strace", "-D", "-f", "-qq", "-o", "/dev/null",
            "-e", f"trace={call}", "-e", f"inject={call}:{fault}",
        ]  # fmt: skip

    def said(self) -> str:
        return (self.home.root / "collector.out").read_text()

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def ended(self, seconds: float = 60.0) -> int:
        assert self.process is not None
        return self.process.wait(seconds)

    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.ended()

    def append(self, name: str, data: bytes) -> Path:
        self.home.heartbeat.mkdir(parents=True, exist_ok=True)
        file = self.home.heartbeat / name
        with file.open("ab", buffering=0) as out:
            out.write(data)
        return file

    def snapshots(self) -> list[Snapshot]:
        """Return all snapshots; one that is broken is left out."""
        return [one for _, one in SnapshotStore(self.home.snapshots).between(0, LATEST_MS)]

    def state(self) -> ProcessState | None:
        return read_state(self.home.state, "collector")

    def counted(self) -> int:
        return sum(snapshot.window.ticks for snapshot in self.snapshots())

    def degraded(self) -> str:
        state = self.state()
        return " ".join(state.degraded) if state is not None else "no state file yet"

    def check_each_counted_once(self, ticks: int) -> None:
        """Each tick is in exactly one snapshot, and nothing half written is left."""
        newest = self.newest().collector
        assert self.counted() == ticks
        assert (newest.ticks_lost, newest.gaps) == (0, [])
        assert not list(self.home.snapshots.glob(".*"))

    def newest(self) -> Snapshot:
        found = SnapshotStore(self.home.snapshots).newest()
        assert found is not None, self.said()
        return found[1]

    def wait(self, happened: Callable[[], Any], seconds: float = 60.0) -> Any:
        until = time.monotonic() + seconds
        while not (value := happened()):
            over = time.monotonic() >= until or self.has_ended()
            assert not over or happened(), f"it did not come.\n{self.said()[-3000:]}"
            time.sleep(0.01)
        return value

    def ready(self) -> None:
        """Wait until this process, not one before it, has written a snapshot."""
        process = self.process
        assert process is not None
        self.wait(lambda: (state := self.state()) is not None and state.pid == process.pid)

    def wait_for_ticks(self, ticks: int, seconds: float = 60.0) -> None:
        self.wait(lambda: self.counted() >= ticks, seconds)
        assert self.counted() == ticks

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()


@pytest.fixture
def lines() -> type[Lines]:
    return Lines


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


@pytest.fixture
def make_reader(tmp_path: Path) -> Callable[..., Reader]:
    return lambda **settings: Reader(tmp_path, **settings)


@pytest.fixture
def collecting(tmp_path: Path) -> Iterator[Collecting]:
    running = Collecting(tmp_path)
    yield running
    running.end()


@pytest.fixture
def warned() -> Iterator[list[str]]:
    """What was logged, in words."""
    words: list[str] = []
    sink = logger.add(lambda message: words.append(message.record["message"]), level="INFO")
    yield words
    logger.remove(sink)
