"""Cold start of the operator's commands beside a bare interpreter."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.recording import LOOSE, calm, write_past
from bench.row import Row, spread
from evaluator.instant import Instant
from monitoring.alert_log import AlertLog, Notice
from monitoring.clock import SystemClock
from monitoring.home import Home

ALERT_DAYS = 90
ALERT_LINES = 200


def run(*, quick: bool) -> list[Row]:
    """Measure the cold start of `monitor health` and of `import tickbeat`."""
    rounds = 7 if quick else 25
    health: list[float] = []
    bare: list[float] = []
    imports: list[float] = []
    codec: list[float] = []
    command = str(Path(sys.executable).with_name("monitor"))
    with tempfile.TemporaryDirectory() as home:
        _live_in(Home(Path(home)))
        for _ in range(rounds):
            bare.append(seconds([sys.executable, "-c", "pass"], home))
            health.append(seconds([command, "health"], home))
            imports.append(seconds([sys.executable, "-c", "import tickbeat"], home))
            codec.append(seconds([sys.executable, "-c", "import msgspec.json"], home))
    bare_s, health_s = statistics.median(bare), statistics.median(health)
    sdk = statistics.median(imports) - bare_s
    json = statistics.median(codec) - bare_s
    return [
        Row(
            what=f"monitor health, cold process, {LOOSE:,} snapshots, 90 days of alerts",
            ours=f"{health_s * 1e3:.0f} ms",
            spread=spread([one * 1e3 for one in health], "ms"),
            yardstick=f"python -c pass {bare_s * 1e3:.0f} ms",
            figure=health_s * 1e3,
            budget=250,
            unit="ms",
        ),
        Row(
            what="import tickbeat",
            ours=f"{sdk * 1e3:.1f} ms",
            spread=spread([(one - bare_s) * 1e3 for one in imports], "ms"),
            yardstick=f"import msgspec.json {json * 1e3:.1f} ms",
            figure=sdk / json,
            budget=2,
            unit="×",
        ),
    ]


def _live_in(home: Home) -> None:
    """Leave what months of use leave: an empty home is answered before anything is read."""
    now = SystemClock().now()
    write_past(home, calm(home), now, range(1, LOOSE + 1))
    log = AlertLog(home.alerts, "main", "Asia/Kolkata")
    line = Notice(kind="rule_error", rule="bench", reason="x" * 200)
    for day in range(ALERT_DAYS):
        at = Instant(now.wall_ms - 86_400_000 * (ALERT_DAYS - 1 - day), 1, "bench")
        log.append([line] * ALERT_LINES, at, 1)
    log.close()


def seconds(command: list[str], home: str) -> float:
    """Return how long a command takes on a home, start included."""
    started = time.perf_counter()
    subprocess.run(
        command, env={"MONITOR_HOME": home, "PATH": ""}, capture_output=True, check=False
    )
    return time.perf_counter() - started
