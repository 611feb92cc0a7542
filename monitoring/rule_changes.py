"""What a new set of rules changes in the old one, field by field and in words."""

from __future__ import annotations

import msgspec

from evaluator.durations import in_words
from evaluator.incident import Transition
from evaluator.rules import Rule, RuleSet

_KEYS = {
    "for_seconds": "for",
    "keep_firing_for_seconds": "keep_firing_for",
    "window_seconds": "window",
}
"""Attributes of `Rule` that the file knows under another name; they are durations."""
_TOLD_APART = {"remind_seconds": "remind"}
"""Another such attribute, of which it is only said that it changed."""
_SHOWN = ("severity", "clock", "no_data", "seen", "day")
"""Fields whose old and new value say more than that they changed."""


class RuleChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Rules by name. `changed` holds of each rule what changed in it, in words."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    enabled: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    changed: dict[str, str] = {}

    @property
    def words(self) -> str:
        """Return `added a, b; changed c (for 30s → 1m); removed d`, or that nothing changed."""
        parts = [
            f"{word} {', '.join(names)}"
            for word, names in (
                ("added", self.added),
                ("changed", [f"{name} ({what})" for name, what in self.changed.items()]),
                ("removed", self.removed),
                ("enabled", self.enabled),
                ("disabled", self.disabled),
            )
            if names
        ]
        return "; ".join(parts) or "no rule changed"


def changes(before: RuleSet, after: RuleSet) -> RuleChanges:
    """Return what `after` changes in `before`."""
    old = {rule.name: rule for rule in before.rules}
    new = {rule.name: rule for rule in after.rules}
    both = [(old[name], rule) for name, rule in new.items() if name in old]
    changed = {rule.name: _words(was, rule) for was, rule in both}
    return RuleChanges(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        enabled=tuple(rule.name for was, rule in both if rule.enabled and not was.enabled),
        disabled=tuple(rule.name for was, rule in both if was.enabled and not rule.enabled),
        changed={name: words for name, words in changed.items() if words},
    )


def differing(before: Rule, after: Rule) -> list[str]:
    """Return the attributes in which two rules differ, but for whether they are enabled."""
    return [
        field
        for field in before.__struct_fields__
        if field not in ("enabled", "builtin") and getattr(before, field) != getattr(after, field)
    ]


def closed_by(rules: RuleSet, transition: Transition) -> Transition:
    """Return the transition; one that a change of the rules made says which change that was."""
    if transition.notify != "rule_removed":
        return transition
    disabled = any(rule.name == transition.incident.rule for rule in rules.rules)
    reason = f"the rule was {'disabled' if disabled else 'removed'}"
    closed = transition.incident
    message = closed.message.replace(closed.reason, reason)
    incident = msgspec.structs.replace(closed, reason=reason, message=message)
    return msgspec.structs.replace(transition, incident=incident)


def key_of(field: str) -> str:
    """Return the name that the rule file has for an attribute of `Rule`."""
    return _KEYS.get(field) or _TOLD_APART.get(field, field)


def _words(before: Rule, after: Rule) -> str:
    return ", ".join(
        _one(field, getattr(before, field), getattr(after, field))
        for field in differing(before, after)
    )


def _one(field: str, before: object, after: object) -> str:
    if field in _KEYS:
        return f"{_KEYS[field]} {_duration(before)} → {_duration(after)}"
    if field in _SHOWN and not isinstance(before, tuple) and not isinstance(after, tuple):
        return f"{field} {_value(before)} → {_value(after)}"
    return key_of(field)


def _duration(value: object) -> str:
    return in_words(value) if isinstance(value, int) else "none"


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
