"""Facts: the closed, typed list of what a rule may read."""

from __future__ import annotations

from typing import Literal

import msgspec

from evaluator.stats import FLAG_STATS

FactType = Literal["number", "counter", "flag", "text"]
"""`counter` is a number that only grows until it is reset; the others are what they say."""


class Fact(msgspec.Struct, frozen=True):
    """One declared fact: dotted name, type, unit ("" for none), who supplies it, its meaning."""

    name: str
    type: FactType
    unit: str
    source: Literal["engine", "collector", "settings", "scheduler", "clock"]
    help: str


def _engine(name: str, type_: FactType, unit: str, help_: str) -> Fact:
    return Fact(name, type_, unit, "engine", help_)


def _collector(name: str, type_: FactType, unit: str, help_: str) -> Fact:
    return Fact(name, type_, unit, "collector", help_)


def _limit(name: str, unit: str, help_: str) -> Fact:
    return Fact(f"limits.{name}", "number", unit, "settings", help_)


ENGINE_FACTS = (
    _engine("heartbeat.last_tick", "text", "time", "the engine's own time of its last tick"),
    _engine("heartbeat.uptime_seconds", "counter", "s", "how long the engine says it has run"),
    _engine("positions.count", "number", "", "open positions"),
    _engine("positions.total_value", "number", "₹", "value of all open positions"),
    _engine("positions.intraday_count", "number", "", "open intraday positions"),
    _engine("positions.without_stop", "number", "", "open positions without a stop"),
    _engine("pnl.daily", "number", "₹", "profit and loss of the day"),
    _engine("pnl.unrealized", "number", "₹", "profit and loss of what is open"),
    _engine("pnl.realized", "number", "₹", "profit and loss of what was closed today"),
    _engine("risk.circuit_breaker_active", "flag", "", "the engine's circuit breaker is on"),
    _engine("risk.daily_loss_pct", "number", "%", "the day's return, negative is a loss"),
    _engine("risk.max_position_value", "number", "₹", "value of the largest position held"),
    _engine("sentiment.last_score", "number", "", "last sentiment score"),
    _engine("sentiment.provider_errors_1h", "number", "", "provider errors of the last hour"),
    _engine("sentiment.cache_hit_rate", "number", "0-1", "share of scores from the cache"),
    _engine(
        "connectivity.breeze_authenticated", "flag", "", "the engine's broker session is valid"
    ),
    _engine("connectivity.last_api_call", "text", "time", "last successful broker call"),
    _engine("connectivity.api_calls_today", "counter", "", "broker calls made today"),
    _engine("orders.placed", "counter", "", "orders placed"),
    _engine("orders.rejected", "counter", "", "orders rejected"),
    _engine("orders.exit_rejected", "counter", "", "exit orders rejected"),
    _engine("orders.open", "number", "", "orders open now"),
    _engine("market_data.last_update", "text", "time", "last price update"),
    _engine("market_data.symbols_stale", "number", "", "symbols without a fresh price"),
    _engine("market_data.halted", "flag", "", "trading is halted"),
    _engine("performance.tick_latency_ms", "number", "ms", "cost of one turn of the loop"),
)

COLLECTOR_FACTS = (
    _collector("heartbeat.age_seconds", "number", "s", "since the last tick was received"),
    _collector("heartbeat.pulse_age_seconds", "number", "s", "since the last pulse or tick"),
    _collector("heartbeat.deadline_seconds", "number", "s", "age at which the heartbeat is lapsed"),
    _collector(
        "heartbeat.expected", "flag", "", "a tick is due (not never started, not stopped cleanly)"
    ),
    _collector("heartbeat.cause", "text", "", "why there is no tick, or `ticking`"),
    _collector("heartbeat.writers", "number", "", "engine processes that write now"),
    _collector(
        "sentiment.reported_age_seconds", "number", "s", "since sentiment was last reported"
    ),
    _collector("market_data.update_age_seconds", "number", "s", "since the last price update"),
    _collector(
        "connectivity.last_api_call_age_seconds", "number", "s", "since the last broker call"
    ),
    _collector("artifacts.teacher_model_age_hours", "number", "h", "age of the teacher model"),
    _collector("artifacts.student_model_age_hours", "number", "h", "age of the student model"),
    _collector(
        "breeze.status",
        "text",
        "",
        "authenticated, session_expired, bad_app_key, bad_session, rate_limited, unreachable, "
        "unknown, off",
    ),
    _collector("breeze.status_age_seconds", "number", "s", "since the status was last confirmed"),
    _collector("breeze.denials", "number", "", "explicit refusals of the session in a row"),
    _collector("breeze.failing_seconds", "number", "s", "engine and probe both without success"),
    _collector("breeze.latency_ms", "number", "ms", "of the last successful probe"),
    _collector("breeze.key_left_seconds", "number", "s", "until the session key dies, at midnight"),
    _collector(
        "breeze.clock_ahead_seconds", "number", "s", "this machine's clock ahead of Breeze's server"
    ),
    _collector("breeze.probes_today", "counter", "", "probe calls made today"),
    _collector("breeze.rate_limited_5m", "number", "", "rate-limit answers in five minutes"),
    _collector("breeze.quota_left_seconds", "number", "s", "until the day's quota is used up"),
    _collector("collector.lines_read", "counter", "", "heartbeat lines read"),
    _collector("collector.lines_rejected", "counter", "", "lines that were not a tick line"),
    _collector("collector.values_rejected", "counter", "", "values of the wrong type"),
    _collector("collector.ticks_lost", "counter", "", "ticks in sequence gaps"),
    _collector("collector.ticks_duplicate", "counter", "", "ticks whose seq was counted before"),
    _collector("collector.writer_dropped", "counter", "", "ticks that writers say they dropped"),
    _collector("collector.bytes_behind", "number", "B", "heartbeat bytes not read yet"),
    _collector("collector.network_up", "flag", "", "a route and name service are there"),
    _collector("collector.disk_free_bytes", "number", "B", "free on the home's file system"),
    _collector("collector.inodes_free_pct", "number", "%", "free inodes of that file system"),
    _collector("collector.rebooted", "flag", "", "boot id changed since the snapshot before"),
    _collector("collector.write_errors", "counter", "", "snapshots that could not be written"),
)

