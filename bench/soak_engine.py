"""The engine of the soak: so many ticks, ten a second, in a day that is not calm.

`python -m bench.soak_engine FOLDER TICKS`. Each hour it is silent for a minute, twice an hour it
loses past both limits, four times its breaker trips, and so on: every hour as the one before.
"""

from __future__ import annotations

import math
import sys
import time

from tickbeat import HeartbeatWriter

PER_SECOND = 10
PER_HOUR = 3_600 * PER_SECOND
SILENT_SECONDS = 60


def main() -> int:
    """Write the ticks; return 1 when one was dropped."""
    folder, ticks = sys.argv[1], int(sys.argv[2])
    heartbeat = HeartbeatWriter(folder, engine="main", interval_seconds=1 / PER_SECOND)
    due = time.monotonic()
    for number in range(ticks):
        heartbeat.record_tick(reading(number))
        due += SILENT_SECONDS if number % PER_HOUR == PER_HOUR // 2 else 1 / PER_SECOND
        if (left := due - time.monotonic()) > 0:
            time.sleep(left)
    heartbeat.close("the day is over", timeout_seconds=600)
    return int(heartbeat.stats().dropped > 0)


def reading(number: int) -> dict[str, dict[str, object]]:
    """Return the metrics of one tick."""
    second = number / PER_SECOND
    daily = 2_300 * math.sin(second * math.tau / 1_800)
    return {
        "positions": {
            "count": 3 + (second % 2_400 < 120),
            "total_value": 1.5e5 + daily,
            "symbols": ["RELIANCE", "TCS", "INFY"],
            "without_stop": int(second % 7_200 < 60),
        },
        "pnl": {"daily": daily, "unrealized": daily / 3, "realized": daily / 1.5},
        "risk": {
            "circuit_breaker_active": second % 900 < 60,
            "daily_loss_pct": daily / 1_000,
            "max_position_value": 5e4 + daily,
        },
        "sentiment": {"last_score": math.cos(second), "provider_errors_1h": number // 300 % 25},
        "orders": {"placed": int(second // 30), "rejected": int(second // 600), "open": 1},
        "performance": {"tick_latency_ms": 80.0 if second % 1_200 < 90 else 4 + number % 7 / 10},
        "custom": {"spread_bps": 3 + math.sin(second / 300)},
    }


if __name__ == "__main__":
    sys.exit(main())
