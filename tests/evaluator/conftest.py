"""Rules on made-up verdicts (`cast`), and on facts (`world`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from evaluator.acknowledgement import acknowledge
from evaluator.evaluation import Evaluation
from evaluator.flapping import over
from evaluator.incident import Ack, Incident, States, Transition
from evaluator.instant import Instant, Sessions
from evaluator.lifecycle import Standing, step
from evaluator.rules import Rule, load
from evaluator.silence import Silence
from evaluator.verdict import Verdict
from monitoring.calendar import AlwaysOpen

NOON_MS = 1_760_250_000_000
"""2025-10-12 12:00 in Asia/Kolkata."""

AMBIENT: dict[str, object] = {
    "limits.market_data_stale_seconds": 30.0,
    "limits.snapshot_age_seconds": 35.0,
    "collector.snapshot_age_seconds": 1.0,
    "session.open": True,
    "session.seconds_since_open": 3600.0,
    "session.engine_window": True,
    "session.engine_due_seconds": 3600.0,
}


def instant(seconds: float, boot: str = "boot-1") -> Instant:
    """Return an instant so long after the beginning of every story."""
    return Instant(NOON_MS + round(seconds * 1000), round(seconds * 1e9), boot)


class World:
    """Facts that stand until they are changed, and what rules make of them."""

    def __init__(self, rules: str | None) -> None:
        self.evaluation = Evaluation(load(rules))
        self.facts: dict[str, object] = dict(AMBIENT)
        self.states: States = {}
        self.log: list[Transition] = []
        self.ended: dict[str, Incident] = {}

    def turn(self, seconds: float, facts: Mapping[str, object], absent: list[str]) -> None:
        """Set facts, write a snapshot `seconds` into the story, and take the next step."""
        at = instant(seconds)
        self.facts |= facts
        for name in absent:
            self.facts.pop(name, None)
        self.evaluation.take(at, self.facts, {}, 100, 10.0)
        verdicts = self.evaluation.verdicts(at, self.facts)
        self.states, changes = step(self.states, verdicts, at, AlwaysOpen("Asia/Kolkata"), "main")
        self.log += changes
        ended = (one.incident for one in changes if one.incident.status not in _OPEN)
        self.ended = {incident.rule: incident for incident in ended}

    def status(self, rule: str) -> str:
        """Return the status of a rule's incident after the step, `none` without one."""
        incident = self.states.get(rule) or self.ended.get(rule)
        return "none" if incident is None else incident.status


class Cast:
    """Some rules, what their verdicts make of them, and what stands beside."""

    def __init__(self, rules: tuple[Rule, ...], sessions: Sessions) -> None:
        self.rules = {rule.name: rule for rule in rules}
        self.sessions = sessions
        self.states: States = {}
        self.past: dict[str, Incident] = {}
        self.silences: list[Silence] = []
        self.changes: dict[str, Transition] = {}

    def see(self, seconds: float, boot: str = "boot-1", **seen: Any) -> dict[str, tuple[str, str]]:
        """Judge at a time: a rule is false unless named, by its truth or by fields of a verdict.

        Return by rule the status and the reason to tell or not, of what changed.
        """
        at = instant(seconds, boot)
        verdicts = [
            self._verdict(rule, seen.get(name, "false")) for name, rule in self.rules.items()
        ]
        standing = Standing(tuple(self.silences), self.past)
        self.states, changes = step(
            self.states, verdicts, at, self.sessions, "main", standing=standing
        )
        self.past |= over(changes)
        self.changes = {one.incident.rule: one for one in changes}
        return {name: (one.incident.status, one.notify) for name, one in self.changes.items()}

    def _verdict(self, rule: Rule, seen: Any) -> Verdict:
        fields = {"truth": seen} if isinstance(seen, str) else {"truth": "true"} | seen
        if fields["truth"] in ("unknown", "error"):
            fields = {"why": "unknown: a.b"} | fields
        blank = Verdict(rule, "false", "WARNING", f"{rule.name} it is", {"a.b": 1.0})
        return msgspec.structs.replace(blank, **fields)

    def take(self, rule: str, seconds: float, until_seconds: float | None = None) -> None:
        """Acknowledge the alert of a rule."""
        until = None if until_seconds is None else instant(until_seconds).wall_ms
        ack = Ack("asha", instant(seconds).wall_ms, None, until)
        self.states[rule] = acknowledge(self.states[rule], ack, instant(seconds)).incident

    def silence(self, starts: float, ends: float, **fields: Any) -> None:
        """Silence something from a time to a time."""
        self.silences.append(
            Silence(
                id=f"s{len(self.silences) + 1}",
                by="asha",
                reason="restarting",
                starts_ms=instant(starts).wall_ms,
                ends_ms=instant(ends).wall_ms,
                **fields,
            )
        )

    def reason(self, rule: str) -> str:
        """Return why the rule's alert changed last."""
        return self.changes[rule].incident.reason


@pytest.fixture
def cast() -> Callable[..., Cast]:
    def make(*rules: dict[str, Any], sessions: Sessions | None = None) -> Cast:
        given = {"severity": "WARNING", "when": ("true",), "message": "m", "remind_seconds": ()}
        made = tuple(Rule(**(given | rule)) for rule in rules)
        return Cast(made, sessions or AlwaysOpen("Asia/Kolkata"))

    return make


_OPEN = ("pending", "firing")


@pytest.fixture
def world() -> Callable[..., World]:
    return lambda rules=None: World(rules)