LIMIT_FACTS = (
    _limit("daily_loss_pct", "%", "loss of the day that is too much"),
    _limit("daily_loss_warning_pct", "%", "loss of the day to be warned at"),
    _limit("positions_count", "", "most open positions"),
    _limit("positions_total_value", "₹", "most value in open positions"),
    _limit("position_value", "₹", "most value in one position"),
    _limit("sentiment_errors_1h", "", "most provider errors in an hour"),
    _limit("sentiment_missing_seconds", "s", "longest time without sentiment"),
    _limit("market_data_stale_seconds", "s", "longest time without a price update"),
    _limit("tick_latency_ms", "ms", "slowest turn of the loop"),
    _limit("teacher_model_age_hours", "h", "oldest teacher model"),
    _limit("student_model_age_hours", "h", "oldest student model"),
    _limit("disk_warning_bytes", "B", "free disk to be warned at"),
    _limit("disk_critical_bytes", "B", "free disk that is critical"),
    _limit("inodes_critical_pct", "%", "free inodes that are critical"),
    _limit("snapshot_age_seconds", "s", "oldest snapshot that still counts"),
)

SCHEDULER_FACTS = (
    Fact(
        "collector.snapshot_age_seconds", "number", "s", "scheduler", "age of the newest snapshot"
    ),
    Fact("scheduler.jobs_failed", "number", "", "scheduler", "jobs whose last run failed"),
    Fact("scheduler.jobs_missed", "number", "", "scheduler", "runs missed in the last hour"),
    Fact("scheduler.alerts_undelivered", "number", "", "scheduler", "alert lines not written yet"),
    Fact("preflight.no_go", "number", "", "scheduler", "reasons not to trade, before the open"),
    Fact("preflight.reasons", "text", "", "scheduler", "those reasons in words"),
    Fact("scheduler.rule_faults", "number", "", "scheduler", "faults in a refused rules.toml"),
    Fact("scheduler.rule_fault", "text", "", "scheduler", "the first of them, with its place"),
    Fact("session.open", "flag", "", "clock", "the market is open"),
    Fact("session.seconds_since_open", "number", "s", "clock", "since the session opened"),
    Fact("session.seconds_to_open", "number", "s", "clock", "until the next open, 0 when open"),
    Fact("session.seconds_to_close", "number", "s", "clock", "until the close, absent: never"),
    Fact("session.engine_window", "flag", "", "clock", "the hour is in the engine's own window"),
    Fact(
        "session.engine_due_seconds",
        "number",
        "s",
        "clock",
        "since the engine was due: since the open, or its window; absent: it isn't",
    ),
    Fact("calendar.horizon_days", "number", "d", "clock", "days until the schedule ends"),
    Fact("calendar.provisional_within_days", "number", "d", "clock", "to a provisional session"),
    Fact("window.ticks", "number", "", "collector", "ticks in the window"),
    Fact("window.seconds", "number", "s", "collector", "time that the window covers"),
)

BUILTIN_FACTS: tuple[Fact, ...] = (
    *ENGINE_FACTS,
    *COLLECTOR_FACTS,
    *LIMIT_FACTS,
    *SCHEDULER_FACTS,
)

WINDOWED_GROUPS = frozenset(
    {
        "heartbeat", "positions", "pnl", "risk", "sentiment", "connectivity", "orders",
        "market_data", "performance", "custom",
    }
)  # fmt: skip
"""Groups of a tick: their numbers and flags also exist as `window.<name>.<stat>`."""


def is_windowed(fact: Fact) -> bool:
    """Tell whether `window.<fact>.<stat>` exists for this fact."""
    return (
        fact.source == "engine"
        and fact.type != "text"
        and fact.name.split(".", 1)[0] in WINDOWED_GROUPS
    )


def stat_type(stat: str) -> FactType:
    """Return the type of `window.<fact>.<stat>`: `any` and `all` are flags, the rest numbers."""
    return "flag" if stat in FLAG_STATS[:2] else "number"
