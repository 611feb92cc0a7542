"""Cold start of the operator's commands beside a bare interpreter."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.row import Row


def run(*, quick: bool) -> list[Row]:
    """Measure the cold start of `monitor health` and of `import tickbeat`."""
    rounds = 7 if quick else 25
    health: list[float] = []
    bare: list[float] = []
    imports: list[float] = []
    codec: list[float] = []
    command = str(Path(sys.executable).with_name("monitor"))
    with tempfile.TemporaryDirectory() as home:
        for _ in range(rounds):
            bare.append(_seconds([sys.executable, "-c", "pass"], home))
            health.append(_seconds([command, "health"], home))
            imports.append(_seconds([sys.executable, "-c", "import tickbeat"], home))
            codec.append(_seconds([sys.executable, "-c", "import msgspec.json"], home))
    bare_s, health_s = statistics.median(bare), statistics.median(health)
    sdk = statistics.median(imports) - bare_s
    json = statistics.median(codec) - bare_s
    return [
        Row(
            what="monitor health, cold process",
            ours=f"{health_s * 1e3:.0f} ms",
            yardstick=f"python -c pass {bare_s * 1e3:.0f} ms",
            figure=health_s * 1e3,
            budget=250,
            unit="ms",
        ),
        Row(
            what="import tickbeat",
            ours=f"{sdk * 1e3:.1f} ms",
            yardstick=f"import msgspec.json {json * 1e3:.1f} ms",
            figure=sdk / json,
            budget=2,
            unit="×",
        ),
    ]


def _seconds(command: list[str], home: str) -> float:
    started = time.perf_counter()
    subprocess.run(
        command, env={"MONITOR_HOME": home, "PATH": ""}, capture_output=True, check=False
    )
    return time.perf_counter() - started
