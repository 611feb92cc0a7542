"""The engine under torture: 200 ticks a second, each with its number and what the file says."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tickbeat import HeartbeatWriter

TICK_SECONDS = 0.005
SEGMENT_BYTES = 200_000


def main() -> None:
    folder, condition = sys.argv[1], Path(sys.argv[2])
    stop = condition.with_name("stop")
    heartbeat = HeartbeatWriter(folder, interval_seconds=1, segment_bytes=SEGMENT_BYTES)
    number, due = 0, time.monotonic()
    while not stop.exists():
        number += 1
        heartbeat.record_tick({"custom": {"n": number, "alarm": float(condition.read_text() or 0)}})
        due += TICK_SECONDS
        time.sleep(max(0.0, due - time.monotonic()))
    heartbeat.close("the torture is over", timeout_seconds=60)


if __name__ == "__main__":
    main()
