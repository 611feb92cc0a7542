"""`monitor rules`: what is watched, and whether a rule file is in order."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from evaluator.rules import Fault, Rule, RuleErrors, RuleSet, load
from monitoring.home import Home
from monitoring.state import ProcessState, read_state
from scripts.cli import words
from scripts.cli.desk import desk
from scripts.cli.failure import Failure
from scripts.cli.rules_test import test_files
from scripts.cli.terminal import Line, Span, Style, show, show_json, uncut

FAULTY = 1
VERDICT_STYLES: dict[str, Style] = {"true": "bad", "error": "bad", "unknown": "warn", "false": ""}
VERDICT_WORDS = {"true": "holds", "false": "clear", "unknown": "unknown", "error": "ERROR"}


class CheckedFile(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a check, as `--json` prints it."""

    file: str
    ok: bool
    rules: int
    own: int
    faults: list[Fault]


class RuleNow(msgspec.Struct, frozen=True, kw_only=True):
    """A rule and its last verdict (null: not evaluated), as `--json` prints it."""

    name: str
    severity: str
    enabled: bool
    builtin: bool
    when: list[str]
    for_seconds: float
    verdict: str | None
    why: str
    never_seen: bool
    off: bool


@click.group()
def rules() -> None:
    """List the rules, check a rule file, or test what rules say."""


rules.add_command(test_files)


@rules.command("check")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(file: Path | None, as_json: bool) -> int:
    """Check a rule file (the home's rules.toml) and name every fault in it.

    Exit code: 0 in order, 1 faults, 3 it can't be read.
    """
    here = desk()
    path = file if file is not None else here.home.rules
    text = _text(path, required=file is not None)
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


def _text(path: Path, *, required: bool) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if required:
            raise Failure(f"There is no file {path}.", "Check its name.", code=3) from None
        return None
    except UnicodeDecodeError as error:
        raise Failure(
            f"{path} is not UTF-8 text (byte {error.start}).", "Save it as UTF-8.", code=FAULTY
        ) from None


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
    """List every rule: its severity, its condition, and what the last evaluation said."""
    here = desk()
    state = read_state(here.home.state, "scheduler")
    found = rules_now(here.home, state)
    if as_json:
        show_json(found)
        return 0
    if state is None:
        click.echo("The scheduler never ran here: no rule has been evaluated.", err=True)
    show(rule_lines(found), here.terminal)
    return 0


def rules_now(home: Home, state: ProcessState | None) -> list[RuleNow]:
    """Return the rules with their last verdicts; with a faulty file the built-in ones alone."""
    try:
        loaded = load(_text(home.rules, required=False), str(home.rules))
    except RuleErrors as error:
        click.echo(
            f"{home.rules} has {words.count(len(error.faults), 'fault')}, so only the built-in "
            "rules are listed: run `monitor rules check`.",
            err=True,
        )
        sys.stderr.flush()
        loaded = load(None)
    return [_now(rule, state) for rule in loaded.rules]


def _now(rule: Rule, state: ProcessState | None) -> RuleNow:
    last = state.rules.get(rule.name) if state is not None else None
    return RuleNow(
        name=rule.name,
        severity=severity_text(rule),
        enabled=rule.enabled,
        builtin=rule.builtin,
        when=list(rule.when),
        for_seconds=rule.for_seconds,
        verdict=last.verdict if last is not None else None,
        why=last.why if last is not None else "",
        never_seen=last.never_seen if last is not None else False,
        off=last.off if last is not None else False,
    )


def severity_text(rule: Rule) -> str:
    """Return a rule's severity; of a table all that it may be, the first that holds first."""
    if isinstance(rule.severity, str):
        return rule.severity
    return "/".join(dict.fromkeys(severity for severity, _ in rule.severity))


def rule_lines(found: list[RuleNow]) -> list[Line]:
    """Return the rules as an aligned table, each with its condition below the verdict."""
    wide = max((len(rule.name) for rule in found), default=0)
    most = max((len(rule.severity) for rule in found), default=0)
    lines: list[Line] = [
        [Span(f"{'rule':<{wide}}  {'severity':<{most}}  {'now':<8} condition", "dim")]
    ]
    for rule in found:
        word, style = verdict_text(rule)
        held = f" for {words.age(rule.for_seconds)}" if rule.for_seconds else ""
        own = "" if rule.builtin else "  (own)"
        lines.append(
            [
                Span(f"{rule.name:<{wide}}  ", "strong" if rule.enabled else "dim"),
                Span(f"{rule.severity:<{most}}  "),
                Span(f"{word:<8} ", style),
                Span(f"{' and '.join(rule.when)}{held}{own}", "dim"),
            ]
        )
    return lines


def verdict_text(rule: RuleNow) -> tuple[str, Style]:
    """Return the last verdict in a word, and how to colour it."""
    if not rule.enabled:
        return "disabled", "dim"
    if rule.off:
        return "no limit", "dim"
    if rule.verdict is None:
        return "–", "dim"
    if rule.never_seen:
        return "no data", "dim"
    return VERDICT_WORDS.get(rule.verdict, rule.verdict), VERDICT_STYLES.get(rule.verdict, "")
