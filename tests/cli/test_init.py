from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from monitoring.home import Home
from monitoring.settings import load
from tickbeat import HeartbeatWriter

PROJECT = Path(__file__).parents[2]


def test_init_makes_a_home_that_the_processes_accept(monitor, tmp_path: Path, golden) -> None:
    command = tmp_path / "bin" / "monitor"
    command.parent.mkdir()
    command.touch(0o755)
    done = monitor(
        "init", "--yes", "--no-wait", "--capital", "20L", "--broker", "breeze",
        PATH=str(command.parent),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    home = Home(tmp_path / "home")
    text = home.settings.read_text(encoding="utf-8")
    golden("monitor.toml.txt", text)
    config = load(home, {}).config
    assert config.limits.daily_loss_pct == 2.0
    assert config.limits.positions_total_value == 2_000_000.0
    assert config.limits.position_value == 500_000.0
    assert config.heartbeat_interval_seconds == 5.0
    said = done.stdout.replace(str(tmp_path), "/srv").replace(str(PROJECT), "/opt/tickbeat")
    golden("init.txt", said)


def test_a_command_that_is_not_on_the_path_is_named_in_full(monitor, tmp_path: Path) -> None:
    said = monitor("init", "--yes", "--no-wait", PATH=str(tmp_path)).stdout
    assert f"{Path(sys.executable).with_name('monitor')} status" in said


def test_init_as_json_is_one_object(monitor, tmp_path: Path) -> None:
    said = json.loads(monitor("init", "--yes", "--json").stdout)
    assert said["heartbeat"] == str(tmp_path / "home" / "data" / "heartbeat")
    assert said["answers"]["daily_loss_pct"] == 2.0


def test_questions_have_defaults_and_wrong_answers_are_asked_again(monitor, tmp_path: Path) -> None:
    answers = "\n".join(["", "nifty", "2.5", "much", "1.5Cr", "", "", "", ""]) + "\n"
    done = monitor("init", "--no-wait", said=answers)
    assert done.returncode == 0
    assert "'much' is no amount" in done.stderr
    table = tomllib.loads((tmp_path / "home" / "monitor.toml").read_text(encoding="utf-8"))
    assert table["engine"] == "nifty"
    assert table["heartbeat_interval_seconds"] == 2.5
    assert table["limits"]["positions_total_value"] == 15_000_000
    assert table["limits"]["position_value"] == 3_750_000


def test_the_largest_position_is_by_default_exactly_a_quarter(monitor, tmp_path: Path) -> None:
    assert monitor("init", "--yes", "--capital", "25L").returncode == 0
    table = tomllib.loads((tmp_path / "home" / "monitor.toml").read_text(encoding="utf-8"))
    assert table["limits"]["position_value"] == 625_000


def test_init_asked_without_answers_says_how_to_give_them(monitor, tmp_path: Path) -> None:
    done = monitor("init")
    assert done.returncode == 2
    assert "the input has ended" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home" / "monitor.toml").exists()


def test_settings_that_are_there_are_never_overwritten_unasked(monitor, tmp_path: Path) -> None:
    assert monitor("init", "--yes").returncode == 0
    before = (tmp_path / "home" / "monitor.toml").read_bytes()
    done = monitor("init", "--yes", "--daily-loss", "9")
    assert done.returncode == 1
    assert "--force" in done.stderr
    assert (tmp_path / "home" / "monitor.toml").read_bytes() == before
    assert monitor("init", "--yes", "--daily-loss", "9", "--force").returncode == 0
    assert b"daily_loss_pct = 9.0" in (tmp_path / "home" / "monitor.toml").read_bytes()


@pytest.mark.parametrize(
    "wrong",
    [("--engine", "../x"), ("--tick-interval", "0"), ("--daily-loss", "nan"), ("--capital", "-1"),
     ("--broker", "other"), ("--largest-position", "lots")],
)  # fmt: skip
def test_wrong_answers_are_refused_and_nothing_is_written(
    monitor, tmp_path: Path, wrong: tuple[str, str]
) -> None:
    done = monitor("init", "--yes", *wrong)
    assert done.returncode in {1, 2}
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home").exists()


def test_folders_are_closed_to_others_whatever_the_umask(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "home"
    done = subprocess.run(
        [sys.executable, "-m", "scripts.monitor", "init", "--yes", "--home", str(root)],
        cwd=PROJECT,
        umask=0,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    for folder in (root.parent, root, root / "data", root / "data" / "spool", root / "logs"):
        assert folder.stat().st_mode & 0o777 == 0o750
    assert (root / "monitor.toml").stat().st_mode & 0o777 == 0o640


def test_init_waits_for_the_first_tick(tmp_path: Path) -> None:
    root = tmp_path / "home"
    child = subprocess.Popen(
        [sys.executable, "-m", "scripts.monitor", "init", "-y", "--wait", "--home", str(root)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    try:
        assert "Waiting for the first tick" in child.stderr.readline()
        time.sleep(0.3)
        assert child.poll() is None
        with HeartbeatWriter(root / "data" / "heartbeat", engine="main") as heartbeat:
            heartbeat.record_tick({"pnl": {"daily": 1.0}})
        assert child.wait(60) == 0
        assert "● first tick from engine main" in child.stdout.read()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stderr.close()
