"""When an alert that nobody took is told again: soon at first, then ever less often."""

from __future__ import annotations

from evaluator.incident import Incident, Severity
from evaluator.instant import Instant, Sessions, session_elapsed_ms
from evaluator.rules import Rule

REMINDERS: dict[Severity, tuple[int, ...]] = {
    "CRITICAL": (120, 300, 600, 1500),
    "WARNING": (1800, 9000),
}
"""Seconds after an alert was told; the last stretch repeats for ever. CRITICAL: at 2, 5 and 10
minutes, then every 15; WARNING: at 30 minutes, then every 2 hours."""


def gap_seconds(rule: Rule, severity: Severity, count: int) -> int | None:
    """Return how long after the `count`-th telling the next one is due; None: never."""
    moments = REMINDERS[severity] if rule.remind_seconds is None else rule.remind_seconds
    if not moments:
        return None
    last = min(count, len(moments)) - 1
    return moments[last] - (moments[last - 1] if last else 0)


def due_in_ms(rule: Rule, incident: Incident, at: Instant, sessions: Sessions) -> int | None:
    """Return the time on the rule's clock to the next reminder, 0 or less: it is due.

    None when there is none to come: nobody was told yet, somebody took it, it is suppressed, its
    end is being counted down, or the rule wants none.
    """
    told = incident.told
    if incident.status != "firing" or told is None or incident.ack is not None:
        return None
    if incident.suppressed_by is not None or recovering(incident):
        return None
    gap = gap_seconds(rule, told.severity, told.count)
    if gap is None:
        return None
    return gap * 1000 - session_elapsed_ms(told.at, at, rule.clock, sessions)


def recovering(incident: Incident) -> bool:
    """Tell whether the condition is known to be clear, and only `keep_firing_for` is waited for."""
    return incident.clear is not None and incident.clear.since is not None
