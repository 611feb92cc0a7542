"""`monitor rules explain`: why a rule fires or not, and what would change that."""

from __future__ import annotations

import click

from evaluator.names import nearest
from monitoring.calendar import calendar_of
from monitoring.process_life import ProcTable
from monitoring.schedule import ScheduleFault
from scripts.cli.desk import desk
from scripts.cli.explain_text import explain_lines
from scripts.cli.failure import Failure
from scripts.cli.look import look
from scripts.cli.rule_explained import explained
from scripts.cli.rule_source import rules_of
from scripts.cli.terminal import show, show_json, uncut


@click.command("explain")
@click.argument("name", metavar="RULE")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def explain(name: str, as_json: bool) -> int:
    """Say of one rule what it is now, what its conditions read, and what would change that.

    Also: what is left of for and keep_firing_for, why nobody is told, who took it, the next
    reminder, what explains it and what it explains, and its last alerts. Reads files only.

    Exit code: 0, whatever the rule is; 2 no such rule; 3 nothing ever ran here.
    """
    here = desk()
    rules = rules_of(here.home, "Explained is a rule of")
    rule = next((one for one in rules.rules if one.name == name), None)
    if rule is None:
        meant = nearest(name, [one.name for one in rules.rules])
        raise Failure(
            f"There is no rule {name!r}.",
            f"Did you mean {meant}?" if meant else "`monitor rules list` names them all.",
            code=2,
        )
    seen = look(here.home, here.clock(), ProcTable())
    try:
        sessions = calendar_of(seen.config, seen.overrides)
    except (ScheduleFault, KeyError) as fault:
        raise Failure(
            f"The calendar {seen.config.calendar.name!r} can't be read: {fault}.",
            "Look at calendar.name: `monitor config show`.",
            code=3,
        ) from None
    found = explained(rule, rules, seen, sessions)
    if as_json:
        show_json(found)
    else:
        show(explain_lines(found, seen.now.wall_ms, seen.zone, here.terminal), uncut(here.terminal))
    return 0
