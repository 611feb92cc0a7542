"""The rules that one made-up tick can trigger, and the home in which it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluator.builtin import BUILTIN_RULES

Metrics = Mapping[str, Mapping[str, Any]]

CALM: Metrics = {
    "positions": {"count": 0, "total_value": 0.0},
    "pnl": {"daily": 0.0},
    "risk": {"circuit_breaker_active": False, "daily_loss_pct": 0.0},
}
TRIPPED: Mapping[str, Metrics] = {
    "circuit_breaker_triggered": {"risk": {"circuit_breaker_active": True, "daily_loss_pct": 0.0}},
    "daily_loss_exceeded": {"risk": {"circuit_breaker_active": False, "daily_loss_pct": -2.0}},
    "position_limit_breached": {"positions": {"count": 2, "total_value": 0.0}},
}
"""By rule, the groups of the tick that makes it fire; the others stay calm."""
DEFAULT = "circuit_breaker_triggered"


def tripped(rule: str) -> Metrics:
    """Return the whole tick that makes the rule fire."""
    return {**CALM, **TRIPPED[rule]}


def settings_text(engine: str, timezone: str) -> str:
    """Return the `monitor.toml` of a drill's home: always open, and quick."""
    return f"""\
# The home of a `monitor drill`: it is removed when the drill is over.
engine = "{engine}"
timezone = "{timezone}"
interval_seconds = 1
evaluate_seconds = 1

[calendar]
name = "always"

[limits]
daily_loss_pct = 2.0
positions_count = 1
"""


def rules_text(rule: str) -> str:
    """Return its `rules.toml`: this rule alone, which clears at once."""
    others = [one.name for one in BUILTIN_RULES if one.name != rule]
    tables = [f'[[rule]]\nname = "{name}"\nenabled = false\n' for name in others]
    return "\n".join([f'[[rule]]\nname = "{rule}"\nkeep_firing_for = "0s"\n', *tables])
