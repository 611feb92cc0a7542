"""Rules in words, for lists that the operator reads."""

from __future__ import annotations

from evaluator.durations import in_words
from evaluator.incident import Incident
from evaluator.rules import Rule
from evaluator.verdict import Verdict


def reading(rule: Rule, verdict: Verdict | None, incident: Incident | None = None) -> str:
    """Return the state of a rule in a few words: `OK`, `firing CRITICAL`, `no data ever`, …

    `verdict` None: it was not judged (disabled, or nothing runs). `incident`: its open one.
    """
    if not rule.enabled:
        return "disabled"
    if incident is not None:
        return f"{incident.status} {incident.severity}"
    if verdict is None:
        return "not judged yet"
    if verdict.off or verdict.truth == "error":
        return f"{'off' if verdict.off else 'error'}: {verdict.why}"
    if verdict.truth == "unknown":
        return verdict.why
    return "OK" if verdict.truth == "false" else "holds"


def condition(rule: Rule) -> str:
    """Return the condition of a rule on one line."""
    terms = [f"({one})" if "||" in one and len(rule.when) > 1 else one for one in rule.when]
    excuses = "".join(f", unless {one}" for one in rule.unless)
    return " && ".join(terms) + excuses


def severity(rule: Rule) -> str:
    """Return the severity of a rule: `CRITICAL`, or `CRITICAL if …, else WARNING`."""
    if isinstance(rule.severity, str):
        return rule.severity
    rows = [one if text == "true" else f"{one} if {text}" for one, text in rule.severity]
    return ", else ".join(rows)


def timing(rule: Rule) -> str:
    """Return when a rule fires and resolves: `after 30s, clear for 1m`."""
    begin = f"after {in_words(rule.for_seconds)}" if rule.for_seconds else "at once"
    end = rule.keep_firing_for_seconds
    return f"{begin}, resolves {f'when clear for {in_words(end)}' if end else 'at once'}"
