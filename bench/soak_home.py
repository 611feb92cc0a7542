"""The home of the soak: one that has lived for a while, with rules of its own and a Breeze."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from bench.recording import DAY_MS, EVERY_MS, one_day, write_month
from monitoring.home import Home
from monitoring.snapshot import Snapshot, file_name
from monitoring.state import read_state
from tests.breeze_stub import APP_KEY

INTERVAL_SECONDS = EVERY_MS // 1000
EVALUATE_SECONDS = 5
SETTINGS = """\
interval_seconds = {interval}
evaluate_seconds = {evaluate}

[calendar]
name = "always"

[limits]
positions_count = 3
tick_latency_ms = 50

[breeze]
base_url = "{breeze}/keys"
deadline_seconds = 60
"""
RULES = """\
[facts]
"custom.spread_bps" = { type = "number", unit = "bps" }

[[rule]]
name = "soak_hour"
severity = "WARNING"
window = "1h"
when = ["window.custom.spread_bps.mean > 3.0"]
for = "1m"
keep_firing_for = "1m"
message = "the spread of an hour was {window.custom.spread_bps.mean} bps"

[[rule]]
name = "soak_minute"
severity = "WARNING"
when = ["custom.spread_bps > 3.5"]
for = "10s"
message = "the spread is {custom.spread_bps} bps"
"""


def make(home: Home, breeze_url: str, begin_ms: int) -> None:
    """Leave in a new home what one has that lived until `begin_ms`: a day of snapshots, evaluated
    and indexed, for the next night to pack, and packed days to be purged.
    """
    home.settings.write_text(
        SETTINGS.format(interval=INTERVAL_SECONDS, evaluate=EVALUATE_SECONDS, breeze=breeze_url)
    )
    home.rules.write_text(RULES)
    write_month(home, 3)  # of last year: past their time
    for pack in home.snapshots.iterdir():
        os.utime(pack, (0, 0))
    day_ms = (begin_ms // DAY_MS - 2) * DAY_MS
    for number, snapshot in enumerate(one_day(Home(home.root / "made"))):
        wall_ms = day_ms + number * EVERY_MS
        newest = file_name(wall_ms)
        (home.snapshots / newest).write_bytes(msgspec.json.encode(_moved(snapshot, wall_ms)))
    with (home.root / "before.out").open("w") as out:
        scheduler = subprocess.Popen(
            [sys.executable, "-m", "scheduler"], env=environ(home), stdout=out, stderr=out
        )
        try:
            wait_for(lambda: _evaluated(home) == newest, "the evaluation of the day before", 300)
        finally:
            scheduler.terminate()
            scheduler.wait(30)


def environ(home: Home) -> dict[str, str]:
    """Return the environment of a process on this home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MONITOR_")}
    return kept | {"MONITOR_HOME": str(home.root), "MONITOR_BREEZE__APP_KEY": APP_KEY}


def wait_for(happened: Callable[[], bool], what: str, seconds: float) -> None:
    """Wait until it happened. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.2)


def _moved(snapshot: Snapshot, wall_ms: int) -> Snapshot:
    """Return it as of another time, of a writer whose files are gone."""
    return msgspec.structs.replace(
        snapshot,
        wall_ms=wall_ms,
        timestamp=datetime.fromtimestamp(wall_ms / 1000, UTC).isoformat(),
        collector=msgspec.structs.replace(snapshot.collector, cursors=[], writers=[]),
    )


def _evaluated(home: Home) -> str | None:
    state = read_state(home.state, "scheduler")
    return None if state is None else state.snapshot
