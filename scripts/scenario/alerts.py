"""The rules of a scenario on their way, and the alert log that they write, kept in memory.

This is the one place that knows how the lifecycle is driven and what of it is told: the same
`Course` as that of the scheduler, and after a restart nothing but the lines of its log.
"""

from __future__ import annotations

from collections import deque

import msgspec

from evaluator.acknowledgement import acknowledge, ends_ms, unacknowledge
from evaluator.incident import TELLS, Ack, Scalar, Transition
from evaluator.instant import Instant, elapsed_ms
from evaluator.rules import RuleSet
from evaluator.silence import Silence
from evaluator.verdict import Verdict
from monitoring.alert_entry import LineMaker, Notice, of_silence
from monitoring.alert_fold import Folded, absorb, scan
from monitoring.alert_line import AlertLine
from monitoring.ambient import OwnHealth
from monitoring.calendar import Calendar
from monitoring.config import Config
from monitoring.course import Course
from scripts.scenario.feed import Taken
from scripts.scenario.model import Event


def is_told(line: AlertLine) -> bool:
    """Tell whether a line is one of which somebody is told (`Transition.tells`)."""
    return line.notify in TELLS and line.status != "inactive"


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
        # The scheduler's state file tells it which rules were in error, and what was ever seen.
        in_error = frozenset(v.rule.name for v in self._course.verdicts if v.truth == "error")
        self._course = Course(
            self._rules,
            self._config,
            self._sessions,
            states=folded.states,
            in_error=in_error,
            silences=folded.silences,
            past=folded.past,
            seen=self._course.seen,
        )
        for then, taken in self._recent:
            self._course.take_facts(then, taken.raw, taken.stats, taken.ticks, taken.seconds)

    def obey(self, event: Event, at: Instant) -> None:
        """Do what the operator asks for. Raises Refused."""
        entry = self._answer(event, at)
        self._course.heed(entry)
        self._write([entry], at)

    def _answer(self, event: Event, at: Instant) -> Transition | Notice:
        if event.do == "silence":
            silence = Silence(
                id=f"{event.rule or event.severity}-{event.line}",
                by=event.by,
                starts_ms=at.wall_ms,
                ends_ms=at.wall_ms + (event.for_ms or 0),
                reason=event.reason,
                rule=event.rule,
                severity=event.severity,
            )
            return of_silence(silence, "active", f"nobody is told of {silence.target} for a while")
        if event.do == "expire":
            for silence in self._course.silences.values():
                if (silence.rule, silence.severity) == (event.rule, event.severity):
                    ended = msgspec.structs.replace(silence, ends_ms=at.wall_ms)
                    return of_silence(ended, "ended", f"ended early by {event.by}")
            raise Refused("there is no such silence")
        incident = self._course.states.get(event.rule or "")
        if incident is None:
            raise Refused(f"no alert of {event.rule} is open")
        if event.do == "unack":
            return unacknowledge(incident, at)
        wanted_ms = None if event.for_ms is None else at.wall_ms + event.for_ms
        until_ms = ends_ms(wanted_ms, at, self._sessions, exposed=self._course.exposed)
        return acknowledge(incident, Ack(event.by, at.wall_ms, event.reason, until_ms), at)

    def verdict(self, rule: str) -> Verdict | None:
        """Return what the last evaluation said of a rule, None before the first."""
        return next((one for one in self._course.verdicts if one.rule.name == rule), None)

    def reading(self, rule: str) -> dict[str, Scalar | None]:
        """Return the facts that a rule's conditions read in the last evaluation."""
        return self._course.reading(rule)

    def _write(self, entries: list[Transition | Notice], at: Instant) -> None:
        for entry in entries:
            line = self._maker.entry(entry, at, self._number, None)
            line.seq = len(self.lines) + 1
            self._written += msgspec.json.encode(line) + b"\n"
            self.lines.append(line)
