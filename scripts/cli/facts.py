"""`monitor facts`: what a rule may read, and what it reads right now."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase

import click
import msgspec

from evaluator.fact_table import check_facts
from evaluator.facts import BUILTIN_FACTS, Fact, is_windowed
from evaluator.incident import Scalar
from monitoring.home import Home
from scripts.cli import words
from scripts.cli.desk import desk
from scripts.cli.failure import Failure
from scripts.cli.look import Look, look
from scripts.cli.process_life import ProcTable
from scripts.cli.terminal import Line, Span, show, show_json, uncut


class FactNow(msgspec.Struct, frozen=True, kw_only=True):
    """One fact and its present value (null: unknown), as `--json` prints it."""

    name: str
    type: str
    unit: str
    source: str
    help: str
    value: Scalar | None
    windowed: bool


@click.command()
@click.argument("pattern", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def facts(pattern: str | None, as_json: bool) -> int:
    """List the facts that a rule may read, with their present values.

    PATTERN limits them: a part of the name, or a glob such as 'risk.*'. Facts marked w also exist
    as window.FACT.STAT (first last min max mean count delta; flags: any all last count).
    """
    here = desk()
    declared = [*builtin(), *own_facts(here.home)]
    try:
        seen = look(here.home, here.clock(), ProcTable())
    except Failure as failure:
        seen = None
        click.echo(f"{failure.what} Values are unknown.", err=True)
    found = [now for now in _now(declared, seen) if pattern is None or _matches(now.name, pattern)]
    if as_json:
        show_json(found)
    elif found:
        if seen is not None and not seen.fresh:
            age = words.age(seen.snapshot_age_seconds)
            said = f"STALE: these values are {age} old (no fresh snapshot)"
            show([[Span(said, "bad")]], uncut(here.terminal))
        show(fact_lines(found), here.terminal)
    else:
        raise Failure(f"No fact matches {pattern!r}.", "`monitor facts` lists them all.", code=1)
    return 0


def builtin() -> list[FactNow]:
    """Return the facts that ship with the evaluator, without values."""
    return [_listed(fact) for fact in BUILTIN_FACTS]


def own_facts(home: Home) -> list[FactNow]:
    """Return the operator's `[facts]`; what is wrong with them is for `monitor rules check`."""
    try:
        table = tomllib.loads(home.rules.read_text()).get("facts", {})
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        click.echo(f"{home.rules} can't be read: run `monitor rules check`.", err=True)
        return []
    known = {fact.name: fact for fact in BUILTIN_FACTS}
    return [_listed(fact) for fact in check_facts(table, known, lambda *_: None).values()]


def _listed(fact: Fact) -> FactNow:
    return FactNow(
        name=fact.name,
        type=fact.type,
        unit=fact.unit,
        source=fact.source,
        help=fact.help or "your own (rules.toml)",
        value=None,
        windowed=is_windowed(fact),
    )


def _now(declared: list[FactNow], seen: Look | None) -> list[FactNow]:
    if seen is None:
        return declared
    found = []
    for fact in declared:
        value = _value(fact.name, seen)
        usable = value if isinstance(value, float | int | bool | str) else None
        found.append(msgspec.structs.replace(fact, value=usable))
    return found


def _value(name: str, seen: Look) -> object:
    group, _, rest = name.partition(".")
    if name in seen.facts:
        return seen.facts[name]
    if group == "limits":
        return limit(rest, seen)
    if group == "window" and seen.snapshot is not None:
        return getattr(seen.snapshot.window, rest, None)
    if name == "collector.snapshot_age_seconds":
        return seen.snapshot_age_seconds
    return None


def limit(name: str, seen: Look) -> float | None:
    """Return a limit in force by its name below `limits.`, None when it is off."""
    if name == "snapshot_age_seconds":
        return seen.config.snapshot_limit_seconds
    artifact = seen.config.artifacts.get(name.removesuffix("_age_hours"))
    if artifact is not None:
        return artifact.max_age_hours
    return getattr(seen.config.limits, name, None)


def _matches(name: str, pattern: str) -> bool:
    return pattern in name or fnmatchcase(name, pattern)


def fact_lines(found: list[FactNow]) -> list[Line]:
    """Return the facts as an aligned table."""
    wide = max(len(fact.name) for fact in found)
    lines: list[Line] = [[Span(f"{'fact':<{wide}}    {'now':>14}  {'type':<7}  meaning", "dim")]]
    for fact in found:
        known = fact.value is not None
        unit = f" [{fact.unit}]" if fact.unit else ""
        lines.append(
            [
                Span(f"{fact.name:<{wide}} "),
                Span("w  " if fact.windowed else "   ", "dim"),
                Span(f"{value_text(fact.value):>14}", "strong" if known else "dim"),
                Span(f"  {fact.type:<7}  ", "dim"),
                Span(f"{fact.help}{unit}"),
            ]
        )
    return lines


def value_text(value: Scalar | None) -> str:
    """Return a fact's value in words."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return words.figure(value) if isinstance(value, float | int) else value
