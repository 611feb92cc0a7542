"""Built-in rules on what the engine stands on: broker, data, models, and this monitor."""

from __future__ import annotations

from evaluator.builtin_trading import ENGINE_ROOTS, EXPOSED, MACHINE_ROOTS, OFF_DUTY
from evaluator.rules import Rule

BROKER_RULES = (
    Rule(
        name="breeze_session_expired",
        severity=(
            ("CRITICAL", "session.open || session.seconds_to_open <= 900"),
            ("WARNING", "true"),
        ),
        when=("breeze.denials >= 2",),
        unless=("breeze.status == 'off'",),
        clock="preopen",
        message="Breeze refuses the session: {breeze.status}, {breeze.denials} times in a row",
        resolved_message="Breeze {breeze.status}",
        context=("breeze.status", "breeze.denials", "session.seconds_to_open"),
    ),
    Rule(
        name="breeze_connectivity_lost",
        severity=EXPOSED,
        when=("breeze.failing_seconds >= 60", "collector.network_up"),
        unless=("breeze.status == 'off'",),
        message="No broker call has succeeded for {breeze.failing_seconds} s while the network is "
        "up ({breeze.status})",
        resolved_message="Breeze {breeze.status}, network up: {collector.network_up}",
        onset="breeze.failing_seconds",
        context=(
            "breeze.failing_seconds",
            "breeze.status",
            "collector.network_up",
            "last.positions.count",
        ),
        inhibited_by=ENGINE_ROOTS,
    ),
    Rule(
        name="breeze_rate_limited",
        severity="WARNING",
        when=(
            "breeze.rate_limited_5m >= 3 || breeze.quota_left_seconds < session.seconds_to_close",
        ),
        unless=("breeze.status == 'off'",),
        keep_firing_for_seconds=300,
        message="Breeze limits our calls: {breeze.rate_limited_5m} refusals in 5 minutes, "
        "quota left for {breeze.quota_left_seconds} s",
        resolved_message="{breeze.rate_limited_5m} refusals in the last 5 minutes",
        context=(
            "breeze.rate_limited_5m",
            "breeze.quota_left_seconds",
            "session.seconds_to_close",
            "connectivity.api_calls_today",
            "breeze.probes_today",
        ),
    ),
    Rule(
        name="network_down",
        severity="WARNING",
        when=("!collector.network_up",),
        for_seconds=15,
        message="This machine has no route or no name service",
        resolved_message="route and name service are there",
        context=("collector.network_up", "breeze.status", "heartbeat.cause"),
        inhibited_by=MACHINE_ROOTS,
    ),
)

STOPPED = ("!heartbeat.expected",)
"""An engine that was closed on purpose, or has yet to start: what it does not report is no news."""

DATA_RULES = (
    Rule(
        name="sentiment_failures_high",
        severity="WARNING",
        when=("sentiment.provider_errors_1h > limits.sentiment_errors_1h",),
        keep_firing_for_seconds=300,
        no_data="ok",
        message="{sentiment.provider_errors_1h} sentiment errors in the last hour, past the limit "
        "of {limits.sentiment_errors_1h}",
        resolved_message="{sentiment.provider_errors_1h} sentiment errors in the last hour",
        inhibited_by=ENGINE_ROOTS,
    ),
    Rule(
        name="sentiment_data_missing",
        severity="WARNING",
        when=(
            "sentiment.reported_age_seconds > limits.sentiment_missing_seconds",
            "session.seconds_since_open > limits.sentiment_missing_seconds",
        ),
        unless=(*STOPPED, OFF_DUTY),
        no_data="alert",
        seen=True,
        message="No sentiment for {sentiment.reported_age_seconds} s (limit "
        "{limits.sentiment_missing_seconds} s)",
        resolved_message="sentiment reported {sentiment.reported_age_seconds} s ago",
        onset="sentiment.reported_age_seconds",
        inhibited_by=ENGINE_ROOTS,
    ),
    Rule(
        name="stale_teacher_model",
        severity="WARNING",
        when=("artifacts.teacher_model_age_hours > limits.teacher_model_age_hours",),
        clock="preopen",
        no_data="alert",
        seen=True,
        message="The teacher model is {artifacts.teacher_model_age_hours} h old (limit "
        "{limits.teacher_model_age_hours} h)",
        resolved_message="the teacher model is {artifacts.teacher_model_age_hours} h old",
        inhibited_by=("collector_stale",),
    ),
    Rule(
        name="stale_student_model",
        severity="WARNING",
        when=("artifacts.student_model_age_hours > limits.student_model_age_hours",),
        clock="preopen",
        no_data="alert",
        seen=True,
        message="The student model is {artifacts.student_model_age_hours} h old (limit "
        "{limits.student_model_age_hours} h)",
        resolved_message="the student model is {artifacts.student_model_age_hours} h old",
        inhibited_by=("collector_stale",),
    ),
    Rule(
        name="market_data_stale",
        severity=EXPOSED,
        when=(
            "market_data.update_age_seconds > limits.market_data_stale_seconds",
            "session.seconds_since_open > limits.market_data_stale_seconds",
        ),
        unless=("market_data.halted", *STOPPED, OFF_DUTY),
        seen=True,
        message="No price for {market_data.update_age_seconds} s (limit "
        "{limits.market_data_stale_seconds} s)",
        resolved_message="a price {market_data.update_age_seconds} s ago",
        onset="market_data.update_age_seconds",
        context=(
            "market_data.update_age_seconds",
            "limits.market_data_stale_seconds",
            "market_data.symbols_stale",
            "last.positions.count",
        ),
        inhibited_by=ENGINE_ROOTS,
    ),
    Rule(
        name="tick_latency_high",
        severity="WARNING",
        when=("window.performance.tick_latency_ms.max > limits.tick_latency_ms",),
        for_seconds=30,
        keep_firing_for_seconds=60,
        message="A turn of the loop took {window.performance.tick_latency_ms.max} ms (limit "
        "{limits.tick_latency_ms} ms)",
        resolved_message="at most {window.performance.tick_latency_ms.max} ms a turn of the loop",
        context=(
            "window.performance.tick_latency_ms.max",
            "window.performance.tick_latency_ms.mean",
            "limits.tick_latency_ms",
        ),
        inhibited_by=ENGINE_ROOTS,
    ),
)

