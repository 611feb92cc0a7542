"""Facts that no snapshot holds: limits, the session, the calendar and the scheduler itself."""

from __future__ import annotations

import msgspec

from evaluator.instant import Instant
from monitoring.calendar import Calendar
from monitoring.config import Config


class OwnHealth(msgspec.Struct, frozen=True):
    """How the scheduler does: see the `scheduler.*` facts."""

    jobs_failed: int = 0
    jobs_missed: int = 0
    alerts_undelivered: int = 0
    rule_faults: int = 0
    rule_fault: str | None = None


def limits(config: Config) -> dict[str, object]:
    """Return `limits.*`; a limit that is off is None."""
    facts: dict[str, object] = {
        f"limits.{name}": getattr(config.limits, name) for name in config.limits.__struct_fields__
    }
    for name, artifact in config.artifacts.items():
        facts[f"limits.{name}_age_hours"] = artifact.max_age_hours
    facts["limits.snapshot_age_seconds"] = config.snapshot_limit_seconds
    return facts


def ambient(
    at: Instant, sessions: Calendar, snapshot_age_seconds: float, health: OwnHealth
) -> dict[str, object]:
    """Return `session.*`, `calendar.*`, `scheduler.*` and the age of the newest snapshot."""
    opened_ms = sessions.opened_at_ms(at.wall_ms)
    closes_ms = sessions.closes_at_ms(at.wall_ms)
    is_open = sessions.is_open(at.wall_ms, "session")
    opens_ms = at.wall_ms if is_open else sessions.next_open_ms(at.wall_ms)
    outlook = sessions.outlook(at.wall_ms)
    due_ms = outlook.engine_due_ms
    return {
        "session.open": is_open,
        "session.seconds_since_open": (
            None if opened_ms is None else (at.wall_ms - opened_ms) / 1000
        ),
        "session.seconds_to_open": None if opens_ms is None else (opens_ms - at.wall_ms) / 1000,
        "session.seconds_to_close": (
            None if closes_ms is None else (closes_ms - at.wall_ms) / 1000
        ),
        "session.engine_window": outlook.engine_window,
        "session.engine_due_seconds": None if due_ms is None else (at.wall_ms - due_ms) / 1000,
        "calendar.horizon_days": outlook.horizon_days,
        "calendar.provisional_within_days": outlook.provisional_within_days,
        "scheduler.jobs_failed": float(health.jobs_failed),
        "scheduler.jobs_missed": float(health.jobs_missed),
        "scheduler.alerts_undelivered": float(health.alerts_undelivered),
        "scheduler.rule_faults": float(health.rule_faults),
        "scheduler.rule_fault": health.rule_fault,
        "collector.snapshot_age_seconds": snapshot_age_seconds,
    }
