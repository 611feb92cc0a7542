"""What others may have put where the operator happens to be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitoring.home import Home, find_home
from monitoring.settings import load
from tests.faults.conftest import SETTINGS

OTHER = 65534
PLANTED = "import os\nos.mkdir(os.environ['PROOF'])\n"
TICK = '{"kind":"tick","seq":1,"timestamp":"2025-10-12T12:34:56.120+05:30"}\n'


def test_no_module_is_taken_from_the_folder_that_a_command_is_run_in(tmp_path: Path) -> None:
    for module in ("collectors", "tickbeat", "json", "sitecustomize", "httpx2"):
        (tmp_path / f"{module}.py").write_text(PLANTED)
    ticks = tmp_path / "main.jsonl"
    ticks.write_text(TICK)
    proof = tmp_path / "proof"
    monitor = Path(sys.executable).with_name("monitor")
    done = subprocess.run(
        [monitor, "rules", "backtest", "--heartbeat", ticks.name],
        cwd=tmp_path, env=os.environ | {"MONITOR_HOME": str(tmp_path), "PROOF": str(proof)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert not proof.exists()
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", ["collector", "scheduler"])
def test_the_units_take_none_from_the_home_either(unit: str) -> None:
    text = (Path("docs/deploy") / f"tickbeat-{unit}.service").read_text()
    assert " -P " in next(line for line in text.splitlines() if line.startswith("ExecStart="))


def test_settings_that_a_stranger_planted_in_an_open_folder_above_are_not_found(
    tmp_path: Path,
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    here = tmp_path / "open" / "mine"
    here.mkdir(parents=True)
    settings = tmp_path / "open" / "monitor.toml"
    settings.touch()
    os.chmod(settings.parent, 0o1777)
    assert find_home({}, here).root == settings.parent  # one's own
    os.chown(settings, OTHER, OTHER)
    assert find_home({}, here).root == here
    settings.unlink()
    settings.symlink_to("/dev/null")
    os.chown(settings, OTHER, OTHER, follow_symlinks=False)
    assert find_home({}, here).root == here


def test_a_home_that_everybody_may_write_into_is_warned_of(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    os.chmod(home.root, 0o777)
    (warning,) = load(home, {}).warnings
    assert warning.startswith(f"everybody may write into {home.root}")
    os.chmod(home.root, 0o775)  # a group's home is that group's affair
    assert load(home, {}).warnings == ()


def test_a_file_with_a_secret_that_everybody_may_read_is_named(tmp_path: Path) -> None:
    above = Path("/var/tmp") if os.access("/var/tmp", os.W_OK) else tmp_path
    home = Home(above / f"tickbeat-{os.getpid()}-{tmp_path.name}")
    home.root.mkdir()
    os.chmod(home.root, 0o755)
    try:
        home.settings.write_text(SETTINGS)
        dotenv = home.root / ".env"
        dotenv.write_text("MONITOR_BREEZE__APP_KEY=CANARY\n")
        for file, mode in ((home.settings, 0o644), (dotenv, 0o644)):
            os.chmod(file, mode)
        (warning,) = load(home, {}).warnings
        assert warning.startswith(f"{dotenv} holds a secret")
        os.chmod(home.root, 0o750)
        assert load(home, {}).warnings == ()
        os.chmod(home.root, 0o755)
        os.chmod(dotenv, 0o600)
        assert load(home, {}).warnings == ()
    finally:
        for file in (home.settings, home.root / ".env"):
            file.unlink(missing_ok=True)
        home.root.rmdir()
