"""An engine whose user may have no more threads (RLIMIT_NPROC, which does not bind root)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests import unmeasured

NOBODY = 65534
ENGINE = f"""
import logging, os, resource, sys, time
from tickbeat import HeartbeatWriter
logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stdout, level=logging.WARNING)
# Only now: what is imported may lie where none but root reads.
os.setgroups([])
os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
resource.setrlimit(resource.RLIMIT_NPROC, (1, hard))
heartbeat = HeartbeatWriter(sys.argv[1])
for number in range(100):
    heartbeat.record_tick({{"custom": {{"number": number}}}})
assert "thread" in heartbeat.stats().fault, heartbeat.stats()
assert os.listdir(sys.argv[1]) == []
resource.setrlimit(resource.RLIMIT_NPROC, (soft, hard))
while heartbeat.stats().fault:
    heartbeat.record_tick()
    time.sleep(0.05)
heartbeat.close(timeout_seconds=30)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder of uid 65534, below folders that everybody may enter."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory() as above:
        os.chmod(above, 0o755)
        folder = Path(above) / "heartbeat"
        folder.mkdir(mode=0o700)
        os.chown(folder, NOBODY, NOBODY)
        yield folder


@pytest.mark.fault("W5")
def test_one_warning_and_trading_goes_on_and_no_tick_is_lost_when_there_is_a_thread_again(
    folder: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENGINE, str(folder)],
        env=unmeasured.environ(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("WARNING heartbeat is off, trading goes on")
    assert done.stdout.count("\n") == 1
    (file,) = folder.iterdir()
    lines = [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]
    numbers = [line["custom"]["number"] for line in lines if "custom" in line]
    assert numbers == list(range(100))
