"""`monitor rules`: what is watched, and whether a rule file is in order."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from evaluator.rules import Fault, RuleErrors, RuleSet, load
from monitoring.home import Home
from monitoring.process_life import ProcTable, life_of
from monitoring.state import ProcessState
from scripts.cli import words
from scripts.cli.desk import desk
from scripts.cli.rule_source import rules_of, text_of
from scripts.cli.rule_table import RuleNow, rule_lines, rule_now
from scripts.cli.rules_backtest import backtest_rules
from scripts.cli.rules_explain import explain
from scripts.cli.rules_test import test_files
from scripts.cli.terminal import Line, Span, show, show_json, uncut

FAULTY = 1


class CheckedFile(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a check, as `--json` prints it."""

    file: str
    ok: bool
    rules: int
    own: int
    faults: list[Fault]


@click.group()
def rules() -> None:
    """List the rules, check a rule file, test rules, or try them on the past."""


rules.add_command(test_files)
rules.add_command(backtest_rules)
rules.add_command(explain)


@rules.command("check")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(file: Path | None, as_json: bool) -> int:
    """Check a rule file (the home's rules.toml) and name every fault in it.

    Exit code: 0 in order, 1 faults, 3 it can't be read.
    """
    here = desk()
    path = file if file is not None else here.home.rules
    text = text_of(path, required=file is not None)
    faults: list[Fault] = []
    loaded: RuleSet | None = None
    try:
        loaded = load(text, str(path))
    except RuleErrors as error:
        faults = error.faults
    found = loaded.rules if loaded is not None else ()
    checked = CheckedFile(
        file=str(path),
        ok=not faults,
        rules=len(found),
        own=sum(not rule.builtin for rule in found),
        faults=faults,
    )
    if as_json:
        show_json(checked)
    elif faults:
        show([fault_line(fault) for fault in faults], uncut(here.terminal))
        click.echo(
            f"{words.count(len(faults), 'fault')}: these rules are not taken over.", err=True
        )
    else:
        absent = " (no such file: the built-in rules alone)" if text is None else ""
        said = f": {path}{absent}, {checked.rules} rules, {checked.own} of them your own"
        show([[Span("in order", "good"), Span(said)]], uncut(here.terminal))
    return FAULTY if faults else 0


def fault_line(fault: Fault) -> Line:
    """Return a fault as file:line:column: rule: reason (did you mean …?)."""
    line = [Span(f"{fault.file}:{fault.line}:{fault.column}: ", "strong")]
    if fault.rule is not None:
        line.append(Span(f"{fault.rule}: "))
    line.append(Span(fault.reason, "bad"))
    if fault.hint is not None:
        line.append(Span(f" → did you mean {fault.hint}?"))
    return line


@rules.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_rules(as_json: bool) -> int:
    """List every rule in force: severity, clock, for, condition, and what became of it.

    holds, clear, unknown; no data ever (facts that nobody ever reported), off (a limit is not
    set), disabled, in error, not evaluated (yet).
    """
    here = desk()
    state, life = life_of(here.home.state, "scheduler", here.clock(), ProcTable())
    found = rules_now(here.home, state)
    if as_json:
        show_json(found)
        return 0
    if life.word == "never":
        click.echo("The scheduler never ran here: no rule has been evaluated.", err=True)
    elif not life.good:
        old = "" if life.age_seconds is None else f", {words.age(life.age_seconds)} ago"
        said = f"STALE: the scheduler judges nothing now ({life.why}); what it last said{old}:"
        show([[Span(said, "bad")]], uncut(here.terminal))
    show(rule_lines(found, here.terminal), here.terminal)
    return 0


def rules_now(home: Home, state: ProcessState | None) -> list[RuleNow]:
    """Return the rules with their last verdicts; with a faulty file those that are in force."""
    loaded = rules_of(home, "Listed are")
    return [rule_now(rule, state) for rule in loaded.rules]
