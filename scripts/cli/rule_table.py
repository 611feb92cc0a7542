"""Rules as `monitor rules list` shows them: what each says, and what became of it."""

from __future__ import annotations

import textwrap

import msgspec

from evaluator.builtin import BUILTIN_RULES
from evaluator.durations import in_words
from evaluator.rules import Rule
from monitoring.rule_changes import differing, key_of
from monitoring.state import ProcessState
from scripts.cli.dead_rules import remedy
from scripts.cli.terminal import Line, Span, Style, Terminal

WORDS: dict[str, tuple[str, Style]] = {
    "true": ("holds", "bad"),
    "false": ("clear", ""),
    "unknown": ("unknown", "warn"),
    "error": ("in error", "bad"),
}
INDENT = "    "


class RuleNow(msgspec.Struct, frozen=True, kw_only=True):
    """A rule and its last verdict (null: not evaluated), as `--json` prints it.

    `now` is the word of the table; `overridden` names the fields of a built-in rule that the file
    changed; `never_seen`: it can't hold for want of the facts in `wanting`.
    """

    name: str
    severity: str
    clock: str
    for_seconds: float
    keep_firing_for_seconds: float
    no_data: str
    when: list[str]
    unless: list[str]
    enabled: bool
    builtin: bool
    overridden: list[str]
    now: str
    verdict: str | None
    why: str
    never_seen: bool
    wanting: list[str]
    off: bool


def rule_now(rule: Rule, state: ProcessState | None) -> RuleNow:
    """Return a rule with what the last evaluation said of it."""
    last = state.rules.get(rule.name) if state is not None else None
    found = RuleNow(
        name=rule.name,
        severity=severity_text(rule),
        clock=rule.clock,
        for_seconds=rule.for_seconds,
        keep_firing_for_seconds=rule.keep_firing_for_seconds,
        no_data=rule.no_data,
        when=list(rule.when),
        unless=list(rule.unless),
        enabled=rule.enabled,
        builtin=rule.builtin,
        overridden=_overridden(rule),
        now="",
        verdict=last.verdict if last is not None else None,
        why=last.why if last is not None else "",
        never_seen=last.never_seen if last is not None else False,
        wanting=list(last.wanting) if last is not None else [],
        off=last.off if last is not None else False,
    )
    return msgspec.structs.replace(found, now=word(found)[0])


def severity_text(rule: Rule) -> str:
    """Return a rule's severity; of a table all that it may be, the first that holds first."""
    if isinstance(rule.severity, str):
        return rule.severity
    return "/".join(dict.fromkeys(severity for severity, _ in rule.severity))


def _overridden(rule: Rule) -> list[str]:
    if not rule.builtin:
        return []
    shipped = next(one for one in BUILTIN_RULES if one.name == rule.name)
    return [key_of(field) for field in differing(shipped, rule)]


def word(rule: RuleNow) -> tuple[str, Style]:
    """Return what became of the rule in a word, and how to colour it."""
    if not rule.enabled:
        return "disabled", "dim"
    if rule.verdict is None:
        return "not evaluated", "dim"
    if rule.off:
        return "off", "dim"
    if rule.never_seen:
        return "no data ever", "warn"
    return WORDS.get(rule.verdict, (rule.verdict, ""))


def rule_lines(found: list[RuleNow], terminal: Terminal) -> list[Line]:
    """Return the rules as a table.

    A pipe gets one line a rule. On a terminal the condition, and why a rule isn't judged, stand
    below it, broken at the terminal's width.
    """
    wide = max((len(rule.name) for rule in found), default=0)
    most = max((len(rule.severity) for rule in found), default=0)
    heading = f"{'rule':<{wide}}  {'severity':<{most}}  {'clock':<7}  {'for':<5}  now"
    lines: list[Line] = [[Span(heading, "dim")]]
    for rule in found:
        said, style = word(rule)
        line = [
            Span(f"{rule.name:<{wide}}  ", "strong" if rule.enabled else "dim"),
            Span(f"{rule.severity:<{most}}  {rule.clock:<7}  {in_words(rule.for_seconds):<5}  "),
            Span(f"{said}" if terminal.cut else f"{said:<13}", style),
        ]
        condition, why = _condition(rule), _why(rule)
        if not terminal.cut:
            lines.append([*line, Span(f"  {condition}{f'  # {why}' if why else ''}", "dim")])
            continue
        lines.append(line)
        lines += [[Span(text, "dim")] for text in _wrapped(condition, terminal.width)]
        lines += [[Span(text, style)] for text in _wrapped(why, terminal.width)]
    return lines


def _condition(rule: RuleNow) -> str:
    origin = "" if rule.builtin else "own: "
    if rule.overridden:
        origin = f"changed ({', '.join(rule.overridden)}): "
    unless = f" unless {' or '.join(rule.unless)}" if rule.unless else ""
    return f"{origin}{' and '.join(rule.when)}{unless}"


def _why(rule: RuleNow) -> str:
    """Return why the rule isn't judged as it should be, and what to do about it."""
    if not rule.enabled:
        return ""
    if rule.never_seen and not rule.off:
        wanting = ", ".join(rule.wanting) or rule.why.removeprefix("no data ever: ")
        return f"never reported: {wanting} → {remedy(rule.wanting)}"
    return rule.why if rule.off or rule.verdict in ("error", "unknown") else ""


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False
    )
