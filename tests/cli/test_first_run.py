"""Every command before anything ever ran, and in a home that is broken."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests import unmeasured

PROJECT = Path(__file__).parents[2]
READERS = ("status", "health", "tail --no-follow", "metrics", "ack x", "unack x")


@pytest.mark.fault("O4")
@pytest.mark.parametrize("command", READERS)
def test_in_an_empty_home_each_command_says_what_to_do_and_ends_with_3(
    monitor, tmp_path: Path, command: str
) -> None:
    (tmp_path / "home").mkdir()
    done = monitor(*command.split())
    assert (done.returncode, done.stdout) == (3, "")
    assert f"Nothing has ever run in the home {tmp_path}/home." in done.stderr
    assert "→ Make a home with `monitor init`" in done.stderr
    assert "Traceback" not in done.stderr
    assert os.listdir(tmp_path / "home") == [], "reading makes nothing"


@pytest.mark.parametrize("command", ["rules list", "rules check", "facts", "config show"])
def test_what_needs_no_data_works_without(monitor, tmp_path: Path, command: str) -> None:
    (tmp_path / "home").mkdir()
    done = monitor(*command.split())
    assert done.returncode == 0
    assert done.stdout
    assert "Traceback" not in done.stderr


AS_NOBODY = """
import os, sys
from scripts.monitor import run
sys.stdout = open(os.devnull, "w")
run(["health"])  # imports all it needs: the environment may lie where only root can read it
sys.stdout = sys.__stdout__
os.setgroups([]), os.setgid(65534), os.setuid(65534)
sys.exit(run(["health"]))
"""


@pytest.mark.fault("O1")
@pytest.mark.parametrize(
    "command", ["status", "health", "tail --no-follow", "tail --no-follow --json"]
)
def test_a_hostile_message_reaches_no_terminal_as_it_is(monitor, now_house, command: str) -> None:
    now_house.good_day()
    evil = "\x1b]0;pwned\x07\x1b[2J\r\x9b1m\u202e[red][/]"
    now_house.alert("circuit_breaker_triggered", evil, severity="CRITICAL", number=2)
    done = monitor(*command.split())
    assert done.returncode in {0, 2}, done.stderr
    assert done.stderr == ""
    assert "pwned" in done.stdout
    assert "[red][/]" in done.stdout
    assert all(line.isprintable() for line in done.stdout.split("\n"))


@pytest.mark.fault("O4")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("hidden", ["logs/alerts", "data/monitoring", "data/state", "."])
def test_files_that_may_not_be_read_are_named(now_house, hidden: str) -> None:
    now_house.good_day()
    with tempfile.TemporaryDirectory() as open_to_all:
        os.chmod(open_to_all, 0o755)
        root = Path(open_to_all) / "home"
        shutil.copytree(now_house.home.root, root)
        for folder, _, files in os.walk(root):
            os.chmod(folder, 0o755)
            for file in files:
                os.chmod(Path(folder) / file, 0o644)
        (root / hidden).chmod(0o700)
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY],
            cwd=PROJECT,
            env={**unmeasured.environ(), "MONITOR_HOME": str(root)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert "Traceback" not in done.stderr
    if hidden == "data/state":
        assert done.returncode == 2, "a process that nobody can see is not well"
        assert "can't be read (Permission denied)" in done.stdout
    else:
        assert done.returncode == 3
        assert done.stdout == ""
        assert str(root) in done.stderr


@pytest.mark.parametrize(
    ("output", "said"), [(">&-", ""), (">/dev/full", "Can't write the output")]
)
def test_an_output_that_takes_nothing_is_no_crash(now_house, output: str, said: str) -> None:
    now_house.good_day()
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m scripts.monitor status {output}', sys.executable],
        cwd=PROJECT,
        env={**os.environ, "MONITOR_HOME": str(now_house.home.root)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert said in done.stderr
    assert done.returncode == (3 if said else 0)


def test_a_home_that_is_a_file_is_no_home(monitor, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    done = monitor("status")
    assert done.returncode == 3
    assert "is not a folder" in done.stderr


def test_a_log_that_is_a_folder_is_an_answer_in_words(now_house, monitor) -> None:
    now_house.good_day()
    log = next(now_house.home.alerts.glob("*.jsonl"))
    log.unlink()
    now_house.home.alerts.rmdir()
    now_house.home.alerts.write_text("")
    for command in ("health", "status"):
        done = monitor(command)
        assert "Traceback" not in done.stderr
