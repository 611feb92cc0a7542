"""All rules on one snapshot: take, verdicts and lifecycle, beside the bare expressions."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from bench.panel import Curve, Line, Panel
from bench.row import Row, spread
from evaluator.evaluation import Evaluation
from evaluator.incident import Scalar, States
from evaluator.instant import Instant
from evaluator.lifecycle import step
from evaluator.rules import RuleSet, load
from evaluator.stats import Stats
from monitoring.calendar import AlwaysOpen

OPERATOR_RULES = 100
SIZES = (0, OPERATOR_RULES, 3 * OPERATOR_RULES, 10 * OPERATOR_RULES)
"""Operator rules beside the built-in ones."""

BUDGET_MS = 1.0

_AMBIENT: dict[str, object] = {
    "limits.daily_loss_pct": 2.0,
    "limits.daily_loss_warning_pct": 1.0,
    "limits.positions_count": 10.0,
    "limits.positions_total_value": 5e6,
    "limits.position_value": 1e6,
    "limits.sentiment_errors_1h": 20.0,
    "limits.sentiment_missing_seconds": 1800.0,
    "limits.market_data_stale_seconds": 30.0,
    "limits.tick_latency_ms": 50.0,
    "limits.teacher_model_age_hours": 48.0,
    "limits.student_model_age_hours": 48.0,
    "limits.disk_warning_bytes": 2e9,
    "limits.disk_critical_bytes": 5e8,
    "limits.inodes_critical_pct": 5.0,
    "limits.snapshot_age_seconds": 35.0,
    "collector.snapshot_age_seconds": 0.5,
    "session.open": True,
    "session.seconds_since_open": 5000.0,
    "session.seconds_to_open": 0.0,
    "session.seconds_to_close": 15000.0,
    "scheduler.jobs_failed": 0.0,
    "scheduler.jobs_missed": 0.0,
    "scheduler.alerts_undelivered": 0.0,
    "scheduler.rule_faults": 0.0,
    "calendar.horizon_days": 36500.0,
    "calendar.provisional_within_days": 36500.0,
}
_SAMPLE: dict[str, Scalar] = {"number": 1.0, "counter": 7.0, "flag": False, "text": "authenticated"}
_WINDOW = Stats(count=100, first=-0.5, last=-0.4, min=-0.6, max=-0.3, mean=-0.45, delta=0.3)


def run(*, quick: bool) -> list[Row | Panel]:
    """Return the whole evaluation beside its bare expressions, and how both grow with rules."""
    rounds = 300 if quick else 3000
    ours: dict[int, list[float]] = {}
    bare: dict[int, float] = {}
    total: dict[int, int] = {}
    for count in SIZES:
        rules = load(_rule_file(count))
        fewer = rounds // max(1, count // OPERATOR_RULES)
        ours[count] = _microseconds(_whole_evaluation(rules), fewer)
        bare[count] = statistics.median(_microseconds(_bare_expressions(rules), fewer))
        total[count] = len(rules.programs)
    each = {count: statistics.median(ours[count]) / total[count] for count in SIZES}
    grown = SIZES[-1]
    return [
        Row(
            what=f"{total[0]} built-in + {OPERATOR_RULES} operator rules on one snapshot, median",
            ours=f"{statistics.median(ours[OPERATOR_RULES]):.0f} µs",
            spread=spread(ours[OPERATOR_RULES], "µs"),
            yardstick=f"their bare expressions {bare[OPERATOR_RULES]:.0f} µs",
            figure=statistics.median(ours[OPERATOR_RULES]) / 1000,
            budget=BUDGET_MS,
            unit="ms",
        ),
        Row(
            what=f"a rule among {total[grown]:,} beside among {total[OPERATOR_RULES]}",
            ours=f"{each[grown]:.1f} µs",
            yardstick=f"{each[OPERATOR_RULES]:.1f} µs",
            figure=each[grown] / each[OPERATOR_RULES],
            budget=2,
            unit="×",
        ),
        Curve(
            title="Rules: one evaluation of all of them",
            x="rules",
            unit="ms",
            lines=(
                Line(
                    "evaluation",
                    tuple((total[n], statistics.median(ours[n]) / 1000) for n in SIZES),
                ),
                Line("their bare expressions", tuple((total[n], bare[n] / 1000) for n in SIZES)),
            ),
        ),
    ]


def _rule_file(count: int) -> str:
    """Return operator rules of the usual kinds: thresholds, flags, windows, two alternatives."""
    kinds = (
        '["risk.daily_loss_pct < -{n}"]',
        '["window.performance.tick_latency_ms.max > {n}00"]',
        '["positions.count > {n}0", "!market_data.halted"]',
        '["custom.spread_bps > {n}0 || custom.skew < -{n}"]',
    )
    rules = (
        f'[[rule]]\nname = "own_{n}"\nseverity = "WARNING"\n'
        f"when = {kinds[n % len(kinds)].replace('{n}', str(n + 5))}\n"
        f'message = "{{risk.daily_loss_pct}} at {{positions.count}}"\n'
        + ('window = "10m"\n' if n % 10 == 1 else "")
        for n in range(count)
    )
    facts = '[facts]\ncustom.spread_bps = { type = "number" }\ncustom.skew = { type = "number" }\n'
    return facts + "\n".join(rules)


def _whole_evaluation(rules: RuleSet) -> Callable[[], object]:
    evaluation = Evaluation(rules)
    raw = _readings(rules)
    windows = dict.fromkeys(raw, _WINDOW)
    sessions = AlwaysOpen("Asia/Kolkata")
    seconds = 0
    open_incidents: States = {}

    def evaluate() -> None:
        nonlocal open_incidents, seconds
        seconds += 10
        at = _instant(seconds)
        evaluation.take(at, raw, windows, 100, 10.0)
        verdicts = evaluation.verdicts(at, _AMBIENT)
        open_incidents, _ = step(open_incidents, verdicts, at, sessions, "main")

    return evaluate


def _bare_expressions(rules: RuleSet) -> Callable[[], object]:
    values = {
        name: _SAMPLE[type_]
        for name, type_ in rules.compiler.names.items()
        if any(name in program.names for program in rules.programs)
    }
    activation = rules.compiler.activation(values)
    programs = [
        alternative.program
        for rule in rules.programs
        for condition in rule.when
        for alternative in condition.alternatives
    ]
    return lambda: [program.eval(activation).value() for program in programs]


def _readings(rules: RuleSet) -> dict[str, object]:
    raw: dict[str, object] = {}
    for fact in rules.facts.values():
        if fact.source in ("engine", "collector"):
            raw[fact.name] = raw[f"last.{fact.name}"] = _SAMPLE[fact.type]
    calm = {"heartbeat.expected": True, "heartbeat.deadline_seconds": 15.0}
    space = {"collector.disk_free_bytes": 5e10, "collector.inodes_free_pct": 60.0}
    return raw | calm | space | {"collector.network_up": True}


def _instant(seconds: int) -> Instant:
    return Instant(1_760_000_000_000 + seconds * 1000, seconds * 1_000_000_000, "bench")


def _microseconds(work: Callable[[], object], rounds: int) -> list[float]:
    for _ in range(20):
        work()
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1e6)
    return times
