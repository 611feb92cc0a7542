"""The units under a real systemd, which starts again what hangs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSIDE = Path(__file__).with_name("inside.sh")


@pytest.mark.fault("P5")
@pytest.mark.long
@pytest.mark.parametrize("name", ["collector", "scheduler", "notifier"])
def test_a_process_that_hangs_is_killed_and_started_again_by_systemd(
    tmp_path: Path, name: str
) -> None:
    systemd = shutil.which("systemd", path="/lib/systemd:/usr/lib/systemd")
    if os.geteuid() != 0 or systemd is None or shutil.which("unshare") is None:
        pytest.skip("needs root, systemd and unshare")
    home, units = tmp_path / "home", tmp_path / "units"
    home.mkdir()
    units.mkdir()
    (home / "monitor.toml").write_text('[channels.trial]\nkind = "file"\npath = "told.txt"\n')
    unit = f"tickbeat-{name}.service"
    text = (ROOT / "docs" / "deploy" / unit).read_text()
    text = text.replace("/opt/tickbeat/.venv/bin/python", sys.executable)
    text = text.replace("WatchdogSec=30", "WatchdogSec=3").replace("/srv/tickbeat", str(home))
    # Here is no such user; and an interpreter below /root or a checkout below /tmp would be hidden.
    text = text.replace("ProtectHome=yes", "ProtectHome=read-only")
    kept = [one for one in text.splitlines() if not one.startswith(("User=", "Group="))]
    seen = f"BindReadOnlyPaths={ROOT} {sys.base_prefix}\nBindPaths={home}"
    kept.insert(kept.index("[Service]") + 1, seen)
    (units / unit).write_text("\n".join(kept))
    done = subprocess.run(
        [
            "unshare", "--fork", "--pid", "--mount", "--mount-proc", "--propagation=private",
            "--kill-child=KILL", "sh", INSIDE, systemd, units, name, f"tickbeat-{os.getpid()}",
        ],
        capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL,
        cwd=tmp_path, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip(f"no systemd can be run here: {done.stderr[-300:]}")
    said = done.stdout + done.stderr
    assert "started again, and says: well" in said, said[-6000:]
    assert "NoNewPrivs:\t1" in said, said
    assert "Seccomp:\t2" in said, "its calls were filtered"
