"""Rules that can't hold, for want of facts that nobody ever reported: which, and what to do."""

from __future__ import annotations

from collections.abc import Iterable

from evaluator.builtin import BUILTIN_RULES
from evaluator.verdict import DOES_NOT_APPLY
from monitoring.state import RuleState
from scripts.cli.look import Look

NAMED = 3
"""So many are named where there is one line for all; `monitor rules list` has each."""


def dead_rules(look: Look) -> list[tuple[str, RuleState]]:
    """Return the rules with no data ever, the operator's own first: those are not dead by plan.

    One that does not apply now is none: without Breeze nobody misses what Breeze would say.
    """
    shipped = {rule.name for rule in BUILTIN_RULES}
    states = look.scheduler.rules if look.scheduler else {}
    found = [
        one
        for one in states.items()
        if one[1].never_seen and one[1].enabled and not one[1].why.startswith(DOES_NOT_APPLY)
    ]
    return sorted(found, key=lambda one: one[0] in shipped)


def dead_words(found: list[tuple[str, RuleState]]) -> str:
    """Return the rules with the facts that they want: `spread_wide (custom.spread_bps)`."""
    named = [f"{name} ({', '.join(state.wanting) or state.why})" for name, state in found[:NAMED]]
    more = f", and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(named) + more


def remedy(wanting: Iterable[str]) -> str:
    """Return what brings the facts, or the end of a rule that nobody needs."""
    ways = {_way(fact): None for fact in wanting}
    return f"{', '.join(ways) or 'report it from the engine'}, or disable the rule"


def _way(fact: str) -> str:
    group, _, field = fact.partition(".")
    if group == "artifacts":
        return f"set artifacts.{field.removesuffix('_age_hours')}.path"
    if group == "breeze":
        return "set up Breeze"
    return "report it from the engine"
