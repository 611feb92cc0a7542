"""How the end of an alert is told: how long it lasted, and what is well again."""

from __future__ import annotations

from evaluator.durations import in_words
from evaluator.incident import Incident
from evaluator.instant import Instant, elapsed_ms
from evaluator.message import named, parse
from evaluator.verdict import Verdict

MOST_VALUES = 3
"""Facts that are named when the rule itself doesn't say what is well again."""


def onset_ms(verdict: Verdict) -> int:
    """Return for how long it had been so before it held, 0 when no fact tells."""
    value = None if verdict.rule.onset is None else verdict.context.get(verdict.rule.onset)
    return round(value * 1000) if isinstance(value, float) else 0


def lasted(incident: Incident, at: Instant) -> str:
    """Return in words for how long it was so, from its onset and not only since it was told."""
    return in_words((incident.onset_ms + elapsed_ms(incident.active_at, at)) / 1000)


def well_again(verdict: Verdict) -> str:
    """Return what recovered, with its value; or why the rule has nothing to say any more."""
    if verdict.why:
        return verdict.why
    if verdict.rule.resolved_message is not None:
        return parse(verdict.rule.resolved_message).fill(verdict.context)
    values = [pair for pair in verdict.context.items() if not pair[0].startswith("limits.")]
    return ", ".join(f"{name} {named(name, value)}" for name, value in values[:MOST_VALUES])
