"""Record a home as an older version leaves it behind: `python record.py HOME`, in its checkout.

Run once for a version whose files have another shape, with that version's code (PYTHONPATH: its
checkout and its engine_sdk/src). What it leaves stands in `home_<commit>/`, see test_upgrade.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from monitoring.alert_fold import fold
from monitoring.history import last_indexed
from monitoring.packing import pack_days
from tickbeat import HeartbeatWriter

SETTINGS = """\
interval_seconds = 1
evaluate_seconds = 0.5

[calendar]
name = "always"
"""
RULES = """\
[facts]
"custom.spread_bps" = { type = "number", unit = "bps" }

[[rule]]
name = "spread_wide"
severity = "WARNING"
when = ["custom.spread_bps > 12.0"]
clock = "wall"
message = "Spread {custom.spread_bps} bps"

[[rule]]
name = "spread_held"
severity = "WARNING"
when = ["custom.spread_bps > 12.0"]
for = "1h"
clock = "wall"
message = "Spread {custom.spread_bps} bps for an hour"
"""


def main() -> None:
    """Watch for half a minute, then die with ticks unread, a request untaken, a torn line."""
    home = Path(sys.argv[1])
    (home / "monitor.toml").write_text(SETTINGS)
    (home / "rules.toml").write_text(RULES)
    environ = os.environ | {"MONITOR_HOME": str(home), "USER": "asha"}
    collector, scheduler = (
        subprocess.Popen([sys.executable, "-m", name], env=environ)
        for name in ("collectors", "scheduler")
    )
    heartbeat = HeartbeatWriter(home / "data" / "heartbeat", engine="main", interval_seconds=1)

    def tick(times: int, spread_bps: float) -> None:
        for _ in range(times):
            heartbeat.record_tick(
                {
                    "positions": {"count": 3, "total_value": 150_000.0},
                    "pnl": {"daily": 2_500.5},
                    "custom": {"spread_bps": spread_bps},
                }
            )
            time.sleep(0.1)

    def monitor(*words: str) -> None:
        subprocess.run([sys.executable, "-m", "scripts.monitor", *words], env=environ, check=False)

    tick(20, 8.0)
    tick(20, 14.0)
    while "spread_wide" not in fold(home / "logs" / "alerts").states:
        tick(1, 14.0)
    monitor("ack", "spread_wide", "--reason", "the feed moves")
    while last_indexed(home / "data" / "history.sqlite3") is None:
        tick(1, 14.0)
    scheduler.send_signal(signal.SIGKILL)
    tick(20, 14.0)
    collector.send_signal(signal.SIGKILL)
    tick(15, 14.0)  # nobody reads these
    monitor("ack", "spread_held", "--reason", "asked while nobody was there")
    time.sleep(1)
    with Path(heartbeat.stats().path).open("ab") as file:
        file.write(b'{"kind":"tick","writer":"torn')
    pack_days(home / "data" / "monitoring", "99991231")
    os._exit(0)


if __name__ == "__main__":
    main()
