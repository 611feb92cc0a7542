"""The wire contract: every kind of line that a heartbeat file may hold.

An engine may leave out any group and any field; what it leaves out, or sets to
null, is *unknown* to the monitor, never zero and never healthy.

Times are ISO 8601 strings. One without an offset is read in the monitor's
`MONITOR_TIMEZONE`. Money is in rupees (or whatever the book is kept in),
percentages are 0-100, and `risk.daily_loss_pct` is signed: negative is a loss.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

FORMAT_VERSION = 1
"""Version of the line format, written in each file's header line."""

MOST = 2**53 - 1
"""The largest whole number that every language reads from JSON as it was written."""

Whole = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
"""A number that counts. What is past it was never counted, and would swell all that adds to it."""

RESERVED_GROUPS = frozenset(
    {"window", "last", "collector", "artifacts", "breeze", "limits", "scheduler", "session"}
)
"""Groups that only the monitor fills: in a tick they are ignored, so that an engine
can't spoof a threshold. (`artifacts` is used while the collector watches none itself.)"""


class Heartbeat(msgspec.Struct, omit_defaults=True):
    """The engine's own word on its life: time of its last tick, uptime in seconds."""

    last_tick: str | None = None
    uptime_seconds: float | None = None


class Positions(msgspec.Struct, omit_defaults=True):
    """Open holdings: how many, their value, their symbols, and how many lack a stop."""

    count: float | None = None
    total_value: float | None = None
    symbols: list[str] | None = None
    intraday_count: float | None = None
    without_stop: float | None = None


class Pnl(msgspec.Struct, omit_defaults=True):
    """Profit and loss of the trading day."""

    daily: float | None = None
    unrealized: float | None = None
    realized: float | None = None


class Risk(msgspec.Struct, omit_defaults=True):
    """Risk state: breaker, signed daily return in percent, value of the largest position held."""

    circuit_breaker_active: bool | None = None
    daily_loss_pct: float | None = None
    max_position_value: float | None = None


class Sentiment(msgspec.Struct, omit_defaults=True):
    """Sentiment feed: last score, provider errors of the last hour, cache hits (0-1)."""

    last_score: float | None = None
    provider_errors_1h: float | None = None
    cache_hit_rate: float | None = None


class Connectivity(msgspec.Struct, omit_defaults=True):
    """The engine's own broker session: its state, last successful call, calls made today."""

    breeze_authenticated: bool | None = None
    last_api_call: str | None = None
    api_calls_today: float | None = None


class Orders(msgspec.Struct, omit_defaults=True):
    """Counters since the engine started (placed, rejected, rejected exits) and open orders now."""

    placed: float | None = None
    rejected: float | None = None
    exit_rejected: float | None = None
    open: float | None = None


class MarketData(msgspec.Struct, omit_defaults=True):
    """The price feed: time of the last update, stale symbols, whether trading is halted."""

    last_update: str | None = None
    symbols_stale: float | None = None
    halted: bool | None = None


class Performance(msgspec.Struct, omit_defaults=True):
    """Cost of one turn of the engine's loop, in milliseconds."""

    tick_latency_ms: float | None = None


class Tick(msgspec.Struct, omit_defaults=True):
    """One turn of the engine's loop.

    `writer` and `seq` are the writer's: a gap in `seq` is a lost tick. A foreign writer
    may leave them, `kind` and `timestamp` out.
    """

    kind: str = "tick"
    writer: str | None = None
    seq: Whole | None = None
    timestamp: str | None = None
    heartbeat: Heartbeat | None = None
    positions: Positions | None = None
    pnl: Pnl | None = None
    risk: Risk | None = None
    sentiment: Sentiment | None = None
    connectivity: Connectivity | None = None
    orders: Orders | None = None
    market_data: MarketData | None = None
    performance: Performance | None = None
    artifacts: dict[str, float | None] | None = None
    custom: dict[str, float | bool | str | None] | None = None


GROUPS: dict[str, type[msgspec.Struct]] = {
    "heartbeat": Heartbeat,
    "positions": Positions,
    "pnl": Pnl,
    "risk": Risk,
    "sentiment": Sentiment,
    "connectivity": Connectivity,
    "orders": Orders,
    "market_data": MarketData,
    "performance": Performance,
}
"""The groups with a fixed list of fields, in the order of the tick line."""


class Header(msgspec.Struct, tag_field="kind", tag="header", kw_only=True):
    """First line of each file that the SDK writes: who writes, and from which process.

    `pid_started` is field 22 of `/proc/<pid>/stat` (clock ticks after boot, proc(5)), so that
    a reused pid is not taken for the engine; `first_seq` is the seq of the file's first tick.
    """

    format: Whole
    sdk: str
    engine: str
    writer: str
    segment: Whole
    boot_id: Annotated[str, msgspec.Meta(max_length=100)] | None
    pid: Whole
    pid_started: Whole | None
    first_seq: Whole
    interval_seconds: float | None
    timestamp: str


class Pulse(msgspec.Struct, tag_field="kind", tag="pulse", kw_only=True):
    """Every 5 s, tick or no tick: the process lives. Counts are since the writer began.

    `last_seq` is the newest seq given out, written or not; `dropped` ticks were never
    written; `nulled` values were written as null; `write_errors` writes failed.
    """

    writer: str
    timestamp: str
    last_seq: Whole
    queued: Whole
    dropped: Whole = 0
    nulled: Whole = 0
    write_errors: Whole = 0


class Close(msgspec.Struct, tag_field="kind", tag="close", kw_only=True):
    """A planned stop: quiet until `back_within_seconds` are over (None: until further notice)."""

    writer: str
    timestamp: str
    last_seq: Whole
    dropped: Whole = 0
    reason: str | None = None
    back_within_seconds: float | None = None
