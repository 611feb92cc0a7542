"""Which subject of `monitor health` a built-in rule belongs to, and what to do when it fires."""

from __future__ import annotations

SUBJECTS: dict[str, tuple[str, ...]] = {
    "engine": (
        "heartbeat_lapsed", "engine_not_started", "machine_rebooted", "metrics_frozen",
        "tick_latency_high",
    ),
    "money": (
        "exposure_after_halt", "circuit_breaker_triggered", "daily_loss_exceeded",
        "position_limit_breached", "daily_loss_high",
    ),
    "breeze": ("breeze_session_expired", "breeze_connectivity_lost", "breeze_rate_limited"),
    "network": ("network_down",),
    "models": ("stale_teacher_model", "stale_student_model"),
    "sentiment": ("sentiment_failures_high", "sentiment_data_missing"),
    "market data": ("market_data_stale",),
    "orders": ("orders_rejected",),
    "disk": ("disk_low",),
    "collector": ("collector_stale",),
    "scheduler": ("monitor_degraded",),
    "rules": ("rules_refused",),
    "calendar": ("calendar_doubtful",),
    "preflight": ("preflight_no_go",),
}  # fmt: skip
"""Subjects in the order of the screen, with their rules, the one that needs you first on top."""

OWN_RULES = "own rules"
"""The subject of every rule that is none of the built-in ones."""

TODO: dict[str, str] = {
    "heartbeat_lapsed": "look at the engine now: positions may be open and unattended",
    "engine_not_started": "start the engine, and check the folder it writes its heartbeat to",
    "machine_rebooted": "check that the engine, collector and scheduler came back",
    "metrics_frozen": "check the engine's price feed: P&L has stood still with positions open",
    "tick_latency_high": "see what slows the engine's loop, or raise limits.tick_latency_ms",
    "circuit_breaker_triggered": "decide on the open positions; reset it only knowing why",
    "daily_loss_exceeded": "flatten or hedge by your plan; breaker not ON: stop the engine",
    "daily_loss_high": "watch it: the limit is near",
    "position_limit_breached": "stop new orders, then reduce the position",
    "exposure_after_halt": "something trades past the breaker: stop the engine, cancel its orders",
    "breeze_session_expired": "log in and run `monitor breeze login`",
    "breeze_connectivity_lost": "try the broker's own app; mind that orders can't be sent",
    "breeze_rate_limited": "let the engine call less often, or it is blind before the close",
    "network_down": "check route and name service of this machine",
    "stale_teacher_model": "retrain, or raise artifacts.teacher_model.max_age_hours",
    "stale_student_model": "retrain, or raise artifacts.student_model.max_age_hours",
    "sentiment_failures_high": "check the sentiment provider and its key",
    "sentiment_data_missing": "check the sentiment provider: the engine trades without it",
    "market_data_stale": "check the price feed: the engine may trade on old prices",
    "orders_rejected": "read the broker's reason; check margin and open exits",
    "disk_low": "free space on the home's disk",
    "collector_stale": "start the collector again: `make run`, or your supervisor",
    "monitor_degraded": "read logs/ for the reason: while it lasts, alerts may be late or missing",
    "preflight_no_go": "run `monitor preflight`: it says what to do for each reason",
    "rules_refused": "run `monitor rules check` and mend rules.toml: it is taken over by itself",
    "calendar_doubtful": "check the coming sessions against the exchange's circular",
}
"""One thing to do for each built-in rule; docs/rules/<rule>.md says more."""


LAPSED = {
    "process_gone": "start it again",
    "process_frozen": "`kill -CONT {pid}` if it was stopped; end it before you start another",
    "loop_hung": "end it (`kill {pid}`) before you start another",
}
"""What to do by the cause of a lapse. An engine that is still there may wake up and trade beside
a new one."""


def lapsed(cause: str | None, pid: int | None, *, flat: bool) -> str:
    """Return what to do with an engine that does not tick: the positions come first."""
    known = LAPSED.get(cause or "")
    do = known.format(pid=pid or "PID") if known else "look at the engine now"
    return do if flat else f"nobody watches the positions: go to the broker's terminal; then {do}"


START = "start it again: `make run`, or your supervisor"


def revive(word: str, pid: int | None) -> str:
    """Return what to do with a process that does not work; one that hangs still holds its lock."""
    if word == "blocked":
        return "free space on the home's disk: it goes on by itself"
    return f"end it with `kill -9 {pid}`, then {START}" if word == "stuck" else START


def todo(rule: str) -> str:
    """Return what to do when a rule fires."""
    return TODO.get(rule, "see your rules.toml: the rule is your own")
