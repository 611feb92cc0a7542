"""The demo's entrance and its emergency exits: refusals in words, no process left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.paper.stage import PROJECT


@pytest.fixture
def environ() -> dict[str, str]:
    return os.environ | {"PYTHONUNBUFFERED": "1"}


@pytest.fixture
def demo(tmp_path: Path, environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A demo that has started its processes and says so."""
    with subprocess.Popen(
        [sys.executable, "-m", "scripts.demo", "--home", str(tmp_path / "home")],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    ) as running:
        try:
            assert running.stdout is not None
            assert any("The paper engine starts" in line for line in running.stdout)
            yield running
        finally:
            running.terminate()


def of_home(home: Path) -> list[int]:
    """Return the processes whose home is `home`, zombies left out."""
    mark = f"MONITOR_HOME={home}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def wait_for_none(home: Path, seconds: float = 60.0) -> list[int]:
    until = time.monotonic() + seconds
    while (left := of_home(home)) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def ticks_in(heartbeat: Path) -> int:
    return sum(file.read_text().count('"kind":"tick"') for file in heartbeat.glob("*.jsonl"))


def refused(environ: dict[str, str], *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environ,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize("program", ["scripts.demo", "scripts.demo_engine"])
def test_a_missing_bars_folder_is_refused_with_what_to_do(
    tmp_path: Path, environ: dict[str, str], program: str
) -> None:
    arguments = ["--home", str(tmp_path / "home")] if program == "scripts.demo" else []

    code, said = refused(environ, program, *arguments, "--bars", str(tmp_path / "nowhere"))

    assert code == 2
    assert "is not a folder: give --bars a folder of <SYMBOL>_1m.csv files" in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_home_with_strange_files_is_refused_and_left_alone(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    (tmp_path / "book.xlsx").write_text("")

    code, said = refused(environ, "scripts.demo", "--home", str(tmp_path))

    assert code == 1
    assert "it is not wiped: choose another --home" in said
    assert [entry.name for entry in tmp_path.iterdir()] == ["book.xlsx"]


def test_a_journal_that_cannot_be_written_is_refused(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    code, said = refused(environ, "scripts.demo_engine", "--journal", str(tmp_path))

    assert code == 2
    assert "the journal can't be written" in said


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "fast"])
def test_a_speed_that_is_none_is_refused(environ: dict[str, str], speed: str) -> None:
    code, said = refused(environ, "scripts.demo_engine", f"--ticks-per-second={speed}")

    assert code == 2
    assert "--ticks-per-second" in said


def test_a_day_of_the_paper_engine_ends_by_itself_and_says_what_it_traded(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.demo_engine", "--ticks-per-second", "2000"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environ | {"MONITOR_HOME": str(tmp_path)},
    )

    assert done.returncode == 0
    assert {line.split()[1] for line in done.stdout.splitlines()} >= {
        "enter",
        "exit",
        "flatten",
        "breaker",
    }
    (heartbeat,) = (tmp_path / "data" / "heartbeat").glob("*.jsonl")
    lines = heartbeat.read_text().splitlines()
    assert sum('"kind":"tick"' in line for line in lines) == 375
    assert '"kind":"close"' in lines[-1]
    assert "end of the day" in lines[-1]


def test_between_two_days_the_paper_engine_waits_for_the_morning_and_is_alive(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "scripts.demo_engine", "--ticks-per-second", "2000", "--days", "2"],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        env=environ | {"MONITOR_HOME": str(tmp_path)},
    ) as engine:
        try:
            heartbeat = tmp_path / "data" / "heartbeat"
            until = time.monotonic() + 60
            while ticks_in(heartbeat) <= 2 * 375:  # more than both days have
                assert time.monotonic() < until
                time.sleep(0.02)
            assert engine.poll() is None
            engine.send_signal(signal.SIGUSR1)
            assert engine.wait(60) == 0
        finally:
            engine.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_an_interrupted_demo_ends_everything_that_it_started(
    tmp_path: Path, demo: subprocess.Popen[str]
) -> None:
    demo.send_signal(signal.SIGINT)
    _, said = demo.communicate(timeout=60)

    assert demo.returncode == 130
    assert "interrupted" in said
    assert of_home(tmp_path / "home") == []


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_a_demo_killed_outright_leaves_nothing_behind(
    tmp_path: Path, demo: subprocess.Popen[str]
) -> None:
    assert len(of_home(tmp_path / "home")) >= 3

    demo.kill()
    demo.wait(60)

    assert wait_for_none(tmp_path / "home") == []


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_a_monitor_process_that_dies_ends_the_demo_in_words(
    tmp_path: Path, demo: subprocess.Popen[str]
) -> None:
    for pid in of_home(tmp_path / "home"):
        # Killing one of honcho's processes may have ended the next in the list already.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if b"honcho" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
    _, said = demo.communicate(timeout=60)

    assert demo.returncode == 1
    assert "the collector, the scheduler or the notifier ended by itself" in said
    assert of_home(tmp_path / "home") == []
