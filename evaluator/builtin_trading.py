"""Built-in rules on the engine, its money and its orders."""

from __future__ import annotations

from evaluator.rules import Rule, SeverityTable

EXPOSED: SeverityTable = (("CRITICAL", "last.positions.count > 0"), ("WARNING", "true"))
"""CRITICAL while positions are open, or while nobody can say that none are."""

MACHINE_ROOTS = ("collector_stale", "machine_rebooted")
ENGINE_ROOTS = (*MACHINE_ROOTS, "network_down", "heartbeat_lapsed", "engine_not_started")
"""What explains other alerts away, the deepest cause first: nobody looks, the machine went down,
the network is gone, the engine is silent."""

HEARTBEAT_RULES = (
    Rule(
        name="heartbeat_lapsed",
        severity=EXPOSED,
        when=("heartbeat.expected", "heartbeat.age_seconds > heartbeat.deadline_seconds"),
        no_data="alert",
        message="No tick for {heartbeat.age_seconds} s (deadline {heartbeat.deadline_seconds} s): "
        "{heartbeat.cause}; {last.positions.count} positions open at last word",
        context=(
            "heartbeat.cause",
            "heartbeat.age_seconds",
            "heartbeat.deadline_seconds",
            "heartbeat.expected",
            "heartbeat.pulse_age_seconds",
            "last.positions.count",
            "last.positions.total_value",
        ),
        inhibited_by=MACHINE_ROOTS,
    ),
    Rule(
        name="engine_not_started",
        severity=EXPOSED,
        when=(
            "heartbeat.cause == 'never_started' || "
            "heartbeat.age_seconds > session.seconds_since_open",
        ),
        for_seconds=60,
        no_data="alert",
        message="The session is open and the engine has not ticked in it ({heartbeat.cause})",
        context=("heartbeat.cause", "heartbeat.age_seconds", "last.positions.count"),
        inhibited_by=(*MACHINE_ROOTS, "heartbeat_lapsed"),
    ),
    Rule(
        name="machine_rebooted",
        severity=EXPOSED,
        when=("collector.rebooted",),
        keep_firing_for_seconds=600,
        no_data="ok",
        message="The machine was rebooted; {last.positions.count} positions open at last word",
        context=("collector.rebooted", "heartbeat.cause", "last.positions.count"),
    ),
)

MONEY_RULES = (
    Rule(
        name="circuit_breaker_triggered",
        severity="CRITICAL",
        when=("window.risk.circuit_breaker_active.any",),
        keep_firing_for_seconds=60,
        day=True,
        message="The circuit breaker is on: day's return {risk.daily_loss_pct} %, "
        "{positions.count} positions open",
        context=(
            "risk.circuit_breaker_active",
            "risk.daily_loss_pct",
            "limits.daily_loss_pct",
            "positions.count",
            "positions.total_value",
        ),
    ),
    Rule(
        name="daily_loss_high",
        severity="WARNING",
        when=("window.risk.daily_loss_pct.min <= -limits.daily_loss_warning_pct",),
        for_seconds=30,
        keep_firing_for_seconds=60,
        day=True,
        message="Day's return {window.risk.daily_loss_pct.min} % is past the warning at "
        "-{limits.daily_loss_warning_pct} %",
        context=(
            "risk.daily_loss_pct",
            "window.risk.daily_loss_pct.min",
            "limits.daily_loss_warning_pct",
            "pnl.daily",
            "positions.count",
        ),
        inhibited_by=("daily_loss_exceeded",),
    ),
    Rule(
        name="daily_loss_exceeded",
        severity="CRITICAL",
        when=("window.risk.daily_loss_pct.min <= -limits.daily_loss_pct",),
        keep_firing_for_seconds=60,
        day=True,
        message="Day's return {window.risk.daily_loss_pct.min} % is past the limit of "
        "-{limits.daily_loss_pct} %, {positions.count} positions open",
        context=(
            "risk.daily_loss_pct",
            "window.risk.daily_loss_pct.min",
            "limits.daily_loss_pct",
            "pnl.daily",
            "positions.count",
            "positions.total_value",
        ),
    ),
    Rule(
        name="position_limit_breached",
        severity="CRITICAL",
        when=(
            "window.positions.count.max > limits.positions_count || "
            "window.positions.total_value.max > limits.positions_total_value || "
            "window.risk.max_position_value.max > limits.position_value",
        ),
        keep_firing_for_seconds=30,
        message="{positions.count} positions worth {positions.total_value}, the largest "
        "{risk.max_position_value}: past a limit",
        context=(
            "positions.count",
            "limits.positions_count",
            "positions.total_value",
            "limits.positions_total_value",
            "risk.max_position_value",
            "limits.position_value",
        ),
    ),
    Rule(
        name="exposure_after_halt",
        severity="CRITICAL",
        when=(
            "window.risk.circuit_breaker_active.all",
            "window.orders.placed.delta > 0 || "
            "window.positions.total_value.last > 1.01 * window.positions.total_value.first || "
            "window.positions.total_value.count == 1 && window.positions.total_value.delta > "
            "0.01 * window.positions.total_value.last",
        ),
        keep_firing_for_seconds=60,
        day=True,
        message="The breaker is on, yet {window.orders.placed.delta} orders were placed; "
        "exposure {positions.total_value}",
        context=(
            "risk.circuit_breaker_active",
            "window.orders.placed.delta",
            "positions.total_value",
            "window.positions.total_value.first",
            "positions.count",
        ),
    ),
    Rule(
        name="orders_rejected",
        severity="CRITICAL",
        when=("window.orders.rejected.delta >= 3 || window.orders.exit_rejected.delta >= 1",),
        window_seconds=60,
        no_data="ok",
        message="{window.orders.rejected.delta} orders rejected within a minute, "
        "{window.orders.exit_rejected.delta} of them exits",
        context=(
            "window.orders.rejected.delta",
            "window.orders.exit_rejected.delta",
            "orders.rejected",
            "positions.count",
        ),
    ),
    Rule(
        name="metrics_frozen",
        severity="WARNING",
        when=(
            "positions.count > 0",
            "window.pnl.daily.count > 1",
            "window.pnl.daily.min == window.pnl.daily.max",
            "window.seconds >= 840",
            "heartbeat.age_seconds <= heartbeat.deadline_seconds",
        ),
        unless=("market_data.halted",),
        window_seconds=900,
        no_data="ok",
        message="P&L has been exactly {pnl.daily} for 15 minutes with {positions.count} positions "
        "open, while the engine ticks",
        context=("pnl.daily", "positions.count", "window.ticks", "window.seconds"),
        inhibited_by=(*ENGINE_ROOTS, "market_data_stale"),
    ),
)
