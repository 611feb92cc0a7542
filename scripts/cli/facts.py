"""`monitor facts`: what a rule may read, and what it reads right now."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase

import click

from evaluator.fact_table import check_facts
from evaluator.facts import BUILTIN_FACTS, Fact
from monitoring.home import Home
from monitoring.process_life import ProcTable
from monitoring.regular import RULES_BYTES, read_regular
from scripts.cli import words
from scripts.cli.desk import desk
from scripts.cli.fact_now import fact_lines, fact_now
from scripts.cli.failure import Failure
from scripts.cli.look import look
from scripts.cli.terminal import Span, show, show_json, uncut


@click.command()
@click.argument("pattern", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def facts(pattern: str | None, as_json: bool) -> int:
    """List the facts that a rule may read: value, unit, age, source and type.

    PATTERN limits them: a part of the name, or a glob such as 'risk.*'. Facts marked w also exist
    as window.FACT.STAT (first last min max mean count delta; flags: any all last count). A fact
    without a value is expired (too old to count), unknown (null, or not now), or never seen.
    """
    here = desk()
    declared = [*BUILTIN_FACTS, *own_facts(here.home)]
    try:
        seen = look(here.home, here.clock(), ProcTable())
    except Failure as failure:
        seen = None
        click.echo(f"{failure.what} Values are unknown.", err=True)
    chosen = [fact for fact in declared if pattern is None or _matches(fact.name, pattern)]
    found = [fact_now(fact, seen) for fact in chosen]
    if as_json:
        show_json(found)
    elif found:
        if seen is not None and not seen.fresh:
            age = words.age(seen.snapshot_age_seconds)
            said = f"STALE: these values are {age} old (no fresh snapshot)"
            show([[Span(said, "bad")]], uncut(here.terminal))
        show(fact_lines(found, here.terminal), here.terminal)
    else:
        raise Failure(f"No fact matches {pattern!r}.", "`monitor facts` lists them all.", code=1)
    return 0


def own_facts(home: Home) -> list[Fact]:
    """Return the operator's `[facts]`; what is wrong with them is for `monitor rules check`."""
    try:
        table = tomllib.loads(read_regular(home.rules, RULES_BYTES, follow=True).decode()).get(
            "facts", {}
        )
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError):  # no text, no TOML, or past its bounds
        click.echo(f"{home.rules} can't be read: run `monitor rules check`.", err=True)
        return []
    known = {fact.name: fact for fact in BUILTIN_FACTS}
    return list(check_facts(table, known, lambda *_: None).values())


def _matches(name: str, pattern: str) -> bool:
    return pattern in name or fnmatchcase(name, pattern)
