"""Flapping: a rule that fires again and again soon after its alert was over."""

from __future__ import annotations

from collections.abc import Iterable

from evaluator.incident import Incident, Transition
from evaluator.instant import Instant, elapsed_ms

QUICK_SECONDS = 900
"""Firing again within this long after the end of the last alert counts."""
SPAN_SECONDS = 3600
"""How far back it is counted, and how long an ended alert is remembered."""
TIMES = 3
"""So often within the span is flapping."""


def refired(past: Incident | None, at: Instant) -> tuple[Instant, ...]:
    """Return the quick re-firings of the last hour, with that of a rule that fires now.

    `past` is the rule's last alert that is over. The lengths are real time, whatever the market.
    """
    if past is None or past.resolved_at is None:
        return ()
    if elapsed_ms(past.resolved_at, at) > QUICK_SECONDS * 1000:
        return ()
    recent = (one for one in past.refired if elapsed_ms(one, at) <= SPAN_SECONDS * 1000)
    return (*recent, at)


def over(transitions: Iterable[Transition]) -> dict[str, Incident]:
    """Return by rule the alerts that fired and ended in these transitions."""
    ended = (one.incident for one in transitions)
    return {incident.rule: incident for incident in ended if incident.status == "resolved"}


def remembered(past: Iterable[Incident], at: Instant) -> list[Incident]:
    """Return those of the ended alerts that may still make one of now a flapping one."""
    span_ms = SPAN_SECONDS * 1000
    return [
        one
        for one in past
        if one.resolved_at is not None and elapsed_ms(one.resolved_at, at) <= span_ms
    ]
