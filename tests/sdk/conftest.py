"""Support of the writer's tests: real files, real processes, waits with a deadline."""

from __future__ import annotations

import _thread
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest

from tickbeat import HeartbeatWriter

Line = dict[str, Any]


@pytest.fixture(scope="session", autouse=True)
def coverage_of_bare_threads() -> Iterator[None]:
    """Let coverage follow threads that were not started by `threading`, as the writer's are."""
    trace, start = threading.gettrace(), _thread.start_new_thread

    def start_traced(run: Callable[..., object], arguments: tuple[object, ...]) -> int:
        def traced() -> None:
            sys.settrace(trace)
            run(*arguments)

        return start(traced, ())

    with pytest.MonkeyPatch.context() as patch:
        if trace is not None:
            patch.setattr(_thread, "start_new_thread", start_traced)
        yield


class Read(Protocol):
    """Return the parsed lines of a heartbeat folder, segments in their order."""

    def __call__(self, folder: Path, kind: str | None = None) -> list[Line]: ...


@pytest.fixture
def read() -> Read:
    def read(folder: Path, kind: str | None = None) -> list[Line]:
        lines = [
            msgspec.json.decode(line)
            for path in sorted(folder.glob("*.jsonl"), key=_segment)
            for line in path.read_bytes().splitlines()
        ]
        return [line for line in lines if kind in (None, line["kind"])]

    return read


def _segment(path: Path) -> tuple[str, float]:
    stem, _, number = path.stem.partition(".")
    return stem, float(number or "inf")


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    def until(holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < deadline, "waited 60 s for it"
            time.sleep(0.005)

    return until


@pytest.fixture
def heartbeat(tmp_path: Path) -> Iterator[HeartbeatWriter]:
    with HeartbeatWriter(tmp_path, interval_seconds=5) as heartbeat:
        yield heartbeat


@pytest.fixture
def engine() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a Python program as an engine's process would run it, and return how it ended."""

    def engine(
        program: str, *arguments: object, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env=env
        )
        assert done.returncode == 0, done.stderr
        return done

    return engine
