"""The systemd units: what systemd itself says of them, and whether the processes fit into them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

Monitored = Any
UNITS = sorted((Path(__file__).parents[2] / "docs" / "deploy").glob("*.service"))
pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd's tools are not installed"
)

# A file, and a webhook that nobody listens at: the calls that a socket takes are made all the same.
CHANNELS = """
[channels.trial]
kind = "file"
path = "told.txt"

[channels.hook]
kind = "webhook"
url = "http://127.0.0.1:9/"
"""

BY_A_CHILD = """
[channels.mail]
kind = "apprise"
url = "json://127.0.0.1:9/"
"""


def analyze(*arguments: str | Path) -> str:
    done = subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout + done.stderr


def calls_of(group: str) -> set[str]:
    """Return the system calls of a group (systemd.exec(5)), those of its groups too."""
    found = set()
    said = re.sub(r"#.*", "", analyze("syscall-filter", group))
    for word in said.split()[1:]:
        if re.fullmatch(r"@[\w-]+", word):
            found |= calls_of(word)
        elif re.fullmatch(r"[a-z_0-9]+", word):
            found.add(word)
    return found


def setting(unit: Path, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit.read_text(), re.MULTILINE)


def test_there_is_a_unit_for_each_process() -> None:
    assert [unit.name for unit in UNITS] == [
        "tickbeat-collector.service",
        "tickbeat-notifier.service",
        "tickbeat-scheduler.service",
    ]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_has_nothing_to_say_against_it(unit: Path, tmp_path: Path) -> None:
    # Where nothing is installed, another program stands in for the one that is not there.
    there = tmp_path / unit.name
    there.write_text(unit.read_text().replace("/opt/tickbeat/.venv/bin/python", "/bin/true"))
    assert analyze("verify", there) == ""


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_its_exposure_is_ok_or_better(unit: Path) -> None:
    said = analyze("security", "--offline=true", unit)
    (level,) = re.findall(r"exposure level for \S+ ([\d.]+)", said)
    assert float(level) < 5.0, "5 and more is MEDIUM (systemd-analyze(1))"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_it_is_watched_and_never_given_up(unit: Path) -> None:
    assert setting(unit, "Type") == ["notify"]
    assert setting(unit, "Restart") == ["always"]
    assert setting(unit, "StartLimitIntervalSec") == ["0"]
    assert int(setting(unit, "WatchdogSec")[0]) <= 60


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_process_makes_no_call_that_its_sandbox_forbids(
    monitored: Monitored, unit: Path, tmp_path: Path
) -> None:
    module = setting(unit, "ExecStart")[0].split()[-1]
    trace = tmp_path / "trace"
    told = tmp_path / "told.txt"
    with monitored.home.settings.open("a") as settings:
        settings.write(CHANNELS + (BY_A_CHILD if module == "notifier" else ""))
    traced = monitored.start("-m", module, wrapper=("strace", "-D", "-f", "-qq", "-o", str(trace)))
    for other in {"collectors", "scheduler", "notifier"} - {module}:
        monitored.start("-m", other)
    monitored.append(
        "main-w1.jsonl",
        b'{"kind":"tick","writer":"w1","seq":1,"risk":{"circuit_breaker_active":true}}\n',
    )
    monitored.wait(lambda: monitored.firing("circuit_breaker_triggered"), "an alert")
    monitored.wait(told.exists, "the word of it")
    if module == "notifier":
        monitored.wait(lambda: "mail can't be" in monitored.degraded("notifier"), "apprise's child")
    traced.terminate()
    assert traced.wait(60) == 0
    text = trace.read_text(errors="replace")
    # The exec is systemd's, and SQLite gives its files away as root alone (os_unix.c).
    made = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", text, re.MULTILINE)) - {"execve", "fchown"}
    allowed = calls_of("@system-service") - calls_of("@privileged") - calls_of("@resources")
    assert made - allowed == set()
    writable_code = re.findall(r"^.*PROT_WRITE\|PROT_EXEC.*$", text, re.MULTILINE)
    assert writable_code == [], "MemoryDenyWriteExecute"
    families = set(re.findall(r"socket\((AF_\w+)", text))
    assert families <= set(" ".join(setting(unit, "RestrictAddressFamilies")).split())
