"""The rules of a scenario on their way, and the alert log that they write, kept in memory.

This is the one place that knows how the lifecycle is driven and what of it is told: the same
`Course` as that of the scheduler, and after a restart nothing but the lines of its log.
"""

from __future__ import annotations

from collections import deque

import msgspec

from evaluator.incident import Ack, Scalar, Transition
from evaluator.instant import Instant, elapsed_ms
from evaluator.lifecycle import acknowledge, unacknowledge
from evaluator.rules import RuleSet
from evaluator.verdict import Verdict
from monitoring.alert_entry import LineMaker, Notice
from monitoring.alert_fold import Folded, absorb, scan
from monitoring.alert_line import AlertLine
from monitoring.ambient import OwnHealth
from monitoring.calendar import Calendar
from monitoring.config import Config
from monitoring.course import Course
from scripts.scenario.feed import Taken
from scripts.scenario.model import Event

_UNTOLD = frozenset(
    {
        "pending", "inactive", "clearing", "held", "data_back", "acknowledged", "unacknowledged",
    }
)  # fmt: skip
"""Reasons not to tell anybody (`evaluator.incident.Transition`), and `suppressed…`."""


def is_told(notify: str | None) -> bool:
    """Tell whether a line's reason is one to tell somebody."""
    return notify is not None and notify not in _UNTOLD and not notify.startswith("suppressed")


class Refused(Exception):
    """What the operator asked for can't be done; the words say why."""


class Alerts:
    """Takes snapshots, judges, obeys the operator, and can be started again from its log."""

    def __init__(self, rules: RuleSet, config: Config, sessions: Calendar) -> None:
        self.lines: list[AlertLine] = []
        self._rules = rules
        self._config = config
        self._sessions = sessions
        self._maker = LineMaker(config.engine, config.timezone)
        self._written = b""
        self._number = 0
        self._recent: deque[tuple[Instant, Taken]] = deque()
        span_seconds = rules.longest_window_seconds + config.snapshot_limit_seconds
        self._span_ms = round(span_seconds * 1000)
        self._course = Course(rules, config, sessions)

    def take(self, at: Instant, taken: Taken) -> None:
        """Take the next snapshot."""
        self._number += 1
        self._recent.append((at, taken))
        while elapsed_ms(self._recent[0][0], at) > self._span_ms:
            self._recent.popleft()
        self._course.take_facts(at, taken.raw, taken.stats, taken.ticks, taken.seconds)

    def use(self, sessions: Calendar) -> None:
        """Judge from now on by other sessions."""
        self._sessions = sessions
        self._course.use(sessions)

    def judge(self, at: Instant, age_seconds: float, given: dict[str, object]) -> None:
        """Judge every rule at an instant, and write down what changed."""
        self._write(self._course.judge(at, age_seconds, OwnHealth(), given), at)

    def restart(self) -> None:
        """Forget all that is in memory, and go on from the log's bytes and the last snapshots."""
        folded = Folded()
        for line in scan(self._written).lines:
            absorb(folded, line)
        # The scheduler's state file is what tells it which rules were in error.
        in_error = frozenset(v.rule.name for v in self._course.verdicts if v.truth == "error")
        self._course = Course(
            self._rules, self._config, self._sessions, states=folded.states, in_error=in_error
        )
        for then, taken in self._recent:
            self._course.take_facts(then, taken.raw, taken.stats, taken.ticks, taken.seconds)

    def obey(self, event: Event, at: Instant) -> None:
        """Do what the operator asks for. Raises Refused."""
        if event.do in ("silence", "expire"):
            raise Refused("silences are not known to the lifecycle yet")
        incident = self._course.states.get(event.rule or "")
        if incident is None:
            raise Refused(f"no alert of {event.rule} is open")
        if event.do == "unack":
            change = unacknowledge(incident, at)
        else:
            until_ms = None if event.for_ms is None else at.wall_ms + event.for_ms
            change = acknowledge(incident, Ack(event.by, at.wall_ms, event.reason, until_ms), at)
        self._course.states[incident.rule] = change.incident
        self._write([change], at)

    def verdict(self, rule: str) -> Verdict | None:
        """Return what the last evaluation said of a rule, None before the first."""
        return next((one for one in self._course.verdicts if one.rule.name == rule), None)

    def reading(self, rule: str) -> dict[str, Scalar | None]:
        """Return the facts that a rule's conditions read in the last evaluation."""
        return self._course.reading(rule)

    def _write(self, entries: list[Transition | Notice] | list[Transition], at: Instant) -> None:
        for entry in entries:
            line = self._maker.entry(entry, at, self._number, None)
            line.seq = len(self.lines) + 1
            self._written += msgspec.json.encode(line) + b"\n"
            self.lines.append(line)
