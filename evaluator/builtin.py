"""The rules that ship with Tickbeat, as data. `rules.toml` lays the operator's word over them.

A condition whose limit is not set is left out; a rule with none left is off.
"""

from __future__ import annotations

import msgspec

from evaluator.builtin_surroundings import BROKER_RULES, DATA_RULES, MONITOR_RULES
from evaluator.builtin_trading import HEARTBEAT_RULES, MONEY_RULES
from evaluator.rules import Rule

BUILTIN_RULES: tuple[Rule, ...] = tuple(
    msgspec.structs.replace(rule, builtin=True)
    for rule in (*HEARTBEAT_RULES, *MONEY_RULES, *BROKER_RULES, *DATA_RULES, *MONITOR_RULES)
)
"""All of them, in the order in which they are listed."""
