"""An engine on a string: reads one command a line, and does just that with its heartbeat.

`ticks {"risk": …}` ticks ten times a second with these values until the next command, `once {…}`
records a single tick between two turns, `hang` stops turning while the process and the SDK's
thread live on, `close [seconds]` ends as a planned stop.
"""

from __future__ import annotations

import json
import select
import sys
from typing import Any

from tickbeat import HeartbeatWriter

TICK_SECONDS = 0.1


def main() -> None:
    heartbeat = HeartbeatWriter(sys.argv[1], engine="main", interval_seconds=TICK_SECONDS)
    values: dict[str, Any] | None = None
    while True:
        ready, _, _ = select.select([sys.stdin], [], [], TICK_SECONDS if values else None)
        if ready:
            verb, _, rest = sys.stdin.readline().strip().partition(" ")
            if verb in {"close", ""}:
                heartbeat.close("upgrade", back_within_seconds=float(rest) if rest else None)
                return
            if verb == "once":
                heartbeat.record_tick(json.loads(rest))
            else:
                values = json.loads(rest) if verb == "ticks" else None
        elif values:
            heartbeat.record_tick(values)


if __name__ == "__main__":
    main()