MONITOR_RULES = (
    Rule(
        name="disk_low",
        severity=(
            (
                "CRITICAL",
                "collector.disk_free_bytes < limits.disk_critical_bytes || "
                "collector.inodes_free_pct < limits.inodes_critical_pct",
            ),
            ("WARNING", "true"),
        ),
        when=(
            "collector.disk_free_bytes < limits.disk_warning_bytes || "
            "collector.inodes_free_pct < limits.inodes_critical_pct",
        ),
        clock="wall",
        no_data="alert",
        message="The disk of the home is nearly full: {collector.disk_free_bytes} and "
        "{collector.inodes_free_pct} % of inodes free",
        resolved_message="{collector.disk_free_bytes} and {collector.inodes_free_pct} % of "
        "inodes free",
        context=(
            "collector.disk_free_bytes",
            "limits.disk_warning_bytes",
            "limits.disk_critical_bytes",
            "collector.inodes_free_pct",
        ),
        inhibited_by=("collector_stale",),
    ),
    Rule(
        name="collector_stale",
        severity=(("CRITICAL", "session.open"), ("WARNING", "true")),
        when=("collector.snapshot_age_seconds > limits.snapshot_age_seconds",),
        clock="wall",
        no_data="alert",
        message="The newest snapshot is {collector.snapshot_age_seconds} s old (limit "
        "{limits.snapshot_age_seconds} s): the engine is not being watched",
        resolved_message="the newest snapshot is {collector.snapshot_age_seconds} s old",
        onset="collector.snapshot_age_seconds",
    ),
    Rule(
        name="monitor_degraded",
        severity="WARNING",
        when=(
            "window.collector.ticks_lost.delta > "
            "0.01 * (window.ticks + window.collector.ticks_lost.delta) || "
            "window.collector.lines_rejected.delta > 5 || "
            "window.collector.writer_dropped.delta > 0 || "
            "window.collector.write_errors.delta > 0 || "
            "scheduler.alerts_undelivered > 0 || scheduler.jobs_failed > 0",
        ),
        window_seconds=60,
        keep_firing_for_seconds=300,
        clock="wall",
        no_data="alert",
        message="The monitor itself is not well: in a minute {window.collector.ticks_lost.delta} "
        "ticks lost, {window.collector.lines_rejected.delta} lines rejected, "
        "{window.collector.writer_dropped.delta} dropped by the writer; "
        "{scheduler.alerts_undelivered} alerts not written, {scheduler.jobs_failed} jobs failing",
        resolved_message="in the last minute {window.collector.ticks_lost.delta} ticks lost, "
        "{window.collector.lines_rejected.delta} lines rejected",
        context=(
            "window.collector.ticks_lost.delta",
            "window.ticks",
            "window.collector.lines_rejected.delta",
            "window.collector.writer_dropped.delta",
            "window.collector.write_errors.delta",
            "scheduler.alerts_undelivered",
            "scheduler.jobs_failed",
        ),
        inhibited_by=(*MACHINE_ROOTS, "heartbeat_lapsed"),
    ),
    Rule(
        name="preflight_no_go",
        severity=(("CRITICAL", "session.seconds_to_open <= 900"), ("WARNING", "true")),
        when=("!session.open", "session.seconds_to_open <= 2700", "preflight.no_go >= 1"),
        # Its condition says when it counts. On `preopen` it would go on firing, to the next day,
        # once the operator closes today's session before it opens.
        clock="wall",
        message="NO-GO, and the market opens in {session.seconds_to_open} s: {preflight.reasons}",
        resolved_message="nothing stands against trading, or the market is open",
        context=("preflight.reasons", "preflight.no_go", "session.seconds_to_open"),
    ),
    Rule(
        name="rules_refused",
        severity="WARNING",
        when=("scheduler.rule_faults > 0",),
        clock="wall",
        no_data="alert",
        message="rules.toml is not taken over (faults: {scheduler.rule_faults}): "
        "{scheduler.rule_fault}",
        resolved_message="rules.toml is taken over",
    ),
    Rule(
        name="calendar_doubtful",
        severity="WARNING",
        when=("calendar.horizon_days < 30 || calendar.provisional_within_days < 3",),
        clock="wall",
        no_data="alert",
        message="The trading calendar ends in {calendar.horizon_days} days, the nearest session "
        "in doubt is {calendar.provisional_within_days} days away (36500: none); see `monitor "
        "market show`",
        resolved_message="the trading calendar ends in {calendar.horizon_days} days",
    ),
)
