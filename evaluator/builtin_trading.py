"""Built-in rules on the engine, its money and its orders."""

from __future__ import annotations

from evaluator.rules import Rule, SeverityTable

EXPOSED: SeverityTable = (("CRITICAL", "last.positions.count > 0"), ("WARNING", "true"))
"""CRITICAL while positions are open, or while nobody can say that none are."""

OFF_DUTY = "!session.engine_window && last.positions.count == 0"
"""Flat, outside the hours in which the engine is meant to run (`calendar.engine_window`)."""

JUST_DUE = "session.engine_due_seconds <= heartbeat.deadline_seconds && last.positions.count == 0"
"""Flat, and its hours have only just begun."""

MACHINE_ROOTS = ("collector_stale", "machine_rebooted")
ENGINE_ROOTS = (*MACHINE_ROOTS, "network_down", "heartbeat_lapsed", "engine_not_started")
"""What explains other alerts away, the deepest cause first: nobody looks, the machine went down,
the network is gone, the engine is silent."""

HEARTBEAT_RULES = (
    Rule(
        name="heartbeat_lapsed",
        severity=EXPOSED,
        when=(
            "heartbeat.expected",
            "heartbeat.age_seconds > heartbeat.deadline_seconds",
            # A night without ticks is none: the age starts anew at each open.
            "session.seconds_since_open > heartbeat.deadline_seconds",
        ),
        unless=(OFF_DUTY, JUST_DUE),
        no_data="alert",
        message="No tick for {heartbeat.age_seconds} s (deadline {heartbeat.deadline_seconds} s): "
        "{heartbeat.cause}; open positions at last word: {last.positions.count}",
        resolved_message="engine {heartbeat.cause}, last tick {heartbeat.age_seconds} s ago",
        onset="heartbeat.age_seconds",
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
        # Half of the deadline is past the interval. An engine of 10 s has a deadline of 30, and
        # its prices are stale at 30: which of the two comes first is chance.
        suspect_when=(
            "heartbeat.expected",
            "heartbeat.age_seconds > 0.5 * heartbeat.deadline_seconds",
        ),
    ),
    Rule(
        name="engine_not_started",
        severity=EXPOSED,
        when=(
            "heartbeat.cause == 'never_started' || "
            # The second part: at the open itself the last tick of every engine is before it.
            "heartbeat.age_seconds > session.seconds_since_open && "
            "heartbeat.age_seconds > heartbeat.deadline_seconds",
        ),
        unless=(OFF_DUTY,),
        for_seconds=60,
        no_data="alert",
        message="The session is open and the engine has not ticked in it ({heartbeat.cause})",
        resolved_message="engine {heartbeat.cause}, last tick {heartbeat.age_seconds} s ago",
        context=("heartbeat.cause", "heartbeat.age_seconds", "last.positions.count"),
        inhibited_by=(*MACHINE_ROOTS, "heartbeat_lapsed"),
    ),
    Rule(
        name="machine_rebooted",
        severity=EXPOSED,
        when=("collector.rebooted",),
        keep_firing_for_seconds=600,
        no_data="ok",
        message="The machine was rebooted; open positions at last word: {last.positions.count}",
        resolved_message="engine {heartbeat.cause}, open positions: {last.positions.count}",
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
        "open positions: {positions.count}",
        resolved_message="the breaker is off, day's return {risk.daily_loss_pct} %",
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
        resolved_message="day's return {risk.daily_loss_pct} %, the warning is at "
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
        "-{limits.daily_loss_pct} %, open positions: {positions.count}",
        resolved_message="day's return {risk.daily_loss_pct} %, the limit is at "
        "-{limits.daily_loss_pct} %",
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
        message="Past a limit: open positions {positions.count} (limit {limits.positions_count}), "
        "worth {positions.total_value} (limit {limits.positions_total_value}), the largest "
        "{risk.max_position_value} (limit {limits.position_value})",
        resolved_message="open positions {positions.count}, worth {positions.total_value}, the "
        "largest {risk.max_position_value}",
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
            "window.positions.total_value.delta > 0.01 * "
            "(window.positions.total_value.last - window.positions.total_value.delta)",
        ),
        keep_firing_for_seconds=60,
        day=True,
        message="The breaker is on, yet {window.orders.placed.delta} orders were placed; "
        "exposure {positions.total_value}",
        resolved_message="exposure {positions.total_value} no longer grows, or the breaker is off",
        context=(
            "risk.circuit_breaker_active",
            "window.orders.placed.delta",
            "positions.total_value",
            "window.positions.total_value.delta",
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
        resolved_message="{window.orders.rejected.delta} orders rejected in the last minute",
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
            "session.seconds_since_open >= 840",
            # All that time: an engine that was just started has one value, which proves nothing.
            "window.heartbeat.expected.all",
            "window.heartbeat.age_seconds.max <= heartbeat.deadline_seconds",
        ),
        unless=("market_data.halted",),
        window_seconds=900,
        no_data="ok",
        message="P&L has been exactly {pnl.daily} for 15 minutes while the engine ticks; open "
        "positions: {positions.count}",
        resolved_message="P&L {pnl.daily}, open positions: {positions.count}",
        context=("pnl.daily", "positions.count", "window.ticks", "window.seconds"),
        inhibited_by=(*ENGINE_ROOTS, "market_data_stale"),
    ),
)
